// Builds elements, and keeps colors and theme. Text stays text: nothing here parses markup.
import { COLORS, NONE } from "/palette.js";

export const $ = (id) => document.getElementById(id);

function built(made, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (name.startsWith("--")) made.style.setProperty(name, value);
    else if (value === true) made.setAttribute(name, "");
    else if (value !== false && value != null) made.setAttribute(name, value);
  }
  made.append(...children.filter((child) => child != null));
  return made;
}

export const element = (tag, attributes = {}, ...children) =>
  built(document.createElement(tag), attributes, children);
export const shape = (tag, attributes = {}, ...children) =>
  built(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);
export const button = (attributes, ...children) => element("button", { type: "button", ...attributes }, ...children);

export const percent = (share, digits = 0) => `${(100 * share).toFixed(digits)}%`;
export const count = (number) => number.toLocaleString("en");
export const plural = (number, noun, nouns = `${noun}s`) => `${count(number)} ${number === 1 ? noun : nouns}`;

export const colorAt = (place) => (place < 0 ? NONE : COLORS[place % COLORS.length]);

// A class keeps the color of its place among the classes.
let order = [];
export const setClasses = (names) => (order = names);
export const colorOf = (name) => colorAt(order.indexOf(name));

export const chip = (name, color = colorOf(name)) =>
  element("span", { class: "chip", "--c": color }, element("bdi", {}, name));

export function bar(share, color) {
  const fill = element("span", { class: "fill", ...(color && { "--c": color }) });
  fill.style.inlineSize = percent(share, 2);
  return element("span", { class: "bar", "aria-hidden": "true" }, fill);
}

export const setTheme = (theme) => (document.documentElement.dataset.theme = theme);

// Switches between dark and light; the theme now.
export function toggleTheme() {
  const { theme } = document.documentElement.dataset;
  const dark = theme ? theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  return setTheme(dark ? "light" : "dark");
}
