// Begins the session, and tells keys and buttons what they do.

import { get, leave } from "/api.js";
import { goOn, goOnLater, label, lookAt, next, redo, skip, step, undo, unlabel } from "/asking.js";
import { closePanels, dialogIsOpen, watchDialogs } from "/dialogs.js";
import { $, chip } from "/dom.js";
import { showNothing } from "/item.js";
import { openNote, openRename, watchManaging } from "/manage.js";
import { mapIsOpen, openMap, pressOnMap, refreshMap, watchMap } from "/map.js";
import { fillDoubts, fillHistory, fillStanding, watchStanding } from "/panels.js";
import { review } from "/review.js";
import { atSeat, attempt, insist, names, pause, say, state, takeSeat } from "/session.js";
import { look, watchClasses } from "/status.js";
import { askForClass, watchTyping } from "/typing.js";
import { closeZoom, openZoom, watchZoom, zoomBy, zoomIsOpen } from "/zoom.js";

const LOOK_MS = 2000;

// Panels

const FILL = {
  history: () => fillHistory(lookAt),
  doubts: () => fillDoubts(lookAt, settle),
  standing: fillStanding,
  map: openMap,
  name: () => ($("my-name").value = state.me),
  help: () => {},
};

async function open(id) {
  closePanels();
  $(id).showModal();
  await insist(async () => FILL[id]());
}

async function settle(item, label_, was) {
  if (await attempt(() => atSeat("settlements", { item, label: label_, was }))) say("Settled.");
  await fillDoubts(lookAt, settle);
  look(goOnLater);
}

async function addClass(event) {
  event.preventDefault();
  const name = $("new-class").value.trim();
  $("new-class").value = "";
  if (!name) return;
  await attempt(() => atSeat("classes", { name }));
  look(goOnLater);
}

async function removeClass(name) {
  if (await attempt(() => atSeat("classes/remove", { name }))) say("Removed the class ", chip(name), ".");
  await look(goOnLater);
}

async function assignKey(name, key) {
  if (await attempt(() => atSeat("keys", { name, key }))) say(`${key} is now `, chip(name), ".");
  await look(goOnLater);
}

async function openKeys() {
  await open("standing");
  document.querySelector("#class-table select")?.focus();
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
  n: () => askForClass(names(), label),
  r: () => open("history"),
  q: stop,
  "?": () => open("help"),
  ArrowLeft: () => step(1),
  ArrowRight: () => state.back && step(-1),
  Escape: goOn,
  Enter: () => state.review?.keep(),
  " ": () => {
    const picture = document.querySelector("#item img");
    if (picture) openZoom(picture.src, picture.alt);
  },
};

// What a key does together with shift; these four without it too, where no class has them.
const SHIFTED = {
  d: () => open("doubts"),
  m: () => open("map"),
  p: () => open("standing"),
  v: review,
  k: openKeys,
  n: openNote,
  r: () => openRename(),
  u: redo,
  x: unlabel,
};
const PANELS = "dmpv";

function press(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || state.stopped) return;
  if (dialogIsOpen() || event.target.closest("input, select, textarea")) return;
  if (event.repeat && !event.key.startsWith("Arrow")) return;
  if (!keysAreOn() && !["Escape", "Enter"].includes(event.key) && !event.key.startsWith("Arrow")) return;
  const pressed = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  if (zoomIsOpen() && "+-".includes(pressed)) return zoomBy(pressed === "+" ? 1.25 : 0.8);
  if (zoomIsOpen() && pressed === " ") {
    event.preventDefault();
    return closeZoom();
  }
  if (mapIsOpen() && !zoomIsOpen()) return pressOnMap(event, pressed);
  const shifted = event.shiftKey && SHIFTED[pressed];
  const wanted = !shifted && state.status?.classes.find((c) => c.key === pressed);
  const command = wanted
    ? () => label(wanted.name)
    : shifted || COMMANDS[pressed] || (PANELS.includes(pressed) && SHIFTED[pressed]);
  if (!command || (zoomIsOpen() && !wanted)) return;
  if ([" ", "Enter"].includes(pressed) && event.target.closest("button, a, summary")) return;
  event.preventDefault();
  command();
}

function watch() {
  document.addEventListener("keydown", press);
  document.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    if (button.dataset.open) open(button.dataset.open);
    // Space must not press once more what a pointer has clicked.
    if (event.detail && button.closest("footer, #item")) $("stage").focus({ preventScroll: true });
  });
  watchDialogs();
  watchClasses(label);
  watchMap(lookAt);
  watchManaging();
  watchStanding({ onrename: openRename, onkey: assignKey, onremove: removeClass });
  $("do-review").addEventListener("click", review);
  $("do-type").addEventListener("click", COMMANDS.n);
  $("do-skip").addEventListener("click", skip);
  $("do-undo").addEventListener("click", undo);
  $("do-redo").addEventListener("click", redo);
  $("do-note").addEventListener("click", openNote);
  $("do-back").addEventListener("click", COMMANDS.ArrowLeft);
  $("theme").addEventListener("click", turnTheme);
  $("name-form").addEventListener("submit", rename);
  $("class-form").addEventListener("submit", addClass);
  $("history-search").addEventListener("input", () => fillHistory(lookAt));
  addEventListener("pagehide", () => state.seat && leave(state.seat).catch(() => {}));
  addEventListener("pageshow", (event) => event.persisted && location.reload());
  watchKeysOn();
  watchTyping();
  watchZoom();
}

const keysAreOn = () => $("keys-on").checked;

function watchKeysOn() {
  $("keys-on").checked = localStorage.getItem("knnal-keys") !== "off";
  $("keys-on").addEventListener("change", () => localStorage.setItem("knnal-keys", keysAreOn() ? "" : "off"));
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
    await look(goOnLater);
    await next();
  }
  for (;;) {
    await pause(document.hidden ? 10 * LOOK_MS : LOOK_MS);
    if (state.stopped) return;
    if (!state.busy) await look(goOnLater);
    await refreshMap();
    if (!state.busy && !state.question) await next();
  }
}

begin();
