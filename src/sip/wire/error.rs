//! What can be wrong with bytes that come in, on two levels: to be dropped, or to be answered.

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

/// A wrong request, with what is needed to answer it.
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

/// What is wrong with a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The first line is neither a request line nor a status line.
    #[error("Malformed Start Line")]
    StartLine,
    /// The Request-URI cannot be read, or holds what a Request-URI must not.
    #[error("Malformed Request-URI")]
    RequestUri,
    /// The Request-URI's scheme is none of sip, sips, tel.
    #[error("Unsupported URI Scheme")]
    Scheme,
    /// Not SIP/2.0.
    #[error("Version Not Supported")]
    Version,
    /// A header line without a colon or with a name that is no token.
    #[error("Malformed Header Line")]
    HeaderLine,
    /// The empty line after the header fields is missing.
    #[error("Missing End Of Header")]
    Unterminated,
    /// A header field is missing or malformed.
    #[error(transparent)]
    Field(#[from] FieldError),
    /// The method of CSeq is not that of the request line.
    #[error("CSeq Method Mismatch")]
    CSeqMethod,
    /// Fewer bytes than Content-Length says.
    #[error("Body Shorter Than Content-Length")]
    ShortBody,
    /// More than 64 KiB.
    #[error("Message Too Large")]
    TooLarge,
}

/// What is wrong with one header field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FieldError {
    /// It is not there.
    #[error("Missing {0} Header")]
    Missing(&'static str),
    /// It is there, but its value cannot be read.
    #[error("Malformed {0} Header")]
    Malformed(&'static str),
    /// It is there more than once, but must not be.
    #[error("Repeated {0} Header")]
    Repeated(&'static str),
    /// A URI cannot be read.
    #[error("Malformed URI")]
    Uri,
}
