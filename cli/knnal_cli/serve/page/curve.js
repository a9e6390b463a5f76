// Accuracy over labels with its interval, as a picture.

const SVG = "http://www.w3.org/2000/svg";
const WIDTH = 520;
const HEIGHT = 220;
const LEFT = 40;
const BOTTOM = 26;
const TOP = 8;

function shape(tag, attributes, text) {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  if (text !== undefined) made.textContent = text;
  return made;
}

export function curve(points) {
  const most = points.at(-1).labels;
  const across = (labels) => LEFT + ((WIDTH - LEFT - 8) * labels) / most;
  const up = (share) => TOP + (HEIGHT - TOP - BOTTOM) * (1 - share);
  const path = (places) => places.map(([px, py], i) => `${i ? "L" : "M"}${px.toFixed(1)} ${py.toFixed(1)}`).join("");
  const last = points.at(-1);
  const picture = shape("svg", {
    viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", class: "curve",
    "aria-label": `Accuracy by number of labels: ${Math.round(100 * last.accuracy)} % at ${most} labels`,
  });
  for (const share of [0, 0.25, 0.5, 0.75, 1]) {
    picture.append(
      shape("line", { x1: LEFT, x2: WIDTH - 8, y1: up(share), y2: up(share), class: "grid" }),
      shape("text", { x: LEFT - 6, y: up(share) + 4, "text-anchor": "end" }, `${100 * share} %`),
    );
  }
  const band = [
    ...points.map((p) => [across(p.labels), up(p.high)]),
    ...points.toReversed().map((p) => [across(p.labels), up(p.low)]),
  ];
  picture.append(
    shape("path", { d: `${path(band)}Z`, class: "band" }),
    shape("path", { d: path(points.map((p) => [across(p.labels), up(p.accuracy)])), class: "line" }),
    shape("circle", { cx: across(last.labels), cy: up(last.accuracy), r: 4, class: "dot" }),
    shape("text", { x: LEFT, y: HEIGHT - 6 }, "0"),
    shape("text", { x: WIDTH - 8, y: HEIGHT - 6, "text-anchor": "end" }, `${most} labels`),
  );
  return picture;
}
