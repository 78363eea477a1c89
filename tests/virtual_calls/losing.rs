//! What the network loses: each signalling message once, everything for a while, everything for ever.

use karipass::key::Ways;

use crate::support::{Expected, Path, Setup, World, ms};

/// How many SIP datagrams a call of this kind has when none is lost.
fn datagrams(setup: &Setup) -> usize {
    World::new(setup.clone()).run_to(&Expected::Set).sip_datagrams
}

#[track_caller]
fn set_without(setup: &Setup, lost: &[usize]) {
    let mut world = World::new(setup.clone());
    world.network.lose_sip.extend(lost);
    world.run_to(&Expected::Set);
}

#[test]
fn any_one_message_of_the_call_may_be_lost() {
    for ways in [Ways::RFC4733, Ways::INFO] {
        let setup = Setup::new(11).by(ways);
        let all = datagrams(&setup);
        assert!(all >= if ways == Ways::INFO { 50 } else { 6 });
        (0..all).for_each(|position| set_without(&setup, &[position]));
    }
}

#[test]
fn any_two_messages_in_a_row_may_be_lost() {
    let setup = Setup::new(12);
    (0..datagrams(&setup)).for_each(|position| set_without(&setup, &[position, position + 1]));
}

#[test]
fn any_two_messages_of_the_call_may_be_lost() {
    let setup = Setup::new(13);
    let all = datagrams(&setup);
    for first in 0..all {
        (first + 1..all + 2).for_each(|second| set_without(&setup, &[first, second]));
    }
}

#[test]
fn a_gap_of_a_second_anywhere_leaves_nothing_half_done() {
    // keys fall into the gap: who listens to the read-back notices
    for ways in [Ways::RFC4733, Ways::ALL] {
        for at in (0..60_000).step_by(900) {
            let mut world = World::new(Setup::new(at).by(ways).patient());
            world.run_for(ms(at)).network_becomes(&Path::CUT);
            world.run_for(ms(1000)).network_becomes(&Path::clean(20));
            world.run_to_any_end();
        }
    }
}

#[test]
fn a_cable_that_is_cut_at_any_moment_ends_the_call_at_both_ends() {
    for at in (0..32_000).step_by(1000) {
        let mut world = World::new(Setup::new(at));
        world.run_for(ms(at)).network_becomes(&Path::CUT);
        if at == 0 {
            // the INVITE was on its way already
            world.run_for(ms(50));
        }
        world.run_to_any_end();
    }
}

#[test]
fn nobody_is_there() {
    let mut world = World::new(Setup { to_service: Path::CUT, ..Setup::new(1) });
    let outcome = world.run();
    assert!(outcome.record.is_none() && outcome.refused.is_none());
    assert!(world.trace.find("service  INVITE").len() >= 6, "{}", world.story());
}
