//! Transactions (RFC 3261 §17, RFC 6026): pure state machines, and the bounded table that they live in.
//!
//! Architecture invariant: a transaction knows bytes to repeat, a status and a time. It never reads a message, sends one or
//! knows a dialog.

pub mod client;
pub mod invite_client;
pub mod invite_server;
pub mod key;
pub mod server;

pub use client::Client;
pub use invite_client::InviteClient;
pub use invite_server::{AckFor, InviteServer};
pub use key::{ClientKey, MergeKey, ServerKey};
pub use server::Server;

/// The effect of a transaction's timers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fired {
    /// Nothing is to be sent.
    Nothing,
    /// These bytes are to be sent again.
    Retransmit(Vec<u8>),
    /// The other side never answered; the transaction is over.
    GaveUp,
}

/// What a response means to the user of a client transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrival {
    /// It is new: the user acts on it.
    New,
    /// A failure came again: only the ACK is sent again.
    AckAgain,
    /// It is to be ignored.
    Stale,
}
