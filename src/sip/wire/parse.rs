//! Bytes → message.

use super::error::{Fault, ParseError};
use crate::sip::message::Message;

/// Reads one message: a datagram, or what a [`Framer`](super::Framer) cut out of a stream.
///
/// Bytes after the body are ignored (RFC 3261 §18.3).
pub fn parse(_bytes: &[u8]) -> Result<Message, ParseError> {
    Err(ParseError::Drop(Fault::StartLine))
}
