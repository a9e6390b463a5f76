// Shows one item and what is thought of it.

import { imageOf } from "/api.js";
import { $, bar, chip, colorOf, element, percent } from "/dom.js";
import { openZoom } from "/zoom.js";

const SHOWN_CHANCES = 4;
const LONG_TEXT = 280;

// Shows the question; resolves when there is something to see.
export function showQuestion(question) {
  $("h-neighbors").textContent = "Nearest labeled items";
  const shown = showItem(question.item);
  $("name-of-item").textContent = question.item.id;
  showNote(question);
  $("chances").replaceChildren(...chances(question));
  const neighbors = question.neighbors.map(neighbor);
  $("neighbors").replaceChildren(...neighbors);
  if (!neighbors.length) {
    $("neighbors").append(element("li", { class: "quiet" }, "Nothing is labeled yet."));
  }
  $("why").textContent = question.why.summary;
  $("terms").replaceChildren(...question.why.terms.flatMap(term));
  return shown;
}

// Instead of its neighbors, those that have another label than the item.
export function showAgainst(neighbors) {
  if (!neighbors.length) return;
  $("h-neighbors").textContent = "Labeled neighbors that disagree";
  $("neighbors").replaceChildren(...neighbors.map(neighbor));
}

export function showNote(question) {
  $("item-note").textContent = question?.note ? `Note: ${question.note}` : "";
  $("item-note").hidden = !question?.note;
}

export function showNothing(...lines) {
  showNote(null);
  const words = lines.map((line) => element("p", {}, line));
  $("item").replaceChildren(element("div", { class: "nothing" }, ...words));
  for (const id of ["chances", "neighbors", "terms"]) $(id).replaceChildren();
  for (const id of ["why", "name-of-item"]) $(id).textContent = "";
}

export function inWords(question) {
  const what = question.item.text ?? question.item.id;
  const guess = question.prediction
    ? `, predicted ${question.prediction}, ${percent(question.probability)}`
    : "";
  return `${what.slice(0, 200)}${guess}`;
}

// An item in a list: a thumbnail or the beginning of its text.
export function small(item) {
  if (item.image) {
    return element("img", {
      class: "thumb", src: imageOf(item, "small"), alt: item.id, loading: "lazy", draggable: "false",
    });
  }
  return element("span", { class: "snippet", dir: "auto" }, item.text ?? item.id);
}

function showItem(item) {
  if (item.image) return showPicture(item);
  if (item.text !== null) {
    const long = item.text.length > LONG_TEXT;
    const text = element("p", { class: long ? "text long" : "text", dir: "auto", tabindex: long ? 0 : null }, item.text);
    $("item").replaceChildren(text);
  } else {
    showPlain("An embedding, with nothing to show.");
  }
  return Promise.resolve();
}

function showPicture(item) {
  return new Promise((resolve) => {
    const picture = element("img", {
      class: "picture", src: imageOf(item, "full"), alt: item.id, draggable: "false",
      onload: resolve,
      onerror: () => {
        showPlain("The picture cannot be shown: its file is gone, or lies outside of the folder.");
        resolve();
      },
    });
    const open = () => openZoom(picture.src, item.id);
    const button = element(
      "button", { type: "button", class: "frame", "aria-label": `Enlarge ${item.id}`, onclick: open },
      picture,
    );
    $("item").replaceChildren(button);
  });
}

function showPlain(words) {
  $("item").replaceChildren(element("div", { class: "nothing" }, element("p", {}, words)));
}

function chances(question) {
  if (question.prediction === null) {
    return [element("p", { class: "quiet" }, "None before the first label.")];
  }
  const rest = question.chances.length - SHOWN_CHANCES;
  const rows = question.chances.slice(0, SHOWN_CHANCES).map(({ label, probability }) =>
    element(
      "div", { class: "chance" },
      element("bdi", { class: "what" }, label),
      element("span", { class: "number" }, percent(probability)),
      bar(probability, colorOf(label)),
    ),
  );
  if (rest > 0) rows.push(element("p", { class: "quiet" }, `and ${rest} less likely ones`));
  return rows;
}

function neighbor({ item, label, similarity, share }) {
  return element(
    "li", { title: `${item.id}, similarity ${similarity.toFixed(2)}` },
    small(item),
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
    element(
      "dd", {},
      share === null ? null : bar(share),
      element("span", { class: "words" }, words),
    ),
  ];
}
