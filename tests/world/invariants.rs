//! What must hold, whatever happens. Each is a function, with its reason. The cheap ones are held after every step, for what has
//! changed; the dear ones when the world has come to rest.

use karipass::caller::Conclusion;
use karipass::internals::account::mail::{MailFilter, MailState};
use karipass::internals::account::{Action, AuditFilter, CallFilter, Outcome, Store, Verdict};
use karipass::internals::ivr::Confirm;
use karipass::internals::switchboard::signalling::LAST_WORDS;
use karipass::time::{Time, UnixTime};
use karipass::unit::Unit;

use crate::book::{Asked, CallFacts, Fate};
use crate::disk::WORLD;
use crate::phone::Phone;
use crate::plan::{Act, Dial, Manners, Plan, Who, contracts};
use crate::service::{Service, State};
use crate::support::{TELEPHONE, secs};
use crate::world::World;

type Complaint = Option<String>;

/// After every step.
pub fn each_step(world: &mut World) -> Vec<String> {
    let touched = std::mem::take(&mut world.book.touched);
    let mut complaints = vec![];
    for id in touched {
        let facts = &world.book.calls[&id];
        let of_this_call = [
            announced_is_in_force(facts),
            nobody_else_set_it_meanwhile(world, facts),
            said_to_have_failed_is_not_in_force(facts),
            stored_as_was_read_back(world, facts),
            set_by_its_owner(world, facts),
            record_says_what_was(facts),
        ];
        complaints.extend(of_this_call.into_iter().flatten().map(|complaint| format!("call {id}: {complaint}")));
    }
    if let Some(service) = &world.service {
        complaints.extend(a_stop_is_heard(world, service));
        complaints.extend(nothing_is_unbounded(world, service));
        complaints.extend(ports_belong_to_calls(service));
    }
    complaints
}

/// When nothing happens any more.
pub fn at_rest(world: &mut World) -> Vec<String> {
    let mut complaints = vec![];
    complaints.extend(world.service.as_ref().and_then(nothing_is_left));
    complaints.extend(every_phone_is_done(world));
    complaints.extend(good_callers_are_served(world));
    complaints.extend(every_call_has_one_record(world));
    complaints.extend(the_store_is_as_the_book_says(world));
    complaints.extend(the_audit_is_complete(world));
    complaints.extend(no_mail_is_lost_or_goes_twice(world));
    complaints.extend(no_secret_is_written(world));
    complaints
}

/// A subscriber who hears "it is set" goes to the settings site: the password has to be in the store by then, on the disk, whatever
/// becomes of the service.
fn announced_is_in_force(facts: &CallFacts) -> Complaint {
    let said = facts.has_said("done")?;
    let durable = facts.committed.is_some_and(|committed| committed <= said);
    (!durable).then(|| format!("it was said to be set at {said:?}, and was durable at {:?}", facts.committed))
}

/// Of several who set the password of one account at once, the one who hears "it is set" last has to be the one whose password it is.
fn nobody_else_set_it_meanwhile(world: &World, facts: &CallFacts) -> Complaint {
    let (said, committed, asked) = (facts.has_said("done")?, facts.committed?, facts.asked.as_ref()?);
    let account = |asked: &Asked| (asked.unit, asked.number);
    let replaced = world.book.calls.values().find(|other| {
        let same = other.asked.as_ref().is_some_and(|other| account(other) == account(asked));
        same && other.committed.is_some_and(|at| committed < at && at <= said)
    });
    replaced
        .map(|other| format!("it was said to be set at {said:?}, and another call had set it at {:?}", other.committed))
}

/// A subscriber who hears "it could not be set" goes on with the password before, or sets another: one that comes into force behind
/// their back locks them out, or leaves a door open that they do not know of.
fn said_to_have_failed_is_not_in_force(facts: &CallFacts) -> Complaint {
    let said = facts.has_said("store-failed").or(facts.has_said("overtaken"))?;
    let committed = facts.committed?;
    Some(format!("it was said at {said:?} that it could not be set, and it was at {committed:?}"))
}

/// A password is stored only as it was entered twice, or read back and accepted: a misheard digit is noticed by one of the two. What
/// was read back so far is the beginning of what is stored, since a caller may accept it before the end.
fn stored_as_was_read_back(world: &World, facts: &CallFacts) -> Complaint {
    let Asked { password, .. } = facts.asked.as_ref()?;
    if world.plan.confirm == Confirm::ReEnter {
        let asked_again = facts.has_said("ask-password-again").is_some() || facts.has_said("ask-password").is_some();
        return (!asked_again).then(|| "a password is stored that was not entered twice".to_owned());
    }
    let from = facts.said.iter().rposition(|(_, prompt)| *prompt == "read-back-before");
    let Some(from) = from else { return Some("a password is stored that was not read back".to_owned()) };
    let read: String = facts.said[from..].iter().filter_map(|(_, prompt)| prompt.strip_prefix("digit-")).collect();
    (!password.expose().starts_with(&read)).then(|| "another password was read back than is stored".to_owned())
}

