//! A session as packet traces in virtual time.

#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use super::super::telephone_event::{Report, Sender};
use super::*;

const RTP: &str = "192.0.2.7:4000";
const RTCP: &str = "192.0.2.7:4001";

fn at(address: &str) -> SocketAddr {
    address.parse().unwrap()
}

fn config() -> Config {
    let event = Some(EventFormat { payload_type: 101, clock_rate: 8000 });
    let (ssrc, first_sequence, first_timestamp) = (0xabcd, 0xffff, u32::MAX - 159);
    Config { ssrc, first_sequence, first_timestamp, event, ..Config::default() }
}

fn session() -> Session {
    Session::new(Time::ZERO, config(), at(RTP), at(RTCP))
}

fn datagram(payload_type: u8, sequence: u16, payload: &[u8]) -> Vec<u8> {
    let timestamp = u32::from(sequence) * 160;
    let mut bytes = Vec::new();
    Packet { marker: false, payload_type, sequence, timestamp, ssrc: 5, payload }.write(&mut bytes);
    bytes
}

/// Everything sent so far, as (RTP or RTCP, where to, datagram), and the timeout.
fn sent(session: &mut Session) -> (Vec<(bool, SocketAddr, Vec<u8>)>, Time) {
    let mut all = Vec::new();
    loop {
        match session.poll_output() {
            Output::Rtp { to, bytes } => all.push((true, to, bytes)),
            Output::Rtcp { to, bytes } => all.push((false, to, bytes)),
            Output::Timeout(when) => return (all, when),
        }
    }
}

/// The RTP packets sent so far as (marker, payload type, sequence, timestamp).
fn packets(session: &mut Session) -> Vec<(bool, u8, u16, u32)> {
    let (all, _) = sent(session);
    all.iter()
        .filter(|(rtp, ..)| *rtp)
        .map(|(_, _, bytes)| Packet::parse(bytes).unwrap())
        .map(|packet| (packet.marker, packet.payload_type, packet.sequence, packet.timestamp))
        .collect()
}

fn heard(session: &mut Session) -> usize {
    std::iter::from_fn(|| session.poll_received()).count()
}

#[test]
fn audio_is_numbered_over_the_wrap_and_marked_after_a_pause() {
    let mut session = session();
    for n in 0..3 {
        session.send_audio(Time::from_millis(n * 20), &[0xff; 160]);
    }
    session.skip(320);
    session.send_audio(Time::from_millis(100), &[0xff; 80]);
    session.send_audio(Time::from_millis(110), &[0xff; 80]);
    let expected = [
        (true, 0, 0xffff, u32::MAX - 159),
        (false, 0, 0, 0),
        (false, 0, 1, 160),
        (true, 0, 2, 640),
        (false, 0, 3, 720),
    ];
    assert_eq!(packets(&mut session), expected);
}

#[test]
fn a_press_is_sent_in_place_of_audio() {
    let mut session = session();
    session.send_audio(Time::ZERO, &[0xff; 160]);
    for (tick, step) in (1..).zip(Sender::new(5, 320, 160, 8000)) {
        session.send_event(Time::from_millis(tick * 20), step);
    }
    session.send_audio(Time::from_millis(100), &[0xff; 160]);
    let (all, _) = sent(&mut session);
    let told: Vec<_> = all
        .iter()
        .map(|(_, _, bytes)| Packet::parse(bytes).unwrap())
        .map(|packet| (packet.marker, packet.payload_type, packet.sequence, packet.timestamp, packet.payload.len()))
        .collect();
    let expected = [
        (true, 0, 0xffff, u32::MAX - 159, 160),
        (true, 101, 0, 0, 4),
        (false, 101, 1, 0, 4),
        (false, 101, 2, 0, 4),
        (false, 101, 3, 0, 4),
        (true, 0, 4, 640, 160),
    ];
    assert_eq!(told, expected);
    let payloads: Vec<_> = all[1..5].iter().map(|(_, _, bytes)| bytes[12..].to_vec()).collect();
    assert_eq!(payloads, [[5, 10, 0, 160], [5, 138, 1, 64], [5, 138, 1, 64], [5, 138, 1, 64]]);
}

