//! Forged forms, headers, cookies, limits.

use std::time::Duration;

use karipass::site::Security;
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
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        let text = answer.text();
        for inline in ["<script", "<style", " style=", " onclick", "javascript:"] {
            assert!(!text.contains(inline), "{path}: {inline}");
        }
    }
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

    let world = World::with(&[example()], |options| options.security = Security::Before);
    world.own_password(Unit::Line, "0600001111", OWN, 0);
    let answer = world.browser().log_in(Unit::Line, "0600001111", OWN);
    let cookie = answer.header("set-cookie");
    assert!(cookie.starts_with("__Host-") && cookie.contains("; Secure") && cookie.contains("Path=/"), "{cookie}");
    assert!(answer.header("strict-transport-security").contains("max-age="));
}

#[test]
fn so_many_logins_from_one_address() {
    let world = World::with(&[example()], |options| options.logins_per_minute = 3);
    let status = || world.browser().log_in(Unit::Line, "0699998888", "wrong").status;
    assert_eq!([status(), status(), status(), status()], [403, 403, 403, 429]);
    world.at(60);
    assert_eq!(status(), 403);
}

#[test]
fn a_refusal_takes_its_time() {
    let world = World::with(&[example()], |options| options.refusal_after = Duration::from_millis(300));
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
fn linphones_settings_are_there_only_where_there_are_any() {
    let world = World::new(&[example()]);
    assert_eq!(world.browser().get("/linphone.xml").status, 404);
    let world = World::with(&[example()], |options| options.linphone = Some("<config/>".to_owned()));
    let answer = world.browser().get("/linphone.xml");
    assert_eq!((answer.status, answer.body.as_slice()), (200, &b"<config/>"[..]));
    assert_eq!(answer.header("content-type"), "application/xml; charset=utf-8");
}
