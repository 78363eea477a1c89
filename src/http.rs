//! HTTP at the edge, for the site and the local API: a limit of connections in all and from one address, and none that keeps
//! its place by sending or reading slowly, since all of them take the file descriptors that calls need too.
//!
//! ```text
//! accept ──▶ place (in all, of this address) ──▶ TLS handshake ──▶ head ──▶ body ──▶ router ──▶ answer ──▶ next head …
//!                                               └ header_timeout ┘        └ body_timeout ┘      └ STALL ┘
//! ```
//!
//! Every deadline is counted from the beginning of what it is for, not from the last byte: a byte now and then wins no time.
//!
//! Queue: when there are too many connections in all, new ones wait in the system's backlog; one too many of an address is
//! closed at once.
//!
//! Architecture invariant: nothing here knows a page or a resource; what a request means is the router's.

use std::collections::HashMap;
use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpListener;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot, watch};
use tokio::time::{Instant, Sleep, sleep, timeout};
use tokio_rustls::TlsAcceptor;

use crate::cidr::Cidr;

/// How long requests in progress may go on when the server is stopped.
pub const LAST_WORDS: Duration = Duration::from_secs(2);
/// The limit on waiting for the next bytes of an answer to be read.
const STALL: Duration = Duration::from_secs(30);
/// Of the head of a request, and of what is read at once.
const BUFFER: usize = 64 * 1024;
/// The pause when no connection can be accepted, for want of descriptors for example.
const BREATHER: Duration = Duration::from_millis(500);

/// What connections may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Connections at once.
    pub connections: usize,
    /// Connections at once from one address: of IPv6, from one /64.
    pub connections_per_peer: usize,
    /// For the TLS handshake, and for the head of a request from the connection's beginning or the answer before.
    pub header_timeout: Duration,
    /// For the body of a request.
    pub body_timeout: Duration,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            connections: 512,
            connections_per_peer: 64,
            header_timeout: Duration::from_secs(15),
            body_timeout: Duration::from_secs(60),
        }
    }
}

/// How a server is reached, and what its connections may take.
pub struct Options {
    /// Its certificate, where it speaks TLS itself.
    pub tls: Option<Arc<ServerConfig>>,
    /// What connections may take.
    pub limits: Limits,
    /// Proxies: they bring the requests of many, so the limit of one address does not apply.
    pub proxies: Vec<Cidr>,
}

/// The other end of a connection, as an extension of every request.
#[derive(Clone, Copy, Debug)]
pub struct Peer(pub SocketAddr);

/// Serves until `stopped` is sent or dropped; then requests in progress have [`LAST_WORDS`].
pub async fn serve(listener: TcpListener, options: Options, router: Router, stopped: oneshot::Receiver<()>) {
    let Options { tls, limits, proxies } = options;
    let places = Places::new(limits, proxies);
    let acceptor = tls.map(TlsAcceptor::from);
    let (stop, stopping) = watch::channel(false);
    let accept = async {
        loop {
            // the semaphore is never closed
            let Ok(place) = Arc::clone(&places.all).acquire_owned().await else { return };
            let (stream, peer) = match listener.accept().await {
                Ok(accepted) => accepted,
                Err(error) => {
                    tracing::debug!(%error, "accept failed");
                    sleep(BREATHER).await;
                    continue;
                }
            };
            let Some(place) = places.take(place, peer.ip()) else {
                tracing::debug!(from = %peer.ip(), "connection closed: limit of its address reached");
                continue;
            };
            // small answers are not to wait for more to send
            let _ = stream.set_nodelay(true);
            let (router, acceptor, stopping) = (router.clone(), acceptor.clone(), stopping.clone());
            tokio::spawn(async move {
                let _place = place;
                match acceptor {
                    None => connection(stream, peer, limits, STALL, router, stopping).await,
                    Some(acceptor) => {
                        // nothing is logged of those that fail: strangers try all sorts of things, in any number
                        if let Ok(Ok(stream)) = timeout(limits.header_timeout, acceptor.accept(stream)).await {
                            connection(stream, peer, limits, STALL, router, stopping).await;
                        }
                    }
                }
            });
        }
    };
    tokio::select! {
        () = accept => {}
        // a dropped handle stops as well
        _ = stopped => {}
    }
    drop(listener);
    let _ = stop.send(true);
    let everybody = u32::try_from(limits.connections).unwrap_or(u32::MAX);
    let _ = timeout(LAST_WORDS, places.all.acquire_many(everybody)).await;
}

