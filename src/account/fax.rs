//! Received faxes, which are kept until their subscriber deletes them.

use std::fmt;

use serde::Serialize;

use crate::number::{CallingNumber, PhoneNumber};
use crate::time::UnixTime;

/// The limit of faxes kept for a number; the next one is refused until some are deleted.
pub const FAXES_A_NUMBER: u64 = 1000;
/// The limit of their bytes.
pub const FAX_BYTES_A_NUMBER: u64 = 500 * 1024 * 1024;

/// A fax to be kept.
#[derive(Clone, PartialEq, Eq)]
pub struct NewFax {
    /// Who received it.
    pub number: PhoneNumber,
    /// Who sent it; `None` when that was withheld.
    pub caller: Option<CallingNumber>,
    /// How many pages there are: at least 1.
    pub pages: u32,
    /// The TIFF as it was received.
    pub document: Vec<u8>,
}

impl fmt::Debug for NewFax {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NewFax({} pages, {} bytes)", self.pages, self.document.len())
    }
}

/// A fax that is kept, without its pages.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Fax {
    /// Names it.
    pub id: i64,
    /// Who received it.
    pub number: PhoneNumber,
    /// Who sent it; `None` when that was withheld.
    pub caller: Option<CallingNumber>,
    /// When.
    pub received_at: UnixTime,
    /// How many pages there are.
    pub pages: u32,
    /// How many bytes its TIFF has.
    pub size: u64,
    /// When it was first opened.
    pub viewed_at: Option<UnixTime>,
}
