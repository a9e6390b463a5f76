// Starts the page, and connects keys and buttons to commands.

import { get, leave } from "/api.js";
import { openNote, openRename, watchForms } from "/classes.js";
import { askForClass, closePanels, dialogIsOpen, watchDialogs } from "/dialogs.js";
import { $, setTheme, toggleTheme } from "/dom.js";
import { drawMessage } from "/item.js";
import { commandOf, drawKeys } from "/keys.js";
import { mapIsOpen, openMap, pressOnMap, refreshMap, watchMap } from "/map.js";
import { fillErrors, fillHistory, fillProgress } from "/panels.js";
import { label, next, redo, rejoin, resume, skip, step, undo, unlabel } from "/question.js";
import { review } from "/review.js";
import { insist, names, pause, state, takeSeat } from "/session.js";
import { refresh, watchClasses } from "/status.js";
import { closeZoom, openZoom, watchZoom, zoomBy, zoomIsOpen } from "/zoom.js";

const POLL_MS = 2000;

// Panels

const FILL = {
  history: () => fillHistory(),
  errors: fillErrors,
  progress: fillProgress,
  map: openMap,
  name: () => ($("my-name").value = state.me),
};

async function open(id) {
  closePanels();
  $(id).showModal();
  if (FILL[id]) await insist(async () => FILL[id]());
}

async function openKeys() {
  await open("progress");
  document.querySelector("#class-table select")?.focus();
}

async function changeName(event) {
  event.preventDefault();
  const name = $("my-name").value.trim();
  if (!name) return;
  localStorage.setItem("knnal-name", name);
  $("name").close();
  if (name === state.me && state.seat) return;
  state.me = name;
  if (state.seat) await leave(state.seat).catch(() => {});
  await takeSeat();
  await next();
}

function quit() {
  state.stopped = true;
  leave(state.seat).catch(() => {});
  drawMessage("Stopped. Everything is stored.", "Reload the page to continue.");
  document.body.classList.add("done");
}

function zoom() {
  const picture = document.querySelector("#item img");
  if (picture) openZoom(picture.src, picture.alt);
}

// Keys

const COMMANDS = {
  type: () => askForClass(names(), label),
  skip, undo, redo, unlabel, review, zoom, quit,
  note: openNote,
  rename: () => openRename(),
  assign: openKeys,
  relabel: () => open("history"),
  errors: () => open("errors"),
  progress: () => open("progress"),
  map: () => open("map"),
  help: () => open("help"),
  step: (key) => (key !== "ArrowRight" ? step(1) : state.past && step(-1)),
  keep: () => state.review?.keep(),
  leave: resume,
};

// What a key does, and the class that it labels. Shift is optional where neither a class nor a
// command has the letter.
function actionOf(event, pressed) {
  const shifted = pressed.length === 1 && COMMANDS[commandOf(pressed.toUpperCase())];
  if (event.shiftKey && shifted) return [shifted];
  const wanted = state.status?.classes.find((c) => c.key === pressed);
  if (wanted) return [() => label(wanted.name), wanted];
  return [COMMANDS[commandOf(pressed)] ?? shifted];
}

function press(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || state.stopped) return;
  if (!state.about || dialogIsOpen() || event.target.closest("input, select, textarea")) return;
  if (event.repeat && !event.key.startsWith("Arrow")) return;
  const single = event.key.length === 1;
  if (single && !keysAreOn()) return;
  const pressed = single ? event.key.toLowerCase() : event.key;
  if (zoomIsOpen() && "+-".includes(pressed)) return zoomBy(pressed === "+" ? 1.25 : 0.8);
  if (zoomIsOpen() && pressed === " ") {
    event.preventDefault();
    return closeZoom();
  }
  if (mapIsOpen() && !zoomIsOpen()) return pressOnMap(event, pressed);
  const [command, wanted] = actionOf(event, pressed);
  if (!command || (zoomIsOpen() && !wanted)) return;
  if ([" ", "Enter"].includes(pressed) && event.target.closest("button, a, summary")) return;
  event.preventDefault();
  command(pressed);
}

const keysAreOn = () => $("keys-on").checked;

function watch() {
  document.addEventListener("keydown", press);
  document.addEventListener("click", (event) => {
    const pressed = event.target.closest("button");
    if (!pressed) return;
    if (pressed.dataset.open) open(pressed.dataset.open);
    if (pressed.dataset.command) COMMANDS[pressed.dataset.command]();
    // Space must not press again what a pointer has clicked.
    if (event.detail && pressed.closest("footer, #item")) $("workspace").focus({ preventScroll: true });
  });
  for (const start of [watchDialogs, watchForms, watchMap, watchZoom]) start();
  watchClasses(label);
  $("theme").addEventListener("click", () => localStorage.setItem("knnal-theme", toggleTheme()));
  $("name-form").addEventListener("submit", changeName);
  $("history-search").addEventListener("input", () => fillHistory());
  $("keys-on").checked = localStorage.getItem("knnal-keys") !== "off";
  $("keys-on").addEventListener("change", () => localStorage.setItem("knnal-keys", keysAreOn() ? "" : "off"));
  addEventListener("pagehide", () => state.seat && leave(state.seat).catch(() => {}));
  addEventListener("pageshow", (event) => event.persisted && location.reload());
}

async function begin() {
  history.replaceState(null, "", "/"); // the token is in a cookie and leaves the address bar
  const theme = localStorage.getItem("knnal-theme");
  if (theme) setTheme(theme);
  watch();
  state.about = await insist(() => get("about"));
  drawKeys();
  document.title = `${state.about.pool} · knnal`;
  $("pool").textContent = state.about.pool;
  const name = localStorage.getItem("knnal-name");
  state.me = name || state.about.annotator;
  if (!name && state.about.ask_name) {
    await open("name");
    await new Promise((resolve) => $("name").addEventListener("close", resolve, { once: true }));
    state.me = localStorage.getItem("knnal-name") || state.me;
  }
  if (!state.seat) {
    await takeSeat();
    await refresh(rejoin);
    await next();
  }
  for (;;) {
    await pause(document.hidden ? 10 * POLL_MS : POLL_MS);
    if (state.stopped) return;
    if (!state.busy) await refresh(rejoin);
    await refreshMap();
    if (!state.busy && !state.question) await next();
  }
}

begin();
