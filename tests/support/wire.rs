//! Datagrams on their way in virtual time: lost, delayed, overtaken and repeated as a [`Path`] says.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use karipass::time::Time;
use rand::RngExt;
use rand::rngs::StdRng;

/// Which kind of socket a datagram belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    Sip,
    Rtp,
    Rtcp,
}

/// One datagram.
#[derive(Clone, Debug)]
pub struct Datagram {
    pub kind: Kind,
    pub from: SocketAddr,
    pub to: SocketAddr,
    pub bytes: Vec<u8>,
}

/// The port beside this one.
pub fn rtcp_of(rtp: SocketAddr) -> SocketAddr {
    SocketAddr::new(rtp.ip(), rtp.port() + 1)
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
    /// The part that is held back further, so that later ones overtake it.
    pub reorder: f64,
    /// The part that arrives twice.
    pub duplicate: f64,
    /// What is late holds up what is behind it, as in a queue.
    pub ordered: bool,
}

impl Path {
    /// Nothing but a delay.
    pub const fn clean(millis: u64) -> Path {
        let delay = Duration::from_millis(millis);
        Path { loss: 0.0, delay, jitter: Duration::ZERO, reorder: 0.0, duplicate: 0.0, ordered: false }
    }

    /// Anything from good to bad: up to 5 % loss, 150 ms delay, 60 ms jitter, 2 % overtaken, 2 % repeated. Loss and jitter are
    /// each left out with the chance `without`.
    pub fn random(rng: &mut StdRng, without: f64) -> Path {
        Path {
            loss: if rng.random_bool(without) { 0.0 } else { rng.random_range(0.0..=0.05) },
            delay: Duration::from_millis(rng.random_range(0..=150)),
            jitter: Duration::from_millis(if rng.random_bool(without) { 0 } else { rng.random_range(0..=60) }),
            reorder: rng.random_range(0.0..=0.02),
            duplicate: rng.random_range(0.0..=0.02),
            ordered: false,
        }
    }
}

/// What becomes of a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    Arrives(Duration),
    Twice(Duration, Duration),
    Lost,
}

/// One direction of a network.
pub struct Direction {
    pub path: Path,
    /// When the last datagram arrives.
    last: Time,
}

impl Direction {
    pub fn new(path: Path) -> Direction {
        Direction { path, last: Time::ZERO }
    }

    /// What becomes of a datagram that is sent now; with `doomed` it is lost whatever the path says. Each takes the same draws,
    /// so that one fate does not change all later ones.
    pub fn fate(&mut self, now: Time, doomed: bool, rng: &mut StdRng) -> Fate {
        let path = &self.path;
        let [lost, held, twice] = std::array::from_fn(|_| rng.random::<f64>());
        let [first, second] = std::array::from_fn(|_| path.jitter.mul_f64(rng.random::<f64>()));
        let behind = Duration::from_millis(rng.random_range(20..=80));
        if lost < path.loss || doomed {
            return Fate::Lost;
        }
        let takes = path.delay + first + if held < path.reorder { behind } else { Duration::ZERO };
        let takes = if path.ordered { takes.max(self.last.since(now)) } else { takes };
        self.last = self.last.max(now + takes);
        if twice < path.duplicate { Fate::Twice(takes, path.delay + second) } else { Fate::Arrives(takes) }
    }
}

/// Datagrams under way.
#[derive(Default)]
pub struct Flying {
    datagrams: BTreeMap<(Time, u64), Datagram>,
    sent: u64,
}

impl Flying {
    pub fn send(&mut self, now: Time, datagram: Datagram, fate: Fate) {
        match fate {
            Fate::Lost => {}
            Fate::Arrives(takes) => self.fly(now + takes, datagram),
            Fate::Twice(takes, again) => {
                self.fly(now + again, datagram.clone());
                self.fly(now + takes, datagram);
            }
        }
    }

    /// When the next datagram arrives.
    pub fn next(&self) -> Time {
        self.datagrams.first_key_value().map_or(Time::MAX, |((at, _), _)| *at)
    }

    pub fn arrived(&mut self, now: Time) -> Option<Datagram> {
        let first = self.datagrams.first_entry()?;
        (first.key().0 <= now).then(|| first.remove())
    }

    fn fly(&mut self, at: Time, datagram: Datagram) {
        self.sent += 1;
        self.datagrams.insert((at, self.sent), datagram);
    }
}
