// The board: image, kernel and output above, their gradients below, each gradient under what it belongs to.

import { setText } from "./elements.js";
import { TensorView } from "./tensor_view.js";
import { say } from "./words.js";
import { LARGEST_NUMBER } from "./geometry_state.js";

export function readNumber(text) {
  const plain = text.trim().replace(/[−–]/g, "-").replace(/^\+/, "").replace(",", ".");
  const value = Number(plain);
  const good = /^-?(\d+\.?\d*|\.\d+)(e-?\d{1,2})?$/i.test(plain) && Math.abs(value) <= LARGEST_NUMBER;
  return good ? value : null;
}

// The pixel that a place outside the image repeats; -1: a zero.
function repeated(at, size, mode) {
  if (at >= 0 && at < size) return at;
  if (mode === "replicate") return at < 0 ? 0 : size - 1;
  if (mode === "circular") return ((at % size) + size) % size;
  if (mode === "reflect") return at < 0 ? -at : 2 * (size - 1) - at;
  return -1;
}

const EDITABLE = new Set(["x", "w", "dh"]);

export class Board {
  constructor(root, onEdit) {
    this.views = {};
    for (const host of root.querySelectorAll("[data-view]")) {
      const tensor = host.dataset.view;
      const edit = EDITABLE.has(tensor) ? (index, text, final) => onEdit(tensor, index, text, final) : null;
      this.views[tensor] = new TensorView(tensor, host.querySelector(".grids"), edit);
    }
    this.root = root;
  }

  build(scene) {
    const { state } = scene;
    this.root.classList.toggle("weightless", !scene.hasWeights);
    setText(this.root.querySelector(".joiner.result"), scene.hasWeights ? "=" : "→");
    for (const [tensor, view] of Object.entries(this.views)) {
      const host = this.root.querySelector(`[data-view="${tensor}"]`);
      const hidden = tensor === "dw" ? !scene.sharesWeights : tensor === "w" ? !scene.hasWeights : false;
      host.classList.toggle("absent", hidden);
      if (hidden) view.host.replaceChildren();
      if (hidden) view.cells = [], view.borders = [];
      if (hidden) continue;
      const shape = scene.shape(tensor);
      const pad = tensor === "x" ? state.padding : 0;
      const pixelAt = (plane, r, c) => {
        const row = repeated(r, state.height, state.mode), column = repeated(c, state.width, state.mode);
        return row < 0 || column < 0 ? -1 : (plane * state.height + row) * state.width + column;
      };
      view.build(shape, (i) => scene.name(tensor, i), {
        pad, pixelAt, editable: EDITABLE.has(tensor) && !(tensor === "w" && !scene.sharesWeights),
        values: scene.values(tensor), titleOf: shape.planes > 1 ? (plane) => this.titleOf(scene, tensor, plane) : null,
      });
      view.host.classList.toggle("several", shape.planes > 1);
    }
  }

  titleOf(scene, tensor, plane) {
    if (tensor.endsWith("w") && scene.state.kind === "conv" && scene.state.channels > 1)
      return say("filter", Math.floor(plane / scene.state.channels) + 1, (plane % scene.state.channels) + 1);
    return say("channel", plane + 1);
  }

  fill(scene, reached) {
    for (const [tensor, view] of Object.entries(this.views))
      view.fill(scene.values(tensor), (i) => scene.name(tensor, i), tensor === "h" ? reached : Infinity);
  }

  light(scene, selection) {
    const lit = scene.links.lit(selection);
    const hueFor = (parameter) => scene.hue(parameter);
    for (const [tensor, view] of Object.entries(this.views)) {
      const base = tensor.replace(/^d/, "");
      const at = selection?.kind === base && selection.of === tensor ? selection.element : -1;
      view.light(lit[base], at, base === "w" ? hueFor : null, base === "x" ? lit.seen : undefined, hueFor);
    }
    this.views.x.lightBorder(selection?.kind === "h" ? this.windowOf(scene, selection.element) : null);
  }

  // Whether a place of the border lies under the kernel at an output.
  windowOf({ state, shapes }, output) {
    const y = Math.floor(output / shapes.h.columns) % shapes.h.rows, x = output % shapes.h.columns;
    const plane = Math.floor(output / (shapes.h.rows * shapes.h.columns));
    const under = (at, o, kernel) => {
      const k = (at + state.padding - o * state.stride) / state.dilation;
      return Number.isInteger(k) && k >= 0 && k < kernel;
    };
    return (p, r, c) => (state.kind === "conv" || p === plane)
      && under(r, y, state.kernelHeight) && under(c, x, state.kernelWidth);
  }
}
