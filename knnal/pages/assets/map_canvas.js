// The items of a pool as points on a canvas: pan, zoom, point at one, draw around many.
import { button, chip, colorAt, count, element } from "/dom.js";

const SIDE = 65535; // the largest coordinate
const CELLS = 256; // the index divides the map into CELLS x CELLS
const POINTER = 12; // how far from a point a pointer still hits it, in CSS pixels
const FINGER = 24;

export const unpack = (text, Kind) => new Kind(Uint8Array.from(atob(text), (c) => c.charCodeAt(0)).buffer);

export class MapCanvas {
  // positions: x and y of each item, 0..SIDE. onpoint(item, pinned, event) gets the item under the
  // pointer, -1 for none, and whether a press pinned it; onregion(items) the visible items inside a
  // drawn line. byKeys: keys that move the map point at the item in the middle.
  constructor(canvas, positions, { onpoint, onregion = null, byKeys = false }) {
    Object.assign(this, { canvas, at: positions, onpoint, onregion, byKeys });
    this.pen = canvas.getContext("2d");
    this.count = positions.length / 2;
    this.places = new Uint16Array(this.count); // index into the palette, 0 for no color
    this.palette = [];
    this.raised = new Uint8Array(this.count); // drawn on top, with a ring
    this.hidden = new Set(); // places that are not drawn
    this.found = null; // items outside of it are faint
    this.only = -1; // so are those of other places than this one
    this.marked = -1;
    this.pointed = -1;
    this.pinned = false;
    this.encircling = false; // whether dragging draws a line instead of moving the map
    this.order = new Uint32Array(this.count);
    Object.assign(this, { zoom: 1, least: 1, shiftX: 0, shiftY: 0, planned: false });
    this.line = [];
    this.held = new Map();
    this.moved = 0;
    this.#index();
    this.#listen();
    new ResizeObserver(() => this.resize()).observe(canvas);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.plan());
  }

  paint(places, palette, raised) {
    Object.assign(this, { places, palette, raised });
    this.#arrange();
  }

  // By class number, -1 for none.
  paintClasses(numbers, raised) {
    const most = numbers.reduce((a, b) => Math.max(a, b), -1);
    this.paint(Uint16Array.from(numbers, (n) => n + 1), Array.from({ length: most + 2 }, (_, p) => colorAt(p - 1)), raised);
  }

  search(found) {
    this.found = found;
    this.#arrange();
  }

  highlight(place) {
    this.only = place;
    this.#arrange();
  }

  #faint(i) {
    return (this.found && !this.found[i]) || (this.only >= 0 && this.places[i] !== this.only);
  }

  // Faint points lie at the bottom, then those without a color, and raised ones on top.
  #arrange() {
    const { places, raised, order } = this;
    const layer = (i) => (this.#faint(i) ? 0 : raised[i] ? 3 : places[i] ? 2 : 1);
    const sizes = [0, 0, 0, 0, 0];
    for (let i = 0; i < this.count; i++) sizes[layer(i) + 1]++;
    for (let l = 1; l < 5; l++) sizes[l] += sizes[l - 1];
    for (let i = 0; i < this.count; i++) order[sizes[layer(i)]++] = i;
    this.plan();
  }

  // The view: a point of the map lies at shift + zoom * position, in pixels of the canvas.
  x(i) {
    return this.shiftX + this.zoom * this.at[2 * i];
  }
  y(i) {
    return this.shiftY + this.zoom * (SIDE - this.at[2 * i + 1]);
  }

  fit() {
    const { width, height } = this.canvas, edge = 0.04 * Math.min(width, height);
    const { left, right, bottom, top } = this.extent;
    const across = (width - 2 * edge) / Math.max(right - left, 1), up = (height - 2 * edge) / Math.max(top - bottom, 1);
    const usual = Math.min(width, height) / SIDE; // where all the square is filled
    this.zoom = this.least = Math.max(Math.min(across, up, 3 * usual), usual / 2);
    this.shiftX = (width - (left + right) * this.zoom) / 2;
    this.shiftY = height / 2 - (SIDE - (bottom + top) / 2) * this.zoom;
    this.plan();
  }

  resize() {
    const { canvas } = this, ratio = devicePixelRatio || 1, before = [canvas.width, canvas.height];
    if (!canvas.clientWidth) return; // not visible
    const [width, height] = [canvas.clientWidth, canvas.clientHeight].map((side) => Math.max(1, Math.round(side * ratio)));
    if (this.image && width === before[0] && height === before[1]) return;
    [canvas.width, canvas.height] = [width, height];
    const whole = !this.image || this.zoom === this.least;
    this.image = this.pen.createImageData(width, height);
    this.pixels = new Uint32Array(this.image.data.buffer);
    if (whole) this.fit();
    else {
      this.shiftX += (width - before[0]) / 2;
      this.shiftY += (height - before[1]) / 2;
    }
    this.draw(); // at once, since setting its size has wiped the canvas
  }

  zoomBy(factor, px = this.canvas.width / 2, py = this.canvas.height / 2) {
    const next = Math.min(Math.max(this.zoom * factor, this.least / 2), this.least * 2000);
    const change = next / this.zoom;
    this.shiftX = px - (px - this.shiftX) * change;
    this.shiftY = py - (py - this.shiftY) * change;
    this.zoom = next;
    this.plan();
  }

  moveBy(dx, dy) {
    this.shiftX += dx;
    this.shiftY += dy;
    this.plan();
  }

  centerOn(i) {
    this.moveBy(this.canvas.width / 2 - this.x(i), this.canvas.height / 2 - this.y(i));
  }

  // Drawing

  plan() {
    if (this.planned) return;
    this.planned = true;
    requestAnimationFrame(() => this.draw());
  }

  radius() {
    const { width, height } = this.canvas;
    const base = Math.max(1, Math.min(4, Math.sqrt((width * height) / Math.max(this.count, 1)) / 7));
    return Math.min(9 * (devicePixelRatio || 1), base * Math.pow(this.zoom / this.least, 0.35));
  }

  draw() {
    this.planned = false;
    if (!this.image) return;
    const { width, height } = this.canvas, style = getComputedStyle(this.canvas), mark = style.textDecorationColor;
    const [paper, rim, pale] = [style.backgroundColor, style.color, style.borderTopColor].map(MapCanvas.#ink);
    const inks = this.palette.map(MapCanvas.#ink);
    this.pixels.fill(paper);
    const r = this.radius(), disc = MapCanvas.#disc, reach = r + 3;
    const small = disc(r), large = disc(r + 1), larger = disc(r + 2.5);
    for (const i of this.order) {
      const cx = this.x(i), cy = this.y(i);
      if (this.hidden.has(this.places[i]) || cx < -reach || cy < -reach || cx > width + reach || cy > height + reach) continue;
      const px = Math.round(cx), py = Math.round(cy), ink = inks[this.places[i]];
      if (this.#faint(i)) this.#stamp(px, py, small, pale);
      else if (this.raised[i]) {
        this.#stamp(px, py, larger, rim);
        this.#stamp(px, py, large, ink);
      } else this.#stamp(px, py, small, ink);
    }
    if (this.pointed >= 0) {
      const px = Math.round(this.x(this.pointed)), py = Math.round(this.y(this.pointed));
      this.#stamp(px, py, disc(r + 5), rim);
      this.#stamp(px, py, disc(r + 3), inks[this.places[this.pointed]]);
    }
    this.pen.putImageData(this.image, 0, 0);
    if (this.marked >= 0) this.#cross(this.x(this.marked), this.y(this.marked), r, mark);
    if (this.line.length > 1) this.#trace(mark);
  }

  #cross(cx, cy, r, color) {
    const { pen } = this, ratio = devicePixelRatio || 1, near = r + 4 * ratio, far = near + 9 * ratio;
    pen.strokeStyle = color;
    pen.lineWidth = 2.5 * ratio;
    pen.beginPath();
    pen.arc(cx, cy, near, 0, 2 * Math.PI);
    for (const [dx, dy] of [[1, 0], [-1, 0], [0, 1], [0, -1]]) {
      pen.moveTo(cx + near * dx, cy + near * dy);
      pen.lineTo(cx + far * dx, cy + far * dy);
    }
    pen.stroke();
  }

  #trace(color) {
    const { pen } = this;
    pen.strokeStyle = pen.fillStyle = color;
    pen.lineWidth = 2 * (devicePixelRatio || 1);
    pen.beginPath();
    for (const [px, py] of this.line) pen.lineTo(px, py);
    pen.closePath();
    pen.stroke();
    pen.globalAlpha = 0.12;
    pen.fill();
    pen.globalAlpha = 1;
  }

  // A pixel of the canvas from "#rrggbb" or "rgb(r, g, b)".
  static #ink(color) {
    const [r, g, b] = color.startsWith("#")
      ? [1, 3, 5].map((from) => parseInt(color.slice(from, from + 2), 16))
      : color.match(/[\d.]+/g).map(Number);
    return (0xff000000 | (b << 16) | (g << 8) | r) >>> 0;
  }

  // Half the width of each line of a disc, by its distance from the middle.
  static #disc(r) {
    const wide = r + 0.5;
    return Array.from({ length: Math.floor(wide) + 1 }, (_, dy) => Math.floor(Math.sqrt(wide * wide - dy * dy)));
  }

  #stamp(cx, cy, lines, ink) {
    const { width, height } = this.canvas, { pixels } = this;
    for (let dy = 1 - lines.length; dy < lines.length; dy++) {
      const row = cy + dy;
      if (row < 0 || row >= height) continue;
      const half = lines[Math.abs(dy)];
      const from = row * width + Math.max(0, cx - half), to = row * width + Math.min(width - 1, cx + half);
      for (let p = from; p <= to; p++) pixels[p] = ink; // faster than fill for a few pixels
    }
  }

  // The points by the cell of the map that they lie in, and the box around all of them.
  #index() {
    const { at } = this, extent = (this.extent = { left: SIDE, right: 0, bottom: SIDE, top: 0 });
    const cellOf = (i) => (at[2 * i] >> 8) + CELLS * (at[2 * i + 1] >> 8);
    this.begins = new Uint32Array(CELLS * CELLS + 1);
    this.inCells = new Uint32Array(this.count);
    for (let i = 0; i < this.count; i++) {
      extent.left = Math.min(extent.left, at[2 * i]);
      extent.right = Math.max(extent.right, at[2 * i]);
      extent.bottom = Math.min(extent.bottom, at[2 * i + 1]);
      extent.top = Math.max(extent.top, at[2 * i + 1]);
      this.begins[cellOf(i) + 1]++;
    }
    for (let c = 0; c < CELLS * CELLS; c++) this.begins[c + 1] += this.begins[c];
    const next = this.begins.slice();
    for (let i = 0; i < this.count; i++) this.inCells[next[cellOf(i)]++] = i;
  }

  nearest(px, py, pixels = POINTER * (devicePixelRatio || 1)) {
    const far = Math.max(pixels, this.radius() + 2) / this.zoom;
    const wx = (px - this.shiftX) / this.zoom, wy = SIDE - (py - this.shiftY) / this.zoom;
    const cell = (v) => Math.min(CELLS - 1, Math.max(0, Math.floor(v / 256)));
    let best = -1, least = far * far;
    for (let cy = cell(wy - far); cy <= cell(wy + far); cy++) {
      for (let cx = cell(wx - far); cx <= cell(wx + far); cx++) {
        const c = cx + CELLS * cy;
        for (let k = this.begins[c]; k < this.begins[c + 1]; k++) {
          const i = this.inCells[k], d = (this.at[2 * i] - wx) ** 2 + (this.at[2 * i + 1] - wy) ** 2;
          if (d < least && !this.hidden.has(this.places[i])) {
            best = i;
            least = d;
          }
        }
      }
    }
    return best;
  }

  // The visible items inside a closed line of pixels: a ray from them crosses it an odd number of times.
  inside(line) {
    const across = line.map(([px]) => px), down = line.map(([, py]) => py);
    const [left, right, top, bottom] = [Math.min(...across), Math.max(...across), Math.min(...down), Math.max(...down)];
    const within = [];
    for (let i = 0; i < this.count; i++) {
      const px = this.x(i), py = this.y(i);
      if (px < left || px > right || py < top || py > bottom || this.hidden.has(this.places[i])) continue;
      let odd = false;
      for (let a = 0, b = line.length - 1; a < line.length; b = a++) {
        const crosses = down[a] > py !== down[b] > py;
        if (crosses && px < ((across[b] - across[a]) * (py - down[a])) / (down[b] - down[a]) + across[a]) odd = !odd;
      }
      if (odd) within.push(i);
    }
    return within;
  }

  inView() {
    const { width, height } = this.canvas;
    return this.inside([[0, 0], [width, 0], [width, height], [0, height]]);
  }

  // Pointing, dragging, keys

  show(i, pinned = false, event = null) {
    this.pointed = i;
    this.pinned = pinned;
    this.onpoint(i, pinned, event);
    this.plan();
  }

  #spot(event) {
    const box = this.canvas.getBoundingClientRect(), ratio = this.canvas.width / box.width;
    return [(event.clientX - box.left) * ratio, (event.clientY - box.top) * ratio];
  }

  #listen() {
    const on = (name, work, options) => this.canvas.addEventListener(name, work, options);
    on("pointerdown", (event) => this.#press(event));
    on("pointermove", (event) => this.#drag(event));
    on("pointerup", (event) => this.#release(event));
    on("pointercancel", (event) => {
      this.held.delete(event.pointerId);
      this.line = [];
    });
    on("pointerleave", () => this.pinned || this.show(-1));
    on("wheel", (event) => {
      event.preventDefault();
      this.show(-1);
      this.zoomBy(Math.exp(-event.deltaY * (event.deltaMode ? 0.05 : 0.0015)), ...this.#spot(event));
    }, { passive: false });
    on("keydown", (event) => this.#key(event));
  }

  #press(event) {
    const spot = this.#spot(event);
    this.held.set(event.pointerId, spot);
    this.canvas.setPointerCapture(event.pointerId);
    this.moved = 0;
    const draws = this.onregion && (this.encircling || event.shiftKey) && this.held.size === 1;
    this.line = draws ? [spot] : [];
  }

  #drag(event) {
    const [px, py] = this.#spot(event), before = this.held.get(event.pointerId);
    if (!before) {
      if (!this.pinned) this.show(this.nearest(px, py));
      return;
    }
    const others = [...this.held].filter(([id]) => id !== event.pointerId).map(([, where]) => where);
    if (others.length) {
      const [ox, oy] = others[0], apart = (a, b) => Math.max(1, Math.hypot(a - ox, b - oy));
      this.zoomBy(apart(px, py) / apart(...before), ox, oy);
    } else if (this.line.length) this.line.push([px, py]);
    else this.moveBy(px - before[0], py - before[1]);
    this.moved += Math.hypot(px - before[0], py - before[1]);
    this.held.set(event.pointerId, [px, py]);
    if (this.moved > 4) this.show(-1);
  }

  #release(event) {
    const { line } = this;
    this.held.delete(event.pointerId);
    this.line = [];
    if (this.moved > 4) {
      this.plan();
      if (line.length > 2) this.onregion(this.inside(line));
      return;
    }
    const wide = (event.pointerType === "touch" ? FINGER : POINTER) * (devicePixelRatio || 1);
    const i = this.nearest(...this.#spot(event), wide);
    this.show(i, i >= 0, event);
  }

  #key(event) {
    const step = 0.1 * Math.min(this.canvas.width, this.canvas.height);
    const acts = {
      ArrowLeft: () => this.moveBy(step, 0), ArrowRight: () => this.moveBy(-step, 0),
      ArrowUp: () => this.moveBy(0, step), ArrowDown: () => this.moveBy(0, -step),
      "+": () => this.zoomBy(1.4), "-": () => this.zoomBy(1 / 1.4), 0: () => this.fit(),
    };
    const escapes = event.key === "Escape" && this.pinned && !this.byKeys;
    if (!acts[event.key] && !escapes) return;
    event.preventDefault();
    acts[event.key]?.();
    if (this.byKeys && !escapes) {
      const { width, height } = this.canvas;
      const middle = this.nearest(width / 2, height / 2, Math.min(width, height) / 2);
      this.show(middle, middle >= 0);
    } else if (escapes || !this.pinned) this.show(-1);
  }
}

