//! A stream over good and bad networks, in virtual time.

#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use super::*;

const WINDOW: Duration = Duration::from_millis(60);
const FORMATS: Formats = Formats { audio: 0, event: Some(EventFormat { payload_type: 101, clock_rate: 8000 }) };

struct Line {
    inbound: Inbound,
    ssrc: u32,
    /// Where media time is counted from in what is told.
    origin: u64,
}

impl Line {
    fn new() -> Line {
        Line { inbound: Inbound::new(FORMATS, WINDOW, WINDOW * 4), ssrc: 1, origin: (1 << 32) + 1000 }
    }

    fn packet(&mut self, millis: u64, payload_type: u8, sequence: u16, timestamp: u32, payload: &[u8]) -> &mut Line {
        let packet = Packet { marker: false, payload_type, sequence, timestamp, ssrc: self.ssrc, payload };
        self.inbound.receive(Time::from_millis(millis), &packet);
        self
    }

    /// 20 ms of audio whose timestamp is 1000 for sequence number 0 and goes on from there.
    fn audio(&mut self, millis: u64, sequence: u16) -> &mut Line {
        self.packet(millis, 0, sequence, 1000 + u32::from(sequence) * 160, &[0xff; 160])
    }

    fn event(&mut self, millis: u64, sequence: u16, timestamp: u32, report: (u8, u16, bool)) -> &mut Line {
        let (code, duration, end) = report;
        let [high, low] = duration.to_be_bytes();
        self.packet(millis, 101, sequence, timestamp, &[code, u8::from(end) << 7 | 10, high, low])
    }

    fn told(&mut self) -> String {
        let mut told = Vec::new();
        let origin = self.origin;
        while let Some(received) = self.inbound.poll() {
            told.push(match received {
                Received::Audio { at, payload, .. } => {
                    let told = format!("audio@{}", at.wrapping_sub(origin) as i64);
                    self.inbound.recycle(payload);
                    told
                }
                Received::Lost { samples } => format!("lost {samples}"),
                Received::Silence { samples } => format!("silence {samples}"),
                Received::EventDown { code, at } => format!("{code}v@{}", at.wrapping_sub(origin) as i64),
                Received::EventUp { code, duration, .. } => format!("{code}^{duration}"),
            });
        }
        told.join(" ")
    }

    fn told_at(&mut self, millis: u64) -> String {
        self.inbound.handle_timeout(Time::from_millis(millis));
        self.told()
    }
}

#[test]
fn packets_in_order_are_delivered_at_once() {
    let mut line = Line::new();
    for n in 0..5 {
        assert_eq!(line.audio(u64::from(n) * 20, n).told(), format!("audio@{}", u64::from(n) * 160));
    }
    assert_eq!(line.inbound.deadline(), Time::MAX);
}

#[test]
fn a_late_packet_is_waited_for() {
    let mut line = Line::new();
    assert_eq!(line.audio(0, 0).audio(40, 2).told(), "audio@0");
    assert_eq!(line.inbound.deadline(), Time::from_millis(100));
    assert_eq!(line.audio(60, 3).told_at(99), "");
    assert_eq!(line.audio(99, 1).told(), "audio@160 audio@320 audio@480");
    assert_eq!(line.inbound.counters().lost, 0);
}

#[test]
fn a_lost_packet_is_told_when_the_window_is_over() {
    let mut line = Line::new();
    assert_eq!(line.audio(0, 0).audio(60, 3).told_at(119), "audio@0");
    assert_eq!(line.told_at(120), "lost 320 audio@480");
    assert_eq!(line.inbound.counters().lost, 2);
    assert_eq!(line.audio(130, 1).told(), "", "audio that comes after all is of no use");
    assert_eq!(line.inbound.counters().late, 1);
}

#[test]
fn duplicates_are_dropped() {
    let mut line = Line::new();
    line.audio(0, 0).audio(1, 0).audio(40, 2).audio(41, 2).audio(42, 1).audio(43, 1).audio(44, 0);
    assert_eq!(line.told(), "audio@0 audio@160 audio@320");
    assert_eq!(line.inbound.counters().duplicates, 4);
}

#[test]
fn sequence_and_timestamp_wrap_mean_nothing() {
    let mut line = Line::new();
    let (sequence, timestamp) = (0xfffe_u16, u32::MAX - 319);
    line.origin = (1 << 32) + u64::from(timestamp);
    for n in [0, 1, 3, 2, 5, 4] {
        let timestamp = timestamp.wrapping_add(u32::from(n) * 160);
        line.packet(u64::from(n) * 20, 0, sequence.wrapping_add(n), timestamp, &[0; 160]);
    }
    assert_eq!(line.told(), "audio@0 audio@160 audio@320 audio@480 audio@640 audio@800");
}

