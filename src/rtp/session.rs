//! One RTP session of one call: media received, media sent, and the reports about both.

use std::collections::VecDeque;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

pub use super::inbound::{Counters, EventFormat, Formats, Received};

use super::inbound::{COMFORT_NOISE, Inbound};
use super::packet::Packet;
use super::rtcp::{self, Block, Compound, Schedule, SenderInfo};
use super::source::Source;
use super::srtp::{Rejected, Srtp};
use super::telephone_event::Step;
use super::{AUDIO_CLOCK, samples};
use crate::keying::Keying;
use crate::time::Time;

/// Spare datagram buffers kept for reuse.
const SPARE: usize = 16;

/// The start of a session. The numbers are random for each call (RFC 3550 §5.1).
#[derive(Clone, Debug)]
pub struct Config {
    /// Our source.
    pub ssrc: u32,
    /// Our first sequence number.
    pub first_sequence: u16,
    /// Our first timestamp.
    pub first_timestamp: u32,
    /// The agreed payload type of audio, both ways.
    pub payload_type: u8,
    /// The agreed events, if any, both ways.
    pub event: Option<EventFormat>,
    /// Our name in reports, which does not identify us (RFC 7022).
    pub cname: String,
    /// Wait for a missing packet.
    pub reorder_window: Duration,
    /// The longest wait, on a network where packets arrive later than that.
    pub max_reorder_window: Duration,
    /// Seeds the randomness of the report interval.
    pub seed: u64,
    /// The host of the signalling: besides the agreed host, media may come from it.
    pub signalling: Option<IpAddr>,
    /// The keys, when media is encrypted (SRTP).
    pub keying: Option<Keying>,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            ssrc: 0,
            first_sequence: 0,
            first_timestamp: 0,
            payload_type: 0,
            event: None,
            cname: String::from("karipass"),
            reorder_window: Duration::from_millis(60),
            max_reorder_window: Duration::from_millis(240),
            seed: 0,
            signalling: None,
            keying: None,
        }
    }
}

/// What is to be done.
#[derive(PartialEq, Eq)]
pub enum Output {
    /// Send this from the RTP socket.
    Rtp {
        /// Where to.
        to: SocketAddr,
        /// The datagram. May be handed back with [`Session::recycle`].
        bytes: Vec<u8>,
    },
    /// Send this from the RTCP socket.
    Rtcp {
        /// Where to.
        to: SocketAddr,
        /// The datagram.
        bytes: Vec<u8>,
    },
    /// Nothing more; call `handle_timeout` at this time.
    Timeout(Time),
}

// what is sent may be a keyed digit, or a password being read back
impl fmt::Debug for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Output::Rtp { to, bytes } => write!(f, "Rtp({} bytes to {to})", bytes.len()),
            Output::Rtcp { to, bytes } => write!(f, "Rtcp({} bytes to {to})", bytes.len()),
            Output::Timeout(when) => write!(f, "Timeout({when:?})"),
        }
    }
}

/// Counts for the call record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Of the stream received.
    pub inbound: Counters,
    /// Datagrams that were not RTP.
    pub malformed: u64,
    /// Datagrams from addresses that are not accepted.
    pub foreign: u64,
    /// The source of the last of them on the RTP socket.
    pub stranger: Option<SocketAddr>,
    /// Datagrams that did not decrypt: forged, replayed, cut off.
    pub rejected: u64,
    /// Those of them that had been received before, or were too old to be checked.
    pub replayed: u64,
    /// Packets sent.
    pub sent: u64,
    /// The round trip, by the other end's last report.
    pub round_trip: Option<Duration>,
    /// Packets of ours that the other end reports as lost.
    pub remote_lost: i32,
    /// The other end said BYE.
    pub remote_left: bool,
}

/// A session. Feed it datagrams and time; drain [`Session::poll_received`] and [`Session::poll_output`] after each call.
pub struct Session {
    inbound: Inbound,
    outbound: Outbound,
    rtp: Source,
    rtcp: Source,
    schedule: Schedule,
    last_report: Option<(u64, Time)>,
    stats: Stats,
    outputs: VecDeque<Output>,
    spare: Vec<Vec<u8>>,
    srtp: Option<Srtp>,
    /// The datagram that is being decrypted.
    opened: Vec<u8>,
}

