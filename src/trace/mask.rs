//! What no trace may tell: keys, spoken digits, and whatever opens or proves something.
//!
//! Everything is masked in place and keeps its length, so that Content-Length, RTP's timing and the capture stay true. What is
//! kept is named here; what is not known is masked.

/// What stands in the place of a masked character.
pub const MASK: u8 = b'x';
/// What stands in the place of a telephone event's number: no event has it (RFC 4733 §7).
pub const MASKED_EVENT: u8 = 0xFF;

/// The parameters of credentials that are kept; a response, or anything that one could be computed from, is not.
const CREDENTIAL_PARAMETERS: [&str; 8] = ["username", "realm", "uri", "algorithm", "qop", "nc", "opaque", "nonce"];
/// The types of lines of a session description; the attributes among them that hold keys are masked.
const SDP_LINES: &[u8] = b"vosiuepcbtrzam";
const SECRET_ATTRIBUTES: [&str; 4] = ["crypto", "key-mgmt", "ice-pwd", "3ge2ae"];
/// The parts of a key's report by INFO that tell nothing of the key.
const INFO_NAMES: [&str; 2] = ["signal", "duration"];

/// Masks a whole SIP message: credentials, passwords and post-dialled digits in URIs, every body but session descriptions,
/// and the keys in those.
pub fn sip(message: &mut [u8]) {
    let end = head_end(message);
    let (head, body) = message.split_at_mut(end);
    let is_info = starts_with(head.trim_ascii_start(), b"INFO ");
    let mut kind = Body::Other;
    for line in logical_lines(head) {
        let Some(line) = head.get_mut(line) else { continue };
        uris(line);
        let Some(colon) = line.iter().position(|&byte| byte == b':') else { continue };
        let (name, value) = line.split_at_mut(colon + 1);
        match name.trim_ascii_end().strip_suffix(b":").unwrap_or(name).trim_ascii().to_ascii_lowercase().as_slice() {
            b"authorization" | b"proxy-authorization" | b"authentication-info" | b"proxy-authentication-info" => {
                credentials(value);
            }
            b"content-type" | b"c" => kind = Body::of(value),
            _ => {}
        }
    }
    if is_info {
        kind = Body::Keys;
    }
    kind.mask(body);
}

/// Masks a datagram that came to, or leaves, an RTP or RTCP port: audio becomes silence, events lose their number. RTCP holds
/// neither and stays; what is neither RTP nor RTCP becomes zeros.
pub fn rtp(datagram: &mut [u8]) {
    match datagram {
        // RFC 5761 §4
        [first, 200..=207, ..] if *first >> 6 == 2 => {}
        [first, second, ..] if *first >> 6 == 2 => {
            let header = 12 + usize::from(*first & 0x0F) * 4;
            let payload_type = *second & 0x7F;
            // neither padding, whose last byte counts it, nor an extension, which may tell levels, is told apart from audio
            *first &= !0x30;
            let Some(payload) = datagram.get_mut(header..) else { return datagram.fill(0) };
            match payload {
                [event, _, _, _] if payload_type >= 96 => *event = MASKED_EVENT,
                audio => audio.fill(if payload_type == 8 { 0xD5 } else { 0xFF }),
            }
        }
        other => other.fill(0),
    }
}

enum Body {
    Sdp,
    Multipart,
    Keys,
    Other,
}

impl Body {
    fn of(content_type: &[u8]) -> Body {
        let essence = content_type.split(|&byte| byte == b';').next().unwrap_or_default().trim_ascii();
        if essence.eq_ignore_ascii_case(b"application/sdp") {
            Body::Sdp
        } else if starts_with(essence, b"multipart/") {
            Body::Multipart
        } else {
            Body::Other
        }
    }

    fn mask(&self, body: &mut [u8]) {
        for line in lines(body) {
            let Some(line) = body.get_mut(line) else { continue };
            match self {
                Body::Sdp => sdp_line(line),
                Body::Multipart if line.starts_with(b"--") || starts_with(line, b"content-") => {}
                Body::Multipart => sdp_line(line),
                Body::Keys => info_line(line),
                Body::Other => fill(line),
            }
        }
    }
}

fn sdp_line(line: &mut [u8]) {
    match line {
        [b'a', b'=', attribute @ ..] => {
            let name = attribute.split(|&byte| byte == b':').next().unwrap_or_default().trim_ascii();
            if SECRET_ATTRIBUTES.iter().any(|secret| name.eq_ignore_ascii_case(secret.as_bytes())) {
                let shown = name.len() + 1;
                secret_attribute(attribute.get_mut(shown..).unwrap_or_default());
            }
        }
        [kind, b'=', ..] if SDP_LINES.contains(kind) => {}
        _ => fill(line),
    }
}

/// `1 AES_CM_128_HMAC_SHA1_80 inline:KEY|2^20` (RFC 4568 §9.1): the tag and the suite may be seen, no more.
fn secret_attribute(value: &mut [u8]) {
    let at = value.windows(7).position(|window| window.eq_ignore_ascii_case(b"inline:"));
    fill(value.get_mut(at.map_or(0, |at| at + 7)..).unwrap_or_default());
}

fn info_line(line: &mut [u8]) {
    let known = line.iter().position(|&byte| byte == b'=').filter(|&at| {
        let name = line.get(..at).unwrap_or_default().trim_ascii();
        INFO_NAMES.iter().any(|known| name.eq_ignore_ascii_case(known.as_bytes()))
    });
    fill(line.get_mut(known.map_or(0, |at| at + 1)..).unwrap_or_default());
}

