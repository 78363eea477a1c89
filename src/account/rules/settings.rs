//! Settings change only from the revision that their changer saw, and only for a contracted service.

use crate::account::setting::{Setting, SettingChange};
use crate::account::tables::{Failure, Tables};
use crate::account::{Service, StoreError};
use crate::number::PhoneNumber;
use crate::time::UnixTime;

/// What is set; the default when nothing ever was.
pub(super) fn one(tables: &dyn Tables, number: PhoneNumber, service: Service) -> Result<Setting<String>, Failure> {
    let never_set = || Setting { active: false, detail: "{}".to_owned(), revision: 0, changed_at: None };
    Ok(tables.setting(number, service)?.unwrap_or_else(never_set))
}

pub(super) fn change(tables: &mut dyn Tables, change: &SettingChange, now: UnixTime) -> Result<(), Failure> {
    let SettingChange { number, service, revision, active, ref detail } = *change;
    refuse_uncontracted(tables, number, service)?;
    if one(tables, number, service)?.revision != revision {
        return Err(StoreError::SettingChanged { number, service }.into());
    }
    let revision = revision.saturating_add(1);
    let setting = Setting { active, detail: detail.clone(), revision, changed_at: Some(now) };
    tables.put_setting(number, service, &setting)
}

/// Stops a service, whatever is set for it, and keeps the rest.
pub(super) fn stop(
    tables: &mut dyn Tables,
    number: PhoneNumber,
    service: Service,
    now: UnixTime,
) -> Result<(), Failure> {
    let Some(setting) = tables.setting(number, service)?.filter(|setting| setting.active) else { return Ok(()) };
    let revision = setting.revision.saturating_add(1);
    let stopped = Setting { active: false, revision, changed_at: Some(now), ..setting };
    tables.put_setting(number, service, &stopped)
}

pub(super) fn refuse_uncontracted(tables: &dyn Tables, number: PhoneNumber, service: Service) -> Result<(), Failure> {
    match tables.services(number)?.has(service) {
        true => Ok(()),
        false => Err(StoreError::ServiceNotContracted { number, service }.into()),
    }
}
