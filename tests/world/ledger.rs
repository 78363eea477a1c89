//! The ledger's queues, hashers, reader and writer in virtual time: what its threads do with the decisions of `switchboard::ledger`.
//!
//! ```text
//! Lookup ───▶ reader ──▶ Reply
//! Password ─▶ hashers ─▶ Reply
//! password, record, audit row ─▶ Entry ─▶ writer: commit … durable … Reply
//! ```
//!
//! A commit is durable somewhere between its beginning and its replies. A service that dies between the two has said nothing.

use std::collections::VecDeque;
use std::time::Duration;

use karipass::internals::account::password::{Cost, PreparedTemporaryPassword};
use karipass::internals::account::{AuditEntry, CallRecord};
use karipass::internals::switchboard::Undelivered;
use karipass::internals::switchboard::ledger::{self, Accounts, Backlog, Caller, Entry, Lookup, Password, Reply};
use karipass::internals::ticket::Ticket;
use karipass::time::{Moment, Time};
use rand::RngExt;
use rand::rngs::StdRng;

use crate::disk::Disk;
use crate::plan::Pace;

/// What has become durable, or was given up.
pub enum Settled {
    /// A commit: the passwords that went into it, in order, and the ids of its records.
    Committed { passwords: Vec<PreparedTemporaryPassword>, records: Vec<String> },
    /// A record that the queue did not take: it is in the log alone.
    Lost(String),
}

/// The ledger of one service.
pub struct Ledger {
    pace: Pace,
    /// What each queue holds.
    room: usize,
    /// Each with the time at which it was asked.
    lookups: VecDeque<(Time, Lookup)>,
    reading: Option<(Time, Lookup)>,
    passwords: VecDeque<Password>,
    hashing: Vec<Option<(Time, Password)>>,
    entries: VecDeque<Entry>,
    accounts: Accounts,
    backlog: Backlog,
    writing: Option<Writing>,
    rng: StdRng,
    replies: VecDeque<Reply>,
    pub settled: Vec<Settled>,
}

struct Writing {
    durable_at: Time,
    answered_at: Time,
    /// Until it is durable.
    batch: Vec<Entry>,
    replies: Vec<Reply>,
    is_durable: bool,
}

impl Ledger {
    pub fn new(pace: Pace, hashers: usize, room: usize, rng: StdRng) -> Ledger {
        Ledger {
            pace,
            room,
            lookups: VecDeque::new(),
            reading: None,
            passwords: VecDeque::new(),
            hashing: (0..hashers).map(|_| None).collect(),
            entries: VecDeque::new(),
            accounts: Accounts::default(),
            backlog: Backlog::new(hashers),
            writing: None,
            rng,
            replies: VecDeque::new(),
            settled: vec![],
        }
    }

    pub fn look_up(&mut self, now: Time, lookup: Lookup) {
        match self.lookups.len() < self.room {
            true => self.lookups.push_back((now, lookup)),
            false => self.replies.push_back(lookup.refused(Undelivered::Full)),
        }
    }

    pub fn hash(&mut self, password: Password) {
        match self.passwords.len() < self.room {
            true => self.passwords.push_back(password),
            false => self.replies.push_back(password.refused(Undelivered::Full)),
        }
    }

    pub fn store(&mut self, prepared: PreparedTemporaryPassword, ticket: Ticket, caller: Caller) {
        match self.accounts.take(&prepared, &ticket, caller) {
            Some(overtaken) => self.replies.push_back(overtaken),
            None => self.write(Entry::Password { prepared, ticket, caller }),
        }
    }

    pub fn record(&mut self, record: Box<CallRecord>) {
        if self.entries.len() >= self.room {
            self.settled.push(Settled::Lost(record.id.clone()));
        }
        self.write(Entry::Record(record));
    }

    pub fn audit(&mut self, row: Box<AuditEntry>) {
        self.write(Entry::Audit(row));
    }

