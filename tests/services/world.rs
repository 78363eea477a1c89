//! A settings site with a store, and events and mails beside it.

use std::net::SocketAddr;

use karipass::internals::account::setting::{ArrivalMail, BulkTransfer, FaultNotice, FaxMail};
use karipass::internals::account::{AccountStore, Contract, Service, Services, Setting, Store};
use karipass::internals::event::Event;
use karipass::internals::mail::{HandOver, Options, Output, Post, Server};
use karipass::internals::mail_server::{MailSecurity, MailServer};
use rand::RngExt;

pub use super::site::*;

pub const LINE: &str = "0600001111";
pub const OTHER: &str = "0600002222";

pub fn all_services() -> World {
    World::new(&[Contract::new(number(LINE), Services::ALL).with(number(OTHER), Services::ALL)])
}

pub fn arrival_mail(store: &mut AccountStore, of: &str, addresses: &[&str]) {
    let detail = ArrivalMail {
        addresses: addresses.iter().map(ToString::to_string).collect(),
        only_listed: false,
        listed: Vec::new(),
    };
    set(store, of, Service::ArrivalMail, true, &detail);
}

pub fn fax_mail(store: &mut AccountStore, of: &str, address: &str, confirmed: bool) {
    set(store, of, Service::FaxMail, true, &FaxMail { address: address.to_owned(), confirmed });
}

pub fn bulk_transfer(store: &mut AccountStore, of: &str, active: bool, to: Option<&str>) {
    set(store, of, Service::BulkTransfer, active, &BulkTransfer { destination: to.map(number) });
}

pub fn fault_notice(store: &mut AccountStore, of: &str, start: bool, stop: bool) {
    let detail = FaultNotice {
        contractor: "株式会社サンプル".to_owned(),
        site: "大阪本社ビル 3階".to_owned(),
        addresses: vec!["ops@example.jp".to_owned()],
        start_bulk_transfer: start,
        stop_bulk_transfer: stop,
    };
    set(store, of, Service::FaultNotice, true, &detail);
}

pub fn forwarding(store: &AccountStore, of: &str) -> Setting<BulkTransfer> {
    store.setting(number(of), Service::BulkTransfer).unwrap().read().unwrap()
}

pub fn arrival(caller: Option<&str>, called: &str) -> Event {
    Event::Arrival { caller: caller.map(|caller| caller.parse().unwrap()), called: number(called) }
}

/// Decides about mails as this sender.
pub fn post(name: &str) -> Post {
    Post::new(Options {
        name: name.to_owned(),
        from: "仮パス <karipass@example.jp>".to_owned(),
        site: "https://settings.example.jp/".to_owned(),
        token: Box::new(|| rand::rng().random()),
    })
}

pub fn mail_server(address: SocketAddr) -> Server {
    Server {
        at: MailServer { security: MailSecurity::Plain, host: address.ip().to_string(), port: address.port() },
        credentials: None,
        silence: std::time::Duration::from_secs(20),
    }
}

/// Sends everything that is due at a second, until the sender would pause: how many went, or why it pauses.
pub fn send(post: &mut Post, store: &mut AccountStore, server: &Server, second: i64) -> Result<usize, String> {
    let mut sent = 0;
    loop {
        match post.poll_output(store, at(second)) {
            Output::Offer(letter) => {
                let outcome = match server.offer(&letter) {
                    Ok(offered) => match post.handle_offered(store, at(second)) {
                        HandOver::Finish => offered.finish(),
                        HandOver::BreakOff => {
                            offered.break_off();
                            continue;
                        }
                    },
                    Err(refusal) => Err(refusal),
                };
                sent += usize::from(outcome.is_ok());
                post.handle_outcome(outcome, at(second));
            }
            Output::Pause { trouble: Some(trouble), .. } => return Err(trouble.to_string()),
            Output::Pause { trouble: None, .. } | Output::Over => return Ok(sent),
            other @ (Output::Awaiting | Output::EnterAgain(_)) => panic!("{other:?}"),
        }
    }
}

pub fn send_due(world: &World, server: SocketAddr, second: i64) -> Result<usize, String> {
    send(&mut post("post"), &mut world.store(), &mail_server(server), second)
}
