//! Where media comes from and goes to: the agreed address, or one learned once (symmetric RTP, RFC 4961).
//!
//! Behind a NAT the agreed address is often not the one that packets come from. So the first valid packet from elsewhere
//! teaches its address. After that only three sources are heard: this one, the agreed address itself, which always prevails,
//! and another port of the same host after a silence (a NAT that forgot).
//!
//! An attacker who guesses a port would get the call's media for one packet, so only the agreed host and the host of the
//! signalling may teach. One exception: a telephone in a private network, whose signalling comes by way of another host, may
//! send from anywhere; even then the two hosts prevail.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use crate::time::Time;

/// After this much silence a host may go on from another port.
const REBIND: Duration = Duration::from_secs(2);
/// Time after a new agreement in which packets from the old address are the end of the old stream.
const TAIL: Duration = Duration::from_secs(1);

/// The other end's address.
#[derive(Debug)]
pub(super) struct Source {
    agreed: SocketAddr,
    heard: Option<SocketAddr>,
    /// Heard since the last agreement: stays.
    settled: bool,
    last: Time,
    agreed_at: Time,
    /// The host of the signalling. When it is unknown, any host may teach an address.
    signalling: Option<IpAddr>,
}

impl Source {
    /// The other end at its agreed address.
    pub(super) fn new(agreed: SocketAddr, signalling: Option<IpAddr>) -> Source {
        let signalling = signalling.map(host_of);
        Source { agreed, heard: None, settled: false, last: Time::ZERO, agreed_at: Time::ZERO, signalling }
    }

    /// A new agreement. The source heard before stays until another one is heard.
    pub(super) fn agree(&mut self, now: Time, agreed: SocketAddr) {
        if !same(agreed, self.agreed) {
            tracing::debug!(%agreed, "media agreed on elsewhere");
            self.agreed = agreed;
            self.agreed_at = now;
            self.settled = false;
        }
    }

    /// Whether a valid packet from this address would be heard.
    pub(super) fn accepts(&self, now: Time, from: SocketAddr) -> bool {
        let Some(heard) = self.heard.filter(|_| self.settled) else {
            return self.may_teach(from.ip()) || self.heard.is_some_and(|heard| same(heard, from));
        };
        if self.is_known(from.ip()) && !self.is_known(heard.ip()) {
            return true;
        }
        let rebound = || from.ip().to_canonical() == heard.ip().to_canonical() && now.since(self.last) >= REBIND;
        same(from, heard) || same(from, self.agreed) || rebound()
    }

    /// Whether this is the agreed host, or the host of the signalling.
    fn is_known(&self, host: IpAddr) -> bool {
        let host = host_of(host);
        host == host_of(self.agreed.ip()) || self.signalling == Some(host)
    }

    fn may_teach(&self, host: IpAddr) -> bool {
        let behind_another = self.signalling != Some(host_of(self.agreed.ip()));
        self.signalling.is_none() || self.is_known(host) || (behind_another && is_private(self.agreed.ip()))
    }

    /// An accepted, valid packet came from this address.
    pub(super) fn hear(&mut self, now: Time, from: SocketAddr) {
        let again = self.heard.is_some_and(|heard| same(heard, from));
        let tail = again && !same(from, self.agreed) && now.since(self.agreed_at) < TAIL;
        if !again && !same(from, self.agreed) {
            tracing::debug!(%from, agreed = %self.agreed, "media comes from elsewhere than agreed");
        }
        self.settled |= !tail;
        self.heard = Some(from);
        self.last = now;
    }

    /// The address that media is sent to.
    pub(super) fn destination(&self) -> SocketAddr {
        self.heard.filter(|_| self.settled).unwrap_or(self.agreed)
    }

    /// Whether the address in use is on another host than agreed.
    pub(super) fn is_elsewhere(&self) -> bool {
        self.destination().ip().to_canonical() != self.agreed.ip().to_canonical()
    }

