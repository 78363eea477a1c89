//! The site's connections: so many at once, and none that says nothing for long, so that nobody holds all of the server's
//! file descriptors, which calls need too.
//!
//! Queue: when there are too many connections, new ones wait in the system's backlog.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, Sleep, sleep};
use tokio_rustls::server::TlsStream;
use tokio_rustls::{Accept, TlsAcceptor};

/// Connections at once.
const CONNECTIONS: usize = 512;
/// A connection that sends nothing for so long is closed.
const SILENCE: Duration = Duration::from_secs(60);

pub(super) struct Limited {
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    places: Arc<Semaphore>,
}

impl Limited {
    pub(super) fn new(listener: TcpListener, tls: Option<Arc<ServerConfig>>) -> Limited {
        Limited { listener, tls: tls.map(TlsAcceptor::from), places: Arc::new(Semaphore::new(CONNECTIONS)) }
    }
}

impl Listener for Limited {
    type Io = Connection;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Connection, SocketAddr) {
        // the semaphore is never closed
        let place = Arc::clone(&self.places).acquire_owned().await.ok();
        let (stream, peer) = Listener::accept(&mut self.listener).await;
        let stream = match &self.tls {
            Some(tls) => Stream::Greeting(Box::new(tls.accept(stream))),
            None => Stream::Plain(stream),
        };
        (Connection { stream, silence: Box::pin(sleep(SILENCE)), _place: place }, peer)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// The address that a request comes from.
#[derive(Clone, Copy)]
pub(super) struct Peer(pub(super) SocketAddr);

impl Connected<IncomingStream<'_, Limited>> for Peer {
    fn connect_info(stream: IncomingStream<'_, Limited>) -> Peer {
        Peer(*stream.remote_addr())
    }
}

pub(super) struct Connection {
    stream: Stream,
    silence: Pin<Box<Sleep>>,
    _place: Option<OwnedSemaphorePermit>,
}

/// What bytes go through. A handshake belongs to its connection: the next one is accepted meanwhile.
enum Stream {
    Plain(TcpStream),
    Greeting(Box<Accept<TcpStream>>),
    Tls(Box<TlsStream<TcpStream>>),
}

/// Something to read from and write to.
trait Duplex: AsyncRead + AsyncWrite + Unpin {}
impl<T: AsyncRead + AsyncWrite + Unpin> Duplex for T {}

impl Connection {
    /// The stream, when its handshake is over.
    fn ready(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Pin<&mut dyn Duplex>>> {
        if let Stream::Greeting(greeting) = &mut self.stream {
            match Pin::new(greeting.as_mut()).poll(cx) {
                Poll::Ready(stream) => self.stream = Stream::Tls(Box::new(stream?)),
                Poll::Pending => return Poll::Pending,
            }
        }
        Poll::Ready(match &mut self.stream {
            Stream::Plain(stream) => Ok(Pin::new(stream)),
            Stream::Tls(stream) => Ok(Pin::new(stream.as_mut())),
            Stream::Greeting(_) => Err(io::ErrorKind::NotConnected.into()),
        })
    }
}

impl AsyncRead for Connection {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let read = match this.ready(cx) {
            Poll::Ready(stream) => stream?.poll_read(cx, buffer),
            Poll::Pending => Poll::Pending,
        };
        match read {
            Poll::Ready(done) => {
                this.silence.as_mut().reset(Instant::now() + SILENCE);
                Poll::Ready(done)
            }
            Poll::Pending => match this.silence.as_mut().poll(cx) {
                Poll::Ready(()) => Poll::Ready(Err(io::ErrorKind::TimedOut.into())),
                Poll::Pending => Poll::Pending,
            },
        }
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        ready!(self.ready(cx))?.poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.ready(cx))?.poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.stream {
            // there is nobody to say goodbye to
            Stream::Greeting(_) => Poll::Ready(Ok(())),
            Stream::Plain(_) | Stream::Tls(_) => ready!(self.ready(cx))?.poll_shutdown(cx),
        }
    }
}
