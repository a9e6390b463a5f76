// The picture enlarged over the whole window: wheel and pinch zoom, dragging moves.

import { $ } from "/dom.js";

const MOST = 16;
const STEP = 1.25;

let scale = 1;
let x = 0;
let y = 0;
const fingers = new Map();
let spread = 0;

export const zoomIsOpen = () => $("zoom").open;

export function openZoom(source, name) {
  Object.assign($("zoomed"), { src: source, alt: name });
  fingers.clear();
  reset();
  $("zoom").showModal();
}

export function closeZoom() {
  if (zoomIsOpen()) $("zoom").close();
}

export function zoomBy(factor, at = { clientX: innerWidth / 2, clientY: innerHeight / 2 }) {
  const next = Math.min(Math.max(scale * factor, 1), MOST);
  const dx = at.clientX - innerWidth / 2;
  const dy = at.clientY - innerHeight / 2;
  x = next === 1 ? 0 : dx - ((dx - x) * next) / scale;
  y = next === 1 ? 0 : dy - ((dy - y) * next) / scale;
  scale = next;
  draw();
}

function reset() {
  scale = 1;
  x = y = 0;
  draw();
}

function draw() {
  $("zoomed").style.transform = `translate(${x}px, ${y}px) scale(${scale})`;
}

// How far apart two fingers are, and the point between them.
function pinch() {
  const [a, b] = [...fingers.values()];
  const middle = { clientX: (a.clientX + b.clientX) / 2, clientY: (a.clientY + b.clientY) / 2 };
  return [Math.hypot(a.clientX - b.clientX, a.clientY - b.clientY), middle];
}

export function watchZoom() {
  const zoom = $("zoom");
  zoom.addEventListener("wheel", (event) => {
    event.preventDefault();
    zoomBy(event.deltaY < 0 ? STEP : 1 / STEP, event);
  }, { passive: false });
  zoom.addEventListener("dblclick", (event) => (scale > 1 ? reset() : zoomBy(3, event)));
  zoom.addEventListener("pointerdown", (event) => {
    if (event.target.closest("button")) return;
    fingers.set(event.pointerId, event);
    zoom.setPointerCapture(event.pointerId);
    if (fingers.size === 2) [spread] = pinch();
  });
  zoom.addEventListener("pointermove", (event) => {
    const before = fingers.get(event.pointerId);
    if (!before) return;
    fingers.set(event.pointerId, event);
    if (fingers.size === 2) {
      const [apart, middle] = pinch();
      zoomBy(apart / spread, middle);
      spread = apart;
    } else if (scale > 1) {
      x += event.clientX - before.clientX;
      y += event.clientY - before.clientY;
      draw();
    }
  });
  for (const end of ["pointerup", "pointercancel"]) {
    zoom.addEventListener(end, (event) => fingers.delete(event.pointerId));
  }
}
