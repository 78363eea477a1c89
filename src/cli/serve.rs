//! `karipass serve`: the service itself.

mod introduction;

use std::io::{IsTerminal, Write};
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use rand::RngExt;
use serde_json::json;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{mpsc, watch};

use super::output::{Answer, Failure, finish, json_line, now, open_store, open_store_as};
use super::services;
use super::transports::{self, Identities};
use crate::account::sqlite::Mode;
use crate::account::{Contract, SqliteStore, Store, demo};
use crate::audio::prompt::Bank;
use crate::call::Settings;
use crate::call::identity::Trust;
use crate::config;
use crate::config::{Cidr, Config, Confirm, Overrides, PortRange};
use crate::dtmf;
use crate::ivr;
use crate::lock::Lock;
use crate::mail::{self, Sender};
use crate::net::tls::Identity;
use crate::net::transport;
use crate::server::{Options, PeerLimits, Server};
use crate::sip::endpoint;
use crate::sip::flow::Transport;
use crate::sip::registrar;
use crate::site::{self, Security};
use crate::trace;
use introduction::Introduction;

/// How many descriptors a call takes: RTP and RTCP.
const DESCRIPTORS_A_CALL: u32 = 2;
/// How many all that is neither a call nor a connection may take: listeners, the store, traces, queues.
const DESCRIPTORS_FOR_THE_REST: u32 = 256;

/// A refused login is answered no sooner than this after it came: longer than the hashing takes.
const REFUSAL_AFTER: std::time::Duration = std::time::Duration::from_millis(400);

/// Answer calls: verify the line, guide, take the temporary password and store it.
#[derive(clap::Args, Debug)]
#[command(after_help = "Example: try it out with the example contract, then call it\n  \
    karipass serve --demo\n  \
    karipass call --to sip:0664806430@127.0.0.1:5060 --from 0600001111 \\\n    \
    --unit line --password 48151623\n\n\
    SIGTERM or Ctrl-C stops: new calls get 503, running ones may end by the deadline; a second one ends them at once.\n\
    SIGHUP reads the certificates of tls: listeners and of the site again.")]
pub struct Args {
    /// Set up the example contract, and believe From on loopback
    #[arg(long)]
    demo: bool,
    /// Listen for SIP there, over UDP and TCP; port 0 is a free one
    #[arg(long, value_name = "ADDR:PORT")]
    sip: Option<SocketAddr>,
    /// The ports for RTP and RTCP; 0 lets the system choose
    #[arg(long, value_name = "FROM-TO")]
    rtp_ports: Option<PortRange>,
    /// Serve the settings site there, over HTTP; port 0 is a free one [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDR:PORT")]
    site: Option<SocketAddr>,
    /// Keep each call's messages and packets in this folder, as ID.pcapng, with keys, audio and credentials masked
    #[arg(long, value_name = "DIR")]
    trace: Option<PathBuf>,
    /// Say where it listens as JSON, one object a line
    #[arg(long)]
    json: bool,
}

impl Args {
    /// What the flags say over file and environment.
    pub fn overrides(&self, db: Option<PathBuf>) -> Overrides {
        Overrides {
            sip: self.sip,
            rtp_ports: self.rtp_ports,
            site: self.site,
            db,
            trace: self.trace.clone(),
            demo: self.demo,
        }
    }
}

/// Runs `karipass serve`.
pub fn run(args: &Args, config: &Config) -> ExitCode {
    finish(|out| perform(args, config, out).map_err(unread))
}

/// Whoever lists something may have seen enough of it; a service that ends for want of a reader has not served.
fn unread(failure: Failure) -> Failure {
    match failure {
        Failure::Output(error) => Failure::Resource(format!("stdout: {error}")),
        Failure::Refused(_) | Failure::Resource(_) => failure,
    }
}

