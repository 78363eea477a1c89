//! The tables `session` and `setting`.

use rusqlite::{Connection, Row, Transaction, params};

use super::contracts;
use super::error::Failure;
use super::faxes;
use super::mail;
use super::records::{self, Audited};
use super::rows;
use crate::account::effects::{Actor, Applied, Effects};
use crate::account::session::{Session, SessionId};
use crate::account::setting::{Setting, SettingChange};
use crate::account::{Action, Service, Stage, StoreError};
use crate::number::PhoneNumber;
use crate::time::UnixTime;
use crate::unit::Unit;

pub(super) fn session(connection: &Connection, id: &SessionId) -> Result<Option<Session>, Failure> {
    let mut statement =
        connection.prepare_cached("SELECT unit, number, stage, created_at, seen_at FROM session WHERE id = ?1")?;
    let mut rows = statement.query([&id.0])?;
    rows.next()?.map(|row| read_session(id, row)).transpose()
}

fn read_session(id: &SessionId, row: &Row<'_>) -> Result<Session, Failure> {
    Ok(Session {
        id: id.clone(),
        unit: rows::parsed("unit", &row.get::<_, String>("unit")?)?,
        number: rows::number(row, "number")?,
        stage: rows::parsed("stage", &row.get::<_, String>("stage")?)?,
        created_at: rows::time(row, "created_at")?,
        seen_at: rows::time(row, "seen_at")?,
    })
}

/// Of two logins with the same temporary password, the one that comes second finds it used.
pub(super) fn open_session(
    transaction: &Transaction<'_>,
    session: &Session,
    stale_before: UnixTime,
    actor: &str,
) -> Result<bool, Failure> {
    let Session { id, unit, number, stage, created_at, seen_at } = session;
    if *stage == Stage::Temporary && !use_temporary(transaction, *unit, *number, *created_at)? {
        return Ok(false);
    }
    transaction.prepare_cached("DELETE FROM session WHERE seen_at < ?1")?.execute([stale_before.0])?;
    transaction
        .prepare_cached(
            "INSERT INTO session (id, unit, number, stage, created_at, seen_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?
        .execute(params![id.0, unit.name(), number.as_str(), stage.name(), created_at.0, seen_at.0])?;
    let audited = Audited { actor, at: *created_at, unit: Some(*unit), number: *number };
    records::note(transaction, audited, &Action::LoggedIn, Some(stage.name()))?;
    Ok(true)
}

fn use_temporary(
    transaction: &Transaction<'_>,
    unit: Unit,
    number: PhoneNumber,
    now: UnixTime,
) -> Result<bool, Failure> {
    let sql = "UPDATE credential SET temporary_used_at = ?3
               WHERE unit = ?1 AND number = ?2 AND temporary_used_at IS NULL AND temporary_expires_at > ?3";
    Ok(transaction.prepare_cached(sql)?.execute(params![unit.name(), number.as_str(), now.0])? == 1)
}

pub(super) fn touch_session(transaction: &Transaction<'_>, id: &SessionId, now: UnixTime) -> Result<(), Failure> {
    let sql = "UPDATE session SET seen_at = ?2 WHERE id = ?1 AND seen_at < ?2";
    transaction.prepare_cached(sql)?.execute(params![id.0, now.0])?;
    Ok(())
}

pub(super) fn close_session(
    transaction: &Transaction<'_>,
    id: &SessionId,
    actor: &str,
    now: UnixTime,
) -> Result<(), Failure> {
    let Some(session) = session(transaction, id)? else { return Ok(()) };
    transaction.prepare_cached("DELETE FROM session WHERE id = ?1")?.execute([&id.0])?;
    let audited = Audited { actor, at: now, unit: Some(session.unit), number: session.number };
    records::note(transaction, audited, &Action::LoggedOut, None)
}

/// All sessions of an account, such as when its password is another.
pub(super) fn close_sessions(transaction: &Transaction<'_>, unit: Unit, number: PhoneNumber) -> Result<(), Failure> {
    let sql = "DELETE FROM session WHERE unit = ?1 AND number = ?2";
    transaction.prepare_cached(sql)?.execute([unit.name(), number.as_str()])?;
    Ok(())
}

pub(super) fn setting(
    connection: &Connection,
    number: PhoneNumber,
    service: Service,
) -> Result<Option<Setting<String>>, Failure> {
    let mut statement = connection.prepare_cached(
        "SELECT active, detail, revision, changed_at FROM setting WHERE number = ?1 AND service = ?2",
    )?;
    let mut rows = statement.query([number.as_str(), service.name()])?;
    rows.next()?.map(read_setting).transpose()
}

pub(super) fn settings(
    connection: &Connection,
    customer_number: PhoneNumber,
    service: Service,
) -> Result<Vec<(PhoneNumber, Setting<String>)>, Failure> {
    let mut statement = connection.prepare_cached(
        "SELECT setting.number, active, detail, revision, changed_at
         FROM setting JOIN contract_number ON contract_number.number = setting.number
         WHERE customer_number = ?1 AND service = ?2 ORDER BY position",
    )?;
    let mut rows = statement.query([customer_number.as_str(), service.name()])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push((rows::number(row, "number")?, read_setting(row)?));
    }
    Ok(found)
}

