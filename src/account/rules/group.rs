//! The writes that gather into one transaction: each has its own result, and one that is refused fails no other.

use super::audit::Audited;
use super::contracts::is_contracted;
use crate::account::credential::Standing;
use crate::account::tables::{Failure, Tables, TemporaryColumns};
use crate::account::{Action, Actor, AuditEntry, CallRecord, PreparedTemporaryPassword, StoreError, Write};
use crate::number::PhoneNumber;

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
            Write::TemporaryPassword(password) => {
                let contracted = is_contracted(password.unit, password.number, owners.next().flatten());
                contracted.map(|()| rows.set_temporary(password))
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

/// The numbers that have to be contracted, in the order of the writes.
fn numbers(writes: &[Write<'_>]) -> Vec<PhoneNumber> {
    let number = |write: &Write<'_>| match write {
        Write::TemporaryPassword(password) => Some(password.number),
        Write::Call(_) | Write::Audit(_) => None,
    };
    writes.iter().filter_map(number).collect()
}

impl<'a> Rows<'a> {
    /// A new one replaces an older one, was not used yet, and lifts a lock; the account's own password stays.
    fn set_temporary(&mut self, password: &'a PreparedTemporaryPassword) {
        let PreparedTemporaryPassword { unit, number, ref hash, set_at, expires_at, ref call_id } = *password;
        let standing = Standing::default();
        self.temporaries.push(TemporaryColumns { unit, number, hash, set_at, expires_at, used_at: None, standing });
        let by = Actor::Call(call_id.clone());
        let audited = Audited { by: &by, at: set_at, unit: Some(unit), number };
        self.audit.push(audited.entry(Action::TemporarySet, None));
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
