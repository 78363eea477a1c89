//! The settings web site: where a subscriber goes after the call, logs in, and sets the contracted services.
//!
//! ```text
//! browser ──▶ guard (headers, origin) ──▶ login, password, top, service ──▶ desk ──▶ account::Store, argon2
//!                                              │ Visitor, Member (who asks, how far the login reaches)
//! ```
//!
//! Server-rendered pages that need no JavaScript. Sessions are rows of the account store itself rather than of a session
//! crate's: so a changed password ends them in the same transaction, in every process, and a number that goes takes them
//! along. The browser holds 256 random bits; the store holds their hash; the token against forged forms is another hash of
//! them.
//!
//! Architecture invariant: the site runs on threads of its own. Its one loop never waits for the store or for argon2 (see
//! `desk`), and it knows calls and media not at all. Whatever names a telephone number passes `member`, which alone
//! decides about reach.

// a refusal is a whole answer, made once a request: boxing it would gain nothing
#![allow(clippy::result_large_err)]

mod bulk_csv;
mod cookie;
mod desk;
mod fax;
mod field;
mod forwarded;
mod guard;
mod lang;
mod limit;
mod login;
mod member;
mod page;
mod password;
mod recent;
mod rules;
mod service;
mod top;
mod twice;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware;
use axum::routing::{MethodRouter, get, post};
use rustls::ServerConfig;
use tokio::sync::oneshot;

use crate::account::{Cost, Store, StoreError};
use crate::config::Cidr;
use crate::http::{self, LAST_WORDS};
use crate::number::{PhoneNumber, hyphenated};
use crate::priority::give_way;
use crate::time::UnixTime;

pub use rules::Rules;

use desk::Desk;
use limit::Logins;

/// The largest form that is read, but for uploads.
const LARGEST_FORM: usize = 256 * 1024;

/// Opens the account store once more.
pub type OpenStore = Box<dyn Fn() -> Result<Box<dyn Store>, StoreError> + Send + Sync>;
/// Reads the wall clock.
pub type WallClock = Arc<dyn Fn() -> UnixTime + Send + Sync>;

/// Everything a site is made of.
pub struct Options {
    /// Where HTTP is listened for. Port 0 is a free one.
    pub listen: SocketAddr,
    /// How browsers reach it.
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
    /// What an own password has to be.
    pub rules: Rules,
    /// After so many seconds without a request a session is over.
    pub idle_seconds: i64,
    /// So many logins a minute may be tried from one address.
    pub logins_per_minute: u32,
    /// What connections may take.
    pub limits: http::Limits,
    /// Proxies that are believed about the address that a request comes from.
    pub proxies: Vec<Cidr>,
    /// A refused login is answered no sooner than this after it came, so that the time tells nothing.
    pub refusal_after: Duration,
    /// Whether a mail server is configured; without one mails wait, and pages say so.
    pub sends_mail: bool,
    /// What Linphone sets itself up from (`/linphone.xml`); it must hold no password, since anybody may read it.
    pub linphone: Option<String>,
}

/// How browsers reach the site. But for `Plain`, cookies are for TLS alone, and browsers are told never to come without.
#[derive(Clone, Debug)]
pub enum Security {
    /// Over HTTP: for loopback and laboratories.
    Plain,
    /// Over HTTPS, which something before this server ends.
    Before,
    /// Over HTTPS, which this server speaks.
    Here(Arc<ServerConfig>),
}

impl Security {
    /// What its address begins with, as far as this server speaks it.
    pub fn scheme(&self) -> &'static str {
        match self {
            Security::Plain | Security::Before => "http",
            Security::Here(_) => "https",
        }
    }
}

/// Why the site does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The address cannot be listened on.
    #[error("cannot listen on http {address}: {why}; choose another with --site or site.listen")]
    Bind {
        /// The address.
        address: SocketAddr,
        /// The system's words.
        why: io::Error,
    },
    /// The account store cannot be opened.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A thread cannot be started.
    #[error("cannot start a thread: {0}")]
    Thread(io::Error),
}

