//! Whole calls in virtual time: both ends, the network between them and the store; see `support`.
//!
//! `KARIPASS_SEED=0x…` runs the random call of that seed alone and prints its trace; `KARIPASS_CALLS=N` runs so many of them.
#![allow(clippy::unwrap_used, clippy::wildcard_enum_match_arm)]

mod support;

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
#[path = "virtual_calls/storing.rs"]
mod storing;
