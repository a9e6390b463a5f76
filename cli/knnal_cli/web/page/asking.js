// The question at hand and past items: shown, answered, taken back.

import { get, Problem, query } from "/api.js";
import { closePanels, confirmed } from "/dialogs.js";
import { $, chip, count, element } from "/dom.js";
import { inWords, showNothing, showQuestion } from "/item.js";
import { atSeat, insist, say, state } from "/session.js";
import { drawClasses, look } from "/status.js";
import { closeZoom } from "/zoom.js";

export async function next() {
  await change(() => get(`seats/${state.seat}/question`));
}

// The seat is gone, after a long sleep or a new start of the server: on with the same item.
export async function goOnLater() {
  const before = state.question?.item.id;
  await next();
  if (before && before !== state.question?.item.id) say("Your item went to somebody else meanwhile.");
}

export async function change(work, waiting, words) {
  if (state.busy || state.stopped) return;
  state.busy = true;
  document.body.classList.add("busy");
  try {
    const step = await insist(work, waiting);
    closeZoom();
    leaveBack();
    if (words) say(...words(step));
    await show(step.question);
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    say(error.message);
    const step = await insist(() => get(`seats/${state.seat}/question`));
    leaveBack();
    await show(step.question);
  } finally {
    state.busy = false;
    document.body.classList.remove("busy");
  }
  look(goOnLater);
}

async function show(question) {
  const same = question && state.question && question.item.id === state.question.item.id && !state.back;
  state.question = question;
  const second = question?.why.origin === "opinion";
  $("mode").replaceChildren(...(second ? ["A second opinion: somebody else has labeled it already."] : []));
  $("mode").hidden = !second;
  document.body.classList.toggle("done", !question);
  if (!question) {
    state.visible = false;
    const others = (state.status?.people.length ?? 1) > 1;
    showNothing(
      others ? "Nothing more for you just now." : "Everything is labeled or skipped.",
      others ? "The others have the last items; one that comes back is shown here." : "Thank you!",
    );
    return;
  }
  await see(question, same);
}

// Shows the question; told says beforehand what is special about it, to whom the page is read.
export async function see(question, quietly = false, told = "") {
  state.visible = false;
  document.body.classList.remove("done");
  await showQuestion(question);
  state.visible = true;
  drawClasses();
  if (!quietly) $("spoken").textContent = `${told || "Now"}: ${inWords(question)}`;
}

export function label(name) {
  const { back, question } = state;
  if (!state.visible || !name) return;
  if (state.review) state.review.settle(name);
  else if (back) {
    const { item } = back.question;
    const was = back.decision?.label ?? null;
    const [path, body] = was === null
      ? ["answers", { item: item.id, label: name }]
      : ["relabels", { item: item.id, label: name, was }];
    change(
      () => atSeat(path, body),
      `The label '${name}' is kept here and sent when the server is back.`,
      ({ remark }) => ["Changed to ", chip(name), ".", ...remarked(remark)],
    );
  } else if (question) {
    const body = { item: question.item.id, label: name };
    change(
      () => atSeat("answers", body),
      `Your answer '${name}' is kept here and sent when the server is back.`,
      ({ remark }) => ["Labeled ", chip(name), ".", ...remarked(remark)],
    );
  }
}

// What the server says of a label besides, such as that its class is new.
export const remarked = (remark) => (remark ? [` ${remark}`] : []);

export function skip() {
  if (state.review) return state.review.settle(null);
  if (!state.question || state.back || !state.visible) return;
  const body = { item: state.question.item.id };
  change(() => atSeat("skips", body), "", () => ["Skipped."]);
}

export function unlabel() {
  const { back } = state;
  if (!back || state.review || !state.visible) return;
  if (!back.decision) return say("It has no label.");
  const { item } = back.question;
  const was = back.decision.label;
  change(() => atSeat("unlabels", { item: item.id, was }), "", () =>
    was === null ? ["It is not set aside any more."] : ["Took the label ", chip(was), " away."],
  );
}

export function undo() {
  if (state.review) return state.review.undo();
  let latest = null; // the same if it is sent once more
  const undoLatest = async () => {
    latest ??= await get(`seats/${state.seat}/undo`);
    if (latest.count > 1 && !(await isMeant(latest))) return { event: null, question: state.question };
    return atSeat("undo", { event: latest.event.seq });
  };
  change(undoLatest, "", (step) => {
    if (!step.event) return ["Nothing was taken back."];
    const again = step.count === 1 && ["label", "skip"].includes(step.event.kind);
    return ["Took back ", ...told(step), again ? ". Here is the item again." : "."];
  });
}

const isMeant = (latest) =>
  confirmed(["Take back ", ...told(latest), "?"], `Take back ${count(latest.count)}`);

export function redo() {
  change(() => atSeat("redo"), "", (step) => ["Brought back ", ...told(step), "."]);
}

// Decisions in words.
function told({ event, count: many }) {
  const { kind, label: name, text, item, origin } = event;
  const labels = `${count(many)} ${many === 1 ? "label" : "labels"}`;
  if (origin === "imported") {
    return [`the import of ${labels}`, ...(text ? [" from ", element("bdi", {}, text)] : [])];
  }
  if (many > 1) return [kind === "unlabel" ? `the removal of ${labels}` : `${labels} given together`];
  if (kind === "unlabel") return ["the removal of the label of ", element("bdi", {}, item)];
  if (kind === "remove-class") return ["the removal of the class ", element("bdi", {}, name)];
  if (kind === "rename") return ["the new name ", chip(name), " of ", element("bdi", {}, text)];
  if (kind === "note") return ["the note on ", element("bdi", {}, item)];
  if (kind === "skip") return ["the skip"];
  return kind === "keep" ? ["what was kept"] : [chip(name)];
}

// Looking back

export async function lookAt(id) {
  closePanels();
  if (state.busy) return;
  state.busy = true;
  state.review = null;
  try {
    state.back = await insist(() => get(`item?${query({ id })}`));
    const { decision } = state.back;
    const given = decision?.label;
    $("mode").replaceChildren(
      ...(given
        ? ["Looking back: ", chip(given), " by ", element("bdi", {}, decision.annotator), ". A class key changes it. "]
        : ["Looking back: it has no label. A class key gives it one. "]),
      ...(decision
        ? [element("button", { type: "button", onclick: unlabel }, given ? "Take the label away (X)" : "Not set aside any more (X)")]
        : []),
      element("button", { type: "button", onclick: goOn }, "Go on (Esc)"),
    );
    $("mode").hidden = false;
    await see(state.back.question, false, given ? `Looking back, labeled ${given}` : "Looking back, no label");
    $("stage").focus();
  } finally {
    state.busy = false;
  }
}

function leaveBack() {
  state.back = state.review = null;
}

export function goOn() {
  if (!state.back) return;
  leaveBack();
  show(state.question);
}

let stepping = Promise.resolve();

// One step after the other, however fast the keys come.
export function step(direction) {
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

