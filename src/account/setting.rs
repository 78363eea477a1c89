//! What a subscriber sets for a service of a number, as the settings site shows it and the network obeys it.
//!
//! In the store a setting is a row with `active` and a JSON object of what else the service needs: the fields below, by
//! their names. A key that is missing has its default, so that a field may be added.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::number::PhoneNumber;
use crate::time::UnixTime;

use super::Service;

/// One service of one number as it is set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting<T> {
    /// Whether it is started.
    pub active: bool,
    /// What else is set.
    pub detail: T,
    /// How often it was changed; 0 when never.
    pub revision: i64,
    /// When it was last changed.
    pub changed_at: Option<UnixTime>,
}

impl<T: Default> Default for Setting<T> {
    fn default() -> Setting<T> {
        Setting { active: false, detail: T::default(), revision: 0, changed_at: None }
    }
}

impl Setting<String> {
    /// The same with its JSON read.
    pub fn read<T: DeserializeOwned>(&self) -> Result<Setting<T>, serde_json::Error> {
        let Setting { active, ref detail, revision, changed_at } = *self;
        Ok(Setting { active, detail: serde_json::from_str(detail)?, revision, changed_at })
    }
}

/// A change of a service of a number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettingChange {
    /// The number.
    pub number: PhoneNumber,
    /// The service, which has to be contracted for it.
    pub service: Service,
    /// The revision that it was made from; when there is a newer one, the change is refused.
    pub revision: i64,
    /// Whether it is to be started.
    pub active: bool,
    /// What else is to be set, as a JSON object.
    pub detail: String,
}

/// ボイスワープ: a number's calls are forwarded.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Voicewarp {
    /// When calls are forwarded.
    pub condition: Condition,
    /// How long it rings before "no answer", in seconds: 5 to 60.
    pub ring_seconds: RingSeconds,
    /// Up to four numbers to forward to; `null` where a place is empty.
    pub destinations: [Option<PhoneNumber>; 4],
    /// The place of the destination in use, 0 to 3.
    pub in_use: u8,
    /// Whether the caller's number decides.
    pub select: Select,
    /// The callers' numbers for `select`.
    pub listed: Vec<PhoneNumber>,
}

/// How long it rings, in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RingSeconds(pub u8);

impl Default for RingSeconds {
    fn default() -> RingSeconds {
        RingSeconds(20)
    }
}

/// When calls are forwarded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Condition {
    /// 無条件転送: always.
    #[default]
    Always,
    /// 無応答時転送: without an answer in time.
    NoAnswer,
    /// 話中時転送: when the line is busy.
    Busy,
    /// 無応答時・話中時転送: in both cases.
    NoAnswerOrBusy,
}

/// Whether the caller's number decides (セレクト機能).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Select {
    /// It does not.
    #[default]
    Off,
    /// Only calls of listed numbers are forwarded.
    ForwardListed,
    /// Calls of listed numbers ring here; all others are forwarded.
    RingListed,
}

/// 着信お知らせメール: a mail tells of a call.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ArrivalMail {
    /// Up to five addresses.
    pub addresses: Vec<String>,
    /// Whether only calls of listed numbers are reported.
    pub only_listed: bool,
    /// The callers' numbers for `only_listed`.
    pub listed: Vec<PhoneNumber>,
}

/// 一括転送: all of a contract's numbers are forwarded at once.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct BulkTransfer {
    /// Where this number's calls go; `null` when nothing is set.
    pub destination: Option<PhoneNumber>,
}

/// 故障・回復通知: notices of a fault of the line and of its end.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct FaultNotice {
    /// The contractor's name in the mail.
    pub contractor: String,
    /// What the mail says about the site.
    pub site: String,
    /// Up to ten addresses.
    pub addresses: Vec<String>,
    /// Whether bulk forwarding starts by itself on a fault.
    pub start_bulk_transfer: bool,
    /// Whether bulk forwarding stops by itself on recovery.
    pub stop_bulk_transfer: bool,
}

/// FAXお知らせメール: received faxes are kept and announced by mail.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct FaxMail {
    /// The address of the mails; empty when none is set.
    pub address: String,
    /// Whether its owner has confirmed it. Nothing but the request to confirm goes to an unconfirmed address.
    pub confirmed: bool,
}
