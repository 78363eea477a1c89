//! The rows that the rules leave in the audit.

use crate::account::tables::{Failure, Tables};
use crate::account::{Action, Actor, AuditEntry};
use crate::number::PhoneNumber;
use crate::time::UnixTime;
use crate::unit::Unit;

/// Who acts, when, and on which account.
#[derive(Clone, Copy)]
pub(super) struct Audited<'a> {
    pub(super) by: &'a Actor,
    pub(super) at: UnixTime,
    pub(super) unit: Option<Unit>,
    pub(super) number: PhoneNumber,
}

impl Audited<'_> {
    /// The row that says so.
    pub(super) fn entry(self, action: Action, detail: Option<String>) -> AuditEntry {
        let Audited { by, at, unit, number } = self;
        AuditEntry { at, actor: by.name(), action, unit, number: Some(number), detail }
    }

    /// Adds that row to the audit.
    pub(super) fn note(self, tables: &mut dyn Tables, action: Action, detail: Option<String>) -> Result<(), Failure> {
        tables.append_audit(&[self.entry(action, detail)])
    }
}
