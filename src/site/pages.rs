//! All pages as one function from request to answer.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{DefaultBodyLimit, Request};
use axum::middleware;
use axum::response::Response;
use axum::routing::{MethodRouter, get, post};
use hyper::service::Service;
use hyper_util::service::TowerToHyperService;

use super::answers::Answers;
use super::app::{App, LARGEST_FORM, Random, Shared, WallClock};
use super::cookie::Cookies;
use super::handles::{Handles, OpenStore};
use super::limit::Logins;
use super::rules::Rules;
use super::runtime::Runtime;
use super::security::Security;
use super::{assets, bulk_csv, fax, language, login, password, same_origin, service, top, twice};
use crate::account::{Cost, StoreError};
use crate::cidr::Cidr;
use crate::http::Peer;
use crate::number::PhoneNumber;

/// Everything the pages are made of.
pub struct PageOptions {
    /// How browsers reach them.
    pub security: Security,
    /// The number that subscribers dial to set a temporary password.
    pub service_number: PhoneNumber,
    /// Opens the account store.
    pub open_store: OpenStore,
    /// The cost of hashing a password.
    pub cost: Cost,
    /// How many passwords are hashed or compared at once.
    pub hashers: usize,
    /// The wall clock.
    pub clock: WallClock,
    /// Draws tokens and salts.
    pub random: Random,
    /// The rules for own passwords.
    pub rules: Rules,
    /// After this many seconds without a request a session is over.
    pub idle_seconds: i64,
    /// The limit of logins a minute from one address.
    pub logins_per_minute: u32,
    /// Proxies that are believed about the address that a request comes from.
    pub proxies: Vec<Cidr>,
    /// The earliest answer to a refused login, counted from its arrival: its timing must disclose nothing.
    pub refusal_after: Duration,
    /// Whether a mail server is configured; without one mails wait, and pages say so.
    pub sends_mail: bool,
    /// Linphone's remote configuration (`/linphone.xml`). It is public, so it must hold no password.
    pub linphone: Option<String>,
}

/// The pages, ready to answer.
#[derive(Clone)]
pub struct Pages {
    router: Router,
}

impl Pages {
    /// Opens the store's handles.
    pub fn new(options: PageOptions, runtime: Runtime) -> Result<Pages, StoreError> {
        let app = Arc::new(App {
            handles: Handles::open(&options.open_store, options.hashers, runtime.clone())?,
            runtime,
            clock: options.clock,
            random: options.random,
            cookies: match options.security {
                Security::Plain => Cookies::Plain,
                Security::Before | Security::Here(_) => Cookies::OverTls,
            },
            service_number: options.service_number,
            cost: options.cost,
            rules: options.rules,
            idle_seconds: options.idle_seconds,
            logins: Logins::new(options.logins_per_minute),
            answers: Answers::default(),
            proxies: options.proxies,
            refusal_after: options.refusal_after,
            sends_mail: options.sends_mail,
            linphone: options.linphone,
        });
        Ok(Pages { router: router(app) })
    }

    /// The answer to a request from this address. Forms are done to their end even when this is dropped: that takes a task of
    /// tokio, so it is to be called within its runtime, which needs neither timers nor threads.
    pub async fn answer(&self, mut request: Request<Body>, from: SocketAddr) -> Response {
        request.extensions_mut().insert(Peer(from));
        let Ok(answer) = TowerToHyperService::new(self.router.clone()).call(request).await;
        answer
    }

    /// The same for a server, which adds [`Peer`] to every request.
    pub(super) fn into_router(self) -> Router {
        self.router
    }
}

/// Every path that the site has; what is to hold for all of them is tested on this list.
pub fn paths() -> Vec<&'static str> {
    routes().into_iter().map(|(path, _)| path).collect()
}

fn routes() -> Vec<(&'static str, MethodRouter<Shared>)> {
    let service = || get(service::show).post(service::change);
    let csv = get(bulk_csv::download).post(bulk_csv::upload).layer(bulk_csv::body_limit());
    vec![
        ("/", get(top::show)),
        ("/login", get(login::show).post(login::log_in)),
        ("/logout", post(login::log_out)),
        ("/password", get(password::show).post(password::change)),
        ("/help", get(login::help)),
        ("/language", get(language::switch)),
        ("/voicewarp", service()),
        ("/arrival-mail", service()),
        ("/bulk-transfer", service()),
        ("/bulk-transfer/csv", csv),
        ("/fault-notice", service()),
        ("/fax-mail", service()),
        ("/fax-mail/inbox", get(fax::inbox).post(fax::delete)),
        ("/fax-mail/fax", get(fax::document)),
        ("/fax-mail/confirmation", post(fax::ask_again)),
        ("/fax-mail/confirm", get(fax::confirm_page).post(fax::confirm)),
        ("/site.css", get(assets::style)),
        ("/linphone.xml", get(assets::linphone)),
    ]
}

fn router(app: Shared) -> Router {
    routes()
        .into_iter()
        .fold(Router::new(), |router, (path, answers)| router.route(path, answers))
        .fallback(assets::no_such_page)
        .layer(middleware::from_fn_with_state(Arc::clone(&app), twice::answer_once))
        .layer(DefaultBodyLimit::max(LARGEST_FORM))
        .layer(middleware::from_fn_with_state(Arc::clone(&app), same_origin::guard))
        .with_state(app)
}
