//! The tables of the account store, and the transactions in which the rules work on them: what a backend implements.
//!
//! A table knows rows and keys, no rule: it never refuses, counts, locks or audits by itself. Every method is one
//! statement or one bulk statement, so that a backend behind a network can answer it in one round trip.
//!
//! ```text
//! Store ◀── Rules<B> ──▶ B: Backend ──▶ read | write ──▶ dyn Tables
//!           one copy      SQLite, …      one transaction   rows
//! ```
//!
//! Invariants of a backend:
//! - The work of a transaction may run more than once (a serialization failure, a lock): what counts is its last run.
//! - All of a transaction's work sees one state of the tables, and writes all or nothing.
//! - A `read` takes no write lock and waits for no writer.
//! - [`Durability::Full`] survives the loss of power. A commit whose outcome cannot be known is
//!   [`StoreError::Unknown`], never a plain failure.

use std::time::Duration;

use crate::number::PhoneNumber;
use crate::time::UnixTime;
use crate::unit::Unit;

use super::credential::{Credential, Standing};
use super::fax::{Fax, NewFax};
use super::mail::{AddressConfirmation, Claim, Mail, MailFilter, MailState, TokenHash};
use super::password::PasswordHash;
use super::session::{Session, SessionId};
use super::setting::Setting;
use super::{
    AuditEntry, AuditFilter, CallFilter, CallRecord, Contract, FoundLine, LineEntry, LinePassword, Service, Services,
    StoreError,
};

/// A kind of store: it runs work in transactions.
pub trait Backend: Send {
    /// The store as it was named when it was opened, for messages.
    fn name(&self) -> String;

    /// Runs read-only work on one state of the tables.
    fn read<T>(&self, work: impl Fn(&dyn Tables) -> Result<T, Failure>) -> Result<T, StoreError>;

    /// Runs work in a write transaction, again after each conflict, and commits it. Work that fails is rolled back.
    fn write<T>(
        &mut self,
        durability: Durability,
        work: impl Fn(&mut dyn Tables) -> Result<T, Failure>,
    ) -> Result<T, StoreError>;
}

/// What a commit has to survive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// The loss of power, from the moment the commit returns.
    Full,
    /// The end of the process. A loss of power may undo it, together with nothing older.
    Relaxed,
}

/// Why work on the tables was given up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// A rule refused it.
    Refused(StoreError),
    /// Another transaction is in the way: the same work may succeed when it runs again.
    Conflict,
    /// The store itself failed.
    Fault(Fault),
}

/// What can be wrong with a store, whichever it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It cannot be opened or reached.
    Unreachable(String),
    /// It cannot be written to.
    ReadOnly,
    /// There is no room left.
    Full,
    /// It was moved, removed or replaced while in use.
    Gone,
    /// Another program has it open with other files, or by another name.
    Divided,
    /// It is damaged.
    Damaged(String),
    /// A row that cannot be.
    Row(String),
    /// The disk fails.
    Disk(String),
    /// Anything else.
    Failed(String),
}

impl From<StoreError> for Failure {
    fn from(refused: StoreError) -> Failure {
        Failure::Refused(refused)
    }
}

impl From<Fault> for Failure {
    fn from(fault: Fault) -> Failure {
        Failure::Fault(fault)
    }
}

impl Failure {
    /// The same for the store's users. `waited` is how long conflicts were waited out.
    pub fn explain(self, store: &str, waited: Duration) -> StoreError {
        match self {
            Failure::Refused(refused) => refused,
            Failure::Conflict => StoreError::Busy { store: store.to_owned(), waited },
            Failure::Fault(fault) => fault.explain(store),
        }
    }
}

impl Fault {
    /// The same for the users of this store.
    pub fn explain(self, store: &str) -> StoreError {
        let store = store.to_owned();
        match self {
            Fault::Unreachable(why) => StoreError::Unreachable { store, why },
            Fault::ReadOnly => StoreError::ReadOnly { store },
            Fault::Full => StoreError::Full { store },
            Fault::Gone => StoreError::Gone { store },
            Fault::Divided => StoreError::Divided { store },
            Fault::Damaged(why) => StoreError::Damaged { store, why },
            Fault::Row(why) => StoreError::Row { store, why },
            Fault::Disk(why) => StoreError::Disk { store, why },
            Fault::Failed(why) => StoreError::Failed { store, why },
        }
    }
}

/// All tables, as one transaction sees them. `&dyn Tables` can only read.
///
/// `put_…` writes a row whether its key is there or not; `insert_…` fails with [`Fault::Failed`] when it is, unless it
/// says otherwise. Rows that refer to a number need one that is there; they are deleted before it.
pub trait Tables:
    ContractTables
    + CredentialTable
    + SessionTable
    + SettingTable
    + EventTable
    + MailTable
    + ConfirmationTable
    + FaxTable
    + LineTable
    + CallTable
    + AuditTable
{
}

impl<T> Tables for T where
    T: ContractTables
        + CredentialTable
        + SessionTable
        + SettingTable
        + EventTable
        + MailTable
        + ConfirmationTable
        + FaxTable
        + LineTable
        + CallTable
        + AuditTable
{
}

