/* goals.js: the panel of goals: how far each is, its milestones to tick, what to do next, a new one, pausing, deleting;
 * and what has just become overdue or slipping, shown without a reload. */

import * as api from "./api.js";
import { announce } from "./announce.js";
import { ask, h, icon } from "./dom.js";
import { errorCard } from "./errors.js";
import { Watch } from "./watch.js";

const percent = (progress) => `${Math.round(progress * 100)} %`;
const day = (time) => new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short", year: "numeric" }).format(new Date(time));

function standsText({ status, progress, deadline }) {
  if (status === "completed") return "Reached";
  const parts = [percent(progress), status === "paused" && "paused", deadline && `due ${day(deadline)}`];
  return parts.filter(Boolean).join(", ");
}

/** What a suggestion may become: [label, as, words when it is done]. */
function choicesOf({ id, task, milestones }) {
  const steps = milestones > 1 ? `Add ${milestones} milestones` : "Add as milestone";
  return [
    task && ["Do it", "task", "It is begun, or waits for your yes."],
    (milestones > 0 || /^(week|stuck|still|known):/.test(id)) && [steps, "milestone", "Added."],
    !task && ["Remind me", "reminder", "You will be reminded."],
    ["Dismiss", "dismissed", "Dismissed."],
  ].filter(Boolean);
}

export class GoalPanel {
  #open = new Set(); /* goals whose suggestions are shown */

