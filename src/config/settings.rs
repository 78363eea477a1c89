//! The settings, as typed values, and what they are when nobody configured them.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use super::network::{Listen, PortRange};
use crate::account::Cost;
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
    /// `[limits]`: how much is taken on.
    pub limits: Limits,
    /// `[trace]`: what is kept of each call's messages.
    pub trace: Trace,
}

/// `[sip]`: signalling.
#[derive(Clone, Debug, PartialEq)]
pub struct Sip {
    /// Where to listen. Port 0 is a free one.
    pub listen: Vec<Listen>,
    /// The address that others reach this server by, where it is not the one it listens on.
    pub advertise: Option<IpAddr>,
    /// The number that subscribers dial.
    pub service_number: PhoneNumber,
    /// P-Asserted-Identity is believed from these.
    pub trusted_peers: Vec<Cidr>,
    /// Lab only: From is believed from these.
    pub trust_from: Vec<Cidr>,
    /// Whether a trusted peer's identity is used although the caller asked for privacy towards others (`Privacy: id`).
    pub accept_privacy_id: bool,
    /// Whether telephones may register, and callers that nothing else is believed of are asked for their line's password.
    pub registrar: bool,
    /// What line passwords are for; they have to be set anew when it changes.
    pub realm: String,
    /// What challenges offer to prove passwords with, in this order; nothing else is taken.
    pub digest_algorithms: Vec<Algorithm>,
    /// Further hosts that telephones may write behind `@` in their user names.
    pub domains: Vec<String>,
    /// Whether a caller who is refused hears the reason in early media first.
    pub refuse_with_announcement: bool,
    /// Whether a call is said to ring (180) before it is answered; reliably to callers that support that.
    pub ringing: bool,
    /// The certificate chain (PEM) for `tls:` listeners.
    pub certificate: Option<PathBuf>,
    /// Its private key (PEM).
    pub key: Option<PathBuf>,
    /// The authorities (PEM) that vouch for the TLS servers this server connects to; those of the system when `None`.
    pub ca: Option<PathBuf>,
    /// A stream connection on which nothing goes for so long is closed.
    pub idle_timeout: Duration,
}

/// `[rtp]`: media.
#[derive(Clone, Debug, PartialEq)]
pub struct Rtp {
    /// The addresses of the media sockets, at most one of each family: a call's are on that of its signalling, if there is one.
    pub listen: Vec<IpAddr>,
    /// The address that others reach them by, where it is another.
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
    /// The fewest and the most digits of a temporary password.
    pub password_digits: (u8, u8),
    /// From the end of a prompt to the first digit.
    pub first_digit_timeout: Duration,
    /// From one digit to the next.
    pub inter_digit_timeout: Duration,
    /// So many invalid entries end the call.
    pub max_invalid: u32,
    /// So many timeouts end the call.
    pub max_timeouts: u32,
}

/// `[store]`: the account store.
#[derive(Clone, Debug, PartialEq)]
pub struct Store {
    /// The SQLite file.
    pub path: PathBuf,
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
    /// Whether browsers come over TLS that something before this server ends: cookies are for TLS alone then, and browsers
    /// are told never to come without.
    pub behind_tls: bool,
    /// The certificate chain (PEM); with it and its key the site is served over TLS.
    pub certificate: Option<PathBuf>,
    /// Its private key (PEM).
    pub key: Option<PathBuf>,
    /// Proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<Cidr>,
    /// The fewest and the most characters of an own password.
    pub password_length: (u8, u8),
    /// Whether it has to have letters and digits both.
    pub password_letters_and_digits: bool,
    /// An own password is valid for so many days.
    pub password_days: u32,
    /// So long without a request ends a session.
    pub idle_timeout: Duration,
    /// So many logins a minute may be tried from one address.
    pub logins_per_minute: u32,
    /// So many wrong passwords in a row lock an account.
    pub lock_after: u32,
    /// So long.
    pub lock_time: Duration,
}

/// `[mail]`: mails to subscribers.
#[derive(Clone, Debug, PartialEq)]
pub struct Mail {
    /// The mail server; without one, mails wait in the store.
    pub smtp: Option<MailServer>,
    /// Whom mails are from: an address, or `Name <address>`.
    pub from: String,
    /// Who logs in there, when somebody has to.
    pub user: Option<String>,
    /// That user's password.
    pub password: Option<Secret>,
}

/// `[api]`: the local HTTP API.
#[derive(Clone, Debug, PartialEq)]
pub struct Api {
    /// Where to listen, when there is a token. Port 0 is a free one.
    pub listen: SocketAddr,
    /// What its callers have to present; without one, there is no API.
    pub token: Option<Secret>,
}

/// `[limits]`: how much is taken on.
#[derive(Clone, Debug, PartialEq)]
pub struct Limits {
    /// Calls at once.
    pub calls: u32,
    /// Calls at once from one address.
    pub calls_per_peer: u32,
    /// New calls a second from one address.
    pub invites_per_second_per_peer: u32,
    /// Stream connections at once.
    pub connections: u32,
    /// Stream connections at once from one address.
    pub connections_per_peer: u32,
    /// Connections at once to the site, and as many to the local API.
    pub http_connections: u32,
    /// Of them, from one address.
    pub http_connections_per_peer: u32,
    /// How long the head of a request may take.
    pub http_header_timeout: Duration,
    /// How long the body of a request may take.
    pub http_body_timeout: Duration,
    /// The longest call.
    pub call_duration: Duration,
    /// How long running calls may go on after SIGTERM.
    pub drain: Duration,
    /// Threads that pace the media; 0 is one a processor.
    pub media_workers: u32,
    /// Threads that hash passwords.
    pub hash_workers: u32,
}

/// `[trace]`: what is kept of each call's messages.
#[derive(Clone, Debug, PartialEq)]
pub struct Trace {
    /// Where; without it nothing is kept.
    pub folder: Option<PathBuf>,
    /// The largest trace of one call, in MiB.
    pub call_mib: u32,
    /// The most of all together, in MiB.
    pub total_mib: u32,
    /// The most files.
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
    /// The settings of a server on loopback that nobody configured.
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
            password_digits: (4, 8),
            first_digit_timeout: Duration::from_secs(10),
            inter_digit_timeout: Duration::from_secs(5),
            max_invalid: 3,
            max_timeouts: 3,
        }
    }
}

impl Store {
    fn standard() -> Store {
        Store { path: PathBuf::from("karipass.db"), busy_timeout: Duration::from_secs(30), hash_cost: Cost::default() }
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
            password_length: (8, 64),
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
            calls: 600,
            calls_per_peer: 600,
            invites_per_second_per_peer: 100,
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
