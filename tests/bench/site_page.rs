//! Every page of the settings site, from the request to its last byte over loopback, with 10,000 contracts in the store.
#![allow(clippy::unwrap_used)]

#[path = "../site/support.rs"]
#[allow(dead_code)]
mod support;

use std::io::{Read, Write};
use std::net::TcpStream;

use criterion::{Criterion, criterion_group, criterion_main};
use karipass::internals::account::{Contract, Services, Store};
use karipass::number::PhoneNumber;
use karipass::unit::Unit;
use serde_json::json;
use support::*;

const CONTRACTS: usize = 10_000;
/// Faxes in the inbox that is looked at.
const FAXES: usize = 20;

fn of(prefix: &str, place: usize) -> PhoneNumber {
    number(&format!("{prefix}{place:06}"))
}

/// The site, and a browser's connection with the cookie of somebody in the middle of the store.
struct Bench {
    world: World,
    stream: TcpStream,
    cookie: String,
    buffer: Vec<u8>,
}

impl Bench {
    fn new() -> Bench {
        let contract = |place| Contract::new(of("0601", place), Services::ALL).with(of("0602", place), Services::ALL);
        let contracts: Vec<Contract> = (0..CONTRACTS).map(contract).collect();
        let world = World::new(&contracts);
        let own = of("0601", CONTRACTS / 2);
        world.own_password(Unit::Line, own.as_str(), OWN, 0);
        let stream = TcpStream::connect(world.address()).unwrap();
        stream.set_nodelay(true).unwrap();
        let mut bench = Bench { world, stream, cookie: String::new(), buffer: vec![0; 1 << 20] };
        let body = format!("unit=line&number={own}&password={OWN}");
        let head =
            bench.exchange(&format!("POST /login HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n{body}", body.len()));
        let cookie = head.lines().find_map(|line| line.strip_prefix("set-cookie: ")).unwrap();
        bench.cookie = cookie.split(';').next().unwrap().to_owned();
        bench
    }

    fn get(&mut self, path: &str) {
        let cookie = &self.cookie;
        let head = self.exchange(&format!("GET {path} HTTP/1.1\r\nHost: x\r\nCookie: {cookie}\r\n\r\n"));
        let answered = head.starts_with("HTTP/1.1 200") || head.starts_with("HTTP/1.1 404");
        assert!(answered, "{path}: {head}");
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
    let mut bench = Bench::new();
    let own = of("0602", CONTRACTS / 2);
    let mut store = bench.world.store();
    set(
        &mut store,
        own.as_str(),
        karipass::internals::account::Service::FaxMail,
        true,
        &json!({"address": "a@example.jp"}),
    );
    for _ in 0..FAXES {
        happen(&mut store, &fax(Some("0312345678"), own.as_str(), "plain.tif"), 0).unwrap();
    }
    let fax = store.faxes(own).unwrap()[0].id;
    let mut group = criterion.benchmark_group("site_page");
    // every path with a page or a document, but for those that only lead elsewhere
    for path in karipass::internals::site::paths() {
        if matches!(path, "/logout" | "/language" | "/fax-mail/confirmation" | "/linphone.xml") {
            continue;
        }
        let address = match path {
            "/fax-mail/fax" => format!("{path}?number={own}&id={fax}&as=pdf"),
            "/fax-mail/confirm" => format!("{path}?token={}", "0".repeat(64)),
            "/" | "/login" | "/help" | "/password" | "/site.css" | "/bulk-transfer/csv" => path.to_owned(),
            _ => format!("{path}?number={own}"),
        };
        group.bench_function(path, |bencher| bencher.iter(|| bench.get(&address)));
    }
    // the first request of each second notes in the store that the session is alive
    let mut second = 0;
    group.bench_function("/, the first of a second", |bencher| {
        bencher.iter(|| {
            // a session's twelve hours would end within the bench
            second = if second > 40_000 { 0 } else { second + 1 };
            bench.world.at(second);
            bench.get("/");
        });
    });
    group.finish();
}

criterion_group!(benches, site_page);
criterion_main!(benches);
