// The official OpenAI client for JavaScript against the server at NIMA_URL. Prints {"ok": true} or what went wrong.
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const require = createRequire(pathToFileURL(process.env.NIMA_NODE_MODULES + "/"));
const OpenAI = require("openai").default ?? require("openai");
const scripted = process.env.NIMA_MODEL === "scripted";
const client = new OpenAI({ baseURL: process.env.NIMA_URL + "/v1", apiKey: "none needed", maxRetries: 0, timeout: 300000 });
const ask = (content, more = {}) =>
  client.chat.completions.create({ model: "nima", max_tokens: 12, messages: [{ role: "user", content }], ...more });

async function chat() {
  const reply = await ask("Say hello.");
  assert.equal(reply.choices[0].message.role, "assistant");
  assert.ok(reply.choices[0].message.content.trim());
  assert.equal(reply.usage.total_tokens, reply.usage.prompt_tokens + reply.usage.completion_tokens);
}

async function stream() {
  let text = "";
  let finish = null;
  for await (const chunk of await ask("Count from one to five.", { stream: true })) {
    text += chunk.choices[0]?.delta?.content ?? "";
    finish = chunk.choices[0]?.finish_reason ?? finish;
  }
  assert.ok(text.trim());
  assert.ok(["stop", "length"].includes(finish), finish);
}

async function leave() {
  const going = await ask("A long story. [[tokens:5000]] [[delay:20]]", { stream: true, max_tokens: 400 });
  let pieces = 0;
  for await (const _ of going) {
    if (++pieces === 3) break;
  }
  going.controller.abort();
  assert.ok((await ask("Still there?")).choices[0].message.content);
}

async function schema() {
  const shape = { type: "object", properties: { city: { type: "string" }, people: { type: "integer" } },
    required: ["city", "people"], additionalProperties: false };
  const reply = await ask("Lisbon has 545000 people.", { max_tokens: 48, temperature: 0,
    response_format: { type: "json_schema", json_schema: { name: "city", strict: true, schema: shape } } });
  const value = JSON.parse(reply.choices[0].message.content);
  assert.deepEqual(Object.keys(value).sort(), ["city", "people"]);
  assert.equal(typeof value.city, "string");
  assert.ok(Number.isInteger(value.people));
}

async function embeddings() {
  const got = await client.embeddings.create({ model: "nima", input: ["a red car", "the red car", "deep sea fish"] });
  const [one, near, far] = got.data.map((item) => item.embedding);
  const dot = (a, b) => a.reduce((sum, x, i) => sum + x * b[i], 0);
  assert.equal(one.length, 384);
  assert.ok(Math.abs(dot(one, one) - 1) < 1e-3);
  assert.ok(dot(one, near) > dot(one, far));
}

async function models() {
  const names = [];
  for await (const model of client.models.list()) names.push(model.id);
  assert.equal(names[0], process.env.NIMA_MODEL);
}

async function errors() {
  await assert.rejects(ask("x", { n: 2 }), (error) => error.status === 422 && error.error.field === "n" && Boolean(error.requestID));
  await assert.rejects(client.models.retrieve("nothing"), (error) => error instanceof OpenAI.NotFoundError);
  if (!scripted) return;
  await assert.rejects(ask("[[fail]]"), (error) => error.status === 502 && error.error.code === "model_failed");
  await assert.rejects(async () => {
    for await (const _ of await ask("[[tokens:9]] [[fail-after:2]]", { stream: true }));
  }, (error) => error instanceof OpenAI.APIError);
}

for (const step of [chat, stream, leave, schema, embeddings, models, errors]) {
  try {
    await step();
  } catch (error) {
    console.log(JSON.stringify({ ok: false, step: step.name, error: String(error?.stack ?? error) }));
    process.exit(1);
  }
}
console.log(JSON.stringify({ ok: true }));
