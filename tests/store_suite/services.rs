//! What the services leave in the store: changes with their mails, claims, confirmations, faxes.

use karipass::internals::account::effects::Applied;
use karipass::internals::account::fax::NewFax;
use karipass::internals::account::mail::{
    AddressConfirmation, Claim, Delivery, MailFilter, MailState, NewMail, Purpose, TokenHash,
};
use karipass::internals::account::setting::FaxMail;
use karipass::internals::account::{
    AuditFilter, CallFilter, CallRecord, Effects, Outcome, Pruned, Service, SettingChange, Store, StoreError,
};

use super::{BY, Backend, NOW, number, with_example};

fn mail(id: &str) -> NewMail {
    NewMail {
        id: id.to_owned(),
        purpose: Purpose::Arrival,
        number: number("0600001111"),
        recipient: "a@example.jp".to_owned(),
        subject: "件名".to_owned(),
        body: "本文".to_owned(),
    }
}

fn fax_mail(revision: i64, address: &str) -> SettingChange {
    let detail = serde_json::to_string(&FaxMail { address: address.to_owned(), confirmed: false }).unwrap();
    SettingChange { number: number("0600002222"), service: Service::FaxMail, revision, active: true, detail }
}

fn fax(of: &str) -> NewFax {
    NewFax { number: number(of), caller: Some(number("0312345678").into()), pages: 2, document: b"II*\0".to_vec() }
}

fn claim(by: &str, until: i64) -> Claim {
    Claim { by: by.to_owned(), until: NOW.plus(until) }
}

pub fn effects_come_all_together_or_not_at_all<B: Backend>(backend: &B) {
    let mut store = with_example(backend);
    let effects = Effects {
        event: Some("e-1".to_owned()),
        changes: vec![fax_mail(0, "a@example.jp")],
        mails: vec![mail("m-1"), mail("m-2")],
        fax: Some(fax("0600002222")),
    };
    // fax mail is not contracted for the contract number
    let refused = store.apply(&Effects { fax: Some(fax("0600001111")), ..effects.clone() }, &BY, NOW);
    assert!(matches!(refused, Err(StoreError::ServiceNotContracted { .. })), "{refused:?}");
    assert!(store.mails(&MailFilter::default()).unwrap().is_empty());
    assert_eq!(store.setting(number("0600002222"), Service::FaxMail).unwrap().revision, 0);
    assert!(matches!(store.apply(&effects, &BY, NOW), Ok(Applied::Now { fax: Some(_) })));
    assert_eq!(store.apply(&effects, &BY, NOW), Ok(Applied::Before), "the same event");
    assert_eq!(backend.open().mails(&MailFilter::default()).unwrap().len(), 2);
    let late = Effects { changes: vec![fax_mail(0, "b@example.jp")], mails: vec![mail("m-3")], ..Effects::default() };
    assert!(matches!(store.apply(&late, &BY, NOW), Err(StoreError::SettingChanged { .. })));
    assert_eq!(store.mails(&MailFilter::default()).unwrap().len(), 2);
}

pub fn a_mail_belongs_to_who_claimed_it_until_the_claim_is_over<B: Backend>(backend: &B) {
    let mut store = with_example(backend);
    store.apply(&Effects { mails: vec![mail("m-1")], ..Effects::default() }, &BY, NOW).unwrap();
    let mine = claim("one", 60);
    let taken = store.claim_mail(&mine, NOW).unwrap().unwrap();
    assert_eq!((taken.mail, taken.attempts, taken.uncertain), (mail("m-1"), 1, false));
    let mut other = backend.open();
    assert_eq!(other.claim_mail(&claim("two", 120), NOW.plus(59)), Ok(None));
    assert!(store.hand_over_mail("m-1", &claim("one", 90)).unwrap());
    assert_eq!(other.claim_mail(&claim("two", 120), NOW.plus(89)), Ok(None), "handing over prolongs it");
    let again = other.claim_mail(&claim("two", 150), NOW.plus(90)).unwrap().unwrap();
    assert_eq!((again.attempts, again.uncertain), (2, true));
    assert!(!store.hand_over_mail("m-1", &mine).unwrap(), "it is the other's now");
    assert!(!store.settle_mail("m-1", "one", &Delivery::Sent, NOW.plus(91)).unwrap());
    let later = Delivery::Later { due_at: NOW.plus(200), why: "greylisted".to_owned() };
    assert!(other.settle_mail("m-1", "two", &later, NOW.plus(91)).unwrap());
    assert_eq!(store.claim_mail(&claim("one", 300), NOW.plus(199)), Ok(None));
    assert!(store.claim_mail(&claim("one", 300), NOW.plus(200)).unwrap().is_some());
    assert!(store.settle_mail("m-1", "one", &Delivery::Sent, NOW.plus(201)).unwrap());
    let sent = store.mails(&MailFilter { state: Some(MailState::Sent), ..MailFilter::default() }).unwrap().remove(0);
    assert_eq!((sent.mail.body.as_str(), sent.settled_at), ("", Some(NOW.plus(201))));
}

