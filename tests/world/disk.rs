//! The durable part of the world: the tables of the account store, which outlive the service, and how they behave towards it.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use karipass::internals::account::password::Cost;
use karipass::internals::account::rules::{Policy, Rules};
use karipass::internals::account::setting::{ArrivalMail, BulkTransfer, FaultNotice, FaxMail};
use karipass::internals::account::tables::Fault;
use karipass::internals::account::{
    Actor, Contract, Effects, Existing, LinePassword, Service, SettingChange, Store, UserName,
};
use karipass::internals::sip::digest::{Algorithm, Ha1};
use karipass::number::PhoneNumber;
use karipass::time::{Moment, Time, UnixTime};
use rand::RngExt;
use rand::rngs::StdRng;

use crate::memory_store::{Kind, Memory, Trouble};
use crate::plan::{Mood, contracts};
use crate::support::{REALM, TELEPHONE, rng};

/// The second that virtual time starts at.
pub const START: UnixTime = UnixTime(1_767_225_600);
/// Who does what the operator does.
pub const WORLD: Actor = Actor::Program("world");
/// Accesses to tables in the longest transactions.
const STEPS: u64 = 40;

/// The wall clock: it goes on with virtual time, and jumps.
#[derive(Clone, Copy, Default)]
pub struct Clock {
    ahead: i64,
    pub was_set_back: bool,
    pub jumps: u32,
}

impl Clock {
    pub fn jump(&mut self, seconds: i64) {
        self.ahead += seconds;
        self.was_set_back |= seconds < 0;
        self.jumps += 1;
    }

    pub fn at(self, time: Time) -> Moment {
        Moment { time, wall: START.plus(time.elapsed().as_secs() as i64 + self.ahead) }
    }
}

/// A handle to the store.
pub type Handle = Rules<Memory>;

/// The store and its mood.
pub struct Disk {
    memory: Memory,
    truth: Handle,
    service: Handle,
    faults: Arc<Mutex<Faults>>,
    mood: Mood,
    until: Time,
    had_faults: bool,
}

struct Faults {
    /// The world itself reads: nothing fails.
    paused: bool,
    mood: Mood,
    /// The last write had no answer.
    was_unknown: bool,
    random: StdRng,
}

impl Disk {
    pub fn new(seed: u64) -> Disk {
        let memory = Memory::default();
        let mut truth = handle(&memory);
        truth.save_contracts(&contracts(), Existing::Refuse, &WORLD, START).unwrap();
        for contract in contracts() {
            set_services(&mut truth, &contract);
        }
        let line = contracts()[0].customer_number;
        truth.set_line_password(&line_password(line), &WORLD, START).unwrap();
        let faults =
            Arc::new(Mutex::new(Faults { paused: true, mood: Mood::Well, was_unknown: false, random: rng(seed, 4) }));
        let asked = Arc::clone(&faults);
        memory.trouble(move |kind| asked.lock().unwrap_or_else(PoisonError::into_inner).next(kind));
        let service = handle(&memory);
        Disk { memory, truth, service, faults, mood: Mood::Well, until: Time::ZERO, had_faults: false }
    }

    /// As the world sees it: whatever its mood, nothing fails.
    pub fn truth(&mut self) -> &mut Handle {
        self.lock().paused = true;
        &mut self.truth
    }

    /// As the service sees it now.
    pub fn store(&mut self, now: Time) -> &mut Handle {
        self.turns(now);
        &mut self.service
    }

