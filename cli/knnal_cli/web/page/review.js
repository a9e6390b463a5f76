// Labels to look at again, one after the other: those that two people disagree on, then the most
// suspicious. Keep, change, not sure.

import { get, query } from "/api.js";
import { goOn, goOnLater, remarked, see } from "/asking.js";
import { closePanels } from "/dialogs.js";
import { $, chip, element, percent } from "/dom.js";
import { showAgainst } from "/item.js";
import { atSeat, attempt, insist, say, state } from "/session.js";
import { look } from "/status.js";

const MOST = 50;

let answered = 0;

export function review() {
  closePanels();
  answered = 0;
  return busily(() => show(null));
}

// The label to look at: that of the item, if it is still among them, or else the most suspicious.
async function show(item, ...words) {
  const suspects = await insist(() => get(`suspects?${query({ limit: MOST })}`));
  const suspect = suspects.find((s) => s.item.id === item) ?? suspects[0];
  if (!suspect) {
    goOn();
    return say(...words, words.length ? " " : "", "No label is left to review.");
  }
  state.back = await insist(() => get(`item?${query({ id: suspect.item.id })}`));
  state.review = {
    settle: (label) => busily(() => settle(suspect, label)),
    keep: () => busily(() => settle(suspect, suspect.label)),
    undo: () => busily(undo),
  };
  const left = suspects.length < MOST ? suspects.length : `${MOST} or more`;
  const rows = [
    element("b", {}, `Review, ${left} left:`),
    ...sayings(suspect),
    changed(suspect),
    predicted(suspect),
    button("Keep (Enter)", state.review.keep),
    button("Not sure (s)", () => state.review.settle(null)),
    button("Stop (Esc)", goOn),
  ];
  $("mode").replaceChildren(...rows.filter(Boolean));
  $("mode").hidden = false;
  if (words.length) say(...words);
  await see(state.back.question, false, `Review, ${sayings(suspect).map((s) => s.textContent).join(", ")}`);
  showAgainst(suspect.against);
  $("stage").focus();
}

// Who says what; only the label where nobody disagrees.
export function sayings({ label, annotator, opinions }) {
  if (!opinions.length) return [element("span", {}, "labeled ", chip(label))];
  return [{ label, annotator }, ...opinions].map((one) =>
    element("span", {}, element("bdi", {}, one.annotator), " says ", chip(one.label)),
  );
}

export function changed({ outdated }) {
  return outdated ? element("span", {}, "the item has changed since it was labeled") : null;
}

export function predicted({ prediction, probability }) {
  if (prediction === null) return null;
  return element("span", {}, "the other labels say ", chip(prediction), ` ${percent(probability)}`);
}

const button = (words, onclick) => element("button", { type: "button", onclick }, words);

async function settle({ item, label }, given) {
  const done = await attempt(() => atSeat("settlements", { item: item.id, label: given, was: label }));
  if (!done) return show(null);
  answered++;
  if (given === null) return show(null, "Set aside: ", chip(label), " no longer counts.");
  return show(null, given === label ? "Kept " : "Changed to ", chip(given), ".", ...remarked(done.remark));
}

async function undo() {
  if (!answered) return say("No answer of this review is left to take back.");
  const latest = await attempt(() => get(`seats/${state.seat}/undo`));
  if (!latest) return;
  if (latest.event.origin !== "review") return say("Something else was decided since. Stop the review to undo it.");
  const done = await attempt(() => atSeat("undo", { event: latest.event.seq }));
  if (!done) return;
  answered--;
  await show(done.event.item, "Taken back. Here is the item again.");
}

async function busily(work) {
  if (state.busy || state.stopped) return;
  state.busy = true;
  try {
    await work();
  } finally {
    state.busy = false;
  }
  look(goOnLater);
}
