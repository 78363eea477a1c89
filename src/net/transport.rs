//! SIP's transports: UDP sockets and TCP connections, all feeding one queue of whole messages.
//!
//! Queues: the one to the endpoint is bounded; when it is full a datagram is dropped (the peer retransmits, RFC 3261 §17)
//! and a connection is simply not read from (TCP's own back-pressure). A connection's queue of outgoing messages is bounded too;
//! a peer that lets it fill up is disconnected.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket as StdUdpSocket};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tracing::{debug, warn};

use crate::sip::endpoint::{Flow, Transport};
use crate::sip::wire::{Framed, Framer};

/// Whole messages waiting for the endpoint.
const INBOUND_QUEUE: usize = 4096;
/// Messages waiting for one connection's peer to read them.
const CONNECTION_QUEUE: usize = 64;
/// Connections just accepted whose way out the endpoint's side has not fetched yet.
const OPENED_QUEUE: usize = 1024;
/// A connection on which nothing has arrived for so long is closed; RFC 5626 §4.4.1 has peers send every two minutes.
const IDLE: Duration = Duration::from_secs(600);
/// How long opening a connection may take.
const CONNECT: Duration = Duration::from_secs(10);
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
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// The address that others reach us by, where it is not the one that is bound.
    pub advertise: Option<IpAddr>,
    /// Stream connections at once.
    pub connections: usize,
    /// Stream connections at once from one address.
    pub connections_per_peer: usize,
}

impl Default for Options {
    fn default() -> Options {
        Options { advertise: None, connections: 1000, connections_per_peer: 100 }
    }
}

/// All bound sockets.
pub struct Transports {
    udp: Vec<Arc<UdpSocket>>,
    listening: Vec<(Transport, SocketAddr)>,
    connections: HashMap<u64, Connection>,
    opened: mpsc::Receiver<(u64, Connection)>,
    acceptor: Acceptor,
}

/// The way to a connection's task.
struct Connection {
    remote: SocketAddr,
    outgoing: mpsc::Sender<Vec<u8>>,
}

/// A listening address that could not be bound.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {transport:?} {address}: {source}")]
pub struct BindError {
    /// The transport asked for.
    pub transport: Transport,
    /// The address asked for.
    pub address: SocketAddr,
    /// Why.
    pub source: io::Error,
}

impl Transports {
    /// Binds every address; what arrives comes out of the receiver.
    pub async fn bind(
        addresses: &[(Transport, SocketAddr)],
        options: Options,
    ) -> Result<(Transports, mpsc::Receiver<Inbound>), BindError> {
        let (inbound, receiver) = mpsc::channel(INBOUND_QUEUE);
        let (opened_sender, opened) = mpsc::channel(OPENED_QUEUE);
        let acceptor = Acceptor {
            inbound,
            opened: opened_sender,
            next: Arc::new(AtomicU64::new(1)),
            permits: Arc::new(Semaphore::new(options.connections)),
            peers: Arc::default(),
            options,
        };
        let mut transports =
            Transports { udp: vec![], listening: vec![], connections: HashMap::new(), opened, acceptor };
        for &(transport, address) in addresses {
            let bound = match transport {
                Transport::Udp => transports.bind_udp(address).await,
                Transport::Tcp | Transport::Tls => transports.bind_tcp(transport, address).await,
            };
            bound.map_err(|source| BindError { transport, address, source })?;
        }
        Ok((transports, receiver))
    }

    /// The addresses as bound.
    pub fn listening(&self) -> &[(Transport, SocketAddr)] {
        &self.listening
    }

    /// Sends one message; what cannot be sent is lost, as on any network, and SIP's own timers deal with that.
    pub fn send(&mut self, flow: &Flow, bytes: Vec<u8>) {
        match flow.transport {
            Transport::Udp => self.send_datagram(flow, &bytes),
            Transport::Tcp | Transport::Tls => self.send_on_connection(flow, bytes),
        }
    }

    fn send_datagram(&self, flow: &Flow, bytes: &[u8]) {
        let advertised = self.acceptor.options.advertise;
        let serves = |bound: SocketAddr| {
            let same =
                bound.ip() == flow.local.ip() || bound.ip().is_unspecified() || Some(flow.local.ip()) == advertised;
            bound.port() == flow.local.port() && bound.is_ipv4() == flow.remote.is_ipv4() && same
        };
        let socket = self.udp.iter().find(|socket| socket.local_addr().is_ok_and(serves));
        if let Some(Err(error)) = socket.map(|socket| socket.try_send_to(bytes, flow.remote)) {
            debug!(remote = %flow.remote, %error, "a datagram could not be sent");
        }
    }

