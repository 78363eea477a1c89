//! Every key: its name, what is allowed, and where it goes.

use super::read::{
    algorithms, confirm, cost, domain, each_once, families, file, folder, mailbox, new_folder, range, realm, seconds,
    srtp, token, web_address,
};
use super::settings::Config;
use super::value::{Unfit, Value};
use crate::secret::Secret;

/// A setting.
pub(super) struct Key {
    /// `section.key`.
    pub(super) name: &'static str,
    /// What is allowed, in words.
    pub(super) allowed: &'static str,
    pub(super) set: fn(&mut Config, &Value) -> Result<(), Unfit>,
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
pub(super) const KEYS: &[Key] = keys! {
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
    "sip.certificate", "an existing PEM file",
        |c, v| c.sip.certificate = Some(file(v)?);
    "sip.key", "an existing PEM file",
        |c, v| c.sip.key = Some(file(v)?);
    "sip.ca", "an existing PEM file",
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
    "ivr.prompts", "an existing folder",
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
        |c, v| c.store.url = v.parse()?;
    "store.busy_timeout", "1s to 600s, such as \"30s\"",
        |c, v| c.store.busy_timeout = v.duration(seconds(1, 600))?;
    "store.argon2", "three whole numbers [KIB OF MEMORY, PASSES, LANES], 8 KiB a lane to 1048576, 1 to 64, 1 to 16",
        |c, v| c.store.hash_cost = cost(v)?;
    "site.listen", "ADDR:PORT with a numeric address",
        |c, v| c.site.listen = v.parse()?;
    "site.behind_tls", "true or false",
        |c, v| c.site.behind_tls = v.switch()?;
    "site.certificate", "an existing PEM file",
        |c, v| c.site.certificate = Some(file(v)?);
    "site.key", "an existing PEM file",
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
    "limits.calls_per_line", "a whole number from 1 to 100000",
        |c, v| c.limits.calls_per_line = v.integer(1..=100_000)?;
    "limits.transactions", "a whole number from 1000 to 10000000",
        |c, v| c.limits.transactions = v.integer(1_000..=10_000_000)?;
    "limits.transactions_per_peer", "a whole number from 1000 to 10000000",
        |c, v| c.limits.transactions_per_peer = v.integer(1_000..=10_000_000)?;
    "limits.reserved_for_trusted", "a percentage from 0 to 90",
        |c, v| c.limits.reserved_for_trusted = v.integer(0..=90)?;
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
    "trace.folder", "a folder; it is created where it is missing",
        |c, v| c.trace.folder = Some(new_folder(v)?);
    "trace.call_mib", "a whole number from 1 to 4096",
        |c, v| c.trace.call_mib = v.integer(1..=4096)?;
    "trace.total_mib", "a whole number from 1 to 16777216",
        |c, v| c.trace.total_mib = v.integer(1..=16_777_216)?;
    "trace.files", "a whole number from 1 to 1000000",
        |c, v| c.trace.files = v.integer(1..=1_000_000)?;
};

/// What the name of every variable begins with.
pub(super) const PREFIX: &str = "KARIPASS_";

impl Key {
    fn section(&self) -> &'static str {
        self.name.split_once('.').map_or("", |(section, _)| section)
    }

    /// The variable that sets it.
    pub(super) fn variable(&self) -> String {
        format!("{PREFIX}{}", self.name.replace('.', "_").to_uppercase())
    }
}

pub(super) fn is_section(name: &str) -> bool {
    KEYS.iter().any(|key| key.section() == name)
}

pub(super) fn sections() -> String {
    let mut names: Vec<String> = KEYS.iter().map(|key| format!("[{}]", key.section())).collect();
    names.dedup();
    names.join(", ")
}

pub(super) fn keys_of(section: &str) -> String {
    let own = KEYS.iter().filter(|key| key.section() == section);
    own.filter_map(|key| key.name.split_once('.')).map(|(_, name)| name).collect::<Vec<_>>().join(", ")
}
