//! Every key there is, and how a configuration is put together from them.

use std::collections::HashMap;
use std::ffi::OsString;
use std::net::IpAddr;
use std::ops::{Range, RangeInclusive};
use std::path::{Path, PathBuf};
use std::time::Duration;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::error::{ConfigError, Origin};
use super::network::{Listen, Transport};
use super::value::{Unfit, Value};
use super::{Config, Confirm, Overrides};
use crate::account::Cost;
use crate::cidr::Cidr;
use crate::secret::Secret;
use crate::sip::digest::Algorithm;
use crate::sip::sdp::Srtp;

/// A setting.
struct Key {
    /// `section.key`.
    name: &'static str,
    /// What is allowed, in words.
    allowed: &'static str,
    set: fn(&mut Config, &Value) -> Result<(), Unfit>,
}

macro_rules! keys {
    ($($name:literal, $allowed:literal, |$config:ident, $value:ident| $read:expr;)*) => {
        &[$(Key {
            name: $name,
            allowed: $allowed,
            set: |$config, $value| { $read; Ok(()) },
        },)*]
    };
}

/// All of them.
const KEYS: &[Key] = keys! {
    "sip.listen", "a list of udp:ADDR:PORT, tcp:ADDR:PORT and tls:ADDR:PORT, each once",
        |c, v| c.sip.listen = each_once(v.parse_list()?)?;
    "sip.advertise", "an IP address",
        |c, v| c.sip.advertise = Some(v.parse()?);
    "sip.service_number", "a telephone number with its area code, such as 0664806430",
        |c, v| c.sip.service_number = v.parse()?;
    "sip.trusted_peers", "a list of addresses and networks, such as 192.0.2.0/24",
        |c, v| c.sip.trusted_peers = v.parse_list()?;
    "sip.trust_from", "a list of addresses and networks, such as 127.0.0.0/8; for a laboratory only",
        |c, v| c.sip.trust_from = v.parse_list()?;
    "sip.accept_privacy_id", "true or false",
        |c, v| c.sip.accept_privacy_id = v.switch()?;
    "sip.registrar", "true or false",
        |c, v| c.sip.registrar = v.switch()?;
    "sip.realm", "1 to 64 printable ASCII characters, without quotes, backslashes and colons",
        |c, v| c.sip.realm = realm(v)?;
    "sip.digest_algorithms", "a list of \"SHA-256\" and \"MD5\", or of one of them, in the order in which they are offered",
        |c, v| c.sip.digest_algorithms = algorithms(v)?;
    "sip.domains", "a list of host names and addresses, such as \"sip.example.jp\"",
        |c, v| c.sip.domains = v.list()?.iter().map(domain).collect::<Result<_, _>>()?;
    "sip.refuse_with_announcement", "true or false",
        |c, v| c.sip.refuse_with_announcement = v.switch()?;
    "sip.ringing", "true or false",
        |c, v| c.sip.ringing = v.switch()?;
    "sip.certificate", "a PEM file that is there",
        |c, v| c.sip.certificate = Some(file(v)?);
    "sip.key", "a PEM file that is there",
        |c, v| c.sip.key = Some(file(v)?);
    "sip.ca", "a PEM file that is there",
        |c, v| c.sip.ca = Some(file(v)?);
    "sip.idle_timeout", "10s to 24h, such as \"15m\"",
        |c, v| c.sip.idle_timeout = v.duration(seconds(10, 86_400))?;
    "rtp.listen", "an IP address, or a list of an IPv4 and an IPv6 address",
        |c, v| c.rtp.listen = families(v)?;
    "rtp.advertise", "an IP address",
        |c, v| c.rtp.advertise = Some(v.parse()?);
    "rtp.ports", "FROM-TO within 1-65535, with room for an even port and the next, or 0 for free ones",
        |c, v| c.rtp.ports = v.parse()?;
    "rtp.srtp", "\"off\", \"offered\" or \"required\"",
        |c, v| c.rtp.srtp = srtp(v)?;
    "ivr.prompts", "a folder that is there",
        |c, v| c.ivr.prompts = Some(folder(v)?);
    "ivr.confirm", "\"read-back\" or \"re-enter\"",
        |c, v| c.ivr.confirm = confirm(v)?;
    "ivr.password_digits", "two whole numbers [FEWEST, MOST] from 4 to 16",
        |c, v| c.ivr.password_digits = range(v, 4..=16)?;
    "ivr.first_digit_timeout", "1s to 120s, such as \"10s\" or \"1500ms\"",
        |c, v| c.ivr.first_digit_timeout = v.duration(seconds(1, 120))?;
    "ivr.inter_digit_timeout", "1s to 120s, such as \"5s\" or \"1500ms\"",
        |c, v| c.ivr.inter_digit_timeout = v.duration(seconds(1, 120))?;
    "ivr.max_invalid", "a whole number from 1 to 100",
        |c, v| c.ivr.max_invalid = v.integer(1..=100)?;
    "ivr.max_timeouts", "a whole number from 1 to 100",
        |c, v| c.ivr.max_timeouts = v.integer(1..=100)?;
    "store.url", "\"sqlite:PATH\", such as \"sqlite:/var/lib/karipass/karipass.db\"",
        |c, v| c.store.path = sqlite_path(v)?;
    "store.busy_timeout", "1s to 600s, such as \"30s\"",
        |c, v| c.store.busy_timeout = v.duration(seconds(1, 600))?;
    "store.argon2", "three whole numbers [KIB OF MEMORY, PASSES, LANES], 8 KiB a lane to 1048576, 1 to 64, 1 to 16",
        |c, v| c.store.hash_cost = cost(v)?;
    "site.listen", "ADDR:PORT with a numeric address",
        |c, v| c.site.listen = v.parse()?;
    "site.behind_tls", "true or false",
        |c, v| c.site.behind_tls = v.switch()?;
    "site.certificate", "a PEM file that is there",
        |c, v| c.site.certificate = Some(file(v)?);
    "site.key", "a PEM file that is there",
        |c, v| c.site.key = Some(file(v)?);
    "site.trusted_proxies", "a list of addresses and networks, such as 127.0.0.1",
        |c, v| c.site.trusted_proxies = v.parse_list()?;
    "site.password_length", "two whole numbers [FEWEST, MOST] from 6 to 128",
        |c, v| c.site.password_length = range(v, 6..=128)?;
    "site.password_letters_and_digits", "true or false",
        |c, v| c.site.password_letters_and_digits = v.switch()?;
    "site.password_days", "a whole number from 1 to 3650",
        |c, v| c.site.password_days = v.integer(1..=3650)?;
    "site.idle_timeout", "1m to 24h, such as \"15m\"",
        |c, v| c.site.idle_timeout = v.duration(seconds(60, 86_400))?;
    "site.logins_per_minute", "a whole number from 1 to 100000",
        |c, v| c.site.logins_per_minute = v.integer(1..=100_000)?;
    "site.lock_after", "a whole number from 1 to 100",
        |c, v| c.site.lock_after = v.integer(1..=100)?;
    "site.lock_time", "1m to 24h, such as \"10m\"",
        |c, v| c.site.lock_time = v.duration(seconds(60, 86_400))?;
    "site.url", "http://HOST or https://HOST, with a port and a path where there is one",
        |c, v| c.site.url = Some(web_address(v)?);
    "mail.smtp", "smtp://HOST[:25], smtp+starttls://HOST[:587] or smtps://HOST[:465]",
        |c, v| c.mail.smtp = Some(v.parse()?);
    "mail.from", "a mail address, or \"Name <address>\"",
        |c, v| c.mail.from = mailbox(v)?;
    "mail.user", "a text",
        |c, v| c.mail.user = Some(v.text()?.to_owned());
    "mail.password", "a text",
        |c, v| c.mail.password = Some(Secret::from(v.text()?));
    "api.listen", "ADDR:PORT with a numeric address",
        |c, v| c.api.listen = v.parse()?;
    "api.token", "16 to 512 printable ASCII characters without spaces",
        |c, v| c.api.token = Some(token(v)?);
    "limits.calls", "a whole number from 1 to 100000",
        |c, v| c.limits.calls = v.integer(1..=100_000)?;
    "limits.calls_per_peer", "a whole number from 1 to 100000",
        |c, v| c.limits.calls_per_peer = v.integer(1..=100_000)?;
    "limits.invites_per_second_per_peer", "a whole number from 1 to 100000",
        |c, v| c.limits.invites_per_second_per_peer = v.integer(1..=100_000)?;
    "limits.connections", "a whole number from 1 to 100000",
        |c, v| c.limits.connections = v.integer(1..=100_000)?;
    "limits.connections_per_peer", "a whole number from 1 to 100000",
        |c, v| c.limits.connections_per_peer = v.integer(1..=100_000)?;
    "limits.http_connections", "a whole number from 1 to 100000",
        |c, v| c.limits.http_connections = v.integer(1..=100_000)?;
    "limits.http_connections_per_peer", "a whole number from 1 to 100000",
        |c, v| c.limits.http_connections_per_peer = v.integer(1..=100_000)?;
    "limits.http_header_timeout", "1s to 10m, such as \"15s\"",
        |c, v| c.limits.http_header_timeout = v.duration(seconds(1, 600))?;
    "limits.http_body_timeout", "1s to 1h, such as \"60s\"",
        |c, v| c.limits.http_body_timeout = v.duration(seconds(1, 3_600))?;
    "limits.call_duration", "10s to 24h, such as \"10m\"",
        |c, v| c.limits.call_duration = v.duration(seconds(10, 86_400))?;
    "limits.drain", "0s to 1h, such as \"30s\"",
        |c, v| c.limits.drain = v.duration(seconds(0, 3_600))?;
    "limits.media_workers", "a whole number from 1 to 256, or 0 for one a processor",
        |c, v| c.limits.media_workers = v.integer(0..=256)?;
    "limits.hash_workers", "a whole number from 1 to 64",
        |c, v| c.limits.hash_workers = v.integer(1..=64)?;
    "trace.folder", "a folder; it is made when it is not there",
        |c, v| c.trace.folder = Some(new_folder(v)?);
    "trace.call_mib", "a whole number from 1 to 4096",
        |c, v| c.trace.call_mib = v.integer(1..=4096)?;
    "trace.total_mib", "a whole number from 1 to 16777216",
        |c, v| c.trace.total_mib = v.integer(1..=16_777_216)?;
    "trace.files", "a whole number from 1 to 1000000",
        |c, v| c.trace.files = v.integer(1..=1_000_000)?;
};

