//! The account store in a SQLite file that several processes share.
//!
//! WAL and `synchronous=FULL`: readers never wait, and what was committed survives the loss of power. Every write begins
//! with `BEGIN IMMEDIATE`, so it waits for its turn at the start and cannot fail for another writer afterwards.

mod contracts;
mod credentials;
mod error;
mod faxes;
mod file;
mod lines;
mod mail;
mod open;
mod records;
mod rows;
mod site;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use rusqlite::{Connection, Transaction, TransactionBehavior};

use crate::number::PhoneNumber;
use crate::time::UnixTime;
use crate::unit::Unit;

use super::credential::{Attempt, Credential, Lock, Settled};
use super::fax::Fax;
use super::mail::{AddressConfirmation, Claim, Delivery, Mail, MailFilter, TokenHash};
use super::password::{Cost, PasswordHash};
use super::session::{Session, SessionId};
use super::setting::Setting;
use super::{
    Actor, Applied, AuditEntry, AuditFilter, CallFilter, CallRecord, Contract, Effects, Existing, FoundLine, LineEntry,
    LinePassword, Pruned, Saved, Service, Store, StoreError, Write,
};

use error::Failure;
use file::Identity;

pub use open::{Mode, Options};

/// Marks a SQLite file as an account store, in `PRAGMA application_id`: `KARI`.
pub const APPLICATION_ID: i32 = 0x4B41_5249;

/// A handle to the account store in a SQLite file.
pub struct SqliteStore {
    connection: Connection,
    name: String,
    path: PathBuf,
    identity: Identity,
    /// The WAL beside the file, where there is one: what was committed last is in it alone.
    log: Option<(PathBuf, Identity)>,
    actor: String,
    cost: Cost,
    wait: Duration,
    lock: Lock,
}

impl Store for SqliteStore {
    fn name(&self) -> String {
        self.name.clone()
    }

    fn line_of(&self, number: PhoneNumber) -> Result<Option<Contract>, StoreError> {
        self.read(|connection| contracts::of_number(connection, number))
    }

    fn contract(&self, customer_number: PhoneNumber) -> Result<Option<Contract>, StoreError> {
        self.read(|connection| contracts::one(connection, customer_number))
    }

    fn contracts(&self) -> Result<Vec<Contract>, StoreError> {
        self.read(contracts::all)
    }

    fn save_contracts(
        &mut self,
        contracts: &[Contract],
        existing: Existing,
        now: UnixTime,
    ) -> Result<Saved, StoreError> {
        let actor = self.actor.clone();
        self.write(|transaction| contracts::save(transaction, contracts, existing, &actor, now))
    }

    fn remove_contract(&mut self, customer_number: PhoneNumber, now: UnixTime) -> Result<(), StoreError> {
        let actor = self.actor.clone();
        self.write(|transaction| contracts::remove(transaction, customer_number, &actor, now))
    }

    fn remove_number(&mut self, number: PhoneNumber, now: UnixTime) -> Result<(), StoreError> {
        let actor = self.actor.clone();
        self.write(|transaction| contracts::remove_number(transaction, number, &actor, now))
    }

    fn credential(&self, unit: Unit, number: PhoneNumber) -> Result<Option<Credential>, StoreError> {
        self.read(|connection| credentials::one(connection, unit, number))
    }

    fn settle(&mut self, attempt: &Attempt, now: UnixTime) -> Result<Settled, StoreError> {
        let (actor, lock) = (self.actor.clone(), self.lock);
        let write = |transaction: &Transaction<'_>| credentials::settle(transaction, attempt, lock, &actor, now);
        credentials::settled_without_writing(attempt).map_or_else(|| self.write(write), Ok)
    }

    fn cost(&self) -> Cost {
        self.cost
    }

    fn set_own_password(
        &mut self,
        unit: Unit,
        number: PhoneNumber,
        hash: &PasswordHash,
        now: UnixTime,
    ) -> Result<(), StoreError> {
        let actor = self.actor.clone();
        self.write(|transaction| credentials::set_own(transaction, unit, number, hash, &actor, now))
    }

    fn unlock(&mut self, unit: Unit, number: PhoneNumber, now: UnixTime) -> Result<bool, StoreError> {
        let actor = self.actor.clone();
        self.write(|transaction| credentials::unlock(transaction, unit, number, &actor, now))
    }

