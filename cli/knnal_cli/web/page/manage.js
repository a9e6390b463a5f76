// Classes renamed and merged, notes on items.

import { change, lookAt } from "/asking.js";
import { closePanels } from "/dialogs.js";
import { $, chip, count, element } from "/dom.js";
import { showNote } from "/item.js";
import { atSeat, attempt, names, say, state } from "/session.js";

// Notes

const noted = () => (state.back?.question ?? state.question) || null;

export function openNote() {
  const question = noted();
  if (!question || !state.visible) return;
  closePanels();
  $("note-item").textContent = question.item.id;
  $("note-text").value = question.note ?? "";
  $("notes").showModal();
}

async function putNote(event) {
  event.preventDefault();
  $("notes").close();
  const question = noted();
  const text = $("note-text").value.trim();
  if (!question || text === (question.note ?? "")) return;
  const done = await attempt(() => atSeat("notes", { item: question.item.id, text }));
  if (!done) return;
  question.note = text || null;
  showNote(question);
  say(text ? "Noted." : "The note is gone.");
}

// Classes

export function openRename(name) {
  if (!names().length) return say("No classes yet: press n and type the first one.");
  closePanels();
  $("rename-old").replaceChildren(...names().map((n) => element("option", { value: n, dir: "auto" }, n)));
  $("rename-old").value = name ?? names()[0];
  $("rename-new").value = "";
  tellRename();
  $("rename").showModal();
  (name ? $("rename-new") : $("rename-old")).focus();
}

const labelsOf = (name) => state.status.classes.find((c) => c.name === name)?.count ?? 0;
const labels = (many) => `${count(many)} ${many === 1 ? "label" : "labels"}`;

// Says what the new name would mean before it is given.
function tellRename() {
  const [old, wanted] = [$("rename-old").value, $("rename-new").value.trim()];
  const merges = wanted !== old && names().includes(wanted);
  $("rename-yes").textContent = merges ? "Merge" : "Rename";
  $("rename-yes").disabled = !wanted || wanted === old;
  $("rename-words").replaceChildren(
    ...(merges
      ? [chip(wanted), ` is a class too: its ${labels(labelsOf(wanted))} and the ${labels(labelsOf(old))} of `, chip(old), " become one class. Undo parts them again."]
      : [`All ${labels(labelsOf(old))} of `, chip(old), " get the new name. The name of another class merges the two."]),
  );
}

async function rename(event) {
  event.preventDefault();
  const [old, wanted] = [$("rename-old").value, $("rename-new").value.trim()];
  $("rename").close();
  const merges = names().includes(wanted);
  const back = state.back?.question.item.id;
  await change(
    () => atSeat("renames", { old, new: wanted }),
    "",
    () => (merges ? ["Merged ", chip(old), " into ", chip(wanted), "."] : ["Renamed ", chip(old), " to ", chip(wanted), "."]),
  );
  if (back) await lookAt(back);
}

export function watchManaging() {
  $("note-form").addEventListener("submit", putNote);
  $("note-text").addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    $("note-form").requestSubmit();
  });
  $("rename-form").addEventListener("submit", rename);
  for (const id of ["rename-old", "rename-new"]) $(id).addEventListener("input", tellRename);
}
