//! The conversation with a mail server (RFC 5321), and whether a refusal is about the mail or the server.

use std::fmt;
use std::time::Duration;

use lettre::transport::smtp;
use lettre::transport::smtp::authentication::DEFAULT_MECHANISMS;
use lettre::transport::smtp::client::{SmtpConnection, TlsParameters};
use lettre::transport::smtp::commands::{Data, Mail, Rcpt};
use lettre::transport::smtp::extension::ClientId;

use super::letter::Letter;
use crate::mail_server::{MailSecurity, MailServer};
use crate::secret::Secret;

/// How long a mail server may be silent by default.
pub const SILENCE: Duration = Duration::from_secs(20);

/// A mail server, and how it is talked to.
#[derive(Clone, Debug, PartialEq)]
pub struct Server {
    /// Its address and security.
    pub at: MailServer,
    /// The login, when the server requires one.
    pub credentials: Option<Credentials>,
    /// How long it may be silent.
    pub silence: Duration,
}

/// A login.
#[derive(Clone, PartialEq)]
pub struct Credentials {
    /// The name.
    pub user: String,
    /// The password.
    pub password: Secret,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials(•)")
    }
}

/// Why a mail was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The server takes no mail now, or cannot be reached.
    Server(String),
    /// Not this one, for the time being.
    Later(String),
    /// Not this one, ever.
    Never(String),
}

/// A conversation in which everything but the end of the message has been said.
pub struct Offered<'a> {
    server: &'a Server,
    connection: SmtpConnection,
    message: Vec<u8>,
}

impl Offered<'_> {
    /// Sends the message to its end. From here on the mail server may have it, whatever it answers.
    pub fn finish(mut self) -> Result<(), Refusal> {
        self.connection.message(&self.message).map_err(|why| self.server.about_mail(&why))?;
        // it has the mail: what becomes of the connection does not matter
        let _ = self.connection.quit();
        Ok(())
    }

    /// Ends without a mail.
    pub fn break_off(mut self) {
        self.connection.abort();
    }
}

impl Server {
    /// Begins to hand a mail over, up to where the message would follow.
    pub fn offer(&self, letter: &Letter) -> Result<Offered<'_>, Refusal> {
        let (envelope, message) = letter.written().map_err(Refusal::Never)?;
        let mut connection = self.connect().map_err(|why| self.is_down(&why))?;
        // an answer to these is about the server or its configuration, so all mails may wait for it
        connection.command(Mail::new(envelope.from().cloned(), Vec::new())).map_err(|why| self.is_down(&why))?;
        for to in envelope.to() {
            connection.command(Rcpt::new(to.clone(), Vec::new())).map_err(|why| self.about_mail(&why))?;
        }
        connection.command(Data).map_err(|why| self.is_down(&why))?;
        Ok(Offered { server: self, connection, message })
    }

    fn connect(&self) -> Result<SmtpConnection, smtp::Error> {
        let hello = ClientId::default();
        let tls = match self.at.security {
            MailSecurity::Plain => None,
            MailSecurity::StartTls | MailSecurity::Tls => Some(TlsParameters::new_rustls(self.at.host.clone())?),
        };
        let wrapped = tls.as_ref().filter(|_| self.at.security == MailSecurity::Tls);
        let address = (self.at.host.as_str(), self.at.port);
        let mut connection = SmtpConnection::connect(address, Some(self.silence), &hello, wrapped, None)?;
        if let (MailSecurity::StartTls, Some(tls)) = (self.at.security, &tls) {
            connection.starttls(tls, &hello)?;
        }
        if let Some(Credentials { user, password }) = &self.credentials {
            let credentials = smtp::authentication::Credentials::new(user.clone(), password.expose().to_owned());
            connection.auth(DEFAULT_MECHANISMS, &credentials)?;
        }
        Ok(connection)
    }

    fn is_down(&self, why: &smtp::Error) -> Refusal {
        Refusal::Server(format!("{}:{}: {}", self.at.host, self.at.port, explained(why)))
    }

    fn about_mail(&self, why: &smtp::Error) -> Refusal {
        // 421: it closes the connection, whatever was asked (RFC 5321 §3.8)
        let is_closing = why.status().is_some_and(|code| code.to_string() == "421");
        match why {
            why if why.is_permanent() => Refusal::Never(explained(why)),
            why if why.is_transient() && !is_closing => Refusal::Later(explained(why)),
            why => self.is_down(why),
        }
    }
}

/// The error with what is behind it.
fn explained(error: &smtp::Error) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        if !text.contains(&cause.to_string()) {
            text = format!("{text}: {cause}");
        }
        source = cause.source();
    }
    text
}
