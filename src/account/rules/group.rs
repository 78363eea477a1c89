//! The writes that gather into one transaction: each has its own result, and one that is refused fails no other.

use super::audit::Audited;
use super::contracts::is_contracted;
use crate::account::credential::Standing;
use crate::account::tables::{Failure, Tables, TemporaryColumns};
use crate::account::{
    Action, Actor, AuditEntry, AuditFilter, CallRecord, PreparedTemporaryPassword, StoreError, Write,
};
use crate::number::PhoneNumber;
use crate::ticket::Ticket;

type Results = Vec<Result<(), StoreError>>;

/// What goes into each table, in the order of the writes.
#[derive(Default)]
struct Rows<'a> {
    temporaries: Vec<TemporaryColumns<'a>>,
    calls: Vec<&'a CallRecord>,
    /// The place in the group of each call.
    places: Vec<usize>,
    audit: Vec<AuditEntry>,
}

pub(super) fn commit(tables: &mut dyn Tables, writes: &[Write<'_>]) -> Result<Results, Failure> {
    let mut owners = tables.owners(&numbers(writes))?.into_iter();
    let mut rows = Rows::default();
    let mut results: Results = Vec::with_capacity(writes.len());
    for (place, write) in writes.iter().enumerate() {
        results.push(match write {
            Write::TemporaryPassword(password, ticket) => {
                let contracted = is_contracted(password.unit, password.number, owners.next().flatten());
                contracted.and_then(|()| still_wanted(*ticket)).map(|()| rows.set_temporary(password))
            }
            Write::Call(record) => {
                rows.calls.push(record);
                rows.places.push(place);
                Ok(())
            }
            Write::Audit(entry) => {
                rows.audit.push((*entry).clone());
                Ok(())
            }
        });
    }
    rows.write(tables, &mut results)?;
    Ok(results)
}

/// What was asked before, with an outcome that is not known: a group arrives as a whole or not at all, so one of its marks
/// tells of all.
pub(super) fn commit_again(tables: &mut dyn Tables, writes: &[Write<'_>]) -> Result<Results, Failure> {
    let marks: Vec<bool> = writes.iter().map(|write| has_arrived(tables, write)).collect::<Result<_, _>>()?;
    if !marks.contains(&true) {
        return commit(tables, writes);
    }
    Ok(writes.iter().zip(marks).map(|(write, arrived)| if arrived { Ok(()) } else { refused(write) }).collect())
}

/// Whether the store has exactly what this write leaves.
fn has_arrived(tables: &dyn Tables, write: &Write<'_>) -> Result<bool, Failure> {
    match write {
        Write::TemporaryPassword(password, _) => is_audited(tables, &set(password)),
        Write::Call(record) => Ok(tables.call(&record.id)?.as_ref() == Some(*record)),
        Write::Audit(entry) => is_audited(tables, entry),
    }
}

fn is_audited(tables: &dyn Tables, entry: &AuditEntry) -> Result<bool, Failure> {
    // what was written just now is among the newest
    const NEWEST: u32 = 256;
    let filter = AuditFilter { number: entry.number, unit: entry.unit, last: Some(NEWEST) };
    Ok(tables.audit(&filter)?.contains(entry))
}

/// Why a write of a group that arrived is not in the store.
fn refused(write: &Write<'_>) -> Result<(), StoreError> {
    match write {
        Write::TemporaryPassword(password, ticket) => {
            still_wanted(*ticket)?;
            Err(StoreError::NotContracted { unit: password.unit, number: password.number })
        }
        Write::Call(record) => Err(StoreError::CallTwice { id: record.id.clone() }),
        Write::Audit(_) => Ok(()),
    }
}

/// From here on the commit is under way, and can no longer be withdrawn.
fn still_wanted(ticket: Option<&Ticket>) -> Result<(), StoreError> {
    if ticket.is_none_or(Ticket::claim) { Ok(()) } else { Err(StoreError::Withdrawn) }
}

/// The row that tells of a temporary password.
fn set(password: &PreparedTemporaryPassword) -> AuditEntry {
    let PreparedTemporaryPassword { unit, number, set_at, ref call_id, .. } = *password;
    let by = Actor::Call(call_id.clone());
    Audited { by: &by, at: set_at, unit: Some(unit), number }.entry(Action::TemporarySet, None)
}

/// The numbers that have to be contracted, in the order of the writes.
fn numbers(writes: &[Write<'_>]) -> Vec<PhoneNumber> {
    let number = |write: &Write<'_>| match write {
        Write::TemporaryPassword(password, _) => Some(password.number),
        Write::Call(_) | Write::Audit(_) => None,
    };
    writes.iter().filter_map(number).collect()
}

impl<'a> Rows<'a> {
    /// A new one replaces an older one, was not used yet, and lifts a lock; the account's own password stays.
    fn set_temporary(&mut self, password: &'a PreparedTemporaryPassword) {
        let PreparedTemporaryPassword { unit, number, ref hash, set_at, expires_at, .. } = *password;
        let standing = Standing::default();
        self.temporaries.push(TemporaryColumns { unit, number, hash, set_at, expires_at, used_at: None, standing });
        self.audit.push(set(password));
    }

    fn write(self, tables: &mut dyn Tables, results: &mut Results) -> Result<(), Failure> {
        tables.put_temporaries(&self.temporaries)?;
        let kept = tables.insert_calls(&self.calls)?;
        for ((place, record), _) in self.places.iter().zip(&self.calls).zip(kept).filter(|(_, kept)| !kept) {
            if let Some(result) = results.get_mut(*place) {
                *result = Err(StoreError::CallTwice { id: record.id.clone() });
            }
        }
        tables.append_audit(&self.audit)
    }
}
