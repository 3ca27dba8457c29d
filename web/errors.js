/* errors.js: what to tell a person about an error: what happened, and what to do about it. */

import { token } from "./api.js";
import { ask, h } from "./dom.js";

const HTTP = {
  400: ["The server did not understand the message.", "Reload the page. If it stays, the page and the server are of different versions."],
  403: ["This token may not do that.", "Use a token with the scope it needs: nima token create --scopes chat,memory"],
  404: ["This is no longer there.", "It was deleted, or it belongs to somebody else."],
  409: ["Somebody else changed this at the same time.", "Reload and try again."],
  413: ["This message is too long.", "Send it in smaller parts."],
};

/** {title, text, token?, wait?}: a heading, what to do, whether a token would help, seconds until a new try makes sense. */
export function explain(error) {
  if (error.kind === "network") {
    return {
      title: "Nima cannot be reached.",
      text: "Check that it is still running, or start it with: make run. Your message is kept here.",
    };
  }
  if (error.kind === "stream" && error.code === "cut") {
    return {
      title: "The connection closed before the reply was complete.",
      text: "What arrived is kept. Try again, and if it happens often, look at the server's log.",
    };
  }
  if (error.status === 401) {
    return {
      title: token.get() ? "The server does not accept this token." : "This server asks for a token.",
      text: "Make one on the machine that runs Nima: nima token create --user YOU. Then paste it here.",
      token: true,
    };
  }
  if (error.status === 429 || error.status === 503) {
    const busy = error.status === 429 ? "Too many messages in a short time." : "Nima is busy or still starting.";
    return { title: busy, text: error.message ?? "", wait: error.retryAfter ?? 5 };
  }
  const [title, text] = HTTP[error.status] ?? ["Something went wrong.", "Try again. If it stays, run: nima doctor"];
  const said = error.message && !["http", "stream"].includes(error.message) ? error.message : "";
  const trace = error.requestId ? ` (request ${error.requestId})` : "";
  return { title: said || title, text: `${text}${trace}` };
}

/** Asks for an API token and keeps it for this tab. Resolves to true when one was given. */
export async function askToken() {
  const field = h("input", {
    id: "token", class: "field", type: "password", autocomplete: "off", spellcheck: "false", autofocus: true,
  });
  const submit = (event) => {
    event.preventDefault();
    field.closest("dialog").querySelector(".primary").click();
  };
  const given = await ask({
    title: "API token",
    body: h("form", { onsubmit: submit }, h("label", { for: "token" }, "Paste the token. It stays in this tab only."), field),
    actions: [
      { label: "Cancel", value: null },
      { label: "Use this token", kind: "primary", value: () => field.value.trim() },
    ],
  });
  if (given) token.set(given);
  return Boolean(given);
}

/** The card that shows an error, with the buttons that help. `retry` is what "Try again" does, if anything. */
export function errorCard(error, retry, dismiss) {
  const { title, text, token: needsToken, wait } = explain(error);
  const actions = h("div", { class: "card-actions" });
  const card = h("div", { class: wait ? "card error calm" : "card error", role: "alert" },
    h("p", { class: "card-title", dir: "auto" }, title), text && h("p", { class: "card-text", dir: "auto" }, text), actions);
  if (needsToken) {
    actions.append(h("button", {
      type: "button", class: "button primary",
      onclick: async () => { if (await askToken()) retry?.(); },
    }, "Enter a token"));
  }
  if (retry && !needsToken) actions.append(retryButton(retry, wait, card));
  if (dismiss) actions.append(h("button", { type: "button", class: "button", onclick: dismiss.action }, dismiss.label));
  return card;
}

/** "Try again"; with a wait it counts down first and then tries by itself. */
function retryButton(retry, wait, card) {
  const button = h("button", { type: "button", class: "button primary", onclick: () => go() }, "Try again");
  let timer;
  const go = () => { clearInterval(timer); retry(); };
  if (!wait) return button;
  let left = wait;
  const tick = () => { button.textContent = `Trying again in ${left} s`; };
  tick();
  timer = setInterval(() => {
    left -= 1;
    if (!card.isConnected) clearInterval(timer);
    else if (left <= 0) go();
    else tick();
  }, 1000);
  return button;
}
