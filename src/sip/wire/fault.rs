//! Faults of a message, and of one of its header fields.

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
