//! The network's envelopes, made up around what was really sent: IPv4 and IPv6, UDP and TCP, with checksums, so that any
//! reader of captures takes them.

use std::net::{IpAddr, SocketAddr};

/// The most that fits into one IPv4 packet behind the longest of our headers.
pub(super) const LONGEST_PAYLOAD: usize = 65_535 - 20 - 20;

const UDP: u8 = 17;
const TCP: u8 = 6;
/// Flags PSH and ACK.
const PUSHED: u8 = 0x18;

/// A UDP datagram in an IP packet. What is longer than [`LONGEST_PAYLOAD`] is cut there.
pub(super) fn udp(from: SocketAddr, to: SocketAddr, payload: &[u8]) -> Vec<u8> {
    let payload = payload.get(..LONGEST_PAYLOAD).unwrap_or(payload);
    let length = u16::try_from(payload.len() + 8).unwrap_or(u16::MAX);
    let mut datagram = Vec::with_capacity(8 + payload.len());
    datagram.extend(from.port().to_be_bytes());
    datagram.extend(to.port().to_be_bytes());
    datagram.extend(length.to_be_bytes());
    datagram.extend([0, 0]);
    datagram.extend(payload);
    // RFC 768: a sum of zero is sent as all ones
    let sum = match transport_sum(from.ip(), to.ip(), UDP, &datagram) {
        0 => 0xFFFF,
        sum => sum,
    };
    set_u16(&mut datagram, 6, sum);
    ip(from.ip(), to.ip(), UDP, &datagram)
}

/// A TCP segment in an IP packet: `sequence` counts the octets of this direction, `acknowledged` those of the other.
pub(super) fn tcp(from: SocketAddr, to: SocketAddr, sequence: u32, acknowledged: u32, payload: &[u8]) -> Vec<u8> {
    let payload = payload.get(..LONGEST_PAYLOAD).unwrap_or(payload);
    let mut segment = Vec::with_capacity(20 + payload.len());
    segment.extend(from.port().to_be_bytes());
    segment.extend(to.port().to_be_bytes());
    segment.extend(sequence.to_be_bytes());
    segment.extend(acknowledged.to_be_bytes());
    segment.extend([5 << 4, PUSHED, 0xFF, 0xFF, 0, 0, 0, 0]);
    segment.extend(payload);
    let sum = transport_sum(from.ip(), to.ip(), TCP, &segment);
    set_u16(&mut segment, 16, sum);
    ip(from.ip(), to.ip(), TCP, &segment)
}

fn ip(from: IpAddr, to: IpAddr, protocol: u8, payload: &[u8]) -> Vec<u8> {
    match (from, to) {
        (IpAddr::V4(from), IpAddr::V4(to)) => {
            let mut packet = Vec::with_capacity(20 + payload.len());
            packet.extend([0x45, 0]);
            packet.extend(u16::try_from(20 + payload.len()).unwrap_or(u16::MAX).to_be_bytes());
            packet.extend([0, 0, 0x40, 0, 64, protocol, 0, 0]);
            packet.extend(from.octets());
            packet.extend(to.octets());
            let sum = folded(sum_of(&packet));
            set_u16(&mut packet, 10, sum);
            packet.extend(payload);
            packet
        }
        (from, to) => {
            let mut packet = Vec::with_capacity(40 + payload.len());
            packet.extend([0x60, 0, 0, 0]);
            packet.extend(u16::try_from(payload.len()).unwrap_or(u16::MAX).to_be_bytes());
            packet.extend([protocol, 64]);
            packet.extend(v6(from));
            packet.extend(v6(to));
            packet.extend(payload);
            packet
        }
    }
}

/// The octets that count for an address, in a packet of either kind.
fn v6(address: IpAddr) -> [u8; 16] {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped().octets(),
        IpAddr::V6(address) => address.octets(),
    }
}

/// RFC 768, RFC 9293 §3.1 and RFC 8200 §8.1: over addresses, protocol and length too. The mapped form of an IPv4 address adds
/// 0xFFFF for each, which is nothing in this arithmetic.
fn transport_sum(from: IpAddr, to: IpAddr, protocol: u8, bytes: &[u8]) -> u16 {
    let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    folded(sum_of(&v6(from)) + sum_of(&v6(to)) + u64::from(protocol) + u64::from(length) + sum_of(bytes))
}

fn sum_of(bytes: &[u8]) -> u64 {
    let word =
        |pair: &[u8]| u64::from(pair.first().copied().unwrap_or(0)) << 8 | u64::from(pair.get(1).copied().unwrap_or(0));
    bytes.chunks(2).map(word).sum()
}

/// RFC 1071: the ones' complement of the ones' complement sum.
fn folded(mut sum: u64) -> u16 {
    while sum > 0xFFFF {
        sum = (sum >> 16) + (sum & 0xFFFF);
    }
    !(sum as u16)
}

fn set_u16(bytes: &mut [u8], at: usize, value: u16) {
    if let Some(field) = bytes.get_mut(at..at + 2) {
        field.copy_from_slice(&value.to_be_bytes());
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::audio::datagram::{Protocol, datagram};

    fn address(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    /// The header of RFC 1071's and Wikipedia's well-known example: 45 00 00 73 … has the sum 0xB861.
    #[test]
    fn the_sum_is_the_internet_checksum() {
        let header: [u8; 20] =
            [0x45, 0, 0, 0x73, 0, 0, 0x40, 0, 0x40, 0x11, 0, 0, 0xC0, 0xA8, 0, 1, 0xC0, 0xA8, 0, 0xC7];
        assert_eq!(folded(sum_of(&header)), 0xB861);
        // a packet over which the sum with its own field is taken comes out as zero
        let packet = udp(address("192.0.2.1:5060"), address("192.0.2.2:6000"), b"odd");
        assert_eq!(folded(sum_of(&packet[..20])), 0);
        assert_eq!(transport_sum([192, 0, 2, 1].into(), [192, 0, 2, 2].into(), UDP, &packet[20..]), 0);
        let packet = tcp(address("[2001:db8::1]:5060"), address("[2001:db8::2]:6000"), 7, 9, b"even");
        let (from, to) = (address("[2001:db8::1]:0").ip(), address("[2001:db8::2]:0").ip());
        assert_eq!(transport_sum(from, to, TCP, &packet[40..]), 0);
    }

    #[test]
    fn what_goes_in_comes_out() {
        for (from, to) in [("192.0.2.1:5060", "192.0.2.2:6000"), ("[2001:db8::1]:5060", "[2001:db8::2]:6000")] {
            let (from, to) = (address(from), address(to));
            let packet = udp(from, to, b"hello");
            let found = datagram(101, &packet).unwrap();
            assert_eq!(
                (found.protocol, found.source, found.destination, found.payload, found.cut),
                (Protocol::Udp, from, to, &b"hello"[..], false)
            );
            let packet = tcp(from, to, 1, 1, b"hello");
            let found = datagram(101, &packet).unwrap();
            assert_eq!(
                (found.protocol, found.source, found.payload, found.cut),
                (Protocol::Tcp, from, &b"hello"[..], false)
            );
        }
    }

    #[test]
    fn the_longest_that_there_is_still_fits() {
        let packet = udp(address("192.0.2.1:1"), address("192.0.2.2:2"), &vec![7; 70_000]);
        assert_eq!(datagram(101, &packet).unwrap().payload.len(), LONGEST_PAYLOAD);
    }
}
