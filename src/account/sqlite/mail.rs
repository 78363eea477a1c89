//! The tables `mail` and `address_confirmation`.

use rusqlite::{Connection, OptionalExtension, Row, Transaction, named_params, params};

use super::contracts;
use super::error::Failure;
use super::records::{self, Audited};
use super::rows;
use super::site;
use crate::account::mail::{
    AddressConfirmation, Claim, Delivery, Mail, MailFilter, MailState, NewMail, REMEMBERED_SECONDS, TokenHash,
};
use crate::account::setting::{FaxMail, SettingChange};
use crate::account::{Action, Service};
use crate::time::UnixTime;

const COLUMNS: &str =
    "id, purpose, number, recipient, subject, body, state, created_at, due_at, attempts, handing_over,
                       problem, settled_at";
/// What may be tried now: its time has come, and nobody is at it who is still alive.
const DUE: &str = "state = 'queued' AND due_at <= :now AND (claimed_until IS NULL OR claimed_until <= :now)";

pub(super) fn enter(transaction: &Transaction<'_>, mail: &NewMail, now: UnixTime) -> Result<(), Failure> {
    let NewMail { id, purpose, number, recipient, subject, body } = mail;
    let sql = "INSERT INTO mail (id, purpose, number, recipient, subject, body, state, created_at, due_at)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, 'queued', ?7, ?7)";
    transaction.prepare_cached(sql)?.execute(params![
        id,
        purpose.name(),
        number.as_str(),
        recipient,
        subject,
        body,
        now.0
    ])?;
    Ok(())
}

pub(super) fn is_any_due(connection: &Connection, now: UnixTime) -> Result<bool, Failure> {
    let mut statement = connection.prepare_cached(&format!("SELECT 1 FROM mail WHERE {DUE}"))?;
    Ok(statement.exists(named_params! {":now": now.0})?)
}

pub(super) fn claim(transaction: &Transaction<'_>, claim: &Claim, now: UnixTime) -> Result<Option<Mail>, Failure> {
    let mut statement = transaction.prepare_cached(&format!(
        "UPDATE mail SET claimed_by = :by, claimed_until = :until, attempts = attempts + 1
         WHERE id = (SELECT id FROM mail WHERE {DUE} ORDER BY due_at, created_at, id LIMIT 1) RETURNING {COLUMNS}"
    ))?;
    let mut rows = statement.query(named_params! {":by": claim.by, ":until": claim.until.0, ":now": now.0})?;
    rows.next()?.map(read).transpose()
}

/// Tells whether the claim still holds.
pub(super) fn hand_over(transaction: &Transaction<'_>, id: &str, claim: &Claim) -> Result<bool, Failure> {
    let sql = "UPDATE mail SET handing_over = 1, claimed_until = ?3 WHERE id = ?1 AND claimed_by = ?2";
    Ok(transaction.prepare_cached(sql)?.execute(params![id, claim.by, claim.until.0])? == 1)
}

pub(super) fn settle(
    transaction: &Transaction<'_>,
    id: &str,
    by: &str,
    delivery: &Delivery,
    now: UnixTime,
) -> Result<bool, Failure> {
    let (state, due_at, problem, settled_at) = match delivery {
        Delivery::Sent => (MailState::Sent, None, None, Some(now.0)),
        Delivery::Later { due_at, why } => (MailState::Queued, Some(due_at.0), Some(why), None),
        Delivery::Failed { why } => (MailState::Failed, None, Some(why), Some(now.0)),
    };
    let sql = "UPDATE mail SET state = ?3, due_at = coalesce(?4, due_at), problem = ?5, settled_at = ?6,
                   body = CASE WHEN ?3 = 'sent' THEN '' ELSE body END,
                   claimed_by = NULL, claimed_until = NULL, handing_over = 0
               WHERE id = ?1 AND claimed_by = ?2";
    let settled =
        transaction.prepare_cached(sql)?.execute(params![id, by, state.name(), due_at, problem, settled_at])?;
    if state == MailState::Sent {
        let sql = "DELETE FROM mail WHERE state = 'sent' AND settled_at < ?1";
        transaction.prepare_cached(sql)?.execute([now.0.saturating_sub(REMEMBERED_SECONDS)])?;
    }
    Ok(settled == 1)
}

pub(super) fn retry_failed(transaction: &Transaction<'_>, now: UnixTime) -> Result<usize, Failure> {
    let sql = "UPDATE mail SET state = 'queued', settled_at = NULL, due_at = ?1, attempts = 0, created_at = ?1
               WHERE state = 'failed'";
    Ok(transaction.prepare_cached(sql)?.execute([now.0])?)
}

/// Forgets mails that were settled before, `most` of them.
pub(super) fn prune(transaction: &Transaction<'_>, before: UnixTime, most: u32) -> Result<usize, Failure> {
    let sql = "DELETE FROM mail WHERE id IN
                   (SELECT id FROM mail WHERE state IN ('sent', 'failed') AND settled_at < ?1 LIMIT ?2)";
    Ok(transaction.prepare_cached(sql)?.execute(params![before.0, most])?)
}

