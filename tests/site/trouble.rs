//! What can happen to a site: its store locked, gone or full, a browser that goes away in the middle, forms sent twice.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use karipass::internals::account::{Contract, Service, Services, Store};
use karipass::unit::Unit;

use super::support::*;

const MAIL: &str = "/arrival-mail?number=0600001111";
const UNAVAILABLE: &str = "設定を読み書きできませんでした。設定は変更されていません。";

/// An address for arrival mail, sent for good.
fn mail<'a>(csrf: &'a str, address: &'a str, revision: &'a str) -> [(&'a str, &'a str); 6] {
    [
        ("csrf", csrf),
        ("revision", revision),
        ("active", "start"),
        ("addresses", address),
        ("callers", "all"),
        ("step", "save"),
    ]
}

fn revision(world: &World) -> i64 {
    world.store().setting(number("0600001111"), Service::ArrivalMail).unwrap().revision
}

fn impatient(name: &str) -> World {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("site-{name}-{}", std::process::id()));
    World::made(folder, Duration::from_millis(50), &[example()], |_| {})
}

#[test]
fn while_the_store_is_locked_pages_say_so_and_nothing_is_half_set() {
    let world = impatient("locked");
    let mut browser = world.member(Unit::Line, "0600001111");
    let csrf = browser.csrf();
    let other = rusqlite::Connection::open(world.file()).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    assert_eq!(browser.get(MAIL).status, 200, "reading goes on");
    let change = browser.post(MAIL, &mail(&csrf, "a@example.jp", "0"));
    assert_eq!((change.status, change.header("retry-after")), (503, "30"));
    assert!(change.has(UNAVAILABLE), "{}", change.text());
    let fields = [("csrf", csrf.as_str()), ("current", OWN), ("new", "plum-tree-1999x"), ("again", "plum-tree-1999x")];
    assert_eq!(browser.post("/password", &fields).status, 503);
    let login = world.browser().log_in(Unit::Line, "0600001111", OWN);
    assert!(login.status == 503 && login.has(UNAVAILABLE), "{}", login.status);
    other.execute_batch("COMMIT").unwrap();
    assert_eq!(revision(&world), 0);
    // the same session, password and form still do
    assert_eq!(browser.post(MAIL, &mail(&csrf, "a@example.jp", "0")).status, 303);
    assert_eq!(world.browser().log_in(Unit::Line, "0600001111", OWN).location(), "/");
}

#[test]
fn when_the_store_is_gone_pages_say_so_and_when_it_is_back_they_go_on() {
    let world = impatient("gone");
    let mut browser = world.member(Unit::Line, "0600001111");
    let csrf = browser.csrf();
    let aside = world.file().with_file_name("aside.db");
    std::fs::rename(world.file(), &aside).unwrap();
    for path in ["/", MAIL, "/password", "/bulk-transfer/csv"] {
        let answer = browser.get(path);
        assert!(answer.status == 503 && answer.has(UNAVAILABLE), "{path}: {}", answer.status);
        assert_eq!(answer.header("cache-control"), "no-store");
    }
    assert_eq!(browser.post(MAIL, &mail(&csrf, "a@example.jp", "0")).status, 503);
    assert_eq!(world.browser().log_in(Unit::Line, "0600001111", OWN).status, 503);
    for path in ["/login", "/help"] {
        assert_eq!(browser.get(path).status, 200, "{path} needs no store");
    }
    assert!(!world.file().exists(), "no new store is made");
    std::fs::rename(&aside, world.file()).unwrap();
    assert_eq!(browser.post(MAIL, &mail(&csrf, "a@example.jp", "0")).status, 303);
}

const FOLDER: &str = "SITE_TEST_FOLDER";

