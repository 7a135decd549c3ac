// The module by itself: hostile letters get an answer in words, and its bits are the command's.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { before, test } from "node:test";
import { gunzipSync } from "node:zlib";
import { Twill } from "../page/twill.js";
import { build } from "./paths.js";

let twill;
const network = () => new Uint8Array(gunzipSync(readFileSync(`${build}/web/digits.network`)));
before(async () => {
  twill = await Twill.load(readFileSync(`${build}/wasm/web/twill.wasm`));
});

test("no size but a whole number of the limit's range gets room", () => {
  for (const size of [NaN, -1, 2 ** 32, 2 ** 32 + 64, 2 ** 53, 0.5, Infinity, -Infinity, undefined, "x", {}, 5e6])
    assert.equal(twill.exports.tw_web_room(size), 0, String(size));
  assert.throws(() => twill.exports.tw_web_room(7n), TypeError);
  assert.notEqual(twill.exports.tw_web_room(64), 0);
});

test("a letter longer than its room is refused", () => {
  twill.post("kind conv");
  for (const size of [10, -1, NaN, 2 ** 32 + 4, Infinity]) {
    twill.exports.tw_web_explore(size);
    const answer = JSON.parse(new TextDecoder().decode(twill.reply()));
    assert.equal(answer.status, "argument");
    assert.match(answer.message, /does not fit the room/);
  }
});

test("an address outside the memory is refused by the page", () => {
  const { byteLength } = twill.exports.memory.buffer;
  for (const [address, count] of [[0, 4], [byteLength - 3, 4], [byteLength, 1], [-1, 1], [NaN, 1], [8, NaN], [8, -1], [8, 2 ** 40]])
    assert.throws(() => twill.bytesAt(address, count), /outside its memory/);
});

test("memory that is refused is an error in words", () => {
  assert.throws(() => twill.post(new Uint8Array(5e6)), /no memory for 5000000 bytes/);
  assert.equal(twill.explore("kind conv\nx 1 2 3 4 5 6 7 8 9\nw 1 2 3 4\ndh 1 0 0 2").status, "ok");
});

const hostile = [
  ["nonsense", "format"], ["stride", "format"], ["stride x", "format"], ["stride NaN", "format"], ["stride 1e3", "format"],
  ["stride 4294967297", "format"], ["stride 99999999999999999999", "format"], ["stride undefined", "format"],
  ["stride 0", "argument"], ["stride -1", "argument"], ["dilation 0", "argument"], ["input 0x0", "argument"],
  ["channels 0,1", "argument"], ["pad -1", "argument"], ["input 3x3x3", "format"], ["kind pool", "format"],
  ["mode mirror", "format"], ["input 4000x4000", "limit"], ["channels 1000,1000\nkernel 1x1", "limit"],
  ["kernel 5x5", "shape"], ["x 1 2 nan 4 5 6 7 8 9", "format"], ["x 1 2 inf", "format"], ["x 1 2 3", "argument"],
  ["x 1 2; 3", "format"], ["x <img src=x onerror=alert(1)>", "format"], ["w 1 2 3 1e101", "numeric"],
  ["format png", "format"], ["figure ../etc", "format"], ["show all", "format"], ["key \u0000 value", "format"],
];
for (const [letter, status] of hostile)
  test(`the letter ${JSON.stringify(letter)} is refused: ${status}`, () => {
    const answer = twill.explore(letter);
    assert.equal(answer.status, status, answer.message);
    assert.notEqual(answer.message, "");
  });

test("a shape that is impossible is explained, in the language that was asked for", () => {
  const answer = twill.explore("input 3x3\nkernel 5x5\nlang zh-TW");
  assert.equal(answer.status, "shape");
  assert.match(JSON.stringify(answer.explained.blocks), /[\u4e00-\u9fff]/);
});

test("the derivation of a max pool keeps its stride", () => {
  for (const stride of [1, 2]) {
    const letter = `kind maxpool\ninput 4x4\nkernel 2x2\nstride ${stride}\nshow pooling\nformat text`;
    assert.match(new TextDecoder().decode(twill.document(letter)), new RegExp(`window of 2×2 moves with stride ${stride}×${stride}`));
  }
});

test("a broken model is refused, and a good one taken after it", () => {
  const good = network();
  for (const bytes of [new Uint8Array(0), new TextEncoder().encode("<html>not found</html>"), good.slice(0, 1000), good.slice(0, good.length - 4)]) {
    const answer = twill.model(bytes);
    assert.notEqual(answer.status, "ok");
    assert.notEqual(answer.message, "");
  }
  assert.match(twill.digit(new Float32Array(784), -1).message, /no model/);
  const answer = twill.model(good);
  assert.equal(answer.status, "ok");
  assert.equal(answer.weights, 61706);
});

test("a digit of the wrong size, class or kind of number is refused", () => {
  twill.model(network());
  assert.match(twill.digit(new Float32Array(783), -1).message, /size/);
  for (const label of [10, -2, NaN, 0.5, Infinity]) assert.match(twill.digit(new Float32Array(784), label).message, /class/);
  assert.match(twill.digit(new Float32Array(784).fill(NaN), -1).message, /finite/);
  assert.equal(twill.digit(new Float32Array(784), 3).status, "ok");
});

// Sizes of every kind, from a fixed list of numbers that look like chance.
const chance = (seed) => () => (seed = (seed * 1103515245 + 12345) % 2147483648) / 2147483648;
test("numbers have the command's bits, in any geometry", () => {
  const next = chance(7);
  const pick = (least, most) => least + Math.floor(next() * (most - least + 1));
  let compared = 0;
  for (let i = 0; i < 40 && compared < 12; i++) {
    const g = { input: `${pick(2, 8)}x${pick(2, 8)}`, kernel: `${pick(1, 3)}x${pick(1, 3)}`, stride: pick(1, 3), pad: pick(0, 1),
      dilation: pick(1, 2), channels: `${pick(1, 3)},${pick(1, 3)}` };
    const mode = ["zeros", "reflect", "replicate", "circular"][pick(0, 3)];
    const lines = Object.entries(g).map(([key, value]) => `${key} ${value}`);
    const sizes = twill.sizes([...lines, `mode ${mode}`].join("\n"));
    if (sizes.status !== "ok") continue;
    const numbers = (count) => Array.from({ length: count }, () => (next() - 0.5) * 10).join(" ");
    const x = numbers(sizes.x), w = numbers(sizes.w), dh = numbers(sizes.h);
    const ours = twill.explore([...lines, `mode ${mode}`, `x ${x}`, `w ${w}`, `dh ${dh}`].join("\n"));
    if (ours.status !== "ok") continue;
    const options = Object.entries(g).flatMap(([key, value]) => [`--${key}`, String(value)]);
    const theirs = JSON.parse(execFileSync(`${build}/twill`, ["explain", "--format", "json", "--show", "forward", ...options,
      "--pad-mode", mode, "--image", x, "--weights", w, "--upstream", dh]));
    for (const tensor of ["h", "dL/dw", "dL/dx"]) assert.deepEqual(ours.explained.tensors[tensor].values, theirs.tensors[tensor].values);
    compared++;
  }
  assert.ok(compared >= 12, `${compared} geometries compared`);
});