#[test]
fn silence_suppression_is_told_as_silence() {
    let mut line = Line::new();
    line.audio(0, 0).packet(500, 0, 1, 1000 + 4000, &[0; 160]);
    assert_eq!(line.told(), "audio@0 silence 3840 audio@4000");
    line.packet(520, 13, 2, 1000 + 4160, &[64]).packet(5000, 13, 3, 1000 + 40_000, &[64]);
    line.packet(5020, 0, 4, 1000 + 40_160, &[0; 160]);
    assert_eq!(line.told(), "silence 35840 silence 160 audio@40160", "comfort noise keeps the time");
    assert_eq!(line.inbound.counters().lost, 0);
}

#[test]
fn any_packet_time_is_fine_and_may_change() {
    let mut line = Line::new();
    let mut timestamp = 1000;
    for (sequence, length) in [80, 160, 240, 320, 400, 480, 80].into_iter().enumerate() {
        line.packet(timestamp / 8, 0, sequence as u16, timestamp as u32, &vec![0; length as usize]);
        timestamp += length;
    }
    assert_eq!(line.told(), "audio@0 audio@80 audio@240 audio@480 audio@800 audio@1200 audio@1680");
}

#[test]
fn a_press_in_place_of_audio_is_silence_and_an_event() {
    let mut line = Line::new();
    line.audio(0, 0);
    line.event(20, 1, 1160, (5, 160, false)).event(40, 2, 1160, (5, 320, false)).event(60, 3, 1160, (5, 480, true));
    line.event(80, 4, 1160, (5, 480, true)).event(100, 5, 1160, (5, 480, true)).audio(120, 6);
    assert_eq!(line.told(), "audio@0 5v@160 5^480 silence 800 audio@960");
}

#[test]
fn a_press_among_audio_leaves_the_audio_alone() {
    let mut line = Line::new();
    for n in 0..6_u16 {
        let millis = u64::from(n) * 20;
        line.packet(millis, 0, n * 2, 1000 + u32::from(n) * 160, &[0; 160]);
        line.event(millis, n * 2 + 1, 1160, (5, n * 160 + 160, n == 4));
    }
    assert_eq!(line.told(), "audio@0 5v@160 audio@160 audio@320 audio@480 audio@640 5^800 audio@800");
}

#[test]
fn digits_keep_their_order_over_a_hole() {
    let mut line = Line::new();
    line.audio(0, 0).event(40, 2, 1320, (2, 160, true)).event(41, 2, 1320, (2, 160, true));
    assert_eq!(line.told(), "audio@0");
    assert_eq!(line.event(50, 1, 1160, (1, 160, true)).told(), "1v@160 1^160 2v@320 2^160");
}

#[test]
fn a_digit_that_comes_after_the_window_is_told_all_the_same() {
    let mut line = Line::new();
    line.audio(0, 0).audio(40, 2).audio(60, 3).audio(80, 4).audio(100, 5);
    assert_eq!(line.told(), "audio@0 lost 160 audio@320 audio@480 audio@640 audio@800");
    assert_eq!(line.event(110, 1, 1160, (1, 160, true)).told(), "1v@160 1^160");
}

#[test]
fn an_end_that_repeats_a_sequence_number_is_heard() {
    let mut line = Line::new();
    line.audio(0, 0).event(20, 1, 1160, (5, 160, false)).event(40, 1, 1160, (5, 320, true));
    assert_eq!(line.told(), "audio@0 5v@160 5^320");
    line.event(80, 3, 1480, (6, 160, false)).event(90, 3, 1480, (6, 240, true)).event(95, 2, 1160, (5, 320, true));
    assert_eq!(line.told(), "6v@480 6^240", "also while it is held");
}

#[test]
fn the_window_widens_where_packets_come_later_than_it() {
    let mut line = Line::new();
    line.audio(0, 0).audio(40, 2).audio(110, 3).told();
    line.audio(150, 1);
    line.audio(150, 4).audio(190, 6);
    assert_eq!(line.inbound.deadline(), Time::from_millis(190 + 120), "one came 110 ms after the hole was noticed");
    line.told();
    assert_eq!(line.audio(300, 5).told(), "audio@800 audio@960");
    line.audio(20_000, 7).audio(20_040, 9);
    assert_eq!(line.inbound.deadline(), Time::from_millis(20_040 + 100), "and narrows in calm");
}

