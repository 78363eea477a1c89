//! A page of the settings site, from the request to its last byte over loopback, with 10,000 contracts in the store.
#![allow(clippy::unwrap_used)]

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use karipass::account::sqlite::{Mode, Options};
use karipass::account::{Contract, Cost, Existing, Services, SqliteStore, Store, password};
use karipass::number::PhoneNumber;
use karipass::secret::Secret;
use karipass::site::{self, Rules, Security, Site};
use karipass::time::UnixTime;
use karipass::unit::Unit;

const CONTRACTS: usize = 10_000;
const START: i64 = 1_800_000_000;
const OWN: &str = "kumquat-48-tram";

fn open(file: &std::path::Path) -> SqliteStore {
    SqliteStore::open(file, Mode::Create, &Options::new("bench")).unwrap()
}

fn number(prefix: &str, place: usize) -> PhoneNumber {
    PhoneNumber::parse(&format!("{prefix}{place:06}")).unwrap()
}

/// The site, its clock, and a browser's connection with the cookie of somebody in the middle of the store.
struct Bench {
    _site: Site,
    clock: Arc<AtomicI64>,
    stream: TcpStream,
    cookie: String,
    buffer: Vec<u8>,
}

impl Bench {
    fn new(folder: &std::path::Path) -> Bench {
        let file = folder.join("karipass.db");
        let mut store = open(&file);
        let contract =
            |place| Contract::new(number("0601", place), Services::ALL).with(number("0602", place), Services::ALL);
        let contracts: Vec<Contract> = (0..CONTRACTS).map(contract).collect();
        store.save_contracts(&contracts, Existing::Refuse, UnixTime(START)).unwrap();
        let hash = password::hash(&Secret::from(OWN), Cost::CHEAP, &mut rand::rng()).unwrap();
        store.set_own_password(Unit::Line, number("0601", CONTRACTS / 2), &hash, UnixTime(START)).unwrap();
        let clock = Arc::new(AtomicI64::new(START));
        let read = Arc::clone(&clock);
        let site = site::start(site::Options {
            listen: ([127, 0, 0, 1], 0).into(),
            security: Security::Plain,
            service_number: PhoneNumber::parse("0664806430").unwrap(),
            open_store: Box::new(move || Ok(Box::new(open(&file)))),
            cost: Cost::CHEAP,
            hashers: 2,
            clock: Arc::new(move || UnixTime(read.load(Ordering::SeqCst))),
            rules: Rules::default(),
            idle_seconds: 900,
            logins_per_minute: 1000,
            proxies: Vec::new(),
            refusal_after: Duration::ZERO,
            linphone: None,
        });
        let site = site.unwrap();
        let stream = TcpStream::connect(site.address()).unwrap();
        stream.set_nodelay(true).unwrap();
        let mut bench = Bench { _site: site, clock, stream, cookie: String::new(), buffer: vec![0; 1 << 20] };
        let body = format!("unit=line&number={}&password={OWN}", number("0601", CONTRACTS / 2));
        let head =
            bench.exchange(&format!("POST /login HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n{body}", body.len()));
        let cookie = head.lines().find_map(|line| line.strip_prefix("set-cookie: ")).unwrap();
        bench.cookie = cookie.split(';').next().unwrap().to_owned();
        bench
    }

    fn get(&mut self, path: &str) {
        let cookie = &self.cookie;
        let head = self.exchange(&format!("GET {path} HTTP/1.1\r\nHost: x\r\nCookie: {cookie}\r\n\r\n"));
        assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    }

    /// Sends a request and reads the whole answer; its head.
    fn exchange(&mut self, request: &str) -> String {
        self.stream.write_all(request.as_bytes()).unwrap();
        let mut have = 0;
        loop {
            have += self.stream.read(&mut self.buffer[have..]).unwrap();
            let answer = &self.buffer[..have];
            let Some(end) = answer.windows(4).position(|four| four == b"\r\n\r\n") else { continue };
            let head = String::from_utf8(answer[..end].to_vec()).unwrap();
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
            if have == end + 4 + length.parse::<usize>().unwrap() {
                return head;
            }
        }
    }
}

fn site_page(criterion: &mut Criterion) {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("site-page-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let mut bench = Bench::new(&folder);
    let mut group = criterion.benchmark_group("site_page");
    let own = number("0602", CONTRACTS / 2);
    for (name, path) in [
        ("top", "/".to_owned()),
        ("voicewarp", format!("/voicewarp?number={own}")),
        ("arrival_mail", format!("/arrival-mail?number={own}")),
        ("password", "/password".to_owned()),
        ("login", "/login".to_owned()),
    ] {
        group.bench_function(name, |bencher| bencher.iter(|| bench.get(&path)));
    }
    // the first request of each second notes in the store that the session is alive
    group.bench_function("top_first_of_a_second", |bencher| {
        bencher.iter(|| {
            // a session's twelve hours would end within the bench
            let next = bench.clock.load(Ordering::SeqCst) + 1;
            bench.clock.store(if next > START + 40_000 { START } else { next }, Ordering::SeqCst);
            bench.get("/");
        });
    });
    group.finish();
    drop(bench);
    let _ = std::fs::remove_dir_all(&folder);
}

criterion_group!(benches, site_page);
criterion_main!(benches);
