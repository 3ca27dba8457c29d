/* sse.js: reads server-sent events from a fetch body.
 * Handles pieces cut anywhere (inside a line or a UTF-8 character), CRLF, comments and several data lines an event. */

/** Turns text pieces into the `data` of each complete event. */
export class EventParser {
  #rest = "";
  #data = [];

  /** Events completed by this piece of text. */
  push(text) {
    const events = [];
    this.#rest += text;
    for (;;) {
      const end = this.#rest.search(/[\r\n]/);
      /* A CR at the very end may be half of a CRLF: wait for what follows. */
      if (end < 0 || (this.#rest[end] === "\r" && end === this.#rest.length - 1)) return events;
      const line = this.#rest.slice(0, end);
      this.#rest = this.#rest.slice(end + (this.#rest.startsWith("\r\n", end) ? 2 : 1));
      this.#line(line, events);
    }
  }

  #line(line, events) {
    if (line === "") {
      if (this.#data.length) events.push(this.#data.join("\n"));
      this.#data = [];
    } else if (line.startsWith("data:")) {
      this.#data.push(line.slice(line[5] === " " ? 6 : 5));
    }
    /* Comments (": keep-alive") and fields we do not use are skipped. */
  }
}

/* The server sends a comment every 15 s; a connection silent for this long is dead (a laptop that slept, a lost network). */
const SILENCE_MS = 120000;

async function readSoon(reader) {
  let timer;
  const silence = new Promise((_, fail) => { timer = setTimeout(() => fail(new Error("silence")), SILENCE_MS); });
  try {
    return await Promise.race([reader.read(), silence]);
  } finally {
    clearTimeout(timer);
  }
}

/** Yields the parsed JSON of every event in the body. */
export async function* readEvents(body) {
  const parser = new EventParser();
  const decoder = new TextDecoder();
  const reader = body.getReader();
  try {
    for (;;) {
      const { value, done } = await readSoon(reader);
      if (done) return;
      for (const data of parser.push(decoder.decode(value, { stream: true }))) {
        if (data !== "[DONE]") yield JSON.parse(data);
      }
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}
