//! Passwords of telephones: only contracted lines have one, and a user name is one line's.

use super::audit::Audited;
use super::contracts::refuse_uncontracted;
use crate::account::tables::{Failure, Tables};
use crate::account::{Action, Actor, LinePassword, StoreError};
use crate::number::PhoneNumber;
use crate::time::UnixTime;
use crate::unit::Unit;

/// The new password replaces the older one with all its user names.
pub(super) fn set(tables: &mut dyn Tables, password: &LinePassword, by: &Actor, now: UnixTime) -> Result<(), Failure> {
    let number = password.number;
    refuse_uncontracted(tables, Unit::Number, number)?;
    tables.delete_line_password(number)?;
    for writing in &password.user_names {
        if let Some(found) = tables.user_name(&writing.user_name)? {
            return Err(StoreError::UserNameTaken { number, owner: found.number }.into());
        }
    }
    tables.insert_line_password(password, now)?;
    Audited { by, at: now, unit: None, number }.note(tables, Action::LinePasswordSet, None)
}

pub(super) fn remove(tables: &mut dyn Tables, number: PhoneNumber, by: &Actor, now: UnixTime) -> Result<bool, Failure> {
    if !tables.delete_line_password(number)? {
        return Ok(false);
    }
    Audited { by, at: now, unit: None, number }.note(tables, Action::LinePasswordRemoved, None)?;
    Ok(true)
}
