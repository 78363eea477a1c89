//! The services' pages: state, change, confirm, done, and a row in the audit.

use karipass::internals::account::setting::{ArrivalMail, BulkTransfer, Voicewarp};
use karipass::internals::account::{AuditFilter, Contract, Route, Service, Services, Store, route};
use karipass::unit::Unit;

use super::support::*;

fn all_services() -> World {
    World::new(&[Contract::new(number("0600001111"), Services::ALL).with(number("0600002222"), Services::ALL)])
}

const MAIL: &str = "/arrival-mail?number=0600001111";

fn arrival_mail<'a>(csrf: &'a str, step: &'a str, revision: &'a str) -> Vec<(&'a str, &'a str)> {
    vec![
        ("csrf", csrf),
        ("number", "0600001111"),
        ("revision", revision),
        ("active", "start"),
        ("addresses", "a@example.jp\r\nb@example.jp\r\n"),
        ("callers", "listed"),
        ("listed", "０３－１２３４－５６７８"),
        ("step", step),
    ]
}

#[test]
fn a_change_is_shown_then_confirmed_then_done_then_audited() {
    let world = all_services();
    let mut browser = world.member(Unit::Line, "0600001111");
    let page = browser.get(MAIL);
    let (csrf, revision) = (page.hidden("csrf"), page.hidden("revision"));
    let review = browser.post(MAIL, &arrival_mail(&csrf, "review", &revision));
    assert!(review.has("変更の確認") && review.has("03-1234-5678") && review.has("a@example.jp"), "{}", review.text());
    let store = world.store();
    assert_eq!(store.setting(number("0600001111"), Service::ArrivalMail).unwrap().revision, 0, "not yet");
    let saved = browser.post(MAIL, &arrival_mail(&csrf, "save", &revision));
    assert_eq!((saved.status, saved.location()), (303, "/arrival-mail?number=0600001111&done"));
    assert!(browser.get(saved.location()).has("設定を変更しました"));
    let setting = store.setting(number("0600001111"), Service::ArrivalMail).unwrap().read::<ArrivalMail>().unwrap();
    assert!(setting.active && setting.detail.only_listed);
    assert_eq!(setting.detail.addresses, ["a@example.jp", "b@example.jp"]);
    assert_eq!(setting.detail.listed, [number("0312345678")]);
    let rows = store.audit(&AuditFilter::default()).unwrap();
    let row = rows.iter().find(|row| row.action.name() == "set-arrival-mail").unwrap();
    assert_eq!((row.actor.as_str(), row.number), ("site line 0600001111", Some(number("0600001111"))));
}

#[test]
fn of_two_tabs_the_second_is_told() {
    let world = all_services();
    let mut browser = world.member(Unit::Line, "0600001111");
    let csrf = browser.csrf();
    assert_eq!(browser.post(MAIL, &arrival_mail(&csrf, "save", "0")).status, 303);
    let mut other = arrival_mail(&csrf, "save", "0");
    other.push(("listed", "03-9999-0000"));
    let late = browser.post(MAIL, &other);
    assert_eq!(late.status, 409);
    assert!(late.has("別の画面で設定が変更された"));
}

#[test]
fn mistakes_are_told_at_their_field_and_nothing_is_set() {
    let world = all_services();
    let mut browser = world.member(Unit::Line, "0600001111");
    let csrf = browser.csrf();
    for (change, told) in [
        (("addresses", "a@example.jp\nnot mail"), "2行目"),
        (("addresses", "a@x.jp\nb@x.jp\nc@x.jp\nd@x.jp\ne@x.jp\nf@x.jp"), "5件まで"),
        (("addresses", ""), "1件以上"),
        (("listed", "12345"), "1行目"),
        (("callers", "nobody"), "選択してください"),
        (("active", ""), "選択してください"),
    ] {
        let mut fields = arrival_mail(&csrf, "save", "0");
        fields.iter_mut().filter(|(name, _)| *name == change.0).for_each(|field| *field = change);
        let answer = browser.post(MAIL, &fields);
        assert_eq!(answer.status, 422, "{change:?}");
        assert!(answer.has(told), "{change:?}: {}", answer.text());
    }
    assert_eq!(world.store().setting(number("0600001111"), Service::ArrivalMail).unwrap().revision, 0);
}

