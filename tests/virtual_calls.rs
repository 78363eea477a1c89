//! Whole calls in virtual time: both ends, the network between them and the store; see `support`.
//!
//! `KARIPASS_SEED=0x…` runs the random call of that seed alone, `KARIPASS_CHAOS=0x…` the chaotic one; `KARIPASS_TRACE=1` prints
//! the trace of every call that is run; `KARIPASS_CALLS=N` makes it so many random calls.
#![allow(clippy::unwrap_used, clippy::wildcard_enum_match_arm)]

mod support;

#[path = "virtual_calls/announcing.rs"]
mod announcing;
#[path = "virtual_calls/chaos.rs"]
mod chaos;
#[path = "virtual_calls/conditions.rs"]
mod conditions;
#[path = "virtual_calls/encrypted.rs"]
mod encrypted;
#[path = "virtual_calls/hanging_up.rs"]
mod hanging_up;
#[path = "virtual_calls/losing.rs"]
mod losing;
#[path = "virtual_calls/media.rs"]
mod media;
#[path = "virtual_calls/random.rs"]
mod random;
#[path = "virtual_calls/refusing.rs"]
mod refusing;
#[path = "virtual_calls/signalling.rs"]
mod signalling;
#[path = "virtual_calls/storing.rs"]
mod storing;
