//! One call, from INVITE to BYE: whose line is it, answer, converse, store, hang up.
//!
//! ```text
//! new ─▶ Identifying ─▶ Opening ─▶ Answering ─▶ Talking ─▶ Ending ─▶ (Settling) ─▶ Finished(record)
//!          │ no number, no contract, no common media: Reject ──▲
//!          └─▶ Excusing ─▶ Announcing: the reason in early media, then Reject ──▲
//! ```
//!
//! | phase | waits for | then |
//! |---|---|---|
//! | Identifying | the contract of the calling number ([`Output::FindLine`]), for [`LONGEST_LOOKUP`] | a port, 403, 433, 400 or 503 |
//! | Opening | a port for RTP ([`Output::OpenMedia`]) | 200, 488 or 503 |
//! | Answering | ACK | the greeting |
//! | Excusing | a port for RTP, then PRACK where 183 is sent reliably | the announcement (`excuse`) |
//! | Announcing | its end | 403 or 433 |
//! | Talking | keys, the ends of prompts, the store | the conversation decides |
//! | Ending | the endpoint's last word | the call record |
//! | Settling | the store, when the caller hung up while it was asked (`storing`) | the call record |
//!
//! A password is announced as set only after [`Input::Stored`] said so, and as not set only when it cannot become so any more.
//!
//! Architecture invariant: this is the one place where signalling, media, tones, conversation and account meet, and still
//! sans-IO: time is a parameter, randomness a seed, and what is to be done comes out of [`Call::poll_output`].

mod admission;
mod ending;
mod excuse;
pub mod identity;
pub mod info;
mod io;
mod media;
mod offer;
mod player;
pub mod press;
mod reason;
mod seed;
mod storing;
#[cfg(test)]
pub mod testing;

use std::collections::VecDeque;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::account::{CallRecord, HashedTemporaryPassword, Outcome};
use crate::audio::prompt::Bank;
use crate::datagram::Datagram;
use crate::dtmf;
use crate::ivr::{self, Conversation, Ending, Excuse, NotSet};
use crate::number::PhoneNumber;
use crate::seats::Seat;
use crate::sip::endpoint::{Incoming, Rejection};
use crate::sip::sdp::{self, LocalMedia, MediaPlan, Srtp};
use crate::ticket::Ticket;
use crate::time::{Time, UnixTime};

use excuse::Announcement;
use identity::Trust;
pub use io::{Admitted, Input, LookupFailed, NotAdmitted, Output};
use media::Media;
use offer::{accepted, unmet};
pub use reason::cause_of;
use reason::outcome_of;
use storing::Storing;

pub use seed::Seed;

/// How long a caller waits for what the store is asked about its line, from the INVITE on, whatever is looked up.
pub const LONGEST_LOOKUP: Duration = Duration::from_millis(2500);

/// What all calls share.
#[derive(Debug)]
pub struct Settings {
    /// How the conversation goes.
    pub ivr: ivr::Config,
    /// The receiver's settings.
    pub dtmf: dtmf::Config,
    /// What is spoken.
    pub prompts: Arc<Bank>,
    /// When a call is ended whatever it is doing.
    pub longest_call: Duration,
    /// Whether media is encrypted.
    pub srtp: Srtp,
    /// Whether a refusal is explained in early media first.
    pub announce_refusals: bool,
    /// What Retry-After says in a 503.
    pub retry_after: Duration,
}

impl Settings {
    /// The usual conversation and receiver, ten minutes a call, media in clear, refusals without a word.
    pub fn new(prompts: Arc<Bank>) -> Settings {
        Settings {
            ivr: ivr::Config::default(),
            dtmf: dtmf::Config::default(),
            prompts,
            longest_call: Duration::from_secs(600),
            srtp: Srtp::Off,
            announce_refusals: false,
            retry_after: Duration::from_secs(5),
        }
    }
}

