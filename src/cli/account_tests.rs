//! `karipass account` as a script sees it.
#![allow(clippy::unwrap_used)]

use rand::SeedableRng;
use rand::rngs::StdRng;

use super::super::output::testing::{NOW, Ran, Scene};
use super::*;
use crate::account::{Actor, Cost, demo, password};
use crate::secret::Secret;

fn run(scene: &Scene, line: &str, mut input: &[u8]) -> Ran {
    scene.run::<Args>(line, |args, config, now, mut out| {
        perform(args, config, now, &mut |_| ask::read(&mut input), &mut out)
    })
}

/// The example contract with a temporary password for its line.
fn scene() -> Scene {
    let scene = Scene::new();
    let mut store = open_store(&scene.config(), Mode::Create).unwrap();
    demo(&mut store, &Actor::Program("test"), NOW).unwrap();
    let number = PhoneNumber::parse("0600001111").unwrap();
    let clear = Secret::from("48151623");
    let mut rng = StdRng::seed_from_u64(1);
    let prepared = password::prepare(Unit::Line, number, &clear, NOW, "c-1", Cost::CHEAP, &mut rng).unwrap();
    store.set_temporary_passwords(&[prepared]).unwrap();
    scene
}

const LINE: &str = "--unit line --number 0600001111";

#[test]
fn verify_answers_by_its_exit_code() {
    let scene = scene();
    let verify = format!("verify {LINE}");
    for right in ["48151623", "48151623\n", "48151623\r\n"] {
        let ran = run(&scene, &verify, right.as_bytes());
        assert_eq!(ran, Ran::yes("right: this is the temporary password\n"), "{right:?}");
    }
    for wrong in ["48151624", "", " 48151623", "48151623 ", "4815162348151623"] {
        assert_eq!(run(&scene, &verify, wrong.as_bytes()), Ran::no("wrong\n"), "{wrong:?}");
        run(&scene, &verify, b"48151623");
    }
    let other = run(&scene, "verify --unit number --number 0600001111", b"48151623");
    assert_eq!(other, Ran::no("no password was ever set for this account\n"));
    let nobody = run(&scene, "verify --unit line --number 0399998888 --json", b"48151623");
    assert_eq!(nobody, Ran::no("{\"open\":false,\"verdict\":\"unknown\",\"locked_until\":null}\n"));
    let right = run(&scene, &format!("verify {LINE} --json"), b"48151623");
    assert_eq!(right, Ran::yes("{\"open\":true,\"verdict\":\"temporary\",\"locked_until\":null}\n"));
}

#[test]
fn an_expired_password_is_told_apart() {
    let mut scene = scene();
    scene.now = NOW.plus(86_400 - 1);
    assert_eq!(run(&scene, &format!("verify {LINE}"), b"48151623").exit, 0);
    scene.now = NOW.plus(86_400);
    let ran = run(&scene, &format!("verify {LINE}"), b"48151623");
    assert!(ran.exit == 1 && ran.out.starts_with("no longer valid"), "{ran:?}");
}

#[test]
fn a_locked_account_is_unlocked_by_hand() {
    let scene = scene();
    for _ in 0..3 {
        assert_eq!(run(&scene, &format!("verify {LINE}"), b"0"), Ran::no("wrong\n"));
    }
    let locked = run(&scene, &format!("verify {LINE}"), b"48151623");
    assert!(locked.exit == 1 && locked.out.starts_with("locked until 2026-05-28T20:36:40Z"), "{locked:?}");
    assert_eq!(run(&scene, &format!("unlock {LINE}"), b""), Ran::yes(""));
    assert_eq!(run(&scene, &format!("verify {LINE}"), b"48151623").exit, 0);
    let nothing = run(&scene, "unlock --unit number --number 0600001111", b"");
    assert!(nothing.exit == 1 && nothing.complaint.contains("no password was ever set"), "{nothing:?}");
}

#[test]
fn show_tells_times_and_counts_but_no_password() {
    let mut scene = scene();
    run(&scene, &format!("verify {LINE}"), b"99887766");
    let shown = run(&scene, &format!("show {LINE} --audit"), b"");
    let expected = "\
account             line 0600001111
contract            0600001111
temporary password  set 2026-05-28T20:26:40Z, valid until 2026-05-29T20:26:40Z
own password        none
wrong in a row      1
locked              no

AT                    BY              ACTION         DETAIL
2026-05-28T20:26:40Z  call c-1        temporary-set
2026-05-28T20:26:40Z  account verify  wrong          wrong
";
    assert_eq!(shown, Ran::yes(expected));
    scene.now = NOW.plus(86_400);
    let json = run(&scene, &format!("show {LINE} --json"), b"");
    let expected = format!(
        "{{\"unit\":\"line\",\"number\":\"0600001111\",\"customer_number\":\"0600001111\",\"temporary\":\
         {{\"set_at\":{},\"expires_at\":{},\"valid\":false}},\"own\":null,\"failures\":1,\"locked_until\":null}}\n",
        NOW.0,
        NOW.0 + 86_400
    );
    assert_eq!(json, Ran::yes(&expected));
    let text = run(&scene, &format!("show {LINE}"), b"").out;
    assert!(text.contains("ran out at 2026-05-29T20:26:40Z"), "{text}");
    for secret in ["48151623", "99887766", "argon2"] {
        assert!(!format!("{shown:?}{json:?}{text}").contains(secret));
    }
}

#[test]
fn show_refuses_what_is_no_account() {
    let scene = scene();
    assert_eq!(run(&scene, "show --unit number --number 0600002222", b"").exit, 0, "contracted, and no password yet");
    assert_eq!(run(&scene, "show --unit line --number 0600002222", b"").exit, 1, "no customer number");
    assert_eq!(run(&scene, "show --unit number --number 0399998888", b"").exit, 1);
    assert_eq!(run(&scene, "show --unit house --number 0600001111", b"").exit, 2);
    assert_eq!(run(&scene, "show --unit line", b"").exit, 2);
}

#[test]
fn without_a_store_there_is_nothing_to_ask() {
    let scene = Scene::new();
    for line in ["show", "verify", "unlock"] {
        assert_eq!(run(&scene, &format!("{line} {LINE}"), b"48151623").exit, 3, "{line}");
    }
    assert!(!scene.has_store());
}

#[test]
fn what_is_no_text_is_no_password() {
    assert_eq!(run(&scene(), &format!("verify {LINE}"), b"4815\xff").exit, 1);
}

#[test]
fn every_command_has_an_example() {
    assert!(Scene::help::<Args>(&[]).contains("karipass account "));
    for command in ["show", "verify", "unlock"] {
        assert!(Scene::help::<Args>(&[command]).contains("karipass account "), "{command}");
    }
}
