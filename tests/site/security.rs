//! Forged forms, headers, cookies, limits.

use std::time::Duration;

use karipass::internals::account::setting::{ArrivalMail, FaultNotice, FaxMail};
use karipass::internals::account::{Contract, Service, Services, Store};
use karipass::internals::site::Security;
use karipass::unit::Unit;

use super::support::*;

#[test]
fn a_form_without_this_sessions_token_does_nothing() {
    let world = World::new(&[example()]);
    let mut browser = world.member(Unit::Line, "0600001111");
    let of_another = world.member(Unit::Number, "0600002222").csrf();
    for token in ["", "0", of_another.as_str()] {
        for path in ["/logout", "/password", "/arrival-mail?number=0600001111"] {
            let fields = [("csrf", token), ("current", OWN), ("new", "plum-tree-1999x"), ("again", "plum-tree-1999x")];
            assert_eq!(browser.post(path, &fields).status, 403, "{path}");
        }
    }
    assert_eq!(browser.get("/").status, 200, "still logged in");
}

#[test]
fn a_form_from_another_site_is_refused() {
    let world = World::new(&[example()]);
    world.own_password(Unit::Line, "0600001111", OWN, 0);
    for header in
        ["Sec-Fetch-Site: cross-site", "Sec-Fetch-Site: same-site", "Origin: https://evil.example", "Origin: null"]
    {
        let mut browser = world.browser();
        browser.headers.push(header.to_owned());
        assert_eq!(browser.log_in(Unit::Line, "0600001111", OWN).status, 403, "{header}");
        assert!(browser.cookies.is_empty());
    }
    let mut browser = world.browser();
    let origin = format!("Origin: http://{}", world.site.as_ref().unwrap().address());
    browser.headers = vec![origin, "Sec-Fetch-Site: same-origin".to_owned()];
    assert_eq!(browser.log_in(Unit::Line, "0600001111", OWN).status, 303);
}

#[test]
fn every_page_has_its_headers() {
    let world = World::new(&[example()]);
    let mut browser = world.member(Unit::Line, "0600001111");
    for path in ["/", "/login", "/password", "/help", "/arrival-mail", "/nowhere", "/voicewarp"] {
        let answer = browser.get(path);
        let policy = answer.header("content-security-policy");
        assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"), "{path}: {policy}");
        assert_eq!(answer.header("cache-control"), "no-store", "{path}");
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("x-frame-options", "DENY"),
            ("content-type", "text/html; charset=utf-8"),
            ("referrer-policy", "same-origin"),
            ("server", ""),
            ("access-control-allow-origin", ""),
        ] {
            assert_eq!(answer.header(name), value, "{path}: {name}");
        }
        assert!(policy.contains("frame-ancestors 'none'") && policy.contains("form-action 'self'"), "{policy}");
        let text = answer.text();
        for inline in ["<script", "<style", " style=", " onclick", "javascript:"] {
            assert!(!text.contains(inline), "{path}: {inline}");
        }
    }
}

#[test]
fn every_answer_of_every_path_has_its_headers_and_every_refusal_is_a_page() {
    let world = World::new(&[Contract::new(number("0600001111"), Services::ALL)]);
    let mut browser = world.member(Unit::Line, "0600001111");
    for path in karipass::internals::site::paths() {
        for method in ["GET", "HEAD", "POST", "PUT"] {
            let answer = if path == "/logout" {
                world.browser().send(method, path, "", b"")
            } else {
                browser.send(method, path, "", b"")
            };
            assert_ne!(answer.header("content-type"), "", "{method} {path}");
            assert!(answer.status < 500, "{method} {path}: {}", answer.status);
            for (name, value) in [("x-content-type-options", "nosniff"), ("x-frame-options", "DENY"), ("server", "")] {
                assert_eq!(answer.header(name), value, "{method} {path}: {name}");
            }
            if answer.status >= 400 && method != "HEAD" {
                assert!(answer.has("<h1>") && answer.has("</html>"), "{method} {path}: {}", answer.text());
            }
        }
    }
    let large = browser.post("/password", &[("current", &"x".repeat(1024 * 1024))]);
    assert!(large.status == 413 && large.has("データが大きすぎます"), "{}", large.text());
}

#[test]
fn cookies_are_for_this_site_alone() {
    let world = World::new(&[example()]);
    world.own_password(Unit::Line, "0600001111", OWN, 0);
    let answer = world.browser().log_in(Unit::Line, "0600001111", OWN);
    let cookie = answer.header("set-cookie");
    assert!(
        cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict") && !cookie.contains("Secure"),
        "{cookie}"
    );

    let world = World::with(&[example()], |options| options.pages.security = Security::Before);
    world.own_password(Unit::Line, "0600001111", OWN, 0);
    let answer = world.browser().log_in(Unit::Line, "0600001111", OWN);
    let cookie = answer.header("set-cookie");
    assert!(cookie.starts_with("__Host-") && cookie.contains("; Secure") && cookie.contains("Path=/"), "{cookie}");
    assert!(answer.header("strict-transport-security").contains("max-age="));
}

