//! The other end of the line: places test calls, keys what the prompts ask for, or plays recorded audio.
//!
//! [`Caller`] is one call's core, sans-IO as the service's own: signalling is an
//! [`Endpoint`](crate::sip::endpoint::Endpoint) beside it, and the edge joins the two to sockets.
//! The manner of a call says what it is to set and how it keys; the [`dialler`](crate::dialler) places it.
//!
//! ```
//! use karipass::caller::script::{Meaning, Order};
//! use karipass::number::PhoneNumber;
//! use karipass::secret::Secret;
//! use karipass::unit::Unit;
//!
//! let from = PhoneNumber::parse("0600001111")?;
//! let order = Order { unit: Unit::Number, from, target: None, password: Secret::from("48151623") };
//! let Meaning::Asks(reply) = order.meaning("menu-unit") else { unreachable!() };
//! assert_eq!(reply.keys.iter().map(|&key| char::from(key)).collect::<String>(), "2");
//! # Ok::<(), karipass::number::NumberError>(())
//! ```

pub mod ear;
mod habits;
pub mod script;
mod voice;

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::audio::g711::Law;
use crate::key::Ways;
use crate::rtp::session::{self, EventFormat, Received, Session};
use crate::sip::sdp::{Codec, MediaPlan};
use crate::time::Time;

use ear::{Ear, Heard, Lexicon};
use habits::FaultyLine;
use script::{Meaning, Order, ReadBack, Reply};
use voice::Voice;

pub use habits::{Faults, Habits, Silence};

/// Time from recognising a prompt to the first key. A person takes longer, and a service may count sooner keys as answers to
/// the question before.
const REACTION: Duration = Duration::from_millis(700);
/// Give up after this much silence.
const DEAF: Duration = Duration::from_secs(40);
/// The longest call.
const LONGEST: Duration = Duration::from_secs(240);
/// INFO's body type.
pub const INFO_TYPE: &str = "application/dtmf-relay";

/// The manner of a call.
#[derive(Clone, Debug)]
pub struct Manner {
    /// The password to set, and whose.
    pub order: Order,
    /// The ways each press is sent, all at once.
    pub ways: Ways,
    /// The calling number is withheld (RFC 3323 §4.1.1.3).
    pub withheld: bool,
    /// Hears every prompt to its end before keying, and keys the password anew when another one is read back; otherwise keys
    /// as soon as the prompt is recognised.
    pub patient: bool,
    /// Audio at 8 kHz to play instead of keying.
    pub recording: Option<Vec<i16>>,
    /// How media is sent.
    pub habits: Habits,
}

/// Progress, for the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// A prompt was recognised. Which digit a prompt speaks is not reported.
    Heard(String),
    /// Unknown speech was heard.
    HeardSpeech,
    /// Keys were keyed.
    Keyed {
        /// What they were.
        what: &'static str,
        /// How many.
        keys: usize,
    },
    /// The recording was played to its end.
    Played,
    /// From the last key's end to the first sound of what followed.
    Replied(Duration),
}

/// What the caller concludes from the prompts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Conclusion {
    /// "It is set" was heard.
    Set,
    /// A prompt announced a failure.
    Failed(String),
    /// The call ended before anything was decided.
    Undecided,
}

/// What is to be done, in this order.
#[derive(Debug)]
pub enum Output {
    /// Send from the RTP socket.
    Rtp {
        /// Where to.
        to: SocketAddr,
        /// One packet.
        bytes: Vec<u8>,
    },
    /// Send from the RTCP socket.
    Rtcp {
        /// Where to.
        to: SocketAddr,
        /// One compound packet.
        bytes: Vec<u8>,
    },
    /// Send an INFO of [`INFO_TYPE`] with this body; then say [`Caller::info_answered`], whatever the answer.
    Info(String),
    /// Hang up.
    HangUp,
    /// For the log.
    Step(Step),
    /// Nothing more for now; wake at this time.
    Timeout(Time),
}

/// One answered call.
pub struct Caller {
    manner: Manner,
    session: Session,
    /// The bad network that RTP goes through, if any.
    faulty: Option<FaultyLine>,
    now: Time,
    voice: Voice,
    ear: Ear,
    started: Time,
    next_frame: Time,
    /// The reply to the last prompt, and when to key it; patient callers key it when the prompt is over.
    pending: Option<(Reply, Time)>,
    /// The replies for the next pauses, as long as no prompt has been recognised.
    blind: VecDeque<Reply>,
    read_back: ReadBack,
    spoken: bool,
    /// The call is not answered yet: prompts are reported, and nothing is keyed.
    early: bool,
    /// Keys are on their way out.
    keying: bool,
    /// When the last of them was out.
    keyed_out: Option<Time>,
    last_heard: Time,
    announced_played: bool,
    conclusion: Conclusion,
    hung_up: bool,
    outputs: VecDeque<Output>,
}

