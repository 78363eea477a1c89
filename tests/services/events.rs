//! What an event does: mails that are queued, bulk forwarding that starts and stops, all or nothing.

use karipass::internals::account::mail::MailFilter;
use karipass::internals::account::setting::{ArrivalMail, Condition, RingSeconds, Select, Voicewarp};
use karipass::internals::account::{
    AuditFilter, Contract, Existing, Route, Service, Services, Store, StoreError, route,
};
use karipass::internals::event::{Event, EventError, play};

use rand::RngExt;

use super::world::*;

fn recipients(world: &World) -> Vec<String> {
    let mut to: Vec<String> =
        world.store().mails(&MailFilter::default()).unwrap().into_iter().map(|mail| mail.mail.recipient).collect();
    to.sort();
    to
}

#[test]
fn an_arrival_is_told_to_every_address_when_its_caller_is_to_be_told_about() {
    let world = all_services();
    let mut store = world.store();
    let detail = ArrivalMail {
        addresses: vec!["a@example.jp".to_owned(), "b@example.jp".to_owned()],
        only_listed: true,
        listed: vec![number("0312345678")],
    };
    set(&mut store, LINE, Service::ArrivalMail, true, &detail);
    assert_eq!(happen(&mut store, &arrival(Some("0399999999"), LINE), 0).unwrap().mails, 0, "not listed");
    assert_eq!(happen(&mut store, &arrival(None, LINE), 0).unwrap().mails, 0, "withheld");
    assert_eq!(happen(&mut store, &arrival(Some("0312345678"), OTHER), 0).unwrap().mails, 0, "another number");
    let outcome = happen(&mut store, &arrival(Some("0312345678"), LINE), 0).unwrap();
    assert_eq!((outcome.mails, outcome.call), (2, Some(Route::Ring)));
    assert_eq!(recipients(&world), ["a@example.jp", "b@example.jp"]);
    set(&mut store, LINE, Service::ArrivalMail, false, &detail);
    assert_eq!(happen(&mut store, &arrival(Some("0312345678"), LINE), 0).unwrap().mails, 0, "stopped");
    let unknown = happen(&mut store, &arrival(None, "0311112222"), 0).unwrap_err();
    assert!(matches!(unknown, EventError::Store(StoreError::NotContracted { .. })), "{unknown}");
}

#[test]
fn what_is_no_longer_contracted_tells_nobody() {
    let services: Services = "voicewarp".parse().unwrap();
    let world = World::new(&[Contract::new(number(LINE), Services::ALL)]);
    let mut store = world.store();
    arrival_mail(&mut store, LINE, &["a@example.jp"]);
    store.save_contracts(&[Contract::new(number(LINE), services)], Existing::Update, &BY, at(1)).unwrap();
    store
        .save_contracts(
            &[Contract {
                customer_number: number(LINE),
                numbers: vec![karipass::internals::account::ContractedNumber { number: number(LINE), services }],
            }],
            Existing::Update,
            &BY,
            at(1),
        )
        .unwrap();
    assert_eq!(happen(&mut store, &arrival(None, LINE), 2).unwrap().mails, 0);
    // contracted anew it does not go on by itself where it was left, but what was set is still there
    let anew = Contract::new(number(LINE), Services::ALL);
    store.save_contracts(&[anew], Existing::Update, &BY, at(3)).unwrap();
    assert_eq!(happen(&mut store, &arrival(None, LINE), 4).unwrap().mails, 0);
    let left = store.setting(number(LINE), Service::ArrivalMail).unwrap();
    assert!(!left.active && left.detail.contains("a@example.jp") && left.changed_at == Some(at(1)));
}

#[test]
fn a_fault_starts_bulk_forwarding_and_a_recovery_stops_it() {
    let world = all_services();
    let mut store = world.store();
    bulk_transfer(&mut store, LINE, false, Some("0312345678"));
    fault_notice(&mut store, LINE, true, true);
    let goes = |world: &World| route(&world.store(), None, number(LINE)).unwrap();
    assert_eq!(goes(&world), Some(Route::Ring));
    let fault = happen(&mut store, &Event::Fault { number: number(OTHER) }, 60).unwrap();
    assert_eq!((fault.mails, fault.started, fault.stopped), (1, vec![number(LINE)], vec![]), "the whole line fails");
    let forward = Route::Forward { to: number("0312345678"), service: Service::BulkTransfer };
    assert_eq!(goes(&world), Some(forward));
    let recovery = happen(&mut store, &Event::Recovery { number: number(LINE) }, 120).unwrap();
    assert_eq!((recovery.mails, recovery.started, recovery.stopped), (1, vec![], vec![number(LINE)]));
    assert_eq!(goes(&world), Some(Route::Ring));
    assert_eq!(forwarding(&store, LINE).detail.destination, Some(number("0312345678")), "the destination stays");
    let rows = store.audit(&AuditFilter::default()).unwrap();
    let actors: Vec<&str> = rows.iter().map(|row| row.actor.as_str()).collect();
    assert!(actors.ends_with(&["event fault", "event recovery"]), "{actors:?}");
}

