//! Mails that are tried, fail, and are forgotten; links that confirm addresses.

use karipass::internals::account::mail::{
    AddressConfirmation, Claim, Delivery, MailFilter, MailState, NewMail, Purpose, TokenHash,
};
use karipass::internals::account::setting::FaxMail;
use karipass::internals::account::{
    AuditFilter, Contract, Effects, Existing, Pruned, Service, SettingChange, Store, StoreError,
};
use karipass::time::UnixTime;
use karipass::unit::Unit;

use super::*;

fn enter(store: &mut impl Store, ids: &[&str], second: i64) {
    let mail = |id: &&str| NewMail {
        id: (*id).to_owned(),
        purpose: Purpose::Fault,
        number: number("0600002222"),
        recipient: "a@example.jp".to_owned(),
        subject: "件名".to_owned(),
        body: format!("本文 {id}"),
    };
    let effects = Effects { mails: ids.iter().map(mail).collect(), ..Effects::default() };
    store.apply(&effects, &BY, NOW.plus(second)).unwrap();
}

/// Claims a mail for a minute.
fn claim(store: &mut impl Store, by: &str, second: i64) -> Option<String> {
    let claim = Claim { by: by.to_owned(), until: NOW.plus(second + 60) };
    store.claim_mail(&claim, NOW.plus(second)).unwrap().map(|mail| mail.mail.id)
}

fn settle(store: &mut impl Store, id: &str, delivery: &Delivery, second: i64) -> bool {
    store.settle_mail(id, "one", delivery, NOW.plus(second)).unwrap()
}

fn failed() -> Delivery {
    Delivery::Failed { why: "550 no such user".to_owned() }
}

/// The ids of all mails in this state.
fn ids(store: &impl Store, state: MailState) -> Vec<String> {
    let filter = MailFilter { state: Some(state), ..MailFilter::default() };
    store.mails(&filter).unwrap().into_iter().map(|mail| mail.mail.id).collect()
}

pub fn the_mail_that_waits_longest_is_sent_first<B: Backend>(backend: &B) {
    let mut store = with_example(backend);
    enter(&mut store, &["m-3"], 0);
    enter(&mut store, &["m-2", "m-1"], 1);
    assert_eq!(claim(&mut store, "one", 0).as_deref(), Some("m-3"), "the others have not been entered yet");
    assert_eq!(claim(&mut store, "one", 0), None);
    let later = Delivery::Later { due_at: NOW.plus(1), why: "greylisted".to_owned() };
    assert!(settle(&mut store, "m-3", &later, 0));
    let order: Vec<_> = (0..4).map(|_| claim(&mut store, "one", 1)).collect();
    assert_eq!(
        order,
        ["m-3", "m-1", "m-2"].map(|id| Some(id.to_owned())).into_iter().chain([None]).collect::<Vec<_>>()
    );
}

pub fn a_try_leaves_what_it_met_and_no_doubt<B: Backend>(backend: &B) {
    let mut store = with_example(backend);
    enter(&mut store, &["m-1"], 0);
    claim(&mut store, "one", 0);
    let mine = Claim { by: "one".to_owned(), until: NOW.plus(60) };
    assert!(store.hand_over_mail("m-1", &mine).unwrap() && store.mails(&MailFilter::default()).unwrap()[0].uncertain);
    let later = Delivery::Refused { due_at: NOW.plus(9), why: "greylisted".to_owned() };
    assert!(settle(&mut store, "m-1", &later, 1));
    let mail = store.mails(&MailFilter::default()).unwrap().remove(0);
    assert_eq!((mail.state, mail.uncertain, mail.attempts, mail.due_at), (MailState::Queued, false, 1, NOW.plus(9)));
    assert_eq!((mail.problem.as_deref(), mail.settled_at), (Some("greylisted"), None));
    assert!(!settle(&mut store, "m-1", &later, 2), "the claim ended with its try");
    claim(&mut store, "one", 9);
    assert!(settle(&mut store, "m-1", &failed(), 10));
    let mail = store.mails(&MailFilter::default()).unwrap().remove(0);
    assert_eq!(
        (mail.state, mail.attempts, mail.refusals, mail.settled_at),
        (MailState::Failed, 2, 1, Some(NOW.plus(10)))
    );
    assert_eq!((mail.problem.as_deref(), mail.mail.body.as_str()), (Some("550 no such user"), "本文 m-1"));
    assert_eq!(claim(&mut store, "one", 9999), None, "it is not tried any more");
    assert_eq!(store.retry_failed_mails(NOW.plus(20)), Ok(1));
    let mail = store.mails(&MailFilter::default()).unwrap().remove(0);
    assert_eq!((mail.state, mail.attempts, mail.refusals, mail.settled_at), (MailState::Queued, 0, 0, None));
    assert_eq!((mail.created_at, mail.due_at), (NOW.plus(20), NOW.plus(20)), "it is as if it were new");
    assert_eq!(store.retry_failed_mails(NOW.plus(21)), Ok(0));
    assert_eq!(claim(&mut store, "one", 20).as_deref(), Some("m-1"));
}

