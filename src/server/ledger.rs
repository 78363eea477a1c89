//! The threads that talk to the account store, so that nothing that serves calls ever waits for a disk or for a hash. What they decide
//! stands in [`crate::switchboard::ledger`].
//!
//! ```text
//! look_up ──▶ readers ──────────▶ reply
//! hash ─────▶ hashers (argon2) ─▶ reply
//! store ────▶ writer ───────────▶ reply, after the commit
//! record, audit ─▶ writer
//! ```
//!
//! There are several readers, so that a look-up that hangs holds up no other. One that has waited for so long that its asker has given up
//! is not done any more.

use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use tokio::sync::mpsc;
use tracing::{error, warn};

use crate::account::{AuditEntry, CallRecord, Cost, PreparedTemporaryPassword, Store};
use crate::net::clock::Clock;
use crate::priority;
use crate::switchboard::ledger::{Accounts, Backlog, Caller, Entry, Lookup, Password, QUEUE, Reply, batch, commit};
use crate::switchboard::{Answer, ToWorker, Undelivered, Waiting};
use crate::ticket::Ticket;
use crate::time::Time;

/// The account store, opened several times: some handles look up while another writes.
pub struct Stores {
    /// For look-ups: as many of them at once.
    pub readers: Vec<Box<dyn Store>>,
    /// For everything that is written.
    pub writer: Box<dyn Store>,
}

/// How passwords are hashed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Hashing {
    /// The cost of one hash.
    pub cost: Cost,
    /// Threads for it.
    pub threads: usize,
}

/// Where replies go.
#[derive(Clone)]
pub(super) struct Outlets {
    /// Each worker's inbox.
    pub workers: Vec<SyncSender<ToWorker>>,
    /// Signalling's queue of answers.
    pub answers: mpsc::Sender<(Waiting, Answer)>,
}

/// Handle to the threads. Dropping it lets them finish what they have; [`Ledger::close`] waits for that.
pub(super) struct Ledger {
    clock: Clock,
    /// Each with the time at which it was asked.
    lookups: SyncSender<(Time, Lookup)>,
    passwords: SyncSender<Password>,
    entries: SyncSender<Entry>,
    accounts: Mutex<Accounts>,
    threads: Vec<JoinHandle<()>>,
}

impl Ledger {
    /// Starts the threads: the readers and a writer with a handle of the store each, and the hashers.
    pub(super) fn open(stores: Stores, hashing: Hashing, clock: Clock, outlets: Outlets) -> std::io::Result<Ledger> {
        let Stores { readers, writer } = stores;
        let (lookups, to_read) = sync_channel(QUEUE);
        let (passwords, to_hash) = sync_channel(QUEUE);
        let (entries, to_write) = sync_channel(QUEUE);
        let (to_read, to_hash) = (Arc::new(Mutex::new(to_read)), Arc::new(Mutex::new(to_hash)));
        let of_writer = outlets.clone();
        let mut threads = vec![spawn("store-writer", move || write(writer, &to_write, &of_writer))?];
        let backlog = Arc::new(Backlog::new(hashing.threads));
        for reader in readers {
            let (to_read, backlog, outlets) = (Arc::clone(&to_read), Arc::clone(&backlog), outlets.clone());
            let work = move || read(reader.as_ref(), &backlog, &to_read, clock, &outlets);
            threads.push(spawn("store-reader", work)?);
        }
        for _ in 0..hashing.threads.max(1) {
            let (to_hash, backlog, outlets) = (Arc::clone(&to_hash), Arc::clone(&backlog), outlets.clone());
            threads.push(spawn("argon2", move || hash(&to_hash, &backlog, hashing.cost, clock, &outlets))?);
        }
        Ok(Ledger { clock, lookups, passwords, entries, accounts: Mutex::default(), threads })
    }

    /// A ledger whose queues take nothing.
    #[cfg(test)]
    pub fn without_room() -> (Ledger, impl Sized) {
        let ((lookups, first), (passwords, second), (entries, third)) =
            (sync_channel(0), sync_channel(0), sync_channel(0));
        let accounts = Mutex::default();
        (
            Ledger { clock: Clock::start(), lookups, passwords, entries, accounts, threads: vec![] },
            (first, second, third),
        )
    }

