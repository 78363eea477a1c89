//! The sockets, where bytes come in and go out, and the clock. Nothing here knows what a call is.
//!
//! Architecture invariant: this room imports nothing of the cores but SIP's addresses ([`crate::sip::flow::Flow`]) and its
//! stream framing.

pub mod clock;
pub mod descriptors;
pub mod media;
pub mod tls;
pub mod transport;
