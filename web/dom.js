/* dom.js: small helpers to build elements without HTML strings (the page never assigns innerHTML). */

/** h("button", {class: "x", onclick: f, "aria-label": "…"}, "text", child): an element. */
export function h(tag, props = {}, ...children) {
  const el = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) el.addEventListener(name.slice(2), value);
    else if (name === "icon") el.prepend(icon(value));
    else el.setAttribute(name, value === true ? "" : value);
  }
  el.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return el;
}

export const byId = (id) => document.getElementById(id);

const PATHS = {
  menu: "M4 7h16M4 12h16M4 17h10",
  close: "M6 6l12 12M18 6L6 18",
  pen: "M4 20h4L19 9l-4-4L4 16zM13.5 6.5l4 4",
  memory: "M6 4h12v16l-6-4-6 4z",
  send: "M12 19V5M6 11l6-6 6 6",
  stop: "M8 8h8v8H8z",
  down: "M12 5v14M6 13l6 6 6-6",
  trash: "M5 7h14M10 7V5h4v2M7 7l1 12h8l1-12M10.5 11v5M13.5 11v5",
  copy: "M9 9h10v10H9zM5 15V5h10",
  check: "M5 12.5l4.5 4.5L19 7.5",
  bell: "M6 16V11a6 6 0 0 1 12 0v5l1.5 2h-15zM10 20.5h4",
  book: "M12 7C10 5.3 7 5 4 5.5v13c3-.5 6-.2 8 1.5 2-1.7 5-2 8-1.5v-13C17 5 14 5.3 12 7zM12 7v13",
  flag: "M6 21V4M6 5h12l-3 4 3 4H6",
  tasks: "M4 6.5l1.5 1.5L8 5M4 16.5L5.5 18 8 15M12 7h8M12 17h8",
  leaf: "M5 19C5 10 10 5 19 5c0 9-5 14-11 13M5 19c2-4 5-7 9-9",
};

/** A line icon as an <svg> element; decorative, so hidden from assistive technology. */
export function icon(name) {
  const ns = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(ns, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("class", `icon icon-${name}`);
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(ns, "path");
  path.setAttribute("d", PATHS[name]);
  svg.append(path);
  return svg;
}

/** Gives every [data-icon] of the static page its icon. */
export function paintIcons(root = document) {
  for (const el of root.querySelectorAll("[data-icon]")) el.prepend(icon(el.dataset.icon));
}

export async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    /* Not a secure context (plain http on another host): the old way still works. */
    const area = h("textarea", { class: "sr", "aria-hidden": "true" });
    area.value = text;
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  }
}

/** A button that copies what `text()` returns and says so for a moment. */
export function copyButton(label, text) {
  const word = h("span", {}, "Copy");
  const button = h("button", { type: "button", class: "copy", "aria-label": label }, icon("copy"), word);
  button.addEventListener("click", async () => {
    await copyText(text());
    word.textContent = "Copied";
    button.firstChild.replaceWith(icon("check"));
    button.focus();
    setTimeout(() => {
      word.textContent = "Copy";
      button.firstChild.replaceWith(icon("copy"));
    }, 1600);
  });
  return button;
}

/** A modal question. Resolves to the chosen action's value, or null when dismissed. */
export function ask({ title, text, body, actions }) {
  return new Promise((resolve) => {
    const buttons = actions.map(({ label, value, kind, focus }) =>
      h("button", {
        type: "button", class: `button ${kind ?? ""}`, autofocus: focus,
        onclick: () => dialog.close(JSON.stringify(typeof value === "function" ? value() : value)),
      }, label));
    const dialog = h("dialog", { class: "dialog", "aria-labelledby": "dialog-title" },
      h("h2", { id: "dialog-title", dir: "auto" }, title),
      text && h("p", { dir: "auto" }, text), body, h("div", { class: "dialog-actions" }, buttons));
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(dialog.returnValue ? JSON.parse(dialog.returnValue) : null);
    });
    document.body.append(dialog);
    dialog.showModal();
  });
}

export const plural = (n, word) => `${n} ${word}${n === 1 ? "" : "s"}`;

/** The first words of a text, for a title. */
export function firstWords(text, max = 48) {
  const line = String(text ?? "").replace(/\s+/g, " ").trim();
  if (line.length <= max) return line;
  return `${line.slice(0, max).replace(/\s+\S*$/, "")}…`;
}
