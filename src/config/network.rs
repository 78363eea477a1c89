//! Addresses in settings: listeners, port ranges, and networks of trusted peers.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::num::ParseIntError;
use std::str::FromStr;

/// What SIP is carried over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Transport {
    /// Datagrams.
    Udp,
    /// A stream.
    Tcp,
    /// An encrypted stream.
    Tls,
}

impl Transport {
    const ALL: [Transport; 3] = [Transport::Udp, Transport::Tcp, Transport::Tls];

    /// The name in settings and on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Transport::Udp => "udp",
            Transport::Tcp => "tcp",
            Transport::Tls => "tls",
        }
    }
}

/// A place to listen for SIP, written `udp:192.0.2.1:5060` or `tcp:[2001:db8::1]:5060`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Listen {
    /// How.
    pub transport: Transport,
    /// Where. Port 0 is a free one.
    pub address: SocketAddr,
}

/// Why a text is no place to listen.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ListenError {
    /// No transport in front.
    #[error("{0:?} does not begin with udp:, tcp: or tls:")]
    Transport(String),
    /// No address and port behind it.
    #[error("{0:?} is no ADDR:PORT with a numeric address")]
    Address(String),
}

impl Listen {
    /// UDP and TCP on the same address.
    pub fn datagram_and_stream(address: SocketAddr) -> Vec<Listen> {
        vec![Listen { transport: Transport::Udp, address }, Listen { transport: Transport::Tcp, address }]
    }
}

impl FromStr for Listen {
    type Err = ListenError;
    fn from_str(text: &str) -> Result<Listen, ListenError> {
        let unknown = || ListenError::Transport(text.to_owned());
        let (name, address) = text.split_once(':').ok_or_else(unknown)?;
        let transport = Transport::ALL.into_iter().find(|transport| transport.name() == name).ok_or_else(unknown)?;
        let address = address.parse().map_err(|_| ListenError::Address(address.to_owned()))?;
        Ok(Listen { transport, address })
    }
}

impl fmt::Display for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.transport.name(), self.address)
    }
}

/// A range of ports for media, written `10000-19999`; `0` takes any free ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PortRange {
    /// The first.
    pub from: u16,
    /// The last.
    pub to: u16,
}

/// Why a text is no range of ports.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PortRangeError {
    /// Not two numbers.
    #[error("{0:?} is not FROM-TO with two port numbers")]
    Shape(String),
    /// No room for RTP on an even port and RTCP on the next.
    #[error("{0}-{1} holds no even port with the next one after it")]
    TooSmall(u16, u16),
}

impl PortRange {
    /// 10000-19999.
    pub const STANDARD: PortRange = PortRange { from: 10_000, to: 19_999 };
    /// Whichever ports are free.
    pub const ANY: PortRange = PortRange { from: 0, to: 0 };

    /// Whether any free port will do.
    pub fn is_any(self) -> bool {
        self == PortRange::ANY
    }

    /// The even ports that have the next one within the range too: one a call.
    pub fn pairs(self) -> impl Iterator<Item = u16> + Clone {
        let first = u32::from(self.from).next_multiple_of(2);
        let last = u32::from(self.to);
        (first..last).step_by(2).filter_map(|port| u16::try_from(port).ok())
    }
}

impl FromStr for PortRange {
    type Err = PortRangeError;
    fn from_str(text: &str) -> Result<PortRange, PortRangeError> {
        if text.trim() == "0" {
            return Ok(PortRange::ANY);
        }
        let shape = |_: ParseIntError| PortRangeError::Shape(text.to_owned());
        let (from, to) = text.split_once('-').ok_or_else(|| PortRangeError::Shape(text.to_owned()))?;
        let range = PortRange { from: from.trim().parse().map_err(shape)?, to: to.trim().parse().map_err(shape)? };
        let usable = range.is_any() || (range.from > 0 && range.pairs().next().is_some());
        if usable { Ok(range) } else { Err(PortRangeError::TooSmall(range.from, range.to)) }
    }
}

impl fmt::Display for PortRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_any() { f.pad("0") } else { write!(f, "{}-{}", self.from, self.to) }
    }
}

/// A network, written `192.0.2.0/24`, `2001:db8::/32`, or as a single address.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Cidr {
    network: IpAddr,
    length: u8,
}

/// Why a text is no network.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CidrError {
    /// No address.
    #[error("{0:?} is no IP address or network such as 192.0.2.0/24")]
    Address(String),
    /// A prefix that is no number or too long.
    #[error("{0:?} has no prefix length between 0 and {1}")]
    Length(String, u8),
    /// Bits behind the prefix.
    #[error("{0:?} has bits set behind its prefix: {1} is meant")]
    HostBits(String, Cidr),
}

impl Cidr {
    /// 127.0.0.0/8.
    pub const LOOPBACK_V4: Cidr = Cidr { network: IpAddr::V4(Ipv4Addr::new(127, 0, 0, 0)), length: 8 };
    /// ::1.
    pub const LOOPBACK_V6: Cidr = Cidr { network: IpAddr::V6(std::net::Ipv6Addr::LOCALHOST), length: 128 };

