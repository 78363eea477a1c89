//! How browsers reach the site.

use std::sync::Arc;

use rustls::ServerConfig;

/// How browsers reach the site. Except with `Plain`, cookies are restricted to TLS and browsers to HTTPS (RFC 6797).
#[derive(Clone, Debug)]
pub enum Security {
    /// Over HTTP: for loopback and laboratories.
    Plain,
    /// Over HTTPS, which something before this server ends.
    Before,
    /// Over HTTPS, which this server speaks.
    Here(Arc<ServerConfig>),
}

impl Security {
    /// What its address begins with, as far as this server speaks it.
    pub fn scheme(&self) -> &'static str {
        match self {
            Security::Plain | Security::Before => "http",
            Security::Here(_) => "https",
        }
    }
}
