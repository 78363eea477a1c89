//! The audit: who did what to which account, and when. Rows are added, never changed.

use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

use crate::number::PhoneNumber;
use crate::time::UnixTime;
use crate::unit::Unit;

/// One row of the audit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AuditEntry {
    /// When.
    pub at: UnixTime,
    /// Who: `call ID`, or the program that the store was opened by (`contract add`, `account unlock`, `site`, …).
    pub actor: String,
    /// What.
    pub action: Action,
    /// The account's unit, when it concerns one.
    pub unit: Option<Unit>,
    /// The account's or contract's number.
    pub number: Option<PhoneNumber>,
    /// What else there is to say; never a password.
    pub detail: Option<String>,
}

/// What was done. The site adds its own as [`Action::Other`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// A contract or a number was added, or its services changed.
    ContractSaved,
    /// A contract was removed, with its numbers and credentials.
    ContractRemoved,
    /// An additional number was removed, with its credentials.
    NumberRemoved,
    /// A temporary password was set.
    TemporarySet,
    /// The account's own password was set.
    PasswordSet,
    /// A password was right.
    Verified,
    /// A password was wrong.
    Wrong,
    /// A temporary password was right, but its 24 hours were over.
    Expired,
    /// The last of too many wrong passwords: locked.
    Locked,
    /// The lock was lifted by hand.
    Unlocked,
    /// A login on the settings site.
    LoggedIn,
    /// A logout there.
    LoggedOut,
    /// The password of a line's telephone was set.
    LinePasswordSet,
    /// The password of a line's telephone was taken away.
    LinePasswordRemoved,
    /// A telephone sent a wrong password.
    LineWrong,
    /// The last of too many wrong passwords of a telephone: locked for its address.
    LineLocked,
    /// Another program's action.
    Other(String),
}

impl Action {
    const KNOWN: [Action; 16] = [
        Action::ContractSaved,
        Action::ContractRemoved,
        Action::NumberRemoved,
        Action::TemporarySet,
        Action::PasswordSet,
        Action::Verified,
        Action::Wrong,
        Action::Expired,
        Action::Locked,
        Action::Unlocked,
        Action::LoggedIn,
        Action::LoggedOut,
        Action::LinePasswordSet,
        Action::LinePasswordRemoved,
        Action::LineWrong,
        Action::LineLocked,
    ];

    /// Whether it is about the password of a line's telephone.
    pub fn is_of_a_line(&self) -> bool {
        self.name().starts_with("line-")
    }

    /// The name in the store.
    pub fn name(&self) -> &str {
        match self {
            Action::ContractSaved => "contract-saved",
            Action::ContractRemoved => "contract-removed",
            Action::NumberRemoved => "number-removed",
            Action::TemporarySet => "temporary-set",
            Action::PasswordSet => "password-set",
            Action::Verified => "verified",
            Action::Wrong => "wrong",
            Action::Expired => "expired",
            Action::Locked => "locked",
            Action::Unlocked => "unlocked",
            Action::LoggedIn => "logged-in",
            Action::LoggedOut => "logged-out",
            Action::LinePasswordSet => "line-password-set",
            Action::LinePasswordRemoved => "line-password-removed",
            Action::LineWrong => "line-wrong",
            Action::LineLocked => "line-locked",
            Action::Other(name) => name,
        }
    }
}

impl FromStr for Action {
    type Err = std::convert::Infallible;
    fn from_str(name: &str) -> Result<Action, Self::Err> {
        let known = Action::KNOWN.into_iter().find(|action| action.name() == name);
        Ok(known.unwrap_or_else(|| Action::Other(name.to_owned())))
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl Serialize for Action {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

/// Which audit rows are asked for; the default asks for all.
#[derive(Clone, Copy, Debug, Default)]
pub struct AuditFilter {
    /// Only this number's.
    pub number: Option<PhoneNumber>,
    /// Only this unit's.
    pub unit: Option<Unit>,
    /// Only this many, the newest.
    pub last: Option<u32>,
}
