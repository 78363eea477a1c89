//! A thousand random calls, each in its right state at the end.

use crate::support::many::{many, seed};
use crate::support::{Path, Setup, World, ms, scenario};

#[test]
fn a_thousand_random_calls_over_bad_networks_all_end_in_the_right_state() {
    many("KARIPASS_SEED", 1000, scenario::run);
}

#[test]
fn the_same_seed_makes_the_same_call_to_the_last_byte() {
    for number in 0..12 {
        let run = || {
            let (setup, _) = scenario::random(seed(number));
            let mut world = World::new(setup);
            world.run();
            (world.trace.fingerprint(), world.story())
        };
        let (first, second) = (run(), run());
        assert_eq!(first.1, second.1);
        assert_eq!(first.0, second.0, "the same story, but not the same bytes\n{}", first.1);
    }
}

#[test]
fn another_seed_makes_another_call() {
    let story = |seed: u64| {
        let mut world = World::new(Setup { to_service: Path { jitter: ms(5), ..Path::clean(20) }, ..Setup::new(seed) });
        world.run();
        world.trace.fingerprint()
    };
    assert_ne!(story(1), story(2));
}
