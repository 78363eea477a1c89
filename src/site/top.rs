//! The top page: what is contracted for the numbers within reach.

use std::collections::HashSet;

use askama::Template;
use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::response::Response;

use super::app::Shared;
use super::member::Member;
use super::page::{self, Frame};
use super::recent::{self, Recent};
use super::service::{self, title};
use crate::account::Service;
use crate::number::{PhoneNumber, hyphenated};

#[derive(Template)]
#[template(path = "top.html", config = "src/site/askama.toml")]
struct TopPage {
    p: Frame,
    notice: &'static str,
    recent: Recent,
    numbers: Vec<NumberCard>,
}

struct NumberCard {
    number: String,
    role: &'static str,
    services: Vec<ServiceLine>,
}

struct ServiceLine {
    href: String,
    title: &'static str,
    what: &'static str,
    active: bool,
}

pub(super) async fn show(State(app): State<Shared>, member: Member, RawQuery(query): RawQuery) -> Response {
    let customer_number = member.contract.customer_number;
    let states = app.handles.store(move |store| {
        let mut active = HashSet::new();
        for service in Service::ALL {
            let set = store.settings(customer_number, service)?;
            active.extend(set.iter().filter(|(_, setting)| setting.active).map(|(number, _)| (*number, service)));
        }
        Ok(active)
    });
    let states = match states.await {
        Ok(states) => states,
        Err(error) => return page::failed(member.lang, &error),
    };
    let recent = match recent::of(&app, &member).await {
        Ok(recent) => recent,
        Err(error) => return page::failed(member.lang, &error),
    };
    let lang = member.lang;
    let line = |number: PhoneNumber, service: Service| ServiceLine {
        href: format!("/{service}?number={number}"),
        title: title(service, lang),
        what: service::what(service, lang),
        active: states.contains(&(number, service)),
    };
    let numbers = member.reach.iter().map(|own| NumberCard {
        number: hyphenated(own.number),
        role: match own.number == member.contract.customer_number {
            true => lang.say("契約者番号", "Contract number"),
            false => lang.say("追加番号", "Additional number"),
        },
        services: own.services.iter().map(|service| line(own.number, service)).collect(),
    });
    let notice = match query.as_deref() {
        Some("done=password") => lang.say("パスワードを変更しました。", "Your password is changed."),
        Some(_) | None => "",
    };
    let p = Frame { here: "/".to_owned(), ..member.frame() };
    page::render(StatusCode::OK, &TopPage { p, notice, recent, numbers: numbers.collect() })
}