impl Caller {
    /// The call was answered with `plan`. `seed` is the call's own randomness.
    pub fn new(now: Time, seed: u64, manner: Manner, lexicon: Arc<Lexicon>, plan: &MediaPlan) -> Caller {
        let law = law(plan.codec);
        let event = plan.telephone_event;
        let config = session::Config {
            ssrc: (seed >> 32) as u32,
            first_sequence: (seed >> 16) as u16,
            first_timestamp: seed as u32,
            payload_type: plan.payload_type,
            event: event.map(|e| EventFormat { payload_type: e.payload_type, clock_rate: e.clock_rate }),
            cname: format!("{:016x}", seed.rotate_left(17)),
            seed,
            keying: plan.keying.clone(),
            ..session::Config::default()
        };
        let blind = if manner.recording.is_some() { VecDeque::new() } else { manner.order.in_order().into() };
        let recording = manner.recording.clone().unwrap_or_default();
        let faults = &manner.habits.faults;
        Caller {
            session: Session::new(now, config, plan.remote_rtp, plan.remote_rtcp),
            faulty: (!faults.are_none()).then(|| FaultyLine::new(faults.clone(), seed)),
            now,
            voice: Voice::new(manner.ways, law, event.map_or(8000, |e| e.clock_rate), recording, manner.habits.clone()),
            manner,
            ear: Ear::new(lexicon),
            started: now,
            next_frame: now,
            pending: None,
            blind,
            read_back: ReadBack::default(),
            spoken: false,
            early: false,
            keying: false,
            keyed_out: None,
            last_heard: now,
            announced_played: false,
            conclusion: Conclusion::Undecided,
            hung_up: false,
            outputs: VecDeque::new(),
        }
    }

    /// Listens to early media with `plan`, before the call is answered.
    pub fn early(now: Time, seed: u64, manner: Manner, lexicon: Arc<Lexicon>, plan: &MediaPlan) -> Caller {
        let manner = Manner { recording: None, ..manner };
        Caller { early: true, blind: VecDeque::new(), ..Caller::new(now, seed, manner, lexicon, plan) }
    }

    /// Takes in a datagram from the RTP socket.
    pub fn handle_rtp(&mut self, now: Time, from: SocketAddr, bytes: &[u8]) {
        self.now = now;
        self.session.handle_rtp(now, from, bytes);
        self.hear(now);
    }

    /// Takes in a datagram from the RTCP socket.
    pub fn handle_rtcp(&mut self, now: Time, from: SocketAddr, bytes: &[u8]) {
        self.session.handle_rtcp(now, from, bytes);
    }

    /// Other keys were agreed on.
    pub fn rekey(&mut self, plan: &MediaPlan) {
        self.session.rekey(plan.keying.as_ref());
    }

    /// The last [`Output::Info`] was answered, or could not be sent.
    pub fn info_answered(&mut self) {
        self.voice.info_answered();
    }

    /// Does what is due.
    pub fn handle_timeout(&mut self, now: Time) {
        self.now = now;
        self.session.handle_timeout(now);
        self.hear(now);
        if let Some((reply, _)) = self.pending.take_if(|(_, at)| *at <= now) {
            self.key(&reply);
        }
        while self.next_frame <= now && !self.hung_up {
            let info = self.voice.tick(now, &mut self.session);
            self.outputs.extend(info.map(Output::Info));
            self.next_frame += self.manner.habits.tick();
        }
        if self.voice.is_done() {
            if std::mem::take(&mut self.keying) {
                self.keyed_out = Some(now);
            }
            if self.manner.recording.is_some() && !self.announced_played {
                self.announced_played = true;
                self.step(Step::Played);
            }
        }
        if now.since(self.last_heard) > DEAF || now.since(self.started) > LONGEST {
            self.hang_up();
        }
    }