#[test]
fn voicewarp_keeps_four_destinations_and_the_one_in_use() {
    let world = all_services();
    let mut browser = world.member(Unit::Number, "0600001111");
    let csrf = browser.csrf();
    let path = "/voicewarp?number=0600001111";
    let fields = |in_use, seconds| {
        [
            ("csrf", csrf.as_str()),
            ("revision", "0"),
            ("step", "save"),
            ("active", "start"),
            ("condition", "no-answer-or-busy"),
            ("ring_seconds", seconds),
            ("destination1", "09012345678"),
            ("destination3", "03-1234-5678"),
            ("in_use", in_use),
            ("select", "ring-listed"),
            ("listed", "0312340000\n0312340001"),
        ]
    };
    let mut to_itself = fields("3", "15");
    to_itself[7].1 = "06-0000-1111";
    assert!(browser.post(path, &to_itself).has("この番号自身へは"));
    for (in_use, seconds) in [("2", "15"), ("3", "4"), ("3", "61"), ("5", "15")] {
        assert_eq!(browser.post(path, &fields(in_use, seconds)).status, 422, "{in_use} {seconds}");
    }
    assert_eq!(browser.post(path, &fields("3", "１５")).status, 303);
    let setting = world.store().setting(number("0600001111"), Service::Voicewarp).unwrap();
    let voicewarp = setting.read::<Voicewarp>().unwrap().detail;
    assert_eq!((voicewarp.ring_seconds.0, voicewarp.in_use, voicewarp.listed.len()), (15, 2, 2));
    assert_eq!(voicewarp.destinations[2], Some(number("0312345678")));
    assert!(browser.get(path).has("3. 03-1234-5678（使用中）"));
}

#[test]
fn every_wrong_line_is_told_at_once_and_the_title_says_that_something_is_wrong() {
    let world = all_services();
    let mut browser = world.member(Unit::Line, "0600001111");
    let csrf = browser.csrf();
    let numbers: String = (1..=12).map(|_| "0312\n").collect();
    let form = [
        ("csrf", csrf.as_str()),
        ("number", "0600001111"),
        ("revision", "0"),
        ("active", "start"),
        ("addresses", "ｔａｒｏ＠example．ｊｐ\nb@example\n\nc@"),
        ("callers", "all"),
        ("listed", &numbers),
        ("step", "review"),
    ];
    let answer = browser.post(MAIL, &form);
    assert!(answer.has("<title>エラー: 着信お知らせメール"), "{}", answer.text());
    assert!(answer.has("2、4行目: メールアドレスの形式が正しくありません。"), "{}", answer.text());
    assert!(answer.has("1、2、3、4、5、6、7、8、9、10行目ほか2行: 電話番号を"), "{}", answer.text());
    for field in ["addresses", "listed"] {
        assert!(answer.has(&format!("<a href=\"#{field}\">")) && answer.has(&format!("id=\"{field}\"")), "{field}");
    }
    browser.cookies.insert("karipass-language".to_owned(), "en".to_owned());
    let answer = browser.post(MAIL, &form);
    assert!(answer.has("<title>Error: ") && answer.has("Lines 2, 4: ") && answer.has("10 and 2 more: "));
}

#[test]
fn full_width_mail_addresses_are_taken() {
    let world = all_services();
    let mut browser = world.member(Unit::Line, "0600001111");
    let csrf = browser.csrf();
    let mut form = arrival_mail(&csrf, "save", "0");
    form[4].1 = "ｔａｒｏ．１＠ｅｘａｍｐｌｅ．ｊｐ";
    assert_eq!(browser.post(MAIL, &form).status, 303);
    let form =
        [("csrf", &*csrf), ("revision", "0"), ("active", "start"), ("address", "ｆａｘ＠example.jp"), ("step", "save")];
    assert_eq!(browser.post("/fax-mail?number=0600001111", &form).status, 303);
    let store = world.store();
    let detail = |service| store.setting(number("0600001111"), service).unwrap().detail;
    assert!(detail(Service::ArrivalMail).contains("\"taro.1@example.jp\""));
    assert!(detail(Service::FaxMail).contains("\"fax@example.jp\""));
}

