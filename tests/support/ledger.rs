//! The account store as the service's threads use it, with the time that it takes: a real SQLite file, virtual waiting.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use karipass::internals::account::{
    self, AccountStore, Actor, AuditEntry, CallFilter, CallRecord, Cost, Mode, Options, Store, StoreUrl, Verdict, demo,
    demo_contract,
};
use karipass::internals::call::Input;
use karipass::internals::switchboard::ledger::{Backlog, Entry, Lookup, Password, Reply, batch, commit};
use karipass::internals::switchboard::{ToWorker, Undelivered};
use karipass::number::PhoneNumber;
use karipass::secret::Secret;
use karipass::time::{Time, UnixTime};
use karipass::unit::Unit;
use rand::SeedableRng;
use rand::rngs::StdRng;

use super::ms;

/// The second that virtual time starts at.
const START: UnixTime = UnixTime(1_767_225_600);

/// How the store behaves.
#[derive(Clone, Debug)]
pub struct Manners {
    /// How long a look-up takes.
    pub lookup: Duration,
    /// How long hashing a password takes.
    pub hash: Duration,
    /// How long storing a password takes, until its commit begins.
    pub commit: Duration,
    /// How long the commit is under way.
    pub flush: Duration,
    /// Look-ups fail.
    pub unreadable: bool,
    /// Passwords are not stored.
    pub full: bool,
}

impl Default for Manners {
    fn default() -> Manners {
        Manners { lookup: ms(2), hash: ms(40), commit: ms(10), flush: ms(10), unreadable: false, full: false }
    }
}

enum Job {
    Lookup(Lookup),
    Hash(Password),
    Store(Entry),
    Flushed(Reply),
}

/// The store and what it has been asked.
pub struct Ledger {
    store: AccountStore,
    backlog: Backlog,
    manners: Manners,
    jobs: BTreeMap<(Time, u64), Job>,
    asked: u64,
    rng: StdRng,
    /// When each password was durably in the store.
    pub committed: Vec<Time>,
    file: File,
}

impl Ledger {
    pub fn new(seed: u64, manners: Manners) -> Ledger {
        let file = File::new();
        std::fs::write(&file.0, TEMPLATE.as_slice()).unwrap();
        Ledger {
            store: open(&file.0, Mode::Existing),
            backlog: Backlog::new(1),
            manners,
            jobs: BTreeMap::new(),
            asked: 0,
            rng: StdRng::seed_from_u64(seed),
            committed: vec![],
            file,
        }
    }

    pub fn look_up(&mut self, now: Time, lookup: Lookup) {
        self.ask(now + self.manners.lookup, Job::Lookup(lookup));
    }

    pub fn hash(&mut self, now: Time, password: Password) {
        self.ask(now + self.manners.hash, Job::Hash(password));
    }

    pub fn store(&mut self, now: Time, entry: Entry) {
        self.ask(now + self.manners.commit, Job::Store(entry));
    }

    pub fn record(&mut self, record: Box<CallRecord>) {
        self.write(Entry::Record(record));
    }

    pub fn audit(&mut self, row: Box<AuditEntry>) {
        self.write(Entry::Audit(row));
    }

    /// When the next answer is due.
    pub fn next(&self) -> Time {
        self.jobs.first_key_value().map_or(Time::MAX, |((at, _), _)| *at)
    }

    /// The next answer that is due.
    pub fn poll(&mut self, now: Time) -> Option<Reply> {
        let first = self.jobs.first_entry()?;
        let job = (first.key().0 <= now).then(|| first.remove())?;
        match job {
            Job::Lookup(lookup) if self.manners.unreadable => Some(lookup.refused(Undelivered::Gone)),
            Job::Lookup(lookup) => Some(lookup.answer(&self.store, &self.backlog)),
            Job::Hash(password) => {
                let hashed = password.if_wanted().map(|password| password.hash(Cost::CHEAP, &mut self.rng));
                Some(hashed.unwrap_or_else(|unwanted| unwanted))
            }
            Job::Store(entry) if self.manners.full => entry.refused(Undelivered::Full),
            Job::Store(entry) => {
                let reply = self.write(entry)?;
                self.ask(now + self.manners.flush, Job::Flushed(reply));
                None
            }
            Job::Flushed(reply) => {
                if is_stored(&reply) {
                    self.committed.push(now);
                }
                Some(reply)
            }
        }
    }

    // What is in the store

    pub fn records(&self) -> Vec<CallRecord> {
        self.store.calls(&CallFilter::default()).unwrap()
    }

    /// The accounts that have a temporary password.
    pub fn temporaries(&self) -> Vec<(Unit, PhoneNumber)> {
        let numbers: Vec<PhoneNumber> = demo_contract().unwrap().numbers().collect();
        let accounts = Unit::ALL.into_iter().flat_map(|unit| numbers.iter().map(move |&number| (unit, number)));
        let set = |&(unit, number): &(Unit, PhoneNumber)| {
            self.store.credential(unit, number).unwrap().is_some_and(|credential| credential.temporary.is_some())
        };
        accounts.filter(set).collect()
    }

    /// What the site would say to this password.
    pub fn verify(&mut self, now: Time, unit: Unit, number: PhoneNumber, password: &str) -> Verdict {
        self.store.verify(unit, number, &Secret::from(password), &Actor::Program("test"), wall(now)).unwrap()
    }

    fn write(&mut self, entry: Entry) -> Option<Reply> {
        commit(&mut self.store, batch(entry, std::iter::empty())).pop()
    }

    fn ask(&mut self, due: Time, job: Job) {
        self.asked += 1;
        self.jobs.insert((due, self.asked), job);
    }
}

fn is_stored(reply: &Reply) -> bool {
    matches!(reply, Reply::ToWorker { message: ToWorker::Input { input: Input::Stored(Ok(())), .. }, .. })
}

/// The time of day at `now`.
pub fn wall(now: Time) -> UnixTime {
    START.plus(now.elapsed().as_secs() as i64)
}

/// A store with the example contract, as bytes: opening a copy is cheaper than making one.
static TEMPLATE: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let file = File::new();
    let mut store = open(&file.0, Mode::Create);
    demo(&mut store, &Actor::Program("test"), START).unwrap();
    drop(store);
    std::fs::read(&file.0).unwrap()
});

fn open(path: &Path, mode: Mode) -> AccountStore {
    account::open(&StoreUrl::file(path), mode, &Options { cost: Cost::CHEAP, ..Options::default() }).unwrap()
}

/// A store's file, in memory where the system has a file system there, which goes when its test does.
struct File(PathBuf);

impl File {
    fn new() -> File {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let memory = Path::new("/dev/shm");
        let folder = if memory.is_dir() { memory.to_path_buf() } else { std::env::temp_dir() };
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        File(folder.join(format!("karipass-virtual-{}-{count}.db", std::process::id())))
    }
}

impl Drop for File {
    fn drop(&mut self) {
        for suffix in ["", "-wal", "-shm"] {
            let mut name = self.0.clone().into_os_string();
            name.push(suffix);
            let _ = std::fs::remove_file(name);
        }
    }
}
