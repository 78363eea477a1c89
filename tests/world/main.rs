//! The whole service in one simulated world, from one seed.
//!
//! ```text
//!  phones (endpoint + caller)  ◀─┐                       ┌─▶ Signalling ─▶ Calls … Calls
//!  strangers: floods, garbage  ◀─┼─ network(seed) ◀─▶ service     │ ledger: reader, hashers, writer
//!                                │                       └────────┴──▶ rules × tables (durable)
//!  operator ─────────────────────┴──────────────────────────────────▶
//! ```
//!
//! Nothing of the program is replaced but its edge: sockets, threads, disks and clocks. Time is virtual and jumps to whatever happens
//! next. A seed is a [`plan::Plan`]: who calls whom when and how well-behaved, when the service is killed or stopped, how the store
//! and the network fail, what the operator does, when the wall clock jumps. After every step the [`invariants`] are held against the
//! [`book::Book`], which knows what was asked for, told, said and durably stored.
//!
//! | file | what is in it |
//! |---|---|
//! | `plan` | what a seed means |
//! | `world` | the clock, and who has their turn |
//! | `service`, `ledger` | the product's cores, driven as `server` drives them |
//! | `disk` | what outlives the service: the store, and its moods |
//! | `network`, `phone`, `hostile`, `operator`, `visits`, `forms`, `events` | everybody else |
//! | `site`, `mail` | the settings site's pages, senders of mails, and a mail server |
//! | `tap`, `log`, `book`, `invariants` | what was said, what is true, what must hold |
//! | `faults` | faults made on purpose, which have to be found |
//! | `many`, `trace` | thousands of worlds; the smallest failing one, and how to read it |
//!
//! A world that fails prints the command that replays it, with as few acts as it takes:
//!
//! ```text
//! KARIPASS_WORLD_SEED=0x… KARIPASS_WORLD_KEEP=0,3 cargo test --test world -- replay --exact --nocapture
//! ```
//!
//! More of them, from `KARIPASS_WORLDS_FROM` on, so that it need not be the same ones again: `KARIPASS_WORLDS=100000`, or a million
//! calls: `KARIPASS_WORLD_CALLS=1000000 cargo test --release --test world -- every_world_holds --nocapture`.
#![allow(clippy::unwrap_used, clippy::wildcard_enum_match_arm)]

mod book;
mod disk;
mod events;
mod faults;
mod forms;
#[path = "../support/handset.rs"]
mod handset;
mod hostile;
mod invariants;
mod ledger;
mod log;
mod mail;
mod many;
#[path = "../memory_store/mod.rs"]
mod memory_store;
mod network;
mod operator;
mod phone;
mod plan;
mod service;
mod site;
mod support;
mod tap;
mod trace;
mod visits;
#[path = "../support/wire.rs"]
mod wire;
mod world;

use many::{Until, many, variable};
use plan::Plan;
use support::mixed;
use world::World;

#[test]
fn every_world_holds() {
    let until = match variable("KARIPASS_WORLD_CALLS", 0) {
        0 => Until::Worlds(variable("KARIPASS_WORLDS", 3000)),
        calls => Until::Calls(calls),
    };
    let report = many(variable("KARIPASS_WORLDS_FROM", 0), until);
    println!("{report:?}");
    assert!(report.set * 4 > report.calls, "hardly any call sets a password: {report:?}");
}

#[test]
fn the_same_seed_makes_the_same_world_to_the_last_octet() {
    for number in 0..20 {
        let run = || {
            let mut world = World::new(Plan::new(mixed(number)), true);
            let result = world.run();
            let told = world.trace.text();
            assert!(
                world.phones.iter().all(|phone| !told.contains(phone.dial.password.expose())),
                "a trace shows a password"
            );
            (format!("{result:?}"), world.trace.text(), world.trace.print())
        };
        let (first, second) = (run(), run());
        assert_eq!(first.1, second.1);
        assert_eq!((&first.0, first.2), (&second.0, second.2), "the same trace, but not the same octets\n{}", first.1);
    }
}

/// Only with a seed in the environment.
#[test]
fn replay() {
    many::replay();
}
