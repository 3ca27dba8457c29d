/* notes.js: what stands under a reply: what it remembered (with undo), what it used from memory and from packs. */

import * as api from "./api.js";
import { announce } from "./announce.js";
import { h, icon, plural } from "./dom.js";
import { explain } from "./errors.js";

/** What the server says in the place of a fact that was forgotten: nothing is left of it that could be kept. */
const FORGOTTEN = "[forgotten]";
const EVENTS = { added: "Remembered", updated: "Updated", superseded: "Updated" };

/** Anyone who shows facts can listen for "nima:facts" on the document. */
export const factsChanged = () => document.dispatchEvent(new CustomEvent("nima:facts"));

/** `since` is what became of the fact since: "active", "superseded", "gone". */
function chip(item, since) {
  const label = h("span", { class: "chip-label" });
  const button = h("button", { type: "button", class: "chip-button" });
  const el = h("li", { class: "chip" }, icon("leaf"), label, h("span", { class: "chip-fact", dir: "auto" }, item.fact), button);
  let gone = since === "gone";
  const paint = () => {
    el.classList.toggle("gone", gone);
    label.textContent = gone ? "Forgotten" : EVENTS[item.event] ?? "Remembered";
    button.textContent = gone ? "Keep it" : "Undo";
    button.setAttribute("aria-label", `${button.textContent}: ${item.fact}`);
  };
  button.addEventListener("click", async () => {
    button.disabled = true;
    try {
      if (gone) {
        item = { ...item, ...(await api.facts.add({ fact: item.fact, category: item.category || "general" })).data };
      } else {
        await api.facts.remove(item.id).catch((error) => { if (error.status !== 404) throw error; });
      }
      gone = !gone;
      paint();
      announce(gone ? "Forgotten." : "Remembered again.");
      factsChanged();
    } catch (error) {
      label.textContent = explain(error).title;
    }
    button.disabled = false;
    button.focus();
  });
  paint();
  if (since === "superseded") {
    label.textContent = "Replaced since";
    button.remove();
  } else if (item.fact === FORGOTTEN) {
    el.replaceChildren(icon("leaf"), label);
  }
  return el;
}

/** Elements for a reply's `remembered`, `context.facts` and `context.pack_facts`. `living` marks chips whose fact is gone since. */
export function memoryNotes(context, remembered, living) {
  const notes = [];
  const fresh = (remembered ?? []).filter((item) => item.event !== "unchanged");
  if (fresh.length) {
    notes.push(h("ul", { class: "chips", "aria-label": "Remembered from this message" },
      fresh.map((item) => chip(item, living ? living.get(item.id) ?? "gone" : item.event === "forgotten" ? "gone" : "active"))));
  }
  const used = context?.facts ?? [];
  if (used.length) {
    notes.push(h("details", { class: "used" },
      h("summary", {}, `Used from memory (${used.length})`),
      h("ul", { "aria-label": plural(used.length, "fact") }, used.map((fact) =>
        h("li", { dir: "auto", title: Number.isFinite(fact.score) ? `Closeness ${fact.score.toFixed(2)}` : null }, fact.fact)))));
  }
  const read = context?.pack_facts ?? [];
  if (read.length) {
    notes.push(h("details", { class: "used" },
      h("summary", {}, `Used from packs (${read.length})`),
      h("ul", { "aria-label": plural(read.length, "fact") }, read.map((fact) =>
        h("li", { dir: "auto" }, fact.fact, h("span", { class: "source" }, [fact.pack, fact.source].filter(Boolean).join(" · ")))))));
  }
  return notes;
}
