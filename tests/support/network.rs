//! The network between the two ends: each direction loses, delays, overtakes and repeats as its [`Path`] says.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::time::Duration;

use karipass::time::Time;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::ms;

/// One of the two ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    Service,
    Phone,
}

/// Which socket a datagram belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    Sip,
    Rtp,
    Rtcp,
}

/// What happens to datagrams on their way.
#[derive(Clone, Debug)]
pub struct Path {
    /// The part that is lost.
    pub loss: f64,
    /// How long every datagram takes.
    pub delay: Duration,
    /// By how much more it may take, evenly spread.
    pub jitter: Duration,
    /// The part that is held back further, so that those behind overtake it.
    pub reorder: f64,
    /// The part that arrives twice.
    pub duplicate: f64,
    /// What is late holds up what is behind it, as in a queue.
    pub ordered: bool,
}

impl Path {
    /// Nothing but a delay.
    pub const fn clean(delay: u64) -> Path {
        Path { loss: 0.0, delay: ms(delay), jitter: Duration::ZERO, reorder: 0.0, duplicate: 0.0, ordered: false }
    }

    /// Nothing gets through.
    pub const CUT: Path = Path { loss: 1.0, ..Path::clean(20) };

    /// Anything from good to bad: up to 5 % loss, 150 ms delay, 60 ms jitter, 2 % overtaken, 2 % repeated.
    pub fn random(rng: &mut StdRng) -> Path {
        Path {
            loss: if rng.random_bool(0.25) { 0.0 } else { rng.random_range(0.0..=0.05) },
            delay: ms(rng.random_range(0..=150)),
            jitter: ms(if rng.random_bool(0.25) { 0 } else { rng.random_range(0..=60) }),
            reorder: rng.random_range(0.0..=0.02),
            duplicate: rng.random_range(0.0..=0.02),
            ordered: false,
        }
    }
}

/// One datagram.
#[derive(Clone, Debug)]
pub struct Datagram {
    pub kind: Kind,
    pub from: SocketAddr,
    pub to: SocketAddr,
    pub bytes: Vec<u8>,
}

/// What became of a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    Arrives(Duration),
    Twice(Duration, Duration),
    Lost,
}

/// Datagrams under way.
pub struct Network {
    to_service: Path,
    to_phone: Path,
    rng: StdRng,
    /// When the last datagram of each direction arrives.
    last: [Time; 2],
    flying: BTreeMap<(Time, u64), Datagram>,
    sent: u64,
    sip_sent: usize,
    /// Positions among all SIP datagrams, both directions counted together, of those that are lost whatever the path says.
    pub lose_sip: BTreeSet<usize>,
    /// Whether what is sent is recorded.
    pub record: bool,
    pub recorded: Vec<Datagram>,
}

impl Network {
    pub fn new(seed: u64, to_service: Path, to_phone: Path) -> Network {
        Network {
            to_service,
            to_phone,
            rng: StdRng::seed_from_u64(seed),
            last: [Time::ZERO; 2],
            flying: BTreeMap::new(),
            sent: 0,
            sip_sent: 0,
            lose_sip: BTreeSet::new(),
            record: false,
            recorded: vec![],
        }
    }

    /// From here on, the paths are these.
    pub fn change(&mut self, to_service: Path, to_phone: Path) {
        (self.to_service, self.to_phone) = (to_service, to_phone);
    }

    pub fn send(&mut self, now: Time, from: Side, datagram: Datagram) -> Fate {
        if self.record {
            self.recorded.push(datagram.clone());
        }
        let path = match from {
            Side::Phone => &self.to_service,
            Side::Service => &self.to_phone,
        };
        // each datagram takes the same draws, so that one fate does not change all later ones
        let [lost, held, twice] = std::array::from_fn(|_| self.rng.random::<f64>());
        let [first, second] = std::array::from_fn(|_| path.jitter.mul_f64(self.rng.random::<f64>()));
        let behind = ms(self.rng.random_range(20..=80));
        let chosen = datagram.kind == Kind::Sip && self.lose_sip.contains(&self.sip_sent);
        self.sip_sent += usize::from(datagram.kind == Kind::Sip);
        if lost < path.loss || chosen {
            return Fate::Lost;
        }
        let takes = path.delay + first + if held < path.reorder { behind } else { Duration::ZERO };
        let last = &mut self.last[usize::from(from == Side::Phone)];
        let takes = if path.ordered { takes.max(last.since(now)) } else { takes };
        *last = (*last).max(now + takes);
        let again = (twice < path.duplicate).then_some(path.delay + second);
        if let Some(again) = again {
            self.fly(now + again, datagram.clone());
        }
        self.fly(now + takes, datagram);
        again.map_or(Fate::Arrives(takes), |again| Fate::Twice(takes, again))
    }

    /// When the next datagram arrives.
    pub fn next(&self) -> Time {
        self.flying.first_key_value().map_or(Time::MAX, |((at, _), _)| *at)
    }

    pub fn arrived(&mut self, now: Time) -> Option<Datagram> {
        let first = self.flying.first_entry()?;
        (first.key().0 <= now).then(|| first.remove())
    }

    /// How many SIP datagrams were sent, lost ones too.
    pub fn sip_sent(&self) -> usize {
        self.sip_sent
    }

    fn fly(&mut self, at: Time, datagram: Datagram) {
        self.sent += 1;
        self.flying.insert((at, self.sent), datagram);
    }
}
