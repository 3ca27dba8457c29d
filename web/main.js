/* main.js: starts the page and introduces its parts to each other: list, thread, composer, panels, health.
 * Which conversation is open stands in the address (#c/ID), so reload, back and bookmarks work. */

import * as api from "./api.js";
import { announce } from "./announce.js";
import { Thread } from "./chat.js";
import { Composer } from "./composer.js";
import { ConversationList } from "./conversations.js";
import { byId, h, paintIcons } from "./dom.js";
import { GoalPanel } from "./goals.js";
import { watchHealth } from "./health.js";
import { MemoryPanel } from "./memory.js";
import { factsChanged } from "./notes.js";
import { ReminderPanel, keepZone, notice } from "./reminders.js";
import { TaskPanel } from "./tasks.js";
import { TopicPanel } from "./topics.js";

/* What is shown, and what it puts into the message field when that differs. */
const EXAMPLES = [
  ["My name is …, and I work on …", "My name is "],
  ["What do you remember about me?"],
  ["Help me plan a calm and focused week."],
];
const NEAR_END = 80;
const TITLE_TURNS = 3;
const TITLE_LOOKS_MS = [5000, 20000];
const TOLD_LOOKS_MS = [100, 900, 3000];
const PANELS = ["memory", "reminders", "topics", "goals", "tasks"];
const narrow = matchMedia("(max-width: 760px)");

let thread = null;
let known = new Set();
/* Threads whose reply is still coming while another conversation is on screen. */
const running = new Map();

const list = new ConversationList({ removed });
const composer = new Composer({ send: say, stop: () => thread.stop() });
const memory = new MemoryPanel(byId("memory"), closeMemory);
const reminders = new ReminderPanel(byId("reminders"), closeReminders, { arrived });
const topics = new TopicPanel(byId("topics"), closeTopics, () => thread?.id ?? null);
const goals = new GoalPanel(byId("goals"), closeGoals, { raised });
const tasks = new TaskPanel(byId("tasks"), closeTasks);
const hooks = { named, changed, grown, settled, start: startNew, focus: () => composer.focus() };

/* ---- conversations ---- */

const idInAddress = () => /^#c\/([\w-]+)$/.exec(location.hash)?.[1] ?? null;

function show(next) {
  thread = next;
  byId("thread").replaceChildren(next.el);
  composer.open(next.id);
  changed(next);
  topics.changed();
  closeSide();
  toEnd();
}

function open(id) {
  if (running.has(id)) {
    show(running.get(id));
    return;
  }
  show(new Thread(id, hooks));
  if (id) thread.load();
  else thread.el.append(greeting());
}

function startNew() {
  if (idInAddress()) history.pushState(null, "", location.pathname + location.search);
  open(null);
  composer.focus();
}

function follow() {
  const id = idInAddress();
  if (!thread || thread.id !== id || !id) open(id);
}

/** The server gave a new conversation its id. */
function named(which) {
  running.set(which.id, which);
  if (which === thread) {
    history.replaceState(null, "", `#c/${which.id}`);
    composer.rename(which.id);
  }
  changed(which);
}

function changed(which) {
  if (which.id && which.busy) running.set(which.id, which);
  list.mark(thread?.id ?? null, which === thread ? which.firstWords : undefined);
  if (which !== thread) return;
  composer.state({ busy: which.busy });
  const title = which.title || list.titleOf(which.id);
  byId("title").textContent = title;
  document.title = which.id ? `${title} · Nima` : "Nima";
}

async function settled(which) {
  if (!which.id) await adopt(which);
  if (which.id) running.delete(which.id);
  await list.refresh();
  remember();
  changed(which);
  health.check();
  factsChanged();
  reminders.refresh();
  topics.changed();
  goals.refresh();
  document.dispatchEvent(new CustomEvent("nima:tasks"));
  if (which.el.querySelector(".task-answer")) document.dispatchEvent(new CustomEvent("nima:told"));
  titleLater(which);
}

/** The model words the title of a young conversation once nobody waits for it. */
function titleLater(which) {
  if (which.count > TITLE_TURNS) return;
  const look = async () => {
    await list.refresh();
    which.title = list.items.find((item) => item.id === which.id)?.title || which.title;
    if (!which.busy) changed(which);
  };
  for (const wait of TITLE_LOOKS_MS) setTimeout(look, wait);
}

const remember = () => { known = new Set(list.items.map((item) => item.id)); };

/** A first reply that was stopped before the server named the conversation: take the one that is new in the list. */
async function adopt(which) {
  for (let tries = 0; tries < 3 && !which.id; tries += 1) {
    await new Promise((done) => setTimeout(done, 250));
    await list.refresh();
    const fresh = list.items.filter((item) => !known.has(item.id));
    if (fresh.length === 1) which.adopt(fresh[0].id);
  }
}

function removed(id) {
  running.get(id)?.stop();
  if (thread.id === id) startNew();
}

/* ---- reminders ---- */

/** "At 9" is the person's 9, so their zone is known before the first reminder is asked for. */
async function say(text) {
  const which = thread;
  if (/remind/i.test(text)) await keepZone().catch(() => {});
  which.send(text);
}

function arrived(run, words = `Reminder: ${run.name}`) {
  list.refresh().then(remember);
  announce(words);
  if (thread.id === run.conversation_id) thread.arrived(run).catch(() => {});
  else notice(run, () => { location.hash = `#c/${run.conversation_id}`; });
}

