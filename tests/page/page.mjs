/* page.mjs: walks through the page in a real browser, one scenario after the other.
 *
 *   NIMA_URL=http://127.0.0.1:8002/ NIMA_NODE_MODULES=…/node_modules node page.mjs [NAME…]
 *
 * Prints one JSON line a scenario: {"name", "ok", "ms", "error"?}. A line {"control": "stop"|"start"} asks whoever
 * started this to stop or start the server; it answers with a line on stdin. The model must be the one of model.py.
 * NIMA_SHOTS=FOLDER keeps a picture of every failure. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as pause } from "node:timers/promises";
import { isDeepStrictEqual } from "node:util";

const modules = createRequire(join(process.env.NIMA_NODE_MODULES, "here.js"));
const { chromium } = modules("playwright-core");
const AXE = readFileSync(modules.resolve("axe-core/axe.min.js"), "utf8");

const URL_ = process.env.NIMA_URL;
const HOST = new URL(URL_).host;
const BROWSER = process.env.NIMA_CHROMIUM ?? "/usr/bin/chromium";
const FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
  "--disable-component-update", "--disable-sync"];
const PHONE = { width: 360, height: 740 };
const DESK = { width: 1280, height: 800 };
const SLOW = 60000;

const stdin = createInterface({ input: process.stdin });
const answers = stdin[Symbol.asyncIterator]();

const say = (value) => process.stdout.write(`${JSON.stringify(value)}\n`);

async function control(what) {
  say({ control: what });
  await answers.next();
}

/* ---- steps that several scenarios share ---- */

async function send(page, text) {
  await page.fill("#message", text);
  await page.press("#message", "Enter");
}

/** Looks until it is so: what an event leads to may be seen a moment later. The last look is what is held against it. */
async function settled(look, isSo) {
  const until = Date.now() + SLOW;
  let seen = await look();
  while (!isSo(seen) && Date.now() < until) {
    await pause(50);
    seen = await look();
  }
  return seen;
}

const same = async (look, wanted, why) => assert.deepEqual(await settled(look, (seen) => isDeepStrictEqual(seen, wanted)), wanted, why);
const says = async (look, wanted, why) => assert.match(await settled(look, (seen) => wanted.test(seen)), wanted, why);

/** Sends and waits for the finished reply; gives its locator. */
async function converse(page, text) {
  const before = await page.locator(".turn.nima .meta").count();
  await send(page, text);
  await page.locator(".turn.nima .meta").nth(before).waitFor({ timeout: SLOW });
  return page.locator(".turn.nima").last();
}

const api = (page, path, options) =>
  page.evaluate(async ([where, how]) => {
    const reply = await fetch(where, how);
    return reply.status === 204 ? null : reply.json();
  }, [path, options]);

async function axe(page, where) {
  /* The page's policy forbids foreign script tags, so the source is evaluated instead. */
  await page.evaluate(AXE);
  const found = await page.evaluate(() => globalThis.axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] }));
  const lines = found.violations.map((v) => `${v.id}: ${v.nodes.map((n) => `${n.target} ${n.failureSummary}`).join("; ")}`);
  assert.deepEqual(lines, [], `axe finds nothing wrong with ${where}`);
}

async function picture(page, name) {
  if (process.env.NIMA_SHOTS) await page.screenshot({ path: join(process.env.NIMA_SHOTS, `${name}.png`) });
}

const still = (page) => page.waitForFunction(() => document.getAnimations().length === 0);
const overflows = (page) => page.evaluate(() => document.documentElement.scrollWidth > window.innerWidth);

/* ---- scenarios; `allow` is what may stand on the console ---- */

