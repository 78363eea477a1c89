//! The settings as typed values, and their defaults.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use super::network::{Listen, PortRange};
use crate::account::{Cost, StoreUrl};
use crate::cidr::Cidr;
use crate::ivr::Confirm;
use crate::mail_server::MailServer;
use crate::number::{NumberError, PhoneNumber};
use crate::secret::Secret;
use crate::sip::digest::Algorithm;
use crate::sip::sdp::Srtp;

const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// All settings.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// `[sip]`: signalling.
    pub sip: Sip,
    /// `[rtp]`: media.
    pub rtp: Rtp,
    /// `[ivr]`: the conversation.
    pub ivr: Ivr,
    /// `[store]`: the account store.
    pub store: Store,
    /// `[site]`: the settings web site.
    pub site: Site,
    /// `[mail]`: mails to subscribers.
    pub mail: Mail,
    /// `[api]`: the local HTTP API.
    pub api: Api,
    /// `[limits]`: what the server accepts.
    pub limits: Limits,
    /// `[trace]`: the traces of calls.
    pub trace: Trace,
}

/// `[sip]`: signalling.
#[derive(Clone, Debug, PartialEq)]
pub struct Sip {
    /// Where to listen. Port 0 is a free one.
    pub listen: Vec<Listen>,
    /// The address by which others reach this server, where it differs from the one it listens on.
    pub advertise: Option<IpAddr>,
    /// The number that subscribers dial.
    pub service_number: PhoneNumber,
    /// Peers whose P-Asserted-Identity is believed.
    pub trusted_peers: Vec<Cidr>,
    /// Laboratory only: peers whose From is believed.
    pub trust_from: Vec<Cidr>,
    /// Whether a trusted peer's identity is used although the caller asked for privacy towards others (`Privacy: id`).
    pub accept_privacy_id: bool,
    /// Whether telephones may register, and callers without a trusted identity are challenged for their line's password.
    pub registrar: bool,
    /// The realm of line passwords; they must be set anew when it changes.
    pub realm: String,
    /// The digest algorithms that challenges offer, in this order; no other is accepted.
    pub digest_algorithms: Vec<Algorithm>,
    /// Further hosts that telephones may write after `@` in their user names.
    pub domains: Vec<String>,
    /// Whether a refused caller first hears the reason in early media.
    pub refuse_with_announcement: bool,
    /// Whether 180 (Ringing) precedes the answer; sent reliably to callers that support it (RFC 3262).
    pub ringing: bool,
    /// The certificate chain (PEM) for `tls:` listeners.
    pub certificate: Option<PathBuf>,
    /// Its private key (PEM).
    pub key: Option<PathBuf>,
    /// The authorities (PEM) trusted for outgoing TLS connections; the system's when `None`.
    pub ca: Option<PathBuf>,
    /// Close a stream connection after this long without traffic.
    pub idle_timeout: Duration,
}

/// `[rtp]`: media.
#[derive(Clone, Debug, PartialEq)]
pub struct Rtp {
    /// The addresses of the media sockets, at most one of each family: a call's are on that of its signalling, if there is one.
    pub listen: Vec<IpAddr>,
    /// The address by which others reach them, where it differs.
    pub advertise: Option<IpAddr>,
    /// Their ports; RTP takes an even one and RTCP the next.
    pub ports: PortRange,
    /// Whether media is encrypted.
    pub srtp: Srtp,
}

/// `[ivr]`: the conversation.
#[derive(Clone, Debug, PartialEq)]
pub struct Ivr {
    /// A folder of prompts in place of the built-in ones.
    pub prompts: Option<PathBuf>,
    /// How a password is confirmed.
    pub confirm: Confirm,
    /// The allowed number of digits of a temporary password.
    pub password_digits: RangeInclusive<u8>,
    /// From the end of a prompt to the first digit.
    pub first_digit_timeout: Duration,
    /// From one digit to the next.
    pub inter_digit_timeout: Duration,
    /// The number of invalid entries that ends the call.
    pub max_invalid: u32,
    /// The number of timeouts that ends the call.
    pub max_timeouts: u32,
}

