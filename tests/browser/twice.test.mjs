// Buttons that are clicked twice, as many people click everywhere: Chromium sends the form twice and shows the second answer.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { launch, OWN, path, visitor } from "./browser.mjs";
import { EVERYTHING, serve } from "./service.mjs";

const TEMPORARY = "48151623";
const LIMIT = { timeout: 120_000 };

let service, browser;

before(async () => {
  [service, browser] = await Promise.all([serve([EVERYTHING]), launch()]);
  await service.call("line", "0312340000", TEMPORARY);
});

after(async () => {
  await browser?.close();
  await service?.stop();
});

test("every button on the way may be clicked twice", LIMIT, async () => {
  const { context, page } = await visitor(browser, service.origin);
  // the answer to the first click is on its way when the second one comes
  const twice = async (selector, leads) => {
    let held = 0;
    await context.route("**", async (route) => {
      if (route.request().method() !== "POST" || held++ > 0) return route.continue();
      // done, and the browser is not told
      const { cookie, "content-type": type } = await route.request().allHeaders();
      const headers = { "content-type": type, ...(cookie && { cookie }) };
      const body = route.request().postData();
      const { status } = await fetch(route.request().url(), { method: "POST", headers, body, redirect: "manual" });
      assert.equal(status, 303, selector);
    });
    const { x, y } = await page.locator(selector).boundingBox();
    await page.mouse.click(x + 9, y + 9);
    while (held === 0) await new Promise((resolve) => setTimeout(resolve, 20));
    await page.mouse.click(x + 9, y + 9);
    // what was given up is no failure here
    while (path(page) !== leads) await new Promise((resolve) => setTimeout(resolve, 20));
    await page.waitForLoadState();
    await context.unroute("**");
    assert.equal(await page.locator("main [role=alert]").count(), 0, selector);
  };
  await page.goto("/login");
  await page.locator("input[name=number]").fill("0312340000");
  await page.locator("input[name=password]").fill(TEMPORARY);
  await twice("main button[type=submit]", "/password");
  await page.locator("input[name=current]").fill(TEMPORARY);
  for (const name of ["new", "again"]) await page.locator(`input[name=${name}]`).fill(OWN);
  await twice("main button[type=submit]", "/?done=password");
  await page.goto("/voicewarp?number=0312340000");
  await page.locator("input[name=active][value=start]").check();
  await page.locator("input[name=destination1]").fill("090-1234-5678");
  await page.locator("button[value=review]").click();
  await twice("button[value=save]", "/voicewarp?number=0312340000&done");
  await page.getByText("設定を変更しました").waitFor();
  await twice("header form button", "/login?bye");
  await context.close();
});
