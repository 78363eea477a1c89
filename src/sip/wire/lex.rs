//! The lexical floor of RFC 3261 §25: tokens, quoted strings, lists and escapes.

/// Whether `text` is a non-empty RFC 3261 `token`.
pub fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(is_token_byte)
}

/// Whether `byte` may stand in a `token`.
pub fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-.!%*_+`'~".contains(&byte)
}

/// Strips spaces and tabs (what is left of linear white space once lines are unfolded).
pub fn trim(text: &str) -> &str {
    text.trim_matches([' ', '\t'])
}

/// `text` without surrounding white space, if it is a single line.
pub fn line(text: &str) -> Option<&str> {
    (!text.contains(['\r', '\n'])).then(|| trim(text))
}

/// Splits at `separator` where it stands neither in a quoted string nor in angle brackets; the parts are trimmed.
///
/// An unclosed quote or bracket runs to the end, so that no part of it is taken for a value of its own.
pub fn split(text: &str, separator: char) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some((part, after)) = split_once(rest, separator) {
        parts.push(trim(part));
        rest = after;
    }
    parts.push(trim(rest));
    parts
}

/// Splits at the first `separator` outside quoted strings and angle brackets.
pub fn split_once(text: &str, separator: char) -> Option<(&str, &str)> {
    let (mut quoted, mut escaped, mut bracketed) = (false, false, false);
    for (at, c) in text.char_indices() {
        if escaped {
            escaped = false;
        } else if quoted {
            escaped = c == '\\';
            quoted = c != '"';
        } else if c == separator && !bracketed {
            return Some((text.get(..at)?, text.get(at + c.len_utf8()..)?));
        } else {
            quoted = c == '"';
            bracketed = c == '<' || (bracketed && c != '>');
        }
    }
    None
}

/// Reads the quoted string that `text` starts with: its content without escapes, and what follows it.
pub fn quoted(text: &str) -> Option<(String, &str)> {
    let mut chars = text.strip_prefix('"')?.chars();
    let mut content = String::new();
    loop {
        match chars.next()? {
            '"' => return Some((content, chars.as_str())),
            '\\' => content.push(chars.next()?),
            plain => content.push(plain),
        }
    }
}

/// Writes `content` as a quoted string; line breaks cannot stand in one and become spaces.
pub fn quote(content: &str) -> String {
    let mut text = String::with_capacity(content.len() + 2);
    text.push('"');
    for c in content.chars() {
        match c {
            '"' | '\\' => text.extend(['\\', c]),
            '\r' | '\n' => text.push(' '),
            plain => text.push(plain),
        }
    }
    text.push('"');
    text
}

/// Resolves `%HH` escapes; bytes that are no UTF-8 become U+FFFD, a broken escape stays as it is.
pub fn unescape(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        match escape(rest) {
            Some(byte) => {
                bytes.push(byte);
                rest = rest.get(3..).unwrap_or_default();
            }
            None => {
                bytes.push(first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Whether every `%` starts a whole escape.
pub fn escapes_are_whole(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.iter().enumerate().all(|(at, &byte)| byte != b'%' || bytes.get(at..).and_then(escape).is_some())
}

/// Reads `1*DIGIT`, leading zeros included; `str::parse` alone would take a sign as well.
pub fn number<T: std::str::FromStr>(text: &str) -> Option<T> {
    if text.bytes().all(|byte| byte.is_ascii_digit()) { text.parse().ok() } else { None }
}

/// The byte that `%HH` at the start of `bytes` stands for.
fn escape(bytes: &[u8]) -> Option<u8> {
    let &[b'%', high, low, ..] = bytes else { return None };
    let digit = |c: u8| char::from(c).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    Some(digit(high)? * 16 + digit(low)?)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn commas_in_quotes_and_brackets_do_not_split() {
        let value = r#""Doe, \"J\", x" <sip:a,b@h;x=1>;q=1 , <tel:1>,"#;
        assert_eq!(split(value, ','), [r#""Doe, \"J\", x" <sip:a,b@h;x=1>;q=1"#, "<tel:1>", ""]);
        assert_eq!(split("", ','), [""]);
        assert_eq!(split(r#""open, never closed"#, ','), [r#""open, never closed"#]);
        assert_eq!(split("<sip:open, never closed", ','), ["<sip:open, never closed"]);
        assert_eq!(split(r#"a="é, ü";b"#, ';'), [r#"a="é, ü""#, "b"]);
    }

    #[test]
    fn quoted_strings_lose_and_regain_their_escapes() {
        assert_eq!(quoted(r#""a \"b\" \\ c" <rest"#), Some((r#"a "b" \ c"#.into(), " <rest")));
        assert_eq!(quoted(r#""never closed"#), None);
        assert_eq!(quoted(r#""ends in an escape\"#), None);
        assert_eq!(quote("a \"b\" \\ c\r\nEvil: 1"), r#""a \"b\" \\ c  Evil: 1""#);
    }

    #[test]
    fn escapes_resolve_to_bytes() {
        assert_eq!(unescape("%E4%BB%AEpass%00"), "仮pass\0");
        assert_eq!(unescape("100%"), "100%");
        assert_eq!(unescape("%zz%4"), "%zz%4");
        assert_eq!(unescape("%ff"), "\u{fffd}");
        assert!(escapes_are_whole("a%40b") && !escapes_are_whole("a%4") && !escapes_are_whole("%é"));
    }
}
