//! The rules of the account store, written once, over the tables of any backend.
//!
//! | file | rules of |
//! |---|---|
//! | `contracts` | contracts, numbers, services, and what goes with a number |
//! | `credentials` | own passwords, attempts, locks |
//! | `group` | temporary passwords, call records and audit rows that are committed together |
//! | `sessions` | logins of the settings site |
//! | `settings` | what is set for a service |
//! | `effects` | events: settings, mails and a fax, all or nothing and once |
//! | `mails`, `confirmations`, `faxes`, `lines` | one each |
//! | `audit` | the row that each change leaves |
//!
//! Invariant: each rule decides on what its own transaction has read, so it holds whichever programs share the store; and
//! each is a function of tables, arguments and `now` alone, so a transaction can run again.

mod audit;
mod confirmations;
mod contracts;
mod credentials;
mod effects;
mod faxes;
mod group;
mod lines;
mod mails;
mod sessions;
mod settings;

use crate::number::PhoneNumber;
use crate::time::UnixTime;
use crate::unit::Unit;

use super::credential::{Attempt, Credential, Settled};
use super::fax::Fax;
use super::mail::{AddressConfirmation, Claim, Delivery, Mail, MailFilter, TokenHash};
use super::password::{Cost, PasswordHash};
use super::session::{Session, SessionId};
use super::setting::Setting;
use super::tables::{Backend, Durability, Failure, Tables};
use super::{
    Actor, Applied, AuditEntry, AuditFilter, CallFilter, CallRecord, Contract, Effects, Existing, FoundLine, LineEntry,
    LinePassword, Pruned, Saved, Service, Store, StoreError, Write,
};
use crate::lock::Lock;

/// A store: the rules over a backend's tables.
pub struct Rules<B> {
    backend: B,
    policy: Policy,
}

/// What the rules are given from outside.
#[derive(Clone, Copy, Debug, Default)]
pub struct Policy {
    /// What new hashes cost, so that an unknown account takes as long as a known one.
    pub cost: Cost,
    /// When wrong passwords lock an account.
    pub lock: Lock,
}

impl<B: Backend> Rules<B> {
    /// A handle to the store in these tables.
    pub fn new(backend: B, policy: Policy) -> Rules<B> {
        Rules { backend, policy }
    }

    /// The tables, for tests that look behind the rules.
    pub fn backend(&self) -> &B {
        &self.backend
    }

    /// The same, to be changed.
    pub fn backend_mut(&mut self) -> &mut B {
        &mut self.backend
    }

    fn read<T>(&self, work: impl Fn(&dyn Tables) -> Result<T, Failure>) -> Result<T, StoreError> {
        self.backend.read(work)
    }

    fn write<T>(&mut self, work: impl Fn(&mut dyn Tables) -> Result<T, Failure>) -> Result<T, StoreError> {
        self.backend.write(Durability::Full, work)
    }
}

impl<B: Backend> Store for Rules<B> {
    fn name(&self) -> String {
        self.backend.name()
    }

    fn line_of(&self, number: PhoneNumber) -> Result<Option<Contract>, StoreError> {
        self.read(|tables| tables.contract_of(number))
    }

    fn contract(&self, customer_number: PhoneNumber) -> Result<Option<Contract>, StoreError> {
        self.read(|tables| contracts::one(tables, customer_number))
    }

    fn contracts(&self) -> Result<Vec<Contract>, StoreError> {
        self.read(|tables| tables.contracts())
    }

    fn save_contracts(
        &mut self,
        contracts: &[Contract],
        existing: Existing,
        by: &Actor,
        now: UnixTime,
    ) -> Result<Saved, StoreError> {
        self.write(|tables| contracts::save(tables, contracts, existing, by, now))
    }

    fn remove_contract(&mut self, customer_number: PhoneNumber, by: &Actor, now: UnixTime) -> Result<(), StoreError> {
        self.write(|tables| contracts::remove(tables, customer_number, by, now))
    }

