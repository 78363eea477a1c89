//! The configuration's tests: what each source may say, which wins, and how a mistake is reported.
#![allow(clippy::unwrap_used)]

mod everything;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use super::*;
use crate::account::StoreUrl;
use everything::{EVERYTHING, everything};

/// A file that is removed at the end.
struct File(PathBuf);

impl File {
    fn with(text: &str) -> File {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let name = format!("karipass-config-{}-{}.toml", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        std::fs::write(&path, text).unwrap();
        File(path)
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

fn from_text(text: &str) -> Result<Config, ConfigError> {
    Config::load(Some(&File::with(text).0), [], &Overrides::default())
}

fn from_variables(variables: &[(&str, &str)]) -> Result<Config, ConfigError> {
    let variables = variables.iter().map(|(name, value)| ((*name).into(), (*value).into()));
    Config::load(None, variables, &Overrides::default())
}

/// The complaint without the file's folder.
fn complaint(text: &str) -> String {
    let told = from_text(text).unwrap_err().to_string();
    told.split_once(".toml:").map_or(told.clone(), |(_, rest)| rest.to_owned())
}

#[test]
fn without_any_word_a_server_stays_on_loopback() {
    let config = Config::load(None, [], &Overrides::default()).unwrap();
    assert_eq!(config, Config::standard().unwrap());
    assert_eq!(from_text("[rtp]\nlisten = '127.0.0.1'").unwrap(), config);
    let listen: Vec<String> = config.sip.listen.iter().map(Listen::to_string).collect();
    assert_eq!(listen, ["udp:127.0.0.1:5060", "tcp:127.0.0.1:5060"]);
    assert_eq!(config.sip.service_number.as_str(), "0664806430");
    assert!(config.sip.trusted_peers.is_empty() && config.sip.trust_from.is_empty(), "nobody is believed");
    assert_eq!(config.rtp.ports.to_string(), "10000-19999");
    assert_eq!(config.ivr.password_digits, 4..=8);
    assert_eq!(config.ivr.first_digit_timeout, Duration::from_secs(10));
    assert_eq!(config.ivr.inter_digit_timeout, Duration::from_secs(5));
    assert_eq!(config.store.url, StoreUrl::file("karipass.db"));
    assert_eq!(config.site.listen.to_string(), "127.0.0.1:8080");
}

#[test]
fn a_file_can_set_everything() {
    assert_eq!(from_text(EVERYTHING).unwrap(), everything());
    assert_eq!(from_text("").unwrap(), Config::standard().unwrap());
    assert_eq!(from_text("sip.service_number = '0312345678'").unwrap().sip.service_number.as_str(), "0312345678");
}

/// Every setting as a variable.
const VARIABLES: &[(&str, &str)] = &[
    ("KARIPASS_SIP_LISTEN", "udp:0.0.0.0:5060, tcp:[::]:5062"),
    ("KARIPASS_SIP_ADVERTISE", "192.0.2.1"),
    ("KARIPASS_SIP_SERVICE_NUMBER", "0312345678"),
    ("KARIPASS_SIP_TRUSTED_PEERS", "192.0.2.0/24,2001:db8::/32"),
    ("KARIPASS_SIP_TRUST_FROM", "198.51.100.7"),
    ("KARIPASS_SIP_ACCEPT_PRIVACY_ID", "false"),
    ("KARIPASS_SIP_REGISTRAR", "false"),
    ("KARIPASS_SIP_REALM", "lab 1"),
    ("KARIPASS_SIP_DIGEST_ALGORITHMS", "MD5, SHA-256"),
    ("KARIPASS_SIP_DOMAINS", "sip.example.jp,192.0.2.1:5060"),
    ("KARIPASS_SIP_IDLE_TIMEOUT", "3m"),
    ("KARIPASS_RTP_LISTEN", "0.0.0.0, ::"),
    ("KARIPASS_SIP_RINGING", "true"),
    ("KARIPASS_SIP_REFUSE_WITH_ANNOUNCEMENT", "true"),
    ("KARIPASS_RTP_ADVERTISE", "2001:db8::9"),
    ("KARIPASS_RTP_PORTS", "20000-20999"),
    ("KARIPASS_RTP_SRTP", "required"),
    ("KARIPASS_IVR_PROMPTS", "."),
    ("KARIPASS_IVR_CONFIRM", "re-enter"),
    ("KARIPASS_IVR_PASSWORD_DIGITS", "6,12"),
    ("KARIPASS_IVR_FIRST_DIGIT_TIMEOUT", "1500ms"),
    ("KARIPASS_IVR_INTER_DIGIT_TIMEOUT", "2s"),
    ("KARIPASS_IVR_MAX_INVALID", "4"),
    ("KARIPASS_IVR_MAX_TIMEOUTS", "5"),
    ("KARIPASS_STORE_URL", "sqlite:/srv/accounts.db"),
    ("KARIPASS_STORE_BUSY_TIMEOUT", "1m"),
    ("KARIPASS_STORE_ARGON2", "65536, 3, 4"),
    ("KARIPASS_SITE_LISTEN", "[::1]:8443"),
    ("KARIPASS_SITE_BEHIND_TLS", "true"),
    ("KARIPASS_SITE_TRUSTED_PROXIES", "192.0.2.80"),
    ("KARIPASS_SITE_PASSWORD_LENGTH", "10,40"),
    ("KARIPASS_SITE_PASSWORD_LETTERS_AND_DIGITS", "false"),
    ("KARIPASS_SITE_PASSWORD_DAYS", "90"),
    ("KARIPASS_SITE_IDLE_TIMEOUT", "5m"),
    ("KARIPASS_SITE_LOGINS_PER_MINUTE", "30"),
    ("KARIPASS_SITE_LOCK_AFTER", "5"),
    ("KARIPASS_SITE_LOCK_TIME", "20m"),
    ("KARIPASS_SITE_URL", "https://settings.example.jp"),
    ("KARIPASS_MAIL_SMTP", "smtps://mail.example.jp"),
    ("KARIPASS_MAIL_FROM", "仮パス <karipass@example.jp>"),
    ("KARIPASS_MAIL_USER", "karipass"),
    ("KARIPASS_MAIL_PASSWORD", "swordfish-48"),
    ("KARIPASS_API_LISTEN", "127.0.0.1:8181"),
    ("KARIPASS_API_TOKEN", "correct-horse-battery"),
    ("KARIPASS_LIMITS_CALLS", "1000"),
    ("KARIPASS_LIMITS_CALLS_PER_PEER", "20"),
    ("KARIPASS_LIMITS_CALLS_PER_LINE", "30"),
    ("KARIPASS_LIMITS_TRANSACTIONS", "5000"),
    ("KARIPASS_LIMITS_TRANSACTIONS_PER_PEER", "4000"),
    ("KARIPASS_LIMITS_RESERVED_FOR_TRUSTED", "10"),
    ("KARIPASS_LIMITS_INVITES_PER_SECOND_PER_PEER", "3"),
    ("KARIPASS_LIMITS_CONNECTIONS", "50"),
    ("KARIPASS_LIMITS_CONNECTIONS_PER_PEER", "6"),
    ("KARIPASS_LIMITS_HTTP_CONNECTIONS", "30"),
    ("KARIPASS_LIMITS_HTTP_CONNECTIONS_PER_PEER", "7"),
    ("KARIPASS_LIMITS_HTTP_HEADER_TIMEOUT", "5s"),
    ("KARIPASS_LIMITS_HTTP_BODY_TIMEOUT", "2m"),
    ("KARIPASS_LIMITS_CALL_DURATION", "1h"),
    ("KARIPASS_LIMITS_DRAIN", "0s"),
    ("KARIPASS_LIMITS_MEDIA_WORKERS", "4"),
    ("KARIPASS_LIMITS_HASH_WORKERS", "3"),
    ("KARIPASS_TRACE_FOLDER", "/srv/traces"),
    ("KARIPASS_TRACE_CALL_MIB", "2"),
    ("KARIPASS_TRACE_TOTAL_MIB", "50"),
    ("KARIPASS_TRACE_FILES", "7"),
    ("PATH", "nobody's business"),
];

#[test]
fn the_environment_can_set_everything() {
    assert_eq!(from_variables(VARIABLES).unwrap(), everything());
}

#[test]
fn no_complaint_and_no_rendering_shows_a_secret() {
    let shown = format!("{:?}", everything());
    for secret in ["swordfish", "correct-horse"] {
        assert!(!shown.contains(secret), "{shown}");
    }
    for text in [
        "[api]\ntoken = 'sesame'",
        "[api]\ntoken = 'sesame with spaces in it'",
        "[mail]\nsmtp = 'smtp://user:sesame@mail.example.jp'",
        "[mail]\npassword = 'sesame'",
    ] {
        let complaint = from_text(text).unwrap_err().to_string();
        assert!(!complaint.contains("sesame"), "{complaint}");
    }
}

#[test]
fn flags_win_over_the_environment_and_that_over_the_file() {
    let file =
        File::with("[site]\nlisten = '127.0.0.1:1'\n[rtp]\nports = '2000-2001'\n[store]\nurl = 'sqlite:file.db'\n");
    let environment = [("KARIPASS_SITE_LISTEN", "127.0.0.1:2"), ("KARIPASS_STORE_URL", "sqlite:variable.db")]
        .map(|(name, value)| (name.into(), value.into()));
    let overrides = Overrides {
        sip: Some("127.0.0.1:0".parse().unwrap()),
        db: Some(PathBuf::from("flag.db")),
        trace: Some(PathBuf::from("flag")),
        ..Overrides::default()
    };
    let config = Config::load(Some(&file.0), environment, &overrides).unwrap();
    assert_eq!(config.rtp.ports.to_string(), "2000-2001");
    assert_eq!(config.site.listen.port(), 2);
    assert_eq!(config.store.url, StoreUrl::file("flag.db"));
    assert_eq!(config.trace.folder, Some(PathBuf::from("flag")));
    let listen: Vec<String> = config.sip.listen.iter().map(Listen::to_string).collect();
    assert_eq!(listen, ["udp:127.0.0.1:0", "tcp:127.0.0.1:0"]);
}

#[test]
fn the_demo_believes_loopback_and_nobody_else() {
    let config = Config::load(None, [], &Overrides { demo: true, ..Overrides::default() }).unwrap();
    let believed = |address: &str| config.sip.trust_from.iter().any(|net| net.contains(address.parse().unwrap()));
    assert!(believed("127.0.0.1") && believed("::1") && believed("127.8.9.10"));
    assert!(!believed("192.0.2.1") && !believed("::2"));
}

#[test]
fn an_unknown_key_is_told_with_its_line_and_its_siblings() {
    let told = complaint("[sip]\n\n# a comment\nlisen = []\n");
    assert!(told.starts_with("4: sip.lisen is not a setting; allowed: listen, advertise, service_number"), "{told}");
    let told = complaint("[sip]\nlisten = ['udp:127.0.0.1:5060']\n[spi]\nlisten = []\n");
    assert!(
        told.starts_with(
            "3: spi is not a setting; allowed: [sip], [rtp], [ivr], [store], [site], [mail], [api], [limits]"
        ),
        "{told}"
    );
    let told = complaint("listen = 'udp:127.0.0.1:5060'\n");
    assert!(told.starts_with("1: listen is not a setting; allowed: [sip]"), "{told}");
    let told = complaint("[[sip]]\nlisten = []\n");
    assert!(told.starts_with("1: sip, which is not a table,"), "{told}");
    // the first mistake in the file is reported, not the first by name
    assert!(complaint("[site]\nx = 1\n[ivr]\ny = 2\n").starts_with("2: site.x"));

    let told = from_variables(&[("KARIPASS_SIP_LISEN", "udp:127.0.0.1:5060")]).unwrap_err().to_string();
    assert!(told.starts_with("variable KARIPASS_SIP_LISEN: ") && told.contains("KARIPASS_SIP_LISTEN"), "{told}");
}

/// A file, and what the complaint about it begins with.
const BAD: &[(&str, &str)] = &[
    ("[sip]\nlisten = 'udp:127.0.0.1:5060'", "2: sip.listen: expected a list, found a text; allowed: a list of udp:"),
    ("[site]\nurl = 'settings.example.jp'", "2: site.url: \"settings.example.jp\" is not a web address"),
    ("[mail]\nsmtp = 'mail.example.jp'", "2: mail.smtp: it begins with none of smtp://"),
    ("[mail]\nfrom = 'nobody'", "2: mail.from: \"nobody\""),
    ("[mail]\nuser = 'u'", "2: mail.password: missing for mail.user"),
    (
        "[mail]\nsmtp = 'smtp://mail.example.jp'\nuser = 'u'\npassword = 'p'",
        "2: mail.smtp: the password of mail.user would go in clear",
    ),
    ("[sip]\nlisten = []", "2: sip.listen: the list is empty"),
    ("[sip]\nlisten = ['udp:127.0.0.1:9', 'udp:127.0.0.1:9']", "2: sip.listen: udp:127.0.0.1:9 is given twice"),
    ("[sip]\nlisten = [\n'udp:host:9']", "2: sip.listen: \"host:9\" is not ADDR:PORT"),
    ("[sip]\nadvertise = 'gw.example'", "2: sip.advertise: invalid IP address syntax; allowed: an IP address"),
    ("[sip]\nservice_number = 664806430", "2: sip.service_number: expected a text, found a whole number"),
    ("[sip]\nservice_number = '664806430'", "2: sip.service_number: the number lacks its area code's leading 0"),
    ("[sip]\ntrusted_peers = ['192.0.2.1/24']", "2: sip.trusted_peers: \"192.0.2.1/24\" has host bits set"),
    ("[sip]\nrealm = 'a:b'", "2: sip.realm: \"a:b\" is not a valid realm"),
    ("[sip]\ndigest_algorithms = []", "2: sip.digest_algorithms: the list is empty"),
    ("[sip]\ndigest_algorithms = ['MD5', 'md5']", "2: sip.digest_algorithms: MD5 is given twice"),
    (
        "[sip]\ndigest_algorithms = ['SHA-512-256']",
        "2: sip.digest_algorithms: \"SHA-512-256\" is not a supported digest algorithm; allowed: a list of \"SHA-256\" and \"MD5\"",
    ),
    ("[sip]\ndigest_algorithms = 'MD5'", "2: sip.digest_algorithms: expected a list, found a text"),
    ("[sip]\ndomains = ['a@b']", "2: sip.domains: \"a@b\" is not a host"),
    ("[sip]\naccept_privacy_id = 'no'", "2: sip.accept_privacy_id: expected true or false, found a text"),
    ("[rtp]\nlisten = ['::1', '::2']", "2: rtp.listen: more than one address of a family; allowed: an IP address, or"),
    ("[rtp]\nlisten = []", "2: rtp.listen: the list is empty"),
    ("[rtp]\nlisten = 'localhost'", "2: rtp.listen: invalid IP address syntax"),
    ("[rtp]\nports = '5-5'", "2: rtp.ports: 5-5 holds no even port"),
    (
        "[rtp]\nsrtp = 'optional'",
        "2: rtp.srtp: \"optional\" is not a mode of encryption; allowed: \"off\", \"offered\" or \"required\"",
    ),
    ("[ivr]\nprompts = '/nonexistent'", "2: ivr.prompts: /nonexistent: No such file or directory"),
    (
        "[ivr]\nconfirm = 'twice'",
        "2: ivr.confirm: \"twice\" is not a mode of confirmation; allowed: \"read-back\" or \"re-enter\"",
    ),
    ("[ivr]\npassword_digits = [8, 4]", "2: ivr.password_digits: 8 is more than 4"),
    ("[ivr]\npassword_digits = [1, 4]", "2: ivr.password_digits: 1 is out of range; allowed: two whole numbers"),
    ("[ivr]\npassword_digits = [4]", "2: ivr.password_digits: expected 2 numbers, found 1"),
    ("[ivr]\nfirst_digit_timeout = 10", "2: ivr.first_digit_timeout: expected a text, found a whole number"),
    ("[ivr]\nfirst_digit_timeout = '10'", "2: ivr.first_digit_timeout: \"10\" is not a duration; allowed: 1s to 120s"),
    ("[ivr]\ninter_digit_timeout = '121s'", "2: ivr.inter_digit_timeout: \"121s\" is out of range"),
    ("[ivr]\nmax_invalid = 0", "2: ivr.max_invalid: 0 is out of range; allowed: a whole number from 1 to 100"),
    ("[ivr]\nmax_invalid = 3.0", "2: ivr.max_invalid: expected a whole number, found a float"),
    (
        "[store]\nurl = 'postgres://db'",
        "2: store.url: \"postgres://db\" names no SQLite file; allowed: \"sqlite:PATH\", such as",
    ),
    ("[store]\nurl = 'sqlite:///srv/a.db'", "2: store.url: \"sqlite:///srv/a.db\": behind the colon is the path"),
    ("[store]\nurl = 'sqlite://a.db'", "2: store.url: \"sqlite://a.db\": behind the colon is the path"),
    ("[store]\nurl = 'sqlite:a.db?mode=ro'", "2: store.url: \"sqlite:a.db?mode=ro\": behind the colon is the path"),
    ("[store]\nurl = 'sqlite:~/a.db'", "2: store.url: \"sqlite:~/a.db\": ~ is not expanded"),
    ("[trace]\nfolder = '~/traces'", "2: trace.folder: \"~/traces\": ~ is not expanded"),
    (
        "[store]\nargon2 = [7, 1, 1]",
        "2: store.argon2: argon2 does not accept these parameters; allowed: three whole numbers",
    ),
    ("[site]\nlisten = 'localhost:8080'", "2: site.listen: invalid socket address syntax; allowed: ADDR:PORT"),
    ("[limits]\ncalls = 99999999999999999999", "2: limits.calls: expected a whole number, found an integer too large"),
    ("[limits]\ncalls = 2026-01-01", "2: limits.calls: expected a whole number, found a date"),
];

#[test]
fn a_bad_value_is_told_with_its_line_and_what_is_allowed() {
    for (text, told) in BAD {
        let complaint = complaint(text);
        assert!(complaint.starts_with(told), "{text}\n  told {complaint}\n  not  {told}");
    }
    let told = from_variables(&[("KARIPASS_LIMITS_CALLS", "many")]).unwrap_err().to_string();
    assert!(told.starts_with("variable KARIPASS_LIMITS_CALLS: limits.calls: \"many\" is not a whole number"), "{told}");
}

#[test]
fn what_is_no_toml_is_told_with_line_and_column() {
    let told = complaint("[sip]\nlisten = [\"udp:127.0.0.1:5060\"\n\n[rtp]\n");
    assert!(told.contains("this is not TOML") && told.contains("column"), "{told}");
    assert!(
        complaint("[sip]\nlisten = []\nlisten = []\n").starts_with("3, column 1: this is not TOML"),
        "a key given twice"
    );
    assert!(complaint("[sip]\r\n\r\n===\r\n").starts_with("3, column"), "lines end as on any system");
}

#[test]
fn a_file_that_cannot_be_read_is_told() {
    let error = Config::load(Some(Path::new("/nonexistent/k.toml")), [], &Overrides::default()).unwrap_err();
    assert!(error.is_resource() && error.to_string().starts_with("/nonexistent/k.toml: "), "{error}");
    assert!(!from_text("[sip]\nx = 1").unwrap_err().is_resource());
}

#[test]
fn tls_needs_its_certificate_and_key() {
    let told = complaint("[sip]\n\nlisten = ['tls:127.0.0.1:5061']\n");
    assert!(told.starts_with("3: sip.certificate: missing, and tls: listeners need it"), "{told}");
    let pem = File::with("a certificate");
    let path = pem.0.display();
    let told = complaint(&format!("[sip]\nlisten = ['tls:127.0.0.1:5061']\ncertificate = '{path}'\n"));
    assert!(told.starts_with("2: sip.key: missing"), "{told}");
    let text = format!("[sip]\nlisten = ['tls:127.0.0.1:5061']\ncertificate = '{path}'\nkey = '{path}'\n");
    assert_eq!(from_text(&text).unwrap().sip.key, Some(pem.0.clone()));
}

#[test]
fn the_site_speaks_tls_with_both_files_and_not_behind_another() {
    let pem = File::with("a certificate");
    let path = pem.0.display();
    let told = complaint(&format!("[site]\ncertificate = '{path}'\n"));
    assert!(told.starts_with("2: site.key: missing, and site.certificate needs it"), "{told}");
    let told = complaint(&format!("[site]\n\nkey = '{path}'\n"));
    assert!(told.starts_with("3: site.certificate: missing, and site.key needs it"), "{told}");
    let both = format!("[site]\ncertificate = '{path}'\nkey = '{path}'\n");
    let told = complaint(&format!("{both}behind_tls = true\n"));
    assert!(told.starts_with("4: site.behind_tls: true, but there is a certificate too"), "{told}");
    assert_eq!(from_text(&both).unwrap().site.certificate, Some(pem.0.clone()));
    assert!(complaint("[site]\nkey = '/nonexistent/key.pem'").starts_with("2: site.key: /nonexistent/key.pem"));
}

#[test]
fn no_text_whatever_makes_it_panic() {
    for (end, _) in EVERYTHING.char_indices() {
        let _ = from_text(EVERYTHING.get(..end).unwrap());
    }
}
