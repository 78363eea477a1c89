//! The tables `contract`, `contract_number` and `service`.

use rusqlite::{Connection, OptionalExtension, Params, Transaction, params};

use super::error::Failure;
use super::records::{self, Audited};
use super::rows;
use super::site;
use crate::account::{Action, Contract, ContractedNumber, Existing, Saved, Service, Services, StoreError};
use crate::number::PhoneNumber;
use crate::time::UnixTime;

pub(super) fn all(connection: &Connection) -> Result<Vec<Contract>, Failure> {
    gather(connection, "", [])
}

pub(super) fn one(connection: &Connection, customer_number: PhoneNumber) -> Result<Option<Contract>, Failure> {
    let found = gather(connection, "WHERE n.customer_number = ?1", [customer_number.as_str()])?;
    Ok(found.into_iter().next())
}

pub(super) fn of_number(connection: &Connection, number: PhoneNumber) -> Result<Option<Contract>, Failure> {
    let clause = "WHERE n.customer_number = (SELECT customer_number FROM contract_number WHERE number = ?1)";
    Ok(gather(connection, clause, [number.as_str()])?.into_iter().next())
}

/// One query, so that the contracts are as they were at one moment.
fn gather(connection: &Connection, clause: &str, params: impl Params) -> Result<Vec<Contract>, Failure> {
    let mut statement = connection.prepare_cached(&format!(
        "SELECT n.customer_number, n.number, s.service
         FROM contract_number n LEFT JOIN service s ON s.number = n.number
         {clause} ORDER BY n.customer_number, n.position"
    ))?;
    let mut rows = statement.query(params)?;
    let mut contracts: Vec<Contract> = Vec::new();
    while let Some(row) = rows.next()? {
        let customer_number = rows::number(row, "customer_number")?;
        let number = rows::number(row, "number")?;
        let service = row.get::<_, Option<String>>("service")?;
        let service = service.map(|name| rows::parsed::<Service>("service", &name)).transpose()?;
        enter(&mut contracts, customer_number, number, service);
    }
    Ok(contracts)
}

/// Rows come ordered by contract and number, so only the last of each is ever added to.
fn enter(contracts: &mut Vec<Contract>, customer: PhoneNumber, number: PhoneNumber, service: Option<Service>) {
    if contracts.last().is_none_or(|last| last.customer_number != customer) {
        contracts.push(Contract { customer_number: customer, numbers: Vec::new() });
    }
    let Some(contract) = contracts.last_mut() else { return };
    if contract.numbers.last().is_none_or(|last| last.number != number) {
        contract.numbers.push(ContractedNumber { number, services: Services::NONE });
    }
    if let (Some(contracted), Some(service)) = (contract.numbers.last_mut(), service) {
        contracted.services = contracted.services.with(service);
    }
}

pub(super) fn save(
    transaction: &Transaction<'_>,
    contracts: &[Contract],
    existing: Existing,
    actor: &str,
    now: UnixTime,
) -> Result<Saved, Failure> {
    let mut saving = Saving { transaction, existing, actor, now, saved: Saved::default() };
    for contract in contracts {
        saving.contract(contract)?;
    }
    Ok(saving.saved)
}

struct Saving<'a> {
    transaction: &'a Transaction<'a>,
    existing: Existing,
    actor: &'a str,
    now: UnixTime,
    saved: Saved,
}

