//! What is decided about work for the account store: how much of it waits, what goes into one transaction, and what is answered in
//! each case. Threads, queues and waiting are the driver's.
//!
//! ```text
//! Lookup ───▶ answer ─────────────────────────▶ Reply
//! Password ─▶ prepare (argon2) ─▶ Entry ─┐
//! record, audit row ────────────▶ Entry ─┴─▶ commit (at most BATCH) ─▶ Reply, after the commit
//! ```
//!
//! Queues: each holds [`QUEUE`]. What a full one does not take is `refused`: a look-up or a password is answered as failed (the caller hears
//! that it could not be set), and a call record is written to the log instead of the store.

use rand::CryptoRng;
use tracing::{error, warn};

use super::signalling::{Answer, Question, Waiting};
use super::{ToWorker, Undelivered};
use crate::account::password::{self, Cost, PreparedTemporaryPassword};
use crate::account::{AuditEntry, CallRecord, Store, StoreError, Write};
use crate::call::{Input, LookupFailed};
use crate::ivr::{SetTemporaryPassword, StoreFailed};
use crate::number::PhoneNumber;
use crate::sip::endpoint::CallHandle;
use crate::time::UnixTime;

/// Requests that wait in each queue. A call has one look-up and one password at most, so this many calls may ask at once.
pub const QUEUE: usize = 8192;
/// The most writes in one transaction.
pub const BATCH: usize = 512;
/// How often a commit without an answer is written again before it counts as failed.
const AGAIN: usize = 5;

/// A call that waits for an answer, and the worker that has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The worker's number.
    pub worker: usize,
    /// The call.
    pub call: CallHandle,
}

/// What the store has answered, and to whom.
#[derive(Debug)]
pub enum Reply {
    /// For a worker's inbox.
    ToWorker {
        /// The worker's number.
        worker: usize,
        /// The answer.
        message: ToWorker,
    },
    /// For [`super::Signalling::handle_answer`].
    ToSignalling(Waiting, Answer),
}

/// Something to look up.
pub enum Lookup {
    /// The contract that a number belongs to.
    Line {
        /// The number.
        number: PhoneNumber,
        /// Who asks.
        caller: Caller,
    },
    /// What is known about a user name.
    Key {
        /// What is asked.
        question: Question,
        /// Who waits for it.
        waiting: Waiting,
    },
}

/// A password that is to be hashed and stored.
pub struct Password {
    /// Which, of what account.
    pub request: SetTemporaryPassword,
    /// The id of the call's record.
    pub id: String,
    /// Who waits for it.
    pub caller: Caller,
}

/// Something to write.
pub enum Entry {
    /// A password, hashed.
    Password {
        /// What is stored.
        prepared: PreparedTemporaryPassword,
        /// Who waits for it.
        caller: Caller,
    },
    /// A call record.
    Record(Box<CallRecord>),
    /// A row of the audit.
    Audit(Box<AuditEntry>),
}

impl Lookup {
    /// Asks the store.
    pub fn answer(self, store: &dyn Store) -> Reply {
        let failed = |error: StoreError| {
            error!(%error, "looking up a line");
            LookupFailed
        };
        match self {
            Lookup::Line { number, caller } => caller.reply(Input::Line(store.line_of(number).map_err(failed))),
            Lookup::Key { question, waiting } => Reply::ToSignalling(waiting, question.ask(store).map_err(failed)),
        }
    }

    /// The queue did not take it.
    pub fn refused(self, why: Undelivered) -> Reply {
        error!(why = why.words(), "a line is not looked up");
        match self {
            Lookup::Line { caller, .. } => caller.reply(Input::Line(Err(LookupFailed))),
            Lookup::Key { waiting, .. } => Reply::ToSignalling(waiting, Err(LookupFailed)),
        }
    }
}

impl Password {
    /// Hashes it; this takes long.
    pub fn prepare(self, now: UnixTime, cost: Cost, random: &mut impl CryptoRng) -> Result<Entry, Reply> {
        let Password { request, id, caller } = self;
        match password::prepare(request.unit, request.number, &request.password, now, id, cost, random) {
            Ok(prepared) => Ok(Entry::Password { prepared, caller }),
            Err(error) => {
                error!(%error, "hashing a temporary password");
                Err(caller.reply(Input::Stored(Err(StoreFailed))))
            }
        }
    }

    /// The queue did not take it.
    pub fn refused(self, why: Undelivered) -> Reply {
        error!(call = self.id, why = why.words(), "a temporary password is not stored");
        self.caller.reply(Input::Stored(Err(StoreFailed)))
    }
}

impl Entry {
    /// The queue did not take it.
    pub fn refused(self, why: Undelivered) -> Option<Reply> {
        match self {
            Entry::Password { prepared, caller } => {
                error!(call = prepared.call_id, why = why.words(), "a temporary password is not stored");
                Some(caller.reply(Input::Stored(Err(StoreFailed))))
            }
            Entry::Record(record) => {
                lost_record(&record, why.words());
                None
            }
            Entry::Audit(_) => {
                error!(why = why.words(), "an audit row is not stored");
                None
            }
        }
    }
}

/// What goes into one transaction: all that has gathered, so that a hundred calls that store at once cost a few synchronous writes.
pub fn batch(first: Entry, gathered: impl Iterator<Item = Entry>) -> Vec<Entry> {
    std::iter::once(first).chain(gathered.take(BATCH - 1)).collect()
}

