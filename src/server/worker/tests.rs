//! A worker outlives what goes wrong in one of its calls.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::sync::mpsc::sync_channel;

use super::*;
use crate::account::Cost;
use crate::account::sqlite::{Mode, Options, SqliteStore};
use crate::audio::prompt::Bank;
use crate::sip::endpoint::IdentityFacts;
use crate::sip::flow::{Flow, Transport};
use crate::sip::sdp::Srtp;
use crate::{dtmf, ivr};

fn running(commands: Sender<(CallHandle, Command)>, folder: &std::path::Path) -> Running {
    let settings = Settings {
        ivr: ivr::Config::default(),
        dtmf: dtmf::Config::default(),
        prompts: Arc::new(Bank::builtin()),
        longest_call: Duration::from_secs(600),
        srtp: Srtp::Off,
        announce_refusals: false,
    };
    let store = || Box::new(SqliteStore::open(&folder.join("store.db"), Mode::Create, &Options::new("test")).unwrap());
    let clock = Clock::start();
    let loopback = IpAddr::from([127, 0, 0, 1]);
    let worker = Worker {
        settings: Arc::new(settings),
        ledger: Arc::new(Ledger::open(store(), store(), Cost::CHEAP, 1, clock).unwrap()),
        clock,
        ports: Ports::new(&[loopback], 0..=0),
        advertise: None,
        own_inbox: sync_channel(8).0,
        commands,
        tracer: Tracer::default(),
    };
    Running::new(worker)
}

fn incoming(call: u64) -> ToWorker {
    let (local, remote) = ("127.0.0.1:5060".parse().unwrap(), "127.0.0.1:5062".parse().unwrap());
    let identity = IdentityFacts {
        authenticated: Some("0600001111".parse().unwrap()),
        from: None,
        asserted: vec![],
        asserted_unreadable: false,
        preferred: vec![],
        privacy: vec![],
        remote,
    };
    let incoming = Incoming {
        call: CallHandle(call),
        flow: Flow { transport: Transport::Udp, local, remote, connection: None },
        identity,
        called: "0664806430".to_owned(),
        offer: None,
        call_id: format!("call-{call}"),
        user_name: None,
    };
    let seed = Seed { numbers: call, keys: [7; 32] };
    ToWorker::Incoming { incoming: Box::new(incoming), trust: Trust::default(), seed }
}

#[test]
fn a_call_that_panics_is_hung_up_on_and_the_others_go_on() {
    let folder = std::env::temp_dir().join(format!("karipass-worker-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let (commands, mut signalling) = tokio::sync::mpsc::channel(8);
    let mut running = running(commands, &folder);
    let now = Time::ZERO;
    for call in [1, 2] {
        running.handle(now, incoming(call));
    }
    assert_eq!(running.calls.len(), 2);
    running.contain(CallHandle(1), |_| panic!("on purpose"));
    assert!(running.calls.keys().eq([&CallHandle(2)]));
    // one that comes to its end as it begins is over as well
    running.contain(CallHandle(3), |_| panic!("on purpose"));
    // what is still under way for it meets nobody
    running.handle(now, ToWorker::Input { call: CallHandle(1), input: Input::Stop });
    running.handle(now, ToWorker::Input { call: CallHandle(2), input: Input::Stop });
    running.send_waiting();
    let told: Vec<_> = std::iter::from_fn(|| signalling.try_recv().ok()).collect();
    let hung_up = |call: u64| {
        told.iter().any(|(handle, command)| *handle == CallHandle(call) && matches!(command, Command::HangUp(41, _)))
    };
    assert!(hung_up(1) && hung_up(3), "{told:?}");
    assert!(told.iter().any(|(handle, _)| *handle == CallHandle(2)), "the other one is refused as it stops: {told:?}");
    drop(running);
    std::fs::remove_dir_all(&folder).unwrap();
}
