//! Many worlds at once, on all processors. One that fails is made smaller, and told by the command that replays it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::plan::Plan;
use crate::support::mixed;
use crate::world::{Report, World};

/// A world to be replayed: its seed, and which of its acts are kept, if not all.
const SEED: &str = "KARIPASS_WORLD_SEED";
const KEEP: &str = "KARIPASS_WORLD_KEEP";
/// Runs that making a failing world smaller may take.
const ATTEMPTS: u32 = 300;

/// Calls from one line of progress to the next.
const PROGRESS: u64 = 50_000;

/// What is to be run.
#[derive(Clone, Copy)]
pub enum Until {
    Worlds(u64),
    Calls(u64),
}

/// Runs worlds until there were enough; panics when one of them fails.
pub fn many(first: u64, until: Until) -> Report {
    let (next, calls) = (AtomicU64::new(0), AtomicU64::new(0));
    let (failed, total) = (Mutex::new(vec![]), Mutex::new(Report::default()));
    let work = || {
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            let enough = match until {
                Until::Worlds(worlds) => number >= worlds,
                Until::Calls(wanted) => calls.load(Ordering::Relaxed) >= wanted,
            };
            if enough || failed.lock().unwrap().len() >= 3 {
                return;
            }
            let seed = mixed(first + number);
            match run(&Plan::new(seed)) {
                Ok(report) => {
                    let before = calls.fetch_add(report.calls, Ordering::Relaxed);
                    if before / PROGRESS != (before + report.calls) / PROGRESS {
                        println!("{} calls in {number} worlds", before + report.calls);
                    }
                    let mut total = total.lock().unwrap();
                    total.calls += report.calls;
                    total.set += report.set;
                    total.steps += report.steps;
                }
                Err(complaint) => failed.lock().unwrap().push((seed, complaint)),
            }
        }
    };
    std::thread::scope(|scope| {
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        (0..threads).for_each(|_| drop(scope.spawn(work)));
    });
    let failed = failed.into_inner().unwrap();
    for (seed, complaint) in &failed {
        println!("{complaint}\n{}\n", how_to_replay(*seed, &smaller(*seed)));
    }
    assert!(failed.is_empty(), "{} worlds failed", failed.len());
    total.into_inner().unwrap()
}

/// Runs one world; what was wrong, in a few lines.
pub fn run(plan: &Plan) -> Result<Report, String> {
    let world = catch_unwind(AssertUnwindSafe(|| World::new(plan.clone(), false).run_logged()));
    match world {
        Ok(Ok(report)) => Ok(report),
        Ok(Err(failure)) => Err(format!("at {:?}: {}", failure.at, failure.complaints.join("; "))),
        // its message is above
        Err(_) => Err("a panic".to_owned()),
    }
}

/// The acts without which the world would not fail.
pub fn smaller(seed: u64) -> Vec<usize> {
    let plan = Plan::new(seed);
    let mut kept: Vec<usize> = (0..plan.acts.len()).collect();
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let (mut at, mut attempts) = (0, 0);
    while at < kept.len() && attempts < ATTEMPTS {
        let mut fewer = kept.clone();
        fewer.remove(at);
        attempts += 1;
        match run(&plan.clone().keep(&fewer)) {
            Ok(_) => at += 1,
            Err(_) => kept = fewer,
        }
    }
    std::panic::set_hook(hook);
    kept
}

fn how_to_replay(seed: u64, kept: &[usize]) -> String {
    let kept: Vec<String> = kept.iter().map(usize::to_string).collect();
    format!("{SEED}={seed:#x} {KEEP}={} cargo test --test world -- replay --exact --nocapture", kept.join(","))
}

/// Runs the world that the environment names, and prints its trace.
pub fn replay() {
    let Ok(text) = std::env::var(SEED) else { return };
    let seed = text.strip_prefix("0x").map_or_else(|| text.parse(), |hex| u64::from_str_radix(hex, 16));
    let mut plan = Plan::new(seed.unwrap_or_else(|_| panic!("{SEED}={text} is no number")));
    if let Ok(kept) = std::env::var(KEEP) {
        plan = plan.keep(&kept.split(',').filter_map(|index| index.parse().ok()).collect::<Vec<_>>());
    }
    let mut world = World::new(plan, true);
    let result = catch_unwind(AssertUnwindSafe(|| world.run_logged()));
    println!("{:#?}\n{}", world.plan, world.trace.text());
    match result {
        Ok(Ok(report)) => println!("nothing is wrong: {report:?}"),
        Ok(Err(failure)) => panic!("at {:?}:\n{}", failure.at, failure.complaints.join("\n")),
        Err(panic) => std::panic::resume_unwind(panic),
    }
}

/// A number that the environment may set.
pub fn variable(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}