const PREFIX: &str = "KARIPASS_";

impl Key {
    fn section(&self) -> &'static str {
        self.name.split_once('.').map_or("", |(section, _)| section)
    }

    fn variable(&self) -> String {
        format!("{PREFIX}{}", self.name.replace('.', "_").to_uppercase())
    }
}

/// A configuration that is being put together, with where each of its settings came from.
pub(super) struct Draft {
    config: Config,
    origins: HashMap<&'static str, Origin>,
}

impl Draft {
    pub(super) fn new() -> Result<Draft, ConfigError> {
        let config = Config::standard().map_err(|why| bad("sip.service_number", Origin::Default, why.to_string()))?;
        Ok(Draft { config, origins: HashMap::new() })
    }

    pub(super) fn read_file(&mut self, path: &Path) -> Result<(), ConfigError> {
        let text = std::fs::read_to_string(path)
            .map_err(|why| ConfigError::Unreadable { path: path.to_owned(), why: why.to_string() })?;
        self.read_toml(path, &text)
    }

    fn read_toml(&mut self, path: &Path, text: &str) -> Result<(), ConfigError> {
        let source = Source { path, text };
        let root = DeTable::parse(text).map_err(|error| source.syntax(&error))?;
        for (section, table) in in_order(root.get_ref()) {
            let name = section.get_ref().as_ref();
            let Some(table) = table.get_ref().as_table().filter(|_| is_section(name)) else {
                let what = if is_section(name) { format!("{name}, which is not a table,") } else { name.to_owned() };
                return Err(unknown(source.at(section.span()), what, sections()));
            };
            for (key, value) in in_order(table) {
                self.set_from_file(&source, name, key, value)?;
            }
        }
        Ok(())
    }

