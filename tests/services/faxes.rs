//! The fax inbox on the site, and the address that has to be confirmed by a mailed link.

use karipass::internals::account::mail::MailFilter;
use karipass::internals::account::setting::FaxMail;
use karipass::internals::account::{AuditFilter, Contract, Service, Services, Store};
use karipass::internals::event::EventError;
use karipass::unit::Unit;

use super::sink::Sink;
use super::world::*;

const PAGE: &str = "/fax-mail?number=0600001111";
const INBOX: &str = "/fax-mail/inbox?number=0600001111";

fn set_address(browser: &mut Browser, address: &str) -> Answer {
    let page = browser.get(PAGE);
    let fields = [
        ("csrf", page.hidden("csrf")),
        ("revision", page.hidden("revision")),
        ("active", "start".to_owned()),
        ("address", address.to_owned()),
        ("step", "save".to_owned()),
    ];
    let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
    browser.post(PAGE, &fields)
}

/// The path of the link in the newest mail.
fn mailed_link(sink: &Sink) -> String {
    let text = sink.received().last().unwrap().text();
    let link = text.split("https://settings.example.jp").nth(1).unwrap();
    link.lines().next().unwrap().to_owned()
}

fn token(link: &str) -> String {
    link.split_once("token=").unwrap().1.to_owned()
}

fn is_confirmed(world: &World) -> bool {
    world.store().setting(number(LINE), Service::FaxMail).unwrap().read::<FaxMail>().unwrap().detail.confirmed
}

#[test]
fn an_address_is_confirmed_by_the_mailed_link_once() {
    let (world, sink) = (all_services(), Sink::start());
    let mut browser = world.member(Unit::Line, LINE);
    assert_eq!(set_address(&mut browser, "a@example.jp").status, 303);
    assert!(browser.get(PAGE).has("未確認"));
    assert_eq!(send_due(&world, sink.address, 0), Ok(1));
    assert_eq!(sink.received()[0].subject(), "【karipass】メールアドレス確認のお願い 06-0000-1111");
    let link = mailed_link(&sink);
    // whoever opens it is asked, and has to be logged in nowhere
    let mut reader = world.browser();
    let asked = reader.get(&link);
    assert!(asked.status == 200 && asked.has("a@example.jp") && asked.has("確認する"), "{}", asked.text());
    assert!(!is_confirmed(&world), "programs open links as well");
    let token = token(&link);
    let confirmed = reader.post("/fax-mail/confirm", &[("token", &token)]);
    assert!(confirmed.status == 200 && confirmed.has("確認しました"), "{}", confirmed.text());
    assert!(is_confirmed(&world) && browser.get(PAGE).has("確認済み"));
    let twice = reader.post("/fax-mail/confirm", &[("token", &token)]);
    assert!(twice.has("確認しました"), "whoever clicked twice is told that it is done");
    world.at(10);
    for again in [reader.post("/fax-mail/confirm", &[("token", &token)]), reader.get(&link)] {
        assert!(again.status == 404 && again.has("使えません"), "{}", again.status);
    }
    let rows = world.store().audit(&AuditFilter::default()).unwrap();
    assert!(rows.iter().any(|row| row.action.name() == "confirmed-fax-mail" && row.actor == "mailed link"));
}

#[test]
fn no_link_and_no_token_is_in_the_store() {
    let (world, sink) = (all_services(), Sink::start());
    let mut browser = world.member(Unit::Line, LINE);
    set_address(&mut browser, "a@example.jp");
    send_due(&world, sink.address, 0).unwrap();
    let token = token(&mailed_link(&sink));
    assert_eq!(token.len(), 64);
    let mut files = 0;
    for entry in std::fs::read_dir(world.folder()).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        files += 1;
        assert!(!bytes.windows(token.len()).any(|window| window == token.as_bytes()));
    }
    assert!(files > 0);
}

#[test]
fn a_link_is_over_after_24_hours_and_when_another_address_is_set() {
    let (world, sink) = (all_services(), Sink::start());
    let mut browser = world.member(Unit::Line, LINE);
    set_address(&mut browser, "a@example.jp");
    send_due(&world, sink.address, 0).unwrap();
    let first = mailed_link(&sink);
    let mut reader = world.browser();
    world.at(86_399);
    assert_eq!(reader.get(&first).status, 200);
    world.at(86_400);
    assert_eq!(reader.get(&first).status, 404);
    assert_eq!(reader.post("/fax-mail/confirm", &[("token", &token(&first))]).status, 404);
    world.at(0);
    set_address(&mut browser, "b@example.jp");
    assert_eq!(reader.post("/fax-mail/confirm", &[("token", &token(&first))]).status, 404, "the other address");
    assert!(!is_confirmed(&world));
    for bad in ["", "00", &"f".repeat(64)] {
        assert_eq!(reader.post("/fax-mail/confirm", &[("token", bad)]).status, 404);
    }
}

