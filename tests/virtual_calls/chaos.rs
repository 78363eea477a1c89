//! Calls in which anything happens at any time: the caller holds, moves, hangs up; the network changes, fails, doubles. However
//! they end, they end at both ends, with one record that says what is true.

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::support::many::many;
use crate::support::network::WITHOUT;
use crate::support::{Expected, PHONE_MEDIA, PHONE_MOVED, Path, Setup, World, ms, scenario};

/// A random call of somebody who listens, so that no wrong password is accepted, in which a few random things happen.
fn run(seed: u64) {
    let (mut setup, _) = scenario::random(seed);
    setup.manner.patient = true;
    setup.ivr.confirm = karipass::internals::ivr::Confirm::ReadBack;
    let mut rng = StdRng::seed_from_u64(seed ^ 0xcafe);
    let mut world = World::new(setup);
    for _ in 0..rng.random_range(1..=4) {
        world.run_for(ms(rng.random_range(0..15_000)));
        happen(&mut world, &mut rng);
    }
    world.run_to_any_end();
}

fn happen(world: &mut World, rng: &mut StdRng) {
    let usual = (world.setup.to_service.clone(), world.setup.to_phone.clone());
    match rng.random_range(0..10) {
        0 | 1 => {
            world.phone("holds", |phone, now| phone.change(now, "sendonly"));
            world.run_for(ms(rng.random_range(0..20_000)));
            world.phone("resumes", |phone, now| phone.change(now, "sendrecv"));
        }
        2 => {
            let moved = if rng.random_bool(0.5) { PHONE_MOVED } else { PHONE_MEDIA };
            world.phone("moves", |phone, now| {
                let before = std::mem::replace(&mut phone.handset.media, moved);
                // while another change is under way it stays where it is
                phone.change(now, "sendrecv").inspect_err(|_| phone.handset.media = before)
            });
        }
        3 => _ = world.phone("asks for an offer", |phone, now| phone.ask_for_offer(now)),
        4 | 5 => {
            world.network_becomes(&Path::CUT).run_for(ms(rng.random_range(0..2000)));
            world.network.change(usual.0, usual.1);
        }
        6 | 7 => _ = world.network_becomes(&Path::random(rng, WITHOUT)),
        8 => _ = world.phone("hangs up", |phone, now| phone.hang_up(now)),
        _ => _ = world.stop_service(),
    }
}

#[test]
fn whatever_happens_the_call_ends_and_its_record_is_true() {
    many("KARIPASS_CHAOS", 250, |seed| {
        run(seed);
        Ok(())
    });
}

#[test]
fn everything_arrives_twice() {
    for seed in 0..10 {
        let (mut setup, expected) = scenario::random(seed);
        setup.to_service = Path { duplicate: 1.0, jitter: ms(15), ..Path::clean(30) };
        setup.to_phone = setup.to_service.clone();
        World::new(setup).run_to(&expected);
    }
}

#[test]
fn everything_overtakes_everything() {
    for seed in 0..10 {
        let mut setup = Setup::new(seed);
        setup.to_service = Path { jitter: ms(100), reorder: 0.3, ..Path::clean(30) };
        setup.to_phone = setup.to_service.clone();
        World::new(setup).run_to(&Expected::Set);
    }
}

#[test]
fn a_fifth_is_lost() {
    for seed in 0..30 {
        let (mut setup, _) = scenario::random(seed);
        setup.manner.patient = true;
        setup.to_service.loss = 0.2;
        setup.to_phone.loss = 0.2;
        setup.ivr.confirm = karipass::internals::ivr::Confirm::ReadBack;
        World::new(setup).run_to_any_end();
    }
}
