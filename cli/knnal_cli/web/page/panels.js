// The panels: history, label errors, progress.

import { get, query } from "/api.js";
import { drawChart, swatch } from "/chart.js";
import { assignKey, openRename, removeClass } from "/classes.js";
import { $, bar, button, chip, colorAt, colorOf, count, element, percent, plural, shape } from "/dom.js";
import { thumbnail } from "/item.js";
import { openPast, rejoin } from "/question.js";
import { objections, statements } from "/review.js";
import { atSeat, attempt, say, state } from "/session.js";
import { keepingFocus, refresh } from "/status.js";

const PAGE = 40;
const MOST_AGAINST = 3;

function fill(list, rows) {
  list.replaceChildren(...(rows.length ? rows : [element("li", { class: "quiet" }, "None.")]));
}

// History

export async function fillHistory(before) {
  const search = $("history-search").value;
  const { entries, more } = await get(`history?${query({ limit: PAGE, search, ...(before ? { before } : {}) })}`);
  const rows = entries.map(historyEntry);
  if (before) $("history-list").append(...rows);
  else fill($("history-list"), rows);
  $("history-more").hidden = !more;
  $("history-more").onclick = () => fillHistory(entries.at(-1).event.seq);
}

function historyEntry({ event, item, note }) {
  const time = new Date(event.at).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
  const quiet = (...words) => element("span", { class: "quiet", dir: "auto" }, ...words);
  return element(
    "li", {},
    button(
      { class: "entry", onclick: () => openPast(item.id) },
      thumbnail(item),
      element(
        "span", { class: "about" },
        event.label === null ? quiet("skipped") : chip(event.label),
        quiet(element("bdi", {}, event.annotator), ` · ${time}`),
        element("bdi", { class: "quiet id" }, item.id),
        note ? quiet(`Note: ${note}`) : null,
      ),
    ),
  );
}

// Label errors

export async function fillErrors() {
  const [conflicts, suspects] = await Promise.all([get("conflicts"), get("suspects")]);
  const asSuspect = (c) => ({ ...c, opinions: [{ label: c.other_label, annotator: c.other_annotator }], prediction: null, against: [] });
  fill($("conflicts"), conflicts.map((c) => suspectEntry(asSuspect(c), c.other_label)));
  fill($("suspects"), suspects.filter((s) => !s.opinions.length).map((s) => suspectEntry(s, s.prediction)));
  $("do-review").hidden = !suspects.length;
}

function suspectEntry(suspect, other) {
  const { item, label, against } = suspect;
  const control = (given, ...words) => button({ onclick: () => resolve(item.id, given, label) }, ...words);
  const line = (span) => element("p", {}, span);
  return element(
    "li", { class: "suspect" },
    button({ class: "entry", onclick: () => openPast(item.id) }, thumbnail(item)),
    element(
      "div", { class: "about" },
      ...statements(suspect).map(line), ...objections(suspect).map(line),
      against.length ? element("ul", { class: "row", "aria-label": "Neighbors that disagree" }, ...against.slice(0, MOST_AGAINST).map(opponent)) : null,
      element(
        "div", { class: "buttons left" },
        control(label, "Keep ", chip(label)),
        other === null || other === label ? null : control(other, "Change to ", chip(other)),
        control(null, "Not sure"),
      ),
    ),
  );
}

const opponent = ({ item, label }) =>
  element(
    "li", {},
    button(
      { class: "against", "aria-label": `${item.id}, labeled ${label}`, onclick: () => openPast(item.id) },
      thumbnail(item), chip(label),
    ),
  );

async function resolve(item, label, was) {
  if (await attempt(() => atSeat("settlements", { item, label, was }))) say("Reviewed.");
  await fillErrors();
  refresh(rejoin);
}

// Progress

export async function fillProgress() {
  drawProgress();
  const random = await get("random");
  drawCurves([
    { name: "your labels", color: colorAt(0), dash: "", points: state.status.curve },
    { name: "random labels (estimated)", color: colorAt(1), dash: "6 4", points: random.curve },
  ].filter(({ points }) => points.length > 1));
  const { estimate } = random;
  $("random-words").textContent = estimate
    ? `As many random labels would have reached about ${percent(estimate.accuracy)} (95% interval ${percent(estimate.low)} to ` +
      `${percent(estimate.high)}), estimated from ${plural(random.audited, "audited item")}.`
    : random.working
      ? "Estimating what random labels would have reached …"
      : `An estimate for random labels needs ${random.needed} audited items; there ${random.audited === 1 ? "is" : "are"} ${count(random.audited)}.`;
}

