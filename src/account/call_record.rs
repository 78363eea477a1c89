//! Call records: one row a call, refused ones too. There are no digits in it, only how many came by which way.

use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

use crate::number::PhoneNumber;
use crate::time::UnixTime;
use crate::unit::Unit;

/// The record of a call that is over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CallRecord {
    /// Unique among all records of all servers on the store; log lines carry the same.
    pub id: String,
    /// When the INVITE came.
    pub started_at: UnixTime,
    /// When it was answered; `None` when it never was.
    pub answered_at: Option<UnixTime>,
    /// When it was over.
    pub ended_at: UnixTime,
    /// The calling number, when one could be believed.
    pub caller: Option<PhoneNumber>,
    /// Where the signalling came from, such as `192.0.2.1:5060`.
    pub peer: String,
    /// The authentication unit that was chosen, when the call came so far.
    pub unit: Option<Unit>,
    /// The account that was being set, when the call came so far.
    pub target: Option<PhoneNumber>,
    /// How it ended.
    pub outcome: Outcome,
    /// The final SIP status of the INVITE.
    pub status: u16,
    /// Why the caller hung up or gave up, when it said so: the value of Reason (RFC 3326).
    pub reason: Option<String>,
    /// Why a session description of the caller's was refused, at the start or later.
    pub refused_media: Option<String>,
    /// What in particular was wrong, in words of ours, where the outcome does not tell it.
    pub detail: Option<String>,
    /// The crypto suite (RFC 4568) by which media was encrypted, if it was.
    pub srtp: Option<String>,
    /// What the media session counted.
    pub media: MediaCounts,
    /// How many digits came by which way.
    pub digits: DigitCounts,
}

impl CallRecord {
    /// A record with nothing but what every call has; fill in the rest.
    pub fn new(id: impl Into<String>, started_at: UnixTime, peer: impl Into<String>, outcome: Outcome) -> CallRecord {
        CallRecord {
            id: id.into(),
            started_at,
            answered_at: None,
            ended_at: started_at,
            caller: None,
            peer: peer.into(),
            unit: None,
            target: None,
            outcome,
            status: 0,
            reason: None,
            refused_media: None,
            detail: None,
            srtp: None,
            media: MediaCounts::default(),
            digits: DigitCounts::default(),
        }
    }
}

/// The received side of a call's RTP session.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct MediaCounts {
    /// Packets that arrived.
    pub received: u32,
    /// Packets that never did.
    pub lost: u32,
    /// Packets that came again.
    pub duplicates: u32,
    /// Interarrival jitter (RFC 3550 §6.4.1) at the end, in milliseconds.
    pub jitter_ms: u32,
    /// Encrypted packets that were dropped because the other end had not made them so, or not whole (RFC 3711 §3.3).
    pub unauthentic: u32,
    /// Encrypted packets that were dropped because they had been received before, or were too old to tell.
    pub replayed: u32,
}

/// How many digits were first heard by each way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct DigitCounts {
    /// By RFC 4733 events.
    pub rfc4733: u32,
    /// By tones in the audio.
    pub inband: u32,
    /// By SIP INFO.
    pub info: u32,
}

macro_rules! outcomes {
    ($($(#[$doc:meta])* $variant:ident = $name:literal, $reason:literal;)*) => {
        /// How a call ended.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Outcome { $($(#[$doc])* $variant,)* }

        impl Outcome {
            /// Every outcome.
            pub const ALL: &[Outcome] = &[$(Outcome::$variant,)*];

            /// The name in the store and in JSON.
            pub const fn name(self) -> &'static str {
                match self { $(Outcome::$variant => $name,)* }
            }

            /// The same in words, for people.
            pub const fn reason(self) -> &'static str {
                match self { $(Outcome::$variant => $reason,)* }
            }
        }
    };
}

outcomes! {
    /// A temporary password was set, and said to be.
    Set = "set", "temporary password set";
    /// A temporary password was set, but the call ended before that was announced.
    SetUnheard = "set-unheard", "temporary password set, but the call ended before that was said";
    /// 403: the calling number is of no contract.
    RefusedUnknownLine = "refused-unknown-line", "the calling number is not on a contracted line";
    /// 433: the calling number is withheld.
    RefusedWithheld = "refused-withheld", "the calling number is withheld";
    /// 403: two identities that contradict each other.
    RefusedConflict = "refused-conflict", "two identities contradict each other";
    /// 403: a number was given, but by no trusted source.
    RefusedUntrusted = "refused-untrusted", "nothing that names the caller is believed of this peer";
    /// 401 or 403: the calling line's password was wrong, or too many were.
    RefusedPassword = "refused-password", "the calling line's password was wrong";
    /// 488, 415, 400 …: no media both sides can do.
    RefusedMedia = "refused-media", "no media format in common";
    /// 503: full, draining, or too many from one peer.
    RefusedBusy = "refused-busy", "no room for another call";
    /// 486: the calling line has as many calls as it may.
    RefusedLineBusy = "refused-line-busy", "the calling line has too many calls at once";
    /// 404, 420, 400 …: another number was called, or an extension is required that is not there, or it is malformed.
    RefusedRequest = "refused-request", "the INVITE was not for the service, or not acceptable to it";
    /// The store could not look up the line.
    RefusedStore = "refused-store", "the account store could not be read";
    /// The caller gave up before the answer.
    Cancelled = "cancelled", "the caller hung up before the answer";
    /// The caller hung up before anything was set.
    HungUp = "hung-up", "the caller hung up before a password was set";
    /// Too many invalid entries.
    TooManyInvalid = "too-many-invalid", "too many invalid entries";
    /// Too many times no entry.
    TooManyTimeouts = "too-many-timeouts", "no entry, too many times";
    /// The store could not keep the password, and that was announced.
    StoreFailed = "store-failed", "the account store could not keep the password";
    /// Whether the password is in force was not known when the caller's patience, or the call, ended.
    NotConfirmed = "not-confirmed", "whether the temporary password is set was not known: see the audit";
    /// Another call was setting the password of the same account, and that was announced.
    Overtaken = "overtaken", "another call was setting the same password; this one set nothing";
    /// The 200 was never acknowledged.
    NoAck = "no-ack", "the answer was never acknowledged";
    /// The peer or its media was gone.
    Lost = "lost", "the connection was lost";
    /// The longest time for a call was over.
    TooLong = "too-long", "the call lasted too long";
    /// The server stopped.
    Stopped = "stopped", "the server stopped";
}

/// A word that names no outcome.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no outcome: use one of {all}", all = Outcome::ALL.iter().map(|o| o.name()).collect::<Vec<_>>().join(", "))]
pub struct UnknownOutcome(pub String);

impl FromStr for Outcome {
    type Err = UnknownOutcome;
    fn from_str(name: &str) -> Result<Outcome, UnknownOutcome> {
        let known = Outcome::ALL.iter().find(|outcome| outcome.name() == name);
        known.copied().ok_or_else(|| UnknownOutcome(name.to_owned()))
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl Serialize for Outcome {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

/// Which call records are asked for; the default asks for all.
#[derive(Clone, Copy, Debug, Default)]
pub struct CallFilter {
    /// Only calls that started then or later.
    pub since: Option<UnixTime>,
    /// Only calls that started before.
    pub until: Option<UnixTime>,
    /// Only calls from this number.
    pub caller: Option<PhoneNumber>,
    /// Only calls that ended so.
    pub outcome: Option<Outcome>,
    /// Only this many, the newest.
    pub last: Option<u32>,
}