#[test]
fn another_fax_address_has_to_be_confirmed_again() {
    let world = all_services();
    let mut browser = world.member(Unit::Line, "0600001111");
    let csrf = browser.csrf();
    let fields = [
        ("csrf", csrf.as_str()),
        ("revision", "0"),
        ("active", "start"),
        ("address", "a@example.jp"),
        ("step", "save"),
    ];
    assert_eq!(browser.post("/fax-mail?number=0600001111", &fields).status, 303);
    assert!(browser.get("/fax-mail?number=0600001111").has("未確認"));
}

fn forwarded(world: &World, of: &str) -> (bool, Option<String>) {
    let setting = world.store().setting(number(of), Service::BulkTransfer).unwrap().read::<BulkTransfer>().unwrap();
    (setting.active, setting.detail.destination.map(|number| number.to_string()))
}

#[test]
fn a_csv_sets_all_numbers_at_once_after_a_preview() {
    let world = all_services();
    let mut browser = world.member(Unit::Line, "0600001111");
    let csrf = browser.csrf();
    let downloaded = browser.get("/bulk-transfer/csv").text();
    assert!(downloaded.contains("06-0000-2222,,停止"), "{downloaded}");
    let file = "電話番号,転送先,状態\r\n06-0000-1111,０３－１２３４－５６７８,開始\r\n0600002222,,停止\r\n";
    for bytes in [file.as_bytes().to_vec(), encoding_rs::SHIFT_JIS.encode(file).0.into_owned()] {
        let preview = browser.upload("/bulk-transfer/csv", &csrf, &bytes);
        assert!(preview.has("1件を変更します") && preview.has("03-1234-5678"), "{}", preview.text());
    }
    assert_eq!(forwarded(&world, "0600001111"), (false, None), "a preview sets nothing");
    let preview = browser.upload("/bulk-transfer/csv", &csrf, file.as_bytes());
    let (rows, seen) = (preview.hidden("rows"), preview.hidden("seen"));
    let saved = browser.post("/bulk-transfer/csv", &[("csrf", &csrf), ("rows", &rows), ("seen", &seen)]);
    assert_eq!((saved.status, saved.location()), (303, "/bulk-transfer?done"), "{}", saved.text());
    assert_eq!(forwarded(&world, "0600001111"), (true, Some("0312345678".to_owned())));
    // the same once more, and not just a second click, is made from what is no longer set: it is shown again instead
    world.at(10);
    let again = browser.post("/bulk-transfer/csv", &[("csrf", &csrf), ("rows", &rows), ("seen", &seen)]);
    assert!(again.status == 200 && again.has("変更はありません"));
}

#[test]
fn a_csv_with_a_mistake_sets_nothing_and_says_where_it_is() {
    let world = all_services();
    let mut browser = world.member(Unit::Line, "0600001111");
    let csrf = browser.csrf();
    for (row, column, told) in [
        ("0600002222,12,開始", "転送先", "10桁または11桁"),
        ("0600003333,0312345678,開始", "電話番号", "設定できない番号"),
        ("0600002222,0312345678,多分", "状態", "「開始」または「停止」"),
        ("0600002222,,開始", "転送先", "転送先が必要"),
        ("0600002222,0600002222,停止", "転送先", "この番号自身"),
        ("0600001111,0312345678,開始", "電話番号", "2回"),
        ("0600002222", "", "列は3つ"),
    ] {
        let file = format!("電話番号,転送先,状態\n0600001111,0312345678,開始\n{row}\n");
        let answer = browser.upload("/bulk-transfer/csv", &csrf, file.as_bytes());
        assert_eq!(answer.status, 422, "{row}");
        assert!(answer.has(&format!("<td>3</td><td>{column}</td>")) && answer.has(told), "{row}: {}", answer.text());
        let rows = [("csrf", csrf.as_str()), ("rows", file.as_str()), ("seen", "")];
        assert_ne!(browser.post("/bulk-transfer/csv", &rows).status, 303);
    }
    assert_eq!(forwarded(&world, "0600001111"), (false, None));
}

#[test]
fn ten_thousand_rows_and_no_more() {
    let world = all_services();
    let mut browser = world.member(Unit::Line, "0600001111");
    let csrf = browser.csrf();
    let file = "0600001111,0312345678,start\n".repeat(10_001);
    let answer = browser.upload("/bulk-transfer/csv", &csrf, file.as_bytes());
    assert!(answer.status == 422 && answer.has("ほかに"), "{}", answer.status);
    assert_eq!(browser.upload("/bulk-transfer/csv", "forged", file.as_bytes()).status, 403);
}