    fn send_on_connection(&mut self, flow: &Flow, bytes: Vec<u8>) {
        self.adopt_opened();
        let known = flow.connection.or_else(|| {
            self.connections.iter().find(|(_, connection)| connection.remote == flow.remote).map(|(&id, _)| id)
        });
        let Some(id) = known else { return self.acceptor.connect(*flow, bytes) };
        let failed = self.connections.get(&id).is_some_and(|connection| connection.outgoing.try_send(bytes).is_err());
        if failed {
            // dropping the sender ends the connection's task
            self.connections.remove(&id);
            debug!(remote = %flow.remote, "a connection is closed or does not read: given up");
        }
    }

    /// Forgets a connection that [`Inbound::Closed`] told of.
    pub fn closed(&mut self, connection: u64) {
        self.adopt_opened();
        self.connections.remove(&connection);
    }

    fn adopt_opened(&mut self) {
        while let Ok((id, connection)) = self.opened.try_recv() {
            self.connections.insert(id, connection);
        }
    }

    async fn bind_udp(&mut self, address: SocketAddr) -> io::Result<()> {
        let socket = Arc::new(UdpSocket::bind(address).await?);
        // bursts of INVITEs wait here while the endpoint works; the system caps what it does not want to give
        let _ = socket2::SockRef::from(&*socket).set_recv_buffer_size(4 << 20);
        let bound = socket.local_addr()?;
        self.listening.push((Transport::Udp, bound));
        self.udp.push(Arc::clone(&socket));
        tokio::spawn(receive_datagrams(socket, bound, self.acceptor.options.advertise, self.acceptor.inbound.clone()));
        Ok(())
    }

    async fn bind_tcp(&mut self, transport: Transport, address: SocketAddr) -> io::Result<()> {
        let listener = TcpListener::bind(address).await?;
        self.listening.push((transport, listener.local_addr()?));
        tokio::spawn(self.acceptor.clone().accept(listener));
        Ok(())
    }
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

/// The address by which a peer reaches a socket: as advertised, as bound, or, bound to every address, the one that the system
/// would send from.
struct LocalAddress {
    bound: SocketAddr,
    advertise: Option<IpAddr>,
    known: HashMap<IpAddr, IpAddr>,
}

impl LocalAddress {
    const REMEMBERED: usize = 1024;

    fn new(bound: SocketAddr, advertise: Option<IpAddr>) -> LocalAddress {
        LocalAddress { bound, advertise, known: HashMap::new() }
    }

    fn towards(&mut self, remote: SocketAddr) -> SocketAddr {
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
    let any: SocketAddr =
        if remote.is_ipv4() { ([0, 0, 0, 0], 0).into() } else { (std::net::Ipv6Addr::UNSPECIFIED, 0).into() };
    let socket = StdUdpSocket::bind(any)?;
    socket.connect(remote)?;
    Ok(socket.local_addr()?.ip())
}

#[derive(Clone)]
struct Acceptor {
    inbound: mpsc::Sender<Inbound>,
    opened: mpsc::Sender<(u64, Connection)>,
    next: Arc<AtomicU64>,
    permits: Arc<Semaphore>,
    /// Connections by peer.
    peers: Arc<Mutex<HashMap<IpAddr, usize>>>,
    options: Options,
}

/// A connection's place among its peer's; given back when dropped.
struct Place {
    peers: Arc<Mutex<HashMap<IpAddr, usize>>>,
    peer: IpAddr,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut peers = self.peers.lock().unwrap_or_else(PoisonError::into_inner);
        if let Entry::Occupied(mut count) = peers.entry(self.peer) {
            *count.get_mut() -= 1;
            if *count.get() == 0 {
                count.remove();
            }
        }
    }
}

impl Acceptor {
    fn place(&self, peer: IpAddr) -> Option<Place> {
        let mut peers = self.peers.lock().unwrap_or_else(PoisonError::into_inner);
        let count = peers.entry(peer).or_insert(0);
        (*count < self.options.connections_per_peer).then(|| {
            *count += 1;
            Place { peers: Arc::clone(&self.peers), peer }
        })
    }

