// The labeling loop: show an item, take a key, say what it was, show the next.

import { get, leave, Lost, post, Problem, query } from "/api.js";
import { $, chip, colourOf, count, element, percent, setClasses } from "/dom.js";
import { inWords, showNothing, showQuestion } from "/item.js";
import { fillDoubts, fillHistory, fillStanding } from "/panels.js";
import { askForClass, watchTyping } from "/typing.js";
import { closeZoom, openZoom, watchZoom, zoomBy, zoomIsOpen } from "/zoom.js";

const LOOK_MS = 2000;
const RETRY_MS = 1000;

const state = {
  about: null,
  me: "",
  seat: null,
  status: null,
  question: null, // what is asked
  back: null, // a past item that is looked at instead, and its decision
  visible: false, // whether there is something to see of it
  busy: false,
  stopped: false,
};

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const dialogIsOpen = () => document.querySelector("dialog[open]:not(#zoom)") !== null;

function say(...words) {
  $("note").replaceChildren(...words);
}

function warn(words) {
  $("banner").textContent = words;
  $("banner").hidden = !words;
}

// What the server is asked is asked again until it answers: nothing that was pressed is lost.
async function insist(work, waiting = "") {
  for (;;) {
    try {
      const answer = await work();
      warn("");
      return answer;
    } catch (error) {
      if (error instanceof Problem && error.status === 404 && error.error === "seat") {
        await takeSeat();
      } else if (error instanceof Lost || (error instanceof Problem && error.status === 503)) {
        warn(`${error.message} ${waiting} Trying again …`);
        await pause(RETRY_MS);
      } else if (error instanceof Problem && error.status === 401) {
        warn("The server was started anew, with another token: open the address that it printed. " + waiting);
        await pause(2 * RETRY_MS);
      } else {
        throw error;
      }
    }
  }
}

async function takeSeat() {
  const item = state.question?.item.id ?? null;
  const { seat, annotator } = await insist(() => post("seats", { annotator: state.me, item }));
  state.seat = seat;
  state.me = annotator;
  $("me").textContent = annotator;
}

// Asking and answering

async function next() {
  await change(() => get(`seats/${state.seat}/question`));
}

// The seat is gone, after a long sleep or a new start of the server: on with the same item.
async function goOnLater() {
  const before = state.question?.item.id;
  await next();
  if (before && before !== state.question?.item.id) say("Your item went to somebody else meanwhile.");
}

async function change(work, waiting, words) {
  if (state.busy || state.stopped) return;
  state.busy = true;
  document.body.classList.add("busy");
  try {
    const step = await insist(work, waiting);
    closeZoom();
    state.back = null;
    if (words) say(...words(step));
    await show(step.question);
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    say(error.message);
    const step = await insist(() => get(`seats/${state.seat}/question`));
    state.back = null;
    await show(step.question);
  } finally {
    state.busy = false;
    document.body.classList.remove("busy");
  }
  look();
}

async function show(question) {
  const same = question && state.question && question.item.id === state.question.item.id && !state.back;
  state.question = question;
  const second = question?.why.origin === "opinion";
  $("mode").replaceChildren(...(second ? ["A second opinion: somebody else has labelled it already."] : []));
  $("mode").hidden = !second;
  document.body.classList.toggle("done", !question);
  if (!question) {
    state.visible = false;
    const others = (state.status?.people.length ?? 1) > 1;
    showNothing(
      others ? "Nothing more for you just now." : "Everything is labelled or skipped.",
      others ? "The others have the last items; one that comes back is shown here." : "Thank you!",
    );
    return;
  }
  await see(question, same);
}

async function see(question, quietly = false) {
  state.visible = false;
  await showQuestion(question);
  state.visible = true;
  drawClasses();
  if (!quietly) $("spoken").textContent = `Now: ${inWords(question)}`;
}

function label(name) {
  const { back, question } = state;
  if (!state.visible || !name) return;
  if (back) {
    const { item } = back.question;
    const was = back.decision?.label ?? null;
    const [path, body] = was === null
      ? ["answers", { item: item.id, label: name }]
      : ["relabels", { item: item.id, label: name, was }];
    change(
      () => post(`seats/${state.seat}/${path}`, body),
      `The label '${name}' is kept here and sent when the server is back.`,
      () => ["Changed to ", chip(name), "."],
    );
  } else if (question) {
    const body = { item: question.item.id, label: name };
    change(
      () => post(`seats/${state.seat}/answers`, body),
      `Your answer '${name}' is kept here and sent when the server is back.`,
      () => ["Labelled ", chip(name), "."],
    );
  }
}

function skip() {
  if (!state.question || state.back || !state.visible) return;
  const body = { item: state.question.item.id };
  change(() => post(`seats/${state.seat}/skips`, body), "", () => ["Skipped."]);
}