    fn set_from_file(
        &mut self,
        source: &Source<'_>,
        section: &str,
        key: &Spanned<impl AsRef<str>>,
        value: &Spanned<DeValue<'_>>,
    ) -> Result<(), ConfigError> {
        let full = format!("{section}.{}", key.get_ref().as_ref());
        let Some(known) = KEYS.iter().find(|known| known.name == full) else {
            return Err(unknown(source.at(key.span()), full, keys_of(section)));
        };
        self.set(known, &Value::from_toml(value.get_ref()), source.at(value.span()))
    }

    pub(super) fn read_environment(
        &mut self,
        environment: impl IntoIterator<Item = (OsString, OsString)>,
    ) -> Result<(), ConfigError> {
        for (variable, value) in environment {
            // ours are ASCII: what cannot be read of another's name does not matter
            let variable = variable.to_string_lossy().into_owned();
            if !variable.starts_with(PREFIX) {
                continue;
            }
            let Some(key) = KEYS.iter().find(|key| key.variable() == variable) else {
                let allowed = KEYS.iter().map(Key::variable).collect::<Vec<_>>().join(", ");
                return Err(unknown(Origin::Variable(variable.clone()), variable, allowed));
            };
            let origin = Origin::Variable(variable);
            let Ok(text) = value.into_string() else {
                return Err(bad(key.name, origin, "the value is not UTF-8 text".to_owned()));
            };
            self.set(key, &Value::Loose(text), origin)?;
        }
        Ok(())
    }

