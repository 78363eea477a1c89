//! A thousand random calls, each in its right state at the end.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};

use crate::support::{Path, Setup, World, ms, scenario};

/// Each call's seed follows from its number: neighbours have nothing in common.
fn seed(number: u64) -> u64 {
    (number + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

#[test]
fn a_thousand_random_calls_over_bad_networks_all_end_in_the_right_state() {
    if let Some(seed) = variable("KARIPASS_SEED") {
        let (setup, _) = scenario::random(seed);
        let mut world = World::new(setup);
        world.run();
        println!("{}", world.story());
        return scenario::run(seed).unwrap_or_else(|story| panic!("{story}"));
    }
    let (calls, next) = (variable("KARIPASS_CALLS").unwrap_or(1000), AtomicU64::new(0));
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let work = || {
        let mut failures = vec![];
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= calls {
                return failures;
            }
            match catch_unwind(AssertUnwindSafe(|| scenario::run(seed(number)))) {
                Ok(Ok(())) => {}
                Ok(Err(story)) => failures.push((number, story)),
                Err(_) => failures.push((number, format!("KARIPASS_SEED={:#x} panicked", seed(number)))),
            }
        }
    };
    let failures: Vec<(u64, String)> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect()
    });
    for (_, story) in failures.iter().take(3) {
        eprintln!("{story}\n");
    }
    let seeds: Vec<String> = failures.iter().map(|(number, _)| format!("{:#x}", seed(*number))).collect();
    assert!(failures.is_empty(), "{} of {calls} calls: {}", failures.len(), seeds.join(" "));
}

fn variable(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    let digits = text.strip_prefix("0x").map_or_else(|| text.parse(), |hex| u64::from_str_radix(hex, 16));
    Some(digits.unwrap_or_else(|_| panic!("{name}={text} is no number")))
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