#[test]
fn without_agreed_events_a_press_is_silence() {
    let mut session = Session::new(Time::ZERO, Config { event: None, ..config() }, at(RTP), at(RTCP));
    Sender::new(5, 160, 160, 8000).for_each(|step| session.send_event(Time::ZERO, step));
    session.send_audio(Time::ZERO, &[0xff; 160]);
    assert_eq!(packets(&mut session), [(true, 0, 0xffff, 320)]);
}

#[test]
fn what_one_session_keys_another_hears() {
    let (mut one, mut other) = (session(), session());
    let mut now = Time::ZERO;
    let mut heard = String::new();
    for (code, length) in [(1, 800), (1, 400), (11, 70_000), (16, 1)] {
        for step in Sender::new(code, length, 160, 8000) {
            one.send_event(now, step);
            now += Duration::from_millis(20);
        }
        one.skip(800);
        for (_, _, bytes) in sent(&mut one).0 {
            other.handle_rtp(now, at(RTP), &bytes);
        }
        while let Some(received) = other.poll_received() {
            match received {
                Received::EventDown { code, .. } => heard.push_str(&format!("{code}v ")),
                Received::EventUp { code, duration, .. } => heard.push_str(&format!("{code}^{duration} ")),
                Received::Audio { .. } | Received::Lost { .. } | Received::Silence { .. } => {}
            }
        }
    }
    assert_eq!(heard, "1v 1^800 1v 1^400 11v 11^70000 16v 16^1 ");
}

#[test]
fn media_goes_where_media_comes_from() {
    let mut session = session();
    session.send_audio(Time::ZERO, &[0; 160]);
    session.handle_rtp(Time::ZERO, at("198.51.100.1:7000"), &datagram(0, 1, &[0; 160]));
    session.handle_rtp(Time::ZERO, at("203.0.113.66:7000"), &datagram(0, 2, &[0; 160]));
    session.send_audio(Time::ZERO, &[0; 160]);
    assert_eq!(heard(&mut session), 1);
    let destinations: Vec<_> = sent(&mut session).0.iter().map(|(_, to, _)| *to).collect();
    assert_eq!(destinations, [at(RTP), at("198.51.100.1:7000")]);
    assert_eq!(session.stats().foreign, 1);
}

#[test]
fn what_may_not_come_teaches_no_address() {
    let mut session = session();
    session.handle_rtp(Time::ZERO, at("203.0.113.66:7000"), &datagram(96, 1, &[0; 160]));
    session.handle_rtp(Time::ZERO, at("203.0.113.66:7000"), b"\x00\x01\x00\x00 a STUN request, say");
    session.send_audio(Time::ZERO, &[0; 160]);
    assert_eq!(sent(&mut session).0[0].1, at(RTP));
    let stats = session.stats();
    assert_eq!((stats.foreign, stats.malformed, stats.inbound.unknown_type), (1, 1, 0));
    session.handle_rtp(Time::ZERO, at(RTP), &datagram(96, 1, &[0; 160]));
    assert_eq!(session.stats().inbound.unknown_type, 1);
}

#[test]
fn a_new_agreement_changes_address_and_formats_but_not_the_numbering() {
    let mut session = session();
    session.send_audio(Time::ZERO, &[0; 160]);
    session.handle_rtp(Time::ZERO, at(RTP), &datagram(0, 1, &[0; 160]));
    let formats = Formats { audio: 8, event: Some(EventFormat { payload_type: 96, clock_rate: 8000 }) };
    session.retarget(Time::from_millis(20), at("192.0.2.8:5000"), at("192.0.2.8:5001"), formats);
    session.send_audio(Time::from_millis(20), &[0; 160]);
    session.send_event(Time::from_millis(40), Sender::new(1, 1, 160, 8000).next().unwrap());
    let (all, _) = sent(&mut session);
    assert_eq!(all[1].1, at("192.0.2.8:5000"));
    let kinds: Vec<_> = all.iter().map(|(_, _, bytes)| (bytes[1] & 0x7f, bytes[3])).collect();
    assert_eq!(kinds, [(0, 0xff), (8, 0), (96, 1)]);
    heard(&mut session);
    let press = Report { code: 3, end: true, volume: 0, duration: 160 }.to_bytes();
    session.handle_rtp(Time::from_millis(60), at("192.0.2.8:5000"), &datagram(96, 2, &press));
    assert_eq!(heard(&mut session), 2);
}