#[test]
fn another_ssrc_is_a_new_stream_on_the_same_time() {
    let mut line = Line::new();
    line.audio(0, 0).audio(20, 1).audio(60, 3);
    line.ssrc = 2;
    line.packet(80, 0, 40_000, 3_000_000_000, &[0; 160]).packet(100, 0, 40_001, 3_000_000_160, &[0; 160]);
    assert_eq!(line.told(), "audio@0 audio@160 lost 160 audio@480 audio@640 audio@800");
    line.ssrc = 3;
    line.packet(120, 0, 7, 3_000_006_320, &[0; 160]);
    assert_eq!(line.told(), "audio@960", "a timestamp near the old one's is chance");
    assert_eq!(line.inbound.counters().restarts, 2);
}

#[test]
fn events_of_an_ssrc_of_their_own_among_audio_are_heard_once() {
    let mut line = Line::new();
    for n in 0..10_u16 {
        line.ssrc = 1;
        line.audio(u64::from(n) * 20, n);
        line.ssrc = 2;
        line.event(u64::from(n) * 20, 700 + n, 77_000, (5, n.min(5) * 160 + 160, n >= 5));
    }
    let told = line.told();
    assert_eq!((told.matches("5v").count(), told.matches("5^960").count()), (1, 1), "{told}");
    assert!(told.ends_with("audio@1440"), "{told}");
}

#[test]
fn an_unknown_type_of_another_ssrc_changes_nothing() {
    let mut line = Line::new();
    line.audio(0, 0);
    line.ssrc = 2;
    line.packet(10, 96, 900, 77_000, &[0; 20]);
    line.ssrc = 1;
    assert_eq!(line.audio(40, 2).audio(41, 1).told(), "audio@0 audio@160 audio@320");
    assert_eq!((line.inbound.counters().restarts, line.inbound.counters().unknown_type), (0, 1));
}

#[test]
fn at_the_end_of_time_everything_is_told() {
    let mut line = Line::new();
    line.audio(0, 0).audio(60, 3).event(80, 4, 1640, (5, 160, false));
    line.inbound.handle_timeout(Time::MAX);
    assert_eq!(line.told(), "audio@0 lost 320 audio@480 5v@640 5^160");
    assert_eq!(line.inbound.deadline(), Time::MAX);
}

#[test]
fn a_sender_that_numbers_anew_is_followed() {
    let mut line = Line::new();
    line.audio(0, 0).audio(20, 1);
    line.packet(40, 0, 30_000, 7, &[0; 160]);
    assert_eq!(line.told(), "audio@0 audio@160", "one packet alone could be anything");
    line.packet(60, 0, 30_001, 167, &[0; 160]).packet(80, 0, 30_002, 327, &[0; 160]);
    assert_eq!(line.told(), "audio@320 audio@480");
    assert_eq!((line.inbound.counters().strays, line.inbound.counters().restarts), (1, 1));
}

#[test]
fn a_capture_played_twice_is_keyed_twice() {
    let mut line = Line::new();
    for start in [0, 3000] {
        line.event(start, 7, 1160, (5, 160, false)).event(start + 20, 8, 1160, (5, 320, true));
        line.event(start + 40, 9, 1160, (5, 320, true));
    }
    let told = line.told();
    assert_eq!((told.matches("5v").count(), told.matches("5^320").count()), (2, 2), "{told}");
}

#[test]
fn unknown_payload_types_are_counted_and_leave_no_hole() {
    let mut line = Line::new();
    line.audio(0, 0).packet(20, 96, 1, 1160, &[1, 2, 3]).audio(40, 2);
    assert_eq!(line.told(), "audio@0 silence 160 audio@320");
    assert_eq!((line.inbound.counters().unknown_type, line.inbound.counters().lost), (1, 0));
}

#[test]
fn events_at_another_clock_are_placed_in_the_audio_and_scaled() {
    let mut line = Line::new();
    let formats = Formats { audio: 0, event: Some(EventFormat { payload_type: 110, clock_rate: 48_000 }) };
    line.inbound.reformat(formats);
    line.audio(0, 0).audio(20, 1);
    line.packet(40, 110, 2, 2_000_000_000, &[5, 10, 0x03, 0xc0]).packet(60, 110, 3, 2_000_000_000, &[5, 138, 7, 0x80]);
    assert_eq!(line.told(), "audio@0 audio@160 5v@480 5^320");
}

#[test]
fn a_lone_packet_with_an_absurd_timestamp_moves_nothing() {
    let mut line = Line::new();
    line.audio(0, 0).packet(20, 0, 1, 2_000_000_000, &[0; 160]).audio(40, 2);
    assert_eq!(line.told(), "audio@0 audio@160 audio@320");
}

