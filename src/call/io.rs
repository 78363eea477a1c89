//! What a call takes in and puts out.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use crate::account::{CallRecord, Contract, HashedTemporaryPassword};
use crate::datagram::Datagram;
use crate::ivr::{NotSet, SetTemporaryPassword};
use crate::number::PhoneNumber;
use crate::seats::Seat;
use crate::sip::endpoint::{EndCause, Rejection};
use crate::ticket::Ticket;
use crate::time::Time;

/// What happens to a call.
pub enum Input {
    /// The answer to [`Output::FindLine`]: the contract that the number belongs to; `Ok(None)`: no contract has it.
    Line(Result<Option<Admitted>, NotAdmitted>),
    /// The answer to [`Output::OpenMedia`]: where this call's RTP is received; `None` when no port is free.
    Media(Option<SocketAddr>),
    /// Our 183 is on its way, or was acknowledged where it was sent reliably: early media may flow.
    EarlyMedia,
    /// Our 200 was acknowledged, with the answer if ours was the offer.
    Confirmed(Option<Vec<u8>>),
    /// The caller wants to change the session; `None`: we are to offer.
    Offer(Option<Vec<u8>>),
    /// The caller answered a refresh of the session, which offered nothing new.
    Refreshed(Vec<u8>),
    /// Keys came by INFO.
    Info {
        /// The body's type.
        content_type: String,
        /// The body.
        body: Vec<u8>,
    },
    /// The answer to [`Output::Prepare`] with this ticket.
    Prepared(Ticket, Result<HashedTemporaryPassword, NotSet>),
    /// What became of [`Output::Store`].
    Stored(Result<(), NotSet>),
    /// The server is stopping: the call ends now.
    Stop,
    /// Signalling has said its last word.
    Ended(EndCause),
}

/// Shows which; what it holds may be digits.
impl fmt::Debug for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Input::Line(Ok(Some(_))) => "Line(contracted)",
            Input::Line(Ok(None)) => "Line(not contracted)",
            Input::Line(Err(NotAdmitted::LookupFailed)) => "Line(failed)",
            Input::Line(Err(NotAdmitted::Backlog)) => "Line(no time for its password)",
            Input::Media(rtp) => {
                if rtp.is_some() {
                    "Media(open)"
                } else {
                    "Media(none free)"
                }
            }
            Input::EarlyMedia => "EarlyMedia",
            Input::Confirmed(_) => "Confirmed",
            Input::Offer(_) => "Offer",
            Input::Refreshed(_) => "Refreshed",
            Input::Info { .. } => "Info",
            Input::Prepared(_, Ok(_)) => "Prepared",
            Input::Prepared(_, Err(_)) => "Prepared(failed)",
            Input::Stored(Ok(())) => "Stored",
            Input::Stored(Err(NotSet::Failed)) => "Stored(failed)",
            Input::Stored(Err(NotSet::NotKnown)) => "Stored(not known)",
            Input::Stored(Err(NotSet::Overtaken)) => "Stored(overtaken)",
            Input::Stop => "Stop",
            Input::Ended(_) => "Ended",
        })
    }
}

/// A call from a contracted line.
pub struct Admitted {
    /// The line's contract.
    pub contract: Contract,
    /// Held until its password is hashed.
    pub seat: Seat,
}

/// Why a call cannot be served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotAdmitted {
    /// The account store could not be asked.
    LookupFailed,
    /// Its password could not be hashed in time.
    Backlog,
}

/// The account store could not be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the account store could not be read")]
pub struct LookupFailed;

/// What a call wants done.
#[derive(Debug)]
pub enum Output {
    /// Look up the contract; the answer is [`Input::Line`].
    FindLine(PhoneNumber),
    /// Open a port for RTP; the answer is [`Input::Media`].
    OpenMedia {
        /// The address that the caller wants media at, as far as it is known: the port is best of the same IP version. Signalling
        /// may well use the other (RFC 6157 §3.1 leaves the choice to the offer).
        towards: Option<IpAddr>,
    },
    /// Send this session description in a 183; [`Input::EarlyMedia`] follows.
    Progress(String),
    /// Answer with this session description.
    Answer(String),
    /// Refuse.
    Reject(Rejection),
    /// Answer [`Input::Offer`].
    RespondOffer(Result<String, u16>),
    /// Hang up, for this reason: a cause of ITU-T Q.850 and its text.
    HangUp(u16, &'static str),
    /// Send this from the socket of its kind, then give the buffer back with [`Call::recycle`](super::Call::recycle).
    Datagram(Datagram),
    /// Hash this, unless it is withdrawn by then; the answer is [`Input::Prepared`].
    Prepare(SetTemporaryPassword),
    /// Store this durably, unless it is withdrawn by then; the answer is [`Input::Stored`].
    Store(HashedTemporaryPassword, Ticket),
    /// The call is over: keep its record and forget it.
    Finished(Box<CallRecord>),
    /// Nothing more for now; wake the call at this time ([`Time::MAX`]: nothing waits).
    Timeout(Time),
}
