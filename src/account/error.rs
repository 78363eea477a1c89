//! What can go wrong with the store: each says what, where and what to do.

use std::time::Duration;

use crate::number::PhoneNumber;
use crate::unit::Unit;

use super::Service;

/// Why the store did not do what it was asked. `store` names it as it was opened, such as `karipass.db`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// There is no such file, and it was not to be made.
    #[error("{store}: there is no account store here; name it with --db, or make it with `karipass contract add`")]
    Missing {
        /// The file.
        store: String,
    },
    /// The file cannot be opened or made.
    #[error("{store}: the account store cannot be opened: {why}; check the path and its permissions")]
    Unreachable {
        /// The file.
        store: String,
        /// The system's or SQLite's words.
        why: String,
    },
    /// It belongs to something else; it was left as it was.
    #[error("{store}: this is not a karipass account store ({found}); it was not touched: name another file with --db")]
    Foreign {
        /// The file.
        store: String,
        /// What it is instead.
        found: String,
    },
    /// A newer karipass made it; it was left as it was.
    #[error(
        "{store}: the account store has schema {found}, and this karipass knows up to {known}; \
         it was not touched: use the karipass that made it, or a newer one"
    )]
    Newer {
        /// The file.
        store: String,
        /// The schema's number.
        found: u32,
        /// The highest this program knows.
        known: u32,
    },
    /// It cannot be written to.
    #[error(
        "{store}: the account store is read-only; make the file, what is beside it and their folder writable for this user, \
         or the disk that they are on"
    )]
    ReadOnly {
        /// The file.
        store: String,
    },
    /// There is no room left.
    #[error("{store}: no room for the account store: the disk or the quota is full; free some space and try again")]
    Full {
        /// The file.
        store: String,
    },
    /// Another program kept it for itself.
    #[error("{store}: another program has kept the account store locked for {waited:?}; end it, or try again")]
    Busy {
        /// The file.
        store: String,
        /// How long it was waited for.
        waited: Duration,
    },
    /// It was there and is no longer, or another file has its place.
    #[error(
        "{store}: the account store, or the -wal or -shm beside it, was moved, removed or replaced while in use; put back \
         what was moved, and restart what uses the store"
    )]
    Gone {
        /// The file.
        store: String,
    },
    /// Another program has it open with other files: what is written now would be lost, or would cost what that program wrote.
    #[error(
        "{store}: another program has the account store open by another name, or from before it or the -wal or -shm beside \
         it was removed or replaced; nothing was written: restart that program, then try again"
    )]
    Divided {
        /// The file.
        store: String,
    },
    /// The file has several names.
    #[error(
        "{store}: the account store has {names} names (hard links), and what was committed last is beside one of them only; \
         it was not touched: remove the other names, and make copies with `VACUUM INTO`"
    )]
    Linked {
        /// The file.
        store: String,
        /// How many.
        names: u64,
    },
    /// Its file can be read, and is damaged.
    #[error(
        "{store}: the account store is damaged: {why}; stop what uses it, keep copies of the file and what is beside it, and \
         save what is left with `sqlite3` and `.recover`: a backup lacks the passwords that were set since"
    )]
    Damaged {
        /// The file.
        store: String,
        /// What was found.
        why: String,
    },
    /// It is sound, and another program wrote a value that does not belong there.
    #[error(
        "{store}: the account store has a value that this karipass cannot read: {why}; correct that row, or use the karipass \
         that wrote it"
    )]
    Row {
        /// The file.
        store: String,
        /// Which value.
        why: String,
    },
    /// The disk fails, or a quota is full. That says nothing about the store itself.
    #[error(
        "{store}: the disk under the account store fails: {why}; check its free space, its quota, its health, and that it is \
         not mounted read-only, and leave the store as it is"
    )]
    Disk {
        /// The file.
        store: String,
        /// SQLite's words.
        why: String,
    },
    /// Anything else that SQLite or the system reports.
    #[error("{store}: the account store failed: {why}; try again, and see the log of the system if it stays")]
    Failed {
        /// The file.
        store: String,
        /// SQLite's words.
        why: String,
    },
    /// A write was given to the store, and no answer came: it may be in force, now or later, or never.
    #[error("{store}: whether the last write is in the account store is not known: {why}")]
    Unknown {
        /// The file.
        store: String,
        /// What came instead of the answer, and what to do.
        why: String,
    },
    /// Nobody waits for it any longer; nothing was changed.
    #[error("the request was withdrawn; nothing was changed")]
    Withdrawn,
    /// The account's number is not, or no longer, contracted; for the line unit: it is no customer number.
    #[error("{number} is not a contracted number for unit {unit}; see `karipass contract list`")]
    NotContracted {
        /// The unit.
        unit: Unit,
        /// The number.
        number: PhoneNumber,
    },
    /// The service is not contracted for the number.
    #[error("{service} is not contracted for {number}; nothing was changed")]
    ServiceNotContracted {
        /// The number.
        number: PhoneNumber,
        /// The service.
        service: Service,
    },
    /// Somebody else has changed the setting meanwhile.
    #[error("{service} of {number} was changed by somebody else meanwhile; nothing was changed")]
    SettingChanged {
        /// The number.
        number: PhoneNumber,
        /// The service.
        service: Service,
    },
    /// As many faxes are kept for the number as there may be.
    #[error("{number} keeps as many faxes as it may; this one was not taken: delete some on the settings site")]
    TooManyFaxes {
        /// The number.
        number: PhoneNumber,
    },
    /// There is no such contract.
    #[error("there is no contract {customer_number}; see `karipass contract list`")]
    UnknownContract {
        /// The customer number.
        customer_number: PhoneNumber,
    },
    /// A number is contracted already.
    #[error("{number} already belongs to contract {customer_number}; nothing was changed")]
    NumberTaken {
        /// The number.
        number: PhoneNumber,
        /// Whose it is.
        customer_number: PhoneNumber,
    },
    /// A number is named twice.
    #[error("{number} is named twice; nothing was changed")]
    NumberTwice {
        /// The number.
        number: PhoneNumber,
    },
    /// The contract number cannot be taken out of its contract.
    #[error("{number} is the contract number: it goes only with the whole contract; nothing was changed")]
    ContractNumber {
        /// The number.
        number: PhoneNumber,
    },
    /// A telephone's user name belongs to another line.
    #[error("a user name of {number} is already that of {owner}; nothing was changed")]
    UserNameTaken {
        /// The line it was meant for.
        number: PhoneNumber,
        /// The line it belongs to.
        owner: PhoneNumber,
    },
    /// A call record with this id is there already.
    #[error("there is already a record of call {id}")]
    CallTwice {
        /// The record's id.
        id: String,
    },
    /// The example contract is only for a store with no other.
    #[error(
        "{store}: this account store holds other contracts, so the example one does not go in; name another file with --db"
    )]
    NotForDemo {
        /// The file.
        store: String,
    },
}