#[test]
fn the_request_is_sent_again_on_demand_but_not_without_end() {
    let (world, sink) = (all_services(), Sink::start());
    let mut browser = world.member(Unit::Line, LINE);
    set_address(&mut browser, "a@example.jp");
    let csrf = browser.csrf();
    let fields = [("csrf", csrf.as_str()), ("number", LINE)];
    for minute in 1..10 {
        world.at(minute * 60);
        let again = browser.post("/fax-mail/confirmation", &fields);
        assert_eq!((again.status, again.location()), (303, "/fax-mail?number=0600001111&asked"));
    }
    world.at(600);
    assert_eq!(browser.post("/fax-mail/confirmation", &fields).status, 429);
    assert_eq!(set_address(&mut browser, "b@example.jp").status, 429, "nor to another address");
    assert_eq!(send_due(&world, sink.address, 600), Ok(10));
    assert_eq!(browser.post("/fax-mail/confirmation", &[("csrf", "forged"), ("number", LINE)]).status, 403);
    // each of the links works until one is used
    let mut reader = world.browser();
    let links: Vec<String> =
        sink.received().iter().map(|mail| mail.text().split("token=").nth(1).unwrap()[..64].to_owned()).collect();
    assert_eq!(reader.post("/fax-mail/confirm", &[("token", &links[3])]).status, 200);
    assert_eq!(reader.post("/fax-mail/confirm", &[("token", &links[4])]).status, 404);
}

#[test]
fn the_page_says_what_has_become_of_the_confirmation_mail() {
    let world = all_services();
    let mut browser = world.member(Unit::Line, LINE);
    let mut setting = browser.clone();
    let gone = Sink::start().address;
    let mut says = |words: &str| {
        let page = browser.get(PAGE);
        let claims = page.has("確認メールを送信しました");
        assert!(page.has(words) && claims == words.starts_with("確認メールを送信しました"), "{words}: {}", page.text());
    };
    set_address(&mut setting, "a@example.jp");
    says("確認メールの送信を待っています");
    send_due(&world, gone, 0).unwrap_err();
    says("確認メールをまだお送りできていません");
    let sink = Sink::start();
    send_due(&world, sink.address, 60).unwrap();
    world.at(120);
    says("確認メールを送信しました（2027年1月15日 17:01）");
    let csrf = setting.csrf();
    let again = setting.post("/fax-mail/confirmation", &[("csrf", &csrf), ("number", LINE)]);
    assert!(setting.get(again.location()).has("受け付けました"));
    says("確認メールの送信を待っています");
    set_address(&mut setting, "never@example.jp");
    send_due(&world, sink.address, 180).unwrap();
    says("確認メールをお届けできませんでした");
    set_address(&mut setting, "b@example.jp");
    send_due(&world, sink.address, 240).unwrap();
    world.at(240 + 86_399);
    let mut browser = world.browser();
    assert_eq!(browser.log_in(Unit::Line, LINE, OWN).status, 303);
    assert!(browser.get(PAGE).has("確認メールを送信しました"));
    world.at(240 + 86_400);
    assert!(browser.get(PAGE).has("有効期限（24時間）が切れました"));
    let token = token(&mailed_link(&sink));
    world.at(240 + 86_399);
    assert_eq!(world.browser().post("/fax-mail/confirm", &[("token", &token)]).status, 200);
    assert!(!browser.get(PAGE).has("確認メール"), "nothing waits any more");
}