  /** hooks: raised(alert) for each goal that has just become overdue or slipping. */
  constructor(el, close, hooks) {
    this.el = el;
    this.list = h("ul", { class: "facts" });
    this.foot = h("div", {});
    this.title = h("input", { class: "field", maxlength: 300, "aria-label": "A new goal", placeholder: "A new goal", autocomplete: "off" });
    el.replaceChildren(
      h("div", { class: "memory-top" }, h("h2", {}, "Goals"),
        h("button", { type: "button", class: "icon-button", "aria-label": "Close goals", onclick: close }, icon("close"))),
      h("p", { class: "faint" }, "Say “my goal is to run a half marathon by May”, “I finished chapter 3” or “how am I doing?”."),
      h("form", { class: "goal-new", onsubmit: (event) => this.#add(event) }, this.title,
        h("button", { class: "button" }, "Add")),
      this.list, this.foot);
    this.watch = new Watch({
      now: () => api.goals.list(1), since: api.goals.alerts, at: (alert) => alert.raised_at,
      arrived: (alerts) => { alerts.forEach(hooks.raised); return this.refresh(); },
    });
  }

  open() {
    this.el.hidden = false;
    this.el.querySelector("button").focus();
    this.refresh();
  }

  /** Something may have changed: a goal was spoken of. */
  async refresh() {
    if (this.el.hidden) return;
    try {
      const { data } = await api.goals.list();
      this.list.replaceChildren(...data.map((goal) => this.#row(goal)));
      this.foot.replaceChildren(...(data.length ? [] : [h("p", { class: "faint empty" }, "There are no goals yet.")]));
    } catch (error) {
      this.foot.replaceChildren(errorCard(error, () => this.refresh()));
    }
  }

  #row(goal) {
    const { id, title, status, progress, milestones } = goal;
    const paused = status === "paused";
    const row = h("li", { class: "fact goal" });
    const act = h("button", {
      type: "button", class: "quiet-button small", "aria-label": `${paused ? "Resume" : "Pause"}: ${title}`,
      onclick: () => this.#act(row, paused ? "Resumed." : "Paused.", () => api.goals.change(id, { status: paused ? "active" : "paused" })),
    }, paused ? "Resume" : "Pause");
    row.append(
      h("div", { class: "fact-body" }, h("p", { dir: "auto" }, title), h("p", { class: "faint" }, standsText(goal))),
      h("button", { type: "button", class: "icon-button small", "aria-label": `Delete: ${title}`, onclick: () => this.#remove(row, goal) }, icon("trash")),
      h("progress", { class: "goal-progress", max: 1, value: progress, "aria-label": `Progress of ${title}` }));
    if (milestones.length) row.append(h("ul", { class: "goal-steps" }, milestones.map((step) => this.#step(row, goal, step))));
    if (status !== "completed") row.append(h("div", { class: "reminder-actions" }, act, status === "active" && this.#next(goal)));
    if (status === "active") row.append(h("ul", { class: "goal-advice", hidden: !this.#open.has(id), "aria-label": `What next: ${title}` }));
    if (this.#open.has(id) && status === "active") this.#advise(row, goal);
    return row;
  }

  /** Asked for one goal at a time: what bears on it is looked for then. */
  #next(goal) {
    const open = this.#open.has(goal.id);
    const button = h("button", {
      type: "button", class: "quiet-button small", "aria-expanded": String(open), "aria-label": `What next: ${goal.title}`,
      onclick: () => {
        const row = button.closest(".goal");
        const shown = !this.#open.delete(goal.id);
        if (shown) this.#open.add(goal.id);
        button.setAttribute("aria-expanded", String(shown));
        row.querySelector(".goal-advice").hidden = !shown;
        if (shown) this.#advise(row, goal);
      },
    }, "What next?");
    return button;
  }

  async #advise(row, goal) {
    const place = row.querySelector(".goal-advice");
    try {
      const { data } = await api.goals.suggestions(goal.id);
      place.replaceChildren(...(data.length ? data.map((one) => this.#suggestion(row, goal, one))
        : [h("li", { class: "faint" }, "Nothing to suggest now.")]));
    } catch (error) {
      place.replaceChildren(h("li", {}, errorCard(error, () => this.#advise(row, goal))));
    }
  }

  #suggestion(row, goal, one) {
    const settle = (as, words) => this.#act(row, words, () => api.goals.settle(goal.id, one.id, as),
      () => [...this.list.querySelectorAll("[aria-expanded]")].find((button) => button.getAttribute("aria-label") === `What next: ${goal.title}`));
    return h("li", {},
      h("p", { dir: "auto" }, one.action),
      h("p", { class: "faint", dir: "auto" }, one.reason, one.due ? ` By ${day(one.due)}.` : ""),
      h("div", { class: "reminder-actions" }, choicesOf(one).map(([label, as, words]) => h("button", {
        type: "button", class: "quiet-button small", "aria-label": `${label}: ${one.action}`, onclick: () => settle(as, words),
      }, label))));
  }

  #step(row, goal, { id, title, completed }) {
    const box = h("input", { type: "checkbox", checked: completed });
    box.addEventListener("change", () => this.#act(row, box.checked ? "Done." : "Open again.",
      () => api.goals.advance(goal.id, { milestone_id: id, completed: box.checked }),
      () => [...this.list.querySelectorAll("input")].find((input) => input.dataset.id === id)));
    box.dataset.id = id;
    return h("li", {}, h("label", { dir: "auto" }, box, h("span", {}, title)));
  }

  async #add(event) {
    event.preventDefault();
    const title = this.title.value.trim();
    if (!title) return;
    try {
      await api.goals.add({ title });
      this.title.value = "";
      announce("Added.");
      await this.refresh();
    } catch (error) {
      this.foot.replaceChildren(errorCard(error, null, { label: "Close", action: () => this.refresh() }));
    }
    this.title.focus();
  }

  async #act(row, words, work, focus = () => null) {
    try {
      await work();
      announce(words);
      await this.refresh();
    } catch (error) {
      row.append(errorCard(error, null, { label: "Close", action: () => this.refresh() }));
    }
    (focus() ?? this.el.querySelector("button")).focus();
  }

  async #remove(row, { id, title }) {
    const yes = await ask({
      title: `Delete “${title}”?`, text: "Its milestones and its history go with it.",
      actions: [{ label: "Keep", value: false, focus: true }, { label: "Delete", value: true, kind: "danger" }],
    });
    if (yes) await this.#act(row, "Deleted.", () => api.goals.remove(id).catch((error) => { if (error.status !== 404) throw error; }));
  }
}