/// One packet of the wire as it was sent.
#[derive(Clone)]
struct Sent {
    millis: u64,
    payload_type: u8,
    sequence: u16,
    timestamp: u32,
    payload: Vec<u8>,
    /// Which press it is of.
    press: Option<usize>,
}

#[derive(Clone, Debug)]
struct Habits {
    /// Audio goes on beside events, or events replace it.
    audio_beside: bool,
    /// Nothing at all is sent between presses.
    silent_pauses: bool,
    /// The ends follow at once rather than 20 ms apart.
    burst: bool,
}

/// Keys presses of (code, ticks held, ticks between) after 100 ms of audio.
fn keyed(presses: &[(u8, u16, u16)], habits: &Habits, first: (u16, u32)) -> Vec<Sent> {
    let (mut sequence, start) = first;
    let mut wire = Vec::new();
    let mut tick = 0_u32;
    let mut send = |tick: u32, payload_type: u8, timestamp: u32, payload: Vec<u8>, press: Option<usize>| {
        let timestamp = start.wrapping_add(timestamp);
        wire.push(Sent { millis: u64::from(tick) * 20, payload_type, sequence, timestamp, payload, press });
        sequence = sequence.wrapping_add(1);
    };
    for _ in 0..5 {
        send(tick, 0, tick * 160, vec![0xd5; 160], None);
        tick += 1;
    }
    for (press, (code, held, between)) in presses.iter().copied().enumerate() {
        let timestamp = tick * 160;
        let event = |duration: u16, end: bool| {
            let [high, low] = duration.to_be_bytes();
            vec![code, u8::from(end) << 7 | 10, high, low]
        };
        for told in 1..=held {
            if habits.audio_beside {
                send(tick, 0, tick * 160, vec![0xd5; 160], None);
            }
            send(tick, 101, timestamp, event(told * 160, told == held), Some(press));
            tick += 1;
        }
        for pause in 0..between.max(2) {
            if pause < 2 {
                let at = if habits.burst { tick - u32::from(pause) } else { tick };
                send(at, 101, timestamp, event(held * 160, true), Some(press));
            }
            let audible = habits.audio_beside || pause >= 2;
            if audible && !habits.silent_pauses {
                send(tick, 0, tick * 160, vec![0xd5; 160], None);
            }
            tick += 1;
        }
    }
    wire
}

/// What the network does to each packet: lost, delayed by milliseconds, sent twice with another delay.
type Fate = (bool, u64, Option<u64>);

fn deliver(wire: &[Sent], fates: &[Fate], formats: Formats) -> (Vec<u8>, Vec<u8>, Counters) {
    let mut arrivals: Vec<(u64, &Sent)> = Vec::new();
    for (sent, (lost, delay, again)) in wire.iter().zip(fates.iter().cycle()) {
        if !lost {
            arrivals.push((sent.millis + delay, sent));
            arrivals.extend(again.map(|again| (sent.millis + again, sent)));
        }
    }
    arrivals.sort_by_key(|(millis, _)| *millis);
    let mut inbound = Inbound::new(formats, WINDOW, WINDOW * 4);
    let (mut downs, mut ups) = (Vec::new(), Vec::new());
    let mut drain = |inbound: &mut Inbound| {
        let mut last = 0;
        while let Some(received) = inbound.poll() {
            match received {
                Received::EventDown { code, .. } => downs.push(code),
                Received::EventUp { code, .. } => ups.push(code),
                Received::Audio { at, .. } => {
                    assert!(at >= last, "time went back");
                    last = at;
                }
                Received::Lost { .. } | Received::Silence { .. } => {}
            }
        }
    };
    for (millis, sent) in arrivals {
        while inbound.deadline() <= Time::from_millis(millis) {
            inbound.handle_timeout(inbound.deadline());
            drain(&mut inbound);
        }
        let Sent { payload_type, sequence, timestamp, payload, .. } = sent;
        let (payload_type, sequence, timestamp) = (*payload_type, *sequence, *timestamp);
        let packet = Packet { marker: false, payload_type, sequence, timestamp, ssrc: 9, payload };
        inbound.receive(Time::from_millis(millis), &packet);
        drain(&mut inbound);
    }
    inbound.handle_timeout(Time::from_millis(10_000_000));
    drain(&mut inbound);
    (downs, ups, inbound.counters())
}

