//! The network between the service and everybody else: it loses, delays, reorders and repeats as its [`Path`] says, and is cut
//! for a while when the plan says so.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use karipass::time::Time;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::support::ms;

/// Which kind of socket a datagram belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
    /// The part that is held back, so that later ones overtake it.
    pub reorder: f64,
    /// The part that arrives twice.
    pub duplicate: f64,
}

impl Path {
    /// Nothing but a delay.
    pub const fn clean(delay: u64) -> Path {
        Path { loss: 0.0, delay: ms(delay), jitter: Duration::ZERO, reorder: 0.0, duplicate: 0.0 }
    }

    /// Anything from good to bad: up to 5 % loss, 150 ms delay, 60 ms jitter, 2 % reordered, 2 % repeated.
    pub fn random(rng: &mut StdRng) -> Path {
        Path {
            loss: if rng.random_bool(0.5) { 0.0 } else { rng.random_range(0.0..=0.05) },
            delay: ms(rng.random_range(0..=150)),
            jitter: ms(if rng.random_bool(0.5) { 0 } else { rng.random_range(0..=60) }),
            reorder: rng.random_range(0.0..=0.02),
            duplicate: rng.random_range(0.0..=0.02),
        }
    }
}

/// One datagram.
pub struct Packet {
    pub kind: Kind,
    pub from: SocketAddr,
    pub to: SocketAddr,
    pub bytes: Vec<u8>,
}

/// Datagrams under way.
pub struct Network {
    path: Path,
    cut_until: Time,
    rng: StdRng,
    flying: BTreeMap<(Time, u64), Packet>,
    sent: u64,
    lossless: bool,
}

impl Network {
    pub fn new(seed: u64, path: Path) -> Network {
        let rng = StdRng::seed_from_u64(seed);
        let lossless = path.loss == 0.0;
        Network { path, cut_until: Time::ZERO, rng, flying: BTreeMap::new(), sent: 0, lossless }
    }

    /// From here on, it is like this.
    pub fn change(&mut self, path: Path) {
        self.lossless &= path.loss == 0.0;
        self.path = path;
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

    /// Sends a datagram; tells whether it will arrive.
    pub fn send(&mut self, now: Time, packet: Packet) -> bool {
        let Network { path, rng, .. } = self;
        if now < self.cut_until || path.loss > 0.0 && rng.random_bool(path.loss) {
            return false;
        }
        let mut takes = path.delay + path.jitter.mul_f64(rng.random::<f64>());
        if rng.random_bool(path.reorder) {
            takes += ms(rng.random_range(20..=80));
        }
        if rng.random_bool(path.duplicate) {
            let again = path.delay + path.jitter.mul_f64(rng.random::<f64>());
            let Packet { kind, from, to, ref bytes } = packet;
            self.fly(now + again, Packet { kind, from, to, bytes: bytes.clone() });
        }
        self.fly(now + takes, packet);
        true
    }

    /// When the next datagram arrives.
    pub fn next(&self) -> Time {
        self.flying.first_key_value().map_or(Time::MAX, |((at, _), _)| *at)
    }

    pub fn arrived(&mut self, now: Time) -> Option<Packet> {
        let first = self.flying.first_entry()?;
        (first.key().0 <= now).then(|| first.remove())
    }

    fn fly(&mut self, at: Time, packet: Packet) {
        self.sent += 1;
        self.flying.insert((at, self.sent), packet);
    }
}
