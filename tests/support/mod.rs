//! A whole call in virtual time: the service and a phone, each with its own signalling and media, joined by a network whose
//! every loss, delay and repetition follows from one seed. The clock jumps to whatever happens next.
//!
//! ```text
//! phone: sip::Endpoint + caller::Caller ◀──network(seed)──▶ service: sip::Endpoint + call::Call ◀─▶ ledger: AccountStore
//! ```
//!
//! Nothing of the program is replaced but its edge: sockets, threads and the clock.
#![allow(dead_code, unused_imports, clippy::unwrap_used)]

pub mod descriptions;
pub mod handset;
pub mod ledger;
pub mod many;
pub mod network;
pub mod phone;
pub mod scenario;
pub mod service;
pub mod setup;
pub mod trace;
pub mod wire;
pub mod world;

pub use network::Path;
pub use scenario::Expected;
pub use setup::{Encryption, Offer, Setup};
pub use wire::rtcp_of;
pub use world::{Outcome, World};

use std::net::SocketAddr;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use karipass::caller::ear::Lexicon;
use karipass::internals::audio::prompt::Bank;

/// Where the service takes SIP.
pub const SERVICE_SIP: SocketAddr = address([192, 0, 2, 10], 5060);
/// Where the service takes RTP; RTCP is on the next port.
pub const SERVICE_MEDIA: SocketAddr = address([192, 0, 2, 10], 10_000);
/// Where the phone takes SIP.
pub const PHONE_SIP: SocketAddr = address([192, 0, 2, 77], 5060);
/// Where the phone takes RTP; RTCP is on the next port.
pub const PHONE_MEDIA: SocketAddr = address([192, 0, 2, 77], 40_000);
/// Where the phone takes RTP after it has moved.
pub const PHONE_MOVED: SocketAddr = address([192, 0, 2, 78], 42_000);

/// The prompts, loaded once.
pub static BANK: LazyLock<Arc<Bank>> = LazyLock::new(|| Arc::new(Bank::builtin()));
/// The prompts as an ear knows them.
pub static LEXICON: LazyLock<Arc<Lexicon>> = LazyLock::new(|| Arc::new(Lexicon::new(&BANK)));

const fn address(ip: [u8; 4], port: u16) -> SocketAddr {
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::new(ip[0], ip[1], ip[2], ip[3])), port)
}

/// So many milliseconds.
pub const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}
