//! Keys in the body of an INFO, in the two forms that telephones send.
//!
//! `application/dtmf-relay` is lines of `Name=value`, of which `Signal` is the key; `application/dtmf` is the key alone.
//! Neither was ever standardised. The forms are those of Cisco, Linphone, Asterisk and others.

use crate::key::Key;

/// The keys in `body`: one in the relay form, one or more in the plain form, none if it cannot be read.
pub fn keys(content_type: &str, body: &[u8]) -> Vec<Key> {
    let Ok(text) = std::str::from_utf8(body) else { return vec![] };
    let essence = content_type.split(';').next().unwrap_or_default().trim();
    if essence.eq_ignore_ascii_case("application/dtmf-relay") {
        text.lines().find_map(signal).into_iter().collect()
    } else if essence.eq_ignore_ascii_case("application/dtmf") {
        plain(text.trim())
    } else {
        vec![]
    }
}

fn signal(line: &str) -> Option<Key> {
    let (name, value) = line.split_once('=')?;
    name.trim().eq_ignore_ascii_case("signal").then(|| key(value.trim()))?
}

/// A key by its character, or by its event number (RFC 4733 §3.2: 10 is `*`, 11 `#`, 12 to 15 A to D).
fn key(value: &str) -> Option<Key> {
    let mut characters = value.chars();
    match (characters.next(), characters.next()) {
        (Some(c), None) => Key::from_char(c),
        (Some('1'), Some(_)) => Key::from_event_code(value.parse().ok()?),
        _ => None,
    }
}

/// One key, or several in a row. Text with anything else in it holds no keys.
fn plain(text: &str) -> Vec<Key> {
    const MOST: usize = 32;
    if let Some(key) = key(text) {
        return vec![key];
    }
    let keys: Option<Vec<Key>> = text.chars().take(MOST + 1).map(Key::from_char).collect();
    keys.filter(|keys| keys.len() <= MOST).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(content_type: &str, body: &str) -> String {
        keys(content_type, body.as_bytes()).into_iter().map(char::from).collect()
    }

    #[test]
    fn the_relay_form_in_the_ways_it_is_sent() {
        assert_eq!(read("application/dtmf-relay", "Signal=5\r\nDuration=160\r\n"), "5");
        assert_eq!(read("Application/DTMF-Relay; charset=x", "Signal= #\nDuration= 250"), "#");
        assert_eq!(read("application/dtmf-relay", "Duration=160\r\nsignal = 10\r\n"), "*");
        assert_eq!(read("application/dtmf-relay", "Signal=d"), "D");
    }

    #[test]
    fn the_plain_form() {
        assert_eq!(read("application/dtmf", "7"), "7");
        assert_eq!(read("application/dtmf", "11\r\n"), "#");
        assert_eq!(read("application/dtmf", "481*"), "481*");
    }

    #[test]
    fn anything_else_is_no_key() {
        for (content_type, body) in [
            ("application/dtmf-relay", "Signal=55"),
            ("application/dtmf-relay", "Signal="),
            ("application/dtmf-relay", "Sig"),
            ("application/dtmf", ""),
            ("application/dtmf", "5x"),
            ("text/plain", "5"),
        ] {
            assert_eq!(read(content_type, body), "", "{content_type} {body:?}");
        }
        assert!(keys("application/dtmf", &[0xFF, 0xFE]).is_empty());
        assert!(read("application/dtmf", &"1".repeat(1000)).is_empty());
    }
}
