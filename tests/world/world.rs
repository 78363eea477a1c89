//! A world: the service, everybody who uses it, the network between them and the store beneath it, on one clock that jumps to whatever
//! happens next.

use std::collections::VecDeque;
use std::time::Duration;

use karipass::internals::account::Store;
use karipass::internals::account::mail::{MailFilter, MailState};
use karipass::time::{Moment, Time};
use rand::rngs::StdRng;

use crate::book::Book;
use crate::disk::{Clock, Disk};
use crate::events;
use crate::hostile;
use crate::invariants;
use crate::log::Log;
use crate::mail::{MailServer, Mailer, Temper};
use crate::network::{Datagram, Network};
use crate::operator;
use crate::phone::Phone;
use crate::plan::{Act, Plan, contracts};
use crate::service::{Around, Service, State};
use crate::site::Site;
use crate::support::{SERVICE, rng, secs};
use crate::trace::Trace;
use crate::visits;

/// However a world goes, it is over by then.
const LONGEST: Duration = secs(3600);
/// Steps at one instant after which the clock stands still.
const STEPS_AT_ONCE: u32 = 2000;

/// Everything there is.
pub struct World {
    pub plan: Plan,
    pub now: Time,
    pub clock: Clock,
    pub network: Network,
    pub disk: Disk,
    pub book: Book,
    pub service: Option<Service>,
    pub phones: Vec<Phone>,
    pub trace: Trace,
    pub random: StdRng,
    acts: VecDeque<(Time, Act)>,
    lives: u32,
    /// When the service is started again.
    starts_at: Time,
    /// After a stop: how long it stays down.
    stays_down: Duration,
    steps_at_once: u32,
    pub steps: u64,
    pub site: Option<Site>,
    pub mail_server: MailServer,
    mailers: Vec<Mailer>,
    /// Whether any mail is queued.
    pub mails_wait: bool,
    /// When the mail server is well again.
    tempered_until: Time,
    pub stop_asked: Time,
    pub log: Option<Log>,
}

/// The way out of an actor: to the network, and into the trace.
pub struct Outside<'a> {
    pub now: Time,
    pub network: &'a mut Network,
    pub trace: &'a mut Trace,
}

impl Outside<'_> {
    /// Tells whether it will arrive.
    pub fn send(&mut self, packet: Datagram) -> bool {
        self.trace.mix(self.now, &packet.bytes);
        self.network.send(self.now, packet)
    }

    pub fn note(&mut self, text: impl FnOnce() -> String) {
        self.trace.note(self.now, text);
    }
}

/// What was wrong, and how it came to it.
#[derive(Debug)]
pub struct Failure {
    pub complaints: Vec<String>,
    pub at: Time,
}

/// What a world came to, when nothing was wrong.
#[derive(Clone, Copy, Debug, Default)]
pub struct Report {
    pub calls: u64,
    pub set: u64,
    pub steps: u64,
}

impl World {
    /// The service has just started; nobody has called.
    pub fn new(plan: Plan, traced: bool) -> World {
        let service = Service::start(&plan, 0);
        World {
            now: Time::ZERO,
            clock: Clock::default(),
            network: Network::new(plan.seed ^ 2, plan.path.clone()),
            disk: Disk::new(plan.seed),
            book: Book::new(contracts()),
            service: Some(service),
            phones: vec![],
            trace: Trace::new(traced),
            random: rng(plan.seed, 3),
            acts: plan.acts.iter().cloned().collect(),
            lives: 1,
            starts_at: Time::MAX,
            stays_down: Duration::ZERO,
            steps_at_once: 0,
            steps: 0,
            site: None,
            mail_server: MailServer::new(rng(plan.seed, 8)),
            mailers: vec![],
            mails_wait: false,
            tempered_until: Time::MAX,
            stop_asked: Time::MAX,
            log: plan.is_read.then(Log::default),
            plan,
        }
    }

    pub fn moment(&self) -> Moment {
        self.clock.at(self.now)
    }

