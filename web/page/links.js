// What belongs to what. The taps of the library (output, input, parameter) say it all: pointing at anything is
// choosing some of the taps.

export class Links {
  constructor(taps, window = null) {
    this.count = taps.length / 3;
    this.out = Array.from({ length: this.count }, (_, t) => taps[3 * t]);
    this.in = Array.from({ length: this.count }, (_, t) => taps[3 * t + 1]);
    this.parameter = Array.from({ length: this.count }, (_, t) => taps[3 * t + 2]);
    this.byOut = collect(this.out);
    this.byIn = collect(this.in);
    this.byParameter = collect(this.parameter);
    this.window = window ? new Links(window) : null; // of a max pool: the pixels that each output looks at
  }

  // The taps of a selection: {kind: "h" | "w" | "x", element} or {kind: "entry", row, column}.
  taps(selection) {
    if (!selection) return [];
    if (selection.kind === "h") return this.byOut.get(selection.element) ?? [];
    if (selection.kind === "w") return this.byParameter.get(selection.element) ?? [];
    if (selection.kind === "x") return this.byIn.get(selection.element) ?? [];
    return (this.byOut.get(selection.row) ?? []).filter((t) => this.in[t] === selection.column);
  }

  // All that lights up: for x, w and h a map from element to the parameter whose colour it takes (-1: several),
  // and the set of taps.
  lit(selection) {
    const lit = { x: new Map(), w: new Map(), h: new Map(), taps: new Set(this.taps(selection)), seen: new Set() };
    const paint = (map, element, parameter) =>
      map.set(element, map.has(element) && map.get(element) !== parameter ? -1 : parameter);
    for (const t of lit.taps) {
      paint(lit.x, this.in[t], this.parameter[t]);
      paint(lit.w, this.parameter[t], this.parameter[t]);
      paint(lit.h, this.out[t], this.parameter[t]);
    }
    if (this.window && selection?.kind === "h")
      for (const t of this.window.taps(selection)) lit.seen.add(this.window.in[t]);
    return lit;
  }
}

function collect(keys) {
  const lists = new Map();
  keys.forEach((key, t) => {
    const list = lists.get(key);
    if (list) list.push(t);
    else lists.set(key, [t]);
  });
  return lists;
}

export function sameSelection(a, b) {
  return a?.kind === b?.kind && a?.element === b?.element && a?.row === b?.row && a?.column === b?.column
    && a?.of === b?.of;
}
