//! Passwords: how long they live, what replaces what, and locks.

use karipass::internals::account::{
    Action, Attempt, AuditEntry, AuditFilter, CallFilter, CallRecord, Cost, Existing, Outcome, Settled, Store,
    StoreError, Verdict, Write,
};
use karipass::secret::Secret;
use karipass::unit::Unit;

use super::*;

const DAY: i64 = 86_400;

pub fn a_temporary_password_is_valid_for_24_hours_to_the_second<B: Backend>(backend: &B) {
    let mut store = with_example(backend);
    set_temporary(&mut store, Unit::Line, "0600001111", "48151623", NOW);
    let mut at = |seconds| verify(&mut store, Unit::Line, "0600001111", "48151623", NOW.plus(seconds));
    assert_eq!(at(0), Verdict::Temporary);
    assert_eq!(at(DAY - 1), Verdict::Temporary, "23:59:59");
    assert_eq!(at(DAY), Verdict::Expired, "24:00:00");
    assert_eq!(at(10 * DAY), Verdict::Expired);
    assert_eq!(verify(&mut store, Unit::Line, "0600001111", "48151624", NOW.plus(DAY)), Verdict::Wrong);
}

pub fn a_new_temporary_password_replaces_the_older_one<B: Backend>(backend: &B) {
    let mut store = with_example(backend);
    set_temporary(&mut store, Unit::Line, "0600001111", "48151623", NOW);
    set_temporary(&mut store, Unit::Line, "0600001111", "271828", NOW.plus(100));
    assert_eq!(verify(&mut store, Unit::Line, "0600001111", "48151623", NOW.plus(101)), Verdict::Wrong);
    let last = NOW.plus(100 + DAY - 1);
    assert_eq!(verify(&mut store, Unit::Line, "0600001111", "271828", last), Verdict::Temporary);
    assert_eq!(verify(&mut store, Unit::Line, "0600001111", "271828", last.plus(1)), Verdict::Expired);
}

pub fn a_temporary_password_leaves_the_own_one_in_force<B: Backend>(backend: &B) {
    let mut store = with_example(backend);
    set_own(&mut store, Unit::Line, "0600001111", "correct horse 1", NOW);
    set_temporary(&mut store, Unit::Line, "0600001111", "48151623", NOW.plus(1));
    assert_eq!(verify(&mut store, Unit::Line, "0600001111", "correct horse 1", NOW.plus(2)), Verdict::Own);
    assert_eq!(verify(&mut store, Unit::Line, "0600001111", "48151623", NOW.plus(2)), Verdict::Temporary);
    let later = NOW.plus(1 + DAY);
    assert_eq!(verify(&mut store, Unit::Line, "0600001111", "correct horse 1", later), Verdict::Own);
    assert_eq!(verify(&mut store, Unit::Line, "0600001111", "48151623", later), Verdict::Expired);
}

pub fn an_own_password_uses_the_temporary_one_up<B: Backend>(backend: &B) {
    let mut store = with_example(backend);
    set_temporary(&mut store, Unit::Line, "0600001111", "48151623", NOW);
    set_own(&mut store, Unit::Line, "0600001111", "first one 1", NOW.plus(1));
    assert_eq!(verify(&mut store, Unit::Line, "0600001111", "48151623", NOW.plus(2)), Verdict::Wrong);
    set_own(&mut store, Unit::Line, "0600001111", "second one 2", NOW.plus(3));
    assert_eq!(verify(&mut store, Unit::Line, "0600001111", "second one 2", NOW.plus(4)), Verdict::Own);
    let credential = store.credential(Unit::Line, number("0600001111")).unwrap().unwrap();
    assert_eq!(credential.temporary, None);
    assert_eq!(credential.own.unwrap().changed_at, NOW.plus(3));
    assert!(credential.previous.unwrap().matches(&Secret::from("first one 1")));
}

