// What stands around the item: progress, accuracy, the classes with their keys.

import { get, Problem, query } from "/api.js";
import { $, colourOf, count, element, percent, setClasses } from "/dom.js";
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
  $("bar").value = status.labelled + status.skipped;
  $("counts").replaceChildren(
    element("b", {}, count(status.labelled)), " labelled",
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

let onlabel = () => {};
export function watchClasses(then) {
  onlabel = then;
}

export function drawClasses() {
  const { status } = state;
  if (!status) return;
  const predicted = (state.back?.question ?? state.question)?.prediction;
  const keys = JSON.stringify([status.classes, predicted]);
  if ($("classes").dataset.drawn === keys) return;
  $("classes").dataset.drawn = keys;
  $("classes").replaceChildren(
    ...status.classes.map((c) =>
      element(
        "button",
        {
          type: "button",
          class: `class ${colourOf(c.name)}${c.name === predicted ? " predicted" : ""}`,
          "aria-keyshortcuts": c.key,
          "aria-label": `${c.name}, ${count(c.count)} labels${c.name === predicted ? ", predicted" : ""}`,
          onclick: () => onlabel(c.name),
        },
        c.key ? element("kbd", {}, c.key) : null,
        element("bdi", {}, c.name),
        element("span", { class: "quiet" }, count(c.count)),
      ),
    ),
  );
  if (!status.classes.length) {
    $("classes").append(element("p", { class: "quiet" }, "No classes yet: press n and type the first one."));
  }
}
