// What the page knows, and how it gets through to the server: whatever is asked is asked again.

import { Lost, post, Problem } from "/api.js";
import { $ } from "/dom.js";

const RETRY_MS = 1000;

export const state = {
  about: null,
  me: "",
  seat: null,
  status: null,
  question: null, // what is asked
  back: null, // a past item that is looked at instead, and its decision
  review: null, // while labels are reviewed: what the keys do then
  visible: false, // whether there is something to see of it
  busy: false,
  stopped: false,
};

export const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
export const names = () => state.status?.classes.map((c) => c.name) ?? [];

export function say(...words) {
  $("note").replaceChildren(...words);
}

export function warn(words) {
  $("banner").textContent = words;
  $("banner").hidden = !words;
}

const kept = new Set(); // in words, what waits for the server, whoever finds that it is lost

// What the server is asked is asked again until it answers: nothing that was pressed is lost.
export async function insist(work, waiting = "") {
  if (waiting) kept.add(waiting);
  try {
    return await insistOn(work);
  } finally {
    kept.delete(waiting);
  }
}

async function insistOn(work) {
  for (;;) {
    try {
      const answer = await work();
      warn("");
      return answer;
    } catch (error) {
      const words = [...kept].join(" ");
      if (error instanceof Problem && error.status === 404 && error.error === "seat") {
        await takeSeat();
      } else if (error instanceof Lost || (error instanceof Problem && error.status === 503)) {
        warn(`${error.message} ${words} Trying again …`);
        await pause(RETRY_MS);
      } else if (error instanceof Problem && error.status === 401) {
        warn(`The server was started anew, with another token: open the address that it printed. ${words}`);
        await pause(2 * RETRY_MS);
      } else {
        throw error;
      }
    }
  }
}

// The same; but what cannot be is said, and null is the answer.
export async function attempt(work, tell = say) {
  try {
    return await insist(work);
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    tell(error.message);
    return null;
  }
}

export async function takeSeat() {
  const item = state.question?.item.id ?? null;
  const { seat, annotator } = await insist(() => post("seats", { annotator: state.me, item }));
  state.seat = seat;
  state.me = annotator;
  $("me").textContent = annotator;
}

export const atSeat = (path, body) => post(`seats/${state.seat}/${path}`, body);
