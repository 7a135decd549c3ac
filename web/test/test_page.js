// The page as people meet it: both languages, keyboard alone, hostile links, narrow screens, broken downloads; and
// pictures of it for eyes to judge.

import assert from "node:assert/strict";
import { readdirSync, statSync } from "node:fs";
import { after, before, test } from "node:test";
import { build, launch, litOf, numbersOf, openPage, pictures } from "./browser.js";
import { serve } from "./static_server.js";
import { words } from "../page/words.js";

let browser, server;
before(async () => {
  server = await serve(`${build}/web`);
  browser = await launch();
});
after(async () => {
  await browser?.close();
  server?.close();
});
const open = (options) => openPage(browser, server.url, options);
// The link, once it says what it should: it is written when changes pause.
async function remembered(page, pattern) {
  await page.waitForFunction((source) => new RegExp(source).test(document.querySelector("#link").value), pattern.source);
  return page.inputValue("#link");
}
const noticeOf = (page) => page.textContent("#notice-text");

test("the page loads less than 500 kB, from its own folder alone", async () => {
  const bytes = readdirSync(`${build}/web`).reduce((sum, file) => sum + statSync(`${build}/web/${file}`).size, 0);
  assert.ok(bytes < 500000, `${bytes} bytes`);
  const context = await browser.newContext();
  const page = await context.newPage();
  const asked = [];
  page.on("request", (request) => asked.push(request.url()));
  await page.goto(server.url);
  await page.waitForSelector("body.ready");
  assert.deepEqual(asked.filter((url) => !url.startsWith(server.url)), []);
  await context.close();
});

test("every word has both languages", () => {
  for (const [key, texts] of Object.entries(words)) {
    assert.equal(texts.length, 2, key);
    const places = (text) => [...new Set(text.match(/\{\d\}/g) ?? [])].sort().join();
    assert.equal(places(texts[0]), places(texts[1]), key);
  }
});

test("a Chinese browser gets Chinese, and the button changes it", async () => {
  const page = await open({ language: "zh-TW" });
  assert.equal(await page.getAttribute("html", "lang"), "zh-TW");
  assert.match(await page.textContent("h1"), /卷積探索器/);
  const left = await page.evaluate(() => [...document.querySelectorAll("main h2, main h3, main button, main label")]
    .map((node) => node.textContent.trim()).filter((text) => /^[A-Za-z ]{5,}$/.test(text) && !["Markdown", "LaTeX"].includes(text)));
  assert.deepEqual(left, []);
  await page.click('[data-language="en"]');
  assert.match(await page.textContent("h1"), /The convolution explorer/);
  assert.equal(await page.getAttribute("html", "lang"), "en");
  assert.deepEqual(page.complaints, []);
});

test("an impossible shape is explained in the page's language", async () => {
  const page = await open({ hash: "#ih=2&iw=2&kh=3&kw=3" });
  assert.match(await page.textContent("#impossible"), /not possible[\s\S]*nearest legal/);
  await page.click('[data-language="zh-TW"]');
  assert.match(await page.textContent("#impossible"), /[\u4e00-\u9fff]{4}/);
  await page.click('[data-preset="worked"]');
  assert.ok(await page.isHidden("#impossible"));
  assert.deepEqual(await numbersOf(page, "h"), [37, 47, 67, 77]);
});

test("the keyboard alone reaches and does everything", async () => {
  const page = await open();
  const press = async (key, times = 1) => { for (let i = 0; i < times; i++) await page.keyboard.press(key); };
  const focused = () => page.evaluate(() => {
    const node = document.activeElement;
    return node.id || node.dataset.preset || node.getAttribute("aria-label") || node.textContent.slice(0, 20);
  });
  const reached = [];
  for (let i = 0; i < 90; i++) {
    await press("Tab");
    reached.push(await focused());
  }
  for (const name of ["worked", "depthwise", "control-height", "control-kind", "Image height: more", "x11", "w11", "dL/dh11", "pad", "copy"])
    assert.ok(reached.includes(name), `${name} is not reached; reached: ${reached.join(" | ")}`);
  await page.focus('[data-view="x"] input >> nth=0');
  await press("ArrowRight");
  assert.equal(await focused(), "x12");
  await press("ArrowDown");
  assert.equal(await focused(), "x22");
  await page.keyboard.type("9");
  assert.deepEqual((await numbersOf(page, "x"))[4], 9);
  assert.deepEqual(await numbersOf(page, "h"), [53, 59, 75, 81]);
  assert.deepEqual(await litOf(page, "h"), [0, 1, 2, 3]);
  assert.match(await page.textContent("#voice"), /dL\/dx22 = /);
  await page.focus(".entry");
  await press("ArrowRight");
  await press("ArrowDown");
  assert.match(await page.getAttribute(":focus", "aria-label"), /row h12, column x12: w11/);
  await page.focus(".hit");
  await press("ArrowDown");
  assert.match(await page.getAttribute(":focus", "aria-label"), /edge from x12 to h11/);
  await page.focus('[data-preset="stride"]');
  await press("Enter");
  assert.equal((await numbersOf(page, "h")).length, 4);
});

