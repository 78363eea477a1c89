//! Message → bytes.

use std::fmt::{Arguments, Write};

/// Start line, header fields, the Content-Length that `body` has, and `body` byte for byte.
pub fn message<'a>(
    start_line: Arguments<'_>,
    headers: impl Iterator<Item = (&'a str, &'a str)>,
    body: &[u8],
) -> Vec<u8> {
    let mut text = one_line(start_line);
    for (name, value) in headers.filter(|(name, _)| !name.eq_ignore_ascii_case("Content-Length")) {
        let _ = write!(text, "{name}: {value}\r\n");
    }
    let _ = write!(text, "Content-Length: {}\r\n\r\n", body.len());
    let mut bytes = text.into_bytes();
    bytes.extend_from_slice(body);
    bytes
}

/// Start line and header fields of a message without a body, in as few octets as can be.
pub fn head<'a>(start_line: Arguments<'_>, headers: impl Iterator<Item = (&'a str, &'a str)>) -> Vec<u8> {
    let mut text = one_line(start_line);
    for (name, value) in headers {
        let _ = write!(text, "{name}: {value}\r\n");
    }
    text.push_str("l: 0\r\n\r\n");
    text.into_bytes()
}

fn one_line(start_line: Arguments<'_>) -> String {
    let mut text = String::with_capacity(512);
    // writing to a String cannot fail
    let _ = write!(text, "{start_line}");
    if text.contains(['\r', '\n']) {
        text = text.replace(['\r', '\n'], " ");
    }
    text.push_str("\r\n");
    text
}
