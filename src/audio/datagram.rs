//! From a captured frame to the UDP or TCP payload in it: link layers, VLANs, PPPoE, IPv4 and IPv6.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// The transport of a payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// UDP: the payload is a whole datagram.
    Udp,
    /// TCP: the payload is one segment.
    Tcp,
}

/// One UDP datagram or TCP segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Datagram<'a> {
    /// UDP or TCP.
    pub protocol: Protocol,
    /// Its source.
    pub source: SocketAddr,
    /// Its destination.
    pub destination: SocketAddr,
    /// Its payload, as far as it was captured.
    pub payload: &'a [u8],
    /// Whether the capture has only a part of the payload.
    pub cut: bool,
}

/// The supported link types, by number and name, for messages.
pub const LINKS: &str = "Ethernet, Linux cooked v1 and v2, raw IP, loopback, PPP";

/// The datagram in a frame of a link type (LINKTYPE_…); `None` if it holds something else, is a fragment, or is damaged.
pub fn datagram(link: u32, frame: &[u8]) -> Option<Datagram<'_>> {
    match link {
        1 => ether_type(u16_at(frame, 12)?, frame.get(14..)?),
        113 => ether_type(u16_at(frame, 14)?, frame.get(16..)?),
        276 => ether_type(u16_at(frame, 0)?, frame.get(20..)?),
        12 | 14 | 101 | 228 | 229 => ip(frame),
        // A family in the capturing machine's byte order; the IP header behind it speaks for itself.
        0 | 108 => ip(frame.get(4..)?),
        9 | 50 => ppp(frame.strip_prefix(&[0xFF, 0x03]).unwrap_or(frame)),
        _ => None,
    }
}

/// Whether frames of a link type can hold a datagram for [`datagram`].
pub fn is_known(link: u32) -> bool {
    matches!(link, 0 | 1 | 9 | 12 | 14 | 50 | 101 | 108 | 113 | 228 | 229 | 276)
}

fn ether_type(mut kind: u16, mut rest: &[u8]) -> Option<Datagram<'_>> {
    // VLAN tags, nested ones too.
    while matches!(kind, 0x8100 | 0x88A8 | 0x9100) {
        kind = u16_at(rest, 2)?;
        rest = rest.get(4..)?;
    }
    match kind {
        0x0800 | 0x86DD => ip(rest),
        0x8864 => ppp(rest.get(6..)?),
        _ => None,
    }
}

fn ppp(bytes: &[u8]) -> Option<Datagram<'_>> {
    match u16_at(bytes, 0)? {
        0x0021 | 0x0057 => ip(bytes.get(2..)?),
        _ => None,
    }
}

fn ip(bytes: &[u8]) -> Option<Datagram<'_>> {
    match bytes.first()? >> 4 {
        4 => ipv4(bytes),
        6 => ipv6(bytes),
        _ => None,
    }
}

fn ipv4(bytes: &[u8]) -> Option<Datagram<'_>> {
    let header = usize::from(bytes.first()? & 0x0F) * 4;
    let total = usize::from(u16_at(bytes, 2)?);
    // More fragments, or not the first one.
    if header < 20 || u16_at(bytes, 6)? & 0x3FFF != 0 {
        return None;
    }
    let address = |offset| Some(IpAddr::V4(Ipv4Addr::from(*bytes.get(offset..)?.first_chunk::<4>()?)));
    // A length of 0 stands in captures of large segments that the network card splits.
    let end = if total == 0 { bytes.len() } else { total };
    transport(*bytes.get(9)?, address(12)?, address(16)?, bytes.get(header..end.min(bytes.len()))?, end > bytes.len())
}

fn ipv6(bytes: &[u8]) -> Option<Datagram<'_>> {
    let address = |offset| Some(IpAddr::V6(Ipv6Addr::from(*bytes.get(offset..)?.first_chunk::<16>()?)));
    let (source, destination) = (address(8)?, address(24)?);
    let end = match usize::from(u16_at(bytes, 4)?) {
        0 => bytes.len(),
        length => 40 + length,
    };
    let cut = end > bytes.len();
    let mut next = *bytes.get(6)?;
    let mut rest = bytes.get(40..end.min(bytes.len()))?;
    loop {
        let length = match next {
            // Hop-by-hop, routing, destination options.
            0 | 43 | 60 => (usize::from(*rest.get(1)?) + 1) * 8,
            // A fragment header is only passed when the packet is whole.
            44 if u16_at(rest, 2)? & 0xFFF9 == 0 => 8,
            51 => (usize::from(*rest.get(1)?) + 2) * 4,
            _ => return transport(next, source, destination, rest, cut),
        };
        next = *rest.first()?;
        rest = rest.get(length..)?;
    }
}

fn transport(protocol: u8, source: IpAddr, destination: IpAddr, bytes: &[u8], cut: bool) -> Option<Datagram<'_>> {
    let source = SocketAddr::new(source, u16_at(bytes, 0)?);
    let destination = SocketAddr::new(destination, u16_at(bytes, 2)?);
    let (protocol, payload, cut) = match protocol {
        17 => {
            let length = usize::from(u16_at(bytes, 4)?);
            let end = if length < 8 { bytes.len() } else { length };
            (Protocol::Udp, bytes.get(8..end.min(bytes.len()))?, cut || end > bytes.len())
        }
        6 => (Protocol::Tcp, bytes.get(usize::from(bytes.get(12)? >> 4) * 4..)?, cut),
        _ => return None,
    };
    Some(Datagram { protocol, source, destination, payload, cut })
}

