//! Everything that may come in by the wire, against a running `karipass serve` on loopback: the messages of RFC 4475 and
//! RFC 5118, and broken session descriptions, over UDP and TCP. None may crash it or keep it busy, each gets what the RFC
//! says, and a whole call works afterwards.
#![allow(clippy::unwrap_used, clippy::wildcard_enum_match_arm)]

#[path = "../program/support.rs"]
#[allow(dead_code)]
mod support;

#[path = "../support/descriptions.rs"]
mod descriptions;
mod ipv6;
mod rfc4475;
mod sdp;
mod wire;
