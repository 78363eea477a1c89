//! The tables `call_record` and `audit`.

use rusqlite::{Connection, Row, Transaction, named_params, params};

use super::error::Failure;
use super::rows;
use crate::account::{
    Action, AuditEntry, AuditFilter, CallFilter, CallRecord, DigitCounts, MediaCounts, Outcome, StoreError,
};
use crate::number::PhoneNumber;
use crate::time::UnixTime;
use crate::unit::Unit;

pub(super) fn keep_call(transaction: &Transaction<'_>, record: &CallRecord) -> Result<(), Failure> {
    let mut statement = transaction.prepare_cached(
        "INSERT INTO call_record (id, started_at, answered_at, ended_at, caller, peer, unit, target, outcome, status,
             packets_received, packets_lost, packets_twice, jitter_ms, digits_rfc4733, digits_inband, digits_info, reason,
             refused_media, detail, srtp, packets_unauthentic, packets_replayed)
         VALUES (:id, :started_at, :answered_at, :ended_at, :caller, :peer, :unit, :target, :outcome, :status,
             :received, :lost, :twice, :jitter_ms, :rfc4733, :inband, :info, :reason,
             :refused_media, :detail, :srtp, :unauthentic, :replayed)
         ON CONFLICT (id) DO NOTHING",
    )?;
    let kept = statement.execute(named_params! {
        ":id": record.id,
        ":started_at": record.started_at.0,
        ":answered_at": record.answered_at.map(|at| at.0),
        ":ended_at": record.ended_at.0,
        ":caller": record.caller.as_ref().map(PhoneNumber::as_str),
        ":peer": record.peer,
        ":unit": record.unit.map(Unit::name),
        ":target": record.target.as_ref().map(PhoneNumber::as_str),
        ":outcome": record.outcome.name(),
        ":status": record.status,
        ":received": record.media.received,
        ":lost": record.media.lost,
        ":twice": record.media.duplicates,
        ":jitter_ms": record.media.jitter_ms,
        ":rfc4733": record.digits.rfc4733,
        ":inband": record.digits.inband,
        ":info": record.digits.info,
        ":reason": record.reason,
        ":refused_media": record.refused_media,
        ":detail": record.detail,
        ":srtp": record.srtp,
        ":unauthentic": record.media.unauthentic,
        ":replayed": record.media.replayed,
    })?;
    if kept == 1 { Ok(()) } else { Err(StoreError::CallTwice { id: record.id.clone() }.into()) }
}

/// What a filter says of a call, but for the time from which on.
const CHOSEN: &str = "(:until IS NULL OR started_at < :until) AND (:caller IS NULL OR caller = :caller)
                      AND (:outcome IS NULL OR outcome = :outcome)";

pub(super) fn calls(connection: &Connection, filter: &CallFilter) -> Result<Vec<CallRecord>, Failure> {
    // the newest are chosen, and then put into the order in which they came
    let mut statement = connection.prepare_cached(&format!(
        "SELECT * FROM call_record WHERE (:since IS NULL OR started_at >= :since) AND {CHOSEN}
         ORDER BY started_at DESC, id DESC LIMIT :last"
    ))?;
    let mut rows = statement.query(named_params! {
        ":since": filter.since.map(|since| since.0),
        ":until": filter.until.map(|until| until.0),
        ":caller": filter.caller.as_ref().map(PhoneNumber::as_str),
        ":outcome": filter.outcome.map(Outcome::name),
        ":last": filter.last.map_or(i64::MAX, i64::from),
    })?;
    let mut calls = Vec::new();
    while let Some(row) = rows.next()? {
        calls.push(call(row)?);
    }
    calls.reverse();
    Ok(calls)
}

pub(super) fn calls_behind(
    connection: &Connection,
    filter: &CallFilter,
    after: Option<&CallRecord>,
    most: u32,
) -> Result<Vec<CallRecord>, Failure> {
    let mut statement = connection.prepare_cached(&format!(
        "SELECT * FROM call_record WHERE started_at >= :since AND (started_at > :since OR id > :id) AND {CHOSEN}
         ORDER BY started_at, id LIMIT :most"
    ))?;
    // before the first call, no id is less than an empty one
    let since = after.map(|after| after.started_at).or(filter.since).map_or(i64::MIN, |since| since.0);
    let mut rows = statement.query(named_params! {
        ":since": since,
        ":id": after.map_or("", |after| after.id.as_str()),
        ":until": filter.until.map(|until| until.0),
        ":caller": filter.caller.as_ref().map(PhoneNumber::as_str),
        ":outcome": filter.outcome.map(Outcome::name),
        ":most": most,
    })?;
    let mut calls = Vec::new();
    while let Some(row) = rows.next()? {
        calls.push(call(row)?);
    }
    Ok(calls)
}

/// Forgets calls that started before, `most` of them.
pub(super) fn prune_calls(transaction: &Transaction<'_>, before: UnixTime, most: u32) -> Result<usize, Failure> {
    let sql = "DELETE FROM call_record WHERE id IN
                   (SELECT id FROM call_record WHERE started_at < ?1 ORDER BY started_at LIMIT ?2)";
    Ok(transaction.prepare_cached(sql)?.execute(params![before.0, most])?)
}

