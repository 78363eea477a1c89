//! The passwords of telephones.

use karipass::internals::account::{
    Action, AuditEntry, AuditFilter, Existing, FoundLine, LineEntry, LinePassword, Store, StoreError, UserName,
};
use karipass::unit::Unit;

use super::*;

fn user_name(text: &str, of: char) -> UserName {
    UserName { user_name: text.to_owned(), ha1_sha256: of.to_string().repeat(64), ha1_md5: of.to_string().repeat(32) }
}

/// A password of this line, by these user names; `of` tells its hashes from others.
fn password_of(line: &str, user_names: &[&str], of: char) -> LinePassword {
    let user_names = user_names.iter().map(|text| user_name(text, of)).collect();
    LinePassword { number: number(line), realm: "lab 1".to_owned(), user_names }
}

fn found(line: &str, text: &str, of: char) -> Result<Option<FoundLine>, StoreError> {
    Ok(Some(FoundLine { number: number(line), realm: "lab 1".to_owned(), user_name: user_name(text, of) }))
}

const NAMES: [&str; 3] = ["0600001111", "+81600001111", "0600001111@192.0.2.10"];

pub fn a_telephone_is_found_by_each_of_its_user_names_as_it_is_written<B: Backend>(backend: &B) {
    let mut store = with_example(backend);
    store.set_line_password(&password_of("0600001111", &NAMES, 'a'), &BY, NOW).unwrap();
    store.set_line_password(&password_of("0600002222", &["0600002222"], 'b'), &BY, NOW.plus(1)).unwrap();
    for name in NAMES {
        assert_eq!(store.find_user_name(name), found("0600001111", name, 'a'));
    }
    assert_eq!(backend.open().find_user_name("0600002222"), found("0600002222", "0600002222", 'b'), "by others too");
    for other in ["", "060000111", "0600001111 ", "0600001111@192.0.2.11", "0600001111@192.0.2.1_", "%"] {
        assert_eq!(store.find_user_name(other), Ok(None), "{other:?}");
    }
}

pub fn a_new_line_password_replaces_the_older_one_and_its_user_names<B: Backend>(backend: &B) {
    let mut store = with_example(backend);
    store.set_line_password(&password_of("0600001111", &NAMES, 'a'), &BY, NOW).unwrap();
    let moved = LinePassword { realm: "lab 2".to_owned(), ..password_of("0600001111", &["0600001111", "other"], 'c') };
    store.set_line_password(&moved, &BY, NOW.plus(60)).unwrap();
    let expected =
        FoundLine { number: number("0600001111"), realm: "lab 2".to_owned(), user_name: user_name("0600001111", 'c') };
    assert_eq!(store.find_user_name("0600001111"), Ok(Some(expected)));
    assert_eq!(store.find_user_name("+81600001111"), Ok(None), "a writing that is no longer hashed");
    let listed = LineEntry {
        number: number("0600001111"),
        customer_number: number("0600001111"),
        realm: "lab 2".to_owned(),
        set_at: NOW.plus(60),
    };
    assert_eq!(store.line_passwords(), Ok(vec![listed]));
}

pub fn telephones_are_listed_with_their_contracts_by_number<B: Backend>(backend: &B) {
    let mut store = with_example(backend);
    assert_eq!((store.line_passwords(), store.has_line_password(None)), (Ok(vec![]), Ok(false)));
    store.set_line_password(&password_of("0600002222", &["b"], 'b'), &BY, NOW).unwrap();
    assert_eq!(store.has_line_password(None), Ok(true));
    assert_eq!(store.has_line_password(Some(number("0600001111"))), Ok(false));
    assert_eq!(store.has_line_password(Some(number("0600002222"))), Ok(true));
    store.set_line_password(&password_of("0600001111", &["a"], 'a'), &BY, NOW).unwrap();
    let listed: Vec<_> = store.line_passwords().unwrap();
    let lines: Vec<_> = listed.iter().map(|line| (line.number.as_str(), line.customer_number.as_str())).collect();
    assert_eq!(lines, [("0600001111", "0600001111"), ("0600002222", "0600001111")]);
}

