//! The threads that talk to the account store, so that nobody who serves calls ever waits for a disk or for a hash.
//!
//! ```text
//! find_line ──▶ reader ───────────────────────────▶ reply
//! find_key  ──▶ reader ───────────────────────────▶ reply
//! set        ──▶ hashers (argon2) ──▶ writer ──────▶ reply, after the commit
//! record     ───────────────────────▶ writer
//! audit      ───────────────────────▶ writer
//! ```
//!
//! The writer commits in one transaction all that has gathered while it was writing, so that a hundred calls that store at
//! once cost a few synchronous writes, not a hundred.
//!
//! Queues: each is bounded. When one is full, a look-up or a password is answered as failed (the caller hears that it could
//! not be set), and a call record is written to the log instead of the store.

use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use tracing::{error, warn};

use crate::account::password::{self, Cost, PreparedTemporaryPassword};
use crate::account::{AuditEntry, CallRecord, Contract, Store, StoreError, Write};
use crate::call::LookupFailed;
use crate::ivr::{SetTemporaryPassword, StoreFailed};
use crate::net::clock::Clock;
use crate::number::PhoneNumber;
use crate::priority;

use super::desk::{Answer, Question};

/// Requests that wait in each queue. A call has one look-up and one password at most, so this many calls may ask at once.
const QUEUE: usize = 8192;
/// The most writes in one transaction.
const BATCH: usize = 512;

/// Called with the answer, on a thread of the ledger.
pub type Reply<T> = Box<dyn FnOnce(T) + Send>;

/// Handle to the threads. Dropping it lets them finish what they have; [`Ledger::close`] waits for that.
pub struct Ledger {
    lookups: SyncSender<Lookup>,
    passwords: SyncSender<Password>,
    writes: SyncSender<Job>,
    threads: Vec<JoinHandle<()>>,
}

enum Lookup {
    Line { number: PhoneNumber, reply: Reply<Result<Option<Contract>, LookupFailed>> },
    Key { question: Question, reply: Reply<Answer> },
}

struct Password {
    request: SetTemporaryPassword,
    call_id: String,
    reply: Reply<Result<(), StoreFailed>>,
}

enum Job {
    Password { prepared: PreparedTemporaryPassword, reply: Reply<Result<(), StoreFailed>> },
    Record(Box<CallRecord>),
    Audit(Box<AuditEntry>),
}

impl Ledger {
    /// Starts the threads: a reader and a writer with a handle of the store each, and `hashers` for argon2.
    pub fn open(
        reader: Box<dyn Store>,
        writer: Box<dyn Store>,
        cost: Cost,
        hashers: usize,
        clock: Clock,
    ) -> std::io::Result<Ledger> {
        let (lookups, to_read) = sync_channel(QUEUE);
        let (passwords, to_hash) = sync_channel(QUEUE);
        let (writes, to_write) = sync_channel(QUEUE);
        let to_hash = Arc::new(Mutex::new(to_hash));
        let mut threads = vec![
            spawn("store-reader", move || read(reader.as_ref(), &to_read))?,
            spawn("store-writer", move || write(writer, &to_write))?,
        ];
        for _ in 0..hashers.max(1) {
            let (to_hash, writes) = (Arc::clone(&to_hash), writes.clone());
            threads.push(spawn("argon2", move || hash(&to_hash, &writes, cost, clock))?);
        }
        Ok(Ledger { lookups, passwords, writes, threads })
    }

    /// Looks up the contract that `number` belongs to.
    pub fn find_line(&self, number: PhoneNumber, reply: Reply<Result<Option<Contract>, LookupFailed>>) {
        self.look_up(Lookup::Line { number, reply });
    }

    /// Looks up what is known about a user name.
    pub fn find_key(&self, question: Question, reply: Reply<Answer>) {
        self.look_up(Lookup::Key { question, reply });
    }

    fn look_up(&self, lookup: Lookup) {
        let Err(refused) = self.lookups.try_send(lookup) else { return };
        error!(why = why(&refused), "a line is not looked up");
        match refused {
            TrySendError::Full(lookup) | TrySendError::Disconnected(lookup) => match lookup {
                Lookup::Line { reply, .. } => reply(Err(LookupFailed)),
                Lookup::Key { reply, .. } => reply(Err(LookupFailed)),
            },
        }
    }

    /// Hashes the password and stores it; the reply comes after the commit.
    pub fn set_temporary_password(
        &self,
        request: SetTemporaryPassword,
        call_id: String,
        reply: Reply<Result<(), StoreFailed>>,
    ) {
        let Err(refused) = self.passwords.try_send(Password { request, call_id, reply }) else { return };
        let why = why(&refused);
        let (TrySendError::Full(job) | TrySendError::Disconnected(job)) = refused;
        error!(call = job.call_id, why, "a temporary password is not stored");
        (job.reply)(Err(StoreFailed));
    }

