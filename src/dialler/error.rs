//! Why a dialler cannot call.

use std::io;

use crate::net::tls::{self, TlsError};
use crate::sip::endpoint::CommandError;

/// Why a dialler cannot call.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Nothing answers there.
    #[error("cannot call {to}: {why}")]
    Unreachable {
        /// Whom.
        to: String,
        /// The system's words.
        why: io::Error,
    },
    /// The connection that carries the signalling broke, and cannot be made again.
    #[error("{to}: the connection broke: {why}")]
    Broken {
        /// Whom.
        to: String,
        /// The system's words.
        why: io::Error,
    },
    /// There are no sockets for a call's media.
    #[error("no ports for media: {0}")]
    Ports(io::Error),
    /// The endpoint cannot do that now.
    #[error(transparent)]
    Command(#[from] CommandError),
    /// The observer wants no more.
    #[error("the observer ended the calls")]
    Ended,
}

impl Error {
    /// Whether the service shows a certificate that is not to be believed.
    pub fn is_disbelieved(&self) -> bool {
        match self {
            Error::Unreachable { why, .. } | Error::Broken { why, .. } => tls::is_disbelieved(why),
            Error::Ports(_) | Error::Command(_) | Error::Ended => false,
        }
    }
}

/// Why a place cannot be called.
#[derive(Debug, thiserror::Error)]
pub enum CalleeError {
    /// Another scheme than `sip:` and `sips:`.
    #[error("{0} cannot be called: write sip:NUMBER@HOST:PORT")]
    Scheme(String),
    /// `sips:` over something else.
    #[error("{to} is called over TLS alone, not {transport}")]
    NotSecure {
        /// Whom.
        to: String,
        /// Over what.
        transport: String,
    },
    /// A transport that is none of ours.
    #[error("{to}: {transport} is not supported; use udp, tcp or tls")]
    Transport {
        /// Whom.
        to: String,
        /// Over what.
        transport: String,
    },
    /// The authorities cannot be used.
    #[error(transparent)]
    Authorities(#[from] TlsError),
    /// The host is not known.
    #[error("{host}: {why}")]
    Unresolved {
        /// The host.
        host: String,
        /// The system's words.
        why: io::Error,
    },
    /// The host has no address.
    #[error("{0}: no address")]
    NoAddress(String),
}

impl CalleeError {
    /// Whether a resource is missing; otherwise what was asked makes no sense.
    pub fn is_resource(&self) -> bool {
        match self {
            CalleeError::Authorities(_) | CalleeError::Unresolved { .. } | CalleeError::NoAddress(_) => true,
            CalleeError::Scheme(_) | CalleeError::NotSecure { .. } | CalleeError::Transport { .. } => false,
        }
    }
}
