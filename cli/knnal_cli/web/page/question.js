// The current question and past items: drawn, answered, undone.

import { get, Problem, query } from "/api.js";
import { closePanels, confirmed } from "/dialogs.js";
import { $, chip, element, plural } from "/dom.js";
import { drawMessage, drawQuestion, drawReason, inWords } from "/item.js";
import { commandButton } from "/keys.js";
import { atSeat, insist, say, state } from "/session.js";
import { drawClasses, refresh } from "/status.js";
import { closeZoom } from "/zoom.js";

export const next = () => change(() => get(`seats/${state.seat}/question`));

// After the seat was lost, in a long sleep or a restart of the server.
export async function rejoin() {
  const before = state.question?.item.id;
  await next();
  if (before && before !== state.question?.item.id) say("Your item was given to someone else in the meantime.");
}

// Sends a decision and draws the question that comes back; words(step) describes what was done.
export async function change(work, words = null, waiting = "") {
  if (state.busy || state.stopped) return;
  state.busy = true;
  document.body.classList.add("busy");
  try {
    let step;
    try {
      step = await insist(work, waiting);
      closeZoom();
      if (words) say(...words(step));
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      say(error.message);
      step = await insist(() => get(`seats/${state.seat}/question`));
    }
    leavePast();
    await drawNext(step.question);
  } finally {
    state.busy = false;
    document.body.classList.remove("busy");
  }
  refresh(rejoin);
}

async function drawNext(question) {
  const same = question && question.item.id === state.question?.item.id && !state.past;
  state.question = question;
  const second = question?.why.origin === "opinion";
  setMode(second ? ["Second opinion: someone else has already labeled this item."] : []);
  document.body.classList.toggle("done", !question);
  if (question) return draw(question, same);
  state.visible = false;
  if ((state.status?.people.length ?? 1) > 1) {
    drawMessage("Nothing left for you right now.", "Others are labeling the last items. If one is free again, it appears here.");
  } else drawMessage("All items are labeled or skipped.", "Thank you!");
}

export function setMode(words) {
  $("mode").replaceChildren(...words);
  $("mode").hidden = !words.length;
}

// Draws a question; a screen reader hears the introduction first.
export async function draw(question, quietly = false, introduction = "Now") {
  state.visible = false;
  document.body.classList.remove("done");
  await drawQuestion(question);
  state.visible = true;
  drawClasses();
  if (!quietly) $("spoken").textContent = `${introduction}: ${inWords(question)}`;
}

export function label(name) {
  const { past, question, review } = state;
  if (!state.visible || !name) return;
  if (review) return review.resolve(name);
  const item = (past?.question ?? question)?.item.id;
  const was = past?.decision?.label ?? null;
  const send = () => (was === null ? atSeat("answers", { item, label: name }) : atSeat("relabels", { item, label: name, was }));
  const verb = past ? "Changed to " : "Labeled ";
  change(
    send,
    ({ remark }) => [verb, chip(name), ".", ...remarked(remark)],
    `Your label '${name}' is saved here and will be sent when the server is back.`,
  );
}

// What the server adds to a label, such as that its class is new.
export const remarked = (remark) => (remark ? [` ${remark}`] : []);

export function skip() {
  if (state.review) return state.review.resolve(null);
  if (!state.question || state.past || !state.visible) return;
  const item = state.question.item.id;
  change(() => atSeat("skips", { item }), () => ["Skipped."]);
}

export function unlabel() {
  const { past } = state;
  if (!past || state.review || !state.visible) return;
  if (!past.decision) return say("It has no label.");
  const was = past.decision.label;
  change(
    () => atSeat("unlabels", { item: past.question.item.id, was }),
    () => (was === null ? ["It is no longer skipped."] : ["Removed the label ", chip(was), "."]),
  );
}

export function undo() {
  if (state.review) return state.review.undo();
  let latest = null; // the same one if the request is repeated
  const send = async () => {
    latest ??= await get(`seats/${state.seat}/undo`);
    const words = ["Undo ", ...described(latest), "?"];
    if (latest.count > 1 && !(await confirmed(words, `Undo ${plural(latest.count, "label")}`))) {
      return { event: null, question: state.question };
    }
    return atSeat("undo", { event: latest.event.seq });
  };
  change(send, (step) => {
    if (!step.event) return ["Nothing was undone."];
    const again = step.count === 1 && ["label", "skip"].includes(step.event.kind);
    return ["Undid ", ...described(step), again ? ". Here is the item again." : "."];
  });
}

export const redo = () => change(() => atSeat("redo"), (step) => ["Redid ", ...described(step), "."]);

// A decision in words.
function described({ event, count: many }) {
  const { kind, label: name, text, item, origin } = event;
  const labels = plural(many, "label");
  const isolated = (words) => element("bdi", {}, words);
  if (origin === "imported") return [`the import of ${labels}`, ...(text ? [" from ", isolated(text)] : [])];
  if (many > 1) return [kind === "unlabel" ? `the removal of ${labels}` : `${labels} given together`];
  const words = {
    unlabel: ["the removal of the label of ", isolated(item)],
    "remove-class": ["the removal of the class ", isolated(name)],
    rename: ["the renaming of ", isolated(text), " to ", chip(name)],
    note: ["the note on ", isolated(item)],
    skip: ["the skip"],
    keep: ["the review of ", isolated(item)],
  };
  return words[kind] ?? [chip(name)];
}

// Past items

export async function openPast(id) {
  closePanels();
  if (state.busy) return;
  state.busy = true;
  state.review = null;
  try {
    state.past = await insist(() => get(`item?${query({ id })}`));
    const { decision, question } = state.past;
    const given = decision?.label;
    setMode([
      ...(given
        ? ["Past item: labeled ", chip(given), " by ", element("bdi", {}, decision.annotator), ". A class key changes the label."]
        : [`Past item: ${decision ? "skipped" : "not labeled"}. A class key labels it.`]),
      decision ? commandButton("unlabel", "label", unlabel) : "",
      commandButton("leave", "label", resume),
    ]);
    await draw(question, false, given ? `Past item, labeled ${given}` : "Past item, not labeled");
    drawReason("");
    $("workspace").focus();
  } finally {
    state.busy = false;
  }
}

const leavePast = () => Object.assign(state, { past: null, review: null });

export function resume() {
  if (!state.past) return;
  leavePast();
  drawNext(state.question);
}

let stepping = Promise.resolve();

// Steps through past items, one after the other, however fast the keys come.
export const step = (direction) => (stepping = stepping.then(() => stepNow(direction)));

async function stepNow(direction) {
  const { entries } = await insist(() => get("history?limit=200"));
  const at = state.past ? entries.findIndex((e) => e.item.id === state.past.question.item.id) : -1;
  const to = at + direction;
  if (to < 0) resume();
  else if (to < entries.length) await openPast(entries[to].item.id);
  else say("There is no earlier item.");
}
