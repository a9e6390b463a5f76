// Many items of the map at once: drawn around, counted, labeled after a confirmation, taken back.

import { next, remarked } from "/asking.js";
import { $, chip, count, element } from "/dom.js";
import { atSeat, attempt, names, say } from "/session.js";
import { askForClass } from "/typing.js";

const AT_ONCE = 100;
const MOST_BYTES = 40000;
const SHOWN_CLASSES = 6;

let map = null; // {canvas, ids, told, onchange}
let chosen = [];
let done = null; // what was labeled last: {label, labeled, batch, remark}
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
    element("span", {}, element("b", {}, `${count(items.length)} items`), labeledWords()),
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

function labeledWords() {
  const labeled = chosen.length - open().length;
  return labeled ? `, ${count(labeled)} of them labeled` : "";
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
  if (!open().length) return tell("All of them are labeled already.");
  if (!name) return askForClass(names(), (typed) => confirm(typed));
  confirm(name);
}

function confirm(name) {
  const items = open();
  const labeled = chosen.length - items.length;
  $("region-words").replaceChildren(
    `Label ${count(items.length)} ${items.length === 1 ? "item" : "items"} as `, chip(name), "?",
  );
  $("region-counts").replaceChildren("Predicted: ", ...tally(items));
  $("region-left").textContent = labeled ? `${count(labeled)} that are labeled already stay as they are.` : "";
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
  let [labeled, batch, remark] = [0, null, null];
  $("region-yes").disabled = true;
  $("region-no").textContent = "Stop";
  $("region-progress").hidden = false;
  $("region-progress").max = items.length;
  let at = 0;
  while (at < items.length && !stopped) {
    const some = slice(items, at).map((i) => map.ids[i]);
    const step = await attempt(() => atSeat("regions", { items: some, label, batch }), (words) => tell(words));
    if (!step) break;
    labeled += step.events.length;
    batch ??= step.events[0]?.seq ?? null;
    remark ??= step.remark;
    at += some.length;
    $("region-progress").value = at;
  }
  $("region").close();
  if (!labeled) return;
  done = { label, labeled, batch, remark };
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
  const { label, labeled, remark } = done;
  tell(
    element("span", {}, `Labeled ${count(labeled)} `, chip(label), "."),
    element("button", { type: "button", onclick: undoAll }, `Undo all ${count(labeled)}`),
    element("button", { type: "button", onclick: () => dropRegion() }, "Good"),
  );
  say(`Labeled ${count(labeled)} `, chip(label), ".", ...remarked(remark));
}

async function undoAll() {
  const { labeled, batch } = done;
  const step = await attempt(() => atSeat("undo", { event: batch }), (words) => tell(words));
  if (step) {
    tell(`Took back all ${count(labeled)}.`);
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
