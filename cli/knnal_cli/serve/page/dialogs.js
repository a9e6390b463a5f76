// Dialogs in general: which is open, and what closes it.

export const dialogIsOpen = () => document.querySelector("dialog[open]:not(#zoom, #map)") !== null;

export function closePanels() {
  for (const dialog of document.querySelectorAll("dialog[open]")) dialog.close();
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
