// Many items of the map at once: selected, counted, labeled after a confirmation, undone.

import { askForClass } from "/dialogs.js";
import { $, button, chip, colorAt, count, element, plural } from "/dom.js";
import { next, remarked } from "/question.js";
import { atSeat, attempt, names, say } from "/session.js";

const BATCH = 100;
const BATCH_BYTES = 40000;
const MOST_CLASSES = 6;

let map = null; // {canvas, ids, points, onchange}
let chosen = [];
let stopped = false;

export const hasRegion = () => chosen.length > 0;

export function chooseRegion(items) {
  chosen = items;
  if (!items.length) return dropRegion("There are no items here.");
  const found = new Uint8Array(map.canvas.count);
  for (const i of items) found[i] = 1;
  map.canvas.search(found);
  const labeled = items.length - unlabeled().length;
  report(
    element("span", {}, element("b", {}, plural(items.length, "item")), labeled ? `, ${count(labeled)} of them labeled` : ""),
    ...tally(items),
    button({ class: "main", onclick: () => labelRegion() }, "Label …", element("kbd", {}, "Enter")),
    button({ onclick: () => dropRegion() }, "Release", element("kbd", {}, "Esc")),
  );
}

export function dropRegion(words = "") {
  chosen = [];
  map.canvas.search(null);
  $("map-canvas").focus();
  if (words) report(words);
  else $("map-bar").hidden = true;
}

function report(...words) {
  $("map-bar").replaceChildren(...words);
  $("map-bar").hidden = false;
}

const unlabeled = () => chosen.filter((i) => map.points().labels[i] < 0);

// How many of the items are predicted to be of each class, most frequent first.
function tally(items) {
  const { classes, predictions } = map.points();
  const counts = new Map();
  for (const i of items) counts.set(predictions[i], (counts.get(predictions[i]) ?? 0) + 1);
  const rows = [...counts].sort(([, a], [, b]) => b - a);
  const top = rows.slice(0, MOST_CLASSES).map(([place, many]) =>
    element("span", { class: "tally" }, chip(classes[place] ?? "no prediction", colorAt(place)), ` ${count(many)}`),
  );
  const rest = rows.length - MOST_CLASSES;
  return rest > 0 ? [...top, element("span", { class: "quiet" }, `and ${plural(rest, "more class", "more classes")}`)] : top;
}

// Asks for the class, unless it is given, and for a confirmation.
export function labelRegion(name) {
  if (!hasRegion()) return;
  if (!unlabeled().length) return report("All of them are already labeled.");
  if (name) confirmRegion(name);
  else askForClass(names(), confirmRegion);
}

function confirmRegion(name) {
  const items = unlabeled();
  const labeled = chosen.length - items.length;
  $("region-words").replaceChildren(`Label ${plural(items.length, "item")} as `, chip(name), "?");
  $("region-counts").replaceChildren("Predicted: ", ...tally(items));
  $("region-left").textContent = labeled ? `${plural(labeled, "item")} already labeled: unchanged.` : "";
  $("region-progress").hidden = true;
  $("region-yes").disabled = false;
  $("region-yes").textContent = `Label ${count(items.length)}`;
  $("region-no").textContent = "Back";
  $("region-form").onsubmit = (event) => {
    event.preventDefault();
    labelAll(items, name);
  };
  stopped = false;
  $("region").showModal();
  $("region-yes").focus();
}

// In small batches, so that nobody else waits for long and the user can stop.
async function labelAll(items, label) {
  let [labeled, batch, remark, at] = [0, null, null, 0];
  $("region-yes").disabled = true;
  $("region-no").textContent = "Stop";
  $("region-progress").hidden = false;
  $("region-progress").max = items.length;
  while (at < items.length && !stopped) {
    const some = slice(items, at);
    const step = await attempt(() => atSeat("regions", { items: some, label, batch }), report);
    if (!step) break;
    labeled += step.events.length;
    batch ??= step.events[0]?.seq ?? null;
    remark ??= step.remark;
    at += some.length;
    $("region-progress").value = at;
  }
  $("region").close();
  if (!labeled) return;
  dropRegion();
  const words = () => [`Labeled ${count(labeled)} `, chip(label), "."];
  report(
    element("span", {}, ...words()),
    button({ onclick: () => undoAll(batch, labeled) }, `Undo all ${count(labeled)}`),
    button({ onclick: () => dropRegion() }, "OK"),
  );
  say(...words(), ...remarked(remark));
  await next();
  await map.onchange();
}

// The ids of the next items, as many as one request may have.
function slice(items, from) {
  const some = [];
  let bytes = 0;
  for (const i of items.slice(from, from + BATCH)) {
    bytes += 3 * map.ids[i].length + 4;
    if (bytes > BATCH_BYTES && some.length) break;
    some.push(map.ids[i]);
  }
  return some;
}

async function undoAll(batch, labeled) {
  if (await attempt(() => atSeat("undo", { event: batch }), report)) report(`Undid all ${count(labeled)}.`);
  $("map-canvas").focus();
  await next();
  await map.onchange();
}

export function watchRegion(shared) {
  map = shared;
  $("region").addEventListener("close", () => (stopped = true));
}
