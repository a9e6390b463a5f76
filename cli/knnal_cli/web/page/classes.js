// Classes and notes: add, rename, merge and remove classes, choose their keys, put a note on an item.

import { closePanels } from "/dialogs.js";
import { $, chip, element, plural } from "/dom.js";
import { drawNote } from "/item.js";
import { change, openPast, rejoin } from "/question.js";
import { atSeat, attempt, names, openItem, say, state } from "/session.js";
import { refresh } from "/status.js";

// Notes

export function openNote() {
  const question = openItem();
  if (!question || !state.visible) return;
  closePanels();
  $("note-item").textContent = question.item.id;
  $("note-text").value = question.note ?? "";
  $("notes").showModal();
}

async function saveNote(event) {
  event.preventDefault();
  $("notes").close();
  const question = openItem();
  const text = $("note-text").value.trim();
  if (!question || text === (question.note ?? "")) return;
  if (!(await attempt(() => atSeat("notes", { item: question.item.id, text })))) return;
  question.note = text || null;
  drawNote(question.note);
  say(text ? "Saved the note." : "Removed the note.");
}

// Classes

async function changeClasses(path, body, ...words) {
  if ((await attempt(() => atSeat(path, body))) && words.length) say(...words);
  await refresh(rejoin);
}

function addClass(event) {
  event.preventDefault();
  const name = $("new-class").value.trim();
  $("new-class").value = "";
  if (name) changeClasses("classes", { name });
}

export const removeClass = (name) => changeClasses("classes/remove", { name }, "Removed the class ", chip(name), ".");
export const assignKey = (name, key) => changeClasses("keys", { name, key }, `${key} is now the key of `, chip(name), ".");

export function openRename(name) {
  if (!names().length) return say("No classes yet: press n and type the first one.");
  closePanels();
  $("rename-old").replaceChildren(...names().map((n) => element("option", { value: n, dir: "auto" }, n)));
  $("rename-old").value = name ?? names()[0];
  $("rename-new").value = "";
  previewRename();
  $("rename").showModal();
  (name ? $("rename-new") : $("rename-old")).focus();
}

const labelsOf = (name) => plural(state.status.classes.find((c) => c.name === name)?.count ?? 0, "label");

// Says what the new name would do.
function previewRename() {
  const [old, wanted] = [$("rename-old").value, $("rename-new").value.trim()];
  const merges = wanted !== old && names().includes(wanted);
  $("rename-yes").textContent = merges ? "Merge" : "Rename";
  $("rename-yes").disabled = !wanted || wanted === old;
  $("rename-words").replaceChildren(
    ...(merges
      ? [chip(wanted), ` exists: its ${labelsOf(wanted)} and the ${labelsOf(old)} of `, chip(old), " become one class. Undo separates them."]
      : [`Renames ${labelsOf(old)} of `, chip(old), ". The name of another class merges the two."]),
  );
}

async function rename(event) {
  event.preventDefault();
  const [old, wanted] = [$("rename-old").value, $("rename-new").value.trim()];
  $("rename").close();
  const words = names().includes(wanted) ? ["Merged ", chip(old), " into "] : ["Renamed ", chip(old), " to "];
  const past = state.past?.question.item.id;
  await change(() => atSeat("renames", { old, new: wanted }), () => [...words, chip(wanted), "."]);
  if (past) await openPast(past);
}

export function watchForms() {
  $("class-form").addEventListener("submit", addClass);
  $("note-form").addEventListener("submit", saveNote);
  $("note-text").addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    $("note-form").requestSubmit();
  });
  $("rename-form").addEventListener("submit", rename);
  for (const id of ["rename-old", "rename-new"]) $(id).addEventListener("input", previewRename);
}
