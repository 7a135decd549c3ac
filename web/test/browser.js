// A headless Chromium and pages in it that report every error of their own.

import assert from "node:assert/strict";
import { existsSync, mkdirSync } from "node:fs";
import { chromium } from "playwright-core";
import { build, pictures } from "./paths.js";

export { build, pictures };

const CHROMIUM = [process.env.CHROMIUM, "/usr/bin/chromium", "/usr/bin/chromium-browser"].find((path) => path && existsSync(path));

export async function launch() {
  assert.ok(CHROMIUM, "no Chromium: install Debian's chromium, or set CHROMIUM");
  mkdirSync(pictures, { recursive: true });
  return chromium.launch({
    executablePath: CHROMIUM,
    args: ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
      "--disable-background-networking", "--disable-component-update", "--disable-sync"],
  });
}

// A page at `url`, ready; `page.complaints` collects what its console and its scripts complain of.
export async function openPage(browser, url, { hash = "", language = "en-US", scheme = "light", width = 1280, height = 900, ready = true } = {}) {
  const context = await browser.newContext({ locale: language, colorScheme: scheme, viewport: { width, height } });
  const page = await context.newPage();
  page.setDefaultTimeout(90000); // of a busy machine: nothing here is about speed
  page.complaints = [];
  page.on("pageerror", (error) => page.complaints.push(String(error)));
  page.on("console", (message) => { if (message.type() === "error") page.complaints.push(message.text()); });
  await page.goto(url + hash);
  if (ready) await page.waitForSelector("body.ready");
  return page;
}

// The numbers that a tensor shows, as they stand behind the text.
export function numbersOf(page, tensor) {
  return page.$$eval(`[data-view="${tensor}"] td.cell`, (cells) => cells.map((cell) => (cell.dataset.value === undefined ? null : Number(cell.dataset.value))));
}

export function litOf(page, tensor) {
  return page.$$eval(`[data-view="${tensor}"] td.cell`, (cells) => cells.flatMap((cell) => (cell.classList.contains("lit") ? [Number(cell.dataset.element)] : [])));
}
