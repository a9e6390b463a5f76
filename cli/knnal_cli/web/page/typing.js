// Typing a class: what fits is listed, best first. Arrows choose from it; Enter takes the choice,
// or else what was typed.

import { $, chip, element } from "/dom.js";

const MOST = 8;

let known = [];
let chosen = -1;
let done = () => {};

export function askForClass(classes, then) {
  known = classes;
  done = then;
  $("typed").value = "";
  list();
  $("type").showModal();
  $("typed").focus();
}

// How well the letters fit a name, the lower the better; Infinity if they are not in it in order.
export function misfit(typed, name) {
  const wanted = typed.toLocaleLowerCase();
  const given = name.toLocaleLowerCase();
  if (given === wanted) return 0;
  if (given.startsWith(wanted)) return 1 + given.length / 1000;
  if (given.includes(wanted)) return 2 + given.indexOf(wanted) / 1000;
  let at = -1;
  let gaps = 0;
  for (const letter of wanted) {
    const next = given.indexOf(letter, at + 1);
    if (next < 0) return Infinity;
    gaps += next - at - 1;
    at = next;
  }
  return 3 + gaps;
}

function fitting() {
  const typed = $("typed").value.trim();
  return known
    .map((name) => [misfit(typed, name), name])
    .filter(([misses]) => misses < Infinity)
    .sort(([a], [b]) => a - b)
    .slice(0, MOST)
    .map(([, name]) => name);
}

function list() {
  const names = fitting();
  chosen = Math.min(chosen, names.length - 1);
  $("matches").replaceChildren(
    ...names.map((name, place) =>
      element(
        "li",
        { role: "option", id: `match-${place}`, "aria-selected": String(place === chosen), onclick: () => take(name) },
        chip(name),
      ),
    ),
  );
  if (chosen >= 0) $("typed").setAttribute("aria-activedescendant", `match-${chosen}`);
  else $("typed").removeAttribute("aria-activedescendant");
}

function take(name) {
  $("type").close();
  if (name) done(name);
}

export function watchTyping() {
  $("typed").addEventListener("input", () => {
    chosen = -1;
    list();
  });
  $("typed").addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    chosen = Math.max(Math.min(chosen + step, fitting().length - 1), -1);
    list();
  });
  $("type-form").addEventListener("submit", (event) => {
    event.preventDefault();
    take(chosen >= 0 ? fitting()[chosen] : $("typed").value.trim());
  });
  $("type").addEventListener("close", () => (chosen = -1));
}
