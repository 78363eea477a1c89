//! Several programs on one store: no write is lost, no "busy" is seen, and `kill -9` at any moment leaves the file sound.
//!
//! The other programs are this test program itself, started again in a role (see [`as_another_process`]).
#![allow(clippy::unwrap_used, clippy::wildcard_enum_match_arm)]

mod store_files;

use std::collections::HashSet;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use karipass::internals::account::{
    self, AccountStore, Actor, AuditFilter, CallFilter, CallRecord, Cost, Mode, Options, Outcome,
    PreparedTemporaryPassword, Store, StoreUrl, Verdict, Write, password,
};
use karipass::number::PhoneNumber;
use karipass::secret::Secret;
use karipass::time::UnixTime;
use karipass::unit::Unit;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use store_files::{Folder, integrity};

const BY: Actor = Actor::Program("test");
const NOW: UnixTime = UnixTime(1_780_000_000);
const PROCESSES: usize = 4;
const WRITES: usize = 2_000;

const ROLE: &str = "STORE_TEST_ROLE";
const FILE: &str = "STORE_TEST_FILE";
const NAME: &str = "STORE_TEST_NAME";

#[test]
fn four_processes_with_two_thousand_writes_each_lose_none_and_see_no_busy() {
    let folder = Folder::new();
    let file = folder.file("karipass.db");
    account::demo(&mut open(&file), &BY, NOW).unwrap();
    let children: Vec<Child> = (0..PROCESSES).map(|n| start("writer", &file, &n.to_string())).collect();
    for child in children {
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    }
    let store = open(&file);
    let ids: HashSet<String> = store.calls(&CallFilter::default()).unwrap().into_iter().map(|call| call.id).collect();
    let expected = (0..PROCESSES).flat_map(|name| (0..WRITES).map(move |n| format!("{name}-{n}")));
    assert_eq!(ids, expected.collect());
    let set = AuditFilter { unit: Some(Unit::Line), ..AuditFilter::default() };
    assert_eq!(store.audit(&set).unwrap().len(), PROCESSES * WRITES / 2);
    assert_eq!(integrity(&file), "ok");
}

/// Every write waits for its own commit, as a call does; every second one sets a password.
fn write_all(file: &Path, name: &str) {
    let mut store = open(file);
    for n in 0..WRITES {
        let call = CallRecord::new(format!("{name}-{n}"), NOW, "192.0.2.1:5060", Outcome::Set);
        let password = prepared("48151623", &call.id);
        let writes = [Write::Call(&call), Write::TemporaryPassword(&password, None)];
        let results = store.commit(writes.get(..1 + n % 2).unwrap()).unwrap();
        assert!(results.iter().all(Result::is_ok), "{results:?}");
    }
}

#[test]
fn processes_that_make_the_same_store_at_once_all_get_it() {
    for _ in 0..10 {
        let folder = Folder::new();
        let file = folder.file("karipass.db");
        let children: Vec<Child> = (0..6).map(|n| start("maker", &file, &n.to_string())).collect();
        for child in children {
            let output = child.wait_with_output().unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
        }
        assert_eq!(open(&file).calls(&CallFilter::default()).unwrap().len(), 6);
    }
}

fn make_and_write(file: &Path, name: &str) {
    let call = CallRecord::new(name, NOW, "192.0.2.1:5060", Outcome::HungUp);
    open(file).record_call(&call).unwrap();
}

#[test]
fn a_store_whose_making_was_killed_is_made_by_the_next() {
    let mut rng = StdRng::seed_from_u64(43);
    let mut cut_short = 0;
    for round in 0..40 {
        let folder = Folder::new();
        let file = folder.file("karipass.db");
        let mut child = start("maker", &file, "first");
        let begun = Instant::now();
        while !file.exists() && begun.elapsed() < Duration::from_secs(10) {
            std::thread::yield_now();
        }
        std::thread::sleep(Duration::from_micros(rng.random_range(0..12_000)));
        child.kill().unwrap();
        child.wait().unwrap();
        make_and_write(&file, "second");
        let calls = open(&file).calls(&CallFilter::default()).unwrap().len();
        assert!(calls == 1 || calls == 2, "round {round}");
        cut_short += usize::from(calls == 1);
        assert_eq!(integrity(&file), "ok", "round {round}");
    }
    assert!(cut_short > 0, "no kill came before the end");
}

