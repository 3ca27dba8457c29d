/* chat.js: one conversation on the page: its turns, sending, streaming, stopping, trying again. */

import * as api from "./api.js";
import { SentenceAnnouncer, announce } from "./announce.js";
import { copyButton, h, icon } from "./dom.js";
import { errorCard } from "./errors.js";
import { MarkdownView } from "./markdown.js";
import { memoryNotes } from "./notes.js";
import { proposal } from "./tasks.js";

/* Room for an answer with code in it; the server's default of 300 tokens often cuts those. */
const REPLY_TOKENS = 1000;
const SLOW_SECONDS = 15;

/** A person's message. */
function userTurn(text) {
  return h("article", { class: "turn user" }, h("h2", { class: "sr" }, "You said"), h("div", { class: "bubble", dir: "auto" }, text));
}

/** A reply: empty and waiting at first, then growing, then finished, stopped or failed. */
class Reply {
  #clock = 0;
  #tail = h("div", { class: "tail" });

  constructor(hooks) {
    this.hooks = hooks;
    this.body = h("div", { class: "md" });
    this.view = new MarkdownView(this.body, hooks.grown);
    this.el = h("article", { class: "turn nima" }, h("h2", { class: "sr" }, "Nima said"), this.body, this.#tail);
  }

  wait() {
    const seconds = h("span", { class: "seconds" });
    const words = h("span", {}, "Reading your message");
    this.waiting = h("p", { class: "waiting" }, h("span", { class: "breath", "aria-hidden": "true" }), words, seconds);
    this.el.insertBefore(this.waiting, this.body);
    this.el.setAttribute("aria-busy", "true");
    this.started = performance.now();
    this.#clock = setInterval(() => {
      const passed = Math.round((performance.now() - this.started) / 1000);
      if (passed >= 1) seconds.textContent = `${passed} s`;
      if (passed >= SLOW_SECONDS) words.textContent = "Still reading; a long conversation takes a while";
    }, 250);
  }

  #awake() {
    clearInterval(this.#clock);
    this.waiting?.remove();
    this.waiting = null;
  }

  push(text) {
    if (this.waiting) this.#awake();
    this.view.push(text);
  }

  #settle() {
    this.#awake();
    this.view.flush();
    this.el.removeAttribute("aria-busy");
  }

  finish({ context, remembered, actions }) {
    this.#settle();
    if (!this.view.text.trim()) this.body.append(h("p", { class: "faint" }, "The reply was empty. Try saying it another way."));
    this.#foot({ context, remembered, actions, seconds: (performance.now() - this.started) / 1000 });
  }

  stop() {
    this.#settle();
    this.#foot({ note: this.view.text ? "stopped" : "stopped before the first word" });
  }

  fail(error, retry, dismiss) {
    this.#settle();
    this.#tail.replaceChildren(errorCard(error, retry, dismiss));
    this.hooks.grown();
  }

  /** From the store instead of a stream. */
  static past(message, hooks, living) {
    const reply = new Reply(hooks);
    const meta = message.metadata ?? {};
    reply.view.push(message.content ?? "");
    reply.view.flush();
    reply.#foot({ context: meta.context, remembered: meta.remembered, note: meta.interrupted ? "stopped" : "", living, about: (meta.scheduled && "Reminder") || (meta.goal_alert && "Goal") || (meta.task_over && "Task"), actions: meta.actions });
    return reply;
  }

  #foot({ context, remembered, seconds, note, living, about, actions }) {
    const tokens = context?.tokens;
    const facts = [];
    if (about) facts.push(h("span", { class: "scheduled" }, icon("bell"), about));
    if (note) facts.push(h("span", { class: "stopped" }, note));
    if (tokens?.completion) {
      const cached = tokens.cached ? `, ${tokens.cached} of them already read` : "";
      facts.push(h("span", { title: `The prompt had ${tokens.prompt} tokens${cached}.` }, `${tokens.completion} tokens`));
    }
    const took = seconds ?? context?.total_ms / 1000;
    if (took) facts.push(h("span", {}, `${took.toFixed(1)} s`));
    if (context?.trimmed_messages) facts.push(h("span", {}, "the oldest messages did not fit"));
    const text = this.view.text;
    const line = h("div", { class: "meta" }, text && copyButton("Copy this reply", () => text), facts);
    const asked = proposal(actions);
    this.#tail.replaceChildren(...(asked ? [asked] : []), ...memoryNotes(context, remembered, living), line);
    this.hooks.grown();
  }
}

export class Thread {
  #shown = new Set(); /* ids of stored messages */
  #abort = null;

  /** hooks: named(thread), changed(thread), grown(thread), settled(thread), start(), focus() */
  constructor(id, hooks) {
    this.id = id;
    this.hooks = hooks;
    this.title = "";
    this.count = 0;
    this.el = h("div", { class: "thread" });
    this.replyHooks = { grown: () => hooks.grown(this) };
  }

