//! `karipass calls` as a script sees it.
#![allow(clippy::unwrap_used)]

use super::super::output::testing::{NOW, Ran, Scene};
use super::*;
use crate::unit::Unit;

fn run(scene: &Scene, line: &str) -> Ran {
    scene.run::<Args>(line, |args, config, _, out| perform(args, config, out))
}

/// A refused call, and one that set a password.
fn scene() -> Scene {
    let scene = Scene::new();
    let mut store = open_store(&scene.config(), Mode::Create).unwrap();
    let mut refused = CallRecord::new("c-1", NOW, "192.0.2.1:5060", Outcome::RefusedWithheld);
    refused.status = 433;
    refused.detail = Some("as configured".to_owned());
    let mut set = CallRecord::new("c-2", NOW.plus(60), "[2001:db8::1]:5060", Outcome::Set);
    set.answered_at = Some(NOW.plus(61));
    set.ended_at = NOW.plus(125);
    set.caller = PhoneNumber::parse("0600001111").ok();
    set.unit = Some(Unit::AdminUser);
    set.target = PhoneNumber::parse("0600002222").ok();
    set.status = 200;
    set.reason = Some("SIP;cause=200".to_owned());
    set.refused_media = Some("no crypto suite in common".to_owned());
    store.record_call(&refused).unwrap();
    store.record_call(&set).unwrap();
    scene
}

#[test]
fn each_call_is_a_row_with_its_reason() {
    let expected = "\
STARTED               SECONDS  FROM        PEER                UNIT        TARGET      STATUS  OUTCOME           ID   REASON
2026-05-28T20:26:40Z  0        -           192.0.2.1:5060      -           -           433     refused-withheld  c-1  the calling number is withheld (as configured)
2026-05-28T20:27:40Z  65       0600001111  [2001:db8::1]:5060  admin-user  0600002222  200     set               c-2  temporary password set (no crypto suite in common; SIP;cause=200)
";
    assert_eq!(run(&scene(), ""), Ran::yes(expected));
}

#[test]
fn json_is_one_object_a_line() {
    let out = run(&scene(), "--json").out;
    let calls: Vec<serde_json::Value> = out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(calls.len(), 2);
    let first = calls.first().unwrap();
    assert_eq!(first["outcome"], "refused-withheld");
    assert_eq!(first["status"], 433);
    assert_eq!(first["caller"], serde_json::Value::Null);
    let last = calls.last().unwrap();
    assert_eq!(last["started_at"], NOW.0 + 60);
    assert_eq!(last["unit"], "admin-user");
    assert_eq!(last["target"], "0600002222");
    assert_eq!(last["digits"]["inband"], 0);
}

#[test]
fn calls_are_chosen_by_time_number_outcome_and_count() {
    let scene = scene();
    let ids = |line: &str| {
        let ran = run(&scene, &format!("--json {line}"));
        let id =
            |line: &str| serde_json::from_str::<serde_json::Value>(line).unwrap()["id"].as_str().unwrap().to_owned();
        ran.out.lines().map(id).collect::<Vec<_>>()
    };
    assert_eq!(ids("--last 1"), ["c-2"]);
    assert_eq!(ids("--since 2026-05-29T05:27:00+09:00"), ["c-2"]);
    // without an offset in UTC, and a day from its start
    assert_eq!(ids("--since 2026-05-28T20:27"), ["c-2"]);
    assert_eq!(ids("--since 2026-05-28"), ["c-1", "c-2"]);
    assert_eq!(ids("--since 2026-05-29"), [""; 0]);
    assert_eq!(ids("--until 2026-05-28T20:27:40Z"), ["c-1"]);
    assert_eq!(ids("--since 2026-05-28 --until 2026-05-29"), ["c-1", "c-2"]);
    assert_eq!(ids("--from 06-0000-1111"), ["c-2"]);
    assert_eq!(ids("--outcome refused-withheld"), ["c-1"]);
    assert_eq!(run(&scene, "--outcome odd").exit, 2);
    let refused = run(&scene, "--since yesterday");
    assert!(refused.exit == 2 && refused.complaint.contains("such as 2026-01-31"), "{refused:?}");
}

#[test]
fn many_calls_are_listed_page_by_page_and_each_once() {
    let scene = Scene::new();
    let mut store = open_store(&scene.config(), Mode::Create).unwrap();
    // several in one second, so that a page ends within it
    for n in 0..7 {
        let record = CallRecord::new(format!("c-{n}"), NOW.plus(n / 3), "192.0.2.1:5060", Outcome::HungUp);
        store.record_call(&record).unwrap();
    }
    let whole = store.calls(&CallFilter::default()).unwrap();
    for page in [1, 2, 3, 7, 100] {
        let mut out = Vec::new();
        list_all(&store, &CallFilter::default(), page, &mut out).unwrap();
        let expected = whole.iter().map(|call| serde_json::to_string(call).unwrap() + "\n").collect::<String>();
        assert_eq!(String::from_utf8(out).unwrap(), expected, "{page} a page");
    }
}

#[test]
fn without_a_store_there_are_no_calls_to_list() {
    let scene = Scene::new();
    assert_eq!(run(&scene, "").exit, 3);
    assert!(!scene.has_store());
}

#[test]
fn help_has_an_example_and_every_outcome() {
    let help = Scene::help::<Args>(&[]);
    assert!(help.contains("karipass calls "));
    for outcome in Outcome::ALL {
        assert!(help.contains(outcome.name()) && help.contains(outcome.reason()), "{outcome}");
    }
}
