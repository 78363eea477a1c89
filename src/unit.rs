//! The authentication unit (leaf): by what a subscriber logs in, and so how far the login reaches.

use std::fmt;
use std::str::FromStr;

/// The three authentication units.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unit {
    /// 回線単位: the whole line; logs in with the customer number.
    Line,
    /// 電話番号単位: one number's services only.
    Number,
    /// 管理者/ユーザー単位: the contract number is the administrator, an additional number a user.
    AdminUser,
}

impl Unit {
    /// All three, in the order of the spoken menu.
    pub const ALL: [Unit; 3] = [Unit::Line, Unit::Number, Unit::AdminUser];

    /// The name used on the command line, in the store and in forms.
    pub const fn name(self) -> &'static str {
        match self {
            Unit::Line => "line",
            Unit::Number => "number",
            Unit::AdminUser => "admin-user",
        }
    }
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A word that names no unit.
#[derive(Debug, thiserror::Error)]
#[error("{0:?} is no authentication unit: use line, number or admin-user")]
pub struct UnknownUnit(pub String);

impl FromStr for Unit {
    type Err = UnknownUnit;
    fn from_str(word: &str) -> Result<Unit, UnknownUnit> {
        Unit::ALL.into_iter().find(|unit| unit.name() == word).ok_or_else(|| UnknownUnit(word.to_owned()))
    }
}
