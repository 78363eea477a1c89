//! Mails on their way out, and the links that confirm an address.
//!
//! A mail is entered in the transaction of what it reports, so neither is there without the other. The first server to
//! claim it sends it:
//!
//! ```text
//! queued ──claim──▶ claimed ──hand over──▶ handing over ──settle──▶ sent | failed | queued, due later
//!    ▲                 │ the claim runs out: its server has died       │
//!    └─────────────────┴──────────────────────────────────────────────┘ then it may have gone already
//! ```
//!
//! Only a server that dies between the mail server's answer and the commit of it, in the state "handing over", lets a mail
//! go twice: there no order of steps helps, since the answer and the store are not one transaction. Then it is sent again
//! under the same Message-ID, by which mail servers and readers know it, because a mail lost would be worse.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;

use crate::hex::hex;
use crate::number::PhoneNumber;
use crate::time::UnixTime;

/// How long a sent mail is remembered, without its text, and an event's id.
pub const REMEMBERED_SECONDS: i64 = 30 * 24 * 60 * 60;
/// How long a claim on a mail holds: longer than a mail server may be silent in all the steps of a mail.
pub const CLAIM_SECONDS: i64 = 5 * 60;
/// The longest that a mail waits for its next try.
pub const LONGEST_DELAY_SECONDS: i64 = 60 * 60;
/// How long a link that confirms an address is valid.
pub const LINK_SECONDS: i64 = 24 * 60 * 60;

/// What a mail is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Of a call (着信お知らせメール).
    Arrival,
    /// Of a fault (故障・回復通知).
    Fault,
    /// Of its end.
    Recovery,
    /// Of a fax (FAXお知らせメール).
    Fax,
    /// That its reader has to confirm the address.
    Confirm,
}

impl Purpose {
    const ALL: [Purpose; 5] = [Purpose::Arrival, Purpose::Fault, Purpose::Recovery, Purpose::Fax, Purpose::Confirm];

    /// The name in the store.
    pub const fn name(self) -> &'static str {
        match self {
            Purpose::Arrival => "arrival",
            Purpose::Fault => "fault",
            Purpose::Recovery => "recovery",
            Purpose::Fax => "fax",
            Purpose::Confirm => "confirm",
        }
    }
}

/// A word that names no purpose or state.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is nothing that is known of a mail")]
pub struct UnknownWord(pub String);

impl FromStr for Purpose {
    type Err = UnknownWord;
    fn from_str(word: &str) -> Result<Purpose, UnknownWord> {
        Purpose::ALL.into_iter().find(|purpose| purpose.name() == word).ok_or_else(|| UnknownWord(word.to_owned()))
    }
}

impl Serialize for Purpose {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

/// Where a mail is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum MailState {
    /// It waits, or is being sent.
    Queued,
    /// A mail server has taken it.
    Sent,
    /// It was refused for good, or for too long.
    Failed,
}

impl MailState {
    const ALL: [MailState; 3] = [MailState::Queued, MailState::Sent, MailState::Failed];

    /// The name in the store.
    pub const fn name(self) -> &'static str {
        match self {
            MailState::Queued => "queued",
            MailState::Sent => "sent",
            MailState::Failed => "failed",
        }
    }
}

impl FromStr for MailState {
    type Err = UnknownWord;
    fn from_str(word: &str) -> Result<MailState, UnknownWord> {
        MailState::ALL.into_iter().find(|state| state.name() == word).ok_or_else(|| UnknownWord(word.to_owned()))
    }
}

/// A mail to be entered, to one recipient.
#[derive(Clone, PartialEq, Eq)]
pub struct NewMail {
    /// 128 random bits in hex, from which its Message-ID is made.
    pub id: String,
    /// What it is about.
    pub purpose: Purpose,
    /// The number whose setting asked for it.
    pub number: PhoneNumber,
    /// Where it goes.
    pub recipient: String,
    /// Its subject.
    pub subject: String,
    /// Its text, without the links.
    pub body: String,
}

/// A trace needs neither addresses nor texts.
impl fmt::Debug for NewMail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NewMail({} {})", self.purpose.name(), self.id)
    }
}

/// A mail as the store has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mail {
    /// The mail itself; its text is empty once it is sent.
    pub mail: NewMail,
    /// Where it is.
    pub state: MailState,
    /// When it was entered.
    pub created_at: UnixTime,
    /// Not to be tried before.
    pub due_at: UnixTime,
    /// How often it was tried, this time included when it is claimed.
    pub attempts: u32,
    /// How often the mail server refused its recipient for the time being.
    pub refusals: u32,
    /// Whether an earlier try may have succeeded without being entered.
    pub uncertain: bool,
    /// What the last try met.
    pub problem: Option<String>,
    /// When it was sent or failed.
    pub settled_at: Option<UnixTime>,
}

/// A server's claim to send mails.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// Who claims; no two senders have the same.
    pub by: String,
    /// The first second at which it is over.
    pub until: UnixTime,
}

/// How a try to send a mail ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// A mail server has taken it.
    Sent,
    /// Its recipient was refused for the time being.
    Refused {
        /// Not to be tried before.
        due_at: UnixTime,
        /// The mail server's words.
        why: String,
    },
    /// Nothing was decided about it: there was no mail server, or the try was broken off.
    Later {
        /// Not to be tried before.
        due_at: UnixTime,
        /// What was in the way.
        why: String,
    },
    /// Never.
    Failed {
        /// The mail server's words.
        why: String,
    },
}

/// Which mails are asked for; the default asks for all.
#[derive(Clone, Copy, Debug, Default)]
pub struct MailFilter {
    /// Only of this number.
    pub number: Option<PhoneNumber>,
    /// Only with this purpose.
    pub purpose: Option<Purpose>,
    /// Only in this state.
    pub state: Option<MailState>,
    /// Only those entered at this second or later.
    pub since: Option<UnixTime>,
}

/// The hash of what is in a link that confirms an address.
#[derive(Clone, PartialEq, Eq)]
pub struct TokenHash(pub String);

impl TokenHash {
    /// What the store knows a link by.
    pub fn of(token: &str) -> TokenHash {
        use blake2::digest::Digest;
        let digest = blake2::Blake2b::<blake2::digest::consts::U32>::new()
            .chain_update("address")
            .chain_update([0])
            .chain_update(token)
            .finalize();
        TokenHash(hex(&digest))
    }
}

impl fmt::Debug for TokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenHash(•)")
    }
}

/// A link that confirms an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddressConfirmation {
    /// The hash of what is in the link.
    pub token: TokenHash,
    /// The number that the address is set for.
    pub number: PhoneNumber,
    /// The address.
    pub address: String,
    /// The first second at which it is no longer valid.
    pub expires_at: UnixTime,
}
