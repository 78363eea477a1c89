//! What is decided about work for the account store: how much of it waits, what goes into one transaction, and what is answered in
//! each case. Threads, queues and waiting are the driver's.
//!
//! ```text
//! Lookup ───▶ answer ────────▶ Reply
//! Password ─▶ hash (argon2) ─▶ Reply, while it is read back
//! hashed, confirmed ─▶ Accounts ─▶ Entry ─┐
//! record, audit row ─────────────▶ Entry ─┴─▶ commit (at most BATCH) ─▶ Reply, after the commit
//! ```
//!
//! Queues: each holds [`QUEUE`]. What a full one does not take is `refused`: a look-up or a password is answered as failed (the caller hears
//! that it could not be set), and a call record is written to the log instead of the store.

mod backlog;

use std::collections::BTreeMap;

use rand::CryptoRng;
use tracing::{error, warn};

use super::signalling::{Answer, Question, Waiting};
use super::{ToWorker, Undelivered};
use crate::account::password::{self, Cost, HashedTemporaryPassword, PreparedTemporaryPassword};
use crate::account::{AuditEntry, CallRecord, Contract, Store, StoreError, Write};
use crate::call::{Admitted, Input, LONGEST_LOOKUP, LookupFailed, NotAdmitted};
use crate::ivr::{NotSet, SetTemporaryPassword};
use crate::number::PhoneNumber;
use crate::sip::endpoint::CallHandle;
use crate::ticket::{Stub, Ticket};
use crate::time::Time;
use crate::unit::Unit;

pub use backlog::Backlog;

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

/// A password that is to be hashed.
pub struct Password {
    /// Which, of what account.
    pub request: SetTemporaryPassword,
    /// Who waits for it.
    pub caller: Caller,
}

/// Something to write.
pub enum Entry {
    /// A password, hashed.
    Password {
        /// What is stored.
        prepared: PreparedTemporaryPassword,
        /// By which it may be withdrawn.
        ticket: Ticket,
        /// Who waits for it.
        caller: Caller,
    },
    /// A call record.
    Record(Box<CallRecord>),
    /// A row of the audit.
    Audit(Box<AuditEntry>),
}

/// The accounts whose password a call is setting, until it has told its caller what became of it: of several calls that set the same
/// one, the one that is told "it is set" last is the one whose password is in force.
#[derive(Default)]
pub struct Accounts {
    held: BTreeMap<(Unit, PhoneNumber), Stub>,
    /// The number of them at which those that are not held any more are forgotten.
    sweep: usize,
}

impl Accounts {
    /// Lets the call set its password, unless another one is at it: then the reply to this one.
    pub fn take(&mut self, password: &PreparedTemporaryPassword, ticket: &Ticket, caller: Caller) -> Option<Reply> {
        let account = (password.unit, password.number);
        if self.held.get(&account).is_some_and(Stub::is_held) {
            return Some(caller.not_set(NotSet::Overtaken));
        }
        self.held.insert(account, ticket.stub());
        if self.held.len() > self.sweep {
            self.held.retain(|_, stub| stub.is_held());
            self.sweep = 2 * self.held.len() + 64;
        }
        None
    }
}

impl Lookup {
    /// Asks the store, and whether there is time for the password of another call.
    pub fn answer(self, store: &dyn Store, backlog: &Backlog) -> Reply {
        let failed = |error: StoreError| {
            error!(%error, "looking up a line");
            LookupFailed
        };
        match self {
            Lookup::Line { number, caller } => {
                let found = store.line_of(number).map_err(failed);
                caller.reply(Input::Line(found.map_or(Err(NotAdmitted::LookupFailed), |line| admit(line, backlog))))
            }
            Lookup::Key { question, waiting } => Reply::ToSignalling(waiting, question.ask(store).map_err(failed)),
        }
    }

    /// Whether who asked it still waits for the answer.
    pub fn is_waited_for(asked: Time, now: Time) -> bool {
        now.since(asked) < LONGEST_LOOKUP
    }

    /// The queue did not take it.
    pub fn refused(self, why: Undelivered) -> Reply {
        error!(why = why.words(), "a line is not looked up");
        match self {
            Lookup::Line { caller, .. } => caller.reply(Input::Line(Err(NotAdmitted::LookupFailed))),
            Lookup::Key { waiting, .. } => Reply::ToSignalling(waiting, Err(LookupFailed)),
        }
    }
}

fn admit(line: Option<Contract>, backlog: &Backlog) -> Result<Option<Admitted>, NotAdmitted> {
    let Some(contract) = line else { return Ok(None) };
    let seat = backlog.admit().ok_or(NotAdmitted::Backlog)?;
    Ok(Some(Admitted { contract, seat }))
}

impl Password {
    /// It, or the reply where nobody wants it any more.
    pub fn if_wanted(self) -> Result<Password, Reply> {
        if self.request.ticket.is_withdrawn() { Err(self.reply(Err(NotSet::Failed))) } else { Ok(self) }
    }

    /// Hashes it; this takes long.
    pub fn hash(self, cost: Cost, random: &mut impl CryptoRng) -> Reply {
        let SetTemporaryPassword { unit, number, ref password, .. } = self.request;
        let hashed = password::hash(password, cost, random);
        let hashed = hashed.map(|hash| HashedTemporaryPassword { unit, number, hash });
        self.reply(hashed.map_err(|error| {
            error!(%error, "hashing a temporary password");
            NotSet::Failed
        }))
    }

    /// The queue did not take it.
    pub fn refused(self, why: Undelivered) -> Reply {
        error!(why = why.words(), "a temporary password is not hashed");
        self.reply(Err(NotSet::Failed))
    }

    fn reply(self, hashed: Result<HashedTemporaryPassword, NotSet>) -> Reply {
        self.caller.reply(Input::Prepared(self.request.ticket, hashed))
    }
}

impl Entry {
    /// The queue did not take it.
    pub fn refused(self, why: Undelivered) -> Option<Reply> {
        match self {
            Entry::Password { prepared, caller, .. } => {
                error!(call = prepared.call_id, why = why.words(), "a temporary password is not stored");
                Some(caller.not_set(NotSet::Failed))
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
            Entry::Password { prepared, ticket, .. } => Write::TemporaryPassword(prepared, Some(ticket)),
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
        Entry::Password { prepared, caller, .. } => {
            // the number is personal, and has no place in a log
            let gone = matches!(error, StoreError::NotContracted { .. });
            let why = if gone { "its number is not contracted any more".to_owned() } else { error.to_string() };
            warn!(call = prepared.call_id, why, "a temporary password is not stored");
            Some(caller.not_set(if error.is_unknown() { NotSet::NotKnown } else { NotSet::Failed }))
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
    fn not_set(self, why: NotSet) -> Reply {
        self.reply(Input::Stored(Err(why)))
    }

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
mod tests;
