// One tensor as grids of cells, a grid for each channel: numbers to read, or fields to write into.

import { element, furnish, numberText, rove, setAttribute, setText } from "./elements.js";
import { say } from "./words.js";

export class TensorView {
  // `onEdit(element, text)` makes the cells fields; it returns whether the text is a number.
  constructor(tensor, host, onEdit = null) {
    this.tensor = tensor;
    this.host = host;
    this.onEdit = onEdit;
    this.cells = [];
  }

  // planes: how many grids; pad: rows and columns of the border, with pixelAt(plane, row, column) giving the
  // element that a place of the border repeats, or -1 for a zero. Cells that are there already stay.
  build({ planes, rows, columns }, nameOf, { pad = 0, pixelAt = null, editable = false, titleOf = null, values = null } = {}) {
    this.cells = [];
    this.borders = [];
    this.editable = editable;
    this.values = values; // what new fields begin with: written as a property, each would cost a layout
    this.columns = columns;
    const kind = editable ? "field" : "cell";
    const across = Array.from({ length: columns + 2 * pad }, (_, c) => c - pad);
    furnish(this.host, Array(planes).fill("grid"), () => this.grid()).forEach((table, plane) => {
      this.nameGrid(table, titleOf?.(plane));
      table.style.setProperty("--columns", across.length);
      const body = table.tBodies[0];
      furnish(body, Array(rows + 2 * pad).fill("row"), () => element("tr", { role: "row" })).forEach((line, at) => {
        const r = at - pad;
        const inside = (c) => r >= 0 && c >= 0 && r < rows && c < columns;
        let index = (plane * rows + r) * columns;
        furnish(line, across.map((c) => (inside(c) ? kind : "pad")), (made) => this.cell(made)).forEach((node, i) => {
          const c = across[i];
          if (inside(c)) this.place(node, index++, nameOf);
          else this.border(node, pixelAt(plane, r, c), { plane, row: r, column: c });
        });
      });
    });
  }

  grid() {
    const table = element("table", { class: "grid", role: "grid" }, element("tbody"));
    rove(table, ".stop", () => this.columns);
    return table;
  }

  nameGrid(table, title) {
    setAttribute(table, "aria-label", `${say(this.tensor)}${title ? `, ${title}` : ""}`);
    if (title) setText(table.createCaption(), title);
    else table.deleteCaption();
  }

  cell(kind) {
    if (kind === "pad") return element("td", { class: "pad", "aria-hidden": "true" });
    const node = element("td", { class: "cell", role: "gridcell" });
    if (kind === "field") node.append(this.field(node));
    return node;
  }

  place(node, index, nameOf) {
    const first = this.cells.length === 0;
    const name = nameOf(index);
    setAttribute(node, "data-tensor", this.tensor);
    setAttribute(node, "data-element", index);
    setAttribute(node, "aria-label", name);
    const stop = this.editable ? node.firstElementChild : node;
    if (this.editable) setAttribute(stop, "aria-label", name);
    if (this.editable && !stop.hasAttribute("value")) stop.setAttribute("value", numberText(this.values?.[index]));
    setAttribute(stop, "tabindex", first ? 0 : -1);
    this.cells[index] = node;
  }

  field(cell) {
    const commit = (event) => {
      const taken = this.onEdit(Number(cell.dataset.element), event.target.value, event.type === "change");
      event.target.toggleAttribute("aria-invalid", !taken);
    };
    return element("input", {
      class: "stop", type: "text", inputmode: "decimal", autocomplete: "off", spellcheck: "false", maxlength: "12",
      on: { input: commit, change: commit, focus: (event) => event.target.select(), blur: (event) => this.settle(event.target) },
    });
  }

  // What was not understood gives way to the number that is kept.
  settle(input) {
    input.removeAttribute("aria-invalid");
    input.value = input.closest("td").dataset.value === undefined ? "" : numberText(Number(input.closest("td").dataset.value));
  }

  border(node, repeats, place) {
    Object.assign(node.dataset, place);
    this.borders.push({ node, repeats });
  }

  // values null: not there; `reached`: elements from there on are not yet known; 
  fill(values, nameOf, reached = Infinity) {
    this.cells.forEach((cell, i) => {
      const known = values && i < reached;
      const text = known ? numberText(values[i]) : "·";
      if (known) cell.dataset.value = values[i];
      else delete cell.dataset.value;
      const input = cell.firstElementChild;
      if (!this.editable) setText(cell, text);
      else if (input !== document.activeElement && input.value !== text) input.value = text;
      if (!this.editable) setAttribute(cell, "aria-label", `${nameOf(i)}: ${text}`);
    });
    for (const { node, repeats } of this.borders)
      setText(node, repeats < 0 ? "0" : values ? numberText(values[repeats]) : "·");
  }

  // lit: element -> parameter (-1: several); at: the element pointed at; always: element -> hue that it has anyway;
  // hueFor: parameter -> hue.
  light(lit, at, always, seen = new Set(), hueFor) {
    this.cells.forEach((cell, i) => {
      let name = "cell";
      name += this.editable ? " field" : " stop";
      const colour = lit.has(i) ? hueFor(lit.get(i)) : always?.(i) ?? null;
      if (colour !== null && colour !== undefined) name += ` t${colour}`;
      if (lit.has(i)) name += " lit";
      else if (seen.has(i)) name += " seen";
      if (i === at) name += " at";
      if (cell.className !== name) cell.className = name;
    });
  }

  lightBorder(isUnder) {
    for (const { node } of this.borders) {
      const { plane, row, column } = node.dataset;
      node.classList.toggle("seen", isUnder?.(Number(plane), Number(row), Number(column)) ?? false);
    }
  }
}
