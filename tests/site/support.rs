//! A settings site on a free port with a store of its own and a clock that the test sets, and a browser without a screen.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::time::Duration;

use karipass::internals::account::{
    self, AccountStore, Actor, Contract, Cost, Effects, Existing, Mode, Options, Service, Services, SettingChange,
    Store, StoreUrl, password,
};
use karipass::internals::event::{Event, EventError, Outcome, play};
use karipass::internals::site::{self, PageOptions, Rules, Security, Site};
use karipass::number::PhoneNumber;
use karipass::secret::Secret;
use karipass::time::UnixTime;
use karipass::unit::Unit;
use rand::RngExt;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

pub const START: i64 = 1_800_000_000;
pub const TEMPORARY: &str = "48151623";
/// So long a write waits for others, on however busy a machine.
const WAIT: Duration = Duration::from_secs(60);
pub const OWN: &str = "kumquat-48-tram";

pub struct World {
    pub site: Option<Site>,
    trusting: Option<Arc<ClientConfig>>,
    clock: Arc<AtomicI64>,
    folder: PathBuf,
}

pub fn number(text: &str) -> PhoneNumber {
    PhoneNumber::parse(text).unwrap()
}

/// The example: the contract number has arrival mail, the additional number arrival mail and fax mail.
pub fn example() -> Contract {
    let services = |text: &str| text.parse::<Services>().unwrap();
    Contract::new(number("0600001111"), services("arrival-mail"))
        .with(number("0600002222"), services("arrival-mail+fax-mail"))
}

impl World {
    pub fn new(contracts: &[Contract]) -> World {
        World::with(contracts, |_| {})
    }

