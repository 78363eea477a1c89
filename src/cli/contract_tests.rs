//! `karipass contract` as a script sees it.
#![allow(clippy::unwrap_used)]

use super::super::output::testing::{Ran, Scene};
use super::*;

fn run(scene: &Scene, line: &str, input: &str) -> Ran {
    scene.run::<Args>(line, |args, config, now, out| perform(args, config, now, &mut input.as_bytes(), out))
}

const LISTED: &str = "\
CUSTOMER    NUMBER      SERVICES
0600001111  0600001111  arrival-mail
0600001111  0600002222  arrival-mail+fax-mail
";

#[test]
fn a_contract_is_added_listed_shown_and_removed() {
    let scene = Scene::new();
    let added = run(&scene, "add 06-0000-1111 0600002222=arrival-mail+fax-mail --services arrival-mail", "");
    assert_eq!(added, Ran::yes("contracts added: 1, numbers added: 2, numbers changed: 0\n"));
    assert_eq!(run(&scene, "list", ""), Ran::yes(LISTED));
    assert_eq!(run(&scene, "show 0600002222", ""), Ran::yes(LISTED));
    let json = r#"{"customer_number":"0600001111","numbers":[{"number":"0600001111","services":["arrival-mail"]},{"number":"0600002222","services":["arrival-mail","fax-mail"]}]}"#;
    assert_eq!(run(&scene, "list --json", ""), Ran::yes(&format!("{json}\n")));
    assert_eq!(run(&scene, "show 0600001111 --json", ""), Ran::yes(&format!("{json}\n")));
    assert_eq!(run(&scene, "remove 0600001111 0600002222", ""), Ran::yes(""));
    let alone = "CUSTOMER    NUMBER      SERVICES\n0600001111  0600001111  arrival-mail\n";
    assert_eq!(run(&scene, "list", ""), Ran::yes(alone));
    assert_eq!(run(&scene, "remove 0600001111", ""), Ran::yes(""));
    assert_eq!(run(&scene, "list", ""), Ran::yes("CUSTOMER  NUMBER  SERVICES\n"));
}

#[test]
fn adding_refuses_what_is_there_unless_it_is_an_update() {
    let scene = Scene::new();
    run(&scene, "add 0600001111 --services arrival-mail", "");
    let taken = run(&scene, "add 0600001111", "");
    assert_eq!(taken.exit, 1);
    assert!(taken.complaint.contains("0600001111 already belongs to contract 0600001111"), "{taken:?}");
    assert_eq!(run(&scene, "add 0600001111 0600002222 --services fax-mail", "").exit, 0, "a further number");
    assert_eq!(run(&scene, "add 0600001111 0600002222 --services all", "").exit, 1);
    let shown = run(&scene, "show 0600001111", "").out;
    assert!(shown.contains("0600001111  arrival-mail\n") && shown.contains("0600002222  fax-mail\n"), "{shown}");
    let updated = run(&scene, "add 0600001111 0600002222=none --services all --update --json", "");
    assert_eq!(updated, Ran::yes("{\"contracts_added\":0,\"numbers_added\":0,\"numbers_changed\":2}\n"));
}

#[test]
fn import_takes_a_file_or_standard_input() {
    let scene = Scene::new();
    let csv = "customer_number,number,services\n0600001111,0600001111,arrival-mail\n0600001111,0600002222,arrival-mail+fax-mail\n";
    let file = scene.file("contracts.csv", csv);
    let added = Ran::yes("contracts added: 1, numbers added: 2, numbers changed: 0\n");
    assert_eq!(run(&scene, &format!("import {file}"), ""), added);
    let nothing_new = Ran::yes("contracts added: 0, numbers added: 0, numbers changed: 0\n");
    assert_eq!(run(&scene, "import -", csv), nothing_new);
    assert_eq!(run(&scene, "list", ""), Ran::yes(LISTED));
}

#[test]
fn a_bad_file_is_told_line_by_line_and_changes_nothing() {
    let scene = Scene::new();
    run(&scene, "add 0600001111", "");
    let before = run(&scene, "list", "");
    let bad = run(&scene, "import -", "0399998888,0399998888,all\n0399998888,0600002222,fax\n0399998888,6,all\n");
    assert_eq!(bad.exit, 1);
    assert!(bad.complaint.contains("-: line 2, column 3 (services): \"fax\" is no service"), "{bad:?}");
    assert!(bad.complaint.contains("-: line 3, column 2 (number): \"6\""), "{bad:?}");
    assert!(bad.complaint.ends_with("nothing was changed"), "{bad:?}");
    let taken = run(&scene, "import -", "0399998888,0399998888,all\n0399998888,0600001111,all\n");
    assert_eq!(taken.exit, 1);
    assert!(taken.complaint.starts_with("-: line 2: 0600001111 already belongs to contract 0600001111"), "{taken:?}");
    let many = run(&scene, "import -", &"x,y,z\n".repeat(100));
    assert!(many.complaint.lines().count() < 25 && many.complaint.contains("and 80 more"), "{many:?}");
    assert_eq!(run(&scene, "list", ""), before);
}

#[test]
fn a_file_that_is_not_there_is_a_missing_resource() {
    let scene = Scene::new();
    let missing = run(&scene, "import /nonexistent/contracts.csv", "");
    assert_eq!(missing.exit, 3);
    assert!(missing.complaint.starts_with("/nonexistent/contracts.csv: cannot be read: No such file"), "{missing:?}");
    assert_eq!(run(&scene, "import /", "").exit, 3);
    for line in ["list", "show 0600001111", "remove 0600001111"] {
        let missing = run(&scene, line, "");
        assert_eq!(missing.exit, 3, "{line}");
        assert!(missing.complaint.contains("there is no account store here"), "{missing:?}");
    }
    assert!(!scene.has_store(), "nothing was made along the way");
}

#[test]
fn what_does_not_exist_is_not_removed() {
    let scene = Scene::new();
    run(&scene, "add 0600001111 0600002222", "");
    let before = run(&scene, "list", "");
    for line in [
        "remove 0399998888",
        "remove 0600001111 0600003333",
        "remove 0600001111 0600002222 0600003333",
        "remove 0600001111 0600001111",
        "show 0600003333",
    ] {
        assert_eq!(run(&scene, line, "").exit, 1, "{line}");
    }
    assert_eq!(run(&scene, "list", ""), before);
}

#[test]
fn bad_arguments_are_refused_before_anything_happens() {
    let scene = Scene::new();
    for (line, told) in [
        ("add 600001111", "the number lacks its area code's leading 0"),
        ("add 0600001111 --services fax", "\"fax\" is no service: use voicewarp"),
        ("add 0600001111=fax", "\"fax\" is no service: use voicewarp"),
        ("add", "CUSTOMER_NUMBER"),
        ("show x", "'x' does not belong in a telephone number"),
    ] {
        let refused = run(&scene, line, "");
        assert_eq!(refused.exit, 2, "{line}");
        assert!(refused.complaint.contains(told), "{line}: {}", refused.complaint);
    }
    assert!(!scene.has_store());
}

#[test]
fn every_command_has_an_example() {
    assert!(Scene::help::<Args>(&[]).contains("karipass contract "));
    for command in ["add", "list", "show", "import", "remove"] {
        assert!(Scene::help::<Args>(&[command]).contains("karipass contract "), "{command}");
    }
}
