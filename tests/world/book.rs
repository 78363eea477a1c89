//! What is true in the world: what each call asked for, was told and said, what is durably in the store, and who may have put it
//! there. The invariants hold the service against this book.

use std::collections::{BTreeMap, BTreeSet};

use karipass::internals::account::password::{PasswordHash, PreparedTemporaryPassword, TEMPORARY_SECONDS};
use karipass::internals::account::{Action, CallRecord, Contract, Outcome, Store};
use karipass::internals::ivr::SetTemporaryPassword;
use karipass::internals::ticket::Ticket;
use karipass::number::PhoneNumber;
use karipass::secret::Secret;
use karipass::time::{Moment, Time, UnixTime};
use karipass::unit::Unit;

use crate::disk::{Disk, START};

/// A call as the world saw it.
pub struct CallFacts {
    pub life: u32,
    /// Its Call-ID: names the telephone.
    pub sip_call_id: String,
    pub begun: Time,
    /// The password that was hashed last.
    pub prepared: Option<SetTemporaryPassword>,
    pub asked: Option<Asked>,
    /// When its password became durable.
    pub committed: Option<Time>,
    /// What the store's answer was.
    pub told: Option<(Time, bool)>,
    pub said: Vec<(Time, &'static str)>,
    pub over: Option<(Time, CallRecord)>,
    pub fate: Fate,
}

/// What became of a call's record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It is not written yet.
    Pending,
    /// It is in the store.
    Kept,
    /// It is in the log, because the store did not take it.
    Logged,
    /// It is in the log, because the store's queue was full.
    Crowded,
    /// The service died before it was written.
    Died,
}

/// The request to set a password.
pub struct Asked {
    pub unit: Unit,
    pub number: PhoneNumber,
    pub password: Secret,
}

/// A temporary password that is in the store.
#[derive(Clone)]
pub struct Temporary {
    pub call: String,
    pub hash: PasswordHash,
    pub password: Secret,
    pub expires_at: UnixTime,
    pub used: bool,
}

/// The book.
#[derive(Default)]
pub struct Book {
    pub calls: BTreeMap<String, CallFacts>,
    /// Calls that never reached a worker.
    pub refused: BTreeMap<String, (CallRecord, Fate)>,
    pub temporaries: BTreeMap<(Unit, PhoneNumber), Temporary>,
    pub contracts: Vec<Contract>,
    /// Those that were there once.
    pub former: Vec<Contract>,
    /// Records that the operator has pruned.
    pub pruned: Vec<String>,
    pub pruned_audit: bool,
    /// Own passwords.
    pub own: BTreeMap<(Unit, PhoneNumber), String>,
    /// Events that have happened, by their ids.
    pub events: BTreeSet<String>,
    /// How many temporary passwords were ever set, by the call's id.
    pub sets: BTreeMap<String, u32>,
    /// What else the audit has to tell, how often: the action and the number.
    pub audited: BTreeMap<(String, PhoneNumber), u32>,
    /// What was seen to be wrong as it happened.
    pub broken: Vec<String>,
    /// Calls that have happened since they were last looked at.
    pub touched: Vec<String>,
}

impl Book {
    pub fn new(contracts: Vec<Contract>) -> Book {
        let mut book = Book { contracts, ..Book::default() };
        // as the store is made
        for number in book.contracts.iter().flat_map(Contract::numbers).collect::<Vec<_>>() {
            book.audited(Action::Other("set-arrival-mail".to_owned()), number);
        }
        book
    }

    pub fn begun(&mut self, now: Time, life: u32, id: &str, sip_call_id: &str) {
        let facts = CallFacts {
            life,
            sip_call_id: sip_call_id.to_owned(),
            begun: now,
            prepared: None,
            asked: None,
            committed: None,
            told: None,
            said: vec![],
            over: None,
            fate: Fate::Pending,
        };
        if self.calls.insert(id.to_owned(), facts).is_some() {
            self.broken.push(format!("two calls have the id {id}"));
        }
    }

    pub fn prepared(&mut self, id: &str, request: &SetTemporaryPassword) {
        self.call(id).prepared = Some(request.clone());
    }

    pub fn asked(&mut self, id: &str, ticket: &Ticket) {
        let facts = self.call(id);
        let Some(request) = facts.prepared.take().filter(|request| request.ticket == *ticket) else {
            return self.broken.push(format!("call {id} stores what was not prepared last"));
        };
        let SetTemporaryPassword { unit, number, password, .. } = request;
        if facts.asked.replace(Asked { unit, number, password }).is_some() {
            self.broken.push(format!("call {id} asked the store twice"));
        }
    }

    pub fn told(&mut self, now: Time, id: &str, ok: bool) {
        self.call(id).told = Some((now, ok));
    }

    pub fn said(&mut self, now: Time, id: &str, prompt: &'static str) {
        self.call(id).said.push((now, prompt));
    }

    pub fn over(&mut self, now: Time, record: &CallRecord) {
        if self.call(&record.id).over.replace((now, record.clone())).is_some() {
            self.broken.push(format!("call {} is over twice", record.id));
        }
    }

    pub fn refused(&mut self, record: &CallRecord) {
        if self.refused.insert(record.id.clone(), (record.clone(), Fate::Pending)).is_some() {
            self.broken.push(format!("call {} is refused twice", record.id));
        }
    }

    /// A record is in the log in place of the store.
    pub fn lost(&mut self, id: &str) {
        self.settle_record(id, Fate::Crowded);
    }