pub fn what_is_old_is_forgotten_and_nothing_else<B: Backend>(backend: &B) {
    let mut store = with_example(backend);
    for (id, start) in [("c-1", 1), ("c-2", 2), ("c-3", 10), ("c-4", 11)] {
        let record = CallRecord::new(id, NOW.plus(start), "192.0.2.1:5060", Outcome::HungUp);
        store.record_call(&record).unwrap();
    }
    let effects = Effects { mails: ["m-1", "m-2", "m-3"].map(mail).to_vec(), ..Effects::default() };
    store.apply(&Effects { fax: Some(fax("0600002222")), ..effects }, &BY, NOW.plus(1)).unwrap();
    let claimed = |store: &mut B::Handle| store.claim_mail(&claim("one", 60), NOW.plus(1)).unwrap().unwrap().mail.id;
    let (sent, failed) = (claimed(&mut store), claimed(&mut store));
    assert!(store.settle_mail(&sent, "one", &Delivery::Sent, NOW.plus(2)).unwrap());
    assert!(store.settle_mail(&failed, "one", &Delivery::Failed { why: "refused".to_owned() }, NOW.plus(2)).unwrap());
    let audit = store.audit(&AuditFilter::default()).unwrap().len();
    assert_eq!(store.prune(NOW, 99), Ok(Pruned::default()));
    // at most so many of each kind at a time, the oldest first
    let first = store.prune(NOW.plus(10), 1).unwrap();
    assert_eq!(first, Pruned { calls: 1, audit: 1, mails: 1 });
    let ids = |store: &B::Handle| {
        let calls = store.calls(&CallFilter::default()).unwrap();
        calls.into_iter().map(|call| call.id).collect::<Vec<_>>()
    };
    assert_eq!(ids(&store), ["c-2", "c-3", "c-4"]);
    let rest = store.prune(NOW.plus(10), 99).unwrap();
    assert_eq!(rest, Pruned { calls: 1, audit: audit - 1, mails: 1 });
    assert_eq!(ids(&store), ["c-3", "c-4"]);
    // what waits, and what is the subscriber's, stays however old it is
    let mails = store.mails(&MailFilter::default()).unwrap();
    assert!(matches!(mails.as_slice(), [only] if only.state == MailState::Queued), "{mails:?}");
    assert_eq!(store.faxes(number("0600002222")).unwrap().len(), 1);
    assert_eq!(store.contracts().unwrap().len(), 1);
}

pub fn an_address_is_confirmed_once_while_it_is_set<B: Backend>(backend: &B) {
    let mut store = with_example(backend);
    let change = |change| Effects { changes: vec![change], ..Effects::default() };
    store.apply(&change(fax_mail(0, "a@example.jp")), &BY, NOW).unwrap();
    let offer = |token: &str, address: &str| AddressConfirmation {
        token: TokenHash(token.to_owned()),
        number: number("0600002222"),
        address: address.to_owned(),
        expires_at: NOW.plus(100),
    };
    for (token, address) in [("t-1", "a@example.jp"), ("t-2", "a@example.jp"), ("t-3", "b@example.jp")] {
        store.offer_confirmation(&offer(token, address), NOW).unwrap();
    }
    let mut confirm = |token: &str, at: i64| {
        let token = TokenHash(token.to_owned());
        let offered = store.offered_confirmation(&token, NOW.plus(at)).unwrap();
        assert_eq!(store.confirm_address(&token, NOW.plus(at)).unwrap(), offered);
        offered.is_some()
    };
    assert!(!confirm("t-3", 0), "another address");
    assert!(!confirm("t-0", 0), "never offered");
    assert!(!confirm("t-1", 100), "too old");
    assert!(confirm("t-1", 99));
    assert!(!confirm("t-1", 99) && !confirm("t-2", 99), "once");
    let set = store.setting(number("0600002222"), Service::FaxMail).unwrap();
    assert!(set.active && set.read::<FaxMail>().unwrap().detail.confirmed && set.revision == 2);
}

pub fn faxes_are_kept_until_deleted<B: Backend>(backend: &B) {
    let mut store = with_example(backend);
    for second in [0, 1] {
        let effects = Effects { fax: Some(fax("0600002222")), ..Effects::default() };
        store.apply(&effects, &BY, NOW.plus(second)).unwrap();
    }
    let of = number("0600002222");
    let faxes = store.faxes(of).unwrap();
    assert_eq!(faxes.iter().map(|fax| fax.received_at).collect::<Vec<_>>(), [NOW.plus(1), NOW], "the newest first");
    assert_eq!((faxes[0].pages, faxes[0].size, faxes[0].caller), (2, 4, Some(number("0312345678").into())));
    let (newest, other) = (faxes[0].id, number("0600001111"));
    assert_eq!(store.open_fax(other, newest, &BY, NOW), Ok(None), "another number's");
    let (_, document) = store.open_fax(of, newest, &BY, NOW.plus(9)).unwrap().unwrap();
    assert_eq!(document, b"II*\0");
    store.open_fax(of, newest, &BY, NOW.plus(99)).unwrap();
    assert_eq!(store.faxes(of).unwrap()[0].viewed_at, Some(NOW.plus(9)), "the first time");
    assert_eq!(store.delete_faxes(other, &[newest], &BY, NOW), Ok(0));
    assert_eq!(store.delete_faxes(of, &[newest, newest, 4711], &BY, NOW), Ok(1));
    assert_eq!(store.faxes(of).unwrap().len(), 1);
    store.remove_number(of, &BY, NOW).unwrap();
    assert!(store.faxes(of).unwrap().is_empty(), "a number that goes takes them along");
}