    fn commit(&mut self, writes: &[Write<'_>]) -> Result<Vec<Result<(), StoreError>>, StoreError> {
        self.write(|transaction| writes.iter().map(|write| one_write(transaction, write)).collect())
    }

    fn prune(&mut self, before: UnixTime, most: u32) -> Result<Pruned, StoreError> {
        self.write(|transaction| {
            Ok(Pruned {
                calls: records::prune_calls(transaction, before, most)?,
                audit: records::prune_audit(transaction, before, most)?,
                mails: mail::prune(transaction, before, most)?,
            })
        })
    }

    fn call(&self, id: &str) -> Result<Option<CallRecord>, StoreError> {
        self.read(|connection| records::call_of(connection, id))
    }

    fn set_line_password(&mut self, password: &LinePassword, now: UnixTime) -> Result<(), StoreError> {
        let actor = self.actor.clone();
        self.write(|transaction| lines::set(transaction, password, &actor, now))
    }

    fn remove_line_password(&mut self, number: PhoneNumber, now: UnixTime) -> Result<bool, StoreError> {
        let actor = self.actor.clone();
        self.write(|transaction| lines::remove(transaction, number, &actor, now))
    }

    fn line_passwords(&self) -> Result<Vec<LineEntry>, StoreError> {
        self.read(lines::all)
    }

    fn find_user_name(&self, user_name: &str) -> Result<Option<FoundLine>, StoreError> {
        self.read(|connection| lines::find(connection, user_name))
    }

    fn has_line_password(&self, number: Option<PhoneNumber>) -> Result<bool, StoreError> {
        self.read(|connection| lines::has_password(connection, number))
    }

    fn calls(&self, filter: &CallFilter) -> Result<Vec<CallRecord>, StoreError> {
        self.read(|connection| records::calls(connection, filter))
    }

    fn calls_behind(
        &self,
        filter: &CallFilter,
        after: Option<&CallRecord>,
        most: u32,
    ) -> Result<Vec<CallRecord>, StoreError> {
        self.read(|connection| records::calls_behind(connection, filter, after, most))
    }

    fn audit(&self, filter: &AuditFilter) -> Result<Vec<AuditEntry>, StoreError> {
        self.read(|connection| records::audit(connection, filter))
    }

    fn session(&self, id: &SessionId) -> Result<Option<Session>, StoreError> {
        self.read(|connection| site::session(connection, id))
    }

    fn open_session(&mut self, session: &Session, stale_before: UnixTime) -> Result<bool, StoreError> {
        let actor = self.actor.clone();
        self.write(|transaction| site::open_session(transaction, session, stale_before, &actor))
    }

    fn touch_session(&mut self, id: &SessionId, now: UnixTime) -> Result<(), StoreError> {
        // every page does this, so it waits for no disk: the next commit that does takes it along, and what a loss of power
        // can undo is only that the session was used
        self.synchronous("NORMAL")?;
        let done = self.write(|transaction| site::touch_session(transaction, id, now));
        self.synchronous("FULL")?;
        done
    }

    fn close_session(&mut self, id: &SessionId, now: UnixTime) -> Result<(), StoreError> {
        let actor = self.actor.clone();
        self.write(|transaction| site::close_session(transaction, id, &actor, now))
    }

    fn setting(&self, number: PhoneNumber, service: Service) -> Result<Setting<String>, StoreError> {
        let never_set = || Setting { active: false, detail: "{}".to_owned(), revision: 0, changed_at: None };
        Ok(self.read(|connection| site::setting(connection, number, service))?.unwrap_or_else(never_set))
    }

    fn settings(
        &self,
        customer_number: PhoneNumber,
        service: Service,
    ) -> Result<Vec<(PhoneNumber, Setting<String>)>, StoreError> {
        self.read(|connection| site::settings(connection, customer_number, service))
    }

    fn apply(&mut self, effects: &Effects, by: &Actor, now: UnixTime) -> Result<Applied, StoreError> {
        self.write(|transaction| site::apply(transaction, effects, by, now))
    }

    fn claim_mail(&mut self, claim: &Claim, now: UnixTime) -> Result<Option<Mail>, StoreError> {
        // asked every second: nothing is written, and nobody made to wait, while there is nothing to send
        if !self.read(|connection| mail::is_any_due(connection, now))? {
            return Ok(None);
        }
        self.write(|transaction| mail::claim(transaction, claim, now))
    }

    fn hand_over_mail(&mut self, id: &str, claim: &Claim) -> Result<bool, StoreError> {
        self.write(|transaction| mail::hand_over(transaction, id, claim))
    }

    fn settle_mail(&mut self, id: &str, by: &str, delivery: &Delivery, now: UnixTime) -> Result<bool, StoreError> {
        self.write(|transaction| mail::settle(transaction, id, by, delivery, now))
    }

    fn retry_failed_mails(&mut self, now: UnixTime) -> Result<usize, StoreError> {
        self.write(|transaction| mail::retry_failed(transaction, now))
    }

    fn mails(&self, filter: &MailFilter) -> Result<Vec<Mail>, StoreError> {
        self.read(|connection| mail::list(connection, filter))
    }

    fn offer_confirmation(&mut self, confirmation: &AddressConfirmation, now: UnixTime) -> Result<(), StoreError> {
        self.write(|transaction| mail::offer(transaction, confirmation, now))
    }

    fn offered_confirmation(
        &self,
        token: &TokenHash,
        now: UnixTime,
    ) -> Result<Option<AddressConfirmation>, StoreError> {
        self.read(|connection| mail::offered(connection, token, now))
    }

    fn confirm_address(&mut self, token: &TokenHash, now: UnixTime) -> Result<Option<AddressConfirmation>, StoreError> {
        self.write(|transaction| mail::confirm(transaction, token, now))
    }

    fn faxes(&self, number: PhoneNumber) -> Result<Vec<Fax>, StoreError> {
        self.read(|connection| faxes::list(connection, number))
    }

    fn open_fax(
        &mut self,
        number: PhoneNumber,
        id: i64,
        by: &Actor,
        now: UnixTime,
    ) -> Result<Option<(Fax, Vec<u8>)>, StoreError> {
        self.write(|transaction| faxes::open(transaction, number, id, by, now))
    }

    fn delete_faxes(
        &mut self,
        number: PhoneNumber,
        ids: &[i64],
        by: &Actor,
        now: UnixTime,
    ) -> Result<usize, StoreError> {
        self.write(|transaction| faxes::delete(transaction, number, ids, by, now))
    }
}

/// One write of a group: what was asked wrongly is its own result, what the store cannot do fails the group.
fn one_write(transaction: &Transaction<'_>, write: &Write<'_>) -> Result<Result<(), StoreError>, Failure> {
    let done = match write {
        Write::TemporaryPassword(password) => credentials::set_temporary(transaction, password),
        Write::Call(record) => records::keep_call(transaction, record),
        Write::Audit(entry) => records::append_audit(transaction, entry),
    };
    match done {
        Err(Failure::Refused(refused)) => Ok(Err(refused)),
        Err(failure) => Err(failure),
        Ok(()) => Ok(Ok(())),
    }
}

impl SqliteStore {
    fn read<T>(&self, work: impl FnOnce(&Connection) -> Result<T, Failure>) -> Result<T, StoreError> {
        self.still_there()?;
        work(&self.connection).map_err(|failure| self.explain(failure))
    }

