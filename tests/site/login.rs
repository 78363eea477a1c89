//! Temporary passwords, own passwords, sessions, locks.

use karipass::internals::account::{AuditFilter, Service, Store};
use karipass::unit::Unit;

use super::support::*;

const DAY: i64 = 24 * 60 * 60;

fn set_own(browser: &mut Browser, current: &str, new: &str) -> Answer {
    let csrf = browser.csrf();
    browser.post("/password", &[("csrf", &csrf), ("current", current), ("new", new), ("again", new)])
}

#[test]
fn a_temporary_password_leads_to_an_own_one_and_then_to_the_services() {
    let world = World::new(&[example()]);
    world.call(Unit::Line, "0600001111", TEMPORARY, 0);
    let mut browser = world.browser();
    let answer = browser.log_in(Unit::Line, "０６－００００－１１１１", TEMPORARY);
    assert_eq!((answer.status, answer.location()), (303, "/password"));
    // until then the site is closed
    for path in ["/", "/arrival-mail?number=0600001111", "/bulk-transfer/csv"] {
        assert_eq!(browser.get(path).location(), "/password", "{path}");
    }
    let answer = set_own(&mut browser, TEMPORARY, OWN);
    assert_eq!((answer.status, answer.location()), (303, "/?done=password"), "{}", answer.text());
    assert!(browser.get("/").has("着信お知らせメール"));
    // the temporary one is gone, the own one opens
    assert_eq!(world.browser().log_in(Unit::Line, "0600001111", TEMPORARY).status, 403);
    assert_eq!(world.browser().log_in(Unit::Line, "0600001111", OWN).location(), "/");
}

#[test]
fn a_temporary_password_is_valid_to_the_second() {
    let world = World::new(&[example()]);
    for (second, status) in [(DAY - 1, 303), (DAY, 403)] {
        world.call(Unit::Number, "0600002222", TEMPORARY, 0);
        world.at(second);
        let answer = world.browser().log_in(Unit::Number, "0600002222", TEMPORARY);
        assert_eq!(answer.status, status, "{second}");
        assert_eq!(answer.has("有効期限") && answer.has("もう一度お電話"), status == 403, "it says why");
    }
}

#[test]
fn a_temporary_password_opens_once() {
    let world = World::new(&[example()]);
    world.call(Unit::Line, "0600001111", TEMPORARY, 0);
    assert_eq!(world.browser().log_in(Unit::Line, "0600001111", TEMPORARY).status, 303);
    let again = world.browser().log_in(Unit::Line, "0600001111", TEMPORARY);
    assert_eq!(again.status, 403);
    assert!(again.has("すでに使用されています"));
    // another call makes another chance
    world.call(Unit::Line, "0600001111", "59262734", 5);
    assert_eq!(world.browser().log_in(Unit::Line, "0600001111", "59262734").status, 303);
}

#[test]
fn a_temporary_password_works_beside_the_own_one_until_it_is_used() {
    let world = World::new(&[example()]);
    world.own_password(Unit::Line, "0600001111", OWN, 0);
    world.call(Unit::Line, "0600001111", TEMPORARY, 0);
    assert_eq!(world.browser().log_in(Unit::Line, "0600001111", OWN).location(), "/");
    assert_eq!(world.browser().log_in(Unit::Line, "0600001111", TEMPORARY).location(), "/password");
    assert_eq!(world.browser().log_in(Unit::Line, "0600001111", OWN).location(), "/");
}

#[test]
fn own_passwords_keep_the_rules() {
    let world = World::new(&[example()]);
    world.own_password(Unit::Line, "0600001111", "tram-kumquat-15", 0);
    world.own_password(Unit::Line, "0600001111", OWN, 0);
    let mut browser = world.browser();
    browser.log_in(Unit::Line, "0600001111", OWN);
    for (new, told) in [
        ("sh0rt", "8文字以上"),
        ("onlyletterskumquat", "英字と数字"),
        ("password1", "推測されやすい"),
        ("x0600002222x", "電話番号を含む"),
        (OWN, "前回のパスワード"),
        ("tram-kumquat-15", "前回のパスワード"),
        (&"kumquat48-".repeat(7), "64文字以内"),
    ] {
        let answer = set_own(&mut browser, OWN, new);
        assert_eq!(answer.status, 422, "{new}");
        assert!(answer.has(told), "{new}: {}", answer.text());
        assert!(!answer.has(&format!("\"{new}\"")), "a password is never shown");
    }
    let csrf = browser.csrf();
    let answer = browser.post(
        "/password",
        &[("csrf", &csrf), ("current", OWN), ("new", "plum-tree-1999x"), ("again", "plum-tree-1998x")],
    );
    assert!(answer.has("一致しません"));
    assert!(set_own(&mut browser, "not it 123", "plum-tree-1999x").has("現在のパスワードが正しくありません"));
    assert_eq!(set_own(&mut browser, OWN, "plum-tree-1999x").status, 303);
}

