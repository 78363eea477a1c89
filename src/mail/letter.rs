//! A mail as it goes over the line: RFC 5322 headers, the subject encoded (RFC 2047), plain text in UTF-8.

use std::time::{Duration, SystemTime};

use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::message::{Mailbox, Message};
use lettre::{Address, address::Envelope};

use crate::time::UnixTime;

/// A mail to one recipient, with its whole content.
#[derive(Clone, PartialEq, Eq)]
pub struct Letter {
    /// Its Message-ID's left part.
    pub id: String,
    /// The sender address.
    pub from: String,
    /// The recipient.
    pub to: String,
    /// The subject.
    pub subject: String,
    /// The text.
    pub text: String,
    /// When it was written.
    pub written_at: UnixTime,
}

/// The text may hold a link that is for the recipient alone.
impl std::fmt::Debug for Letter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Letter({})", self.id)
    }
}

impl Letter {
    /// Its envelope (RFC 5321) and its bytes (RFC 5322), all of them ASCII.
    pub fn written(&self) -> Result<(Envelope, Vec<u8>), String> {
        let from: Mailbox = self.from.parse().map_err(|why| format!("mail.from: {why}"))?;
        let to: Address = self.to.parse().map_err(|why| format!("the recipient's address: {why}"))?;
        let since = Duration::from_secs(u64::try_from(self.written_at.0).unwrap_or_default());
        let mut message = Message::builder()
            .message_id(Some(format!("<{}@{}>", self.id, from.email.domain())))
            .from(from)
            .to(Mailbox::new(None, to))
            .subject(self.subject.as_str())
            .date(SystemTime::UNIX_EPOCH + since)
            .header(ContentType::TEXT_PLAIN)
            .body(self.text.clone())
            .map_err(|why| why.to_string())?;
        // no holiday notes in return (RFC 3834 §5)
        let name = HeaderName::new_from_ascii_str("Auto-Submitted");
        message.headers_mut().insert_raw(HeaderValue::new(name, "auto-generated".to_owned()));
        Ok((message.envelope().clone(), message.formatted()))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn letter() -> Letter {
        Letter {
            id: "00ff".to_owned(),
            from: "仮パス <karipass@example.jp>".to_owned(),
            to: "a@example.co.jp".to_owned(),
            subject: "【karipass】着信のお知らせ 06-0000-1111".to_owned(),
            text: "06-0000-1111 に着信がありました。\r\n".to_owned(),
            written_at: UnixTime(1_800_000_000),
        }
    }

    #[test]
    fn a_letter_is_ascii_with_an_encoded_subject_and_the_same_message_id_each_time() {
        let (envelope, bytes) = letter().written().unwrap();
        let text = String::from_utf8(bytes.clone()).unwrap();
        assert!(text.is_ascii(), "{text}");
        assert!(text.contains("\r\nSubject: =?utf-8?b?"), "{text}");
        assert!(text.starts_with("Message-ID: <00ff@example.jp>\r\n"), "{text}");
        assert!(text.contains("Date: Fri, 15 Jan 2027 08:00:00 +0000\r\n"), "{text}");
        assert!(text.contains("Content-Type: text/plain; charset=utf-8\r\n"), "{text}");
        assert!(text.contains("\nAuto-Submitted: auto-generated\r\n"), "{text}");
        assert_eq!(envelope.to().iter().map(ToString::to_string).collect::<Vec<_>>(), ["a@example.co.jp"]);
        assert_eq!(letter().written().unwrap().1, bytes);
    }

    #[test]
    fn nothing_in_a_letter_makes_a_header_of_its_own() {
        let evil = Letter { subject: "a\r\nBcc: x@example.jp".to_owned(), ..letter() };
        let (envelope, bytes) = evil.written().unwrap();
        assert!(!String::from_utf8(bytes).unwrap().contains("\r\nBcc:"));
        assert_eq!(envelope.to().len(), 1);
    }
}
