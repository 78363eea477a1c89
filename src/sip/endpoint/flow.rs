//! Where messages come from and go to: flows, the way of a response (RFC 3261 §18.2.2, RFC 3581), and the next hop of a
//! request (§8.1.2, §12.2.1.1).

use std::net::SocketAddr;

/// What carries SIP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Transport {
    /// Datagrams.
    Udp,
    /// A stream.
    Tcp,
    /// An encrypted stream.
    Tls,
}

impl Transport {
    /// Whether messages arrive without being repeated.
    pub const fn is_reliable(self) -> bool {
        !matches!(self, Transport::Udp)
    }

    /// The name in a Via.
    pub const fn name(self) -> &'static str {
        match self {
            Transport::Udp => "UDP",
            Transport::Tcp => "TCP",
            Transport::Tls => "TLS",
        }
    }

    /// The port that is meant when none is written.
    pub const fn default_port(self) -> u16 {
        match self {
            Transport::Udp | Transport::Tcp => 5060,
            Transport::Tls => 5061,
        }
    }
}

/// A way between us and another address: of an incoming message where it came from, of an outgoing one where it goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Flow {
    /// What carries it.
    pub transport: Transport,
    /// Our address: the one that the message came to, and that the answer leaves from. Never unspecified (`0.0.0.0`): it
    /// is written into Contact and Via.
    pub local: SocketAddr,
    /// The other side's address.
    pub remote: SocketAddr,
    /// The stream connection. `None` on TCP and TLS asks the edge to use an open connection to `remote`, or to open one;
    /// if it cannot, [`Endpoint::handle_unreachable`](super::Endpoint::handle_unreachable) is told.
    pub connection: Option<u64>,
}
