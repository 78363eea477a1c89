//! The table `credential`.

use rusqlite::{Connection, Row, Transaction, params};

use super::contracts;
use super::error::Failure;
use super::records::{self, Audited};
use super::rows;
use super::site;
use crate::account::credential::{Own, Standing, Temporary};
use crate::account::{
    Action, Attempt, Credential, Lock, PasswordHash, PreparedTemporaryPassword, Settled, StoreError, Verdict,
};
use crate::number::PhoneNumber;
use crate::time::UnixTime;
use crate::unit::Unit;

pub(super) fn one(connection: &Connection, unit: Unit, number: PhoneNumber) -> Result<Option<Credential>, Failure> {
    let mut statement = connection.prepare_cached(
        "SELECT temporary_hash, temporary_set_at, temporary_expires_at, password_hash, password_changed_at,
                previous_hash, failures, locked_until, temporary_used_at
         FROM credential WHERE unit = ?1 AND number = ?2",
    )?;
    let mut rows = statement.query([unit.name(), number.as_str()])?;
    rows.next()?.map(|row| credential(unit, number, row)).transpose()
}

fn credential(unit: Unit, number: PhoneNumber, row: &Row<'_>) -> Result<Credential, Failure> {
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

pub(super) fn set_temporary(
    transaction: &Transaction<'_>,
    password: &PreparedTemporaryPassword,
) -> Result<(), Failure> {
    let PreparedTemporaryPassword { unit, number, hash, set_at, expires_at, call_id } = password;
    refuse_uncontracted(transaction, *unit, *number)?;
    transaction
        .prepare_cached(
            "INSERT INTO credential (unit, number, temporary_hash, temporary_set_at, temporary_expires_at, failures)
             VALUES (?1, ?2, ?3, ?4, ?5, 0)
             ON CONFLICT (unit, number) DO UPDATE SET temporary_hash = excluded.temporary_hash,
                 temporary_set_at = excluded.temporary_set_at, temporary_expires_at = excluded.temporary_expires_at, temporary_used_at = NULL,
                 failures = 0, locked_until = NULL",
        )?
        .execute(params![unit.name(), number.as_str(), hash.as_str(), set_at.0, expires_at.0])?;
    let actor = format!("call {call_id}");
    let audited = Audited { actor: &actor, at: *set_at, unit: Some(*unit), number: *number };
    records::note(transaction, audited, &Action::TemporarySet, None)
}

pub(super) fn set_own(
    transaction: &Transaction<'_>,
    unit: Unit,
    number: PhoneNumber,
    hash: &PasswordHash,
    actor: &str,
    now: UnixTime,
) -> Result<(), Failure> {
    refuse_uncontracted(transaction, unit, number)?;
    transaction
        .prepare_cached(
            "INSERT INTO credential (unit, number, password_hash, password_changed_at, failures)
             VALUES (?1, ?2, ?3, ?4, 0)
             ON CONFLICT (unit, number) DO UPDATE SET previous_hash = credential.password_hash,
                 password_hash = excluded.password_hash, password_changed_at = excluded.password_changed_at,
                 temporary_hash = NULL, temporary_set_at = NULL, temporary_expires_at = NULL,
                 temporary_used_at = NULL,
                 failures = 0, locked_until = NULL",
        )?
        .execute(params![unit.name(), number.as_str(), hash.as_str(), now.0])?;
    site::close_sessions(transaction, unit, number)?;
    let audited = Audited { actor, at: now, unit: Some(unit), number };
    records::note(transaction, audited, &Action::PasswordSet, None)
}

fn refuse_uncontracted(connection: &Connection, unit: Unit, number: PhoneNumber) -> Result<(), Failure> {
    let owner = contracts::owner(connection, number)?;
    let contracted = match unit {
        Unit::Line => owner == Some(number),
        Unit::Number | Unit::AdminUser => owner.is_some(),
    };
    if contracted { Ok(()) } else { Err(StoreError::NotContracted { unit, number }.into()) }
}

/// An attempt on an account that does not exist leaves no trace in the store, so that nobody can fill it from outside.
pub(super) fn settled_without_writing(attempt: &Attempt) -> Option<Settled> {
    attempt.is_unknown().then_some(Settled::Verdict(Verdict::Unknown))
}

pub(super) fn settle(
    transaction: &Transaction<'_>,
    attempt: &Attempt,
    lock: Lock,
    actor: &str,
    now: UnixTime,
) -> Result<Settled, Failure> {
    let Attempt { unit, number, .. } = *attempt;
    let Some(current) = one(transaction, unit, number)? else {
        return Ok(Settled::Verdict(Verdict::Unknown));
    };
    let Some(judgement) = attempt.judge(&current, now, lock) else {
        return Ok(Settled::Stale);
    };
    if let Some(action) = &judgement.action {
        stand(transaction, unit, number, judgement.standing)?;
        let audited = Audited { actor, at: now, unit: Some(unit), number };
        records::note(transaction, audited, action, Some(judgement.verdict.name()))?;
    }
    Ok(Settled::Verdict(judgement.verdict))
}

pub(super) fn unlock(
    transaction: &Transaction<'_>,
    unit: Unit,
    number: PhoneNumber,
    actor: &str,
    now: UnixTime,
) -> Result<bool, Failure> {
    if !stand(transaction, unit, number, Standing::default())? {
        return Ok(false);
    }
    let audited = Audited { actor, at: now, unit: Some(unit), number };
    records::note(transaction, audited, &Action::Unlocked, None)?;
    Ok(true)
}

fn stand(transaction: &Transaction<'_>, unit: Unit, number: PhoneNumber, standing: Standing) -> Result<bool, Failure> {
    let changed = transaction
        .prepare_cached("UPDATE credential SET failures = ?3, locked_until = ?4 WHERE unit = ?1 AND number = ?2")?
        .execute(params![
            unit.name(),
            number.as_str(),
            standing.failures,
            standing.locked_until.map(|until| until.0)
        ])?;
    Ok(changed > 0)
}
