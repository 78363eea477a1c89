//! The table `credential`.

use rusqlite::{Row, params};

use super::access::Access;
use super::rows;
use crate::account::credential::{Own, Standing, Temporary};
use crate::account::tables::{CredentialTable, Failure, TemporaryColumns};
use crate::account::{Credential, PasswordHash};
use crate::number::PhoneNumber;
use crate::unit::Unit;

impl CredentialTable for Access<'_> {
    fn credential(&self, unit: Unit, number: PhoneNumber) -> Result<Option<Credential>, Failure> {
        let mut statement = self.connection.prepare_cached(
            "SELECT temporary_hash, temporary_set_at, temporary_expires_at, password_hash, password_changed_at,
                    previous_hash, failures, locked_until, temporary_used_at
             FROM credential WHERE unit = ?1 AND number = ?2",
        )?;
        let mut rows = statement.query([unit.name(), number.as_str()])?;
        rows.next()?.map(|row| read(unit, number, row)).transpose()
    }

    fn put_credential(&mut self, credential: &Credential) -> Result<(), Failure> {
        let Credential { unit, number, temporary, own, previous, standing } = credential;
        let (temporary, own) = (temporary.as_ref(), own.as_ref());
        self.connection
            .prepare_cached(
                "INSERT INTO credential (unit, number, temporary_hash, temporary_set_at, temporary_expires_at,
                     temporary_used_at, password_hash, password_changed_at, previous_hash, failures, locked_until)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)
                 ON CONFLICT (unit, number) DO UPDATE SET temporary_hash = excluded.temporary_hash,
                     temporary_set_at = excluded.temporary_set_at, temporary_expires_at = excluded.temporary_expires_at,
                     temporary_used_at = excluded.temporary_used_at, password_hash = excluded.password_hash,
                     password_changed_at = excluded.password_changed_at, previous_hash = excluded.previous_hash,
                     failures = excluded.failures, locked_until = excluded.locked_until",
            )?
            .execute(params![
                unit.name(),
                number.as_str(),
                temporary.map(|temporary| temporary.hash.as_str()),
                temporary.map(|temporary| temporary.set_at.0),
                temporary.map(|temporary| temporary.expires_at.0),
                temporary.and_then(|temporary| temporary.used_at).map(|at| at.0),
                own.map(|own| own.hash.as_str()),
                own.map(|own| own.changed_at.0),
                previous.as_ref().map(PasswordHash::as_str),
                standing.failures,
                standing.locked_until.map(|until| until.0),
            ])?;
        Ok(())
    }

    fn put_temporaries(&mut self, rows: &[TemporaryColumns<'_>]) -> Result<(), Failure> {
        let mut statement = self.connection.prepare_cached(
            "INSERT INTO credential (unit, number, temporary_hash, temporary_set_at, temporary_expires_at,
                 temporary_used_at, failures, locked_until)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
             ON CONFLICT (unit, number) DO UPDATE SET temporary_hash = excluded.temporary_hash,
                 temporary_set_at = excluded.temporary_set_at, temporary_expires_at = excluded.temporary_expires_at,
                 temporary_used_at = excluded.temporary_used_at, failures = excluded.failures,
                 locked_until = excluded.locked_until",
        )?;
        for TemporaryColumns { unit, number, hash, set_at, expires_at, used_at, standing } in rows {
            statement.execute(params![
                unit.name(),
                number.as_str(),
                hash.as_str(),
                set_at.0,
                expires_at.0,
                used_at.map(|at| at.0),
                standing.failures,
                standing.locked_until.map(|until| until.0),
            ])?;
        }
        Ok(())
    }

    fn delete_credentials(&mut self, number: PhoneNumber) -> Result<(), Failure> {
        let sql = "DELETE FROM credential WHERE number = ?1";
        self.connection.prepare_cached(sql)?.execute([number.as_str()])?;
        Ok(())
    }
}

fn read(unit: Unit, number: PhoneNumber, row: &Row<'_>) -> Result<Credential, Failure> {
    let hash = |column: &str| -> Result<Option<PasswordHash>, Failure> {
        Ok(row.get::<_, Option<String>>(column)?.map(PasswordHash::from_phc))
    };
    let temporary = match hash("temporary_hash")? {
        None => None,
        Some(hash) => Some(Temporary {
            hash,
            set_at: rows::time(row, "temporary_set_at")?,
            expires_at: rows::time(row, "temporary_expires_at")?,
            used_at: rows::optional_time(row, "temporary_used_at")?,
        }),
    };
    let own = match hash("password_hash")? {
        None => None,
        Some(hash) => Some(Own { hash, changed_at: rows::time(row, "password_changed_at")? }),
    };
    let standing = Standing { failures: row.get("failures")?, locked_until: rows::optional_time(row, "locked_until")? };
    Ok(Credential { unit, number, temporary, own, previous: hash("previous_hash")?, standing })
}
