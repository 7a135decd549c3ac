// What can be taken along: the link, the figures, the derivation.

import { element } from "./elements.js";
import { letterOf } from "./geometry_state.js";
import { currentLanguage, say } from "./words.js";

const FIGURES = ["forward", "matrix", "connections"];
const FORMATS = [
  { format: "html", end: "html", type: "text/html", title: "HTML" },
  { format: "markdown", end: "md", type: "text/markdown", title: "Markdown" },
  { format: "latex", end: "tex", type: "text/x-tex", title: "LaTeX" },
  { format: "text", end: "txt", type: "text/plain" },
];

function save(bytes, type, name) {
  const url = URL.createObjectURL(new Blob([bytes], { type }));
  const link = element("a", { href: url, download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10000);
}

// The derivation's letter: a pool has a section of its own.
function documentLetter(state, ...more) {
  const shown = state.kind === "maxpool" ? ["show pooling"] : [];
  return letterOf(state, currentLanguage(), [...shown, ...more]);
}

export class Take {
  constructor(root, twill, stateOf, complain) {
    Object.assign(this, { root, twill, stateOf, complain });
    this.link = root.querySelector("#link");
    this.told = root.querySelector("#copied");
    this.text = root.querySelector("#derivation-text");
    root.querySelector("#copy").addEventListener("click", () => this.copy());
    root.querySelector("#derivation").addEventListener("toggle", () => this.show());
    this.link.addEventListener("focus", () => this.link.select());
    this.build();
  }

  build() {
    const button = (text, click) => element("button", { type: "button", on: { click } }, text);
    this.root.querySelector("#figures").replaceChildren(...FIGURES.map((figure) =>
      button(say(`figure_${figure}`), () => this.download([`format svg`, `figure ${figure}`], "image/svg+xml", `twill-${figure}.svg`))));
    this.root.querySelector("#documents").replaceChildren(...FORMATS.map(({ format, end, type, title }) =>
      button(title ?? say("plain_text"),
        () => this.download([`format ${format}`], type, `twill.${end}`))));
  }

  download(lines, type, name) {
    try {
      save(this.twill.document(documentLetter(this.stateOf(), ...lines)), type, name);
    } catch (error) {
      this.complain(say("failed", error.message));
    }
  }

  async copy() {
    try {
      await navigator.clipboard.writeText(this.link.value);
      this.told.textContent = say("copied");
    } catch {
      this.link.focus();
      this.told.textContent = say("not_copied");
    }
  }

  // The state has changed.
  update() {
    this.link.value = location.href;
    this.told.textContent = "";
    this.show();
  }

  show() {
    if (!this.root.querySelector("#derivation").open) return;
    try {
      const bytes = this.twill.document(documentLetter(this.stateOf(), "format text"));
      this.text.textContent = new TextDecoder().decode(bytes);
    } catch (error) {
      this.text.textContent = say("failed", error.message);
    }
  }
}