    fn set(&mut self, key: &'static Key, value: &Value, origin: Origin) -> Result<(), ConfigError> {
        (key.set)(&mut self.config, value).map_err(|why| bad(key.name, origin.clone(), why))?;
        self.origins.insert(key.name, origin);
        Ok(())
    }

    pub(super) fn override_with(&mut self, overrides: &Overrides) {
        if let Some(address) = overrides.sip {
            self.config.sip.listen = Listen::datagram_and_stream(address);
            self.origins.insert("sip.listen", Origin::Flag("--sip"));
        }
        if let Some(ports) = overrides.rtp_ports {
            self.config.rtp.ports = ports;
        }
        if let Some(address) = overrides.site {
            self.config.site.listen = address;
        }
        if let Some(path) = &overrides.db {
            self.config.store.path.clone_from(path);
        }
        if let Some(folder) = &overrides.trace {
            self.config.trace.folder = Some(folder.clone());
        }
        if overrides.demo {
            self.config.sip.trust_from.extend([Cidr::LOOPBACK_V4, Cidr::LOOPBACK_V6]);
        }
    }

    /// What no single setting can tell.
    pub(super) fn finish(self) -> Result<Config, ConfigError> {
        let sip = &self.config.sip;
        let needs_certificate = sip.listen.iter().any(|listen| listen.transport == Transport::Tls);
        for (key, missing) in [("sip.certificate", sip.certificate.is_none()), ("sip.key", sip.key.is_none())] {
            if needs_certificate && missing {
                let origin = self.origins.get("sip.listen").cloned().unwrap_or(Origin::Default);
                return Err(bad(key, origin, "missing, and tls: listeners need it".to_owned()));
            }
        }
        self.check_mail()?;
        self.one_way_to_serve_tls()?;
        Ok(self.config)
    }

    fn check_mail(&self) -> Result<(), ConfigError> {
        let mail = &self.config.mail;
        let origin = |key| self.origins.get(key).cloned().unwrap_or(Origin::Default);
        match (&mail.user, &mail.password) {
            (Some(_), None) => {
                return Err(bad("mail.password", origin("mail.user"), "missing for mail.user".to_owned()));
            }
            (None, Some(_)) => {
                return Err(bad("mail.user", origin("mail.password"), "missing for mail.password".to_owned()));
            }
            (Some(_), Some(_)) | (None, None) => {}
        }
        // RFC 4954 §4: no password in clear over a line that others could listen to
        let in_clear = mail.smtp.as_ref().is_some_and(|server| !server.keeps_secrets());
        if in_clear && mail.user.is_some() {
            let why = "the password of mail.user would go in clear".to_owned();
            return Err(bad("mail.smtp", origin("mail.smtp"), why));
        }
        Ok(())
    }

    fn one_way_to_serve_tls(&self) -> Result<(), ConfigError> {
        let site = &self.config.site;
        let origin = |key: &str| self.origins.get(key).cloned().unwrap_or(Origin::Default);
        match (&site.certificate, &site.key) {
            (Some(_), None) => {
                Err(bad("site.key", origin("site.certificate"), "missing, and site.certificate needs it".to_owned()))
            }
            (None, Some(_)) => {
                Err(bad("site.certificate", origin("site.key"), "missing, and site.key needs it".to_owned()))
            }
            (Some(_), Some(_)) if site.behind_tls => {
                let why = "true, but there is a certificate too: either a proxy speaks TLS or this server".to_owned();
                Err(bad("site.behind_tls", origin("site.behind_tls"), why))
            }
            (Some(_), Some(_)) | (None, None) => Ok(()),
        }
    }
}

/// The file as it was read, to find lines in.
struct Source<'a> {
    path: &'a Path,
    text: &'a str,
}

