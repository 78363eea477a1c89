//! karipass (仮パス): temporary passwords by telephone.
//!
//! A subscriber dials the service from the contracted line, is guided in Japanese, keys in a temporary password, and it is
//! in the account store, valid for 24 hours.
//!
//! ```text
//! phone ──INVITE──▶ net ──bytes──▶ switchboard (endpoint, admission, proof) ──▶ call::Call: whose line is this?
//!                                                                                │ not a contracted line: 403, never answered
//!                                                                                ▼ contracted: answer
//! phone ◀──prompts── net ◀──packets── call::Call = rtp session + dtmf detector + ivr conversation
//! phone ──digits───▶ net ──packets──▶ call::Call ──Output::Store──▶ server's ledger ──▶ account store (SQLite)
//!                                                ◀──Input::Stored── only now is "it is set" spoken
//! ```
//!
//! # The map
//!
//! | room | what is in it |
//! |---|---|
//! | `sip` | signalling (RFC 3261): wire format, messages, transactions, dialogs, the endpoint, SDP |
//! | `rtp` | media (RFC 3550, 4733): sessions, jitter buffer, telephone events, RTCP |
//! | `audio` | G.711, tones, recordings, resampling, the bank of prompts, capture files |
//! | `dtmf` | the receiver: which digits are in the audio. A crate of its own (`karipass-dtmf`), which needs nothing but `std` |
//! | `ivr` | conversations: who says what next; each service's is a folder |
//! | `account` | contracts, credentials, call records; the store: its rules, written once, over tables that a backend implements |
//! | `call` | one call from INVITE to BYE: the only place where all of these meet |
//! | `caller` | the other end of the line, for tests and laboratories |
//! | `decode` | the digits in a recording or capture |
//! | `event`, `fax` | what happens in the network and what the services make of it; received faxes |
//! | `mail` | mails on their way out: `post` decides, `sender` and `smtp` are its edge |
//! | `api` | the local HTTP API by which the network reports events |
//! | `http` | connections of site and API: their limits in number and time |
//! | `switchboard` | what is decided between sockets and calls: admission, proof, workers, drain; a worker's calls; work for the store |
//! | `net`, `server` | sockets, clocks, threads, queues: the edge |
//! | `trace` | each call's messages and packets, kept as a capture with everything secret masked |
//! | `site` | the settings web site: `Pages` is one function from request to answer, `start` its edge |
//! | `service` | server, site, API and mail put together from the settings |
//! | `dialler` | the edge of the test caller: sockets, many calls at once |
//! | `config`, `cli` | settings; one file a subcommand: it reads arguments and prints |
//! | `number`, `cidr`, `mail_server`, `unit`, `key`, `secret`, `keying`, `datagram`, `hex`, `time`, `priority`, `lock`, `ticket`, `seats` | leaves that every room may use |
//!
//! Arrows run one way: `main → cli → {service, dialler} → {server, site, api, mail} → {switchboard, net, http, event, trace} →
//! {call, caller, decode} → {sip, rtp, dtmf, audio, ivr, account, fax} → leaves`. The core rooms import no room beside them. `tests/tidy.rs` keeps these walls.
//!
//! Where a change begins (a setting, a prompt, a migration, a page, …), and how a seed is replayed: "Working on it" in the README.
//!
//! # The contracts
//!
//! Programs may rely on [`dtmf`] (the receiver), [`decode`] (digits in a file), [`number`], [`key`] and [`unit`](mod@unit), the test
//! [`caller`] and its edge [`dialler`], and [`service::start`] from a [`config::Config`]. Everything else is the house's own:
//! its tests reach it by one door, `internals`, which says so.
//!
//! # Invariants
//!
//! - The cores are sans-IO: `now` is a parameter, randomness is injected, and what is to be done comes out as data. They
//!   open no socket, read no clock, spawn no task and never await, so whole calls run in tests in virtual time.
//!   Time is [`time::Time`], counted from a start that the edge chooses, rather than the machine's own instant: a trace then
//!   reads "at 0.340 s", and a test needs no clock at all.
//! - What two cores both speak of (a number, an authentication unit, keyed-in digits) is a leaf, so that neither imports the other.
//! - Digits and passwords are [`secret::Secret`]s: no log, trace, error, capture or table shows them in clear.
//! - "It is set" is spoken only after the store has committed, "it could not be set" only when it can no longer commit.

#![cfg_attr(not(test), warn(unreachable_pub))]

#[doc(inline)]
pub use karipass_dtmf as dtmf;

pub mod caller;
pub mod config;
pub mod decode;
pub mod dialler;
pub mod key;
pub mod number;
pub mod secret;
pub mod service;
pub mod time;
pub mod unit;

mod account;
mod api;
mod audio;
mod call;
mod cidr;
mod cli;
mod datagram;
mod event;
mod fax;
mod hex;
mod http;
mod ivr;
mod keying;
mod lock;
mod mail;
mod mail_server;
mod net;

mod priority;
mod rtp;
mod seats;
mod server;
mod sip;
mod site;
mod switchboard;
mod ticket;
mod trace;

/// The command line, for the binary alone.
#[doc(hidden)]
pub use cli::main;

/// The one door to the rooms behind the contracts: for this project's own tests, benches and fuzz targets. Nothing behind
/// it is promised to anybody.
#[doc(hidden)]
pub mod internals {
    macro_rules! doors {
        ($($room:ident)*) => { $(pub mod $room { pub use crate::$room::*; })* };
    }
    doors! {
        account api audio call cidr datagram event fax hex http ivr keying lock mail mail_server net
        priority rtp seats server sip site switchboard ticket trace
    }
}