impl Session {
    /// A session with the agreed addresses of the other end.
    pub fn new(now: Time, mut config: Config, remote_rtp: SocketAddr, remote_rtcp: SocketAddr) -> Session {
        let srtp = config.keying.take().map(Srtp::new);
        if srtp.is_some() {
            // far from the wrap, so that the rollover counter is known even when the first packets are lost (RFC 3711 §3.3.1)
            config.first_sequence &= 0x7fff;
        }
        let formats = Formats { audio: config.payload_type, event: config.event };
        Session {
            inbound: Inbound::new(formats, config.reorder_window, config.max_reorder_window),
            rtp: Source::new(remote_rtp, config.signalling),
            rtcp: Source::new(remote_rtcp, config.signalling),
            schedule: Schedule::new(now, config.seed),
            last_report: None,
            stats: Stats::default(),
            outputs: VecDeque::new(),
            spare: Vec::new(),
            srtp,
            opened: Vec::new(),
            outbound: Outbound::new(now, config),
        }
    }

    /// A new agreement (re-INVITE). Our numbering goes on.
    pub fn retarget(&mut self, now: Time, remote_rtp: SocketAddr, remote_rtcp: SocketAddr, formats: Formats) {
        self.rtp.agree(now, remote_rtp);
        self.rtcp.agree(now, remote_rtcp);
        self.inbound.reformat(formats);
        self.outbound.formats = formats;
    }

    /// Newly agreed keys; without them media is not encrypted any more.
    pub fn rekey(&mut self, keying: Option<&Keying>) {
        match (&mut self.srtp, keying) {
            (Some(srtp), Some(keying)) => srtp.rekey(keying),
            (srtp, keying) => *srtp = keying.cloned().map(Srtp::new),
        }
    }

    /// Takes a datagram from the RTP socket.
    pub fn handle_rtp(&mut self, now: Time, from: SocketAddr, datagram: &[u8]) {
        if rtcp::is_rtcp(datagram) {
            return self.handle_multiplexed(now, from, datagram);
        }
        if !self.rtp.accepts(now, from) {
            self.stats.foreign += 1;
            self.stats.stranger = Some(from);
            return;
        }
        self.opening(datagram, Srtp::unprotect_rtp, |session, datagram| {
            let Ok(packet) = Packet::parse(datagram) else {
                session.stats.malformed += 1;
                return;
            };
            // only an expected payload type teaches an address
            if session.inbound.knows(packet.payload_type) {
                session.rtp.hear(now, from);
            } else if !session.rtp.is_from(from) {
                session.stats.foreign += 1;
                return;
            }
            session.inbound.receive(now, &packet);
        });
    }

    /// Takes a datagram from the RTCP socket.
    pub fn handle_rtcp(&mut self, now: Time, from: SocketAddr, datagram: &[u8]) {
        // only the host of the media has anything to report
        if !self.rtcp.accepts(now, from) || !self.rtp.is_from_host(from) {
            self.stats.foreign += 1;
            return;
        }
        self.opening(datagram, Srtp::unprotect_rtcp, |session, datagram| {
            let Some(packets) = rtcp::parse(datagram) else {
                session.stats.malformed += 1;
                return;
            };
            session.rtcp.hear(now, from);
            packets.for_each(|packet| session.take_report(now, &packet));
        });
    }

    /// Decrypts a datagram and passes it on; one that does not decrypt is counted and dropped.
    fn opening(
        &mut self,
        datagram: &[u8],
        unprotect: fn(&mut Srtp, &mut [u8]) -> Result<usize, Rejected>,
        take: impl FnOnce(&mut Session, &[u8]),
    ) {
        let Some(srtp) = &mut self.srtp else { return take(self, datagram) };
        let mut opened = std::mem::take(&mut self.opened);
        opened.clear();
        opened.extend_from_slice(datagram);
        match unprotect(srtp, &mut opened) {
            Ok(length) => take(self, opened.get(..length).unwrap_or_default()),
            Err(rejected) => {
                tracing::trace!(%rejected, "a packet is dropped");
                self.stats.rejected += 1;
                self.stats.replayed += u64::from(rejected == Rejected::Replayed);
            }
        }
        self.opened = opened;
    }

    /// Gives up late packets, ends presses that stopped, sends reports that are due.
    pub fn handle_timeout(&mut self, now: Time) {
        self.inbound.handle_timeout(now);
        if self.schedule.is_due(now) {
            self.report(now, false);
        }
    }

    /// The next thing received.
    pub fn poll_received(&mut self) -> Option<Received> {
        self.inbound.poll()
    }

    /// The next thing to do; the last is a [`Output::Timeout`].
    pub fn poll_output(&mut self) -> Output {
        let deadline = self.schedule.next().min(self.inbound.deadline());
        self.outputs.pop_front().unwrap_or(Output::Timeout(deadline))
    }

    /// Sends one packet of audio, one byte a sample; the media time advances by as much.
    pub fn send_audio(&mut self, now: Time, payload: &[u8]) {
        let buffer = self.spare.pop().unwrap_or_default();
        let bytes = self.outbound.audio(now, payload, buffer);
        self.transmit(bytes);
    }

