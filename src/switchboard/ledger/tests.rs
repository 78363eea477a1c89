//! What is decided about work for the store, one case after the other.
#![allow(clippy::unwrap_used)]
use std::path::PathBuf;
use std::time::Duration;

use rand::SeedableRng;
use rand::rngs::StdRng;

use super::*;
use crate::account::rules::{Policy, Rules};
use crate::account::sqlite::Sqlite;
use crate::account::tables::{Backend, Durability, Failure, Tables};
use crate::account::{self, Actor, AuditFilter, Mode, Outcome, demo_contract};
use crate::secret::Secret;
use crate::time::UnixTime;

/// Tables whose next commits have no answer, though they arrive.
struct Mute {
    tables: Sqlite,
    unanswered: usize,
}

impl Backend for Mute {
    fn name(&self) -> String {
        self.tables.name()
    }

    fn read<T>(&self, work: impl Fn(&dyn Tables) -> Result<T, Failure>) -> Result<T, StoreError> {
        self.tables.read(work)
    }

    fn write<T>(
        &mut self,
        durability: Durability,
        work: impl Fn(&mut dyn Tables) -> Result<T, Failure>,
    ) -> Result<T, StoreError> {
        let done = self.tables.write(durability, work);
        if self.unanswered == 0 {
            return done;
        }
        self.unanswered -= 1;
        Err(StoreError::Unknown { store: self.name(), why: "no answer".to_owned() })
    }
}

/// A store with the example contract, and its file.
fn demo_store(of: &str) -> (PathBuf, Rules<Mute>) {
    let file = std::env::temp_dir().join(format!("karipass-ledger-{of}-{}.db", std::process::id()));
    let tables = Sqlite::open(&file, Mode::Create, Duration::from_secs(30)).unwrap();
    let mut store = Rules::new(Mute { tables, unanswered: 0 }, Policy::default());
    account::demo(&mut store, &Actor::Program("test"), UnixTime(0)).unwrap();
    (file, store)
}

#[test]
fn a_commit_without_an_answer_is_written_again_until_there_is_one() {
    let (file, mut store) = demo_store("unanswered");
    let caller = Caller { worker: 0, call: CallHandle(7) };
    let number = PhoneNumber::parse(account::DEMO_CUSTOMER_NUMBER).unwrap();
    for (unanswered, expected) in [(0, Ok(())), (1, Ok(())), (AGAIN, Ok(())), (AGAIN + 1, Err(NotSet::NotKnown))] {
        let password = Secret::from("48151623");
        let mut random = StdRng::seed_from_u64(1);
        let id = format!("c-{unanswered}");
        let prepared = password::prepare(Unit::Line, number, &password, UnixTime(9), id, Cost::CHEAP, &mut random);
        let entry = Entry::Password { prepared: prepared.unwrap(), ticket: Ticket::new(), caller };
        store.backend_mut().unanswered = unanswered;
        let replies = commit(&mut store, vec![entry]);
        let [Reply::ToWorker { worker: 0, message: ToWorker::Input { call: _, input: Input::Stored(result) } }] =
            replies.as_slice()
        else {
            panic!("{replies:?}")
        };
        assert_eq!(*result, expected, "{unanswered} commits have no answer");
    }
    Sqlite::discard(&file);
}

const CALLER: Caller = Caller { worker: 3, call: CallHandle(7) };

fn record() -> Entry {
    Entry::Record(Box::new(CallRecord::new("1-1", UnixTime(0), "192.0.2.1", Outcome::Lost)))
}

fn password(ticket: &Ticket) -> Password {
    let number = demo_contract().unwrap().customer_number;
    let (password, ticket) = (Secret::from("48151623"), ticket.clone());
    Password { request: SetTemporaryPassword { unit: Unit::Line, number, password, ticket }, caller: CALLER }
}

fn hashed(password: Password) -> HashedTemporaryPassword {
    let reply = password.hash(Cost::CHEAP, &mut rand::rng());
    let Reply::ToWorker { message: ToWorker::Input { input: Input::Prepared(_, Ok(hashed)), .. }, .. } = reply else {
        panic!("{reply:?}")
    };
    hashed
}

fn entry(ticket: &Ticket, id: &str) -> Entry {
    let prepared = hashed(password(ticket)).set_by(id, UnixTime(0));
    Entry::Password { prepared, ticket: ticket.clone(), caller: CALLER }
}

