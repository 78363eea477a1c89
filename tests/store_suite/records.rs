//! Call records and the audit, and that nothing shows a password.

use karipass::internals::account::{
    Action, AuditEntry, AuditFilter, CallFilter, CallRecord, DigitCounts, MediaCounts, Outcome, Store, StoreError,
    Write,
};
use karipass::unit::Unit;

use super::*;

fn whole_record() -> CallRecord {
    CallRecord {
        id: "c-9".to_owned(),
        started_at: NOW,
        answered_at: Some(NOW.plus(1)),
        ended_at: NOW.plus(61),
        caller: Some(number("0600001111")),
        peer: "[2001:db8::1]:5060".to_owned(),
        unit: Some(Unit::AdminUser),
        target: Some(number("0600002222")),
        outcome: Outcome::TooManyInvalid,
        status: 200,
        reason: Some("Q.850;cause=16;text=\"normal call clearing\"".to_owned()),
        refused_media: Some("no crypto suite in common".to_owned()),
        detail: Some("the INVITE has no P-Asserted-Identity".to_owned()),
        srtp: Some("AEAD_AES_256_GCM".to_owned()),
        media: MediaCounts { received: 3000, lost: 7, duplicates: 2, jitter_ms: 12, unauthentic: 3, replayed: 1 },
        digits: DigitCounts { rfc4733: 10, inband: 4, info: u32::MAX },
    }
}

pub fn a_call_record_comes_back_as_it_was<B: Backend>(backend: &B) {
    let mut store = backend.open();
    let mut bare = CallRecord::new("c-10", NOW.plus(5), "192.0.2.1:5060", Outcome::RefusedWithheld);
    bare.status = 433;
    store.record_call(&whole_record()).unwrap();
    store.record_call(&bare).unwrap();
    assert_eq!(store.calls(&CallFilter::default()).unwrap(), [whole_record(), bare]);
    for outcome in Outcome::ALL {
        let mut record = CallRecord::new(outcome.name(), NOW.plus(9), "192.0.2.1:5060", *outcome);
        record.status = 500;
        store.record_call(&record).unwrap();
        let found =
            store.calls(&CallFilter { since: Some(NOW.plus(9)), outcome: Some(*outcome), ..Default::default() });
        assert_eq!(found, Ok(vec![record]));
    }
}

pub fn a_call_is_recorded_once<B: Backend>(backend: &B) {
    let mut store = backend.open();
    store.record_call(&whole_record()).unwrap();
    let again = CallRecord::new("c-9", NOW.plus(99), "192.0.2.2:5060", Outcome::Set);
    assert_eq!(store.record_call(&again), Err(StoreError::CallTwice { id: "c-9".to_owned() }));
    assert_eq!(store.calls(&CallFilter::default()).unwrap(), [whole_record()]);
}

pub fn call_records_are_chosen_and_ordered<B: Backend>(backend: &B) {
    let mut store = backend.open();
    for (id, start, outcome) in [("c", 30, Outcome::Set), ("a", 10, Outcome::HungUp), ("b", 20, Outcome::Set)] {
        let mut record = CallRecord::new(id, NOW.plus(start), "192.0.2.1:5060", outcome);
        record.caller = (id != "a").then(|| number("0600001111"));
        store.record_call(&record).unwrap();
    }
    let ids = |filter: CallFilter| store.calls(&filter).unwrap().into_iter().map(|call| call.id).collect::<Vec<_>>();
    let all = CallFilter::default();
    assert_eq!(ids(all), ["a", "b", "c"]);
    assert_eq!(ids(CallFilter { last: Some(2), ..all }), ["b", "c"]);
    assert_eq!(ids(CallFilter { since: Some(NOW.plus(20)), ..all }), ["b", "c"]);
    assert_eq!(ids(CallFilter { until: Some(NOW.plus(20)), ..all }), ["a"]);
    assert_eq!(ids(CallFilter { caller: Some(number("0600001111")), last: Some(1), ..all }), ["c"]);
    let behind = |filter: CallFilter, after: Option<&CallRecord>, most| {
        let calls = store.calls_behind(&filter, after, most).unwrap();
        calls.into_iter().map(|call| call.id).collect::<Vec<_>>()
    };
    let first = store.call("a").unwrap().unwrap();
    assert_eq!(behind(all, None, 2), ["a", "b"]);
    assert_eq!(behind(all, Some(&first), 9), ["b", "c"]);
    assert_eq!(behind(CallFilter { until: Some(NOW.plus(30)), ..all }, Some(&first), 9), ["b"]);
    assert_eq!(behind(CallFilter { since: Some(NOW.plus(20)), ..all }, None, 1), ["b"]);
    assert_eq!(behind(CallFilter { outcome: Some(Outcome::HungUp), ..all }, None, 9), ["a"]);
    assert_eq!(behind(CallFilter { caller: Some(number("0600001111")), ..all }, None, 9), ["b", "c"]);
    assert_eq!(ids(CallFilter { outcome: Some(Outcome::HungUp), ..all }), ["a"]);
}