#[test]
fn the_temporary_password_is_no_own_one() {
    let world = World::new(&[example()]);
    let temporary = "481516kumquat";
    world.call(Unit::Line, "0600001111", temporary, 0);
    let mut browser = world.browser();
    browser.log_in(Unit::Line, "0600001111", temporary);
    assert!(set_own(&mut browser, temporary, temporary).has("仮パスワードと同じ"));
}

#[test]
fn an_own_password_is_valid_for_sixty_days() {
    let world = World::new(&[example()]);
    world.own_password(Unit::Line, "0600001111", OWN, 0);
    world.at(60 * DAY - 1);
    assert_eq!(world.browser().log_in(Unit::Line, "0600001111", OWN).location(), "/");
    world.at(60 * DAY);
    let mut browser = world.browser();
    assert_eq!(browser.log_in(Unit::Line, "0600001111", OWN).location(), "/password");
    assert_eq!(browser.get("/").location(), "/password");
    assert_eq!(set_own(&mut browser, OWN, "plum-tree-1999x").status, 303);
    assert_eq!(browser.get("/").status, 200);
}

#[test]
fn three_wrong_passwords_lock_for_ten_minutes_and_tell_nothing() {
    let world = World::new(&[example()]);
    world.own_password(Unit::Line, "0600001111", OWN, 0);
    let page = |browser: &mut Browser, account: &str, password: &str| {
        let answer = browser.log_in(Unit::Line, account, password);
        (answer.status, answer.text().replace(account, "NUMBER").replace(&answer.hidden("once"), ""))
    };
    let unknown: Vec<_> = (0..5).map(|_| page(&mut world.browser(), "0699998888", "wrong")).collect();
    let known: Vec<_> = (0..5).map(|_| page(&mut world.browser(), "0600001111", "wrong")).collect();
    assert_eq!(unknown, known, "whether a number exists is not to be seen");
    assert_eq!(page(&mut world.browser(), "0600001111", OWN), known[0], "locked, whatever the password");
    world.at(599);
    assert_eq!(world.browser().log_in(Unit::Line, "0600001111", OWN).status, 403);
    world.at(600);
    assert_eq!(world.browser().log_in(Unit::Line, "0600001111", OWN).status, 303);
}

#[test]
fn a_session_ends_after_fifteen_idle_minutes() {
    let world = World::new(&[example()]);
    let mut browser = world.member(Unit::Line, "0600001111");
    world.at(899);
    assert_eq!(browser.get("/").status, 200);
    world.at(899 + 899);
    assert_eq!(browser.get("/").status, 200, "every request counts");
    world.at(899 + 899 + 900);
    assert_eq!(browser.get("/").location(), "/login?ended");
    assert!(browser.get("/login?ended").has("自動的にログアウトしました"), "it says why");
    assert!(browser.cookies.is_empty(), "the browser forgets it");
    assert_eq!(browser.get("/").location(), "/login");
}

#[test]
fn a_clock_that_is_set_back_ends_sessions_and_ages_passwords() {
    let world = World::new(&[example()]);
    world.own_password(Unit::Line, "0600001111", OWN, 7_200);
    world.at(7_200);
    let mut browser = world.browser();
    assert_eq!(browser.log_in(Unit::Line, "0600001111", OWN).location(), "/");
    world.at(0);
    assert_eq!(browser.get("/").location(), "/login?ended");
    assert_eq!(world.browser().log_in(Unit::Line, "0600001111", OWN).location(), "/password");
}

#[test]
fn links_in_mails_and_bookmarks_lead_on_after_the_login() {
    let world = World::new(&[example()]);
    world.own_password(Unit::Line, "0600001111", OWN, 0);
    let link = "/fax-mail/inbox?number=0600002222";
    let mut browser = world.browser();
    let to_login = browser.get(link);
    assert_eq!(to_login.location(), "/login?back=%2Ffax-mail%2Finbox%3Fnumber%3D0600002222");
    let page = browser.get(to_login.location());
    let english =
        browser.get("/language?to=en&back=%2Flogin%3Fback%3D%252Ffax-mail%252Finbox%253Fnumber%253D0600002222");
    assert!(page.has(&format!(
        "/language?to=en&amp;back={}",
        "%2Flogin%3Fback%3D%252Ffax-mail%252Finbox%253Fnumber%253D0600002222"
    )));
    assert_eq!(english.location(), to_login.location(), "the language changes nothing of it");
    let back = page.hidden("back");
    let log_in = |browser: &mut Browser, back: &str, password: &str| {
        let form = [("unit", "line"), ("number", "0600001111"), ("password", password), ("back", back)];
        browser.post("/login", &form)
    };
    let wrong = log_in(&mut browser, &back, "wrong");
    assert_eq!((wrong.status, wrong.hidden("back").as_str()), (403, link));
    assert_eq!(log_in(&mut browser, &back, OWN).location(), link);
    assert_eq!(browser.get(link).status, 200);
    // a session that is over comes back to where it was
    world.at(900);
    let to_login = browser.get("/arrival-mail?number=0600001111");
    assert_eq!(to_login.location(), "/login?ended&back=%2Farrival-mail%3Fnumber%3D0600001111");
    assert!(browser.get(to_login.location()).has("You were logged out"));
    for elsewhere in ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)", ""] {
        assert_eq!(log_in(&mut world.browser(), elsewhere, OWN).location(), "/", "{elsewhere}");
    }
}