/// Only who calls from a contracted line sets a password, for a number of that line's contract, and it is the password that was keyed.
fn set_by_its_owner(world: &World, facts: &CallFacts) -> Complaint {
    let Asked { unit, number, password, .. } = facts.asked.as_ref()?;
    let Some(phone) = phone_of(world, facts) else {
        return Some("a password is set by a call that nobody made".to_owned());
    };
    let proved = phone.dial.who != Who::Softphone || phone.dial.line == contracts()[0].customer_number;
    if matches!(phone.dial.who, Who::Impostor | Who::Withheld | Who::Guesser) || !proved {
        return Some(format!("a password is set by {:?}", phone.dial.who));
    }
    let within =
        |contract: &&karipass::internals::account::Contract| contract.has(phone.dial.line) && contract.has(*number);
    let Some(contract) = world.book.contracts.iter().chain(&world.book.former).find(within) else {
        return Some("a password is set out of the reach of the calling line".to_owned());
    };
    if *unit == Unit::Line && contract.customer_number != *number {
        return Some("a line's password is set for another number than the customer number".to_owned());
    }
    (*password != phone.dial.password && world.network.is_lossless())
        .then(|| "a password is set that its caller did not key".to_owned())
}

/// The record is what the operator has when a subscriber complains: it says what is true of the store.
fn record_says_what_was(facts: &CallFacts) -> Complaint {
    let outcome = facts.outcome()?;
    let done = facts.has_said("done").is_some();
    let wrong = match outcome {
        Outcome::Set => facts.committed.is_none(),
        Outcome::SetUnheard => facts.committed.is_none() || done,
        Outcome::NotConfirmed => done,
        _ => done || facts.committed.is_some(),
    };
    wrong.then(|| format!("it is recorded as {outcome}, committed {:?}, told {:?}", facts.committed, facts.told))
}

/// Whoever runs the service stops it by asking: it has to be heard, whatever else there is to do.
fn a_stop_is_heard(world: &World, service: &Service) -> Complaint {
    let limit = world.plan.drain + LAST_WORDS + secs(1);
    let late = world.stop_asked < Time::MAX && world.now.since(world.stop_asked) > limit;
    (late && service.state == State::Serving).then(|| format!("a stop was not heard for {limit:?}"))
}

/// Whatever arrives, and however slow the store is: queues have limits, and a call ends.
fn nothing_is_unbounded(world: &World, service: &Service) -> Complaint {
    let room = world.plan.queue;
    // a thread of the ledger waits while an inbox is full, one answer each
    let beyond = 3 + world.plan.hashers + karipass::internals::switchboard::ledger::BATCH;
    if let Some(worker) = service.workers.iter().find(|worker| worker.inbox.len() > room + beyond) {
        return Some(format!("{} messages in an inbox of {room}", worker.inbox.len()));
    }
    if service.ledger.waiting() > 3 * room {
        return Some(format!("{} requests in the ledger's queues of {room}", service.ledger.waiting()));
    }
    // the longest call, a BYE that is never answered, a store that is asked for the last time, and a caller who cannot be found
    let longest = world.plan.longest_call + secs(32 + 60 + 32);
    let late = world
        .book
        .calls
        .values()
        .find(|facts| facts.life == service.life && facts.over.is_none() && world.now.since(facts.begun) > longest);
    late.map(|facts| format!("a call that began at {:?} is not over", facts.begun))
}

/// A port that outlives its call is lost until the service is restarted.
fn ports_belong_to_calls(service: &Service) -> Complaint {
    let with_ports =
        service.workers.iter().flat_map(|worker| worker.open.values()).filter(|open| open.has_port()).count();
    let open: usize = service.workers.iter().map(|worker| worker.open.len()).sum();
    let running: usize = service.workers.iter().map(|worker| worker.calls.len()).sum();
    let right = with_ports == service.ports.len() && open == running;
    (!right).then(|| {
        format!("{} ports, {with_ports} calls with one, {open} traced, {running} running", service.ports.len())
    })
}

