// The map of the pool: every item a point, similar items close together.

import { get, imageOf, post, query } from "/api.js";
import { $, button, chip, count, element, plural } from "/dom.js";
import { drawLegend, MapCanvas, placeCard, unpack } from "/map_canvas.js";
import { openPast } from "/question.js";
import { chooseRegion, dropRegion, hasRegion, labelRegion, watchRegion } from "/region.js";
import { insist, openItem, pause, state } from "/session.js";

const POLL_MS = 300;

let canvas = null;
let loading = null;
let ids = [];
let points = null; // class names, and of each point its label, prediction and percentage
let latest = -1; // the event number that they are of

export const mapIsOpen = () => $("map").open;

export async function openMap() {
  loading ??= load().finally(() => (loading = null));
  await loading;
  if (!canvas) return;
  $("map-wait").hidden = true;
  $("map-body").hidden = false;
  latest = -1;
  await refreshMap();
  canvas.resize();
  canvas.plan();
  $("map-canvas").focus();
}

async function load() {
  if (canvas || !(await laidOut())) return;
  const found = await get("map/points");
  ids = found.ids;
  canvas = new MapCanvas($("map-canvas"), unpack(found.positions, Uint16Array), {
    onpoint: drawCard, onregion: chooseRegion, byKeys: true,
  });
  watchRegion({ canvas, ids, points: () => points, onchange: () => refreshMap(true) });
}

// Lays out the map, showing the progress; whether it is ready in the end.
async function laidOut() {
  let now = await post("map");
  for (;;) {
    if (now.state === "ready") return true;
    const working = now.state === "working";
    $("map-body").hidden = true;
    $("map-wait").hidden = false;
    $("map-progress").hidden = !working;
    $("map-progress").value = now.done;
    $("map-words").textContent = working ? `${now.detail} (once per pool). You can go on labeling.` : now.detail;
    if (!working || !mapIsOpen()) return false;
    await pause(POLL_MS);
    now = await get("map");
  }
}

// Fetches new labels and predictions while the map is open.
export async function refreshMap(always = false) {
  if (!mapIsOpen() || !canvas) return;
  if (!always && points && latest === state.status?.latest) return;
  latest = state.status?.latest ?? -1;
  const { classes, labels, predictions, percents } = await insist(() => get("map/colors"));
  points = {
    classes,
    labels: unpack(labels, Int32Array),
    predictions: unpack(predictions, Int32Array),
    percents: unpack(percents, Uint8Array),
  };
  recolor();
}

function recolor() {
  const by = $("map-by").value;
  const labeled = Uint8Array.from(points.labels, (label) => label >= 0);
  canvas.marked = ids.indexOf(openItem()?.item.id);
  canvas.paintClasses(by === "label" ? points.labels : points.predictions, labeled);
  drawLegend($("map-legend"), canvas, points.classes, `no ${by}`);
  $("map-count").textContent = `${plural(ids.length, "item")}, ${count(labeled.reduce((a, b) => a + b, 0))} labeled (ringed)`;
}

// The card of the point under the pointer. A mouse click opens the item; a tap only shows the card,
// with a button that opens it.
function drawCard(i, pinned, event) {
  const card = $("map-card");
  card.hidden = i < 0;
  if (i < 0) return;
  if (event?.type === "pointerup" && event.pointerType === "mouse") return openPast(ids[i]);
  const given = points.classes[points.labels[i]];
  const predicted = points.classes[points.predictions[i]];
  const open = () => openPast(ids[i]);
  card.replaceChildren(
    element("div", { class: "what" }),
    ...(given === undefined ? [] : [element("p", {}, "labeled ", chip(given))]),
    ...(predicted === undefined ? [] : [element("p", {}, "predicted ", chip(predicted), ` ${points.percents[i]}%`)]),
    element("bdi", { class: "quiet id" }, ids[i]),
    ...(pinned ? [button({ onclick: open }, "Open", element("kbd", {}, "Enter"))] : []),
  );
  const words = [ids[i], given && `labeled ${given}`, predicted && `predicted ${predicted}`];
  $("map-spoken").textContent = pinned ? words.filter(Boolean).join(", ") : "";
  placeCard(card, canvas, i);
  fillCard(i);
}

async function fillCard(i) {
  await pause(60); // a passing pointer fetches nothing
  if (canvas.pointed !== i) return;
  const item = await get(`snippet?${query({ id: ids[i] })}`).catch(() => null);
  const what = $("map-card").querySelector(".what");
  if (!item || canvas.pointed !== i || !what) return;
  const place = () => placeCard($("map-card"), canvas, i);
  if (item.image) what.replaceChildren(element("img", { src: imageOf(item, "small"), alt: "", onload: place }));
  else if (item.text) what.replaceChildren(element("p", { class: "snippet", dir: "auto" }, item.text));
  place();
}

// Keys and tools

function setEncircling(encircling) {
  canvas.encircling = encircling;
  $("map-region").setAttribute("aria-pressed", String(encircling));
  $("map-canvas").focus();
}

const KEYS = {
  l: () => setEncircling(!canvas.encircling),
  e: () => chooseRegion(canvas.inView()),
  c: () => {
    $("map-by").value = $("map-by").value === "label" ? "prediction" : "label";
    recolor();
  },
  i: () => canvas.marked >= 0 && canvas.centerOn(canvas.marked),
  m: () => $("map").close(),
  Enter: () => (hasRegion() ? labelRegion() : canvas.pointed >= 0 && openPast(ids[canvas.pointed])),
};

export function pressOnMap(event, pressed) {
  if (!canvas || $("map-body").hidden) return;
  if (event.target.closest("button, select") && [" ", "Enter"].includes(pressed)) return;
  const wanted = hasRegion() ? state.status?.classes.find((c) => c.key === pressed) : null;
  const command = wanted ? () => labelRegion(wanted.name) : KEYS[pressed];
  if (!command) return;
  event.preventDefault();
  command();
}

export function watchMap() {
  const clicks = {
    "map-in": () => canvas.zoomBy(1.6),
    "map-out": () => canvas.zoomBy(1 / 1.6),
    "map-all": () => canvas.fit(),
    "map-item": KEYS.i,
    "map-region": KEYS.l,
    "map-view": KEYS.e,
  };
  for (const [id, work] of Object.entries(clicks)) $(id).addEventListener("click", work);
  $("map-by").addEventListener("change", recolor);
  $("map").addEventListener("cancel", (event) => {
    if (!canvas || !(hasRegion() || canvas.encircling || canvas.pinned)) return;
    event.preventDefault();
    dropRegion();
    setEncircling(false);
    canvas.show(-1);
  });
}
