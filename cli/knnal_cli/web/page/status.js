// The header and the class buttons: progress, accuracy, keys.

import { get, Problem, query } from "/api.js";
import { $, button, colorOf, count, element, percent, plural, setClasses } from "/dom.js";
import { drawProgress } from "/panels.js";
import { insist, openItem, state, warn } from "/session.js";

const MANY = 12;
const LIKELY = 4;

// Fetches and draws the status; onlost is called when the seat is lost.
export async function refresh(onlost) {
  try {
    state.status = await get(`status?${query({ seat: state.seat })}`);
  } catch (error) {
    const lost = error instanceof Problem && error.error === "seat";
    if (!state.busy) await (lost ? onlost() : insist(() => get("about")));
    return;
  }
  if (!state.busy) warn("");
  drawStatus();
}

function drawStatus() {
  const { accuracy, advice, classes, conflicts, ...status } = state.status;
  setClasses(classes.map((c) => c.name));
  $("bar").max = status.items;
  $("bar").value = status.labeled + status.skipped;
  $("counts").replaceChildren(
    element("b", {}, count(status.labeled)), " labeled",
    element("span", {}, `, ${count(status.remaining)} to go`),
  );
  $("accuracy").replaceChildren(
    ...(accuracy
      ? [element("b", {}, percent(accuracy.accuracy)), element("span", {}, ` accurate (${percent(accuracy.low)} to ${percent(accuracy.high)})`)]
      : []),
    ...(advice.could_stop ? [element("b", { class: "stop" }, " You could stop.")] : []),
  );
  $("conflict-count").hidden = !conflicts;
  $("conflict-count").textContent = conflicts;
  drawClasses();
  if ($("progress").open) drawProgress();
}

let onlabel = () => {};
export const watchClasses = (then) => (onlabel = then);

// Redraws what may have the focus, which stays with the same control.
export function keepingFocus(redraw) {
  const { focus } = document.activeElement?.dataset ?? {};
  redraw();
  if (focus) document.querySelector(`[data-focus="${CSS.escape(focus)}"]`)?.focus({ preventScroll: true });
}

export function drawClasses() {
  const classes = state.status?.classes;
  if (!classes) return;
  const question = openItem();
  const chances = question?.chances.slice(0, LIKELY).map(({ label }) => label) ?? [];
  const drawn = JSON.stringify([classes, chances]);
  if ($("classes").dataset.drawn === drawn) return;
  $("classes").dataset.drawn = drawn;
  const draw = (c) => classButton(c, c.name === question?.prediction);
  // Of many classes, the likeliest are at hand.
  const byName = new Map(classes.map((c) => [c.name, c]));
  const likely = classes.length > MANY ? chances.filter((name) => byName.has(name)) : [];
  $("likely").hidden = !likely.length;
  keepingFocus(() => {
    $("likely").replaceChildren(...likely.map((name) => draw(byName.get(name))));
    $("classes").replaceChildren(...classes.map(draw));
  });
  if (!classes.length) {
    $("classes").append(element("p", { class: "quiet" }, "No classes yet: press n and type the first one."));
  }
}

function classButton({ name, key, count: labels }, predicted) {
  return button(
    {
      class: `class${predicted ? " predicted" : ""}`,
      "--c": colorOf(name),
      "data-focus": `label ${name}`,
      "aria-keyshortcuts": key,
      "aria-label": `${name}, ${plural(labels, "label")}${predicted ? ", predicted" : ""}`,
      onclick: () => onlabel(name),
    },
    key ? element("kbd", {}, key) : null,
    element("bdi", {}, name),
    element("span", { class: "quiet" }, count(labels)),
  );
}
