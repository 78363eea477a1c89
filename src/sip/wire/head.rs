//! The part of a message before its body: where it ends, its lines unfolded, its fields' names and values.

use super::fault::FieldError;
use super::lex;

/// Where the body starts: behind the first empty line at or after `from`. A bare LF ends a line as CRLF does.
pub fn end(bytes: &[u8], from: usize) -> Option<usize> {
    let searched = bytes.get(from..)?;
    searched.iter().enumerate().filter(|&(_, &byte)| byte == b'\n').find_map(|(at, _)| {
        match searched.get(at + 1..)? {
            [b'\n', ..] => Some(from + at + 2),
            [b'\r', b'\n', ..] => Some(from + at + 3),
            _ => None,
        }
    })
}

/// The lines before the empty one, each joined with its continuations by one space (RFC 3261 §7.3.1).
///
/// Bytes that are no UTF-8 become U+FFFD.
pub fn lines(head: &[u8]) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for line in head.split(|&byte| byte == b'\n') {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let text = String::from_utf8_lossy(line);
        match lines.last_mut() {
            Some(last) if text.starts_with([' ', '\t']) => {
                last.push(' ');
                last.push_str(lex::trim(&text));
            }
            _ if text.is_empty() => {}
            _ => lines.push(text.into_owned()),
        }
    }
    lines
}

/// A header line's name and value; white space may stand before the colon.
pub fn field(line: &str) -> Option<(&str, &str)> {
    let (name, value) = line.split_once(':')?;
    let name = name.trim_end_matches([' ', '\t']);
    lex::is_token(name).then(|| (name, lex::trim(value)))
}

/// The body's length from all values of Content-Length: none when there are none; several must agree.
pub fn content_length<'a>(values: impl Iterator<Item = &'a str>) -> Result<Option<usize>, FieldError> {
    let mut length = None;
    for value in values {
        let this = lex::number(value).ok_or(FieldError::Malformed("Content-Length"))?;
        if length.is_some_and(|other| other != this) {
            return Err(FieldError::Repeated("Content-Length"));
        }
        length = Some(this);
    }
    Ok(length)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_head_ends_behind_the_first_empty_line() {
        assert_eq!(end(b"a\r\nb\r\n\r\nbody\r\n\r\n", 0), Some(8));
        assert_eq!(end(b"a\nb\n\nbody", 0), Some(5));
        assert_eq!(end(b"a\r\nb\r\n", 0), None);
        assert_eq!(end(b"a\r\nb\r\n\r", 0), None);
        assert_eq!(end(b"a\r\n\r\n", 3), None);
        assert_eq!(end(b"", 7), None);
    }

    #[test]
    fn continued_lines_are_joined_by_one_space() {
        assert_eq!(lines(b"a: 1\r\n  2\r\n\t3\r\nb:4\r\n\r\n"), ["a: 1 2 3", "b:4"]);
        assert_eq!(lines(b" leading"), [" leading"]);
        assert!(lines(b"\r\n\r\n").is_empty());
    }

    #[test]
    fn several_lengths_must_agree() {
        assert_eq!(content_length([].into_iter()), Ok(None));
        assert_eq!(content_length(["007", "7"].into_iter()), Ok(Some(7)));
        assert_eq!(content_length(["7", "8"].into_iter()), Err(FieldError::Repeated("Content-Length")));
        for wrong in ["", "-1", "+1", "1 2", "5,5", "99999999999999999999999"] {
            assert_eq!(content_length([wrong].into_iter()), Err(FieldError::Malformed("Content-Length")), "{wrong}");
        }
    }
}
