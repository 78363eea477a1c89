//! The tables `contract`, `contract_number` and `service`.

use rusqlite::{Connection, Params, params};

use super::access::Access;
use super::rows;
use crate::account::tables::{ContractTables, Failure};
use crate::account::{Contract, ContractedNumber, Service, Services};
use crate::number::PhoneNumber;
use crate::time::UnixTime;

impl ContractTables for Access<'_> {
    fn owners(&self, numbers: &[PhoneNumber]) -> Result<Vec<Option<PhoneNumber>>, Failure> {
        let sql = "SELECT customer_number FROM contract_number WHERE number = ?1";
        let mut statement = self.connection.prepare_cached(sql)?;
        let mut owners = Vec::with_capacity(numbers.len());
        for number in numbers {
            let mut rows = statement.query([number.as_str()])?;
            owners.push(rows.next()?.map(|row| rows::number(row, "customer_number")).transpose()?);
        }
        Ok(owners)
    }

    fn contract_of(&self, number: PhoneNumber) -> Result<Option<Contract>, Failure> {
        let clause = "WHERE n.customer_number = (SELECT customer_number FROM contract_number WHERE number = ?1)";
        Ok(gather(self.connection, clause, [number.as_str()])?.into_iter().next())
    }

    fn contracts(&self) -> Result<Vec<Contract>, Failure> {
        gather(self.connection, "", [])
    }

    fn services(&self, number: PhoneNumber) -> Result<Services, Failure> {
        let mut statement = self.connection.prepare_cached("SELECT service FROM service WHERE number = ?1")?;
        let names = statement.query_map([number.as_str()], |row| row.get::<_, String>(0))?;
        names.map(|name| rows::parsed::<Service>("service", &name?)).collect()
    }

    fn insert_contract(&mut self, customer_number: PhoneNumber, created_at: UnixTime) -> Result<(), Failure> {
        let sql = "INSERT INTO contract (customer_number, created_at) VALUES (?1, ?2)";
        self.connection.prepare_cached(sql)?.execute(params![customer_number.as_str(), created_at.0])?;
        Ok(())
    }

    fn append_number(
        &mut self,
        customer_number: PhoneNumber,
        number: PhoneNumber,
        created_at: UnixTime,
    ) -> Result<(), Failure> {
        let sql = "INSERT INTO contract_number (number, customer_number, position, created_at)
                   VALUES (?1, ?2, (SELECT coalesce(max(position), -1) + 1 FROM contract_number WHERE customer_number = ?2), ?3)";
        let row = params![number.as_str(), customer_number.as_str(), created_at.0];
        self.connection.prepare_cached(sql)?.execute(row)?;
        Ok(())
    }

    fn insert_service(&mut self, number: PhoneNumber, service: Service) -> Result<(), Failure> {
        let sql = "INSERT INTO service (number, service) VALUES (?1, ?2)";
        self.connection.prepare_cached(sql)?.execute([number.as_str(), service.name()])?;
        Ok(())
    }

    fn delete_service(&mut self, number: PhoneNumber, service: Service) -> Result<(), Failure> {
        let sql = "DELETE FROM service WHERE number = ?1 AND service = ?2";
        self.connection.prepare_cached(sql)?.execute([number.as_str(), service.name()])?;
        Ok(())
    }

    fn delete_number(&mut self, number: PhoneNumber) -> Result<(), Failure> {
        // its services go by the foreign key
        let sql = "DELETE FROM contract_number WHERE number = ?1";
        self.connection.prepare_cached(sql)?.execute([number.as_str()])?;
        Ok(())
    }

    fn delete_contract(&mut self, customer_number: PhoneNumber) -> Result<(), Failure> {
        let sql = "DELETE FROM contract WHERE customer_number = ?1";
        self.connection.prepare_cached(sql)?.execute([customer_number.as_str()])?;
        Ok(())
    }
}

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
        enter(&mut contracts, customer_number, number, rows::optional(row, "service")?);
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
