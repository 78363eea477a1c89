//! The switchboard: what the service decides between its sockets and its calls, in two cores with the usual verbs.
//!
//! ```text
//!  sockets ──▶ Signalling ──ToWorker──▶ Calls ──▶ sockets of media
//!          ◀── (one)      ◀──Command─── (one a worker)
//!                │ Ask ▲ answer            │ FindLine, Store ▲ reply
//!                ▼     │                   ▼                 │
//!              ledger: Lookup, Password, Entry ──▶ account store
//! ```
//!
//! # Who calls what when
//!
//! | verb | when | afterwards |
//! |---|---|---|
//! | [`Signalling::handle_message`], `handle_flow_closed`, `handle_unreachable` | something has come from a transport | drain |
//! | [`Signalling::handle_command`] | a worker has put out [`calls::Output::Command`] | drain |
//! | [`Signalling::handle_answer`] | the store has answered [`Output::Ask`] | drain |
//! | [`Signalling::handle_undelivered`] | a worker's inbox did not take [`Output::ToWorker`]; before the next output is polled | go on draining |
//! | [`Signalling::handle_stop`] | the service is to stop; a second time: at once | drain |
//! | [`Signalling::handle_timeout`] | the time of the last [`Output::Timeout`] has come | drain |
//! | [`Calls::handle_message`] | the inbox has a message, be it signalling's or the ledger's ([`ledger::Reply::ToWorker`]) | drain |
//! | [`Calls::handle_datagram`] | a call's media socket had one (read when [`calls::Output::Read`] says so, or as it comes) | drain when all are handed in |
//! | [`Calls::handle_media`] | [`calls::Output::OpenMedia`] was carried out; at once | go on draining |
//! | [`Calls::handle_undelivered`] | signalling's queue did not take [`calls::Output::Command`]; before the next output is polled | go on draining |
//! | [`Calls::recycle`] | a [`calls::Output::Send`] was carried out | — |
//! | [`Calls::handle_timeout`] | the time of the last [`calls::Output::Timeout`] has come | drain |
//!
//! "Drain" is `poll_output()` until it is a `Timeout`. A time that has passed already means: call `handle_timeout` now.
//! The end: [`Output::Stopped`] comes out of `Signalling`; its driver then sends [`ToWorker::Quit`] to every worker, which answers with
//! [`calls::Output::Quit`] once its records are out, and closes the ledger last.
//!
//! Architecture invariant: no clock, no randomness but the seed, no socket, thread or queue of the edge; neither `net` nor `server`
//! is named. Tables are ordered, so that the same inputs give the same outputs.

pub mod calls;
pub mod ledger;
pub mod signalling;

pub use calls::Calls;
pub use signalling::{Answer, Config, Known, Output, PeerLimits, Question, Signalling, Waiting};

use std::fmt;

use crate::call::identity::Trust;
use crate::call::{Input, Seed};
use crate::sip::endpoint::{CallHandle, Incoming, Rejection};

/// What a worker is to do.
pub enum ToWorker {
    /// Take on a call that has come in.
    Incoming {
        /// What came in.
        incoming: Box<Incoming>,
        /// What is believed of the peer.
        trust: Trust,
        /// The call's own randomness.
        seed: Seed,
    },
    /// Pass this to a running call.
    Input {
        /// Which.
        call: CallHandle,
        /// What.
        input: Input,
    },
    /// End all calls.
    Stop,
    /// End, and with the worker all calls that have not come to their end.
    Quit,
}

/// What a call wants of signalling.
pub enum Command {
    /// Answer with this session description.
    Answer(String),
    /// Refuse.
    Reject(Rejection),
    /// Answer a changed session.
    RespondOffer(Result<String, u16>),
    /// Send this session description in a 183.
    Progress(String),
    /// Hang up, for this cause of ITU-T Q.850 with its text.
    HangUp(u16, &'static str),
}

/// Shows which call and what kind of message: there may be keys, of telephones and of encryption, in the rest.
impl fmt::Debug for ToWorker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ToWorker::Incoming { incoming, .. } => write!(f, "Incoming({:?})", incoming.call),
            ToWorker::Input { call, input } => write!(f, "Input({call:?}, {input:?})"),
            ToWorker::Stop => write!(f, "Stop"),
            ToWorker::Quit => write!(f, "Quit"),
        }
    }
}

impl fmt::Debug for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Command::Answer(description) => write!(f, "Answer({} bytes)", description.len()),
            Command::Reject(rejection) => write!(f, "Reject({})", rejection.status),
            Command::RespondOffer(Ok(description)) => write!(f, "RespondOffer({} bytes)", description.len()),
            Command::RespondOffer(Err(status)) => write!(f, "RespondOffer({status})"),
            Command::Progress(description) => write!(f, "Progress({} bytes)", description.len()),
            Command::HangUp(cause, _) => write!(f, "HangUp({cause})"),
        }
    }
}

/// Why a queue did not take a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Undelivered {
    /// It is full.
    Full,
    /// The thread that reads it has ended.
    Gone,
}

#[cfg(test)]
mod tests;
