/* markdown.js: Markdown to safe DOM. marked parses, DOMPurify cleans, and only then does anything enter the page.
 * HTML in the text is shown as text (but for a few harmless tags), links open elsewhere, and no picture is fetched
 * from another host: that would tell the host that the reply was read. */

import DOMPurify from "../lib/purify.es.mjs";
import { marked } from "../lib/marked.esm.js";
import { copyButton, h } from "./dom.js";

const RENDER_MS = 80;
const HARMLESS = /^<\/?(?:br|sub|sup|kbd|mark)\s*\/?>$/i;
const PICTURE = /^data:image\/(?:png|jpeg|gif|webp);base64,/i;

const escape = (text) =>
  String(text ?? "").replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);

const renderer = new marked.Renderer();
renderer.html = (html) => (HARMLESS.test(html.trim()) ? html : escape(html));
/* The page has h1 and h2 of its own. */
renderer.heading = (text, level) => `<h${Math.min(6, level + 2)}>${text}</h${Math.min(6, level + 2)}>\n`;
renderer.image = (href, title, text) =>
  PICTURE.test(href)
    ? `<img src="${escape(href)}" alt="${escape(text)}">`
    : `<a href="${escape(href)}">${escape(text || "picture")}</a>`;
/* A task list's box is a sign, not a control. */
renderer.checkbox = (checked) => (checked ? "☑ " : "☐ ");
renderer.listitem = (text, task) => `<li${task ? ' class="task"' : ""}>${text}</li>\n`;

const OPTIONS = { ...marked.getDefaults(), gfm: true, breaks: true, mangle: false, headerIds: false, renderer };

const CLEAN = {
  ALLOWED_TAGS: ("a b blockquote br code del em h3 h4 h5 h6 hr i img kbd li mark ol p pre s strong sub sup " +
    "table tbody td th thead tr ul").split(" "),
  ALLOWED_ATTR: ["align", "alt", "class", "href", "src", "start", "title"],
  ALLOWED_URI_REGEXP: /^(?:https?:\/\/|mailto:|data:image\/(?:png|jpeg|gif|webp);base64,)/i,
  ADD_URI_SAFE_ATTR: ["align", "start"], /* no addresses, and therefore not tried by that */
  ALLOW_DATA_ATTR: false,
  ALLOW_ARIA_ATTR: false,
  RETURN_DOM_FRAGMENT: true,
};

function clean(html) {
  const fragment = DOMPurify.sanitize(html, CLEAN);
  for (const link of fragment.querySelectorAll("a")) {
    if (!/^(?:https?|mailto):/i.test(link.getAttribute("href") ?? "")) {
      link.replaceWith(...link.childNodes);
      continue;
    }
    link.target = "_blank";
    link.rel = "noopener noreferrer nofollow";
  }
  for (const el of fragment.querySelectorAll("p, li, h3, h4, h5, h6, blockquote, td, th")) el.dir = "auto";
  for (const table of fragment.querySelectorAll("table")) {
    const box = h("div", { class: "table", tabindex: "0", role: "region", "aria-label": "Table" });
    table.replaceWith(box);
    box.append(table);
  }
  for (const pre of fragment.querySelectorAll("pre")) dressCode(pre);
  return fragment;
}

function dressCode(pre) {
  const code = pre.querySelector("code") ?? pre;
  const language = /language-([\w+#.-]+)/.exec(code.className)?.[1] ?? "";
  code.removeAttribute("class");
  pre.dir = "ltr";
  pre.tabIndex = 0;
  pre.setAttribute("role", "region");
  pre.setAttribute("aria-label", language ? `${language} code` : "Code");
  const box = h("div", { class: "code" });
  pre.replaceWith(box);
  box.append(
    h("div", { class: "code-bar" }, h("span", {}, language), copyButton("Copy this code", () => code.textContent)), pre);
}

/** Shows a text that grows. Blocks that did not change keep their elements, so selection and focus survive. */
export class MarkdownView {
  #blocks = [];
  #timer = 0;
  #text = "";

  constructor(el, onRender = () => {}) {
    this.el = el;
    this.onRender = onRender;
  }

  get text() { return this.#text; }

  push(piece) {
    this.#text += piece;
    this.#timer ||= setTimeout(() => this.flush(), this.#blocks.length ? RENDER_MS : 0);
  }

  flush() {
    clearTimeout(this.#timer);
    this.#timer = 0;
    this.#render();
    this.onRender();
  }

  #render() {
    const tokens = marked.lexer(this.#text, OPTIONS).filter((token) => token.type !== "space");
    let same = 0;
    while (same < tokens.length && this.#blocks[same]?.raw === tokens[same].raw) same += 1;
    for (const block of this.#blocks.splice(same)) block.nodes.forEach((node) => node.remove());
    for (const token of tokens.slice(same)) {
      const fragment = clean(marked.parser([token], OPTIONS));
      this.#blocks.push({ raw: token.raw, nodes: [...fragment.childNodes] });
      this.el.append(fragment);
    }
  }
}
