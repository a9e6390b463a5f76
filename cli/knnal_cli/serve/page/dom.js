// Builds elements. Text only ever becomes text: nothing here parses markup.

const COLOURS = 8;

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

// A class keeps its colour: that of its place among the classes.
let order = [];
export function setClasses(names) {
  order = names;
}
export function colourOf(label) {
  const place = order.indexOf(label);
  return place < 0 ? "c-none" : `c-${place % COLOURS}`;
}

export function chip(label) {
  return element("span", { class: `chip ${colourOf(label)}` }, element("bdi", {}, label));
}

export function bar(share, colour = "") {
  const fill = element("span", { class: `fill ${colour}` });
  fill.style.inlineSize = `${100 * share}%`;
  return element("span", { class: "bar", "aria-hidden": "true" }, fill);
}
