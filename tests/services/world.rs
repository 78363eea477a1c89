//! A settings site with a store, and events and mails beside it.

use std::net::SocketAddr;

use karipass::account::setting::{ArrivalMail, BulkTransfer, FaultNotice, FaxMail};
use karipass::account::{Contract, Service, Services, Setting, SqliteStore, Store};
use karipass::event::Event;
use karipass::mail::{Options, Post, Security, Server, Stop};
use rand::RngExt;

pub use super::site::*;

pub const LINE: &str = "0600001111";
pub const OTHER: &str = "0600002222";

pub fn all_services() -> World {
    World::new(&[Contract::new(number(LINE), Services::ALL).with(number(OTHER), Services::ALL)])
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

pub fn arrival(caller: Option<&str>, called: &str) -> Event {
    Event::Arrival { caller: caller.map(|caller| caller.parse().unwrap()), called: number(called) }
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
    post(world, server, "post", second).send_due(&Stop::default()).map_err(|trouble| trouble.to_string())
}
