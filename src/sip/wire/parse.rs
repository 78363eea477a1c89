//! Bytes → message: the start line, the fields that every message must have, the body.

use super::error::{ParseError, Reject};
use super::fault::{Fault, FieldError};
use super::field::NameAddr;
use super::uri::{Scheme, Uri};
use super::{MAX_MESSAGE, head, lex};
use crate::sip::message::{Headers, Message, Method, Request, Response};

/// Reads one message: a datagram, or what a [`Framer`](super::Framer) cut out of a stream.
///
/// Bytes behind the body are ignored, and so are line breaks before the start line (RFC 3261 §18.3, §7.5). A message
/// that is returned has a readable Via, From, To, Call-ID, CSeq, Contact, Route and Record-Route wherever it has one,
/// and From, To, Call-ID and CSeq exactly once.
pub fn parse(bytes: &[u8]) -> Result<Message, ParseError> {
    let breaks = bytes.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
    let bytes = bytes.get(breaks..).unwrap_or_default();
    let end = head::end(bytes, 0);
    let (head, rest) = bytes.split_at_checked(end.unwrap_or(bytes.len())).unwrap_or((bytes, &[]));
    let mut lines = head::lines(head).into_iter();
    let start_line = lines.next().unwrap_or_default();
    let (headers, bad_line) = collect(lines);
    let whole = match (end, bad_line) {
        _ if bytes.len() > MAX_MESSAGE => Err(Fault::TooLarge),
        (None, _) => Err(Fault::Unterminated),
        (Some(_), true) => Err(Fault::HeaderLine),
        (Some(_), false) => Ok(()),
    };
    match start_line.get(..4) {
        Some(protocol) if protocol.eq_ignore_ascii_case("SIP/") => {
            whole.and_then(|()| response(&start_line, headers, rest)).map(Message::Response).map_err(ParseError::Drop)
        }
        _ => request(&start_line, headers, rest, whole).map(Message::Request),
    }
}

/// All header lines that can be read, and whether there is one that cannot.
fn collect(lines: impl Iterator<Item = String>) -> (Headers, bool) {
    let mut headers = Headers::default();
    let mut bad_line = false;
    for line in lines {
        match head::field(&line) {
            Some((name, value)) => headers.push(name, value),
            None => bad_line = true,
        }
    }
    (headers, bad_line)
}

fn request(
    start_line: &str,
    mut headers: Headers,
    rest: &[u8],
    whole: Result<(), Fault>,
) -> Result<Request, ParseError> {
    let (method, uri) = match request_line(start_line) {
        Ok((method, uri)) => (method, Ok(uri)),
        Err(fault) => match method_of(start_line) {
            Some(method) => (method, Err(fault)),
            None => return Err(ParseError::Drop(fault)),
        },
    };
    let checked = uri.and_then(|uri| {
        whole?;
        let uri = request_uri(uri)?;
        check_fields(&headers)?;
        if headers.cseq()?.method != method {
            return Err(Fault::CSeqMethod);
        }
        Ok((uri, body(&headers, rest)?))
    });
    match checked {
        Ok((uri, body)) => {
            headers.remove("Content-Length");
            Ok(Request { method, uri, headers, body: body.to_vec() })
        }
        // an ACK is never answered (RFC 3261 §17), and without a Via this need not be SIP
        Err(fault) if method == Method::Ack || !headers.contains("Via") => Err(ParseError::Drop(fault)),
        Err(fault) => Err(ParseError::Reject(Box::new(Reject { status: status(fault), fault, method, headers }))),
    }
}

/// `Method SP Request-URI SP SIP-Version`, with exactly one space between them.
fn request_line(line: &str) -> Result<(Method, &str), Fault> {
    let mut parts = line.split(' ');
    let (Some(method), Some(uri), Some(version), None) = (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(Fault::StartLine);
    };
    if !lex::is_token(method) || uri.is_empty() || !is_version(version) {
        return Err(Fault::StartLine);
    }
    match version.eq_ignore_ascii_case("SIP/2.0") {
        true => Ok((Method::parse(method), uri)),
        false => Err(Fault::Version),
    }
}