#[test]
fn what_is_set_decides_where_a_call_goes() {
    let world = all_services();
    let mut browser = world.member(Unit::Line, "0600001111");
    let csrf = browser.csrf();
    let goes = |caller: &str| route(&world.store(), Some(number(caller)), number("0600001111")).unwrap();
    assert_eq!(goes("0399990000"), Some(Route::Ring));
    let voicewarp = [
        ("csrf", csrf.as_str()),
        ("revision", "0"),
        ("step", "save"),
        ("active", "start"),
        ("condition", "no-answer"),
        ("ring_seconds", "15"),
        ("destination1", "09012345678"),
        ("in_use", "1"),
        ("select", "off"),
    ];
    assert_eq!(browser.post("/voicewarp?number=0600001111", &voicewarp).status, 303);
    let (to, service) = (number("09012345678"), Service::Voicewarp);
    let later = Route::RingThenForward { to, service, no_answer_after: Some(15), when_busy: false };
    assert_eq!(goes("0399990000"), Some(later));
    // bulk forwarding comes before
    let bulk = [
        ("csrf", csrf.as_str()),
        ("revision", "0"),
        ("step", "save"),
        ("active", "start"),
        ("destination", "0312345678"),
    ];
    assert_eq!(browser.post("/bulk-transfer?number=0600001111", &bulk).status, 303);
    let forward = Route::Forward { to: number("0312345678"), service: Service::BulkTransfer };
    assert_eq!(goes("0399990000"), Some(forward));
    assert_eq!(route(&world.store(), None, number("0699998888")).unwrap(), None, "no contracted number");
}

#[test]
fn a_csv_of_ten_thousand_numbers_is_set_in_one_go() {
    let all = |index: u32| number(&format!("06{:08}", 10_000_000 + index));
    let mut contract = Contract::new(all(0), Services::ALL);
    for index in 1..10_000 {
        contract = contract.with(all(index), "bulk-transfer".parse().unwrap());
    }
    let world = World::new(&[contract]);
    let mut browser = world.member(Unit::Line, all(0).as_str());
    let csrf = browser.csrf();
    let rows: String = (0..10_000).map(|index| format!("{},03-1234-5678,開始\r\n", all(index))).collect();
    let file = encoding_rs::SHIFT_JIS.encode(&format!("電話番号,転送先,状態\r\n{rows}")).0.into_owned();
    let preview = browser.upload("/bulk-transfer/csv", &csrf, &file);
    assert!(preview.status == 200 && preview.has("10000件を変更します"), "{}", preview.status);
    let (rows, seen) = (preview.hidden("rows"), preview.hidden("seen"));
    let saved = browser.post("/bulk-transfer/csv", &[("csrf", &csrf), ("rows", &rows), ("seen", &seen)]);
    assert_eq!((saved.status, saved.location()), (303, "/bulk-transfer?done"), "{}", saved.text());
    assert_eq!(forwarded(&world, all(9_999).as_str()), (true, Some("0312345678".to_owned())));
    let downloaded = browser.get("/bulk-transfer/csv").text();
    assert_eq!(downloaded.matches("03-1234-5678,開始").count(), 10_000);
}

#[test]
fn every_mistake_of_a_row_is_told_and_so_is_what_cannot_be_read() {
    let world = all_services();
    let mut browser = world.member(Unit::Line, "0600001111");
    let csrf = browser.csrf();
    let answer = browser.upload("/bulk-transfer/csv", &csrf, "電話番号,転送先,状態\n12,34,多分\n".as_bytes());
    for column in ["電話番号", "転送先", "状態"] {
        assert!(answer.has(&format!("<td>2</td><td>{column}</td>")), "{column}: {}", answer.text());
    }
    // 0xFF is no byte of UTF-8 and none of Shift_JIS
    let answer = browser.upload("/bulk-transfer/csv", &csrf, b"0600001111,,stop\n0600002222,\xff,stop\n");
    assert!(answer.status == 422 && answer.has("<td>2</td>") && answer.has("文字コード"), "{}", answer.text());
    let answer = browser.upload("/bulk-transfer/csv", &csrf, b"");
    assert!(answer.status == 422 && answer.has("データの行がありません"), "{}", answer.text());
}

