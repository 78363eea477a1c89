//! The media of a call: packets in, presses out; prompts in, packets out, all on one clock.

use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use crate::account::CallRecord;
use crate::audio::g711::Law;
use crate::datagram::{Datagram, Kind};
use crate::dtmf::{self, Detector};
use crate::ivr::PromptName;
use crate::key::{Key, Way};
use crate::rtp::session::{self, EventFormat, Formats, Received, Session, Stats};
use crate::sip::sdp::{Codec, Direction, MediaPlan};
use crate::time::Time;

use super::player::Player;
use super::press::Merger;
use super::{Output, Settings};

/// Packets leave on multiples of this: one tick serves all calls.
const GRID: Duration = Duration::from_millis(20);
/// The longest pause in the caller's audio that is passed to the detector; after it, all tones have ended anyway.
const LONGEST_SILENCE: usize = 1600;
/// Fewer packets than this that are not heard are nothing to speak of.
const NOT_HEARD: u64 = 5;
/// RTP payload types of G.711 (RFC 3551 §6), which are understood whatever was agreed.
const PCMU: u8 = 0;
const PCMA: u8 = 8;

pub(super) struct Media {
    session: Session,
    detector: Detector,
    player: Player,
    merger: Merger,
    presses: VecDeque<Key>,
    plan: MediaPlan,
    /// When the next packet is to leave.
    next_frame: Time,
    pcm: Vec<i16>,
    frame: Vec<u8>,
}

impl Media {
    pub(super) fn new(now: Time, settings: &Settings, seed: u64, signalling: IpAddr, plan: MediaPlan) -> Media {
        let (formats, law) = (formats(&plan), law(plan.codec));
        let config = session::Config {
            ssrc: (seed >> 32) as u32,
            first_sequence: (seed >> 16) as u16,
            first_timestamp: seed as u32,
            payload_type: formats.audio,
            event: formats.event,
            cname: format!("{:016x}", seed.rotate_left(17)),
            seed,
            signalling: Some(signalling),
            keying: plan.keying.clone(),
            ..session::Config::default()
        };
        Media {
            session: Session::new(now, config, plan.remote_rtp, plan.remote_rtcp),
            detector: Detector::new(&settings.dtmf),
            player: Player::new(Arc::clone(&settings.prompts), law),
            merger: Merger::default(),
            presses: VecDeque::new(),
            plan,
            next_frame: next_on_grid(now),
            pcm: Vec::new(),
            frame: Vec::new(),
        }
    }

    /// Goes on with what was agreed anew.
    pub(super) fn retarget(&mut self, now: Time, plan: &MediaPlan) {
        self.session.retarget(now, plan.remote_rtp, plan.remote_rtcp, formats(plan));
        self.session.rekey(plan.keying.as_ref());
        self.player.set_law(law(plan.codec));
        if self.on_hold() {
            self.catch_up(now);
        }
        self.plan = plan.clone();
    }

    /// After a hold: what was not sent counts in the timestamps, which go with the time (RFC 3550 §5.1).
    fn catch_up(&mut self, now: Time) {
        let next = next_on_grid(now).max(self.next_frame);
        let samples = next.since(self.next_frame).as_micros() / 125;
        if samples > 0 {
            self.session.skip(samples as u32);
        }
        self.next_frame = next;
    }

    /// Whether the caller has put us on hold: nothing is sent, and prompts stand still.
    pub(super) fn on_hold(&self) -> bool {
        match self.plan.direction {
            Direction::SendRecv | Direction::SendOnly => self.plan.on_hold,
            Direction::RecvOnly | Direction::Inactive => true,
        }
    }

    pub(super) fn handle_datagram(&mut self, now: Time, datagram: Datagram<&[u8]>) {
        let Datagram { kind, remote, bytes } = datagram;
        match kind {
            Kind::Rtp => {
                self.session.handle_rtp(now, remote, bytes);
                self.hear(now);
            }
            Kind::Rtcp => self.session.handle_rtcp(now, remote, bytes),
        }
    }

    /// Takes a sent datagram's buffer back.
    pub(super) fn recycle(&mut self, buffer: Vec<u8>) {
        self.session.recycle(buffer);
    }

    /// A key came by INFO.
    pub(super) fn info(&mut self, now: Time, key: Key) {
        self.down(now, key, Way::Info);
    }

    pub(super) fn handle_timeout(&mut self, now: Time) {
        self.session.handle_timeout(now);
        self.hear(now);
        if self.on_hold() {
            return;
        }
        let samples = self.plan.ptime_ms.clamp(10, 60) * 8;
        while self.next_frame <= now {
            // after a stall the lost time is skipped, not caught up with a burst
            if now.since(self.next_frame) > GRID * 5 {
                self.session.skip(samples);
            } else {
                self.frame.resize(samples as usize, 0);
                self.player.fill(&mut self.frame);
                self.session.send_audio(now, &self.frame);
            }
            self.next_frame += Duration::from_micros(u64::from(samples) * 125);
        }
    }