impl Source<'_> {
    fn at(&self, span: Range<usize>) -> Origin {
        let before = self.text.get(..span.start).unwrap_or(self.text);
        Origin::File { path: self.path.to_owned(), line: before.matches('\n').count() + 1 }
    }

    fn syntax(&self, error: &toml::de::Error) -> ConfigError {
        let span = error.span().unwrap_or(0..0);
        let before = self.text.get(..span.start).unwrap_or(self.text);
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        ConfigError::Syntax { origin: self.at(span), column, why: error.message().to_owned() }
    }
}

type Entry<'a, 'i> = (&'a Spanned<toml::de::DeString<'i>>, &'a Spanned<DeValue<'i>>);

/// The entries as they stand in the file, so that the first mistake is the one that is told.
fn in_order<'a, 'i>(table: &'a DeTable<'i>) -> Vec<Entry<'a, 'i>> {
    let mut entries: Vec<_> = table.iter().collect();
    entries.sort_by_key(|(key, _)| key.span().start);
    entries
}

fn is_section(name: &str) -> bool {
    KEYS.iter().any(|key| key.section() == name)
}

fn sections() -> String {
    let mut names: Vec<String> = KEYS.iter().map(|key| format!("[{}]", key.section())).collect();
    names.dedup();
    names.join(", ")
}

fn keys_of(section: &str) -> String {
    let own = KEYS.iter().filter(|key| key.section() == section);
    own.filter_map(|key| key.name.split_once('.')).map(|(_, name)| name).collect::<Vec<_>>().join(", ")
}

fn unknown(origin: Origin, key: String, allowed: String) -> ConfigError {
    ConfigError::UnknownKey { origin, key, allowed }
}

fn bad(key: &'static str, origin: Origin, why: String) -> ConfigError {
    let allowed = KEYS.iter().find(|known| known.name == key).map_or("", |known| known.allowed);
    ConfigError::BadValue { origin, key, why, allowed }
}

fn each_once(listen: Vec<Listen>) -> Result<Vec<Listen>, Unfit> {
    let is_again = |(place, one): (usize, &Listen)| {
        let earlier = listen.iter().take(place);
        (one.address.port() != 0 && earlier.clone().any(|other| other == one)).then(|| one.to_string())
    };
    match listen.iter().enumerate().find_map(is_again) {
        Some(again) => Err(format!("{again} is there twice")),
        None if listen.is_empty() => Err("the list is empty".to_owned()),
        None => Ok(listen),
    }
}

/// A realm is hashed as it is, and phones differ in how they read escapes.
fn realm(value: &Value) -> Result<String, Unfit> {
    let text = value.text()?;
    let sound = text.bytes().all(|byte| matches!(byte, b' '..=b'~') && !b"\"\\:".contains(&byte));
    let fits = sound && (1..=64).contains(&text.len()) && text.trim() == text;
    if fits { Ok(text.to_owned()) } else { Err(format!("{text:?} is no realm")) }
}

/// By name, as RFC 7616 §3.3 writes it, in any case.
fn algorithms(value: &Value) -> Result<Vec<Algorithm>, Unfit> {
    let mut read = Vec::new();
    for one in value.list()? {
        let name = one.text()?;
        let algorithm = Algorithm::parse(name.trim()).ok_or_else(|| format!("{name:?} is no digest algorithm"))?;
        if read.contains(&algorithm) {
            return Err(format!("{} is there twice", algorithm.name()));
        }
        read.push(algorithm);
    }
    if read.is_empty() { Err("the list is empty".to_owned()) } else { Ok(read) }
}

/// What may stand behind `@` in a user name.
fn domain(value: &Value) -> Result<String, Unfit> {
    let text = value.text()?;
    let fits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._:[]".contains(&byte));
    if fits { Ok(text.to_owned()) } else { Err(format!("{text:?} is no host")) }
}

/// An address, or one of each family.
fn families(value: &Value) -> Result<Vec<IpAddr>, Unfit> {
    let addresses = if let Value::Text(_) = value { vec![value.parse()?] } else { value.parse_list::<IpAddr>()? };
    match addresses.as_slice() {
        [] => Err("the list is empty".to_owned()),
        [_] => Ok(addresses),
        [one, other] if one.is_ipv4() != other.is_ipv4() => Ok(addresses),
        _ => Err("more than one address of a family".to_owned()),
    }
}

