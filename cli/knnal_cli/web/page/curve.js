// Accuracy over labels with its interval, as a picture: one line for each way of labeling.

const SVG = "http://www.w3.org/2000/svg";
const WIDTH = 520;
const HEIGHT = 260;
const LEFT = 44;
const RIGHT = 10;
const BOTTOM = 26;
const TOP = 30;

function shape(tag, attributes, text) {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  if (text !== undefined) made.textContent = text;
  return made;
}

const percent = (share) => `${Math.round(100 * share)} %`;

function inWords({ name, points }) {
  const last = points.at(-1);
  return `${name}: ${percent(last.accuracy)} at ${last.labels} labels, interval ${percent(last.low)} to ${percent(last.high)}`;
}

// lines: [{name, points: [{labels, accuracy, low, high}]}], at most two of them.
export function curves(lines) {
  const most = Math.max(...lines.map(({ points }) => points.at(-1).labels));
  const across = (labels) => LEFT + ((WIDTH - LEFT - RIGHT) * labels) / most;
  const up = (share) => TOP + (HEIGHT - TOP - BOTTOM) * (1 - share);
  const path = (places) => places.map(([px, py], i) => `${i ? "L" : "M"}${px.toFixed(1)} ${py.toFixed(1)}`).join("");
  const picture = shape("svg", {
    viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", class: "curve",
    "aria-label": `Accuracy by number of labels. ${lines.map(inWords).join(". ")}`,
  });
  for (const share of [0, 0.25, 0.5, 0.75, 1]) {
    picture.append(
      shape("line", { x1: LEFT, x2: WIDTH - RIGHT, y1: up(share), y2: up(share), class: "grid" }),
      shape("text", { x: LEFT - 6, y: up(share) + 4, "text-anchor": "end" }, percent(share)),
    );
  }
  lines.forEach(({ name, points }, place) => {
    const last = points.at(-1);
    const band = [
      ...points.map((p) => [across(p.labels), up(p.high)]),
      ...points.toReversed().map((p) => [across(p.labels), up(p.low)]),
    ];
    const group = shape("g", { class: `way way-${place}` });
    group.append(
      shape("path", { d: `${path(band)}Z`, class: "band" }),
      shape("path", { d: path(points.map((p) => [across(p.labels), up(p.accuracy)])), class: "line" }),
      shape("circle", { cx: across(last.labels), cy: up(last.accuracy), r: 4, class: "dot" }),
      shape("line", { x1: LEFT + 150 * place, x2: LEFT + 150 * place + 24, y1: 10, y2: 10, class: "line" }),
      shape("text", { x: LEFT + 150 * place + 31, y: 14 }, name),
    );
    picture.append(group);
  });
  picture.append(
    shape("text", { x: LEFT, y: HEIGHT - 6 }, "0"),
    shape("text", { x: WIDTH - RIGHT, y: HEIGHT - 6, "text-anchor": "end" }, `${most} labels`),
  );
  return picture;
}