/// Transactions, dialogs and timers end with their calls.
fn nothing_is_left(service: &Service) -> Complaint {
    let idle = service.calls() == 0 && service.ports.is_empty() && service.ledger.is_idle();
    (!idle).then(|| {
        format!(
            "{} calls, {} ports, {} requests are left",
            service.calls(),
            service.ports.len(),
            service.ledger.waiting()
        )
    })
}

/// However the service fails, a telephone's call ends.
fn every_phone_is_done(world: &World) -> Complaint {
    let phone = world.phones.iter().find(|phone| !phone.is_done())?;
    Some(format!("the phone at {} still waits", phone.handset.sip))
}

/// Whatever others send: who calls from a contracted line, with a network and a store that work, has a password in the end.
fn good_callers_are_served(world: &World) -> Complaint {
    let harmless = |act: &Act| match act {
        Act::Dial(_) | Act::ClockJumps(_) | Act::Visit(_) | Act::Event(_) | Act::MailServer(..) | Act::Hostile(..) => {
            true
        }
        Act::Kill(_) | Act::Stop(_) | Act::Store(..) | Act::Path(_) | Act::Cut(_) | Act::Operator(_) => false,
    };
    let Plan { acts, queue, longest_call, .. } = &world.plan;
    if !acts.iter().all(|(_, act)| harmless(act))
        || *queue < 64
        || *longest_call < secs(600)
        || !world.network.is_lossless()
    {
        return None;
    }
    let contracts = contracts();
    let is_good = |dial: &Dial| {
        let contract = contracts.iter().find(|contract| contract.has(dial.line));
        let target = dial.target.unwrap_or(dial.line);
        let reached = contract.is_some_and(|contract| match dial.unit {
            Unit::Line => contract.customer_number == target,
            Unit::Number | Unit::AdminUser => contract.has(target),
        });
        reached && dial.manners == Manners::Good && matches!(dial.who, Who::Subscriber | Who::Laboratory)
    };
    // of two who set the password of one account at once, one is told that the other was faster
    let is_served = |phone: &&Phone| match &phone.conclusion {
        Conclusion::Set => true,
        Conclusion::Failed(prompt) => prompt == "overtaken" && another_sets_the_same(world, phone),
        _ => false,
    };
    let failed = world.phones.iter().find(|phone| is_good(&phone.dial) && !is_served(phone))?;
    let Phone { handset, conclusion, refused, cause, .. } = failed;
    Some(format!("the phone at {} did everything right: {conclusion:?}, {refused:?}, {cause:?}", handset.sip))
}

fn another_sets_the_same(world: &World, phone: &Phone) -> bool {
    let account = |dial: &Dial| (dial.unit, dial.target.unwrap_or(dial.line));
    let same = |other: &&Phone| !std::ptr::eq(*other, phone) && account(&other.dial) == account(&phone.dial);
    world.phones.iter().filter(same).any(|other| other.conclusion == Conclusion::Set)
}

/// Each call is one row in the store, or where the store does not take it, one line in the log.
fn every_call_has_one_record(world: &mut World) -> Vec<String> {
    let mut complaints = vec![];
    let stored = world.disk.truth().calls(&CallFilter::default()).unwrap();
    for (id, facts) in &world.book.calls {
        let rows = stored.iter().filter(|record| record.id == *id).count();
        let wanted = usize::from(facts.fate == Fate::Kept && !world.book.pruned.contains(id));
        if rows != wanted || facts.fate == Fate::Pending {
            complaints.push(format!("call {id} has {rows} records; {:?}", facts.fate));
        }
        if facts.fate == Fate::Logged && !world.disk.had_faults() {
            complaints.push(format!("the record of call {id} was not stored, though nothing was wrong"));
        }
    }
    complaints
}

/// Nothing is in the store that nobody has put there, and nothing is lost that was said to be in it.
fn the_store_is_as_the_book_says(world: &mut World) -> Vec<String> {
    let mut complaints = vec![];
    let contracts = world.disk.truth().contracts().unwrap();
    if contracts != world.book.contracts_in_order() {
        complaints.push("the contracts are not those that the operator left".to_owned());
    }
    for number in contracts.iter().flat_map(|contract| contract.numbers()) {
        for unit in Unit::ALL {
            let found = world.disk.truth().credential(unit, number).unwrap().and_then(|found| found.temporary);
            let wanted = world.book.temporaries.get(&(unit, number));
            let same = match (&found, wanted) {
                (None, None) => true,
                (Some(found), Some(wanted)) => found.hash == wanted.hash && found.expires_at == wanted.expires_at,
                (Some(_), None) | (None, Some(_)) => false,
            };
            if !same {
                let (found, wanted) = (found.is_some(), wanted.map(|wanted| wanted.call.clone()));
                complaints.push(format!("{unit} {number}: in the store {found}, in the book {wanted:?}"));
            }
        }
    }
    complaints
}

