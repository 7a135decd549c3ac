// What the page shows, as plain data: the sizes, the numbers, and the letter that asks the library about them.
// Everything that comes from outside (a URL) is clamped here, and checked again by the library.

export const KINDS = ["conv", "depthwise", "avgpool", "maxpool"];
export const MODES = ["zeros", "reflect", "replicate", "circular"];

// Each size: its least and most, and the key it has in a URL.
export const SIZES = {
  height: { least: 1, most: 12, key: "ih" },
  width: { least: 1, most: 12, key: "iw" },
  kernelHeight: { least: 1, most: 7, key: "kh" },
  kernelWidth: { least: 1, most: 7, key: "kw" },
  stride: { least: 1, most: 4, key: "s" },
  padding: { least: 0, most: 4, key: "p" },
  dilation: { least: 1, most: 4, key: "d" },
  channels: { least: 1, most: 4, key: "c" },
  outChannels: { least: 1, most: 4, key: "o" },
};

export const LARGEST_NUMBER = 1e6;

export function isPool(state) { return state.kind === "avgpool" || state.kind === "maxpool"; }

export function hasSharedWeights(state) { return !isPool(state); }

// Which sizes a kind leaves to choose.
export function offers(state, size) {
  if (size === "outChannels") return state.kind === "conv";
  if (size === "padding" || size === "dilation") return !isPool(state);
  return true;
}

export function defaults() {
  return {
    kind: "conv", height: 3, width: 3, kernelHeight: 2, kernelWidth: 2, stride: 1, padding: 0, dilation: 1,
    channels: 1, outChannels: 1, mode: "zeros", x: [], w: [], dh: [],
  };
}

function geometryLines(state) {
  return [
    `kind ${state.kind}`,
    `input ${state.height}x${state.width}`,
    `kernel ${state.kernelHeight}x${state.kernelWidth}`,
    `stride ${state.stride}`,
    `pad ${state.padding}`,
    `dilation ${state.dilation}`,
    `channels ${state.channels},${state.outChannels}`,
    `mode ${state.mode}`,
  ];
}

export function sizesLetter(state) { return geometryLines(state).join("\n"); }

// `dh` may stand in for the state's own: a sweep shows the part of it that it has reached.
export function letterOf(state, language, more = [], dh = state.dh) {
  const lines = geometryLines(state);
  lines.push(`lang ${language}`);
  if (state.x.length) lines.push(`x ${state.x.join(" ")}`);
  if (state.w.length && hasSharedWeights(state)) lines.push(`w ${state.w.join(" ")}`);
  if (dh.length) lines.push(`dh ${dh.join(" ")}`);
  return [...lines, ...more].join("\n");
}

// What stands where nobody has written: small whole numbers that differ from their neighbours.
const PI = "314159265358979323846264338327950288419716939937510582097494459230781640628620899862803482534211706798";
const fillers = {
  x: (i) => Number(PI[i % PI.length]),
  w: (i) => [1, -1, 2, 0, 3, -2, 1][i % 7],
  dh: (i) => [1, 0, -1, 2][i % 4],
};

function shapes(state) {
  const grouped = state.kind !== "conv";
  return {
    x: [state.channels, state.height, state.width],
    w: [grouped ? state.channels : state.outChannels, grouped ? 1 : state.channels,
      state.kernelHeight, state.kernelWidth],
  };
}

function strides(shape) { return shape.map((_, i) => shape.slice(i + 1).reduce((a, b) => a * b, 1)); }

// Numbers moved from one shape to another: those that both have stay where they were.
function reshape(values, from, to, filler) {
  const count = to.reduce((a, b) => a * b, 1);
  const toStrides = strides(to);
  const fromStrides = from ? strides(from) : [];
  return Array.from({ length: count }, (_, i) => {
    const place = to.map((size, a) => Math.floor(i / toStrides[a]) % size);
    const kept = from && from.length === to.length && place.every((at, a) => at < from[a]);
    const value = kept ? values[place.reduce((sum, at, a) => sum + at * fromStrides[a], 0)] : undefined;
    return Number.isFinite(value) ? value : filler(i);
  });
}

// Gives x and w the shapes that the sizes ask for, and dh that of the library's output ({x, w, h} of numbers).
// `before` is the state whose numbers they are now.
export function fit(state, before, outputs) {
  const to = shapes(state);
  const from = before ? shapes(before) : null;
  const x = reshape(state.x, from?.x, to.x, fillers.x);
  const w = reshape(state.w, from?.w, to.w, fillers.w);
  const dh = Array.from({ length: outputs }, (_, i) =>
    Number.isFinite(state.dh[i]) ? state.dh[i] : fillers.dh(i));
  return { ...state, x, w, dh };
}

// ---- The URL ----

function clampNumber(text) {
  const value = Number(text);
  if (text.trim() === "" || !Number.isFinite(value)) return null;
  return Math.min(LARGEST_NUMBER, Math.max(-LARGEST_NUMBER, value));
}

const LISTS = { x: 4096, w: 4096, dh: 4096 };

export function toHash(state) {
  const parts = [`t=${state.kind}`];
  for (const [name, { key }] of Object.entries(SIZES)) parts.push(`${key}=${state[name]}`);
  parts.push(`m=${state.mode}`);
  for (const list of Object.keys(LISTS)) parts.push(`${list}=${state[list].join(",")}`);
  return `#${parts.join("&")}`;
}

// The state of a URL and the keys that had to be corrected or left out. Never throws.
export function fromHash(hash) {
  const state = defaults();
  const mended = new Set();
  const given = new Map();
  for (const part of hash.replace(/^#/, "").slice(0, 200000).split("&")) {
    if (part === "") continue;
    const at = part.indexOf("=");
    given.set(at < 0 ? part : part.slice(0, at), at < 0 ? "" : part.slice(at + 1));
  }
  const take = (key) => {
    const value = given.get(key);
    given.delete(key);
    return value;
  };
  const kind = take("t");
  if (KINDS.includes(kind)) state.kind = kind;
  else if (kind !== undefined) mended.add("t");
  const mode = take("m");
  if (MODES.includes(mode)) state.mode = mode;
  else if (mode !== undefined) mended.add("m");
  for (const [name, { least, most, key }] of Object.entries(SIZES)) {
    const text = take(key);
    if (text === undefined) continue;
    const value = /^-?\d{1,15}$/.test(text) ? Number(text) : state[name];
    state[name] = Math.min(most, Math.max(least, value));
    if (String(state[name]) !== text) mended.add(key);
  }
  for (const [list, most] of Object.entries(LISTS)) {
    const text = take(list);
    if (text === undefined || text === "") continue;
    const written = text.split(",", most + 1);
    const numbers = written.slice(0, most).map(clampNumber);
    if (written.length > most || numbers.some((n, i) => String(n) !== written[i])) mended.add(list);
    state[list] = numbers.map((n) => n ?? 0);
  }
  for (const key of given.keys()) mended.add(key.slice(0, 24));
  return { state: settle(state), mended: [...mended].slice(0, 8), empty: hash.length < 2 };
}

// What a kind fixes.
export function settle(state) {
  const settled = { ...state };
  if (!offers(settled, "outChannels")) settled.outChannels = settled.channels;
  if (isPool(settled)) Object.assign(settled, { padding: 0, dilation: 1, mode: "zeros" });
  return settled;
}