#[test]
fn when_the_disk_is_full_nothing_is_set_and_what_was_set_stays() {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("site-full-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    // a disk of its own in a namespace of its own, where the system allows it
    let mounted = "mount -t tmpfs -o size=1m tmpfs \"$1\" && exec \"$0\" trouble::on_a_small_disk --exact --nocapture";
    let output = Command::new("unshare")
        .args(["--user", "--map-root-user", "--mount", "sh", "-c", mounted])
        .arg(std::env::current_exe().unwrap())
        .arg(&folder)
        .env(FOLDER, folder.join("disk"))
        .output();
    let _ = std::fs::remove_dir_all(&folder);
    match output {
        Ok(output) => {
            let told = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
            if told.contains("running 1 test") {
                assert!(output.status.success() && told.contains("the disk is full"), "{told}");
            } else {
                eprintln!("not tested, there are no namespaces here: {told}");
            }
        }
        Err(error) => eprintln!("not tested, there are no namespaces here: {error}"),
    }
}

/// The other half of the test above.
#[test]
fn on_a_small_disk() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    let world = World::made(PathBuf::from(folder), Duration::from_secs(5), &[example()], |_| {});
    let mut browser = world.member(Unit::Line, "0600001111");
    let csrf = browser.csrf();
    assert_eq!(browser.post(MAIL, &mail(&csrf, "first@example.jp", "0")).status, 303);
    let rest = world.file().with_file_name("rest");
    std::fs::write(&rest, vec![0; 2 << 20]).unwrap_err();
    let long = format!("{}@example.jp", "a".repeat(50));
    let (mut revision, mut full) = (1, None);
    for _ in 0..200 {
        let answer = browser.post(MAIL, &mail(&csrf, &long, &revision.to_string()));
        if answer.status != 303 {
            full = Some(answer);
            break;
        }
        revision += 1;
    }
    let full = full.expect("the disk takes no more");
    assert_eq!(full.status, 503);
    assert!(full.has(UNAVAILABLE), "{}", full.text());
    println!("the disk is full after {revision} changes");
    let page = browser.get(MAIL);
    assert_eq!((page.status, page.hidden("revision")), (200, revision.to_string()), "still to be read");
    std::fs::remove_file(&rest).unwrap();
    assert_eq!(browser.post(MAIL, &mail(&csrf, "last@example.jp", &revision.to_string())).status, 303);
}

#[test]
fn an_upload_that_breaks_off_sets_nothing() {
    let world = World::new(&[Contract::new(number("0600001111"), Services::ALL)]);
    let mut browser = world.member(Unit::Line, "0600001111");
    let csrf = browser.csrf();
    let cookies: Vec<String> = browser.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let begin = format!(
        "--XX\r\nContent-Disposition: form-data; name=\"csrf\"\r\n\r\n{csrf}\r\n--XX\r\n\
         Content-Disposition: form-data; name=\"file\"; filename=\"a.csv\"\r\n\r\n0600001111,0312345678,start\n"
    );
    let head = format!(
        "POST /bulk-transfer/csv HTTP/1.1\r\nHost: {}\r\nCookie: {}\r\nContent-Length: {}\r\n\
         Content-Type: multipart/form-data; boundary=XX\r\n\r\n{begin}",
        world.address(),
        cookies.join("; "),
        begin.len() + 100
    );
    let mut stream = TcpStream::connect(world.address()).unwrap();
    stream.write_all(head.as_bytes()).unwrap();
    drop(stream);
    // one whose end never comes in the body itself
    let answer = browser.send("POST", "/bulk-transfer/csv", "multipart/form-data; boundary=XX", begin.as_bytes());
    assert!((400..500).contains(&answer.status), "{}", answer.status);
    assert!(answer.has("設定は変更されていません"), "{}", answer.text());
    let setting = world.store().setting(number("0600001111"), Service::BulkTransfer).unwrap();
    assert_eq!(setting.revision, 0);
    assert_eq!(browser.get("/bulk-transfer").status, 200, "the session goes on");
}

#[test]
fn a_form_sent_twice_changes_once() {
    let world = World::new(&[example()]);
    let mut browser = world.member(Unit::Line, "0600001111");
    let csrf = browser.csrf();
    let answers: Vec<u16> = std::thread::scope(|scope| {
        let send = |mut browser: Browser| {
            let csrf = csrf.clone();
            scope.spawn(move || browser.post(MAIL, &mail(&csrf, "a@example.jp", "0")).status)
        };
        let sent: Vec<_> = (0..8).map(|_| send(browser.clone())).collect();
        sent.into_iter().map(|one| one.join().unwrap()).collect()
    });
    assert_eq!(answers, [303; 8], "whoever clicked twice is told that it is done");
    assert_eq!(revision(&world), 1);
}

