//! A network in CIDR notation (RFC 4632 §3.1, RFC 4291 §2.3): whose addresses are trusted.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// A network, written `192.0.2.0/24`, `2001:db8::/32`, or as a single address.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Cidr {
    network: IpAddr,
    length: u8,
}

/// Why a text is not a network.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CidrError {
    /// No address.
    #[error("{0:?} is not an IP address or network such as 192.0.2.0/24")]
    Address(String),
    /// A prefix length that is not a number or too long.
    #[error("{0:?} has no prefix length between 0 and {1}")]
    Length(String, u8),
    /// Bits set after the prefix.
    #[error("{0:?} has host bits set; write {1}")]
    HostBits(String, Cidr),
}

impl Cidr {
    /// 127.0.0.0/8.
    pub const LOOPBACK_V4: Cidr = Cidr { network: IpAddr::V4(Ipv4Addr::new(127, 0, 0, 0)), length: 8 };
    /// ::1.
    pub const LOOPBACK_V6: Cidr = Cidr { network: IpAddr::V6(Ipv6Addr::LOCALHOST), length: 128 };

    /// Whether `address` is in the network. An IPv4 address is the same one when it comes mapped into IPv6.
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        address.is_ipv4() == self.network.is_ipv4() && masked(address, self.length) == self.network
    }
}

impl FromStr for Cidr {
    type Err = CidrError;
    fn from_str(text: &str) -> Result<Cidr, CidrError> {
        let (address, length) = match text.split_once('/') {
            Some((address, length)) => (address, Some(length)),
            None => (text, None),
        };
        let address: IpAddr = address.trim().parse().map_err(|_| CidrError::Address(text.to_owned()))?;
        let whole = if address.is_ipv4() { 32 } else { 128 };
        let length = match length {
            None => whole,
            Some(digits) => digits
                .trim()
                .parse()
                .ok()
                .filter(|length| *length <= whole)
                .ok_or_else(|| CidrError::Length(text.to_owned(), whole))?,
        };
        let meant = Cidr { network: masked(address, length), length };
        if meant.network == address { Ok(meant) } else { Err(CidrError::HostBits(text.to_owned(), meant)) }
    }
}

fn masked(address: IpAddr, length: u8) -> IpAddr {
    match address {
        IpAddr::V4(address) => {
            let mask = u32::MAX.checked_shl(32 - u32::from(length.min(32))).unwrap_or(0);
            IpAddr::V4((address.to_bits() & mask).into())
        }
        IpAddr::V6(address) => {
            let mask = u128::MAX.checked_shl(128 - u32::from(length.min(128))).unwrap_or(0);
            IpAddr::V6((address.to_bits() & mask).into())
        }
    }
}

impl fmt::Display for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.network, self.length)
    }
}

impl fmt::Debug for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn contains(network: &str, address: &str) -> bool {
        network.parse::<Cidr>().unwrap().contains(address.parse().unwrap())
    }

    #[test]
    fn a_network_ends_where_its_prefix_says() {
        assert!(contains("192.0.2.0/24", "192.0.2.0") && contains("192.0.2.0/24", "192.0.2.255"));
        assert!(!contains("192.0.2.0/24", "192.0.3.0") && !contains("192.0.2.0/24", "192.0.1.255"));
        assert!(contains("192.0.2.128/25", "192.0.2.128") && !contains("192.0.2.128/25", "192.0.2.127"));
        assert!(contains("192.0.2.7", "192.0.2.7") && !contains("192.0.2.7", "192.0.2.8"));
        assert!(contains("0.0.0.0/0", "203.0.113.9") && !contains("0.0.0.0/0", "2001:db8::1"));
        assert!(contains("2001:db8::/32", "2001:db8:ffff::1") && !contains("2001:db8::/32", "2001:db9::1"));
        assert!(contains("::/0", "::1") && !contains("::/0", "192.0.2.1"));
    }

    #[test]
    fn a_mapped_address_is_the_address() {
        assert!(contains("192.0.2.0/24", "::ffff:192.0.2.9"));
    }

    #[test]
    fn a_network_that_is_none_says_what_is_wrong() {
        assert_eq!("lab".parse::<Cidr>(), Err(CidrError::Address("lab".into())));
        assert_eq!("192.0.2.0/33".parse::<Cidr>(), Err(CidrError::Length("192.0.2.0/33".into(), 32)));
        let error = "192.0.2.9/24".parse::<Cidr>().unwrap_err();
        assert!(error.to_string().contains("write 192.0.2.0/24"), "{error}");
    }
}