/// One call.
pub struct Call {
    settings: Arc<Settings>,
    seed: Seed,
    /// The host that signals.
    peer: IpAddr,
    started: Time,
    record: CallRecord,
    phase: Phase,
    /// A refusal is announced.
    announces: bool,
    /// Counts the call while its password is still to be hashed.
    seat: Option<Seat>,
    /// The last password that was hashed, until it is given to the store.
    prepared: Option<(Ticket, Result<HashedTemporaryPassword, NotSet>)>,
    /// The caller has confirmed the password, and the store has not answered.
    storing: Option<Storing>,
    /// What the store has answered.
    stored: Option<Result<(), NotSet>>,
    outputs: VecDeque<Output>,
}

enum Phase {
    Identifying {
        calling: PhoneNumber,
        offer: Option<Vec<u8>>,
        /// Without an answer of the store by then the call is refused.
        until: Time,
    },
    /// Contracted: the answer waits for a port.
    Opening {
        line: ivr::Line,
        offer: Option<Vec<u8>>,
    },
    /// Refused with `excuse`: the announcement waits for a port, then for its way to be open.
    Excusing {
        excuse: Excuse,
        offer: Vec<u8>,
        plan: Option<MediaPlan>,
    },
    Announcing(Box<Announcement>),
    Answering {
        line: ivr::Line,
        local: LocalMedia,
        plan: Option<Box<MediaPlan>>,
    },
    Talking(Box<Talk>),
    Ending,
    /// Signalling is over, but the store has not answered yet: the record waits for what it says.
    Settling,
    Finished,
}

struct Talk {
    media: Media,
    conversation: Conversation,
    local: LocalMedia,
    /// Our description as last sent, to tell whether a new one differs.
    described: String,
    /// We made an offer, and its answer comes with the ACK.
    offered: bool,
    /// The caller has just confirmed the password of this request.
    confirmed: Option<Ticket>,
}

impl Call {
    /// A call that has just come in. `seed` is its own randomness; `wall` the time of day at `now`.
    pub fn new(
        now: Time,
        wall: UnixTime,
        seed: Seed,
        settings: Arc<Settings>,
        trust: Trust,
        incoming: &Incoming,
    ) -> Call {
        let announces = settings.announce_refusals && (trust.asserted || trust.from);
        let id = record_id(wall, &seed);
        let mut call = Call {
            settings,
            seed,
            peer: incoming.flow.remote.ip(),
            started: now,
            record: CallRecord::new(id, wall, incoming.flow.remote.ip().to_string(), Outcome::Lost),
            phase: Phase::Ending,
            announces,
            seat: None,
            prepared: None,
            storing: None,
            stored: None,
            outputs: VecDeque::new(),
        };
        call.identify(trust, incoming);
        call
    }

    /// The record of a call that could not even begin because of an internal error.
    pub fn stillborn(wall: UnixTime, seed: &Seed, peer: IpAddr) -> Box<CallRecord> {
        let mut record = CallRecord::new(record_id(wall, seed), wall, peer.to_string(), Outcome::Lost);
        record.detail = Some(INTERNAL_ERROR.to_owned());
        Box::new(record)
    }

    /// The record, as far as the call came, when an internal error ends it: nothing but what is known already is touched.
    pub fn aborted(mut self, now: Time) -> Box<CallRecord> {
        let ended_at = self.wall(now);
        let outcome = self.outcome_in_the_end(Outcome::Lost);
        let detail = Some(INTERNAL_ERROR.to_owned());
        Box::new(CallRecord { ended_at, outcome, detail, ..self.record })
    }

    /// The call's id: in its record, and in every line of the log.
    pub fn id(&self) -> &str {
        &self.record.id
    }

    /// Takes in what happened outside.
    pub fn handle_input(&mut self, now: Time, input: Input) {
        match input {
            Input::Line(contract) => self.found(contract),
            Input::Media(rtp) => self.opened(rtp),
            Input::EarlyMedia => self.announce(now),
            Input::Confirmed(answer) => self.confirmed(now, answer.as_deref()),
            Input::Offer(offer) => self.renegotiate(now, offer.as_deref()),
            Input::Refreshed(answer) => self.refreshed(now, &answer),
            Input::Info { content_type, body } => {
                let keys = info::keys(&content_type, &body);
                self.talk(now, |talk| keys.into_iter().for_each(|key| talk.media.info(now, key)));
            }
            Input::Prepared(ticket, hashed) => self.prepared(now, ticket, hashed),
            Input::Stored(result) => self.stored(now, result),
            Input::Stop => self.end(now, Outcome::Stopped),
            Input::Ended(cause) => self.ended(now, &cause),
        }
    }

