//! The trait that every backend of the account store implements.

use crate::lock::Lock;
use crate::number::PhoneNumber;
use crate::secret::Secret;
use crate::time::UnixTime;
use crate::unit::Unit;

use super::credential::{Attempt, Credential, Settled, Verdict};
use super::fax::Fax;
use super::mail::{AddressConfirmation, Claim, Delivery, Mail, MailFilter, TokenHash};
use super::password::{self, Cost, PasswordHash, PreparedTemporaryPassword};
use super::session::{Session, SessionId};
use super::setting::Setting;
use super::{
    Actor, Applied, AuditEntry, AuditFilter, CallFilter, CallRecord, Contract, Effects, FoundLine, LineEntry,
    LinePassword, Service, StoreError,
};
use crate::ticket::Ticket;

/// The shared account store.
///
/// A handle belongs to one thread at a time; open the store once more for another thread or process. What a method
/// returned as done is durable: it survives the loss of power. Every write is one transaction, all or nothing.
pub trait Store: Send {
    /// The store as it was named when it was opened, for messages.
    fn name(&self) -> String;

    /// The contract that `number` belongs to, as contract number or additional number.
    fn line_of(&self, number: PhoneNumber) -> Result<Option<Contract>, StoreError>;

    /// The contract with this customer number.
    fn contract(&self, customer_number: PhoneNumber) -> Result<Option<Contract>, StoreError>;

    /// All contracts, by customer number.
    fn contracts(&self) -> Result<Vec<Contract>, StoreError>;

    /// Adds contracts and numbers, all or none. Numbers of a stored contract that are not named stay as they are; a new
    /// contract's number goes in whether it is among `numbers` or not.
    fn save_contracts(
        &mut self,
        contracts: &[Contract],
        existing: Existing,
        by: &Actor,
        now: UnixTime,
    ) -> Result<Saved, StoreError>;

    /// Removes a contract with its numbers and their credentials; call records and audit stay.
    fn remove_contract(&mut self, customer_number: PhoneNumber, by: &Actor, now: UnixTime) -> Result<(), StoreError>;

    /// Removes an additional number with its credentials.
    fn remove_number(&mut self, number: PhoneNumber, by: &Actor, now: UnixTime) -> Result<(), StoreError>;

    /// What is kept about an account's passwords; `None` when none was ever set or the number is not contracted.
    fn credential(&self, unit: Unit, number: PhoneNumber) -> Result<Option<Credential>, StoreError>;

    /// Enters the result of comparing a password ([`Attempt::compare`]): counts, locks, unlocks and audits.
    fn settle(&mut self, attempt: &Attempt, by: &Actor, now: UnixTime) -> Result<Settled, StoreError>;

    /// The cost of hashing that an unknown account's password is compared at, so that it takes as long as a known one's.
    fn cost(&self) -> Cost;

    /// When wrong passwords lock an account.
    fn lock(&self) -> Lock;

    /// Sets the account's own password: the one before becomes the previous one, the temporary one is used up, and all
    /// sessions of the account end.
    fn set_own_password(
        &mut self,
        unit: Unit,
        number: PhoneNumber,
        hash: &PasswordHash,
        by: &Actor,
        now: UnixTime,
    ) -> Result<(), StoreError>;

    /// Lifts a lock and forgets the failures; returns whether there was an account to unlock.
    fn unlock(&mut self, unit: Unit, number: PhoneNumber, by: &Actor, now: UnixTime) -> Result<bool, StoreError>;

