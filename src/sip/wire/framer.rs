//! A stream of bytes → messages (RFC 3261 §18.3, keep-alives of RFC 5626 §3.5.1).

/// Collects a connection's bytes and hands out whole messages.
#[derive(Debug, Default)]
pub struct Framer {
    buffer: Vec<u8>,
}

/// What a stream carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Framed {
    /// The bytes of one message, for [`parse`](super::parse).
    Message(Vec<u8>),
    /// A double CRLF between messages: to be answered with a single one.
    KeepAlive,
}

/// Where the next message starts can no longer be told: the connection is to be closed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// More than 64 KiB, or a Content-Length that says so.
    #[error("message longer than 64 KiB")]
    TooLarge,
    /// Content-Length is missing, repeated with another value, or no number. The header is there to answer with.
    #[error("Content-Length missing or malformed")]
    ContentLength(Vec<u8>),
}

impl Framer {
    /// Takes bytes as they come in.
    pub fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// The next message or keep-alive, if it is whole.
    #[allow(clippy::should_implement_trait)]
    pub fn next(&mut self) -> Option<Result<Framed, FrameError>> {
        None
    }
}
