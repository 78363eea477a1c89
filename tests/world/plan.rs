//! What a world is made of and what happens in it, drawn from its seed before it begins. Each act has randomness of its own, so that
//! taking one out of a plan leaves the others as they were.

use std::time::Duration;

use karipass::internals::account::{Contract, Service, Services};
use karipass::internals::ivr::Confirm;
use karipass::key::Ways;
use karipass::number::PhoneNumber;
use karipass::secret::Secret;
use karipass::time::Time;
use karipass::unit::Unit;
use rand::RngExt;
use rand::rngs::StdRng;

use crate::mail::Temper;
use crate::network::{Path, WITHOUT};
use crate::service::Order;
use crate::support::{mixed, ms, number, rng, secs};

/// A world before it begins.
#[derive(Clone, Debug)]
pub struct Plan {
    pub seed: u64,
    pub confirm: Confirm,
    pub workers: usize,
    pub hashers: usize,
    /// Messages that a worker's inbox holds, and entries that each queue of the ledger holds.
    pub queue: usize,
    pub longest_call: Duration,
    pub drain: Duration,
    /// Whether who is not believed may prove a line; otherwise they are refused.
    pub registrar: bool,
    /// How long signalling is at work on one message.
    pub message_takes: Duration,
    /// What signalling looks at first.
    pub order: Order,
    /// Ports for media begin at one that is drawn, rather than at the first.
    pub draws_ports: bool,
    /// Senders of mails at a time.
    pub mailers: u32,
    /// Whether what the service writes about itself is read along.
    pub is_read: bool,
    pub pace: Pace,
    pub path: Path,
    /// In the order of time.
    pub acts: Vec<(Time, Act)>,
}

/// How long the store's steps take.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    pub lookup: Duration,
    pub hash: Duration,
    pub commit: Duration,
}

/// Something that happens.
#[derive(Clone, Debug)]
pub enum Act {
    /// Somebody calls.
    Dial(Box<Dial>),
    /// The service dies at once, and is started again after this time.
    Kill(Duration),
    /// The service is asked to stop, and is started again this long after it has.
    Stop(Duration),
    /// The wall clock jumps.
    ClockJumps(i64),
    /// The store is like this for a while.
    Store(Mood, Duration),
    /// The network becomes like this.
    Path(Path),
    /// Nothing gets through for a while.
    Cut(Duration),
    /// The operator does something.
    Operator(Operation),
    /// Somebody comes to the settings site.
    Visit(u64),
    /// The network tells of something.
    Event(u64),
    /// The mail server is like this for a while.
    MailServer(Temper, Duration),
    /// Datagrams that nobody has asked for arrive, this many, one after the other.
    Hostile(Hostility, u32, u64),
}

/// A call that somebody makes.
#[derive(Clone, Debug)]
pub struct Dial {
    pub who: Who,
    /// The line that calls, or is claimed to.
    pub line: PhoneNumber,
    pub unit: Unit,
    pub target: Option<PhoneNumber>,
    pub password: Secret,
    pub ways: Ways,
    pub patient: bool,
    pub sends_silence: bool,
    pub manners: Manners,
    pub seed: u64,
}

/// Where a call comes from, and with which proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    /// Through the carrier's gateway, which asserts the line.
    Subscriber,
    /// From a laboratory, whose From is believed.
    Laboratory,
    /// Through the gateway, with the number withheld.
    Withheld,
    /// From anywhere, proving the line by its telephone's password.
    Softphone,
    /// The same with a wrong password.
    Guesser,
    /// From anywhere, with another's line in From and P-Asserted-Identity.
    Impostor,
}

/// How a caller treats the call. Times count from dialling.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manners {
    /// Well.
    Good,
    /// Hangs up then: by CANCEL before the answer, by BYE after it.
    HangsUp(Duration),
    /// The 200 is never acknowledged.
    NeverAcks,
    /// Neither sends nor receives from then on.
    Vanishes(Duration),
    /// Holds the line from then on, for a while.
    Holds(Duration, Duration),
}

/// How the store behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mood {
    Well,
    /// It takes this much longer for every commit.
    Slow(Duration),
    /// Nothing can be read.
    Unreadable,
    /// Nothing can be written.
    Full,
    /// Some transactions fail, at any of their steps.
    Failing,
    /// The outcome of some commits is not known: some are in force, some are not.
    Unknown,
}

/// What the operator does. Which number is drawn when it is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    RemoveContract,
    RemoveNumber,
    AddBack,
    TakeService(Service),
    Unlock,
    SetOwnPassword,
    Prune,
}

/// What is sent by somebody who wants no good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hostility {
    /// No SIP at all.
    Garbage,
    /// INVITEs without a proof.
    Invites,
    /// BYE, CANCEL, ACK, INFO and UPDATE of calls that are not theirs.
    InDialog,
    /// RTP with keys to the ports of calls.
    Keys,
    /// OPTIONS and unknown methods.
    Options,
}

