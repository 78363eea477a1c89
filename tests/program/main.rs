//! The program as its users run it: real processes, real sockets on loopback, a real store.
#![allow(clippy::unwrap_used, clippy::wildcard_enum_match_arm)]

mod answering;
mod bad_input;
mod calls;
mod kill;
mod logins;
mod operating;
#[path = "../support/pki.rs"]
mod pki;
mod registrar;
mod services;
#[path = "../services/sink.rs"]
#[allow(dead_code, clippy::indexing_slicing)]
mod sink;
mod storing;
mod strangers;
mod support;
mod terminal;
mod traces;
mod transports;
