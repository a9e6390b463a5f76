// Labels that may be wrong, one after the other, the most suspicious first: keep, change, not sure.

import { get, query } from "/api.js";
import { goOn, goOnLater, see } from "/asking.js";
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
  $("mode").replaceChildren(
    element("b", {}, `Review, ${left} left:`),
    element("span", {}, "labelled ", chip(suspect.label)),
    element("span", {}, "the others say ", chip(suspect.prediction), ` ${percent(suspect.probability)}`),
    button("Keep (Enter)", state.review.keep),
    button("Not sure (s)", () => state.review.settle(null)),
    button("Stop (Esc)", goOn),
  );
  $("mode").hidden = false;
  if (words.length) say(...words);
  await see(state.back.question);
  showAgainst(suspect.against);
  $("stage").focus();
}

const button = (words, onclick) => element("button", { type: "button", onclick }, words);

async function settle({ item, label }, given) {
  const done = await attempt(() => atSeat("settlements", { item: item.id, label: given, was: label }));
  if (!done) return show(null);
  answered++;
  if (given === null) return show(null, "Set aside: ", chip(label), " no longer counts.");
  return show(null, given === label ? "Kept " : "Changed to ", chip(given), ".");
}

async function undo() {
  if (!answered) return say("No answer of this review is left to take back.");
  const done = await attempt(() => atSeat("undo"));
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