    /// Advances the media time by samples that are not sent.
    pub fn skip(&mut self, samples: u32) {
        self.outbound.skip(samples);
    }

    /// Sends one packet of an event, from [`Sender`](super::telephone_event::Sender), in place of audio. Nothing is
    /// sent when no events were agreed on. Either way the media time advances by the step's length: with a length of 0, the
    /// event is sent beside the audio of that time.
    pub fn send_event(&mut self, now: Time, step: Step) {
        let buffer = self.spare.pop().unwrap_or_default();
        match self.outbound.event(now, step, buffer) {
            Ok(bytes) => self.transmit(bytes),
            Err(buffer) => self.recycle(buffer),
        }
    }

    /// Announces silence of this level, in -dBov (RFC 3389); [`Session::skip`] it then.
    pub fn send_comfort_noise(&mut self, now: Time, level: u8) {
        let buffer = self.spare.pop().unwrap_or_default();
        let bytes = self.outbound.comfort_noise(now, level, buffer);
        self.transmit(bytes);
    }

    /// Goes on as another source with numbers of its own (RFC 3550 §8.2).
    pub fn change_source(&mut self, ssrc: u32, sequence: u16, timestamp: u32) {
        self.outbound.change_source(ssrc, sequence, timestamp);
    }

    /// Says goodbye; no reports follow.
    pub fn bye(&mut self, now: Time) {
        if self.schedule.next() < Time::MAX {
            self.report(now, true);
            self.schedule.stop();
        }
    }

    /// Takes the buffer of an output or of received audio back for reuse.
    pub fn recycle(&mut self, buffer: Vec<u8>) {
        if self.spare.len() < SPARE {
            self.spare.push(buffer);
        } else {
            self.inbound.recycle(buffer);
        }
    }

    /// Counts for the call record.
    pub fn stats(&self) -> Stats {
        Stats { inbound: self.inbound.counters(), sent: u64::from(self.outbound.packets), ..self.stats }
    }

    /// Reports on the RTP socket, from an end that multiplexes without asking (RFC 5761).
    fn handle_multiplexed(&mut self, now: Time, from: SocketAddr, datagram: &[u8]) {
        if !self.rtp.is_from(from) {
            self.stats.foreign += 1;
            return;
        }
        self.opening(datagram, Srtp::unprotect_rtcp, |session, datagram| {
            rtcp::parse(datagram).into_iter().flatten().for_each(|packet| session.take_report(now, &packet));
        });
    }

    fn transmit(&mut self, mut bytes: Vec<u8>) {
        if let Some(srtp) = &mut self.srtp {
            srtp.protect_rtp(&mut bytes);
        }
        let to = self.rtp.destination();
        self.outputs.push_back(Output::Rtp { to, bytes });
    }

    /// The address for reports. There is none while media goes to another host than agreed and no report came from it, nor
    /// while the agreed address is unspecified (the old way of holding, RFC 3264 §8.4).
    fn report_destination(&self) -> Option<SocketAddr> {
        let to = self.rtcp.destination();
        let known = self.rtp.is_from_host(to) || !self.rtp.is_elsewhere();
        (known && !to.ip().is_unspecified()).then_some(to)
    }

    fn report(&mut self, now: Time, bye: bool) {
        let sender = self.outbound.sender_info(now);
        let block = self.inbound.report().map(|counts| self.block(now, counts));
        let Some(to) = self.report_destination() else { return };
        let compound = Compound { ssrc: self.outbound.ssrc, cname: &self.outbound.cname, sender, block, bye };
        let mut bytes = self.spare.pop().unwrap_or_default();
        compound.write(&mut bytes);
        if let Some(srtp) = &mut self.srtp {
            srtp.protect_rtcp(&mut bytes);
        }
        self.outputs.push_back(Output::Rtcp { to, bytes });
    }

    fn block(&self, now: Time, counts: super::reception::Counts) -> Block {
        let Some((ntp, received)) = self.last_report else { return Block { counts, last_report: 0, delay: 0 } };
        let delay = now.since(received).as_nanos() * 65_536 / 1_000_000_000;
        Block { counts, last_report: rtcp::middle(ntp), delay: u32::try_from(delay).unwrap_or(u32::MAX) }
    }

    fn take_report(&mut self, now: Time, packet: &rtcp::Packet<'_>) {
        match *packet {
            rtcp::Packet::Report { sender, blocks, .. } => {
                if let Some(info) = sender {
                    self.last_report = Some((info.ntp, now));
                }
                let ours = self.outbound.ssrc;
                if let Some(block) = { blocks }.find(|block| block.counts.ssrc == ours) {
                    self.take_block(now, &block);
                }
            }
            rtcp::Packet::Goodbye { .. } => self.stats.remote_left = true,
            rtcp::Packet::Description { .. } | rtcp::Packet::Other { .. } => {}
        }
    }