/// The method of a malformed request line.
fn method_of(line: &str) -> Option<Method> {
    let method = line.split([' ', '\t']).next()?;
    let last = line.split_whitespace().next_back()?;
    (lex::is_token(method) && is_version(last)).then(|| Method::parse(method))
}

/// `SIP/1*DIGIT.1*DIGIT`
fn is_version(text: &str) -> bool {
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let numbers = text.get(4..).and_then(|numbers| numbers.split_once('.'));
    text.get(..4).is_some_and(|name| name.eq_ignore_ascii_case("SIP/"))
        && numbers.is_some_and(|(major, minor)| digits(major) && digits(minor))
}

fn request_uri(text: &str) -> Result<Uri, Fault> {
    let uri: Uri = text.parse().map_err(|_: FieldError| Fault::RequestUri)?;
    match uri.scheme {
        Scheme::Other(_) => Err(Fault::Scheme),
        // header fields make no sense in a Request-URI (RFC 3261 §19.1.1)
        Scheme::Sip | Scheme::Sips | Scheme::Tel if uri.headers.is_empty() => Ok(uri),
        Scheme::Sip | Scheme::Sips | Scheme::Tel => Err(Fault::RequestUri),
    }
}

fn response(start_line: &str, mut headers: Headers, rest: &[u8]) -> Result<Response, Fault> {
    let (version, line) = start_line.split_once(' ').ok_or(Fault::StartLine)?;
    if !version.eq_ignore_ascii_case("SIP/2.0") {
        return Err(Fault::Version);
    }
    let (code, reason) = line.split_once(' ').unwrap_or((line, ""));
    let status = lex::number(code).filter(|status| code.len() == 3 && (100..700).contains(status));
    // a CR in the reason phrase is no line's end, and would be one for others
    let status = status.filter(|_| !reason.contains('\r')).ok_or(Fault::StartLine)?;
    check_fields(&headers)?;
    let body = body(&headers, rest)?.to_vec();
    headers.remove("Content-Length");
    Ok(Response { status, reason: reason.to_owned(), headers, body })
}

/// What RFC 3261 §8.1.1 demands, as far as it must be understood to go on; Max-Forwards may be missing, as it was in
/// RFC 2543.
fn check_fields(headers: &Headers) -> Result<(), FieldError> {
    for name in ["From", "To", "Call-ID", "CSeq", "Max-Forwards", "Content-Type"] {
        if headers.all(name).nth(1).is_some() {
            return Err(FieldError::Repeated(name));
        }
    }
    headers.top_via()?;
    headers.vias()?;
    headers.from()?;
    headers.to()?;
    headers.call_id()?;
    headers.cseq()?;
    headers.routes("Route")?;
    headers.routes("Record-Route")?;
    check_contacts(headers)
}

/// `*` or addresses; none of them may be empty, which [`Headers::list`] would hide.
fn check_contacts(headers: &Headers) -> Result<(), FieldError> {
    let mut values = headers.all("Contact").flat_map(|value| lex::split(value, ','));
    match values.all(|value| value == "*" || NameAddr::parse(value).is_some()) {
        true => Ok(()),
        false => Err(FieldError::Malformed("Contact")),
    }
}

/// As many bytes as Content-Length says, all of them when it is silent.
fn body<'a>(headers: &Headers, rest: &'a [u8]) -> Result<&'a [u8], Fault> {
    match head::content_length(headers.all("Content-Length"))? {
        Some(length) => rest.get(..length).ok_or(Fault::ShortBody),
        None => Ok(rest),
    }
}

fn status(fault: Fault) -> u16 {
    match fault {
        Fault::Version => 505,
        Fault::Scheme => 416,
        Fault::TooLarge => 513,
        Fault::StartLine
        | Fault::RequestUri
        | Fault::HeaderLine
        | Fault::Unterminated
        | Fault::Field(_)
        | Fault::CSeqMethod
        | Fault::ShortBody => 400,
    }
}

#[cfg(test)]
mod tests;
