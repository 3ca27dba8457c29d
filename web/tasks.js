/* tasks.js: what Nima does outside the conversation: the panel with what waits for a yes, what is at work and what came
 * of it, and the buttons under a reply that proposes something. A task at work is followed by its events. */

import * as api from "./api.js";
import { announce } from "./announce.js";
import { h, icon } from "./dom.js";
import { errorCard, explain } from "./errors.js";

const LOOK_MS = 10000;
const SHOWN = 40;
const OTHERS_MS = 3000;
const FOLLOWED = 2; /* a browser holds few connections to one host */
const TEXT_MAX = 6000;
const WORDS = {
  pending: "Waits for its turn", running: "At work", completed: "Done", failed: "Failed", cancelled: "Cancelled",
};

const clock = (time) => new Intl.DateTimeFormat(undefined, { weekday: "short", hour: "numeric", minute: "2-digit" }).format(new Date(time));
const isOpen = ({ status }) => status === "pending" || status === "running";
const waits = ({ status }) => status === "awaiting_approval";
const nameOf = ({ type, action }) => `${type}.${action}`;
const aboutOf = ({ params }) => params?.path ?? params?.url ?? params?.repo ?? params?.name ?? "";

/** Anyone who shows tasks can listen for "nima:tasks" on the document: one was decided on. */
const tasksChanged = () => document.dispatchEvent(new CustomEvent("nima:tasks"));
/** And for "nima:told": one is over, which its conversation may say by now. */
const taskOver = () => document.dispatchEvent(new CustomEvent("nima:told"));

function stateText(task) {
  const { status, two_person: two, approved_by: by = [], error, expires_at: until } = task;
  if (status !== "awaiting_approval") return [WORDS[status], error && status !== "completed" && error !== "cancelled" ? error : ""].filter(Boolean).join(": ");
  const whose = two ? (by.length ? "Waits for a second person" : "Needs two people") : "Waits for your yes";
  return `${whose}${until ? ` until ${clock(until)}` : ""}`;
}

/** A text as it is, in a block that can be scrolled with the keyboard; a diff has its lines coloured. */
function block(label, text, diff = false) {
  const shown = text.length > TEXT_MAX ? `${text.slice(0, TEXT_MAX)}\n…` : text;
  const kind = (line) => (line.startsWith("+") ? "added" : line.startsWith("-") ? "removed" : null);
  return h("pre", { class: "task-text", tabindex: 0, role: "region", "aria-label": label, dir: "ltr" },
    h("code", {}, diff ? shown.trimEnd().split("\n").map((line) => h("span", { class: kind(line) }, `${line}\n`)) : shown));
}

const json = (value) => JSON.stringify(value, null, 2);

/** What would happen, or has: the diff where there is one. */
function change(name, would) {
  if (!would || !Object.keys(would).length) return null;
  const { diff, content } = would;
  return diff ? block(`What changes: ${name}`, diff, true) : block(`In full: ${name}`, typeof content === "string" ? content : json(would));
}

function button(label, about, act) {
  return h("button", { type: "button", class: "quiet-button small", "aria-label": `${label}: ${about}`, onclick: act }, label);
}

/** Steps of one plan together, in their order; all others alone. Newest first. */
function grouped(tasks) {
  const groups = new Map();
  for (const task of tasks) {
    const key = task.plan_id ?? task.id;
    groups.set(key, [...(groups.get(key) ?? []), task].sort((a, b) => (a.step ?? 0) - (b.step ?? 0)));
  }
  return [...groups.values()];
}

export class TaskPanel {
  #timer = 0;
  #would = new Map(); /* id: what it would do, asked for once while the panel is open */
  #following = new Map(); /* id: AbortController */

