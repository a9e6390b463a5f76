// Curves over the number of labels, with their intervals.
import { count, element, percent, shape } from "/dom.js";

const STEPS = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5];
const DASHES = ["", "8 5", "2 4", "8 4 2 4"];

export const swatch = (color, dash) => element("span", { class: dash ? "swatch dashed" : "swatch", "--c": color });
export const dashOf = (round) => DASHES[round % DASHES.length];

// lines: [{ color, dash, points: [{ labels, value, low, high }] }]; a low of null has no band.
// Draws them into an SVG element, from..to labels across, low..high up. Returns { across, labelsAt }.
export function drawChart(svg, lines, { from = 0, to, low = 0, high = 1, width = 1000, height = 460 }) {
  const left = 48, right = width - 15, top = 10, bottom = height - 40;
  const across = (labels) => left + (right - left) * (to > from ? (labels - from) / (to - from) : 0.5);
  const up = (value) => bottom - ((bottom - top) * (value - low)) / (high - low);
  const path = (places) => places.map(([x, y], i) => `${i ? "L" : "M"}${x.toFixed(1)} ${y.toFixed(1)}`).join("");
  const text = (x, y, anchor, words) => svg.append(shape("text", { x, y, "text-anchor": anchor }, words));
  svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
  svg.replaceChildren();
  const step = STEPS.find((one) => (high - low) / one <= 8) ?? 1;
  for (let value = Math.ceil(low / step) * step; value <= high + 1e-9; value += step) {
    svg.append(shape("line", { class: "grid", x1: left, x2: right, y1: up(value), y2: up(value) }));
    text(left - 6, up(value) + 4, "end", percent(value));
  }
  const ticks = [0, 1, 2, 3, 4].map((i) => Math.round(from + (i * (to - from)) / 4));
  for (const labels of new Set(ticks)) text(across(labels), bottom + 18, "middle", count(labels));
  text((left + right) / 2, height - 4, "middle", "labels");
  const drawn = lines.filter(({ points }) => points.length);
  for (const { color, points } of drawn.filter((line) => line.points[0].low !== null)) {
    const edge = [
      ...points.map((p) => [across(p.labels), up(p.high)]),
      ...points.toReversed().map((p) => [across(p.labels), up(p.low)]),
    ];
    svg.append(shape("path", { class: "band", "--c": color, d: `${path(edge)}Z` }));
  }
  for (const { color, dash, points } of drawn) {
    const last = points.at(-1);
    svg.append(
      shape("path", {
        class: "line", "--c": color, "stroke-dasharray": dash,
        d: path(points.map((p) => [across(p.labels), up(p.value)])),
      }),
      shape("circle", { class: "dot", "--c": color, cx: across(last.labels), cy: up(last.value), r: 4 }),
    );
  }
  const labelsAt = (x) => Math.round(Math.min(to, Math.max(from, from + ((x - left) / (right - left)) * (to - from))));
  return { across, labelsAt, top, bottom };
}
