//! The fields of forms: as they were sent, and as they are shown.

use std::collections::BTreeSet;

use super::lang::Lang;
use crate::number::{PhoneNumber, hyphenated};
use crate::secret::Secret;

/// The fields of a form, in order, as they were sent or would be.
#[derive(Clone, Default)]
pub(super) struct Fields(Vec<(String, String)>);

impl Fields {
    pub(super) fn parse(body: &[u8]) -> Fields {
        Fields(form_urlencoded::parse(body).into_owned().collect())
    }

    /// The value of a field without spaces around it; empty when it is not there.
    pub(super) fn text(&self, name: &str) -> &str {
        self.find(name).unwrap_or_default().trim()
    }

    pub(super) fn find(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// A password, with its spaces.
    pub(super) fn secret(&self, name: &str) -> Secret {
        Secret::from(self.find(name).unwrap_or_default())
    }

    pub(super) fn with(mut self, name: &str, value: impl Into<String>) -> Fields {
        self.0.push((name.to_owned(), value.into()));
        self
    }

    pub(super) fn is(&self, name: &str, value: &str) -> bool {
        self.text(name) == value
    }

    /// The lines of a field that are not empty, each with its place.
    fn lines(&self, name: &str) -> Vec<(usize, String)> {
        let lines = self.find(name).unwrap_or_default().lines().map(|line| line.trim().to_owned());
        lines.enumerate().filter(|(_, line)| !line.is_empty()).map(|(place, line)| (place + 1, line)).collect()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

/// The mistakes in a form, each with its field.
#[derive(Default)]
pub(super) struct Mistakes(Vec<(String, String)>);

impl Mistakes {
    pub(super) fn add(&mut self, field: &str, text: impl Into<String>) {
        self.0.push((field.to_owned(), text.into()));
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn of(&self, field: &str) -> String {
        self.0.iter().find(|(name, _)| name == field).map(|(_, text)| text.clone()).unwrap_or_default()
    }
}

/// Reads a form and gathers its mistakes.
pub(super) struct Reader<'a> {
    pub(super) fields: &'a Fields,
    pub(super) lang: Lang,
    ends: Ends,
    pub(super) mistakes: Mistakes,
}

impl<'a> Reader<'a> {
    pub(super) fn new(fields: &'a Fields, lang: Lang, ends: Ends) -> Reader<'a> {
        Reader { fields, lang, ends, mistakes: Mistakes::default() }
    }

    /// One of a few words; anything else is a mistake.
    pub(super) fn choice<T: Copy>(&mut self, name: &str, choices: &[(&str, T)]) -> Option<T> {
        let found = choices.iter().find(|(word, _)| self.fields.is(name, word)).map(|(_, value)| *value);
        if found.is_none() {
            self.mistakes.add(name, self.lang.say("選択してください。", "Choose one."));
        }
        found
    }

    pub(super) fn active(&mut self) -> bool {
        self.choice("active", &[("start", true), ("stop", false)]).unwrap_or_default()
    }

    pub(super) fn checked(&self, name: &str) -> bool {
        self.fields.is(name, "yes")
    }

    /// A number, or `None` for an empty field.
    pub(super) fn number(&mut self, name: &str) -> Option<PhoneNumber> {
        let text = self.fields.text(name);
        if text.is_empty() {
            return None;
        }
        PhoneNumber::parse(text).inspect_err(|_| self.mistakes.add(name, bad_number(self.lang))).ok()
    }

    /// Where calls are to be forwarded.
    pub(super) fn destination(&mut self, name: &str) -> Option<PhoneNumber> {
        let found = self.number(name);
        if let Some(why) = found.and_then(|to| self.ends.why_not(to, self.lang)) {
            self.mistakes.add(name, why);
        }
        found
    }

    /// One number a line, each once.
    pub(super) fn numbers(&mut self, name: &str, most: usize) -> Vec<PhoneNumber> {
        let parse = |text: &str| PhoneNumber::parse(text).ok();
        self.list(name, most, parse, bad_number(self.lang))
    }

    /// One mail address a line, each once.
    pub(super) fn addresses(&mut self, name: &str, most: usize) -> Vec<String> {
        let parse = |text: &str| Some(narrow(text)).filter(|text| is_mail_address(text));
        self.list(name, most, parse, bad_address(self.lang))
    }

    fn list<T: Ord + Clone>(
        &mut self,
        name: &str,
        most: usize,
        parse: impl Fn(&str) -> Option<T>,
        complaint: &str,
    ) -> Vec<T> {
        let (mut seen, mut found, mut wrong) = (BTreeSet::new(), Vec::new(), Vec::new());
        for (place, line) in self.fields.lines(name) {
            match parse(&line) {
                Some(value) if seen.insert(value.clone()) => found.push(value),
                Some(_) => {}
                None => wrong.push(place),
            }
        }
        if !wrong.is_empty() {
            self.mistakes.add(name, format!("{}{complaint}", lines_told(&wrong, self.lang)));
        }
        if found.len() > most {
            let text = match self.lang {
                Lang::Japanese => format!("{most}件まで登録できます。"),
                Lang::English => format!("At most {most} can be registered."),
            };
            self.mistakes.add(name, text);
        }
        found
    }

    /// A line of text without control characters.
    pub(super) fn line(&mut self, name: &str, most: usize) -> String {
        let text = self.fields.text(name);
        if text.chars().count() > most || text.chars().any(char::is_control) {
            let complaint = match self.lang {
                Lang::Japanese => format!("{most}文字以内の1行で入力してください。"),
                Lang::English => format!("Use one line of at most {most} characters."),
            };
            self.mistakes.add(name, complaint);
        }
        text.to_owned()
    }

    pub(super) fn require(&mut self, holds: bool, name: &str, japanese: &str, english: &str) {
        if !holds && self.mistakes.of(name).is_empty() {
            self.mistakes.add(name, self.lang.say(japanese, english));
        }
    }
}

/// Which lines are wrong: the first ten by their places.
fn lines_told(places: &[usize], lang: Lang) -> String {
    const TOLD: usize = 10;
    let more = places.len().saturating_sub(TOLD);
    let told: Vec<String> = places.iter().take(TOLD).map(ToString::to_string).collect();
    match (lang, more) {
        (Lang::Japanese, 0) => format!("{}行目: ", told.join("、")),
        (Lang::Japanese, more) => format!("{}行目ほか{more}行: ", told.join("、")),
        (Lang::English, 0) => format!("{} {}: ", if told.len() == 1 { "Line" } else { "Lines" }, told.join(", ")),
        (Lang::English, more) => format!("Lines {} and {more} more: ", told.join(", ")),
    }
}

pub(super) fn bad_number(lang: Lang) -> &'static str {
    lang.say(
        "電話番号を市外局番から10桁または11桁で入力してください。",
        "Enter a number with its area code: 10 or 11 digits.",
    )
}

/// Where the calls of a number cannot go.
#[derive(Clone, Copy)]
pub(super) struct Ends {
    /// The number itself: it would be a loop.
    pub(super) own: PhoneNumber,
    /// The number that temporary passwords are set by: a stranger's call must not come there through a contracted line.
    pub(super) service_number: PhoneNumber,
}

impl Ends {
    pub(super) fn why_not(self, to: PhoneNumber, lang: Lang) -> Option<&'static str> {
        if to == self.own {
            return Some(lang.say("この番号自身へは転送できません。", "A number cannot be forwarded to itself."));
        }
        (to == self.service_number).then(|| {
            lang.say(
                "仮パスワードを設定する電話番号へは転送できません。",
                "Calls cannot be forwarded to the number that temporary passwords are set by.",
            )
        })
    }
}

pub(super) fn bad_address(lang: Lang) -> &'static str {
    lang.say("メールアドレスの形式が正しくありません。", "This is not a mail address.")
}

/// Full-width letters, digits and signs, as Japanese keyboards begin with them, as the ones that mail addresses are made of.
pub(super) fn narrow(text: &str) -> String {
    let narrow = |c: char| match c {
        '！'..='～' => char::from_u32(u32::from(c) - 0xfee0).unwrap_or(c),
        other => other,
    };
    text.chars().map(narrow).collect()
}

/// An address as mail servers take it without quoting (RFC 5321 §4.1.2 Dot-string, §4.5.3.1).
pub(super) fn is_mail_address(text: &str) -> bool {
    let is_atom = |part: &str| {
        !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(c))
    };
    let is_label = |part: &str| {
        (1..=63).contains(&part.len())
            && part.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
            && !part.starts_with('-')
            && !part.ends_with('-')
    };
    text.rsplit_once('@').is_some_and(|(local, domain)| {
        local.len() <= 64
            && text.len() <= 254
            && local.split('.').all(is_atom)
            && domain.contains('.')
            && domain.split('.').all(is_label)
    })
}