    async fn accept(self, listener: TcpListener) {
        loop {
            match listener.accept().await {
                Ok((stream, remote)) => {
                    let permit = Arc::clone(&self.permits).try_acquire_owned().ok();
                    match permit.zip(self.place(remote.ip())) {
                        Some(held) => drop(tokio::spawn(self.clone().converse(stream, remote, held, None))),
                        None => warn!(%remote, "connection refused: too many are open"),
                    }
                }
                Err(error) => {
                    // out of file descriptors, mostly: accepting again at once would only burn the processor
                    warn!(%error, "accepting a connection");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
        }
    }

    /// Opens a connection for a message; [`Inbound::Unreachable`] tells when that fails.
    fn connect(&self, flow: Flow, bytes: Vec<u8>) {
        let permit = Arc::clone(&self.permits).try_acquire_owned().ok();
        let held = permit.zip(self.place(flow.remote.ip()));
        let acceptor = self.clone();
        tokio::spawn(async move {
            let connected = tokio::time::timeout(CONNECT, TcpStream::connect(flow.remote)).await;
            match (held, connected) {
                (Some(held), Ok(Ok(stream))) => acceptor.converse(stream, flow.remote, held, Some(bytes)).await,
                (_, failed) => {
                    debug!(remote = %flow.remote, ?failed, "no connection can be opened");
                    let _ = acceptor.inbound.send(Inbound::Unreachable { flow }).await;
                }
            }
        });
    }

    async fn converse(
        self,
        stream: TcpStream,
        remote: SocketAddr,
        _held: (OwnedSemaphorePermit, Place),
        first: Option<Vec<u8>>,
    ) {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let Ok(bound) = stream.local_addr() else { return };
        let local = LocalAddress::new(bound, self.options.advertise).towards(remote);
        let _ = stream.set_nodelay(true);
        let (sender, outgoing) = mpsc::channel(CONNECTION_QUEUE);
        if let Some(bytes) = first {
            let _ = sender.try_send(bytes);
        }
        if self.opened.send((id, Connection { remote, outgoing: sender })).await.is_err() {
            return;
        }
        let flow = Flow { transport: Transport::Tcp, local, remote, connection: Some(id) };
        let why = self.exchange(stream, flow, outgoing).await;
        debug!(%remote, why, "connection closed");
        let _ = self.inbound.send(Inbound::Closed { connection: id }).await;
    }

    async fn exchange(&self, stream: TcpStream, flow: Flow, mut outgoing: mpsc::Receiver<Vec<u8>>) -> &'static str {
        let (mut reader, mut writer) = stream.into_split();
        let mut framer = Framer::default();
        let mut buffer = vec![0u8; 16_384];
        loop {
            tokio::select! {
                message = outgoing.recv() => {
                    let Some(bytes) = message else { return "given up" };
                    if writer.write_all(&bytes).await.is_err() { return "write failed" }
                }
                read = tokio::time::timeout(IDLE, reader.read(&mut buffer)) => {
                    let count = match read {
                        Err(_) => return "idle",
                        Ok(Err(_)) => return "read failed",
                        Ok(Ok(0)) => return "closed by the peer",
                        Ok(Ok(count)) => count,
                    };
                    framer.push(buffer.get(..count).unwrap_or_default());
                    for framed in framer.by_ref() {
                        match framed {
                            Ok(Framed::Message(bytes)) => {
                                if self.inbound.send(Inbound::Message { flow, bytes }).await.is_err() { return "shut down" }
                            }
                            // RFC 5626 §3.5.1: a ping of two CRLFs is answered with one
                            Ok(Framed::KeepAlive) => {
                                if writer.write_all(b"\r\n").await.is_err() { return "write failed" }
                            }
                            Err(_) => return "the stream's framing is lost",
                        }
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const OPTIONS: &[u8] = b"OPTIONS sip:a@127.0.0.1 SIP/2.0\r\nContent-Length: 0\r\n\r\n";

    fn loopback() -> SocketAddr {
        ([127, 0, 0, 1], 0).into()
    }

    #[tokio::test]
    async fn a_datagram_arrives_whole_and_its_answer_goes_back_to_where_it_came_from() {
        let (mut transports, mut inbound) =
            Transports::bind(&[(Transport::Udp, loopback())], Options::default()).await.unwrap();
        let peer = UdpSocket::bind(loopback()).await.unwrap();
        peer.send_to(OPTIONS, transports.listening()[0].1).await.unwrap();
        let Some(Inbound::Message { flow, bytes }) = inbound.recv().await else { panic!("no message") };
        assert_eq!(bytes, OPTIONS);
        transports.send(&flow, b"answer".to_vec());
        let mut buffer = [0; 64];
        let (length, from) = peer.recv_from(&mut buffer).await.unwrap();
        assert_eq!((&buffer[..length], from), (&b"answer"[..], transports.listening()[0].1));
    }

    #[tokio::test]
    async fn a_stream_cut_anywhere_yields_the_same_messages_and_closing_is_told() {
        let (mut transports, mut inbound) =
            Transports::bind(&[(Transport::Tcp, loopback())], Options::default()).await.unwrap();
        let mut peer = TcpStream::connect(transports.listening()[0].1).await.unwrap();
        let twice = [OPTIONS, OPTIONS].concat();
        for piece in twice.chunks(7) {
            peer.write_all(piece).await.unwrap();
            peer.flush().await.unwrap();
            tokio::task::yield_now().await;
        }
        let mut last = None;
        for _ in 0..2 {
            let Some(Inbound::Message { flow, bytes }) = inbound.recv().await else { panic!("no message") };
            assert_eq!(bytes, OPTIONS);
            last = Some(flow);
        }
        transports.send(&last.unwrap(), b"answer".to_vec());
        let mut buffer = [0; 6];
        peer.read_exact(&mut buffer).await.unwrap();
        assert_eq!(&buffer, b"answer");
        drop(peer);
        assert!(matches!(inbound.recv().await, Some(Inbound::Closed { connection: 1 })));
    }

    #[tokio::test]
    async fn bound_to_every_address_the_flow_names_the_one_that_the_peer_reached() {
        let any: SocketAddr = ([0, 0, 0, 0], 0).into();
        let (transports, mut inbound) = Transports::bind(&[(Transport::Udp, any)], Options::default()).await.unwrap();
        let port = transports.listening()[0].1.port();
        let peer = UdpSocket::bind(loopback()).await.unwrap();
        peer.send_to(OPTIONS, (std::net::Ipv4Addr::LOCALHOST, port)).await.unwrap();
        let Some(Inbound::Message { flow, .. }) = inbound.recv().await else { panic!("no message") };
        assert_eq!(flow.local, (std::net::Ipv4Addr::LOCALHOST, port).into());
    }

    #[tokio::test]
    async fn an_advertised_address_stands_in_the_flow_and_the_answer_still_leaves() {
        let advertised = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 10));
        let options = Options { advertise: Some(advertised), ..Options::default() };
        let (mut transports, mut inbound) = Transports::bind(&[(Transport::Udp, loopback())], options).await.unwrap();
        let peer = UdpSocket::bind(loopback()).await.unwrap();
        peer.send_to(OPTIONS, transports.listening()[0].1).await.unwrap();
        let Some(Inbound::Message { flow, .. }) = inbound.recv().await else { panic!("no message") };
        assert_eq!(flow.local, (advertised, transports.listening()[0].1.port()).into());
        transports.send(&flow, b"answer".to_vec());
        assert_eq!(peer.recv(&mut [0; 64]).await.unwrap(), 6);
    }

    #[tokio::test]
    async fn connections_are_bounded_for_each_peer() {
        let options = Options { connections_per_peer: 1, ..Options::default() };
        let (transports, mut inbound) = Transports::bind(&[(Transport::Tcp, loopback())], options).await.unwrap();
        let address = transports.listening()[0].1;
        let mut first = TcpStream::connect(address).await.unwrap();
        first.write_all(OPTIONS).await.unwrap();
        assert!(matches!(inbound.recv().await, Some(Inbound::Message { .. })));
        let mut second = TcpStream::connect(address).await.unwrap();
        assert_eq!(second.read(&mut [0; 8]).await.unwrap(), 0, "closed at once");
        drop(first);
        assert!(matches!(inbound.recv().await, Some(Inbound::Closed { .. })));
        let mut third = TcpStream::connect(address).await.unwrap();
        third.write_all(OPTIONS).await.unwrap();
        assert!(matches!(inbound.recv().await, Some(Inbound::Message { .. })));
    }

    #[tokio::test]
    async fn without_a_connection_one_is_opened_or_it_is_told_that_none_can_be() {
        let (mut transports, mut inbound) =
            Transports::bind(&[(Transport::Tcp, loopback())], Options::default()).await.unwrap();
        let local = transports.listening()[0].1;
        let peer = TcpListener::bind(loopback()).await.unwrap();
        let flow = Flow { transport: Transport::Tcp, local, remote: peer.local_addr().unwrap(), connection: None };
        transports.send(&flow, b"BYE".to_vec());
        let (mut stream, _) = peer.accept().await.unwrap();
        let mut buffer = [0; 3];
        stream.read_exact(&mut buffer).await.unwrap();
        assert_eq!(&buffer, b"BYE");
        // the same connection serves what follows
        transports.send(&flow, b"ACK".to_vec());
        stream.read_exact(&mut buffer).await.unwrap();
        assert_eq!(&buffer, b"ACK");
        drop((stream, peer));
        assert!(matches!(inbound.recv().await, Some(Inbound::Closed { connection: 1 })));
        transports.closed(1);
        transports.send(&flow, b"BYE".to_vec());
        assert!(matches!(inbound.recv().await, Some(Inbound::Unreachable { flow: f }) if f == flow));
    }

    #[tokio::test]
    async fn a_port_in_use_is_told_with_its_address() {
        let taken = UdpSocket::bind(loopback()).await.unwrap();
        let address = taken.local_addr().unwrap();
        let Err(error) = Transports::bind(&[(Transport::Udp, address)], Options::default()).await else {
            panic!("bound twice")
        };
        assert!(error.to_string().contains(&address.to_string()), "{error}");
    }
}