/// A site that serves.
pub struct Site {
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// What every page has at hand.
struct App {
    desk: Desk,
    clock: WallClock,
    secure: bool,
    service_number: PhoneNumber,
    cost: Cost,
    rules: Rules,
    idle_seconds: i64,
    logins: Logins,
    answers: twice::Answers,
    proxies: Vec<Cidr>,
    refusal_after: Duration,
    sends_mail: bool,
    linphone: Option<String>,
}

type Shared = Arc<App>;

/// Binds the address, opens the store and serves from threads of its own.
pub fn start(options: Options) -> Result<Site, StartError> {
    let bind = |why| StartError::Bind { address: options.listen, why };
    let listener = std::net::TcpListener::bind(options.listen).map_err(bind)?;
    listener.set_nonblocking(true).map_err(bind)?;
    let address = listener.local_addr().map_err(bind)?;
    let app = Arc::new(App {
        desk: Desk::open(&options.open_store, options.hashers)?,
        clock: options.clock,
        secure: !matches!(options.security, Security::Plain),
        service_number: options.service_number,
        cost: options.cost,
        rules: options.rules,
        idle_seconds: options.idle_seconds,
        logins: Logins::new(options.logins_per_minute),
        answers: twice::Answers::default(),
        proxies: options.proxies,
        refusal_after: options.refusal_after,
        sends_mail: options.sends_mail,
        linphone: options.linphone,
    });
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .max_blocking_threads(desk::HANDLES + options.hashers.max(1))
        .thread_name("site")
        .on_thread_start(give_way_to_calls)
        .enable_all()
        .build()
        .map_err(StartError::Thread)?;
    let (stop, stopped) = oneshot::channel();
    let tls = match options.security {
        Security::Here(config) => Some(config),
        Security::Plain | Security::Before => None,
    };
    let http = http::Options { tls, limits: options.limits, proxies: app.proxies.clone() };
    let serve = move || {
        give_way_to_calls();
        runtime.block_on(serve(listener, http, app, stopped));
        runtime.shutdown_timeout(LAST_WORDS);
    };
    let thread = std::thread::Builder::new().name("site".to_owned()).spawn(serve).map_err(StartError::Thread)?;
    Ok(Site { address, stop: Some(stop), thread: Some(thread) })
}

impl Site {
    /// The address that is listened on, as bound.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Takes no more requests, and waits shortly for those in progress.
    pub fn stop(mut self) {
        self.end();
    }

    fn end(&mut self) {
        // the site may have ended by itself
        let _ = self.stop.take().map(|stop| stop.send(()));
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the settings site has panicked");
        }
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        self.end();
    }
}

/// Pages and hashes can wait for a moment where audio cannot. Without processors to spare this is what keeps it even.
fn give_way_to_calls() {
    if let Err(error) = give_way() {
        tracing::warn!(%error, "the site runs at the same priority as calls");
    }
}

async fn serve(listener: std::net::TcpListener, options: http::Options, app: Shared, stopped: oneshot::Receiver<()>) {
    match tokio::net::TcpListener::from_std(listener) {
        Ok(listener) => http::serve(listener, options, router(app), stopped).await,
        Err(error) => tracing::error!(%error, "the settings site cannot listen"),
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
        ("/language", get(lang::switch)),
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
        ("/site.css", get(page::style)),
        ("/linphone.xml", get(page::linphone)),
    ]
}

fn router(app: Shared) -> Router {
    routes()
        .into_iter()
        .fold(Router::new(), |router, (path, answers)| router.route(path, answers))
        .fallback(page::no_such_page)
        .layer(middleware::from_fn_with_state(Arc::clone(&app), twice::answer_once))
        .layer(DefaultBodyLimit::max(LARGEST_FORM))
        .layer(middleware::from_fn_with_state(Arc::clone(&app), guard::guard))
        .with_state(app)
}
