/* watch.js: asks now and then what has happened since, by the server's own clock: this machine's may be another. */

const LOOK_MS = 15000;
const SOON_MS = 1000;

export class Watch {
  #timer = 0;
  #since = null;
  #seen = new Set();

  /** now(): any reply, for the server's time. since(time): {data} with what came after it, oldest first; at(row): when.
   *  arrived(rows) is called with what is new, and once with nothing when the watch begins. waits(): how many
   *  milliseconds it may be until something is expected, in a list. */
  constructor({ now, since, at, arrived, waits = () => [] }) {
    this.hooks = { now, since, at, arrived, waits };
    this.off = false; /* a token that may not see this */
    document.addEventListener("visibilitychange", () => { if (!document.hidden) this.#look(); });
    this.#look();
  }

  /** Something is expected: look again when it may have come. */
  plan(soon = false) {
    clearTimeout(this.#timer);
    if (!this.off) this.#timer = setTimeout(() => this.#look(), Math.min(soon ? SOON_MS : LOOK_MS, ...this.hooks.waits()));
  }

  async #look() {
    clearTimeout(this.#timer);
    let fresh = [];
    const first = this.#since === null;
    try {
      const { data, date } = first ? await this.hooks.now() : await this.hooks.since(this.#since);
      if (first) {
        this.#since = new Date(date ?? Date.now()).toISOString();
      } else {
        fresh = data.filter((row) => !this.#seen.has(row.id));
        if (data.length) this.#since = new Date(Date.parse(this.hooks.at(data.at(-1))) - SOON_MS).toISOString();
      }
    } catch (error) {
      this.off = error.status === 403;
    }
    for (const row of fresh) this.#seen.add(row.id);
    if (fresh.length || (first && this.#since !== null)) await this.hooks.arrived(fresh);
    this.plan();
  }
}
