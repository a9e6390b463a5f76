// Dialogs: opening and closing, a confirmation, and typing a class.

import { $, chip, element } from "/dom.js";

export const dialogIsOpen = () => document.querySelector("dialog[open]:not(#zoom, #map)") !== null;

export function closePanels() {
  for (const dialog of document.querySelectorAll("dialog[open]")) dialog.close();
}

// Whether the user confirms.
export function confirmed(words, yes) {
  $("confirm-words").replaceChildren(...words);
  $("confirm-yes").textContent = yes;
  $("confirm").returnValue = "";
  $("confirm").showModal();
  return new Promise((resolve) => {
    $("confirm").addEventListener("close", () => resolve($("confirm").returnValue === "yes"), { once: true });
  });
}

// Typing a class lists those that match, best first. Arrows select one of them; Enter takes it, or
// else what was typed.

const MOST = 8;
let known = [];
let selected = -1;
let done = () => {};

export function askForClass(classes, then) {
  [known, done, selected] = [classes, then, -1];
  $("typed").value = "";
  listMatches();
  $("type").showModal();
  $("typed").focus();
}

// How badly the letters match a name; Infinity if they are not in it in this order.
function misfit(typed, name) {
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

function matches() {
  const typed = $("typed").value.trim();
  const ranked = known.map((name) => [misfit(typed, name), name]).filter(([misses]) => misses < Infinity);
  return ranked.sort(([a], [b]) => a - b).slice(0, MOST).map(([, name]) => name);
}

function listMatches() {
  const found = matches();
  selected = Math.min(selected, found.length - 1);
  $("matches").replaceChildren(
    ...found.map((name, i) => {
      const attributes = { role: "option", id: `match-${i}`, "aria-selected": String(i === selected) };
      return element("li", { ...attributes, onclick: () => take(name) }, chip(name));
    }),
  );
  if (selected >= 0) $("typed").setAttribute("aria-activedescendant", `match-${selected}`);
  else $("typed").removeAttribute("aria-activedescendant");
}

function take(name) {
  $("type").close();
  if (name) done(name);
}

export function watchDialogs() {
  document.addEventListener("click", (event) => {
    const pressed = event.target.closest("button");
    if (pressed && "close" in pressed.dataset) pressed.closest("dialog").close();
  });
  for (const dialog of document.querySelectorAll("dialog.panel")) {
    dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
  }
  $("typed").addEventListener("input", () => {
    selected = -1;
    listMatches();
  });
  $("typed").addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    selected = Math.max(Math.min(selected + step, matches().length - 1), -1);
    listMatches();
  });
  $("type-form").addEventListener("submit", (event) => {
    event.preventDefault();
    take(selected >= 0 ? matches()[selected] : $("typed").value.trim());
  });
}
