//! The sockets of calls: a pair of UDP ports each, RTP on the even one and RTCP on the next (RFC 3550 §11).
//!
//! They are non-blocking: their owner looks into all of them once a tick, which costs less than being woken for each packet.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::ops::RangeInclusive;

use rand::RngExt;

use crate::datagram::Kind;

/// Expedited Forwarding (RFC 3246) in the place of the old type-of-service octet: what networks give to voice.
const DSCP_EXPEDITED_FORWARDING: u32 = 46 << 2;

/// How often a free pair is looked for when the system chooses the ports.
const EPHEMERAL_ATTEMPTS: u32 = 64;

/// The two sockets of one call.
#[derive(Debug)]
pub struct MediaPair {
    /// For RTP.
    pub rtp: UdpSocket,
    /// For RTCP.
    pub rtcp: UdpSocket,
}

impl MediaPair {
    /// The socket of this kind.
    pub fn of(&self, kind: Kind) -> &UdpSocket {
        match kind {
            Kind::Rtp => &self.rtp,
            Kind::Rtcp => &self.rtcp,
        }
    }

    /// Where RTP is received, with the address as bound.
    pub fn local(&self) -> io::Result<SocketAddr> {
        self.rtp.local_addr()
    }
}

/// Hands out port pairs within a range, going round it so that a port just freed rests a while: late packets of the call
/// before would otherwise reach the next one.
#[derive(Clone, Debug)]
pub struct Ports {
    /// Ours, at most one of each family.
    ips: Vec<IpAddr>,
    /// Even first ports; `None` lets the system choose.
    range: Option<(u16, u16)>,
    next: u16,
}

impl Ports {
    /// Pairs on `ips`, of which there is at least one, within `ports`; a range that begins with 0 lets the system choose.
    pub fn new(ips: &[IpAddr], ports: RangeInclusive<u16>) -> Ports {
        let ips = ips.to_vec();
        if *ports.start() == 0 {
            return Ports { ips, range: None, next: 0 };
        }
        let first = ports.start().next_multiple_of(2);
        let pairs = (ports.end().saturating_sub(first).saturating_add(1)) / 2;
        Ports { ips, range: Some((first, first.saturating_add(pairs * 2))), next: first }
    }

    /// The range split among `owners`, or fewer where it has fewer pairs: an owner without a pair would refuse its
    /// calls while others have pairs to spare. The larger shares come first, as calls go to the first of the idle.
    pub fn split(self, owners: u16) -> Vec<Ports> {
        let Some((first, end)) = self.range else { return vec![self; usize::from(owners.max(1))] };
        let pairs = (end - first) / 2;
        let owners = owners.clamp(1, pairs.max(1));
        let mut from = first;
        let share = |owner| {
            let to = from.saturating_add((pairs / owners + u16::from(owner < pairs % owners)) * 2);
            let range = (std::mem::replace(&mut from, to), to);
            Ports { ips: self.ips.clone(), range: Some(range), next: anywhere(range) }
        };
        (0..owners).map(share).collect()
    }

    /// Whether a pair can be had on every one of the addresses.
    pub fn check(&mut self) -> io::Result<()> {
        self.ips.clone().into_iter().try_for_each(|ip| {
            let allocated = self.allocate(ip).map(drop);
            allocated.map_err(|why| io::Error::new(why.kind(), format!("{ip}: {why}")))
        })
    }

    /// A free pair, on the address of the same family as `towards`, where media will go, if there is one.
    pub fn allocate(&mut self, towards: IpAddr) -> io::Result<MediaPair> {
        let same = self.ips.iter().find(|ip| ip.is_ipv4() == towards.is_ipv4());
        let ip = *same.or(self.ips.first()).ok_or(io::ErrorKind::AddrNotAvailable)?;
        let Some((from, to)) = self.range else { return ephemeral(ip) };
        for _ in 0..(to - from) / 2 {
            let port = self.next;
            self.next = if port + 2 >= to { from } else { port + 2 };
            match bind_pair(ip, port) {
                Err(error) if error.kind() == io::ErrorKind::AddrInUse => {}
                bound => return bound,
            }
        }
        Err(io::Error::new(io::ErrorKind::AddrInUse, format!("no free pair of ports from {from} to {to} on {ip}")))
    }
}

/// Where to begin in a range. After a restart, telephones whose calls the process took along go on sending to the ports of before: a new
/// call that were given one of them would hear the keys of another subscriber.
fn anywhere((from, to): (u16, u16)) -> u16 {
    let pairs = (to.saturating_sub(from) / 2).max(1);
    from + 2 * rand::rng().random_range(0..pairs)
}