fn read_setting(row: &Row<'_>) -> Result<Setting<String>, Failure> {
    Ok(Setting {
        active: row.get("active")?,
        detail: row.get("detail")?,
        revision: row.get("revision")?,
        changed_at: rows::optional_time(row, "changed_at")?,
    })
}

pub(super) fn apply(
    transaction: &Transaction<'_>,
    effects: &Effects,
    by: &Actor,
    now: UnixTime,
) -> Result<Applied, Failure> {
    let Effects { event, changes, mails, fax } = effects;
    if let Some(id) = event
        && !mail::begin_event(transaction, id, now)?
    {
        return Ok(Applied::Before);
    }
    let actor = by.name();
    for change in changes {
        change_setting(transaction, change, now)?;
        let state = if change.active { "start" } else { "stop" };
        let action = Action::Other(format!("set-{}", change.service));
        let audited = Audited { actor: &actor, at: now, unit: by.unit(), number: change.number };
        records::note(transaction, audited, &action, Some(&format!("{state} {}", change.detail)))?;
    }
    for new in mails {
        mail::enter(transaction, new, now)?;
    }
    Ok(Applied::Now { fax: fax.as_ref().map(|fax| faxes::keep(transaction, fax, now)).transpose()? })
}

/// Stops a service, whatever is set for it, and keeps the rest.
pub(super) fn stop(
    transaction: &Transaction<'_>,
    number: PhoneNumber,
    service: Service,
    now: UnixTime,
) -> Result<(), Failure> {
    let sql = "UPDATE setting SET active = 0, revision = revision + 1, changed_at = ?3
               WHERE number = ?1 AND service = ?2 AND active = 1";
    transaction.prepare_cached(sql)?.execute(params![number.as_str(), service.name(), now.0])?;
    Ok(())
}

pub(super) fn change_setting(
    transaction: &Transaction<'_>,
    change: &SettingChange,
    now: UnixTime,
) -> Result<(), Failure> {
    let SettingChange { number, service, revision, active, ref detail } = *change;
    if !contracts::has_service(transaction, number, service)? {
        return Err(StoreError::ServiceNotContracted { number, service }.into());
    }
    if setting(transaction, number, service)?.map_or(0, |found| found.revision) != revision {
        return Err(StoreError::SettingChanged { number, service }.into());
    }
    let sql = "INSERT INTO setting (number, service, revision, active, detail, changed_at)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6)
               ON CONFLICT (number, service) DO UPDATE SET revision = excluded.revision, active = excluded.active,
                   detail = excluded.detail, changed_at = excluded.changed_at";
    transaction.prepare_cached(sql)?.execute(params![
        number.as_str(),
        service.name(),
        revision.saturating_add(1),
        active,
        detail,
        now.0
    ])?;
    Ok(())
}
