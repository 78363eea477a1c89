//! The application's commands to an endpoint.

use std::time::Duration;

use crate::number::PhoneNumber;
use crate::sip::digest::{LineKey, Proof};
use crate::sip::flow::Flow;
use crate::sip::message::{NameAddr, Uri};

/// How a call is refused.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rejection {
    /// 300 to 699; anything else becomes 500.
    pub status: u16,
    /// The reason phrase; the usual one when `None`.
    pub reason: Option<String>,
    /// Retry-After.
    pub retry_after: Option<Duration>,
    /// Reason (RFC 3326), such as `Q.850;cause=21;text="call rejected"`.
    pub reason_header: Option<String>,
    /// Warning (RFC 3261 §20.43): its code, such as 305, and what is wrong.
    pub warning: Option<(u16, String)>,
}

impl Rejection {
    /// A refusal with `status` and nothing else to say.
    pub fn new(status: u16) -> Rejection {
        Rejection { status, ..Rejection::default() }
    }
}

/// A call to place.
#[derive(Clone)]
pub struct Outgoing {
    /// The way: `remote` is where the INVITE is sent (the core resolves no names), `local` is written into Via and Contact.
    pub flow: Flow,
    /// The callee: the Request-URI, and To.
    pub to: Uri,
    /// The caller. The tag is added.
    pub from: NameAddr,
    /// P-Asserted-Identity, if we are to play a trusted network.
    pub asserted: Option<NameAddr>,
    /// The session description; `None` to let the far end offer.
    pub offer: Option<String>,
    /// Further header fields, names and values.
    pub headers: Vec<(String, String)>,
}

/// A registration of our own, to be asked for, refreshed or (with 0 seconds) taken back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registration {
    /// The way to the registrar.
    pub flow: Flow,
    /// The registrar: the Request-URI, a domain without a user.
    pub registrar: Uri,
    /// The registering party: From and To.
    pub address_of_record: NameAddr,
    /// The interval in seconds; 0 removes the contact.
    pub seconds: u32,
}

/// The application's ruling on a REGISTER.
#[derive(Clone, Copy, Debug)]
pub enum Ruling<'a> {
    /// The sender must prove to be the line: this is the key of the user name that it claims, if there is one.
    MustProve(Option<&'a LineKey>),
    /// The sender is believed (in a laboratory), and the line is contracted.
    Believed,
    /// The sender is believed, but there is no such line: 404.
    Unknown,
    /// The store gave no answer, or there is no time to ask: 503.
    Unavailable,
}

/// What the application has found out about a stranger.
#[derive(Clone, Copy, Debug)]
pub enum Verdict<'a> {
    /// The sender must prove to be the line: this is the key of the user name that it claims, if there is one.
    Prove(Option<&'a LineKey>),
    /// There is no password by which anybody could prove anything: 403.
    Untrusted,
    /// The store gave no answer: 503.
    Unavailable,
    /// There is no time to ask it, for this reason: 503.
    Busy(&'static str),
}

/// What became of a stranger's request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Judged {
    /// It was answered; what its credentials were worth, if that was looked at.
    TurnedAway(Option<Proof>),
    /// It comes from a line that has proved itself, and is served: an event of its own says so.
    Proved,
}

/// The outcome of a REGISTER.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Registered {
    /// It was done.
    Bound {
        /// Whose contacts.
        line: PhoneNumber,
        /// How many there are now.
        contacts: usize,
    },
    /// The proof failed or is missing; the response follows from it.
    Unproved(Proof),
    /// It was refused with this status.
    Refused(u16),
}

/// Why a command was not carried out. Races between the application and the far end lead here; nothing was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CommandError {
    /// The call is over, or was never there.
    #[error("there is no such call")]
    NoSuchCall,
    /// The call is not in the state for that: it was answered already, is not answered yet, or is about to end.
    #[error("the call is in the wrong state for that")]
    WrongState,
    /// A table is full.
    #[error("too many calls or transactions")]
    Full,
}