    /// Takes in a datagram of its media.
    pub fn handle_datagram(&mut self, now: Time, datagram: Datagram<&[u8]>) {
        if let Phase::Announcing(announcement) = &mut self.phase {
            return announcement.handle_datagram(now, datagram);
        }
        self.talk(now, |talk| talk.media.handle_datagram(now, datagram));
    }

    /// Takes the buffer of a datagram that was sent back for reuse.
    pub fn recycle(&mut self, buffer: Vec<u8>) {
        match &mut self.phase {
            Phase::Talking(talk) => talk.media.recycle(buffer),
            Phase::Announcing(announcement) => announcement.recycle(buffer),
            Phase::Identifying { .. }
            | Phase::Opening { .. }
            | Phase::Excusing { .. }
            | Phase::Answering { .. }
            | Phase::Ending
            | Phase::Settling
            | Phase::Finished => {}
        }
    }

    /// Does what is due: the next packet, timers of the conversation and of the media.
    pub fn handle_timeout(&mut self, now: Time) {
        if now.since(self.started) >= self.settings.longest_call {
            self.end(now, Outcome::TooLong);
        }
        if matches!(self.phase, Phase::Identifying { until, .. } if until <= now) {
            self.record.detail = Some("the account store did not answer in time: see its disk, and the log".to_owned());
            self.found(Err(NotAdmitted::LookupFailed));
        }
        if let Phase::Announcing(announcement) = &mut self.phase
            && announcement.handle_timeout(now)
        {
            self.conclude(now);
        }
        self.lose_patience(now);
        self.talk(now, |talk| {
            talk.media.handle_timeout(now);
            // while the caller holds the line nothing is heard, and nothing can be keyed
            if !talk.media.on_hold() && talk.conversation.deadline().is_some_and(|deadline| deadline <= now) {
                talk.conversation.handle_timeout(now);
            }
        });
    }

    /// What is to be done next; to be drained until it is [`Output::Timeout`].
    pub fn poll_output(&mut self) -> Output {
        if let Some(output) = self.outputs.pop_front() {
            return output;
        }
        let output = self.poll_phase();
        if let Output::Timeout(at) = output { Output::Timeout(at.min(self.patience_ends())) } else { output }
    }

    fn poll_phase(&mut self) -> Output {
        match &mut self.phase {
            Phase::Talking(talk) => {
                talk.media.poll_output().unwrap_or_else(|media_wakes| Output::Timeout(talk.wakes(media_wakes)))
            }
            Phase::Announcing(announcement) => announcement.poll_output(),
            Phase::Identifying { until, .. } => Output::Timeout(*until),
            Phase::Opening { .. }
            | Phase::Excusing { .. }
            | Phase::Answering { .. }
            | Phase::Ending
            | Phase::Settling
            | Phase::Finished => Output::Timeout(Time::MAX),
        }
    }

    fn confirmed(&mut self, now: Time, answer: Option<&[u8]>) {
        match &mut self.phase {
            Phase::Answering { line, local, plan } => {
                let (line, local) = (line.clone(), local.clone());
                let plan = plan.take().map(|plan| *plan).or_else(|| accepted(answer?, &local, &mut self.record));
                match plan {
                    Some(plan) => self.converse(now, line, local, plan),
                    // our offer was not answered, or not with anything we can do
                    None => self.end(now, Outcome::RefusedMedia),
                }
            }
            Phase::Talking(talk) if talk.offered => {
                talk.offered = false;
                let plan = answer.and_then(|answer| accepted(answer, &talk.local, &mut self.record));
                if let Some(plan) = plan {
                    talk.media.retarget(now, &plan);
                }
            }
            Phase::Talking(_)
            | Phase::Identifying { .. }
            | Phase::Opening { .. }
            | Phase::Excusing { .. }
            | Phase::Announcing(_)
            | Phase::Ending
            | Phase::Settling
            | Phase::Finished => {}
        }
    }

