// One tensor as grids of cells, a grid for each channel: numbers to read, or fields to write into.

import { element, numberText, rove, setAttribute, setText } from "./elements.js";
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
  // element that a place of the border repeats, or -1 for a zero.
  build({ planes, rows, columns }, nameOf, { pad = 0, pixelAt = null, editable = false, titleOf = null, values = null } = {}) {
    this.cells = [];
    this.borders = [];
    this.editable = editable;
    this.values = values; // what the fields begin with: written later, each would cost a layout
    const grids = [];
    for (let plane = 0; plane < planes; plane++) {
      const title = titleOf?.(plane);
      const body = element("tbody");
      for (let r = -pad; r < rows + pad; r++) {
        const row = element("tr", { role: "row" });
        for (let c = -pad; c < columns + pad; c++) {
          const inside = r >= 0 && c >= 0 && r < rows && c < columns;
          row.append(inside ? this.cell((plane * rows + r) * columns + c, nameOf)
            : this.border(pixelAt(plane, r, c), plane, r, c));
        }
        body.append(row);
      }
      const table = element("table", { class: "grid", role: "grid", "aria-label": `${say(this.tensor)}${title ? `, ${title}` : ""}` },
        title ? element("caption", {}, title) : null, body);
      table.style.setProperty("--columns", columns + 2 * pad);
      rove(table, ".stop", () => columns);
      grids.push(table);
    }
    this.host.replaceChildren(...grids);
  }

  cell(index, nameOf) {
    const name = nameOf(index);
    const first = this.cells.length === 0;
    const data = { tensor: this.tensor, element: index };
    const node = element("td", { class: "cell", role: "gridcell", data, "aria-label": name });
    if (this.editable) {
      node.classList.add("field");
      node.append(this.field(index, name, first));
    } else {
      node.setAttribute("tabindex", first ? "0" : "-1");
      node.classList.add("stop");
    }
    this.cells[index] = node;
    return node;
  }

  field(index, name, first) {
    const commit = (event) => {
      event.target.toggleAttribute("aria-invalid", !this.onEdit(index, event.target.value, event.type === "change"));
    };
    return element("input", {
      class: "stop", type: "text", inputmode: "decimal", autocomplete: "off", spellcheck: "false", maxlength: "12",
      "aria-label": name, tabindex: first ? "0" : "-1", value: this.values ? numberText(this.values[index]) : null,
      on: { input: commit, change: commit, focus: (event) => event.target.select(), blur: (event) => this.settle(event.target) },
    });
  }

  // What was not understood gives way to the number that is kept.
  settle(input) {
    input.removeAttribute("aria-invalid");
    input.value = input.closest("td").dataset.value === undefined ? "" : numberText(Number(input.closest("td").dataset.value));
  }

  border(repeats, plane, row, column) {
    const node = element("td", { class: "pad", "aria-hidden": "true", data: { plane, row, column } });
    this.borders.push({ node, repeats });
    return node;
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
