//! The message model, over rsip's: methods, status codes, header fields. The only file that names rsip.
//!
//! rsip supplies the types and their names; reading and writing bytes is [`wire`](super::wire)'s, because rsip's own
//! parser knows neither compact names nor folding, `tel:` URIs, IPv6 hosts or unknown methods.

use std::fmt;

use rsip::headers::UntypedHeader;

pub use super::wire::fault::FieldError;
pub use super::wire::field::{NameAddr, Via};
pub use super::wire::params::Params;
pub use super::wire::uri::{Scheme, Uri};
use super::wire::{lex, names, write};

/// A request's method. Methods are case-sensitive: `invite` is [`Method::Other`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum Method {
    Invite,
    Ack,
    Bye,
    Cancel,
    Options,
    Info,
    Register,
    Update,
    Prack,
    Message,
    Refer,
    Notify,
    Subscribe,
    Publish,
    Other(String),
}

impl Method {
    /// The method that `token` names.
    pub fn parse(token: &str) -> Method {
        match token.parse::<rsip::Method>() {
            // rsip reads any case
            Ok(method) if token == method.to_string() => Method::of_rsip(method),
            Ok(_) | Err(_) => Method::Other(token.to_owned()),
        }
    }

    fn of_rsip(method: rsip::Method) -> Method {
        match method {
            rsip::Method::Ack => Method::Ack,
            rsip::Method::Bye => Method::Bye,
            rsip::Method::Cancel => Method::Cancel,
            rsip::Method::Info => Method::Info,
            rsip::Method::Invite => Method::Invite,
            rsip::Method::Message => Method::Message,
            rsip::Method::Notify => Method::Notify,
            rsip::Method::Options => Method::Options,
            rsip::Method::PRack => Method::Prack,
            rsip::Method::Publish => Method::Publish,
            rsip::Method::Refer => Method::Refer,
            rsip::Method::Register => Method::Register,
            rsip::Method::Subscribe => Method::Subscribe,
            rsip::Method::Update => Method::Update,
        }
    }

    /// The token on the wire.
    pub fn as_str(&self) -> &str {
        match self {
            Method::Invite => "INVITE",
            Method::Ack => "ACK",
            Method::Bye => "BYE",
            Method::Cancel => "CANCEL",
            Method::Options => "OPTIONS",
            Method::Info => "INFO",
            Method::Register => "REGISTER",
            Method::Update => "UPDATE",
            Method::Prack => "PRACK",
            Method::Message => "MESSAGE",
            Method::Refer => "REFER",
            Method::Notify => "NOTIFY",
            Method::Subscribe => "SUBSCRIBE",
            Method::Publish => "PUBLISH",
            Method::Other(token) => token,
        }
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The value of CSeq.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CSeq {
    /// The sequence number.
    pub number: u32,
    /// The method of the request, or of the request that is answered.
    pub method: Method,
}

impl fmt::Display for CSeq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.number, self.method)
    }
}

/// The value of RAck.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RAck {
    /// The RSeq of the response.
    pub sequence: u32,
    /// The CSeq of the request that the response is to.
    pub cseq: CSeq,
}

impl fmt::Display for RAck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.sequence, self.cseq)
    }
}

/// A SIP/2.0 message.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Message {
    Request(Request),
    Response(Response),
}

/// A request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The method.
    pub method: Method,
    /// The Request-URI.
    pub uri: Uri,
    /// All header fields but Content-Length, which is written from `body`.
    pub headers: Headers,
    /// The body, of any bytes.
    pub body: Vec<u8>,
}

/// A response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// 100 to 699.
    pub status: u16,
    /// The reason phrase.
    pub reason: String,
    /// All header fields but Content-Length, which is written from `body`.
    pub headers: Headers,
    /// The body, of any bytes.
    pub body: Vec<u8>,
}

impl Message {
    /// The header fields of either kind.
    pub fn headers(&self) -> &Headers {
        match self {
            Message::Request(request) => &request.headers,
            Message::Response(response) => &response.headers,
        }
    }

    /// The body of either kind.
    pub fn body(&self) -> &[u8] {
        match self {
            Message::Request(request) => &request.body,
            Message::Response(response) => &response.body,
        }
    }

    /// The bytes to send, with a Content-Length that is right.
    pub fn to_bytes(&self) -> Vec<u8> {
        match self {
            Message::Request(request) => request.to_bytes(),
            Message::Response(response) => response.to_bytes(),
        }
    }
}

impl Request {
    /// A request without header fields and body.
    pub fn new(method: Method, uri: Uri) -> Request {
        Request { method, uri, headers: Headers::default(), body: Vec::new() }
    }

