// Every page, in Japanese and in English, on a telephone and on a desktop: no serious or critical fault by axe-core, nothing
// to scroll sideways at 375 px, and a screenshot to look at. Which pages there are is read from the router's own list.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, test } from "node:test";

import { DESKTOP, examine, launch, logIn, OWN, path, PHONE, setOwn, visitor } from "./browser.mjs";
import { EVERYTHING, EXAMPLE, mailbox, serve } from "./service.mjs";

const TEMPORARY = "48151623";
const SERVICES = ["voicewarp", "arrival-mail", "bulk-transfer", "fault-notice", "fax-mail"];
const LOOKS = [
  ["ja-phone", { viewport: PHONE }],
  ["ja-desktop", { viewport: DESKTOP }],
  ["en-phone", { viewport: PHONE, language: "en" }],
  ["en-desktop", { viewport: DESKTOP, language: "en" }],
];

// what is no page to be looked at, and why
const NO_PAGES = {
  "/logout": "a button, which leads to the login page",
  "/language": "a link, which leads back to where it was",
  "/fax-mail/fax": "a document",
  "/fax-mail/confirmation": "a button, which leads back to its page",
  "/site.css": "the style sheet of every page",
  "/linphone.xml": "a telephone's settings",
};

// for a machine that does much else; each takes a few seconds
const LIMIT = { timeout: 180_000 };

let service, browser, mails;
/** Each look has a contract of its own with everything, so that what one sets is not in another's way. */
const own = Object.fromEntries(LOOKS.map(([look], index) => [look, EVERYTHING.map((line) => line.replace("0312340", `03123${4 + index}0`))]));
const first = (look) => own[look][0].split("=")[0];
const second = (look) => own[look][1].split("=")[0];

before(async () => {
  const bare = ["0312390000=none", "0312390001=none"];
  mails = await mailbox();
  const environment = { KARIPASS_SITE_LOGINS_PER_MINUTE: "1000", KARIPASS_MAIL_SMTP: mails.url };
  const lines = [EXAMPLE, bare, ...Object.values(own)];
  [service, browser] = await Promise.all([serve(lines, { environment }), launch()]);
  const members = ["0312390000", ...LOOKS.map(([look]) => first(look))];
  await Promise.all([...members, "0600001111"].map((number) => service.call("line", number, TEMPORARY)));
  // the owners have a password of their own; one stays with the temporary one
  for (const number of members) {
    const { context, page } = await visitor(browser, service.origin);
    await logIn(page, "line", number, TEMPORARY);
    await setOwn(page, TEMPORARY, OWN);
    await context.close();
  }
});

after(async () => {
  await browser?.close();
  await service?.stop();
  await mails?.close();
});

const looked = Object.fromEntries(LOOKS.map(([look]) => [look, new Set()]));

/** Opens a window of each look, logged in if a number is given, and leaves no complaint behind. */
function inEveryLook(title, number, walk) {
  for (const [look, options] of LOOKS) {
    test(`${title}, ${look}`, LIMIT, async () => {
      const { context, page, complaints } = await visitor(browser, service.origin, { ...options, javaScriptEnabled: true });
      if (number) await logIn(page, "line", number(look), OWN);
      const examined = async (name, status = 200) => {
        if (status === 200) looked[look].add(new URL(page.url()).pathname);
        await examine(page, `${name}-${look}`);
      };
      await walk(page, examined, { context, look });
      assert.deepEqual(complaints, []);
      await context.close();
    });
  }
}

inEveryLook("before login", undefined, async (page, examined) => {
  await page.goto("/login");
  await examined("login");
  await logIn(page, "number", "0699998888", "wrong");
  await examined("login-refused");
  await page.locator("input[name=number]").fill("123");
  await page.locator("input[name=password]").fill("x");
  await page.locator("main button[type=submit]").click();
  await examined("login-number");
  await page.goto("/help");
  await examined("help");
  await page.goto("/login?bye");
  await examined("logged-out");
  await page.goto("/nowhere");
  await examined("nowhere", 404);
  // what no page of the site does: a link to where only a form leads
  await page.goto("/logout");
  await examined("wrong-method", 405);
});

let temporary;
inEveryLook("own password", undefined, async (page, examined, { context }) => {
  // a temporary password opens once: its session is handed on from look to look
  if (temporary) await context.addCookies(temporary);
  else await logIn(page, "line", "0600001111", TEMPORARY);
  temporary ??= (await context.cookies()).filter(({ name }) => name.includes("session"));
  await page.goto("/");
  await examined("password-temporary");
  await setOwn(page, TEMPORARY, "password1");
  await examined("password-common");
  await page.locator("input[name=current]").fill(TEMPORARY);
  await page.locator("input[name=new]").fill("kumquat-48-tram");
  await page.locator("input[name=again]").fill("kumquat-49-tram");
  await page.locator("main button[type=submit]").click();
  await examined("password-not-the-same");
});