pub(super) fn list(connection: &Connection, filter: &MailFilter) -> Result<Vec<Mail>, Failure> {
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM mail
         WHERE (:number IS NULL OR number = :number) AND (:purpose IS NULL OR purpose = :purpose)
           AND (:state IS NULL OR state = :state) AND created_at >= :since
         ORDER BY created_at, id"
    ))?;
    let mut rows = statement.query(named_params! {
        ":number": filter.number.as_ref().map(crate::number::PhoneNumber::as_str),
        ":purpose": filter.purpose.map(crate::account::mail::Purpose::name),
        ":state": filter.state.map(MailState::name),
        ":since": filter.since.map_or(i64::MIN, |since| since.0),
    })?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push(read(row)?);
    }
    Ok(found)
}

fn read(row: &Row<'_>) -> Result<Mail, Failure> {
    Ok(Mail {
        mail: NewMail {
            id: row.get("id")?,
            purpose: rows::parsed("purpose", &row.get::<_, String>("purpose")?)?,
            number: rows::number(row, "number")?,
            recipient: row.get("recipient")?,
            subject: row.get("subject")?,
            body: row.get("body")?,
        },
        state: rows::parsed("state", &row.get::<_, String>("state")?)?,
        created_at: rows::time(row, "created_at")?,
        due_at: rows::time(row, "due_at")?,
        attempts: row.get("attempts")?,
        uncertain: row.get("handing_over")?,
        problem: row.get("problem")?,
        settled_at: rows::optional_time(row, "settled_at")?,
    })
}

pub(super) fn offer(
    transaction: &Transaction<'_>,
    confirmation: &AddressConfirmation,
    now: UnixTime,
) -> Result<(), Failure> {
    let AddressConfirmation { token, number, address, expires_at } = confirmation;
    transaction.prepare_cached("DELETE FROM address_confirmation WHERE expires_at <= ?1")?.execute([now.0])?;
    let sql = "INSERT INTO address_confirmation (token_hash, number, address, expires_at) VALUES (?1, ?2, ?3, ?4)";
    transaction.prepare_cached(sql)?.execute(params![token.0, number.as_str(), address, expires_at.0])?;
    Ok(())
}

/// What a link would confirm now: it is not too old, and its address is what is set and not confirmed.
pub(super) fn offered(
    connection: &Connection,
    token: &TokenHash,
    now: UnixTime,
) -> Result<Option<AddressConfirmation>, Failure> {
    let sql = "SELECT number, address, expires_at FROM address_confirmation WHERE token_hash = ?1 AND expires_at > ?2";
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(params![token.0, now.0])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    let found = AddressConfirmation {
        token: token.clone(),
        number: rows::number(row, "number")?,
        address: row.get("address")?,
        expires_at: rows::time(row, "expires_at")?,
    };
    let is_set = waiting_address(connection, &found)?.is_some();
    Ok(is_set.then_some(found))
}

/// The setting whose address waits for this confirmation.
fn waiting_address(
    connection: &Connection,
    confirmation: &AddressConfirmation,
) -> Result<Option<(SettingChange, FaxMail)>, Failure> {
    let (number, service) = (confirmation.number, Service::FaxMail);
    if !contracts::has_service(connection, number, service)? {
        return Ok(None);
    }
    let Some(setting) = site::setting(connection, number, service)? else { return Ok(None) };
    let damaged = |why: serde_json::Error| Failure::Damaged(format!("the setting {service} of {number}: {why}"));
    let setting = setting.read::<FaxMail>().map_err(damaged)?;
    let waits = setting.detail.address == confirmation.address && !setting.detail.confirmed;
    let change =
        SettingChange { number, service, revision: setting.revision, active: setting.active, detail: String::new() };
    Ok(waits.then_some((change, setting.detail)))
}

pub(super) fn confirm(
    transaction: &Transaction<'_>,
    token: &TokenHash,
    now: UnixTime,
) -> Result<Option<AddressConfirmation>, Failure> {
    let Some(confirmation) = offered(transaction, token, now)? else { return Ok(None) };
    let Some((change, fax_mail)) = waiting_address(transaction, &confirmation)? else { return Ok(None) };
    let confirmed = FaxMail { confirmed: true, ..fax_mail };
    let detail = serde_json::to_string(&confirmed).map_err(|why| Failure::Odd(why.to_string()))?;
    site::change_setting(transaction, &SettingChange { detail, ..change }, now)?;
    let sql = "DELETE FROM address_confirmation WHERE number = ?1";
    transaction.prepare_cached(sql)?.execute([confirmation.number.as_str()])?;
    let audited = Audited { actor: "mailed link", at: now, unit: None, number: confirmation.number };
    let action = Action::Other("confirmed-fax-mail".to_owned());
    records::note(transaction, audited, &action, Some(&confirmation.address))?;
    Ok(Some(confirmation))
}

/// Tells whether the event is new.
pub(super) fn begin_event(transaction: &Transaction<'_>, id: &str, now: UnixTime) -> Result<bool, Failure> {
    let known: Option<i64> = transaction
        .prepare_cached("SELECT 1 FROM event WHERE id = ?1")?
        .query_row([id], |row| row.get(0))
        .optional()?;
    if known.is_none() {
        let sql = "DELETE FROM event WHERE happened_at < ?1";
        transaction.prepare_cached(sql)?.execute([now.0.saturating_sub(REMEMBERED_SECONDS)])?;
        let sql = "INSERT INTO event (id, happened_at) VALUES (?1, ?2)";
        transaction.prepare_cached(sql)?.execute(params![id, now.0])?;
    }
    Ok(known.is_none())
}
