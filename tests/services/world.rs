//! A settings site with a store, and events and mails beside it.

use std::net::SocketAddr;
use std::path::Path;

use karipass::account::setting::{ArrivalMail, BulkTransfer, FaultNotice, FaxMail};
use karipass::account::{Actor, Contract, Effects, Service, Services, Setting, SettingChange, SqliteStore, Store};
use karipass::event::{Event, EventError, Outcome, play};
use karipass::mail::{Options, Post, Security, Server};
use karipass::time::UnixTime;
use karipass::unit::Unit;
use rand::RngExt;

pub use super::site::*;

pub const LINE: &str = "0600001111";
pub const OTHER: &str = "0600002222";

pub fn all_services() -> World {
    World::new(&[Contract::new(number(LINE), Services::ALL).with(number(OTHER), Services::ALL)])
}

pub fn at(second: i64) -> UnixTime {
    UnixTime(START + second)
}

pub fn set(store: &mut SqliteStore, of: &str, service: Service, active: bool, detail: &impl serde::Serialize) {
    let revision = store.setting(number(of), service).unwrap().revision;
    let detail = serde_json::to_string(detail).unwrap();
    let change = SettingChange { number: number(of), service, revision, active, detail };
    let effects = Effects { changes: vec![change], ..Effects::default() };
    store.apply(&effects, &Actor::Account { unit: Unit::Line, number: number(LINE) }, at(0)).unwrap();
}

pub fn arrival_mail(store: &mut SqliteStore, of: &str, addresses: &[&str]) {
    let detail = ArrivalMail {
        addresses: addresses.iter().map(ToString::to_string).collect(),
        only_listed: false,
        listed: Vec::new(),
    };
    set(store, of, Service::ArrivalMail, true, &detail);
}

pub fn fax_mail(store: &mut SqliteStore, of: &str, address: &str, confirmed: bool) {
    set(store, of, Service::FaxMail, true, &FaxMail { address: address.to_owned(), confirmed });
}

pub fn bulk_transfer(store: &mut SqliteStore, of: &str, active: bool, to: Option<&str>) {
    set(store, of, Service::BulkTransfer, active, &BulkTransfer { destination: to.map(number) });
}

pub fn fault_notice(store: &mut SqliteStore, of: &str, start: bool, stop: bool) {
    let detail = FaultNotice {
        contractor: "株式会社サンプル".to_owned(),
        site: "大阪本社ビル 3階".to_owned(),
        addresses: vec!["ops@example.jp".to_owned()],
        start_bulk_transfer: start,
        stop_bulk_transfer: stop,
    };
    set(store, of, Service::FaultNotice, true, &detail);
}

pub fn forwarding(store: &SqliteStore, of: &str) -> Setting<BulkTransfer> {
    store.setting(number(of), Service::BulkTransfer).unwrap().read().unwrap()
}

pub fn happen(store: &mut SqliteStore, event: &Event, second: i64) -> Result<Outcome, EventError> {
    play(store, event, None, at(second), &mut || rand::rng().random())
}

pub fn arrival(caller: Option<&str>, called: &str) -> Event {
    Event::Arrival { caller: caller.map(number), called: number(called) }
}

pub fn fax_file(name: &str) -> Vec<u8> {
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/fax").join(name)).unwrap()
}

pub fn fax(caller: Option<&str>, called: &str, name: &str) -> Event {
    Event::Fax { caller: caller.map(number), called: number(called), document: fax_file(name) }
}

/// A sender of this world's mails to a mail server, whose clock stands at a second.
pub fn post(world: &World, server: SocketAddr, name: &str, second: i64) -> Post {
    let options = Options {
        server: Server {
            host: server.ip().to_string(),
            port: server.port(),
            security: Security::Plain,
            credentials: None,
            silence: std::time::Duration::from_secs(20),
        },
        from: "仮パス <karipass@example.jp>".to_owned(),
        site: "https://settings.example.jp/".to_owned(),
        clock: Box::new(move || at(second)),
        token: Box::new(|| rand::rng().random()),
    };
    Post { options, store: Box::new(world.store()), name: name.to_owned() }
}

pub fn send_due(world: &World, server: SocketAddr, second: i64) -> Result<usize, String> {
    post(world, server, "post", second).send_due(&|| false).map_err(|trouble| trouble.to_string())
}
