//! The whole service, put together from a [`Config`]: calls, the settings site, the local API and the sender of mails.
//!
//! ```text
//!             ┌▶ stores, certificates, prompts ─▶ server (calls) ─┐
//! Config ─────┼▶ site                                             ├─▶ Service: where each listens; runs until stopped
//!             └▶ API, sender of mails                             ┘
//! ```
//!
//! The command line is one user of this room; tests and other programs start a service the same way:
//!
//! ```no_run
//! use karipass::config::Config;
//! use karipass::service::{self, Options};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let mut config = Config::standard()?;
//! config.store.url = "sqlite:laboratory.db".parse()?;
//! let service = service::start(&config, Options { demo: true }).await?;
//! for place in service.listening() {
//!     println!("{} over {} at {}", place.what, place.transport, place.address);
//! }
//! let stop = service.stop();
//! tokio::spawn(async move {
//!     tokio::time::sleep(std::time::Duration::from_secs(60)).await;
//!     stop.ask();
//! });
//! service.run().await;
//! # Ok(())
//! # }
//! ```
//!
//! Architecture invariant: nothing here reads arguments, prints, or decides about a call. A setting reaches the part that it
//! is for in one file: `calls`, `site`, `beside`, `certificates`.

mod beside;
mod calls;
mod certificates;
mod descriptors;
mod error;
mod line;
mod linphone;
mod signals;
mod site;
mod stop;
mod stores;
mod trust;
mod watch;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::mpsc;

use crate::account::{self, Actor, Contract, Mode, Presence, demo};
use crate::api::Api;
use crate::audio::prompt::Bank;
use crate::config::{Config, transport_name};
use crate::mail::Sender;
use crate::net::clock::time_of_day;
use crate::server::{Server, Stores};
use crate::site::Site;

pub use error::{Ended, StartError};
pub use line::line_password;
pub use signals::Signals;
pub use stop::Stop;
pub use stores::open_store;

use certificates::Certificates;

/// What a service needs to know beyond its configuration.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// Set up the example contract, and offer its softphone's settings on the site. Believing From on loopback is the
    /// configuration's part: [`Overrides::demo`](crate::config::Overrides::demo).
    pub demo: bool,
}

/// A service that listens; calls are served while it [runs](Service::run). Its threads end with that run: to be rid of a
/// service that was never run, ask it to stop and run it.
pub struct Service {
    server: Server,
    beside: Beside,
    stop: Stop,
    asked: mpsc::Receiver<()>,
    certificates: Arc<Certificates>,
    example: Option<Contract>,
    drain: Duration,
    store: Presence,
}

/// What runs beside calls.
struct Beside {
    site: Site,
    /// How the site is reached where it listens: `http` or `https`.
    scheme: &'static str,
    api: Option<Api>,
    sender: Option<Sender>,
}

/// A place where a service listens, as bound.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listening {
    /// `sip`, `site` or `api`.
    pub what: &'static str,
    /// `udp`, `tcp`, `tls`, `http` or `https`.
    pub transport: &'static str,
    /// Where.
    pub address: SocketAddr,
}

/// Binds every address, opens the store (and makes it where it is missing) and starts the threads. When it fails, nothing
/// of it is left running, and a store that was made for it is gone again.
pub async fn start(config: &Config, options: Options) -> Result<Service, StartError> {
    let calls = descriptors::affordable_calls(config)?;
    let certificates = Certificates::load(config)?;
    let prompts = match &config.ivr.prompts {
        Some(folder) => Bank::load(folder)?,
        None => Bank::builtin(),
    };
    let made = !account::exists(&config.store.url);
    let mut writer = open_store(config, Mode::Create)?;
    let example = if options.demo { Some(demo(&mut writer, &Actor::Program("serve"), time_of_day())?) } else { None };
    let store = writer.backend().presence();
    let started = async {
        let stores = Stores { readers: stores::readers(config)?, writer: Box::new(writer) };
        let mut telephony = calls::options(config, &certificates, prompts, stores)?;
        telephony.endpoint.max_calls = calls as usize;
        if options.demo {
            telephony.rtp_ips.extend(calls::other_loopback(&telephony.rtp_ips));
        }
        let server = Server::start(telephony).await?;
        assemble(config, server, certificates, example.clone(), store).await
    };
    let started = started.await;
    if made && started.is_err() {
        stores::take_back(config, example.as_ref());
    }
    started
}