/// Forgets audit rows that were written before, `most` of them.
pub(super) fn prune_audit(transaction: &Transaction<'_>, before: UnixTime, most: u32) -> Result<usize, Failure> {
    let sql = "DELETE FROM audit WHERE id IN (SELECT id FROM audit WHERE at < ?1 ORDER BY id LIMIT ?2)";
    Ok(transaction.prepare_cached(sql)?.execute(params![before.0, most])?)
}

pub(super) fn call_of(connection: &Connection, id: &str) -> Result<Option<CallRecord>, Failure> {
    let mut statement = connection.prepare_cached("SELECT * FROM call_record WHERE id = ?1")?;
    let mut rows = statement.query(params![id])?;
    rows.next()?.map(call).transpose()
}

fn call(row: &Row<'_>) -> Result<CallRecord, Failure> {
    Ok(CallRecord {
        id: row.get("id")?,
        started_at: rows::time(row, "started_at")?,
        answered_at: rows::optional_time(row, "answered_at")?,
        ended_at: rows::time(row, "ended_at")?,
        caller: rows::optional(row, "caller")?,
        peer: row.get("peer")?,
        unit: rows::optional(row, "unit")?,
        target: rows::optional(row, "target")?,
        outcome: rows::parsed("outcome", &row.get::<_, String>("outcome")?)?,
        status: row.get("status")?,
        reason: row.get("reason")?,
        refused_media: row.get("refused_media")?,
        detail: row.get("detail")?,
        srtp: row.get("srtp")?,
        media: MediaCounts {
            received: row.get("packets_received")?,
            lost: row.get("packets_lost")?,
            duplicates: row.get("packets_twice")?,
            jitter_ms: row.get("jitter_ms")?,
            unauthentic: row.get("packets_unauthentic")?,
            replayed: row.get("packets_replayed")?,
        },
        digits: DigitCounts {
            rfc4733: row.get("digits_rfc4733")?,
            inband: row.get("digits_inband")?,
            info: row.get("digits_info")?,
        },
    })
}

/// Who did it, when, and to which account.
#[derive(Clone, Copy)]
pub(super) struct Audited<'a> {
    pub(super) actor: &'a str,
    pub(super) at: UnixTime,
    pub(super) unit: Option<Unit>,
    pub(super) number: PhoneNumber,
}

/// Adds a row to the audit.
pub(super) fn note(
    transaction: &Transaction<'_>,
    audited: Audited<'_>,
    action: &Action,
    detail: Option<&str>,
) -> Result<(), Failure> {
    let Audited { actor, at, unit, number } = audited;
    insert_audit(transaction, at, actor, action, unit, Some(number), detail)
}

pub(super) fn append_audit(transaction: &Transaction<'_>, entry: &AuditEntry) -> Result<(), Failure> {
    let AuditEntry { at, actor, action, unit, number, detail } = entry;
    insert_audit(transaction, *at, actor, action, *unit, *number, detail.as_deref())
}

fn insert_audit(
    transaction: &Transaction<'_>,
    at: UnixTime,
    actor: &str,
    action: &Action,
    unit: Option<Unit>,
    number: Option<PhoneNumber>,
    detail: Option<&str>,
) -> Result<(), Failure> {
    let sql = "INSERT INTO audit (at, actor, action, unit, number, detail) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
    transaction.prepare_cached(sql)?.execute(params![
        at.0,
        actor,
        action.name(),
        unit.map(Unit::name),
        number.as_ref().map(PhoneNumber::as_str),
        detail
    ])?;
    Ok(())
}

const AUDIT: &str = "SELECT at, actor, action, unit, number, detail FROM audit
     WHERE (:number IS NULL OR number = :number) AND (:unit IS NULL OR unit = :unit)
     ORDER BY id DESC LIMIT :last";
pub(super) const AUDIT_OF_NUMBER: &str = "SELECT at, actor, action, unit, number, detail FROM audit
     WHERE number = :number AND (:unit IS NULL OR unit = :unit)
     ORDER BY at DESC, id DESC LIMIT :last";

pub(super) fn audit(connection: &Connection, filter: &AuditFilter) -> Result<Vec<AuditEntry>, Failure> {
    // the rows of one number come from their index, newest first, however long the audit has become
    let mut statement = connection.prepare_cached(if filter.number.is_some() { AUDIT_OF_NUMBER } else { AUDIT })?;
    let mut rows = statement.query(named_params! {
        ":number": filter.number.as_ref().map(PhoneNumber::as_str),
        ":unit": filter.unit.map(Unit::name),
        ":last": filter.last.map_or(i64::MAX, i64::from),
    })?;
    let mut entries = Vec::new();
    while let Some(row) = rows.next()? {
        entries.push(entry(row)?);
    }
    entries.reverse();
    Ok(entries)
}

fn entry(row: &Row<'_>) -> Result<AuditEntry, Failure> {
    Ok(AuditEntry {
        at: rows::time(row, "at")?,
        actor: row.get("actor")?,
        action: rows::parsed("action", &row.get::<_, String>("action")?)?,
        unit: rows::optional(row, "unit")?,
        number: rows::optional(row, "number")?,
        detail: row.get("detail")?,
    })
}
