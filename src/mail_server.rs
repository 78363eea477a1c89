//! A mail server, as settings name it and mails are handed to it.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

/// How the connection to a mail server is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MailSecurity {
    /// Not at all.
    Plain,
    /// By TLS after STARTTLS (RFC 3207), or there is no mail.
    StartTls,
    /// By TLS from the start (RFC 8314).
    Tls,
}

impl MailSecurity {
    const ALL: [(MailSecurity, &'static str, u16); 3] = [
        (MailSecurity::Plain, "smtp://", 25),
        (MailSecurity::StartTls, "smtp+starttls://", 587),
        (MailSecurity::Tls, "smtps://", 465),
    ];
}

/// A mail server, written `smtp://127.0.0.1:25`, `smtp+starttls://mail.example.jp` or `smtps://mail.example.jp`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailServer {
    /// How the connection to it is protected.
    pub security: MailSecurity,
    /// Its name or address.
    pub host: String,
    /// Its port.
    pub port: u16,
}

impl MailServer {
    /// Whether a password may be sent to it: by TLS, or without leaving this machine.
    pub fn keeps_secrets(&self) -> bool {
        let is_here = self.host == "localhost" || self.host.parse().is_ok_and(|address: IpAddr| address.is_loopback());
        self.security != MailSecurity::Plain || is_here
    }
}

/// Why a text is not a mail server. The text is not repeated: it could hold a password.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MailServerError {
    /// Something else in front.
    #[error("it begins with none of smtp://, smtp+starttls:// and smtps://")]
    Scheme,
    /// A user in the address.
    #[error("user and password do not go here: use mail.user and mail.password")]
    User,
    /// No host, or an invalid one.
    #[error("the host name or address is missing or invalid")]
    Host,
    /// No port.
    #[error("the port is not a whole number from 1 to 65535")]
    Port,
}

impl FromStr for MailServer {
    type Err = MailServerError;
    fn from_str(text: &str) -> Result<MailServer, MailServerError> {
        let scheme = |(security, scheme, port)| Some((security, text.strip_prefix(scheme)?, port));
        let (security, rest, usual) = MailSecurity::ALL.into_iter().find_map(scheme).ok_or(MailServerError::Scheme)?;
        if rest.contains('@') {
            return Err(MailServerError::User);
        }
        let rest = rest.trim_end_matches('/');
        // an IPv6 address stands in brackets (RFC 3986 §3.2.2)
        let (host, port) = match rest.strip_prefix('[').map(|rest| rest.split_once(']')) {
            Some(Some((host, port))) => (host, port),
            Some(None) => return Err(MailServerError::Host),
            None => rest.find(':').map_or((rest, ""), |at| rest.split_at(at)),
        };
        let port = match port.strip_prefix(':') {
            None if port.is_empty() => usual,
            Some(digits) => digits.parse().ok().filter(|port| *port > 0).ok_or(MailServerError::Port)?,
            None => return Err(MailServerError::Port),
        };
        let is_name = !host.is_empty() && host.chars().all(|c| c.is_ascii_alphanumeric() || ".-:".contains(c));
        if !is_name {
            return Err(MailServerError::Host);
        }
        Ok(MailServer { security, host: host.to_owned(), port })
    }
}

impl fmt::Display for MailServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mail_server_is_a_scheme_a_host_and_perhaps_a_port() {
        let server = |security, host: &str, port| Ok(MailServer { security, host: host.to_owned(), port });
        for (text, expected) in [
            ("smtp://127.0.0.1:25", server(MailSecurity::Plain, "127.0.0.1", 25)),
            ("smtp://localhost", server(MailSecurity::Plain, "localhost", 25)),
            ("smtp://[::1]:2525/", server(MailSecurity::Plain, "::1", 2525)),
            ("smtp+starttls://mail.example.jp", server(MailSecurity::StartTls, "mail.example.jp", 587)),
            ("smtps://mail.example.jp:4650", server(MailSecurity::Tls, "mail.example.jp", 4650)),
            ("mail.example.jp", Err(MailServerError::Scheme)),
            ("smtp://u:p@mail.example.jp", Err(MailServerError::User)),
            ("smtp://", Err(MailServerError::Host)),
            ("smtp://a b", Err(MailServerError::Host)),
            ("smtp://[::1", Err(MailServerError::Host)),
            ("smtp://a:0", Err(MailServerError::Port)),
            ("smtp://a:x", Err(MailServerError::Port)),
        ] {
            assert_eq!(text.parse(), expected, "{text}");
        }
    }

    #[test]
    fn a_password_goes_over_tls_or_stays_on_this_machine() {
        let keeps = |text: &str| text.parse::<MailServer>().map(|server| server.keeps_secrets());
        assert_eq!(keeps("smtp://127.0.0.1"), Ok(true));
        assert_eq!(keeps("smtp://[::1]"), Ok(true));
        assert_eq!(keeps("smtps://mail.example.jp"), Ok(true));
        assert_eq!(keeps("smtp+starttls://mail.example.jp"), Ok(true));
        assert_eq!(keeps("smtp://mail.example.jp"), Ok(false));
    }
}
