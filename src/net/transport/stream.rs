//! TCP and TLS connections: each a task that reads messages from its peer and writes ours, until either has had enough.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rand::RngExt;
use socket2::{SockRef, TcpKeepalive};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until, timeout};
use tracing::{debug, warn};

use super::local::LocalAddress;
use super::registry::{Place, Refusal, Registry};
use super::{Inbound, Options};
use crate::net::tls;
use crate::sip::endpoint::Transmit;
use crate::sip::flow::{Flow, Transport};
use crate::sip::wire::{Framed, Framer};

/// How long saying goodbye on a TLS connection may take.
const GOODBYE: Duration = Duration::from_secs(1);
/// TCP keep-alive: the peer's system is probed after this long without a packet.
const PROBE: Duration = Duration::from_secs(60);

/// What all connections share.
#[derive(Clone)]
pub(super) struct Streams {
    pub inbound: mpsc::Sender<Inbound>,
    pub registry: Arc<Registry>,
    pub options: Options,
}

/// Who opened a connection.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Opener {
    Peer,
    Us,
}

/// Why a connection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// The peer closed it, or the network did.
    Closed,
    /// Nothing has come for too long: no message, no rest of one, no answer to a ping.
    Silent(&'static str),
    /// The boundary between messages is lost.
    Unframed,
    /// The peer does not read.
    Stuck,
    /// The server stops.
    ShutDown,
}

