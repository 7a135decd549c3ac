// The page: one state; a change asks the library, and what it answers is shown. Everything else is a view.

import { Board, readNumber } from "./board.js";
import { BUILD } from "./build.js";
import { ConnectionView } from "./connection_view.js";
import { Controls } from "./controls.js";
import { DigitPanel } from "./digit_panel.js";
import { element, numberText, setText } from "./elements.js";
import { fetchPart } from "./parts.js";
import { FormulaView } from "./formula_view.js";
import { formulasOf } from "./formulas.js";
import { LARGEST_NUMBER, defaults, fit, fromHash, letterOf, settle, sizesLetter, toHash } from "./geometry_state.js";
import { sameSelection } from "./links.js";
import { MatrixView } from "./matrix_view.js";
import { PRESETS } from "./presets.js";
import { Scene } from "./scene.js";
import { Sweep } from "./sweep.js";
import { SweepBar } from "./sweep_bar.js";
import { Take } from "./take.js";
import { Twill } from "./twill.js";
import { currentLanguage, languageOf, say, setLanguage } from "./words.js";

const find = (selector) => document.querySelector(selector);

class Explorer {
  constructor(twill) {
    this.twill = twill;
    this.state = null;
    this.scene = null;
    this.pinned = null;
    this.hovered = null;
    this.board = new Board(find("#board"), (...edit) => this.edit(...edit));
    this.matrix = new MatrixView(find("#matrix-view"), (selection, pin) => this.point(selection, pin));
    this.connections = new ConnectionView(find("#local"), find("#full"));
    this.formula = new FormulaView(find("#formula-view"), find("#voice"));
    this.controls = new Controls(find("#controls"), (name, value) => this.resize(name, value));
    this.sweep = new Sweep(() => this.swept());
    this.bar = new SweepBar(find("#sweep"), this.sweep);
    this.take = new Take(find("#take"), twill, () => this.state, (text) => this.complain(text));
    this.digit = new DigitPanel(find("#digit"), twill);
    this.listen();
  }

  // ---- Words ----

  translate() {
    document.documentElement.lang = currentLanguage();
    document.title = `Twill: ${say("title")}`;
    for (const node of document.querySelectorAll("[data-say]")) node.textContent = say(node.dataset.say);
    for (const node of document.querySelectorAll("[data-label]")) node.setAttribute("aria-label", say(node.dataset.label));
    for (const button of document.querySelectorAll("[data-language]"))
      button.setAttribute("aria-pressed", button.dataset.language === currentLanguage());
    find("#presets").replaceChildren(...PRESETS.map((preset) => element("button", {
      type: "button", class: "chip", data: { preset: preset.name }, on: { click: () => this.load(preset) },
    }, say(`preset_${preset.name}`))));
    this.controls.build();
    this.bar.translate();
    this.take.build();
    this.digit.translate();
  }

  // ---- Changes ----

  load({ name, ...preset }) {
    this.pinned = null;
    this.sweep.choose(null);
    const state = { ...defaults(), ...preset };
    this.change(state, state);
    this.preset = name;
    this.markPreset();
  }

  markPreset() {
    for (const chip of document.querySelectorAll(".chip")) chip.setAttribute("aria-pressed", chip.dataset.preset === this.preset);
  }

  resize(name, value) {
    this.preset = null;
    this.change({ ...this.state, [name]: value }, this.state);
    this.markPreset();
  }

  edit(tensor, index, text, final) {
    const value = readNumber(text);
    if (value === null) {
      if (final) this.complain(say("no_number", text.slice(0, 12), numberText(LARGEST_NUMBER), numberText(this.state[tensor][index])));
      return false;
    }
    const numbers = [...this.state[tensor]];
    numbers[index] = value;
    this.state = { ...this.state, [tensor]: numbers };
    this.recompute();
    return true;
  }

  // A new state whose sizes may differ; `before`: whose numbers it carries.
  change(state, before) {
    this.state = settle(state);
    const sizes = this.twill.sizes(sizesLetter(this.state));
    this.state = fit(this.state, before, sizes.status === "ok" ? sizes.h : this.state.dh.length);
    this.controls.show(this.state);
    this.pinned = this.hovered = null;
    const answer = this.ask();
    if (answer) {
      this.scene = new Scene(this.state, answer);
      this.sweep.resize(answer.rows);
      this.board.build(this.scene);
      this.matrix.build(this.scene);
      this.connections.build(this.scene);
    }
    this.show(answer);
  }

  // The same sizes, other numbers.
  recompute() {
    const answer = this.ask();
    if (answer) this.scene = new Scene(this.state, answer);
    if (answer) this.matrix.fill(this.scene);
    this.show(answer);
  }

  ask() {
    try {
      const answer = this.twill.explore(letterOf(this.state, currentLanguage(), [], this.sweep.upstream(this.state.dh)));
      this.showImpossible(answer);
      if (answer.status !== "ok" && !answer.explained) this.complain(say("failed", answer.message));
      return answer.status === "ok" ? answer : null;
    } catch (error) {
      this.complain(say("failed", error.message));
      return null;
    }
  }

  show(answer) {
    document.body.classList.toggle("impossible", !answer);
    if (answer) {
      this.board.fill(this.scene, this.sweep.reached);
      this.describe(answer);
      this.light(false);
    }
    this.bar.show(this.scene);
    this.remember();
  }

  // The URL follows when changes pause: browsers allow only so many a minute.
  remember() {
    clearTimeout(this.remembering);
    this.remembering = setTimeout(() => {
      history.replaceState(null, "", toHash(this.state));
      this.take.update();
    }, 150);
  }

