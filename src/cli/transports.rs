//! What `karipass serve` needs of transports: the certificates, read again at SIGHUP, and the options of the sockets.

use std::path::Path;
use std::sync::Arc;

use tokio::signal::unix::{SignalKind, signal};
use tracing::{error, info};

use super::output::Failure;
use crate::config;
use crate::config::Config;
use crate::net::tls::{Authorities, Identity};
use crate::net::transport;
use crate::sip::flow::Transport;

/// The certificates that are shown: read at the start, and again at SIGHUP.
pub(super) struct Identities {
    pub sip: Option<Arc<Identity>>,
    pub site: Option<Arc<Identity>>,
}

impl Identities {
    pub fn load(config: &Config) -> Result<Identities, Failure> {
        let (sip, site) = (&config.sip, &config.site);
        let listens = sip.listen.iter().any(|listen| listen.transport == config::Transport::Tls);
        Ok(Identities {
            sip: if listens { load("sip", sip.certificate.as_deref(), sip.key.as_deref(), &[])? } else { None },
            site: load("site", site.certificate.as_deref(), site.key.as_deref(), &["http/1.1"])?,
        })
    }

    /// A certificate that cannot be used is told, and the one before stays.
    fn reload(&self) {
        if self.sip.is_none() && self.site.is_none() {
            info!("SIGHUP: there is no certificate to be read again");
        }
        for (section, identity) in [("sip", &self.sip), ("site", &self.site)] {
            match identity.as_ref().map(|identity| identity.reload()) {
                Some(Ok(())) => info!(section, "SIGHUP: the certificate was read again; new connections are shown it"),
                Some(Err(error)) => error!(section, %error, "SIGHUP: the certificate stays as it was"),
                None => {}
            }
        }
    }
}

/// Both, or none: a section with one of them alone is refused by the configuration.
fn load(
    section: &str,
    certificate: Option<&Path>,
    key: Option<&Path>,
    protocols: &[&str],
) -> Result<Option<Arc<Identity>>, Failure> {
    let (Some(certificate), Some(key)) = (certificate, key) else { return Ok(None) };
    let identity = Identity::load(certificate, key, protocols);
    Ok(Some(Arc::new(identity.map_err(|error| Failure::Resource(format!("{section}: {error}")))?)))
}

pub(super) fn reload_on_hangup(identities: Identities) -> Result<(), Failure> {
    let mut arrivals = signal(SignalKind::hangup()).map_err(|error| Failure::Resource(error.to_string()))?;
    let identities = Arc::new(identities);
    tokio::spawn(async move {
        while arrivals.recv().await.is_some() {
            let identities = Arc::clone(&identities);
            let reloaded = tokio::task::spawn_blocking(move || identities.reload()).await;
            if let Err(error) = reloaded {
                error!(%error, "SIGHUP: the certificates were not read again");
            }
        }
    });
    Ok(())
}

/// How SIP's transports are to behave.
pub(super) fn options(config: &Config, identities: &Identities) -> Result<transport::Options, Failure> {
    let authorities = match &config.sip.ca {
        Some(file) => Some(Authorities::from_file(file)),
        None => identities.sip.as_ref().map(|_| Authorities::of_the_system()),
    };
    Ok(transport::Options {
        advertise: config.sip.advertise,
        connections: config.limits.connections as usize,
        connections_per_peer: config.limits.connections_per_peer as usize,
        identity: identities.sip.clone(),
        authorities: authorities.transpose().map_err(|error| Failure::Resource(error.to_string()))?,
        idle: config.sip.idle_timeout,
        ..transport::Options::default()
    })
}

/// A setting's transport, as signalling names it.
pub(super) fn of(transport: config::Transport) -> Transport {
    match transport {
        config::Transport::Udp => Transport::Udp,
        config::Transport::Tcp => Transport::Tcp,
        config::Transport::Tls => Transport::Tls,
    }
}
