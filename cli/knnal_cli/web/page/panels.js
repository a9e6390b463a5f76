// History, doubts and progress: lists beside the item.

import { get, query } from "/api.js";
import { curves } from "/curve.js";
import { $, chip, colorOf, count, element, keepingFocus, percent } from "/dom.js";
import { small } from "/item.js";
import { state } from "/session.js";

const PAGE = 40;
const SHOWN_AGAINST = 3;

const time = (at) => new Date(at).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });

// History

export async function fillHistory(onlook, before) {
  const search = $("history-search").value;
  const asked = { limit: PAGE, search, ...(before ? { before } : {}) };
  const { entries, more } = await get(`history?${query(asked)}`);
  const rows = entries.map(({ event, item, note }) =>
    element(
      "li", {},
      element(
        "button", { type: "button", class: "entry", onclick: () => onlook(item.id) },
        small(item),
        element(
          "span", { class: "about" },
          event.label === null ? element("span", { class: "quiet" }, "skipped") : chip(event.label),
          element("span", { class: "quiet" }, element("bdi", {}, event.annotator), ` · ${time(event.at)}`),
          element("bdi", { class: "quiet id" }, item.id),
          note ? element("span", { class: "quiet", dir: "auto" }, `Note: ${note}`) : null,
        ),
      ),
    ),
  );
  if (before) $("history-list").append(...rows);
  else $("history-list").replaceChildren(...rows);
  if (!rows.length && !before) {
    $("history-list").append(element("li", { class: "quiet" }, "Nothing yet."));
  }
  $("history-more").hidden = !more;
  $("history-more").onclick = () => fillHistory(onlook, entries.at(-1).event.seq);
}

// Doubts

export async function fillDoubts(onlook, onsettle) {
  const [conflicts, suspects] = await Promise.all([get("conflicts"), get("suspects")]);
  const settle = (item, was, label, words) =>
    element("button", { type: "button", onclick: () => onsettle(item.id, label, was) }, ...words);
  const entry = (item, words, ...buttons) =>
    element(
      "li", { class: "doubt" },
      element("button", { type: "button", class: "entry", onclick: () => onlook(item.id) }, small(item)),
      element("div", { class: "about" }, ...words, element("div", { class: "buttons left" }, ...buttons)),
    );
  const said = (who, label) => element("p", {}, element("bdi", {}, who), " says ", chip(label));
  fill($("conflicts"), conflicts.map((c) =>
    entry(
      c.item,
      [said(c.annotator, c.label), said(c.other_annotator, c.other_label)],
      settle(c.item, c.label, c.label, ["It is ", chip(c.label)]),
      settle(c.item, c.label, c.other_label, ["It is ", chip(c.other_label)]),
      settle(c.item, c.label, null, ["Not sure"]),
    ),
  ), "None.");
  fill($("suspects"), suspects.filter((s) => !s.opinions.length).map((s) =>
    entry(
      s.item,
      [
        s.outdated ? element("p", {}, "The item has changed since it was labeled.") : null,
        element("p", {}, "labeled ", chip(s.label), "; the other labels say ", chip(s.prediction), ` (${percent(s.probability)})`),
        against(s.against, onlook),
      ],
      settle(s.item, s.label, s.label, ["Keep ", chip(s.label)]),
      s.prediction === s.label ? null : settle(s.item, s.label, s.prediction, ["Change to ", chip(s.prediction)]),
      settle(s.item, s.label, null, ["Not sure"]),
    ),
  ), "None.");
  $("do-review").hidden = !suspects.length;
}

// The nearest neighbors with another label.
function against(neighbors, onlook) {
  if (!neighbors.length) return null;
  const shown = neighbors.slice(0, SHOWN_AGAINST).map(({ item, label }) =>
    element(
      "li", {},
      element(
        "button",
        { type: "button", class: "against", "aria-label": `${item.id}, labeled ${label}`, onclick: () => onlook(item.id) },
        small(item), chip(label),
      ),
    ),
  );
  return element("ul", { class: "row", "aria-label": "Neighbors that disagree" }, ...shown);
}

function fill(list, rows, otherwise) {
  list.replaceChildren(...rows);
  if (!rows.length) list.append(element("li", { class: "quiet" }, otherwise));
}