pub fn the_audit_tells_who_did_what<B: Backend>(backend: &B) {
    let mut store = with_example(backend);
    set_temporary(&mut store, Unit::Line, "0600001111", "48151623", NOW.plus(1));
    for (second, clear) in [(2, "48151623"), (3, "0"), (4, "0"), (5, "0"), (6, "48151623")] {
        verify(&mut store, Unit::Line, "0600001111", clear, NOW.plus(second));
    }
    store.unlock(Unit::Line, number("0600001111"), &BY, NOW.plus(7)).unwrap();
    verify(&mut store, Unit::Line, "0600001111", "48151623", NOW.plus(1 + 86_400));
    set_own(&mut store, Unit::Line, "0600001111", "my own one 1", NOW.plus(90_000));
    let other = AuditEntry {
        at: NOW.plus(90_001),
        actor: "site".to_owned(),
        action: Action::Other("voicewarp-started".to_owned()),
        unit: None,
        number: None,
        detail: None,
    };
    assert_eq!(store.commit(&[Write::Audit(&other)]), Ok(vec![Ok(())]));
    store.remove_number(number("0600002222"), &BY, NOW.plus(90_002)).unwrap();
    store.remove_contract(number("0600001111"), &BY, NOW.plus(90_003)).unwrap();

    let told = |filter: &AuditFilter| {
        let line = |entry: AuditEntry| format!("{} {} {}", entry.at.0 - NOW.0, entry.actor, entry.action);
        store.audit(filter).unwrap().into_iter().map(line).collect::<Vec<_>>()
    };
    let expected = [
        "0 suite contract-saved",
        "0 suite contract-saved",
        "1 call c-1 temporary-set",
        "2 suite verified",
        "3 suite wrong",
        "4 suite wrong",
        "5 suite locked",
        // an attempt on a locked account writes nothing, so that it cannot be used to fill the store
        "7 suite unlocked",
        "86401 suite expired",
        "90000 suite password-set",
        "90001 site voicewarp-started",
        "90002 suite number-removed",
        "90003 suite contract-removed",
    ];
    assert_eq!(told(&AuditFilter::default()), expected);
    let of_number = AuditFilter { number: Some(number("0600002222")), ..Default::default() };
    assert_eq!(told(&of_number), ["0 suite contract-saved", "90002 suite number-removed"]);
    let last_of_unit = AuditFilter { unit: Some(Unit::Line), last: Some(1), ..Default::default() };
    assert_eq!(told(&last_of_unit), ["90000 suite password-set"]);
}

pub fn no_rendering_shows_a_password_or_a_hash<B: Backend>(backend: &B) {
    let mut store = with_example(backend);
    set_temporary(&mut store, Unit::Line, "0600001111", "48151623", NOW);
    set_own(&mut store, Unit::Line, "0600001111", "my own one 1", NOW);
    set_temporary(&mut store, Unit::Line, "0600001111", "48151623", NOW);
    let verdict = verify(&mut store, Unit::Line, "0600001111", "48151623", NOW);
    let refused = store.set_temporary_passwords(&[prepared(Unit::Line, "0600003333", "48151623", NOW)]);
    let shown = format!(
        "{:?} {:?} {:?} {:?} {:?}",
        store.credential(Unit::Line, number("0600001111")),
        store.audit(&AuditFilter::default()),
        prepared(Unit::Line, "0600001111", "48151623", NOW),
        refused,
        verdict,
    );
    for secret in ["48151623", "my own one", "argon2"] {
        assert!(!shown.contains(secret), "{secret} in {shown}");
    }
}