/// One connection, from its first byte of HTTP to its end.
async fn connection<S>(
    stream: S,
    peer: SocketAddr,
    limits: Limits,
    stall: Duration,
    router: Router,
    mut stopping: watch::Receiver<bool>,
) where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let router = TowerToHyperService::new(router);
    let service = service_fn(move |mut request: hyper::Request<Incoming>| {
        request.extensions_mut().insert(Peer(peer));
        router.call(request.map(|body| Timely::new(body, limits.body_timeout)))
    });
    let stream = TokioIo::new(Unstalled { stream, stall, waiting: None });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.header_timeout)
        .max_buf_size(BUFFER)
        .serve_connection(stream, service);
    tokio::pin!(connection);
    let stop = async {
        // a server that is gone without a word has stopped as well
        drop(stopping.wait_for(|stopping| *stopping).await);
    };
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = stop => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(from = %peer.ip(), %error, "connection failed");
    }
}

/// Places for connections.
struct Places {
    all: Arc<Semaphore>,
    a_peer: usize,
    proxies: Vec<Cidr>,
    taken: Taken,
}

/// The number taken by each address.
type Taken = Arc<Mutex<HashMap<IpAddr, usize>>>;

/// A connection's place; it is free again when this is dropped.
struct Place {
    _of_all: OwnedSemaphorePermit,
    of_peer: Option<(Taken, IpAddr)>,
}

impl Places {
    fn new(limits: Limits, proxies: Vec<Cidr>) -> Places {
        let all = Arc::new(Semaphore::new(limits.connections));
        Places { all, a_peer: limits.connections_per_peer, proxies, taken: Taken::default() }
    }

    /// A place, unless the address has as many as it may have.
    fn take(&self, of_all: OwnedSemaphorePermit, peer: IpAddr) -> Option<Place> {
        if self.proxies.iter().any(|network| network.contains(peer)) {
            return Some(Place { _of_all: of_all, of_peer: None });
        }
        let network = network_of(peer);
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let count = taken.entry(network).or_default();
        if *count >= self.a_peer {
            return None;
        }
        *count += 1;
        Some(Place { _of_all: of_all, of_peer: Some((Arc::clone(&self.taken), network)) })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let Some((taken, network)) = self.of_peer.take() else { return };
        let mut taken = taken.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = taken.get_mut(&network) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                taken.remove(&network);
            }
        }
    }
}

/// One subscriber has a whole /64 of IPv6 addresses to come from.
pub fn network_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => IpAddr::V6((u128::from(address) >> 64 << 64).into()),
    }
}

/// A body that has to be there in time.
struct Timely {
    body: Incoming,
    deadline: Pin<Box<Sleep>>,
}

impl Timely {
    fn new(body: Incoming, time: Duration) -> Timely {
        Timely { body, deadline: Box::pin(sleep(time)) }
    }
}

impl Body for Timely {
    type Data = Bytes;
    type Error = Box<dyn std::error::Error + Send + Sync>;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Box<dyn std::error::Error + Send + Sync>>>> {
        if !self.body.is_end_stream() && self.deadline.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Some(Err(io::Error::from(io::ErrorKind::TimedOut).into())));
        }
        Pin::new(&mut self.body).poll_frame(cx).map(|frame| frame.map(|frame| frame.map_err(Into::into)))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// A stream whose other end has to take what is written to it.
struct Unstalled<S> {
    stream: S,
    stall: Duration,
    /// Since something waits to be taken.
    waiting: Option<Pin<Box<Sleep>>>,
}

impl<S> Unstalled<S> {
    /// The result of a write; when there is none for too long, an error.
    fn in_time<T>(&mut self, cx: &mut Context<'_>, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.waiting = None;
            return written;
        }
        let deadline = Instant::now() + self.stall;
        let waiting = self.waiting.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(deadline)));
        waiting.as_mut().poll(cx).map(|()| Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Unstalled<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Unstalled<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.in_time(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        self.in_time(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(cx);
        self.in_time(cx, flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let closed = Pin::new(&mut self.stream).poll_shutdown(cx);
        self.in_time(cx, closed)
    }
}

#[cfg(test)]
mod tests;
