//! The two ends and the network between them, on one clock that jumps to whatever happens next.

use std::time::Duration;

use karipass::caller::Conclusion;
use karipass::internals::account::{self, CallRecord};
use karipass::internals::audio::g711::Law;
use karipass::internals::sip::endpoint::EndCause;
use karipass::number::PhoneNumber;
use karipass::time::Time;
use karipass::unit::Unit;

use super::BANK;
use super::network::{Datagram, Fate, Network, Path, Side};
use super::phone::Phone;
use super::service::Service;
use super::trace::{Outlet, Trace};
use super::{PHONE_MOVED, PHONE_SIP, SERVICE_SIP, Setup};

/// A call has ended by then.
const LONGEST: Duration = Duration::from_secs(900);
/// The slowest timers of signalling are over so long after a call (timers H, J and 64*T1 for each of two requests).
const LINGER: Duration = Duration::from_secs(120);

/// One call's whole world.
pub struct World {
    pub setup: Setup,
    now: Time,
    pub network: Network,
    pub service: Service,
    pub phone: Phone,
    pub trace: Trace,
    /// How often something was to be done at once after everything was done.
    idle_steps: u32,
}

/// What a call came to.
#[derive(Debug)]
pub struct Outcome {
    /// What the caller thinks.
    pub conclusion: Conclusion,
    /// The status that refused the call.
    pub refused: Option<u16>,
    pub phone_cause: EndCause,
    /// The call's one record; there is none when the INVITE never arrived.
    pub record: Option<CallRecord>,
    /// What the service said, in order, with digits.
    pub said: Vec<String>,
    /// When it first said that it is set.
    pub announced: Option<Time>,
    /// When the password was committed.
    pub committed: Option<Time>,
    pub keyed: usize,
    /// The accounts that have a temporary password now.
    pub temporaries: Vec<(Unit, PhoneNumber)>,
    /// Whether the ordered password opens the ordered account.
    pub opens: bool,
    pub sip_datagrams: usize,
    pub lasted: Duration,
}

impl World {
    /// The phone has just dialled.
    pub fn new(setup: Setup) -> World {
        let mut world = World {
            now: Time::ZERO,
            network: Network::new(setup.seed, setup.to_service.clone(), setup.to_phone.clone()),
            service: Service::new(&setup),
            phone: Phone::new(&setup),
            trace: Trace::default(),
            idle_steps: 0,
            setup,
        };
        world.phone.dial(world.now);
        world
    }

    pub fn now(&self) -> Time {
        self.now
    }

    /// Everything up to then.
    pub fn run_for(&mut self, time: Duration) -> &mut World {
        let end = self.now + time;
        self.flush();
        while self.next() <= end {
            self.step();
        }
        self.now = end;
        self
    }

    /// Everything up to when the service says this.
    pub fn run_until_said(&mut self, prompt: &str) -> &mut World {
        self.flush();
        while self.service.said.last().is_none_or(|(_, said)| said != prompt) {
            assert!(
                self.next() < Time::MAX && self.now.elapsed() < LONGEST,
                "{prompt} is never said\n{}",
                self.story()
            );
            self.step();
        }
        self
    }

    /// Lets the phone's owner do something.
    pub fn phone<T>(&mut self, what: &str, act: impl FnOnce(&mut Phone, Time) -> T) -> &mut World {
        self.trace.note(self.now, format!("phone: {what}"));
        act(&mut self.phone, self.now);
        self.flush();
        self
    }

    /// From here on, both directions are like this.
    pub fn network_becomes(&mut self, path: &Path) -> &mut World {
        self.trace.note(self.now, format!("network: {path:?}"));
        self.network.change(path.clone(), path.clone());
        self
    }

    /// Every prompt that was said was said from its beginning to its end without a break, to one who hears them out.
    #[track_caller]
    pub fn heard_without_a_break(&self, law: Law) {
        assert!(self.setup.manner.patient);
        let mut rest = self.service.spoken.as_slice();
        for (_, name) in &self.service.said {
            let clip = BANK.clip(name).unwrap().encoded(law);
            let found = rest.windows(clip.len()).position(|window| window == clip);
            let at = found.unwrap_or_else(|| panic!("{name} was broken\n{}", self.story()));
            let silent = |octet: &u8| *octet == law.silence();
            assert!(rest[..at].iter().all(silent), "something before {name}\n{}", self.story());
            rest = &rest[at + clip.len()..];
        }
    }

