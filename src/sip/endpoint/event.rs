//! The outputs of an endpoint: messages to send, events for the application, and the time to wake it.

use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use super::command::Registered;
use super::handle::{CallHandle, RegisterHandle, StrangerHandle};
use super::refused::{Refused, TurnedAway};
use crate::number::PhoneNumber;
use crate::sip::flow::Flow;
use crate::sip::message::NameAddr;
use crate::time::Time;

/// The next thing to do. Drain it until it is a `Timeout`.
#[derive(Debug, PartialEq, Eq)]
#[allow(clippy::large_enum_variant)] // one at a time, and moved out at once
pub enum Output {
    /// Send this.
    Transmit(Transmit),
    /// Report this to the application.
    Event(Event),
    /// Nothing more for now: call `handle_timeout` at this time ([`Time::MAX`]: nothing waits).
    Timeout(Time),
}

/// Bytes to send.
#[derive(PartialEq, Eq)]
pub struct Transmit {
    /// The way: `flow.remote` is the destination, `flow.local` the address to send from.
    pub flow: Flow,
    /// One whole SIP message.
    pub bytes: Vec<u8>,
    /// Of a response: where a new connection leads when that of the flow is gone (RFC 3261 §18.2.2).
    pub otherwise: Option<SocketAddr>,
}

/// Shows the start line's first word or status only: the rest may hold digits and personal data.
impl fmt::Debug for Transmit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut words = self.bytes.split(|&byte| byte == b' ');
        let first = words.next().unwrap_or_default();
        let shown = if first == b"SIP/2.0" { words.next().unwrap_or_default() } else { first };
        write!(f, "Transmit({} to {:?}, {} bytes)", shown.escape_ascii(), self.flow.remote, self.bytes.len())
    }
}

/// A report to the application.
#[derive(PartialEq, Eq)]
#[allow(clippy::large_enum_variant)] // one at a time, and moved out at once
pub enum Event {
    /// A call has come in, and 100 was sent. The application calls `answer` or `reject` at any time.
    Incoming(Incoming),
    /// An INVITE was refused before it became a call: it was malformed, not for us, required an unknown extension, or there was
    /// no room.
    Refused(Refused),
    /// Our 200 (to the first INVITE or to a later one) was acknowledged. `answer` is the ACK's session description, which
    /// is the answer when ours was the offer.
    Confirmed {
        /// The call.
        call: CallHandle,
        /// The ACK's session description.
        answer: Option<Vec<u8>>,
    },
    /// Our session description in a provisional response (183) has been sent, and, where it was sent reliably, acknowledged by
    /// PRACK: early media may flow. `answer` is the PRACK's session description, which is the answer when ours was the offer.
    EarlyMedia {
        /// The call.
        call: CallHandle,
        /// The PRACK's session description.
        answer: Option<Vec<u8>>,
    },
    /// The session is to change (re-INVITE, or UPDATE with an offer); the application calls `respond_offer`.
    Offer {
        /// The call.
        call: CallHandle,
        /// The new offer; `None` when we are to offer.
        offer: Option<Vec<u8>>,
    },
    /// The far end took the description that our refresh (RFC 4028 §7.4) repeated, and this is its answer: usually the one before, but its
    /// address may have changed (RFC 3264 §8).
    Refreshed {
        /// The call.
        call: CallHandle,
        /// The session description of the 200.
        answer: Vec<u8>,
    },
    /// An INFO with keys came. It was answered with 200.
    Info {
        /// The call.
        call: CallHandle,
        /// `application/dtmf-relay` or `application/dtmf`, in lower case.
        content_type: String,
        /// The body; never to be logged.
        body: Vec<u8>,
    },
    /// Our INFO was answered.
    InfoAnswered {
        /// The call.
        call: CallHandle,
        /// The final status; 408 when there was no answer.
        status: u16,
    },
    /// Our call makes progress (101 to 199).
    Progress {
        /// The call.
        call: CallHandle,
        /// The status.
        status: u16,
        /// The session description, if there is one. The first answer counts, and is repeated in
        /// `Accepted`. When we made no offer it is the far end's, and PRACK waits for the application's `answer`.
        body: Vec<u8>,
    },
    /// Our call was answered; ACK was sent. Without an offer of ours, `answer` is the far end's offer, and ACK waits for the
    /// application's `answer`; it is empty when that offer came with `Progress` and was answered then.
    Accepted {
        /// The call.
        call: CallHandle,
        /// The session description of the 200, or of a reliable provisional response before it.
        answer: Vec<u8>,
    },
    /// Our call was refused (300 to 699). `Ended` follows.
    Rejected {
        /// The call.
        call: CallHandle,
        /// The status.
        status: u16,
        /// The reason phrase.
        reason: String,
        /// The value of Retry-After.
        retry_after: Option<Duration>,
    },
    /// The offer that we made in the running call was answered; ACK was sent. After `offer(…, None)` the answer
    /// is the far end's offer, and ACK waits for the application's `answer`.
    OfferAnswered {
        /// The call.
        call: CallHandle,
        /// The session description of the 200, or the status that refused it (the session is as before).
        answer: Result<Vec<u8>, u16>,
    },
    /// A REGISTER has come. The application calls `register`.
    Registering(Registering),
    /// What became of a REGISTER whose sender had proved its line.
    Registered {
        /// Where it came from.
        flow: Flow,
        /// The outcome.
        outcome: Registered,
    },
    /// A stranger's request has come whose answer depends on what the store knows. The application calls `judge`.
    Stranger(Stranger),
    /// A stranger's request was answered, and nothing is kept of it.
    TurnedAway(TurnedAway),
    /// Contacts of a line were not refreshed in time.
    RegistrationExpired {
        /// The line.
        line: PhoneNumber,
        /// How many it has left.
        contacts: usize,
    },
    /// Our REGISTER was answered, after challenges if there were any.
    RegistrationAnswered {
        /// The final status; 408 when there was no answer.
        status: u16,
        /// The reason phrase.
        reason: String,
    },
    /// The call is over. The last event of each call, exactly once.
    Ended {
        /// The call.
        call: CallHandle,
        /// Why.
        cause: EndCause,
    },
}

