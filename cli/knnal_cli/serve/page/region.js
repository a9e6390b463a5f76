// Many items of the map at once: drawn around, counted, labelled after a confirmation, taken back.

import { next, remarked } from "/asking.js";
import { $, chip, count, element } from "/dom.js";
import { atSeat, attempt, names, say } from "/session.js";
import { askForClass } from "/typing.js";

const AT_ONCE = 100;
const MOST_BYTES = 40000;
const SHOWN_CLASSES = 6;

let map = null; // {canvas, ids, told, onchange}
let chosen = [];
let done = null; // what was labelled last: {label, labelled, batch, remark}
let stopped = false;

export const hasRegion = () => chosen.length > 0;

export function choose(items) {
  chosen = items;
  done = null;
  const { canvas } = map;
  if (!items.length) return dropRegion("Nothing is there.");
  const found = new Uint8Array(canvas.count);
  for (const i of items) found[i] = 1;
  canvas.search(found);
  tell(
    element("span", {}, element("b", {}, `${count(items.length)} items`), labelledWords()),
    ...tally(items),
    element("button", { type: "button", class: "main", onclick: () => enterRegion() }, "Label them …", element("kbd", {}, "Enter")),
    element("button", { type: "button", onclick: () => dropRegion() }, "Let go", element("kbd", {}, "Esc")),
  );
}

export function dropRegion(words = "") {
  chosen = [];
  map.canvas.search(null);
  $("map-canvas").focus();
  if (words) tell(words);
  else $("map-bar").hidden = true;
}

function tell(...words) {
  $("map-bar").replaceChildren(...words);
  $("map-bar").hidden = false;
}

const open = () => chosen.filter((i) => map.told().labels[i] < 0);

function labelledWords() {
  const labelled = chosen.length - open().length;
  return labelled ? `, ${count(labelled)} of them labelled` : "";
}

// How many of the items are predicted to be of which class, the most first.
function tally(items) {
  const { classes, predictions } = map.told();
  const counts = new Map();
  for (const i of items) counts.set(predictions[i], (counts.get(predictions[i]) ?? 0) + 1);
  const rows = [...counts].sort(([, a], [, b]) => b - a);
  const shown = rows.slice(0, SHOWN_CLASSES).map(([place, many]) =>
    element(
      "span", { class: "tally" },
      place < 0 ? element("span", { class: "chip c-none" }, "no prediction") : chip(classes[place]),
      ` ${count(many)}`,
    ),
  );
  const rest = rows.length - SHOWN_CLASSES;
  return rest > 0 ? [...shown, element("span", { class: "quiet" }, `and ${rest} more classes`)] : shown;
}

// Asks for the class, unless it is said, and then whether it is meant.
export function enterRegion(name) {
  if (!hasRegion()) return;
  if (!open().length) return tell("All of them are labelled already.");
  if (!name) return askForClass(names(), (typed) => confirm(typed));
  confirm(name);
}

function confirm(name) {
  const items = open();
  const labelled = chosen.length - items.length;
  $("region-words").replaceChildren(
    `Label ${count(items.length)} ${items.length === 1 ? "item" : "items"} as `, chip(name), "?",
  );
  $("region-counts").replaceChildren("Predicted: ", ...tally(items));
  $("region-left").textContent = labelled ? `${count(labelled)} that are labelled already stay as they are.` : "";
  $("region-progress").hidden = true;
  $("region-yes").disabled = false;
  $("region-yes").textContent = `Label ${count(items.length)}`;
  $("region-no").textContent = "Back";
  $("region-form").onsubmit = (event) => {
    event.preventDefault();
    work(items, name);
  };
  stopped = false;
  $("region").showModal();
  $("region-yes").focus();
}

// Few at once, so that nobody else waits for long, and that one can stop.
async function work(items, label) {
  let [labelled, batch, remark] = [0, null, null];
  $("region-yes").disabled = true;
  $("region-no").textContent = "Stop";
  $("region-progress").hidden = false;
  $("region-progress").max = items.length;
  let at = 0;
  while (at < items.length && !stopped) {
    const some = slice(items, at).map((i) => map.ids[i]);
    const step = await attempt(() => atSeat("regions", { items: some, label, batch }), (words) => tell(words));
    if (!step) break;
    labelled += step.events.length;
    batch ??= step.events[0]?.seq ?? null;
    remark ??= step.remark;
    at += some.length;
    $("region-progress").value = at;
  }
  $("region").close();
  if (!labelled) return;
  done = { label, labelled, batch, remark };
  dropRegion();
  offerUndo();
  await next();
  await map.onchange();
}

function slice(items, from) {
  let to = from;
  let bytes = 0;
  while (to < items.length && to - from < AT_ONCE) {
    bytes += 3 * map.ids[items[to]].length + 4;
    if (bytes > MOST_BYTES && to > from) break;
    to++;
  }
  return items.slice(from, to);
}

function offerUndo() {
  const { label, labelled, remark } = done;
  tell(
    element("span", {}, `Labelled ${count(labelled)} `, chip(label), "."),
    element("button", { type: "button", onclick: undoAll }, `Undo all ${count(labelled)}`),
    element("button", { type: "button", onclick: () => dropRegion() }, "Good"),
  );
  say(`Labelled ${count(labelled)} `, chip(label), ".", ...remarked(remark));
}

async function undoAll() {
  const { labelled, batch } = done;
  const step = await attempt(() => atSeat("undo", { event: batch }), (words) => tell(words));
  if (step) {
    tell(`Took back all ${count(labelled)}.`);
    done = null;
  }
  $("map-canvas").focus();
  await next();
  await map.onchange();
}

export function watchRegion(shared) {
  map = shared;
  $("region").addEventListener("close", () => (stopped = true));
}