fn file(value: &Value) -> Result<PathBuf, Unfit> {
    let path = PathBuf::from(value.text()?);
    match std::fs::metadata(&path) {
        Ok(metadata) if metadata.is_file() => Ok(path),
        Ok(_) => Err(format!("{} is not a file", path.display())),
        Err(why) => Err(format!("{}: {why}", path.display())),
    }
}

fn folder(value: &Value) -> Result<PathBuf, Unfit> {
    let path = PathBuf::from(value.text()?);
    match std::fs::metadata(&path) {
        Ok(metadata) if metadata.is_dir() => Ok(path),
        Ok(_) => Err(format!("{} is not a folder", path.display())),
        Err(why) => Err(format!("{}: {why}", path.display())),
    }
}

/// One that need not be there: what stands for it in a shell would be made as it is written.
fn new_folder(value: &Value) -> Result<PathBuf, Unfit> {
    let text = value.text()?;
    match text {
        "" => Err("the text is empty".to_owned()),
        _ if text.starts_with("~/") => Err(format!("{text:?}: ~ stands for no folder here; write the whole path")),
        _ => Ok(PathBuf::from(text)),
    }
}

fn confirm(value: &Value) -> Result<Confirm, Unfit> {
    match value.text()?.trim() {
        "read-back" => Ok(Confirm::ReadBack),
        "re-enter" => Ok(Confirm::ReEnter),
        other => Err(format!("{other:?} is no way to confirm")),
    }
}

fn srtp(value: &Value) -> Result<Srtp, Unfit> {
    let name = value.text()?.trim();
    Srtp::from_name(name).ok_or_else(|| format!("{name:?} is no way to encrypt"))
}

fn range(value: &Value, allowed: RangeInclusive<i64>) -> Result<(u8, u8), Unfit> {
    match value.list()?.as_slice() {
        [fewest, most] => {
            let range: (u8, u8) = (fewest.integer(allowed.clone())?, most.integer(allowed)?);
            if range.0 <= range.1 { Ok(range) } else { Err(format!("{} is more than {}", range.0, range.1)) }
        }
        other => Err(format!("{} numbers", other.len())),
    }
}

fn cost(value: &Value) -> Result<Cost, Unfit> {
    const ANY: RangeInclusive<i64> = 0..=u32::MAX as i64;
    match value.list()?.as_slice() {
        [memory, passes, lanes] => Cost::new(memory.integer(ANY)?, passes.integer(ANY)?, lanes.integer(ANY)?)
            .map_err(|_| "argon2 cannot do that".to_owned()),
        other => Err(format!("{} numbers", other.len())),
    }
}

fn web_address(value: &Value) -> Result<String, Unfit> {
    let text = value.text()?.trim();
    let host = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")).unwrap_or_default();
    let fits = !host.is_empty() && host.chars().all(|c| c.is_ascii_alphanumeric() || ".-:/[]_~".contains(c));
    if fits { Ok(text.to_owned()) } else { Err(format!("{text:?} is no address of a site")) }
}

fn mailbox(value: &Value) -> Result<String, Unfit> {
    let text = value.text()?.trim();
    match text.parse::<lettre::message::Mailbox>() {
        Ok(_) => Ok(text.to_owned()),
        Err(why) => Err(format!("{text:?}: {why}")),
    }
}

/// The message does not show it.
fn token(value: &Value) -> Result<Secret, Unfit> {
    let text = value.text()?.trim();
    let fits = (16..=512).contains(&text.len()) && text.chars().all(|c| c.is_ascii_graphic());
    if fits { Ok(Secret::from(text)) } else { Err(format!("{} characters that do not do", text.chars().count())) }
}

fn sqlite_path(value: &Value) -> Result<PathBuf, Unfit> {
    let url = value.text()?.trim();
    match url.strip_prefix("sqlite:") {
        // what other programs write so would be a file of that very name here, or one in the root
        Some(path) if path.starts_with("~/") => {
            Err(format!("{url:?}: ~ stands for no folder here; write the whole path"))
        }
        Some(path) if path.starts_with("//") || path.contains('?') => {
            Err(format!("{url:?}: behind the colon is the path, with no // before it and no options after it"))
        }
        Some(path) if !path.is_empty() => Ok(PathBuf::from(path)),
        Some(_) | None => Err(format!("{url:?} names no SQLite file")),
    }
}

fn seconds(from: u64, to: u64) -> RangeInclusive<Duration> {
    Duration::from_secs(from)..=Duration::from_secs(to)
}