#[test]
fn so_many_logins_from_one_address() {
    let world = World::with(&[example()], |options| options.pages.logins_per_minute = 3);
    let status = || world.browser().log_in(Unit::Line, "0699998888", "wrong").status;
    assert_eq!([status(), status(), status(), status()], [403, 403, 403, 429]);
    world.at(60);
    assert_eq!(status(), 403);
}

#[test]
fn behind_a_proxy_each_browser_has_its_own_count() {
    let believed = vec!["127.0.0.1".parse().unwrap()];
    for (proxies, fourth) in [(believed, 403), (Vec::new(), 429)] {
        let world = World::with(&[example()], |options| {
            options.pages.logins_per_minute = 3;
            options.pages.proxies = proxies;
        });
        let status = |from: &str| {
            let mut browser = world.browser();
            browser.headers.push(format!("X-Forwarded-For: {from}"));
            browser.log_in(Unit::Line, "0699998888", "wrong").status
        };
        for _ in 0..3 {
            assert_eq!(status("203.0.113.1"), 403);
        }
        assert_eq!(status("203.0.113.1"), 429);
        assert_eq!(status("203.0.113.2"), fourth);
    }
}

#[test]
fn a_refusal_takes_its_time() {
    let world = World::with(&[example()], |options| options.pages.refusal_after = Duration::from_millis(300));
    let begin = std::time::Instant::now();
    world.browser().log_in(Unit::Line, "0699998888", "wrong");
    assert!(begin.elapsed() >= Duration::from_millis(300));
}

#[test]
fn what_is_typed_comes_back_as_text() {
    let world = World::new(&[example()]);
    let nasty = "\"><script>alert(1)</script>";
    let answer = world.browser().log_in(Unit::Line, nasty, nasty);
    assert_eq!(answer.status, 422);
    assert!(!answer.has("<script") && !answer.has("alert(1)</script>"));
    let mut browser = world.member(Unit::Line, "0600001111");
    let csrf = browser.csrf();
    let fields =
        [("csrf", csrf.as_str()), ("active", "start"), ("addresses", nasty), ("callers", "all"), ("revision", "0")];
    let answer = browser.post("/arrival-mail?number=0600001111", &fields);
    assert_eq!(answer.status, 422);
    assert!(!answer.has("<script"));
}

#[test]
fn large_forms_are_refused() {
    let world = World::new(&[example()]);
    let mut browser = world.member(Unit::Line, "0600001111");
    let large = "x".repeat(1024 * 1024);
    assert_eq!(browser.post("/password", &[("current", &large)]).status, 413);
}

#[test]
fn the_language_switch_stays_here() {
    let world = World::new(&[example()]);
    let mut browser = world.browser();
    assert_eq!(browser.get("/language?to=en&back=%2F%2Fevil.example").location(), "/");
    let answer = browser.get("/login");
    assert!(answer.has("<html lang=\"en\">") && answer.has("Customer number"));
    assert_eq!(browser.get("/language?to=ja&back=%2Flogin").location(), "/login");
    assert!(browser.get("/login").has("お客さま番号"));
}

#[test]
fn password_managers_know_the_fields() {
    let world = World::new(&[example()]);
    let mut browser = world.member(Unit::Line, "0600001111");
    let (login, password) = (world.browser().get("/login").text(), browser.get("/password").text());
    for (page, kinds) in
        [(login, &["username", "current-password"][..]), (password, &["username", "current-password", "new-password"])]
    {
        for kind in kinds {
            assert!(page.contains(&format!("autocomplete=\"{kind}\"")), "{kind}");
        }
        assert!(!page.contains("onpaste") && !page.contains("<script"), "pasting is nobody's business");
    }
}

#[test]
fn nothing_typed_as_a_password_comes_back() {
    let world = World::new(&[example()]);
    let mut browser = world.member(Unit::Line, "0600001111");
    let csrf = browser.csrf();
    let secret = "quince-and-48-medlars";
    let fields = [("csrf", csrf.as_str()), ("current", secret), ("new", secret), ("again", "another-1-quince")];
    assert!(!browser.post("/password", &fields).has(secret));
    assert!(!world.browser().log_in(Unit::Line, "0600001111", secret).has(secret));
}