#[test]
fn a_notice_starts_only_what_it_says_and_only_its_own_number() {
    for (start, stop) in [(true, false), (false, true), (false, false)] {
        let world = all_services();
        let mut store = world.store();
        bulk_transfer(&mut store, LINE, false, Some("0312345678"));
        bulk_transfer(&mut store, OTHER, false, Some("0312345678"));
        fault_notice(&mut store, OTHER, start, stop);
        let fault = happen(&mut store, &Event::Fault { number: number(LINE) }, 0).unwrap();
        assert_eq!(fault.started.contains(&number(OTHER)), start);
        assert!(!fault.started.contains(&number(LINE)), "the other number's notice does not reach it");
        bulk_transfer(&mut store, OTHER, true, Some("0312345678"));
        let recovery = happen(&mut store, &Event::Recovery { number: number(LINE) }, 0).unwrap();
        assert_eq!((recovery.stopped.contains(&number(OTHER)), forwarding(&store, OTHER).active), (stop, !stop));
    }
}

#[test]
fn a_fault_without_a_destination_is_told_and_forwards_nothing() {
    let world = all_services();
    let mut store = world.store();
    fault_notice(&mut store, LINE, true, true);
    let fault = happen(&mut store, &Event::Fault { number: number(LINE) }, 0).unwrap();
    assert_eq!((fault.mails, fault.started), (1, vec![]));
    let mails = store.mails(&MailFilter::default()).unwrap();
    assert!(mails[0].mail.body.contains("転送先が設定されていない"), "{}", mails[0].mail.body);
    assert!(!forwarding(&store, LINE).active);
}

#[test]
fn an_event_that_is_told_twice_happens_once() {
    let world = all_services();
    let mut store = world.store();
    arrival_mail(&mut store, LINE, &["a@example.jp"]);
    let told_at = |second, id: &str| {
        play(&mut world.store(), &arrival(None, LINE), Some(id), at(second), &mut || rand::rng().random())
    };
    let told = |id: &str| told_at(0, id);
    let first = told("switch-7/42").unwrap();
    assert_eq!((first.repeated, first.mails), (false, 1));
    let again = told("switch-7/42").unwrap();
    assert_eq!((again.repeated, again.mails, again.call), (true, 0, None));
    assert_eq!(told("switch-7/4300").unwrap().mails, 1);
    for bad in ["", "a b", "日本", &"x".repeat(101)] {
        assert!(matches!(told(bad), Err(EventError::Id)), "{bad}");
    }
    assert_eq!(recipients(&world).len(), 2);
    // ids are remembered for thirty days
    assert!(told_at(30 * 86_400, "switch-7/42").unwrap().repeated);
    assert!(!told_at(31 * 86_400, "another").unwrap().repeated);
    assert!(!told_at(31 * 86_400, "switch-7/42").unwrap().repeated);
}

#[test]
fn an_event_has_all_its_effects_or_none() {
    let world = all_services();
    let mut store = world.store();
    bulk_transfer(&mut store, LINE, false, Some("0312345678"));
    fault_notice(&mut store, LINE, true, true);
    fault_notice(&mut store, OTHER, false, false);
    // the same id for every mail: the second cannot be entered
    let failed = play(&mut store, &Event::Fault { number: number(LINE) }, Some("e-1"), at(0), &mut || 7);
    assert!(failed.is_err(), "{failed:?}");
    assert!(!forwarding(&store, LINE).active && recipients(&world).is_empty());
    // and it can be told again under its id
    let fault = Event::Fault { number: number(LINE) };
    let mut count = 0;
    let done = play(&mut store, &fault, Some("e-1"), at(0), &mut || {
        count += 1;
        count
    });
    assert_eq!(done.unwrap().mails, 2);
}

#[test]
fn every_setting_decides_where_a_call_goes() {
    let world = all_services();
    let mut store = world.store();
    let listed = number("0399990000");
    let voicewarp = |condition, select| Voicewarp {
        condition,
        ring_seconds: RingSeconds(15),
        destinations: [Some(number("09012345678")), None, None, None],
        in_use: 0,
        select,
        listed: vec![listed],
    };
    let goes = |caller| route(&world.store(), caller, number(LINE)).unwrap().unwrap();
    let (to, service) = (number("09012345678"), Service::Voicewarp);
    set(&mut store, LINE, Service::Voicewarp, true, &voicewarp(Condition::Always, Select::ForwardListed));
    assert_eq!(goes(Some(listed)), Route::Forward { to, service });
    assert_eq!([goes(None), goes(Some(number("0388880000")))], [Route::Ring, Route::Ring]);
    set(&mut store, LINE, Service::Voicewarp, true, &voicewarp(Condition::NoAnswerOrBusy, Select::RingListed));
    assert_eq!(goes(Some(listed)), Route::Ring);
    assert_eq!(goes(None), Route::RingThenForward { to, service, no_answer_after: Some(15), when_busy: true });
    bulk_transfer(&mut store, LINE, true, Some("0312345678"));
    let all = Route::Forward { to: number("0312345678"), service: Service::BulkTransfer };
    assert_eq!([goes(Some(listed)), goes(None)], [all, all]);
    set(&mut store, LINE, Service::Voicewarp, false, &voicewarp(Condition::Always, Select::Off));
    bulk_transfer(&mut store, LINE, false, Some("0312345678"));
    assert_eq!(goes(None), Route::Ring);
}