  get busy() { return this.#abort !== null; }

  /** Fills the thread with a stored conversation. */
  async load() {
    this.el.replaceChildren(h("p", { class: "waiting" }, h("span", { class: "breath", "aria-hidden": "true" }), "Opening"));
    try {
      const { data, next } = await api.conversations.get(this.id);
      const living = await livingFacts(data.messages);
      this.el.replaceChildren();
      if (next) this.el.append(this.#earlierButton(next));
      for (const message of data.messages) this.#past(message, living);
      this.title = data.title || "";
    } catch (error) {
      const away = error.status === 404 && { label: "New conversation", action: this.hooks.start };
      this.el.replaceChildren(errorCard(error, error.status === 404 ? null : () => this.load(), away));
    }
    this.hooks.changed(this);
    this.hooks.grown(this, true);
  }

  #past(message, living) {
    this.#shown.add(message.id);
    if (message.role === "user") this.#user(message.content);
    else if (message.role === "assistant") this.el.append(Reply.past(message, this.replyHooks, living).el);
  }

  #earlierButton(cursor) {
    const button = h("button", { type: "button", class: "quiet-button more", onclick: () => this.#earlier(button, cursor) }, "Earlier messages");
    return button;
  }

  /** The page before what is shown takes the button's place; what was being read stays where it is. */
  async #earlier(button, cursor) {
    button.disabled = true;
    try {
      const { data, next } = await api.conversations.get(this.id, cursor);
      const living = await livingFacts(data.messages);
      const reading = button.nextElementSibling;
      const turns = data.messages.flatMap((message) => {
        if (message.role === "user") return [userTurn(message.content)];
        return message.role === "assistant" ? [Reply.past(message, this.replyHooks, living).el] : [];
      });
      button.replaceWith(...(next ? [this.#earlierButton(next)] : []), ...turns);
      reading?.scrollIntoView({ block: "start" });
      announce(`${turns.length} earlier messages`);
    } catch (error) {
      button.replaceWith(errorCard(error, () => this.load()));
    }
  }

  #user(text) {
    this.firstWords ??= text;
    this.count += 1;
    this.el.append(userTurn(text));
  }

  send(text) {
    if (!this.el.querySelector(".turn")) this.el.replaceChildren(); /* the greeting */
    this.#user(text);
    this.#reply(text);
  }

  stop() { this.#abort?.abort(); }

  /** What a schedule has just put into this conversation; while a reply is coming, nothing: it is read with the next load. */
  async arrived(run) {
    if (this.busy) return;
    const { data } = await api.conversations.get(this.id);
    if (this.busy) return;
    const at = data.messages.findIndex((message) => message.id === run.message_id);
    const asked = data.messages[at - 1]?.metadata?.scheduled?.run_id === run.id;
    const living = new Map();
    for (const message of data.messages.slice(asked ? at - 1 : at, at + 1)) this.#past(message, living);
    this.hooks.grown(this);
  }

  /** How tasks ended that no reply has told of: messages of their own, which are shown once. */
  async told() {
    if (this.busy || !this.id) return;
    const { data } = await api.conversations.get(this.id);
    const fresh = data.messages.filter(({ id, metadata }) => metadata?.task_over && !this.#shown.has(id));
    if (this.busy || !fresh.length) return;
    for (const message of fresh) this.#past(message, new Map());
    this.hooks.grown(this);
  }

  async #reply(text) {
    const reply = new Reply(this.replyHooks);
    const speech = new SentenceAnnouncer();
    this.el.append(reply.el);
    this.#abort = new AbortController();
    this.hooks.changed(this);
    reply.wait();
    this.hooks.grown(this, true);
    try {
      await this.#stream(text, reply, speech);
    } catch (error) {
      if (error.name === "AbortError") {
        reply.stop();
        announce("Stopped.");
      } else {
        reply.fail(error, () => this.#again(reply, text));
      }
    }
    speech.finish();
    this.#abort = null;
    this.hooks.changed(this);
    this.hooks.settled(this);
  }

  #again(failed, text) {
    const focused = failed.el.contains(document.activeElement);
    failed.el.remove();
    this.#reply(text);
    if (focused) this.hooks.focus();
  }

  async #stream(text, reply, speech) {
    const body = { messages: [{ role: "user", content: text }], max_length: REPLY_TOKENS };
    if (this.id) body.conversation_id = this.id;
    for await (const frame of api.chat(body, this.#abort.signal, (id) => this.#named(id))) {
      if (frame.content) {
        reply.push(frame.content);
        speech.push(frame.content);
      }
      if (frame.done) {
        this.#named(frame.conversation_id);
        reply.finish(frame);
      }
    }
  }

  #named(id) {
    if (!id || this.id) return;
    this.id = id;
    this.hooks.named(this);
  }

  /** The conversation a stopped first reply went into, found by asking the server. */
  adopt(id) { this.#named(id); }
}

/** Status of facts by id, to mark those forgotten or replaced since; null when it cannot be known. */
async function livingFacts(messages) {
  if (!messages.some((message) => message.metadata?.remembered?.length)) return null;
  try {
    const lists = await Promise.all(["active", "superseded"].map((status) => api.facts.list(null, 500, status)));
    if (lists.some((list) => list.next)) return null;
    return new Map(lists.flatMap((list, i) => list.data.map((fact) => [fact.id, i ? "superseded" : "active"])));
  } catch {
    return null;
  }
}