impl Saving<'_> {
    fn contract(&mut self, contract: &Contract) -> Result<(), Failure> {
        let customer_number = contract.customer_number;
        refuse_twice(contract)?;
        let owner = self.owner(customer_number)?;
        if let Some(other) = owner.filter(|owner| *owner != customer_number) {
            return Err(StoreError::NumberTaken { number: customer_number, customer_number: other }.into());
        }
        let is_new = owner.is_none();
        if is_new {
            self.transaction
                .prepare_cached("INSERT INTO contract (customer_number, created_at) VALUES (?1, ?2)")?
                .execute(params![customer_number.as_str(), self.now.0])?;
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
        match self.owner(number)? {
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
        self.transaction
            .prepare_cached(
                "INSERT INTO contract_number (number, customer_number, position, created_at)
                 VALUES (?1, ?2, (SELECT coalesce(max(position), -1) + 1 FROM contract_number WHERE customer_number = ?2), ?3)",
            )?
            .execute(params![number.as_str(), customer.as_str(), self.now.0])?;
        self.set_services(number, services)?;
        self.saved.numbers_added += 1;
        self.audit(customer, number, services)
    }

    fn owner(&self, number: PhoneNumber) -> Result<Option<PhoneNumber>, Failure> {
        owner(self.transaction, number)
    }

    /// Tells whether that changed anything.
    fn set_services(&self, number: PhoneNumber, services: Services) -> Result<bool, Failure> {
        let before = services_of(self.transaction, number)?;
        for service in Service::ALL {
            let sql = match (before.has(service), services.has(service)) {
                (false, true) => "INSERT INTO service (number, service) VALUES (?1, ?2)",
                (true, false) => "DELETE FROM service WHERE number = ?1 AND service = ?2",
                (true, true) | (false, false) => continue,
            };
            self.transaction.prepare_cached(sql)?.execute([number.as_str(), service.name()])?;
            if !services.has(service) {
                // whoever contracts it anew starts it anew: nothing is forwarded or told by what was set long ago
                site::stop(self.transaction, number, service, self.now)?;
            }
        }
        Ok(before != services)
    }

    fn audit(&self, customer_number: PhoneNumber, number: PhoneNumber, services: Services) -> Result<(), Failure> {
        let audited = Audited { actor: self.actor, at: self.now, unit: None, number };
        let detail = format!("contract {customer_number}, services {services}");
        records::note(self.transaction, audited, &Action::ContractSaved, Some(&detail))
    }
}

fn services_of(connection: &Connection, number: PhoneNumber) -> Result<Services, Failure> {
    let mut statement = connection.prepare_cached("SELECT service FROM service WHERE number = ?1")?;
    let names = statement.query_map([number.as_str()], |row| row.get::<_, String>(0))?;
    names.map(|name| rows::parsed::<Service>("service", &name?)).collect()
}

fn refuse_twice(contract: &Contract) -> Result<(), Failure> {
    let mut seen = std::collections::HashSet::new();
    match contract.numbers().find(|number| !seen.insert(*number)) {
        Some(number) => Err(StoreError::NumberTwice { number }.into()),
        None => Ok(()),
    }
}

pub(super) fn owner(connection: &Connection, number: PhoneNumber) -> Result<Option<PhoneNumber>, Failure> {
    let mut statement = connection.prepare_cached("SELECT customer_number FROM contract_number WHERE number = ?1")?;
    let owner = statement.query_row([number.as_str()], |row| row.get::<_, String>(0)).optional()?;
    owner.map(|text| rows::parsed("customer_number", &text)).transpose()
}

pub(super) fn has_service(connection: &Connection, number: PhoneNumber, service: Service) -> Result<bool, Failure> {
    let mut statement = connection.prepare_cached("SELECT 1 FROM service WHERE number = ?1 AND service = ?2")?;
    Ok(statement.exists([number.as_str(), service.name()])?)
}

pub(super) fn remove(
    transaction: &Transaction<'_>,
    customer_number: PhoneNumber,
    actor: &str,
    now: UnixTime,
) -> Result<(), Failure> {
    let removed = transaction.execute("DELETE FROM contract WHERE customer_number = ?1", [customer_number.as_str()])?;
    if removed == 0 {
        return Err(StoreError::UnknownContract { customer_number }.into());
    }
    let audited = Audited { actor, at: now, unit: None, number: customer_number };
    records::note(transaction, audited, &Action::ContractRemoved, None)
}

pub(super) fn remove_number(
    transaction: &Transaction<'_>,
    number: PhoneNumber,
    actor: &str,
    now: UnixTime,
) -> Result<(), Failure> {
    let owner =
        owner(transaction, number)?.ok_or(StoreError::NotContracted { unit: crate::unit::Unit::Number, number })?;
    if owner == number {
        return Err(StoreError::ContractNumber { number }.into());
    }
    transaction.execute("DELETE FROM contract_number WHERE number = ?1", [number.as_str()])?;
    let audited = Audited { actor, at: now, unit: None, number };
    records::note(transaction, audited, &Action::NumberRemoved, Some(&format!("contract {owner}")))
}
