//! Bodies: the session description in a request, and whether its sender takes ours (RFC 3261 §7.4, §8.2.3; RFC 5621).

use super::reply::{ACCEPT_SESSION, Reply};
use crate::sip::message::{Headers, Request};

/// The depth to which a description is looked for: a gateway puts alternatives beside ISUP, and none is known to go deeper.
const NESTED: u8 = 2;

/// The session description of a request: `None` when there is no body, or one that may be ignored (§20.11).
pub(super) fn session_of(request: &Request) -> Result<Option<Vec<u8>>, Reply> {
    if request.body.is_empty() {
        return Ok(None);
    }
    if is_plain(&request.headers) {
        let content_type = request.headers.content_type().unwrap_or_default();
        if content_type == ACCEPT_SESSION {
            return Ok(Some(request.body.clone()));
        }
        if content_type.starts_with("multipart/")
            && let Some(session) = request
                .headers
                .first("Content-Type")
                .and_then(|content_type| session_among_parts(content_type, &request.body, NESTED))
        {
            return Ok(Some(session));
        }
    }
    let disposition = request.headers.first("Content-Disposition").unwrap_or_default().to_ascii_lowercase();
    let mut params = disposition.split(';').map(|param| param.split_whitespace().collect::<String>());
    if params.any(|param| param == "handling=optional") {
        return Ok(None);
    }
    Err(Reply::unsupported_media(ACCEPT_SESSION))
}

fn is_plain(headers: &Headers) -> bool {
    headers.list("Content-Encoding").iter().all(|coding| coding.eq_ignore_ascii_case("identity"))
}

/// The first part of a multipart body that is a session description (RFC 2046 §5.1), or has one among its own parts, `nested` levels
/// down (RFC 5621 §3.1).
fn session_among_parts(content_type: &str, body: &[u8], nested: u8) -> Option<Vec<u8>> {
    let boundary = content_type.split(';').skip(1).find_map(|param| {
        let (name, value) = param.split_once('=')?;
        name.trim().eq_ignore_ascii_case("boundary").then(|| value.trim().trim_matches('"'))
    })?;
    let delimiter = format!("--{boundary}");
    let mut rest = body.get(find(body, delimiter.as_bytes())? + delimiter.len()..)?;
    let delimiter = format!("\r\n{delimiter}");
    while let Some(end) = find(rest, delimiter.as_bytes()) {
        let (part, after) = rest.split_at_checked(end)?;
        if let Some(session) = session_in(part, nested) {
            return Some(session);
        }
        rest = after.get(delimiter.len()..)?;
    }
    None
}

/// The session description that a part declares or holds. The bytes before its header are the rest of a delimiter line.
fn session_in(part: &[u8], nested: u8) -> Option<Vec<u8>> {
    let end = find(part, b"\r\n\r\n")?;
    let (header, content) = part.split_at_checked(end)?;
    let (header, content) = (std::str::from_utf8(header).ok()?, content.get(4..)?);
    let mut fields = header.lines().filter_map(|line| line.split_once(':'));
    let (_, content_type) = fields.find(|(name, _)| name.trim().eq_ignore_ascii_case("Content-Type"))?;
    let essence = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    match nested.checked_sub(1) {
        _ if essence == ACCEPT_SESSION => Some(content.to_vec()),
        Some(nested) if essence.starts_with("multipart/") => session_among_parts(content_type, content, nested),
        Some(_) | None => None,
    }
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len().max(1)).position(|window| window == wanted)
}

/// The sender of an INVITE must accept the type of our session description (§20.1, RFC 4475 §3.3.15).
pub(super) fn check_accept(request: &Request) -> Result<(), Reply> {
    let takes = |range: &String| {
        let range = range.split(';').next().unwrap_or_default().trim();
        ["*/*", "application/*", ACCEPT_SESSION].iter().any(|taken| range.eq_ignore_ascii_case(taken))
    };
    let any = !request.headers.contains("Accept") || request.headers.list("Accept").iter().any(takes);
    if any { Ok(()) } else { Err(Reply::new(406)) }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::sip::message::Method;

    fn with_parts(content_type: &str, body: &str) -> Result<Option<Vec<u8>>, Reply> {
        let mut request = Request::new(Method::Invite, "sip:a@b".parse().unwrap());
        request.headers.push("Content-Type", content_type);
        request.body = body.as_bytes().to_vec();
        session_of(&request)
    }

    #[test]
    fn a_session_description_is_found_among_parts() {
        let body = "preamble\r\n--sep\r\nContent-Type: application/isup;version=x\r\n\r\n\u{1}\r\n\
                    --sep  \r\nContent-Disposition: session\r\ncontent-type: Application/SDP\r\n\r\nv=0\r\no=x\r\n\r\n--sep--\r\n";
        let session = Ok(Some(b"v=0\r\no=x\r\n".to_vec()));
        assert_eq!(with_parts("multipart/mixed;boundary=sep", body), session);
        assert_eq!(with_parts("Multipart/Mixed ; charset=x; Boundary=\"sep\"", body), session);
    }

    #[test]
    fn a_session_description_is_found_among_the_parts_of_a_part() {
        let alternatives = "--in\r\nContent-Type: text/plain\r\n\r\nx\r\n--in\r\nContent-Type: application/sdp\r\n\r\nv=0\r\n\r\n--in--\r\n";
        let part = format!("Content-Type: multipart/alternative; boundary=\"in\"\r\n\r\n{alternatives}");
        let body = format!("--out\r\n{part}\r\n--out\r\nContent-Type: application/isup\r\n\r\n\u{1}\r\n--out--\r\n");
        assert_eq!(with_parts("multipart/mixed;boundary=out", &body), Ok(Some(b"v=0\r\n".to_vec())));
        let wrap = |body: String, n: usize| {
            format!("--o{n}\r\nContent-Type: multipart/mixed;boundary=o{}\r\n\r\n{body}\r\n--o{n}--", n - 1)
        };
        let deep = (1..=1000).fold("--o0\r\nContent-Type: application/sdp\r\n\r\nv=0\r\n\r\n--o0--".to_owned(), wrap);
        let refused = with_parts("multipart/mixed;boundary=o1000", &deep).map_err(|reply| reply.status);
        assert_eq!(refused, Err(415), "the search has an end");
    }

    #[test]
    fn parts_without_one_are_refused() {
        for (content_type, body) in [
            ("multipart/mixed;boundary=sep", "--sep\r\nContent-Type: text/plain\r\n\r\nx\r\n--sep--"),
            ("multipart/mixed;boundary=sep", "--sep\r\nContent-Type: application/sdp\r\n\r\nv=0"),
            ("multipart/mixed;boundary=sep", "--se"),
            ("multipart/mixed;boundary=", "----\r\n\r\n--"),
            ("multipart/mixed", "--\r\nContent-Type: application/sdp\r\n\r\nv=0\r\n--"),
            ("multipart/mixed;boundary=sep", "--sep\r\n--sep--"),
        ] {
            assert_eq!(with_parts(content_type, body).map_err(|reply| reply.status), Err(415), "{body:?}");
        }
    }
}
