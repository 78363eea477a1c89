//! How an endpoint behaves: set before it starts, or while it runs.

use std::net::SocketAddr;
use std::time::Duration;

use crate::lock::Lock;
use crate::sip::digest::Algorithm;
use crate::sip::flow::Transport;
use crate::sip::registrar::Limits;
use crate::sip::timer::Table;

/// How an [`Endpoint`](super::Endpoint) behaves.
#[derive(Clone, Debug)]
pub struct Config {
    /// The value of Server and User-Agent.
    pub user_agent: String,
    /// The number that is called: the user part of the Request-URI. Telephone numbers compare in their canonical form,
    /// so `+81664806430` calls `0664806430`.
    pub service_user: String,
    /// Whether any other user part is accepted as well; otherwise it gets 404.
    pub any_user: bool,
    /// A registrar, which also asks callers for their passwords; without one REGISTER gets 405.
    pub registrar: Option<RegistrarConfig>,
    /// Where we are listening, as others reach us. A request that leaves by another transport than the one its call came
    /// by names the address in here, if there is one.
    pub listening: Vec<(Transport, SocketAddr)>,
    /// T1, T2 and T4.
    pub timers: Table,
    /// The session interval (RFC 4028) that is asked for where the other side asks for none, and the longest that is
    /// agreed to. With `None` session timers run only where the other side asks, for as long as it asks.
    pub session_expires: Option<Duration>,
    /// The shortest session interval that is agreed to; shorter ones get 422 with Min-SE. RFC 4028 forbids less than 90 s.
    pub min_session_expires: Duration,
    /// The time limit for an answer: an incoming call without the application's gets 480, an outgoing one without the far
    /// end's is cancelled.
    pub setup_limit: Duration,
    /// Calls at a time, both ways together; further ones get 503.
    pub max_calls: usize,
    /// Transactions at a time. Requests outside a dialog get 503 when seven eighths are taken, so that running calls can
    /// still end.
    pub max_transactions: usize,
    /// Transactions at a time with one address, for requests outside a dialog.
    pub max_transactions_per_peer: usize,
    /// The percentage of calls and transactions that peers take no part of which are not trusted, though they have proved their line.
    pub reserved: usize,
    /// What Retry-After says when a table is full.
    pub retry_after: Duration,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            user_agent: concat!("karipass/", env!("CARGO_PKG_VERSION")).to_owned(),
            service_user: "0664806430".to_owned(),
            any_user: false,
            registrar: None,
            listening: Vec::new(),
            timers: Table::default(),
            session_expires: None,
            min_session_expires: Duration::from_secs(90),
            setup_limit: Duration::from_secs(180),
            max_calls: 2_000,
            max_transactions: 80_000,
            max_transactions_per_peer: 60_000,
            reserved: 25,
            retry_after: Duration::from_secs(5),
        }
    }
}

/// How a registrar behaves.
#[derive(Clone, Debug)]
pub struct RegistrarConfig {
    /// The realm of the passwords.
    pub realm: String,
    /// The digest algorithms, in order of preference.
    pub algorithms: Vec<Algorithm>,
    /// When wrong passwords lock.
    pub lock: Lock,
    /// How long bindings live.
    pub limits: Limits,
}

/// Whether new calls are let in. Running calls go on in any case.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Admission {
    /// They are.
    #[default]
    Open,
    /// The server is about to stop: INVITE and OPTIONS get 503.
    Draining {
        /// When the caller may try again.
        retry_after: Duration,
    },
    /// There is no room: INVITE and OPTIONS get 503.
    Full {
        /// When the caller may try again.
        retry_after: Duration,
    },
}