    fn take_block(&mut self, now: Time, block: &Block) {
        self.stats.remote_lost = block.counts.lost;
        if block.last_report != 0 {
            let passed = rtcp::middle(rtcp::ntp(now)).wrapping_sub(block.last_report).wrapping_sub(block.delay);
            // a delay longer than the elapsed time is the other end's rounding, or nonsense
            let passed = if passed > u32::MAX / 2 { 0 } else { passed };
            self.stats.round_trip = Some(Duration::from_nanos(u64::from(passed) * 1_000_000_000 / 65_536));
        }
    }
}

/// The sending half.
struct Outbound {
    formats: Formats,
    cname: String,
    ssrc: u32,
    sequence: u16,
    timestamp: u32,
    /// The next audio packet begins a talkspurt (RFC 3551 §4.1).
    pause: bool,
    event_start: u32,
    packets: u32,
    octets: u32,
    /// When the last packet was sent, and the timestamp then.
    last: (Time, u32),
    /// Packets sent at the last report and at the one before.
    reported: [u32; 2],
}

impl Outbound {
    fn new(now: Time, config: Config) -> Outbound {
        Outbound {
            formats: Formats { audio: config.payload_type, event: config.event },
            cname: config.cname,
            ssrc: config.ssrc,
            sequence: config.first_sequence,
            timestamp: config.first_timestamp,
            pause: true,
            event_start: 0,
            packets: 0,
            octets: 0,
            last: (now, config.first_timestamp),
            reported: [0; 2],
        }
    }

    fn audio(&mut self, now: Time, payload: &[u8], buffer: Vec<u8>) -> Vec<u8> {
        let marker = std::mem::take(&mut self.pause);
        self.last = (now, self.timestamp);
        let bytes = self.packet(marker, self.formats.audio, self.timestamp, payload, buffer);
        self.timestamp = self.timestamp.wrapping_add(payload.len() as u32);
        bytes
    }

    fn comfort_noise(&mut self, now: Time, level: u8, buffer: Vec<u8>) -> Vec<u8> {
        self.last = (now, self.timestamp);
        self.packet(false, COMFORT_NOISE, self.timestamp, &[level & 0x7f], buffer)
    }

    fn change_source(&mut self, ssrc: u32, sequence: u16, timestamp: u32) {
        let moved = timestamp.wrapping_sub(self.timestamp);
        self.event_start = self.event_start.wrapping_add(moved);
        self.last.1 = self.last.1.wrapping_add(moved);
        (self.ssrc, self.sequence, self.timestamp) = (ssrc, sequence, timestamp);
    }

    fn skip(&mut self, samples: u32) {
        self.timestamp = self.timestamp.wrapping_add(samples);
        self.pause = true;
    }

    fn event(&mut self, now: Time, step: Step, buffer: Vec<u8>) -> Result<Vec<u8>, Vec<u8>> {
        if step.first {
            self.event_start = self.timestamp;
        }
        self.last = (now, self.timestamp);
        self.timestamp = self.timestamp.wrapping_add(step.advance);
        // beside audio, an event is no pause in it
        self.pause |= step.advance > 0;
        let Some(format) = self.formats.event else { return Err(buffer) };
        let start = self.event_start.wrapping_add(step.offset);
        Ok(self.packet(step.first, format.payload_type, start, &step.report.to_bytes(), buffer))
    }

    fn packet(&mut self, marker: bool, payload_type: u8, timestamp: u32, payload: &[u8], buffer: Vec<u8>) -> Vec<u8> {
        let mut bytes = buffer;
        let (sequence, ssrc) = (self.sequence, self.ssrc);
        Packet { marker, payload_type, sequence, timestamp, ssrc, payload }.write(&mut bytes);
        self.sequence = self.sequence.wrapping_add(1);
        self.packets = self.packets.wrapping_add(1);
        self.octets = self.octets.wrapping_add(payload.len() as u32);
        bytes
    }

    /// Present when packets were sent since the report before last (RFC 3550 §6.4).
    fn sender_info(&mut self, now: Time) -> Option<SenderInfo> {
        let [last, before] = self.reported;
        self.reported = [self.packets, last];
        let (sent, timestamp) = self.last;
        let timestamp = timestamp.wrapping_add(samples(now.since(sent)) as u32);
        let (packets, octets) = (self.packets, self.octets);
        (packets != before).then_some(SenderInfo { ntp: rtcp::ntp(now), timestamp, packets, octets })
    }
}

const _: () = assert!(AUDIO_CLOCK == 8000, "payload bytes are samples, and media time is at 8 kHz");

#[cfg(test)]
mod tests;
