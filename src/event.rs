//! What happens in the network, and what the services make of it: a call tells its subscriber by mail, a fault starts bulk
//! forwarding, a fax lands in the inbox.
//!
//! [`play`] reads what is set, gathers everything that follows ([`Effects`]) and has the store do it in one transaction, so
//! an event has all its effects or none; reported again under the same id it has none.
//!
//! The numbers that an event concerns:
//!
//! - an arrival or a fax: the number that was called;
//! - a fault or a recovery: the whole line, that is, every number of the contract, each by its own notices. A number's notice
//!   starts and stops the bulk forwarding of that number alone, so that no login reaches further than it may.
//!
//! Architecture invariant: no clock and no randomness in here: `now` and the mails' ids are given.

mod text;

use serde::Serialize;

use crate::account::mail::{NewMail, Purpose};
use crate::account::setting::{ArrivalMail, BulkTransfer, FaultNotice, FaxMail};
use crate::account::{
    Actor, Applied, Contract, Effects, Route, Service, Setting, SettingChange, Store, StoreError, fax::NewFax,
    in_force, route,
};
use crate::fax::{self, FaxError};
use crate::number::{CallingNumber, PhoneNumber};
use crate::time::UnixTime;
use crate::unit::Unit;

use text::Words;

/// The limit of tries when settings change meanwhile.
const ROUNDS: usize = 5;
/// The longest id of an event.
const LONGEST_ID: usize = 100;

/// Something that happens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A call comes in.
    Arrival {
        /// The calling number; `None` when withheld.
        caller: Option<CallingNumber>,
        /// The called number.
        called: PhoneNumber,
    },
    /// A line fails.
    Fault {
        /// One of its numbers.
        number: PhoneNumber,
    },
    /// A line is back.
    Recovery {
        /// One of its numbers.
        number: PhoneNumber,
    },
    /// A fax comes in.
    Fax {
        /// The sending number; `None` when withheld.
        caller: Option<CallingNumber>,
        /// The receiving number.
        called: PhoneNumber,
        /// The TIFF.
        document: Vec<u8>,
    },
}

/// What came of an event.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Outcome {
    /// Whether an event with this id had happened before; then the rest is empty.
    pub repeated: bool,
    /// The number of mails that go out.
    pub mails: usize,
    /// Bulk forwarding was started for these.
    pub started: Vec<PhoneNumber>,
    /// And stopped for these.
    pub stopped: Vec<PhoneNumber>,
    /// Where the call goes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub call: Option<Route>,
    /// The fax that was kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fax: Option<i64>,
}

/// Why an event has no effect.
#[derive(Debug, thiserror::Error)]
pub enum EventError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The document is no fax.
    #[error(transparent)]
    Fax(#[from] FaxError),
    /// Fax mail is not started for the number.
    #[error("fax mail is not started for {0}: the fax was not taken")]
    NoFaxes(PhoneNumber),
    /// An unusable id.
    #[error("an event's id has 1 to 100 printable ASCII characters")]
    Id,
}

/// Makes the ids of mails: 128 random bits each.
pub type Ids<'a> = &'a mut dyn FnMut() -> u128;

/// Lets an event happen.
pub fn play(
    store: &mut dyn Store,
    event: &Event,
    id: Option<&str>,
    now: UnixTime,
    ids: Ids<'_>,
) -> Result<Outcome, EventError> {
    if id.is_some_and(|id| !(1..=LONGEST_ID).contains(&id.len()) || !id.chars().all(|c| c.is_ascii_graphic())) {
        return Err(EventError::Id);
    }
    for _ in 1..ROUNDS {
        match once(store, event, id, now, ids) {
            Err(EventError::Store(StoreError::SettingChanged { .. })) => {}
            done => return done,
        }
    }
    once(store, event, id, now, ids)
}

fn once(
    store: &mut dyn Store,
    event: &Event,
    id: Option<&str>,
    now: UnixTime,
    ids: Ids<'_>,
) -> Result<Outcome, EventError> {
    let mut playing = Playing { now, ids, effects: Effects::default(), outcome: Outcome::default() };
    let actor = match event {
        Event::Arrival { caller, called } => playing.arrival(store, *caller, *called)?,
        Event::Fault { number } => playing.fault(store, *number)?,
        Event::Recovery { number } => playing.recovery(store, *number)?,
        Event::Fax { caller, called, document } => playing.fax(store, *caller, *called, document)?,
    };
    let Playing { mut effects, mut outcome, .. } = playing;
    effects.event = id.map(str::to_owned);
    outcome.mails = effects.mails.len();
    match store.apply(&effects, &Actor::Program(actor), now)? {
        Applied::Now { fax } => Ok(Outcome { fax, ..outcome }),
        Applied::Before => Ok(Outcome { repeated: true, ..Outcome::default() }),
    }
}

/// The mail that asks for an address to be confirmed.
pub fn confirmation(number: PhoneNumber, address: &str, ids: Ids<'_>) -> NewMail {
    mail(Purpose::Confirm, number, address, text::confirmation(number), ids)
}

struct Playing<'a> {
    now: UnixTime,
    ids: Ids<'a>,
    effects: Effects,
    outcome: Outcome,
}

/// The name by which the audit knows what happened.
type AuditName = Result<&'static str, EventError>;