test("a temporary password that was used", LIMIT, async () => {
  for (const [look, options] of LOOKS) {
    const { context, page } = await visitor(browser, service.origin, { ...options, javaScriptEnabled: true });
    await logIn(page, "line", "0600001111", TEMPORARY);
    await examine(page, `login-used-${look}`);
    await context.close();
  }
});

inEveryLook("nothing contracted", () => "0312390000", (page, examined) => examined("top-empty"));

inEveryLook("services", first, async (page, examined, { look }) => {
  await examined("top");
  await page.goto("/password");
  await examined("password-open");
  await setOwn(page, "not the current 1", "plum-tree-1999x");
  await examined("password-wrong-current");
  for (const name of SERVICES) {
    await page.goto(`/${name}?number=${first(look)}`);
    await examined(name);
  }
  await page.goto("/voicewarp?number=0699998888");
  await examined("not-found", 404);
});

inEveryLook("a change", first, async (page, examined, { look }) => {
  await page.goto(`/voicewarp?number=${second(look)}`);
  await page.locator("input[name=active][value=start]").check();
  await page.locator("input[name=destination1]").fill("12");
  await page.locator("textarea[name=listed]").fill("0312345678\nnumber");
  await page.locator("button[value=review]").click();
  await examined("voicewarp-mistakes");
  await page.locator("input[name=destination1]").fill("090-1234-5678");
  await page.locator("textarea[name=listed]").fill("0312345678\n0312345679\n0312345680");
  await page.locator("button[value=review]").click();
  await examined("voicewarp-review");
  await page.locator("button[value=save]").click();
  await examined("voicewarp-done");
  await page.locator("button[value=review]").click();
  await examined("voicewarp-no-change");
  await page.goto(`/arrival-mail?number=${second(look)}`);
  await page.locator("[name=addresses]").fill(`${"long-name-that-goes-on-and-on".repeat(2)}@example.jp\nb@example.jp`);
  await page.locator("input[name=active][value=start]").check();
  await page.locator("button[value=review]").click();
  await examined("arrival-mail-review");
  await page.locator("button[value=save]").click();
  await examined("arrival-mail-done");
  await page.goto(`/fault-notice?number=${second(look)}`);
  await page.locator("input[name=active][value=start]").check();
  await page.locator("[name=addresses]").fill("not an address");
  await page.locator("button[value=review]").click();
  await examined("fault-notice-mistakes");
  await page.locator("[name=contractor]").fill("株式会社サンプル商事");
  await page.locator("[name=site]").fill("大阪本社ビル 3階");
  await page.locator("[name=addresses]").fill("ops@example.jp");
  await page.locator("[name=start_bulk_transfer]").check();
  await page.locator("button[value=review]").click();
  await examined("fault-notice-review");
  await page.locator("button[value=save]").click();
  await examined("fault-notice-done");
  await page.goto("/");
  await examined("top-started");
});

inEveryLook("somebody else was faster", first, async (page, examined, { look }) => {
  const address = `/bulk-transfer?number=${second(look)}`;
  await page.goto(address);
  const other = await visitor(browser, service.origin);
  await logIn(other.page, "line", first(look), OWN);
  await other.page.goto(address);
  await other.page.locator("input[name=destination]").fill("03-1234-5678");
  await other.page.locator("button[value=review]").click();
  await other.page.locator("button[value=save]").click();
  await other.context.close();
  await page.locator("button[value=review]").click();
  const told = page.getByText(/別の画面で設定が変更されたため、変更していません|Somebody else has changed the settings meanwhile/);
  assert.equal(await told.isVisible(), true, "nothing was changed, and why");
  assert.equal(await page.locator("input[name=destination]").inputValue(), "03-1234-5678", "what the other one has set");
  await examined("bulk-transfer-conflict");
});

inEveryLook("a CSV file", first, async (page, examined, { look }) => {
  const upload = async (text) => {
    await page.goto("/bulk-transfer");
    const file = { name: "bulk.csv", mimeType: "text/csv", buffer: Buffer.from(text) };
    await page.locator("input[type=file]").setInputFiles(file);
    await page.locator("form[enctype] button").click();
  };
  await upload(`電話番号,転送先,状態\n${first(look)},0312345678,開始\n${second(look)},,停止\n`);
  await examined("csv-review");
  await upload(`${first(look)},12,多分\n0699998888,0312345678,開始\n`);
  assert.equal(await page.getByText(/このログインでは設定できない|cannot set this number/).isVisible(), true, "mistakes are to be seen");
  await examined("csv-mistakes");
  await upload(`${first(look)},,停止\n`);
  await examined("csv-no-change");
});