/// RFC 3550 §6.4.1, figure 2: a report sent at 46853.125 s comes back at 46864.5 s after 5.25 s there: 6.125 s.
#[test]
fn the_round_trip_is_that_of_the_rfc_s_example() {
    let mut session = session();
    let counts = rtcp::Counts { ssrc: 0xabcd, fraction_lost: 0, lost: 3, highest: 0, jitter: 0 };
    let block = Some(Block { counts, last_report: 0xb705_2000, delay: 0x0005_4000 });
    let mut bytes = Vec::new();
    Compound { ssrc: 5, cname: "x", sender: None, block, bye: true }.write(&mut bytes);
    session.handle_rtcp(Time::from_millis(46_864_500), at(RTCP), &bytes);
    let stats = session.stats();
    assert_eq!(stats.round_trip, Some(Duration::from_millis(6125)));
    assert_eq!((stats.remote_lost, stats.remote_left), (3, true));
}

#[test]
fn reports_on_the_media_socket_are_reports_and_not_media() {
    let mut session = session();
    session.handle_rtp(Time::ZERO, at(RTP), &datagram(0, 1, &[0; 160]));
    let mut bytes = Vec::new();
    Compound { ssrc: 5, cname: "x", sender: None, block: None, bye: true }.write(&mut bytes);
    session.handle_rtp(Time::ZERO, at("203.0.113.66:7000"), &bytes);
    assert_eq!((session.stats().remote_left, session.stats().foreign), (false, 1));
    session.handle_rtp(Time::ZERO, at(RTP), &bytes);
    let stats = session.stats();
    assert_eq!((stats.remote_left, stats.inbound.unknown_type, stats.inbound.restarts), (true, 0, 0));
}

#[test]
fn reports_tell_what_was_sent_and_heard_and_when() {
    let mut session = session();
    session.send_audio(Time::from_millis(1000), &[0; 160]);
    session.send_audio(Time::from_millis(1020), &[0; 160]);
    session.handle_rtp(Time::from_millis(1000), at(RTP), &datagram(0, 7, &[0; 160]));
    let sender = Some(SenderInfo { ntp: 0xb44d_b705_2000_0000, timestamp: 0, packets: 1, octets: 160 });
    let mut bytes = Vec::new();
    Compound { ssrc: 5, cname: "x", sender, block: None, bye: false }.write(&mut bytes);
    session.handle_rtcp(Time::from_millis(1250), at(RTCP), &bytes);
    let _ = sent(&mut session);
    session.bye(Time::from_millis(6500));
    session.bye(Time::from_millis(6500));
    let (all, timeout) = sent(&mut session);
    let [(false, to, bytes)] = &all[..] else { panic!("one report: {all:?}") };
    assert_eq!((*to, timeout), (at(RTCP), Time::MAX));
    let all: Vec<_> = rtcp::parse(bytes).unwrap().collect();
    let [rtcp::Packet::Report { ssrc: 0xabcd, sender: Some(info), mut blocks }, _, rtcp::Packet::Goodbye { .. }] =
        all[..]
    else {
        panic!("{all:?}")
    };
    // the second packet was stamped 0 at 1020 ms
    let expected = SenderInfo { ntp: 0x0000_0006_8000_0000, timestamp: 5480 * 8, packets: 2, octets: 320 };
    assert_eq!(info, expected);
    let block = blocks.next().unwrap();
    assert_eq!((block.counts.ssrc, block.counts.highest, block.counts.lost), (5, 7, 0));
    assert_eq!((block.last_report, block.delay), (0xb705_2000, 0x0005_4000), "5.25 s");
}

#[test]
fn reports_come_at_their_interval_and_say_when_nothing_is_sent_any_more() {
    let mut session = session();
    session.send_audio(Time::ZERO, &[0; 160]);
    let mut kinds = Vec::new();
    let mut last = Time::ZERO;
    for _ in 0..4 {
        let (_, due) = sent(&mut session);
        assert!(due > last && due.since(last) < Duration::from_millis(6200));
        session.handle_timeout(due);
        kinds.push(sent(&mut session).0[0].2[1]);
        last = due;
    }
    assert_eq!(kinds, [200, 200, 201, 201]);
}

