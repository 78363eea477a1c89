// From the telephone call to the logout, as a subscriber goes, without JavaScript.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { launch, logIn, OWN, path, setOwn, visitor } from "./browser.mjs";
import { EVERYTHING, EXAMPLE, serve } from "./service.mjs";

const TEMPORARY = "48151623";
const MAIL_OF_CONTRACT = "/arrival-mail?number=0600001111";
const MAIL_OF_ADDITIONAL = "/arrival-mail?number=0600002222";
const FAX_OF_ADDITIONAL = "/fax-mail?number=0600002222";
const ALL = [MAIL_OF_CONTRACT, MAIL_OF_ADDITIONAL, FAX_OF_ADDITIONAL];

// unit, number that calls and logs in, and what it reaches
const ACCOUNTS = [
  ["line", "0600001111", ALL],
  ["number", "0600001111", [MAIL_OF_CONTRACT]],
  ["number", "0600002222", [MAIL_OF_ADDITIONAL, FAX_OF_ADDITIONAL]],
  ["admin-user", "0600001111", ALL],
  ["admin-user", "0600002222", [MAIL_OF_ADDITIONAL, FAX_OF_ADDITIONAL]],
];

// for a machine that does much else; each takes a few seconds
const LIMIT = { timeout: 120_000 };

let service, browser;

before(async () => {
  [service, browser] = await Promise.all([serve([EXAMPLE, EVERYTHING]), launch()]);
  const calls = ACCOUNTS.map(([unit, number]) => service.call(unit, number, TEMPORARY));
  await Promise.all([...calls, service.call("line", "0312340000", TEMPORARY)]);
});

after(async () => {
  await browser?.close();
  await service?.stop();
});

for (const [unit, number, reach] of ACCOUNTS) {
  test(`${unit} ${number}: call, temporary password, own password, reach, logout`, LIMIT, async () => {
    const { context, page, complaints } = await visitor(browser, service.origin);
    await logIn(page, unit, number, TEMPORARY);
    assert.equal(path(page), "/password");
    // the site is closed until there is an own password
    for (const closed of ["/", ...ALL, "/bulk-transfer/csv"]) {
      await page.goto(closed);
      assert.equal(path(page), "/password", closed);
    }
    await setOwn(page, TEMPORARY, OWN);
    assert.equal(path(page), "/?done=password");
    const links = page.locator("main a[href*='?number=']");
    assert.deepEqual(await links.evaluateAll((all) => all.map((a) => a.getAttribute("href"))), reach);
    for (const service of ALL) {
      const response = await page.goto(service);
      assert.equal(response.status(), reach.includes(service) ? 200 : 404, service);
    }
    await page.getByRole("button", { name: "ログアウト" }).click();
    assert.equal(path(page), "/login?bye");
    await page.getByText("ログアウトしました").waitFor();
    // the back button shows nothing of it any more, and a login would lead on to where it went
    await page.goBack();
    assert.equal(path(page), `/login?back=${encodeURIComponent(ALL.at(-1))}`);
    assert.equal(await page.getByText("ご契約のサービス").count(), 0);
    // the own password from now on, the temporary one no longer
    await logIn(page, unit, number, TEMPORARY);
    await page.getByRole("alert").waitFor();
    await logIn(page, unit, number, OWN);
    assert.equal(path(page), "/");
    assert.deepEqual(complaints, []);
    await context.close();
  });
}

test("the line unit has no account for the additional number", LIMIT, async () => {
  const { context, page } = await visitor(browser, service.origin);
  await logIn(page, "line", "0600002222", OWN);
  assert.equal(path(page), "/login");
  await page.getByRole("alert").waitFor();
  await context.close();
});

// what is filled in on each service's page, beside "start"
const SERVICES = {
  voicewarp: (page) => page.locator("input[name=destination1]").fill("090-1234-5678"),
  "arrival-mail": (page) => page.locator("[name=addresses]").fill("a@example.jp\nb@example.jp"),
  "bulk-transfer": (page) => page.locator("input[name=destination]").fill("03-1234-5678"),
  "fault-notice": async (page) => {
    await page.locator("[name=contractor]").fill("見本商事");
    await page.locator("[name=site]").fill("大阪本社");
    await page.locator("[name=addresses]").fill("a@example.jp");
  },
  "fax-mail": (page) => page.locator("input[name=address]").fill("fax@example.jp"),
};