    fn write(&mut self, entry: Entry) {
        match self.entries.len() < self.room {
            true => self.entries.push_back(entry),
            false => self.replies.extend(entry.refused(Undelivered::Full)),
        }
    }

    /// What has been answered.
    pub fn poll_reply(&mut self) -> Option<Reply> {
        self.replies.pop_front()
    }

    /// Whether nothing is left to be done.
    pub fn is_idle(&self) -> bool {
        self.waiting() == 0
            && self.backlog.calls() == 0
            && self.writing.is_none()
            && self.reading.is_none()
            && self.hashing.iter().all(Option::is_none)
    }

    /// Requests in the queues.
    pub fn waiting(&self) -> usize {
        self.lookups.len() + self.passwords.len() + self.entries.len()
    }

    /// When the next step is due.
    pub fn wakes(&self) -> Time {
        let reading = self.reading.as_ref().map(|(at, _)| *at);
        let hashing = self.hashing.iter().flatten().map(|(at, _)| *at).min();
        let writing = self.writing.as_ref().map(|writing| match writing.is_durable {
            false => writing.durable_at,
            true => writing.answered_at,
        });
        [reading, hashing, writing].into_iter().flatten().min().unwrap_or(Time::MAX)
    }

    /// Does what is due, and begins what can begin.
    pub fn handle_timeout(&mut self, now: Moment, disk: &mut Disk) {
        self.read(now.time, disk);
        self.hash_on(now.time);
        self.commit(now.time, disk);
    }

    fn read(&mut self, now: Time, disk: &mut Disk) {
        if let Some((_, lookup)) = self.reading.take_if(|(at, _)| *at <= now) {
            self.replies.push_back(lookup.answer(disk.store(now), &self.backlog));
        }
        while self.reading.is_none() {
            let Some((asked, lookup)) = self.lookups.pop_front() else { return };
            self.reading = Lookup::is_waited_for(asked, now).then(|| (now + self.pace.lookup, lookup));
        }
    }

    fn hash_on(&mut self, now: Time) {
        for hasher in 0..self.hashing.len() {
            if let Some((_, password)) = self.hashing[hasher].take_if(|(at, _)| *at <= now) {
                self.replies.push_back(password.if_wanted().map_or_else(
                    |unwanted| unwanted,
                    |password| {
                        self.backlog.hashed(self.pace.hash);
                        password.hash(Cost::CHEAP, &mut self.rng)
                    },
                ));
            }
            if self.hashing[hasher].is_none()
                && let Some(next) = self.passwords.pop_front()
            {
                self.hashing[hasher] = Some((now + self.pace.hash, next));
            }
        }
    }

    fn commit(&mut self, now: Time, disk: &mut Disk) {
        if let Some(writing) = self.writing.as_mut().filter(|writing| !writing.is_durable && writing.durable_at <= now)
        {
            let batch = std::mem::take(&mut writing.batch);
            let (mut passwords, mut records) = (vec![], vec![]);
            for entry in &batch {
                match entry {
                    Entry::Password { prepared, .. } => passwords.push(prepared.clone()),
                    Entry::Record(record) => records.push(record.id.clone()),
                    Entry::Audit(_) => {}
                }
            }
            writing.replies = ledger::commit(disk.store(now), batch);
            writing.is_durable = true;
            self.settled.push(Settled::Committed { passwords, records });
        }
        if let Some(writing) = self.writing.take_if(|writing| writing.is_durable && writing.answered_at <= now) {
            self.replies.extend(writing.replies);
        }
        if self.writing.is_none()
            && let Some(first) = self.entries.pop_front()
        {
            let takes = self.pace.commit + disk.slowness(now);
            let durable_at = now + takes.mul_f64(self.rng.random::<f64>());
            let batch = ledger::batch(first, std::iter::from_fn(|| self.entries.pop_front()));
            let answered_at = now + takes.max(Duration::from_millis(1));
            self.writing = Some(Writing { durable_at, answered_at, batch, replies: vec![], is_durable: false });
        }
    }
}