#[test]
fn what_was_filled_in_outlives_the_session_it_was_filled_in_for() {
    let world = World::new(&[example()]);
    let mut browser = world.member(Unit::Line, "0600001111");
    let page = "/arrival-mail?number=0600001111";
    let csrf = browser.csrf();
    let form = [
        ("csrf", csrf.as_str()),
        ("number", "0600001111"),
        ("revision", "0"),
        ("active", "start"),
        ("addresses", "taro@example.jp\r\nhanako@example.jp"),
        ("callers", "all"),
        ("listed", "<03>"),
        ("step", "review"),
    ];
    world.at(900);
    let asked = browser.post(page, &form);
    assert!(asked.status == 403 && asked.has("入力した内容は残っています"), "{}", asked.text());
    assert!(browser.cookies.is_empty());
    let kept = |answer: &Answer, name: &str| answer.hidden(name).replace("&#60;", "<").replace("&#62;", ">");
    let names =
        ["back", "kept-number", "kept-revision", "kept-active", "kept-addresses", "kept-callers", "kept-listed"];
    let log_in = |browser: &mut Browser, asked: &Answer, password: &str| {
        let mut form = vec![("unit", "line".to_owned()), ("number", "0600001111".to_owned())];
        form.push(("password", password.to_owned()));
        form.extend(names.map(|name| (name, kept(asked, name))));
        browser.post("/login", &form.iter().map(|(name, value)| (*name, value.as_str())).collect::<Vec<_>>())
    };
    let wrong = log_in(&mut browser, &asked, "wrong");
    let resumed = log_in(&mut browser, &wrong, OWN);
    assert!(resumed.status == 200 && resumed.has(&format!("action=\"{page}\"")), "{}", resumed.text());
    let fields: Vec<(&str, String)> = ["csrf", "number", "revision", "active", "addresses", "callers", "listed"]
        .map(|name| (name, kept(&resumed, name)))
        .into();
    let mut fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
    fields.push(("step", "edit"));
    let again = browser.post(page, &fields);
    assert!(again.has("taro@example.jp\r\nhanako@example.jp") && again.has("&#60;03&#62;"), "{}", again.text());
    let set = world.store().setting(number("0600001111"), Service::ArrivalMail).unwrap();
    assert_eq!(set.revision, 0, "nothing is set before it was looked at");
}

#[test]
fn a_session_that_is_kept_busy_ends_after_twelve_hours() {
    let world = World::new(&[example()]);
    let mut browser = world.member(Unit::Line, "0600001111");
    for second in (0..DAY / 2).step_by(800) {
        world.at(second);
        assert_eq!(browser.get("/").status, 200, "{second}");
    }
    world.at(DAY / 2);
    assert_eq!(browser.get("/").location(), "/login?ended");
}

#[test]
fn a_changed_password_ends_every_other_session() {
    let world = World::new(&[example()]);
    let mut one = world.member(Unit::Line, "0600001111");
    let mut two = world.browser();
    two.log_in(Unit::Line, "0600001111", OWN);
    let before = one.clone();
    assert_eq!(set_own(&mut one, OWN, "plum-tree-1999x").status, 303);
    assert_eq!(one.get("/").status, 200);
    assert_eq!(two.get("/").location(), "/login?ended");
    assert_eq!(before.clone().get("/").location(), "/login?ended", "the old cookie of the same browser as well");
}

#[test]
fn after_logout_the_cookie_opens_nothing() {
    let world = World::new(&[example()]);
    let mut browser = world.member(Unit::Line, "0600001111");
    let kept = browser.clone();
    let csrf = browser.csrf();
    assert_eq!(browser.post("/logout", &[("csrf", &csrf)]).location(), "/login?bye");
    for path in ["/", "/password", "/arrival-mail"] {
        assert!(kept.clone().get(path).location().starts_with("/login?ended"), "{path}");
    }
}