#[test]
fn reports_do_not_go_to_an_address_that_media_does_not_come_from() {
    let mut session = session();
    session.handle_rtp(Time::ZERO, at("198.51.100.1:7000"), &datagram(0, 1, &[0; 160]));
    let due = Time::from_millis(4000);
    session.handle_timeout(due);
    assert!(sent(&mut session).0.is_empty(), "no report came from there");
    let report = [0x80, 201, 0, 1, 0, 0, 0, 5];
    session.handle_rtcp(due, at("203.0.113.66:7001"), &report);
    session.handle_rtcp(due, at("198.51.100.1:7001"), &report);
    session.handle_timeout(Time::from_millis(12_000));
    assert_eq!(sent(&mut session).0[0].1, at("198.51.100.1:7001"));
    assert_eq!(session.stats().foreign, 1);
}

#[test]
fn buffers_are_reused() {
    let mut session = session();
    session.send_audio(Time::ZERO, &[0; 160]);
    let (mut all, _) = sent(&mut session);
    let (_, _, bytes) = all.remove(0);
    let place = bytes.as_ptr();
    session.recycle(bytes);
    session.send_audio(Time::from_millis(20), &[0; 160]);
    assert_eq!(sent(&mut session).0[0].2.as_ptr(), place);
}

#[test]
fn no_rendering_shows_audio_or_digits() {
    let mut session = session();
    session.handle_rtp(Time::ZERO, at(RTP), &datagram(0, 1, &[0x5a; 160]));
    session.handle_rtp(Time::ZERO, at(RTP), &datagram(101, 2, &[7, 128, 0, 160]));
    let told: Vec<_> = std::iter::from_fn(|| session.poll_received()).map(|what| format!("{what:?}")).collect();
    let at = 4_294_967_296_u64;
    let expected = [
        format!("Audio(type 0, 160 samples, at {})", at + 160),
        format!("EventDown(•, at {})", at + 320),
        format!("EventUp(•, at {}, 160 long)", at + 320),
    ];
    assert_eq!(told, expected);
    session.send_audio(Time::ZERO, &[0x5a; 160]);
    assert_eq!(format!("{:?}", session.poll_output()), "Rtp(172 bytes to 192.0.2.7:4000)");
}

proptest! {
    #[test]
    fn any_datagrams_are_survived(
        datagrams in proptest::collection::vec((0_u64..10_000, 0_u8..6, proptest::collection::vec(any::<u8>(), 0..80)), 0..60),
    ) {
        let mut session = session();
        let mut now = Time::ZERO;
        for (passed, kind, mut bytes) in datagrams {
            now += Duration::from_millis(passed);
            let from = if kind % 2 == 0 { at(RTP) } else { at(RTCP) };
            // most begin like packets that may come
            if let ([first, second, ..], 0..4) = (&mut bytes[..], kind) {
                *first = 0x80 | (*first & 0x31);
                *second = [0, 101, 200, 201][usize::from(kind)] | (*second & 0x80);
            }
            session.handle_rtp(now, from, &bytes);
            session.handle_rtcp(now, from, &bytes);
            session.handle_timeout(now);
            heard(&mut session);
            sent(&mut session);
        }
        session.bye(now);
    }
}

/// Two sessions, each the other's other end; what one sends the other hears at once.
fn encrypted_pair() -> [Session; 2] {
    use crate::keying::{LONGEST, MasterKey, Suite};
    let key = |fill| MasterKey::from_random(Suite::AesCm128HmacSha1_32, [fill; LONGEST]);
    [(1, 2), (2, 1)].map(|(ours, theirs)| {
        let keying = Some(Keying { local: key(ours), remote: key(theirs) });
        Session::new(Time::ZERO, Config { keying, ..config() }, at(RTP), at(RTCP))
    })
}

#[test]
fn an_encrypted_session_runs_over_the_wrap_of_its_sequence_numbers() {
    let [mut here, mut there] = encrypted_pair();
    for n in 0..40_000_u64 {
        let now = Time::from_millis(n * 20);
        here.send_audio(now, &[0xff; 80]);
        here.handle_timeout(now);
        for (rtp, _, bytes) in sent(&mut here).0 {
            match rtp {
                true => there.handle_rtp(now, at(RTP), &bytes),
                false => there.handle_rtcp(now, at(RTCP), &bytes),
            }
        }
        there.handle_timeout(now);
        assert_eq!(heard(&mut there), 1, "packet {n}");
        sent(&mut there);
    }
    let stats = there.stats();
    assert_eq!((stats.inbound.received, stats.inbound.lost, stats.rejected), (40_000, 0, 0));
}

