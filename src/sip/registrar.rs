//! The registrar (RFC 3261 §10.3): the contacts of each address-of-record, and their expiry.
//!
//! It carries out a REGISTER whose sender is known to own the address-of-record, as a whole or not at all. Bindings are kept in memory: after a restart phones register again at their next refresh.
//!
//! Decisions: intervals from a minute to an hour, an hour where none is asked for. A contact is the same one when its URIs are
//! equal (§19.1.4). `q`, and parameters of extensions that we do not know, come back as they were written. No GRUU, outbound
//! (RFC 5626) or Path (RFC 3327). There is no Date in the response: the core has no calendar.

mod same_uri;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::flow::Flow;
use super::message::{FieldError, Headers, NameAddr, Params};
use super::wire::lex;
use crate::number::PhoneNumber;
use crate::time::Time;
use same_uri::same_uri;

/// The limits of bindings, in time and number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The shortest interval, below which a request is refused with 423 (§10.3 step 7), in seconds. At most 3600.
    pub shortest: u32,
    /// The longest interval: longer ones are shortened to it, in seconds.
    pub longest: u32,
    /// The interval where none is asked for, in seconds.
    pub usual: u32,
    /// Contacts of one address-of-record.
    pub contacts: usize,
    /// Bindings in all.
    pub bindings: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { shortest: 60, longest: 3600, usual: 3600, contacts: 10, bindings: 20_000 }
    }
}

/// A contact that is bound.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binding {
    /// The contact as it was registered, without `expires`.
    pub contact: NameAddr,
    /// When it ends.
    pub expires: Time,
    /// The way that the REGISTER came: behind a NAT the only one that leads back.
    pub flow: Flow,
    call_id: String,
    number: u32,
}

/// Why a REGISTER is refused, without any change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// 400: a header field is missing or cannot be read.
    Malformed(FieldError),
    /// 400: `*` beside other contacts, or without `Expires: 0` (§10.3 step 6).
    Star,
    /// 423 with Min-Expires.
    TooBrief {
        /// What Min-Expires says, in seconds.
        shortest: u32,
    },
    /// 500: a later REGISTER of the same Call-ID was faster (§10.3 steps 6 and 7).
    OutOfOrder,
    /// 403: more contacts than one line may have.
    TooManyContacts,
    /// 503: there is no room for more bindings.
    Full,
}

/// All bindings.
#[derive(Debug)]
pub struct Registrar {
    limits: Limits,
    lines: BTreeMap<PhoneNumber, Vec<Binding>>,
    /// The same in order of expiry, for the next deadline.
    ends: BTreeSet<(Time, PhoneNumber)>,
    count: usize,
}

/// The request for one contact.
struct Wish {
    contact: NameAddr,
    /// 0 takes the binding away.
    seconds: u32,
}

impl Registrar {
    /// Nothing is bound.
    pub fn new(limits: Limits) -> Registrar {
        Registrar { limits, lines: BTreeMap::new(), ends: BTreeSet::new(), count: 0 }
    }

    /// Carries out a REGISTER for `line`; without a Contact it changes nothing. [`bindings`](Self::bindings) has the outcome.
    pub fn register(&mut self, now: Time, line: PhoneNumber, headers: &Headers, flow: Flow) -> Result<(), Refusal> {
        self.expire(now);
        let call_id = headers.call_id().map_err(Refusal::Malformed)?;
        let number = headers.cseq().map_err(Refusal::Malformed)?.number;
        let contacts = headers.list("Contact");
        let mut bound = self.lines.get(&line).cloned().unwrap_or_default();
        if contacts.iter().any(|contact| contact == "*") {
            if contacts.len() != 1 || headers.seconds("Expires") != Some(0) {
                return Err(Refusal::Star);
            }
            if !bound.iter().all(|binding| binding.gives_way_to(call_id, number)) {
                return Err(Refusal::OutOfOrder);
            }
            bound.clear();
        }
        for wish in self.wishes(headers, &contacts)? {
            let place = bound.iter().position(|binding| same_uri(&binding.contact.uri, &wish.contact.uri));
            if place.and_then(|at| bound.get(at)).is_some_and(|binding| !binding.gives_way_to(call_id, number)) {
                return Err(Refusal::OutOfOrder);
            }
            if let Some(at) = place {
                bound.remove(at);
            }
            if wish.seconds > 0 {
                let expires = now + Duration::from_secs(wish.seconds.into());
                bound.push(Binding { contact: wish.contact, expires, flow, call_id: call_id.to_owned(), number });
            }
        }
        if bound.len() > self.limits.contacts {
            return Err(Refusal::TooManyContacts);
        }
        let before = self.bindings(line).len();
        if bound.len() > before && self.count - before + bound.len() > self.limits.bindings {
            return Err(Refusal::Full);
        }
        self.replace(line, bound);
        Ok(())
    }

