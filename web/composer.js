/* composer.js: the message field: keys, growth, drafts that survive a reload. */

import { byId } from "./dom.js";

const draftKey = (id) => `nima.draft.${id ?? "new"}`;

export class Composer {
  #conversation = null;
  #busy = false;
  #ready = true;

  /** hooks: send(text) returns whether it was taken; stop(). */
  constructor(hooks) {
    this.hooks = hooks;
    this.field = byId("message");
    this.sendButton = byId("send");
    this.stopButton = byId("stop");
    byId("composer").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#send();
    });
    this.stopButton.addEventListener("click", () => {
      hooks.stop();
      this.focus();
    });
    this.field.addEventListener("input", () => this.#edited());
    this.field.addEventListener("keydown", (event) => {
      /* While an input method composes, Enter belongs to it. */
      if (event.key !== "Enter" || event.shiftKey || event.isComposing || event.keyCode === 229) return;
      event.preventDefault();
      this.#send();
    });
  }

  focus() { this.field.focus(); }

  /** Shows the draft of a conversation (null: a new one). */
  open(conversation) {
    this.#conversation = conversation;
    this.field.value = sessionStorage.getItem(draftKey(conversation)) ?? "";
    this.#fit();
  }

  /** The new conversation got its id: its draft moves along. */
  rename(conversation) {
    sessionStorage.removeItem(draftKey(null));
    this.#conversation = conversation;
    this.#edited();
  }

  fill(text) {
    this.field.value = text;
    this.#edited();
    this.focus();
    this.field.setSelectionRange(text.length, text.length);
  }

  state({ busy = this.#busy, ready = this.#ready }) {
    this.#busy = busy;
    this.#ready = ready;
    const hadFocus = document.activeElement === this.stopButton || document.activeElement === this.sendButton;
    this.sendButton.hidden = busy;
    this.stopButton.hidden = !busy;
    if (hadFocus) this.focus();
    this.#fit();
  }

  #edited() {
    const key = draftKey(this.#conversation);
    if (this.field.value) sessionStorage.setItem(key, this.field.value);
    else sessionStorage.removeItem(key);
    this.#fit();
  }

  #fit() {
    this.sendButton.disabled = !this.#ready || !this.field.value.trim();
    this.field.style.height = "auto";
    this.field.style.height = `${Math.min(this.field.scrollHeight, window.innerHeight * 0.4)}px`;
  }

  #send() {
    const text = this.field.value.trim();
    if (!text || this.#busy || !this.#ready) return;
    this.field.value = "";
    this.#edited();
    this.hooks.send(text);
    this.focus();
  }
}
