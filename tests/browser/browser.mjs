// Debian's Chromium, driven by playwright-core; and what holds for every page, checked by axe-core and by looking.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";

import { chromium } from "playwright-core";

const axeSource = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

export const DESKTOP = { width: 1280, height: 900 };
export const PHONE = { width: 375, height: 740 };
export const OWN = "kumquat-48-tram";

/** A Chromium of its own with a fresh profile. */
export const launch = () =>
  chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    headless: true,
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
    ],
  });

/**
 * Somebody's browser window: cookies of its own, and JavaScript off, but where axe-core has to run. Whatever it asks for
 * elsewhere, or complains about, is kept.
 */
export async function visitor(browser, origin, { viewport = DESKTOP, language = "ja", ...more } = {}) {
  const context = await browser.newContext({ baseURL: origin, viewport, javaScriptEnabled: false, ...more });
  context.setDefaultTimeout(20_000);
  if (language === "en") {
    await context.addCookies([{ name: "karipass-language", value: "en", url: origin }]);
  }
  const complaints = [];
  context.on("request", (request) => {
    if (!request.url().startsWith(`${origin}/`)) complaints.push(`asks for ${request.url()}`);
  });
  context.on("console", (message) => {
    // a refusal is a page here, and Chromium notes its status
    const isStatus = message.text().startsWith("Failed to load resource: the server responded with a status of");
    const isIcon = message.location().url.endsWith("/favicon.ico");
    if (message.type() === "error" && !(isStatus || isIcon)) complaints.push(message.text());
  });
  const page = await context.newPage();
  return { context, page, complaints };
}

/** Fills in the login form and sends it. */
export async function logIn(page, unit, number, password) {
  await page.goto("/login");
  await page.locator(`input[name=unit][value=${unit}]`).check();
  await page.locator("input[name=number]").fill(number);
  await page.locator("input[name=password]").fill(password);
  await page.locator("main button[type=submit]").click();
}

/** Sets the own password on the page that asks for it. */
export async function setOwn(page, current, own) {
  await page.locator("input[name=current]").fill(current);
  await page.locator("input[name=new]").fill(own);
  await page.locator("input[name=again]").fill(own);
  await page.locator("main button[type=submit]").click();
}

export const path = (page) => {
  const { pathname, search } = new URL(page.url());
  return pathname + search;
};

/** What holds for every page: no serious or critical fault by axe-core, one heading, a title, nothing to scroll sideways. */
export async function examine(page, name) {
  if (process.env.SCREENSHOTS) {
    await page.screenshot({ path: join(process.env.SCREENSHOTS, `${name}.png`), fullPage: true });
  }
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  assert.equal(wide, 0, `${name}: scrolls sideways by ${wide} px`);
  assert.equal(await page.locator("h1").count(), 1, `${name}: one first heading`);
  assert.notEqual(await page.title(), "", `${name}: a title`);
  await page.evaluate(axeSource);
  const { violations } = await page.evaluate(() => window.axe.run(document, { resultTypes: ["violations"] }));
  const grave = violations.filter(({ impact }) => impact === "serious" || impact === "critical");
  const told = grave.map(({ id, help, nodes }) => `${id}: ${help}: ${nodes.map((node) => node.html).join(" ")}`);
  assert.deepEqual(told, [], `${name}: axe-core`);
}
