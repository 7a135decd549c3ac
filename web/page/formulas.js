// The sums behind what is pointed at, as lines of {left, terms, total}: which numbers meet is said by the taps,
// every number is the library's.

import { say } from "./words.js";

const line = (left, terms, sign = "=") => ({ left, terms, sign });

// The sum over some taps of the product of two tensors' elements.
function sumOver(scene, tensor, element, taps, first, second) {
  const { links } = scene;
  const at = { x: (t) => links.in[t], w: (t) => links.parameter[t], h: (t) => links.out[t], dh: (t) => links.out[t] };
  return line(scene.atom(tensor, element),
    taps.map((t) => [first, second].filter(Boolean).map((name) => scene.atom(name, at[name](t)))));
}

function forOutput(scene, element, taps) {
  if (scene.state.kind !== "maxpool")
    return { text: say("says_h"), lines: [sumOver(scene, "h", element, taps, "w", "x")] };
  const seen = scene.links.window.taps({ kind: "h", element }).map((t) => scene.links.window.in[t]);
  const taken = scene.name("x", scene.links.in[taps[0]]);
  const all = { ...line(scene.atom("h", element), seen.map((x) => [scene.atom("x", x)])), wrap: "max" };
  return { text: say("says_max", taken), lines: [all] };
}

function forPixel(scene, element, taps) {
  const max = scene.state.kind === "maxpool";
  const sum = sumOver(scene, "dx", element, taps, max ? null : "w", "dh");
  return { text: say(max ? "says_max_x" : "says_x", taps.length), lines: [sum] };
}

function forWeight(scene, element, taps) {
  return { text: say("says_w", taps.length), lines: [sumOver(scene, "dw", element, taps, "dh", "x")] };
}

// What an output's gradient adds to, product by product.
function forUpstream(scene, element, taps) {
  const { links } = scene;
  const dh = scene.atom("dh", element);
  const lines = [];
  for (const t of taps) {
    if (scene.sharesWeights)
      lines.push(line(scene.atom("dw", links.parameter[t]), [[dh, scene.atom("x", links.in[t])]], "+="));
    const factors = scene.hasWeights ? [scene.atom("w", links.parameter[t]), dh] : [dh];
    lines.push(line(scene.atom("dx", links.in[t]), [factors], "+="));
  }
  return { text: say("says_dh"), lines: lines.slice(0, 4), more: Math.max(0, lines.length - 4) };
}

// One connection, the three times that it is used.
function forEntry(scene, { row, column }, taps) {
  if (!taps.length) return { text: say("says_empty", scene.name("h", row), scene.name("x", column)), lines: [] };
  const lines = [];
  for (const t of taps) {
    const p = scene.links.parameter[t];
    const weight = scene.hasWeights ? [scene.atom("w", p)] : [];
    const x = scene.atom("x", column), dh = scene.atom("dh", row);
    lines.push({ ...line(scene.atom("h", row), [[...weight, x]], "+="), label: say("in_forward") });
    if (scene.sharesWeights)
      lines.push({ ...line(scene.atom("dw", p), [[dh, x]], "+="), label: say("in_weights") });
    lines.push({ ...line(scene.atom("dx", column), [[...weight, dh]], "+="), label: say("in_image") });
  }
  return { text: say("says_entry"), lines };
}

export function formulasOf(scene, selection) {
  if (!selection) return { text: say("formula_hint"), lines: [] };
  const taps = scene.links.taps(selection);
  if (selection.kind === "entry") return forEntry(scene, selection, taps);
  if (selection.of === "dh") return forUpstream(scene, selection.element, taps);
  if (selection.kind === "h") return forOutput(scene, selection.element, taps);
  if (selection.kind === "w") return forWeight(scene, selection.element, taps);
  return forPixel(scene, selection.element, taps);
}
