// The question at hand and past items: shown, answered, taken back.

import { get, Problem, query } from "/api.js";
import { closePanels } from "/dialogs.js";
import { $, chip, element } from "/dom.js";
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
      ({ remark }) => ["Labelled ", chip(name), ".", ...remarked(remark)],
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

export function undo() {
  if (state.review) return state.review.undo();
  change(() => atSeat("undo"), "", ({ event }) => [
    "Took back ", ...told(event), ["label", "skip"].includes(event.kind) ? ". Here is the item again." : ".",
  ]);
}

export function redo() {
  change(() => atSeat("redo"), "", ({ event }) => ["Brought back ", ...told(event), "."]);
}

// A decision in words.
function told({ kind, label: name, text, item }) {
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
      element("button", { type: "button", onclick: goOn }, "Go on (Esc)"),
    );
    $("mode").hidden = false;
    await see(state.back.question, false, given ? `Looking back, labelled ${given}` : "Looking back, no label");
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

