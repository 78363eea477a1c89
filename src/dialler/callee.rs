//! Whom to call: a SIP URI, the transport it is called over (RFC 3263 §4.1, RFC 5630 §3), and the address behind it.

use std::fmt;
use std::net::{SocketAddr, ToSocketAddrs};
use std::path::PathBuf;
use std::str::FromStr;

use super::error::CalleeError;
use crate::net::tls::Authorities;
use crate::sip::flow::Transport;
use crate::sip::message::{FieldError, Scheme, Uri};

/// A SIP URI to call, such as `sip:0664806430@192.0.2.10:5060`, or `sips:` for TLS.
#[derive(Clone, Debug, PartialEq)]
pub struct Target(Uri);

impl FromStr for Target {
    type Err = FieldError;
    fn from_str(text: &str) -> Result<Target, FieldError> {
        text.parse().map(Target)
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// Over TLS, whose certificates are accepted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Believed {
    /// Those that the system's authorities vouch for.
    #[default]
    System,
    /// Those that the authorities in this PEM file vouch for.
    File(PathBuf),
    /// All: for laboratories.
    Anyone,
}

/// Whom to call, and the way there.
#[derive(Clone)]
pub struct Callee {
    /// The Request-URI.
    pub(super) to: Uri,
    /// What carries the calls.
    pub(super) transport: Transport,
    /// The address behind the URI.
    pub(super) remote: SocketAddr,
    /// Over TLS, whose certificates are accepted.
    pub(super) authorities: Option<Authorities>,
}

impl Callee {
    /// Looks up the target's address. `transport` (`udp`, `tcp` or `tls`) wins over what the URI says.
    pub fn find(target: Target, transport: Option<&str>, believed: &Believed) -> Result<Callee, CalleeError> {
        let Target(to) = target;
        let transport = transport_to(&to, transport)?;
        let authorities = match believed {
            _ if transport != Transport::Tls => None,
            Believed::File(file) => Some(Authorities::from_file(file)),
            Believed::Anyone => Some(Authorities::unchecked()),
            Believed::System => Some(Authorities::of_the_system()),
        };
        let authorities = authorities.transpose()?;
        let remote = address_of(&to, transport)?;
        Ok(Callee { to, transport, remote, authorities })
    }
}

fn transport_to(to: &Uri, asked: Option<&str>) -> Result<Transport, CalleeError> {
    let secure = to.scheme == Scheme::Sips;
    let wanted = asked.or_else(|| to.params.value("transport"));
    match wanted.map(str::to_ascii_lowercase).as_deref() {
        Some("tls") => Ok(Transport::Tls),
        None if secure => Ok(Transport::Tls),
        // RFC 5630 §3.1.4: sips with transport=tcp is TLS over TCP
        Some("tcp") if secure && asked.is_none() => Ok(Transport::Tls),
        Some(other) if secure => Err(CalleeError::NotSecure { to: to.to_string(), transport: other.to_owned() }),
        Some("tcp") => Ok(Transport::Tcp),
        Some("udp") | None => Ok(Transport::Udp),
        Some(other) => Err(CalleeError::Transport { to: to.to_string(), transport: other.to_owned() }),
    }
}

fn address_of(to: &Uri, transport: Transport) -> Result<SocketAddr, CalleeError> {
    if !to.is_sip() {
        return Err(CalleeError::Scheme(to.to_string()));
    }
    let port = to.port.unwrap_or(transport.default_port());
    let host = || to.host.clone();
    let addresses = (to.host.as_str(), port).to_socket_addrs();
    let mut addresses = addresses.map_err(|why| CalleeError::Unresolved { host: host(), why })?;
    addresses.next().ok_or_else(|| CalleeError::NoAddress(host()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn found(uri: &str, asked: Option<&str>) -> Result<(Transport, u16), String> {
        let callee = Callee::find(uri.parse().unwrap(), asked, &Believed::Anyone);
        callee.map(|callee| (callee.transport, callee.remote.port())).map_err(|error| error.to_string())
    }

    #[test]
    fn the_transport_is_the_one_asked_for_or_what_the_uri_says() {
        assert_eq!(found("sip:1@127.0.0.1", None), Ok((Transport::Udp, 5060)));
        assert_eq!(found("sip:1@127.0.0.1:7000;transport=tcp", None), Ok((Transport::Tcp, 7000)));
        assert_eq!(found("sip:1@127.0.0.1;transport=tcp", Some("tls")), Ok((Transport::Tls, 5061)));
        assert_eq!(found("sips:1@127.0.0.1", None), Ok((Transport::Tls, 5061)));
        assert_eq!(found("sips:1@127.0.0.1;transport=tcp", None), Ok((Transport::Tls, 5061)));
    }

    #[test]
    fn what_cannot_be_called_says_why() {
        let not_secure = "sips:1@127.0.0.1 is called over TLS alone, not tcp";
        assert_eq!(found("sips:1@127.0.0.1", Some("tcp")), Err(not_secure.to_owned()));
        let sctp = "sip:1@127.0.0.1;transport=sctp: sctp is not supported; use udp, tcp or tls";
        assert_eq!(found("sip:1@127.0.0.1;transport=sctp", None), Err(sctp.to_owned()));
        let scheme = "tel:0664806430 cannot be called: write sip:NUMBER@HOST:PORT";
        assert_eq!(found("tel:0664806430", None), Err(scheme.to_owned()));
    }
}