    /// Lets everything happen, to the end of the last timer; the invariants are held after every step.
    pub fn run(&mut self) -> Result<Report, Failure> {
        loop {
            self.hold(invariants::each_step)?;
            let next = self.next();
            if next == Time::MAX {
                break;
            }
            if next.elapsed() > LONGEST {
                self.hold(|_| vec!["the world does not end".to_owned()])?;
            }
            self.step(next);
            if self.steps_at_once > STEPS_AT_ONCE {
                self.hold(|_| vec!["the clock stands still".to_owned()])?;
            }
        }
        self.hold(invariants::at_rest)?;
        self.hold(invariants::after_a_day)?;
        let set = self.book.calls.values().filter(|facts| facts.has_said("done").is_some()).count();
        Ok(Report { calls: self.phones.len() as u64, set: set as u64, steps: self.steps })
    }

    /// The same, with what is written about it read along if the plan says so.
    pub fn run_logged(&mut self) -> Result<Report, Failure> {
        let Some(log) = self.log.clone() else { return self.run() };
        tracing::dispatcher::with_default(&log.dispatch(), || self.run())
    }

    fn hold(&mut self, invariants: fn(&mut World) -> Vec<String>) -> Result<(), Failure> {
        let mut complaints = invariants(self);
        complaints.append(&mut self.book.broken);
        if complaints.is_empty() { Ok(()) } else { Err(Failure { complaints, at: self.now }) }
    }

    fn next(&self) -> Time {
        let acts = self.acts.front().map_or(Time::MAX, |(at, _)| *at);
        let service = self.service.as_ref().map_or(Time::MAX, Service::wakes);
        let phones = self.phones.iter().map(Phone::wakes).min().unwrap_or(Time::MAX);
        let mailers = self.mailers.iter().map(Mailer::wakes).min().unwrap_or(Time::MAX);
        let mailers = if self.mails_are_due() || self.is_closing() { mailers } else { Time::MAX };
        let others = [acts, service, phones, self.network.next(), self.starts_at, self.tempered_until];
        others.into_iter().chain([mailers]).min().unwrap_or(Time::MAX)
    }

    fn step(&mut self, next: Time) {
        self.steps += 1;
        self.steps_at_once = if next > self.now { 0 } else { self.steps_at_once + 1 };
        self.now = self.now.max(next);
        while self.acts.front().is_some_and(|(at, _)| *at <= self.now) {
            if let Some((_, act)) = self.acts.pop_front() {
                self.act(act);
            }
        }
        if self.starts_at <= self.now {
            self.start();
        }
        while let Some(packet) = self.network.arrived(self.now) {
            self.deliver(packet);
        }
        let moment = self.moment();
        if let Some(service) = &mut self.service {
            service.handle_timeout(moment);
        }
        for phone in self.phones.iter_mut().filter(|phone| phone.wakes() <= moment.time) {
            phone.handle_timeout(moment.time);
        }
        self.mail();
        self.flush();
    }

    fn mail(&mut self) {
        let moment = self.moment();
        if self.tempered_until <= self.now {
            self.mail_server.temper = Temper::Good;
            self.tempered_until = Time::MAX;
        }
        if self.mails_wait && self.mailers.is_empty() && self.service.is_some() && !self.is_closing() {
            let (now, life) = (self.now, self.lives);
            let names = (0..self.plan.mailers).map(|sender| format!("sender-{life}-{sender}"));
            let seed = self.plan.seed;
            self.mailers = names.map(|name| Mailer::new(now, name, rng(seed, 200 + u64::from(life)))).collect();
        }
        let mut acted = false;
        for mailer in &mut self.mailers {
            acted |= mailer.wakes() <= self.now;
            mailer.handle_timeout(moment, &mut self.disk, &mut self.mail_server);
        }
        if acted {
            let queued = MailFilter { state: Some(MailState::Queued), ..MailFilter::default() };
            self.mails_wait = !self.disk.truth().mails(&queued).unwrap().is_empty();
        }
    }

