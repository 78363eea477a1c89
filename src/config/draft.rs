//! A configuration that is being put together, with where each of its settings came from.

use std::collections::HashMap;
use std::ffi::OsString;
use std::ops::Range;
use std::path::Path;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::error::{ConfigError, Origin};
use super::keys::{KEYS, Key, PREFIX, is_section, keys_of, sections};
use super::network::Listen;
use super::settings::{Config, Overrides};
use super::value::Value;
use crate::account::StoreUrl;
use crate::cidr::Cidr;
use crate::sip::flow::Transport;

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
            self.config.store.url = StoreUrl::file(path);
        }
        if let Some(folder) = &overrides.trace {
            self.config.trace.folder = Some(folder.clone());
        }
        if overrides.demo {
            self.config.sip.trust_from.extend([Cidr::LOOPBACK_V4, Cidr::LOOPBACK_V6]);
        }
    }

    /// Checks what depends on more than one setting.
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

/// The entries in the order of the file, so that its first mistake is the one reported.
fn in_order<'a, 'i>(table: &'a DeTable<'i>) -> Vec<Entry<'a, 'i>> {
    let mut entries: Vec<_> = table.iter().collect();
    entries.sort_by_key(|(key, _)| key.span().start);
    entries
}

fn unknown(origin: Origin, key: String, allowed: String) -> ConfigError {
    ConfigError::UnknownKey { origin, key, allowed }
}

fn bad(key: &'static str, origin: Origin, why: String) -> ConfigError {
    let allowed = KEYS.iter().find(|known| known.name == key).map_or("", |known| known.allowed);
    ConfigError::BadValue { origin, key, why, allowed }
}
