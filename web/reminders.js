/* reminders.js: the panel that lists what is scheduled, and shows what has just happened without a reload: it is
 * asked for now and then, and right after something is due. */

import * as api from "./api.js";
import { announce } from "./announce.js";
import { ask, byId, h, icon } from "./dom.js";
import { errorCard } from "./errors.js";
import { Watch } from "./watch.js";

const AFTER_DUE_MS = 700;
const HERE = Intl.DateTimeFormat().resolvedOptions().timeZone;

/** A time on the schedule's own clocks; the zone is named when it is not the person's. */
function timeText(time, zone) {
  const at = new Intl.DateTimeFormat(undefined, {
    weekday: "short", day: "numeric", month: "short", hour: "numeric", minute: "2-digit", timeZone: zone,
  }).format(new Date(time));
  return zone === HERE ? at : `${at} (${zone})`;
}

function whenText({ when, state, upcoming }) {
  if (state === "paused") return "Paused";
  if (when.event) return `When this happens: ${when.event}`;
  const [first, second] = upcoming.map((time) => timeText(time, when.timezone));
  return second ? `${first}, then ${second}` : first ?? "Over";
}

/** So that "at 9" is the person's 9: once, and never over what is there. */
export async function keepZone() {
  const { data } = await api.profile();
  const { time_zone: zone, timezone } = data.preferences ?? {};
  if (zone || timezone) return;
  const { name, preferences, context } = data;
  await api.setProfile({ ...(name ? { name } : {}), preferences: { ...preferences, time_zone: HERE }, context: context ?? {} });
}

export class ReminderPanel {
  #due = [];

  /** hooks: arrived(run) for each firing that has just ended well. */
  constructor(el, close, hooks) {
    this.el = el;
    this.hooks = hooks;
    this.list = h("ul", { class: "facts" });
    this.foot = h("div", {});
    el.replaceChildren(
      h("div", { class: "memory-top" }, h("h2", {}, "Reminders"),
        h("button", { type: "button", class: "icon-button", "aria-label": "Close reminders", onclick: close }, icon("close"))),
      h("p", { class: "faint" }, "Say “remind me every Monday at 9 to water the plants”, and it will be listed here."),
      this.list, this.foot);
    this.watch = new Watch({
      now: () => api.schedules.list(1), since: api.schedules.runs, at: (run) => run.finished_at,
      arrived: (runs) => this.#ended(runs),
      waits: () => this.#due.map((time) => time + AFTER_DUE_MS - Date.now()).filter((ms) => ms > 0),
    });
  }

  open() {
    this.el.hidden = false;
    this.el.querySelector("button").focus();
    this.refresh();
  }

  /** Something may have changed: a reminder was asked for, or one has fired. */
  async refresh() {
    if (this.watch.off) return;
    try {
      const { data } = await api.schedules.list();
      const shown = data.filter((schedule) => schedule.state !== "done");
      this.#due = shown.flatMap((schedule) => schedule.upcoming).map((time) => Date.parse(time));
      this.list.replaceChildren(...shown.map((schedule) => this.#row(schedule)));
      this.foot.replaceChildren(...(shown.length ? [] : [h("p", { class: "faint empty" }, "Nothing is scheduled.")]));
    } catch (error) {
      /* A closed panel has nothing to say: it asks again when it is opened. */
      this.foot.replaceChildren(...(this.el.hidden ? [] : [errorCard(error, () => this.refresh())]));
    }
    this.watch.plan();
  }

  #row(schedule) {
    const { id, name, enabled } = schedule;
    const act = (label, words, work) => h("button", {
      type: "button", class: "quiet-button small", "aria-label": `${label}: ${name}`, onclick: () => this.#act(row, words, work),
    }, label);
    const row = h("li", { class: "fact reminder" },
      h("div", { class: "fact-body" }, h("p", { dir: "auto" }, schedule.do.remind ?? name), h("p", { class: "faint" }, whenText(schedule))),
      h("button", { type: "button", class: "icon-button small", "aria-label": `Delete: ${name}`, onclick: () => this.#remove(row, schedule) }, icon("trash")),
      h("div", { class: "reminder-actions" },
        act(enabled ? "Pause" : "Resume", enabled ? "Paused." : "Resumed.", () => api.schedules.change(id, { enabled: !enabled })),
        act("Run now", "It runs.", () => api.schedules.run(id))));
    return row;
  }

  async #act(row, words, work) {
    try {
      await work();
      announce(words);
      await this.refresh();
      this.watch.plan(true);
    } catch (error) {
      row.append(errorCard(error, null, { label: "Close", action: () => this.refresh() }));
    }
    this.el.querySelector("button").focus();
  }

  async #remove(row, { id, name }) {
    const yes = await ask({
      title: `Delete “${name}”?`, text: "What it has said stays in its conversation.",
      actions: [{ label: "Keep", value: false, focus: true }, { label: "Delete", value: true, kind: "danger" }],
    });
    if (yes) await this.#act(row, "Deleted.", () => api.schedules.remove(id).catch((error) => { if (error.status !== 404) throw error; }));
  }

  #ended(runs) {
    for (const run of runs) if (run.status === "done") this.hooks.arrived(run);
    return this.refresh();
  }
}

/** One line above the conversation that leads to where a reminder was said. */
export function notice(run, show) {
  const el = byId("notice");
  const close = () => { el.hidden = true; };
  el.replaceChildren(
    h("span", { dir: "auto" }, run.name),
    h("button", { type: "button", class: "quiet-button small", onclick: () => { close(); show(); } }, "Show"),
    h("button", { type: "button", class: "icon-button small", "aria-label": "Close this notice", onclick: close }, icon("close")));
  el.prepend(icon("bell"));
  el.hidden = false;
}
