/* api.js: the only module that talks to the server. Paths are relative to the page, so a sub-path works. */

import { readEvents } from "./sse.js";

const TOKEN_KEY = "nima.token";

export const token = {
  get: () => sessionStorage.getItem(TOKEN_KEY),
  set: (value) => (value ? sessionStorage.setItem(TOKEN_KEY, value) : sessionStorage.removeItem(TOKEN_KEY)),
};

/** kind: "network" (no answer), "http" (an error reply), "stream" (an error or a cut in mid-stream). */
export class ApiError extends Error {
  constructor(kind, { status = 0, error = {}, retryAfter = null } = {}) {
    super(error.message ?? kind);
    this.kind = kind;
    this.status = status;
    this.code = error.code ?? null;
    this.field = error.field ?? null;
    this.requestId = error.request_id ?? null;
    this.retryAfter = retryAfter;
  }
}

/** Seconds from a Retry-After header, which may be a number or a date. */
function retryAfter(headers) {
  const value = headers.get("retry-after");
  if (!value) return null;
  const seconds = /^\d+$/.test(value) ? Number(value) : (Date.parse(value) - Date.now()) / 1000;
  return Number.isFinite(seconds) ? Math.max(1, Math.ceil(seconds)) : null;
}

async function send(method, path, { body, signal, accept = "application/json" } = {}) {
  const headers = { accept };
  if (token.get()) headers.authorization = `Bearer ${token.get()}`;
  if (body !== undefined) headers["content-type"] = "application/json";
  let reply;
  try {
    reply = await fetch(path, {
      method, headers, signal, cache: "no-store",
      body: body === undefined ? undefined : JSON.stringify(body),
    });
  } catch (cause) {
    if (cause.name === "AbortError") throw cause;
    throw new ApiError("network");
  }
  if (reply.ok) return reply;
  let error = {};
  try {
    const data = await reply.json();
    error = data.error ?? { message: data.detail };
  } catch { /* A proxy's error page: the status has to do. */ }
  error.request_id ??= reply.headers.get("x-request-id");
  throw new ApiError("http", { status: reply.status, error, retryAfter: retryAfter(reply.headers) });
}

/** {data, next, date}: the decoded body (null for 204), the cursor of the next page, if any, and the server's time. */
async function call(method, path, options) {
  const reply = await send(method, path, options);
  const text = reply.status === 204 ? "" : await reply.text();
  return { data: text ? JSON.parse(text) : null, next: reply.headers.get("x-next-cursor"), date: reply.headers.get("date") };
}

const query = (values) => {
  const entries = Object.entries(values).filter(([, value]) => value !== null && value !== undefined && value !== "");
  return entries.length ? `?${new URLSearchParams(entries)}` : "";
};
const id = encodeURIComponent;

export const health = (signal) => call("GET", "health", { signal });
export const profile = () => call("GET", "v1/memory/profile");
export const setProfile = (body) => call("PUT", "v1/memory/profile", { body });

export const conversations = {
  list: (cursor) => call("GET", `v1/conversations${query({ limit: 50, cursor })}`),
  /* The last messages, or those before the cursor of a page. */
  get: (which, cursor) => call("GET", `v1/conversations/${id(which)}${query({ cursor })}`),
  remove: (which) => call("DELETE", `v1/conversations/${id(which)}`),
};

export const facts = {
  list: (cursor, limit = 50, status = null) => call("GET", `v1/memory/facts${query({ limit, cursor, status })}`),
  search: (q, signal) => call("GET", `v1/memory/search${query({ q, limit: 20 })}`, { signal }),
  add: (fact) => call("POST", "v1/memory/facts", { body: fact }),
  remove: (which) => call("DELETE", `v1/memory/facts/${id(which)}`),
};

export const packs = {
  list: (conversation) => call("GET", `v1/knowledge/packs${query({ conversation_id: conversation })}`),
  /* mode: "on", "off", "auto"; without a conversation for all of them */
  choose: (which, mode, conversation) =>
    call("POST", `v1/knowledge/packs/${id(which)}/activate`, { body: { mode, ...(conversation ? { conversation_id: conversation } : {}) } }),
};

export const schedules = {
  list: (limit = 500) => call("GET", `v1/schedules${query({ limit })}`),
  runs: (since) => call("GET", `v1/schedules/runs${query({ since, limit: 100 })}`),
  change: (which, body) => call("PATCH", `v1/schedules/${id(which)}`, { body }),
  run: (which) => call("POST", `v1/schedules/${id(which)}/run`),
  remove: (which) => call("DELETE", `v1/schedules/${id(which)}`),
};

export const goals = {
  list: (limit = 200) => call("GET", `v1/goals${query({ limit })}`),
  add: (body) => call("POST", "v1/goals", { body }),
  change: (which, body) => call("PUT", `v1/goals/${id(which)}`, { body }),
  advance: (which, body) => call("POST", `v1/goals/${id(which)}/progress`, { body }),
  remove: (which) => call("DELETE", `v1/goals/${id(which)}`),
  alerts: (since) => call("GET", `v1/goals/alerts${query({ since, limit: 100 })}`),
  suggestions: (which) => call("GET", `v1/goals/${id(which)}/suggestions`),
  /* as: "milestone", "reminder", "task", "dismissed" */
  settle: (which, suggestion, as) => call("POST", `v1/goals/${id(which)}/suggestions`, { body: { suggestion, as } }),
};

export const tasks = {
  history: (limit) => call("GET", `v1/tasks/history${query({ limit })}`),
  /* what others asked for that waits for this person */
  approvals: () => call("GET", "v1/tasks/approvals"),
  get: (which) => call("GET", `v1/tasks/${id(which)}/status`),
  /* what it would do now; nothing is done */
  preview: ({ type, action, params }) => call("POST", "v1/tasks/execute", { body: { type, action, params, dry_run: true } }),
  /* verb: "approve", "reject", "cancel" */
  decide: (which, verb) => call("POST", `v1/tasks/${id(which)}/${verb}`),
  /** Yields the task at once and on each change, until it is over. */
  async *events(which, signal) {
    const reply = await send("GET", `v1/tasks/${id(which)}/events`, { signal, accept: "text/event-stream" });
    yield* readEvents(reply.body);
  },
};

/**
 * One turn: yields {content} frames and the last one with `done`. Throws ApiError for an error frame or a body
 * that ends too early. `onOpen(conversationId)` is told the conversation as soon as the server names it.
 */
export async function* chat(body, signal, onOpen) {
  const reply = await send("POST", "v1/chat/stream", { body, signal, accept: "text/event-stream" });
  onOpen(reply.headers.get("x-nima-conversation"));
  try {
    for await (const frame of readEvents(reply.body)) {
      if (frame.error) throw new ApiError("stream", { error: frame.error });
      yield frame;
      if (frame.done) return;
    }
  } catch (cause) {
    if (cause instanceof ApiError || cause.name === "AbortError") throw cause;
  }
  if (signal.aborted) throw new DOMException("stopped", "AbortError");
  throw new ApiError("stream", { error: { code: "cut" } });
}