#[test]
fn where_no_mail_server_is_configured_pages_say_that_no_mail_goes_out() {
    let all = Contract::new(number(LINE), Services::ALL);
    let world = World::with(&[all], |options| options.pages.sends_mail = false);
    let mut store = world.store();
    let mut browser = world.member(Unit::Line, LINE);
    set_address(&mut browser, "a@example.jp");
    let waits = "メールの送信がまだ設定されていないため";
    let page = browser.get(PAGE);
    assert!(page.has(waits) && page.has("ご契約の窓口") && !page.has("送信しました"), "{}", page.text());
    let csrf = browser.csrf();
    let again = browser.post("/fax-mail/confirmation", &[("csrf", &csrf), ("number", LINE)]);
    let page = browser.get(again.location());
    assert!(page.has(waits) && !page.has("送信しました"), "{}", page.text());
    // what is told by mail, too; what is not, not; and nothing as long as it is stopped
    assert!(!browser.get("/arrival-mail").has(waits));
    arrival_mail(&mut store, LINE, &["a@example.jp"]);
    fault_notice(&mut store, LINE, true, true);
    bulk_transfer(&mut store, LINE, true, Some("0312345678"));
    for (path, told) in [("/arrival-mail", true), ("/fault-notice", true), ("/bulk-transfer", false)] {
        assert_eq!(browser.get(path).has(waits), told, "{path}");
    }
    browser.get("/language?to=en&back=%2F");
    assert!(browser.get("/arrival-mail").has("sending them is not set up"));
}

#[test]
fn a_fax_lands_in_the_inbox_and_is_told_to_a_confirmed_address() {
    let (world, sink) = (all_services(), Sink::start());
    let mut store = world.store();
    let refused = happen(&mut store, &fax(None, LINE, "mh-lsb.tif"), 0).unwrap_err();
    assert!(matches!(refused, EventError::NoFaxes(_)), "{refused}");
    fax_mail(&mut store, LINE, "a@example.jp", false);
    let outcome = happen(&mut store, &fax(Some("0312345678"), LINE, "mh-lsb.tif"), 0).unwrap();
    assert_eq!((outcome.mails, outcome.fax), (0, Some(1)), "an address that is not confirmed is not written to");
    fax_mail(&mut store, LINE, "a@example.jp", true);
    assert_eq!(happen(&mut store, &fax(None, LINE, "mmr-strips.tif"), 60).unwrap().mails, 1);
    assert_eq!(send_due(&world, sink.address, 60), Ok(1));
    let text = sink.received()[0].text();
    for told in ["FAXを受信しました", "発信者番号: 非通知", "2枚", "/fax-mail/inbox?number=0600001111"]
    {
        assert!(text.contains(told), "{told}: {text}");
    }
    let bad = happen(&mut store, &fax(None, LINE, "lzw.tif"), 70).unwrap_err();
    assert!(matches!(bad, EventError::Fax(_)), "{bad}");
    assert_eq!(store.faxes(number(LINE)).unwrap().len(), 2);
    let mut browser = world.member(Unit::Line, LINE);
    let inbox = browser.get(INBOX);
    for shown in ["03-1234-5678", "非通知", "2027年1月15日 17:00", "未読"] {
        assert!(inbox.has(shown), "{shown}: {}", inbox.text());
    }
}

#[test]
fn a_fax_is_viewed_downloaded_and_deleted() {
    let world = all_services();
    let mut store = world.store();
    fax_mail(&mut store, LINE, "", false);
    for name in ["mh-lsb.tif", "mmr-strips.tif", "plain.tif"] {
        happen(&mut store, &fax(Some("0312345678"), LINE, name), 0).unwrap();
    }
    let mut browser = world.member(Unit::Line, LINE);
    let tiff = browser.get("/fax-mail/fax?number=0600001111&id=1&as=tiff");
    assert_eq!((tiff.status, tiff.header("content-type")), (200, "image/tiff"));
    assert_eq!(tiff.body, fax_file("mh-lsb.tif"), "as it was received");
    assert_eq!(tiff.header("content-disposition"), "attachment; filename=\"fax-1.tif\"");
    let pdf = browser.get("/fax-mail/fax?number=0600001111&id=2&as=pdf");
    assert_eq!((pdf.status, pdf.header("content-type")), (200, "application/pdf"));
    assert!(pdf.body.starts_with(b"%PDF") && pdf.header("content-disposition").starts_with("inline"));
    assert_eq!(pdf.header("x-content-type-options"), "nosniff");
    let kept = browser.get("/fax-mail/fax?number=0600001111&id=2&as=pdf&download");
    assert!(kept.header("content-disposition").starts_with("attachment"));
    let viewed: Vec<bool> =
        store.faxes(number(LINE)).unwrap().iter().rev().map(|fax| fax.viewed_at.is_some()).collect();
    assert_eq!(viewed, [true, true, false]);
    let csrf = browser.csrf();
    let fields = |step| [("csrf", csrf.as_str()), ("number", LINE), ("fax", "1"), ("fax", "3"), ("step", step)];
    let none = browser.post("/fax-mail/inbox", &[("csrf", csrf.as_str()), ("number", LINE), ("step", "review")]);
    assert!(browser.get(none.location()).has("削除するFAXを選択してください"), "{}", none.location());
    let review = browser.post("/fax-mail/inbox", &fields("review"));
    assert!(review.has("削除の確認") && review.has("value=\"3\"") && !review.has("value=\"2\""), "{}", review.text());
    assert_eq!(store.faxes(number(LINE)).unwrap().len(), 3, "not yet");
    let deleted = browser.post("/fax-mail/inbox", &fields("delete"));
    assert_eq!((deleted.status, deleted.location()), (303, "/fax-mail/inbox?number=0600001111&deleted"));
    assert_eq!(store.faxes(number(LINE)).unwrap().iter().map(|fax| fax.id).collect::<Vec<_>>(), [2]);
    assert_eq!(browser.get("/fax-mail/fax?number=0600001111&id=1&as=tiff").status, 404);
    let rows = store.audit(&AuditFilter::default()).unwrap();
    let count = |what: &str| rows.iter().filter(|row| row.action.name() == what).count();
    assert_eq!((count("viewed-fax"), count("deleted-fax")), (2, 2));
    assert!(rows.iter().any(|row| row.actor == "site line 0600001111" && row.detail.as_deref() == Some("fax 3")));
}

