//! The address of a client behind a proxy.

use std::net::IpAddr;

use axum::http::HeaderMap;

use crate::cidr::Cidr;

/// The nearest address that is no proxy of ours. Each proxy appends the address it was contacted from to
/// `X-Forwarded-For`; entries before the first stranger can be forged, so they are not read.
pub(super) fn client(peer: IpAddr, headers: &HeaderMap, proxies: &[Cidr]) -> IpAddr {
    let is_proxy = |address: IpAddr| proxies.iter().any(|network| network.contains(address));
    let lines = headers.get_all("x-forwarded-for").iter().filter_map(|line| line.to_str().ok());
    let heard: Vec<&str> = lines.flat_map(|line| line.split(',')).collect();
    let mut nearest = peer;
    for address in heard.into_iter().rev() {
        match address.trim().parse() {
            Ok(address) if is_proxy(nearest) => nearest = address,
            Ok(_) | Err(_) => break,
        }
    }
    nearest
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn told(peer: &str, lines: &[&str]) -> String {
        let proxies = ["127.0.0.1".parse().unwrap(), "192.0.2.0/24".parse().unwrap()];
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append("x-forwarded-for", line.parse().unwrap());
        }
        client(peer.parse().unwrap(), &headers, &proxies).to_string()
    }

    #[test]
    fn only_our_proxies_are_believed() {
        assert_eq!(told("198.51.100.1", &["203.0.113.9"]), "198.51.100.1", "anybody can write that");
        assert_eq!(told("127.0.0.1", &["203.0.113.9"]), "203.0.113.9");
        assert_eq!(told("127.0.0.1", &["10.0.0.1, 203.0.113.9"]), "203.0.113.9", "the browser wrote the first itself");
        assert_eq!(told("127.0.0.1", &["10.0.0.1", "203.0.113.9, 192.0.2.7"]), "203.0.113.9", "two proxies in a row");
        assert_eq!(told("127.0.0.1", &["2001:db8::9"]), "2001:db8::9");
        assert_eq!(told("::ffff:127.0.0.1", &["203.0.113.9"]), "203.0.113.9");
        for nothing in [&[][..], &[""], &["nobody"], &["203.0.113.9, "]] {
            assert_eq!(told("127.0.0.1", nothing), "127.0.0.1", "{nothing:?}");
        }
    }
}