impl Streams {
    /// Takes connections for as long as the listener works.
    pub(super) async fn accept(self, transport: Transport, listener: TcpListener) {
        loop {
            match listener.accept().await {
                Ok((stream, remote)) => match self.registry.register(transport, remote) {
                    Some((place, outgoing)) => {
                        self.registry.is_accepted(place.id, remote);
                        tokio::spawn(self.clone().receive(transport, stream, remote, place, outgoing));
                    }
                    None => warn!(%remote, "connection refused: too many are open"),
                },
                Err(error) => {
                    // out of file descriptors, mostly: accepting again at once would only burn the processor
                    warn!(%error, "accepting a connection");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
        }
    }

    async fn receive(
        self,
        transport: Transport,
        stream: TcpStream,
        remote: SocketAddr,
        place: Place,
        outgoing: mpsc::Receiver<Transmit>,
    ) {
        let Ok(bound) = stream.local_addr() else { return };
        let local = LocalAddress::new(bound, self.options.advertise).towards(remote);
        let flow = Flow { transport, local, remote, connection: Some(place.id) };
        prepare(&stream);
        let identity = self.options.identity.as_ref().filter(|_| transport == Transport::Tls);
        let Some(identity) = identity else {
            return self.converse(stream, flow, Opener::Peer, place, outgoing).await;
        };
        match timeout(self.options.handshake, identity.acceptor().accept(stream)).await {
            Ok(Ok(stream)) => self.converse(stream, flow, Opener::Peer, place, outgoing).await,
            Ok(Err(error)) => debug!(%remote, %error, "no TLS connection came about"),
            Err(_) => debug!(%remote, "a TLS handshake was not finished in time"),
        }
    }

    /// Opens a connection for a message; [`Inbound::Unreachable`] tells when that fails. What goes to the same place
    /// meanwhile waits for the same connection.
    pub(super) fn connect(&self, message: Transmit) {
        let flow = message.flow;
        let Some((place, outgoing)) = self.registry.register(flow.transport, flow.remote) else {
            warn!(remote = %flow.remote, "no connection is opened: too many are open");
            return self.tell_unreachable(flow);
        };
        if self.registry.hand_over(message).is_ok() {
            tokio::spawn(self.clone().open(flow, place, outgoing));
        }
    }

    async fn open(self, flow: Flow, place: Place, outgoing: mpsc::Receiver<Transmit>) {
        match self.dial(flow, None).await {
            Ok((Dialled::Tcp(stream), flow)) => self.talk(stream, flow, place, outgoing).await,
            Ok((Dialled::Tls(stream), flow)) => self.talk(*stream, flow, place, outgoing).await,
            Err(error) => {
                debug!(remote = %flow.remote, %error, "no connection can be opened");
                drop((place, outgoing));
                let _ = self.inbound.send(Inbound::Unreachable { flow }).await;
            }
        }
    }

    /// Opens a connection before there is anything to send; `host` is the name that a TLS server's certificate must hold.
    pub(super) async fn open_now(&self, flow: Flow, host: Option<&str>) -> io::Result<Flow> {
        let (stream, flow) = self.dial(flow, host).await?;
        let full = || io::Error::other("too many connections are open");
        let (place, outgoing) = self.registry.register(flow.transport, flow.remote).ok_or_else(full)?;
        let flow = Flow { connection: Some(place.id), ..flow };
        match stream {
            Dialled::Tcp(stream) => tokio::spawn(self.clone().talk(stream, flow, place, outgoing)),
            Dialled::Tls(stream) => tokio::spawn(self.clone().talk(*stream, flow, place, outgoing)),
        };
        Ok(flow)
    }

    /// Connects, and says on what flow: who listens nowhere is found on the connection itself.
    async fn dial(&self, flow: Flow, host: Option<&str>) -> io::Result<(Dialled, Flow)> {
        let late = |_| io::Error::new(io::ErrorKind::TimedOut, "no connection came about in time");
        let stream = timeout(self.options.connect, reach(flow)).await.map_err(late)??;
        prepare(&stream);
        let local = if flow.local.port() == 0 { stream.local_addr()? } else { flow.local };
        let flow = Flow { local, ..flow };
        if flow.transport != Transport::Tls {
            return Ok((Dialled::Tcp(stream), flow));
        }
        let nobody = || io::Error::other("without authorities to check its certificate no TLS server is connected to");
        let authorities = self.options.authorities.as_ref().ok_or_else(nobody)?;
        let name = tls::server_name(host, flow.remote.ip());
        let handshake = authorities.connector().connect(name, stream);
        let stream = timeout(self.options.handshake, handshake).await.map_err(late)??;
        Ok((Dialled::Tls(Box::new(stream)), flow))
    }

    async fn talk<S: AsyncRead + AsyncWrite + Unpin>(
        self,
        stream: S,
        flow: Flow,
        place: Place,
        outgoing: mpsc::Receiver<Transmit>,
    ) {
        let flow = Flow { connection: Some(place.id), ..flow };
        self.converse(stream, flow, Opener::Us, place, outgoing).await;
    }

    async fn converse<S: AsyncRead + AsyncWrite + Unpin>(
        self,
        stream: S,
        flow: Flow,
        opener: Opener,
        place: Place,
        mut outgoing: mpsc::Receiver<Transmit>,
    ) {
        let silent = (opener == Opener::Peer && !self.registry.trusts(flow.remote))
            .then(|| Silent { registry: Arc::clone(&self.registry), id: place.id });
        let mut conversation = Conversation::new(stream, flow, opener, silent, &self.options);
        let (end, unsent) = conversation.run(&self.inbound, &mut outgoing).await;
        debug!(remote = %flow.remote, ?end, "connection closed");
        let _ = timeout(GOODBYE, conversation.stream.shutdown()).await;
        let id = place.id;
        drop(place);
        outgoing.close();
        let _ = self.inbound.send(Inbound::Closed { connection: id }).await;
        if end == End::Stuck {
            return;
        }
        // §18.2.2: responses that did not get out find another connection
        let mut rest: Vec<Transmit> = unsent.into_iter().collect();
        while let Ok(message) = outgoing.try_recv() {
            rest.push(message);
        }
        rest.into_iter().for_each(|message| self.send(message));
    }

    /// Sends a message on the connection of its flow, on another one to the same place, or on a new one.
    pub(super) fn send(&self, message: Transmit) {
        let flow = message.flow;
        match self.registry.hand_over(message) {
            Ok(()) => {}
            Err(Refusal::Stuck) => debug!(remote = %flow.remote, "a connection's peer does not read: given up"),
            Err(Refusal::Gone(message)) => match (flow.connection, message.otherwise) {
                (None, _) => self.connect(*message),
                (Some(_), Some(remote)) => {
                    self.send(Transmit {
                        flow: Flow { remote, connection: None, ..flow },
                        otherwise: None,
                        ..*message
                    });
                }
                // a request: its sender learns that the connection is closed
                (Some(_), None) => debug!(remote = %flow.remote, "a request is lost with its connection"),
            },
        }
    }

    fn tell_unreachable(&self, flow: Flow) {
        let inbound = self.inbound.clone();
        tokio::spawn(async move { inbound.send(Inbound::Unreachable { flow }).await });
    }
}

/// A connection that we opened.
enum Dialled {
    Tcp(TcpStream),
    Tls(Box<tokio_rustls::client::TlsStream<TcpStream>>),
}

/// Connects from the address that we are known by, where it is one of this machine's.
async fn reach(flow: Flow) -> io::Result<TcpStream> {
    let socket = if flow.remote.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    let _ = socket.bind(SocketAddr::new(flow.local.ip(), 0));
    socket.connect(flow.remote).await
}

fn prepare(stream: &TcpStream) {
    let _ = stream.set_nodelay(true);
    // a peer that vanished is noticed even while both sides are silent
    let _ = SockRef::from(stream).set_tcp_keepalive(&TcpKeepalive::new().with_time(PROBE).with_interval(PROBE / 6));
}

/// One connection, as its task sees it.
struct Conversation<'a, S> {
    stream: S,
    flow: Flow,
    options: &'a Options,
    framer: Framer,
    /// When there was last something of worth.
    last: Instant,
    /// Since when the rest of a message is waited for.
    begun: Option<Instant>,
    ping: Option<Ping>,
    /// A stranger's, until its first message.
    silent: Option<Silent>,
}

/// A connection whose peer has not sent a message yet.
struct Silent {
    registry: Arc<Registry>,
    id: u64,
}

/// Our own keep-alives (RFC 5626 §4.4.1): sent by who opened the connection.
struct Ping {
    next: Instant,
    /// Until when an answer is waited for.
    pending: Option<Instant>,
    /// The peer has answered one before: only then is it gone if it does not.
    is_answered: bool,
}

impl<'a, S: AsyncRead + AsyncWrite + Unpin> Conversation<'a, S> {
    fn new(stream: S, flow: Flow, opener: Opener, silent: Option<Silent>, options: &'a Options) -> Conversation<'a, S> {
        let now = Instant::now();
        let (framer, ping) = match opener {
            Opener::Peer => (Framer::default(), None),
            Opener::Us => (Framer::expecting_pongs(), Some(Ping::new(now, options))),
        };
        Conversation { stream, flow, options, framer, last: now, begun: None, ping, silent }
    }

    /// Why it ended, and a message that did not get out.
    async fn run(
        &mut self,
        inbound: &mpsc::Sender<Inbound>,
        outgoing: &mut mpsc::Receiver<Transmit>,
    ) -> (End, Option<Transmit>) {
        let mut buffer = vec![0u8; 16_384];
        loop {
            let (deadline, due) = self.deadline();
            tokio::select! {
                message = outgoing.recv() => {
                    let Some(message) = message else { return (End::Stuck, None) };
                    if let Err(end) = self.write(&message.bytes).await { return (end, Some(message)) }
                    self.last = Instant::now();
                }
                read = self.stream.read(&mut buffer) => {
                    let count = match read {
                        Err(_) | Ok(0) => return (End::Closed, None),
                        Ok(count) => count,
                    };
                    self.framer.push(buffer.get(..count).unwrap_or_default());
                    if let Err(end) = self.take(inbound).await { return (end, None) }
                }
                () = sleep_until(deadline) => match due {
                    Due::Ping => if let Err(end) = self.send_ping().await { return (end, None) },
                    Due::End(why) => return (End::Silent(why), None),
                },
            }
        }
    }

    /// Deals with all that has been framed.
    async fn take(&mut self, inbound: &mpsc::Sender<Inbound>) -> Result<(), End> {
        let now = Instant::now();
        while let Some(framed) = self.framer.next() {
            match framed {
                Ok(Framed::Message(bytes)) => {
                    (self.last, self.begun) = (now, None);
                    if let Some(Silent { registry, id }) = self.silent.take() {
                        registry.has_spoken(id);
                    }
                    let message = Inbound::Message { flow: self.flow, bytes };
                    inbound.send(message).await.map_err(|_| End::ShutDown)?;
                }
                // RFC 5626 §3.5.1: a ping of two CRLFs is answered with one
                Ok(Framed::KeepAlive) => {
                    self.last = now;
                    self.write(b"\r\n").await?;
                }
                Ok(Framed::Pong) => {
                    if let Some(ping) = &mut self.ping {
                        (ping.is_answered, ping.pending) = (true, None);
                    }
                }
                Err(error) => {
                    debug!(remote = %self.flow.remote, %error, "a stream cannot be read on");
                    return Err(End::Unframed);
                }
            }
        }
        self.begun = self.framer.is_within_message().then(|| self.begun.unwrap_or(now));
        Ok(())
    }

    async fn write(&mut self, bytes: &[u8]) -> Result<(), End> {
        let written = async {
            self.stream.write_all(bytes).await?;
            self.stream.flush().await
        };
        match timeout(self.options.write, written).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(End::Closed),
            Err(_) => Err(End::Stuck),
        }
    }