/// Masks the parameters of credentials, apart from those that are known to tell nothing.
fn credentials(value: &mut [u8]) {
    let scheme = value.len() - value.trim_ascii_start().len();
    let word = value.get(scheme..).unwrap_or_default().iter().take_while(|byte| byte.is_ascii_alphanumeric()).count();
    let rest_at = match value.get(scheme + word) {
        // `Digest username=…`; without a scheme (Authentication-Info) the parameters begin at once
        Some(b' ' | b'\t') => scheme + word,
        _ => 0,
    };
    if rest_at > 0 && !value.get(scheme..).is_some_and(|value| starts_with(value, b"digest")) {
        return fill(value.get_mut(rest_at..).unwrap_or_default());
    }
    let rest = value.get_mut(rest_at..).unwrap_or_default();
    let mut from = 0;
    while from < rest.len() {
        let part = rest.get_mut(from..).unwrap_or_default();
        let end = unquoted(part, b',').unwrap_or(part.len());
        if let Some(parameter) = part.get_mut(..end) {
            let equals = parameter.iter().position(|&byte| byte == b'=');
            let name = parameter.get(..equals.unwrap_or(0)).unwrap_or_default().trim_ascii();
            let known = CREDENTIAL_PARAMETERS.iter().any(|known| name.eq_ignore_ascii_case(known.as_bytes()));
            match equals {
                Some(equals) if !known => fill_between_quotes(parameter.get_mut(equals + 1..).unwrap_or_default()),
                Some(_) => {}
                None => fill(parameter),
            }
        }
        from += end + 1;
    }
}

/// Masks `password` in `sip:user:password@host`, and the digits in `;postd=…` (RFC 2806), wherever they stand in a line.
fn uris(line: &mut [u8]) {
    let end_of_uri = |byte: &u8| matches!(byte, b'>' | b'"' | b' ' | b'\t' | b'\r' | b',');
    for scheme in [&b"sip:"[..], b"sips:"] {
        let mut from = 0;
        while let Some(at) = find(line, scheme, from) {
            from = at + scheme.len();
            let rest = line.get_mut(from..).unwrap_or_default();
            let length = rest.iter().position(end_of_uri).unwrap_or(rest.len());
            let user = rest.get_mut(..length).unwrap_or_default();
            let host = user.iter().position(|&byte| byte == b'@').unwrap_or(0);
            let user = user.get_mut(..host).unwrap_or_default();
            if let Some(colon) = user.iter().position(|&byte| byte == b':') {
                fill(user.get_mut(colon + 1..).unwrap_or_default());
            }
        }
    }
    let mut from = 0;
    while let Some(at) = find(line, b"postd=", from) {
        from = at + 6;
        let rest = line.get_mut(from..).unwrap_or_default();
        let length = rest.iter().position(|byte| end_of_uri(byte) || matches!(byte, b';' | b'@')).unwrap_or(rest.len());
        fill(rest.get_mut(..length).unwrap_or_default());
    }
}

fn find(line: &[u8], what: &[u8], from: usize) -> Option<usize> {
    let rest = line.get(from..)?;
    rest.windows(what.len()).position(|window| window.eq_ignore_ascii_case(what)).map(|at| from + at)
}

/// The first `wanted` outside quoted strings.
fn unquoted(text: &[u8], wanted: u8) -> Option<usize> {
    let (mut quoted, mut escaped) = (false, false);
    text.iter().position(|&byte| {
        let found = byte == wanted && !quoted;
        quoted ^= byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        found
    })
}

fn fill(bytes: &mut [u8]) {
    bytes.iter_mut().filter(|byte| !matches!(byte, b'\r' | b'\n')).for_each(|byte| *byte = MASK);
}

fn fill_between_quotes(value: &mut [u8]) {
    value.iter_mut().filter(|byte| !matches!(byte, b'\r' | b'\n' | b'"')).for_each(|byte| *byte = MASK);
}

fn starts_with(text: &[u8], prefix: &[u8]) -> bool {
    text.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix))
}

/// Where the body begins; a message without an empty line is all head.
fn head_end(message: &[u8]) -> usize {
    let mut at = message.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
    for line in lines(message.get(at..).unwrap_or_default()) {
        let empty = line.is_empty();
        let next = at + line.end;
        if empty {
            let rest = message.get(next..).unwrap_or_default();
            let breaks = if rest.starts_with(b"\r\n") { 2 } else { 1 };
            return (next + breaks).min(message.len());
        }
    }
    at = message.len();
    at
}

/// The lines of a text, without their ends: LF, with or without CR before it.
fn lines(text: &[u8]) -> Vec<std::ops::Range<usize>> {
    let mut found = Vec::new();
    let mut from = 0;
    for (at, _) in text.iter().enumerate().filter(|&(_, &byte)| byte == b'\n') {
        let end = if at > from && text.get(at - 1) == Some(&b'\r') { at - 1 } else { at };
        found.push(from..end);
        from = at + 1;
    }
    if from < text.len() {
        found.push(from..text.len());
    }
    found
}

/// The same, with folded lines (RFC 3261 §7.3.1) joined to the one that they go on.
fn logical_lines(head: &[u8]) -> Vec<std::ops::Range<usize>> {
    let mut found: Vec<std::ops::Range<usize>> = Vec::new();
    for line in lines(head) {
        let folded = matches!(head.get(line.start), Some(b' ' | b'\t'));
        match found.last_mut() {
            Some(last) if folded => last.end = line.end,
            _ => found.push(line),
        }
    }
    found
}

#[cfg(test)]
#[path = "mask_tests.rs"]
mod tests;
