//! A clock that was ahead and is set back: what it has stored holds for no longer than it was meant to.

use karipass::internals::account::mail::{
    AddressConfirmation, CLAIM_SECONDS, Claim, Delivery, LINK_SECONDS, LONGEST_DELAY_SECONDS, NewMail, Purpose,
    TokenHash,
};
use karipass::internals::account::session::{Session, SessionId, Stage};
use karipass::internals::account::setting::FaxMail;
use karipass::internals::account::{Effects, Service, SettingChange, Store, Verdict};
use karipass::unit::Unit;

use super::*;

const DAY: i64 = 86_400;
/// How far ahead the clock was: more than anything lasts.
const AHEAD: i64 = 365 * DAY;

pub fn a_temporary_password_of_a_clock_ahead_opens_nothing_before_its_day<B: Backend>(backend: &B) {
    let mut store = with_example(backend);
    set_temporary(&mut store, Unit::Line, "0600001111", "48151623", NOW.plus(AHEAD));
    let mut at = |second| verify(&mut store, Unit::Line, "0600001111", "48151623", NOW.plus(second));
    assert_eq!(at(0), Verdict::Expired);
    assert_eq!(at(AHEAD - DAY - 61), Verdict::Expired);
    assert_eq!(
        at(AHEAD - DAY - 60),
        Verdict::Temporary,
        "a clock that was put back by a day takes nobody's password away"
    );
    assert_eq!(at(AHEAD), Verdict::Temporary);
    assert_eq!(at(AHEAD + DAY - 1), Verdict::Temporary);
    assert_eq!(at(AHEAD + DAY), Verdict::Expired);
    let login = |second| Session {
        id: SessionId(format!("s-{second}")),
        unit: Unit::Line,
        number: number("0600001111"),
        stage: Stage::Temporary,
        created_at: NOW.plus(second),
        seen_at: NOW.plus(second),
    };
    assert!(!store.open_session(&login(AHEAD - DAY - 61), NOW, &BY).unwrap());
    assert!(store.open_session(&login(AHEAD), NOW, &BY).unwrap());
}

pub fn a_lock_of_a_clock_ahead_is_over<B: Backend>(backend: &B) {
    let mut store = with_example(backend);
    set_own(&mut store, Unit::Line, "0600001111", "correct horse 1", NOW);
    let mut at = |clear, second| verify(&mut store, Unit::Line, "0600001111", clear, NOW.plus(second));
    for _ in 0..3 {
        assert_eq!(at("wrong", AHEAD), Verdict::Wrong);
    }
    let until = NOW.plus(AHEAD + 600);
    assert_eq!(at("correct horse 1", AHEAD), Verdict::Locked { until });
    assert_eq!(at("correct horse 1", AHEAD - 60), Verdict::Locked { until }, "clocks may differ by a minute");
    assert_eq!(at("correct horse 1", AHEAD - 61), Verdict::Own, "none lasts longer than ten minutes");
    // and what led to it is forgotten with it
    for second in [1, 2] {
        assert_eq!(at("wrong", second), Verdict::Wrong);
    }
    assert_eq!(at("correct horse 1", 3), Verdict::Own);
}

fn notice(id: &str) -> NewMail {
    NewMail {
        id: id.to_owned(),
        purpose: Purpose::Fault,
        number: number("0600002222"),
        recipient: "a@example.jp".to_owned(),
        subject: "件名".to_owned(),
        body: "本文".to_owned(),
    }
}