/// The address of this machine that the system sends from to `remote`. Nothing is sent.
pub fn address_towards(remote: IpAddr) -> io::Result<IpAddr> {
    const ANY_PORT: u16 = 9;
    let any = if remote.is_ipv4() { IpAddr::V4(Ipv4Addr::UNSPECIFIED) } else { IpAddr::V6(Ipv6Addr::UNSPECIFIED) };
    let socket = UdpSocket::bind((any, 0))?;
    socket.connect((remote, ANY_PORT))?;
    Ok(socket.local_addr()?.ip())
}

fn ephemeral(ip: IpAddr) -> io::Result<MediaPair> {
    let mut last = io::Error::from(io::ErrorKind::AddrInUse);
    for _ in 0..EPHEMERAL_ATTEMPTS {
        let rtp = bind(SocketAddr::new(ip, 0))?;
        let Some(next) = rtp.local_addr()?.port().checked_add(1) else { continue };
        match bind(SocketAddr::new(ip, next)) {
            Ok(rtcp) => return Ok(MediaPair { rtp, rtcp }),
            Err(error) => last = error,
        }
    }
    Err(last)
}

fn bind_pair(ip: IpAddr, port: u16) -> io::Result<MediaPair> {
    Ok(MediaPair { rtp: bind(SocketAddr::new(ip, port))?, rtcp: bind(SocketAddr::new(ip, port + 1))? })
}

fn bind(address: SocketAddr) -> io::Result<UdpSocket> {
    let socket = UdpSocket::bind(address)?;
    socket.set_nonblocking(true)?;
    if address.is_ipv4() {
        // a courtesy to the network: where it is not allowed, calls work all the same
        let _ = socket2::SockRef::from(&socket).set_tos_v4(DSCP_EXPEDITED_FORWARDING);
    }
    Ok(socket)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const LOOPBACK: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    #[test]
    fn a_pair_is_two_ports_in_a_row() {
        let pair = Ports::new(&[LOOPBACK], 0..=0).allocate(LOOPBACK).unwrap();
        assert_eq!(pair.rtp.local_addr().unwrap().port() + 1, pair.rtcp.local_addr().unwrap().port());
    }

    #[test]
    fn shares_of_a_range_do_not_overlap_and_leave_nothing_out() {
        let shares = |ports, owners| {
            let shares = Ports::new(&[LOOPBACK], ports).split(owners);
            shares.into_iter().map(|share| share.range.unwrap()).collect::<Vec<_>>()
        };
        assert_eq!(shares(10001..=10021, 3), [(10002, 10010), (10010, 10016), (10016, 10022)]);
        // as even as can be, and none without a pair
        assert_eq!(shares(10000..=10005, 8), [(10000, 10002), (10002, 10004), (10004, 10006)]);
        assert_eq!(shares(10000..=10001, 2), [(10000, 10002)]);
        assert_eq!(Ports::new(&[LOOPBACK], 0..=0).split(3).len(), 3);
    }

    #[test]
    fn two_processes_after_one_another_do_not_begin_with_the_same_ports() {
        let begin = || Ports::new(&[LOOPBACK], 10_000..=19_999).split(2).remove(0).next;
        let first = begin();
        assert!((0..20).any(|_| begin() != first), "each begins at {first}");
    }

    #[test]
    fn a_full_range_says_so_and_serves_again_when_a_pair_is_free() {
        let held = Ports::new(&[LOOPBACK], 0..=0).allocate(LOOPBACK).unwrap();
        let port = held.local().unwrap().port();
        let mut ports = Ports { ips: vec![LOOPBACK], range: Some((port, port + 2)), next: port };
        let refused = ports.allocate(LOOPBACK).unwrap_err();
        assert!(refused.to_string().contains("no free pair of ports"), "{refused}");
        drop(held);
        assert_eq!(ports.allocate(LOOPBACK).unwrap().local().unwrap().port(), port);
    }

    #[test]
    fn an_address_that_is_not_ours_is_named() {
        // RFC 5737: for documentation only
        let foreign = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 77));
        let told = Ports::new(&[foreign], 0..=0).check().unwrap_err().to_string();
        assert!(told.contains("192.0.2.77"), "{told}");
    }

    #[test]
    fn this_machine_sends_to_itself_from_itself() {
        assert_eq!(address_towards(LOOPBACK).unwrap(), LOOPBACK);
    }

    #[test]
    fn each_family_has_its_address() {
        let six = IpAddr::V6(std::net::Ipv6Addr::LOCALHOST);
        if let Err(error) = UdpSocket::bind((six, 0)) {
            return println!("skipped: this machine has no ::1 ({error})");
        }
        let mut ports = Ports::new(&[LOOPBACK, six], 0..=0);
        ports.check().unwrap();
        for ip in [LOOPBACK, six] {
            assert_eq!(ports.allocate(ip).unwrap().local().unwrap().ip(), ip);
        }
        // the only one there is serves every caller
        assert_eq!(Ports::new(&[six], 0..=0).allocate(LOOPBACK).unwrap().local().unwrap().ip(), six);
    }
}