    /// Whether senders have anything to do. A mail that was put off by a clock that was set back since is not waited for.
    fn mails_are_due(&self) -> bool {
        let last = self.plan.acts.last().map_or(Time::ZERO, |(at, _)| *at);
        let waited = if self.clock.was_set_back { secs(30) } else { secs(1500) };
        self.mails_wait && self.now < last + waited
    }

    fn is_closing(&self) -> bool {
        self.stop_asked < Time::MAX
    }

    pub fn lives(&self) -> u32 {
        self.lives
    }

    fn deliver(&mut self, packet: Datagram) {
        let moment = self.moment();
        if packet.to.ip() == SERVICE {
            if let Some(service) = &mut self.service {
                service.receive(moment, packet);
            }
            return;
        }
        let port =
            |phone: &Phone| [phone.handset.sip.port(), phone.handset.media.port(), phone.handset.media.port() + 1];
        let to = packet.to;
        let phone =
            self.phones.iter_mut().find(|phone| phone.handset.sip.ip() == to.ip() && port(phone).contains(&to.port()));
        if let Some(phone) = phone {
            phone.receive(moment.time, &packet);
        }
    }

    fn flush(&mut self) {
        let moment = self.moment();
        let World { now, network, trace, service, phones, disk, book, log, .. } = self;
        let mut out = Outside { now: *now, network, trace };
        if let Some(service) = service {
            service.flush(&mut out, &mut Around { now: moment, disk, book, log: log.as_ref() });
        }
        for phone in phones {
            phone.flush(&mut out);
        }
        if self.service.as_ref().is_some_and(|service| service.state == State::Closed) && self.mailers_may_end() {
            self.end("service: its process ends");
            self.starts_at = self.now + self.stays_down;
        }
    }

    fn mailers_may_end(&mut self) -> bool {
        let (moment, waited, drain) = (self.moment(), self.now.since(self.stop_asked), self.plan.drain);
        let World { mailers, disk, .. } = self;
        mailers.iter_mut().all(|mailer| mailer.may_end(moment, waited, drain, disk).is_ok())
    }

    // What happens

    fn act(&mut self, act: Act) {
        let now = self.now;
        self.trace.note(now, || format!("· {act:?}"));
        match act {
            Act::Dial(dial) => {
                let index = self.phones.len() as u16;
                self.phones.push(Phone::dial(now, index, *dial));
            }
            Act::Kill(down) if self.service.is_some() => {
                self.end("service: is killed");
                self.disk.crash();
                self.starts_at = now + down;
            }
            Act::Stop(down) => {
                let moment = self.moment();
                self.stays_down = down;
                if let Some(service) = &mut self.service {
                    service.stop(moment);
                    self.mailers.iter_mut().for_each(Mailer::stop);
                    self.stop_asked = self.stop_asked.min(now);
                }
            }
            Act::Kill(_) => {}
            Act::ClockJumps(seconds) => self.clock.jump(seconds),
            Act::Store(mood, time) => self.disk.becomes(mood, now + time),
            Act::Path(path) => self.network.change(path),
            Act::Cut(time) => self.network.cut(now + time),
            Act::Visit(seed) => visits::visit(self, seed),
            Act::Event(seed) => events::happen(self, seed),
            Act::MailServer(temper, time) => {
                self.mail_server.temper = temper;
                self.tempered_until = now + time;
            }
            Act::Operator(operation) => operator::operate(self, operation),
            Act::Hostile(hostility, count, seed) => hostile::send(self, hostility, count, seed),
        }
    }

    fn end(&mut self, how: &str) {
        self.trace.note(self.now, || how.to_owned());
        if let Some(service) = self.service.take() {
            self.book.died(service.life);
        }
        for mailer in std::mem::take(&mut self.mailers) {
            mailer.dies(&mut self.mail_server);
        }
        (self.site, self.stop_asked) = (None, Time::MAX);
    }

    fn start(&mut self) {
        self.trace.note(self.now, || "service: starts".to_owned());
        self.service = Some(Service::start(&self.plan, self.lives));
        self.lives += 1;
        self.starts_at = Time::MAX;
    }
}
