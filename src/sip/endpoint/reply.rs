//! Responses as the endpoint words them: a status, and the header fields that must go with it.

use std::time::Duration;

use super::{Config, Rejection};
use crate::sip::message::{Headers, Method, Request, Response};

/// The methods that we take in a call, for Allow.
pub(super) const ALLOW: &str = "INVITE, ACK, BYE, CANCEL, OPTIONS, INFO, UPDATE, PRACK";
/// The extensions that we know, for Supported.
pub(super) const SUPPORTED: &str = "timer, 100rel";
/// The extension that bounds sessions in time (RFC 4028).
pub(super) const TIMER: &str = "timer";
/// The extension that makes provisional responses other than 100 reliable (RFC 3262).
pub(super) const RELIABLE_PROVISIONALS: &str = "100rel";
/// The bodies of INVITE and UPDATE that we take; also as a part of a multipart one.
pub(super) const ACCEPT_SESSION: &str = "application/sdp";
/// The bodies of INFO that we take.
pub(super) const ACCEPT_KEYS: &str = "application/dtmf-relay, application/dtmf";

/// A response to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Reply {
    pub status: u16,
    pub reason: Option<String>,
    /// Why, for the operator; not sent.
    pub because: Option<String>,
    headers: Vec<(&'static str, String)>,
    body: Option<String>,
}

impl Reply {
    pub(super) fn new(status: u16) -> Reply {
        Reply { status, reason: None, because: None, headers: Vec::new(), body: None }
    }

    pub(super) fn with(mut self, name: &'static str, value: impl Into<String>) -> Reply {
        self.headers.push((name, value.into()));
        self
    }

    pub(super) fn phrased(mut self, reason: impl Into<String>) -> Reply {
        self.reason = Some(reason.into());
        self
    }

    pub(super) fn because(mut self, why: impl Into<String>) -> Reply {
        self.because = Some(why.into());
        self
    }

    /// The value of a header field that goes with it.
    pub(super) fn value(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(other, _)| *other == name).map(|(_, value)| value.as_str())
    }

    pub(super) fn describing(mut self, sdp: String) -> Reply {
        self.body = Some(sdp);
        self
    }

    /// Without the header fields that it can do without.
    pub(super) fn bare(mut self) -> Reply {
        self.headers.retain(|(name, _)| ["WWW-Authenticate", "Retry-After", "Unsupported"].contains(name));
        self.reason = (self.status == 481).then(|| "No Such Call".to_owned());
        self
    }

    /// 503: try again later.
    pub(super) fn busy(retry_after: Duration) -> Reply {
        Reply::new(503).with("Retry-After", retry_after.as_secs().max(1).to_string())
    }

    /// 405 outside of dialogs, with Allow (§8.2.1).
    pub(super) fn method_not_allowed(config: &Config) -> Reply {
        Reply::new(405).with("Allow", allow(config))
    }

    /// 415, with Accept (§8.2.3).
    pub(super) fn unsupported_media(accept: &'static str) -> Reply {
        Reply::new(415).with("Accept", accept).with("Accept-Encoding", "identity")
    }

    /// The answer to OPTIONS (§11.2).
    pub(super) fn capabilities(config: &Config) -> Reply {
        Reply::new(200)
            .with("Allow", allow(config))
            .with("Accept", format!("{ACCEPT_SESSION}, {ACCEPT_KEYS}"))
            .with("Accept-Encoding", "identity")
            .with("Accept-Language", "ja")
            .with("Supported", SUPPORTED)
    }

    /// The application's refusal.
    pub(super) fn refusing(rejection: &Rejection) -> Reply {
        let status = if (300..700).contains(&rejection.status) { rejection.status } else { 500 };
        let mut reply = Reply::new(status);
        reply.reason.clone_from(&rejection.reason);
        if let Some(retry_after) = rejection.retry_after {
            reply = reply.with("Retry-After", retry_after.as_secs().to_string());
        }
        if let Some(reason) = &rejection.reason_header {
            reply = reply.with("Reason", reason.clone());
        }
        reply
    }

    /// The response to the request with these header fields, whose topmost Via is stamped. `tag` goes into To if there
    /// is none yet; 100 carries none (§8.2.6.2). Without a `config` it does not say which program we are.
    pub(super) fn to(self, config: Option<&Config>, request: &Headers, tag: &str) -> Response {
        let mut response = Response::to(request, self.status);
        if let Some(reason) = self.reason {
            response.reason = reason.replace(['\r', '\n'], " ");
        }
        if self.status > 100 {
            add_tag(&mut response.headers, tag);
        } else if let Some(timestamp) = request.first("Timestamp") {
            response.headers.push("Timestamp", timestamp);
        }
        if let Some(config) = config.filter(|config| !config.user_agent.is_empty()) {
            response.headers.push("Server", config.user_agent.clone());
        }
        self.headers.into_iter().for_each(|(name, value)| response.headers.push(name, value));
        if let Some(sdp) = self.body {
            response.headers.push("Content-Type", ACCEPT_SESSION);
            response.body = sdp.into_bytes();
        }
        response
    }
}

/// The methods that we take, REGISTER too where there is a registrar.
fn allow(config: &Config) -> String {
    if config.registrar.is_some() { format!("{ALLOW}, REGISTER") } else { ALLOW.to_owned() }
}

/// Appends the tag to To as it was written, since old peers compare To as text.
fn add_tag(headers: &mut Headers, tag: &str) {
    let untagged = headers.to().is_ok_and(|to| to.tag().is_none());
    if let Some(text) = headers.first("To").filter(|_| untagged) {
        let tagged = format!("{text};tag={tag}");
        headers.set("To", tagged);
    }
}

/// Refuses option tags in Require that we do not know (§8.2.2.3).
pub(super) fn check_required(request: &Request) -> Result<(), Reply> {
    let mut unknown = request.headers.option_tags("Require");
    unknown.retain(|tag| tag != TIMER && tag != RELIABLE_PROVISIONALS);
    if unknown.is_empty() || matches!(request.method, Method::Ack | Method::Cancel) {
        return Ok(());
    }
    Err(Reply::new(420).with("Unsupported", unknown.join(", ")))
}