  constructor(el, close) {
    this.el = el;
    this.parts = h("div", { class: "task-parts" });
    this.foot = h("div", {});
    el.replaceChildren(
      h("div", { class: "memory-top" }, h("h2", {}, "Tasks"),
        h("button", { type: "button", class: "icon-button", "aria-label": "Close tasks", onclick: close }, icon("close"))),
      h("p", { class: "faint" }, "Say “read notes.txt” or “add \"eggs\" to shopping.txt”. What changes something waits here for your yes."),
      this.parts, this.foot);
    new MutationObserver(() => { if (el.hidden) this.#rest(); }).observe(el, { attributes: true, attributeFilter: ["hidden"] });
    document.addEventListener("nima:tasks", () => this.refresh());
  }

  open() {
    this.el.hidden = false;
    this.#would.clear();
    this.el.querySelector("button").focus();
    this.refresh();
  }

  #rest() {
    clearTimeout(this.#timer);
    for (const abort of this.#following.values()) abort.abort();
    this.#following.clear();
  }

  /** Something may have changed: a task was asked for, decided on, or has moved. */
  async refresh() {
    if (this.el.hidden) return;
    clearTimeout(this.#timer);
    try {
      const [mine, others] = await Promise.all([api.tasks.history(SHOWN), api.tasks.approvals()]);
      await this.#preview(mine.data.filter(waits));
      this.#paint(mine.data, others.data);
      this.#follow(mine.data.filter(isOpen));
    } catch (error) {
      this.foot.replaceChildren(errorCard(error, () => this.refresh()));
    }
    if (!this.el.hidden) this.#timer = setTimeout(() => this.refresh(), LOOK_MS);
  }

  /** A dry run of each, so that what is read is what would happen. */
  async #preview(tasks) {
    await Promise.all(tasks.filter(({ id }) => !this.#would.has(id)).map(async (task) => {
      try {
        this.#would.set(task.id, { would: (await api.tasks.preview(task)).data.result });
      } catch (error) {
        this.#would.set(task.id, { problem: error.status ? error.message : explain(error).title });
      }
    }));
  }

  #paint(mine, others) {
    const at = document.activeElement?.closest?.("#tasks [data-key]")?.dataset.key;
    const opened = new Set([...this.parts.querySelectorAll("details[open]")].map((el) => el.dataset.key));
    const foreign = others.map((task) => ({ ...task, status: "awaiting_approval", two_person: true, foreign: true, approved_by: task.approved_by ? [task.approved_by] : [] }));
    for (const task of foreign) this.#would.set(task.id, task);
    const groups = grouped(mine);
    const parts = [
      ["Waiting for your yes", groups.filter(([first]) => waits(first))],
      ["Asked for by others", grouped(foreign)],
      ["At work", groups.filter((group) => !waits(group[0]) && group.some(isOpen))],
      ["Over", groups.filter((group) => !group.some((task) => waits(task) || isOpen(task)))],
    ];
    this.parts.replaceChildren(...parts.filter(([, list]) => list.length).map(([title, list]) =>
      h("section", {}, h("h3", {}, title), h("ul", { class: "facts" }, list.map((group) => this.#row(group))))));
    for (const el of this.parts.querySelectorAll("details")) el.open = opened.has(el.dataset.key);
    if (at) this.parts.querySelector(`[data-key="${at}"]`)?.focus();
    this.foot.replaceChildren(...(mine.length || others.length ? [] : [h("p", { class: "faint empty" }, "Nothing was asked for yet.")]));
  }

  #row(group) {
    const [first] = group;
    const about = group.length > 1 ? `${group.length} steps` : `${nameOf(first)} ${aboutOf(first)}`.trim();
    const row = h("li", { class: "fact task" });
    const asked = first.foreign && h("p", { class: "faint" }, `Asked for by ${first.asked_by}`);
    const by = first.approved_by?.length > 0 && h("p", { class: "faint" }, `Approved by ${first.approved_by.join(" and ")}`);
    row.append(...group.map((task, i) => this.#task(task, group.length > 1 ? `${i + 1}. ` : "")), ...[asked, by].filter(Boolean));
    const acts = [];
    const decide = (label, verb, words) => {
      const el = button(label, about, () => this.#act(row, words, () => api.tasks.decide(first.id, verb)));
      el.dataset.key = `${verb} ${first.id}`;
      return el;
    };
    if (waits(first)) acts.push(decide("Approve", "approve", "Approved."), decide("Reject", "reject", "Rejected."));
    const running = group.find(isOpen);
    const failed = !group.some((task) => waits(task) || isOpen(task)) && group.find(({ status }) => status === "failed");
    if (failed) acts.push(button("Try again", about, () => this.#act(row, "It is tried again.", () => api.tasks.decide(failed.id, "retry"))));
    if (running) acts.push(button("Cancel", about, () => this.#act(row, "It is told to stop.", () => api.tasks.decide(running.id, "cancel"))));
    if (acts.length) row.append(h("div", { class: "reminder-actions" }, acts));
    return row;
  }

  #task(task, number) {
    const name = nameOf(task);
    const { would, problem } = waits(task) ? this.#would.get(task.id) ?? {} : {};
    const shown = waits(task)
      ? [block(`With: ${name}`, json(task.params)), change(name, would?.would), problem && h("p", { class: "faint" }, `As things are now it would fail: ${problem}`)]
      : [task.result && h("details", { "data-key": task.id }, h("summary", {}, "Result", h("span", { class: "sr" }, ` of ${name}`)), change(name, task.result) ?? h("p", { class: "faint" }, "Nothing to show."))];
    return h("div", { class: "task-one" },
      h("p", { class: "task-name", dir: "auto" }, number, name, " ", h("span", {}, aboutOf(task))),
      h("p", { class: task.status === "failed" ? "faint bad" : "faint", dir: "auto" }, stateText(task)), ...shown.filter(Boolean));
  }

  async #act(row, words, work) {
    try {
      await work();
      announce(words);
      tasksChanged();
      taskOver();
    } catch (error) {
      row.append(errorCard(error, null, { label: "Close", action: () => this.refresh() }));
    }
    this.el.querySelector("button").focus();
  }

  #follow(tasks) {
    for (const { id } of tasks) {
      if (this.#following.size >= FOLLOWED || this.#following.has(id)) continue;
      const abort = new AbortController();
      this.#following.set(id, abort);
      this.#listen(id, abort);
    }
  }

  async #listen(id, abort) {
    let first = true;
    try {
      for await (const task of api.tasks.events(id, abort.signal)) {
        if (!first || !isOpen(task)) this.refresh();
        if (!isOpen(task)) taskOver();
        first = false;
      }
    } catch { /* the next look will tell */ }
    if (this.#following.get(id) === abort) this.#following.delete(id);
  }
}

/* ---- under a reply ---- */

/** Approve and Reject for what a reply proposes, then what came of it; null when it proposes nothing. */
export function proposal(actions) {
  const asked = (actions ?? []).find((action) => action.status === "awaiting_approval" && action.type !== "goal");
  if (!asked) return null;
  const about = nameOf(asked);
  const state = h("p", { class: "faint", dir: "auto" });
  const buttons = h("div", { class: "reminder-actions" },
    button("Approve", about, () => decide("approve")), button("Reject", about, () => decide("reject")));
  const el = h("div", { class: "task-answer", hidden: true }, state, buttons);
  let seen = "";
  let following = null; /* AbortController */
  let later = 0;

  function paint(task) {
    const now = `${task.status} ${task.approved_by?.join()}`;
    const mine = waits(task);
    el.hidden = false;
    buttons.hidden = !mine;
    state.textContent = task.error === "rejected" ? "Rejected" : stateText(task);
    if (seen && seen !== now) announce(state.textContent);
    seen = now;
  }

  /** What is at work is followed to its end, by one connection however often it is looked at, and as long as it is
   * shown; what waits for another person, who may take a day, is looked at now and then. */
  async function follow(task) {
    paint(task);
    clearTimeout(later);
    if (waits(task) && task.two_person && task.approved_by?.length > 0) later = setTimeout(again, OTHERS_MS);
    if (!isOpen(task) || following) return;
    following = new AbortController();
    const gone = setInterval(() => el.isConnected || following.abort(), OTHERS_MS);
    try {
      for await (const next of api.tasks.events(asked.id, following.signal)) paint(next);
      taskOver();
    } finally {
      clearInterval(gone);
      following = null;
    }
  }

  async function look() {
    try {
      await follow((await api.tasks.get(asked.id)).data);
    } catch { /* it is gone, or not for this token: there is nothing to decide */ }
  }

  async function decide(verb) {
    for (const each of buttons.children) each.disabled = true;
    try {
      const { data } = await api.tasks.decide(asked.id, verb);
      const over = follow(data);
      tasksChanged();
      await over;
      tasksChanged();
    } catch (error) {
      state.textContent = error.status ? error.message : explain(error).title;
      announce(state.textContent);
    }
    for (const each of buttons.children) each.disabled = false;
  }

  const again = () => (el.isConnected ? look() : document.removeEventListener("nima:tasks", again));
  document.addEventListener("nima:tasks", again);
  look();
  return el;
}
