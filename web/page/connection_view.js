// Pixels and outputs as two columns of nodes: joined as the convolution does, an edge a tap; and beside it each
// with each, which is what a full connection would need.

import { drawn, furnish, rove, setAttribute } from "./elements.js";
import { say } from "./words.js";

const EDGES_MOST = 1200;
const WIDTH = 340, LEFT = 62, RIGHT = 278, TOP = 14;

const MAKE = {
  edge: () => drawn("line", { class: "edge" }),
  hit: () => drawn("line", { class: "hit", role: "img" }),
  dot: () => drawn("g", { class: "node" }, drawn("circle", { r: 2.5 })),
  named: () => drawn("g", { class: "node" }, drawn("circle", { r: 6 }), drawn("text")),
};

function setLabel(text, name) {
  if (text.symbol === name) return;
  text.symbol = name;
  const parts = /^([a-z])\[?([^\]]*)\]?$/.exec(name);
  if (!parts) text.replaceChildren(name);
  else text.replaceChildren(drawn("tspan", { class: "letter" }, parts[1]), drawn("tspan", { dy: 3, class: "index" }, parts[2]));
}

function setAttributes(node, values) {
  for (const [name, value] of Object.entries(values)) setAttribute(node, name, value);
}

export class ConnectionView {
  constructor(local, full) {
    const picture = (host, lines) => {
      const nodes = drawn("g", { class: "nodes" });
      const svg = drawn("svg", { role: "group" }, lines, nodes);
      host.replaceChildren(svg);
      return { svg, nodes };
    };
    this.edgeLayer = drawn("g", { class: "edges" });
    this.every = drawn("path", { class: "every" });
    this.local = picture(local, this.edgeLayer);
    this.full = picture(full, this.every);
    rove(this.local.svg, ".hit", () => 1);
  }

  // What is drawn already stays: a size that changes by one moves the nodes and adds a few.
  build(scene) {
    this.scene = scene;
    const { columns: inputs, rows: outputs } = scene.answer;
    this.step = Math.max(6, Math.min(30, Math.floor(560 / Math.max(inputs, outputs))));
    this.height = 2 * TOP + (Math.max(inputs, outputs, 2) - 1) * this.step;
    this.y = {
      x: (i) => this.height / 2 + (i - (inputs - 1) / 2) * this.step,
      h: (i) => this.height / 2 + (i - (outputs - 1) / 2) * this.step,
    };
    for (const { svg } of [this.local, this.full]) setAttribute(svg, "viewBox", `0 0 ${WIDTH} ${this.height}`);
    setAttribute(this.local.svg, "aria-label", say("connections"));
    setAttribute(this.full.svg, "aria-label", say("connections_full", inputs * outputs));
    this.few = scene.links.count <= EDGES_MOST;
    this.drawEdges(this.few ? Array.from({ length: scene.links.count }, (_, t) => t) : []);
    this.nodes = this.drawNodes(this.local.nodes, true);
    this.drawNodes(this.full.nodes, false);
    setAttribute(this.every, "d", this.allLines(inputs, outputs));
  }

  allLines(inputs, outputs) {
    const lines = [];
    if (inputs * outputs <= EDGES_MOST)
      for (let h = 0; h < outputs; h++)
        for (let x = 0; x < inputs; x++) lines.push(`M${LEFT} ${this.y.x(x)}L${RIGHT} ${this.y.h(h)}`);
    return lines.join("");
  }

  // Pixels, then outputs; the nodes by "x0", "h0"...
  drawNodes(layer, linked) {
    const { columns: inputs, rows: outputs } = this.scene.answer;
    const kind = this.step > 12 ? "named" : "dot";
    const nodes = furnish(layer, Array(inputs + outputs).fill(kind), (made) => MAKE[made]());
    return new Map(nodes.map((node, at) => {
      const tensor = at < inputs ? "x" : "h";
      const i = at < inputs ? at : at - inputs;
      const [circle, text] = node.children;
      const cx = tensor === "x" ? LEFT : RIGHT, cy = this.y[tensor](i);
      setAttributes(circle, { cx, cy });
      if (linked) setAttributes(node, { "data-tensor": tensor, "data-element": i });
      if (text) setAttributes(text, tensor === "x" ? { x: cx - 12, y: cy + 4, "text-anchor": "end" } : { x: cx + 12, y: cy + 4, "text-anchor": "start" });
      if (text) setLabel(text, this.scene.name(tensor, i));
      return [tensor + i, node];
    }));
  }

  // The edges of these taps: a line that is seen, and a wider one to point at.
  drawEdges(taps) {
    const lines = furnish(this.edgeLayer, taps.flatMap(() => ["edge", "hit"]), (made) => MAKE[made]());
    this.edges = new Map(taps.map((t, i) => {
      const [edge, hit] = lines.slice(2 * i, 2 * i + 2);
      const { links } = this.scene;
      const row = links.out[t], column = links.in[t];
      const ends = { x1: LEFT, y1: this.y.x(column), x2: RIGHT, y2: this.y.h(row) };
      setAttributes(edge, ends);
      setAttributes(hit, { ...ends, tabindex: i ? -1 : 0, "data-row": row, "data-column": column, "data-tap": t,
        "aria-label": say("edge", this.scene.name("x", column), this.scene.name("h", row), this.scene.name("w", links.parameter[t])) });
      return [t, edge];
    }));
  }

  light(scene, selection) {
    this.scene = scene;
    const lit = scene.links.lit(selection);
    if (!this.few) this.drawEdges([...lit.taps]);
    for (const [t, edge] of this.edges) {
      const state = lit.taps.has(t) ? " lit" : selection ? " dim" : "";
      setAttribute(edge, "class", `edge s${scene.hue(scene.links.parameter[t])}${state}`);
    }
    for (const [key, node] of this.nodes) {
      const tensor = key[0], index = Number(key.slice(1));
      const on = lit[tensor].has(index) || (selection?.kind === tensor && selection.element === index);
      setAttribute(node, "class", on ? "node lit" : "node");
    }
  }
}