// A button for each class on the map, and for items without one, that hides and shows its points.
export function drawLegend(legend, map, classes, none) {
  const counts = new Uint32Array(classes.length + 1);
  for (const place of map.places) counts[place]++;
  const used = [...counts.keys()].filter((place) => counts[place]);
  const toggle = (place, control) => {
    const hides = !map.hidden.delete(place) && map.hidden.add(place);
    control.setAttribute("aria-pressed", String(!hides));
    map.plan();
  };
  legend.replaceChildren(
    ...used.sort((a, b) => (a === 0) - (b === 0) || a - b).map((place) =>
      button(
        {
          "aria-pressed": String(!map.hidden.has(place)),
          onclick: (event) => toggle(place, event.currentTarget),
          onmouseenter: () => map.highlight(place),
          onmouseleave: () => map.highlight(-1),
        },
        chip(place ? classes[place - 1] : none, colorAt(place - 1)),
        element("span", { class: "quiet" }, count(counts[place])),
      ),
    ),
  );
}

// Puts a card next to an item, inside the canvas.
export function placeCard(card, map, i) {
  const ratio = devicePixelRatio || 1, { clientWidth, clientHeight } = map.canvas;
  const left = map.x(i) / ratio, top = map.y(i) / ratio, { offsetWidth, offsetHeight } = card;
  const start = left + offsetWidth + 24 < clientWidth ? left + 16 : left - offsetWidth - 16;
  card.style.left = `${Math.max(6, Math.min(start, clientWidth - offsetWidth - 6))}px`;
  card.style.top = `${Math.max(6, Math.min(top + 14, clientHeight - offsetHeight - 6))}px`;
}
