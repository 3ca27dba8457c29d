/* health.js: watches the server: which model answers, whether it is loaded, whether the server is there at all. */

import * as api from "./api.js";
import { byId, h } from "./dom.js";

const EVERY_MS = { ready: 20000, loading: 1500, broken: 5000, down: 3000 };

/** Calls `changed(state)` with "loading", "ready", "broken" (the model cannot be loaded) or "down". Returns {check} to look at once. */
export function watchHealth(changed) {
  let state = "";
  let problem = "";
  let timer = 0;

  async function look() {
    clearTimeout(timer);
    let next = "ready";
    try {
      const { data } = await api.health(AbortSignal.timeout(8000));
      if (data.model_loaded === false) next = data.problem ? "broken" : "loading";
      problem = data.problem ?? "";
      footer(next, data);
    } catch (error) {
      /* An answer that is an error is still an answer. */
      if (error.kind !== "http") {
        next = "down";
        footer(next, {});
      }
    }
    if (next !== state) {
      const before = state;
      state = next;
      banner(state, before, problem);
      changed(state, before);
    }
    if (!document.hidden) timer = setTimeout(look, EVERY_MS[state]);
  }

  document.addEventListener("visibilitychange", () => { if (!document.hidden) look(); });
  window.addEventListener("online", look);
  look();
  return { check: look, get state() { return state; } };
}

function footer(state, data) {
  byId("status-dot").dataset.state = data.status === "degraded" && state === "ready" ? "degraded" : state;
  const model = typeof data.model === "string" ? data.model : data.model?.name ?? data.model?.id ?? "";
  const words = { down: "Not connected", loading: "Loading the model…", broken: "No model", ready: model || "Ready" }[state];
  const line = byId("status");
  if (line.textContent !== words) line.textContent = words;
  line.title = [model, data.version && `Nima ${data.version}`].filter(Boolean).join(", ");
}

function banner(state, before, problem) {
  const el = byId("banner");
  const words = {
    loading: "The model is loading. You can write already; sending opens in a moment.",
    broken: `The model could not be loaded. ${problem}`,
    down: "Nima cannot be reached. Trying again every few seconds…",
  }[state] ?? (before === "down" ? "Connected again." : "");
  el.hidden = !words;
  el.dataset.state = state;
  el.replaceChildren(words ? h("p", {}, words) : "");
  if (state === "ready" && words) setTimeout(() => { if (el.dataset.state === "ready") el.hidden = true; }, 3000);
}
