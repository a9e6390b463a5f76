// The map of the pool: every item a point, similar ones close to each other.
/* global MapCanvas */

import { get, imageOf, post, query } from "/api.js";
import { $, chip, colorOf, count, element, percent } from "/dom.js";
import { choose, dropRegion, enterRegion, hasRegion, watchRegion } from "/region.js";
import { insist, pause, state } from "/session.js";

const ASK_AGAIN_MS = 300;
const LIGHT = { paper: "#ffffff", ring: "#1d1c1a", faint: "#dedad2", mark: "#b3001b" };
const DARK = { paper: "#1b1d20", ring: "#edebe7", faint: "#3a3d42", mark: "#ff8f80" };
const NONE = "#8a8a8a";

let canvas = null;
let making = null;
let ids = [];
let told = null; // what each point is
let latest = -1; // the number of the event that this is of
let onlook = () => {};

export const mapIsOpen = () => $("map").open;

const unpack = (text, Kind) => new Kind(Uint8Array.from(atob(text), (c) => c.charCodeAt(0)).buffer);

export async function openMap() {
  making ??= make().finally(() => (making = null));
  await making;
  if (!canvas) return;
  $("map-wait").hidden = true;
  $("map-body").hidden = false;
  latest = -1;
  await refreshMap();
  canvas.resize();
  canvas.plan();
  $("map-canvas").focus();
}

async function make() {
  if (canvas || !(await wait())) return;
  const points = await get("map/points");
  ids = points.ids;
  canvas = new MapCanvas($("map-canvas"), unpack(points.positions, Uint16Array), {
    colors: () => (isDark() ? DARK : LIGHT),
    onpoint: point,
    onregion: (items) => choose(items),
    byKeys: true,
  });
  watchRegion({ canvas, ids, told: () => told, onchange: () => refreshMap(true) });
}

// Has the map laid out, and tells how far it is; whether it is there in the end.
async function wait() {
  let now = await post("map");
  for (;;) {
    if (now.state === "ready") return true;
    $("map-body").hidden = true;
    $("map-wait").hidden = false;
    $("map-progress").hidden = now.state !== "working";
    $("map-progress").value = now.done;
    $("map-words").textContent =
      now.state === "working"
        ? `${now.detail} of ${count(now.items)} items, once for this pool. You can go on labeling meanwhile.`
        : now.detail;
    if (now.state !== "working" || !mapIsOpen()) return false;
    await pause(ASK_AGAIN_MS);
    now = await get("map");
  }
}

// Takes in what was labeled since, while the map is looked at.
export async function refreshMap(anyway = false) {
  if (!mapIsOpen() || !canvas) return;
  if (!anyway && told && latest === state.status?.latest) return;
  latest = state.status?.latest ?? -1;
  const now = await insist(() => get("map/colors"));
  told = {
    classes: now.classes,
    labels: unpack(now.labels, Int32Array),
    predictions: unpack(now.predictions, Int32Array),
    percents: unpack(now.percents, Uint8Array),
  };
  color();
}

function isDark() {
  const { theme } = document.documentElement.dataset;
  return theme ? theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
}

// The color that the page has for a class, as "#rrggbb".
function shadeOf(name) {
  const probe = element("span", { class: colorOf(name) });
  document.body.append(probe);
  const shade = getComputedStyle(probe).getPropertyValue("--c").trim();
  probe.remove();
  return shade;
}

function color() {
  const numbers = $("map-by").value === "label" ? told.labels : told.predictions;
  const places = Uint16Array.from(numbers, (number) => number + 1);
  const labeled = Uint8Array.from(told.labels, (number) => (number < 0 ? 0 : 1));
  const item = (state.back?.question ?? state.question)?.item.id;
  canvas.marked = item === undefined ? -1 : ids.indexOf(item);
  canvas.paint(places, [NONE, ...told.classes.map(shadeOf)], labeled);
  drawLegend(places);
  const rings = labeled.reduce((sum, one) => sum + one, 0);
  $("map-count").textContent = `${count(ids.length)} items, ${count(rings)} labeled (ringed)`;
}

function drawLegend(places) {
  const counts = new Uint32Array(told.classes.length + 1);
  for (const place of places) counts[place]++;
  const none = $("map-by").value === "label" ? "no label" : "no prediction";
  const rows = [...counts.keys()]
    .filter((place) => counts[place])
    .sort((a, b) => (a === 0) - (b === 0) || a - b)
    .map((place) =>
      element(
        "button",
        {
          type: "button",
          "aria-pressed": String(!canvas.hidden.has(place)),
          onclick: (event) => turn(place, event.currentTarget),
          onmouseenter: () => hasRegion() || canvas.search(places.map((one) => one === place)),
          onmouseleave: () => hasRegion() || canvas.search(null),
        },
        place ? chip(told.classes[place - 1]) : element("span", { class: "chip c-none" }, none),
        element("span", { class: "quiet" }, count(counts[place])),
      ),
    );
  $("map-legend").replaceChildren(...rows);
}

