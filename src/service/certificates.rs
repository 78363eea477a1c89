//! The certificates of SIP and of the site, and the options of SIP's transports that follow from them.

use std::path::Path;
use std::sync::Arc;

use tracing::{error, info};

use super::error::StartError;
use super::trust;
use crate::config::Config;
use crate::net::tls::{Authorities, Identity};
use crate::net::transport;
use crate::sip::flow::Transport;

/// The certificates that are shown to peers and browsers.
pub(super) struct Certificates {
    pub sip: Option<Arc<Identity>>,
    pub site: Option<Arc<Identity>>,
}

impl Certificates {
    pub(super) fn load(config: &Config) -> Result<Certificates, StartError> {
        let (sip, site) = (&config.sip, &config.site);
        let listens = sip.listen.iter().any(|listen| listen.transport == Transport::Tls);
        Ok(Certificates {
            sip: if listens { load("sip", sip.certificate.as_deref(), sip.key.as_deref(), &[])? } else { None },
            site: load("site", site.certificate.as_deref(), site.key.as_deref(), &["http/1.1"])?,
        })
    }

    /// Reads them again. One that cannot be used is logged, and the one before stays.
    pub(super) fn reload(&self) {
        if self.sip.is_none() && self.site.is_none() {
            info!("SIGHUP: there is no certificate to reload");
        }
        for (section, identity) in [("sip", &self.sip), ("site", &self.site)] {
            match identity.as_ref().map(|identity| identity.reload()) {
                Some(Ok(())) => info!(section, "SIGHUP: certificate reloaded; new connections get it"),
                Some(Err(error)) => {
                    error!(section, %error, "SIGHUP: certificate not reloaded; the previous one stays in use")
                }
                None => {}
            }
        }
    }
}

/// Both, or none: a section with one of them alone is refused by the configuration.
fn load(
    section: &'static str,
    certificate: Option<&Path>,
    key: Option<&Path>,
    protocols: &[&str],
) -> Result<Option<Arc<Identity>>, StartError> {
    let (Some(certificate), Some(key)) = (certificate, key) else { return Ok(None) };
    let identity = Identity::load(certificate, key, protocols);
    Ok(Some(Arc::new(identity.map_err(|why| StartError::Certificate { section, why })?)))
}

/// How SIP's transports are to behave.
pub(super) fn transport(config: &Config, certificates: &Certificates) -> Result<transport::Options, StartError> {
    let authorities = match &config.sip.ca {
        Some(file) => Some(Authorities::from_file(file)),
        None => certificates.sip.as_ref().map(|_| Authorities::of_the_system()),
    };
    let believed = trust::of_peers(config);
    Ok(transport::Options {
        advertise: config.sip.advertise,
        connections: config.limits.connections as usize,
        connections_per_peer: config.limits.connections_per_peer as usize,
        reserved: (config.limits.connections as usize) * (config.limits.reserved_for_trusted as usize) / 100,
        trusted: Arc::new(move |peer| believed(peer).is_any()),
        identity: certificates.sip.clone(),
        authorities: authorities.transpose().map_err(StartError::Authorities)?,
        idle: config.sip.idle_timeout,
        ..transport::Options::default()
    })
}
