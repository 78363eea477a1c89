//! The network's end, the service and the wire between them, on one clock.

use std::time::Duration;

use karipass::caller::Manner;
use karipass::internals::account::{CallRecord, Verdict};
use karipass::key::Ways;
use karipass::time::Time;

use crate::peer::{Invite, Peer};
use crate::support::network::{Network, Path, Side};
use crate::support::service::Service;
use crate::support::trace::{Outlet, Trace};
use crate::support::{SERVICE_SIP, Setup};

/// One call over the network's line.
pub struct Line {
    pub setup: Setup,
    pub now: Time,
    network: Network,
    pub service: Service,
    pub peer: Peer,
    trace: Trace,
}

impl Line {
    /// The network has just sent this INVITE.
    pub fn dial(setup: Setup, invite: Invite) -> Line {
        let peer = Peer::new(invite, setup.manner.clone());
        Line::with(setup, peer)
    }

    pub fn with(setup: Setup, peer: Peer) -> Line {
        let mut line = Line {
            now: Time::ZERO,
            network: Network::new(setup.seed, Path::clean(20), Path::clean(20)),
            service: Service::new(&setup),
            peer,
            trace: Trace::default(),
            setup,
        };
        line.act(Peer::dial);
        line
    }

    pub fn act(&mut self, act: impl FnOnce(&mut Peer, &mut Outlet<'_>)) -> &mut Line {
        let Line { now, network, peer, trace, .. } = self;
        act(peer, &mut Outlet { now: *now, from: Side::Phone, network, trace });
        self
    }

    pub fn run_for(&mut self, time: Duration) -> &mut Line {
        let end = self.now + time;
        self.flush();
        while self.next() <= end {
            self.step();
        }
        self.now = end;
        self
    }

    pub fn run_until_said(&mut self, prompt: &str) -> &mut Line {
        self.flush();
        while self.service.said.last().is_none_or(|(_, said)| said != prompt) {
            assert!(self.next() < Time::MAX, "{prompt} is never said\n{}", self.story());
            self.step();
        }
        self
    }

    /// To the end of the call and of every timer behind it; the call's record.
    pub fn run(&mut self) -> CallRecord {
        self.flush();
        while self.next() < Time::MAX {
            assert!(self.now.elapsed() < Duration::from_secs(1200), "the call does not end\n{}", self.story());
            self.step();
        }
        assert!(self.peer.is_idle() && self.service.is_idle(), "the call hangs\n{}", self.story());
        let mut records = self.service.ledger.records();
        assert_eq!(records.len(), 1, "{}", self.story());
        records.remove(0)
    }

    /// Whether the ordered password opens the ordered account.
    pub fn opens(&mut self) -> bool {
        let order = &self.setup.manner.order;
        let password = order.password.expose();
        self.service.ledger.verify(self.now, order.unit, self.setup.target(), password) == Verdict::Temporary
    }

    pub fn story(&self) -> String {
        format!("{}\n{}", self.peer.response, self.trace.text())
    }

    fn next(&self) -> Time {
        self.network.next().min(self.service.wakes()).min(self.peer.wakes())
    }

    fn step(&mut self) {
        self.now = self.now.max(self.next());
        while let Some(datagram) = self.network.arrived(self.now) {
            if datagram.to.ip() == SERVICE_SIP.ip() {
                self.service.receive(self.now, &datagram);
            } else {
                self.act(|peer, out| peer.receive(&datagram, out));
            }
            self.flush();
        }
        self.service.handle_timeout(self.now);
        self.act(Peer::handle_timeout).flush();
    }

    fn flush(&mut self) {
        let Line { now, network, service, trace, .. } = self;
        service.flush(&mut Outlet { now: *now, from: Side::Service, network, trace });
        self.act(Peer::flush);
    }
}

/// What this network's customer orders, by this way of keying.
pub fn order(ways: Ways) -> Setup {
    let setup = Setup::new(0x006e_676e).by(ways);
    Setup {
        trust: karipass::internals::call::identity::Trust { asserted: true, from: false, private: true },
        manner: Manner { patient: false, ..setup.manner.clone() },
        ..setup
    }
}