pub fn accounts_are_told_apart_by_unit_and_number<B: Backend>(backend: &B) {
    let mut store = with_example(backend);
    let accounts = [
        (Unit::Line, "0600001111", "11223344"),
        (Unit::Number, "0600001111", "22334455"),
        (Unit::Number, "0600002222", "33445566"),
        (Unit::AdminUser, "0600001111", "44556677"),
        (Unit::AdminUser, "0600002222", "55667788"),
    ];
    for (unit, of, clear) in accounts {
        set_temporary(&mut store, unit, of, clear, NOW);
    }
    for (unit, of, clear) in accounts {
        for (_, _, other) in accounts {
            let expected = if other == clear { Verdict::Temporary } else { Verdict::Wrong };
            assert_eq!(verify(&mut store, unit, of, other, NOW), expected, "{unit} {of}");
            store.unlock(unit, number(of), &BY, NOW).unwrap();
        }
    }
}

pub fn only_contracted_accounts_get_passwords<B: Backend>(backend: &B) {
    let mut store = with_example(backend);
    for (unit, of) in [
        (Unit::Line, "0600002222"), // an additional number is nobody's customer number
        (Unit::Line, "0600003333"),
        (Unit::Number, "0600003333"),
        (Unit::AdminUser, "0600003333"),
    ] {
        let refused = StoreError::NotContracted { unit, number: number(of) };
        let results = store.set_temporary_passwords(&[prepared(unit, of, "48151623", NOW)]).unwrap();
        assert_eq!(results, [Err(refused.clone())]);
        let hash = prepared(unit, of, "48151623", NOW).hash;
        assert_eq!(store.set_own_password(unit, number(of), &hash, &BY, NOW), Err(refused));
        assert_eq!(verify(&mut store, unit, of, "48151623", NOW), Verdict::Unknown);
    }
}

pub fn three_wrong_passwords_lock_for_ten_minutes<B: Backend>(backend: &B) {
    let mut store = with_example(backend);
    set_temporary(&mut store, Unit::Line, "0600001111", "48151623", NOW);
    let mut try_at = |seconds, clear| verify(&mut store, Unit::Line, "0600001111", clear, NOW.plus(seconds));
    let until = NOW.plus(2 + 600);
    for second in 0..3 {
        assert_eq!(try_at(second, "0"), Verdict::Wrong);
    }
    assert_eq!(try_at(2, "48151623"), Verdict::Locked { until });
    assert_eq!(try_at(601, "48151623"), Verdict::Locked { until }, "a lock is not prolonged by trying");
    // then it is open again, with three more tries
    assert_eq!(try_at(602, "0"), Verdict::Wrong);
    assert_eq!(try_at(603, "0"), Verdict::Wrong);
    assert_eq!(try_at(604, "48151623"), Verdict::Temporary);
    for second in 605..608 {
        assert_eq!(try_at(second, "0"), Verdict::Wrong);
    }
    assert_eq!(try_at(608, "48151623"), Verdict::Locked { until: NOW.plus(607 + 600) });
    // and another program sees the lock
    let locked = verify(&mut backend.open(), Unit::Line, "0600001111", "48151623", NOW.plus(608));
    assert_eq!(locked, Verdict::Locked { until: NOW.plus(607 + 600) });
}

pub fn a_right_password_forgets_the_wrong_ones<B: Backend>(backend: &B) {
    let mut store = with_example(backend);
    set_temporary(&mut store, Unit::Line, "0600001111", "48151623", NOW);
    for clear in ["0", "0", "48151623", "0", "0", "48151623"] {
        let expected = if clear == "0" { Verdict::Wrong } else { Verdict::Temporary };
        assert_eq!(verify(&mut store, Unit::Line, "0600001111", clear, NOW), expected);
    }
}

pub fn an_expired_password_does_not_count_as_wrong<B: Backend>(backend: &B) {
    let mut store = with_example(backend);
    set_temporary(&mut store, Unit::Line, "0600001111", "48151623", NOW);
    for _ in 0..5 {
        assert_eq!(verify(&mut store, Unit::Line, "0600001111", "48151623", NOW.plus(DAY)), Verdict::Expired);
    }
}

