//! Sessions of the settings site: a temporary password opens one only, and what is idle goes when another comes.

use super::audit::Audited;
use super::contracts::refuse_uncontracted;
use crate::account::session::{Session, SessionId, Stage};
use crate::account::tables::{Failure, Tables};
use crate::account::{Action, Actor, Credential};
use crate::number::PhoneNumber;
use crate::time::UnixTime;
use crate::unit::Unit;

/// Of two logins with the same temporary password, the second finds it used.
pub(super) fn open(
    tables: &mut dyn Tables,
    session: &Session,
    stale_before: UnixTime,
    by: &Actor,
) -> Result<bool, Failure> {
    let Session { unit, number, stage, created_at, .. } = *session;
    if stage == Stage::Temporary && !use_temporary(tables, unit, number, created_at)? {
        return Ok(false);
    }
    refuse_uncontracted(tables, unit, number)?;
    tables.delete_sessions_before(stale_before)?;
    tables.put_session(session)?;
    let audited = Audited { by, at: created_at, unit: Some(unit), number };
    audited.note(tables, Action::LoggedIn, Some(stage.name().to_owned()))?;
    Ok(true)
}

fn use_temporary(tables: &mut dyn Tables, unit: Unit, number: PhoneNumber, now: UnixTime) -> Result<bool, Failure> {
    let Some(mut credential) = tables.credential(unit, number)? else { return Ok(false) };
    let Some(temporary) = credential.temporary.take().filter(|temporary| temporary.is_valid(now)) else {
        return Ok(false);
    };
    let used = crate::account::Temporary { used_at: Some(now), ..temporary };
    tables.put_credential(&Credential { temporary: Some(used), ..credential })?;
    Ok(true)
}

/// The time of use goes forward only: requests overtake each other.
pub(super) fn touch(tables: &mut dyn Tables, id: &SessionId, now: UnixTime) -> Result<(), Failure> {
    match tables.session(id)?.filter(|session| session.seen_at < now) {
        Some(session) => tables.put_session(&Session { seen_at: now, ..session }),
        None => Ok(()),
    }
}

pub(super) fn close(tables: &mut dyn Tables, id: &SessionId, by: &Actor, now: UnixTime) -> Result<(), Failure> {
    let Some(Session { unit, number, .. }) = tables.session(id)? else { return Ok(()) };
    tables.delete_session(id)?;
    Audited { by, at: now, unit: Some(unit), number }.note(tables, Action::LoggedOut, None)
}