    pub fn with(contracts: &[Contract], change: impl FnOnce(&mut site::Options)) -> World {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let name = format!("site-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        World::made(PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name), WAIT, contracts, change)
    }

    /// A site whose store is in this folder, and that waits only so long when something else writes to it.
    pub fn made(
        folder: PathBuf,
        wait: Duration,
        contracts: &[Contract],
        change: impl FnOnce(&mut site::Options),
    ) -> World {
        std::fs::create_dir_all(&folder).unwrap();
        let clock = Arc::new(AtomicI64::new(START));
        let (file, read) = (folder.join("karipass.db"), Arc::clone(&clock));
        open(&file, WAIT).save_contracts(contracts, Existing::Refuse, &BY, UnixTime(START)).unwrap();
        let pages = page_options(file, wait, read);
        let listen = SocketAddr::from(([127, 0, 0, 1], 0));
        let mut options = site::Options { listen, limits: karipass::internals::http::Limits::default(), pages };
        change(&mut options);
        World { site: Some(site::start(options).unwrap()), trusting: None, clock, folder }
    }

    /// A site that speaks TLS itself, and browsers that trust its certificate.
    pub fn over_tls(contracts: &[Contract]) -> World {
        World::over_tls_with(contracts, |_| {})
    }

    pub fn over_tls_with(contracts: &[Contract], change: impl FnOnce(&mut site::Options)) -> World {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let files = std::env::temp_dir().join(format!("karipass-site-tls-{}-{count}", std::process::id()));
        std::fs::create_dir_all(&files).unwrap();
        let (certificate, key) = (files.join("cert.pem"), files.join("key.pem"));
        let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        std::fs::write(&certificate, made.cert.pem()).unwrap();
        std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
        let here = karipass::internals::net::tls::Identity::load(&certificate, &key, &["http/1.1"]).unwrap().config();
        std::fs::remove_dir_all(&files).unwrap();
        let mut roots = RootCertStore::empty();
        roots.add(made.cert.der().clone()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let client = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let client = client.with_root_certificates(roots).with_no_client_auth();
        let mut world = World::with(contracts, |options| {
            options.pages.security = Security::Here(here);
            change(options);
        });
        world.trusting = Some(Arc::new(client));
        world
    }

    pub fn at(&self, second: i64) {
        self.clock.store(START + second, Ordering::SeqCst);
    }

    #[allow(dead_code)] // not every test program asks
    pub fn folder(&self) -> &std::path::Path {
        &self.folder
    }

    pub fn store(&self) -> AccountStore {
        open(&self.file(), WAIT)
    }

    pub fn file(&self) -> PathBuf {
        self.folder.join("karipass.db")
    }

    /// What a call does, at this second.
    pub fn call(&self, unit: Unit, account: &str, temporary: &str, second: i64) {
        let (secret, at) = (Secret::from(temporary), UnixTime(START + second));
        let prepared =
            password::prepare(unit, number(account), &secret, at, "call", Cost::CHEAP, &mut rand::rng()).unwrap();
        self.store().set_temporary_passwords(&[prepared]).unwrap().remove(0).unwrap();
    }

    pub fn own_password(&self, unit: Unit, account: &str, own: &str, second: i64) {
        let hash = password::hash(&Secret::from(own), Cost::CHEAP, &mut rand::rng()).unwrap();
        self.store().set_own_password(unit, number(account), &hash, &BY, UnixTime(START + second)).unwrap();
    }

    pub fn browser(&self) -> Browser {
        Browser {
            address: self.address(),
            trusting: self.trusting.clone(),
            cookies: BTreeMap::new(),
            headers: Vec::new(),
        }
    }

    pub fn address(&self) -> SocketAddr {
        self.site.as_ref().unwrap().address()
    }

    /// A browser that is logged in with an own password.
    pub fn member(&self, unit: Unit, account: &str) -> Browser {
        self.own_password(unit, account, OWN, 0);
        let mut browser = self.browser();
        let answer = browser.log_in(unit, account, OWN);
        assert_eq!((answer.status, answer.location()), (303, "/"), "{}", answer.text());
        browser
    }
}

impl Drop for World {
    fn drop(&mut self) {
        drop(self.site.take());
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// Who sets what the tests begin with.
pub const BY: Actor = Actor::Program("test");

/// Pages over the store in this file, at a second that the test sets.
pub fn page_options(file: PathBuf, wait: Duration, clock: Arc<AtomicI64>) -> PageOptions {
    PageOptions {
        security: Security::Plain,
        linphone: None,
        service_number: number("0664806430"),
        open_store: Box::new(move || Ok(Box::new(open(&file, wait)))),
        cost: Cost::CHEAP,
        hashers: 2,
        clock: Arc::new(move || UnixTime(clock.load(Ordering::SeqCst))),
        random: Arc::new(|| rand::rng().random()),
        rules: Rules::default(),
        idle_seconds: 900,
        logins_per_minute: 1000,
        proxies: Vec::new(),
        refusal_after: Duration::ZERO,
        sends_mail: true,
    }
}

/// A second after the start.
#[allow(dead_code)] // not every test program asks
pub fn at(second: i64) -> UnixTime {
    UnixTime(START + second)
}

/// What a subscriber would set.
#[allow(dead_code)] // not every test program asks
pub fn set(store: &mut AccountStore, of: &str, service: Service, active: bool, detail: &impl serde::Serialize) {
    let revision = store.setting(number(of), service).unwrap().revision;
    let detail = serde_json::to_string(detail).unwrap();
    let change = SettingChange { number: number(of), service, revision, active, detail };
    let effects = Effects { changes: vec![change], ..Effects::default() };
    store.apply(&effects, &Actor::Account { unit: Unit::Number, number: number(of) }, at(0)).unwrap();
}

/// What happens in the network.
#[allow(dead_code)] // not every test program asks
pub fn happen(store: &mut AccountStore, event: &Event, second: i64) -> Result<Outcome, EventError> {
    play(store, event, None, at(second), &mut || rand::rng().random())
}

#[allow(dead_code)] // not every test program asks
pub fn fax_file(name: &str) -> Vec<u8> {
    std::fs::read(std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/fax").join(name)).unwrap()
}

#[allow(dead_code)] // not every test program asks
pub fn fax(caller: Option<&str>, called: &str, name: &str) -> Event {
    Event::Fax {
        caller: caller.map(|caller| caller.parse().unwrap()),
        called: number(called),
        document: fax_file(name),
    }
}

fn open(file: &std::path::Path, wait: Duration) -> AccountStore {
    let options = Options { cost: Cost::CHEAP, wait, ..Options::default() };
    account::open(&StoreUrl::file(file), Mode::Create, &options).unwrap()
}

trait Duplex: Read + Write {}
impl<T: Read + Write> Duplex for T {}

#[derive(Clone)]
pub struct Browser {
    address: SocketAddr,
    trusting: Option<Arc<ClientConfig>>,
    pub cookies: BTreeMap<String, String>,
    pub headers: Vec<String>,
}

pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn header(&self, name: &str) -> &str {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.find(|(key, _)| key.eq_ignore_ascii_case(name)).map_or("", |(_, value)| value)
    }

    pub fn location(&self) -> &str {
        self.header("location")
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn has(&self, text: &str) -> bool {
        self.text().contains(text)
    }

    /// The value of a hidden field.
    pub fn hidden(&self, name: &str) -> String {
        let text = self.text();
        let at = text.find(&format!("name=\"{name}\" value=\"")).unwrap_or_else(|| panic!("no {name} in {text}"));
        text[at..].split('"').nth(3).unwrap().replace("&#34;", "\"").replace("&#38;", "&")
    }
}

impl Browser {
    #[allow(dead_code)] // not every test program asks
    pub fn of(address: SocketAddr) -> Browser {
        Browser { address, trusting: None, cookies: BTreeMap::new(), headers: Vec::new() }
    }

    pub fn get(&mut self, path: &str) -> Answer {
        self.send("GET", path, "", b"")
    }

    pub fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        self.send("POST", path, "application/x-www-form-urlencoded", body.as_bytes())
    }

    pub fn upload(&mut self, path: &str, csrf: &str, file: &[u8]) -> Answer {
        let mut body = format!(
            "--XX\r\nContent-Disposition: form-data; name=\"csrf\"\r\n\r\n{csrf}\r\n--XX\r\n\
             Content-Disposition: form-data; name=\"file\"; filename=\"a.csv\"\r\nContent-Type: text/csv\r\n\r\n"
        )
        .into_bytes();
        body.extend_from_slice(file);
        body.extend_from_slice(b"\r\n--XX--\r\n");
        self.send("POST", path, "multipart/form-data; boundary=XX", &body)
    }

    pub fn log_in(&mut self, unit: Unit, account: &str, password: &str) -> Answer {
        self.post("/login", &[("unit", unit.name()), ("number", account), ("password", password)])
    }

    /// The token of this session's forms.
    pub fn csrf(&mut self) -> String {
        self.get("/password").hidden("csrf")
    }

    pub fn send(&mut self, method: &str, path: &str, kind: &str, body: &[u8]) -> Answer {
        let cookies: Vec<String> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let mut head = format!("{method} {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n", self.address);
        if !cookies.is_empty() {
            head += &format!("Cookie: {}\r\n", cookies.join("; "));
        }
        if method == "POST" {
            head += &format!("Content-Type: {kind}\r\nContent-Length: {}\r\n", body.len());
        }
        for header in &self.headers {
            head += &format!("{header}\r\n");
        }
        let plain = TcpStream::connect(self.address).unwrap();
        let mut stream: Box<dyn Duplex> = match &self.trusting {
            Some(config) => {
                let name = ServerName::try_from("localhost").unwrap();
                let client = ClientConnection::new(Arc::clone(config), name).unwrap();
                Box::new(StreamOwned::new(client, plain))
            }
            None => Box::new(plain),
        };
        stream.write_all(format!("{head}\r\n").as_bytes()).unwrap();
        // a server that refuses a large body may close before it has all
        let _ = stream.write_all(body);
        let mut bytes = Vec::new();
        let _ = stream.read_to_end(&mut bytes);
        self.take(&bytes)
    }

    fn take(&mut self, bytes: &[u8]) -> Answer {
        let end = bytes.windows(4).position(|four| four == b"\r\n\r\n").expect("an answer");
        let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
        for line in head.lines().filter(|line| line.to_ascii_lowercase().starts_with("set-cookie: ")) {
            let (name, value) = line["set-cookie: ".len()..].split(';').next().unwrap().split_once('=').unwrap();
            match value {
                "" => self.cookies.remove(name),
                value => self.cookies.insert(name.to_owned(), value.to_owned()),
            };
        }
        let status = head[9..12].parse().unwrap();
        Answer { status, head, body: bytes[end + 4..].to_vec() }
    }
}