/// Numbers as they are shown in a field, one a line.
pub(super) fn one_a_line(numbers: &[PhoneNumber]) -> String {
    numbers.iter().map(|number| hyphenated(*number)).collect::<Vec<_>>().join("\n")
}

/// A field as it is shown.
pub(super) struct Field {
    pub(super) name: String,
    pub(super) label: String,
    pub(super) hint: String,
    pub(super) error: String,
    pub(super) kind: Kind,
}

/// A text in Japanese and in English.
type InBoth<'a> = (&'a str, &'a str);

pub(super) enum Kind {
    /// One of a few, all to be seen.
    Choice(Vec<Choice>),
    /// A line. `mode` is what it is about: `tel`, `email`, `numeric` or `text`.
    Line { value: String, mode: &'static str },
    /// One thing a line.
    Lines { value: String, mode: &'static str },
    /// Yes or no.
    Check { on: bool },
    /// Up to four destinations, one of them in use.
    Slots(Vec<Slot>),
}

pub(super) struct Choice {
    pub(super) value: &'static str,
    pub(super) label: String,
    pub(super) chosen: bool,
}

pub(super) struct Slot {
    pub(super) place: usize,
    pub(super) value: String,
    pub(super) in_use: bool,
    pub(super) error: String,
}

/// Makes fields that show what was sent, or what is set, with its mistakes.
pub(super) struct Form<'a> {
    pub(super) fields: &'a Fields,
    pub(super) mistakes: &'a Mistakes,
    pub(super) lang: Lang,
}

impl Form<'_> {
    pub(super) fn choice(&self, name: &str, label: InBoth<'_>, choices: &[(&'static str, &str, &str)]) -> Field {
        let shown = |(value, japanese, english): &(&'static str, &str, &str)| Choice {
            value,
            label: self.lang.say(japanese, english).to_owned(),
            chosen: self.fields.is(name, value),
        };
        self.field(name, label, ("", ""), Kind::Choice(choices.iter().map(shown).collect()))
    }

    pub(super) fn active(&self) -> Field {
        let choices = [("start", "開始する", "Start"), ("stop", "停止する", "Stop")];
        self.choice("active", ("サービス", "Service"), &choices)
    }

    pub(super) fn line(&self, name: &str, label: InBoth<'_>, hint: InBoth<'_>, mode: &'static str) -> Field {
        self.field(name, label, hint, Kind::Line { value: self.fields.text(name).to_owned(), mode })
    }

    pub(super) fn lines(&self, name: &str, label: InBoth<'_>, hint: InBoth<'_>, mode: &'static str) -> Field {
        let value = self.fields.find(name).unwrap_or_default().to_owned();
        self.field(name, label, hint, Kind::Lines { value, mode })
    }

    pub(super) fn check(&self, name: &str, label: InBoth<'_>) -> Field {
        self.field(name, label, ("", ""), Kind::Check { on: self.fields.is(name, "yes") })
    }

    pub(super) fn field(&self, name: &str, label: InBoth<'_>, hint: InBoth<'_>, kind: Kind) -> Field {
        Field {
            name: name.to_owned(),
            label: self.lang.say(label.0, label.1).to_owned(),
            hint: self.lang.say(hint.0, hint.1).to_owned(),
            error: self.mistakes.of(name),
            kind,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mail_addresses_are_those_that_servers_take() {
        for good in ["a@example.jp", "a.b+c@mail.example.co.jp", "x_y-z@example.com", "da'me@example.jp"] {
            assert!(is_mail_address(good), "{good}");
        }
        for bad in [
            "",
            "a",
            "@example.jp",
            "a@",
            "a@example",
            "a..b@example.jp",
            "a@example..jp",
            "a b@example.jp",
            "a@example.jp\r\nBcc: x@example.jp",
            "<a@example.jp>",
            "a@-x.jp",
            "あ@example.jp",
        ] {
            assert!(!is_mail_address(bad), "{bad}");
        }
        assert!(!is_mail_address(&format!("{}@example.jp", "a".repeat(65))));
    }
}
