//! Passwords: what replaces what, what a wrong one does, and when a lock ends.

use super::audit::Audited;
use super::contracts::refuse_uncontracted;
use crate::account::credential::{Own, Standing};
use crate::account::tables::{Failure, Tables};
use crate::account::{Action, Actor, Attempt, Credential, PasswordHash, Settled, Verdict};
use crate::lock::Lock;
use crate::number::PhoneNumber;
use crate::time::UnixTime;
use crate::unit::Unit;

/// The password before this one is remembered, the temporary one is used up, and all sessions of the account end.
pub(super) fn set_own(
    tables: &mut dyn Tables,
    (unit, number): (Unit, PhoneNumber),
    hash: &PasswordHash,
    by: &Actor,
    now: UnixTime,
) -> Result<(), Failure> {
    refuse_uncontracted(tables, unit, number)?;
    let before = tables.credential(unit, number)?.unwrap_or_else(|| Credential::new(unit, number));
    tables.put_credential(&Credential {
        temporary: None,
        own: Some(Own { hash: hash.clone(), changed_at: now }),
        previous: before.own.map(|own| own.hash),
        standing: Standing::default(),
        ..before
    })?;
    tables.delete_sessions(Some(unit), number)?;
    Audited { by, at: now, unit: Some(unit), number }.note(tables, Action::PasswordSet, None)
}

/// An attempt on an account that does not exist leaves no trace in the store, so that it cannot be filled from outside.
pub(super) fn settled_without_writing(attempt: &Attempt) -> Option<Settled> {
    attempt.is_unknown().then_some(Settled::Verdict(Verdict::Unknown))
}

pub(super) fn settle(
    tables: &mut dyn Tables,
    attempt: &Attempt,
    lock: Lock,
    by: &Actor,
    now: UnixTime,
) -> Result<Settled, Failure> {
    let Attempt { unit, number, .. } = *attempt;
    let Some(current) = tables.credential(unit, number)? else {
        return Ok(Settled::Verdict(Verdict::Unknown));
    };
    let Some(judgement) = attempt.judge(&current, now, lock) else {
        return Ok(Settled::Stale);
    };
    if let Some(action) = judgement.action {
        tables.put_credential(&Credential { standing: judgement.standing, ..current })?;
        let audited = Audited { by, at: now, unit: Some(unit), number };
        audited.note(tables, action, Some(judgement.verdict.name().to_owned()))?;
    }
    Ok(Settled::Verdict(judgement.verdict))
}

pub(super) fn unlock(
    tables: &mut dyn Tables,
    unit: Unit,
    number: PhoneNumber,
    by: &Actor,
    now: UnixTime,
) -> Result<bool, Failure> {
    let Some(credential) = tables.credential(unit, number)? else { return Ok(false) };
    tables.put_credential(&Credential { standing: Standing::default(), ..credential })?;
    Audited { by, at: now, unit: Some(unit), number }.note(tables, Action::Unlocked, None)?;
    Ok(true)
}
