//! What the services do: events, mails through a mail server, the fax inbox, the local API.
#![allow(clippy::unwrap_used, clippy::wildcard_enum_match_arm, clippy::indexing_slicing)]

mod api;
mod events;
mod faxes;
mod mails;
mod post;
mod sink;
#[path = "../site/support.rs"]
#[allow(dead_code)]
mod site;
mod world;
