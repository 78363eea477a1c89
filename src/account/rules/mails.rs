//! Mails on their way out: a claim is one sender's, and nothing that was handed over is forgotten.

use crate::account::mail::{
    CLAIM_SECONDS, Claim, Delivery, LONGEST_DELAY_SECONDS, Mail, MailFilter, MailState, NewMail, REMEMBERED_SECONDS,
};
use crate::account::tables::{Failure, Horizon, MailRow, Tables};
use crate::time::UnixTime;

pub(super) fn enter(tables: &mut dyn Tables, mail: &NewMail, now: UnixTime) -> Result<(), Failure> {
    let mail = Mail {
        mail: mail.clone(),
        state: MailState::Queued,
        created_at: now,
        due_at: now,
        attempts: 0,
        refusals: 0,
        uncertain: false,
        problem: None,
        settled_at: None,
    };
    tables.insert_mail(&MailRow { mail, claim: None })
}

/// The mail to be sent next. A clock that was ahead makes none wait for longer than any may.
pub(super) fn due(tables: &dyn Tables, now: UnixTime) -> Result<Option<Mail>, Failure> {
    let horizon =
        Horizon { due_at: now.latest_end(LONGEST_DELAY_SECONDS), claimed_until: now.latest_end(CLAIM_SECONDS) };
    Ok(tables.due_mail(now, horizon)?.map(|row| row.mail))
}

pub(super) fn claim(tables: &mut dyn Tables, claim: &Claim, now: UnixTime) -> Result<Option<Mail>, Failure> {
    let Some(mail) = due(tables, now)? else { return Ok(None) };
    // it is given up by its age, which begins now where a clock that was ahead has entered it
    let mail = Mail { attempts: mail.attempts.saturating_add(1), created_at: mail.created_at.min(now), ..mail };
    tables.update_mail(&MailRow { mail: mail.clone(), claim: Some(claim.clone()) })?;
    Ok(Some(mail))
}

/// The mail, when `by` still holds the claim on it. A claim that is over is held until another sender takes it.
fn claimed(tables: &dyn Tables, id: &str, by: &str) -> Result<Option<Mail>, Failure> {
    let is_theirs = |row: &MailRow| row.claim.as_ref().is_some_and(|claim| claim.by == by);
    Ok(tables.mail(id)?.filter(is_theirs).map(|row| row.mail))
}

/// Returns whether the claim still holds.
pub(super) fn hand_over(tables: &mut dyn Tables, id: &str, claim: &Claim) -> Result<bool, Failure> {
    let Some(mail) = claimed(tables, id, &claim.by)? else { return Ok(false) };
    let mail = Mail { uncertain: true, ..mail };
    tables.update_mail(&MailRow { mail, claim: Some(claim.clone()) })?;
    Ok(true)
}

/// Returns whether the claim still held.
pub(super) fn settle(
    tables: &mut dyn Tables,
    id: &str,
    by: &str,
    delivery: &Delivery,
    now: UnixTime,
) -> Result<bool, Failure> {
    let Some(mut mail) = claimed(tables, id, by)? else { return Ok(false) };
    mail.uncertain = false;
    match delivery {
        Delivery::Sent => {
            (mail.state, mail.problem, mail.settled_at) = (MailState::Sent, None, Some(now));
            mail.mail.body.clear();
        }
        Delivery::Refused { due_at, why } => {
            mail.refusals = mail.refusals.saturating_add(1);
            (mail.due_at, mail.problem) = (*due_at, Some(why.clone()));
        }
        Delivery::Later { due_at, why } => (mail.due_at, mail.problem) = (*due_at, Some(why.clone())),
        Delivery::Failed { why } => {
            (mail.state, mail.problem, mail.settled_at) = (MailState::Failed, Some(why.clone()), Some(now));
        }
    }
    let is_sent = mail.state == MailState::Sent;
    tables.update_mail(&MailRow { mail, claim: None })?;
    if is_sent {
        tables.delete_mails(MailState::Sent, now.plus(-REMEMBERED_SECONDS), u32::MAX)?;
    }
    Ok(true)
}

/// Returns how many there were.
pub(super) fn retry_failed(tables: &mut dyn Tables, now: UnixTime) -> Result<usize, Failure> {
    let failed = tables.mails(&MailFilter { state: Some(MailState::Failed), ..MailFilter::default() })?;
    let count = failed.len();
    for mail in failed {
        let (state, settled_at) = (MailState::Queued, None);
        let mail = Mail { state, settled_at, attempts: 0, refusals: 0, created_at: now, due_at: now, ..mail };
        tables.update_mail(&MailRow { mail, claim: None })?;
    }
    Ok(count)
}

/// Forgets at most `limit` mails that were settled before. Queued ones stay however old they are.
pub(super) fn prune(tables: &mut dyn Tables, before: UnixTime, limit: u32) -> Result<usize, Failure> {
    let sent = tables.delete_mails(MailState::Sent, before, limit)?;
    let left = limit.saturating_sub(u32::try_from(sent).unwrap_or(u32::MAX));
    Ok(sent + tables.delete_mails(MailState::Failed, before, left)?)
}