impl Plan {
    /// The world that follows from `seed`.
    pub fn new(seed: u64) -> Plan {
        let rng = &mut rng(seed, 1);
        let length = secs(rng.random_range(20..=90));
        let mut acts = vec![];
        for _ in 0..rng.random_range(2..=9) {
            acts.push((at(rng, length), Act::Dial(Box::new(Dial::random(rng)))));
        }
        for _ in 0..rng.random_range(0..=5) {
            acts.push((at(rng, length), Act::random(rng)));
        }
        if rng.random_bool(0.5) {
            for _ in 0..rng.random_range(1..=4) {
                // also when the calls are over
                acts.push((at(rng, length * 2), Act::Visit(rng.random())));
            }
        }
        if rng.random_bool(0.15) {
            for _ in 0..rng.random_range(1..=4) {
                acts.push((at(rng, length), Act::Event(rng.random())));
            }
            for _ in 0..rng.random_range(0..=2) {
                acts.push((at(rng, length), Act::MailServer(Temper::random(rng), secs(rng.random_range(1..=90)))));
            }
        }
        acts.sort_by_key(|(at, _)| *at);
        Plan {
            seed,
            confirm: if rng.random_bool(0.2) { Confirm::ReEnter } else { Confirm::ReadBack },
            workers: rng.random_range(1..=3),
            hashers: rng.random_range(1..=2),
            queue: if rng.random_bool(0.1) { rng.random_range(1..=4) } else { 64 },
            longest_call: if rng.random_bool(0.1) { secs(rng.random_range(5..=40)) } else { secs(600) },
            drain: secs(rng.random_range(0..=30)),
            registrar: rng.random_bool(0.6),
            message_takes: if rng.random_bool(0.1) { ms(rng.random_range(1..=5)) } else { Duration::ZERO },
            order: Order::StopFirst,
            draws_ports: true,
            mailers: rng.random_range(1..=2),
            is_read: rng.random_bool(0.05),
            pace: Pace {
                lookup: ms(rng.random_range(0..=100)),
                hash: ms(rng.random_range(1..=100)),
                commit: ms(if rng.random_bool(0.2) { rng.random_range(0..=4000) } else { rng.random_range(0..=200) }),
            },
            path: if rng.random_bool(0.3) { Path::random(rng, WITHOUT) } else { Path::clean(20) },
            acts,
        }
    }
}

impl Plan {
    /// A world in which nothing goes wrong by itself.
    pub fn quiet(seed: u64) -> Plan {
        Plan {
            seed,
            confirm: Confirm::ReadBack,
            workers: 2,
            hashers: 1,
            queue: 64,
            longest_call: secs(600),
            drain: secs(30),
            registrar: true,
            message_takes: Duration::ZERO,
            order: Order::StopFirst,
            draws_ports: true,
            mailers: 1,
            is_read: true,
            pace: Pace { lookup: ms(2), hash: ms(30), commit: ms(60) },
            path: Path::clean(20),
            acts: vec![],
        }
    }

    /// The same with these acts alone.
    pub fn keep(self, kept: &[usize]) -> Plan {
        let acts = self.acts.into_iter().enumerate().filter(|(index, _)| kept.contains(index)).map(|(_, act)| act);
        Plan { acts: acts.collect(), ..self }
    }
}

fn at(rng: &mut StdRng, length: Duration) -> Time {
    Time::after_start(length.mul_f64(rng.random::<f64>()))
}

impl Act {
    fn random(rng: &mut StdRng) -> Act {
        match rng.random_range(0..12) {
            0 | 1 => Act::Kill(secs(rng.random_range(0..=5))),
            2 => Act::Stop(secs(rng.random_range(0..=5))),
            3 => Act::ClockJumps(rng.random_range(-100_000..=100_000)),
            4 | 5 => Act::Store(Mood::random(rng), secs(rng.random_range(1..=20))),
            6 => Act::Path(Path::random(rng, WITHOUT)),
            7 => Act::Cut(ms(rng.random_range(50..=4000))),
            8 | 9 => Act::Operator(Operation::random(rng)),
            _ => Act::Hostile(Hostility::random(rng), rng.random_range(1..=200), rng.random()),
        }
    }
}

impl Mood {
    fn random(rng: &mut StdRng) -> Mood {
        match rng.random_range(0..7) {
            // no commit is under way any more when the caller gives it up: see `faults`
            0 | 1 => Mood::Slow(ms(if rng.random_bool(0.2) {
                rng.random_range(2000..=60_000)
            } else {
                rng.random_range(100..=2000)
            })),
            2 => Mood::Unreadable,
            3 => Mood::Full,
            4 => Mood::Unknown,
            _ => Mood::Failing,
        }
    }
}

