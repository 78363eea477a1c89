//! SIP's transports: UDP sockets, TCP and TLS connections, all feeding one queue of whole messages.
//!
//! Queues: the one to the endpoint is bounded; when it is full a datagram is dropped (the peer retransmits, RFC 3261 §17)
//! and a connection is simply not read from (TCP's own back-pressure). A connection's queue of outgoing messages is bounded too;
//! a peer that lets it fill up, or that takes nothing for [`Options::write`], is disconnected.
//!
//! Connections are bounded, in all and for each peer, from the moment they are accepted, and some are kept for trusted peers. One is
//! closed when a stranger's first message does not come in time and its place is wanted, when its TLS handshake is not finished in
//! time, when the rest of a message does not come, and when nothing at all comes for long.

mod local;
mod registry;
mod stream;

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use socket2::{Domain, Protocol, SockRef, Socket, Type};
use tokio::net::{TcpListener, UdpSocket};
use tokio::sync::mpsc;
use tracing::debug;

use self::local::LocalAddress;
use self::registry::Registry;
use self::stream::Streams;
use super::tls::{Authorities, Identity};
use crate::sip::endpoint::Transmit;
use crate::sip::flow::{Flow, Transport};

pub use local::source_address;

/// Whole messages waiting for the endpoint.
const INBOUND_QUEUE: usize = 4096;
/// Connections that the system has accepted and we have not.
const BACKLOG: i32 = 1024;
/// The largest datagram.
const DATAGRAM: usize = 65_536;

/// What arrives.
#[derive(Debug)]
pub enum Inbound {
    /// One message: a datagram, or what a stream's framing cut out.
    Message {
        /// Where it came from.
        flow: Flow,
        /// Its octets.
        bytes: Vec<u8>,
    },
    /// A connection is gone.
    Closed {
        /// Its id in [`Flow::connection`].
        connection: u64,
    },
    /// No connection could be opened for a message.
    Unreachable {
        /// The flow that it was to be sent on.
        flow: Flow,
    },
}

/// How transports behave.
#[derive(Clone)]
pub struct Options {
    /// The address that others reach us by, where it is not the one that is bound.
    pub advertise: Option<IpAddr>,
    /// Stream connections at once.
    pub connections: usize,
    /// Stream connections at once from one address.
    pub connections_per_peer: usize,
    /// Of all connections, those that only trusted peers may have.
    pub reserved: usize,
    /// Which peers are trusted.
    pub trusted: Arc<dyn Fn(IpAddr) -> bool + Send + Sync>,
    /// The certificate that TLS listeners show.
    pub identity: Option<Arc<Identity>>,
    /// Whose certificates are accepted where we connect; without them we connect nowhere over TLS.
    pub authorities: Option<Authorities>,
    /// A connection is closed after this long without a message or keep-alive. RFC 5626 §4.4.1 has peers ping every
    /// two minutes.
    pub idle: Duration,
    /// How long a TLS handshake may take.
    pub handshake: Duration,
    /// How long the rest of a message may take once its first byte is there.
    pub unfinished: Duration,
    /// How long the peer may take to take what we write.
    pub write: Duration,
    /// How long opening a connection may take.
    pub connect: Duration,
    /// How often, at the latest, we ping on connections that we opened (RFC 5626 §4.4.1).
    pub ping: Duration,
    /// How long the answer to that may take.
    pub pong: Duration,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            advertise: None,
            connections: 1000,
            connections_per_peer: 100,
            reserved: 0,
            trusted: Arc::new(|_| false),
            identity: None,
            authorities: None,
            idle: Duration::from_secs(900),
            handshake: Duration::from_secs(10),
            unfinished: Duration::from_secs(32),
            write: Duration::from_secs(10),
            connect: Duration::from_secs(10),
            ping: Duration::from_secs(120),
            pong: Duration::from_secs(10),
        }
    }
}

/// All bound sockets.
pub struct Transports {
    udp: Vec<(Arc<UdpSocket>, SocketAddr)>,
    listening: Vec<(Transport, SocketAddr)>,
    streams: Streams,
}

/// A listening address that could not be bound.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {} {address}: {source}; choose another address or port, or stop what listens there", transport.name())]
pub struct BindError {
    /// The transport asked for.
    pub transport: Transport,
    /// The address asked for.
    pub address: SocketAddr,
    /// Why.
    pub source: io::Error,
}

impl Transports {
    /// Binds every address; what arrives comes out of the receiver. An IPv6 address takes IPv6 alone, so that `0.0.0.0` and
    /// `[::]` stand side by side.
    pub async fn bind(
        addresses: &[(Transport, SocketAddr)],
        options: Options,
    ) -> Result<(Transports, mpsc::Receiver<Inbound>), BindError> {
        let (inbound, receiver) = mpsc::channel(INBOUND_QUEUE);
        let registry = {
            let Options { connections, connections_per_peer, reserved, trusted, .. } = &options;
            Registry::new(*connections, *connections_per_peer, *reserved, Arc::clone(trusted))
        };
        let streams = Streams { inbound, registry, options };
        let mut transports = Transports { udp: vec![], listening: vec![], streams };
        for &(transport, address) in addresses {
            let bound = match transport {
                Transport::Udp => transports.bind_udp(address),
                Transport::Tcp | Transport::Tls => transports.bind_stream(transport, address),
            };
            bound.map_err(|source| BindError { transport, address, source })?;
        }
        Ok((transports, receiver))
    }

