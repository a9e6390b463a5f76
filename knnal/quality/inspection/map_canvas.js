// The items of a pool as points on a canvas: pan, zoom, point at one, draw around many. It is no
// module, so that a page can hold it that needs no other file.

class MapCanvas {
  static SIDE = 65535;
  static #CELLS = 256;
  static #POINTER = 12; // so far from a point it is still pointed at, in pixels of the page
  static #FINGER = 24;

  // positions: two steps of SIDE for each item. colors() -> {paper, ring, faint, mark}, "#rrggbb".
  // onpoint(item, pinned, event) is called with what is pointed at, -1 for nothing, pinned by a press
  // and the event of that press; onregion(items) with the shown ones that a line was drawn around.
  // byKeys: keys that move the map point at what is in the middle.
  constructor(canvas, positions, { colors, onpoint, onregion = null, byKeys = false }) {
    Object.assign(this, { canvas, at: positions, colors, onpoint, onregion, byKeys });
    this.pen = canvas.getContext("2d");
    this.count = positions.length / 2;
    this.places = new Uint16Array(this.count); // in the palette, 0 for what has no color
    this.palette = [];
    this.raised = new Uint8Array(this.count); // drawn on top, with a ring
    this.hidden = new Set(); // places that are not shown
    this.found = null; // what is not among these is faint
    this.marked = -1;
    this.pointed = -1;
    this.pinned = false;
    this.encircling = false; // whether dragging draws a line instead of moving the map
    this.order = new Uint32Array(this.count);
    Object.assign(this, { zoom: 1, least: 1, shiftX: 0, shiftY: 0, planned: false });
    this.line = [];
    this.held = new Map();
    this.moved = 0;
    this.#fileAway();
    this.#listen();
    new ResizeObserver(() => this.resize()).observe(canvas);
  }

  paint(places, palette, raised) {
    Object.assign(this, { places, palette, raised });
    this.#arrange();
  }

  search(found) {
    this.found = found;
    this.#arrange();
  }

  // What has no color lies below what has one, and raised points lie on top.
  #arrange() {
    const { found, places, raised, order } = this;
    const layer = (i) => (found && !found[i] ? 0 : raised[i] ? 3 : places[i] ? 2 : 1);
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
    return this.shiftY + this.zoom * (MapCanvas.SIDE - this.at[2 * i + 1]);
  }

  fit() {
    const { width, height } = this.canvas, edge = 0.04 * Math.min(width, height);
    const { left, right, bottom, top } = this.extent;
    const across = (width - 2 * edge) / Math.max(right - left, 1), up = (height - 2 * edge) / Math.max(top - bottom, 1);
    const usual = Math.min(width, height) / MapCanvas.SIDE; // where all the square is filled
    this.zoom = this.least = Math.max(Math.min(across, up, 3 * usual), usual / 2);
    this.shiftX = (width - (left + right) * this.zoom) / 2;
    this.shiftY = height / 2 - (MapCanvas.SIDE - (bottom + top) / 2) * this.zoom;
    this.plan();
  }

  resize() {
    const { canvas } = this, ratio = devicePixelRatio || 1, before = [canvas.width, canvas.height];
    if (!canvas.clientWidth) return; // not shown
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

  centeron(i) {
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
    const { width, height } = this.canvas, { paper, ring, faint, mark } = this.colors();
    this.pixels.fill(MapCanvas.#ink(paper));
    const inks = this.palette.map(MapCanvas.#ink), [rim, pale] = [ring, faint].map(MapCanvas.#ink);
    const r = this.radius(), disc = MapCanvas.#disc, reach = r + 3;
    const small = disc(r), large = disc(r + 1), larger = disc(r + 2.5);
    for (const i of this.order) {
      const cx = this.x(i), cy = this.y(i);
      if (this.hidden.has(this.places[i]) || cx < -reach || cy < -reach || cx > width + reach || cy > height + reach) continue;
      const px = Math.round(cx), py = Math.round(cy), ink = inks[this.places[i]];
      if (this.found && !this.found[i]) this.#stamp(px, py, small, pale);
      else if (this.raised[i]) {
        this.#stamp(px, py, larger, rim);
        this.#stamp(px, py, large, ink);
      } else this.#stamp(px, py, small, ink);
    }
    const big = (i, edge) => {
      const px = Math.round(this.x(i)), py = Math.round(this.y(i));
      this.#stamp(px, py, disc(r + 5), edge);
      this.#stamp(px, py, disc(r + 3), inks[this.places[i]]);
    };
    if (this.pointed >= 0) big(this.pointed, rim);
    this.pen.putImageData(this.image, 0, 0);
    if (this.marked >= 0) this.#cross(this.x(this.marked), this.y(this.marked), r, mark ?? ring);
    if (this.line.length > 1) this.#trace(mark ?? ring);
    document.documentElement.dataset.drawn = "yes";
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

  static #ink(hex) {
    return (0xff000000 | parseInt(hex.slice(5, 7) + hex.slice(3, 5) + hex.slice(1, 3), 16)) >>> 0;
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
      for (let p = from; p <= to; p++) pixels[p] = ink; // quicker than fill for so few
    }
  }

  // Which points are where, by cells of the map that know theirs.

  #fileAway() {
    this.extent = { left: MapCanvas.SIDE, right: 0, bottom: MapCanvas.SIDE, top: 0 };
    for (let i = 0; i < this.count; i++) {
      const { extent, at } = this, px = at[2 * i], py = at[2 * i + 1];
      extent.left = Math.min(extent.left, px);
      extent.right = Math.max(extent.right, px);
      extent.bottom = Math.min(extent.bottom, py);
      extent.top = Math.max(extent.top, py);
    }
    const side = MapCanvas.#CELLS, cellOf = (i) => (this.at[2 * i] >> 8) + side * (this.at[2 * i + 1] >> 8);
    this.begins = new Uint32Array(side * side + 1);
    this.inCells = new Uint32Array(this.count);
    for (let i = 0; i < this.count; i++) this.begins[cellOf(i) + 1]++;
    for (let c = 0; c < side * side; c++) this.begins[c + 1] += this.begins[c];
    const next = this.begins.slice();
    for (let i = 0; i < this.count; i++) this.inCells[next[cellOf(i)]++] = i;
  }

  nearest(px, py, pixels = MapCanvas.#POINTER * (devicePixelRatio || 1)) {
    const far = Math.max(pixels, this.radius() + 2) / this.zoom, side = MapCanvas.#CELLS;
    const wx = (px - this.shiftX) / this.zoom, wy = MapCanvas.SIDE - (py - this.shiftY) / this.zoom;
    const cell = (v) => Math.min(side - 1, Math.max(0, Math.floor(v / 256)));
    let best = -1, least = far * far;
    for (let cy = cell(wy - far); cy <= cell(wy + far); cy++) {
      for (let cx = cell(wx - far); cx <= cell(wx + far); cx++) {
        const c = cx + side * cy;
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

  // The shown items within a closed line of pixels: those from which a ray crosses it an odd time.
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
    const wide = (event.pointerType === "touch" ? MapCanvas.#FINGER : MapCanvas.#POINTER) * (devicePixelRatio || 1);
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
