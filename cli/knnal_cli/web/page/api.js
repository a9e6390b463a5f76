// Talks to the server. A Problem is its answer that something is not possible; Lost is no answer.

const TIMEOUT_MS = 15000;

export class Problem extends Error {
  constructor(status, error, detail) {
    super(detail);
    Object.assign(this, { status, error });
  }
}

export class Lost extends Error {}

async function call(method, path, body, options = {}) {
  let response;
  try {
    response = await fetch(`/api/${path}`, {
      method,
      headers: body === undefined ? {} : { "Content-Type": "application/json" },
      body: body === undefined ? undefined : JSON.stringify(body),
      signal: options.keepalive ? undefined : AbortSignal.timeout(TIMEOUT_MS),
      ...options,
    });
  } catch {
    throw new Lost("The server does not respond.");
  }
  if (response.status === 204) return null;
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) throw new Problem(response.status, answer.error, answer.detail ?? "The server failed.");
  return answer;
}

export const get = (path) => call("GET", path);
export const post = (path, body = {}) => call("POST", path, body);
export const leave = (seat) => call("DELETE", `seats/${seat}`, undefined, { keepalive: true });

export const query = (values) => new URLSearchParams(values).toString();
export const imageOf = (item, size) => `/api/image?${query({ id: item.id, size })}`;