fn u16_at(bytes: &[u8], offset: usize) -> Option<u16> {
    bytes.get(offset..)?.first_chunk().copied().map(u16::from_be_bytes)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn udp(payload: &[u8]) -> Vec<u8> {
        let length = (payload.len() as u16 + 8).to_be_bytes();
        [&[0x13, 0xC4, 0x27, 0x10], &length[..], &[0, 0], payload].concat()
    }

    fn v4(payload: &[u8]) -> Vec<u8> {
        let total = (payload.len() as u16 + 20).to_be_bytes();
        [&[0x45, 0][..], &total, &[0, 1, 0x40, 0, 64, 17, 0, 0, 192, 0, 2, 1, 192, 0, 2, 2], payload].concat()
    }

    fn v6(next: u8, payload: &[u8]) -> Vec<u8> {
        let mut address = [0; 16];
        address[..2].copy_from_slice(&[0x20, 1]);
        [&[0x60, 0, 0, 0], &(payload.len() as u16).to_be_bytes()[..], &[next, 64], &address, &address, payload].concat()
    }

    fn payload(link: u32, frame: &[u8]) -> Option<&[u8]> {
        datagram(link, frame).map(|datagram| datagram.payload)
    }

    #[test]
    fn every_link_layer_leads_to_the_payload() {
        let ip = v4(&udp(b"hello"));
        let behind = |header: &[u8]| [header, &ip].concat();
        let ethernet = [0; 12];
        let links = [
            (1, behind(&[&ethernet[..], &[8, 0]].concat())),
            (1, behind(&[&ethernet[..], &[0x81, 0, 0, 5, 8, 0]].concat())),
            (1, behind(&[&ethernet[..], &[0x88, 0xA8, 0, 5, 0x81, 0, 0, 7, 8, 0]].concat())),
            (1, behind(&[&ethernet[..], &[0x88, 0x64, 0x11, 0, 0, 1, 0, 35, 0, 0x21]].concat())),
            (113, behind(&[&[0; 14][..], &[8, 0]].concat())),
            (276, behind(&[&[8, 0][..], &[0; 18]].concat())),
            (101, ip.clone()),
            (228, ip.clone()),
            (0, behind(&[2, 0, 0, 0])),
            (108, behind(&[0, 0, 0, 2])),
            (9, behind(&[0xFF, 3, 0, 0x21])),
        ];
        for (link, frame) in links {
            assert!(is_known(link));
            assert_eq!(payload(link, &frame), Some(&b"hello"[..]), "link {link}");
        }
        assert_eq!(payload(105, &ip), None);
    }

    #[test]
    fn addresses_and_ports_are_told() {
        let frame = v4(&udp(b"x"));
        let found = datagram(101, &frame).unwrap();
        assert_eq!(
            (found.source.to_string(), found.destination.to_string()),
            ("192.0.2.1:5060".into(), "192.0.2.2:10000".into())
        );
        assert_eq!((found.protocol, found.cut), (Protocol::Udp, false));
    }

    #[test]
    fn ipv6_extension_headers_are_passed() {
        let plain = v6(17, &udp(b"six"));
        assert_eq!(payload(229, &plain), Some(&b"six"[..]));
        let hop_by_hop = v6(0, &[&[17, 0, 1, 4, 0, 0, 0, 0][..], &udp(b"six")].concat());
        assert_eq!(payload(101, &hop_by_hop), Some(&b"six"[..]));
    }

    #[test]
    fn padding_behind_the_packet_is_no_payload() {
        assert_eq!(payload(101, &[v4(&udp(b"abc")), vec![0; 9]].concat()), Some(&b"abc"[..]));
    }

    #[test]
    fn a_tcp_segment_starts_behind_its_options() {
        let mut tcp = vec![0; 24];
        tcp[12] = 6 << 4;
        let mut frame = v4(&[tcp, b"INVITE".to_vec()].concat());
        frame[9] = 6;
        let found = datagram(101, &frame).unwrap();
        assert_eq!((found.protocol, found.payload), (Protocol::Tcp, &b"INVITE"[..]));
    }

    #[test]
    fn what_was_captured_in_part_is_marked_and_fragments_are_left_out() {
        let frame = v4(&udp(b"a long payload"));
        let found = datagram(101, &frame[..frame.len() - 4]).unwrap();
        assert_eq!((found.payload, found.cut), (&b"a long pay"[..], true));
        let mut fragment = frame.clone();
        fragment[6] = 0x20;
        assert_eq!(datagram(101, &fragment), None);
        fragment[6..8].copy_from_slice(&[0, 100]);
        assert_eq!(datagram(101, &fragment), None);
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(0u8.., 0..120), link in 0u32..300) {
            let _ = datagram(link, &bytes);
            let _ = datagram(1, &[&[0; 12][..], &[0x81, 0], &bytes].concat());
            let _ = datagram(101, &[&[0x45][..], &bytes].concat());
            let _ = datagram(101, &[&[0x60][..], &bytes].concat());
        }
    }
}
