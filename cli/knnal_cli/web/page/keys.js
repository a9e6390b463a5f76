// The keymap of the server: which key does what, on buttons and in the help.

import { $, button, element } from "/dom.js";
import { state } from "/session.js";

const FOOTER = ["type", "skip", "undo", "redo", "note", "step"];

const actions = (mode) => state.about.keymap.filter((one) => one.mode === mode);
const find = (name, mode) => actions(mode).find((one) => one.name === name);

// The name of the command of a key; a review has keys of its own, besides the others.
export function commandOf(key) {
  const modes = state.review ? ["review", "label"] : ["label"];
  return modes.flatMap(actions).find(({ keys }) => keys.includes(key))?.name;
}

// A button with the words and the key of a command.
export function commandButton(name, mode, onclick) {
  const { short, printed } = find(name, mode);
  const words = short[0].toUpperCase() + short.slice(1);
  return button({ onclick }, `${words} (${printed.split("  ")[0]})`);
}

// Draws the commands below the item, and the help.
export function drawKeys() {
  $("commands").replaceChildren(
    ...FOOTER.map((name) => {
      const { keys, short, printed } = find(name, "label");
      const attributes = { "data-command": name, "aria-keyshortcuts": keys[0] };
      return button(attributes, element("kbd", {}, printed), element("span", {}, short));
    }),
  );
  for (const mode of ["label", "review"]) {
    $(`help-${mode}`).replaceChildren(
      ...actions(mode).flatMap(({ printed, help }) => [element("dt", {}, element("kbd", {}, printed)), element("dd", {}, help)]),
    );
  }
}
