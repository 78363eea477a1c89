//! Calls as ひかり電話 (NGN) makes them, in virtual time: the service in the program's own code, the network's end in messages
//! written out by hand, and a caller who listens and keys; see `support` for the clock and the lossy wire between them.
#![allow(clippy::unwrap_used, clippy::wildcard_enum_match_arm)]

#[path = "../support/mod.rs"]
mod support;

mod announcements;
mod bodies;
mod identities;
mod line;
mod peer;
mod sessions;
mod whole_calls;