    fn remove_number(&mut self, number: PhoneNumber, by: &Actor, now: UnixTime) -> Result<(), StoreError> {
        self.write(|tables| contracts::remove_number(tables, number, by, now))
    }

    fn credential(&self, unit: Unit, number: PhoneNumber) -> Result<Option<Credential>, StoreError> {
        self.read(|tables| tables.credential(unit, number))
    }

    fn settle(&mut self, attempt: &Attempt, by: &Actor, now: UnixTime) -> Result<Settled, StoreError> {
        if let Some(settled) = credentials::settled_without_writing(attempt) {
            return Ok(settled);
        }
        let lock = self.policy.lock;
        self.write(|tables| credentials::settle(tables, attempt, lock, by, now))
    }

    fn cost(&self) -> Cost {
        self.policy.cost
    }

    fn lock(&self) -> Lock {
        self.policy.lock
    }

    fn set_own_password(
        &mut self,
        unit: Unit,
        number: PhoneNumber,
        hash: &PasswordHash,
        by: &Actor,
        now: UnixTime,
    ) -> Result<(), StoreError> {
        self.write(|tables| credentials::set_own(tables, (unit, number), hash, by, now))
    }

    fn unlock(&mut self, unit: Unit, number: PhoneNumber, by: &Actor, now: UnixTime) -> Result<bool, StoreError> {
        self.write(|tables| credentials::unlock(tables, unit, number, by, now))
    }