#[test]
fn whatever_was_announced_before_kill_9_is_in_the_store() {
    let folder = Folder::new();
    let file = folder.file("karipass.db");
    account::demo(&mut open(&file), &BY, NOW).unwrap();
    let mut rng = StdRng::seed_from_u64(41);
    for round in 0..25 {
        let delay = Duration::from_micros(rng.random_range(0..60_000));
        let announced = announced_until_killed(start("announcer", &file, &round.to_string()), delay);
        assert_eq!(integrity(&file), "ok", "round {round}, killed after {delay:?}");
        let mut store = open(&file);
        let kept: HashSet<String> = store.calls(&CallFilter::default()).unwrap().into_iter().map(|c| c.id).collect();
        let own = kept.iter().filter(|id| id.starts_with(&format!("{round}-"))).count();
        for id in &announced {
            assert!(kept.contains(id), "round {round}: {id} was announced");
        }
        assert!(own <= announced.len() + 1, "round {round}: at most the last write is there without a word");
        if let Some(last) = announced.last() {
            // the password is the announced one, or that of the write whose announcement the kill cut off
            let n: usize = last.rsplit('-').next().unwrap().parse().unwrap();
            let opens = |n: usize, store: &mut AccountStore| {
                store.unlock(Unit::Line, customer(), &BY, NOW).unwrap();
                store.verify(Unit::Line, customer(), &Secret::from(clear(n).as_str()), &BY, NOW).unwrap()
                    == Verdict::Temporary
            };
            assert!(opens(n, &mut store) || opens(n + 1, &mut store), "round {round}: {last}");
        }
    }
}

/// Sets one password after another, and says each only after its commit.
fn announce(file: &Path, name: &str) {
    let mut store = open(file);
    println!("ready");
    for n in 0.. {
        let call = CallRecord::new(format!("{name}-{n}"), NOW, "192.0.2.1:5060", Outcome::Set);
        let password = prepared(&clear(n), &call.id);
        store.commit(&[Write::TemporaryPassword(&password, None), Write::Call(&call)]).unwrap();
        println!("announced {name}-{n}");
    }
}

fn announced_until_killed(mut child: Child, delay: Duration) -> Vec<String> {
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    assert!(lines.by_ref().any(|line| line.ends_with("ready")), "the other process did not start");
    let end = Instant::now() + delay;
    std::thread::scope(|scope| {
        let reader = scope.spawn(move || {
            lines.filter_map(|line| line.strip_prefix("announced ").map(str::to_owned)).collect::<Vec<_>>()
        });
        std::thread::sleep(end.saturating_duration_since(Instant::now()));
        child.kill().unwrap();
        child.wait().unwrap();
        reader.join().unwrap()
    })
}

fn clear(n: usize) -> String {
    format!("4815{n:04}")
}

fn customer() -> PhoneNumber {
    PhoneNumber::parse(account::DEMO_CUSTOMER_NUMBER).unwrap()
}

fn prepared(clear: &str, call_id: &str) -> PreparedTemporaryPassword {
    let mut rng = StdRng::seed_from_u64(5);
    password::prepare(Unit::Line, customer(), &Secret::from(clear), NOW, call_id, Cost::CHEAP, &mut rng).unwrap()
}

fn open(file: &Path) -> AccountStore {
    let options = Options { cost: Cost::CHEAP, ..Options::default() };
    account::open(&StoreUrl::file(file), Mode::Create, &options).unwrap()
}

fn start(role: &str, file: &Path, name: &str) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["as_another_process", "--exact", "--nocapture", "--test-threads=1"])
        .envs([(ROLE, role), (NAME, name)])
        .env(FILE, file)
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .spawn()
        .unwrap()
}

/// No test of its own: the part that another process plays in the tests above.
#[test]
fn as_another_process() {
    let (Ok(role), Some(file), Ok(name)) = (std::env::var(ROLE), std::env::var_os(FILE), std::env::var(NAME)) else {
        return;
    };
    let file = Path::new(&file);
    match role.as_str() {
        "writer" => write_all(file, &name),
        "maker" => make_and_write(file, &name),
        "announcer" => announce(file, &name),
        other => panic!("no role {other}"),
    }
}