#[test]
fn a_fax_that_another_tab_has_deleted_is_gone_and_nothing_else_is() {
    let world = all_services();
    let mut store = world.store();
    fax_mail(&mut store, LINE, "", false);
    for name in ["mh-lsb.tif", "plain.tif"] {
        happen(&mut store, &fax(None, LINE, name), 0).unwrap();
    }
    let mut browser = world.member(Unit::Line, LINE);
    let csrf = browser.csrf();
    let fields = |step| [("csrf", csrf.as_str()), ("number", LINE), ("fax", "1"), ("step", step)];
    let mut tab = browser.clone();
    assert!(browser.post("/fax-mail/inbox", &fields("review")).has("value=\"1\""));
    assert_eq!(tab.post("/fax-mail/inbox", &fields("delete")).status, 303);
    assert_eq!(browser.post("/fax-mail/inbox", &fields("delete")).status, 303);
    assert!(browser.post("/fax-mail/inbox", &fields("review")).has("受信したFAXはありません"), "nothing is left of it");
    assert_eq!(browser.get("/fax-mail/fax?number=0600001111&id=1&as=pdf").status, 404);
    assert_eq!(store.faxes(number(LINE)).unwrap().iter().map(|fax| fax.id).collect::<Vec<_>>(), [2]);
    let rows = store.audit(&AuditFilter::default()).unwrap();
    assert_eq!(rows.iter().filter(|row| row.action.name() == "deleted-fax").count(), 1, "deleted once");
}

#[test]
fn nobody_reaches_the_faxes_of_another_number() {
    let world = World::new(&[
        Contract::new(number(LINE), Services::ALL).with(number(OTHER), Services::ALL),
        Contract::new(number("0611110000"), "voicewarp".parse().unwrap()),
    ]);
    let mut store = world.store();
    fax_mail(&mut store, LINE, "", false);
    happen(&mut store, &fax(None, LINE, "plain.tif"), 0).unwrap();
    let mut other = world.member(Unit::Number, OTHER);
    let csrf = other.csrf();
    for path in [
        INBOX,
        "/fax-mail/fax?number=0600001111&id=1&as=pdf",
        // a fax of another number under one's own
        "/fax-mail/fax?number=0600002222&id=1&as=pdf",
        "/fax-mail/fax?id=1&as=tiff",
    ] {
        assert_eq!(other.get(path).status, 404, "{path}");
    }
    let fields = [("csrf", csrf.as_str()), ("number", OTHER), ("fax", "1"), ("step", "delete")];
    assert_eq!(other.post("/fax-mail/inbox", &fields).status, 303);
    assert_eq!(
        other.post("/fax-mail/inbox", &[("csrf", &csrf), ("number", LINE), ("fax", "1"), ("step", "delete")]).status,
        404
    );
    assert_eq!(store.faxes(number(LINE)).unwrap().len(), 1, "still there");
    let mut without = world.member(Unit::Line, "0611110000");
    assert_eq!(without.get("/fax-mail/inbox").status, 404, "not contracted");
    assert!(world.browser().get(INBOX).location().starts_with("/login?back="));
    assert!(world.store().mails(&MailFilter::default()).unwrap().is_empty());
}
