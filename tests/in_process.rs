//! The whole service in one process, started from a configuration as any other program may: called, and stopped.
#![allow(clippy::unwrap_used)]

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use karipass::caller::script::Order;
use karipass::caller::{Habits, Manner};
use karipass::config::{Config, Overrides, PortRange};
use karipass::dialler::{Believed, Callee, Dialler, Ending, Event, Load, Offer, Outcome, Progress};
use karipass::internals::account::{CallFilter, Cost, DEMO_CUSTOMER_NUMBER, Mode, Store, StoreError};
use karipass::key::Ways;
use karipass::number::PhoneNumber;
use karipass::secret::Secret;
use karipass::service::{self, Ended, Options, StartError, open_store};
use karipass::unit::Unit;

/// A folder of its own that goes away with it.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Folder {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("karipass-in-process-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir(&path).unwrap();
        Folder(path)
    }

    /// Everything on free ports of loopback.
    fn config(&self) -> Config {
        let any = "127.0.0.1:0".parse().unwrap();
        let overrides = Overrides {
            sip: Some(any),
            site: Some(any),
            rtp_ports: Some(PortRange::ANY),
            db: Some(self.0.join("store.db")),
            demo: true,
            ..Overrides::default()
        };
        let mut config = Config::load(None, [], &overrides).unwrap();
        config.store.hash_cost = Cost::CHEAP;
        config.api.listen = any;
        config.api.token = Some(Secret::from("a token of a laboratory"));
        config
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn manner() -> Manner {
    let from = PhoneNumber::parse(DEMO_CUSTOMER_NUMBER).unwrap();
    Manner {
        order: Order { unit: Unit::Line, from, target: None, password: Secret::from("48151623") },
        ways: Ways::RFC4733,
        withheld: false,
        patient: false,
        recording: None,
        habits: Habits::default(),
    }
}

#[tokio::test]
async fn a_call_to_a_service_in_the_same_process_sets_the_password() {
    let folder = Folder::new();
    let config = folder.config();
    let service = service::start(&config, Options { demo: true }).await.unwrap();
    let what: Vec<_> = service.listening().into_iter().map(|place| (place.what, place.transport)).collect();
    assert_eq!(what, [("sip", "udp"), ("sip", "tcp"), ("site", "http"), ("api", "http")]);
    assert!(service.listening().iter().all(|place| place.address.port() != 0));

    let stop = service.stop();
    let target = format!("sip:{}@{}", config.sip.service_number, service.udp().unwrap()).parse().unwrap();
    let mut events: Vec<Event> = Vec::new();
    let calling = async {
        let callee = Callee::find(target, None, &Believed::System).unwrap();
        let mut dialler = Dialler::new(callee, manner(), Offer::default()).await.unwrap();
        dialler.run(&Load::default(), &mut events).await.unwrap();
        stop.ask();
    };
    tokio::join!(service.run(), calling);

    let Some(Event::Call { progress: Progress::Ended(ended), .. }) = events.last() else { panic!("{events:?}") };
    assert_eq!((ended.how, &ended.outcome), (Ending::ServiceHungUp, &Outcome::Set), "{events:?}");
    let store = open_store(&config, Mode::Existing).unwrap();
    let calls = store.calls(&CallFilter::default()).unwrap();
    assert_eq!(calls.iter().map(|call| call.outcome.name()).collect::<Vec<_>>(), ["set"]);
}

#[tokio::test]
async fn a_service_that_has_lost_its_store_ends_and_the_next_has_the_one_by_that_name() {
    for suffix in ["", "-wal", "-shm"] {
        let folder = Folder::new();
        let config = folder.config();
        let service = service::start(&config, Options { demo: true }).await.unwrap();
        let lost = folder.0.join(format!("store.db{suffix}"));
        std::fs::rename(&lost, folder.0.join("elsewhere")).unwrap();
        let ended = service.run().await;
        let Ended::StoreLost(error) = ended else { panic!("{suffix}: {ended:?}") };
        assert!(matches!(error, StoreError::Gone { .. }), "{suffix}: {error}");
        let again = service::start(&config, Options { demo: true }).await.unwrap();
        again.stop().ask();
        assert!(matches!(again.run().await, Ended::Asked), "{suffix}");
    }
}

#[tokio::test]
async fn a_service_that_cannot_start_leaves_nothing_behind() {
    let folder = Folder::new();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let config = folder.config();
    for break_it in [
        (|config: &mut Config, address| config.site.listen = address) as fn(&mut Config, _),
        |config: &mut Config, address| config.api.listen = address,
    ] {
        let mut config = config.clone();
        break_it(&mut config, taken.local_addr().unwrap());
        let error = service::start(&config, Options { demo: true }).await.map(|_| ()).unwrap_err();
        assert!(matches!(error, StartError::Site(_) | StartError::Api { .. }) && error.is_resource(), "{error}");
        assert_eq!(std::fs::read_dir(&folder.0).unwrap().count(), 0, "the store is gone again");
    }
    // and its threads and sockets with it: the same configuration starts
    let service = service::start(&config, Options { demo: true }).await.unwrap();
    service.stop().ask();
    service.run().await;
}
