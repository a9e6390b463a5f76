// Review of labels that may be wrong, one by one: first those that two people disagree on.

import { get, query } from "/api.js";
import { closePanels } from "/dialogs.js";
import { $, chip, element, percent } from "/dom.js";
import { drawNeighbors, drawReason } from "/item.js";
import { commandButton } from "/keys.js";
import { draw, rejoin, remarked, resume, setMode } from "/question.js";
import { atSeat, attempt, insist, say, state } from "/session.js";
import { refresh } from "/status.js";

const MOST = 50;

let answered = 0;

export function review() {
  closePanels();
  answered = 0;
  return busily(() => drawSuspect(null));
}

// Draws the suspect of an item, or else the first one.
async function drawSuspect(item, ...words) {
  const suspects = await insist(() => get(`suspects?${query({ limit: MOST })}`));
  const suspect = suspects.find((s) => s.item.id === item) ?? suspects[0];
  if (!suspect) {
    resume();
    return say(...words, words.length ? " " : "", "No label is left to review.");
  }
  state.past = await insist(() => get(`item?${query({ id: suspect.item.id })}`));
  state.review = {
    resolve: (label) => busily(() => resolve(suspect, label)),
    keep: () => busily(() => resolve(suspect, suspect.label)),
    undo: () => busily(undo),
  };
  const left = suspects.length < MOST ? suspects.length : `${MOST} or more`;
  const labels = statements(suspect);
  setMode([
    element("b", {}, `Review, ${left} left:`),
    ...labels,
    ...objections(suspect),
    commandButton("keep", "review", state.review.keep),
    commandButton("skip", "review", () => state.review.resolve(null)),
    commandButton("leave", "review", resume),
  ]);
  if (words.length) say(...words);
  await draw(state.past.question, false, `Review, ${labels.map((one) => one.textContent).join(", ")}`);
  drawReason(reason(suspect));
  if (suspect.against.length) drawNeighbors("Labeled neighbors that disagree", suspect.against);
  $("workspace").focus();
}

// Who gives which label; only the label where nobody disagrees.
export function statements({ label, annotator, opinions }) {
  if (!opinions.length) return [element("span", {}, "labeled ", chip(label))];
  return [{ label, annotator }, ...opinions].map((one) =>
    element("span", {}, element("bdi", {}, one.annotator), " says ", chip(one.label)),
  );
}

// What speaks against a label.
export function objections({ outdated, prediction, probability }) {
  return [
    ...(outdated ? [element("span", {}, "changed since it was labeled")] : []),
    ...(prediction === null ? [] : [element("span", {}, "predicted ", chip(prediction), ` ${percent(probability)} from the other labels`)]),
  ];
}

function reason({ opinions, outdated }) {
  if (opinions.length) return "People disagree on the label of this item.";
  if (outdated) return "This item has changed since it was labeled.";
  return "The other labels suggest another class.";
}

async function resolve({ item, label }, given) {
  const done = await attempt(() => atSeat("settlements", { item: item.id, label: given, was: label }));
  if (!done) return drawSuspect(null);
  answered++;
  if (given === null) return drawSuspect(null, "Skipped: the label ", chip(label), " no longer counts.");
  return drawSuspect(null, given === label ? "Kept " : "Changed to ", chip(given), ".", ...remarked(done.remark));
}

async function undo() {
  if (!answered) return say("Nothing in this review is left to undo.");
  const latest = await attempt(() => get(`seats/${state.seat}/undo`));
  if (!latest) return;
  if (latest.event.origin !== "review") return say("Another decision is more recent. Stop the review to undo it.");
  const done = await attempt(() => atSeat("undo", { event: latest.event.seq }));
  if (!done) return;
  answered--;
  await drawSuspect(done.event.item, "Undone. Here is the item again.");
}

async function busily(work) {
  if (state.busy || state.stopped) return;
  state.busy = true;
  try {
    await work();
  } finally {
    state.busy = false;
  }
  refresh(rejoin);
}
