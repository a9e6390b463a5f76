// Draws one item with its prediction, its nearest labeled neighbors, and why it is asked about.

import { imageOf } from "/api.js";
import { $, bar, button, chip, colorOf, element, percent } from "/dom.js";
import { openZoom } from "/zoom.js";

const MOST_CHANCES = 4;
const LONG_TEXT = 280;

// Draws the question; resolves when the item is visible.
export function drawQuestion({ item, note, neighbors, why, ...question }) {
  const drawn = drawItem(item);
  $("name-of-item").textContent = item.id;
  drawNote(note);
  $("chances").replaceChildren(...chances(question));
  drawNeighbors("Nearest labeled items", neighbors);
  if (!neighbors.length) $("neighbors").append(element("li", { class: "quiet" }, "No item is labeled yet."));
  drawReason(why.summary, ...why.terms.flatMap(term));
  return drawn;
}

export function drawNeighbors(heading, neighbors) {
  $("h-neighbors").textContent = heading;
  $("neighbors").replaceChildren(...neighbors.map(neighbor));
}

// Why the item is here; nothing for no reason.
export function drawReason(summary, ...terms) {
  $("why").textContent = summary;
  $("terms").replaceChildren(...terms);
  $("reason").hidden = !summary && !terms.length;
}

export function drawNote(note) {
  $("item-note").textContent = note ? `Note: ${note}` : "";
  $("item-note").hidden = !note;
}

export function drawMessage(...lines) {
  drawNote(null);
  $("item").replaceChildren(message(...lines));
  for (const id of ["chances", "neighbors", "terms"]) $(id).replaceChildren();
  for (const id of ["why", "name-of-item"]) $(id).textContent = "";
}

const message = (...lines) => element("div", { class: "message" }, ...lines.map((line) => element("p", {}, line)));

export function inWords({ item, prediction, probability }) {
  const guess = prediction ? `, predicted ${prediction}, ${percent(probability)}` : "";
  return `${(item.text ?? item.id).slice(0, 200)}${guess}`;
}

// An item in a list: a thumbnail, or the start of its text.
export function thumbnail(item) {
  if (!item.image) return element("span", { class: "snippet", dir: "auto" }, item.text ?? item.id);
  const image = { src: imageOf(item, "small"), alt: item.id, loading: "lazy", draggable: "false" };
  return element("img", { class: "thumb", ...image });
}

function drawItem(item) {
  if (item.image) return drawPicture(item);
  if (item.text !== null) {
    const long = item.text.length > LONG_TEXT;
    const attributes = { class: long ? "text long" : "text", dir: "auto", tabindex: long ? 0 : null };
    $("item").replaceChildren(element("p", attributes, item.text));
  } else $("item").replaceChildren(message("This item is an embedding. It has no picture or text."));
  return Promise.resolve();
}

function drawPicture(item) {
  return new Promise((resolve) => {
    const picture = element("img", {
      class: "picture", src: imageOf(item, "full"), alt: item.id, draggable: "false",
      onload: resolve,
      onerror: () => {
        $("item").replaceChildren(message("The picture cannot be shown: its file is missing, damaged, or outside of the folder."));
        resolve();
      },
    });
    const onclick = () => openZoom(picture.src, item.id);
    $("item").replaceChildren(button({ class: "frame", "aria-label": `Enlarge ${item.id}`, onclick }, picture));
  });
}

function chances({ prediction, chances: all }) {
  if (prediction === null) return [element("p", { class: "quiet" }, "None before the first label.")];
  const rest = all.length - MOST_CHANCES;
  const rows = all.slice(0, MOST_CHANCES).map(({ label, probability }) =>
    element(
      "div", { class: "chance" },
      element("bdi", {}, label),
      element("span", { class: "number" }, percent(probability)),
      bar(probability, colorOf(label)),
    ),
  );
  if (rest > 0) rows.push(element("p", { class: "quiet" }, `and ${rest} less likely`));
  return rows;
}

function neighbor({ item, label, similarity, share }) {
  return element(
    "li", { title: `${item.id}, similarity ${similarity.toFixed(2)}` },
    thumbnail(item),
    element(
      "span", { class: "vote" },
      chip(label),
      element("span", { class: "quiet" }, `${percent(share)} of the vote`),
      bar(share, colorOf(label)),
    ),
  );
}

function term({ name, value, share, words }) {
  return [
    element("dt", {}, name, element("span", { class: "number" }, value.toFixed(2))),
    element("dd", {}, share === null ? null : bar(share), element("span", { class: "quiet" }, words)),
  ];
}
