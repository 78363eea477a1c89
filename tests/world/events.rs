//! What happens in the network: a call, a fault, its end, each told by `karipass event` or the API, now and then twice under one id.

use karipass::internals::account::Store;
use karipass::internals::account::mail::MailFilter;
use karipass::internals::event::{Event, play};
use rand::RngExt;

use crate::plan::{Mood, any_number, contracts};
use crate::support::rng;
use crate::world::World;

/// One page.
const FAX: &[u8] = include_bytes!("../../fixtures/fax/mmr-strips.tif");

/// Tells of something now. An event has all its effects or none, and under one id it has them once.
pub fn happen(world: &mut World, seed: u64) {
    let random = &mut rng(seed, 7);
    let now = world.moment();
    if world.disk.mood(now.time) == Mood::Unknown {
        // it would be told again under its id until there is an answer
        return;
    }
    let number = any_number(random);
    let event = match random.random_range(0..4) {
        0 => Event::Arrival { caller: None, called: number },
        1 => Event::Fault { number },
        2 => Event::Recovery { number },
        _ => Event::Fax { caller: None, called: number, document: FAX.to_vec() },
    };
    let id = format!("event-{}", random.random_range(0..contracts().len() * 2));
    let mails = |world: &mut World| world.disk.truth().mails(&MailFilter::default()).unwrap().len();
    let before = mails(world);
    let told = play(world.disk.store(now.time), &event, Some(&id), now.wall, &mut || random.random());
    let entered = mails(world) - before;
    world.trace.note(now.time, || format!("network: {id}: {told:?}"));
    let wrong = match &told {
        Ok(outcome) if outcome.repeated => !world.book.events.contains(&id) || entered > 0,
        Ok(outcome) => world.book.events.contains(&id) || entered != outcome.mails,
        Err(_) => entered > 0,
    };
    if wrong {
        world.book.broken.push(format!("{id} entered {entered} mails, and was answered {told:?}"));
    }
    if told.is_ok() {
        world.book.events.insert(id);
    }
    world.mails_wait |= entered > 0;
}
