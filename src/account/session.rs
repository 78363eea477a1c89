//! Sessions of the settings site: logins, and how far each may go.

use std::fmt;
use std::str::FromStr;

use crate::number::PhoneNumber;
use crate::time::UnixTime;
use crate::unit::Unit;

/// How far a session may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// To the services.
    Open,
    /// Only to setting the account's own password: a temporary one was used.
    Temporary,
    /// Only to setting the account's own password: the old one has been in use for too long.
    Aged,
}

impl Stage {
    /// The name in the store.
    pub const fn name(self) -> &'static str {
        match self {
            Stage::Open => "open",
            Stage::Temporary => "temporary",
            Stage::Aged => "aged",
        }
    }
}

/// A word that names no stage.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no stage of a session")]
pub struct UnknownStage(pub String);

impl FromStr for Stage {
    type Err = UnknownStage;
    fn from_str(word: &str) -> Result<Stage, UnknownStage> {
        let all = [Stage::Open, Stage::Temporary, Stage::Aged];
        all.into_iter().find(|stage| stage.name() == word).ok_or_else(|| UnknownStage(word.to_owned()))
    }
}

/// Names a session in the store: the hash of what its owner's browser holds.
#[derive(Clone, PartialEq, Eq)]
pub struct SessionId(pub String);

impl fmt::Debug for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionId(•)")
    }
}

/// A login on the settings site.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// Names it.
    pub id: SessionId,
    /// The account's unit.
    pub unit: Unit,
    /// The account's number.
    pub number: PhoneNumber,
    /// How far it goes.
    pub stage: Stage,
    /// When it began.
    pub created_at: UnixTime,
    /// When it was last used.
    pub seen_at: UnixTime,
}

impl Session {
    /// Whether it has ended by `now`: it was unused for `idle` seconds, or began `longest` seconds ago.
    pub fn is_over(&self, now: UnixTime, idle: i64, longest: i64) -> bool {
        !self.seen_at.holds_at(now, idle) || !self.created_at.holds_at(now, longest)
    }
}