    /// The next packet, or when to be woken.
    pub(super) fn poll_output(&mut self) -> Result<Output, Time> {
        match self.session.poll_output() {
            session::Output::Rtp { to, bytes } => Ok(datagram(Kind::Rtp, to, bytes)),
            session::Output::Rtcp { to, bytes } => Ok(datagram(Kind::Rtcp, to, bytes)),
            session::Output::Timeout(at) if self.on_hold() => Err(at),
            session::Output::Timeout(at) => Err(at.min(self.next_frame)),
        }
    }

    /// The next press, once however many ways reported it.
    pub(super) fn pressed(&mut self) -> Option<Key> {
        self.presses.pop_front()
    }

    pub(super) fn play(&mut self, prompts: &[PromptName]) {
        self.player.play(prompts);
    }

    pub(super) fn stop_playing(&mut self) {
        self.player.stop();
    }

    pub(super) fn prompts_finished(&mut self) -> bool {
        self.player.finished()
    }

    /// Whether there is nothing to tell the conversation.
    pub(super) fn is_quiet(&self) -> bool {
        self.presses.is_empty() && !self.player.is_finished()
    }

    /// Says goodbye, and enters what was counted.
    pub(super) fn close(&mut self, now: Time, record: &mut CallRecord) {
        self.session.bye(now);
        let stats = self.session.stats();
        let inbound = stats.inbound;
        record.media.received = count(inbound.received);
        record.media.lost = count(inbound.lost);
        record.media.duplicates = count(inbound.duplicates);
        record.media.jitter_ms = inbound.jitter / 8;
        record.media.unauthentic = count(stats.rejected - stats.replayed);
        record.media.replayed = count(stats.replayed);
        record.detail = record.detail.take().or_else(|| unheard(&stats));
        record.srtp = self.plan.keying.as_ref().map(|keying| keying.remote.suite().name().to_owned());
        record.digits.inband = self.merger.reported(Way::InBand);
        record.digits.rfc4733 = self.merger.reported(Way::Rfc4733);
        record.digits.info = self.merger.reported(Way::Info);
    }

    fn hear(&mut self, now: Time) {
        while let Some(received) = self.session.poll_received() {
            match received {
                Received::Audio { payload_type, payload, .. } => {
                    self.listen(payload_type, &payload);
                    self.session.recycle(payload);
                }
                Received::Lost { samples } => self.detector.lost((samples as usize).min(LONGEST_SILENCE)),
                Received::Silence { samples } => {
                    self.pcm.clear();
                    self.pcm.resize((samples as usize).min(LONGEST_SILENCE), 0);
                    self.detector.process(&self.pcm);
                }
                Received::EventDown { code, .. } => {
                    if let Some(key) = Key::from_event_code(code) {
                        self.down(now, key, Way::Rfc4733);
                    }
                }
                Received::EventUp { code, .. } => {
                    if let Some(key) = Key::from_event_code(code) {
                        self.merger.up(now, key, Way::Rfc4733);
                    }
                }
            }
        }
        while let Some(event) = self.detector.poll() {
            match event {
                dtmf::Event::Down { digit, .. } => self.down(now, digit, Way::InBand),
                dtmf::Event::Up { digit, .. } => self.merger.up(now, digit, Way::InBand),
            }
        }
    }

    fn listen(&mut self, payload_type: u8, payload: &[u8]) {
        let law = match payload_type {
            PCMU => Law::Mu,
            PCMA => Law::A,
            agreed if agreed == self.plan.payload_type => law(self.plan.codec),
            // comfort noise: no key is in it
            _ => return,
        };
        self.pcm.clear();
        law.decode_into(payload, &mut self.pcm);
        self.detector.process(&self.pcm);
    }

    fn down(&mut self, now: Time, key: Key, way: Way) {
        if self.merger.down(now, key, way) {
            self.presses.push_back(key);
        }
    }
}

/// What came and was not heard, when it is more than stray packets: it is why nothing was keyed, as far as we know.
fn unheard(stats: &Stats) -> Option<String> {
    let (foreign, unknown) = (stats.foreign, stats.inbound.unknown_type);
    let elsewhere = stats.stranger.filter(|_| foreign >= NOT_HEARD).map(|stranger| {
        format!("{foreign} packets came from elsewhere than agreed, the last from {stranger}, and were not heard")
    });
    let unagreed = (unknown >= NOT_HEARD).then(|| format!("{unknown} packets were of no payload type that was agreed"));
    let told: Vec<String> = elsewhere.into_iter().chain(unagreed).collect();
    (!told.is_empty()).then(|| told.join("; "))
}

fn datagram(kind: Kind, remote: SocketAddr, bytes: Vec<u8>) -> Output {
    Output::Datagram(Datagram { kind, remote, bytes })
}

fn law(codec: Codec) -> Law {
    match codec {
        Codec::Pcmu => Law::Mu,
        Codec::Pcma => Law::A,
    }
}

fn formats(plan: &MediaPlan) -> Formats {
    let event = plan.telephone_event;
    Formats {
        audio: plan.payload_type,
        event: event.map(|event| EventFormat { payload_type: event.payload_type, clock_rate: event.clock_rate }),
    }
}

fn next_on_grid(now: Time) -> Time {
    let count = now.elapsed().as_nanos() / GRID.as_nanos() + 1;
    Time::after_start(GRID.saturating_mul(u32::try_from(count).unwrap_or(u32::MAX)))
}

fn count(n: u64) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}