fn perform(args: &Args, config: &Config, out: &mut dyn Write) -> Result<Answer, Failure> {
    let calls = affordable_calls(config)?;
    let identities = Identities::load(config)?;
    let prompts = match &config.ivr.prompts {
        Some(folder) => Bank::load(folder).map_err(|error| Failure::Resource(error.to_string()))?,
        None => Bank::builtin(),
    };
    let made = !config.store.path.exists();
    let mut writer = open_store(config, Mode::Create, "serve")?;
    let example = if args.demo { Some(demo(&mut writer, now())?) } else { None };
    let reader = open_store(config, Mode::Existing, "serve")?;
    let transport = transports::options(config, &identities)?;
    let mut options = options(config, transport, prompts, reader, writer);
    options.endpoint.max_calls = calls as usize;
    if args.demo {
        options.rtp_ips.extend(other_loopback(&options.rtp_ips));
    }
    let site = site_options(config, &identities);
    let post = open_store(config, Mode::Existing, "mail")?;
    // signalling is one loop: a second thread would only hand it its messages
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let served = runtime.map_err(|error| Failure::Resource(error.to_string()))?.block_on(async {
        transports::reload_on_hangup(identities)?;
        serve(args, config, options, site, post, example.as_ref(), out).await
    });
    if made && served.is_err() {
        take_back(config, example.as_ref());
    }
    served
}

/// Removes a store that was made for a service that could not start, unless somebody has put more into it meanwhile.
fn take_back(config: &Config, example: Option<&Contract>) {
    let path = &config.store.path;
    let contracts = open_store(config, Mode::Existing, "serve").ok().and_then(|store| store.contracts().ok());
    if contracts.is_some_and(|contracts| contracts.iter().eq(example)) {
        for suffix in ["", "-wal", "-shm"] {
            let mut file = path.clone().into_os_string();
            file.push(suffix);
            // that one stays is no worse than what is being reported
            let _ = std::fs::remove_file(file);
        }
    }
}

async fn serve(
    args: &Args,
    config: &Config,
    options: Options,
    mut site: site::Options,
    post: SqliteStore,
    example: Option<&Contract>,
    out: &mut dyn Write,
) -> Result<Answer, Failure> {
    let service_number = options.endpoint.service_user.clone();
    let (shutdown, stopping) = stop_signals()?;
    let server = Server::start(options).await.map_err(|error| Failure::Resource(error.to_string()))?;
    for (transport, address) in server.listening() {
        let transport = transport.name().to_lowercase();
        match args.json {
            true => json_line(out, &json!({"listening": "sip", "transport": transport, "address": address}))?,
            false => writeln!(out, "listening sip {transport} {address}")?,
        }
    }
    let scheme = site.pages.security.scheme();
    let telephone = example.zip(server.listening().iter().find(|(transport, _)| *transport == Transport::Udp));
    let introduction =
        telephone.map(|(contract, (_, address))| Introduction { contract, service_number, address: *address });
    site.pages.linphone = introduction.as_ref().map(Introduction::linphone);
    let site = site::start(site).map_err(|error| Failure::Resource(error.to_string()))?;
    match args.json {
        true => json_line(out, &json!({"listening": "site", "transport": scheme, "address": site.address()}))?,
        false => writeln!(out, "listening site {scheme} {}", site.address())?,
    }
    let api = services::start_api(config)?;
    if let Some(api) = &api {
        match args.json {
            true => json_line(out, &json!({"listening": "api", "transport": "http", "address": api.address()}))?,
            false => writeln!(out, "listening api http {}", api.address())?,
        }
    }
    let sender = services::start_sender(config, post, &format!("{scheme}://{}", site.address()))?;
    let stopped_at = tokio::spawn(stop_mails(sender.as_ref().map(Sender::stop), stopping));
    if let (Some(introduction), false) = (introduction, args.json) {
        introduction.write(out, &format!("{scheme}://{}", site.address()), std::io::stdout().is_terminal())?;
    }
    out.flush()?;
    server.run(shutdown).await;
    site.stop();
    drop(api);
    if let Some(sender) = sender {
        let since = stopped_at.await.unwrap_or_else(|_| Instant::now());
        sender.end(since + config.limits.drain);
    }
    Ok(Answer::Yes)
}

/// Has the sender begin no mail any more as soon as the service is being stopped, while calls go on; tells since when.
async fn stop_mails(stop: Option<mail::Stop>, mut stopping: watch::Receiver<bool>) -> Instant {
    // nobody is left to stop it once the signals' tasks are gone
    let _ = stopping.wait_for(|stopping| *stopping).await;
    if let Some(stop) = stop {
        stop.ask();
    }
    Instant::now()
}