function undo() {
  change(() => post(`seats/${state.seat}/undo`), "", ({ event }) => [
    "Took back ",
    event.label === null ? "the skip" : chip(event.label),
    ". Here is the item again.",
  ]);
}

// Looking back

async function lookAt(id) {
  closePanels();
  if (state.busy) return;
  state.busy = true;
  try {
    state.back = await insist(() => get(`item?${query({ id })}`));
    const { decision } = state.back;
    const given = decision?.label;
    $("mode").replaceChildren(
      ...(given
        ? ["Looking back: ", chip(given), " by ", element("bdi", {}, decision.annotator), ". A class key changes it. "]
        : ["Looking back: it has no label. A class key gives it one. "]),
      element("button", { type: "button", onclick: goOn }, "Go on (Esc)"),
    );
    $("mode").hidden = false;
    await see(state.back.question);
    $("stage").focus();
  } finally {
    state.busy = false;
  }
}

function goOn() {
  if (!state.back) return;
  state.back = null;
  show(state.question);
}

let stepping = Promise.resolve();

// One step after the other, however fast the keys come.
function step(direction) {
  stepping = stepping.then(() => stepNow(direction));
}

async function stepNow(direction) {
  const { entries } = await insist(() => get("history?limit=200"));
  const at = state.back ? entries.findIndex((e) => e.item.id === state.back.question.item.id) : -1;
  const to = at + direction;
  if (to < 0) goOn();
  else if (to < entries.length) await lookAt(entries[to].item.id);
  else say("There is nothing before it.");
}

// What stands around the item

async function look() {
  try {
    state.status = await get(`status?${query({ seat: state.seat })}`);
  } catch (error) {
    if (error instanceof Problem && error.error === "seat" && !state.busy) await goOnLater();
    else if (!state.busy && !(error instanceof Problem && error.error === "seat")) await insist(() => get("about"));
    return;
  }
  if (!state.busy) warn("");
  drawStatus();
}

function drawStatus() {
  const { status } = state;
  setClasses(status.classes.map((c) => c.name));
  $("bar").max = status.items;
  $("bar").value = status.labelled + status.skipped;
  $("counts").replaceChildren(
    element("b", {}, count(status.labelled)), " labelled",
    element("span", {}, `, ${count(status.remaining)} to go`),
  );
  const { accuracy } = status;
  $("accuracy").replaceChildren(
    ...(accuracy
      ? [element("b", {}, percent(accuracy.accuracy)), element("span", {}, ` right (${percent(accuracy.low)} to ${percent(accuracy.high)})`)]
      : []),
    ...(status.advice.could_stop ? [element("b", { class: "stop" }, " You could stop.")] : []),
  );
  $("doubt-count").hidden = !status.conflicts;
  $("doubt-count").textContent = status.conflicts;
  drawClasses();
  if ($("standing").open) fillStanding(status, state.about.overlap);
}

function drawClasses() {
  const { status } = state;
  if (!status) return;
  const predicted = (state.back?.question ?? state.question)?.prediction;
  const keys = JSON.stringify([status.classes, predicted]);
  if ($("classes").dataset.drawn === keys) return;
  $("classes").dataset.drawn = keys;
  $("classes").replaceChildren(
    ...status.classes.map((c) =>
      element(
        "button",
        {
          type: "button",
          class: `class ${colourOf(c.name)}${c.name === predicted ? " predicted" : ""}`,
          "aria-keyshortcuts": c.key,
          "aria-label": `${c.name}, ${count(c.count)} labels${c.name === predicted ? ", predicted" : ""}`,
          onclick: () => label(c.name),
        },
        c.key ? element("kbd", {}, c.key) : null,
        element("bdi", {}, c.name),
        element("span", { class: "quiet" }, count(c.count)),
      ),
    ),
  );
  if (!status.classes.length) {
    $("classes").append(element("p", { class: "quiet" }, "No classes yet: press n and type the first one."));
  }
}

// Panels

const FILL = {
  history: () => fillHistory(lookAt),
  doubts: () => fillDoubts(lookAt, settle),
  standing: () => fillStanding(state.status, state.about.overlap),
  name: () => ($("my-name").value = state.me),
  help: () => {},
};

async function open(id) {
  closePanels();
  $(id).showModal();
  await insist(async () => FILL[id]());
}

function closePanels() {
  for (const dialog of document.querySelectorAll("dialog[open]")) dialog.close();
}

async function settle(item, label_, was) {
  try {
    await insist(() => post(`seats/${state.seat}/settlements`, { item, label: label_, was }));
    say("Settled.");
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    say(error.message);
  }
  await fillDoubts(lookAt, settle);
  look();
}

