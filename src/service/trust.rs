//! What the configuration believes of a peer.

use std::net::IpAddr;

use crate::call::identity::Trust;
use crate::cidr::Cidr;
use crate::config::Config;

pub(super) fn of_peers(config: &Config) -> impl Fn(IpAddr) -> Trust + Send + Sync + use<> {
    let (asserted, from) = (config.sip.trusted_peers.clone(), config.sip.trust_from.clone());
    let private = config.sip.accept_privacy_id;
    let within = |networks: &[Cidr], peer| networks.iter().any(|network| network.contains(peer));
    move |peer| Trust { asserted: within(&asserted, peer), from: within(&from, peer), private }
}