/// `[store]`: the account store.
#[derive(Clone, Debug, PartialEq)]
pub struct Store {
    /// Where it is.
    pub url: StoreUrl,
    /// How long a write waits for other programs' writes.
    pub busy_timeout: Duration,
    /// What a password's hash costs.
    pub hash_cost: Cost,
}

/// `[site]`: the settings web site.
#[derive(Clone, Debug, PartialEq)]
pub struct Site {
    /// Where to listen. Port 0 is a free one.
    pub listen: SocketAddr,
    /// The site as links in mails name it: `https://settings.example.jp`; `None` is where it listens.
    pub url: Option<String>,
    /// Whether a proxy terminates TLS before this server: cookies are for TLS alone then, and browsers are told to use
    /// nothing else (RFC 6797).
    pub behind_tls: bool,
    /// The certificate chain (PEM); with it and its key the site is served over TLS.
    pub certificate: Option<PathBuf>,
    /// Its private key (PEM).
    pub key: Option<PathBuf>,
    /// Proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<Cidr>,
    /// The allowed length of an own password.
    pub password_length: RangeInclusive<u8>,
    /// Whether it must contain both letters and digits.
    pub password_letters_and_digits: bool,
    /// The validity of an own password, in days.
    pub password_days: u32,
    /// End a session after this long without a request.
    pub idle_timeout: Duration,
    /// The limit on login attempts a minute from one address.
    pub logins_per_minute: u32,
    /// The number of wrong passwords in a row that locks an account.
    pub lock_after: u32,
    /// The duration of that lock.
    pub lock_time: Duration,
}

/// `[mail]`: mails to subscribers.
#[derive(Clone, Debug, PartialEq)]
pub struct Mail {
    /// The mail server; without one, mails wait in the store.
    pub smtp: Option<MailServer>,
    /// The sender address: an address, or `Name <address>`.
    pub from: String,
    /// The user to log in as, where the mail server asks for one.
    pub user: Option<String>,
    /// That user's password.
    pub password: Option<Secret>,
}

/// `[api]`: the local HTTP API.
#[derive(Clone, Debug, PartialEq)]
pub struct Api {
    /// Where to listen, when there is a token. Port 0 is a free one.
    pub listen: SocketAddr,
    /// The bearer token of its callers; without one, there is no API.
    pub token: Option<Secret>,
}

/// `[limits]`: what the server accepts.
#[derive(Clone, Debug, PartialEq)]
pub struct Limits {
    /// Calls at once.
    pub calls: u32,
    /// Calls at once from one address.
    pub calls_per_peer: u32,
    /// Calls at once with one calling number.
    pub calls_per_line: u32,
    /// New calls a second from one address.
    pub invites_per_second_per_peer: u32,
    /// SIP transactions at once.
    pub transactions: u32,
    /// SIP transactions at once with one address.
    pub transactions_per_peer: u32,
    /// The percentage of calls, transactions and connections that only `trusted_peers` and `trust_from` may take.
    pub reserved_for_trusted: u32,
    /// Stream connections at once.
    pub connections: u32,
    /// Stream connections at once from one address.
    pub connections_per_peer: u32,
    /// Connections at once to the site, and as many to the local API.
    pub http_connections: u32,
    /// Of them, from one address.
    pub http_connections_per_peer: u32,
    /// The time limit for the head of a request.
    pub http_header_timeout: Duration,
    /// The time limit for the body of a request.
    pub http_body_timeout: Duration,
    /// The limit on the duration of a call.
    pub call_duration: Duration,
    /// How long running calls may continue after SIGTERM.
    pub drain: Duration,
    /// Threads that pace the media; 0 is one a processor.
    pub media_workers: u32,
    /// Threads that hash passwords.
    pub hash_workers: u32,
}

/// `[trace]`: the traces of calls.
#[derive(Clone, Debug, PartialEq)]
pub struct Trace {
    /// Where; without it nothing is kept.
    pub folder: Option<PathBuf>,
    /// The limit on one call's trace, in MiB.
    pub call_mib: u32,
    /// The limit on all traces together, in MiB.
    pub total_mib: u32,
    /// The limit on the number of files.
    pub files: u32,
}

