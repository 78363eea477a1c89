//! What one happening does: settings, mails and a fax together, and once only.

use super::audit::Audited;
use super::{faxes, mails, settings};
use crate::account::Action;
use crate::account::effects::{Actor, Applied, Effects};
use crate::account::mail::REMEMBERED_SECONDS;
use crate::account::setting::SettingChange;
use crate::account::tables::{Failure, Tables};
use crate::time::UnixTime;

pub(super) fn apply(tables: &mut dyn Tables, effects: &Effects, by: &Actor, now: UnixTime) -> Result<Applied, Failure> {
    let Effects { event, changes, mails, fax } = effects;
    if let Some(id) = event
        && !begin_event(tables, id, now)?
    {
        return Ok(Applied::Before);
    }
    for change in changes {
        change_setting(tables, change, by, now)?;
    }
    for mail in mails {
        mails::enter(tables, mail, now)?;
    }
    Ok(Applied::Now { fax: fax.as_ref().map(|fax| faxes::keep(tables, fax, now)).transpose()? })
}

/// Returns whether the event is new.
fn begin_event(tables: &mut dyn Tables, id: &str, now: UnixTime) -> Result<bool, Failure> {
    if tables.has_event(id)? {
        return Ok(false);
    }
    tables.delete_events_before(now.plus(-REMEMBERED_SECONDS))?;
    tables.insert_event(id, now)?;
    Ok(true)
}

fn change_setting(tables: &mut dyn Tables, change: &SettingChange, by: &Actor, now: UnixTime) -> Result<(), Failure> {
    settings::change(tables, change, now)?;
    let state = if change.active { "start" } else { "stop" };
    let action = Action::Other(format!("set-{}", change.service));
    let audited = Audited { by, at: now, unit: by.unit(), number: change.number };
    audited.note(tables, action, Some(format!("{state} {}", change.detail)))
}
