/* announce.js: reads a streamed reply to assistive technology sentence by sentence, not token by token. */

import { byId, h } from "./dom.js";

const KEPT = 12;

/** Says one text politely. */
export function announce(text) {
  const region = byId("announcer");
  region.append(h("p", {}, text));
  while (region.childElementCount > KEPT) region.firstElementChild.remove();
}

const plain = (text) =>
  text.replace(/```[\s\S]*?(```|$)/g, " (code) ").replace(/!?\[([^\]]*)\]\([^)]*\)/g, "$1")
    .replace(/[*_`#>|~]+/g, "").replace(/\s+/g, " ").trim();

export class SentenceAnnouncer {
  #held = "";

  push(piece) {
    this.#held += piece;
    /* An open code block is held back until it closes. */
    if ((this.#held.match(/```/g)?.length ?? 0) % 2) return;
    const end = /^[\s\S]*(?:[.!?…。！？؟](?=\s)|\n\s*\n)/u.exec(this.#held)?.[0].length ?? 0;
    if (!end) return;
    this.#say(this.#held.slice(0, end));
    this.#held = this.#held.slice(end);
  }

  finish() {
    this.#say(this.#held);
    this.#held = "";
  }

  #say(text) {
    const words = plain(text);
    if (words) announce(words);
  }
}
