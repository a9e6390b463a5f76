// The state of the page, and requests that are repeated until the server answers.

import { Lost, post, Problem } from "/api.js";
import { $ } from "/dom.js";

const RETRY_MS = 1000;

export const state = {
  about: null,
  me: "",
  seat: null,
  status: null,
  question: null, // what is asked
  past: null, // a past item that is open instead, and its decision
  review: null, // while reviewing labels: what the keys do
  visible: false, // whether the item is drawn
  busy: false,
  stopped: false,
};

export const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
export const names = () => state.status?.classes.map((c) => c.name) ?? [];
export const openItem = () => state.past?.question ?? state.question;

export const say = (...words) => $("note").replaceChildren(...words);

export function warn(words) {
  $("banner").textContent = words;
  $("banner").hidden = !words;
}

const waiting = new Set(); // describes what is kept until the server is back

// Repeats a request until the server answers, so that nothing the user did is lost.
export async function insist(work, words = "") {
  if (words) waiting.add(words);
  try {
    return await repeat(work);
  } finally {
    waiting.delete(words);
  }
}

async function repeat(work) {
  for (;;) {
    try {
      const answer = await work();
      warn("");
      return answer;
    } catch (error) {
      const words = [...waiting].join(" ");
      const status = error instanceof Problem ? error.status : null;
      if (status === 404 && error.error === "seat") await takeSeat();
      else if (error instanceof Lost || status === 503) {
        warn(`${error.message} ${words} Trying again …`);
        await pause(RETRY_MS);
      } else if (status === 401) {
        warn(`The server has restarted with another token. Open the address that it printed. ${words}`);
        await pause(2 * RETRY_MS);
      } else throw error;
    }
  }
}

// The same, but reports a Problem and returns null.
export async function attempt(work, report = say) {
  try {
    return await insist(work);
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    report(error.message);
    return null;
  }
}

export async function takeSeat() {
  const item = state.question?.item.id ?? null;
  const { seat, annotator } = await insist(() => post("seats", { annotator: state.me, item }));
  Object.assign(state, { seat, me: annotator });
  $("me").textContent = annotator;
}

export const atSeat = (path, body) => post(`seats/${state.seat}/${path}`, body);