test("each service is set: form, review, done; and a second tab is told", LIMIT, async () => {
  const { context, page, complaints } = await visitor(browser, service.origin);
  await logIn(page, "line", "0312340000", TEMPORARY);
  await setOwn(page, TEMPORARY, OWN);
  for (const [name, fill] of Object.entries(SERVICES)) {
    const address = `/${name}?number=0312340001`;
    // a window of its own with the same session: Chromium once opened no second page in the same one
    const other = await visitor(browser, service.origin);
    await other.context.addCookies(await context.cookies());
    const tab = other.page;
    await tab.goto(address);
    await page.goto("/");
    await page.locator(`main a[href="${address}"]`).click();
    await page.locator("input[name=active][value=start]").check();
    await fill(page);
    await page.locator("button[value=review]").click();
    // back to the form keeps what was typed, and nothing is set yet
    await page.locator("button[value=edit]").click();
    assert.ok(await page.locator("input[name=active][value=start]").isChecked(), name);
    await page.locator("button[value=review]").click();
    await page.locator("button[value=save]").click();
    await page.getByText("設定を変更しました").waitFor();
    // the tab that was opened before is too late
    await tab.locator("input[name=active][value=stop]").check();
    await tab.locator("button[value=review]").click();
    await tab.getByText("別の画面で設定が変更された").waitFor();
    assert.ok(await tab.locator("input[name=active][value=start]").isChecked(), `${name}: shows what is set`);
    await other.context.close();
  }
  await page.goto("/");
  assert.equal(await page.locator("main .state.on").count(), Object.keys(SERVICES).length);
  assert.deepEqual(complaints, []);
  await context.close();
});

test("by the keyboard alone: login, a change, logout", LIMIT, async () => {
  const { context, page } = await visitor(browser, service.origin);
  const focused = (property) => page.evaluate((property) => document.activeElement[property], property);
  /** Tabs on until the focus is there; every place it passes has to be seen. */
  const tabTo = async (selector) => {
    for (let step = 0; step < 60; step++) {
      await page.keyboard.press("Tab");
      const seen = await page.evaluate((selector) => {
        const { activeElement } = document;
        const style = getComputedStyle(activeElement);
        const ring = activeElement === document.body || (style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2);
        return { ring, there: activeElement.matches(selector), html: activeElement.outerHTML.slice(0, 80) };
      }, selector);
      assert.ok(seen.ring, `no focus ring: ${seen.html}`);
      if (seen.there) return;
    }
    assert.fail(`Tab never reaches ${selector}`);
  };
  await page.goto("/login");
  await page.keyboard.press("Tab");
  assert.equal(await focused("className"), "skip", "the first is the way past the menu");
  await page.keyboard.press("Enter");
  await tabTo("input[name=unit]");
  await page.keyboard.press("ArrowDown");
  assert.equal(await focused("value"), "number");
  await page.keyboard.press("ArrowUp");
  await tabTo("input[name=number]");
  await page.keyboard.type("0312340000");
  await tabTo("input[name=password]");
  await page.keyboard.type(OWN);
  await page.keyboard.press("Enter");
  await page.waitForURL("**/");
  await tabTo("a[href='/voicewarp?number=0312340000']");
  await page.keyboard.press("Enter");
  await page.waitForURL("**/voicewarp?number=0312340000");
  await tabTo("input[name=active]");
  await page.keyboard.press("ArrowUp");
  assert.equal(await focused("value"), "start");
  await tabTo("input[name=destination1]");
  await page.keyboard.type("09012345678");
  await tabTo("button[value=review]");
  await page.keyboard.press("Enter");
  await page.locator("button[value=save]").waitFor();
  await tabTo("button[value=save]");
  await page.keyboard.press("Enter");
  await page.getByText("設定を変更しました").waitFor();
  await tabTo("header form button");
  await page.keyboard.press("Enter");
  await page.waitForURL("**/login?bye");
  await context.close();
});
