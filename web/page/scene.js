// What is shown at one moment: the state, the library's answer to it, and how things are named. Nothing here is
// computed but places.

import { Links } from "./links.js";
import { hasSharedWeights } from "./geometry_state.js";

const TENSORS = { x: "x", w: "w", h: "h", dx: "dL/dx", dw: "dL/dw", dh: "dL/dh" };

export class Scene {
  constructor(state, answer) {
    this.state = state;
    this.answer = answer;
    // A max pool has no weights: its taps are told apart by their outputs.
    const max = state.kind === "maxpool";
    const taps = max ? answer.taps.map((n, i, all) => (i % 3 === 2 ? all[i - 2] : n)) : answer.taps;
    this.links = new Links(taps, answer.window);
    this.shapes = {
      x: { planes: state.channels, rows: state.height, columns: state.width },
      w: { planes: answer.parameters / (state.kernelHeight * state.kernelWidth), rows: state.kernelHeight,
        columns: state.kernelWidth },
      h: { planes: state.kind === "conv" ? state.outChannels : state.channels, rows: answer.output[0],
        columns: answer.output[1] },
    };
  }

  // The numbers of a tensor; null where there are none (the weights of a max pool).
  values(tensor) {
    return this.answer.explained.tensors[TENSORS[tensor]]?.values ?? null;
  }

  shape(tensor) { return this.shapes[tensor.replace(/^d/, "")]; }

  get hasWeights() { return this.state.kind !== "maxpool"; }

  get sharesWeights() { return hasSharedWeights(this.state); }

  // "1/4" for the weights of an average pool.
  get averageName() { return `1/${this.state.kernelHeight * this.state.kernelWidth}`; }

  name(tensor, element) {
    const base = tensor.replace(/^d/, "");
    if (base === "w" && this.state.kind === "avgpool") return this.averageName;
    if (base === "w" && this.state.kind === "maxpool") return "1";
    const name = this.answer.names[base][element];
    return tensor === base ? name : `dL/d${name}`;
  }

  // A number with its name, for a formula.
  atom(tensor, element) {
    return { name: this.name(tensor, element), value: this.values(tensor)?.[element] ?? null };
  }

  // The parameters at a place of the matrix; more than one where padding folds weights together.
  parametersAt(row, column) {
    return this.links.taps({ kind: "entry", row, column }).map((t) => this.links.parameter[t]);
  }

  // The colour of a parameter, of eight; all places of an average pool have one. null: several meet.
  hue(parameter) {
    if (parameter < 0) return null;
    return this.state.kind === "avgpool" ? 0 : parameter % 8;
  }
}