/// Commits; an outcome that is not known is asked for by writing the same again.
fn known(store: &mut dyn Store, writes: &[Write<'_>]) -> Result<Vec<Result<(), StoreError>>, StoreError> {
    let first = store.commit(writes);
    let Err(unknown) = &first else { return first };
    if !unknown.is_unknown() {
        return first;
    }
    warn!(error = %unknown, "a commit had no answer and is written again");
    (0..AGAIN).find_map(|_| store.commit_again(writes).ok()).map_or(first, Ok)
}

/// Writes a batch; the replies are to go out only now.
pub fn commit(store: &mut dyn Store, batch: Vec<Entry>) -> Vec<Reply> {
    let writes: Vec<Write<'_>> = batch
        .iter()
        .map(|entry| match entry {
            Entry::Password { prepared, .. } => Write::TemporaryPassword(prepared),
            Entry::Record(record) => Write::Call(record),
            Entry::Audit(row) => Write::Audit(row),
        })
        .collect();
    match known(store, &writes) {
        Ok(results) => batch.into_iter().zip(results).filter_map(|(entry, result)| settle(entry, result)).collect(),
        Err(error) => batch.into_iter().filter_map(|entry| settle_failed(entry, &error)).collect(),
    }
}

fn settle(entry: Entry, result: Result<(), StoreError>) -> Option<Reply> {
    match (entry, result) {
        (Entry::Password { caller, .. }, Ok(())) => Some(caller.reply(Input::Stored(Ok(())))),
        (Entry::Record(_) | Entry::Audit(_), Ok(())) => None,
        (entry, Err(error)) => settle_failed(entry, &error),
    }
}

fn settle_failed(entry: Entry, error: &StoreError) -> Option<Reply> {
    match entry {
        Entry::Password { prepared, caller } => {
            // the number is personal, and has no place in a log
            let gone = matches!(error, StoreError::NotContracted { .. });
            let why = if gone { "its number is not contracted any more".to_owned() } else { error.to_string() };
            warn!(call = prepared.call_id, why, "a temporary password is not stored");
            Some(caller.reply(Input::Stored(Err(StoreFailed))))
        }
        Entry::Record(record) => {
            lost_record(&record, &error.to_string());
            None
        }
        Entry::Audit(_) => {
            error!(%error, "an audit row is not stored");
            None
        }
    }
}

/// What the store does not take is at least in the log, without the caller's number.
fn lost_record(record: &CallRecord, why: &str) {
    error!(call = record.id, outcome = %record.outcome, status = record.status, why, "a call record is not stored");
}

impl Caller {
    fn reply(self, input: Input) -> Reply {
        Reply::ToWorker { worker: self.worker, message: ToWorker::Input { call: self.call, input } }
    }
}

impl Undelivered {
    /// Of a queue of the store.
    fn words(self) -> &'static str {
        match self {
            Undelivered::Full => "too many requests wait for the account store",
            Undelivered::Gone => {
                "internal error: the account store's thread has ended: the service has to be restarted"
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::time::Duration;

    use rand::SeedableRng;
    use rand::rngs::StdRng;

    use super::*;
    use crate::account::rules::{Policy, Rules};
    use crate::account::sqlite::Sqlite;
    use crate::account::tables::{Backend, Durability, Failure, Tables};
    use crate::account::{self, Actor, Mode, Outcome, demo_contract};
    use crate::secret::Secret;
    use crate::unit::Unit;

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

    #[test]
    fn a_commit_without_an_answer_is_written_again_until_there_is_one() {
        let file = std::env::temp_dir().join(format!("karipass-ledger-{}.db", std::process::id()));
        let tables = Sqlite::open(&file, Mode::Create, Duration::from_secs(30)).unwrap();
        let mut store = Rules::new(Mute { tables, unanswered: 0 }, Policy::default());
        account::demo(&mut store, &Actor::Program("test"), UnixTime(0)).unwrap();
        let caller = Caller { worker: 0, call: CallHandle(7) };
        let number = PhoneNumber::parse(account::DEMO_CUSTOMER_NUMBER).unwrap();
        for (unanswered, expected) in [(0, Ok(())), (1, Ok(())), (AGAIN, Ok(())), (AGAIN + 1, Err(StoreFailed))] {
            let request = SetTemporaryPassword { unit: Unit::Line, number, password: Secret::from("48151623") };
            let password = Password { request, id: format!("c-{unanswered}"), caller };
            let mut random = StdRng::seed_from_u64(1);
            let entry = password.prepare(UnixTime(9), Cost::CHEAP, &mut random).map_err(|_| "no hash").unwrap();
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

    fn password() -> Password {
        let number = demo_contract().unwrap().customer_number;
        let request = SetTemporaryPassword { unit: Unit::Line, number, password: Secret::from("48151623") };
        Password { request, id: "1-1".to_owned(), caller: CALLER }
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
            assert_eq!(told(password().refused(why)), "worker 3: Input(call 7, Stored(failed))");
            let prepared = password().prepare(UnixTime(0), Cost::CHEAP, &mut rand::rng()).ok().unwrap();
            assert_eq!(prepared.refused(why).map(told).as_deref(), Some("worker 3: Input(call 7, Stored(failed))"));
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
}
