// Every page, in Japanese on a telephone and on a desktop and in English: no serious or critical fault by axe-core, nothing
// to scroll sideways at 375 px, and a screenshot to look at.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { DESKTOP, examine, launch, logIn, OWN, PHONE, setOwn, visitor } from "./browser.mjs";
import { EVERYTHING, EXAMPLE, serve } from "./service.mjs";

const TEMPORARY = "48151623";
const SERVICES = ["voicewarp", "arrival-mail", "bulk-transfer", "fault-notice", "fax-mail"];
const LOOKS = [
  ["ja-phone", { viewport: PHONE }],
  ["ja-desktop", { viewport: DESKTOP }],
  ["en-phone", { viewport: PHONE, language: "en" }],
];

// for a machine that does much else; each takes a few seconds
const LIMIT = { timeout: 120_000 };

let service, browser;

before(async () => {
  const bare = ["0312350000=none", "0312350001=none"];
  const environment = { KARIPASS_SITE_LOGINS_PER_MINUTE: "1000" };
  [service, browser] = await Promise.all([serve([EXAMPLE, EVERYTHING, bare], { environment }), launch()]);
  const calls = ["0312340000", "0312350000", "0600001111"].map((number) => service.call("line", number, TEMPORARY));
  await Promise.all(calls);
  // the owners of two of them have a password of their own; the third stays with the temporary one
  for (const number of ["0312340000", "0312350000"]) {
    const { context, page } = await visitor(browser, service.origin);
    await logIn(page, "line", number, TEMPORARY);
    await setOwn(page, TEMPORARY, OWN);
    await context.close();
  }
});

after(async () => {
  await browser?.close();
  await service?.stop();
});

/** Opens a window of each look, logged in if a number is given, and leaves no complaint behind. */
function inEveryLook(title, number, walk) {
  for (const [look, options] of LOOKS) {
    test(`${title}, ${look}`, LIMIT, async () => {
      const { context, page, complaints } = await visitor(browser, service.origin, { ...options, javaScriptEnabled: true });
      if (number) await logIn(page, "line", number, OWN);
      await walk(page, (name) => examine(page, `${name}-${look}`), context);
      assert.deepEqual(complaints, []);
      await context.close();
    });
  }
}

inEveryLook("before login", undefined, async (page, look) => {
  await page.goto("/login");
  await look("login");
  await logIn(page, "number", "0699998888", "wrong");
  await look("login-refused");
  await page.locator("input[name=number]").fill("123");
  await page.locator("input[name=password]").fill("x");
  await page.locator("main button[type=submit]").click();
  await look("login-number");
  for (const name of ["help", "nowhere", "login?bye"]) {
    await page.goto(`/${name}`);
    await look(name.replace("?", "-"));
  }
});

let temporary;
inEveryLook("own password", undefined, async (page, look, context) => {
  // a temporary password opens once: its session is handed on from look to look
  if (temporary) await context.addCookies(temporary);
  else await logIn(page, "line", "0600001111", TEMPORARY);
  temporary ??= (await context.cookies()).filter(({ name }) => name.includes("session"));
  await page.goto("/");
  await look("password-temporary");
  await setOwn(page, TEMPORARY, "password1");
  await look("password-common");
  await page.locator("input[name=current]").fill(TEMPORARY);
  await page.locator("input[name=new]").fill("kumquat-48-tram");
  await page.locator("input[name=again]").fill("kumquat-49-tram");
  await page.locator("main button[type=submit]").click();
  await look("password-not-the-same");
});

inEveryLook("nothing contracted", "0312350000", (page, look) => look("top-empty"));

inEveryLook("services", "0312340000", async (page, look) => {
  await look("top");
  await page.goto("/password");
  await look("password-open");
  for (const name of SERVICES) {
    await page.goto(`/${name}?number=0312340000`);
    await look(name);
  }
  await page.goto("/voicewarp?number=0699998888");
  await look("not-found");
});

let changes = 0;
inEveryLook("a change", "0312340000", async (page, look) => {
  await page.goto("/voicewarp?number=0312340001");
  await page.locator("input[name=active][value=start]").check();
  await page.locator("input[name=destination1]").fill("12");
  await page.locator("textarea[name=listed]").fill("0312345678\nnumber");
  await page.locator("button[value=review]").click();
  await look("voicewarp-mistakes");
  await page.locator("input[name=destination1]").fill(`090-1234-567${changes++}`);
  await page.locator("textarea[name=listed]").fill("0312345678\n0312345679\n0312345680");
  await page.locator("button[value=review]").click();
  await look("voicewarp-review");
  await page.locator("button[value=save]").click();
  await look("voicewarp-done");
  await page.locator("button[value=review]").click();
  await look("voicewarp-no-change");
  await page.goto("/arrival-mail?number=0312340001");
  await page.locator("[name=addresses]").fill(`${"long-name-that-goes-on-and-on".repeat(2)}@example.jp\nb@example.jp`);
  await page.locator("input[name=active][value=start]").check();
  await page.locator("button[value=review]").click();
  await look("arrival-mail-review");
});

inEveryLook("a CSV file", "0312340000", async (page, look) => {
  const upload = async (text) => {
    await page.goto("/bulk-transfer");
    const file = { name: "bulk.csv", mimeType: "text/csv", buffer: Buffer.from(text) };
    await page.locator("input[type=file]").setInputFiles(file);
    await page.locator("form[enctype] button").click();
  };
  await upload("電話番号,転送先,状態\n0312340000,0312345678,開始\n0312340001,,停止\n");
  await look("csv-review");
  await upload("0312340000,12,多分\n0699998888,0312345678,開始\n");
  assert.equal(await page.getByText(/このログインでは設定できない|cannot set this number/).isVisible(), true, "mistakes are to be seen");
  await look("csv-mistakes");
  await upload("0312340000,,停止\n");
  await look("csv-no-change");
});