impl Playing<'_> {
    fn arrival(&mut self, store: &dyn Store, caller: Option<CallingNumber>, called: PhoneNumber) -> AuditName {
        let contract = line_of(store, called)?;
        // lists hold numbers in Japan alone: a call from abroad is of none that is listed
        let listable = caller.and_then(CallingNumber::in_japan);
        self.outcome.call = route(store, listable, called)?;
        let set = in_force::<ArrivalMail>(store, &contract, called, Service::ArrivalMail)?;
        let told = set.filter(|set| !set.only_listed || listable.is_some_and(|caller| set.listed.contains(&caller)));
        if let Some(told) = told {
            let words = text::arrival(caller, called, self.now);
            self.tell(Purpose::Arrival, called, &told.addresses, &words);
        }
        Ok("event arrival")
    }

    fn fault(&mut self, store: &dyn Store, number: PhoneNumber) -> AuditName {
        let contract = line_of(store, number)?;
        for own in contract.numbers() {
            let Some(notice) = in_force::<FaultNotice>(store, &contract, own, Service::FaultNotice)? else { continue };
            let forwarding = match notice.start_bulk_transfer {
                false => text::Forwarding::LeftAlone,
                true => self.start(store, &contract, own)?,
            };
            let words = text::fault(&notice, own, forwarding, self.now);
            self.tell(Purpose::Fault, own, &notice.addresses, &words);
        }
        Ok("event fault")
    }

    fn start(
        &mut self,
        store: &dyn Store,
        contract: &Contract,
        number: PhoneNumber,
    ) -> Result<text::Forwarding, EventError> {
        let Some(setting) = bulk_transfer(store, contract, number)? else {
            return Ok(text::Forwarding::NotContracted);
        };
        let Some(to) = setting.detail.destination else { return Ok(text::Forwarding::Nowhere) };
        if setting.active {
            return Ok(text::Forwarding::Already(to));
        }
        self.switch(number, &setting, true)?;
        self.outcome.started.push(number);
        Ok(text::Forwarding::Started(to))
    }

    fn recovery(&mut self, store: &dyn Store, number: PhoneNumber) -> AuditName {
        let contract = line_of(store, number)?;
        for own in contract.numbers() {
            let Some(notice) = in_force::<FaultNotice>(store, &contract, own, Service::FaultNotice)? else { continue };
            let set = bulk_transfer(store, &contract, own)?.filter(|setting| setting.active);
            let forwarding = match (set, notice.stop_bulk_transfer) {
                (None, _) => text::Forwarding::Off,
                (Some(setting), false) => match setting.detail.destination {
                    Some(to) => text::Forwarding::GoesOn(to),
                    None => text::Forwarding::Off,
                },
                (Some(setting), true) => {
                    self.switch(own, &setting, false)?;
                    self.outcome.stopped.push(own);
                    text::Forwarding::Stopped
                }
            };
            let words = text::recovery(&notice, own, forwarding, self.now);
            self.tell(Purpose::Recovery, own, &notice.addresses, &words);
        }
        Ok("event recovery")
    }

    fn fax(
        &mut self,
        store: &dyn Store,
        caller: Option<CallingNumber>,
        called: PhoneNumber,
        document: &[u8],
    ) -> AuditName {
        let contract = line_of(store, called)?;
        let set = in_force::<FaxMail>(store, &contract, called, Service::FaxMail)?;
        let set = set.ok_or(EventError::NoFaxes(called))?;
        let pages = u32::try_from(fax::read(document)?.pages.len()).unwrap_or(u32::MAX);
        if set.confirmed {
            let words = text::fax(caller, called, pages, self.now);
            self.tell(Purpose::Fax, called, &[set.address], &words);
        }
        self.effects.fax = Some(NewFax { number: called, caller, pages, document: document.to_owned() });
        Ok("event fax")
    }

    fn switch(&mut self, number: PhoneNumber, setting: &Setting<BulkTransfer>, active: bool) -> Result<(), EventError> {
        let (service, revision) = (Service::BulkTransfer, setting.revision);
        let detail = serde_json::to_string(&setting.detail)
            .map_err(|why| StoreError::Failed { store: "bulk-transfer".to_owned(), why: why.to_string() })?;
        self.effects.changes.push(SettingChange { number, service, revision, active, detail });
        Ok(())
    }

    fn tell(&mut self, purpose: Purpose, number: PhoneNumber, addresses: &[String], words: &Words) {
        for address in addresses {
            let new = mail(purpose, number, address, words.clone(), self.ids);
            self.effects.mails.push(new);
        }
    }
}

fn mail(purpose: Purpose, number: PhoneNumber, recipient: &str, words: Words, ids: Ids<'_>) -> NewMail {
    let Words { subject, body } = words;
    NewMail { id: format!("{:032x}", ids()), purpose, number, recipient: recipient.to_owned(), subject, body }
}

fn line_of(store: &dyn Store, number: PhoneNumber) -> Result<Contract, EventError> {
    Ok(store.line_of(number)?.ok_or(StoreError::NotContracted { unit: Unit::Number, number })?)
}

/// What is set for bulk forwarding, started or not, when it is contracted.
fn bulk_transfer(
    store: &dyn Store,
    contract: &Contract,
    number: PhoneNumber,
) -> Result<Option<Setting<BulkTransfer>>, EventError> {
    if !contract.services_of(number).has(Service::BulkTransfer) {
        return Ok(None);
    }
    let unread = |why: serde_json::Error| StoreError::Row {
        store: store.name(),
        why: format!("the setting bulk-transfer of {number}: {why}"),
    };
    Ok(Some(store.setting(number, Service::BulkTransfer)?.read().map_err(unread)?))
}
