//! What is set for a service, and events that set it.

use karipass::internals::account::effects::Applied;
use karipass::internals::account::setting::{BulkTransfer, Setting};
use karipass::internals::account::{
    Actor, AuditFilter, Contract, Effects, Existing, Service, SettingChange, Store, StoreError,
};
use karipass::unit::Unit;

use super::*;

fn change(of: &str, revision: i64, active: bool, to: Option<&str>) -> SettingChange {
    let detail = serde_json::to_string(&BulkTransfer { destination: to.map(number) }).unwrap();
    SettingChange { number: number(of), service: Service::BulkTransfer, revision, active, detail }
}

fn apply(store: &mut impl Store, change: SettingChange, second: i64) -> Result<Applied, StoreError> {
    let by = Actor::Account { unit: Unit::AdminUser, number: number("0600001111") };
    store.apply(&Effects { changes: vec![change], ..Effects::default() }, &by, NOW.plus(second))
}

fn set(store: &impl Store, of: &str) -> Setting<String> {
    store.setting(number(of), Service::BulkTransfer).unwrap()
}

/// The example with bulk transfer for both numbers, or with these services for the additional one.
fn contracted(store: &mut impl Store, additional: &str, second: i64) {
    let contract =
        Contract::new(number("0600001111"), services("bulk-transfer")).with(number("0600002222"), services(additional));
    store.save_contracts(&[contract], Existing::Update, &BY, NOW.plus(second)).unwrap();
}

pub fn a_setting_changes_from_its_latest_revision_only<B: Backend>(backend: &B) {
    let mut store = backend.open();
    contracted(&mut store, "bulk-transfer", 0);
    let never = Setting { active: false, detail: "{}".to_owned(), revision: 0, changed_at: None };
    assert_eq!(set(&store, "0600001111"), never);
    apply(&mut store, change("0600001111", 0, true, Some("0312345678")), 1).unwrap();
    let first = set(&store, "0600001111");
    assert_eq!((first.active, first.revision, first.changed_at), (true, 1, Some(NOW.plus(1))));
    let meanwhile = StoreError::SettingChanged { number: number("0600001111"), service: Service::BulkTransfer };
    for revision in [0, 2] {
        assert_eq!(apply(&mut store, change("0600001111", revision, false, None), 2), Err(meanwhile.clone()));
    }
    assert_eq!(backend.open().setting(number("0600001111"), Service::BulkTransfer), Ok(first));
    apply(&mut store, change("0600001111", 1, false, None), 3).unwrap();
    assert_eq!((set(&store, "0600001111").active, set(&store, "0600001111").revision), (false, 2));
    assert_eq!(set(&store, "0600002222"), never, "another number's stays");
    let of = AuditFilter { number: Some(number("0600001111")), unit: Some(Unit::AdminUser), last: None };
    let rows = store.audit(&of).unwrap();
    let rows: Vec<String> = rows.iter().map(|row| format!("{} {} {:?}", row.actor, row.action, row.detail)).collect();
    let by = "site admin-user 0600001111 set-bulk-transfer";
    assert_eq!(
        rows,
        [
            format!(r#"{by} Some("start {{\"destination\":\"0312345678\"}}")"#),
            format!(r#"{by} Some("stop {{\"destination\":null}}")"#),
        ]
    );
}

pub fn a_setting_needs_its_service<B: Backend>(backend: &B) {
    let mut store = with_example(backend);
    for of in ["0600001111", "0600003333"] {
        let refused = StoreError::ServiceNotContracted { number: number(of), service: Service::BulkTransfer };
        assert_eq!(apply(&mut store, change(of, 0, true, None), 1), Err(refused));
    }
}

pub fn a_service_that_is_taken_away_stops_and_comes_back_stopped<B: Backend>(backend: &B) {
    let mut store = backend.open();
    contracted(&mut store, "bulk-transfer", 0);
    for of in ["0600001111", "0600002222"] {
        apply(&mut store, change(of, 0, true, Some("0312345678")), 1).unwrap();
    }
    contracted(&mut store, "none", 2);
    let stopped = set(&store, "0600002222");
    assert_eq!((stopped.active, stopped.revision, stopped.changed_at), (false, 2, Some(NOW.plus(2))));
    assert!(stopped.detail.contains("0312345678"), "what was set stays: {}", stopped.detail);
    assert!(set(&store, "0600001111").active, "another number's goes on");
    contracted(&mut store, "bulk-transfer", 3);
    assert_eq!(set(&store, "0600002222"), stopped);
    contracted(&mut store, "none", 4);
    assert_eq!(set(&store, "0600002222"), stopped, "there is nothing to stop");
}

pub fn settings_are_listed_by_the_order_of_their_numbers<B: Backend>(backend: &B) {
    let mut store = backend.open();
    let all = services("bulk-transfer");
    let contract = Contract::new(number("0699990000"), all)
        .with(number("0611110000"), all)
        .with(number("0600000000"), all)
        .with(number("0622220000"), all);
    let other = Contract::new(number("0311112222"), all);
    store.save_contracts(&[contract, other], Existing::Refuse, &BY, NOW).unwrap();
    for of in ["0622220000", "0699990000", "0600000000", "0311112222"] {
        apply(&mut store, change(of, 0, true, None), 1).unwrap();
    }
    let listed = |service| {
        let settings = store.settings(number("0699990000"), service).unwrap();
        settings.iter().map(|(of, _)| of.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(listed(Service::BulkTransfer), ["0699990000", "0600000000", "0622220000"]);
    assert_eq!(listed(Service::FaxMail), [""; 0]);
}

pub fn an_event_happens_once_in_thirty_days<B: Backend>(backend: &B) {
    const DAYS: i64 = 30 * 86_400;
    let mut store = with_example(backend);
    let mut play = |id: &str, second: i64| {
        let effects = Effects { event: Some(id.to_owned()), ..Effects::default() };
        store.apply(&effects, &BY, NOW.plus(second)).unwrap()
    };
    let done = Applied::Now { fax: None };
    assert_eq!((play("e-1", 0), play("e-2", 0)), (done, done));
    assert_eq!((play("e-1", 1), play("e-1", DAYS)), (Applied::Before, Applied::Before));
    assert_eq!((play("e-3", DAYS), play("e-1", DAYS)), (done, Applied::Before), "the thirtieth day is not over");
    assert_eq!((play("e-4", DAYS + 1), play("e-1", DAYS + 1)), (done, done), "by then it is forgotten");
}