function raised({ id, conversation_id, text }) {
  arrived({ id, message_id: id, conversation_id, name: text }, text);
}

/* What a task's end adds to the conversation is stored right after it. */
document.addEventListener("nima:told", async () => {
  const which = thread;
  for (const wait of TOLD_LOOKS_MS) {
    await new Promise((done) => setTimeout(done, wait));
    if (which === thread) await which.told().catch(() => {});
  }
});

/* ---- greeting ---- */

function greeting() {
  const hour = new Date().getHours();
  const words = hour < 5 ? "Good night" : hour < 12 ? "Good morning" : hour < 18 ? "Good afternoon" : "Good evening";
  const hello = h("h2", { class: "hello", dir: "auto" }, `${words}.`);
  api.profile().then(({ data }) => {
    if (data?.name) hello.textContent = `${words}, ${data.name}.`;
  }).catch(() => {});
  return h("div", { class: "greeting" },
    h("img", { src: "app/mark.svg", alt: "", width: 44, height: 44 }), hello,
    h("p", { class: "faint" }, "Nima remembers what you tell it, and shows you what it kept."),
    h("ul", { class: "examples", "aria-label": "Things to say" }, EXAMPLES.map(([text, start = text]) =>
      h("li", {}, h("button", { type: "button", onclick: () => composer.fill(start) }, text)))));
}

/* ---- scrolling: follow the reply unless the person scrolled up ---- */

const scroller = byId("scroll");
let following = true;

function toEnd() {
  following = true;
  scroller.scrollTop = scroller.scrollHeight;
}

function grown(which, force = false) {
  if (which !== thread) return;
  if (force || following) toEnd();
}

scroller.addEventListener("scroll", () => {
  following = scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < NEAR_END;
  byId("latest").hidden = following;
}, { passive: true });
byId("latest").addEventListener("click", () => { toEnd(); composer.focus(); });

/* ---- side and memory: beside the chat on a wide screen, over it on a narrow one ---- */

function cover() {
  const side = narrow.matches && byId("side").classList.contains("open");
  const panel = narrow.matches && PANELS.some((name) => !byId(name).hidden);
  byId("shade").hidden = !(side || panel);
  byId("main").inert = side || panel;
  byId("side").inert = narrow.matches && !side;
  byId("side-open").setAttribute("aria-expanded", String(side));
  for (const name of PANELS) byId(`${name}-open`).setAttribute("aria-expanded", String(!byId(name).hidden));
}

function openSide() {
  byId("side").classList.add("open");
  cover();
  byId("new").focus();
}

function closeSide(refocus = false) {
  byId("side").classList.remove("open");
  cover();
  if (refocus) byId("side-open").focus();
}

/* One panel at a time. */
function openPanel(name, panel) {
  for (const other of PANELS) byId(other).hidden = true;
  panel.open();
  cover();
}

function closePanel(name) {
  byId(name).hidden = true;
  cover();
  byId(`${name}-open`).focus();
}

function closeMemory() { closePanel("memory"); }
function closeReminders() { closePanel("reminders"); }
function closeTopics() { closePanel("topics"); }
function closeGoals() { closePanel("goals"); }
function closeTasks() { closePanel("tasks"); }

byId("new").addEventListener("click", startNew);
byId("side-open").addEventListener("click", openSide);
byId("side-close").addEventListener("click", () => closeSide(true));
/* The conversation that is open already changes no address, so it has to close the drawer here. */
byId("conversations").addEventListener("click", (event) => { if (event.target.closest("a")) closeSide(); });
for (const [name, panel] of [["memory", memory], ["reminders", reminders], ["topics", topics], ["goals", goals], ["tasks", tasks]]) {
  byId(`${name}-open`).addEventListener("click", () => (byId(name).hidden ? openPanel(name, panel) : closePanel(name)));
}
byId("shade").addEventListener("click", () => { closeSide(); PANELS.filter((name) => !byId(name).hidden).forEach(closePanel); });
byId("skip").addEventListener("click", (event) => { event.preventDefault(); composer.focus(); });
narrow.addEventListener("change", cover);

document.addEventListener("keydown", (event) => {
  if (document.querySelector("dialog[open]")) return;
  if (event.key === "Escape") escape();
  const typing = event.target.closest?.("input, textarea, select, [contenteditable]");
  if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) {
    event.preventDefault();
    if (!byId("main").inert) composer.focus();
  }
});

function escape() {
  if (byId("side").classList.contains("open")) closeSide(true);
  else if (PANELS.some((name) => byId(name).contains(document.activeElement))) closePanel(openPanelName());
  else if (thread.busy) thread.stop();
  else if (openPanelName()) closePanel(openPanelName());
}

const openPanelName = () => PANELS.find((name) => !byId(name).hidden);

/* ---- start ---- */

paintIcons();
const health = watchHealth((state, before) => {
  composer.state({ ready: state !== "loading" });
  if (before === "down" && state !== "down") list.refresh().then(remember);
});
cover();
follow();
window.addEventListener("hashchange", follow);
window.addEventListener("popstate", follow);
list.refresh().then(() => { remember(); changed(thread); });
if (!narrow.matches) composer.focus();
