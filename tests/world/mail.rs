//! Mails on their way out: senders as the service's threads run them, and a mail server that misbehaves.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use karipass::internals::account::Store;
use karipass::internals::account::mail::{MailFilter, MailState};
use karipass::internals::mail::{AtStop, HandOver, Letter, Options, Output, Post, Refusal, at_stop};
use karipass::time::{Moment, Time};
use rand::RngExt;
use rand::rngs::StdRng;

use crate::disk::Disk;
use crate::support::ms;

/// How a mail server behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Temper {
    /// It takes what comes.
    Good,
    /// It cannot be reached.
    Down,
    /// It refuses every recipient, for now.
    NotNow,
    /// It refuses some recipients for good.
    Picky,
    /// It takes a mail, and is not heard of any more before it says so.
    FallsSilent,
}

/// The mail server, and what it has in its mailboxes.
pub struct MailServer {
    pub temper: Temper,
    random: StdRng,
    /// How often it has taken each mail.
    pub taken: BTreeMap<String, u32>,
    /// Mails that it has refused for good.
    pub refused: BTreeSet<String>,
    /// Mails that may be there twice: what the mail server said of them never came to the store.
    pub excused: BTreeSet<String>,
}

/// One sender.
pub struct Mailer {
    post: Post,
    next: Option<(Time, Step)>,
    /// The mail that the mail server has, and the store does not know of.
    unentered: Option<String>,
}

enum Step {
    Poll,
    Offered(Letter),
    Finished(Letter),
    Answered(Result<(), Refusal>),
}

impl MailServer {
    pub fn new(random: StdRng) -> MailServer {
        let (taken, refused, excused) = Default::default();
        MailServer { temper: Temper::Good, random, taken, refused, excused }
    }

    fn takes(&mut self) -> Duration {
        ms(self.random.random_range(1..=800))
    }

    /// What it says to everything before the end of the message.
    fn hears(&mut self, letter: &Letter) -> Result<(), Refusal> {
        match self.temper {
            Temper::Good | Temper::FallsSilent => Ok(()),
            Temper::Down => Err(Refusal::Server("connection refused".to_owned())),
            Temper::NotNow => Err(Refusal::Later("451 try again later".to_owned())),
            Temper::Picky if self.random.random_bool(0.5) => {
                self.refused.insert(letter.id.clone());
                Err(Refusal::Never("550 no such user".to_owned()))
            }
            Temper::Picky => Ok(()),
        }
    }

    /// It has the whole message.
    fn takes_mail(&mut self, letter: &Letter) -> Result<(), Refusal> {
        *self.taken.entry(letter.id.clone()).or_default() += 1;
        if self.temper == Temper::FallsSilent && self.random.random_bool(0.5) {
            self.excused.insert(letter.id.clone());
            return Err(Refusal::Server("it says nothing any more".to_owned()));
        }
        Ok(())
    }
}

impl Mailer {
    /// Begins at once. No two have the same name.
    pub fn new(now: Time, name: String, mut random: StdRng) -> Mailer {
        let options = Options {
            name,
            from: "karipass@example.jp".to_owned(),
            site: "https://settings.example.jp".to_owned(),
            token: Box::new(move || random.random()),
        };
        Mailer { post: Post::new(options), next: Some((now, Step::Poll)), unentered: None }
    }

    pub fn wakes(&self) -> Time {
        self.next.as_ref().map_or(Time::MAX, |(at, _)| *at)
    }

    /// Whether it was stopped and holds nothing.
    pub fn is_over(&self) -> bool {
        self.next.is_none()
    }

    pub fn stop(&mut self) {
        self.post.handle_stop();
    }

    pub fn handle_timeout(&mut self, now: Moment, disk: &mut Disk, server: &mut MailServer) {
        let Some((_, step)) = self.next.take_if(|(at, _)| *at <= now.time) else { return };
        self.next = match step {
            Step::Poll => self.poll(now, disk, server),
            Step::Offered(letter) => match self.post.handle_offered(disk.store(now.time), now.wall) {
                HandOver::Finish => Some((now.time + server.takes(), Step::Finished(letter))),
                HandOver::BreakOff => Some((now.time, Step::Poll)),
            },
            Step::Finished(letter) => {
                let outcome = server.takes_mail(&letter);
                self.unentered = Some(letter.id);
                Some((now.time + server.takes(), Step::Answered(outcome)))
            }
            Step::Answered(outcome) => {
                self.post.handle_outcome(outcome, now.wall);
                Some((now.time, Step::Poll))
            }
        };
    }

    fn poll(&mut self, now: Moment, disk: &mut Disk, server: &mut MailServer) -> Option<(Time, Step)> {
        let output = self.post.poll_output(disk.store(now.time), now.wall);
        self.entered(disk, server);
        match output {
            Output::Over => None,
            Output::Awaiting => panic!("nothing is under way"),
            Output::Pause { length, .. } | Output::EnterAgain(length) => Some((now.time + length, Step::Poll)),
            Output::Offer(letter) => Some(match server.hears(&letter) {
                Ok(()) => (now.time + server.takes(), Step::Offered(letter)),
                Err(refusal) => (now.time + server.takes(), Step::Answered(Err(refusal))),
            }),
        }
    }

    /// Whether what the mail server has is in the store by now; if not, it may go twice.
    fn entered(&mut self, disk: &mut Disk, server: &mut MailServer) {
        let Some(id) = self.unentered.take() else { return };
        let sent = MailFilter { state: Some(MailState::Sent), ..MailFilter::default() };
        if !disk.truth().mails(&sent).unwrap().iter().any(|mail| mail.mail.id == id) {
            server.excused.insert(id);
        }
    }

    /// Its process dies.
    pub fn dies(self, server: &mut MailServer) {
        server.excused.extend(self.unentered);
    }

    /// Its process ends, `waited` after it was asked to stop: tells whether it may.
    pub fn may_end(&mut self, now: Moment, waited: Duration, drain: Duration, disk: &mut Disk) -> Result<(), Duration> {
        if self.is_over() {
            return Ok(());
        }
        match at_stop(self.post.progress(), waited, drain) {
            AtStop::Wait(length) => Err(length),
            AtStop::LeaveToClaim => Ok(()),
            AtStop::GiveBack => {
                if let Some(held) = self.post.held() {
                    // where the store does not take it back, it is left to its claim
                    let _ = held.give_back(disk.store(now.time));
                }
                Ok(())
            }
        }
    }
}