impl StoreError {
    /// Whether what was asked may be in force in spite of the error.
    pub fn is_unknown(&self) -> bool {
        matches!(self, StoreError::Unknown { .. })
    }

    /// Whether the store itself is at fault, rather than what was asked of it.
    pub fn is_resource(&self) -> bool {
        match self {
            StoreError::Missing { .. }
            | StoreError::Unreachable { .. }
            | StoreError::Foreign { .. }
            | StoreError::Newer { .. }
            | StoreError::ReadOnly { .. }
            | StoreError::Full { .. }
            | StoreError::Busy { .. }
            | StoreError::Gone { .. }
            | StoreError::Divided { .. }
            | StoreError::Linked { .. }
            | StoreError::Damaged { .. }
            | StoreError::Row { .. }
            | StoreError::Disk { .. }
            | StoreError::Failed { .. }
            | StoreError::Unknown { .. }
            | StoreError::NotForDemo { .. } => true,
            StoreError::Withdrawn
            | StoreError::NotContracted { .. }
            | StoreError::ServiceNotContracted { .. }
            | StoreError::SettingChanged { .. }
            | StoreError::TooManyFaxes { .. }
            | StoreError::UnknownContract { .. }
            | StoreError::NumberTaken { .. }
            | StoreError::NumberTwice { .. }
            | StoreError::ContractNumber { .. }
            | StoreError::UserNameTaken { .. }
            | StoreError::CallTwice { .. } => false,
        }
    }
}