    async fn send_ping(&mut self) -> Result<(), End> {
        self.write(b"\r\n\r\n").await?;
        let (now, options) = (Instant::now(), self.options);
        if let Some(ping) = &mut self.ping {
            let pending = ping.pending.or(ping.is_answered.then_some(now + options.pong));
            *ping = Ping { pending, is_answered: ping.is_answered, ..Ping::new(now, options) };
        }
        Ok(())
    }

    /// When there is something to do next although nothing came, and what.
    fn deadline(&self) -> (Instant, Due) {
        let Options { idle, unfinished, .. } = *self.options;
        let idle = if self.silent.is_some() { idle.min(unfinished) } else { idle };
        let idle = (self.last + idle, Due::End("idle"));
        let begun = self.begun.map(|begun| (begun + unfinished, Due::End("the rest of a message")));
        let ping = self.ping.as_ref().map(|ping| (ping.next, Due::Ping));
        let pong = self.ping.as_ref().and_then(|ping| ping.pending).map(|until| (until, Due::End("no pong")));
        let all = [begun, ping, pong].into_iter().flatten();
        all.fold(idle, |soonest, other| if other.0 < soonest.0 { other } else { soonest })
    }
}

/// What a deadline asks for.
#[derive(Clone, Copy)]
enum Due {
    Ping,
    End(&'static str),
}

impl Ping {
    /// Four fifths to all of the interval, so that many connections do not ping at once.
    fn new(now: Instant, options: &Options) -> Ping {
        let next = now + options.ping.mul_f64(rand::rng().random_range(0.8..=1.0));
        Ping { next, pending: None, is_answered: false }
    }
}
