/* conversations.js: the list at the side: newest first, by day, with paging, a filter and deleting. */

import * as api from "./api.js";
import { ask, byId, firstWords, h, icon, plural } from "./dom.js";
import { errorCard } from "./errors.js";

const FILTER_FROM = 8;
/* For conversations that the server has no title for, the first words are fetched, but not for a whole archive. */
const PEEKS = 20;

function dayOf(time) {
  const days = Math.floor((new Date().setHours(0, 0, 0, 0) - new Date(time).setHours(0, 0, 0, 0)) / 864e5 + 0.5);
  if (!(days > 0)) return "Today";
  if (days === 1) return "Yesterday";
  return days < 7 ? "This week" : "Earlier";
}

export class ConversationList {
  #items = [];
  #next = null;
  #words = new Map();
  #peeks = PEEKS;
  #current = null;
  #loaded = false;
  #problem = null;

  /** hooks: removed(id) after the one with this id was deleted. */
  constructor(hooks) {
    this.hooks = hooks;
    this.el = byId("conversations");
    this.filter = byId("filter");
    this.filter.addEventListener("input", () => this.#paint());
  }

  get items() { return this.#items; }

  async refresh() {
    try {
      const { data, next } = await api.conversations.list();
      this.#items = data;
      this.#next = next;
      this.#loaded = true;
      this.#problem = null;
      this.#peek();
    } catch (error) {
      /* What was listed stays; the chat itself says that the server is gone. */
      if (!this.#loaded) this.#problem = errorCard(error, () => this.refresh());
    }
    this.#paint();
  }

  async #more(button) {
    button.disabled = true;
    try {
      const { data, next } = await api.conversations.list(this.#next);
      const known = new Set(this.#items.map((item) => item.id));
      this.#items.push(...data.filter((item) => !known.has(item.id)));
      this.#next = next;
      this.#paint();
    } catch (error) {
      button.replaceWith(errorCard(error, () => this.#paint()));
    }
  }

  /** What the open conversation is and, if its title is missing, how it starts. */
  mark(id, words) {
    this.#current = id;
    if (id && words) this.#words.set(id, words);
    this.#paint();
  }

  titleOf(id) {
    const item = this.#items.find((other) => other.id === id);
    return item?.title || firstWords(this.#words.get(id)) || (id ? "Conversation" : "New conversation");
  }

  async #peek() {
    for (const { id, title } of this.#items) {
      if (title || this.#words.has(id) || this.#peeks <= 0) continue;
      this.#peeks -= 1;
      try {
        const { data } = await api.conversations.get(id);
        this.#words.set(id, data.messages.find((message) => message.role === "user")?.content ?? "");
        this.#paint();
      } catch { return; }
    }
  }

  #paint() {
    this.filter.hidden = this.#items.length < FILTER_FROM && !this.filter.value;
    const wanted = this.filter.value.trim().toLowerCase();
    const shown = this.#items.filter((item) => this.titleOf(item.id).toLowerCase().includes(wanted));
    const focused = this.el.contains(document.activeElement) ? document.activeElement.dataset.key : null;
    const days = new Map();
    for (const item of shown) {
      const day = dayOf(item.updated_at);
      if (!days.has(day)) days.set(day, []);
      days.get(day).push(this.#row(item));
    }
    this.el.replaceChildren(...[...days].flatMap(([day, rows]) =>
      [h("h2", { class: "day" }, day), h("ul", {}, rows)]));
    if (this.#problem) this.el.append(this.#problem);
    else if (this.#loaded && !shown.length) this.el.append(h("p", { class: "faint empty" }, wanted ? "Nothing by that name." : "Your conversations will be listed here."));
    if (this.#next && !wanted) {
      const more = h("button", { type: "button", class: "quiet-button more", onclick: () => this.#more(more) }, "Show more");
      this.el.append(more);
    }
    if (focused) this.el.querySelector(`[data-key="${CSS.escape(focused)}"]`)?.focus();
  }

  #row(item) {
    const title = this.titleOf(item.id);
    const here = item.id === this.#current;
    return h("li", { class: here ? "row here" : "row" },
      h("a", { href: `./#c/${item.id}`, dir: "auto", title, "aria-current": here ? "page" : null, "data-key": `a${item.id}` }, title),
      h("button", {
        type: "button", class: "icon-button small", "aria-label": `Delete “${title}”`, "data-key": `d${item.id}`,
        onclick: () => this.#remove(item, title),
      }, icon("trash")));
  }

  async #remove(item, title) {
    const size = Number.isFinite(item.message_count) ? `${plural(item.message_count, "message")} will` : "It will";
    const yes = await ask({
      title: `Delete “${title}”?`,
      text: `${size} be gone for good. What Nima remembers about you stays; see Memory.`,
      actions: [{ label: "Keep", value: false, focus: true }, { label: "Delete", value: true, kind: "danger" }],
    });
    if (!yes) return;
    try {
      await api.conversations.remove(item.id).catch((error) => { if (error.status !== 404) throw error; });
      this.#items = this.#items.filter((other) => other.id !== item.id);
      this.#paint();
      this.hooks.removed(item.id);
    } catch (error) {
      this.el.prepend(errorCard(error, null, { label: "Close", action: () => this.#paint() }));
    }
  }
}