impl Temper {
    fn random(rng: &mut StdRng) -> Temper {
        [Temper::Down, Temper::NotNow, Temper::Picky, Temper::FallsSilent][rng.random_range(0..4)]
    }
}

impl Operation {
    fn random(rng: &mut StdRng) -> Operation {
        match rng.random_range(0..8) {
            0 => Operation::RemoveContract,
            1 => Operation::RemoveNumber,
            2 => Operation::AddBack,
            3 => Operation::TakeService(Service::ALL[rng.random_range(0..Service::ALL.len())]),
            4 | 5 => Operation::Unlock,
            6 => Operation::SetOwnPassword,
            _ => Operation::Prune,
        }
    }
}

impl Hostility {
    fn random(rng: &mut StdRng) -> Hostility {
        use Hostility::{Garbage, InDialog, Invites, Keys, Options};
        [Garbage, Invites, InDialog, Keys, Options][rng.random_range(0..5)]
    }
}

impl Dial {
    /// A subscriber who does everything right.
    pub fn good(seed: u64) -> Dial {
        let rng = &mut rng(seed, 9);
        let line = contracts()[0].customer_number;
        let (who, manners) = (Who::Subscriber, Manners::Good);
        let dial = Dial::random(rng);
        Dial { who, line, target: None, unit: Unit::Number, manners, patient: false, ..dial }
    }

    fn random(rng: &mut StdRng) -> Dial {
        let contracts = contracts();
        let contract = &contracts[rng.random_range(0..contracts.len())];
        let numbers: Vec<PhoneNumber> = contract.numbers().collect();
        let unit = Unit::ALL[rng.random_range(0..3)];
        let line = if rng.random_bool(0.05) { stranger() } else { numbers[rng.random_range(0..numbers.len())] };
        let target = match unit {
            // somebody else's, now and then
            _ if rng.random_bool(0.1) => Some(any_number(rng)),
            Unit::Line => Some(contract.customer_number),
            Unit::Number | Unit::AdminUser if rng.random_bool(0.5) => None,
            Unit::Number | Unit::AdminUser => Some(numbers[rng.random_range(0..numbers.len())]),
        };
        let line = if rng.random_bool(0.5) { line } else { contracts[0].customer_number };
        Dial {
            who: match rng.random_range(0..12) {
                0 => Who::Impostor,
                1 if rng.random_bool(0.3) => Who::Withheld,
                2 | 3 => Who::Laboratory,
                4 => [Who::Softphone, Who::Softphone, Who::Guesser][rng.random_range(0..3)],
                _ => Who::Subscriber,
            },
            line,
            unit,
            target,
            password: Secret::from(password(rng)),
            ways: [Ways::RFC4733, Ways::RFC4733, Ways::RFC4733, Ways::INFO][rng.random_range(0..4)],
            patient: rng.random_bool(0.05),
            sends_silence: rng.random_bool(0.1),
            manners: Manners::random(rng),
            seed: rng.random(),
        }
    }
}

impl Manners {
    fn random(rng: &mut StdRng) -> Manners {
        match rng.random_range(0..14) {
            0 => Manners::HangsUp(ms(rng.random_range(0..=500))),
            1 | 2 => Manners::HangsUp(ms(rng.random_range(500..=30_000))),
            3 => Manners::Vanishes(ms(rng.random_range(0..=25_000))),
            4 if rng.random_bool(0.5) => Manners::NeverAcks,
            5 => Manners::Holds(ms(rng.random_range(1000..=20_000)), ms(rng.random_range(100..=20_000))),
            _ => Manners::Good,
        }
    }
}

/// The contracts that a world begins with.
pub fn contracts() -> Vec<Contract> {
    let contract = |main: &str, others: &[&str]| {
        others.iter().fold(Contract::new(number(main), Services::ALL), |contract, other| {
            contract.with(number(other), Services::ALL)
        })
    };
    vec![
        contract("0600001111", &["0600002222"]),
        contract("0312345678", &["0355556666", "0377778888"]),
        contract("09011112222", &[]),
    ]
}

/// A number of no contract.
pub fn stranger() -> PhoneNumber {
    number("0699998888")
}

pub fn any_number(rng: &mut StdRng) -> PhoneNumber {
    let numbers: Vec<PhoneNumber> = contracts().iter().flat_map(Contract::numbers).collect::<Vec<_>>();
    numbers[rng.random_range(0..numbers.len())]
}

/// 8 digits that no rule refuses, and that occur by chance in nothing that is printed.
pub fn password(rng: &mut StdRng) -> String {
    loop {
        let number = mixed(rng.random()) % 100_000_000;
        let text = format!("{number:08}");
        let steps: Vec<i16> = text.as_bytes().windows(2).map(|pair| i16::from(pair[1]) - i16::from(pair[0])).collect();
        if steps.iter().any(|step| *step != steps[0]) {
            return text;
        }
    }
}
