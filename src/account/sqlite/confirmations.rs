//! The table `address_confirmation`.

use rusqlite::params;

use super::access::Access;
use super::rows;
use crate::account::mail::{AddressConfirmation, TokenHash};
use crate::account::tables::{ConfirmationTable, Failure};
use crate::number::PhoneNumber;
use crate::time::UnixTime;

impl ConfirmationTable for Access<'_> {
    fn confirmation(&self, token: &TokenHash) -> Result<Option<AddressConfirmation>, Failure> {
        let sql = "SELECT number, address, expires_at FROM address_confirmation WHERE token_hash = ?1";
        let mut statement = self.connection.prepare_cached(sql)?;
        let mut rows = statement.query([&token.0])?;
        let Some(row) = rows.next()? else { return Ok(None) };
        Ok(Some(AddressConfirmation {
            token: token.clone(),
            number: rows::number(row, "number")?,
            address: row.get("address")?,
            expires_at: rows::time(row, "expires_at")?,
        }))
    }

    fn insert_confirmation(&mut self, confirmation: &AddressConfirmation) -> Result<(), Failure> {
        let AddressConfirmation { token, number, address, expires_at } = confirmation;
        let sql = "INSERT INTO address_confirmation (token_hash, number, address, expires_at) VALUES (?1, ?2, ?3, ?4)";
        self.connection.prepare_cached(sql)?.execute(params![token.0, number.as_str(), address, expires_at.0])?;
        Ok(())
    }

    fn delete_confirmations(&mut self, number: PhoneNumber) -> Result<(), Failure> {
        let sql = "DELETE FROM address_confirmation WHERE number = ?1";
        self.connection.prepare_cached(sql)?.execute([number.as_str()])?;
        Ok(())
    }

    fn delete_confirmations_expired(&mut self, now: UnixTime) -> Result<(), Failure> {
        self.connection.prepare_cached("DELETE FROM address_confirmation WHERE expires_at <= ?1")?.execute([now.0])?;
        Ok(())
    }
}
