//! Sessions of the settings site, and what ends them.

use karipass::internals::account::session::{Session, SessionId, Stage};
use karipass::internals::account::{AuditFilter, Store, StoreError, Verdict};
use karipass::unit::Unit;

use super::*;

fn session(id: &str, unit: Unit, of: &str, stage: Stage, second: i64) -> Session {
    let at = NOW.plus(second);
    Session { id: SessionId(id.to_owned()), unit, number: number(of), stage, created_at: at, seen_at: at }
}

fn open(store: &mut impl Store, session: &Session) -> bool {
    store.open_session(session, NOW, &BY).unwrap()
}

fn is_there(store: &impl Store, id: &str) -> bool {
    store.session(&SessionId(id.to_owned())).unwrap().is_some()
}

fn told(store: &impl Store, of: &str) -> Vec<String> {
    let rows = store.audit(&AuditFilter { number: Some(number(of)), ..AuditFilter::default() }).unwrap();
    rows.iter().map(|row| format!("{} {} {:?}", row.at.0 - NOW.0, row.action, row.detail)).collect()
}

pub fn a_session_is_used_and_ends_once<B: Backend>(backend: &B) {
    let mut store = with_example(backend);
    let opened = session("s-1", Unit::AdminUser, "0600002222", Stage::Aged, 1);
    assert!(open(&mut store, &opened));
    assert_eq!(backend.open().session(&opened.id).unwrap(), Some(opened.clone()));
    store.touch_session(&opened.id, NOW.plus(9)).unwrap();
    store.touch_session(&opened.id, NOW.plus(5)).unwrap();
    let used = Session { seen_at: NOW.plus(9), ..opened.clone() };
    assert_eq!(store.session(&opened.id).unwrap(), Some(used), "a request that was overtaken turns no time back");
    store.close_session(&opened.id, &BY, NOW.plus(10)).unwrap();
    store.close_session(&opened.id, &BY, NOW.plus(11)).unwrap();
    store.touch_session(&opened.id, NOW.plus(12)).unwrap();
    assert!(!is_there(&store, "s-1"));
    let expected = ["0 contract-saved", "1 logged-in Some(\"aged\")", "10 logged-out None"];
    let rows = told(&store, "0600002222");
    assert!(rows.len() == 3 && rows.iter().zip(expected).all(|(row, start)| row.starts_with(start)), "{rows:?}");
}

pub fn a_temporary_password_opens_one_session<B: Backend>(backend: &B) {
    let mut store = with_example(backend);
    let login = |id: &str, second| session(id, Unit::Line, "0600001111", Stage::Temporary, second);
    assert!(!open(&mut store, &login("s-0", 0)), "no password was ever set");
    set_temporary(&mut store, Unit::Line, "0600001111", "48151623", NOW);
    assert!(open(&mut store, &login("s-1", 1)));
    assert!(!open(&mut store, &login("s-2", 2)), "it is used up");
    assert_eq!(verify(&mut store, Unit::Line, "0600001111", "48151623", NOW.plus(3)), Verdict::Expired);
    assert!(is_there(&store, "s-1") && !is_there(&store, "s-2"));
    let credential = store.credential(Unit::Line, number("0600001111")).unwrap().unwrap();
    assert_eq!(credential.temporary.unwrap().used_at, Some(NOW.plus(1)));
    // a new one can be used anew, up to its last second
    set_temporary(&mut store, Unit::Line, "0600001111", "271828", NOW.plus(10));
    assert!(!open(&mut store, &login("s-3", 10 + 86_400)), "24:00:00");
    assert!(open(&mut store, &login("s-4", 10 + 86_399)), "23:59:59");
}

pub fn an_own_password_ends_the_sessions_of_its_account<B: Backend>(backend: &B) {
    let mut store = with_example(backend);
    let accounts = [(Unit::Line, "0600001111"), (Unit::Number, "0600001111"), (Unit::Number, "0600002222")];
    for (unit, of) in accounts {
        assert!(open(&mut store, &session(&format!("{unit} {of}"), unit, of, Stage::Open, 0)));
        assert!(open(&mut store, &session(&format!("{unit} {of} again"), unit, of, Stage::Open, 0)));
    }
    set_own(&mut store, Unit::Number, "0600001111", "my own one 1", NOW.plus(1));
    for (unit, of) in accounts {
        let stays = (unit, of) != (Unit::Number, "0600001111");
        for id in [format!("{unit} {of}"), format!("{unit} {of} again")] {
            assert_eq!(is_there(&store, &id), stays, "{id}");
        }
    }
    // setting a temporary one ends none: somebody else may have called from the line
    set_temporary(&mut store, Unit::Line, "0600001111", "48151623", NOW.plus(2));
    assert!(is_there(&store, "line 0600001111"));
}

pub fn idle_sessions_go_when_another_comes<B: Backend>(backend: &B) {
    let mut store = with_example(backend);
    for (id, second) in [("s-1", 10), ("s-2", 11)] {
        assert!(open(&mut store, &session(id, Unit::Line, "0600001111", Stage::Open, second)));
    }
    let third = session("s-3", Unit::Number, "0600002222", Stage::Open, 900);
    assert!(store.open_session(&third, NOW.plus(11), &BY).unwrap());
    assert_eq!(["s-1", "s-2", "s-3"].map(|id| is_there(&store, id)), [false, true, true]);
}

pub fn sessions_belong_to_contracted_accounts<B: Backend>(backend: &B) {
    let mut store = with_example(backend);
    let stranger = session("s-0", Unit::Number, "0600003333", Stage::Open, 0);
    let refused = StoreError::NotContracted { unit: Unit::Number, number: number("0600003333") };
    assert_eq!(store.open_session(&stranger, NOW, &BY), Err(refused));
    for (id, of) in [("s-1", "0600001111"), ("s-2", "0600002222")] {
        assert!(open(&mut store, &session(id, Unit::AdminUser, of, Stage::Open, 0)));
    }
    store.remove_number(number("0600002222"), &BY, NOW.plus(1)).unwrap();
    assert!(is_there(&store, "s-1") && !is_there(&store, "s-2"), "a number that goes ends its sessions");
    store.remove_contract(number("0600001111"), &BY, NOW.plus(2)).unwrap();
    assert!(!is_there(&store, "s-1"));
}
