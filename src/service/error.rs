//! Why a service does not start, and how it ends.

use std::io;
use std::net::SocketAddr;

use crate::account::StoreError;
use crate::audio::prompt::BankError;
use crate::net::tls::TlsError;
use crate::server;
use crate::site;

/// Why a service does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The system allows too few open files.
    #[error(
        "the system allows {allowed} open files, too few for a single call; allow {wanted} with `ulimit -n`, or with \
         LimitNOFILE= in the unit of systemd"
    )]
    Descriptors {
        /// What is allowed.
        allowed: u32,
        /// What the configuration needs.
        wanted: u32,
    },
    /// A certificate cannot be used.
    #[error("{section}: {why}")]
    Certificate {
        /// The section of the configuration that names it.
        section: &'static str,
        /// What is wrong with it.
        why: TlsError,
    },
    /// The authorities of `sip.ca`, or the system's, cannot be used.
    #[error(transparent)]
    Authorities(TlsError),
    /// The prompts cannot be used.
    #[error(transparent)]
    Prompts(#[from] BankError),
    /// The account store cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The server of calls does not start.
    #[error(transparent)]
    Calls(#[from] server::StartError),
    /// The settings site does not start.
    #[error(transparent)]
    Site(#[from] site::StartError),
    /// The local API cannot listen.
    #[error("cannot listen on http {address}: {why}; see api.listen")]
    Api {
        /// The address.
        address: SocketAddr,
        /// The system's words.
        why: io::Error,
    },
    /// A thread cannot be started.
    #[error("cannot start a thread: {0}")]
    Thread(io::Error),
}

/// How a service ended.
#[derive(Debug)]
pub enum Ended {
    /// It was asked to stop.
    Asked,
    /// Its account store was moved, removed or replaced while it ran. It may be started again.
    StoreLost(StoreError),
}

impl StartError {
    /// Whether a resource is missing or fails; otherwise the store refuses what was asked.
    pub fn is_resource(&self) -> bool {
        match self {
            StartError::Store(error) => error.is_resource(),
            StartError::Descriptors { .. }
            | StartError::Certificate { .. }
            | StartError::Authorities(_)
            | StartError::Prompts(_)
            | StartError::Calls(_)
            | StartError::Site(_)
            | StartError::Api { .. }
            | StartError::Thread(_) => true,
        }
    }
}