pub fn a_lock_can_be_lifted<B: Backend>(backend: &B) {
    let mut store = with_example(backend);
    let lock = |store: &mut B::Handle| {
        for _ in 0..3 {
            assert_eq!(verify(store, Unit::Line, "0600001111", "0", NOW), Verdict::Wrong);
        }
        assert!(matches!(verify(store, Unit::Line, "0600001111", "0", NOW), Verdict::Locked { .. }));
    };
    assert_eq!(store.unlock(Unit::Line, number("0600001111"), &BY, NOW), Ok(false), "there is nothing to unlock yet");
    set_temporary(&mut store, Unit::Line, "0600001111", "48151623", NOW);
    lock(&mut store);
    assert_eq!(store.unlock(Unit::Line, number("0600001111"), &BY, NOW), Ok(true));
    assert_eq!(verify(&mut store, Unit::Line, "0600001111", "48151623", NOW), Verdict::Temporary);
    // who can call from the line has proved enough to start afresh
    lock(&mut store);
    set_temporary(&mut store, Unit::Line, "0600001111", "271828", NOW);
    assert_eq!(verify(&mut store, Unit::Line, "0600001111", "271828", NOW), Verdict::Temporary);
}

pub fn attempts_side_by_side_get_no_more_tries<B: Backend>(backend: &B) {
    let mut store = with_example(backend);
    set_temporary(&mut store, Unit::Line, "0600001111", "48151623", NOW);
    let credential = store.credential(Unit::Line, number("0600001111")).unwrap();
    let attempt = |clear: &str| {
        let password = Secret::from(clear);
        Attempt::compare(Unit::Line, number("0600001111"), credential.as_ref(), &password, Cost::CHEAP)
    };
    // ten programs have compared before the first of them enters its result
    let attempts: Vec<Attempt> = (0..9).map(|_| attempt("0")).chain([attempt("48151623")]).collect();
    let locked = Settled::Verdict(Verdict::Locked { until: NOW.plus(600) });
    let settled: Vec<Settled> = attempts.iter().map(|attempt| store.settle(attempt, &BY, NOW).unwrap()).collect();
    assert_eq!(settled[..3], [Settled::Verdict(Verdict::Wrong); 3]);
    assert_eq!(settled[3..], [locked; 7]);
}

pub fn an_attempt_on_a_password_that_changed_meanwhile_is_stale<B: Backend>(backend: &B) {
    let mut store = with_example(backend);
    set_temporary(&mut store, Unit::Line, "0600001111", "48151623", NOW);
    let credential = store.credential(Unit::Line, number("0600001111")).unwrap();
    let old = Secret::from("48151623");
    let attempt = Attempt::compare(Unit::Line, number("0600001111"), credential.as_ref(), &old, Cost::CHEAP);
    set_temporary(&mut store, Unit::Line, "0600001111", "271828", NOW);
    assert_eq!(store.settle(&attempt, &BY, NOW), Ok(Settled::Stale), "the replaced password opens nothing");
}

pub fn what_nobody_has_is_unknown_and_leaves_no_trace<B: Backend>(backend: &B) {
    let mut store = with_example(backend);
    let before = store.audit(&AuditFilter::default()).unwrap();
    for _ in 0..5 {
        assert_eq!(verify(&mut store, Unit::Number, "0600003333", "48151623", NOW), Verdict::Unknown);
        assert_eq!(verify(&mut store, Unit::Number, "0600002222", "48151623", NOW), Verdict::Unknown);
    }
    assert_eq!(store.audit(&AuditFilter::default()).unwrap(), before);
}