#[test]
fn no_token_is_in_an_address() {
    let world = World::new(&[example()]);
    let mut browser = world.member(Unit::Line, "0600001111");
    let token = browser.cookies.values().next().unwrap().clone();
    let csrf = browser.csrf();
    for path in ["/", "/password", "/arrival-mail"] {
        let text = browser.get(path).text();
        assert!(!text.contains(&token), "{path}: the page does not know the cookie");
        let addresses = text.split("href=\"").skip(1).chain(text.split("action=\"").skip(1));
        for address in addresses.map(|rest| rest.split('"').next().unwrap()) {
            assert!(!address.contains(&csrf) && !address.contains("csrf"), "{path}: {address}");
        }
    }
    // a password in an address logs nobody in
    let path = format!("/login?unit=line&number=0600001111&password={OWN}");
    let answer = world.browser().get(&path);
    assert!(answer.status == 200 && answer.header("set-cookie").is_empty());
    // a cookie's token in an address is no cookie
    assert_eq!(world.browser().get(&format!("/?karipass-session={token}")).location(), "/login");
}

#[test]
fn tokens_are_long_and_never_the_same() {
    let world = World::new(&[example()]);
    let tokens: std::collections::BTreeSet<String> = (0..20)
        .map(|_| world.member(Unit::Line, "0600001111").cookies.values().next().unwrap().clone())
        .inspect(|token| {
            assert!(token.len() == 64 && token.chars().all(|c| c.is_ascii_hexdigit()), "256 bits in hex");
        })
        .collect();
    assert_eq!(tokens.len(), 20);
    // one that the browser brings along is not taken over
    world.own_password(Unit::Line, "0600001111", OWN, 0);
    let mut browser = world.browser();
    let planted = "0".repeat(64);
    browser.cookies.insert("karipass-session".to_owned(), planted.clone());
    browser.log_in(Unit::Line, "0600001111", OWN);
    assert_ne!(browser.cookies["karipass-session"], planted);
}

#[test]
fn the_store_keeps_hashes_only() {
    let world = World::new(&[example()]);
    let mut browser = world.member(Unit::Line, "0600001111");
    let token = browser.cookies.values().next().unwrap().clone();
    let csrf = browser.csrf();
    for file in [world.file(), world.file().with_extension("db-wal")] {
        let bytes = std::fs::read(&file).unwrap_or_default();
        for secret in [token.as_str(), csrf.as_str(), OWN] {
            let has = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
            assert!(!has, "in {}", file.display());
        }
    }
}

#[test]
fn nothing_is_served_but_its_pages() {
    let world = World::new(&[example()]);
    let mut browser = world.member(Unit::Line, "0600001111");
    for path in [
        "/.git/config",
        "/karipass.db",
        "/../karipass.db",
        "/%2e%2e/karipass.db",
        "/site",
        "/templates/",
        "/metrics",
        "/debug",
        "/admin",
        "/index.html",
        "/login/",
        "//login",
        "/robots.txt",
        "/.well-known/",
        "/site.css.map",
        "/arrival-mail/..",
    ] {
        let answer = browser.get(path);
        assert_eq!(answer.status, 404, "{path}");
        assert!(answer.has("ページが見つかりません"), "{path}");
    }
}

#[test]
fn other_methods_are_refused() {
    let world = World::new(&[example()]);
    let mut browser = world.member(Unit::Line, "0600001111");
    for method in ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "KARIPASS"] {
        for path in ["/", "/login", "/password", "/arrival-mail", "/site.css"] {
            let answer = browser.send(method, path, "", b"");
            assert_eq!(answer.status, 405, "{method} {path}");
            assert!(answer.header("access-control-allow-origin").is_empty());
        }
    }
    assert_eq!(browser.get("/logout").status, 405, "nobody is logged out by a link");
}

const MAIL: &str = "/arrival-mail?number=0600001111";

fn arrival_mail(world: &World) -> Option<Vec<String>> {
    let setting = world.store().setting(number("0600001111"), Service::ArrivalMail).unwrap();
    (setting.revision > 0).then(|| setting.read::<ArrivalMail>().unwrap().detail.addresses)
}

#[test]
fn of_a_field_sent_twice_the_first_counts() {
    let world = World::new(&[example()]);
    let mut browser = world.member(Unit::Number, "0600001111");
    let csrf = browser.csrf();
    let fields = [
        ("csrf", csrf.as_str()),
        ("number", "0600001111"),
        ("number", "0600002222"),
        ("revision", "0"),
        ("active", "start"),
        ("addresses", "first@example.jp"),
        ("addresses", "second@example.jp"),
        ("callers", "all"),
        ("step", "save"),
    ];
    assert_eq!(browser.post("/arrival-mail", &fields).status, 303);
    assert_eq!(arrival_mail(&world), Some(vec!["first@example.jp".to_owned()]));
    assert_eq!(world.store().setting(number("0600002222"), Service::ArrivalMail).unwrap().revision, 0);
    // and of two tokens, and of two numbers in the address
    let forged = [("csrf", "0"), ("csrf", csrf.as_str()), ("step", "save")];
    assert_eq!(browser.post(MAIL, &forged).status, 403);
    assert_eq!(browser.get("/arrival-mail?number=0600002222&number=0600001111").status, 404);
}

