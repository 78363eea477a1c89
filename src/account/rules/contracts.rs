//! Contracts come and go: a number has one place, and what belongs to a number goes with it.

use std::collections::HashSet;

use super::audit::Audited;
use super::settings;
use crate::account::tables::{Failure, Tables};
use crate::account::{Action, Actor, Contract, ContractedNumber, Existing, Saved, Service, Services, StoreError};
use crate::number::PhoneNumber;
use crate::time::UnixTime;
use crate::unit::Unit;

pub(super) fn owner(tables: &dyn Tables, number: PhoneNumber) -> Result<Option<PhoneNumber>, Failure> {
    Ok(tables.owners(&[number])?.into_iter().next().flatten())
}

/// Whether an account may have a password: the line unit logs in with the customer number, the others with any number.
pub(super) fn is_contracted(unit: Unit, number: PhoneNumber, owner: Option<PhoneNumber>) -> Result<(), StoreError> {
    let contracted = match unit {
        Unit::Line => owner == Some(number),
        Unit::Number | Unit::AdminUser => owner.is_some(),
    };
    if contracted { Ok(()) } else { Err(StoreError::NotContracted { unit, number }) }
}

pub(super) fn refuse_uncontracted(tables: &dyn Tables, unit: Unit, number: PhoneNumber) -> Result<(), Failure> {
    Ok(is_contracted(unit, number, owner(tables, number)?)?)
}

pub(super) fn save(
    tables: &mut dyn Tables,
    contracts: &[Contract],
    existing: Existing,
    by: &Actor,
    now: UnixTime,
) -> Result<Saved, Failure> {
    let mut saving = Saving { tables, existing, by, now, saved: Saved::default() };
    for contract in contracts {
        saving.contract(contract)?;
    }
    Ok(saving.saved)
}

struct Saving<'a> {
    tables: &'a mut dyn Tables,
    existing: Existing,
    by: &'a Actor,
    now: UnixTime,
    saved: Saved,
}

impl Saving<'_> {
    fn contract(&mut self, contract: &Contract) -> Result<(), Failure> {
        let customer_number = contract.customer_number;
        refuse_twice(contract)?;
        let owner = owner(self.tables, customer_number)?;
        if let Some(other) = owner.filter(|owner| *owner != customer_number) {
            return Err(StoreError::NumberTaken { number: customer_number, customer_number: other }.into());
        }
        let is_new = owner.is_none();
        if is_new {
            self.tables.insert_contract(customer_number, self.now)?;
            self.saved.contracts_added += 1;
            self.add(customer_number, customer_number, contract.services_of(customer_number))?;
        }
        for contracted in &contract.numbers {
            if !(is_new && contracted.number == customer_number) {
                self.number(customer_number, contracted)?;
            }
        }
        Ok(())
    }

    fn number(&mut self, customer_number: PhoneNumber, contracted: &ContractedNumber) -> Result<(), Failure> {
        let ContractedNumber { number, services } = *contracted;
        match owner(self.tables, number)? {
            None => self.add(customer_number, number, services),
            Some(owner) if owner == customer_number && self.existing == Existing::Update => {
                if self.set_services(number, services)? {
                    self.saved.numbers_changed += 1;
                    self.audit(customer_number, number, services)?;
                }
                Ok(())
            }
            Some(owner) => Err(StoreError::NumberTaken { number, customer_number: owner }.into()),
        }
    }

    fn add(&mut self, customer: PhoneNumber, number: PhoneNumber, services: Services) -> Result<(), Failure> {
        self.tables.append_number(customer, number, self.now)?;
        self.set_services(number, services)?;
        self.saved.numbers_added += 1;
        self.audit(customer, number, services)
    }

    /// Returns whether that changed anything.
    fn set_services(&mut self, number: PhoneNumber, services: Services) -> Result<bool, Failure> {
        let before = self.tables.services(number)?;
        for service in Service::ALL {
            match (before.has(service), services.has(service)) {
                (false, true) => self.tables.insert_service(number, service)?,
                (true, false) => {
                    self.tables.delete_service(number, service)?;
                    // contracted anew, it is started anew: nothing is forwarded or mailed by a setting of long ago
                    settings::stop(self.tables, number, service, self.now)?;
                }
                (true, true) | (false, false) => {}
            }
        }
        Ok(before != services)
    }

    fn audit(&mut self, customer_number: PhoneNumber, number: PhoneNumber, services: Services) -> Result<(), Failure> {
        let audited = Audited { by: self.by, at: self.now, unit: None, number };
        let detail = format!("contract {customer_number}, services {services}");
        audited.note(self.tables, Action::ContractSaved, Some(detail))
    }
}

fn refuse_twice(contract: &Contract) -> Result<(), StoreError> {
    let mut seen = HashSet::new();
    match contract.numbers().find(|number| !seen.insert(*number)) {
        Some(number) => Err(StoreError::NumberTwice { number }),
        None => Ok(()),
    }
}

pub(super) fn one(tables: &dyn Tables, customer_number: PhoneNumber) -> Result<Option<Contract>, Failure> {
    // an additional number names no contract
    let contract = tables.contract_of(customer_number)?;
    Ok(contract.filter(|contract| contract.customer_number == customer_number))
}

pub(super) fn remove(
    tables: &mut dyn Tables,
    customer_number: PhoneNumber,
    by: &Actor,
    now: UnixTime,
) -> Result<(), Failure> {
    let contract = one(tables, customer_number)?.ok_or(StoreError::UnknownContract { customer_number })?;
    for number in contract.numbers() {
        forget_number(tables, number)?;
    }
    tables.delete_contract(customer_number)?;
    let audited = Audited { by, at: now, unit: None, number: customer_number };
    audited.note(tables, Action::ContractRemoved, None)
}

pub(super) fn remove_number(
    tables: &mut dyn Tables,
    number: PhoneNumber,
    by: &Actor,
    now: UnixTime,
) -> Result<(), Failure> {
    let owner = owner(tables, number)?.ok_or(StoreError::NotContracted { unit: Unit::Number, number })?;
    if owner == number {
        return Err(StoreError::ContractNumber { number }.into());
    }
    forget_number(tables, number)?;
    let audited = Audited { by, at: now, unit: None, number };
    audited.note(tables, Action::NumberRemoved, Some(format!("contract {owner}")))
}

/// The next owner of a number inherits nothing: passwords, sessions, settings, links, faxes and the telephone's password
/// go. Mails, call records and the audit stay.
fn forget_number(tables: &mut dyn Tables, number: PhoneNumber) -> Result<(), Failure> {
    tables.delete_credentials(number)?;
    tables.delete_sessions(None, number)?;
    tables.delete_settings(number)?;
    tables.delete_confirmations(number)?;
    tables.delete_faxes(number)?;
    tables.delete_line_password(number)?;
    tables.delete_number(number)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_line_unit_logs_in_with_the_customer_number_alone() {
        let [customer, additional] = ["0600001111", "0600002222"].map(|text| PhoneNumber::parse(text).unwrap());
        for (unit, number, owner, expected) in [
            (Unit::Line, customer, Some(customer), true),
            (Unit::Line, additional, Some(customer), false),
            (Unit::Line, customer, None, false),
            (Unit::Number, additional, Some(customer), true),
            (Unit::AdminUser, additional, Some(customer), true),
            (Unit::Number, additional, None, false),
            (Unit::AdminUser, additional, None, false),
        ] {
            let refused = StoreError::NotContracted { unit, number };
            assert_eq!(is_contracted(unit, number, owner), if expected { Ok(()) } else { Err(refused) });
        }
    }
}