/// A telephone that asks to register, or for what is registered.
#[derive(PartialEq, Eq)]
pub struct Registering {
    /// The handle to answer it.
    pub handle: RegisterHandle,
    /// Where it came from.
    pub flow: Flow,
    /// The line that To names; `None` when that is no telephone number.
    pub line: Option<PhoneNumber>,
    /// The user name that it claims, with a nonce that is fresh.
    pub user_name: Option<String>,
}

/// A peer that has proved nothing, and what it claims.
#[derive(PartialEq, Eq)]
pub struct Stranger {
    /// The handle to judge it.
    pub handle: StrangerHandle,
    /// Where it came from.
    pub flow: Flow,
    /// It calls; otherwise it asks to register.
    pub is_call: bool,
    /// The user name that it claims, with a nonce that is fresh.
    pub user_name: Option<String>,
    /// The line that To names.
    pub line: Option<PhoneNumber>,
}

/// A call that came in.
#[derive(PartialEq, Eq)]
pub struct Incoming {
    /// Its handle.
    pub call: CallHandle,
    /// When it came.
    pub at: Time,
    /// Where it came from, and to which of our addresses.
    pub flow: Flow,
    /// The statements of the request about the caller.
    pub identity: IdentityFacts,
    /// The user part of the Request-URI, without escapes and parameters.
    pub called: String,
    /// The session description; `None` when we are to offer.
    pub offer: Option<Vec<u8>>,
    /// The Call-ID.
    pub call_id: String,
    /// The user name that the caller claims in credentials for us, with a nonce that is fresh.
    pub user_name: Option<String>,
}

/// The statements of an INVITE about its caller, unjudged: the application decides which to trust.
#[derive(Clone, PartialEq, Eq)]
pub struct IdentityFacts {
    /// The line whose password the caller has proved to know.
    pub authenticated: Option<PhoneNumber>,
    /// From. Never believed by default. The display name of a withheld number tells why it is withheld.
    pub from: Option<NameAddr>,
    /// P-Asserted-Identity (RFC 3325), each value.
    pub asserted: Vec<NameAddr>,
    /// Whether a value of P-Asserted-Identity could not be read: then `asserted` is not the whole truth.
    pub asserted_unreadable: bool,
    /// P-Preferred-Identity, each value: the caller's wish, no more.
    pub preferred: Vec<NameAddr>,
    /// The values of Privacy (RFC 3323), in lower case: `id`, `none` …
    pub privacy: Vec<String>,
    /// The address that the request really came from.
    pub remote: SocketAddr,
}