    fn refreshed(&mut self, now: Time, answer: &[u8]) {
        let Phase::Talking(talk) = &mut self.phase else { return };
        match sdp::refreshed(answer, &talk.local) {
            Ok(plan) => talk.media.retarget(now, &plan),
            // the session goes on as it was
            Err(error) => {
                unmet(&error, &mut self.record);
            }
        }
    }

    fn converse(&mut self, now: Time, line: ivr::Line, local: LocalMedia, plan: MediaPlan) {
        self.record.answered_at = Some(self.wall(now));
        let media = Media::new(now, &self.settings, self.seed.numbers, self.peer, plan);
        let mut conversation = Conversation::temporary_password(self.settings.ivr.clone(), line);
        conversation.start(now);
        let described = String::new();
        let talk = Talk { media, conversation, local, described, offered: false, confirmed: None };
        self.phase = Phase::Talking(Box::new(talk));
        self.talk(now, |_| {});
    }

    fn renegotiate(&mut self, now: Time, offer: Option<&[u8]>) {
        let response = match &mut self.phase {
            Phase::Talking(talk) => talk.respond(now, offer).map_err(|error| unmet(&error, &mut self.record)),
            Phase::Identifying { .. } | Phase::Opening { .. } | Phase::Answering { .. } => Err(491),
            // what is announced goes where it was offered to go
            Phase::Excusing { .. } | Phase::Announcing(_) => Err(488),
            Phase::Ending | Phase::Settling | Phase::Finished => Err(481),
        };
        self.outputs.push_back(Output::RespondOffer(response));
    }

    /// Lets `act` change the talk, then does what the media and the conversation want done because of it.
    fn talk(&mut self, now: Time, act: impl FnOnce(&mut Talk)) {
        let Phase::Talking(talk) = &mut self.phase else { return };
        act(talk);
        let ending = talk.settle(now, &mut self.outputs);
        let confirmed = talk.confirmed.take();
        if let Some(ticket) = confirmed {
            self.store(now, ticket);
        }
        if let Some(ending) = ending {
            self.end(now, outcome_of(ending));
        }
    }

    fn refuse(&mut self, status: u16, outcome: Outcome) {
        let retry_after = (status == 503).then_some(self.settings.retry_after);
        self.refuse_with(Rejection { retry_after, ..Rejection::new(status) }, outcome);
    }

    fn refuse_with(&mut self, rejection: Rejection, outcome: Outcome) {
        self.record.status = rejection.status;
        self.record.outcome = outcome;
        self.phase = Phase::Ending;
        self.outputs.push_back(Output::Reject(rejection));
    }

    fn wall(&self, now: Time) -> UnixTime {
        self.record.started_at.plus(now.since(self.started).as_secs() as i64)
    }
}

const INTERNAL_ERROR: &str = "internal error: see the log";

fn record_id(wall: UnixTime, seed: &Seed) -> String {
    format!("{:x}-{:016x}", wall.0, seed.numbers)
}

impl Talk {
    /// Passes on what the media heard and the conversation says, until both are quiet; tells how it ended, if it did.
    fn settle(&mut self, now: Time, outputs: &mut VecDeque<Output>) -> Option<Ending> {
        loop {
            if let Some(key) = self.media.pressed() {
                self.conversation.handle_input(now, ivr::Input::Key(key));
            } else if self.media.prompts_finished() {
                self.conversation.handle_input(now, ivr::Input::PromptsFinished);
            }
            let Some(output) = self.conversation.poll_output() else {
                if self.media.is_quiet() {
                    return None;
                }
                continue;
            };
            match output {
                ivr::Output::Play(prompts) => self.media.play(&prompts),
                ivr::Output::StopPlaying => self.media.stop_playing(),
                ivr::Output::Prepare(request) => outputs.push_back(Output::Prepare(request)),
                ivr::Output::Store(ticket) => self.confirmed = Some(ticket),
                ivr::Output::HangUp(ending) => return Some(ending),
                ivr::Output::Step(step) => tracing::trace!(step, "conversation"),
            }
        }
    }

    fn wakes(&self, media: Time) -> Time {
        let conversation = self.conversation.deadline().filter(|_| !self.media.on_hold());
        media.min(conversation.unwrap_or(Time::MAX))
    }
}