#[test]
fn a_login_clicked_twice_does_not_use_up_the_temporary_password() {
    let world = World::new(&[example()]);
    world.call(Unit::Line, "0600001111", TEMPORARY, 0);
    let mut browser = world.browser();
    let once = browser.get("/login").hidden("once");
    let form = [("once", once.as_str()), ("unit", "line"), ("number", "0600001111"), ("password", TEMPORARY)];
    // the browser gives up the first answer, with the cookie that it brings
    let first = browser.clone().post("/login", &form);
    let second = browser.post("/login", &form);
    assert_eq!((first.status, second.status), (303, 303));
    assert_eq!(first.header("set-cookie"), second.header("set-cookie"), "one session");
    let csrf = browser.csrf();
    let fields = [("csrf", csrf.as_str()), ("current", TEMPORARY), ("new", OWN), ("again", OWN)];
    let first = browser.clone().post("/password", &fields);
    let second = browser.post("/password", &fields);
    assert_eq!((first.location(), second.location()), ("/?done=password", "/?done=password"));
    assert_eq!(browser.get("/").status, 200);
    // another page's form is another login, and so is the same one later
    assert_eq!(world.browser().log_in(Unit::Line, "0600001111", TEMPORARY).status, 403);
    world.at(10);
    assert_eq!(world.browser().post("/login", &form).status, 403);
}

#[test]
fn a_wrong_password_clicked_twice_counts_once() {
    let world = World::new(&[example()]);
    world.own_password(Unit::Line, "0600001111", OWN, 0);
    for _ in 0..2 {
        let mut browser = world.browser();
        let once = browser.get("/login").hidden("once");
        let form = [("once", once.as_str()), ("unit", "line"), ("number", "0600001111"), ("password", "wrong")];
        assert_eq!([(); 3].map(|()| browser.post("/login", &form).status), [403; 3]);
    }
    assert_eq!(world.browser().log_in(Unit::Line, "0600001111", OWN).status, 303, "two wrong ones do not lock");
}

#[test]
fn what_a_form_began_is_done_though_its_browser_gives_up_waiting() {
    let world = World::new(&[example()]);
    let mut browser = world.member(Unit::Line, "0600001111");
    let csrf = browser.csrf();
    let form = mail(&csrf, "a@example.jp", "0");
    let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
    let cookies: Vec<String> = browser.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
    // something else writes, and the first thing to be written is that the session is in use
    world.at(1);
    let busy = rusqlite::Connection::open(world.file()).unwrap();
    busy.execute_batch("BEGIN IMMEDIATE").unwrap();
    let mut leaving = TcpStream::connect(world.address()).unwrap();
    let head = format!(
        "POST {MAIL} HTTP/1.1\r\nHost: x\r\nCookie: {}\r\nContent-Type: application/x-www-form-urlencoded\r\n\
         Content-Length: {}\r\n\r\n{body}",
        cookies.join("; "),
        body.len()
    );
    leaving.write_all(head.as_bytes()).unwrap();
    leaving.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
    assert!(leaving.read(&mut [0]).is_err(), "it is not answered yet");
    drop(leaving);
    std::thread::sleep(Duration::from_millis(100));
    busy.execute_batch("ROLLBACK").unwrap();
    let until = Instant::now() + Duration::from_secs(60);
    while revision(&world) == 0 && Instant::now() < until {
        std::thread::sleep(Duration::from_millis(10));
    }
    assert_eq!(revision(&world), 1);
    assert_eq!(browser.post(MAIL, &form).status, 303, "and told when it is sent again");
    assert_eq!(revision(&world), 1);
}

#[test]
fn a_password_form_sent_twice_ends_in_one_password_and_one_session() {
    let world = World::new(&[example()]);
    let browser = world.member(Unit::Line, "0600001111");
    let csrf = browser.clone().csrf();
    let news = ["plum-tree-1999x", "fern-garden-77q"];
    let statuses: Vec<u16> = std::thread::scope(|scope| {
        let send = |new: &'static str| {
            let (mut browser, csrf) = (browser.clone(), csrf.clone());
            scope.spawn(move || {
                let fields = [("csrf", csrf.as_str()), ("current", OWN), ("new", new), ("again", new)];
                browser.post("/password", &fields).status
            })
        };
        news.map(send).into_iter().map(|one| one.join().unwrap()).collect()
    });
    let opens = news.map(|new| world.browser().log_in(Unit::Line, "0600001111", new).status == 303);
    assert_eq!(opens.iter().filter(|opens| **opens).count(), 1, "{statuses:?} {opens:?}");
    assert_eq!(world.browser().log_in(Unit::Line, "0600001111", OWN).status, 403);
}