/// Why a call is over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EndCause {
    /// The far end hung up, with the value of its Reason header (RFC 3326).
    RemoteBye {
        /// Such as `Q.850;cause=16;text="normal call clearing"`.
        reason: Option<String>,
    },
    /// We hung up, and the far end answered our BYE.
    LocalBye,
    /// We hung up, and the far end never answered our BYE.
    ByeTimedOut,
    /// Given up before it was answered: by the caller's CANCEL (or BYE), with its Reason, or by our own.
    Cancelled {
        /// Such as `SIP;cause=200;text="Call completed elsewhere"`.
        reason: Option<String>,
    },
    /// Refused, by us or by the far end, with this status.
    Rejected {
        /// 300 to 699.
        status: u16,
    },
    /// Our reliable provisional response was never acknowledged; the INVITE was answered with 504 (RFC 3262 §3).
    NoPrack,
    /// Our 200 was never acknowledged; BYE was sent (RFC 3261 §13.3.1.4).
    NoAck,
    /// No answer came in time: the far end's to our INVITE, or the application's to the caller's.
    TimedOut,
    /// The far end no longer knows the dialog (481 or 408 to a request of ours).
    DialogGone {
        /// The status.
        status: u16,
    },
    /// There is no way to the other side any more.
    FlowFailed,
    /// The session was not refreshed in time (RFC 4028); BYE was sent.
    SessionExpired,
}

/// Shows facts about the call, but no address, number, key or body.
impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let length = |body: &Option<Vec<u8>>| body.as_ref().map(Vec::len);
        match self {
            Event::Incoming(incoming) => write!(f, "{incoming:?}"),
            Event::Refused(refused) => write!(f, "Refused({} to {:?})", refused.status, refused.flow.remote),
            Event::Confirmed { call, answer } => write!(f, "Confirmed({call:?}, answer {:?} bytes)", length(answer)),
            Event::EarlyMedia { call, answer } => write!(f, "EarlyMedia({call:?}, answer {:?} bytes)", length(answer)),
            Event::Offer { call, offer } => write!(f, "Offer({call:?}, offer {:?} bytes)", length(offer)),
            Event::Refreshed { call, answer } => write!(f, "Refreshed({call:?}, {} bytes)", answer.len()),
            Event::Info { call, content_type, .. } => write!(f, "Info({call:?}, {content_type}, •)"),
            Event::InfoAnswered { call, status } => write!(f, "InfoAnswered({call:?}, {status})"),
            Event::Progress { call, status, body } => {
                write!(f, "Progress({call:?}, {status}, {} bytes)", body.len())
            }
            Event::Accepted { call, answer } => write!(f, "Accepted({call:?}, {} bytes)", answer.len()),
            Event::Rejected { call, status, retry_after, .. } => {
                write!(f, "Rejected({call:?}, {status}, retry after {retry_after:?})")
            }
            Event::OfferAnswered { call, answer } => {
                write!(f, "OfferAnswered({call:?}, {:?} bytes)", answer.as_ref().map(Vec::len))
            }
            Event::Registering(registering) => write!(f, "Registering(from {:?})", registering.flow.remote),
            Event::Registered { flow, outcome } => match outcome {
                Registered::Bound { contacts, .. } => write!(f, "Registered({contacts} from {:?})", flow.remote),
                other @ (Registered::Unproved(_) | Registered::Refused(_)) => {
                    write!(f, "Registered({other:?} from {:?})", flow.remote)
                }
            },
            Event::Stranger(stranger) => write!(f, "Stranger(from {:?})", stranger.flow.remote),
            Event::TurnedAway(away) => write!(f, "TurnedAway({:?} from {:?})", away.turned, away.refused.flow.remote),
            Event::RegistrationExpired { contacts, .. } => write!(f, "RegistrationExpired({contacts} left)"),
            Event::RegistrationAnswered { status, .. } => write!(f, "RegistrationAnswered({status})"),
            Event::Ended { call, cause } => write!(f, "Ended({call:?}, {cause:?})"),
        }
    }
}

impl fmt::Debug for Incoming {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let offer = self.offer.as_ref().map(Vec::len);
        write!(f, "Incoming({:?} from {:?}, offer {offer:?} bytes)", self.call, self.flow.remote)
    }
}

impl fmt::Debug for IdentityFacts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "IdentityFacts({} asserted, privacy {:?})", self.asserted.len(), self.privacy)
    }
}
