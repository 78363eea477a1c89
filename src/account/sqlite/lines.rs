//! The tables `line_password` and `line_user_name`.

use rusqlite::{Connection, OptionalExtension, Transaction, params};

use super::contracts;
use super::error::Failure;
use super::records::{self, Audited};
use super::rows;
use crate::account::{Action, FoundLine, LineEntry, LinePassword, StoreError, UserName};
use crate::number::PhoneNumber;
use crate::time::UnixTime;
use crate::unit::Unit;

pub(super) fn set(
    transaction: &Transaction<'_>,
    password: &LinePassword,
    actor: &str,
    now: UnixTime,
) -> Result<(), Failure> {
    let LinePassword { number, realm, user_names } = password;
    if contracts::owner(transaction, *number)?.is_none() {
        return Err(StoreError::NotContracted { unit: Unit::Number, number: *number }.into());
    }
    transaction.prepare_cached("DELETE FROM line_password WHERE number = ?1")?.execute([number.as_str()])?;
    transaction
        .prepare_cached("INSERT INTO line_password (number, realm, set_at) VALUES (?1, ?2, ?3)")?
        .execute(params![number.as_str(), realm, now.0])?;
    let mut insert = transaction.prepare_cached(
        "INSERT INTO line_user_name (user_name, number, ha1_sha256, ha1_md5) VALUES (?1, ?2, ?3, ?4)",
    )?;
    for UserName { user_name, ha1_sha256, ha1_md5 } in user_names {
        insert.execute(params![user_name, number.as_str(), ha1_sha256, ha1_md5])?;
    }
    let audited = Audited { actor, at: now, unit: None, number: *number };
    records::note(transaction, audited, &Action::LinePasswordSet, None)
}

pub(super) fn remove(
    transaction: &Transaction<'_>,
    number: PhoneNumber,
    actor: &str,
    now: UnixTime,
) -> Result<bool, Failure> {
    let sql = "DELETE FROM line_password WHERE number = ?1";
    if transaction.prepare_cached(sql)?.execute([number.as_str()])? == 0 {
        return Ok(false);
    }
    let audited = Audited { actor, at: now, unit: None, number };
    records::note(transaction, audited, &Action::LinePasswordRemoved, None)?;
    Ok(true)
}

pub(super) fn all(connection: &Connection) -> Result<Vec<LineEntry>, Failure> {
    let mut statement = connection.prepare_cached(
        "SELECT line_password.number, customer_number, realm, set_at
         FROM line_password JOIN contract_number ON contract_number.number = line_password.number
         ORDER BY line_password.number",
    )?;
    let mut rows = statement.query([])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push(LineEntry {
            number: rows::number(row, "number")?,
            customer_number: rows::number(row, "customer_number")?,
            realm: row.get("realm")?,
            set_at: rows::time(row, "set_at")?,
        });
    }
    Ok(found)
}

pub(super) fn find(connection: &Connection, user_name: &str) -> Result<Option<FoundLine>, Failure> {
    let mut statement = connection.prepare_cached(
        "SELECT line_password.number, realm, ha1_sha256, ha1_md5
         FROM line_user_name JOIN line_password ON line_password.number = line_user_name.number
         WHERE user_name = ?1",
    )?;
    let mut rows = statement.query([user_name])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    Ok(Some(FoundLine {
        number: rows::number(row, "number")?,
        realm: row.get("realm")?,
        user_name: UserName {
            user_name: user_name.to_owned(),
            ha1_sha256: row.get("ha1_sha256")?,
            ha1_md5: row.get("ha1_md5")?,
        },
    }))
}

pub(super) fn has_password(connection: &Connection, number: Option<PhoneNumber>) -> Result<bool, Failure> {
    let sql = "SELECT 1 FROM line_password WHERE ?1 IS NULL OR number = ?1 LIMIT 1";
    let number = number.as_ref().map(PhoneNumber::as_str);
    Ok(connection.prepare_cached(sql)?.query_row([number], |_| Ok(())).optional()?.is_some())
}
