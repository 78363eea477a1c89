//! Our own address, as a peer reaches it.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

/// The address by which a peer reaches a socket: as advertised, as bound, or, bound to every address, the one that the system
/// would send from.
pub(super) struct LocalAddress {
    bound: SocketAddr,
    advertise: Option<IpAddr>,
    known: HashMap<IpAddr, IpAddr>,
}

impl LocalAddress {
    const REMEMBERED: usize = 1024;

    /// What is advertised stands for sockets of its own family only.
    pub(super) fn new(bound: SocketAddr, advertise: Option<IpAddr>) -> LocalAddress {
        let advertise = advertise.filter(|advertised| advertised.is_ipv4() == bound.is_ipv4());
        LocalAddress { bound, advertise, known: HashMap::new() }
    }

    pub(super) fn towards(&mut self, remote: SocketAddr) -> SocketAddr {
        if let Some(advertised) = self.advertise {
            return SocketAddr::new(advertised, self.bound.port());
        }
        if !self.bound.ip().is_unspecified() {
            return self.bound;
        }
        if self.known.len() >= Self::REMEMBERED {
            self.known.clear();
        }
        let ip = *self.known.entry(remote.ip()).or_insert_with(|| source_address(remote).unwrap_or(self.bound.ip()));
        SocketAddr::new(ip, self.bound.port())
    }
}

/// The address that the system would send from to reach `remote` (connecting a UDP socket sends nothing).
pub fn source_address(remote: SocketAddr) -> io::Result<IpAddr> {
    let any: IpAddr = if remote.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let socket = UdpSocket::bind((any, 0))?;
    socket.connect(remote)?;
    Ok(socket.local_addr()?.ip())
}
