// What stands around the item: progress, accuracy, the classes with their keys.

import { get, Problem, query } from "/api.js";
import { $, colorOf, count, element, keepingFocus, percent, setClasses } from "/dom.js";
import { fillStanding } from "/panels.js";
import { insist, state, warn } from "/session.js";

// Reads where the pool stands, and draws it; onlost is called where the seat is gone.
export async function look(onlost) {
  try {
    state.status = await get(`status?${query({ seat: state.seat })}`);
  } catch (error) {
    const seatless = error instanceof Problem && error.error === "seat";
    if (!state.busy) await (seatless ? onlost() : insist(() => get("about")));
    return;
  }
  if (!state.busy) warn("");
  draw();
}

function draw() {
  const { status } = state;
  setClasses(status.classes.map((c) => c.name));
  $("bar").max = status.items;
  $("bar").value = status.labeled + status.skipped;
  $("counts").replaceChildren(
    element("b", {}, count(status.labeled)), " labeled",
    element("span", {}, `, ${count(status.remaining)} to go`),
  );
  const { accuracy } = status;
  $("accuracy").replaceChildren(
    ...(accuracy
      ? [element("b", {}, percent(accuracy.accuracy)), element("span", {}, ` right (${percent(accuracy.low)} to ${percent(accuracy.high)})`)]
      : []),
    ...(status.advice.could_stop ? [element("b", { class: "stop" }, " You could stop.")] : []),
  );
  $("doubt-count").hidden = !status.conflicts;
  $("doubt-count").textContent = status.conflicts;
  drawClasses();
  if ($("standing").open) fillStanding();
}

const MANY = 12;
const LIKELY = 4;

let onlabel = () => {};
export function watchClasses(then) {
  onlabel = then;
}

export function drawClasses() {
  const { status } = state;
  if (!status) return;
  const question = state.back?.question ?? state.question;
  const chances = question?.chances.slice(0, LIKELY).map(({ label }) => label) ?? [];
  const keys = JSON.stringify([status.classes, chances]);
  if ($("classes").dataset.drawn === keys) return;
  $("classes").dataset.drawn = keys;
  const button = (c) => classButton(c, c.name === question?.prediction);
  // Of many classes, those that it probably is lie at hand.
  const likely = status.classes.length > MANY ? chances : [];
  const byName = new Map(status.classes.map((c) => [c.name, c]));
  $("likely").hidden = !likely.length;
  keepingFocus(() => {
    $("likely").replaceChildren(...likely.filter((name) => byName.has(name)).map((name) => button(byName.get(name))));
    $("classes").replaceChildren(...status.classes.map(button));
  });
  if (!status.classes.length) {
    $("classes").append(element("p", { class: "quiet" }, "No classes yet: press n and type the first one."));
  }
}

function classButton({ name, key, count: labels }, predicted) {
  return element(
    "button",
    {
      type: "button",
      class: `class ${colorOf(name)}${predicted ? " predicted" : ""}`,
      "data-focus": `label ${name}`,
      "aria-keyshortcuts": key,
      "aria-label": `${name}, ${count(labels)} labels${predicted ? ", predicted" : ""}`,
      onclick: () => onlabel(name),
    },
    key ? element("kbd", {}, key) : null,
    element("bdi", {}, name),
    element("span", { class: "quiet" }, count(labels)),
  );
}