    /// The bytes to send, with a Content-Length that is right.
    pub fn to_bytes(&self) -> Vec<u8> {
        write::message(format_args!("{} {} SIP/2.0", self.method, self.uri), self.headers.iter(), &self.body)
    }
}

impl Response {
    /// An answer to the request with these header fields: Via, From, To, Call-ID and CSeq copied as they are
    /// (RFC 3261 §8.2.6.2), the reason phrase that belongs to `status`. The To tag is the caller's to set.
    pub fn to(request: &Headers, status: u16) -> Response {
        let mut headers = Headers::default();
        for name in ["Via", "From", "To", "Call-ID", "CSeq"] {
            request.all(name).for_each(|value| headers.push(name, value));
        }
        Response { status, reason: reason_phrase(status), headers, body: Vec::new() }
    }

    /// The bytes to send, with a Content-Length that is right.
    pub fn to_bytes(&self) -> Vec<u8> {
        write::message(format_args!("SIP/2.0 {} {}", self.status, self.reason), self.headers.iter(), &self.body)
    }

    /// The same without the body, in as few octets as can be: names in their compact forms.
    pub fn to_compact_bytes(&self) -> Vec<u8> {
        let named = self.headers.iter().map(|(name, value)| (names::compact(name), value));
        write::head(format_args!("SIP/2.0 {} {}", self.status, self.reason), named)
    }
}

/// The reason phrase that goes with `status`.
pub fn reason_phrase(status: u16) -> String {
    match status {
        414 => return "Request-URI Too Long".to_owned(),
        416 => return "Unsupported URI Scheme".to_owned(),
        481 => return "Call/Transaction Does Not Exist".to_owned(),
        504 => return "Server Time-out".to_owned(),
        606 => return "Not Acceptable".to_owned(),
        _ => {}
    }
    // "488 NotAcceptableHere"
    let name = rsip::StatusCode::from(status).to_string();
    let name = name.trim_start_matches(|c: char| c.is_ascii_digit() || c == ' ');
    name.chars().fold(String::new(), |mut phrase, c| {
        if c.is_ascii_uppercase() && phrase.ends_with(|last: char| last.is_ascii_lowercase()) {
            phrase.push(' ');
        }
        phrase.push(c);
        phrase
    })
}

/// Ordered header fields. Names compare without regard to case and compact forms count as their full ones; values are
/// unfolded and trimmed. Typed access is in [`headers`](super::headers).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Headers(rsip::Headers);

impl Headers {
    /// The value of the first field called `name`.
    pub fn first(&self, name: &str) -> Option<&str> {
        self.all(name).next()
    }

