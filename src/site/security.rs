//! How browsers reach the site.

use std::sync::Arc;

use rustls::ServerConfig;

/// How browsers reach the site. But for `Plain`, cookies are for TLS alone, and browsers are told never to come without.
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
