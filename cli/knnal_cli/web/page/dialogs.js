// Dialogs in general: which is open, and what closes it.

import { $ } from "/dom.js";

export const dialogIsOpen = () => document.querySelector("dialog[open]:not(#zoom, #map)") !== null;

export function closePanels() {
  for (const dialog of document.querySelectorAll("dialog[open]")) dialog.close();
}

// Whether something is meant, asked in a dialog.
export function confirmed(words, yes) {
  $("confirm-words").replaceChildren(...words);
  $("confirm-yes").textContent = yes;
  $("confirm").returnValue = "";
  $("confirm").showModal();
  return new Promise((resolve) => {
    const answer = () => resolve($("confirm").returnValue === "yes");
    $("confirm").addEventListener("close", answer, { once: true });
  });
}

export function watchDialogs() {
  document.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (button && "close" in button.dataset) button.closest("dialog").close();
  });
  for (const dialog of document.querySelectorAll("dialog.panel")) {
    dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
  }
}
