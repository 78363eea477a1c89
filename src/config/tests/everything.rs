//! A file that sets everything, and what it means.
#![allow(clippy::unwrap_used)]

use std::path::PathBuf;
use std::time::Duration;

use crate::account::{Cost, StoreUrl};
use crate::config::{Api, Config, Ivr, Limits, Mail, PortRange, Rtp, Sip, Site, Store, Trace};
use crate::ivr::Confirm;
use crate::number::PhoneNumber;
use crate::secret::Secret;
use crate::sip::digest::Algorithm;
use crate::sip::sdp::Srtp;

/// A file that sets everything.
pub const EVERYTHING: &str = r#"
[sip]
listen = ["udp:0.0.0.0:5060", "tcp:[::]:5062"]
advertise = "192.0.2.1"
service_number = "03-1234-5678"
trusted_peers = ["192.0.2.0/24", "2001:db8::/32"]
trust_from = ["198.51.100.7"]
accept_privacy_id = false
registrar = false
realm = "lab 1"
digest_algorithms = ["MD5", "sha-256"]
domains = ["sip.example.jp", "192.0.2.1:5060"]
idle_timeout = "3m"
refuse_with_announcement = true
ringing = true

[rtp]
listen = ["0.0.0.0", "::"]
advertise = "2001:db8::9"
ports = "20000-20999"
srtp = "required"

[ivr]
prompts = "."
confirm = "re-enter"
password_digits = [6, 12]
first_digit_timeout = "1500ms"
inter_digit_timeout = "2s"
max_invalid = 4
max_timeouts = 5

[store]
url = "sqlite:/srv/accounts.db"
busy_timeout = "1m"
argon2 = [65536, 3, 4]

[site]
listen = "[::1]:8443"
behind_tls = true
trusted_proxies = ["192.0.2.80"]
password_length = [10, 40]
password_letters_and_digits = false
password_days = 90
idle_timeout = "5m"
logins_per_minute = 30
lock_after = 5
lock_time = "20m"
url = "https://settings.example.jp"

[mail]
smtp = "smtps://mail.example.jp"
from = "仮パス <karipass@example.jp>"
user = "karipass"
password = "swordfish-48"

[api]
listen = "127.0.0.1:8181"
token = "correct-horse-battery"

[limits]
calls = 1000
calls_per_peer = 20
calls_per_line = 30
transactions = 5000
transactions_per_peer = 4000
reserved_for_trusted = 10
invites_per_second_per_peer = 3
connections = 50
connections_per_peer = 6
http_connections = 30
http_connections_per_peer = 7
http_header_timeout = "5s"
http_body_timeout = "2m"
call_duration = "1h"
drain = "0s"
media_workers = 4
hash_workers = 3
[trace]
folder = "/srv/traces"
call_mib = 2
total_mib = 50
files = 7
"#;

/// What it says.
pub fn everything() -> Config {
    Config {
        sip: sip(),
        rtp: Rtp {
            listen: vec!["0.0.0.0".parse().unwrap(), "::".parse().unwrap()],
            advertise: Some("2001:db8::9".parse().unwrap()),
            ports: PortRange { from: 20_000, to: 20_999 },
            srtp: Srtp::Required,
        },
        ivr: Ivr {
            prompts: Some(PathBuf::from(".")),
            confirm: Confirm::ReEnter,
            password_digits: 6..=12,
            first_digit_timeout: Duration::from_millis(1500),
            inter_digit_timeout: Duration::from_secs(2),
            max_invalid: 4,
            max_timeouts: 5,
        },
        store: Store {
            url: StoreUrl::file("/srv/accounts.db"),
            busy_timeout: Duration::from_secs(60),
            hash_cost: Cost::new(65_536, 3, 4).unwrap(),
        },
        site: site(),
        mail: Mail {
            smtp: Some("smtps://mail.example.jp:465".parse().unwrap()),
            from: "仮パス <karipass@example.jp>".to_owned(),
            user: Some("karipass".to_owned()),
            password: Some(Secret::from("swordfish-48")),
        },
        api: Api { listen: "127.0.0.1:8181".parse().unwrap(), token: Some(Secret::from("correct-horse-battery")) },
        limits: Limits {
            calls: 1000,
            calls_per_peer: 20,
            calls_per_line: 30,
            transactions: 5000,
            transactions_per_peer: 4000,
            reserved_for_trusted: 10,
            invites_per_second_per_peer: 3,
            connections: 50,
            connections_per_peer: 6,
            http_connections: 30,
            http_connections_per_peer: 7,
            http_header_timeout: Duration::from_secs(5),
            http_body_timeout: Duration::from_secs(120),
            call_duration: Duration::from_secs(3600),
            drain: Duration::ZERO,
            media_workers: 4,
            hash_workers: 3,
        },
        trace: Trace { folder: Some(PathBuf::from("/srv/traces")), call_mib: 2, total_mib: 50, files: 7 },
    }
}

fn sip() -> Sip {
    Sip {
        listen: vec!["udp:0.0.0.0:5060".parse().unwrap(), "tcp:[::]:5062".parse().unwrap()],
        advertise: Some("192.0.2.1".parse().unwrap()),
        service_number: PhoneNumber::parse("0312345678").unwrap(),
        trusted_peers: vec!["192.0.2.0/24".parse().unwrap(), "2001:db8::/32".parse().unwrap()],
        trust_from: vec!["198.51.100.7/32".parse().unwrap()],
        accept_privacy_id: false,
        registrar: false,
        realm: "lab 1".to_owned(),
        digest_algorithms: vec![Algorithm::Md5, Algorithm::Sha256],
        domains: vec!["sip.example.jp".to_owned(), "192.0.2.1:5060".to_owned()],
        refuse_with_announcement: true,
        ringing: true,
        certificate: None,
        key: None,
        ca: None,
        idle_timeout: Duration::from_secs(180),
    }
}

fn site() -> Site {
    Site {
        listen: "[::1]:8443".parse().unwrap(),
        url: Some("https://settings.example.jp".to_owned()),
        behind_tls: true,
        certificate: None,
        key: None,
        trusted_proxies: vec!["192.0.2.80".parse().unwrap()],
        password_length: 10..=40,
        password_letters_and_digits: false,
        password_days: 90,
        idle_timeout: Duration::from_secs(300),
        logins_per_minute: 30,
        lock_after: 5,
        lock_time: Duration::from_secs(1200),
    }
}