pub fn only_contracted_lines_have_telephones<B: Backend>(backend: &B) {
    let mut store = with_example(backend);
    let refused = StoreError::NotContracted { unit: Unit::Number, number: number("0399998888") };
    assert_eq!(store.set_line_password(&password_of("0399998888", &["x"], 'x'), &BY, NOW), Err(refused));
    assert_eq!((store.find_user_name("x"), store.line_passwords()), (Ok(None), Ok(vec![])));
}

pub fn a_user_name_has_one_line_and_what_is_refused_leaves_everything_as_it_was<B: Backend>(backend: &B) {
    let mut store = with_example(backend);
    store.set_line_password(&password_of("0600001111", &NAMES, 'a'), &BY, NOW).unwrap();
    store.set_line_password(&password_of("0600002222", &["0600002222"], 'b'), &BY, NOW).unwrap();
    let taken = password_of("0600002222", &["new", "+81600001111"], 'c');
    assert!(store.set_line_password(&taken, &BY, NOW.plus(9)).is_err());
    assert_eq!(store.find_user_name("+81600001111"), found("0600001111", "+81600001111", 'a'));
    assert_eq!(store.find_user_name("0600002222"), found("0600002222", "0600002222", 'b'));
    assert_eq!(store.find_user_name("new"), Ok(None));
    assert!(store.line_passwords().unwrap().iter().all(|line| line.set_at == NOW));
}

pub fn a_line_password_goes_when_it_is_removed_and_with_its_number<B: Backend>(backend: &B) {
    let mut store = with_example(backend);
    for (line, name) in [("0600001111", "a"), ("0600002222", "b")] {
        store.set_line_password(&password_of(line, &[name], 'a'), &BY, NOW).unwrap();
    }
    assert_eq!(store.remove_line_password(number("0600001111"), &BY, NOW.plus(1)), Ok(true));
    assert_eq!(store.remove_line_password(number("0600001111"), &BY, NOW.plus(2)), Ok(false), "there is none any more");
    assert_eq!((store.find_user_name("a"), store.has_line_password(Some(number("0600001111")))), (Ok(None), Ok(false)));
    store.remove_number(number("0600002222"), &BY, NOW.plus(3)).unwrap();
    assert_eq!((store.find_user_name("b"), store.has_line_password(None)), (Ok(None), Ok(false)));
    // whoever gets the number next does not inherit it
    store.save_contracts(&[example()], Existing::Update, &BY, NOW.plus(4)).unwrap();
    assert_eq!(store.line_passwords(), Ok(vec![]));
    store.set_line_password(&password_of("0600002222", &["b"], 'b'), &BY, NOW.plus(5)).unwrap();
    store.remove_contract(number("0600001111"), &BY, NOW.plus(6)).unwrap();
    assert_eq!((store.find_user_name("b"), store.line_passwords()), (Ok(None), Ok(vec![])));
}

pub fn the_audit_tells_of_telephones_and_nothing_shows_their_hashes<B: Backend>(backend: &B) {
    let mut store = with_example(backend);
    store.set_line_password(&password_of("0600002222", &["b"], 'b'), &BY, NOW.plus(1)).unwrap();
    store.remove_line_password(number("0600002222"), &BY, NOW.plus(2)).unwrap();
    store.remove_line_password(number("0600002222"), &BY, NOW.plus(3)).unwrap();
    let entry = |second, action| AuditEntry {
        at: NOW.plus(second),
        actor: "suite".to_owned(),
        action,
        unit: None,
        number: Some(number("0600002222")),
        detail: None,
    };
    let told = store.audit(&AuditFilter { last: Some(2), ..AuditFilter::default() }).unwrap();
    assert_eq!(told, [entry(1, Action::LinePasswordSet), entry(2, Action::LinePasswordRemoved)]);
    let shown = format!("{:?} {told:?}", password_of("0600002222", &["b"], 'b'));
    assert!(!shown.contains("bbbb"), "{shown}");
}
