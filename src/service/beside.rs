//! From the configuration to what runs beside calls and site: the local API, and the sender of mails.

use rand::RngExt;

use super::error::StartError;
use super::stores::open_store;
use crate::account::Mode;
use crate::api::{self, Api};
use crate::config::Config;
use crate::http;
use crate::mail::{self, Post, Sender};
use crate::net::clock::time_of_day;

/// What connections to the site and to the API may take.
pub(super) fn http_limits(config: &Config) -> http::Limits {
    let limits = &config.limits;
    http::Limits {
        connections: limits.http_connections as usize,
        connections_per_peer: limits.http_connections_per_peer as usize,
        header_timeout: limits.http_header_timeout,
        body_timeout: limits.http_body_timeout,
    }
}

/// The API, where a token is configured.
pub(super) fn start_api(config: &Config) -> Result<Option<Api>, StartError> {
    let Some(token) = &config.api.token else { return Ok(None) };
    let options = api::Options {
        listen: config.api.listen,
        token: token.clone(),
        limits: http_limits(config),
        store: Box::new(open_store(config, Mode::Existing)?),
        clock: Box::new(time_of_day),
        ids: Box::new(|| rand::rng().random()),
    };
    let address = config.api.listen;
    api::start(options).map(Some).map_err(|why| StartError::Api { address, why })
}

/// The sender, where a mail server is configured. `site` is the address of the settings site, where none is configured.
pub(super) fn start_sender(config: &Config, site: &str) -> Result<Option<Sender>, StartError> {
    let store = open_store(config, Mode::Existing)?;
    let Some(server) = &config.mail.smtp else {
        let waiting = mail::waiting(&store)?;
        if waiting > 0 {
            tracing::warn!(waiting, "mails wait: no mail server is configured (mail.smtp)");
        }
        return Ok(None);
    };
    let credentials = match (&config.mail.user, &config.mail.password) {
        (Some(user), Some(password)) => Some(mail::Credentials { user: user.clone(), password: password.clone() }),
        (Some(_) | None, Some(_) | None) => None,
    };
    let server = mail::Server { at: server.clone(), credentials, silence: mail::SILENCE };
    let post = Post::new(mail::Options {
        name: format!("{}-{:016x}", std::process::id(), rand::rng().random::<u64>()),
        from: config.mail.from.clone(),
        site: config.site.url.clone().unwrap_or_else(|| site.to_owned()),
        token: Box::new(|| rand::rng().random()),
    });
    let spare = Box::new(open_store(config, Mode::Existing)?);
    let started =
        mail::start(post, mail::Ports { server, clock: Box::new(time_of_day), store: Box::new(store), spare });
    started.map(Some).map_err(StartError::Thread)
}
