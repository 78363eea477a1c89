//! Signalling (RFC 3261 and its friends).
//!
//! Architecture invariant: sans-IO. No socket, no clock, no task; nothing of this room knows the rooms beside it.

pub mod headers;
pub mod message;
pub mod sdp;
pub mod wire;