    /// Looks something up. Where the queue does not take it, the reply is returned at once: the asker must not wait for itself.
    pub(super) fn look_up(&self, lookup: Lookup) -> Option<Reply> {
        let ((_, lookup), why) = undelivered(self.lookups.try_send((self.clock.now(), lookup)).err()?);
        Some(lookup.refused(why))
    }

    /// Hashes the password; the reply comes later, or is returned at once as in [`Ledger::look_up`].
    pub(super) fn hash(&self, password: Password) -> Option<Reply> {
        let (password, why) = undelivered(self.passwords.try_send(password).err()?);
        Some(password.refused(why))
    }

    /// Stores a password; the reply comes after the commit, or is returned at once where the queue does not take it, or where another
    /// call is setting the same account's.
    pub(super) fn store(&self, prepared: PreparedTemporaryPassword, ticket: Ticket, caller: Caller) -> Option<Reply> {
        let overtaken = self.accounts().take(&prepared, &ticket, caller);
        overtaken.or_else(|| self.enter(Entry::Password { prepared, ticket, caller }))
    }

    fn accounts(&self) -> MutexGuard<'_, Accounts> {
        self.accounts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps a call record.
    pub(super) fn record(&self, record: Box<CallRecord>) {
        self.enter(Entry::Record(record));
    }

    /// Adds to the audit.
    pub(super) fn audit(&self, row: Box<AuditEntry>) {
        self.enter(Entry::Audit(row));
    }

    /// The reply to what the queue has no room for, if somebody waits for one.
    fn enter(&self, entry: Entry) -> Option<Reply> {
        let (entry, why) = undelivered(self.entries.try_send(entry).err()?);
        entry.refused(why)
    }

    /// Waits until everything handed in is written.
    pub(super) fn close(self) {
        let Ledger { lookups, passwords, entries, threads, .. } = self;
        drop((lookups, passwords, entries));
        for thread in threads {
            if thread.join().is_err() {
                error!("a thread of the account store has panicked");
            }
        }
    }
}

impl Outlets {
    /// Waits while the queue is full: workers and signalling empty theirs, and never wait for the store.
    fn reply(&self, reply: Reply) {
        match reply {
            Reply::ToWorker { worker, message } => {
                let _ = self.workers.get(worker).map(|inbox| inbox.send(message));
            }
            Reply::ToSignalling(waiting, answer) => {
                let _ = self.answers.blocking_send((waiting, answer));
            }
        }
    }
}

/// What a queue did not take, and why.
pub(super) fn undelivered<T>(refused: TrySendError<T>) -> (T, Undelivered) {
    match refused {
        TrySendError::Full(message) => (message, Undelivered::Full),
        TrySendError::Disconnected(message) => (message, Undelivered::Gone),
    }
}

fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> std::io::Result<JoinHandle<()>> {
    std::thread::Builder::new().name(name.to_owned()).spawn(work)
}

fn read(
    store: &dyn Store,
    backlog: &Backlog,
    lookups: &Mutex<Receiver<(Time, Lookup)>>,
    clock: Clock,
    outlets: &Outlets,
) {
    loop {
        let next = lookups.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok((asked, lookup)) = next else { return };
        if Lookup::is_waited_for(asked, clock.now()) {
            outlets.reply(lookup.answer(store, backlog));
        }
    }
}

fn hash(passwords: &Mutex<Receiver<Password>>, backlog: &Backlog, cost: Cost, clock: Clock, outlets: &Outlets) {
    // a hash can wait for a moment where audio cannot
    if let Err(error) = priority::give_way() {
        warn!(%error, "hashes are made at the same priority as calls");
    }
    let mut rng = rand::rng();
    loop {
        let next = passwords.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(password) = next else { return };
        outlets.reply(password.if_wanted().map_or_else(
            |unwanted| unwanted,
            |password| {
                let began = clock.now();
                let hashed = password.hash(cost, &mut rng);
                backlog.hashed(clock.now().since(began));
                hashed
            },
        ));
    }
}

fn write(mut store: Box<dyn Store>, entries: &Receiver<Entry>, outlets: &Outlets) {
    while let Ok(first) = entries.recv() {
        let replies = commit(store.as_mut(), batch(first, entries.try_iter()));
        replies.into_iter().for_each(|reply| outlets.reply(reply));
    }
}
