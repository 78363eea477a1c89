//! Faxes: how many are kept for a number, and who opened or deleted them.

use super::audit::Audited;
use super::settings;
use crate::account::fax::{FAX_BYTES_A_NUMBER, FAXES_A_NUMBER, Fax, NewFax};
use crate::account::tables::{Failure, Tables};
use crate::account::{Action, Actor, Service, StoreError};
use crate::number::PhoneNumber;
use crate::time::UnixTime;

pub(super) fn keep(tables: &mut dyn Tables, fax: &NewFax, now: UnixTime) -> Result<i64, Failure> {
    let number = fax.number;
    settings::refuse_uncontracted(tables, number, Service::FaxMail)?;
    let (kept, bytes) = tables.fax_totals(number)?;
    let size = u64::try_from(fax.document.len()).unwrap_or(u64::MAX);
    if kept >= FAXES_A_NUMBER || bytes.saturating_add(size) > FAX_BYTES_A_NUMBER {
        return Err(StoreError::TooManyFaxes { number }.into());
    }
    tables.insert_fax(fax, now)
}

/// The fax with its TIFF; the first opening is noted.
pub(super) fn open(
    tables: &mut dyn Tables,
    number: PhoneNumber,
    id: i64,
    by: &Actor,
    now: UnixTime,
) -> Result<Option<(Fax, Vec<u8>)>, Failure> {
    let Some((fax, document)) = tables.fax(id)?.filter(|(fax, _)| fax.number == number) else { return Ok(None) };
    if fax.viewed_at.is_none() {
        tables.set_fax_viewed(id, now)?;
        note(tables, number, "viewed-fax", id, by, now)?;
    }
    Ok(Some((fax, document)))
}

/// Returns how many of them there were.
pub(super) fn delete(
    tables: &mut dyn Tables,
    number: PhoneNumber,
    ids: &[i64],
    by: &Actor,
    now: UnixTime,
) -> Result<usize, Failure> {
    let mut deleted = 0;
    for id in ids {
        if tables.delete_fax(number, *id)? {
            deleted += 1;
            note(tables, number, "deleted-fax", *id, by, now)?;
        }
    }
    Ok(deleted)
}

fn note(
    tables: &mut dyn Tables,
    number: PhoneNumber,
    what: &str,
    id: i64,
    by: &Actor,
    now: UnixTime,
) -> Result<(), Failure> {
    let audited = Audited { by, at: now, unit: by.unit(), number };
    audited.note(tables, Action::Other(what.to_owned()), Some(format!("fax {id}")))
}