    /// What is bound to `line`, the longest known first. Those that have ended may still be among them until
    /// [`expire`](Self::expire) is called.
    pub fn bindings(&self, line: PhoneNumber) -> &[Binding] {
        self.lines.get(&line).map_or(&[], Vec::as_slice)
    }

    /// Removes the bindings that have ended; the lines that lost one.
    pub fn expire(&mut self, now: Time) -> Vec<PhoneNumber> {
        let mut lines = Vec::new();
        while let Some(&(end, line)) = self.ends.first().filter(|(end, _)| *end <= now) {
            self.ends.remove(&(end, line));
            let left: Vec<Binding> = self.bindings(line).iter().filter(|b| b.expires > now).cloned().collect();
            self.replace(line, left);
            lines.push(line);
        }
        lines.dedup();
        lines
    }

    /// When the next binding ends.
    pub fn deadline(&self) -> Option<Time> {
        self.ends.first().map(|(end, _)| *end)
    }

    fn replace(&mut self, line: PhoneNumber, bindings: Vec<Binding>) {
        for binding in self.lines.remove(&line).unwrap_or_default() {
            self.ends.remove(&(binding.expires, line));
            self.count -= 1;
        }
        self.count += bindings.len();
        self.ends.extend(bindings.iter().map(|binding| (binding.expires, line)));
        if !bindings.is_empty() {
            self.lines.insert(line, bindings);
        }
    }

    /// Each contact with its interval: its own `expires`, or the header field, or the usual one (§10.3 step 7).
    fn wishes(&self, headers: &Headers, contacts: &[String]) -> Result<Vec<Wish>, Refusal> {
        let Limits { shortest, longest, usual, .. } = self.limits;
        let general = headers.contains("Expires").then(|| headers.seconds("Expires").unwrap_or(usual));
        let mut wishes: Vec<Wish> = Vec::new();
        for text in contacts.iter().filter(|text| *text != "*") {
            let mut contact = NameAddr::parse(text).ok_or(Refusal::Malformed(FieldError::Malformed("Contact")))?;
            let own = contact.params.value("expires").map(|text| lex::number(text).unwrap_or(usual));
            let seconds = own.or(general).unwrap_or(usual);
            if (1..shortest).contains(&seconds) {
                return Err(Refusal::TooBrief { shortest });
            }
            contact.params = without_expires(&contact.params);
            let wish = Wish { contact, seconds: seconds.min(longest) };
            // of a contact that comes twice the last one counts
            wishes.retain(|other| !same_uri(&other.contact.uri, &wish.contact.uri));
            wishes.push(wish);
        }
        Ok(wishes)
    }
}

impl Binding {
    /// The value of Contact in a response: with the seconds that are left, rounded up.
    pub fn write(&self, now: Time) -> String {
        let left = self.expires.since(now);
        let seconds = left.as_secs() + u64::from(left.subsec_nanos() > 0);
        let mut contact = self.contact.clone();
        contact.params.set("expires", Some(&seconds.to_string()));
        contact.to_string()
    }

    /// Whether a REGISTER with this Call-ID and number is later than the one that made the binding.
    fn gives_way_to(&self, call_id: &str, number: u32) -> bool {
        self.call_id != call_id || number > self.number
    }
}

fn without_expires(params: &Params) -> Params {
    let mut params = params.clone();
    params.remove("expires");
    params
}

#[cfg(test)]
mod tests;
