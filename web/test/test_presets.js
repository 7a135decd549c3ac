// Each preset's numbers are those of the native command, to the last bit.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { after, before, test } from "node:test";
import { build, launch, numbersOf, openPage } from "./browser.js";
import { serve } from "./static_server.js";
import { PRESETS } from "../page/presets.js";

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

// What the command says about what the page shows.
function explained(state) {
  const grouped = state.kind !== "conv";
  const list = (numbers) => numbers.join(" ");
  const average = state.kind === "avgpool";
  const weights = average ? Array(state.channels * state.kernelHeight * state.kernelWidth).fill(1 / (state.kernelHeight * state.kernelWidth)) : state.w;
  return JSON.parse(execFileSync(`${build}/twill`, ["explain", "--format", "json", "--show", "forward",
    "--input", `${state.height}x${state.width}`, "--kernel", `${state.kernelHeight}x${state.kernelWidth}`,
    "--channels", `${state.channels},${grouped ? state.channels : state.outChannels}`, "--groups", grouped ? state.channels : 1,
    "--stride", state.stride, "--pad", state.padding, "--dilation", state.dilation,
    "--image", list(state.x), "--weights", list(weights), "--upstream", list(state.dh)].map(String))).tensors;
}

// A max pool by hand: the first of the largest of each window.
function pooled(state) {
  const { height, width, kernelHeight, kernelWidth, stride, x, dh } = state;
  const h = [], dx = Array(x.length).fill(0);
  for (let top = 0; top + kernelHeight <= height; top += stride)
    for (let left = 0; left + kernelWidth <= width; left += stride) {
      let best = top * width + left;
      for (let r = top; r < top + kernelHeight; r++)
        for (let c = left; c < left + kernelWidth; c++) if (x[r * width + c] > x[best]) best = r * width + c;
      dx[best] += dh[h.length];
      h.push(x[best]);
    }
  return { h: { values: h }, "dL/dx": { values: dx } };
}

for (const { name, kind } of PRESETS)
  test(`the preset ${name} shows the library's numbers`, async () => {
    await page.click(`[data-preset="${name}"]`);
    const state = await page.evaluate(() => window.twillExplorer.state);
    const expected = kind === "maxpool" ? pooled(state) : explained(state);
    assert.deepEqual(await numbersOf(page, "h"), expected.h.values);
    assert.deepEqual(await numbersOf(page, "dx"), expected["dL/dx"].values);
    if (kind !== "maxpool" && kind !== "avgpool") assert.deepEqual(await numbersOf(page, "dw"), expected["dL/dw"].values);
    assert.deepEqual(page.complaints, []);
  });

test("the worked example is the one of the lesson", async () => {
  await page.click('[data-preset="worked"]');
  assert.deepEqual(await numbersOf(page, "h"), [37, 47, 67, 77]);
  assert.deepEqual(await numbersOf(page, "dw"), [11, 14, 20, 23]);
  assert.deepEqual(await numbersOf(page, "dx"), [1, 2, 0, 3, 6, 4, 0, 6, 8]);
});

test("an edited number changes everything that depends on it", async () => {
  await page.click('[data-preset="worked"]');
  await page.fill('[data-view="w"] input >> nth=0', "-2.5");
  assert.deepEqual(await numbersOf(page, "h"), [33.5, 40, 53, 59.5]);
  assert.deepEqual(await numbersOf(page, "dx"), [-2.5, 2, 0, 3, -1, 4, 0, 6, 8]);
  await page.waitForURL(/w=-2\.5,2,3,4/);
});

test("a change is answered within a frame", async () => {
  await page.click('[data-preset="worked"]');
  const milliseconds = await page.evaluate(() => {
    const times = [];
    for (let i = 0; i < 60; i++) {
      const began = performance.now();
      window.twillExplorer.edit("x", i % 9, String(i), false);
      document.body.getBoundingClientRect(); // layout belongs to it
      times.push(performance.now() - began);
    }
    return times.sort((a, b) => a - b);
  });
  console.log(`a change, layout included: ${milliseconds[0].toFixed(2)} ms at best, ${milliseconds[30].toFixed(2)} ms in the middle of 60`);
});
