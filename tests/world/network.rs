//! The network between the service and everybody else: it loses, delays, reorders and repeats as its [`Path`] says, and is cut
//! for a while when the plan says so.

use karipass::time::Time;
use rand::SeedableRng;
use rand::rngs::StdRng;

pub use crate::wire::{Datagram, Kind, Path};
use crate::wire::{Direction, Fate, Flying};

/// The chance that a random path loses nothing, and that it has no jitter.
pub const WITHOUT: f64 = 0.5;

/// Datagrams under way.
pub struct Network {
    direction: Direction,
    cut_until: Time,
    rng: StdRng,
    flying: Flying,
    lossless: bool,
}

impl Network {
    pub fn new(seed: u64, path: Path) -> Network {
        let lossless = path.loss == 0.0;
        let (rng, flying) = (StdRng::seed_from_u64(seed), Flying::default());
        Network { direction: Direction::new(path), cut_until: Time::ZERO, rng, flying, lossless }
    }

    /// From here on, it is like this.
    pub fn change(&mut self, path: Path) {
        self.lossless &= path.loss == 0.0;
        self.direction.path = path;
    }

    /// Whether nothing was ever lost.
    pub fn is_lossless(&self) -> bool {
        self.lossless
    }

    /// Nothing gets through before then.
    pub fn cut(&mut self, until: Time) {
        self.lossless = false;
        self.cut_until = until;
    }

    /// Sends a datagram; returns whether it will arrive.
    pub fn send(&mut self, now: Time, datagram: Datagram) -> bool {
        let fate = self.direction.fate(now, now < self.cut_until, &mut self.rng);
        self.flying.send(now, datagram, fate);
        fate != Fate::Lost
    }

    /// When the next datagram arrives.
    pub fn next(&self) -> Time {
        self.flying.next()
    }

    pub fn arrived(&mut self, now: Time) -> Option<Datagram> {
        self.flying.arrived(now)
    }
}
