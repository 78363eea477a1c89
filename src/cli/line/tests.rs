//! `karipass line` as a script sees it.
#![allow(clippy::unwrap_used)]

use rand::SeedableRng;
use rand::rngs::StdRng;

use super::super::output::testing::{NOW, Ran, Scene};
use super::*;
use crate::account::{Actor, AuditFilter, demo};
use crate::sip::digest::{Algorithm, Ha1};

fn run(scene: &Scene, line: &str, mut input: &[u8]) -> Ran {
    let mut rng = StdRng::seed_from_u64(1);
    scene.run::<Args>(line, |args, config, now, mut out| {
        perform(args, config, now, &mut |_| ask::read(&mut input), &mut rng, &mut out)
    })
}

fn scene() -> Scene {
    let scene = Scene::new();
    demo(&mut store(&scene, Mode::Create), &Actor::Program("test"), NOW).unwrap();
    scene
}

fn store(scene: &Scene, mode: Mode) -> crate::account::AccountStore {
    open_store(&scene.config(), mode).unwrap()
}

fn number() -> PhoneNumber {
    PhoneNumber::parse("0600001111").unwrap()
}

#[test]
fn a_password_is_set_from_standard_input_for_every_writing_of_the_user_name() {
    let scene = scene();
    assert_eq!(run(&scene, "passwd 06-0000-1111", b"paper-lantern-41\n"), Ran::yes(""));
    let store = store(&scene, Mode::Existing);
    let names = ["0600001111", "+81600001111", "0600001111@karipass", "0600001111@127.0.0.1:5060", "06-0000-1111"];
    for name in names {
        let found = store.find_user_name(name).unwrap().unwrap_or_else(|| panic!("{name}"));
        let key = Ha1::derive(name, "karipass", &Secret::from("paper-lantern-41"));
        assert_eq!((found.number, found.realm.as_str()), (number(), "karipass"));
        assert_eq!(Ha1::from_hex(&found.user_name.ha1_sha256, &found.user_name.ha1_md5), Some(key));
    }
    assert_eq!(store.find_user_name("0600001111@elsewhere").unwrap(), None);
    assert_eq!(store.find_user_name("0600002222").unwrap(), None);
}

#[test]
fn a_made_up_password_is_printed_once_and_is_a_new_one_each_time() {
    let scene = scene();
    let shown = |ran: &Ran| ran.out.lines().nth(1).unwrap().split_whitespace().nth(1).unwrap().to_owned();
    let first = run(&scene, "passwd 0600001111 --generate", b"");
    assert!(first.out.starts_with("user name  0600001111\npassword   "), "{first:?}");
    let password = shown(&first);
    assert_eq!((password.len(), password.matches('-').count()), (23, 3));
    check(&Secret::from(password.as_str()), number()).unwrap();
    let found = store(&scene, Mode::Existing).find_user_name("0600001111").unwrap().unwrap();
    let key = Ha1::derive("0600001111", "karipass", &Secret::from(password.as_str()));
    assert_eq!(found.user_name.ha1_sha256, key.expose(Algorithm::Sha256));
    let mut rng = StdRng::seed_from_u64(2);
    assert_ne!(made_up(&mut rng), made_up(&mut rng));
    let json = run(&scene, "passwd 0600001111 --generate --json", b"");
    let object: serde_json::Value = serde_json::from_str(&json.out).unwrap();
    assert_eq!((object["user_name"].as_str(), object["realm"].as_str()), (Some("0600001111"), Some("karipass")));
    assert_eq!(object["password"].as_str().unwrap().len(), 23);
}

#[test]
fn bad_passwords_and_lines_are_refused_and_nothing_is_changed() {
    let scene = scene();
    for (bad, why) in [
        (&b""[..], "8 to 128 characters"),
        (b"short-1", "8 to 128 characters"),
        (&[b'x'; 129], "8 to 128 characters"),
        ("仮パスワードです".as_bytes(), "printable ASCII"),
        (b"tab\tin-between", "printable ASCII"),
        (b"06-0000-1111", "own number"),
        (b"my600001111!", "own number"),
        (b"password1", "first that are guessed"),
    ] {
        let ran = run(&scene, "passwd 0600001111", bad);
        assert!(ran.exit == 1 && ran.complaint.contains(why), "{ran:?}");
        assert!(bad.is_empty() || !ran.complaint.contains(&*String::from_utf8_lossy(bad)), "{ran:?}");
    }
    assert_eq!(run(&scene, "passwd 0600001111", b"\xff\xff\xff\xff\xff\xff\xff\xff").exit, 1);
    let stranger = run(&scene, "passwd 0399998888 --generate", b"");
    assert!(stranger.exit == 1 && stranger.complaint.contains("not a contracted number"), "{stranger:?}");
    assert_eq!(run(&scene, "passwd alice", b"").exit, 2);
    assert_eq!(run(&scene, "remove 0600001111", b"").exit, 1);
    assert_eq!(run(&scene, "list", b""), Ran::yes("NUMBER  CONTRACT  REALM  SET\n"));
    assert_eq!(run(&Scene::new(), "list", b"").exit, 3, "no store");
}

#[test]
fn lines_are_listed_and_removed_and_audited_without_any_secret() {
    let scene = scene();
    for line in ["0600001111", "0600002222"] {
        run(&scene, &format!("passwd {line}"), b"paper-lantern-41");
    }
    let expected = "\
NUMBER      CONTRACT    REALM     SET
0600001111  0600001111  karipass  2026-05-28T20:26:40Z
0600002222  0600001111  karipass  2026-05-28T20:26:40Z
";
    assert_eq!(run(&scene, "list", b""), Ran::yes(expected));
    let json = run(&scene, "list --json", b"");
    assert!(
        json.out.starts_with("{\"number\":\"0600001111\",\"customer_number\":\"0600001111\",\"realm\":"),
        "{json:?}"
    );
    assert_eq!(run(&scene, "remove 0600002222", b""), Ran::yes(""));
    assert_eq!(store(&scene, Mode::Existing).find_user_name("0600002222").unwrap(), None);
    let audit = store(&scene, Mode::Existing).audit(&AuditFilter::default()).unwrap();
    let actions: Vec<String> = audit.iter().map(|entry| format!("{} {}", entry.actor, entry.action)).collect();
    assert_eq!(
        actions[actions.len() - 3..],
        ["line passwd line-password-set", "line passwd line-password-set", "line remove line-password-removed"]
    );
    let shown = format!("{audit:?}{json:?}");
    assert!(!shown.contains("lantern"));
}

#[test]
fn a_number_that_goes_takes_its_password_along() {
    let scene = scene();
    run(&scene, "passwd 0600002222", b"paper-lantern-41");
    let mut store = store(&scene, Mode::Existing);
    assert!(store.has_line_password(None).unwrap() && !store.has_line_password(Some(number())).unwrap());
    store.remove_number(PhoneNumber::parse("0600002222").unwrap(), &Actor::Program("test"), NOW).unwrap();
    assert_eq!(store.find_user_name("0600002222").unwrap(), None);
    assert!(!store.has_line_password(None).unwrap());
}

#[test]
fn every_command_has_an_example() {
    assert!(Scene::help::<Args>(&[]).contains("karipass line "));
    for command in ["passwd", "list", "remove"] {
        assert!(Scene::help::<Args>(&[command]).contains("karipass line "), "{command}");
    }
}