/// What the flags of the command line say; each wins over the environment and the file.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Overrides {
    /// `--sip`: listen there for UDP and TCP.
    pub sip: Option<SocketAddr>,
    /// `--rtp-ports`.
    pub rtp_ports: Option<PortRange>,
    /// `--site`.
    pub site: Option<SocketAddr>,
    /// `--db`.
    pub db: Option<PathBuf>,
    /// `--trace`.
    pub trace: Option<PathBuf>,
    /// `--demo`: From is believed on loopback.
    pub demo: bool,
}

impl Config {
    /// The defaults: a server on loopback.
    pub fn standard() -> Result<Config, NumberError> {
        Ok(Config {
            sip: Sip::standard()?,
            rtp: Rtp::standard(),
            ivr: Ivr::standard(),
            store: Store::standard(),
            site: Site::standard(),
            mail: Mail::standard(),
            api: Api::standard(),
            limits: Limits::standard(),
            trace: Trace::standard(),
        })
    }
}

impl Sip {
    fn standard() -> Result<Sip, NumberError> {
        Ok(Sip {
            listen: Listen::datagram_and_stream(SocketAddr::new(LOOPBACK, 5060)),
            advertise: None,
            service_number: PhoneNumber::parse("0664806430")?,
            trusted_peers: Vec::new(),
            trust_from: Vec::new(),
            accept_privacy_id: true,
            registrar: true,
            realm: "karipass".to_owned(),
            digest_algorithms: Algorithm::ALL.to_vec(),
            domains: Vec::new(),
            refuse_with_announcement: false,
            ringing: false,
            certificate: None,
            key: None,
            ca: None,
            idle_timeout: Duration::from_secs(15 * 60),
        })
    }
}

impl Rtp {
    fn standard() -> Rtp {
        Rtp { listen: vec![LOOPBACK], advertise: None, ports: PortRange::STANDARD, srtp: Srtp::Offered }
    }
}

impl Ivr {
    fn standard() -> Ivr {
        Ivr {
            prompts: None,
            confirm: Confirm::ReadBack,
            password_digits: 4..=8,
            first_digit_timeout: Duration::from_secs(10),
            inter_digit_timeout: Duration::from_secs(5),
            max_invalid: 3,
            max_timeouts: 3,
        }
    }
}

impl Store {
    fn standard() -> Store {
        Store { url: StoreUrl::file("karipass.db"), busy_timeout: Duration::from_secs(30), hash_cost: Cost::default() }
    }
}

impl Site {
    fn standard() -> Site {
        Site {
            listen: SocketAddr::new(LOOPBACK, 8080),
            url: None,
            behind_tls: false,
            certificate: None,
            key: None,
            trusted_proxies: Vec::new(),
            password_length: 8..=64,
            password_letters_and_digits: true,
            password_days: 60,
            idle_timeout: Duration::from_secs(15 * 60),
            logins_per_minute: 60,
            lock_after: 3,
            lock_time: Duration::from_secs(10 * 60),
        }
    }
}

impl Mail {
    fn standard() -> Mail {
        Mail { smtp: None, from: "karipass@localhost".to_owned(), user: None, password: None }
    }
}

impl Api {
    fn standard() -> Api {
        Api { listen: SocketAddr::new(LOOPBACK, 8081), token: None }
    }
}

impl Limits {
    fn standard() -> Limits {
        Limits {
            calls: 1000,
            calls_per_peer: 800,
            calls_per_line: 10,
            invites_per_second_per_peer: 1000,
            transactions: 80_000,
            transactions_per_peer: 60_000,
            reserved_for_trusted: 25,
            connections: 1000,
            connections_per_peer: 100,
            http_connections: 512,
            http_connections_per_peer: 64,
            http_header_timeout: Duration::from_secs(15),
            http_body_timeout: Duration::from_secs(60),
            call_duration: Duration::from_secs(600),
            drain: Duration::from_secs(30),
            media_workers: 0,
            hash_workers: 2,
        }
    }
}

impl Trace {
    fn standard() -> Trace {
        Trace { folder: None, call_mib: 16, total_mib: 1024, files: 10_000 }
    }
}