#[test]
fn what_has_no_key_teaches_no_address_and_is_counted() {
    let [mut here, mut there] = encrypted_pair();
    let stranger = at("203.0.113.9:5000");
    there.handle_rtp(Time::ZERO, stranger, &datagram(0, 1, &[0xff; 160]));
    there.handle_rtp(Time::ZERO, stranger, &[0x80]);
    there.send_audio(Time::ZERO, &[0xff; 160]);
    let (all, _) = sent(&mut there);
    assert!(all.iter().all(|(_, to, _)| *to == at(RTP)) && heard(&mut there) == 0);
    assert_eq!(there.stats().rejected, 2);
    here.send_audio(Time::ZERO, &[0xff; 160]);
    let (_, _, genuine) = sent(&mut here).0.remove(0);
    there.handle_rtp(Time::ZERO, at("192.0.2.7:61000"), &genuine);
    there.handle_rtp(Time::ZERO, at("192.0.2.7:61000"), &genuine);
    assert_eq!((heard(&mut there), there.stats().rejected, there.stats().replayed), (1, 3, 1));
}

/// Half an hour of a telephone whose clock runs off: nothing is lost or silent but what was, and every key is told once.
#[test]
fn a_clock_that_runs_off_for_half_an_hour_loses_nothing() {
    for tick_micros in [19_990, 20_010] {
        let [mut here, mut there] = [session(), session()];
        let (mut keyed, mut down, mut up, mut audio) = (0, 0, 0, 0);
        let mut sender: Option<Sender> = None;
        for n in 0..90_000_u64 {
            let now = Time::after_start(Duration::from_micros(n * tick_micros));
            if n % 100 == 50 {
                sender = Some(Sender::new((n / 100 % 16) as u8, 800, 160, 8000));
                keyed += 1;
            }
            match sender.as_mut().and_then(Iterator::next) {
                Some(step) => here.send_event(now, step),
                None => here.send_audio(now, &[0xff; 160]),
            }
            sent(&mut here).0.iter().filter(|(rtp, ..)| *rtp).for_each(|(_, _, bytes)| {
                there.handle_rtp(now, at(RTP), bytes);
            });
            there.handle_timeout(now);
            while let Some(received) = there.poll_received() {
                match received {
                    Received::EventDown { .. } => down += 1,
                    Received::EventUp { duration, .. } => up += usize::from(duration == 800),
                    Received::Audio { .. } => audio += 1,
                    Received::Lost { samples } => panic!("{samples} lost at {now:?}"),
                    Received::Silence { samples } => assert_eq!(samples, 7 * 160, "in the place of an event"),
                }
            }
        }
        assert_eq!((down, up, audio), (keyed, keyed, 90_000 - keyed as u64 * 7));
    }
}

#[test]
fn another_source_of_ours_counts_on_from_numbers_of_its_own() {
    let mut session = session();
    session.send_audio(Time::ZERO, &[0xff; 160]);
    session.change_source(9, 500, 70_000);
    session.send_audio(Time::from_millis(20), &[0xff; 160]);
    session.send_comfort_noise(Time::from_millis(40), 70);
    session.skip(160);
    session.send_audio(Time::from_millis(60), &[0xff; 160]);
    let expected =
        [(true, 0, 0xffff, u32::MAX - 159), (false, 0, 500, 70_000), (false, 13, 501, 70_160), (true, 0, 502, 70_320)];
    assert_eq!(packets(&mut session), expected);
}

/// RFC 4733 §3.2: the sixteen keys and flash, each told as it is.
#[test]
fn every_event_from_0_to_16_is_told() {
    let mut session = session();
    for code in 0..=20_u8 {
        let payload = Report { code, end: true, volume: 10, duration: 800 }.to_bytes();
        let timestamp = u32::from(code) * 2000;
        let mut bytes = Vec::new();
        let sequence = u16::from(code);
        Packet { marker: true, payload_type: 101, sequence, timestamp, ssrc: 5, payload: &payload }.write(&mut bytes);
        session.handle_rtp(Time::from_millis(u64::from(code) * 250), at(RTP), &bytes);
    }
    let down = |received| if let Received::EventDown { code, .. } = received { Some(code) } else { None };
    let told: Vec<u8> = std::iter::from_fn(|| session.poll_received()).filter_map(down).collect();
    assert_eq!(told, (0..=16).collect::<Vec<u8>>());
}
