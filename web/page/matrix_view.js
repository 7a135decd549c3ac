// The matrix: a table while it can be read, a picture of its places beyond that. Both are pointed at and walked
// through in the same way.

import { element, furnish, numberText, rove, setAttribute, setSymbol, symbol } from "./elements.js";
import { say } from "./words.js";

const TABLE_MOST = 40; // rows or columns

export class MatrixView {
  constructor(host, choose) {
    this.host = host;
    this.choose = choose; // (selection, pinned): from the picture, which has no cells of its own
    this.numbers = false;
  }

  build(scene) {
    this.scene = scene;
    this.cells = new Map();
    const { rows, columns } = scene.answer;
    this.table = rows <= TABLE_MOST && columns <= TABLE_MOST;
    if (this.table) this.buildTable();
    else this.buildPicture();
    this.fill(scene);
  }

  // Cells that are there already stay: a size that changes by one changes few.
  buildTable() {
    const { rows, columns } = this.scene.answer;
    if (!this.grid) this.grid = this.makeTable();
    if (this.grid.parentNode !== this.host) this.host.replaceChildren(this.grid);
    setAttribute(this.grid, "aria-label", say("matrix"));
    this.columns = columns;
    const heads = furnish(this.grid.tHead.firstElementChild, ["corner", ...Array(columns).fill("x")], (kind) => this.makeCell(kind));
    heads.slice(1).forEach((head, c) => this.nameHead(head, c));
    furnish(this.grid.tBodies[0], Array(rows).fill("row"), () => element("tr", { role: "row" })).forEach((line, r) => {
      const [head, ...cells] = furnish(line, ["h", ...Array(columns).fill("entry")], (kind) => this.makeCell(kind));
      this.nameHead(head, r);
      cells.forEach((cell, c) => {
        setAttribute(cell, "data-row", r);
        setAttribute(cell, "data-column", c);
        setAttribute(cell, "tabindex", r + c ? -1 : 0);
        this.cells.set(r * columns + c, cell);
      });
    });
  }

  makeTable() {
    const table = element("table", { class: "matrix", role: "grid" },
      element("thead", {}, element("tr", { role: "row" })), element("tbody"));
    rove(table, ".entry", () => this.columns);
    return table;
  }

  makeCell(kind) {
    if (kind === "corner") return element("td");
    if (kind === "entry") return element("td", { class: "entry", role: "gridcell" });
    return element("th", { role: kind === "x" ? "columnheader" : "rowheader", data: { tensor: kind } });
  }

  nameHead(head, i) {
    setAttribute(head, "data-element", i);
    setSymbol(head, this.scene.name(head.dataset.tensor, i));
  }

  fill(scene) {
    this.scene = scene;
    if (!this.table) return this.paint();
    const { columns } = scene.answer;
    const weights = scene.values("w");
    for (const [place, cell] of this.cells) {
      const row = Math.floor(place / columns), column = place % columns;
      const parameters = scene.parametersAt(row, column);
      const shown = parameters.map((p) => (this.numbers && weights ? numberText(weights[p]) : scene.name("w", p)));
      setAttribute(cell, "aria-label", say("entry", scene.name("h", row), scene.name("x", column), shown.join(" + ") || say("empty")));
      const told = `${this.numbers}:${parameters.join(" ")}:${shown.join(" ")}`;
      if (cell.told === told) continue; // an edited number leaves most entries as they are
      cell.told = told;
      cell.replaceChildren(...(parameters.length ? shown.flatMap((text, i) => [...(i ? ["+"] : []), this.numbers ? text : symbol(text)]) : ["·"]));
      cell.dataset.parameters = parameters.join(" ");
    }
  }

  light(scene, selection) {
    this.scene = scene;
    this.selection = selection;
    if (!this.table) return this.paint();
    const { columns } = scene.answer;
    const taps = scene.links.lit(selection).taps;
    const places = new Set([...taps].map((t) => scene.links.out[t] * columns + scene.links.in[t]));
    for (const [place, cell] of this.cells) {
      const parameters = cell.dataset.parameters === "" ? [] : cell.dataset.parameters.split(" ").map(Number);
      const at = selection?.kind === "entry" && selection.row * columns + selection.column === place;
      let name = "entry";
      if (parameters.length) name += ` t${scene.hue(parameters[0])}`;
      if (places.has(place)) name += " lit";
      else if (selection && parameters.length) name += " dim";
      if (at) name += " at";
      if (cell.className !== name) cell.className = name;
    }
  }

  // ---- The picture ----

  buildPicture() {
    this.canvas = element("canvas", { tabindex: "0", role: "application", "aria-label": `${say("matrix")}. ${say("matrix_keys")}`, class: "pattern" });
    this.cursor = { row: 0, column: 0 };
    this.canvas.addEventListener("pointermove", (event) => this.choose(this.placeOf(event), false));
    this.canvas.addEventListener("pointerleave", () => this.choose(null, false));
    this.canvas.addEventListener("click", (event) => {
      const place = this.placeOf(event);
      this.cursor = { row: place.row, column: place.column };
      this.choose(place, true);
    });
    this.canvas.addEventListener("keydown", (event) => this.walk(event));
    this.host.replaceChildren(this.canvas);
  }

  get cellSize() {
    return Math.max(2, Math.min(12, Math.floor(900 / this.scene.answer.columns)));
  }

  placeOf(event) {
    const box = this.canvas.getBoundingClientRect();
    const { rows, columns } = this.scene.answer;
    const row = Math.min(rows - 1, Math.max(0, Math.floor(((event.clientY - box.top) / box.height) * rows)));
    const column = Math.min(columns - 1, Math.max(0, Math.floor(((event.clientX - box.left) / box.width) * columns)));
    return { kind: "entry", row, column };
  }

  walk(event) {
    const step = { ArrowRight: [0, 1], ArrowLeft: [0, -1], ArrowDown: [1, 0], ArrowUp: [-1, 0] }[event.key];
    if (!step) return;
    event.preventDefault();
    const { rows, columns } = this.scene.answer;
    this.cursor.row = Math.min(rows - 1, Math.max(0, this.cursor.row + step[0]));
    this.cursor.column = Math.min(columns - 1, Math.max(0, this.cursor.column + step[1]));
    this.choose({ kind: "entry", ...this.cursor }, true);
  }

  paint() {
    const { scene, canvas } = this;
    const { rows, columns } = scene.answer;
    const size = this.cellSize;
    if (canvas.width !== columns * size) canvas.width = columns * size;
    if (canvas.height !== rows * size) canvas.height = rows * size;
    const style = getComputedStyle(canvas);
    const colour = (name) => style.getPropertyValue(name).trim();
    const pen = canvas.getContext("2d");
    pen.fillStyle = colour("--cell");
    pen.fillRect(0, 0, canvas.width, canvas.height);
    const { links } = scene;
    const lit = links.lit(this.selection).taps;
    const strong = Array.from({ length: 8 }, (_, i) => colour(`--s${i}`));
    for (let t = 0; t < links.count; t++) {
      pen.globalAlpha = !this.selection || lit.has(t) ? 1 : 0.22;
      pen.fillStyle = strong[scene.hue(links.parameter[t])];
      pen.fillRect(links.in[t] * size, links.out[t] * size, size, size);
    }
    pen.globalAlpha = 1;
    const at = this.selection;
    if (at?.kind !== "entry") return;
    pen.strokeStyle = colour("--ink");
    pen.lineWidth = 2;
    pen.strokeRect(at.column * size - 1, at.row * size - 1, size + 2, size + 2);
  }
}