    fn commit(&mut self, writes: &[Write<'_>]) -> Result<Vec<Result<(), StoreError>>, StoreError> {
        self.write(|tables| group::commit(tables, writes))
    }

    fn commit_again(&mut self, writes: &[Write<'_>]) -> Result<Vec<Result<(), StoreError>>, StoreError> {
        self.write(|tables| group::commit_again(tables, writes))
    }

    fn prune(&mut self, before: UnixTime, most: u32) -> Result<Pruned, StoreError> {
        self.write(|tables| {
            Ok(Pruned {
                calls: tables.delete_calls(before, most)?,
                audit: tables.delete_audit(before, most)?,
                mails: mails::prune(tables, before, most)?,
            })
        })
    }

    fn call(&self, id: &str) -> Result<Option<CallRecord>, StoreError> {
        self.read(|tables| tables.call(id))
    }

    fn set_line_password(&mut self, password: &LinePassword, by: &Actor, now: UnixTime) -> Result<(), StoreError> {
        self.write(|tables| lines::set(tables, password, by, now))
    }

    fn remove_line_password(&mut self, number: PhoneNumber, by: &Actor, now: UnixTime) -> Result<bool, StoreError> {
        self.write(|tables| lines::remove(tables, number, by, now))
    }

    fn line_passwords(&self) -> Result<Vec<LineEntry>, StoreError> {
        self.read(|tables| tables.line_passwords())
    }

    fn find_user_name(&self, user_name: &str) -> Result<Option<FoundLine>, StoreError> {
        self.read(|tables| tables.user_name(user_name))
    }

    fn has_line_password(&self, number: Option<PhoneNumber>) -> Result<bool, StoreError> {
        self.read(|tables| tables.has_line_password(number))
    }

    fn calls(&self, filter: &CallFilter) -> Result<Vec<CallRecord>, StoreError> {
        self.read(|tables| tables.calls(filter))
    }

    fn calls_behind(
        &self,
        filter: &CallFilter,
        after: Option<&CallRecord>,
        most: u32,
    ) -> Result<Vec<CallRecord>, StoreError> {
        self.read(|tables| tables.calls_behind(filter, after, most))
    }

    fn audit(&self, filter: &AuditFilter) -> Result<Vec<AuditEntry>, StoreError> {
        self.read(|tables| tables.audit(filter))
    }

    fn session(&self, id: &SessionId) -> Result<Option<Session>, StoreError> {
        self.read(|tables| tables.session(id))
    }

    fn open_session(&mut self, session: &Session, stale_before: UnixTime, by: &Actor) -> Result<bool, StoreError> {
        self.write(|tables| sessions::open(tables, session, stale_before, by))
    }

    fn touch_session(&mut self, id: &SessionId, now: UnixTime) -> Result<(), StoreError> {
        // every page does this, so it waits for no disk: the next full commit takes it along, and a loss of power undoes
        // only that the session was used
        self.backend.write(Durability::Relaxed, |tables| sessions::touch(tables, id, now))
    }

    fn close_session(&mut self, id: &SessionId, by: &Actor, now: UnixTime) -> Result<(), StoreError> {
        self.write(|tables| sessions::close(tables, id, by, now))
    }

    fn setting(&self, number: PhoneNumber, service: Service) -> Result<Setting<String>, StoreError> {
        self.read(|tables| settings::one(tables, number, service))
    }

    fn settings(
        &self,
        customer_number: PhoneNumber,
        service: Service,
    ) -> Result<Vec<(PhoneNumber, Setting<String>)>, StoreError> {
        self.read(|tables| tables.settings(customer_number, service))
    }

    fn apply(&mut self, effects: &Effects, by: &Actor, now: UnixTime) -> Result<Applied, StoreError> {
        self.write(|tables| effects::apply(tables, effects, by, now))
    }

    fn claim_mail(&mut self, claim: &Claim, now: UnixTime) -> Result<Option<Mail>, StoreError> {
        // asked every second: while there is nothing to send, nothing is written and no writer has to wait
        if self.read(|tables| mails::due(tables, now))?.is_none() {
            return Ok(None);
        }
        self.write(|tables| mails::claim(tables, claim, now))
    }

    fn hand_over_mail(&mut self, id: &str, claim: &Claim) -> Result<bool, StoreError> {
        self.write(|tables| mails::hand_over(tables, id, claim))
    }

    fn settle_mail(&mut self, id: &str, by: &str, delivery: &Delivery, now: UnixTime) -> Result<bool, StoreError> {
        self.write(|tables| mails::settle(tables, id, by, delivery, now))
    }

    fn retry_failed_mails(&mut self, now: UnixTime) -> Result<usize, StoreError> {
        self.write(|tables| mails::retry_failed(tables, now))
    }

    fn mails(&self, filter: &MailFilter) -> Result<Vec<Mail>, StoreError> {
        self.read(|tables| tables.mails(filter))
    }

    fn offer_confirmation(&mut self, confirmation: &AddressConfirmation, now: UnixTime) -> Result<(), StoreError> {
        self.write(|tables| confirmations::offer(tables, confirmation, now))
    }

    fn offered_confirmation(
        &self,
        token: &TokenHash,
        now: UnixTime,
    ) -> Result<Option<AddressConfirmation>, StoreError> {
        self.read(|tables| confirmations::offered(tables, token, now))
    }

    fn confirm_address(&mut self, token: &TokenHash, now: UnixTime) -> Result<Option<AddressConfirmation>, StoreError> {
        self.write(|tables| confirmations::confirm(tables, token, &Actor::MailedLink, now))
    }

    fn faxes(&self, number: PhoneNumber) -> Result<Vec<Fax>, StoreError> {
        self.read(|tables| tables.faxes(number))
    }

    fn open_fax(
        &mut self,
        number: PhoneNumber,
        id: i64,
        by: &Actor,
        now: UnixTime,
    ) -> Result<Option<(Fax, Vec<u8>)>, StoreError> {
        self.write(|tables| faxes::open(tables, number, id, by, now))
    }

    fn delete_faxes(
        &mut self,
        number: PhoneNumber,
        ids: &[i64],
        by: &Actor,
        now: UnixTime,
    ) -> Result<usize, StoreError> {
        self.write(|tables| faxes::delete(tables, number, ids, by, now))
    }
}
