//! A stream of bytes → messages (RFC 3261 §18.3) and keep-alives (RFC 5626 §3.5.1).

use super::fault::FieldError;
use super::{MAX_MESSAGE, head, names};

/// Collects a connection's bytes and hands out whole messages, as an iterator that may go on after it said `None`.
///
/// It holds no more than 64 KiB and what the last [`push`](Framer::push) brought.
#[derive(Debug, Default)]
pub struct Framer {
    buffer: Vec<u8>,
    /// How far `buffer` has been handed out.
    start: usize,
    /// How far behind `start` there is no empty line.
    searched: usize,
    /// How long the message at `start` is, once its head is there.
    length: Option<usize>,
    /// A single line break between messages is the answer to a keep-alive of ours.
    expects_pongs: bool,
    failed: bool,
}

/// The content of a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Framed {
    /// The bytes of one message, for [`parse`](fn@super::parse).
    Message(Vec<u8>),
    /// A double CRLF between messages: to be answered with a single one.
    KeepAlive,
    /// A single CRLF between messages, where keep-alives are answered (RFC 5626 §4.4.1).
    Pong,
}

/// The start of the next message is lost: nothing more will come out, and the connection is to be closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// A message of more than 64 KiB, or one that announces to be.
    #[error("message longer than 64 KiB")]
    TooLarge,
    /// The length of the body is not known.
    #[error(transparent)]
    ContentLength(#[from] FieldError),
}

impl Framer {
    /// For the side that sends keep-alives: single line breaks are the answers to them.
    pub fn expecting_pongs() -> Framer {
        Framer { expects_pongs: true, ..Framer::default() }
    }

    /// Whether a message has begun and its end is not there.
    pub fn is_within_message(&self) -> bool {
        !matches!(self.rest(), [] | [b'\r' | b'\n', ..])
    }

    /// Takes bytes as they come in.
    pub fn push(&mut self, bytes: &[u8]) {
        if self.failed {
            return;
        }
        self.buffer.drain(..self.start);
        self.start = 0;
        self.buffer.extend_from_slice(bytes);
    }

    /// Skips what may stand between messages: a keep-alive, or line breaks without meaning.
    fn between_messages(&mut self) -> Option<Framed> {
        loop {
            let skipped = match self.rest() {
                [b'\r', b'\n', ..] if self.expects_pongs => {
                    self.start += 2;
                    return Some(Framed::Pong);
                }
                [b'\r', b'\n', b'\r', b'\n', ..] => {
                    self.start += 4;
                    return Some(Framed::KeepAlive);
                }
                // it may become a keep-alive
                [b'\r', b'\n'] | [b'\r', b'\n', b'\r'] => return None,
                [b'\r', b'\n', ..] => 2,
                [b'\n', ..] => 1,
                _ => return None,
            };
            self.start += skipped;
        }
    }

    fn message(&mut self) -> Result<Option<Framed>, FrameError> {
        if self.length.is_none() {
            self.length = self.message_length()?;
        }
        let Some(length) = self.length else { return Ok(None) };
        let Some(message) = self.rest().get(..length).map(<[u8]>::to_vec) else { return Ok(None) };
        self.start += length;
        (self.searched, self.length) = (0, None);
        Ok(Some(Framed::Message(message)))
    }

    /// Head and body together, once the head is there.
    fn message_length(&mut self) -> Result<Option<usize>, FrameError> {
        let rest = self.rest();
        let Some(body) = head::end(rest, self.searched) else {
            if rest.len() > MAX_MESSAGE {
                return Err(FrameError::TooLarge);
            }
            // the empty line may have begun in the last three bytes
            self.searched = rest.len().saturating_sub(3);
            return Ok(None);
        };
        let length = body.checked_add(content_length(rest.get(..body).unwrap_or_default())?);
        length.filter(|&length| length <= MAX_MESSAGE).map(Some).ok_or(FrameError::TooLarge)
    }

    fn rest(&self) -> &[u8] {
        self.buffer.get(self.start..).unwrap_or_default()
    }
}

impl Iterator for Framer {
    type Item = Result<Framed, FrameError>;

    /// The next keep-alive or message, if it is there as a whole.
    fn next(&mut self) -> Option<Result<Framed, FrameError>> {
        if self.searched == 0
            && let Some(keep_alive) = self.between_messages()
        {
            return Some(Ok(keep_alive));
        }
        let framed = self.message().transpose();
        if let Some(Err(_)) = framed {
            *self = Framer { failed: true, ..Framer::default() };
        }
        framed
    }
}

/// In a stream nothing else marks the end of a message, so the field must be there (RFC 3261 §18.3).
fn content_length(head: &[u8]) -> Result<usize, FieldError> {
    let lines = head::lines(head);
    let fields = lines.iter().filter_map(|line| head::field(line));
    let lengths = fields.filter(|(name, _)| names::full(name).eq_ignore_ascii_case("Content-Length"));
    head::content_length(lengths.map(|(_, value)| value))?.ok_or(FieldError::Missing("Content-Length"))
}

#[cfg(test)]
mod tests;