/// Contracts, their numbers in order, and the services of each number.
pub trait ContractTables {
    /// The customer numbers that these numbers belong to, in the same order.
    fn owners(&self, numbers: &[PhoneNumber]) -> Result<Vec<Option<PhoneNumber>>, Failure>;
    /// The whole contract that a number belongs to.
    fn contract_of(&self, number: PhoneNumber) -> Result<Option<Contract>, Failure>;
    /// All contracts, by customer number.
    fn contracts(&self) -> Result<Vec<Contract>, Failure>;
    /// The services of a number; none when it is not there.
    fn services(&self, number: PhoneNumber) -> Result<Services, Failure>;
    /// A contract without numbers.
    fn insert_contract(&mut self, customer_number: PhoneNumber, created_at: UnixTime) -> Result<(), Failure>;
    /// A number behind all others of its contract.
    fn append_number(
        &mut self,
        customer_number: PhoneNumber,
        number: PhoneNumber,
        created_at: UnixTime,
    ) -> Result<(), Failure>;
    /// A service of a number, which it does not have yet.
    fn insert_service(&mut self, number: PhoneNumber, service: Service) -> Result<(), Failure>;
    /// Takes a service away.
    fn delete_service(&mut self, number: PhoneNumber, service: Service) -> Result<(), Failure>;
    /// Deletes a number with its services.
    fn delete_number(&mut self, number: PhoneNumber) -> Result<(), Failure>;
    /// Deletes a contract that has no numbers any more.
    fn delete_contract(&mut self, customer_number: PhoneNumber) -> Result<(), Failure>;
}

/// Passwords of accounts, by unit and number.
pub trait CredentialTable {
    /// An account's row.
    fn credential(&self, unit: Unit, number: PhoneNumber) -> Result<Option<Credential>, Failure>;
    /// A whole row.
    fn put_credential(&mut self, credential: &Credential) -> Result<(), Failure>;
    /// The named columns of many rows, in order. What else a row has stays; a missing row is made.
    fn put_temporaries(&mut self, rows: &[TemporaryColumns<'_>]) -> Result<(), Failure>;
    /// Deletes the rows of a number, of every unit.
    fn delete_credentials(&mut self, number: PhoneNumber) -> Result<(), Failure>;
}

/// An account's temporary password and its standing: part of a row.
#[derive(Clone, Copy, Debug)]
pub struct TemporaryColumns<'a> {
    /// The account's unit.
    pub unit: Unit,
    /// The account's number.
    pub number: PhoneNumber,
    /// The hash.
    pub hash: &'a PasswordHash,
    /// When it was keyed in.
    pub set_at: UnixTime,
    /// The first second at which it is no longer valid.
    pub expires_at: UnixTime,
    /// When it opened the settings site.
    pub used_at: Option<UnixTime>,
    /// The wrong attempts.
    pub standing: Standing,
}

/// Sessions of the settings site, by id.
pub trait SessionTable {
    /// A session.
    fn session(&self, id: &SessionId) -> Result<Option<Session>, Failure>;
    /// A whole row.
    fn put_session(&mut self, session: &Session) -> Result<(), Failure>;
    /// Deletes one.
    fn delete_session(&mut self, id: &SessionId) -> Result<(), Failure>;
    /// Deletes those of a number, of this unit or of every unit.
    fn delete_sessions(&mut self, unit: Option<Unit>, number: PhoneNumber) -> Result<(), Failure>;
    /// Deletes those that were last used before.
    fn delete_sessions_before(&mut self, seen_before: UnixTime) -> Result<(), Failure>;
}

/// Settings, by number and service.
pub trait SettingTable {
    /// A setting.
    fn setting(&self, number: PhoneNumber, service: Service) -> Result<Option<Setting<String>>, Failure>;
    /// The settings of a contract's numbers, in the numbers' order; numbers without one are left out.
    fn settings(
        &self,
        customer_number: PhoneNumber,
        service: Service,
    ) -> Result<Vec<(PhoneNumber, Setting<String>)>, Failure>;
    /// A whole row.
    fn put_setting(&mut self, number: PhoneNumber, service: Service, setting: &Setting<String>) -> Result<(), Failure>;
    /// Deletes all settings of a number.
    fn delete_settings(&mut self, number: PhoneNumber) -> Result<(), Failure>;
}

/// Events that were played with an id.
pub trait EventTable {
    /// Whether an event is there.
    fn has_event(&self, id: &str) -> Result<bool, Failure>;
    /// An event.
    fn insert_event(&mut self, id: &str, happened_at: UnixTime) -> Result<(), Failure>;
    /// Deletes those that happened before.
    fn delete_events_before(&mut self, happened_before: UnixTime) -> Result<(), Failure>;
}

/// A mail with the claim on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailRow {
    /// The mail.
    pub mail: Mail,
    /// Who is sending it, and until when that holds.
    pub claim: Option<Claim>,
}

/// The latest times that a mail may have been given at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Horizon {
    /// When it is due.
    pub due_at: UnixTime,
    /// The end of a claim.
    pub claimed_until: UnixTime,
}

