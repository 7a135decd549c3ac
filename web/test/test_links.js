// Pointing at each kind of thing lights up what belongs to it, and shows its formula.

import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";
import { build, launch, litOf, numbersOf, openPage } from "./browser.js";
import { serve } from "./static_server.js";

let browser, server, page;
before(async () => {
  server = await serve(`${build}/web`);
  browser = await launch();
  page = await openPage(browser, server.url);
});
after(async () => {
  await browser?.close();
  server?.close();
});
beforeEach(async () => {
  await page.click('[data-preset="worked"]');
});

const formula = async () => (await page.textContent("#formula-view")).replace(/\s+/g, " ");
const litEntries = () => page.$$eval(".entry.lit", (cells) => cells.map((cell) => `${cell.dataset.row},${cell.dataset.column}`));
const litEdges = () => page.$$eval(".edge.lit", (edges) => edges.length);
const hover = (selector) => page.hover(selector, { force: true });

test("an output lights its window, the whole kernel, its row and its edges", async () => {
  await hover('[data-view="h"] [data-element="1"]');
  assert.deepEqual(await litOf(page, "x"), [1, 2, 4, 5]);
  assert.deepEqual(await litOf(page, "w"), [0, 1, 2, 3]);
  assert.deepEqual(await litOf(page, "h"), [1]);
  assert.deepEqual(await litEntries(), ["1,1", "1,2", "1,4", "1,5"]);
  assert.equal(await litEdges(), 4);
  assert.match(await formula(), /h1247=w111·x122\+w122·x133\+w213·x225\+w224·x236/);
});

test("a weight lights its diagonal, and its gradient's sum is shown", async () => {
  await hover('[data-view="w"] [data-element="3"]');
  assert.deepEqual(await litOf(page, "x"), [4, 5, 7, 8]);
  assert.deepEqual(await litOf(page, "h"), [0, 1, 2, 3]);
  assert.deepEqual(await litEntries(), ["0,4", "1,5", "2,7", "3,8"]);
  assert.equal(await litEdges(), 4);
  assert.match(await formula(), /dL\/dw2223=dL\/dh111·x225/);
});

test("a pixel lights its column, and its gradient's sum is shown", async () => {
  await hover('[data-view="dx"] [data-element="4"]');
  assert.deepEqual(await litOf(page, "h"), [0, 1, 2, 3]);
  assert.deepEqual(await litOf(page, "w"), [0, 1, 2, 3]);
  assert.deepEqual(await litEntries(), ["0,4", "1,4", "2,4", "3,4"]);
  assert.match(await formula(), /dL\/dx226=w224·dL\/dh111/);
});

test("a matrix entry lights one pixel, one weight, one output and one edge", async () => {
  await hover('.entry[data-row="2"][data-column="6"]');
  assert.deepEqual([await litOf(page, "x"), await litOf(page, "w"), await litOf(page, "h")], [[6], [2], [2]]);
  assert.deepEqual(await litEntries(), ["2,6"]);
  assert.equal(await litEdges(), 1);
  assert.match(await formula(), /h2167\+=w213·x317/);
});

test("an empty entry says that nothing connects", async () => {
  await hover('.entry[data-row="0"][data-column="8"]');
  assert.deepEqual(await litEntries(), []);
  assert.match(await formula(), /No connection: h11 does not see x33/);
});

test("an edge lights what its matrix entry lights", async () => {
  await page.dispatchEvent('.hit[data-row="3"][data-column="8"]', "pointerover", { pointerType: "mouse", bubbles: true });
  assert.deepEqual([await litOf(page, "x"), await litOf(page, "w"), await litOf(page, "h")], [[8], [3], [3]]);
  assert.equal(await litEdges(), 1);
});

test("what is clicked stays lit until Escape", async () => {
  await page.click('[data-view="h"] [data-element="0"]');
  await page.hover("footer");
  assert.deepEqual(await litOf(page, "h"), [0]);
  await page.keyboard.press("Escape");
  assert.deepEqual(await litOf(page, "h"), []);
});

test("the output of a max pool lights the pixel that it takes", async () => {
  await page.click('[data-preset="max"]');
  await hover('[data-view="h"] [data-element="0"]');
  assert.deepEqual(await litOf(page, "x"), [1]);
  assert.equal(await page.$$eval('[data-view="x"] td.seen', (cells) => cells.length), 3);
  assert.match(await formula(), /h118=max\(x113,x128,x211,x226\)/);
});

test("the forward sweep shows outputs one by one", async () => {
  await page.click('[data-pass="forward"]');
  assert.deepEqual(await numbersOf(page, "h"), [37, null, null, null]);
  assert.deepEqual(await litOf(page, "x"), [0, 1, 3, 4]);
  await page.click('[aria-label="Next step"]');
  assert.deepEqual(await numbersOf(page, "h"), [37, 47, null, null]);
});

test("the backward sweep shows gradients as far as they have arrived", async () => {
  await page.click('[data-pass="backward"]');
  assert.deepEqual(await numbersOf(page, "dw"), [1, 2, 4, 5]);
  assert.deepEqual(await numbersOf(page, "dx"), [1, 2, 0, 3, 4, 0, 0, 0, 0]);
  for (let i = 0; i < 3; i++) await page.click('[aria-label="Next step"]');
  assert.deepEqual(await numbersOf(page, "dw"), [11, 14, 20, 23]);
});

test("playing goes through all steps by itself", async () => {
  await page.click('[aria-label="Play"]');
  await page.waitForFunction(() => window.twillExplorer.sweep.step === 3);
  await page.waitForFunction(() => !window.twillExplorer.sweep.playing);
  assert.deepEqual(await numbersOf(page, "h"), [37, 47, 67, 77]);
});

test("a large matrix is a picture that is pointed at in the same way", async () => {
  await page.evaluate(() => { location.hash = "#ih=10&iw=10&kh=3&kw=3"; });
  await page.waitForSelector("canvas.pattern");
  await page.focus("canvas.pattern");
  await page.keyboard.press("ArrowRight");
  assert.deepEqual([await litOf(page, "x"), await litOf(page, "w"), await litOf(page, "h")], [[1], [1], [0]]);
  assert.deepEqual(page.complaints, []);
});
