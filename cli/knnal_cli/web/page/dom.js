// Builds elements. Text only ever becomes text: nothing here parses markup.

const COLORS = 8;

export const $ = (id) => document.getElementById(id);

export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (value === true) made.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) made.setAttribute(name, value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

export const percent = (share) => `${Math.round(100 * share)} %`;
export const count = (number) => number.toLocaleString("en");

// Draws anew what may have the focus, which stays with the same control.
export function keepingFocus(draw) {
  const { focus } = document.activeElement?.dataset ?? {};
  draw();
  if (focus) document.querySelector(`[data-focus="${CSS.escape(focus)}"]`)?.focus({ preventScroll: true });
}

// A class keeps its color: that of its place among the classes.
let order = [];
export function setClasses(names) {
  order = names;
}
export function colorOf(label) {
  const place = order.indexOf(label);
  return place < 0 ? "c-none" : `c-${place % COLORS}`;
}

export function chip(label) {
  return element("span", { class: `chip ${colorOf(label)}` }, element("bdi", {}, label));
}

export function bar(share, color = "") {
  const fill = element("span", { class: `fill ${color}` });
  fill.style.inlineSize = `${100 * share}%`;
  return element("span", { class: "bar", "aria-hidden": "true" }, fill);
}
