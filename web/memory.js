/* memory.js: the panel that shows what Nima knows about the person: search, add, forget with undo. */

import * as api from "./api.js";
import { announce } from "./announce.js";
import { h, icon } from "./dom.js";
import { errorCard } from "./errors.js";

const SEARCH_MS = 250;
const UNDO_MS = 10000;
const CATEGORIES = ["general", "personal", "work", "project", "preference", "goal", "family", "health"];
const SOURCES = { conversation: "you said so", explicit: "you asked to keep it", inferred: "concluded" };

const day = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short", year: "numeric" });

export class MemoryPanel {
  #next = null;
  #search = null;
  #timer = 0;

  constructor(el, close) {
    this.el = el;
    this.list = h("ul", { class: "facts" });
    this.foot = h("div", {});
    this.name = h("p", { class: "faint", dir: "auto" });
    this.query = h("input", {
      class: "field", type: "search", placeholder: "Search by meaning", "aria-label": "Search what is remembered",
      maxlength: 500, oninput: () => this.#searchSoon(),
    });
    el.replaceChildren(
      h("div", { class: "memory-top" }, h("h2", {}, "Memory"),
        h("button", { type: "button", class: "icon-button", "aria-label": "Close memory", onclick: close }, icon("close"))),
      this.name, this.#form(), this.query, this.list, this.foot);
    document.addEventListener("nima:facts", () => { if (!this.el.hidden) this.refresh(); });
  }

  #form() {
    const fact = h("input", { id: "new-fact", class: "field", maxlength: 8000, dir: "auto", placeholder: "Something to remember", autocomplete: "off" });
    const category = h("select", { class: "field", "aria-label": "Category" }, CATEGORIES.map((name) => h("option", {}, name)));
    const problem = h("div", {});
    const form = h("form", { class: "add" }, h("label", { class: "sr", for: "new-fact" }, "Something to remember"), fact,
      h("div", { class: "add-row" }, category, h("button", { type: "submit", class: "button" }, "Add")), problem);
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      const text = fact.value.trim();
      if (!text) { fact.focus(); return; }
      try {
        await api.facts.add({ fact: text, category: category.value, source: "explicit", confidence: 1 });
        fact.value = "";
        problem.replaceChildren();
        announce("Remembered.");
        await this.refresh();
      } catch (error) {
        problem.replaceChildren(errorCard(error, null, { label: "Close", action: () => problem.replaceChildren() }));
      }
      fact.focus();
    });
    return form;
  }

  async open() {
    this.el.hidden = false;
    this.query.focus();
    this.refresh();
    try {
      const { data } = await api.profile();
      this.name.textContent = data?.name ? `What is known about ${data.name}.` : "What you said that is worth keeping.";
    } catch { this.name.textContent = ""; }
  }

  #searchSoon() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.refresh(), SEARCH_MS);
  }

  async refresh() {
    this.#search?.abort();
    this.#search = new AbortController();
    const wanted = this.query.value.trim();
    try {
      const { data, next } = wanted ? await api.facts.search(wanted, this.#search.signal) : await api.facts.list();
      if (wanted !== this.query.value.trim()) return;
      this.#next = wanted ? null : next;
      this.list.replaceChildren(...data.map((fact) => this.#row(fact)));
      this.#foot(wanted);
    } catch (error) {
      if (error.name !== "AbortError") this.foot.replaceChildren(errorCard(error, () => this.refresh()));
    }
  }

  #foot(wanted) {
    this.foot.replaceChildren();
    if (!this.list.childElementCount) {
      this.foot.append(h("p", { class: "faint empty" }, wanted ? "Nothing like that is remembered." : "Nothing yet. Tell Nima something about you, or add it here."));
    }
    if (!this.#next) return;
    const more = h("button", { type: "button", class: "quiet-button more" }, "Show more");
    more.addEventListener("click", async () => {
      more.disabled = true;
      try {
        const { data, next } = await api.facts.list(this.#next);
        this.#next = next;
        this.list.append(...data.map((fact) => this.#row(fact)));
        this.#foot("");
      } catch (error) {
        this.foot.replaceChildren(errorCard(error, () => this.refresh()));
      }
    });
    this.foot.append(more);
  }

  #row(fact) {
    const about = [fact.category, SOURCES[fact.source], fact.created_at && day.format(new Date(fact.created_at))];
    const row = h("li", { class: "fact" },
      h("div", { class: "fact-body" }, h("p", { dir: "auto" }, fact.fact), h("p", { class: "faint" }, about.filter(Boolean).join(" · "))),
      h("button", { type: "button", class: "icon-button small", "aria-label": `Forget: ${fact.fact}`, onclick: () => this.#forget(fact, row) }, icon("trash")));
    return row;
  }

  async #forget(fact, row) {
    try {
      await api.facts.remove(fact.id).catch((error) => { if (error.status !== 404) throw error; });
    } catch (error) {
      row.append(errorCard(error, null, { label: "Close", action: () => this.refresh() }));
      return;
    }
    const undo = h("button", { type: "button", class: "button small" }, "Undo");
    const note = h("li", { class: "fact undone" }, h("p", { class: "faint" }, "Forgotten."), undo);
    row.replaceWith(note);
    undo.focus();
    announce("Forgotten. Undo is available for a few seconds.");
    const timer = setTimeout(() => {
      note.remove();
      if (!this.list.childElementCount) this.#foot(this.query.value.trim());
    }, UNDO_MS);
    undo.addEventListener("click", async () => {
      clearTimeout(timer);
      const { fact: text, category, source, confidence, metadata } = fact;
      try {
        const { data } = await api.facts.add({ fact: text, category, source, confidence, metadata });
        const back = this.#row(data);
        note.replaceWith(back);
        back.querySelector("button").focus();
        announce("Remembered again.");
      } catch (error) {
        note.append(errorCard(error, () => this.refresh()));
      }
    });
  }
}