/// Puts the rest beside a server that listens.
async fn assemble(
    config: &Config,
    server: Server,
    certificates: Certificates,
    example: Option<Contract>,
    store: Presence,
) -> Result<Service, StartError> {
    let beside = match start_beside(config, &server, &certificates, example.as_ref()) {
        Ok(beside) => beside,
        Err(error) => {
            end_at_once(server).await;
            return Err(error);
        }
    };
    let (stop, asked) = Stop::new(beside.sender.as_ref().map(Sender::stop));
    let certificates = Arc::new(certificates);
    let drain = config.limits.drain;
    Ok(Service { server, beside, stop, asked, certificates, example, drain, store })
}

fn start_beside(
    config: &Config,
    server: &Server,
    certificates: &Certificates,
    example: Option<&Contract>,
) -> Result<Beside, StartError> {
    let linphone = example.zip(calls::udp(server)).map(|(contract, address)| linphone::settings(contract, address));
    let options = site::options(config, certificates, linphone);
    let scheme = options.pages.security.scheme();
    let site = crate::site::start(options)?;
    let api = beside::start_api(config)?;
    let sender = beside::start_sender(config, &format!("{scheme}://{}", site.address()))?;
    Ok(Beside { site, scheme, api, sender })
}

/// Ends a server that has taken no call yet.
async fn end_at_once(server: Server) {
    let (stop, asked) = Stop::new(None);
    stop.ask();
    stop.ask();
    server.run(asked).await;
}

impl Service {
    /// Every place where it listens: SIP's in the order of the configuration, then the site, then the API if there is one.
    pub fn listening(&self) -> Vec<Listening> {
        let sip = self.server.listening().iter().map(|(transport, address)| Listening {
            what: "sip",
            transport: transport_name(*transport),
            address: *address,
        });
        let Beside { site, scheme, api, .. } = &self.beside;
        let site = Listening { what: "site", transport: scheme, address: site.address() };
        let api = api.as_ref().map(|api| Listening { what: "api", transport: "http", address: api.address() });
        sip.chain([site]).chain(api).collect()
    }

    /// Where it takes SIP over UDP.
    pub fn udp(&self) -> Option<SocketAddr> {
        calls::udp(&self.server)
    }

    /// The settings site's address where it listens, such as `http://127.0.0.1:8080`.
    pub fn site(&self) -> String {
        format!("{}://{}", self.beside.scheme, self.beside.site.address())
    }

    /// The example contract, if it was asked for.
    pub fn example(&self) -> Option<&Contract> {
        self.example.as_ref()
    }

    /// What asks it to stop, from any thread.
    pub fn stop(&self) -> Stop {
        self.stop.clone()
    }

    /// Stops at SIGTERM and SIGINT, and reads its certificates again at SIGHUP, from here on.
    pub fn obey(&self, signals: Signals) {
        tokio::spawn(signals.obeyed(self.stop.clone(), Arc::clone(&self.certificates)));
    }

    /// Serves until it is stopped: new calls are refused then, and running ones may end by the deadline of the configuration
    /// (`limits.drain`). Everything that it has taken on is in the store when this returns, unless it ends because it has lost
    /// the store.
    pub async fn run(self) -> Ended {
        let Service { server, beside, stop, asked, drain, store, .. } = self;
        let watch = tokio::spawn(watch::until_lost(store, stop.clone()));
        server.run(asked).await;
        watch.abort();
        let lost = watch.await.ok().flatten();
        let Beside { site, api, sender, .. } = beside;
        site.stop();
        drop(api);
        if let Some(sender) = sender {
            let since = stop.asked_at().unwrap_or_else(Instant::now);
            sender.end(since + drain);
        }
        lost.map_or(Ended::Asked, Ended::StoreLost)
    }
}
