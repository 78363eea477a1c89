//! Where messages come from and go to: flows, the way of a response (RFC 3261 §18.2.2, RFC 3581), and the next hop of a
//! request (§8.1.2, §12.2.1.1).

use std::net::{IpAddr, SocketAddr};

use crate::sip::message::{NameAddr, Params, Request, Scheme, Uri, Via};

/// The transport of SIP messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Transport {
    /// Datagrams.
    Udp,
    /// A stream.
    Tcp,
    /// An encrypted stream.
    Tls,
}

impl Transport {
    /// Whether messages arrive without being repeated.
    pub const fn is_reliable(self) -> bool {
        !matches!(self, Transport::Udp)
    }

    /// The name in a Via.
    pub const fn name(self) -> &'static str {
        match self {
            Transport::Udp => "UDP",
            Transport::Tcp => "TCP",
            Transport::Tls => "TLS",
        }
    }

    /// The default port.
    pub const fn default_port(self) -> u16 {
        match self {
            Transport::Udp | Transport::Tcp => 5060,
            Transport::Tls => 5061,
        }
    }
}

/// A way between us and another address: of an incoming message where it came from, of an outgoing one where it goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Flow {
    /// The transport.
    pub transport: Transport,
    /// Our address: the one that the message came to, and that the answer leaves from. Never unspecified (`0.0.0.0`): it
    /// is written into Contact and Via.
    pub local: SocketAddr,
    /// The other side's address.
    pub remote: SocketAddr,
    /// The stream connection. `None` on TCP and TLS asks the edge to use an open connection to `remote`, or to open one;
    /// if that fails, it reports so to `Endpoint::handle_unreachable`.
    pub connection: Option<u64>,
}

impl Flow {
    /// Where the response to a request that came on this flow goes: `via` is its topmost, as it came.
    pub(super) fn of_response(self, via: &Via) -> Flow {
        if self.transport.is_reliable() {
            return self;
        }
        // from this socket the other family is out of reach
        let in_reach = |address: &IpAddr| address.is_ipv4() == self.remote.is_ipv4();
        let maddr = via.params.value("maddr").and_then(address_of).filter(in_reach);
        if maddr.is_none() && via.wants_rport() {
            return self;
        }
        let address = maddr.unwrap_or(self.remote.ip());
        let port = via.port.unwrap_or(self.transport.default_port());
        Flow { remote: SocketAddr::new(address, port), ..self }
    }

    /// Where the response to a peer that has proved nothing goes: to the host that the request came from, whatever its Via says.
    pub(super) fn of_brief_response(self, via: &Via) -> Flow {
        if self.transport.is_reliable() || via.wants_rport() {
            return self;
        }
        let port = via.port.unwrap_or(self.transport.default_port());
        Flow { remote: SocketAddr::new(self.remote.ip(), port), ..self }
    }

    /// Where a response goes when the connection that the request came on is gone (§18.2.2).
    pub(super) fn without_connection(self, via: &Via) -> Flow {
        let port = via.port.unwrap_or(self.transport.default_port());
        Flow { remote: SocketAddr::new(self.remote.ip(), port), connection: None, ..self }
    }

    /// Where a request to `hop` goes, given that the other side's last message came on this flow. The flow itself when
    /// the hop is a name, which the core does not resolve, or on the other end of the same connection.
    pub(super) fn towards(self, hop: &Uri) -> Flow {
        let Some(address) = address_of(&hop.host).filter(|address| address.is_ipv4() == self.local.is_ipv4()) else {
            return self;
        };
        let transport = match (&hop.scheme, hop.params.value("transport")) {
            (Scheme::Sips, _) => Transport::Tls,
            (_, Some(name)) if name.eq_ignore_ascii_case("tcp") => Transport::Tcp,
            (_, Some(name)) if name.eq_ignore_ascii_case("tls") => Transport::Tls,
            (_, Some(name)) if name.eq_ignore_ascii_case("udp") => Transport::Udp,
            (_, Some(_)) => return self,
            // strictly UDP, but phones that came by a stream mean that stream
            (_, None) => self.transport,
        };
        if transport == self.transport && self.connection.is_some() && address == self.remote.ip() {
            return self;
        }
        let remote = SocketAddr::new(address, hop.port.unwrap_or(transport.default_port()));
        Flow { transport, remote, connection: None, ..self }
    }

