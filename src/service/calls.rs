//! From the configuration to the server of calls.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use super::certificates::{self, Certificates};
use super::error::StartError;
use super::trust;
use crate::audio::prompt::Bank;
use crate::call::Settings;
use crate::config::{self, Config};
use crate::ivr;
use crate::lock::Lock;
use crate::server::{Options, Server, Stores, Threads};
use crate::sip::endpoint;
use crate::sip::flow::Transport;
use crate::sip::registrar;
use crate::switchboard::PeerLimits;
use crate::trace;

pub(super) fn options(
    config: &Config,
    certificates: &Certificates,
    prompts: Bank,
    stores: Stores,
) -> Result<Options, StartError> {
    let limits = &config.limits;
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    let media_threads = if limits.media_workers == 0 { processors } else { limits.media_workers as usize };
    Ok(Options {
        listen: config.sip.listen.iter().map(|listen| (listen.transport, listen.address)).collect(),
        transport: certificates::transport(config, certificates)?,
        rtp_ips: config.rtp.listen.clone(),
        rtp_advertise: config.rtp.advertise,
        rtp_ports: config.rtp.ports.from..=config.rtp.ports.to,
        endpoint: endpoint::Config {
            service_user: config.sip.service_number.to_string(),
            registrar: config.sip.registrar.then(|| registrar(config)),
            max_transactions: limits.transactions as usize,
            max_transactions_per_peer: limits.transactions_per_peer as usize,
            reserved: limits.reserved_for_trusted as usize,
            ..endpoint::Config::default()
        },
        rings: config.sip.ringing,
        call: Settings {
            ivr: conversation(&config.ivr),
            longest_call: limits.call_duration,
            srtp: config.rtp.srtp,
            announce_refusals: config.sip.refuse_with_announcement,
            retry_after: endpoint::Config::default().retry_after,
            ..Settings::new(Arc::new(prompts))
        },
        trust: Box::new(trust::of_peers(config)),
        peers: PeerLimits {
            calls: limits.calls_per_peer as usize,
            invites_per_second: f64::from(limits.invites_per_second_per_peer),
        },
        calls_per_line: limits.calls_per_line as usize,
        drain: limits.drain,
        retry_after: endpoint::Config::default().retry_after,
        stores,
        cost: config.store.hash_cost,
        threads: Threads { media: media_threads, hashing: limits.hash_workers as usize },
        trace: traces(&config.trace),
    })
}

/// Where a server takes UDP.
pub(super) fn udp(server: &Server) -> Option<SocketAddr> {
    server.listening().iter().find(|(transport, _)| *transport == Transport::Udp).map(|(_, address)| *address)
}

/// A softphone on this machine may prefer IPv6 for media, whatever its signalling goes over.
pub(super) fn other_loopback(media: &[IpAddr]) -> Option<IpAddr> {
    const IPV6: IpAddr = IpAddr::V6(Ipv6Addr::LOCALHOST);
    let is_ipv4_loopback = matches!(media, [only] if only.is_ipv4() && only.is_loopback());
    (is_ipv4_loopback && std::net::UdpSocket::bind((IPV6, 0)).is_ok()).then_some(IPV6)
}

fn conversation(ivr: &config::Ivr) -> ivr::Config {
    ivr::Config {
        confirm: ivr.confirm,
        password_digits: ((*ivr.password_digits.start()).into(), (*ivr.password_digits.end()).into()),
        first_digit_timeout: ivr.first_digit_timeout,
        inter_digit_timeout: ivr.inter_digit_timeout,
        max_invalid: ivr.max_invalid,
        max_timeouts: ivr.max_timeouts,
    }
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
