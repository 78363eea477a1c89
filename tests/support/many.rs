//! Many calls at once, on all processors; a failure names its seed.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};

/// The seed of call `number`: neighbours have nothing in common.
pub fn seed(number: u64) -> u64 {
    (number + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

/// Runs `call` with so many seeds. The environment may name one seed instead, in the variable `replay`, or in KARIPASS_CALLS
/// another number of calls.
pub fn many(replay: &str, calls: u64, call: fn(u64) -> Result<(), String>) {
    if let Some(seed) = variable(replay) {
        return call(seed).unwrap_or_else(|story| panic!("{story}"));
    }
    let (calls, next) = (variable("KARIPASS_CALLS").unwrap_or(calls), AtomicU64::new(0));
    let work = || {
        let mut failures = vec![];
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= calls {
                return failures;
            }
            match catch_unwind(AssertUnwindSafe(|| call(seed(number)))) {
                Ok(Ok(())) => {}
                Ok(Err(story)) => failures.push((number, story)),
                // its message is above
                Err(_) => failures.push((number, format!("{replay}={:#x} panicked", seed(number)))),
            }
        }
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let failures: Vec<(u64, String)> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect()
    });
    for (_, story) in failures.iter().take(3) {
        eprintln!("{story}\n");
    }
    let seeds: Vec<String> = failures.iter().map(|(number, _)| format!("{:#x}", seed(*number))).collect();
    assert!(failures.is_empty(), "{} of {calls} calls; again with {replay}= {}", failures.len(), seeds.join(" "));
}

fn variable(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    let digits = text.strip_prefix("0x").map_or_else(|| text.parse(), |hex| u64::from_str_radix(hex, 16));
    Some(digits.unwrap_or_else(|_| panic!("{name}={text} is no number")))
}
