//! What a group of the ledger's writes costs: 512 of them, passwords and call records and audit rows, in one transaction.
//!
//! `STORE_GROUPS=20 valgrind --tool=callgrind …/store_group-*` counts instructions of that many groups instead of timing one.
//! Rules over tables take 36.9 million a group, that is 72,000 a write, nearly all of them SQLite's; the rules in SQL took 40.1.
#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};

use criterion::{Criterion, Throughput};
use karipass::internals::account::{
    self, Action, Actor, AuditEntry, CallRecord, Contract, Cost, Existing, Mode, Options, Outcome,
    PreparedTemporaryPassword, Services, Store, StoreUrl, Write, password,
};
use karipass::number::PhoneNumber;
use karipass::secret::Secret;
use karipass::time::UnixTime;
use karipass::unit::Unit;
use rand::SeedableRng;
use rand::rngs::StdRng;

const NOW: UnixTime = UnixTime(1_780_000_000);
/// As many as the ledger commits together.
const GROUP: usize = 512;
const LINES: usize = 1000;

fn line(place: usize) -> PhoneNumber {
    PhoneNumber::parse(&format!("0601{:06}", place % LINES)).unwrap()
}

fn open(file: &Path) -> Box<dyn Store> {
    Box::new(account::open(&StoreUrl::file(file), Mode::Create, &Options::default()).unwrap())
}

/// A store with its lines, in memory where the system has a file system there.
struct Bench {
    folder: PathBuf,
    store: Box<dyn Store>,
    password: PreparedTemporaryPassword,
    calls: usize,
}

impl Bench {
    fn new() -> Bench {
        let memory = Path::new("/dev/shm");
        let parent = if memory.is_dir() { memory.to_path_buf() } else { std::env::temp_dir() };
        let folder = parent.join(format!("karipass-bench-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let mut store = open(&folder.join("karipass.db"));
        let contracts: Vec<Contract> = (0..LINES).map(|place| Contract::new(line(place), Services::ALL)).collect();
        save(store.as_mut(), &contracts);
        let (clear, mut rng) = (Secret::from("48151623"), StdRng::seed_from_u64(1));
        let password = password::prepare(Unit::Line, line(0), &clear, NOW, "c", Cost::CHEAP, &mut rng).unwrap();
        Bench { folder, store, password, calls: 0 }
    }

    /// In each ten writes six passwords, three records and an audit row.
    fn group(&mut self) {
        let first = self.calls;
        self.calls += GROUP;
        let id = |n: usize| format!("c-{n}");
        let passwords: Vec<_> = (first..first + GROUP)
            .map(|n| PreparedTemporaryPassword { number: line(n), call_id: id(n), ..self.password.clone() })
            .collect();
        let records: Vec<_> = (first..first + GROUP).map(record).collect();
        let audited = AuditEntry {
            at: NOW,
            actor: "192.0.2.1".to_owned(),
            action: Action::LineWrong,
            unit: None,
            number: Some(line(first)),
            detail: None,
        };
        let writes: Vec<Write<'_>> = passwords
            .iter()
            .zip(&records)
            .enumerate()
            .map(|(place, (password, record))| match place % 10 {
                0..6 => Write::TemporaryPassword(password, None),
                6..9 => Write::Call(record),
                _ => Write::Audit(&audited),
            })
            .collect();
        assert!(self.store.commit(&writes).unwrap().iter().all(Result::is_ok));
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn save(store: &mut dyn Store, contracts: &[Contract]) {
    store.save_contracts(contracts, Existing::Refuse, &Actor::Program("bench"), NOW).unwrap();
}

fn record(n: usize) -> CallRecord {
    let mut record = CallRecord::new(format!("c-{n}"), NOW.plus(n as i64), "192.0.2.1:5060", Outcome::Set);
    record.answered_at = Some(NOW);
    record.caller = Some(line(n));
    record.unit = Some(Unit::Line);
    record.target = Some(line(n));
    record
}

fn main() {
    let mut bench = Bench::new();
    if let Some(groups) = std::env::var("STORE_GROUPS").ok().and_then(|groups| groups.parse::<usize>().ok()) {
        (0..groups).for_each(|_| bench.group());
        return;
    }
    let mut criterion = Criterion::default().configure_from_args();
    let mut group = criterion.benchmark_group("store");
    group.throughput(Throughput::Elements(GROUP as u64));
    group.bench_function("group_of_512", |bencher| bencher.iter(|| bench.group()));
    group.finish();
    criterion.final_summary();
}
