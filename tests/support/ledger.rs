//! The account store as the service's threads use it, with the time that it takes: a real SQLite file, virtual waiting.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use karipass::internals::account::{
    self, AccountStore, Actor, CallFilter, CallRecord, Contract, Cost, Mode, Options, Store, StoreUrl, Verdict, demo,
    demo_contract, password,
};
use karipass::internals::call::LookupFailed;
use karipass::internals::ivr::{SetTemporaryPassword, StoreFailed};
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
    /// How long storing a password takes.
    pub commit: Duration,
    /// Look-ups fail.
    pub unreadable: bool,
    /// Passwords are not stored.
    pub full: bool,
}

impl Default for Manners {
    fn default() -> Manners {
        Manners { lookup: ms(2), commit: ms(60), unreadable: false, full: false }
    }
}

/// An answer that is due.
pub enum Reply {
    Line(Result<Option<Contract>, LookupFailed>),
    Stored(Result<(), StoreFailed>),
}

enum Job {
    Line(PhoneNumber),
    Password { request: SetTemporaryPassword, call_id: String },
}

/// The store and what it has been asked.
pub struct Ledger {
    store: AccountStore,
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
            manners,
            jobs: BTreeMap::new(),
            asked: 0,
            rng: StdRng::seed_from_u64(seed),
            committed: vec![],
            file,
        }
    }

    pub fn find_line(&mut self, now: Time, number: PhoneNumber) {
        self.ask(now + self.manners.lookup, Job::Line(number));
    }

    pub fn set_temporary_password(&mut self, now: Time, request: SetTemporaryPassword, call_id: String) {
        self.ask(now + self.manners.commit, Job::Password { request, call_id });
    }

    pub fn record(&mut self, record: &CallRecord) {
        self.store.record_call(record).unwrap();
    }

    /// When the next answer is due.
    pub fn next(&self) -> Time {
        self.jobs.first_key_value().map_or(Time::MAX, |((at, _), _)| *at)
    }

    /// The next answer that is due.
    pub fn poll(&mut self, now: Time) -> Option<Reply> {
        let first = self.jobs.first_entry()?;
        let job = (first.key().0 <= now).then(|| first.remove())?;
        Some(match job {
            Job::Line(_) if self.manners.unreadable => Reply::Line(Err(LookupFailed)),
            Job::Line(number) => Reply::Line(self.store.line_of(number).map_err(|_| LookupFailed)),
            Job::Password { .. } if self.manners.full => Reply::Stored(Err(StoreFailed)),
            Job::Password { request, call_id } => Reply::Stored(self.store(now, &request, call_id)),
        })
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

    fn store(&mut self, now: Time, request: &SetTemporaryPassword, call_id: String) -> Result<(), StoreFailed> {
        let SetTemporaryPassword { unit, number, password } = request;
        let prepared =
            password::prepare(*unit, *number, password, wall(now), call_id, Cost::CHEAP, &mut self.rng).unwrap();
        let results = self.store.set_temporary_passwords(&[prepared]).map_err(|_| StoreFailed)?;
        results.into_iter().collect::<Result<(), _>>().map_err(|_| StoreFailed)?;
        self.committed.push(now);
        Ok(())
    }

    fn ask(&mut self, due: Time, job: Job) {
        self.asked += 1;
        self.jobs.insert((due, self.asked), job);
    }
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