    /// What is to be done next; to be drained until it is [`Output::Timeout`].
    pub fn poll_output(&mut self) -> Output {
        if let Some(output) = self.outputs.pop_front() {
            return output;
        }
        let wakes = loop {
            match (self.session.poll_output(), &mut self.faulty) {
                (session::Output::Rtp { to, bytes }, Some(faulty)) => faulty.take(self.now, to, bytes),
                (session::Output::Rtp { to, bytes }, None) => return Output::Rtp { to, bytes },
                (session::Output::Rtcp { to, bytes }, _) => return Output::Rtcp { to, bytes },
                (session::Output::Timeout(at), _) => break at,
            }
        };
        if self.hung_up {
            return Output::Timeout(wakes);
        }
        if let Some((to, bytes)) = self.faulty.as_mut().and_then(|faulty| faulty.due(self.now)) {
            return Output::Rtp { to, bytes };
        }
        let leaves = self.faulty.as_ref().map_or(Time::MAX, FaultyLine::next);
        Output::Timeout(wakes.min(self.next_frame).min(leaves))
    }

    /// Says goodbye on RTCP: the call is over.
    pub fn close(&mut self, now: Time) {
        self.hung_up = true;
        self.session.bye(now);
    }

    /// What the caller has concluded so far.
    pub fn conclusion(&self) -> &Conclusion {
        &self.conclusion
    }

    /// Counts of the media.
    pub fn stats(&self) -> session::Stats {
        self.session.stats()
    }

    fn hear(&mut self, now: Time) {
        while let Some(received) = self.session.poll_received() {
            let Received::Audio { payload_type, payload, .. } = received else { continue };
            let law = if payload_type == 8 { Law::A } else { Law::Mu };
            for heard in self.ear.listen(now, law, &payload) {
                self.react(now, heard);
            }
            if self.ear.hears_sound(now) {
                self.last_heard = now;
            }
            self.session.recycle(payload);
        }
    }

    fn react(&mut self, now: Time, heard: Heard) {
        let reply_time = self.keyed_out.map(|keyed| now.since(keyed));
        match heard {
            Heard::Prompt(name) => {
                self.replied(reply_time);
                // the keys before are answered: further ones belong to this prompt
                self.blind.clear();
                let meaning = self.manner.order.meaning(&name);
                let mistaken = self.read_back.hears_another(&name, &self.manner.order);
                // an impatient caller has keyed its reply already
                if let Some((reply, _)) = self.pending.as_mut().filter(|_| mistaken) {
                    *reply = Order::correction();
                }
                self.step(Step::Heard(masked(&name).to_owned()));
                self.mean(now, meaning, name);
            }
            Heard::Speech => {
                self.replied(reply_time);
                self.spoken = true;
                self.step(Step::HeardSpeech);
            }
            Heard::Pause => {
                let blind = if self.spoken { self.blind.pop_front() } else { None };
                self.spoken = false;
                if let Some(reply) = self.pending.take().map(|(reply, _)| reply).or(blind) {
                    self.key(&reply);
                }
            }
        }
    }

    fn mean(&mut self, now: Time, meaning: Meaning, name: String) {
        match meaning {
            _ if self.early => {}
            Meaning::Asks(_) if self.manner.recording.is_some() => {}
            Meaning::Asks(reply) => {
                let at = if self.manner.patient { Time::MAX } else { now + REACTION };
                self.pending = Some((reply, at));
            }
            Meaning::Set => self.conclusion = Conclusion::Set,
            Meaning::Failed => {
                self.conclusion = Conclusion::Failed(name);
                // a recording is played to its end
                if self.manner.recording.is_none() {
                    self.hang_up();
                }
            }
            Meaning::Nothing => {}
        }
    }

    fn replied(&mut self, reply_time: Option<Duration>) {
        if let Some(time) = reply_time {
            self.keyed_out = None;
            self.step(Step::Replied(time));
        }
    }

    fn key(&mut self, reply: &Reply) {
        self.voice.key(&reply.keys);
        self.keying = true;
        self.keyed_out = None;
        self.step(Step::Keyed { what: reply.what, keys: reply.keys.len() });
    }

    fn hang_up(&mut self) {
        if !std::mem::replace(&mut self.hung_up, true) {
            self.outputs.push_back(Output::HangUp);
        }
    }

    fn step(&mut self, step: Step) {
        self.outputs.push_back(Output::Step(step));
    }
}

/// A digit that is read back is a digit of the password.
fn masked(name: &str) -> &str {
    if name.starts_with("digit-") { "digit-•" } else { name }
}

fn law(codec: Codec) -> Law {
    match codec {
        Codec::Pcmu => Law::Mu,
        Codec::Pcma => Law::A,
    }
}