#[test]
fn fields_that_no_form_has_change_nothing() {
    let world = World::new(&[example()]);
    let mut browser = world.member(Unit::Number, "0600002222");
    let csrf = browser.csrf();
    let fields = [
        ("csrf", csrf.as_str()),
        ("revision", "0"),
        ("active", "start"),
        ("addresses", "a@example.jp"),
        ("callers", "all"),
        ("step", "save"),
        ("unit", "line"),
        ("customer_number", "0600001111"),
        ("stage", "open"),
        ("service", "voicewarp"),
        ("confirmed", "true"),
        ("changed_at", "0"),
        ("detail", "{\"confirmed\":true}"),
    ];
    assert_eq!(browser.post("/arrival-mail?number=0600002222", &fields).status, 303);
    let setting = world.store().setting(number("0600002222"), Service::ArrivalMail).unwrap();
    assert!(!setting.detail.contains("confirmed") && setting.changed_at.is_some_and(|at| at.0 >= START), "{setting:?}");
    let mut fax = fields;
    fax[3] = ("address", "a@example.jp");
    assert_eq!(browser.post("/fax-mail?number=0600002222", &fax).status, 303);
    let setting = world.store().setting(number("0600002222"), Service::FaxMail).unwrap();
    assert!(!setting.read::<FaxMail>().unwrap().detail.confirmed, "nobody confirms an address by a field");
    assert_eq!(browser.get(MAIL).status, 404, "the reach is what it was");
}

#[test]
fn what_looks_like_sql_is_text() {
    let world = World::new(&[Contract::new(number("0600001111"), Services::ALL)]);
    let mut browser = world.member(Unit::Line, "0600001111");
    let csrf = browser.csrf();
    let nasty = "x'; DROP TABLE session; -- \",\"contractor\":\"y";
    let fields = [
        ("csrf", csrf.as_str()),
        ("revision", "0"),
        ("active", "start"),
        ("contractor", nasty),
        ("site", nasty),
        ("addresses", "a@example.jp"),
        ("step", "save"),
    ];
    assert_eq!(browser.post("/fault-notice?number=0600001111", &fields).status, 303);
    let setting = world.store().setting(number("0600001111"), Service::FaultNotice).unwrap();
    assert_eq!(setting.read::<FaultNotice>().unwrap().detail.contractor, nasty);
    for value in ["' OR '1'='1", "0600001111' --", "0600001111\0", "%27", "0600001111;0600001112"] {
        assert_eq!(world.browser().log_in(Unit::Line, value, "' OR '1'='1").status, 422, "{value}");
        let mut stranger = world.browser();
        stranger.cookies.insert("karipass-session".to_owned(), "' OR '1'='1".to_owned());
        assert_eq!(stranger.get("/").location(), "/login?ended");
    }
    assert_eq!(browser.get("/").status, 200);
}

#[test]
fn large_uploads_are_refused() {
    let world = World::new(&[Contract::new(number("0600001111"), Services::ALL)]);
    let mut browser = world.member(Unit::Line, "0600001111");
    let csrf = browser.csrf();
    let answer = browser.upload("/bulk-transfer/csv", &csrf, &vec![b'0'; 5 << 20]);
    assert!((400..500).contains(&answer.status), "{}", answer.status);
    assert_eq!(browser.get("/").status, 200);
}

#[test]
fn a_download_is_no_page() {
    let world = World::new(&[Contract::new(number("0600001111"), Services::ALL)]);
    let mut browser = world.member(Unit::Line, "0600001111");
    let answer = browser.get("/bulk-transfer/csv?charset=%22%3E%3Cscript%3E&filename=evil.html");
    assert!(answer.header("content-type").starts_with("text/csv; charset="), "{}", answer.head);
    let disposition = answer.header("content-disposition");
    assert!(disposition.starts_with("attachment; filename=") && !disposition.contains("evil"), "{disposition}");
    assert_eq!(answer.header("cache-control"), "no-store");
}

#[test]
fn linphones_settings_are_there_only_where_there_are_any() {
    let world = World::new(&[example()]);
    assert_eq!(world.browser().get("/linphone.xml").status, 404);
    let world = World::with(&[example()], |options| options.pages.linphone = Some("<config/>".to_owned()));
    let answer = world.browser().get("/linphone.xml");
    assert_eq!((answer.status, answer.body.as_slice()), (200, &b"<config/>"[..]));
    assert_eq!(answer.header("content-type"), "application/xml; charset=utf-8");
}