// Progress

let on = {}; // {onrename(name), onkey(name, key), onremove(name)}
export function watchStanding(then) {
  on = then;
}

export async function fillStanding() {
  drawStanding(state.status);
  const random = await get("random");
  drawCurves(state.status.curve, random);
}

function drawCurves(labeled, random) {
  const lines = [];
  if (labeled.length > 1) lines.push({ name: "as labeled", points: labeled });
  if (random.curve.length) lines.push({ name: "random labels, estimated", points: random.curve });
  $("curve").replaceChildren(...(lines.length ? [curves(lines)] : []));
  const { estimate } = random;
  $("random-words").textContent = estimate
    ? `As many labels drawn at random would have reached ${percent(estimate.accuracy)}, ` +
      `95 % interval ${percent(estimate.low)} to ${percent(estimate.high)}, judging by ${count(random.audited)} audited items.`
    : random.working
      ? "What random labels would have reached is being worked out."
      : `What random labels would have reached is not known yet: it takes ${random.needed} audited items, ${count(random.audited)} are there.`;
}

function drawStanding(status) {
  const { overlap } = state.about;
  const { accuracy, advice, agreement } = status;
  $("accuracy-words").textContent = accuracy
    ? `${percent(accuracy.accuracy)}, 95 % interval ${percent(accuracy.low)} to ${percent(accuracy.high)}, ` +
      (accuracy.audited === 1 ? "by one audited item." : `by the latest ${count(accuracy.audited)} audited items.`)
    : "Not known yet: one question in ten is drawn at random, and none of those is answered.";
  const stop = advice.could_stop ? `You could stop: ${advice.reasons.join(" and ")}. ` : "";
  $("advice").textContent = stop + (advice.outlook ?? "");
  keepingFocus(() => drawClassTable(status.classes));
  const kappa = agreement.kappa === null ? "not known yet" : agreement.kappa.toFixed(2);
  const agreed = agreement.pairs || overlap
    ? ` Agreement of two people: Cohen's kappa ${kappa}, the same label for ${count(agreement.equal)} of ${count(agreement.pairs)} items.`
    : "";
  $("people").textContent = `Here now: ${status.people.join(", ") || "nobody"}.${agreed}`;
}

function drawClassTable(classes) {
  const most = Math.max(1, ...classes.map((c) => c.count));
  const holders = new Map(classes.filter((c) => c.key).map((c) => [c.key, c.name]));
  const drawn = JSON.stringify(classes);
  const body = document.querySelector("#class-table tbody");
  if (body.dataset.drawn === drawn) return; // a list that is open would close
  body.dataset.drawn = drawn;
  body.replaceChildren(
    ...classes.map((c) => {
      const meter = element("span", { class: `fill ${colorOf(c.name)}` });
      meter.style.inlineSize = `${(100 * c.count) / most}%`;
      meter.hidden = !c.count;
      return element(
        "tr", {},
        element("td", {}, keyChoice(c, holders)),
        element("th", { scope: "row" }, chip(c.name), element("span", { class: "bar", "aria-hidden": "true" }, meter)),
        element("td", { class: "number" }, count(c.count)),
        element(
          "td", {},
          tool("Rename", c.name, () => on.onrename(c.name)),
          c.count ? null : tool("Remove", c.name, () => on.onremove(c.name)),
        ),
      );
    }),
  );
}

const tool = (words, name, onclick) =>
  element(
    "button",
    { type: "button", class: "quiet", "data-focus": `${words} ${name}`, "aria-label": `${words} ${name}`, onclick },
    words,
  );

// The key of a class, to choose; those of other classes say whose they are.
function keyChoice({ name, key }, holders) {
  const options = [...state.about.class_keys].map((one) => {
    const holder = holders.get(one);
    return element(
      "option", { value: one, selected: one === key },
      holder === undefined || holder === name ? one : `${one} (${holder})`,
    );
  });
  if (key === null) options.unshift(element("option", { value: "", selected: true, disabled: true }, "–"));
  return element(
    "select",
    {
      class: "key", "data-focus": `key ${name}`, "aria-label": `Key of ${name}`,
      onchange: (event) => on.onkey(name, event.target.value),
    },
    ...options,
  );
}
