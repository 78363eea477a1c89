//! The passwords of telephones: what is kept in place of one, so that a line can prove itself by SIP digest.

use std::fmt;

use serde::Serialize;
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::number::PhoneNumber;
use crate::time::UnixTime;

/// A line's password as it is stored: a hash for each way in which its user name may be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinePassword {
    /// The line.
    pub number: PhoneNumber,
    /// What the hashes are made for.
    pub realm: String,
    /// One for each writing of the user name.
    pub user_names: Vec<UserName>,
}

/// One writing of a line's user name, with what a digest is compared with.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct UserName {
    /// As the telephone sends it.
    pub user_name: String,
    /// SHA-256 of user:realm:password in hex.
    pub ha1_sha256: String,
    /// MD5 of the same.
    pub ha1_md5: String,
}

impl fmt::Debug for UserName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("UserName(•)")
    }
}

/// What a user name was found to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundLine {
    /// The line.
    pub number: PhoneNumber,
    /// What its hashes are made for.
    pub realm: String,
    /// The user name and its hashes.
    pub user_name: UserName,
}

/// A line that has a password, for lists.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LineEntry {
    /// The line.
    pub number: PhoneNumber,
    /// The contract that it belongs to.
    pub customer_number: PhoneNumber,
    /// What the password is for.
    pub realm: String,
    /// When it was set.
    pub set_at: UnixTime,
}