pub fn one_refused_write_leaves_the_others_of_its_group<B: Backend>(backend: &B) {
    let mut store = with_example(backend);
    let good = prepared(Unit::Line, "0600001111", "48151623", NOW);
    let stranger = prepared(Unit::Number, "0600003333", "48151623", NOW);
    let also_good = prepared(Unit::Number, "0600002222", "271828", NOW);
    let call = CallRecord::new("c-1", NOW, "192.0.2.1:5060", Outcome::Set);
    let results = store.commit(&[
        Write::TemporaryPassword(&good, None),
        Write::TemporaryPassword(&stranger, None),
        Write::Call(&call),
        Write::Call(&call),
        Write::TemporaryPassword(&also_good, None),
    ]);
    let refused = StoreError::NotContracted { unit: Unit::Number, number: number("0600003333") };
    let twice = StoreError::CallTwice { id: "c-1".to_owned() };
    assert_eq!(results, Ok(vec![Ok(()), Err(refused), Ok(()), Err(twice), Ok(())]));
    assert_eq!(verify(&mut store, Unit::Line, "0600001111", "48151623", NOW), Verdict::Temporary);
    assert_eq!(verify(&mut store, Unit::Number, "0600002222", "271828", NOW), Verdict::Temporary);
    assert_eq!(store.commit(&[]), Ok(Vec::new()));
    // a number that leaves between the call's question and its answer is refused too
    store.save_contracts(&[Contract::new(number("0311112222"), Services::NONE)], Existing::Refuse, &BY, NOW).unwrap();
    store.remove_contract(number("0311112222"), &BY, NOW).unwrap();
    let gone = store.set_temporary_passwords(&[prepared(Unit::Line, "0311112222", "48151623", NOW)]).unwrap();
    assert!(matches!(gone.as_slice(), [Err(StoreError::NotContracted { .. })]), "{gone:?}");
}

pub fn a_group_that_is_committed_again_is_not_done_twice<B: Backend>(backend: &B) {
    let mut store = with_example(backend);
    let good = prepared(Unit::Line, "0600001111", "48151623", NOW);
    let stranger = prepared(Unit::Number, "0600003333", "48151623", NOW);
    let call = CallRecord::new("c-1", NOW, "192.0.2.1:5060", Outcome::Set);
    let other = CallRecord { status: 403, ..call.clone() };
    let row = AuditEntry {
        at: NOW,
        actor: "192.0.2.1".to_owned(),
        action: Action::LineWrong,
        unit: None,
        number: None,
        detail: None,
    };
    let writes = [
        Write::TemporaryPassword(&good, None),
        Write::TemporaryPassword(&stranger, None),
        Write::Call(&call),
        Write::Call(&other),
        Write::Audit(&row),
    ];
    // nothing of it had arrived
    let results = store.commit_again(&writes).unwrap();
    assert_eq!(results.iter().map(Result::is_ok).collect::<Vec<_>>(), [true, false, true, false, true]);
    let left = |store: &B::Handle| {
        let audit = store.audit(&AuditFilter::default()).unwrap();
        let calls = store.calls(&CallFilter::default()).unwrap();
        (audit, calls, store.credential(Unit::Line, number("0600001111")).unwrap())
    };
    let before = left(&store);
    // all of it had; the subscriber has even used it meanwhile
    assert_eq!(store.commit_again(&writes), Ok(results.clone()));
    assert_eq!(left(&store), before);
    set_own(&mut store, Unit::Line, "0600001111", "my own one 1", NOW.plus(1));
    assert_eq!(store.commit_again(&writes), Ok(results));
    assert_eq!(verify(&mut store, Unit::Line, "0600001111", "48151623", NOW.plus(2)), Verdict::Wrong);
    // each kind of write is known again by itself
    for write in [writes[0], writes[2], writes[4]] {
        let before = left(&store);
        assert_eq!(store.commit_again(&[write]), Ok(vec![Ok(())]));
        assert_eq!(left(&store), before, "{write:?}");
    }
    assert_eq!(store.commit_again(&[]), Ok(Vec::new()));
}
