//! Who is asked for its line's password, and what the answer leads to.

use super::*;
use crate::call::LookupFailed;

const NOTHING: Known = Known { any: true, key: None, contracted: false, has_password: false };

fn known() -> Known {
    Known { key: Some(key()), contracted: true, has_password: true, ..NOTHING }
}

#[test]
fn an_unproved_caller_is_challenged_and_one_that_proves_its_line_is_served() {
    let mut bench = Bench::new(asking(&[]));
    let mut phone = Phone::at("192.0.2.9", 1);
    bench.receive(&phone, &phone.invite()).answer(Ok(NOTHING));
    assert_eq!(bench.trace(), ["asks the store about no user name", "401 INVITE"]);
    bench.receive(&phone, &phone.request("ACK", 1));
    phone.prove(bench.responses.last().unwrap(), "INVITE", "correct horse");
    bench.receive(&phone, &phone.request("INVITE", 2)).answer(Ok(known()));
    assert_eq!(bench.trace(), ["asks the store about 0600001111", "worker 0: Incoming(call 1)"]);
}

#[test]
fn wrong_passwords_are_recorded_and_audited_until_they_lock() {
    let mut bench = Bench::new(asking(&[]));
    let mut phone = Phone::at("192.0.2.9", 1);
    bench.receive(&phone, &phone.invite()).answer(Ok(NOTHING)).trace();
    let mut outcomes = vec![];
    for number in 2..=3 {
        bench.receive(&phone, &phone.request("ACK", number - 1));
        phone.prove(bench.responses.iter().rfind(|response| response.status == 401).unwrap(), "INVITE", "guessed");
        bench.receive(&phone, &phone.request("INVITE", number)).answer(Ok(known()));
        outcomes.push(bench.trace().split_off(1));
    }
    assert_eq!(outcomes[0], ["audit: line-wrong", "401 INVITE", "record: refused-password 401, traced"]);
    assert_eq!(outcomes[1], ["audit: line-locked", "401 INVITE"]);
    // while the lock lasts nothing is looked up, nor audited
    phone.prove(bench.responses.last().unwrap(), "INVITE", "guessed");
    bench.receive(&phone, &phone.request("INVITE", 4));
    assert_eq!(bench.trace(), ["403 INVITE, Retry-After 600", "record: refused-password 403, traced"]);
    // what was counted is told at the end of the minute
    assert_eq!(bench.until(61_000).trace(), ["record: refused-password 401, traced"]);
}

#[test]
fn a_caller_that_is_believed_is_served_whatever_the_store_says() {
    let mut bench = Bench::new(asking(&["192.0.2.9"]));
    let phone = Phone::at("192.0.2.9", 1);
    assert_eq!(bench.receive(&phone, &phone.invite()).trace(), ["worker 0: Incoming(call 1)"]);
}

#[test]
fn without_the_store_nobody_proves_anything() {
    let mut bench = Bench::new(asking(&[]));
    let phone = Phone::at("192.0.2.9", 1);
    bench.receive(&phone, &phone.invite()).answer(Err(LookupFailed));
    assert_eq!(
        bench.trace(),
        ["asks the store about no user name", "503 INVITE, Retry-After 5", "record: refused-store 503, traced"]
    );
}

#[test]
fn where_no_line_has_a_password_nobody_is_asked_for_one() {
    let mut bench = Bench::new(asking(&[]));
    let phone = Phone::at("192.0.2.9", 1);
    bench.receive(&phone, &phone.invite()).answer(Ok(Known { any: false, ..NOTHING }));
    assert_eq!(
        bench.trace(),
        ["asks the store about no user name", "403 INVITE", "record: refused-untrusted 403, traced"]
    );
}

#[test]
fn a_caller_that_hangs_up_while_it_is_looked_up_leaves_nothing_behind() {
    let peers = PeerLimits { calls: 1, invites_per_second: 100.0 };
    let mut bench = Bench::new(Config { peers, ..asking(&[]) });
    let phone = Phone::at("192.0.2.9", 1);
    bench.receive(&phone, &phone.invite()).receive(&phone, &phone.request("CANCEL", 1)).answer(Ok(NOTHING));
    assert_eq!(bench.trace(), ["asks the store about no user name", "200 CANCEL", "487 INVITE"]);
    // its place is free again, and what the store said is of use to the next
    let next = Phone::at("192.0.2.9", 2);
    assert_eq!(bench.receive(&next, &next.invite()).trace(), ["401 INVITE"]);
}