    /// Somebody else sends this to the service.
    pub fn stranger(&mut self, datagram: Datagram) -> Fate {
        self.network.send(self.now, Side::Phone, datagram)
    }

    /// The server is told to stop, and its deadline is over.
    pub fn stop_service(&mut self) -> &mut World {
        self.service.stop(self.now);
        self.flush();
        self
    }

    /// Runs the call to its end and until every timer has run out; what holds of every call is checked on the way.
    pub fn run(&mut self) -> Outcome {
        self.flush();
        while !(self.phone.is_idle() && self.service.is_idle()) {
            assert!(self.next() < Time::MAX, "nothing happens any more, and the call is not over\n{}", self.story());
            assert!(self.now.elapsed() < LONGEST, "the call does not end\n{}", self.story());
            self.step();
        }
        let lasted = self.now.elapsed();
        let packets = self.service.packets;
        while self.next() < Time::MAX {
            assert!(self.now.elapsed() < lasted + LINGER, "timers run on after the call\n{}", self.story());
            self.step();
        }
        assert!(self.phone.is_idle() && self.service.is_idle(), "a call came back\n{}", self.story());
        assert_eq!(packets, self.service.packets, "sound after the end\n{}", self.story());
        let (wakeups, reads) = (self.service.wakeups, self.service.reads);
        assert!(wakeups <= reads + packets + 200, "{wakeups} wake-ups for {packets} packets\n{}", self.story());
        if std::env::var_os("KARIPASS_TRACE").is_some() {
            println!("{}", self.story());
        }
        self.outcome(lasted)
    }

    /// How to see it again, and what happened.
    pub fn story(&self) -> String {
        let World { setup, .. } = self;
        format!("KARIPASS_SEED={:#x}\n{setup:?}\n{}", setup.seed, self.trace.text())
    }

    fn outcome(&mut self, lasted: Duration) -> Outcome {
        let (unit, target) = (self.setup.manner.order.unit, self.setup.target());
        let ledger = &mut self.service.ledger;
        let mut records = ledger.records();
        assert!(records.len() <= 1, "{} records of one call", records.len());
        let temporaries = ledger.temporaries();
        let password = self.setup.manner.order.password.expose();
        let opens = ledger.verify(self.now, unit, target, password) == account::Verdict::Temporary;
        let said = &self.service.said;
        Outcome {
            conclusion: self.phone.conclusion.clone(),
            refused: self.phone.refused,
            phone_cause: self.phone.cause.clone().unwrap(),
            record: records.pop(),
            said: said.iter().map(|(_, name)| name.clone()).collect(),
            announced: said.iter().find(|(_, name)| name == "done").map(|(at, _)| *at),
            committed: ledger.committed.first().copied(),
            keyed: self.phone.keyed,
            temporaries,
            opens,
            sip_datagrams: self.network.sip_sent(),
            lasted,
        }
    }

    fn next(&self) -> Time {
        self.network.next().min(self.service.wakes()).min(self.phone.wakes())
    }

    fn step(&mut self) {
        let next = self.next();
        self.now = self.now.max(next);
        while let Some(datagram) = self.network.arrived(self.now) {
            if datagram.to.ip() == SERVICE_SIP.ip() {
                self.service.receive(self.now, &datagram);
            } else {
                let hidden = self.setup.behind_nat.map(|address| address.ip());
                let known = hidden == Some(datagram.to.ip())
                    || datagram.to.ip() == PHONE_SIP.ip()
                    || datagram.to.ip() == PHONE_MOVED.ip();
                assert!(known, "{:?} to {}\n{}", datagram.kind, datagram.to, self.story());
                self.phone.receive(self.now, &datagram);
            }
            self.flush();
        }
        self.service.handle_timeout(self.now);
        self.phone.handle_timeout(self.now);
        self.flush();
        self.idle_steps = if self.next() <= self.now { self.idle_steps + 1 } else { 0 };
        assert!(self.idle_steps < 100, "the clock stands still at {:?}\n{}", self.now, self.story());
    }

    fn flush(&mut self) {
        let World { now, network, service, phone, trace, .. } = self;
        let (now, from) = (*now, Side::Service);
        service.flush(&mut Outlet { now, from, network, trace });
        phone.flush(&mut Outlet { now, from: Side::Phone, network, trace });
    }
}
