//! The table `call_record`.

use rusqlite::{CachedStatement, Row, named_params, params};

use super::access::Access;
use super::rows;
use crate::account::tables::{CallTable, Failure};
use crate::account::{CallFilter, CallRecord, DigitCounts, MediaCounts, Outcome};
use crate::number::PhoneNumber;
use crate::time::UnixTime;
use crate::unit::Unit;

/// What a filter says of a call, but for the time from which on.
const CHOSEN: &str = "(:until IS NULL OR started_at < :until) AND (:caller IS NULL OR caller = :caller)
                      AND (:outcome IS NULL OR outcome = :outcome)";

impl CallTable for Access<'_> {
    fn call(&self, id: &str) -> Result<Option<CallRecord>, Failure> {
        let mut statement = self.connection.prepare_cached("SELECT * FROM call_record WHERE id = ?1")?;
        let mut rows = statement.query(params![id])?;
        rows.next()?.map(read).transpose()
    }

    fn calls(&self, filter: &CallFilter) -> Result<Vec<CallRecord>, Failure> {
        // the newest are chosen, and then put into the order in which they came
        let mut statement = self.connection.prepare_cached(&format!(
            "SELECT * FROM call_record WHERE (:since IS NULL OR started_at >= :since) AND {CHOSEN}
             ORDER BY started_at DESC, id DESC LIMIT :last"
        ))?;
        let found = statement.query(named_params! {
            ":since": filter.since.map(|since| since.0),
            ":until": filter.until.map(|until| until.0),
            ":caller": filter.caller.as_ref().map(PhoneNumber::as_str),
            ":outcome": filter.outcome.map(Outcome::name),
            ":last": filter.last.map_or(i64::MAX, i64::from),
        })?;
        let mut calls = rows::all(found, read)?;
        calls.reverse();
        Ok(calls)
    }

    fn calls_behind(
        &self,
        filter: &CallFilter,
        after: Option<&CallRecord>,
        limit: u32,
    ) -> Result<Vec<CallRecord>, Failure> {
        let mut statement = self.connection.prepare_cached(&format!(
            "SELECT * FROM call_record WHERE started_at >= :since AND (started_at > :since OR id > :id) AND {CHOSEN}
             ORDER BY started_at, id LIMIT :limit"
        ))?;
        // before the first call, no id is less than an empty one
        let since = after.map(|after| after.started_at).or(filter.since).map_or(i64::MIN, |since| since.0);
        let found = statement.query(named_params! {
            ":since": since,
            ":id": after.map_or("", |after| after.id.as_str()),
            ":until": filter.until.map(|until| until.0),
            ":caller": filter.caller.as_ref().map(PhoneNumber::as_str),
            ":outcome": filter.outcome.map(Outcome::name),
            ":limit": limit,
        })?;
        rows::all(found, read)
    }

    fn insert_calls(&mut self, records: &[&CallRecord]) -> Result<Vec<bool>, Failure> {
        let mut statement = self.connection.prepare_cached(
            "INSERT INTO call_record (id, started_at, answered_at, ended_at, caller, peer, unit, target, outcome, status,
                 packets_received, packets_lost, packets_twice, jitter_ms, digits_rfc4733, digits_inband, digits_info, reason,
                 refused_media, detail, srtp, packets_unauthentic, packets_replayed)
             VALUES (:id, :started_at, :answered_at, :ended_at, :caller, :peer, :unit, :target, :outcome, :status,
                 :received, :lost, :twice, :jitter_ms, :rfc4733, :inband, :info, :reason,
                 :refused_media, :detail, :srtp, :unauthentic, :replayed)
             ON CONFLICT (id) DO NOTHING",
        )?;
        records.iter().map(|record| insert(&mut statement, record)).collect()
    }

    fn delete_calls(&mut self, started_before: UnixTime, limit: u32) -> Result<usize, Failure> {
        let sql = "DELETE FROM call_record WHERE id IN
                       (SELECT id FROM call_record WHERE started_at < ?1 ORDER BY started_at LIMIT ?2)";
        Ok(self.connection.prepare_cached(sql)?.execute(params![started_before.0, limit])?)
    }
}

/// Returns whether it went in.
fn insert(statement: &mut CachedStatement<'_>, record: &CallRecord) -> Result<bool, Failure> {
    let inserted = statement.execute(named_params! {
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
    Ok(inserted == 1)
}

fn read(row: &Row<'_>) -> Result<CallRecord, Failure> {
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