  // The document of a shape that cannot be, as tw_explain wrote it.
  showImpossible(answer) {
    const panel = find("#impossible");
    const blocks = answer.status === "ok" ? [] : answer.explained?.blocks ?? [];
    panel.hidden = blocks.length === 0;
    panel.replaceChildren(...blocks.map((block) => {
      if (block.type === "heading") return element("h2", {}, block.text);
      if (block.type !== "table") return element("p", { class: block.type }, block.text ?? "");
      const row = (cells, kind) => element("tr", {}, ...cells.map((cell) => element(kind, {}, cell)));
      return element("table", { class: "list" }, row(block.head, "th"), ...block.rows.map((cells) => row(cells, "td")));
    }));
  }

  describe(answer) {
    const { rows, columns, nonzeros, parameters } = answer;
    const { kind } = this.state;
    setText(find("#matrix-text"), kind === "maxpool" ? say("matrix_text_max", rows, columns)
      : kind === "avgpool" ? say("matrix_text_average", rows, columns, nonzeros, this.scene.averageName)
        : say("matrix_text", rows, columns, nonzeros, parameters, rows * columns));
    setText(find("#window-text"), kind === "maxpool" ? say("window_max")
      : kind === "avgpool" ? say("window_average", this.scene.averageName) : "");
    const edges = this.scene.links.count;
    setText(find("#local-text"), this.connections.few
      ? say(this.scene.sharesWeights ? "connections_local" : "connections_pool", edges, parameters)
      : say("connections_many", edges));
    setText(find("#full-text"), say("connections_full", rows * columns));
    const size = answer.explained.blocks.find((block) => block.type === "paragraph" && block.text.includes("floor"));
    setText(find("#about"), say("about", BUILD.version));
    setText(find("#size-text"), size?.text ?? "");
  }

  // ---- Pointing ----

  get selection() { return this.hovered ?? this.pinned ?? this.sweep.selection; }

  point(selection, pin, aloud = pin) {
    if (pin) this.pinned = selection;
    if (sameSelection(selection, this.hovered) && !pin) return;
    this.hovered = pin ? null : selection;
    this.light(aloud);
  }

  light(aloud) {
    if (!this.scene) return;
    const { selection } = this;
    this.board.light(this.scene, selection);
    this.matrix.light(this.scene, selection);
    this.connections.light(this.scene, selection);
    this.formula.show(formulasOf(this.scene, selection), aloud);
  }

  swept() {
    this.pinned = this.hovered = null;
    if (this.state) this.recompute();
    this.light(this.sweep.pass !== null && !this.sweep.playing);
  }

  listen() {
    const selectionOf = (target) => {
      const node = target instanceof Element ? target.closest("[data-tensor], [data-column]") : null;
      if (!node || !node.closest("main")) return null;
      const { tensor, element: index, row, column } = node.dataset;
      if (tensor) return { kind: tensor.replace(/^d/, ""), element: Number(index), of: tensor };
      return node.classList.contains("pad") ? null : { kind: "entry", row: Number(row), column: Number(column) };
    };
    const stage = find("#stage");
    stage.addEventListener("pointerover", (event) => {
      if (event.pointerType !== "touch" && !(event.target instanceof HTMLCanvasElement)) this.point(selectionOf(event.target), false);
    });
    stage.addEventListener("pointerleave", () => this.point(null, false));
    stage.addEventListener("focusin", (event) => {
      const selection = selectionOf(event.target);
      if (selection) this.point(selection, true);
    });
    stage.addEventListener("click", (event) => {
      const selection = selectionOf(event.target);
      if (selection) this.point(selection, true);
    });
    document.addEventListener("keydown", (event) => {
      if (event.key === "Escape") this.point(null, true, false);
    });
    for (const button of document.querySelectorAll("[data-language]"))
      button.addEventListener("click", () => this.speak(button.dataset.language));
    for (const button of document.querySelectorAll("[data-numbers]"))
      button.addEventListener("click", () => this.showNumbers(button.dataset.numbers === "true"));
    window.addEventListener("hashchange", () => this.open(location.hash));
    for (const kind of ["dragover", "drop"]) document.addEventListener(kind, (event) => {
      event.preventDefault();
      if (kind === "drop") this.complain(say("no_files"));
    });
  }

  speak(language) {
    setLanguage(language);
    try { localStorage.setItem("twill-language", language); } catch { /* private windows forget */ }
    this.translate();
    this.change(this.state, this.state);
    this.markPreset();
  }

  showNumbers(numbers) {
    this.matrix.numbers = numbers;
    for (const button of document.querySelectorAll("[data-numbers]"))
      button.setAttribute("aria-pressed", button.dataset.numbers === String(numbers));
    this.matrix.fill(this.scene);
    this.light(false);
  }

  complain(text) {
    find("#notice-text").textContent = text;
    find("#notice").hidden = false;
  }

  // The state of a URL; what was wrong with it is said.
  open(hash) {
    const { state, mended, empty } = fromHash(hash);
    if (empty) return this.load(PRESETS[0]);
    this.preset = null;
    this.change(state, state);
    this.markPreset();
    if (mended.length) this.complain(say("mended", mended.join(", ")));
  }
}

function rememberedLanguage() {
  try {
    return localStorage.getItem("twill-language");
  } catch {
    return null;
  }
}

async function start() {
  setLanguage(languageOf(rememberedLanguage() ?? navigator.language));
  find("#dismiss").addEventListener("click", () => { find("#notice").hidden = true; });
  try {
    const explorer = new Explorer(await Twill.load(await fetchPart(BUILD.module)));
    explorer.translate();
    explorer.open(location.hash);
    document.body.classList.add("ready");
    explorer.digit.load();
    window.twillExplorer = explorer; // for the tests, and for the curious
  } catch (error) {
    find("#notice-text").textContent = say("load_failed", error.message);
    find("#notice").hidden = false;
  }
}

start();
