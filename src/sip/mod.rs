//! Signalling (RFC 3261 and its friends).
//!
//! Words for what is not accepted: `Reject` is a wrong message on the wire, `Rejection` the application's command, `Refused` the
//! report to the application, `Refusal` the reason inside a room; a `Ruling` is the application's answer about a registration.
//!
//! Architecture invariant: sans-IO. No socket, no clock, no task; nothing of this room knows the rooms beside it.

pub mod dialog;
pub mod digest;
pub mod endpoint;
pub mod flow;
pub mod headers;
pub mod message;
pub mod registrar;
pub mod sdp;
pub mod timer;
pub mod transaction;
pub mod wire;

pub use endpoint::{
    Admission, CallHandle, CommandError, Config, EndCause, Endpoint, Event, IdentityFacts, Incoming, Outgoing, Output,
    Refused, Registered, Registering, RegistrarConfig, Registration, Rejection, Ruling, Transmit,
};
pub use flow::{Flow, Transport};