const scenarios = {
  async stream(page) {
    await send(page, "Please count slowly.");
    await page.locator(".turn.nima .md p").waitFor({ timeout: SLOW });
    const early = (await page.locator(".turn.nima .md").innerText()).length;
    await same(() => page.locator("#stop").isVisible(), true, "a stop button while the reply comes");
    await page.waitForFunction((n) => document.querySelector(".turn.nima .md").innerText.length > n + 100, early);
    await page.locator(".turn.nima .meta").waitFor({ timeout: SLOW });
    await same(() => page.locator(".turn.nima").getAttribute("aria-busy"), null);
    await says(() => page.locator(".meta").innerText(), /\d+(\.\d)? s/, "time is shown");
    await same(() => page.evaluate(() => document.activeElement.id), "message", "focus stays in the field");
    assert.ok((await page.locator("#announcer p").count()) > 0, "sentences are announced");
    assert.ok((await page.locator("#announcer p").count()) <= 12, "and not kept for ever");
  },

  async markdown(page) {
    const reply = await converse(page, "Show me code, please");
    await same(() => reply.locator(".md strong").innerText(), "start");
    await same(() => reply.locator(".md table td").count(), 2);
    await same(() => reply.locator(".md ol").last().getAttribute("start"), "2", "steps go on behind the code");
    await same(() => reply.locator(".md td").last().getAttribute("align"), "right");
    assert.equal((await reply.locator(".md pre").innerText()).trim(), 'print("quiet")');
    await same(() => reply.locator(".code-bar span").first().innerText(), "python");
    await page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
    await reply.getByRole("button", { name: "Copy this code" }).click();
    await reply.getByText("Copied").waitFor();
    assert.equal((await page.evaluate(() => navigator.clipboard.readText())).trim(), 'print("quiet")');
  },

  async sanitised(page) {
    const reply = await converse(page, "Say something hostile");
    const check = async () => {
      const text = await reply.locator(".md").innerText();
      assert.match(text, /before/);
      assert.match(text, /after/);
      assert.match(text, /<script>/, "HTML is shown as text");
      await same(() => reply.locator(".md").locator("script, img, svg, iframe, style, form, input, object").count(), 0);
      const bad = await reply.locator(".md *").evaluateAll((all) =>
        all.flatMap((el) => [...el.attributes]).filter((a) => /^on|^style$/i.test(a.name) || /javascript:/i.test(a.value)).map((a) => a.name));
      assert.deepEqual(bad, []);
      const links = await reply.locator(".md a").evaluateAll((all) => all.map((a) => [a.getAttribute("href"), a.target, a.rel]));
      assert.ok(links.some(([href]) => href === "https://example.org/"), "an ordinary link stays");
      for (const [href, target, rel] of links) {
        assert.match(href, /^https:/);
        assert.equal(target, "_blank");
        assert.match(rel, /noopener/);
      }
    };
    await check();
    await page.reload();
    await page.locator(".turn.nima .meta").waitFor();
    await check();
    assert.equal(await page.evaluate(() => window.pwned), undefined, "nothing ran");
  },

  async reload(page) {
    await converse(page, "Hello, the lighthouse at the cape");
    assert.match(page.url(), /#c\/[0-9a-f-]{36}$/);
    await page.fill("#message", "a draft that is not sent");
    await page.reload();
    await page.locator(".turn.nima .meta").waitFor();
    await same(() => page.locator(".bubble").innerText(), "Hello, the lighthouse at the cape");
    await same(() => page.inputValue("#message"), "a draft that is not sent");
    await page.fill("#message", "");
    await converse(page, "And a second message");
    await same(() => page.locator(".turn.user").count(), 2);
    const id = page.url().split("#c/")[1];
    await same(async () => (await api(page, `v1/conversations/${id}`)).messages.length, 4, "it continued the same conversation");
    await page.getByRole("button", { name: "New conversation" }).click();
    await page.locator(".greeting").waitFor();
    await page.goBack();
    await page.locator(".turn.nima .meta").nth(1).waitFor();
  },

  async remembered(page) {
    const reply = await converse(page, "I live in Reykjavik.");
    const chip = reply.locator(".chip").filter({ hasText: /Reykjavik/ });
    await chip.waitFor();
    const has = async () => (await api(page, "v1/memory/facts?limit=500")).some((f) => /Reykjavik/.test(f.fact));
    await same(() => has(), true);
    await page.getByRole("button", { name: "New conversation" }).click();
    const second = await converse(page, "Which city do I live in?");
    await second.locator(".used summary").click();
    await says(() => second.locator(".used").innerText(), /Reykjavik/, "what was used is shown");
    await page.goBack();
    await page.locator(".chip").waitFor();
    await page.locator(".chip").getByRole("button", { name: /^Undo: .*Reykjavik/ }).click();
    await page.locator(".chip.gone").waitFor();
    await same(() => has(), false, "forgotten on the server");
    await page.locator(".chip").getByRole("button", { name: /^Keep it/ }).click();
    await page.locator(".chip:not(.gone)").waitFor();
    await same(() => has(), true, "and kept after all");
    await page.locator(".chip").getByRole("button", { name: /^Undo: .*Reykjavik/ }).click();
    await page.locator(".chip.gone").waitFor();
    await page.reload();
    await page.locator(".chip.gone").waitFor();
    assert.doesNotMatch(await page.locator(".chip").innerText(), /Reykjavik/, "what is forgotten is not said again");
    await same(() => page.locator(".chip button").count(), 0, "and cannot be kept any more");
  },

  async memory(page) {
    await page.click("#memory-open");
    await page.fill("#new-fact", "Plays the cello in a quartet");
    await page.press("#new-fact", "Enter");
    const fact = page.locator(".fact").filter({ hasText: "cello" });
    await fact.waitFor();
    const found = page.waitForResponse((reply) => reply.url().includes("v1/memory/search"));
    await page.locator("#memory input[type=search]").fill("cello");
    await found;
    await fact.first().waitFor();
    await fact.first().getByRole("button", { name: /Forget/ }).click();
    await page.getByRole("button", { name: "Undo" }).click();
    await fact.first().waitFor();
    await same(async () => (await api(page, "v1/memory/facts?limit=500")).some((f) => /cello/.test(f.fact)), true);
    await axe(page, "the memory panel");
    await page.keyboard.press("Escape");
    await page.locator("#memory").waitFor({ state: "hidden" });
  },

  async reminders(page) {
    const reply = await converse(page, "remind me in 2 seconds to look at the lighthouse");
    await says(() => reply.locator(".md").innerText(), /^I will remind you on .*: look at the lighthouse\./);
    const said = page.locator(".turn.nima").filter({ hasText: "Reminder" });
    await said.waitFor({ timeout: 60000 });
    assert.equal((await said.locator(".md").innerText()).trim(), "look at the lighthouse", "it came without a reload");
    const { preferences } = await api(page, "v1/memory/profile");
    assert.equal(preferences.time_zone, await page.evaluate(() => Intl.DateTimeFormat().resolvedOptions().timeZone));

    await converse(page, "remind me every Monday at 9 am to water the plants");
    await page.click("#reminders-open");
    const row = page.locator(".reminder").filter({ hasText: "water the plants" });
    await row.waitFor();
    await says(() => row.innerText(), /Mon.*9:00.*then Mon/s);
    await same(() => page.locator(".reminder").filter({ hasText: "lighthouse" }).count(), 0, "what is over is not listed");
    await axe(page, "the reminders panel");
    await picture(page, "reminders-desk");
    await row.getByRole("button", { name: /^Pause/ }).click();
    await row.getByText("Paused").waitFor();
    await row.getByRole("button", { name: /^Resume/ }).click();
    await row.getByRole("button", { name: /^Pause/ }).waitFor();

    await page.getByRole("button", { name: "New conversation" }).click();
    await page.locator(".greeting").waitFor();
    await row.getByRole("button", { name: /^Run now/ }).click();
    const notice = page.locator("#notice");
    await notice.getByText("water the plants").waitFor({ timeout: 60000 });
    await picture(page, "reminders-notice");
    await notice.getByRole("button", { name: "Show" }).click();
    await page.locator(".turn.nima").filter({ hasText: "Reminder" }).filter({ hasText: "water the plants" }).waitFor();
    await row.getByRole("button", { name: /^Delete/ }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
    await row.waitFor({ state: "detached" });
    await page.keyboard.press("Escape");
    await page.locator("#reminders").waitFor({ state: "hidden" });

    await converse(page, "remind me every day at 7:30 am to take a slow breath before the first letter of the day is opened");
    await page.setViewportSize(PHONE);
    await page.click("#reminders-open");
    await page.locator(".reminder").first().waitFor();
    await same(() => overflows(page), false);
    await picture(page, "reminders-phone");
    await page.getByRole("button", { name: "Close reminders" }).click();
    await still(page);
    await same(() => overflows(page), false, "three buttons fit above the conversation");
    await picture(page, "reminders-phone-chat");
    await converse(page, "cancel all my reminders");
  },

  async topics(page) {
    const row = (name) => page.locator(".topic").filter({ has: page.getByText(name, { exact: true }) });
    const choose = async (name, mode) => {
      await row(name).getByRole("combobox").focus();
      await row(name).getByRole("combobox").selectOption({ label: mode });
    };
    /* Their vectors are made after the start, and what is said finds nothing without them. */
    await same(async () => (await api(page, "v1/knowledge/packs")).filter((pack) => pack.embeddings === null).length, 0);
    await page.click("#topics-open");
    await row("Travel").getByText("42 facts").waitFor();
    await same(() => page.locator(".topic").count(), 6);
    await row("Travel").getByText("Waits for the topic").waitFor();
    await same(() => page.getByRole("radio", { name: "in this conversation" }).isEnabled(), false, "nothing has been said");
    await axe(page, "the topics panel without a conversation");

    const reply = await converse(page, "My flight was cancelled and I want compensation under EU rules.");
    await row("Travel").getByText("On: this conversation came to it").waitFor();
    await row("Cars").getByText("Has not come up").waitFor();
    const used = reply.locator(".used").filter({ hasText: "Used from packs" });
    await used.locator("summary").click();
    await says(() => used.innerText(), /flight[\s\S]*travel · Regulation \(EC\) No 261\/2004/, "a fact with its source");
    await axe(page, "the topics panel");
    await picture(page, "topics-desk");

    /* Off in this conversation, though the topic is there; on in all, though it is not. */
    await choose("Travel", "Off");
    await row("Travel").getByText("Off: you chose so in this conversation").waitFor();
    await same(() => page.evaluate(() => document.activeElement.id), "topic-travel", "focus stays where it was");
    await page.getByRole("radio", { name: "always" }).check();
    await row("Travel").getByText("Waits for the topic").waitFor();
    await choose("Cars", "On");
    await row("Cars").getByText("On: you chose so in all conversations").waitFor();
    await page.getByRole("radio", { name: "in this conversation" }).check();
    await row("Travel").getByText("Off: you chose so").waitFor();
    await row("Cars").getByRole("option", { name: "As always: on" }).waitFor({ state: "attached" });
    await picture(page, "topics-chosen");
    const next = await converse(page, "And when is the next flight?");
    await same(() => next.locator(".used").filter({ hasText: "travel ·" }).count(), 0, "what is off is not used");
    await page.reload();
    await page.locator(".turn.nima .meta").nth(1).waitFor();
    await says(() => page.locator(".used").first().textContent(), /travel · Regulation/, "it is there after a reload");
    await page.click("#topics-open");
    await row("Travel").getByText("Off: you chose so in this conversation").waitFor();
    await choose("Travel", "Automatic");
    await row("Travel").getByText("On: this conversation came to it").waitFor();

    /* In another conversation nothing of that holds but what holds always. */
    await page.getByRole("button", { name: "New conversation" }).click();
    await page.locator(".greeting").waitFor();
    await row("Travel").getByText("Waits for the topic").waitFor();
    await choose("Cars", "Automatic");
    await row("Cars").getByText("Waits for the topic").waitFor();
    await converse(page, "Use the Travel pack in this conversation");
    await row("Travel").getByText("On: you chose so in this conversation").waitFor();
    await page.keyboard.press("Escape");
    await page.locator("#topics").waitFor({ state: "hidden" });

    await page.setViewportSize(PHONE);
    await same(() => overflows(page), false, "four buttons fit above the conversation");
    await still(page);
    await picture(page, "topics-phone-chat");
    await page.click("#topics-open");
    await row("Travel").getByText("On: you chose so").waitFor();
    await same(() => overflows(page), false);
    await axe(page, "the topics panel on a phone");
    await row("Travel").scrollIntoViewIfNeeded();
    await picture(page, "topics-phone");
    await page.getByRole("button", { name: "Close topics" }).click();
    await page.locator("#topics").waitFor({ state: "hidden" });
  },

  async goals(page) {
    const reply = await converse(page, "my goal is to write a book about lighthouses by 2099-05-01");
    await says(() => reply.locator(".md").innerText(), /^I set the goal .Write a book about lighthouses., due 1 May 2099/);
    await page.click("#goals-open");
    const row = page.locator(".goal").filter({ hasText: "lighthouses" });
    await row.waitFor();
    await says(() => row.innerText(), /0 %, due .*2099/);
    await converse(page, "add a milestone \"Outline\" to the book");
    await converse(page, "add a milestone \"First chapter\" to the book");
    await row.getByLabel("First chapter").waitFor();
    await row.getByLabel("Outline").check();
    await row.getByText("50 %").waitFor();
    await same(() => page.evaluate(() => document.activeElement.type), "checkbox", "where one was");
    await converse(page, "undo that");
    await page.fill("#goals .goal-new input", "Sail around the island");
    await page.press("#goals .goal-new input", "Enter");
    const other = page.locator(".goal").filter({ hasText: "Sail" });
    await other.waitFor();
    await other.getByRole("button", { name: /^What next/ }).click();
    const advice = other.locator(".goal-advice > li");
    await advice.first().getByText("Write down three milestones").waitFor();
    await row.getByRole("button", { name: /^What next/ }).click();
    await row.getByText("Do the next step:").waitFor();
    await axe(page, "the goals panel");
    await picture(page, "goals-desk");
    await advice.first().getByRole("button", { name: /^Add as milestone/ }).click();
    await other.getByRole("checkbox").waitFor();
    await advice.getByText("Do the next step:").waitFor();
    await same(() => page.evaluate(() => document.activeElement.getAttribute("aria-expanded")), "true", "where one was");
    await advice.filter({ hasText: "Do the next step" }).getByRole("button", { name: /^Dismiss/ }).click();
    await advice.getByText("Do the next step:").waitFor({ state: "detached" });
    await row.getByRole("button", { name: /^Pause/ }).click();
    await row.getByText("paused").waitFor();
    await row.getByRole("button", { name: /^Resume/ }).click();
    await row.getByRole("button", { name: /^Pause/ }).waitFor();
    await other.getByRole("button", { name: /^Delete/ }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
    await other.waitFor({ state: "detached" });
    await page.keyboard.press("Escape");
    await page.locator("#goals").waitFor({ state: "hidden" });

    await page.getByRole("button", { name: "New conversation" }).click();
    await page.locator(".greeting").waitFor();
    const overdue = async (title, deadline) => {
      const body = JSON.stringify({ title, deadline });
      await api(page, "v1/goals", { method: "POST", headers: { "content-type": "application/json" }, body });
      while (!(await api(page, "v1/goals/alerts")).some(({ text }) => text.includes(title))) await page.waitForTimeout(50);
      await page.evaluate(() => document.dispatchEvent(new Event("visibilitychange"))); /* as when it is looked at again */
    };
    await overdue("Paint the old boat", "2020-05-01T12:00:00Z");
    const notice = page.locator("#notice");
    await notice.getByText("Your goal \"Paint the old boat\" was due 1 May 2020").waitFor({ timeout: 60000 });
    await axe(page, "a goal that is overdue");
    await picture(page, "goals-notice");
    await notice.getByRole("button", { name: "Show" }).click();
    await page.locator(".turn.nima").filter({ hasText: "Goal" }).filter({ hasText: "old boat" }).waitFor();
    await overdue("Sell the old boat", "2021-05-01T12:00:00Z");
    await page.locator(".turn.nima").filter({ hasText: "Sell the old boat" }).waitFor({ timeout: 60000 });
    await same(() => notice.isHidden(), true, "in the open conversation it is said there, without a reload");
    await page.setViewportSize(PHONE);
    await still(page);
    await same(() => overflows(page), false);
    await picture(page, "goals-phone-chat");
    await page.click("#goals-open");
    await row.waitFor();
    await same(() => overflows(page), false);
    await axe(page, "the goals panel on a phone");
    await picture(page, "goals-phone");
    await page.getByRole("button", { name: "Close goals" }).click();
    await converse(page, "drop the book");
  },

  async tasks(page) {
    await converse(page, "/task file.write_file path=shopping.txt content=\"eggs\\nmilk\\n\"");
    const answer = page.locator(".task-answer").first();
    await answer.getByText("Waits for your yes").waitFor();
    await axe(page, "a proposal in the conversation");
    await picture(page, "tasks-desk-chat");
    await page.click("#tasks-open");
    const row = page.locator(".task").filter({ hasText: "shopping.txt" });
    await row.getByRole("region", { name: /^What changes/ }).getByText("+eggs").waitFor();
    await axe(page, "the tasks panel");
    await picture(page, "tasks-desk");
    await answer.getByRole("button", { name: /^Approve/ }).click();
    await answer.getByText("Done").waitFor({ timeout: SLOW });
    await same(() => answer.getByRole("button").count(), 0, "it is decided once");
    await page.locator(".turn.nima").last().getByText("Done: file.write_file").waitFor({ timeout: SLOW });
    await same(() => page.locator(".turn.nima").count(), 2, "its end is said once, without a reload");
    await page.locator("section").filter({ hasText: "Over" }).filter({ hasText: "shopping.txt" }).waitFor();
    await row.getByText("Approved by default").waitFor();
    await row.locator("summary").click();
    await row.getByText("+milk").waitFor();

    const before = await page.locator(".task").count();
    const second = await converse(page, "delete shopping.txt");
    const waiting = page.locator("section").filter({ hasText: "Waiting for your yes" }).locator(".task");
    await waiting.getByRole("button", { name: "Reject: file.delete shopping.txt" }).click();
    await second.locator(".task-answer").getByText("Rejected").waitFor();
    await waiting.waitFor({ state: "detached" });
    await same(() => page.locator(".task").count(), before + 1);
    const plan = await converse(page, "read shopping.txt and then append \"bread\" to shopping.txt");
    await waiting.getByText("2. file.append_file").waitFor();
    await page.reload();
    await page.locator(".task-answer").last().getByText("Waits for your yes").waitFor();
    await same(() => page.locator(".task-answer").first().getByRole("button").count(), 0, "what is over has no buttons after a reload");

    /* By another hand: the page follows. */
    await page.click("#tasks-open");
    await waiting.getByText("2. file.append_file").waitFor();
    await converse(page, "yes");
    await page.locator("section").filter({ hasText: "Over" }).getByText("2. file.append_file").waitFor({ timeout: SLOW });
    await page.locator(".task-answer").last().getByText("Done").waitFor({ timeout: SLOW });
    await same(() => page.locator(".task-answer").last().getByRole("button").count(), 0);
    await same(() => plan.count(), 1);

    /* A step that failed is tried again, and what was skipped because of it comes back behind it. */
    await converse(page, "read none.txt and then delete shopping.txt");
    await waiting.getByRole("button", { name: "Approve: 2 steps" }).click();
    const failed = page.locator("section").filter({ hasText: "Over" }).locator(".task").filter({ hasText: "none.txt" });
    await failed.getByRole("button", { name: /^Try again/ }).click({ timeout: SLOW });
    await waiting.getByText("2. file.delete").waitFor({ timeout: SLOW });
    await waiting.getByRole("button", { name: "Reject: 2 steps" }).click();
    await waiting.waitFor({ state: "detached" });
    await page.keyboard.press("Escape");
    await converse(page, "/task file.write_file path=a-rather-long-name-with-another-one-behind-it-and-more.txt content=\"one line that is longer than a phone is wide, by quite a bit\"");
    await page.setViewportSize(PHONE);
    await same(() => overflows(page), false, "five buttons fit above the conversation");
    await still(page);
    await picture(page, "tasks-phone-chat");
    await page.click("#tasks-open");
    await waiting.first().waitFor();
    await same(() => overflows(page), false);
    await axe(page, "the tasks panel on a phone");
    await picture(page, "tasks-phone");
    await waiting.first().getByRole("button", { name: /^Reject/ }).click();
    await waiting.first().waitFor({ state: "detached" });
    await page.getByRole("button", { name: "Close tasks" }).click();
  },

  async stop(page) {
    await send(page, "Please count slowly.");
    await page.waitForFunction(() => document.querySelector(".turn.nima .md")?.innerText.length > 60, null, { timeout: SLOW });
    await page.keyboard.press("Escape");
    await page.getByText("stopped", { exact: true }).waitFor();
    const kept = await page.locator(".turn.nima .md").innerText();
    assert.ok(kept.length > 60 && kept.length < 1900, "the part that came stays");
    await same(() => page.locator("#send").isVisible(), true);
    await page.waitForURL(/#c\//, { timeout: SLOW });
    const id = page.url().split("#c/")[1];
    await same(async () => (await api(page, `v1/conversations/${id}`)).messages.length, 2, "what came is kept");
    await page.reload();
    await page.getByText("stopped", { exact: true }).waitFor();
    await converse(page, "Go on, please");
  },

  async conversations(page) {
    await converse(page, "Hello, an umbrella stand");
    const rows = page.locator(".row").filter({ hasText: "umbrella" });
    const row = rows.first();
    await row.hover(); /* waits until it is listed */
    const before = await rows.count();
    await row.getByRole("button", { name: /Delete/ }).click();
    const dialog = page.getByRole("dialog");
    await says(() => dialog.innerText(), /umbrella[\s\S]*2 messages/, "the dialog says which one and how much");
    await page.keyboard.press("Escape");
    await dialog.waitFor({ state: "detached" });
    await same(() => rows.count(), before, "Escape keeps it");
    await row.getByRole("button", { name: /Delete/ }).click();
    await dialog.getByRole("button", { name: "Delete" }).click();
    await page.locator(".greeting").waitFor();
    await rows.nth(before - 1).waitFor({ state: "detached" });
    await same(() => rows.count(), before - 1);
  },

  async earlier(page) {
    const messages = Array.from({ length: 620 }, (_, i) => ({ role: i % 2 ? "assistant" : "user", content: `line ${i}` }));
    const made = await api(page, "v1/conversations", {
      method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ messages }),
    });
    await page.goto(`${URL_}#c/${made.conversation_id}`);
    await page.locator(".bubble").getByText("line 120", { exact: true }).waitFor({ timeout: SLOW });
    await same(() => page.locator(".turn").count(), 500, "the newest first");
    await page.getByRole("button", { name: "Earlier messages" }).click();
    await page.locator(".bubble").getByText("line 0", { exact: true }).waitFor({ timeout: SLOW });
    await same(() => page.locator(".turn").count(), 620);
    await same(() => page.locator(".turn").first().innerText().then((text) => text.includes("line 0")), true, "in their order");
    await same(() => page.getByRole("button", { name: "Earlier messages" }).count(), 0, "and there is nothing before");
  },

  async missing(page) {
    await page.goto(`${URL_}#c/00000000-0000-7000-8000-000000000000`);
    await page.reload();
    const card = page.locator(".card.error");
    await card.waitFor();
    await card.getByRole("button", { name: "New conversation" }).click();
    await page.locator(".greeting").waitFor();
  },

  async outage(page) {
    await converse(page, "Hello, before the outage");
    await control("stop");
    try {
      await send(page, "Hello, during the outage");
      await page.locator(".card.error").getByText("cannot be reached").waitFor({ timeout: SLOW });
      await page.locator("#banner[data-state=down]").waitFor({ timeout: SLOW });
    } finally {
      await control("start");
    }
    await page.locator("#banner[data-state=down]").waitFor({ state: "detached", timeout: SLOW });
    const before = await page.locator(".turn.nima .meta").count();
    await page.getByRole("button", { name: "Try again" }).click();
    await page.locator(".turn.nima .meta").nth(before).waitFor({ timeout: SLOW });
    await same(() => page.locator(".card.error").count(), 0, "the error is gone");
    await same(() => page.locator(".turn.user").count(), 2, "and nothing was said twice");
  },

  async phone(page) {
    await page.setViewportSize(PHONE);
    await same(() => overflows(page), false);
    await axe(page, "the greeting on a phone");
    await converse(page, "Show me code, please");
    await same(() => overflows(page), false, "a reply does not widen the page");
    await same(() => page.locator("#side").isVisible(), false);
    await page.click("#side-open");
    await page.locator("#side.open").waitFor();
    await still(page);
    await same(() => page.locator("#main").evaluate((el) => el.inert), true, "what is behind the drawer is out of reach");
    await axe(page, "the drawer");
    await page.keyboard.press("Escape");
    await page.locator("#side").waitFor({ state: "hidden" });
    await same(() => page.evaluate(() => document.activeElement.id), "side-open", "focus returns");
    await page.click("#side-open");
    await page.locator("#conversations a").first().click();
    await page.locator("#side").waitFor({ state: "hidden" });
    await page.click("#memory-open");
    await page.locator("#memory").waitFor();
    await same(() => overflows(page), false);
  },

  async keyboard(page) {
    await page.locator("#title").click();
    await page.keyboard.press("/");
    await same(() => page.evaluate(() => document.activeElement.id), "message");
    await page.keyboard.type("first line");
    await page.keyboard.press("Shift+Enter");
    await page.keyboard.type("second line");
    await same(() => page.inputValue("#message"), "first line\nsecond line");
    await page.keyboard.press("Enter");
    await page.locator(".meta").waitFor({ timeout: SLOW });
    await same(() => page.locator(".bubble").innerText(), "first line\nsecond line");
    /* Everything that can be clicked can be reached with Tab, and is seen to be reached. */
    const wanted = await page.locator("button:visible:enabled, a[href]:visible, summary:visible").count();
    const seen = new Set();
    for (let i = 0; i < wanted + 20; i += 1) {
      await page.keyboard.press("Tab");
      const at = await page.evaluate(() => {
        const el = document.activeElement;
        if (!el || el === document.body) return null;
        el.dataset.seen ??= String(Math.random());
        const style = getComputedStyle(el);
        return { key: el.dataset.seen, what: el.outerHTML.slice(0, 80), outlined: el.id === "message" || style.outlineStyle !== "none" };
      });
      if (!at) continue;
      assert.ok(at.outlined, `focus is visible on ${at.what}`);
      seen.add(at.key);
    }
    assert.ok(seen.size >= wanted, `Tab reaches ${seen.size} of ${wanted}`);
  },

  async accessible(page) {
    for (const colorScheme of ["light", "dark"]) {
      await page.emulateMedia({ colorScheme });
      await page.goto(URL_);
      await page.reload();
      await page.locator(".greeting").waitFor();
      await axe(page, `the greeting, ${colorScheme}`);
      await converse(page, "Show me code. I like oolong tea.");
      await axe(page, `a conversation, ${colorScheme}`);
    }
  },

  async arabic(page) {
    const reply = await converse(page, "Say it in arabic");
    await same(() => reply.locator(".md p").evaluate((el) => getComputedStyle(el).direction), "rtl");
  },

  async motion(page) {
    await page.emulateMedia({ reducedMotion: "reduce" });
    await send(page, "Please count slowly.");
    await page.locator(".turn.nima").waitFor();
    const moving = await page.evaluate(() => document.getAnimations().length);
    assert.equal(moving, 0);
    await page.click("#stop");
    await page.getByText(/^stopped/).waitFor();
  },
};

/* What a scenario provokes itself may stand on the console. */
const EXPECTED = {
  outage: /Failed to load resource|ERR_/,
  missing: /404/,
};

async function run(browser, name) {
  const context = await browser.newContext({ viewport: DESK });
  const page = await context.newPage();
  page.setDefaultTimeout(SLOW);
  const complaints = [];
  const complain = (text) => { if (!EXPECTED[name]?.test(text)) complaints.push(text); };
  page.on("console", (message) => { if (["error", "warning"].includes(message.type())) complain(message.text()); });
  page.on("pageerror", (error) => complain(`page error: ${error.message}`));
  page.on("request", (request) => {
    const url = new URL(request.url());
    if (!["data:", "blob:"].includes(url.protocol) && url.host !== HOST) complain(`request to ${url.host}`);
  });
  const started = Date.now();
  const result = { name, ok: true };
  try {
    await page.goto(URL_);
    await page.locator("#status-dot:not([data-state=loading])[data-state]").waitFor({ state: "attached", timeout: SLOW });
    await scenarios[name](page);
    assert.deepEqual(complaints, [], "a silent console and no request to another host");
  } catch (error) {
    Object.assign(result, { ok: false, error: String(error.stack ?? error).slice(0, 4000), complaints });
    if (process.env.NIMA_SHOTS) await page.screenshot({ path: join(process.env.NIMA_SHOTS, `${name}.png`) }).catch(() => {});
  }
  result.ms = Date.now() - started;
  await context.close();
  say(result);
}

if (process.argv[2] === "--list") {
  say(Object.keys(scenarios));
} else {
  const browser = await chromium.launch({ executablePath: BROWSER, args: FLAGS });
  const names = process.argv.slice(2).length ? process.argv.slice(2) : Object.keys(scenarios);
  for (const name of names) await run(browser, name);
  await browser.close();
}
stdin.close();
process.exit(0);
