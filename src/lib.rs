//! karipass (仮パス): temporary passwords by telephone.
//!
//! A subscriber dials the service from the contracted line, is guided in Japanese, keys in a temporary password, and it is
//! in the account store, valid for 24 hours.
//!
//! # The map
//!
//! Arrows run one way: `main → cli → server → {call, net, site} → {sip, rtp, dtmf, audio, ivr, account} → leaves`.
//! The leaves are `number`, `unit`, `secret` and `time`. The core rooms (`sip`, `rtp`, `dtmf`, `audio`, `ivr`, `account`)
//! import no room beside them; `call` is the only place where they meet.
//!
//! # Invariants
//!
//! - The cores are sans-IO: `now` is a parameter, randomness is injected, and what is to be done comes out as data. They
//!   open no socket, read no clock, spawn no task and never await, so whole calls run in tests in virtual time.
//! - Digits and passwords are [`secret::Secret`]s: no log, trace, error, capture or table shows them in clear.
//! - "It is set" is spoken only after the store has committed.

pub mod account;
pub mod audio;
pub mod call;
pub mod caller;
pub mod cli;
pub mod config;
pub mod decode;
pub mod dtmf;
pub mod ivr;
pub mod net;
pub mod number;
pub mod rtp;
pub mod secret;
pub mod server;
pub mod sip;
pub mod site;
pub mod time;
pub mod unit;