#[test]
fn logins_are_audited_without_any_password() {
    let world = World::new(&[example()]);
    let mut browser = world.member(Unit::Line, "0600001111");
    world.browser().log_in(Unit::Line, "0600001111", "wrong-secret-1");
    set_own(&mut browser, OWN, "plum-tree-1999x");
    // the third locks; the fourth finds it locked and writes nothing, so that nobody fills the store so
    for _ in 0..4 {
        world.browser().log_in(Unit::Line, "0600001111", "wrong-secret-2");
    }
    let rows = world.store().audit(&AuditFilter::default()).unwrap();
    let words: Vec<&str> = rows.iter().filter(|row| row.actor == "site").map(|row| row.action.name()).collect();
    assert_eq!(
        words,
        ["verified", "logged-in", "wrong", "verified", "password-set", "logged-in", "wrong", "wrong", "locked"]
    );
    let all = format!("{rows:?}");
    assert!(!all.contains("wrong-secret") && !all.contains("plum") && !all.contains("kumquat"), "{all}");
}

#[test]
fn a_long_password_counts_to_its_last_character() {
    let world = World::new(&[example()]);
    let long = format!("{}-a", "kumquat-48-tram-".repeat(4).get(..62).unwrap());
    let other = format!("{}b", long.strip_suffix('a').unwrap());
    let mut browser = world.member(Unit::Line, "0600001111");
    assert_eq!(set_own(&mut browser, OWN, &long).status, 303);
    for (password, status) in [(other.as_str(), 403), (long.get(..63).unwrap(), 403), (long.as_str(), 303)] {
        assert_eq!(world.browser().log_in(Unit::Line, "0600001111", password).status, status, "{}", password.len());
    }
}

#[test]
fn a_password_may_be_japanese_and_hold_spaces() {
    let world = World::new(&[example()]);
    let mut browser = world.member(Unit::Line, "0600001111");
    let own = " さくら と 富士山 48 景 ";
    assert_eq!(set_own(&mut browser, OWN, own).status, 303);
    assert_eq!(world.browser().log_in(Unit::Line, "0600001111", own.trim()).status, 403, "spaces count");
    assert_eq!(world.browser().log_in(Unit::Line, "0600001111", own).status, 303);
}

#[test]
fn an_account_without_a_password_has_no_default_one() {
    let world = World::new(&[example()]);
    for password in ["", "0600001111", "1111", "0000", "password", "karipass", "admin"] {
        for unit in Unit::ALL {
            assert_eq!(world.browser().log_in(unit, "0600001111", password).status, 403, "{unit} {password:?}");
        }
    }
}

#[test]
fn whoever_logs_in_learns_of_logins_and_passwords_that_were_not_theirs() {
    let world = World::new(&[example()]);
    let mut first = world.member(Unit::Line, "0600001111");
    let top = first.get("/");
    assert!(!top.has("前回のログイン"), "there was none: {}", top.text());
    world.at(3600);
    world.browser().log_in(Unit::Line, "0600001111", "wrong-secret-1");
    world.browser().log_in(Unit::Line, "0600001111", "wrong-secret-1");
    world.at(7200);
    let mut second = world.browser();
    second.log_in(Unit::Line, "0600001111", OWN);
    let top = second.get("/");
    // 1800000000 is 2027-01-15 08:00:00 UTC
    assert!(
        top.has("前回のログイン 2027年1月15日 17:00") && top.has("パスワードの間違いが2回ありました"),
        "{}",
        top.text()
    );
    assert_eq!(set_own(&mut second, OWN, "plum-tree-1999x").status, 303);
    world.call(Unit::Line, "0600001111", TEMPORARY, 7300);
    let page = second.get("/password");
    let order: Vec<usize> =
        ["お電話による仮パスワードの設定", "パスワードの設定</span>", "ログイン</span>", "パスワードの間違い"]
            .map(|what| page.text().find(what).unwrap_or_else(|| panic!("{what}: {}", page.text())))
            .to_vec();
    assert!(order.is_sorted(), "the newest first: {order:?}");
    // another account of the same contract has a history of its own
    let mut other = world.member(Unit::Number, "0600002222");
    assert!(!other.get("/").has("パスワードの間違い") && !other.get("/password").has("お電話による"));
}

#[test]
fn no_more_than_a_hundred_passwords_an_hour_are_tried_on_an_account() {
    let world = World::new(&[example()]);
    world.own_password(Unit::Line, "0600001111", OWN, 0);
    for second in (0..3600).step_by(20) {
        world.at(second);
        world.browser().log_in(Unit::Line, "0600001111", "wrong-secret");
    }
    let rows = world.store().audit(&AuditFilter::default()).unwrap();
    let tried = rows.iter().filter(|row| matches!(row.action.name(), "wrong" | "locked")).count();
    // three and a lock of ten minutes, six times; the lock is a row of its own
    assert!((18..=25).contains(&tried), "{tried}");
}
