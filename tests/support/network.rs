//! The network between the two ends: each direction loses, delays, overtakes and repeats as its [`Path`] says.

use std::collections::BTreeSet;

use karipass::time::Time;
use rand::SeedableRng;
use rand::rngs::StdRng;

pub use super::wire::{Datagram, Fate, Kind, Path};
use super::wire::{Direction, Flying};

/// One of the two ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    Service,
    Phone,
}

/// The chance that a random path loses nothing, and that it has no jitter.
pub const WITHOUT: f64 = 0.25;

impl Path {
    /// Nothing gets through.
    pub const CUT: Path = Path { loss: 1.0, ..Path::clean(20) };
}

/// Datagrams under way.
pub struct Network {
    to_service: Direction,
    to_phone: Direction,
    rng: StdRng,
    flying: Flying,
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
            to_service: Direction::new(to_service),
            to_phone: Direction::new(to_phone),
            rng: StdRng::seed_from_u64(seed),
            flying: Flying::default(),
            sip_sent: 0,
            lose_sip: BTreeSet::new(),
            record: false,
            recorded: vec![],
        }
    }

    /// From here on, the paths are these.
    pub fn change(&mut self, to_service: Path, to_phone: Path) {
        (self.to_service.path, self.to_phone.path) = (to_service, to_phone);
    }

    pub fn send(&mut self, now: Time, from: Side, datagram: Datagram) -> Fate {
        if self.record {
            self.recorded.push(datagram.clone());
        }
        let direction = match from {
            Side::Phone => &mut self.to_service,
            Side::Service => &mut self.to_phone,
        };
        let doomed = datagram.kind == Kind::Sip && self.lose_sip.contains(&self.sip_sent);
        self.sip_sent += usize::from(datagram.kind == Kind::Sip);
        let fate = direction.fate(now, doomed, &mut self.rng);
        self.flying.send(now, datagram, fate);
        fate
    }

    /// When the next datagram arrives.
    pub fn next(&self) -> Time {
        self.flying.next()
    }

    pub fn arrived(&mut self, now: Time) -> Option<Datagram> {
        self.flying.arrived(now)
    }

    /// How many SIP datagrams were sent, lost ones too.
    pub fn sip_sent(&self) -> usize {
        self.sip_sent
    }
}