/// What asks to stop, each time anew; and whether it has been asked at all.
fn stop_signals() -> Result<(mpsc::Receiver<()>, watch::Receiver<bool>), Failure> {
    let (sender, receiver) = mpsc::channel(2);
    let (begin, stopping) = watch::channel(false);
    let begin = Arc::new(begin);
    for kind in [SignalKind::terminate(), SignalKind::interrupt()] {
        let mut arrivals = signal(kind).map_err(|error| Failure::Resource(error.to_string()))?;
        let (sender, begin) = (sender.clone(), Arc::clone(&begin));
        tokio::spawn(async move {
            while arrivals.recv().await.is_some() {
                let _ = begin.send(true);
                let _ = sender.send(()).await;
            }
        });
    }
    Ok((receiver, stopping))
}

fn options(
    config: &Config,
    transport: transport::Options,
    prompts: Bank,
    reader: SqliteStore,
    writer: SqliteStore,
) -> Options {
    let limits = &config.limits;
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    let media_threads = if limits.media_workers == 0 { processors } else { limits.media_workers as usize };
    Options {
        listen: config.sip.listen.iter().map(|listen| (transports::of(listen.transport), listen.address)).collect(),
        transport,
        rtp_ips: config.rtp.listen.clone(),
        rtp_advertise: config.rtp.advertise,
        rtp_ports: config.rtp.ports.from..=config.rtp.ports.to,
        endpoint: endpoint::Config {
            service_user: config.sip.service_number.to_string(),
            registrar: config.sip.registrar.then(|| registrar(config)),
            ..endpoint::Config::default()
        },
        rings: config.sip.ringing,
        call: Settings {
            ivr: conversation(&config.ivr),
            dtmf: dtmf::Config::default(),
            prompts: Arc::new(prompts),
            longest_call: limits.call_duration,
            srtp: config.rtp.srtp,
            announce_refusals: config.sip.refuse_with_announcement,
        },
        trust: trust(config),
        peers: PeerLimits {
            calls: limits.calls_per_peer as usize,
            invites_per_second: f64::from(limits.invites_per_second_per_peer),
        },
        drain: limits.drain,
        retry_after: endpoint::Config::default().retry_after,
        stores: [Box::new(reader), Box::new(writer)],
        cost: config.store.hash_cost,
        threads: (media_threads, limits.hash_workers as usize),
        trace: traces(&config.trace),
    }
}

/// A softphone on this machine may prefer IPv6 for media, whatever its signalling goes over.
fn other_loopback(media: &[IpAddr]) -> Option<IpAddr> {
    const IPV6: IpAddr = IpAddr::V6(Ipv6Addr::LOCALHOST);
    let is_ipv4_loopback = matches!(media, [only] if only.is_ipv4() && only.is_loopback());
    (is_ipv4_loopback && std::net::UdpSocket::bind((IPV6, 0)).is_ok()).then_some(IPV6)
}

fn traces(config: &config::Trace) -> Option<trace::Options> {
    const MIB: u64 = 1 << 20;
    let folder = config.folder.clone()?;
    Some(trace::Options {
        folder,
        call_bytes: u64::from(config.call_mib) * MIB,
        total_bytes: u64::from(config.total_mib) * MIB,
        files: config.files as usize,
    })
}

fn site_options(config: &Config, identities: &Identities) -> site::Options {
    let seconds = |duration: std::time::Duration| i64::try_from(duration.as_secs()).unwrap_or(i64::MAX);
    let (fewest, most) = config.site.password_length;
    let for_stores = config.clone();
    let pages = site::PageOptions {
        security: security(&config.site, identities.site.as_ref()),
        service_number: config.sip.service_number,
        open_store: Box::new(move || Ok(Box::new(open_store_as(&for_stores, Mode::Existing, "site")?))),
        cost: config.store.hash_cost,
        hashers: config.limits.hash_workers as usize,
        clock: Arc::new(now),
        random: Arc::new(|| rand::rng().random()),
        rules: site::Rules {
            fewest: fewest.into(),
            most: most.into(),
            letters_and_digits: config.site.password_letters_and_digits,
            valid_seconds: i64::from(config.site.password_days) * 24 * 60 * 60,
        },
        idle_seconds: seconds(config.site.idle_timeout),
        logins_per_minute: config.site.logins_per_minute,
        proxies: config.site.trusted_proxies.clone(),
        refusal_after: REFUSAL_AFTER,
        sends_mail: config.mail.smtp.is_some(),
        linphone: None,
    };
    site::Options { listen: config.site.listen, limits: services::http_limits(config), pages }
}

