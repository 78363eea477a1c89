//! Bytes ↔ messages: framing, unfolding, compact names, URIs, output. Never panics, on any bytes.
//!
//! Errors come on two levels ([`error::ParseError`]): bytes that cannot be answered are dropped and counted, a wrong
//! request is rejected with a status and the header fields to answer it with.

pub mod error;
pub mod fault;
pub mod field;
pub mod framer;
pub mod head;
pub mod lex;
pub mod names;
pub mod params;
mod parse;
pub mod uri;
pub mod write;

pub use error::{ParseError, Reject};
pub use fault::{Fault, FieldError};
pub use framer::{FrameError, Framed, Framer};
pub use parse::parse;

/// The longest message that is read, header and body (64 KiB).
pub const MAX_MESSAGE: usize = 65_536;

#[cfg(test)]
mod torture;
