//! What the rules leave behind when their store fails, at any step: all or nothing, on tables in memory that fail on demand.

use karipass::internals::account::fax::NewFax;
use karipass::internals::account::mail::{
    AddressConfirmation, Claim, Delivery, MailFilter, NewMail, Purpose, TokenHash,
};
use karipass::internals::account::rules::{Policy, Rules};
use karipass::internals::account::session::{Session, SessionId, Stage};
use karipass::internals::account::setting::FaxMail;
use karipass::internals::account::tables::{Durability, Fault};
use karipass::internals::account::{
    Attempt, AuditFilter, CallFilter, CallRecord, Effects, LinePassword, Outcome, Service, SettingChange, StoreError,
    UserName, Write,
};

use super::*;
use crate::memory_store::{Kind, Memory, Trouble};

type Handle = Rules<Memory>;
type Told = Result<String, StoreError>;

type Operation = fn(&mut Handle) -> Told;

/// Everything that writes, on [`furnished`].
const OPERATIONS: &[(&str, Operation)] = &[
    ("save contracts", |store| {
        let changed = Contract::new(number("0600001111"), Services::NONE).with(number("0600009999"), Services::ALL);
        told(store.save_contracts(&[changed], Existing::Update, &BY, NOW.plus(50)))
    }),
    ("remove a contract", |store| told(store.remove_contract(number("0600001111"), &BY, NOW.plus(50)))),
    ("remove a number", |store| told(store.remove_number(number("0600002222"), &BY, NOW.plus(50)))),
    ("settle an attempt", |store| {
        let credential = store.credential(Unit::Line, number("0600001111"))?;
        let attempt =
            Attempt::compare(Unit::Line, number("0600001111"), credential.as_ref(), &Secret::from("0"), Cost::CHEAP);
        told(store.settle(&attempt, &BY, NOW.plus(50)))
    }),
    ("set an own password", |store| {
        let hash = prepared(Unit::Line, "0600001111", "1234 abcd", NOW).hash;
        told(store.set_own_password(Unit::Line, number("0600001111"), &hash, &BY, NOW.plus(50)))
    }),
    ("unlock", |store| told(store.unlock(Unit::Line, number("0600001111"), &BY, NOW.plus(50)))),
    ("commit a group", |store| told(commit(store, Handle::commit))),
    ("commit a group again", |store| told(commit(store, Handle::commit_again))),
    ("prune", |store| told(store.prune(NOW.plus(99), 9))),
    ("set a line password", |store| told(store.set_line_password(&line("0600002222"), &BY, NOW.plus(50)))),
    ("remove a line password", |store| told(store.remove_line_password(number("0600001111"), &BY, NOW.plus(50)))),
    ("open a session", |store| told(store.open_session(&session("s-2", Stage::Temporary), NOW.plus(1), &BY))),
    ("touch a session", |store| told(store.touch_session(&SessionId("s-1".to_owned()), NOW.plus(50)))),
    ("close a session", |store| told(store.close_session(&SessionId("s-1".to_owned()), &BY, NOW.plus(50)))),
    ("apply effects", |store| told(store.apply(&effects("e-2", "m-4", 1), &BY, NOW.plus(50)))),
    ("claim a mail", |store| told(store.claim_mail(&claim(), NOW.plus(50)))),
    ("hand a mail over", |store| told(store.hand_over_mail("m-1", &claim()))),
    ("settle a mail", |store| told(store.settle_mail("m-1", "one", &Delivery::Sent, NOW.plus(50)))),
    ("retry failed mails", |store| told(store.retry_failed_mails(NOW.plus(50)))),
    ("offer a link", |store| told(store.offer_confirmation(&link("t-2"), NOW.plus(50)))),
    ("confirm an address", |store| told(store.confirm_address(&link("t-1").token, NOW.plus(50)))),
    ("open a fax", |store| {
        let id = store.faxes(number("0600002222"))?[0].id;
        told(store.open_fax(number("0600002222"), id, &BY, NOW.plus(50)))
    }),
    ("delete a fax", |store| {
        let id = store.faxes(number("0600002222"))?[0].id;
        told(store.delete_faxes(number("0600002222"), &[id], &BY, NOW.plus(50)))
    }),
];

fn told<T: std::fmt::Debug>(done: Result<T, StoreError>) -> Told {
    done.map(|done| format!("{done:?}"))
}

