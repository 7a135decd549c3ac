// Prints how long the page takes to answer: node web/test/time_page.js [CHANGES]. From the event until the browser's
// main thread has the new picture ready: the library, the page's script, style, layout, and paint.

import { build, launch, openPage } from "./browser.js";
import { serve } from "./static_server.js";

const changes = Number(process.argv[2] ?? 100);
const WARM_UP = 50; // until the browser has compiled what it runs often

// In the page: `act(i)` within a frame, `changes` times; the milliseconds of each until the frame is done.
async function timeChanges(act, count) {
  const frame = (i) => new Promise((resolve) => requestAnimationFrame(() => {
    const began = performance.now();
    act(i);
    const script = performance.now() - began;
    const channel = new MessageChannel();
    channel.port1.onmessage = () => resolve({ script, whole: performance.now() - began });
    channel.port2.postMessage(null); // arrives once the frame that this callback belongs to has been made
  }));
  const times = [];
  for (let i = 0; i < count; i++) times.push(await frame(i));
  return times;
}

const ACTS = {
  "a number": `(i) => {
    const fields = document.querySelectorAll('[data-view="x"] input');
    const field = fields[i % fields.length];
    field.value = String(i % 97 - 40);
    field.dispatchEvent(new Event("input", { bubbles: true }));
  }`,
  "a stepper": `(i) => document.querySelectorAll('[data-size="height"] .step')[i % 2 ? 0 : 1].click()`,
  "pointing": `(i) => {
    const cells = document.querySelectorAll('[data-view="h"] td.cell');
    cells[i % cells.length].dispatchEvent(new PointerEvent("pointerover", { bubbles: true, pointerType: "mouse" }));
  }`,
  "a digit": `(i) => {
    const { digit } = window.twillExplorer;
    document.querySelectorAll("#digit-examples button")[i % 10].click();
    digit.run();
  }`,
};

function summary(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (share) => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))].toFixed(1);
  return `${at(0)} ${at(0.5)} ${at(0.9)}`;
}

const server = await serve(`${build}/web`);
const browser = await launch();
const page = await openPage(browser, server.url);
await page.waitForSelector(".layer");
console.log("preset: change: least, median, 90 % of the frame's milliseconds; of the script's");
for (const preset of ["worked", "same", "depthwise", "max"]) {
  await page.click(`[data-preset="${preset}"]`);
  for (const [name, act] of Object.entries(ACTS)) {
    if (name === "a digit" && preset !== "worked") continue;
    const times = await page.evaluate(`(${timeChanges})(${act}, ${WARM_UP + changes})`);
    const kept = times.slice(WARM_UP);
    console.log(`${preset}: ${name}: ${summary(kept.map((t) => t.whole))}; ${summary(kept.map((t) => t.script))}`);
  }
}
await browser.close();
server.close();