pub fn what_was_sent_is_remembered_for_thirty_days<B: Backend>(backend: &B) {
    const DAYS: i64 = 30 * 86_400;
    let mut store = with_example(backend);
    enter(&mut store, &["m-1", "m-2", "m-3", "m-4"], 0);
    let end = |store: &mut B::Handle, delivery: &Delivery, second| {
        let id = claim(store, "one", second).unwrap();
        assert!(settle(store, &id, delivery, second));
    };
    end(&mut store, &Delivery::Sent, 0);
    end(&mut store, &failed(), 0);
    end(&mut store, &Delivery::Sent, DAYS);
    assert_eq!(ids(&store, MailState::Sent), ["m-1", "m-3"], "the thirtieth day is not over");
    end(&mut store, &Delivery::Sent, DAYS + 1);
    assert_eq!(
        (ids(&store, MailState::Sent), ids(&store, MailState::Failed)),
        (vec!["m-3".to_owned(), "m-4".to_owned()], vec!["m-2".to_owned()])
    );
}

pub fn pruning_stops_at_its_limit_whatever_became_of_the_mails<B: Backend>(backend: &B) {
    let mut store = with_example(backend);
    enter(&mut store, &["m-1", "m-2", "m-3", "m-4", "m-5"], 0);
    for delivery in [Delivery::Sent, failed(), Delivery::Sent, failed()] {
        let id = claim(&mut store, "one", 0).unwrap();
        assert!(settle(&mut store, &id, &delivery, 5));
    }
    let prune = |store: &mut B::Handle, before, limit| store.prune(NOW.plus(before), limit).unwrap().mails;
    assert_eq!(prune(&mut store, 5, 9), 0, "they were settled in that very second");
    assert_eq!((prune(&mut store, 6, 3), prune(&mut store, 6, 3), prune(&mut store, 6, 3)), (3, 1, 0));
    assert_eq!(ids(&store, MailState::Queued), ["m-5"]);
    assert_eq!(store.prune(UnixTime(i64::MAX), 0).unwrap(), Pruned::default());
}

fn offer(token: &str, of: &str, until: i64) -> AddressConfirmation {
    AddressConfirmation {
        token: TokenHash(token.to_owned()),
        number: number(of),
        address: "a@example.jp".to_owned(),
        expires_at: NOW.plus(until),
    }
}

fn set_address(store: &mut impl Store, of: &str, revision: i64) {
    let detail = serde_json::to_string(&FaxMail { address: "a@example.jp".to_owned(), confirmed: false }).unwrap();
    let change = SettingChange { number: number(of), service: Service::FaxMail, revision, active: true, detail };
    store.apply(&Effects { changes: vec![change], ..Effects::default() }, &BY, NOW).unwrap();
}

pub fn a_link_confirms_for_its_own_number_while_the_service_lasts<B: Backend>(backend: &B) {
    let mut store = backend.open();
    let contract = |additional: &str| {
        Contract::new(number("0600001111"), services("fax-mail")).with(number("0600002222"), services(additional))
    };
    store.save_contracts(&[contract("fax-mail")], Existing::Refuse, &BY, NOW).unwrap();
    for (of, token) in [("0600001111", "t-1"), ("0600002222", "t-2")] {
        set_address(&mut store, of, 0);
        store.offer_confirmation(&offer(token, of, 100), NOW).unwrap();
    }
    let refused = StoreError::NotContracted { unit: Unit::Number, number: number("0600003333") };
    assert_eq!(store.offer_confirmation(&offer("t-3", "0600003333", 100), NOW), Err(refused));
    let confirm = |store: &mut B::Handle, token: &str| {
        store.confirm_address(&TokenHash(token.to_owned()), NOW.plus(9)).unwrap().is_some()
    };
    assert!(confirm(&mut store, "t-1"), "of the same address, but another number");
    store.save_contracts(&[contract("none")], Existing::Update, &BY, NOW.plus(1)).unwrap();
    assert!(!confirm(&mut store, "t-2"), "the service is not contracted any more");
    store.save_contracts(&[contract("fax-mail")], Existing::Update, &BY, NOW.plus(2)).unwrap();
    assert!(confirm(&mut store, "t-2"));
    let rows = store.audit(&AuditFilter { last: Some(1), ..AuditFilter::default() }).unwrap();
    let rows: Vec<String> = rows.iter().map(|row| format!("{} {} {:?}", row.actor, row.action, row.detail)).collect();
    assert_eq!(rows, [r#"mailed link confirmed-fax-mail Some("a@example.jp")"#]);
    // links that are over are swept away by the next one, which may then have the same token
    store.offer_confirmation(&offer("t-4", "0600001111", 100), NOW).unwrap();
    store.offer_confirmation(&offer("t-4", "0600002222", 200), NOW.plus(100)).unwrap();
    // and a number that goes takes its links along
    store.remove_number(number("0600002222"), &BY, NOW.plus(101)).unwrap();
    store.offer_confirmation(&offer("t-4", "0600001111", 300), NOW.plus(102)).unwrap();
}
