// Pixels and outputs as two columns of nodes: joined as the convolution does, an edge a tap; and beside it each
// with each, which is what a full connection would need.

import { drawn, rove, setAttribute } from "./elements.js";
import { say } from "./words.js";

const EDGES_MOST = 1200;
const WIDTH = 340, LEFT = 62, RIGHT = 278, TOP = 14;

function label(name, x, y, anchor) {
  const parts = /^([a-z])\[?([^\]]*)\]?$/.exec(name);
  const text = drawn("text", { x, y: y + 4, "text-anchor": anchor });
  if (!parts) text.append(name);
  else text.append(drawn("tspan", { class: "letter" }, parts[1]), drawn("tspan", { dy: 3, class: "index" }, parts[2]));
  return text;
}

export class ConnectionView {
  constructor(local, full) {
    this.local = local;
    this.full = full;
  }

  build(scene) {
    this.scene = scene;
    const { columns: inputs, rows: outputs } = scene.answer;
    this.step = Math.max(6, Math.min(30, Math.floor(560 / Math.max(inputs, outputs))));
    this.height = 2 * TOP + (Math.max(inputs, outputs, 2) - 1) * this.step;
    this.y = {
      x: (i) => this.height / 2 + (i - (inputs - 1) / 2) * this.step,
      h: (i) => this.height / 2 + (i - (outputs - 1) / 2) * this.step,
    };
    this.nodes = new Map();
    this.edges = new Map();
    this.few = scene.links.count <= EDGES_MOST;
    this.edgeLayer = drawn("g", { class: "edges" });
    if (this.few) for (let t = 0; t < scene.links.count; t++) this.addEdge(t);
    const svg = this.svg(say("connections"));
    svg.append(this.edgeLayer, this.nodeLayer(true));
    rove(svg, ".hit", () => 1);
    this.local.replaceChildren(svg);
    this.full.replaceChildren(this.fullDiagram(inputs, outputs));
  }

  svg(title) {
    return drawn("svg", { viewBox: `0 0 ${WIDTH} ${this.height}`, role: "group", "aria-label": title });
  }

  fullDiagram(inputs, outputs) {
    const svg = this.svg(say("connections_full", inputs * outputs));
    const lines = [];
    if (inputs * outputs <= EDGES_MOST)
      for (let h = 0; h < outputs; h++)
        for (let x = 0; x < inputs; x++) lines.push(`M${LEFT} ${this.y.x(x)}L${RIGHT} ${this.y.h(h)}`);
    svg.append(drawn("path", { class: "every", d: lines.join("") }), this.nodeLayer(false));
    return svg;
  }

  nodeLayer(linked) {
    const layer = drawn("g", { class: "nodes" });
    const { columns: inputs, rows: outputs } = this.scene.answer;
    for (const [tensor, count, x] of [["x", inputs, LEFT], ["h", outputs, RIGHT]])
      for (let i = 0; i < count; i++) {
        const y = this.y[tensor](i);
        const data = linked ? { tensor, element: i } : {};
        const node = drawn("g", { class: "node", data }, drawn("circle", { cx: x, cy: y, r: this.step > 12 ? 6 : 2.5 }));
        if (this.step > 12) node.append(label(this.scene.name(tensor, i), tensor === "x" ? x - 12 : x + 12, y, tensor === "x" ? "end" : "start"));
        if (linked) this.nodes.set(tensor + i, node);
        layer.append(node);
      }
    return layer;
  }

  addEdge(t) {
    const { links } = this.scene;
    const row = links.out[t], column = links.in[t];
    const ends = { x1: LEFT, y1: this.y.x(column), x2: RIGHT, y2: this.y.h(row) };
    const name = say("edge", this.scene.name("x", column), this.scene.name("h", row), this.scene.name("w", links.parameter[t]));
    const edge = drawn("line", { ...ends, class: "edge" });
    const hit = drawn("line", { ...ends, class: "hit", role: "img", "aria-label": name,
      tabindex: this.edges.size ? "-1" : "0", data: { row, column, tap: t } });
    this.edgeLayer.append(edge, hit);
    this.edges.set(t, edge);
    return edge;
  }

  light(scene, selection) {
    this.scene = scene;
    const lit = scene.links.lit(selection);
    if (!this.few) {
      this.edgeLayer.replaceChildren();
      this.edges.clear();
      for (const t of lit.taps) this.addEdge(t);
    }
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