/// Digits keyed over a network that delays each packet by up to 200 ms and loses a tenth.
#[test]
fn no_digit_is_lost_or_doubled_over_a_bad_network() {
    use rand::{RngExt, SeedableRng, rngs::StdRng};
    let mut random = StdRng::seed_from_u64(7);
    let mut wrong = 0;
    for _ in 0..2000 {
        let presses: Vec<_> = (0..8)
            .map(|_| (random.random_range(0..10), random.random_range(4..8), random.random_range(4..20)))
            .collect();
        let habits = Habits { audio_beside: random.random(), silent_pauses: random.random(), burst: random.random() };
        let wire = keyed(&presses, &habits, (random.random(), random.random()));
        let fates: Vec<Fate> =
            (0..wire.len()).map(|_| (random.random_bool(0.1), random.random_range(0..200), None)).collect();
        let expected: Vec<u8> = presses.iter().map(|(code, ..)| *code).collect();
        let (downs, _, counters) = deliver(&wire, &fates, FORMATS);
        if downs != expected {
            wrong += 1;
            println!("{presses:?} {habits:?} {downs:?} {counters:?}");
        }
    }
    assert_eq!(wrong, 0);
}

prop_compose! {
    fn habits()(audio_beside: bool, silent_pauses: bool, burst: bool) -> Habits {
        Habits { audio_beside, silent_pauses, burst }
    }
}

/// Delays up to the window: whatever they are, the window is enough.
fn fate(loss: u32) -> impl Strategy<Value = Fate> {
    let again = proptest::option::weighted(0.2, 0_u64..60);
    (proptest::num::u32::ANY, 0_u64..60, again).prop_map(move |(die, delay, again)| (die % 100 < loss, delay, again))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    /// Presses of 40 ms and more, 40 ms and more apart, few keys so that the same comes twice.
    #[test]
    fn whatever_the_network_does_each_delivered_press_is_told_once_and_in_order(
        presses in proptest::collection::vec((0_u8..3, 2_u16..12, 2_u16..12), 1..10),
        habits in habits(),
        sequence: u16,
        timestamp: u32,
        loss in 0_u32..80,
        fates in proptest::collection::vec((proptest::num::u32::ANY, fate(0)), 40..200),
    ) {
        let wire = keyed(&presses, &habits, (sequence, timestamp));
        let fates: Vec<Fate> = fates.into_iter().map(|(die, (_, delay, again))| (die % 100 < loss, delay, again)).collect();
        // the stream has begun: what comes first of all is not known to be late
        let fates = [vec![(false, 0, None)], fates].concat();
        let arrived = |press: usize| {
            wire.iter().zip(fates.iter().cycle()).any(|(sent, fate)| sent.press == Some(press) && !fate.0)
        };
        let told: Vec<(usize, u8)> =
            presses.iter().enumerate().map(|(press, (code, ..))| (press, *code)).filter(|(press, _)| arrived(*press)).collect();
        // of two presses of a key of which nothing but ends arrived, nobody can say whether they are two, or one whose sender
        // writes another timestamp into its repeated ends
        let only_ends = |press: usize| {
            let mut packets = wire.iter().zip(fates.iter().cycle()).filter(|(sent, fate)| sent.press == Some(press) && !fate.0);
            packets.all(|(sent, _)| sent.payload.get(1).is_some_and(|flags| flags & 0x80 != 0))
        };
        if told.windows(2).any(|two| two[0].1 == two[1].1 && only_ends(two[0].0) && only_ends(two[1].0)) {
            return Ok(());
        }
        let expected: Vec<u8> = told.into_iter().map(|(_, code)| code).collect();
        let (downs, ups, _) = deliver(&wire, &fates, FORMATS);
        prop_assert_eq!(&downs, &expected);
        prop_assert_eq!(&ups, &expected);
    }

    #[test]
    fn arbitrary_packets_never_panic_and_time_never_goes_back(
        packets in proptest::collection::vec((0_u64..200, any::<[u8; 10]>(), proptest::collection::vec(any::<u8>(), 0..20)), 0..200),
    ) {
        let mut inbound = Inbound::new(FORMATS, WINDOW, WINDOW * 4);
        let (mut now, mut last) = (Time::ZERO, 0);
        for (passed, header, payload) in packets {
            now += Duration::from_millis(passed * passed);
            let packet = Packet {
                marker: false,
                payload_type: [0, 8, 101, 13, 96][usize::from(header[0] % 5)],
                sequence: u16::from_be_bytes([header[1] % 3, header[2]]),
                timestamp: u32::from_be_bytes([header[3], header[4], header[5], header[6]]),
                ssrc: u32::from(header[7] > 250),
                payload: &payload,
            };
            inbound.receive(now, &packet);
            inbound.handle_timeout(now);
            while let Some(received) = inbound.poll() {
                if let Received::Audio { at, .. } = received {
                    prop_assert!(at >= last);
                    last = at;
                }
            }
        }
    }
}
