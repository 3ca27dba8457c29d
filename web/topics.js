/* topics.js: the panel that lists the knowledge packs: which are in use in the open conversation, why, and a choice
 * for each, that holds for this conversation or for all. */

import * as api from "./api.js";
import { announce } from "./announce.js";
import { h, icon, plural } from "./dom.js";
import { errorCard } from "./errors.js";

const MODES = { auto: "Automatic", on: "On", off: "Off" };

/** What the person decided about it, as the server was asked: nothing is "auto". */
const decided = (pack) => (pack.activation === "manual" ? (pack.active ? "on" : "off") : "auto");

function why(pack, talking) {
  const where = pack.this_conversation ? "in this conversation" : "in all conversations";
  if (pack.activation === "manual") return `${pack.active ? "On" : "Off"}: you chose so ${where}`;
  if (pack.active) return "On: this conversation came to it";
  return talking ? "Has not come up" : "Waits for the topic";
}

export class TopicPanel {
  #asked = null;
  #here = true;

  /** `conversation()` gives the id of the one that is open, or null. */
  constructor(el, close, conversation) {
    this.el = el;
    this.conversation = conversation;
    this.list = h("ul", { class: "facts" });
    this.foot = h("div", {});
    this.scope = h("fieldset", { class: "scope" }, h("legend", { class: "faint" }, "What you choose holds"),
      this.#scopeOption("here", "in this conversation"), this.#scopeOption("all", "always"));
    el.replaceChildren(
      h("div", { class: "memory-top" }, h("h2", {}, "Topics"),
        h("button", { type: "button", class: "icon-button", "aria-label": "Close topics", onclick: close }, icon("close"))),
      h("p", { class: "faint" }, "Facts with sources that Nima takes up when a conversation comes to their topic. Each reply shows which it was given."),
      this.scope, this.list, this.foot);
  }

  #scopeOption(value, words) {
    const input = h("input", { type: "radio", name: "topic-scope", value, onchange: () => { this.#here = value === "here"; this.refresh(); } });
    return h("label", {}, input, words);
  }

  open() {
    this.el.hidden = false;
    this.el.querySelector("button").focus();
    this.refresh();
  }

  /** Another conversation is open, or in this one something was said. */
  changed() { if (!this.el.hidden) this.refresh(); }

  async refresh() {
    const id = this.conversation();
    const here = this.#here && id !== null;
    const asked = this.#asked = {};
    this.#showScope(here, id !== null);
    try {
      const [all, mine] = await Promise.all([api.packs.list(), here ? api.packs.list(id) : null]);
      if (this.#asked !== asked) return;
      const always = new Map(all.data.map((pack) => [pack.id, decided(pack)]));
      const shown = mine?.data ?? all.data;
      this.#fill(shown.map((pack) => this.#row(pack, always.get(pack.id) ?? "auto", here ? id : null)));
      this.foot.replaceChildren(...(shown.length ? [] : [h("p", { class: "faint empty" }, "There are no packs on this server.")]));
    } catch (error) {
      if (this.#asked === asked) this.foot.replaceChildren(errorCard(error, () => this.refresh()));
    }
  }

  #showScope(here, possible) {
    const [first, second] = this.scope.querySelectorAll("input");
    first.checked = here;
    second.checked = !here;
    first.disabled = !possible;
  }

  /** New rows, with the focus where it was. */
  #fill(rows) {
    const focused = this.list.contains(document.activeElement) ? document.activeElement.id : null;
    this.list.replaceChildren(...rows);
    if (focused) this.list.querySelector(`[id="${focused}"]`)?.focus();
  }

  #row(pack, always, id) {
    const chosen = id === null || pack.this_conversation ? decided(pack) : "auto";
    const auto = id !== null && always !== "auto" ? `As always: ${MODES[always].toLowerCase()}` : MODES.auto;
    const choice = h("select", { id: `topic-${pack.id}`, class: "field", "aria-label": `Use of ${pack.name}` },
      Object.entries({ ...MODES, auto }).map(([mode, words]) => h("option", { value: mode, selected: mode === chosen }, words)));
    const row = h("li", { class: "fact topic", "data-active": String(pack.active) },
      h("div", { class: "fact-body" }, h("p", { class: "topic-name", dir: "auto" }, pack.name), pack.description && h("p", { dir: "auto" }, pack.description),
        h("p", { class: "faint" }, plural(pack.fact_count, "fact"))),
      h("div", { class: "topic-state" }, h("p", { class: "faint" }, h("span", { class: "dot", "aria-hidden": "true", "data-state": pack.active && "ready" }), why(pack, id !== null)),
        choice));
    choice.addEventListener("change", () => this.#choose(row, pack, choice.value, id));
    return row;
  }

  async #choose(row, pack, mode, id) {
    try {
      await api.packs.choose(pack.id, mode, id);
      announce(`${pack.name}: ${MODES[mode].toLowerCase()}${id === null ? "" : " in this conversation"}.`);
      await this.refresh();
    } catch (error) {
      row.append(errorCard(error, null, { label: "Close", action: () => this.refresh() }));
    }
  }
}