    /// A transaction has ended, well or not: what of it is durable is read from the store itself.
    pub fn committed(
        &mut self,
        now: Moment,
        disk: &mut Disk,
        passwords: &[PreparedTemporaryPassword],
        records: &[String],
    ) {
        let store = disk.truth();
        let mut overwritten: Vec<(Unit, PhoneNumber)> = vec![];
        let mut durable = vec![];
        for prepared in passwords.iter().rev() {
            let account = (prepared.unit, prepared.number);
            let credential = store.credential(prepared.unit, prepared.number).unwrap();
            let is_there =
                credential.and_then(|found| found.temporary).is_some_and(|found| found.hash == prepared.hash);
            if is_there || overwritten.contains(&account) {
                overwritten.push(account);
                durable.push(prepared);
            }
        }
        for prepared in durable.into_iter().rev() {
            self.set(now, prepared);
        }
        for id in records {
            let fate = if store.call(id).unwrap().is_some() { Fate::Kept } else { Fate::Logged };
            self.settle_record(id, fate);
        }
    }

    /// A temporary password has become durable.
    fn set(&mut self, now: Moment, prepared: &PreparedTemporaryPassword) {
        let id = prepared.call_id.clone();
        *self.sets.entry(id.clone()).or_default() += 1;
        self.touched.push(id.clone());
        let Some(facts) = self.calls.get_mut(&id) else {
            return self.broken.push(format!("a password of a call {id} that never was"));
        };
        facts.committed = Some(now.time);
        let Some(asked) = &facts.asked else {
            return self.broken.push(format!("call {id} set a password that it never asked for"));
        };
        if (asked.unit, asked.number) != (prepared.unit, prepared.number) || !prepared.hash.matches(&asked.password) {
            self.broken.push(format!("call {id} set another password than it asked for"));
        }
        if prepared.expires_at != prepared.set_at.plus(TEMPORARY_SECONDS) {
            self.broken.push(format!("the password of call {id} does not last 24 h"));
        }
        let temporary = Temporary {
            call: id,
            hash: prepared.hash.clone(),
            password: asked.password.clone(),
            expires_at: prepared.expires_at,
            used: false,
        };
        self.temporaries.insert((prepared.unit, prepared.number), temporary);
    }

    /// The service died: what was under way has no record any more.
    pub fn died(&mut self, life: u32) {
        for facts in self.calls.values_mut().filter(|facts| facts.life == life && facts.fate == Fate::Pending) {
            facts.fate = Fate::Died;
        }
        for (_, fate) in self.refused.values_mut().filter(|(_, fate)| *fate == Fate::Pending) {
            *fate = Fate::Died;
        }
    }

    // What the operator does

    pub fn contract_removed(&mut self, customer_number: PhoneNumber) {
        let gone = self.contracts.iter().position(|contract| contract.customer_number == customer_number);
        if let Some(gone) = gone {
            let contract = self.contracts.remove(gone);
            self.temporaries.retain(|(_, number), _| !contract.has(*number));
            self.own.retain(|(_, number), _| !contract.has(*number));
            self.former.push(contract);
        }
    }

    pub fn number_removed(&mut self, number: PhoneNumber) {
        self.former.extend(self.contracts.iter().filter(|contract| contract.has(number)).cloned());
        for contract in &mut self.contracts {
            contract.numbers.retain(|own| own.number != number);
        }
        self.temporaries.retain(|(_, other), _| *other != number);
        self.own.retain(|(_, other), _| *other != number);
    }

    pub fn contracts_are(&mut self, contracts: Vec<Contract>) {
        self.former.append(&mut self.contracts);
        self.contracts = contracts;
    }

    /// Everything from before may be gone.
    pub fn prunes(&mut self, before: UnixTime) {
        let records = self.calls.values().filter_map(|facts| facts.over.as_ref()).map(|(_, record)| record);
        let old: Vec<String> =
            records.filter(|record| record.started_at < before).map(|record| record.id.clone()).collect();
        self.pruned_audit |= !old.is_empty() || before > START;
        self.pruned.extend(old);
    }

    /// Something was done that leaves a row in the audit.
    pub fn audited(&mut self, action: Action, number: PhoneNumber) {
        *self.audited.entry((action.name().to_owned(), number)).or_default() += 1;
    }

    pub fn contracts_in_order(&self) -> Vec<Contract> {
        let mut contracts = self.contracts.clone();
        contracts.sort_by_key(|contract| contract.customer_number);
        contracts
    }

    fn settle_record(&mut self, id: &str, fate: Fate) {
        match (self.calls.get_mut(id), self.refused.get_mut(id)) {
            (Some(facts), _) => facts.fate = fate,
            (None, Some((_, known))) => *known = fate,
            (None, None) => self.broken.push(format!("a record of a call {id} that never was")),
        }
    }

    fn call(&mut self, id: &str) -> &mut CallFacts {
        if self.touched.last().is_none_or(|last| last != id) {
            self.touched.push(id.to_owned());
        }
        self.calls.get_mut(id).unwrap_or_else(|| panic!("call {id} has not begun"))
    }
}

impl CallFacts {
    /// Whether this was ever said.
    pub fn has_said(&self, prompt: &str) -> Option<Time> {
        self.said.iter().find(|(_, said)| *said == prompt).map(|(at, _)| *at)
    }

    pub fn outcome(&self) -> Option<Outcome> {
        self.over.as_ref().map(|(_, record)| record.outcome)
    }
}