function drawCurves(lines) {
  const chart = shape("svg", { class: "chart", role: "img" });
  const inWords = ({ name, points }) => {
    const { accuracy, labels, low, high } = points.at(-1);
    return `${name}: ${percent(accuracy)} at ${labels} labels, 95% interval ${percent(low)} to ${percent(high)}`;
  };
  chart.setAttribute("aria-label", `Accuracy by number of labels. ${lines.map(inWords).join(". ")}`);
  const curves = lines.map((line) => ({ ...line, points: line.points.map((p) => ({ ...p, value: p.accuracy })) }));
  if (lines.length) drawChart(chart, curves, { to: Math.max(...lines.map(({ points }) => points.at(-1).labels)), width: 520, height: 260 });
  const legend = lines.map(({ name, color, dash }) => element("span", {}, swatch(color, dash), ` ${name}`));
  $("curve").replaceChildren(...(lines.length ? [element("p", { class: "quiet row" }, ...legend), chart] : []));
}

export function drawProgress() {
  const { accuracy, advice, agreement, classes, people } = state.status;
  $("accuracy-words").textContent = accuracy
    ? `${percent(accuracy.accuracy)}, 95% interval ${percent(accuracy.low)} to ${percent(accuracy.high)}, ` +
      `from the latest ${plural(accuracy.audited, "audited item")}.`
    : "Not known yet. One question in ten is drawn at random to measure it, and none of those is labeled yet.";
  $("advice").textContent = [
    advice.could_stop ? `You could stop: ${advice.reasons.join(" and ")}.` : "",
    advice.outlook ?? "",
  ].join(" ").trim();
  keepingFocus(() => drawClassTable(classes));
  const kappa = agreement.kappa === null ? "not known yet" : agreement.kappa.toFixed(2);
  const agreed = agreement.pairs || state.about.overlap
    ? ` Two people gave the same label to ${count(agreement.equal)} of ${plural(agreement.pairs, "item")} (Cohen's kappa: ${kappa}).`
    : "";
  $("people").textContent = `Labeling now: ${people.join(", ") || "nobody"}.${agreed}`;
}

function drawClassTable(classes) {
  const most = Math.max(1, ...classes.map((c) => c.count));
  const owners = new Map(classes.filter((c) => c.key).map((c) => [c.key, c.name]));
  const drawn = JSON.stringify(classes);
  const body = document.querySelector("#class-table tbody");
  if (body.dataset.drawn === drawn) return; // an open list would close
  body.dataset.drawn = drawn;
  body.replaceChildren(
    ...classes.map((c) =>
      element(
        "tr", {},
        element("td", {}, keyChoice(c, owners)),
        element("th", { scope: "row" }, chip(c.name), c.count ? bar(c.count / most, colorOf(c.name)) : null),
        element("td", { class: "number" }, count(c.count)),
        element(
          "td", {},
          tool("Rename", c.name, openRename),
          c.count ? null : tool("Remove", c.name, removeClass),
        ),
      ),
    ),
  );
}

const tool = (words, name, work) =>
  button({ class: "quiet", "data-focus": `${words} ${name}`, "aria-label": `${words} ${name}`, onclick: () => work(name) }, words);

// Chooses the key of a class; keys in use name their class.
function keyChoice({ name, key }, owners) {
  const options = [...state.about.class_keys].map((one) => {
    const owner = owners.get(one);
    const words = owner === undefined || owner === name ? one : `${one} (${owner})`;
    return element("option", { value: one, selected: one === key }, words);
  });
  if (key === null) options.unshift(element("option", { value: "", selected: true, disabled: true }, "–"));
  const onchange = (event) => assignKey(name, event.target.value);
  return element("select", { class: "key", "data-focus": `key ${name}`, "aria-label": `Key of ${name}`, onchange }, ...options);
}
