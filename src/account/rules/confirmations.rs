//! Links that confirm an address: each confirms only what is set and waits for it, and one use uses up all.

use super::audit::Audited;
use super::contracts;
use super::settings;
use crate::account::mail::{AddressConfirmation, LINK_SECONDS, TokenHash};
use crate::account::setting::{FaxMail, SettingChange};
use crate::account::tables::{Failure, Fault, Tables};
use crate::account::{Action, Actor, Service};
use crate::time::UnixTime;
use crate::unit::Unit;

pub(super) fn offer(tables: &mut dyn Tables, confirmation: &AddressConfirmation, now: UnixTime) -> Result<(), Failure> {
    contracts::refuse_uncontracted(tables, Unit::Number, confirmation.number)?;
    tables.delete_confirmations_expired(now)?;
    tables.insert_confirmation(confirmation)
}

/// What a link would confirm now: it is not too old, and its address is what is set and not confirmed.
pub(super) fn offered(
    tables: &dyn Tables,
    token: &TokenHash,
    now: UnixTime,
) -> Result<Option<AddressConfirmation>, Failure> {
    Ok(waiting(tables, token, now)?.map(|waiting| waiting.confirmation))
}

/// A link together with the setting whose address waits for it.
struct Waiting {
    confirmation: AddressConfirmation,
    change: SettingChange,
    fax_mail: FaxMail,
}

fn waiting(tables: &dyn Tables, token: &TokenHash, now: UnixTime) -> Result<Option<Waiting>, Failure> {
    let confirmation = tables.confirmation(token)?.filter(|link| link.expires_at.ends_within(now, LINK_SECONDS));
    let Some(confirmation) = confirmation else { return Ok(None) };
    let (number, service) = (confirmation.number, Service::FaxMail);
    if !tables.services(number)?.has(service) {
        return Ok(None);
    }
    let setting = settings::one(tables, number, service)?;
    let unread = |why: serde_json::Error| Fault::Row(format!("the setting {service} of {number}: {why}"));
    let fax_mail = setting.read::<FaxMail>().map_err(unread)?.detail;
    let waits = fax_mail.address == confirmation.address && !fax_mail.confirmed;
    let (revision, active, detail) = (setting.revision, setting.active, setting.detail);
    let change = SettingChange { number, service, revision, active, detail };
    Ok(waits.then_some(Waiting { confirmation, change, fax_mail }))
}

pub(super) fn confirm(
    tables: &mut dyn Tables,
    token: &TokenHash,
    by: &Actor,
    now: UnixTime,
) -> Result<Option<AddressConfirmation>, Failure> {
    let Some(Waiting { confirmation, change, fax_mail }) = waiting(tables, token, now)? else { return Ok(None) };
    let confirmed = FaxMail { confirmed: true, ..fax_mail };
    let detail = serde_json::to_string(&confirmed).map_err(|why| Fault::Failed(why.to_string()))?;
    settings::change(tables, &SettingChange { detail, ..change }, now)?;
    tables.delete_confirmations(confirmation.number)?;
    let audited = Audited { by, at: now, unit: by.unit(), number: confirmation.number };
    let action = Action::Other("confirmed-fax-mail".to_owned());
    audited.note(tables, action, Some(confirmation.address.clone()))?;
    Ok(Some(confirmation))
}