    /// Whether `address` is in the network. An IPv4 address is the same one when it comes mapped into IPv6.
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        address.is_ipv4() == self.network.is_ipv4() && masked(address, self.length) == self.network
    }
}

impl FromStr for Cidr {
    type Err = CidrError;
    fn from_str(text: &str) -> Result<Cidr, CidrError> {
        let (address, length) = match text.split_once('/') {
            Some((address, length)) => (address, Some(length)),
            None => (text, None),
        };
        let address: IpAddr = address.trim().parse().map_err(|_| CidrError::Address(text.to_owned()))?;
        let whole = if address.is_ipv4() { 32 } else { 128 };
        let length = match length {
            None => whole,
            Some(digits) => digits
                .trim()
                .parse()
                .ok()
                .filter(|length| *length <= whole)
                .ok_or_else(|| CidrError::Length(text.to_owned(), whole))?,
        };
        let meant = Cidr { network: masked(address, length), length };
        if meant.network == address { Ok(meant) } else { Err(CidrError::HostBits(text.to_owned(), meant)) }
    }
}

fn masked(address: IpAddr, length: u8) -> IpAddr {
    match address {
        IpAddr::V4(address) => {
            let mask = u32::MAX.checked_shl(32 - u32::from(length.min(32))).unwrap_or(0);
            IpAddr::V4((address.to_bits() & mask).into())
        }
        IpAddr::V6(address) => {
            let mask = u128::MAX.checked_shl(128 - u32::from(length.min(128))).unwrap_or(0);
            IpAddr::V6((address.to_bits() & mask).into())
        }
    }
}

impl fmt::Display for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.network, self.length)
    }
}

impl fmt::Debug for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn contains(network: &str, address: &str) -> bool {
        network.parse::<Cidr>().unwrap().contains(address.parse().unwrap())
    }

    #[test]
    fn a_network_ends_where_its_prefix_says() {
        assert!(contains("192.0.2.0/24", "192.0.2.0") && contains("192.0.2.0/24", "192.0.2.255"));
        assert!(!contains("192.0.2.0/24", "192.0.3.0") && !contains("192.0.2.0/24", "192.0.1.255"));
        assert!(contains("192.0.2.128/25", "192.0.2.128") && !contains("192.0.2.128/25", "192.0.2.127"));
        assert!(contains("192.0.2.7", "192.0.2.7") && !contains("192.0.2.7", "192.0.2.8"));
        assert!(contains("0.0.0.0/0", "203.0.113.9") && !contains("0.0.0.0/0", "2001:db8::1"));
        assert!(contains("2001:db8::/32", "2001:db8:ffff::1") && !contains("2001:db8::/32", "2001:db9::1"));
        assert!(contains("::/0", "::1") && !contains("::/0", "192.0.2.1"));
    }

    #[test]
    fn a_mapped_address_is_the_address() {
        assert!(contains("192.0.2.0/24", "::ffff:192.0.2.9"));
    }

    #[test]
    fn a_network_that_is_none_says_what_is_wrong() {
        assert_eq!("lab".parse::<Cidr>(), Err(CidrError::Address("lab".into())));
        assert_eq!("192.0.2.0/33".parse::<Cidr>(), Err(CidrError::Length("192.0.2.0/33".into(), 32)));
        let error = "192.0.2.9/24".parse::<Cidr>().unwrap_err();
        assert!(error.to_string().contains("192.0.2.0/24 is meant"), "{error}");
    }

    #[test]
    fn a_port_range_gives_pairs_of_rtp_and_rtcp() {
        let pairs = |text: &str| text.parse::<PortRange>().unwrap().pairs().collect::<Vec<_>>();
        assert_eq!(pairs("10000-10005"), [10000, 10002, 10004]);
        assert_eq!(pairs("10001-10004"), [10002]);
        assert_eq!(pairs("65533-65535"), [65534]);
        assert_eq!("10001-10002".parse::<PortRange>(), Err(PortRangeError::TooSmall(10001, 10002)));
        assert_eq!("2-1".parse::<PortRange>(), Err(PortRangeError::TooSmall(2, 1)));
        assert!("10000".parse::<PortRange>().is_err() && "1-70000".parse::<PortRange>().is_err());
        assert!("0".parse::<PortRange>().unwrap().is_any());
    }

    #[test]
    fn a_listener_is_read_as_it_is_written() {
        for text in ["udp:127.0.0.1:5060", "tcp:[2001:db8::1]:0", "tls:0.0.0.0:5061"] {
            assert_eq!(text.parse::<Listen>().unwrap().to_string(), text);
        }
        for text in ["127.0.0.1:5060", "sctp:127.0.0.1:5060", "udp:localhost:5060", "udp:127.0.0.1", "udp"] {
            assert!(text.parse::<Listen>().is_err(), "{text}");
        }
    }
}