#[test]
fn what_was_withdrawn_is_neither_hashed_nor_stored_and_fails_no_other() {
    let (wanted, withdrawn) = (Ticket::new(), Ticket::new());
    let late = entry(&withdrawn, "late");
    assert!(withdrawn.withdraw());
    let not_hashed = password(&withdrawn).if_wanted().err().map(told);
    assert_eq!(not_hashed.as_deref(), Some("worker 3: Input(call 7, Prepared(failed))"));
    let (file, mut store) = demo_store("withdrawn");
    let replies = commit(&mut store, vec![late, entry(&wanted, "wanted"), record()]);
    let replies: Vec<String> = replies.into_iter().map(told).collect();
    assert_eq!(replies, ["worker 3: Input(call 7, Stored(failed))", "worker 3: Input(call 7, Stored)"]);
    let audit = store.audit(&AuditFilter::default()).unwrap();
    let by = |id: &str| audit.iter().any(|row| row.actor.contains(id));
    assert!(by("wanted") && !by("late"), "{audit:?}");
    assert!(!wanted.withdraw(), "what is in force can no longer be taken back");
    Sqlite::discard(&file);
}

#[test]
fn one_call_at_a_time_sets_the_password_of_an_account() {
    let mut accounts = Accounts::default();
    let (first, second, third) = (Ticket::new(), Ticket::new(), Ticket::new());
    let prepared = hashed(password(&first)).set_by("1", UnixTime(0));
    assert!(accounts.take(&prepared, &first, CALLER).is_none());
    let overtaken = accounts.take(&prepared, &second, CALLER).map(told);
    assert_eq!(overtaken.as_deref(), Some("worker 3: Input(call 7, Stored(overtaken))"));
    // another account is another matter
    let other = PreparedTemporaryPassword { unit: Unit::AdminUser, ..prepared.clone() };
    assert!(accounts.take(&other, &second, CALLER).is_none());
    drop(first);
    assert!(accounts.take(&prepared, &third, CALLER).is_none(), "its outcome was told");
    assert!(third.withdraw() && accounts.take(&prepared, &second, CALLER).is_none(), "it was withdrawn");
}

#[test]
fn accounts_that_nobody_holds_are_forgotten() {
    let mut accounts = Accounts::default();
    let prepared = hashed(password(&Ticket::new())).set_by("1", UnixTime(0));
    for n in 0..10_000 {
        let number = PhoneNumber::parse(&format!("06{n:08}")).unwrap();
        accounts.take(&PreparedTemporaryPassword { number, ..prepared.clone() }, &Ticket::new(), CALLER);
    }
    assert!(accounts.held.len() <= 65, "{}", accounts.held.len());
}

/// Who is answered, and what.
fn told(reply: Reply) -> String {
    match reply {
        Reply::ToWorker { worker, message } => format!("worker {worker}: {message:?}"),
        Reply::ToSignalling(waiting, answer) => {
            format!("{waiting:?}: {}", if answer.is_ok() { "known" } else { "failed" })
        }
    }
}

#[test]
fn what_a_full_queue_does_not_take_is_answered_as_failed() {
    for why in [Undelivered::Full, Undelivered::Gone] {
        let number = demo_contract().unwrap().customer_number;
        let line = Lookup::Line { number, caller: CALLER };
        assert_eq!(told(line.refused(why)), "worker 3: Input(call 7, Line(failed))");
        let question = Question { user_name: None, line: None, realm: "karipass".to_owned() };
        let key = Lookup::Key { question, waiting: Waiting::Call(CallHandle(7)) };
        assert_eq!(told(key.refused(why)), "Call(call 7): failed");
        let ticket = Ticket::new();
        assert_eq!(told(password(&ticket).refused(why)), "worker 3: Input(call 7, Prepared(failed))");
        assert_eq!(
            entry(&ticket, "1-1").refused(why).map(told).as_deref(),
            Some("worker 3: Input(call 7, Stored(failed))")
        );
        // a record is in the log then, and nothing waits for it
        assert!(record().refused(why).is_none());
    }
}

#[test]
fn a_batch_takes_all_that_has_gathered_up_to_its_bound() {
    assert_eq!(batch(record(), std::iter::empty()).len(), 1);
    assert_eq!(batch(record(), std::iter::repeat_with(record).take(20)).len(), 21);
    assert_eq!(batch(record(), std::iter::repeat_with(record)).len(), BATCH);
}

#[test]
fn a_contracted_line_is_told_when_its_password_could_not_be_hashed_in_time() {
    let (file, store) = demo_store("backlog");
    let backlog = Backlog::new(1);
    let seats: Vec<_> = std::iter::from_fn(|| backlog.admit()).collect();
    let ask = |number: &str| {
        let lookup = Lookup::Line { number: PhoneNumber::parse(number).unwrap(), caller: CALLER };
        told(lookup.answer(&store, &backlog))
    };
    assert_eq!(ask("0600001111"), "worker 3: Input(call 7, Line(no time for its password))");
    assert_eq!(ask("0699999999"), "worker 3: Input(call 7, Line(not contracted))");
    drop(seats);
    assert_eq!(ask("0600001111"), "worker 3: Input(call 7, Line(contracted))");
    Sqlite::discard(&file);
}