type Commit = fn(&mut Handle, &[Write<'_>]) -> Result<Vec<Result<(), StoreError>>, StoreError>;

fn commit(store: &mut Handle, commit: Commit) -> Result<Vec<Result<(), StoreError>>, StoreError> {
    let good = prepared(Unit::AdminUser, "0600002222", "271828", NOW.plus(50));
    let stranger = prepared(Unit::Number, "0600003333", "271828", NOW.plus(50));
    let (new, known) = (record("c-2"), record("c-1"));
    let writes = [Write::TemporaryPassword(&good, None), Write::TemporaryPassword(&stranger, None), Write::Call(&new)];
    commit(store, &[writes[0], writes[1], writes[2], Write::Call(&CallRecord { status: 1, ..known })])
}

fn record(id: &str) -> CallRecord {
    CallRecord::new(id, NOW, "192.0.2.1:5060", Outcome::Set)
}

fn line(of: &str) -> LinePassword {
    let name = |text: String| UserName { user_name: text, ha1_sha256: "a".repeat(64), ha1_md5: "a".repeat(32) };
    let user_names = vec![name(of.to_owned()), name(format!("{of}@192.0.2.10"))];
    LinePassword { number: number(of), realm: "lab".to_owned(), user_names }
}

fn session(id: &str, stage: Stage) -> Session {
    let (unit, number) = (Unit::Line, number("0600001111"));
    Session { id: SessionId(id.to_owned()), unit, number, stage, created_at: NOW, seen_at: NOW }
}

fn claim() -> Claim {
    Claim { by: "one".to_owned(), until: NOW.plus(60) }
}

fn link(token: &str) -> AddressConfirmation {
    let (number, address) = (number("0600002222"), "a@example.jp".to_owned());
    AddressConfirmation { token: TokenHash(token.to_owned()), number, address, expires_at: NOW.plus(100) }
}

fn mail(id: &str) -> NewMail {
    let (purpose, number) = (Purpose::Fax, number("0600002222"));
    let (recipient, subject, body) = ("a@example.jp".to_owned(), "件名".to_owned(), "本文".to_owned());
    NewMail { id: id.to_owned(), purpose, number, recipient, subject, body }
}

/// An event that sets an address, tells of it, and brings a fax.
fn effects(event: &str, id: &str, revision: i64) -> Effects {
    let (number, service, active) = (number("0600002222"), Service::FaxMail, true);
    let detail = serde_json::to_string(&FaxMail { address: "a@example.jp".to_owned(), confirmed: false }).unwrap();
    Effects {
        event: Some(event.to_owned()),
        changes: vec![SettingChange { number, service, revision, active, detail }],
        mails: vec![mail(id)],
        fax: Some(NewFax { number, caller: None, pages: 1, document: b"II*".to_vec() }),
    }
}

fn open(memory: &Memory) -> Handle {
    Rules::new(memory.clone(), Policy { cost: Cost::CHEAP, ..Policy::default() })
}

/// A store with something in every table: `m-1` is claimed, `m-2` has failed, `m-3` waits.
fn furnished() -> Memory {
    let memory = Memory::default();
    let mut store = open(&memory);
    let contract = Contract::new(number("0600001111"), Services::ALL).with(number("0600002222"), Services::ALL);
    store.save_contracts(&[contract], Existing::Refuse, &BY, NOW).unwrap();
    set_own(&mut store, Unit::Line, "0600001111", "my own one 1", NOW);
    set_temporary(&mut store, Unit::Line, "0600001111", "48151623", NOW);
    assert_eq!(verify(&mut store, Unit::Line, "0600001111", "0", NOW), Verdict::Wrong);
    store.set_line_password(&line("0600001111"), &BY, NOW).unwrap();
    assert!(store.open_session(&session("s-1", Stage::Open), NOW, &BY).unwrap());
    store.record_call(&record("c-1")).unwrap();
    store.apply(&effects("e-1", "m-1", 0), &BY, NOW).unwrap();
    store.offer_confirmation(&link("t-1"), NOW).unwrap();
    store.claim_mail(&claim(), NOW).unwrap().unwrap();
    store.apply(&Effects { mails: vec![mail("m-2")], ..Effects::default() }, &BY, NOW.plus(1)).unwrap();
    assert_eq!(store.claim_mail(&claim(), NOW.plus(1)).unwrap().unwrap().mail.id, "m-2");
    assert!(store.settle_mail("m-2", "one", &Delivery::Failed { why: "no".to_owned() }, NOW.plus(1)).unwrap());
    store.apply(&Effects { mails: vec![mail("m-3")], ..Effects::default() }, &BY, NOW.plus(2)).unwrap();
    memory
}

#[test]
fn work_that_fails_at_any_step_leaves_everything_as_it_was() {
    let furnished = furnished();
    let before = furnished.snapshot();
    for (name, work) in OPERATIONS {
        let whole = furnished.copy();
        let done = work(&mut open(&whole)).unwrap();
        assert!(whole.steps() > 1 && whole.snapshot() != before, "{name} does something");
        for step in 0..whole.steps() {
            let memory = furnished.copy();
            let mut store = open(&memory);
            memory.trouble_next_write(Trouble::FailAt(step, Fault::Disk("broken".to_owned())));
            let failed = work(&mut store);
            assert!(matches!(failed, Err(StoreError::Disk { .. })), "{name}, step {step}: {failed:?}");
            assert!(memory.snapshot() == before, "{name} left something behind at step {step}");
            assert_eq!(work(&mut store).as_ref(), Ok(&done), "{name} can be done afterwards");
            assert!(memory.snapshot() == whole.snapshot(), "{name} after step {step}");
        }
    }
}

#[test]
fn work_that_is_in_another_ones_way_runs_again_and_is_done_once() {
    let furnished = furnished();
    for (name, work) in OPERATIONS {
        let (whole, memory) = (furnished.copy(), furnished.copy());
        let done = work(&mut open(&whole)).unwrap();
        memory.trouble_next_write(Trouble::Conflicts(2));
        assert_eq!(work(&mut open(&memory)), Ok(done), "{name}");
        assert!(memory.snapshot() == whole.snapshot(), "{name}");
        let busy = furnished.copy();
        busy.trouble_next_write(Trouble::Busy);
        assert!(matches!(work(&mut open(&busy)), Err(StoreError::Busy { .. })), "{name}");
        assert!(busy.snapshot() == furnished.snapshot(), "{name}");
    }
}

#[test]
fn a_commit_without_an_answer_is_unknown_and_whole_or_nothing() {
    let furnished = furnished();
    for (name, work) in OPERATIONS {
        let whole = furnished.copy();
        work(&mut open(&whole)).unwrap();
        for (committed, expected) in [(false, furnished.snapshot()), (true, whole.snapshot())] {
            let memory = furnished.copy();
            memory.trouble_next_write(Trouble::Unknown { committed });
            let unknown = work(&mut open(&memory)).unwrap_err();
            assert!(unknown.is_unknown() && unknown.is_resource(), "{name}: {unknown}");
            assert!(memory.snapshot() == expected, "{name}, committed: {committed}");
        }
    }
}

#[test]
fn a_group_of_unknown_outcome_is_written_again_until_it_is_acknowledged() {
    let furnished = furnished();
    let whole = furnished.copy();
    let results = commit(&mut open(&whole), Handle::commit).unwrap();
    for arrived_at in 0..4 {
        let memory = furnished.copy();
        let mut store = open(&memory);
        let mut tries = 0;
        memory.trouble(move |kind| {
            tries += i32::from(kind != Kind::Read);
            (kind != Kind::Read && tries <= 3).then_some(Trouble::Unknown { committed: tries > arrived_at })
        });
        assert!(commit(&mut store, Handle::commit).unwrap_err().is_unknown());
        assert!(commit(&mut store, Handle::commit_again).unwrap_err().is_unknown());
        assert!(commit(&mut store, Handle::commit_again).unwrap_err().is_unknown());
        assert_eq!(commit(&mut store, Handle::commit_again).as_ref(), Ok(&results));
        assert!(memory.snapshot() == whole.snapshot(), "it arrived at try {arrived_at}");
    }
}

#[test]
fn a_loss_of_power_forgets_no_more_than_when_a_session_was_used() {
    let memory = furnished();
    let mut store = open(&memory);
    let id = SessionId("s-1".to_owned());
    let seen = |store: &Handle| store.session(&id).unwrap().unwrap().seen_at;
    memory.crash();
    assert!(seen(&store) == NOW && store.mails(&MailFilter::default()).unwrap().len() == 3, "all of that was flushed");
    store.touch_session(&id, NOW.plus(9)).unwrap();
    memory.crash();
    assert_eq!(seen(&store), NOW);
    store.touch_session(&id, NOW.plus(9)).unwrap();
    store.record_call(&record("c-3")).unwrap();
    memory.crash();
    assert_eq!(
        (seen(&store), store.call("c-3").unwrap()),
        (NOW.plus(9), Some(record("c-3"))),
        "the next one flushes it"
    );
}

#[test]
fn what_only_looks_takes_no_write_lock() {
    let memory = furnished();
    let mut store = open(&memory);
    memory.trouble(|kind| (kind != Kind::Read).then_some(Trouble::Refuse(Fault::ReadOnly)));
    let (of, before) = (number("0600002222"), memory.snapshot());
    assert!(store.line_of(of).unwrap().is_some() && store.contract(of).unwrap().is_none());
    assert_eq!((store.contracts().unwrap().len(), store.line_passwords().unwrap().len()), (1, 1));
    assert!(store.find_user_name("0600001111").unwrap().is_some() && store.has_line_password(None).unwrap());
    assert!(store.credential(Unit::Line, number("0600001111")).unwrap().is_some());
    assert!(store.calls(&CallFilter::default()).unwrap().len() + store.faxes(of).unwrap().len() == 2);
    assert!(store.offered_confirmation(&link("t-1").token, NOW).unwrap().is_some());
    assert!(store.settings(number("0600001111"), Service::FaxMail).unwrap().len() == 1);
    assert!(!store.audit(&AuditFilter::default()).unwrap().is_empty());
    // asked every second, and by strangers
    assert_eq!(store.claim_mail(&claim(), NOW), Ok(None));
    assert_eq!(verify(&mut store, Unit::Number, "0600003333", "48151623", NOW), Verdict::Unknown);
    assert!(matches!(store.touch_session(&SessionId("s-1".to_owned()), NOW), Err(StoreError::ReadOnly { .. })));
    assert!(memory.snapshot() == before && memory.writes() > 0);
    memory.trouble(|kind| (kind == Kind::Write(Durability::Full)).then_some(Trouble::Refuse(Fault::Full)));
    assert_eq!(store.touch_session(&SessionId("s-1".to_owned()), NOW.plus(1)), Ok(()), "it waits for no disk");
}