async function addClass(event) {
  event.preventDefault();
  const name = $("new-class").value.trim();
  $("new-class").value = "";
  if (!name) return;
  try {
    await insist(() => post(`seats/${state.seat}/classes`, { name }));
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    say(error.message);
  }
  await pause(600); // what is shown is at most half a second old
  look();
}

async function rename(event) {
  event.preventDefault();
  const name = $("my-name").value.trim();
  if (!name) return;
  localStorage.setItem("knnal-name", name);
  $("name").close();
  if (name === state.me && state.seat) return;
  state.me = name;
  if (state.seat) await leave(state.seat).catch(() => {});
  await takeSeat();
  await next();
}

function stop() {
  state.stopped = true;
  leave(state.seat).catch(() => {});
  showNothing("Stopped. Everything is stored.", "Reload the page to go on.");
  document.body.classList.add("done");
}

// Keys

const COMMANDS = {
  s: skip,
  u: undo,
  n: () => askForClass(state.status?.classes.map((c) => c.name) ?? [], label),
  r: () => open("history"),
  q: stop,
  "?": () => open("help"),
  ArrowLeft: () => step(1),
  ArrowRight: () => state.back && step(-1),
  Escape: goOn,
  " ": () => {
    const picture = document.querySelector("#item img");
    if (picture) openZoom(picture.src, picture.alt);
  },
};

function press(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || state.stopped) return;
  if (dialogIsOpen() || event.target.closest("input, select, textarea")) return;
  if (event.repeat && !event.key.startsWith("Arrow")) return;
  const pressed = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  if (zoomIsOpen() && "+-".includes(pressed)) return zoomBy(pressed === "+" ? 1.25 : 0.8);
  if (zoomIsOpen() && pressed === " ") {
    event.preventDefault();
    return closeZoom();
  }
  const wanted = state.status?.classes.find((c) => c.key === pressed);
  const command = wanted ? () => label(wanted.name) : COMMANDS[pressed];
  if (!command && pressed === "d") return open("doubts");
  if (!command || (zoomIsOpen() && !wanted)) return;
  if (pressed === " " && event.target.closest("button, a, summary")) return;
  event.preventDefault();
  command();
}

function watch() {
  document.addEventListener("keydown", press);
  document.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    if (button.dataset.open) open(button.dataset.open);
    if ("close" in button.dataset) button.closest("dialog").close();
    // Space must not press once more what was clicked.
    if (button.closest("footer, #item")) $("stage").focus({ preventScroll: true });
  });
  for (const dialog of document.querySelectorAll("dialog.panel")) {
    dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
  }
  $("do-type").addEventListener("click", COMMANDS.n);
  $("do-skip").addEventListener("click", skip);
  $("do-undo").addEventListener("click", undo);
  $("do-back").addEventListener("click", COMMANDS.ArrowLeft);
  $("theme").addEventListener("click", turnTheme);
  $("name-form").addEventListener("submit", rename);
  $("class-form").addEventListener("submit", addClass);
  $("history-search").addEventListener("input", () => fillHistory(lookAt));
  addEventListener("pagehide", () => state.seat && leave(state.seat).catch(() => {}));
  addEventListener("pageshow", (event) => event.persisted && location.reload());
  watchTyping();
  watchZoom();
}

function turnTheme() {
  const dark = getComputedStyle(document.documentElement).colorScheme === "dark" ||
    (!document.documentElement.dataset.theme && matchMedia("(prefers-color-scheme: dark)").matches);
  setTheme(dark ? "light" : "dark");
}

function setTheme(theme) {
  if (theme) document.documentElement.dataset.theme = theme;
  localStorage.setItem("knnal-theme", theme ?? "");
}

async function begin() {
  history.replaceState(null, "", "/"); // the token is in a cookie by now, and in no address
  setTheme(localStorage.getItem("knnal-theme") || undefined);
  watch();
  state.about = await insist(() => get("about"));
  document.title = `${state.about.pool} · knnal`;
  $("pool").textContent = state.about.pool;
  const name = localStorage.getItem("knnal-name");
  state.me = name || state.about.annotator;
  if (!name && state.about.ask_name) {
    await open("name");
    await new Promise((resolve) => $("name").addEventListener("close", resolve, { once: true }));
    state.me = localStorage.getItem("knnal-name") || state.me;
  }
  if (!state.seat) {
    await takeSeat();
    await look();
    await next();
  }
  for (;;) {
    await pause(document.hidden ? 10 * LOOK_MS : LOOK_MS);
    if (state.stopped) return;
    if (!state.busy) await look();
    if (!state.busy && !state.question) await next();
  }
}

begin();