#[test]
fn nothing_is_forwarded_to_where_passwords_are_set() {
    let world = all_services();
    let mut browser = world.member(Unit::Line, "0600001111");
    let csrf = browser.csrf();
    let told = "仮パスワードを設定する電話番号へは転送できません";
    let common = [("csrf", csrf.as_str()), ("revision", "0"), ("step", "save"), ("active", "start")];
    let bulk = [&common[..], &[("destination", "06-6480-6430")]].concat();
    let warp = [("condition", "always"), ("ring_seconds", "20"), ("in_use", "1"), ("select", "off")];
    let warp = [&common[..], &warp, &[("destination1", "0312345678"), ("destination4", "+81 6 6480 6430")]].concat();
    for (path, form) in [("/bulk-transfer?number=0600001111", bulk), ("/voicewarp?number=0600001111", warp)] {
        let answer = browser.post(path, &form);
        assert!(answer.status == 422 && answer.has(told), "{path}: {}", answer.text());
    }
    let answer = browser.upload("/bulk-transfer/csv", &csrf, b"0600001111,0664806430,stop\n");
    assert!(answer.status == 422 && answer.has(told), "{}", answer.text());
}

#[test]
fn a_mistake_in_a_csv_is_where_an_editor_shows_it() {
    let world = all_services();
    let mut browser = world.member(Unit::Line, "0600001111");
    let csrf = browser.csrf();
    let file = "電話番号,転送先,状態\r\n\r\n\r\n06-0000-1111,312345678,開始\r\n\r\n600002222,,停止\r\n";
    let answer = browser.upload("/bulk-transfer/csv", &csrf, file.as_bytes());
    for place in
        ["<td>4</td><td>転送先</td><td>先頭の0がありません", "<td>6</td><td>電話番号</td><td>先頭の0がありません"]
    {
        assert!(answer.has(place), "{}", answer.text());
    }
}

#[test]
fn an_address_is_not_set_without_the_mail_that_asks_for_its_confirmation() {
    let world = all_services();
    let mut browser = world.member(Unit::Line, "0600001111");
    let csrf = browser.csrf();
    // a trigger that fails stands for a store that fails in the middle of a change
    let other = rusqlite::Connection::open(world.file()).unwrap();
    other
        .execute_batch("CREATE TRIGGER no_room BEFORE INSERT ON mail BEGIN SELECT RAISE(ABORT, 'no room'); END")
        .unwrap();
    let path = "/fax-mail?number=0600001111";
    let fields = |address| {
        [("csrf", csrf.as_str()), ("revision", "0"), ("active", "start"), ("address", address), ("step", "save")]
    };
    let failed = browser.post(path, &fields("a@example.jp"));
    assert!(failed.status == 503 && failed.has("設定は変更されていません"), "{}", failed.text());
    let store = world.store();
    assert_eq!(store.setting(number("0600001111"), Service::FaxMail).unwrap().revision, 0, "not without its mail");
    other.execute_batch("DROP TRIGGER no_room").unwrap();
    assert_eq!(browser.post(path, &fields("a@example.jp")).status, 303);
}

#[test]
fn the_top_page_shows_what_is_contracted_and_nothing_else() {
    let services = |text: &str| text.parse::<Services>().unwrap();
    let world = World::new(&[
        Contract::new(number("0600001111"), services("voicewarp")).with(number("0600002222"), services("fax-mail"))
    ]);
    let mut browser = world.member(Unit::Line, "0600001111");
    let top = browser.get("/");
    for (path, there) in [
        ("/voicewarp?number=0600001111", true),
        ("/fax-mail?number=0600002222", true),
        ("/voicewarp?number=0600002222", false),
        ("/fax-mail?number=0600001111", false),
        ("/arrival-mail?number=0600001111", false),
        ("/arrival-mail", false),
        ("/bulk-transfer", false),
        ("/bulk-transfer/csv", false),
        ("/fault-notice", false),
        ("/fax-mail/inbox?number=0600001111", false),
    ] {
        assert_eq!(top.has(&format!("href=\"{path}\"")), there, "{path}");
        assert_eq!(browser.get(path).status, if there { 200 } else { 404 }, "{path}");
    }
}