test("a number that is none is not taken, and said so", async () => {
  const page = await open();
  const first = '[data-view="x"] input >> nth=0';
  for (const text of ["abc", "1e99", "--1", "", "Infinity", "<b>1</b>"]) {
    await page.fill(first, text);
    assert.deepEqual((await numbersOf(page, "x"))[0], 1);
    await page.focus('[data-view="x"] input >> nth=1');
    assert.equal(await page.inputValue(first), "1");
  }
  assert.match(await noticeOf(page), /is no number between/);
  await page.fill(first, "−1,5");
  assert.deepEqual((await numbersOf(page, "x"))[0], -1.5);
});

const HOSTILE = [
  "#t=%3Cimg%20src=x%20onerror=alert(1)%3E", "#<img src=x onerror=alert(1)>=1", "#ih=99999999999&iw=-5", "#ih=NaN&kw=undefined",
  "#x=1,2,<script>alert(1)</script>", `#x=${"9,".repeat(60000)}9`, "#w=1e999,-1e999,nan", "#s=0&d=0&p=-1", "#%E0%A4%A", "#&&&===&=",
  "#__proto__=1&constructor=2&toString=3", "#t=maxpool&c=4&p=4&d=4&m=circular",
];
test("hostile links are put right, and run nothing", async () => {
  for (const hash of HOSTILE) {
    const page = await openPage(browser, server.url, { hash });
    page.on("dialog", () => assert.fail("a dialog"));
    await page.waitForFunction(() => window.twillExplorer?.state);
    assert.deepEqual(await page.$$eval("img, iframe, script:not([src])", (nodes) => nodes.length), 0, hash);
    assert.deepEqual(page.complaints, [], hash);
    const finite = (await numbersOf(page, "h")).every(Number.isFinite);
    assert.ok(finite, hash);
    await page.context().close();
  }
  const page = await open({ hash: "#<img src=x onerror=alert(1)>=1" });
  assert.match(await noticeOf(page), /corrected: (%3C|<)img/); // as text
});

test("a link holds the whole state", async () => {
  const page = await open();
  await page.click('[data-preset="depthwise"]');
  await page.fill('[data-view="dh"] input >> nth=2', "7.25");
  const numbers = [await numbersOf(page, "dx"), await numbersOf(page, "dw")];
  const again = await openPage(browser, await remembered(page, /dh=1,0,7\.25/));
  assert.deepEqual([await numbersOf(again, "dx"), await numbersOf(again, "dw")], numbers);
  assert.ok(await again.isHidden("#notice"));
});