/// The table at the head of `proving.rs`, for telephones that register.
#[test]
fn who_registers_is_asked_as_the_table_says() {
    let no_password = Known { contracted: true, ..NOTHING };
    let cases: [(&[&str], Answer, &str); 5] = [
        (&["192.0.2.9"], Ok(no_password), "200 REGISTER"),
        (&["192.0.2.9"], Ok(Known { has_password: true, contracted: true, ..NOTHING }), "401 REGISTER"),
        (&["192.0.2.9"], Ok(NOTHING), "404 REGISTER"),
        (&["192.0.2.9"], Err(LookupFailed), "503 REGISTER, Retry-After 5"),
        (&[], Ok(known()), "200 REGISTER"),
    ];
    for (believed, answer, expected) in cases {
        let mut bench = Bench::new(asking(believed));
        let mut phone = Phone::at("192.0.2.9", 1);
        bench.receive(&phone, &phone.request("REGISTER", 1));
        if believed.is_empty() {
            // the store is not asked before there is something to prove
            assert_eq!(bench.trace(), ["401 REGISTER"]);
            phone.prove(bench.responses.last().unwrap(), "REGISTER", "correct horse");
            bench.receive(&phone, &phone.request("REGISTER", 2));
        }
        bench.trace();
        assert_eq!(bench.answer(answer).trace(), [expected], "{believed:?}");
    }
}

#[test]
fn a_flood_of_strangers_asks_the_store_seldom_and_leaves_a_sum() {
    let mut bench = Bench::new(asking(&[]));
    for number in 0..3000 {
        let phone = Phone::at("192.0.2.9", number);
        bench.until(u64::from(number)).receive(&phone, &phone.invite());
        if !bench.asked.is_empty() {
            bench.answer(Ok(Known { any: false, ..NOTHING }));
        }
    }
    let trace = bench.trace();
    let count = |line: &str| trace.iter().filter(|other| *other == line).count();
    assert_eq!(count("403 INVITE"), 3000);
    assert_eq!(count("asks the store about no user name"), 3000 / 2);
    assert_eq!(count("record: refused-untrusted 403, traced"), 1);
    assert_eq!(trace.len(), 3000 + 3000 / 2 + 1);
    assert_eq!(bench.until(70_000).trace(), ["record: refused-untrusted 403"]);
    assert_eq!(bench.detail.as_deref().and_then(|told| told.split(' ').next()), Some("2999"));
}

#[test]
fn what_strangers_were_refused_is_told_before_the_service_has_stopped() {
    let mut bench = Bench::new(asking(&[]));
    for number in 0..3 {
        let phone = Phone::at("192.0.2.9", number);
        bench.receive(&phone, &phone.invite().replace("sip:0664806430@192.0.2.10 SIP", "sip:1@192.0.2.10 SIP"));
    }
    bench.trace();
    assert_eq!(bench.stop().trace(), ["record: refused-request 404", "stopped"]);
}

#[test]
fn a_store_that_does_not_answer_costs_the_caller_less_than_three_seconds_and_its_late_answer_is_nobodys() {
    let mut bench = Bench::new(asking(&[]));
    let mut phone = Phone::at("192.0.2.9", 1);
    bench.receive(&phone, &phone.invite()).answer(Ok(NOTHING)).receive(&phone, &phone.request("ACK", 1));
    phone.prove(bench.responses.last().unwrap(), "INVITE", "correct horse");
    bench.receive(&phone, &phone.request("INVITE", 2)).trace();
    assert_eq!(bench.until(2400).trace(), [""; 0]);
    assert_eq!(bench.until(2700).trace(), ["503 INVITE, Retry-After 5", "record: refused-store 503, traced"]);
    bench.receive(&phone, &phone.request("ACK", 2));
    assert_eq!(bench.answer(Ok(known())).trace(), [""; 0]);
    // a telephone that registers
    phone.credentials.clear();
    bench.receive(&phone, &phone.request("REGISTER", 3)).trace();
    phone.prove(bench.responses.last().unwrap(), "REGISTER", "correct horse");
    assert_eq!(bench.receive(&phone, &phone.request("REGISTER", 4)).trace(), ["asks the store about 0600001111"]);
    assert_eq!(bench.until(6000).trace(), ["503 REGISTER, Retry-After 5"]);
    assert_eq!(bench.answer(Ok(known())).trace(), [""; 0]);
}
