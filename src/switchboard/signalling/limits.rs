//! One peer's share of the service: calls at a time, and INVITEs a second. One line's: calls at a time.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::IpAddr;
use std::time::Duration;

use crate::number::PhoneNumber;
use crate::time::Time;

/// The limits; the peer is an address.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PeerLimits {
    /// Calls at a time.
    pub calls: usize,
    /// INVITEs a second, on the average over two seconds (`BURST`).
    pub invites_per_second: f64,
}

/// A peer may send the INVITEs of this time in one burst.
const BURST: Duration = Duration::from_secs(2);

/// Idle peers are dropped once this many are tracked.
const REMEMBERED: usize = 10_000;

/// The use that each peer makes of its share.
#[derive(Debug)]
pub(super) struct Peers {
    limits: PeerLimits,
    peers: HashMap<IpAddr, Peer>,
}

#[derive(Debug)]
struct Peer {
    calls: usize,
    /// INVITEs that it may still send (a token bucket), as of `counted`.
    credit: f64,
    counted: Time,
}

impl Peers {
    /// No peer is known yet.
    pub(super) fn new(limits: PeerLimits) -> Peers {
        Peers { limits, peers: HashMap::new() }
    }

    /// Whether a new call from `peer` fits; if so it is counted until [`Peers::ended`].
    pub(super) fn admit(&mut self, now: Time, peer: IpAddr) -> bool {
        let most = self.limits.invites_per_second * BURST.as_secs_f64();
        if self.peers.len() >= REMEMBERED {
            self.peers.retain(|_, peer| peer.calls > 0 || now.since(peer.counted) < BURST);
        }
        let peer = self.peers.entry(peer).or_insert(Peer { calls: 0, credit: most, counted: now });
        let earned = now.since(peer.counted).as_secs_f64() * self.limits.invites_per_second;
        peer.credit = (peer.credit + earned).min(most);
        peer.counted = now;
        if peer.credit < 1.0 || peer.calls >= self.limits.calls {
            return false;
        }
        peer.credit -= 1.0;
        peer.calls += 1;
        true
    }

    /// Whether a request that costs as much as an INVITE, though no call comes of it, is within the limits.
    pub(super) fn asks(&mut self, now: Time, peer: IpAddr) -> bool {
        let admitted = self.admit(now, peer);
        if admitted {
            self.ended(peer);
        }
        admitted
    }

    /// A call from `peer` is over.
    pub(super) fn ended(&mut self, peer: IpAddr) {
        if let Some(peer) = self.peers.get_mut(&peer) {
            peer.calls = peer.calls.saturating_sub(1);
        }
    }
}

/// The calls of each calling number.
#[derive(Debug)]
pub(super) struct Lines {
    most: usize,
    calls: HashMap<PhoneNumber, usize>,
}

impl Lines {
    pub(super) fn new(most: usize) -> Lines {
        Lines { most, calls: HashMap::new() }
    }

    /// Whether one more call of this line fits; if so it is counted until [`Lines::ended`].
    pub(super) fn admit(&mut self, line: PhoneNumber) -> bool {
        let calls = self.calls.entry(line).or_default();
        let fits = *calls < self.most;
        *calls += usize::from(fits);
        fits
    }

    /// A call of this line is over.
    pub(super) fn ended(&mut self, line: PhoneNumber) {
        if let Entry::Occupied(mut calls) = self.calls.entry(line) {
            *calls.get_mut() -= 1;
            if *calls.get() == 0 {
                calls.remove();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PEER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));
    const OTHER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 2));

    #[test]
    fn calls_at_a_time_are_limited_for_each_peer_by_itself() {
        let mut peers = Peers::new(PeerLimits { calls: 2, invites_per_second: 100.0 });
        assert!(peers.admit(Time::ZERO, PEER) && peers.admit(Time::ZERO, PEER));
        assert!(!peers.admit(Time::ZERO, PEER));
        assert!(peers.admit(Time::ZERO, OTHER));
        peers.ended(PEER);
        assert!(peers.admit(Time::ZERO, PEER));
    }

    #[test]
    fn a_burst_is_let_through_and_a_stream_is_held_to_the_rate() {
        let mut peers = Peers::new(PeerLimits { calls: 1000, invites_per_second: 5.0 });
        let at_once = (0..100).filter(|_| peers.admit(Time::ZERO, PEER)).count();
        assert_eq!(at_once, 10);
        let in_ten_seconds = (1..=1000).filter(|n| peers.admit(Time::from_millis(n * 10), PEER)).count();
        assert!((49..=51).contains(&in_ten_seconds), "{in_ten_seconds}");
    }
}