    /// Makes more handles for the service: their faults are those of [`Disk::turns`].
    pub fn opener(&self) -> impl Fn() -> Handle + Send + Sync + 'static {
        let memory = self.memory.clone();
        move || handle(&memory)
    }

    /// From here to the next [`Disk::truth`] every handle behaves as the store does now.
    pub fn turns(&self, now: Time) {
        let mut faults = self.lock();
        (faults.paused, faults.mood) = (false, self.mood(now));
    }

    pub fn becomes(&mut self, mood: Mood, until: Time) {
        (self.mood, self.until) = (mood, until);
        self.had_faults |= !matches!(mood, Mood::Well | Mood::Slow(_));
    }

    pub fn mood(&self, now: Time) -> Mood {
        if now < self.until { self.mood } else { Mood::Well }
    }

    /// Power is lost.
    pub fn crash(&self) {
        self.memory.crash();
    }

    /// Whether anything ever failed.
    pub fn had_faults(&self) -> bool {
        self.had_faults
    }

    /// How much longer than usual a commit takes that begins now.
    pub fn slowness(&self, now: Time) -> Duration {
        match self.mood(now) {
            Mood::Slow(time) => time,
            Mood::Well | Mood::Unreadable | Mood::Full | Mood::Failing | Mood::Unknown => Duration::ZERO,
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Faults> {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Faults {
    fn next(&mut self, kind: Kind) -> Option<Trouble> {
        let is_write = kind != Kind::Read;
        let mut chance = |part: f64| self.random.random_bool(part);
        match self.mood {
            _ if self.paused => None,
            Mood::Well | Mood::Slow(_) => (is_write && chance(0.02)).then_some(Trouble::Conflicts(1)),
            Mood::Unreadable => (!is_write).then(|| Trouble::Refuse(Fault::Disk("I/O error".to_owned()))),
            Mood::Full => is_write.then_some(Trouble::Refuse(Fault::Full)),
            Mood::Failing if chance(0.1) => Some(Trouble::Busy),
            Mood::Failing if chance(0.5) => {
                let step = self.random.random_range(0..STEPS);
                Some(Trouble::FailAt(step, Fault::Disk("I/O error".to_owned())))
            }
            Mood::Failing => None,
            // not twice in a row: a commit that never has an answer is said to have failed in the end
            Mood::Unknown if is_write && !self.was_unknown && chance(0.5) => {
                self.was_unknown = true;
                let committed = self.random.random_bool(0.5);
                Some(Trouble::Unknown { committed })
            }
            Mood::Unknown => {
                self.was_unknown &= !is_write;
                None
            }
        }
    }
}

fn handle(memory: &Memory) -> Handle {
    Rules::new(memory.clone(), Policy { cost: Cost::CHEAP, ..Policy::default() })
}

fn line_password(number: PhoneNumber) -> LinePassword {
    let user_name = number.as_str().to_owned();
    let key = Ha1::derive(&user_name, REALM, &TELEPHONE.into());
    let ha1 = |algorithm| key.expose(algorithm).to_owned();
    let user_names = vec![UserName { ha1_sha256: ha1(Algorithm::Sha256), ha1_md5: ha1(Algorithm::Md5), user_name }];
    LinePassword { number, realm: REALM.to_owned(), user_names }
}

/// Everything of a contract tells by mail what happens to it.
fn set_services(store: &mut Handle, contract: &Contract) {
    for number in contract.numbers() {
        let arrival = ArrivalMail { addresses: vec![format!("{number}@example.jp")], ..ArrivalMail::default() };
        let fault = FaultNotice {
            addresses: vec![format!("{number}@example.jp"), format!("fault-{number}@example.jp")],
            start_bulk_transfer: true,
            stop_bulk_transfer: true,
            ..FaultNotice::default()
        };
        let fax = FaxMail { address: format!("fax-{number}@example.jp"), confirmed: true };
        let bulk = BulkTransfer { destination: Some(crate::plan::stranger()) };
        let change = |service, active, detail: String| SettingChange { number, service, revision: 0, active, detail };
        let changes = vec![
            change(Service::ArrivalMail, true, serde_json::to_string(&arrival).unwrap()),
            change(Service::FaultNotice, true, serde_json::to_string(&fault).unwrap()),
            change(Service::FaxMail, true, serde_json::to_string(&fax).unwrap()),
            change(Service::BulkTransfer, false, serde_json::to_string(&bulk).unwrap()),
        ];
        let effects = Effects { changes, ..Effects::default() };
        store.apply(&effects, &WORLD, START).unwrap();
    }
}