inEveryLook("faxes", first, async (page, examined, { look }) => {
  const number = first(look);
  const inbox = `/fax-mail/inbox?number=${number}`;
  await page.goto(inbox);
  await examined("inbox-empty");
  await page.goto(`/fax-mail?number=${number}`);
  await page.locator("input[name=active][value=start]").check();
  await page.locator("input[name=address]").fill(`fax-${look}@example.jp`);
  await page.locator("button[value=review]").click();
  await examined("fax-mail-review");
  await page.locator("button[value=save]").click();
  await examined("fax-mail-unconfirmed");
  await page.getByRole("button", { name: /確認メールを|confirmation mail/ }).click();
  await examined("fax-mail-asked");
  const link = await mails.link(`fax-${look}@example.jp`);
  await page.goto(`/fax-mail?number=${number}`);
  await examined("fax-mail-sent");
  await page.goto(link);
  await examined("confirm");
  await page.locator("main button[type=submit]").click();
  await examined("confirm-done");
  await page.goto(link);
  await examined("confirm-used", 404);
  await page.goto(`/fax-mail?number=${number}`);
  await examined("fax-mail-confirmed");

  for (const [from, file] of [["0398765432", "mh-lsb"], ["anonymous", "mmr-strips"], ["09012345678", "plain"]]) await service.fax(from, number, file);
  await page.goto(inbox);
  await examined("inbox");
  await page.locator("input[name=fax]").first().check();
  await page.locator("button[value=review]").click();
  await examined("inbox-delete");
  await page.locator("button[value=delete]").click();
  assert.equal(path(page), `${inbox}&deleted`);
  await examined("inbox-deleted");
  assert.equal(await page.locator("input[name=fax]").count(), 2);
});

test("a session that has ended leads to the login page, and from there on with the form", LIMIT, async () => {
  for (const [look, options] of LOOKS) {
    const { context, page } = await visitor(browser, service.origin, { ...options, javaScriptEnabled: true });
    await logIn(page, "line", first(look), OWN);
    await page.goto(`/voicewarp?number=${first(look)}`);
    await context.addCookies([{ name: "karipass-session", value: "0".repeat(64), url: service.origin }]);
    await page.locator("input[name=destination3]").fill("090-1234-5678");
    await page.locator("[name=listed]").fill("03-1111-2222\n03-3333-4444");
    await page.locator("button[value=review]").click();
    await examine(page, `session-ended-${look}`);
    await page.locator("input[name=number]").fill(first(look));
    await page.locator("input[name=password]").fill(OWN);
    await page.locator("main button[type=submit]").click();
    await examine(page, `session-resumed-${look}`);
    await page.locator("button[value=edit]").click();
    assert.equal(path(page), `/voicewarp?number=${first(look)}`);
    assert.equal(await page.locator("input[name=destination3]").inputValue(), "090-1234-5678");
    assert.equal(await page.locator("[name=listed]").inputValue(), "03-1111-2222\n03-3333-4444");
    // another page's address, without a session, comes back to it
    await context.clearCookies({ name: "karipass-session" });
    await page.goto(`/arrival-mail?number=${first(look)}`);
    assert.equal(path(page), `/login?back=%2Farrival-mail%3Fnumber%3D${first(look)}`);
    await page.locator("input[name=number]").fill(first(look));
    await page.locator("input[name=password]").fill(OWN);
    await page.locator("main button[type=submit]").click();
    assert.equal(path(page), `/arrival-mail?number=${first(look)}`);
    await context.close();
  }
});

test("a login that is locked", LIMIT, async () => {
  for (const [look, options] of LOOKS) {
    const { context, page } = await visitor(browser, service.origin, { ...options, javaScriptEnabled: true });
    for (let attempt = 0; attempt < 4; attempt++) await logIn(page, "number", "0600002222", "wrong");
    await examine(page, `login-locked-${look}`);
    await context.close();
  }
});

// the last one: afterwards there is no store
inEveryLook("the store is gone", first, async (page, examined) => {
  await service.withoutStore(async () => {
    await page.goto("/");
    await examined("store-gone", 503);
  });
});

test("every path of the router was looked at in every look", async () => {
  const paths = JSON.parse(await readFile(new URL("paths.json", import.meta.url), "utf8"));
  for (const [look, pages] of Object.entries(looked)) {
    const missing = paths.filter((path) => !pages.has(path) && !(path in NO_PAGES));
    assert.deepEqual(missing, [], look);
  }
});