    /// Keeps a call record.
    pub fn record(&self, record: Box<CallRecord>) {
        let Err(refused) = self.writes.try_send(Job::Record(record)) else { return };
        let why = why(&refused);
        if let TrySendError::Full(Job::Record(record)) | TrySendError::Disconnected(Job::Record(record)) = refused {
            lost_record(&record, why);
        }
    }

    /// Adds to the audit.
    pub fn audit(&self, entry: AuditEntry) {
        if let Err(refused) = self.writes.try_send(Job::Audit(Box::new(entry))) {
            error!(why = why(&refused), "an audit row is not stored");
        }
    }

    /// Waits until everything handed in is written.
    pub fn close(self) {
        let Ledger { lookups, passwords, writes, threads } = self;
        drop((lookups, passwords, writes));
        for thread in threads {
            if thread.join().is_err() {
                error!("a thread of the account store has panicked");
            }
        }
    }
}

/// Why a queue takes no more.
fn why<T>(refused: &TrySendError<T>) -> &'static str {
    match refused {
        TrySendError::Full(_) => "too many requests wait for the account store",
        TrySendError::Disconnected(_) => {
            "the account store's thread has ended by a fault of ours: the service has to be started anew"
        }
    }
}

fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> std::io::Result<JoinHandle<()>> {
    std::thread::Builder::new().name(name.to_owned()).spawn(work)
}

fn read(store: &dyn Store, lookups: &Receiver<Lookup>) {
    let failed = |error: StoreError| {
        error!(%error, "looking up a line");
        LookupFailed
    };
    while let Ok(lookup) = lookups.recv() {
        match lookup {
            Lookup::Line { number, reply } => reply(store.line_of(number).map_err(failed)),
            Lookup::Key { question, reply } => reply(question.ask(store).map_err(failed)),
        }
    }
}

fn hash(passwords: &Mutex<Receiver<Password>>, writes: &SyncSender<Job>, cost: Cost, clock: Clock) {
    // a hash can wait for a moment where audio cannot
    if let Err(error) = priority::give_way() {
        warn!(%error, "hashes are made at the same priority as calls");
    }
    let mut rng = rand::rng();
    loop {
        let next = passwords.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(Password { request, call_id, reply }) = next else { return };
        let now = clock.wall();
        match password::prepare(request.unit, request.number, &request.password, now, call_id, cost, &mut rng) {
            Ok(prepared) => {
                // a full queue holds this hasher up, and with it the queue before it, which then refuses
                let _ = writes.send(Job::Password { prepared, reply });
            }
            Err(error) => {
                error!(%error, "hashing a temporary password");
                reply(Err(StoreFailed));
            }
        }
    }
}

fn write(mut store: Box<dyn Store>, jobs: &Receiver<Job>) {
    while let Ok(first) = jobs.recv() {
        let batch: Vec<Job> = std::iter::once(first).chain(jobs.try_iter().take(BATCH - 1)).collect();
        commit(store.as_mut(), batch);
    }
}

fn commit(store: &mut dyn Store, batch: Vec<Job>) {
    let writes: Vec<Write<'_>> = batch
        .iter()
        .map(|job| match job {
            Job::Password { prepared, .. } => Write::TemporaryPassword(prepared),
            Job::Record(record) => Write::Call(record),
            Job::Audit(entry) => Write::Audit(entry),
        })
        .collect();
    match store.commit(&writes) {
        Ok(results) => batch.into_iter().zip(results).for_each(|(job, result)| settle(job, result)),
        Err(error) => batch.into_iter().for_each(|job| settle_failed(job, &error)),
    }
}

fn settle(job: Job, result: Result<(), StoreError>) {
    match (job, result) {
        (Job::Password { reply, .. }, Ok(())) => reply(Ok(())),
        (Job::Record(_) | Job::Audit(_), Ok(())) => {}
        (job, Err(error)) => settle_failed(job, &error),
    }
}

fn settle_failed(job: Job, error: &StoreError) {
    match job {
        Job::Password { prepared, reply } => {
            // the number is personal, and has no place in a log
            let gone = matches!(error, StoreError::NotContracted { .. });
            let why = if gone { "its number is not contracted any more".to_owned() } else { error.to_string() };
            warn!(call = prepared.call_id, why, "a temporary password is not stored");
            reply(Err(StoreFailed));
        }
        Job::Record(record) => lost_record(&record, &error.to_string()),
        Job::Audit(_) => error!(%error, "an audit row is not stored"),
    }
}

/// What the store does not take is at least in the log, without the caller's number.
fn lost_record(record: &CallRecord, why: &str) {
    error!(call = record.id, outcome = %record.outcome, status = record.status, why, "a call record is not stored");
}