    /// The same way, but from where we listen for its transport: Via and Contact then name a port that we listen on.
    /// Without a listener, the connection itself is the way back.
    pub(super) fn leaving_home(self, homes: &[(Transport, SocketAddr)]) -> Flow {
        let fits = |home: &SocketAddr| home.is_ipv4() == self.local.is_ipv4();
        let of_kind = homes.iter().filter(|(transport, _)| *transport == self.transport).map(|(_, home)| *home);
        let homes: Vec<SocketAddr> = of_kind.filter(fits).collect();
        let here = |home: &&SocketAddr| home.ip() == self.local.ip() || home.ip().is_unspecified();
        let at_home = homes.iter().filter(here).any(|home| home.port() == self.local.port());
        if self.connection.is_some() || at_home {
            return self;
        }
        let local = match (homes.iter().find(here), homes.first()) {
            (Some(home), _) => SocketAddr::new(self.local.ip(), home.port()),
            (None, Some(home)) => *home,
            (None, None) => self.local,
        };
        Flow { local, ..self }
    }

    /// Our own URI, as it stands in Contact; in a secure dialog a `sips:` one (§12.1.1), where the transport is TLS.
    pub(super) fn contact(self, user: Option<&str>, secure: bool) -> NameAddr {
        let mut uri = Uri::sip(user, &self.local.ip().to_string(), Some(self.local.port()));
        match self.transport {
            Transport::Udp => {}
            // RFC 5630 §3.1.4: the scheme says all there is to say
            Transport::Tls if secure => uri.scheme = Scheme::Sips,
            Transport::Tcp => uri.params.set("transport", Some("tcp")),
            Transport::Tls => uri.params.set("transport", Some("tls")),
        }
        NameAddr::new(uri)
    }

    /// The Via of a request that we send (§8.1.1.7, RFC 3581 §3).
    pub(super) fn via(self, branch: &str) -> Via {
        let mut via = Via {
            transport: self.transport.name().to_owned(),
            host: self.local.ip().to_string(),
            port: Some(self.local.port()),
            params: Params::default(),
        };
        via.params.set("branch", Some(branch));
        via.params.set("rport", None);
        via
    }
}

/// Writes the source address of the request into its topmost Via (§18.2.1, RFC 3581 §4).
pub(super) fn stamp(via: &mut Via, remote: SocketAddr) {
    if via.wants_rport() {
        via.set_rport(remote.port());
    }
    if via.wants_rport() || address_of(&via.host) != Some(remote.ip()) {
        via.set_received(remote.ip());
    }
}

/// Whether the sender of this INVITE is behind a NAT: no proxy is in between, its Contact is the address in its Via, and the
/// request came from another. Requests then go back where it came from.
pub(super) fn is_behind_nat(request: &Request, via: &Via, remote: SocketAddr) -> bool {
    let Ok(Some(contact)) = request.headers.contact() else { return false };
    let direct = request.headers.list("Via").len() == 1 && !request.headers.contains("Record-Route");
    let same = contact.uri.host.eq_ignore_ascii_case(&via.host) && contact.uri.port == via.port;
    let elsewhere =
        address_of(&via.host) != Some(remote.ip()) || via.wants_rport() && via.port.unwrap_or(5060) != remote.port();
    direct && same && elsewhere
}

/// Whether the dialog that this INVITE begins is a secure one: our Contact is then to be a `sips:` URI as well (§12.1.1).
pub(super) fn is_secure(request: &Request) -> bool {
    let is_sips = |uri: &Uri| uri.scheme == Scheme::Sips;
    let hop = match request.headers.routes("Record-Route").ok().as_deref() {
        Some([top, ..]) => Some(top.uri.clone()),
        Some([]) | None => request.headers.contact().ok().flatten().map(|contact| contact.uri),
    };
    is_sips(&request.uri) || hop.as_ref().is_some_and(is_sips)
}

fn address_of(host: &str) -> Option<IpAddr> {
    host.trim_matches(['[', ']']).parse().ok()
}