fn security(site: &config::Site, identity: Option<&Arc<Identity>>) -> Security {
    match identity {
        Some(identity) => Security::Here(identity.config()),
        None if site.behind_tls => Security::Before,
        None => Security::Plain,
    }
}

fn conversation(ivr: &config::Ivr) -> ivr::Config {
    ivr::Config {
        confirm: match ivr.confirm {
            Confirm::ReadBack => ivr::Confirm::ReadBack,
            Confirm::ReEnter => ivr::Confirm::ReEnter,
        },
        password_digits: (ivr.password_digits.0.into(), ivr.password_digits.1.into()),
        first_digit_timeout: ivr.first_digit_timeout,
        inter_digit_timeout: ivr.inter_digit_timeout,
        max_invalid: ivr.max_invalid,
        max_timeouts: ivr.max_timeouts,
    }
}

fn trust(config: &Config) -> Box<dyn Fn(IpAddr) -> Trust + Send> {
    let (asserted, from) = (config.sip.trusted_peers.clone(), config.sip.trust_from.clone());
    let private = config.sip.accept_privacy_id;
    let within = |networks: &[Cidr], peer| networks.iter().any(|network| network.contains(peer));
    Box::new(move |peer| Trust { asserted: within(&asserted, peer), from: within(&from, peer), private })
}

fn registrar(config: &Config) -> endpoint::RegistrarConfig {
    endpoint::RegistrarConfig {
        realm: config.sip.realm.clone(),
        algorithms: config.sip.digest_algorithms.clone(),
        // as the settings site locks its logins
        lock: Lock { after: config.site.lock_after, lasts: config.site.lock_time },
        limits: registrar::Limits::default(),
    }
}

/// The calls that there are file descriptors for, in case the system allows fewer than the configuration.
fn affordable_calls(config: &Config) -> Result<u32, Failure> {
    let (wanted, descriptors) = (config.limits.calls, wanted_descriptors(&config.limits));
    let pairs = config.rtp.ports.pairs().count();
    if !config.rtp.ports.is_any() && pairs < wanted as usize {
        tracing::warn!(wanted, pairs, "rtp.ports has room for fewer calls than limits.calls");
    }
    let Some(allowed) = super::descriptors::raise_limit(descriptors).filter(|allowed| *allowed < descriptors) else {
        return Ok(wanted);
    };
    let calls = (allowed.saturating_sub(DESCRIPTORS_FOR_THE_REST) / DESCRIPTORS_A_CALL).min(wanted);
    if calls == 0 {
        return Err(Failure::Resource(format!(
            "the system allows {allowed} open files, too few for a single call; allow {descriptors} with `ulimit -n`, or \
             with LimitNOFILE= in the unit of systemd"
        )));
    }
    if calls < wanted {
        tracing::warn!(wanted, calls, "the system allows too few open files: fewer calls are taken");
    } else {
        tracing::warn!(allowed, descriptors, "open files may run out when all connections are taken too");
    }
    Ok(calls)
}

/// What calls and connections, all there may be at once, take.
fn wanted_descriptors(limits: &config::Limits) -> u32 {
    let connections = limits.http_connections.saturating_mul(2).saturating_add(limits.connections);
    let calls = limits.calls.saturating_mul(DESCRIPTORS_A_CALL);
    calls.saturating_add(connections).saturating_add(DESCRIPTORS_FOR_THE_REST)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn there_are_descriptors_for_calls_and_connections_at_once() {
        // two for each of 600 calls, 1000 connections of SIP, 512 of the site, 512 of the API, and some for the rest
        assert_eq!(wanted_descriptors(&Config::standard().unwrap().limits), 2 * 600 + 1000 + 512 + 512 + 256);
    }
}