test("figures and derivations can be downloaded", async () => {
  const page = await open();
  for (const [selector, end, pattern] of [
    ["#figures button >> nth=0", ".svg", /^<svg xmlns/], ["#figures button >> nth=2", ".svg", /data-w/],
    ["#documents button >> nth=0", ".html", /<!doctype html>/i], ["#documents button >> nth=1", ".md", /^# /],
    ["#documents button >> nth=2", ".tex", /\\documentclass/], ["#documents button >> nth=3", ".txt", /h11/],
  ]) {
    const [download] = await Promise.all([page.waitForEvent("download"), page.click(selector)]);
    assert.ok(download.suggestedFilename().endsWith(end));
    const chunks = [];
    for await (const chunk of await download.createReadStream()) chunks.push(chunk);
    assert.match(Buffer.concat(chunks).toString(), pattern);
  }
  await page.click("#derivation summary");
  await page.waitForFunction(() => document.querySelector("#derivation-text").textContent.includes("h11"));
});

test("a drawn digit is read, with the maps of every layer", async () => {
  const page = await open();
  await page.waitForSelector(".layer");
  for (const digit of [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]) {
    await page.click(`#digit-examples button >> nth=${digit}`);
    await page.waitForFunction((text) => document.querySelector("#digit-says").textContent.includes(text), `This is a ${digit}`);
  }
  assert.equal(await page.$$eval(".layer", (layers) => layers.length), 13);
  await page.click("#clear");
  await page.waitForFunction(() => document.querySelector("#digit-says").textContent.includes("Nothing"));
  const box = await (await page.$("#pad")).boundingBox();
  const at = (x, y) => page.mouse.move(box.x + (x / 28) * box.width, box.y + (y / 28) * box.height, { steps: 6 });
  await page.locator("#pad").scrollIntoViewIfNeeded();
  Object.assign(box, await (await page.$("#pad")).boundingBox());
  await at(9, 7);
  await page.mouse.down();
  await at(19, 7);
  await at(13, 21.5);
  await page.mouse.up();
  await page.waitForFunction(() => document.querySelector("#digit-says").textContent.includes("This is a 7"));
  await page.selectOption("#digit-label", "2");
  await page.waitForFunction(() => !document.querySelector("#digit-loss").textContent.startsWith("loss 0,"));
  console.log(`a digit: ${await page.textContent("#digit-loss")}`);
  assert.deepEqual(page.complaints, []);
});

test("a network that is missing, cut short or changed is said, and the rest works", async () => {
  for (const fault of [{ status: 404 }, { bytes: 5000 }]) {
    const broken = await serve(`${build}/web`, (path) => (path.endsWith("digits.network") ? fault : null));
    const page = await openPage(browser, broken.url);
    await page.waitForFunction(() => /could not be loaded/.test(document.querySelector("#digit-says").textContent));
    assert.deepEqual(await numbersOf(page, "h"), [37, 47, 67, 77]);
    await page.context().close();
    broken.close();
  }
});

test("a library that is missing or cut short is said", async () => {
  for (const fault of [{ status: 404 }, { bytes: 5000 }]) {
    const broken = await serve(`${build}/web`, (path) => (path.endsWith("twill.module") ? fault : null));
    const page = await openPage(browser, broken.url, { ready: false });
    await page.waitForSelector("#notice:not([hidden])");
    assert.match(await noticeOf(page), /could not be loaded: twill\.module/);
    await page.context().close();
    broken.close();
  }
});

test("a dropped file is refused, and the page stays", async () => {
  const page = await open();
  await page.evaluate(() => {
    const data = new DataTransfer();
    data.items.add(new File([new Uint8Array(1000)], '<img src=x onerror="alert(1)">.txt'));
    document.body.dispatchEvent(new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true }));
  });
  assert.match(await noticeOf(page), /takes no files/);
  assert.deepEqual(await numbersOf(page, "h"), [37, 47, 67, 77]);
});

test("nothing is wider than a screen of 360 pixels", async () => {
  const page = await open({ width: 360, height: 780 });
  for (const preset of ["worked", "same", "depthwise", "max"]) {
    await page.click(`[data-preset="${preset}"]`);
    const width = await page.evaluate(() => document.documentElement.scrollWidth);
    assert.ok(width <= 360, `${preset}: ${width}`);
  }
});

test("pictures are taken in light and dark, narrow and wide, in both languages", async () => {
  for (const [name, options] of Object.entries({
    "wide-light-en": {}, "wide-dark-zh": { scheme: "dark", language: "zh-TW" },
    "narrow-light-zh": { width: 360, height: 780, language: "zh-TW" }, "narrow-dark-en": { width: 360, height: 780, scheme: "dark" },
    "padded-light-en": { hash: "#ih=5&iw=5&kh=3&kw=3&p=1&c=2&o=2" }, "broad-light-en": { width: 1800 },
  })) {
    const page = await open(options);
    await page.waitForSelector(".layer");
    await page.click('[data-view="h"] [data-element="1"]');
    await page.screenshot({ path: `${pictures}/${name}.png`, fullPage: true });
    assert.deepEqual(page.complaints, [], name);
    await page.context().close();
  }
});