    /// Whether this is the address we send to.
    pub(super) fn is_from(&self, from: SocketAddr) -> bool {
        same(from, self.destination())
    }

    /// Whether this address is on the host we send to.
    pub(super) fn is_from_host(&self, from: SocketAddr) -> bool {
        from.ip().to_canonical() == self.destination().ip().to_canonical()
    }
}

/// Whether the host cannot be reached from outside its own network.
fn is_private(host: IpAddr) -> bool {
    match host.to_canonical() {
        IpAddr::V4(host) => {
            let shared = host.octets()[0] == 100 && host.octets()[1] & 0xc0 == 64;
            host.is_private() || host.is_loopback() || host.is_link_local() || shared
        }
        IpAddr::V6(host) => host.is_unique_local() || host.is_loopback() || host.is_unicast_link_local(),
    }
}

/// The host that an address stands for. Every loopback address is this machine: a program that listens on one of them may
/// send from another, as the system picks it.
fn host_of(address: IpAddr) -> IpAddr {
    let address = address.to_canonical();
    if address.is_loopback() { IpAddr::V4(Ipv4Addr::LOCALHOST) } else { address }
}

/// The same socket: an IPv4 address may come in its IPv6 form, and scope and flow are not agreed on.
fn same(a: SocketAddr, b: SocketAddr) -> bool {
    (a.ip().to_canonical(), a.port()) == (b.ip().to_canonical(), b.port())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn at(address: &str) -> SocketAddr {
        address.parse().unwrap()
    }

    /// Offers a packet and says whether it was heard.
    fn offer(source: &mut Source, millis: u64, from: &str) -> bool {
        let now = Time::from_millis(millis);
        let accepted = source.accepts(now, at(from));
        if accepted {
            source.hear(now, at(from));
        }
        accepted
    }

    #[test]
    fn an_address_is_learned_once() {
        let mut source = Source::new(at("10.0.0.5:4000"), None);
        assert_eq!(source.destination(), at("10.0.0.5:4000"));
        assert!(offer(&mut source, 0, "192.0.2.7:61000"));
        assert_eq!(source.destination(), at("192.0.2.7:61000"));
        assert!(!offer(&mut source, 20, "203.0.113.66:5000"));
        assert!(!offer(&mut source, 60_000, "203.0.113.66:5000"), "not even after a silence");
        assert_eq!(source.destination(), at("192.0.2.7:61000"));
    }

    #[test]
    fn a_program_on_this_machine_may_send_from_any_of_its_loopback_addresses() {
        let signalling = Some(at("127.77.1.2:0").ip());
        let mut source = Source::new(at("192.0.2.2:33000"), signalling);
        assert!(!offer(&mut source, 0, "203.0.113.66:5000"));
        assert!(offer(&mut source, 20, "127.0.0.1:33000"));
        assert!(!offer(&mut source, 40, "203.0.113.66:5000"));
    }

    #[test]
    fn an_ipv4_address_in_its_ipv6_form_is_the_same() {
        let mut source = Source::new(at("192.0.2.7:4000"), None);
        assert!(offer(&mut source, 0, "[::ffff:192.0.2.7]:4000"));
        assert!(!source.is_elsewhere() && source.is_from(at("192.0.2.7:4000")));
        assert_eq!(source.destination(), at("[::ffff:192.0.2.7]:4000"), "as the socket knows it");
    }

    #[test]
    fn the_agreed_address_prevails_over_a_learned_one() {
        let mut source = Source::new(at("192.0.2.7:4000"), None);
        assert!(offer(&mut source, 0, "203.0.113.66:5000"));
        assert!(offer(&mut source, 20, "192.0.2.7:4000"));
        assert!(!offer(&mut source, 40, "203.0.113.66:5000"));
        assert_eq!(source.destination(), at("192.0.2.7:4000"));
    }

    #[test]
    fn the_same_host_may_go_on_from_another_port_after_a_silence() {
        let mut source = Source::new(at("192.0.2.7:4000"), None);
        assert!(offer(&mut source, 0, "192.0.2.7:4000"));
        assert!(!offer(&mut source, 1000, "192.0.2.7:4002"));
        assert!(offer(&mut source, 2000, "192.0.2.7:4002"));
        assert_eq!(source.destination(), at("192.0.2.7:4002"));
    }

    #[test]
    fn after_another_agreement_the_old_stream_is_heard_but_settles_nothing() {
        let mut source = Source::new(at("10.0.0.5:4000"), None);
        assert!(offer(&mut source, 0, "192.0.2.7:61000"));
        source.agree(Time::from_millis(10), at("10.0.0.6:4000"));
        assert!(offer(&mut source, 20, "192.0.2.7:61000"));
        assert_eq!(source.destination(), at("10.0.0.6:4000"));
        assert!(offer(&mut source, 40, "192.0.2.8:62000"));
        assert_eq!(source.destination(), at("192.0.2.8:62000"));
        assert!(!offer(&mut source, 60, "192.0.2.7:61000"));
    }

    #[test]
    fn after_another_agreement_a_stream_that_goes_on_is_learned_again() {
        let mut source = Source::new(at("10.0.0.5:4000"), None);
        assert!(offer(&mut source, 0, "192.0.2.7:61000"));
        source.agree(Time::from_millis(10), at("10.0.0.6:4000"));
        assert!(offer(&mut source, 1010, "192.0.2.7:61000"));
        assert_eq!(source.destination(), at("192.0.2.7:61000"));
        assert!(!offer(&mut source, 1020, "203.0.113.66:5000"));
    }

    #[test]
    fn the_same_agreement_again_changes_nothing() {
        let mut source = Source::new(at("10.0.0.5:4000"), None);
        assert!(offer(&mut source, 0, "192.0.2.7:61000"));
        source.agree(Time::from_millis(10), at("10.0.0.5:4000"));
        assert!(!offer(&mut source, 20, "203.0.113.66:5000"));
    }

    fn signalled(agreed: &str, signalling: &str) -> Source {
        Source::new(at(agreed), Some(signalling.parse().unwrap()))
    }

    #[test]
    fn only_the_agreed_host_and_the_one_that_signals_may_teach() {
        for (agreed, signalling, from) in [
            ("192.0.2.7:4000", "198.51.100.1", "192.0.2.7:61000"),
            ("192.0.2.7:4000", "198.51.100.1", "198.51.100.1:61000"),
            ("0.0.0.0:4000", "198.51.100.1", "198.51.100.1:61000"),
            ("[2001:db8::7]:4000", "2001:db8::7", "[2001:db8::7]:61000"),
        ] {
            let mut source = signalled(agreed, signalling);
            assert!(!offer(&mut source, 0, "203.0.113.66:5000"), "{agreed}");
            assert!(offer(&mut source, 20, from), "{agreed}");
            assert_eq!(source.destination(), at(from));
        }
        let mut alone = signalled("10.0.0.5:4000", "10.0.0.5");
        assert!(!offer(&mut alone, 0, "203.0.113.66:5000"), "in a private network of our own");
    }

    #[test]
    fn a_telephone_behind_nat_and_proxy_is_learned_until_a_known_host_is_heard() {
        for agreed in ["10.0.0.5:4000", "100.64.0.9:4000", "192.168.1.2:4000", "[fd00::5]:4000"] {
            let mut source = signalled(agreed, "198.51.100.1");
            assert!(offer(&mut source, 0, "203.0.113.66:5000"), "{agreed}");
            assert!(!offer(&mut source, 20, "203.0.113.67:5000"), "once");
            assert!(offer(&mut source, 40, "198.51.100.1:7000"), "{agreed}");
            assert!(!offer(&mut source, 60, "203.0.113.66:5000"));
            assert_eq!(source.destination(), at("198.51.100.1:7000"));
        }
    }
}