    /// The addresses as bound.
    pub fn listening(&self) -> &[(Transport, SocketAddr)] {
        &self.listening
    }

    /// The same addresses, as others reach them.
    pub fn reached_at(&self) -> Vec<(Transport, SocketAddr)> {
        let advertise = self.streams.options.advertise;
        let outside = |bound: SocketAddr| match advertise.filter(|ip| ip.is_ipv4() == bound.is_ipv4()) {
            Some(ip) => SocketAddr::new(ip, bound.port()),
            None => bound,
        };
        self.listening.iter().map(|&(transport, bound)| (transport, outside(bound))).collect()
    }

    /// Sends one message; what cannot be sent is lost, as on any network, and SIP's own timers deal with that. On a stream
    /// the connection of the flow is used, or else one that leads to the same place, or one that is opened.
    pub fn send(&self, message: Transmit) {
        match message.flow.transport {
            Transport::Udp => self.send_datagram(&message.flow, &message.bytes),
            Transport::Tcp | Transport::Tls => self.streams.send(message),
        }
    }

    /// Opens a stream connection to `flow.remote`, to be used by what is sent on the flow that comes back. `host` is the name
    /// that a TLS server's certificate must hold; without it that is the address.
    pub async fn connect(&self, flow: Flow, host: Option<&str>) -> io::Result<Flow> {
        self.streams.open_now(flow, host).await
    }

    fn send_datagram(&self, flow: &Flow, bytes: &[u8]) {
        let advertised = self.streams.options.advertise;
        let serves = |bound: SocketAddr| {
            let same =
                bound.ip() == flow.local.ip() || bound.ip().is_unspecified() || Some(flow.local.ip()) == advertised;
            bound.port() == flow.local.port() && bound.is_ipv4() == flow.remote.is_ipv4() && same
        };
        let socket = self.udp.iter().find(|(_, bound)| serves(*bound));
        // the socket never blocks: asking first whether it can be written to would only cost
        let sent = socket.map(|(socket, _)| SockRef::from(&**socket).send_to(bytes, &flow.remote.into()));
        if let Some(Err(error)) = sent {
            debug!(remote = %flow.remote, %error, "a datagram could not be sent");
        }
    }

    fn bind_udp(&mut self, address: SocketAddr) -> io::Result<()> {
        let socket = socket(address, Type::DGRAM, Protocol::UDP)?;
        // bursts of INVITEs wait here while the endpoint works; the system caps what it does not want to give
        let _ = socket.set_recv_buffer_size(4 << 20);
        socket.bind(&address.into())?;
        let socket = Arc::new(UdpSocket::from_std(socket.into())?);
        let bound = socket.local_addr()?;
        self.listening.push((Transport::Udp, bound));
        self.udp.push((Arc::clone(&socket), bound));
        let Streams { inbound, options, .. } = &self.streams;
        tokio::spawn(receive_datagrams(socket, bound, options.advertise, inbound.clone()));
        Ok(())
    }

    fn bind_stream(&mut self, transport: Transport, address: SocketAddr) -> io::Result<()> {
        if transport == Transport::Tls && self.streams.options.identity.is_none() {
            return Err(io::Error::other("TLS needs a certificate and its key"));
        }
        let socket = socket(address, Type::STREAM, Protocol::TCP)?;
        // a restart need not wait for the last connections' TIME_WAIT
        socket.set_reuse_address(true)?;
        socket.bind(&address.into())?;
        socket.listen(BACKLOG)?;
        let listener = TcpListener::from_std(socket.into())?;
        self.listening.push((transport, listener.local_addr()?));
        tokio::spawn(self.streams.clone().accept(transport, listener));
        Ok(())
    }
}

fn socket(address: SocketAddr, kind: Type, protocol: Protocol) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), kind, Some(protocol))?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.set_nonblocking(true)?;
    Ok(socket)
}

async fn receive_datagrams(
    socket: Arc<UdpSocket>,
    bound: SocketAddr,
    advertise: Option<IpAddr>,
    inbound: mpsc::Sender<Inbound>,
) {
    let mut buffer = vec![0u8; DATAGRAM];
    let mut local = LocalAddress::new(bound, advertise);
    loop {
        match socket.recv_from(&mut buffer).await {
            Ok((length, remote)) => {
                let flow = Flow { transport: Transport::Udp, local: local.towards(remote), remote, connection: None };
                let bytes = buffer.get(..length).unwrap_or_default().to_vec();
                match inbound.try_send(Inbound::Message { flow, bytes }) {
                    Ok(()) => {}
                    Err(mpsc::error::TrySendError::Full(_)) => debug!(%remote, "a datagram is dropped: too many wait"),
                    Err(mpsc::error::TrySendError::Closed(_)) => return,
                }
            }
            // an ICMP error of something sent before; the socket is sound
            Err(error) => debug!(%error, "receiving"),
        }
    }
}

#[cfg(test)]
mod tests;