    /// Commits what has gathered in one transaction. The outer error means that nothing of it was written; an inner
    /// one that this write was not, while the others were.
    fn commit(&mut self, writes: &[Write<'_>]) -> Result<Vec<Result<(), StoreError>>, StoreError>;

    /// Commits a group anew whose commit ended as [`StoreError::Unknown`]: what had arrived is acknowledged, and nothing is
    /// done twice.
    fn commit_again(&mut self, writes: &[Write<'_>]) -> Result<Vec<Result<(), StoreError>>, StoreError>;

    /// Forgets what is older than `before`, at most `most` rows of each kind, so that other writes wait for a short time only.
    /// Queued mails, and what subscribers keep, stay however old they are.
    fn prune(&mut self, before: UnixTime, most: u32) -> Result<Pruned, StoreError>;

    /// The record of one call.
    fn call(&self, id: &str) -> Result<Option<CallRecord>, StoreError>;

    /// Sets the password of a line's telephone in place of the one before; refused when the number is not contracted.
    fn set_line_password(&mut self, password: &LinePassword, by: &Actor, now: UnixTime) -> Result<(), StoreError>;

    /// Removes the password of a line's telephone; returns whether there was one.
    fn remove_line_password(&mut self, number: PhoneNumber, by: &Actor, now: UnixTime) -> Result<bool, StoreError>;

    /// The lines whose telephones have passwords, by number.
    fn line_passwords(&self) -> Result<Vec<LineEntry>, StoreError>;

    /// The line of which this is a user name, exactly as it is written.
    fn find_user_name(&self, user_name: &str) -> Result<Option<FoundLine>, StoreError>;

    /// Whether this line's telephone has a password; with `None`, whether any line's has.
    fn has_line_password(&self, number: Option<PhoneNumber>) -> Result<bool, StoreError>;

    /// Call records in the order the calls started.
    fn calls(&self, filter: &CallFilter) -> Result<Vec<CallRecord>, StoreError>;

    /// The first `most` of those calls behind `after`, however many there are in all: `last` is not heeded.
    fn calls_behind(
        &self,
        filter: &CallFilter,
        after: Option<&CallRecord>,
        most: u32,
    ) -> Result<Vec<CallRecord>, StoreError>;

    /// Audit rows in the order they were written.
    fn audit(&self, filter: &AuditFilter) -> Result<Vec<AuditEntry>, StoreError>;

    /// A session of the site, however old it is.
    fn session(&self, id: &SessionId) -> Result<Option<Session>, StoreError>;

    /// Begins a session, and forgets those that were last used before `stale_before`. One that a temporary password opens
    /// uses that password up; returns whether it could, or another login was faster.
    fn open_session(&mut self, session: &Session, stale_before: UnixTime, by: &Actor) -> Result<bool, StoreError>;

    /// Notes that a session was used. This alone need not survive a loss of power.
    fn touch_session(&mut self, id: &SessionId, now: UnixTime) -> Result<(), StoreError>;

    /// Ends a session.
    fn close_session(&mut self, id: &SessionId, by: &Actor, now: UnixTime) -> Result<(), StoreError>;

    /// What is set for a service of a number; the default when nothing ever was.
    fn setting(&self, number: PhoneNumber, service: Service) -> Result<Setting<String>, StoreError>;

    /// What is set for a service in a whole contract, by the order of its numbers; numbers for which nothing ever was are
    /// left out.
    fn settings(
        &self,
        customer_number: PhoneNumber,
        service: Service,
    ) -> Result<Vec<(PhoneNumber, Setting<String>)>, StoreError>;

    /// Changes settings, each with its row in the audit, enters mails and keeps a fax: all or nothing.
    fn apply(&mut self, effects: &Effects, by: &Actor, now: UnixTime) -> Result<Applied, StoreError>;

    /// Claims the most overdue mail that no other sender holds.
    fn claim_mail(&mut self, claim: &Claim, now: UnixTime) -> Result<Option<Mail>, StoreError>;

    /// Notes that the end of a mail is about to be sent, and prolongs the claim; returns whether the claim still held, that
    /// is, whether the mail may be sent.
    fn hand_over_mail(&mut self, id: &str, claim: &Claim) -> Result<bool, StoreError>;

    /// Enters how a try ended, if the claim of `by` still holds; returns whether it did.
    fn settle_mail(&mut self, id: &str, by: &str, delivery: &Delivery, now: UnixTime) -> Result<bool, StoreError>;

    /// Queues all failed mails anew; returns how many there were.
    fn retry_failed_mails(&mut self, now: UnixTime) -> Result<usize, StoreError>;

    /// Mails in the order they were entered.
    fn mails(&self, filter: &MailFilter) -> Result<Vec<Mail>, StoreError>;

    /// Makes a link's token one that confirms an address.
    fn offer_confirmation(&mut self, confirmation: &AddressConfirmation, now: UnixTime) -> Result<(), StoreError>;

    /// What a link would confirm; `None` when it is too old, was used, or another address is set meanwhile.
    fn offered_confirmation(&self, token: &TokenHash, now: UnixTime)
    -> Result<Option<AddressConfirmation>, StoreError>;

    /// Confirms an address and uses up its links; `None` as with [`Store::offered_confirmation`].
    fn confirm_address(&mut self, token: &TokenHash, now: UnixTime) -> Result<Option<AddressConfirmation>, StoreError>;

    /// The faxes kept for a number, the newest first.
    fn faxes(&self, number: PhoneNumber) -> Result<Vec<Fax>, StoreError>;

    /// A fax of a number with its TIFF, noted as viewed from now on.
    fn open_fax(
        &mut self,
        number: PhoneNumber,
        id: i64,
        by: &Actor,
        now: UnixTime,
    ) -> Result<Option<(Fax, Vec<u8>)>, StoreError>;

    /// Deletes faxes of a number; returns how many of them there were.
    fn delete_faxes(
        &mut self,
        number: PhoneNumber,
        ids: &[i64],
        by: &Actor,
        now: UnixTime,
    ) -> Result<usize, StoreError>;

    /// Sets temporary passwords in one transaction, each with its own result: it is refused when its number is not, or
    /// no longer, contracted. A new one replaces an older one, leaves the account's own password, and lifts a lock.
    fn set_temporary_passwords(
        &mut self,
        passwords: &[PreparedTemporaryPassword],
    ) -> Result<Vec<Result<(), StoreError>>, StoreError> {
        let writes: Vec<Write<'_>> =
            passwords.iter().map(|password| Write::TemporaryPassword(password, None)).collect();
        self.commit(&writes)
    }

    /// Keeps one call record.
    fn record_call(&mut self, record: &CallRecord) -> Result<(), StoreError> {
        self.commit(&[Write::Call(record)])?.into_iter().collect()
    }

    /// Whether `password` opens the account at `now`. Takes as long as two hashes, whatever the answer.
    fn verify(
        &mut self,
        unit: Unit,
        number: PhoneNumber,
        password: &Secret,
        by: &Actor,
        now: UnixTime,
    ) -> Result<Verdict, StoreError> {
        // only a credential that changes while its password is being compared needs another round
        const ROUNDS: usize = 3;
        for _ in 0..ROUNDS {
            let credential = self.credential(unit, number)?;
            let attempt = Attempt::compare(unit, number, credential.as_ref(), password, self.cost());
            if let Settled::Verdict(verdict) = self.settle(&attempt, by, now)? {
                return Ok(verdict);
            }
        }
        Ok(Verdict::Wrong)
    }
}

/// One of the writes that gather into a transaction.
#[derive(Clone, Copy, Debug)]
pub enum Write<'a> {
    /// Set a temporary password, unless its ticket was withdrawn by then ([`StoreError::Withdrawn`]).
    TemporaryPassword(&'a password::PreparedTemporaryPassword, Option<&'a Ticket>),
    /// Keep a call record.
    Call(&'a CallRecord),
    /// Add to the audit.
    Audit(&'a AuditEntry),
}

/// What to do about contracts and numbers that are already there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Existing {
    /// Refuse a number that is there; a contract that is there may still get new numbers.
    Refuse,
    /// Give it the services named.
    Update,
}

/// How many rows [`Store::prune`] removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Pruned {
    /// Call records, by when the call started.
    pub calls: usize,
    /// Audit rows, by when they were written.
    pub audit: usize,
    /// Mails that were sent or have failed, by when.
    pub mails: usize,
}

/// What [`Store::save_contracts`] did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Saved {
    /// New contracts.
    pub contracts_added: usize,
    /// New numbers, contract numbers among them.
    pub numbers_added: usize,
    /// Numbers whose services changed.
    pub numbers_changed: usize,
}
