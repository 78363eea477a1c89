//! Faults of incoming bytes on two levels: to be dropped, or to be answered.

use super::fault::Fault;
use crate::sip::message::{Headers, Method};

/// Why bytes are no message.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// Nothing that can be answered: count it and forget it.
    #[error("not a SIP message that can be answered: {0}")]
    Drop(#[source] Fault),
    /// A request that is wrong, but says enough to be answered.
    #[error("request to be answered with {}: {}", .0.status, .0.fault)]
    Reject(Box<Reject>),
}

/// A wrong request, with all that an answer needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reject {
    /// The status to answer with: 400, 413, 416, 505.
    pub status: u16,
    /// What is wrong; its text fits a reason phrase or a Warning.
    pub fault: Fault,
    /// The method as far as it could be read. Never ACK: a wrong ACK is dropped.
    pub method: Method,
    /// All header fields that could be read, unchecked. There is a Via among them, but it may be malformed: answer to
    /// where the bytes came from.
    pub headers: Headers,
}
