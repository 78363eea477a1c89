//! The table `fax`.

use rusqlite::{Connection, OptionalExtension, Row, Transaction, params};

use super::contracts;
use super::error::Failure;
use super::records::{self, Audited};
use super::rows;
use crate::account::fax::{FAX_BYTES_A_NUMBER, FAXES_A_NUMBER, Fax, NewFax};
use crate::account::{Action, Actor, Service, StoreError};
use crate::number::PhoneNumber;
use crate::time::UnixTime;

const COLUMNS: &str = "id, number, caller, received_at, pages, size, viewed_at";

pub(super) fn keep(transaction: &Transaction<'_>, fax: &NewFax, now: UnixTime) -> Result<i64, Failure> {
    let NewFax { number, caller, pages, document } = fax;
    if !contracts::has_service(transaction, *number, Service::FaxMail)? {
        return Err(StoreError::ServiceNotContracted { number: *number, service: Service::FaxMail }.into());
    }
    let (kept, bytes): (i64, i64) = transaction
        .prepare_cached("SELECT count(*), coalesce(sum(size), 0) FROM fax WHERE number = ?1")?
        .query_row([number.as_str()], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let size = i64::try_from(document.len()).unwrap_or(i64::MAX);
    if kept >= FAXES_A_NUMBER || bytes.saturating_add(size) > FAX_BYTES_A_NUMBER {
        return Err(StoreError::TooManyFaxes { number: *number }.into());
    }
    let sql = "INSERT INTO fax (number, caller, received_at, pages, size, document) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
    transaction.prepare_cached(sql)?.execute(params![
        number.as_str(),
        caller.map(|caller| caller.to_string()),
        now.0,
        pages,
        size,
        document
    ])?;
    Ok(transaction.last_insert_rowid())
}

pub(super) fn list(connection: &Connection, number: PhoneNumber) -> Result<Vec<Fax>, Failure> {
    let sql = format!("SELECT {COLUMNS} FROM fax WHERE number = ?1 ORDER BY received_at DESC, id DESC");
    let mut statement = connection.prepare_cached(&sql)?;
    let mut rows = statement.query([number.as_str()])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push(read(row)?);
    }
    Ok(found)
}

fn read(row: &Row<'_>) -> Result<Fax, Failure> {
    Ok(Fax {
        id: row.get("id")?,
        number: rows::number(row, "number")?,
        caller: rows::optional(row, "caller")?,
        received_at: rows::time(row, "received_at")?,
        pages: row.get("pages")?,
        size: u64::try_from(row.get::<_, i64>("size")?).unwrap_or_default(),
        viewed_at: rows::optional_time(row, "viewed_at")?,
    })
}

/// The fax's TIFF, noted as seen the first time.
pub(super) fn open(
    transaction: &Transaction<'_>,
    number: PhoneNumber,
    id: i64,
    by: &Actor,
    now: UnixTime,
) -> Result<Option<(Fax, Vec<u8>)>, Failure> {
    let sql = format!("SELECT {COLUMNS}, document FROM fax WHERE number = ?1 AND id = ?2");
    let mut statement = transaction.prepare_cached(&sql)?;
    let mut rows = statement.query(params![number.as_str(), id])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    let (fax, document) = (read(row)?, row.get("document")?);
    if fax.viewed_at.is_none() {
        transaction.prepare_cached("UPDATE fax SET viewed_at = ?2 WHERE id = ?1")?.execute(params![id, now.0])?;
        note(transaction, number, "viewed-fax", id, by, now)?;
    }
    Ok(Some((fax, document)))
}

/// Tells how many there were to delete.
pub(super) fn delete(
    transaction: &Transaction<'_>,
    number: PhoneNumber,
    ids: &[i64],
    by: &Actor,
    now: UnixTime,
) -> Result<usize, Failure> {
    let mut deleted = 0;
    for id in ids {
        let sql = "DELETE FROM fax WHERE number = ?1 AND id = ?2 RETURNING id";
        let gone: Option<i64> =
            transaction.prepare_cached(sql)?.query_row(params![number.as_str(), id], |row| row.get(0)).optional()?;
        if gone.is_some() {
            deleted += 1;
            note(transaction, number, "deleted-fax", *id, by, now)?;
        }
    }
    Ok(deleted)
}

fn note(
    transaction: &Transaction<'_>,
    number: PhoneNumber,
    what: &str,
    id: i64,
    by: &Actor,
    now: UnixTime,
) -> Result<(), Failure> {
    let actor = by.name();
    let audited = Audited { actor: &actor, at: now, unit: by.unit(), number };
    records::note(transaction, audited, &Action::Other(what.to_owned()), Some(&format!("fax {id}")))
}