/// Mails, by id.
pub trait MailTable {
    /// A mail.
    fn mail(&self, id: &str) -> Result<Option<MailRow>, Failure>;
    /// Of the queued mails that are due and whose claim, if any, is over: the first by due time, creation and id. Times behind
    /// `horizon` count as over.
    fn due_mail(&self, now: UnixTime, horizon: Horizon) -> Result<Option<MailRow>, Failure>;
    /// Mails by creation and id.
    fn mails(&self, filter: &MailFilter) -> Result<Vec<Mail>, Failure>;
    /// A new mail.
    fn insert_mail(&mut self, row: &MailRow) -> Result<(), Failure>;
    /// A whole row in place of the one that is there.
    fn update_mail(&mut self, row: &MailRow) -> Result<(), Failure>;
    /// Deletes at most `limit` mails in this state that were settled before; returns how many.
    fn delete_mails(&mut self, state: MailState, settled_before: UnixTime, limit: u32) -> Result<usize, Failure>;
}

/// Links that confirm addresses, by the hash of their token.
pub trait ConfirmationTable {
    /// A link.
    fn confirmation(&self, token: &TokenHash) -> Result<Option<AddressConfirmation>, Failure>;
    /// A new link.
    fn insert_confirmation(&mut self, confirmation: &AddressConfirmation) -> Result<(), Failure>;
    /// Deletes the links of a number.
    fn delete_confirmations(&mut self, number: PhoneNumber) -> Result<(), Failure>;
    /// Deletes the links that are no longer valid at `now`.
    fn delete_confirmations_expired(&mut self, now: UnixTime) -> Result<(), Failure>;
}

/// Received faxes, by id.
pub trait FaxTable {
    /// A number's faxes, the newest first.
    fn faxes(&self, number: PhoneNumber) -> Result<Vec<Fax>, Failure>;
    /// A fax with its TIFF.
    fn fax(&self, id: i64) -> Result<Option<(Fax, Vec<u8>)>, Failure>;
    /// How many faxes are kept for a number, and their bytes in all.
    fn fax_totals(&self, number: PhoneNumber) -> Result<(u64, u64), Failure>;
    /// A new fax; returns the id that the table gives it.
    fn insert_fax(&mut self, fax: &NewFax, received_at: UnixTime) -> Result<i64, Failure>;
    /// When a fax was first opened.
    fn set_fax_viewed(&mut self, id: i64, viewed_at: UnixTime) -> Result<(), Failure>;
    /// Deletes a fax of this number; returns whether there was one.
    fn delete_fax(&mut self, number: PhoneNumber, id: i64) -> Result<bool, Failure>;
    /// Deletes all faxes of a number.
    fn delete_faxes(&mut self, number: PhoneNumber) -> Result<(), Failure>;
}

/// Passwords of telephones, by number, each with its user names.
pub trait LineTable {
    /// The lines with passwords, by number.
    fn line_passwords(&self) -> Result<Vec<LineEntry>, Failure>;
    /// The line of a user name.
    fn user_name(&self, user_name: &str) -> Result<Option<FoundLine>, Failure>;
    /// Whether this line has a password; with `None`, whether any line has.
    fn has_line_password(&self, number: Option<PhoneNumber>) -> Result<bool, Failure>;
    /// A new password with its user names.
    fn insert_line_password(&mut self, password: &LinePassword, set_at: UnixTime) -> Result<(), Failure>;
    /// Deletes a password with its user names; returns whether there was one.
    fn delete_line_password(&mut self, number: PhoneNumber) -> Result<bool, Failure>;
}

/// Call records, by id.
pub trait CallTable {
    /// A call.
    fn call(&self, id: &str) -> Result<Option<CallRecord>, Failure>;
    /// Calls by start and id; with `last`, the newest of them.
    fn calls(&self, filter: &CallFilter) -> Result<Vec<CallRecord>, Failure>;
    /// The first `limit` calls behind `after`, by start and id; `last` is not heeded.
    fn calls_behind(
        &self,
        filter: &CallFilter,
        after: Option<&CallRecord>,
        limit: u32,
    ) -> Result<Vec<CallRecord>, Failure>;
    /// New calls, in order; each answer is whether it went in, that is, whether its id was not there.
    fn insert_calls(&mut self, records: &[&CallRecord]) -> Result<Vec<bool>, Failure>;
    /// Deletes at most `limit` calls that started before, the oldest first; returns how many.
    fn delete_calls(&mut self, started_before: UnixTime, limit: u32) -> Result<usize, Failure>;
}

/// The audit, in the order of writing.
pub trait AuditTable {
    /// Rows in that order; with `last`, the newest of them.
    fn audit(&self, filter: &AuditFilter) -> Result<Vec<AuditEntry>, Failure>;
    /// New rows, in order.
    fn append_audit(&mut self, entries: &[AuditEntry]) -> Result<(), Failure>;
    /// Deletes at most `limit` rows that were written before, the oldest first; returns how many.
    fn delete_audit(&mut self, written_before: UnixTime, limit: u32) -> Result<usize, Failure>;
}