    fn write<T>(&mut self, work: impl Fn(&Transaction<'_>) -> Result<T, Failure>) -> Result<T, StoreError> {
        self.still_there()?;
        let wait = self.wait;
        let done = patiently(wait, || self.transact(&work)).map_err(|failure| self.explain(failure))?;
        // what went into a file that has lost its name would never be found again
        self.still_there()?;
        Ok(done)
    }

    fn synchronous(&self, mode: &str) -> Result<(), StoreError> {
        let set = self.connection.pragma_update(None, "synchronous", mode);
        set.map_err(|failure| self.explain(failure.into()))
    }

    fn transact<T>(&mut self, work: &impl Fn(&Transaction<'_>) -> Result<T, Failure>) -> Result<T, Failure> {
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let done = work(&transaction)?;
        transaction.commit()?;
        Ok(done)
    }

    fn still_there(&self) -> Result<(), StoreError> {
        let same = |path: &Path, identity| Identity::of(path).is_ok_and(|found| found == identity);
        let log = self.log.as_ref().is_none_or(|(path, identity)| same(path, *identity));
        if log && same(&self.path, self.identity) { Ok(()) } else { Err(StoreError::Gone { store: self.name.clone() }) }
    }

    fn explain(&self, failure: Failure) -> StoreError {
        failure.explain(&self.name, self.wait)
    }
}

/// Begins again where SQLite meets a lock that it does not wait for by itself, such as while another program enters WAL
/// mode or recovers after a crash.
fn patiently<T>(wait: Duration, mut work: impl FnMut() -> Result<T, Failure>) -> Result<T, Failure> {
    const PAUSE: Duration = Duration::from_millis(20);
    let end = Instant::now() + wait;
    loop {
        match work() {
            Err(Failure::Sqlite(error)) if error::is_busy(&error) && Instant::now() < end => thread::sleep(PAUSE),
            done => return done,
        }
    }
}