function turn(place, button) {
  const shown = !canvas.hidden.delete(place) && canvas.hidden.add(place);
  button.setAttribute("aria-pressed", String(!shown));
  canvas.plan();
}

// The card beside the point that is pointed at. A click of a mouse goes to the item; a finger has
// pointed at nothing before, so that it gets to see the card first, with a button to go on.
function point(i, pinned, event) {
  const card = $("map-card");
  card.hidden = i < 0;
  if (i < 0) return;
  if (event?.type === "pointerup" && event.pointerType === "mouse") return onlook(ids[i]);
  const label = told.labels[i];
  const guess = told.predictions[i];
  card.replaceChildren(
    element("div", { class: "what" }),
    ...(label < 0 ? [] : [element("p", {}, "labeled ", chip(told.classes[label]))]),
    ...(guess < 0 ? [] : [element("p", {}, "predicted ", chip(told.classes[guess]), ` ${percent(told.percents[i] / 100)}`)]),
    element("bdi", { class: "quiet id" }, ids[i]),
    ...(pinned ? [element("button", { type: "button", onclick: () => onlook(ids[i]) }, "Look at it", element("kbd", {}, "Enter"))] : []),
  );
  $("map-spoken").textContent = pinned
    ? `${ids[i]}${label < 0 ? "" : `, labeled ${told.classes[label]}`}${guess < 0 ? "" : `, predicted ${told.classes[guess]}`}`
    : "";
  place(i);
  fillCard(i);
}

async function fillCard(i) {
  await pause(60); // a pointer that only passes asks for nothing
  if (canvas.pointed !== i) return;
  const item = await get(`snippet?${query({ id: ids[i] })}`).catch(() => null);
  const what = $("map-card").querySelector(".what");
  if (!item || canvas.pointed !== i || !what) return;
  if (item.image) what.replaceChildren(element("img", { src: imageOf(item, "small"), alt: "", onload: () => place(i) }));
  else if (item.text) what.replaceChildren(element("p", { class: "snippet", dir: "auto" }, item.text));
  place(i);
}

function place(i) {
  const card = $("map-card"), ratio = devicePixelRatio || 1, { clientWidth, clientHeight } = canvas.canvas;
  const left = canvas.x(i) / ratio, top = canvas.y(i) / ratio, { offsetWidth, offsetHeight } = card;
  const beside = left + offsetWidth + 24 < clientWidth ? left + 16 : left - offsetWidth - 16;
  card.style.left = `${Math.max(6, Math.min(beside, clientWidth - offsetWidth - 6))}px`;
  card.style.top = `${Math.max(6, Math.min(top + 14, clientHeight - offsetHeight - 6))}px`;
}

// Keys

function setTool(encircling) {
  canvas.encircling = encircling;
  $("map-region").setAttribute("aria-pressed", String(encircling));
  $("map-canvas").focus();
}

const KEYS = {
  l: () => setTool(!canvas.encircling),
  e: () => choose(canvas.inView()),
  c: () => {
    $("map-by").value = $("map-by").value === "label" ? "prediction" : "label";
    color();
  },
  i: () => canvas.marked >= 0 && canvas.centeron(canvas.marked),
  m: () => $("map").close(),
  Enter: () => (hasRegion() ? enterRegion() : canvas.pointed >= 0 && onlook(ids[canvas.pointed])),
};

export function pressOnMap(event, pressed) {
  if (!canvas || $("map-body").hidden) return;
  if (event.target.closest("button, select") && [" ", "Enter"].includes(pressed)) return;
  const wanted = hasRegion() ? state.status?.classes.find((c) => c.key === pressed) : null;
  const command = wanted ? () => enterRegion(wanted.name) : KEYS[pressed];
  if (!command) return;
  event.preventDefault();
  command();
}

export function watchMap(then) {
  onlook = then;
  $("map-by").addEventListener("change", color);
  $("map-in").addEventListener("click", () => canvas.zoomBy(1.6));
  $("map-out").addEventListener("click", () => canvas.zoomBy(1 / 1.6));
  $("map-all").addEventListener("click", () => canvas.fit());
  $("map-item").addEventListener("click", KEYS.i);
  $("map-region").addEventListener("click", KEYS.l);
  $("map-view").addEventListener("click", KEYS.e);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => canvas?.plan());
  $("map").addEventListener("cancel", (event) => {
    if (!canvas || !(hasRegion() || canvas.encircling || canvas.pinned)) return;
    event.preventDefault();
    dropRegion();
    setTool(false);
    canvas.show(-1);
  });
}
