//! Addresses in settings: listeners and port ranges.

use std::fmt;
use std::net::SocketAddr;
use std::num::ParseIntError;
use std::str::FromStr;

use crate::sip::flow::Transport;

/// A transport's name in settings, and in results.
pub fn transport_name(transport: Transport) -> &'static str {
    match transport {
        Transport::Udp => "udp",
        Transport::Tcp => "tcp",
        Transport::Tls => "tls",
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

/// Why a text is not a place to listen.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ListenError {
    /// No transport in front.
    #[error("{0:?} does not begin with udp:, tcp: or tls:")]
    Transport(String),
    /// No address and port behind it.
    #[error("{0:?} is not ADDR:PORT with a numeric address")]
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
        let all = [Transport::Udp, Transport::Tcp, Transport::Tls];
        let transport = all.into_iter().find(|transport| transport_name(*transport) == name).ok_or_else(unknown)?;
        let address = address.parse().map_err(|_| ListenError::Address(address.to_owned()))?;
        Ok(Listen { transport, address })
    }
}

impl fmt::Display for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", transport_name(self.transport), self.address)
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

/// Why a text is not a range of ports.
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

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