/// Who set which password is known for as long as the audit is kept: one row for each, no more.
fn the_audit_is_complete(world: &mut World) -> Vec<String> {
    let rows = world.disk.truth().audit(&AuditFilter::default()).unwrap();
    let set = rows.iter().filter(|row| row.action == Action::TemporarySet);
    let mut found = std::collections::BTreeMap::<String, u32>::new();
    for row in set {
        *found.entry(row.actor.trim_start_matches("call ").to_owned()).or_default() += 1;
    }
    let wanted = &world.book.sets;
    let missing = wanted.iter().filter(|(id, times)| found.get(*id) != Some(times) && !world.book.pruned_audit);
    let more = found.keys().filter(|id| !wanted.contains_key(*id));
    let missing = missing
        .map(|(id, times)| format!("call {id} set a password {times} times, the audit says {:?}", found.get(id)));
    let calls = missing.chain(more.map(|id| format!("the audit says that call {id} set a password")));
    let told = |action: &str, number| {
        rows.iter().filter(|row| row.action.name() == action && row.number == Some(number)).count()
    };
    let others = world.book.audited.iter().filter_map(|((action, number), times)| {
        let found = told(action, *number);
        // of what had no answer there may be a row that nobody was told of
        let right = found == *times as usize || found > *times as usize && world.disk.had_faults();
        (!right && !world.book.pruned_audit)
            .then(|| format!("{action} of {number} happened {times} times, the audit says {found}"))
    });
    calls.chain(others).collect()
}

/// Each mail that an event has entered goes once. It may go twice only where what the mail server said of it never came to the store.
fn no_mail_is_lost_or_goes_twice(world: &mut World) -> Vec<String> {
    let mut complaints = vec![];
    let server = &world.mail_server;
    for (id, times) in &server.taken {
        // a clock that jumps lets claims run out that are in use
        if *times > 1 && !server.excused.contains(id) && world.clock.jumps == 0 {
            complaints.push(format!("mail {id} went {times} times"));
        }
    }
    for mail in world.disk.truth().mails(&MailFilter::default()).unwrap() {
        let (id, server) = (&mail.mail.id, &world.mail_server);
        let wrong = match mail.state {
            MailState::Sent => !server.taken.contains_key(id),
            MailState::Failed => !server.refused.contains(id),
            MailState::Queued => !world.clock.was_set_back,
        };
        if wrong {
            complaints.push(format!("mail {id} is {:?}, and went {:?} times", mail.state, server.taken.get(id)));
        }
    }
    complaints
}

/// Who reads the log, the records or the audit learns no password.
fn no_secret_is_written(world: &mut World) -> Vec<String> {
    let Some(log) = world.log.clone() else { return vec![] };
    let rows = serde_json::to_string(&world.disk.truth().audit(&AuditFilter::default()).unwrap()).unwrap();
    let records = serde_json::to_string(&world.disk.truth().calls(&CallFilter::default()).unwrap()).unwrap();
    log.add(&format!("{rows}\n{records}\n"));
    let dialled = world.phones.iter().map(|phone| phone.dial.password.expose().to_owned());
    let typed = world.book.own.values().cloned().chain([TELEPHONE.to_owned()]);
    let secrets: Vec<String> = dialled.chain(typed).collect();
    let found = secrets.iter().filter_map(|secret| log.line_with(secret));
    found.map(|line| format!("a password is written: {line}")).collect()
}

/// A temporary password opens its account to the last second of its 24 hours, and not to the first after.
pub fn after_a_day(world: &mut World) -> Vec<String> {
    let mut complaints = vec![];
    let temporaries = world.book.temporaries.clone();
    for ((unit, number), temporary) in temporaries {
        let UnixTime(end) = temporary.expires_at;
        let last_second = if temporary.used { Verdict::Expired } else { Verdict::Temporary };
        for (at, wanted) in [(end - 1, last_second), (end, Verdict::Expired)] {
            let verdict = world.disk.truth().verify(unit, number, &temporary.password, &WORLD, UnixTime(at)).unwrap();
            if verdict != wanted {
                let before = end - at;
                complaints.push(format!(
                    "{before} s before its end the password of call {} is {}",
                    temporary.call,
                    verdict.name()
                ));
            }
        }
    }
    complaints
}

fn phone_of<'a>(world: &'a World, facts: &CallFacts) -> Option<&'a Phone> {
    world.phones.iter().find(|phone| phone.call_id.as_deref() == Some(facts.sip_call_id.as_str()))
}