    /// The values of all fields called `name`, in order, lists unsplit.
    pub fn all<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a str> {
        let name = names::full(name);
        self.iter().filter(move |(other, _)| other.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// All names and values, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(parts)
    }

    /// Whether there is a field called `name`.
    pub fn contains(&self, name: &str) -> bool {
        self.first(name).is_some()
    }

    /// Adds a field at the end. Line breaks in `value` become spaces.
    pub fn push(&mut self, name: &str, value: impl Into<String>) {
        self.0.push(field(names::full(name), one_line(value.into())));
    }

    /// Adds a field before all others.
    pub fn push_front(&mut self, name: &str, value: impl Into<String>) {
        let mut fields = Vec::from(std::mem::take(&mut self.0));
        fields.insert(0, field(names::full(name), one_line(value.into())));
        self.0 = fields.into();
    }

    /// Gives the first field called `name` the value and takes the others away; adds it at the end if there is none.
    pub fn set(&mut self, name: &str, value: impl Into<String>) {
        let name = names::full(name);
        let mut value = Some(field(name, one_line(value.into())));
        let mut fields = Vec::from(std::mem::take(&mut self.0));
        fields.retain_mut(|header| match parts(header).0.eq_ignore_ascii_case(name) {
            true => value.take().map(|value| *header = value).is_some(),
            false => true,
        });
        fields.extend(value);
        self.0 = fields.into();
    }

    /// Gives the first field called `name` the value; adds it at the end if there is none.
    pub fn set_first(&mut self, name: &str, value: impl Into<String>) {
        let name = names::full(name);
        let value = field(name, one_line(value.into()));
        let mut fields = Vec::from(std::mem::take(&mut self.0));
        match fields.iter_mut().find(|header| parts(header).0.eq_ignore_ascii_case(name)) {
            Some(header) => *header = value,
            None => fields.push(value),
        }
        self.0 = fields.into();
    }

    /// Takes all fields called `name` away.
    pub fn remove(&mut self, name: &str) {
        let name = names::full(name);
        self.0.retain(|header| !parts(header).0.eq_ignore_ascii_case(name));
    }
}

/// A value with line breaks would add header fields of its own.
fn one_line(value: String) -> String {
    match value.contains(['\r', '\n']) {
        true => lex::trim(&value.replace(['\r', '\n'], " ")).to_owned(),
        false => value,
    }
}

/// rsip has a type a header field and no way from name to type that takes our names, so the table is here.
macro_rules! fields {
    ($($variant:ident $name:literal,)*) => {
        fn field(name: &str, value: String) -> rsip::Header {
            $(if name.eq_ignore_ascii_case($name) { return rsip::Header::$variant(value.into()); })*
            rsip::Header::Other(name.to_owned(), value)
        }

        fn parts(header: &rsip::Header) -> (&str, &str) {
            match header {
                $(rsip::Header::$variant(value) => ($name, value.value()),)*
                rsip::Header::Other(name, value) => (name, value),
            }
        }
    };
}

fields! {
    Via "Via",
    From "From",
    To "To",
    CallId "Call-ID",
    CSeq "CSeq",
    MaxForwards "Max-Forwards",
    Contact "Contact",
    RecordRoute "Record-Route",
    Route "Route",
    Allow "Allow",
    Supported "Supported",
    Require "Require",
    UserAgent "User-Agent",
    ContentType "Content-Type",
    ContentLength "Content-Length",
    Accept "Accept",
    AcceptEncoding "Accept-Encoding",
    AcceptLanguage "Accept-Language",
    AlertInfo "Alert-Info",
    AuthenticationInfo "Authentication-Info",
    Authorization "Authorization",
    CallInfo "Call-Info",
    ContentDisposition "Content-Disposition",
    ContentEncoding "Content-Encoding",
    ContentLanguage "Content-Language",
    Date "Date",
    ErrorInfo "Error-Info",
    Event "Event",
    Expires "Expires",
    InReplyTo "In-Reply-To",
    MimeVersion "MIME-Version",
    MinExpires "Min-Expires",
    Organization "Organization",
    Priority "Priority",
    ProxyAuthenticate "Proxy-Authenticate",
    ProxyAuthorization "Proxy-Authorization",
    ProxyRequire "Proxy-Require",
    ReplyTo "Reply-To",
    RetryAfter "Retry-After",
    Server "Server",
    Subject "Subject",
    SubscriptionState "Subscription-State",
    Timestamp "Timestamp",
    Unsupported "Unsupported",
    Warning "Warning",
    WwwAuthenticate "WWW-Authenticate",
}

#[cfg(test)]
mod tests;

/// rsip's own parser as a second opinion on what we write.
#[cfg(test)]
mod oracle {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const FIELDS: [(&str, &str); 7] = [
        ("Via", "SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK74bf9;rport"),
        ("Max-Forwards", "70"),
        ("From", "\"Alice, A\" <sip:alice@example.com>;tag=9fxced76sl"),
        ("To", "<sip:0664806430@example.com>"),
        ("Call-ID", "3848276298220188511@example.com"),
        ("CSeq", "1 INVITE"),
        ("P-Asserted-Identity", "<tel:0701234567>"),
    ];

    #[test]
    fn rsip_reads_the_requests_we_write() {
        let mut request = Request::new(Method::Invite, Uri::sip(Some("0664806430"), "192.0.2.2", Some(5070)));
        FIELDS.iter().for_each(|(name, value)| request.headers.push(name, *value));
        request.body = b"v=0\r\n".to_vec();
        let read = rsip::Request::try_from(request.to_bytes()).unwrap();
        assert_eq!(read.method, rsip::Method::Invite);
        assert_eq!(read.uri.to_string(), request.uri.to_string());
        assert_eq!(read.body, request.body);
        let mut expected = request.headers.0;
        expected.push(rsip::Header::ContentLength("5".into()));
        assert_eq!(read.headers, expected);
    }

    #[test]
    fn rsip_reads_the_responses_we_write() {
        let mut request = Headers::default();
        FIELDS.iter().for_each(|(name, value)| request.push(name, *value));
        for status in [100, 200, 403, 433, 481, 503] {
            let response = Response::to(&request, status);
            let read = rsip::Response::try_from(response.to_bytes()).unwrap();
            assert_eq!(read.status_code, rsip::StatusCode::from(status));
            let via = read.headers.iter().map(parts).find(|(name, _)| *name == "Via");
            assert_eq!(via, Some(FIELDS[0]));
        }
    }
}