pub fn a_mail_of_a_clock_ahead_waits_no_longer_than_any_may<B: Backend>(backend: &B) {
    let mut store = with_example(backend);
    let enter = |store: &mut B::Handle, id: &str, second| {
        let effects = Effects { mails: vec![notice(id)], ..Effects::default() };
        store.apply(&effects, &BY, NOW.plus(second)).unwrap();
    };
    let claim = |store: &mut B::Handle, by: &str, second| {
        let claim = Claim { by: by.to_owned(), until: NOW.plus(second + CLAIM_SECONDS) };
        store.claim_mail(&claim, NOW.plus(second)).unwrap()
    };
    // entered and claimed by the clock ahead, and then the machine was set right
    enter(&mut store, "m-1", AHEAD);
    assert!(claim(&mut store, "one", AHEAD).is_some());
    let mail = claim(&mut store, "two", 0).expect("the claim of a year is over");
    assert_eq!(mail.created_at, NOW, "its age is counted from now on");
    assert_eq!(claim(&mut store, "three", 0), None, "this one holds");
    assert_eq!(claim(&mut store, "three", CLAIM_SECONDS - 1), None);
    // as long as a mail may wait it waits, and no longer
    let later = |due_at| Delivery::Later { due_at: NOW.plus(due_at), why: "greylisted".to_owned() };
    assert!(store.settle_mail("m-1", "two", &later(LONGEST_DELAY_SECONDS), NOW).unwrap());
    assert_eq!(claim(&mut store, "one", 0), None);
    assert_eq!(claim(&mut store, "one", -60), None);
    assert!(claim(&mut store, "one", -61).is_some(), "longer than an hour, whatever the clocks");
}

pub fn a_link_of_a_clock_ahead_confirms_nothing_before_its_day<B: Backend>(backend: &B) {
    let mut store = with_example(backend);
    let (number, address) = (number("0600002222"), "a@example.jp".to_owned());
    let fax_mail = FaxMail { address: address.clone(), confirmed: false };
    let detail = serde_json::to_string(&fax_mail).unwrap();
    let change = SettingChange { number, service: Service::FaxMail, revision: 0, active: true, detail };
    let effects = Effects { changes: vec![change], ..Effects::default() };
    store.apply(&effects, &BY, NOW).unwrap();
    let token = TokenHash::of("token");
    let expires_at = NOW.plus(AHEAD + LINK_SECONDS);
    let link = AddressConfirmation { token: token.clone(), number, address, expires_at };
    store.offer_confirmation(&link, NOW.plus(AHEAD)).unwrap();
    for second in [0, AHEAD - 61] {
        assert_eq!(store.offered_confirmation(&token, NOW.plus(second)), Ok(None));
        assert_eq!(store.confirm_address(&token, NOW.plus(second)), Ok(None));
    }
    assert_eq!(store.offered_confirmation(&token, NOW.plus(AHEAD - 60)), Ok(Some(link.clone())));
    assert_eq!(store.confirm_address(&token, NOW.plus(AHEAD + LINK_SECONDS - 1)), Ok(Some(link)));
}

pub fn a_session_of_a_clock_ahead_is_over<B: Backend>(backend: &B) {
    let mut store = with_example(backend);
    let (created_at, id) = (NOW.plus(AHEAD), SessionId("s-1".to_owned()));
    let (unit, stage) = (Unit::Line, Stage::Open);
    let session =
        Session { id: id.clone(), unit, number: number("0600001111"), stage, created_at, seen_at: created_at };
    assert!(store.open_session(&session, NOW, &BY).unwrap());
    let found = backend.open().session(&id).unwrap().unwrap();
    let is_over = |second| found.is_over(NOW.plus(second), 900, 12 * 3600);
    assert!(is_over(0) && is_over(AHEAD - 61));
    assert!(!is_over(AHEAD - 60), "clocks of two machines may differ by a minute");
    assert!(!is_over(AHEAD + 899));
    assert!(is_over(AHEAD + 900));
    let used = Session { seen_at: NOW.plus(AHEAD + 12 * 3600 - 1), ..found };
    assert!(!used.is_over(NOW.plus(AHEAD + 12 * 3600 - 1), 900, 12 * 3600));
    assert!(used.is_over(NOW.plus(AHEAD + 12 * 3600), 900, 12 * 3600));
}

pub fn an_own_password_of_a_clock_ahead_has_aged<B: Backend>(backend: &B) {
    let mut store = with_example(backend);
    set_own(&mut store, Unit::Line, "0600001111", "correct horse 1", NOW.plus(AHEAD));
    let own = backend.open().credential(Unit::Line, number("0600001111")).unwrap().unwrap().own.unwrap();
    let has_aged = |second| own.has_aged(NOW.plus(second), 60 * DAY);
    assert!(has_aged(0) && has_aged(AHEAD - 61));
    assert!(!has_aged(AHEAD - 60) && !has_aged(AHEAD + 60 * DAY - 1));
    assert!(has_aged(AHEAD + 60 * DAY));
}
