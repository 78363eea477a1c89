//! The settings web site: where a subscriber goes after the call, logs in, and sets the contracted services.
//!
//! ```text
//! browser ──▶ same_origin ──▶ twice ──▶ login, password, top, service ──▶ handles ──▶ account::Store, argon2
//!                                            │ Visitor, Member (the login, and its reach)
//! ```
//!
//! Server-rendered pages that need no JavaScript. Sessions are rows of the account store itself rather than of a session
//! crate's: so a changed password ends them in the same transaction, in every process, and a number that goes takes them
//! along. The browser holds 256 random bits; the store holds their hash; the token against forged forms is another hash of
//! them.
//!
//! # Driving it without sockets
//!
//! [`Pages`] is the whole site as one function from request to answer. [`PageOptions`] brings the store, the wall clock, the
//! randomness and the cost of hashing, and [`Runtime`] says what becomes of slow work and of waits: [`Runtime::immediate`]
//! does the work on the spot and skips the waits, so answers depend on nothing but requests, clock, store and seed. With an
//! `aside` of its own a test keeps the work for later and has many requests under way at once, in any order.
//!
//! ```text
//! let pages = Pages::new(PageOptions { clock, random, open_store, … }, Runtime::immediate())?;
//! let answer = pages.answer(Request::post("/login").body(…), from).await;      // on a current-thread runtime of tokio
//! ```
//!
//! [`start`] is the edge: it gives the same pages sockets, threads and tokio's timer.
//!
//! Architecture invariants: no file here but this one and `runtime` opens a socket, starts a thread, reads a clock or
//! draws a random number by itself. The site runs on threads of its own; its one loop never waits for the store or for
//! argon2 (see `handles`), and it knows calls and media not at all. Whatever names a telephone number passes `member`, which
//! alone decides about reach.

// a refusal is a whole answer, made once a request: boxing it would gain nothing
#![allow(clippy::result_large_err)]

mod answers;
mod app;
mod assets;
mod bulk_csv;
mod cookie;
mod fax;
mod field;
mod forwarded;
mod handles;
mod lang;
mod language;
mod limit;
mod login;
mod member;
mod own_path;
mod page;
mod pages;
mod password;
mod recent;
mod rules;
mod runtime;
mod same_origin;
mod security;
mod service;
mod top;
mod twice;

use std::io;
use std::net::SocketAddr;
use std::thread::JoinHandle;

use axum::Router;
use tokio::sync::oneshot;

use crate::account::StoreError;
use crate::http::{self, LAST_WORDS};
use crate::priority::give_way;

pub use app::{Random, WallClock};
pub use handles::OpenStore;
pub use pages::{PageOptions, Pages, paths};
pub use rules::Rules;
pub use runtime::{Runtime, Wait, Work};
pub use security::Security;

/// Everything a site is made of.
pub struct Options {
    /// Where HTTP is listened for. Port 0 is a free one.
    pub listen: SocketAddr,
    /// What connections may take.
    pub limits: http::Limits,
    /// The pages.
    pub pages: PageOptions,
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

/// A running site.
pub struct Site {
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// Binds the address, opens the store and serves from threads of its own.
pub fn start(options: Options) -> Result<Site, StartError> {
    let Options { listen, limits, pages } = options;
    let bind = |why| StartError::Bind { address: listen, why };
    let listener = std::net::TcpListener::bind(listen).map_err(bind)?;
    listener.set_nonblocking(true).map_err(bind)?;
    let address = listener.local_addr().map_err(bind)?;
    let tls = match &pages.security {
        Security::Here(config) => Some(config.clone()),
        Security::Plain | Security::Before => None,
    };
    let http = http::Options { tls, limits, proxies: pages.proxies.clone() };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .max_blocking_threads(handles::HANDLES + pages.hashers.max(1))
        .thread_name("site")
        .on_thread_start(give_way_to_calls)
        .enable_all()
        .build()
        .map_err(StartError::Thread)?;
    let router = Pages::new(pages, Runtime::tokio())?.into_router();
    let (stop, stopped) = oneshot::channel();
    let serve = move || {
        give_way_to_calls();
        runtime.block_on(serve(listener, http, router, stopped));
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
            tracing::error!("settings site panicked");
        }
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        self.end();
    }
}

/// Pages and hashes can wait for a moment; audio cannot.
fn give_way_to_calls() {
    if let Err(error) = give_way() {
        tracing::warn!(%error, "cannot lower the settings site's priority: it competes with calls");
    }
}

async fn serve(
    listener: std::net::TcpListener,
    options: http::Options,
    router: Router,
    stopped: oneshot::Receiver<()>,
) {
    match tokio::net::TcpListener::from_std(listener) {
        Ok(listener) => http::serve(listener, options, router, stopped).await,
        Err(error) => tracing::error!(%error, "settings site cannot listen"),
    }
}
