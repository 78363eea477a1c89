//! The edge at its limits: a flood, a full queue, a slow store.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;
use crate::account::password::{Cost, prepare};
use crate::account::rules::{Policy, Rules};
use crate::account::sqlite::Sqlite;
use crate::account::tables::{Backend, Durability, Failure, Tables};
use crate::account::{self, AccountStore, Actor, CallFilter, Mode, Store, StoreError, StoreUrl, demo};
use crate::audio::prompt::Bank;
use crate::call::Input;
use crate::secret::Secret;
use crate::sip::flow::Flow;
use crate::switchboard::Question;
use crate::switchboard::ledger::Caller;
use crate::ticket::Ticket;
use crate::time::UnixTime;
use crate::unit::Unit;

/// A store with the example contract, in a folder of its own.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Folder {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let name = format!("karipass-server-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let folder = Folder(std::env::temp_dir().join(name));
        std::fs::create_dir_all(&folder.0).unwrap();
        demo(&mut folder.store(), &Actor::Program("test"), UnixTime(1_767_225_600)).unwrap();
        folder
    }

    fn store(&self) -> AccountStore {
        account::open(&StoreUrl::file(self.0.join("store.db")), Mode::Create, &account::Options::default()).unwrap()
    }

    async fn server(&self) -> Server {
        let loopback = IpAddr::from([127, 0, 0, 1]);
        let options = Options {
            listen: vec![(Transport::Udp, (loopback, 0).into())],
            transport: transport::Options::default(),
            rtp_ips: vec![loopback],
            rtp_advertise: None,
            rtp_ports: 0..=0,
            endpoint: endpoint::Config::default(),
            rings: false,
            call: Settings::new(Arc::new(Bank::builtin())),
            trust: Box::new(|_| Trust::default()),
            peers: PeerLimits { calls: 100, invites_per_second: 100.0 },
            calls_per_line: 50,
            drain: Duration::from_secs(30),
            retry_after: Duration::from_secs(5),
            stores: Stores { readers: vec![Box::new(self.store())], writer: Box::new(self.store()) },
            cost: Cost::default(),
            threads: Threads { media: 1, hashing: 1 },
            trace: None,
        };
        Server::start(options).await.unwrap()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A stop that was asked for already.
async fn stop() -> mpsc::Receiver<()> {
    let (stop, shutdown) = mpsc::channel(2);
    stop.send(()).await.unwrap();
    shutdown
}

/// An INVITE for somebody else: it is refused, and recorded.
fn stray_invite(number: usize) -> Inbound {
    let remote = "127.0.0.1:9".parse().unwrap();
    let flow = Flow { transport: Transport::Udp, local: "127.0.0.1:5060".parse().unwrap(), remote, connection: None };
    let text = format!(
        "INVITE sip:0600000000@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP {remote};branch=z9hG4bK-{number}\r\n\
         Max-Forwards: 70\r\nFrom: <sip:0600001111@127.0.0.1>;tag=a\r\nTo: <sip:0600000000@127.0.0.1>\r\n\
         Call-ID: {number}\r\nCSeq: 1 INVITE\r\nContact: <sip:a@{remote}>\r\nContent-Length: 0\r\n\r\n"
    );
    Inbound::Message { flow, bytes: text.into_bytes() }
}

#[tokio::test]
async fn a_stop_is_heard_before_a_flood_is_dealt_with() {
    let folder = Folder::new();
    let mut server = folder.server().await;
    let (flood, inbound) = mpsc::channel(1000);
    for number in 0..1000 {
        flood.try_send(stray_invite(number)).unwrap();
    }
    server.inbound = inbound;
    server.run(stop().await).await;
    let dealt_with = folder.store().calls(&CallFilter::default()).unwrap().len();
    assert_eq!(dealt_with, 0, "messages were dealt with before the stop was heard");
}

#[tokio::test]
async fn everything_handed_to_the_store_is_written_before_the_server_has_stopped() {
    let folder = Folder::new();
    let server = folder.server().await;
    let number = "0600001111".parse().unwrap();
    for (call, unit) in (0..).zip(Unit::ALL) {
        let (password, caller) = (Secret::from("48151623"), Caller { worker: 0, call: CallHandle(call) });
        let prepared =
            prepare(unit, number, &password, UnixTime(1_767_225_600), "call", Cost::CHEAP, &mut rand::rng()).unwrap();
        assert!(server.edge.ledger.store(prepared, Ticket::new(), caller).is_none());
    }
    server.run(stop().await).await;
    let store = folder.store();
    for unit in Unit::ALL {
        let set = store.credential(unit, number).unwrap().and_then(|credential| credential.temporary);
        assert!(set.is_some(), "{unit:?} is not set");
    }
}

#[tokio::test]
async fn a_full_queue_of_the_store_is_answered_at_once_and_nothing_waits_for_itself() {
    let folder = Folder::new();
    let mut server = folder.server().await;
    let (full, _queues) = Ledger::without_room();
    server.edge.ledger = Arc::new(full);
    let question = Question { user_name: None, line: None, realm: "karipass".to_owned() };
    let waiting = Waiting::Call(CallHandle(1));
    // within the runtime, where nothing may block
    server.edge.ask(Lookup::Key { question, waiting });
    assert!(matches!(server.edge.carry_out(), Some(Time::MAX)));
}

/// Tables on a disk whose first look-up hangs until the sender is gone.
struct Hanging {
    tables: Sqlite,
    released: Arc<std::sync::Mutex<Option<std::sync::mpsc::Receiver<()>>>>,
}

impl Backend for Hanging {
    fn name(&self) -> String {
        self.tables.name()
    }

    fn read<T>(&self, work: impl Fn(&dyn Tables) -> Result<T, Failure>) -> Result<T, StoreError> {
        let released = self.released.lock().unwrap().take();
        let _ = released.map(|released| released.recv());
        self.tables.read(work)
    }

    fn write<T>(
        &mut self,
        durability: Durability,
        work: impl Fn(&mut dyn Tables) -> Result<T, Failure>,
    ) -> Result<T, StoreError> {
        self.tables.write(durability, work)
    }
}

#[test]
fn a_look_up_that_hangs_holds_up_no_other() {
    let folder = Folder::new();
    let (release, released) = std::sync::mpsc::channel();
    let released = Arc::new(std::sync::Mutex::new(Some(released)));
    let reader = |_| {
        let tables = Sqlite::open(&folder.0.join("store.db"), Mode::Existing, Duration::from_secs(1)).unwrap();
        let hanging = Hanging { tables, released: Arc::clone(&released) };
        Box::new(Rules::new(hanging, Policy::default())) as Box<dyn Store>
    };
    let stores = Stores { readers: (0..2).map(reader).collect(), writer: Box::new(folder.store()) };
    let (worker, inbox) = sync_channel(10);
    let outlets = Outlets { workers: vec![worker], answers: mpsc::channel(1).0 };
    let hashing = Hashing { cost: Cost::default(), threads: 1 };
    let ledger = Ledger::open(stores, hashing, Clock::start(), outlets).unwrap();
    let number = "0600001111".parse().unwrap();
    for call in 1..=3 {
        let caller = Caller { worker: 0, call: CallHandle(call) };
        assert!(ledger.look_up(Lookup::Line { number, caller }).is_none());
    }
    let answered = || {
        let message = inbox.recv_timeout(Duration::from_secs(10)).unwrap();
        let ToWorker::Input { call, input: Input::Line(Ok(Some(_))) } = message else { panic!("{message:?}") };
        call.0
    };
    let others = [answered(), answered()];
    assert!(inbox.try_recv().is_err(), "nothing hung");
    drop(release);
    let mut all = [others[0], others[1], answered()];
    all.sort_unstable();
    assert_eq!(all, [1, 2, 3]);
    ledger.close();
}
