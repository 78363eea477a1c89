//! Presses as packet traces.

use super::*;

/// A receiver with what it told. Packets are written as (milliseconds, sequence, timestamp, duration, end).
struct Line {
    receiver: Receiver,
    ssrc: u32,
}

type Trace<'a> = &'a [(u64, u16, u32, u16, bool)];

impl Line {
    fn new() -> Line {
        Line { receiver: Receiver::new(8000), ssrc: 1 }
    }

    fn packet(&mut self, code: u8, packet: (u64, u16, u32, u16, bool)) {
        self.marked_packet(code, packet, false);
    }

    fn marked_packet(
        &mut self,
        code: u8,
        (millis, sequence, timestamp, duration, end): (u64, u16, u32, u16, bool),
        marker: bool,
    ) {
        let payload = Report { code, end, volume: 10, duration }.to_bytes();
        let packet = Packet { marker, payload_type: 101, sequence, timestamp, ssrc: self.ssrc, payload: &payload };
        self.receiver.receive(Time::from_millis(millis), &packet);
    }

    fn packets(&mut self, code: u8, trace: Trace<'_>) -> &mut Line {
        trace.iter().for_each(|packet| self.packet(code, *packet));
        self
    }

    /// What was told, as `5v` and `5^800`.
    fn told(&mut self) -> String {
        let mut told = Vec::new();
        while let Some(change) = self.receiver.poll() {
            told.push(match change {
                Change::Down { code, .. } => format!("{code}v"),
                Change::Up { code, duration, .. } => format!("{code}^{duration}"),
            });
        }
        told.join(" ")
    }

    fn told_at(&mut self, millis: u64) -> String {
        self.receiver.handle_timeout(Time::from_millis(millis));
        self.told()
    }
}

const PRESS: Trace<'static> = &[
    (0, 10, 1000, 160, false),
    (20, 11, 1000, 320, false),
    (40, 12, 1000, 480, false),
    (60, 13, 1000, 640, false),
    (80, 14, 1000, 800, true),
    (100, 15, 1000, 800, true),
    (120, 16, 1000, 800, true),
];

/// The same key again: 100 ms after the first was let go.
const AGAIN: Trace<'static> = &[
    (200, 17, 2600, 160, false),
    (220, 18, 2600, 320, false),
    (240, 19, 2600, 480, false),
    (260, 20, 2600, 640, false),
    (280, 21, 2600, 800, true),
    (300, 22, 2600, 800, true),
    (320, 23, 2600, 800, true),
];

/// No audio is sent, so the sender's clock stands still: the second press has the timestamp of the first.
#[test]
fn the_same_key_again_under_the_same_timestamp_is_told_by_its_marker() {
    let again = |millis: u64, first: (u64, u16, u32, u16, bool)| {
        let mut line = Line::new();
        line.packets(5, PRESS).told();
        line.marked_packet(5, (millis, first.1, first.2, first.3, first.4), true);
        let mut sequence = first.1;
        for (at, duration, end) in [(20, 320, false), (40, 480, true), (60, 480, true), (80, 480, true)] {
            sequence += 1;
            line.packet(5, (millis + at, sequence, 1000, duration, end));
        }
        line.told()
    };
    assert_eq!(again(300, (300, 17, 1000, 160, false)), "5v 5^480");
    // a packet of the first that was overtaken, or that marks whatever it sends, is none
    assert_eq!(again(140, (140, 17, 1000, 160, false)), "", "too soon");
    assert_eq!(again(300, (300, 10, 1000, 160, false)), "", "sent before the end");
    assert_eq!(again(300, (300, 17, 1000, 800, true)), "", "the end once more");
    let mut line = Line::new();
    line.packets(5, PRESS).told();
    line.packet(5, (300, 17, 1000, 160, false));
    assert_eq!(line.told(), "", "without the marker");
}

#[test]
fn a_press_is_told_at_its_first_packet_and_at_its_first_end() {
    let mut line = Line::new();
    assert_eq!(line.packets(5, &PRESS[..1]).told(), "5v");
    assert_eq!(line.packets(5, &PRESS[1..4]).told(), "");
    assert_eq!(line.packets(5, &PRESS[4..5]).told(), "5^800");
    assert_eq!(line.packets(5, &PRESS[5..]).told(), "");
    assert_eq!(line.told_at(10_000), "");
}

#[test]
fn any_packets_of_a_press_tell_it_once() {
    for kept in 1_u32..(1 << PRESS.len()) {
        let mut line = Line::new();
        for (index, packet) in PRESS.iter().enumerate().filter(|(index, _)| kept >> index & 1 == 1) {
            line.packet(5, *packet);
            let _ = index;
        }
        let told = line.told_at(10_000);
        let longest = PRESS.iter().enumerate().filter(|(index, _)| kept >> index & 1 == 1).map(|(_, p)| p.3).max();
        assert_eq!(told, format!("5v 5^{}", longest.unwrap_or(0)), "kept {kept:07b}");
    }
}

#[test]
fn the_same_key_twice_is_told_twice_whatever_is_lost_of_it() {
    for kept in 0_u32..(1 << 14) {
        let (first, second) = (kept & 0x7f, kept >> 7);
        if first == 0 || second == 0 {
            continue;
        }
        let mut line = Line::new();
        for (index, packet) in PRESS.iter().chain(AGAIN).enumerate() {
            if kept >> index & 1 == 1 {
                line.packet(5, *packet);
            }
        }
        let told = line.told_at(10_000);
        assert_eq!(told.matches('v').count(), 2, "kept {second:07b} {first:07b}: {told}");
        assert_eq!(told.matches('^').count(), 2, "kept {second:07b} {first:07b}: {told}");
    }
}

#[test]
fn the_next_key_ends_a_press_whose_ends_are_lost() {
    let mut line = Line::new();
    assert_eq!(line.packets(5, &PRESS[..4]).packets(6, &AGAIN[..1]).told(), "5v 5^640 6v");
    assert_eq!(line.packets(5, &PRESS[4..]).told(), "", "late ends of the key before");
}

#[test]
fn a_press_that_is_not_heard_of_any_more_is_over() {
    let mut line = Line::new();
    assert_eq!(line.packets(5, &PRESS[..3]).told_at(539), "5v");
    assert_eq!(line.receiver.deadline(), Time::from_millis(540));
    assert_eq!(line.told_at(540), "5^480");
    assert_eq!(line.receiver.deadline(), Time::MAX);
}

#[test]
fn a_press_that_is_resumed_after_a_gap_is_the_same() {
    let mut line = Line::new();
    line.packets(5, &PRESS[..3]);
    line.packets(5, &[(440, 32, 1000, 3680, false), (460, 33, 1000, 3840, true)]);
    assert_eq!(line.told(), "5v 5^3840", "a gap of 400 ms");
    line.packets(5, &[(2000, 40, 20_000, 160, false), (3000, 90, 20_000, 8160, false), (3020, 91, 20_000, 8320, true)]);
    assert_eq!(line.told(), "5v 5^160", "a gap longer than the timeout");
}

#[test]
fn ends_that_repeat_a_sequence_number_are_one_end() {
    let mut line = Line::new();
    line.packets(5, &PRESS[..5]).packets(5, &[(100, 14, 1000, 800, true), (120, 14, 1000, 800, true)]);
    assert_eq!(line.told(), "5v 5^800");
    let mut line = Line::new();
    line.packets(5, &PRESS[..4]).packets(5, &[(80, 13, 1000, 800, true), (100, 13, 1000, 800, true)]);
    assert_eq!(line.told(), "5v 5^800", "even that of the last update");
}

#[test]
fn ends_with_the_timestamp_of_their_own_time_end_the_press() {
    let mut line = Line::new();
    line.packets(5, &PRESS[..4]).packets(5, &[(80, 14, 1800, 800, true), (100, 15, 1800, 800, true)]);
    assert_eq!(line.told_at(10_000), "5v 5^800");
    line.packets(5, &[(20_000, 99, 161_000, 160, false), (20_020, 101, 161_320, 320, true)]);
    assert_eq!(line.told(), "5v 5^320", "and the next press is another");
}

#[test]
fn ends_whose_timestamp_grows_are_one_end() {
    let ends: [Trace<'_>; 3] = [
        &[(80, 14, 1000, 800, true), (100, 15, 1160, 800, true), (120, 16, 1320, 800, true)],
        &[(80, 14, 1640, 800, true), (100, 15, 1800, 800, true), (120, 16, 1960, 800, true)],
        &[(80, 14, 1800, 800, true), (80, 15, 1801, 800, true), (80, 16, 1802, 800, true)],
    ];
    for trace in ends {
        for lost in 0..3 {
            let mut line = Line::new();
            line.packets(5, &PRESS[..4]);
            trace.iter().enumerate().filter(|(n, _)| *n != lost).for_each(|(_, packet)| line.packet(5, *packet));
            assert_eq!(line.told_at(10_000), "5v 5^800", "{trace:?} without {lost}");
        }
    }
}

/// What senders do with the timestamp of the nth end of a press of `duration` that began at `start`.
type Quirk = fn(start: u32, duration: u32, n: u32) -> u32;

#[test]
fn senders_of_any_habit_are_understood_when_any_packet_of_each_press_is_lost() {
    let quirks: [Quirk; 6] = [
        |start, _, _| start,
        |start, duration, _| start + duration,
        |start, duration, n| start + duration + n * 160,
        |start, _, n| start + n * 160,
        |start, _, n| start - 160 * n,
        |start, _, n| start + n,
    ];
    for (which, quirk) in quirks.iter().enumerate() {
        for (held, pause, lost) in [3, 5, 20].into_iter().flat_map(|held| {
            [2, 5, 25].into_iter().flat_map(move |pause| (0..held + 3).map(move |lost| (held, pause, lost)))
        }) {
            let mut line = Line::new();
            let (mut tick, mut sequence) = (0, 0);
            for _ in 0..4 {
                let start = 1000 + tick * 160;
                for n in 0..held + 2 {
                    let told = held.min(n + 1);
                    let end = n + 1 >= held;
                    let timestamp = if end { quirk(start, told * 160, n + 1 - held) } else { start };
                    sequence += 1;
                    if n != lost {
                        let millis = u64::from(tick + n) * 20;
                        line.packet(5, (millis, sequence, timestamp, told as u16 * 160, end));
                    }
                }
                tick += held + pause.max(3);
            }
            let told = line.told_at(1_000_000);
            let counts = (told.matches('v').count(), told.matches(&format!("^{}", held * 160)).count());
            assert_eq!(counts, (4, 4), "habit {which}, held {held}, pause {pause}, lost {lost}: {told}");
        }
    }
}

#[test]
fn ends_with_a_timestamp_before_the_press_end_it() {
    let mut line = Line::new();
    line.packets(5, &PRESS[..4]).packets(5, &[(80, 14, 0, 800, true), (100, 15, 0, 800, true)]);
    assert_eq!(line.told_at(10_000), "5v 5^800");
}

#[test]
fn only_the_ends_of_two_presses_arrive_and_the_sender_keeps_its_timestamps() {
    let mut line = Line::new();
    line.packets(5, PRESS).packets(5, &AGAIN[6..]);
    assert_eq!(line.told(), "5v 5^800 5v 5^800");
}

#[test]
fn a_lone_end_is_another_press_when_the_sender_keeps_its_timestamps() {
    let mut line = Line::new();
    // too soon and too few packets later, by themselves, to be another
    let (start, end) = ((200, 17, 2600, 160, false), (230, 19, 3400, 320, true));
    assert_eq!(line.packets(5, &[start, end]).told(), "5v 5^320", "a sender of unknown habits");
    let mut line = Line::new();
    assert_eq!(line.packets(5, PRESS).packets(5, &[start, end]).told(), "5v 5^800 5v 5^160 5v 5^320");
    let mut line = Line::new();
    line.packets(5, PRESS).packets(5, &[(150, 18, 2200, 800, true)]);
    assert_eq!(line.told(), "5v 5^800 5v 5^800");
}

#[test]
fn a_lone_end_is_another_press_when_too_many_packets_are_between() {
    let mut line = Line::new();
    line.packets(5, &[PRESS[4], (100, 20, 2600, 800, true)]);
    assert_eq!(line.told(), "5v 5^800 5v 5^800", "after an end");
    let mut line = Line::new();
    line.packets(5, &[PRESS[0], (60, 21, 2600, 800, true)]);
    assert_eq!(line.told(), "5v 5^160 5v 5^800", "after an update");
}

#[test]
fn a_lone_end_is_another_press_when_the_time_has_passed() {
    let mut line = Line::new();
    line.packets(5, &[PRESS[4], (280, 16, 2600, 800, true)]);
    assert_eq!(line.told(), "5v 5^800 5v 5^800", "after an end");
    let mut line = Line::new();
    line.packets(5, &[PRESS[0], (280, 13, 2600, 800, true)]);
    assert_eq!(line.told(), "5v 5^160 5v 5^800", "after an update");
}

#[test]
fn updates_that_each_have_a_timestamp_are_one_press() {
    let mut line = Line::new();
    let chunks: Vec<_> = (0..5).map(|n| (u64::from(n) * 20, n, 1000 + u32::from(n) * 160, 160, n == 4)).collect();
    assert_eq!(line.packets(5, &chunks).told(), "5v 5^800");
}

#[test]
fn timestamps_sequence_numbers_and_presses_survive_the_wrap() {
    let mut line = Line::new();
    let start = u32::MAX - 300;
    for (press, timestamp) in [start, start.wrapping_add(1600), start.wrapping_add(3200)].into_iter().enumerate() {
        let (millis, sequence) = (press as u64 * 200, 0xfffa_u16.wrapping_add(press as u16 * 7));
        for (index, (passed, _, _, duration, end)) in PRESS.iter().enumerate() {
            let sequence = sequence.wrapping_add(index as u16);
            line.packet(5, (millis + passed, sequence, timestamp, *duration, *end));
        }
        assert_eq!(line.told(), "5v 5^800", "press {press}");
    }
}

#[test]
fn a_long_press_in_segments_is_one_press() {
    let mut line = Line::new();
    let second = 1000 + 0xffff;
    line.packets(5, &[(0, 1, 1000, 160, false), (400, 21, 1000, 3360, false)]);
    line.packets(5, &[(800, 41, 1000, 0xffff, false), (820, 42, second, 160, false), (840, 43, second, 320, true)]);
    assert_eq!(line.told(), "5v 5^65855");
    line.packets(5, &[(860, 44, second, 320, true)]);
    assert_eq!(line.told(), "");
}

#[test]
fn a_segment_is_recognised_when_the_full_one_before_it_is_lost() {
    let mut line = Line::new();
    line.packets(5, &[(0, 1, 1000, 65_000, false), (100, 5, 1000 + 0xffff, 160, false)]);
    assert_eq!(line.told(), "5v");
    line.packets(5, &[(120, 6, 1000 + 0xffff, 320, true)]);
    assert_eq!(line.told(), "5^65855");
    let mut line = Line::new();
    line.packets(5, &[(0, 1, 1000, 65_000, false), (100, 7, 1000 + 0xffff, 320, true)]);
    assert_eq!(line.told(), "5v 5^65855", "of the second only an end");
}

#[test]
fn a_duration_that_wraps_grows_on() {
    let mut line = Line::new();
    line.packets(5, &[(0, 1, 1000, 65_440, false), (20, 2, 1000, 64, false), (40, 3, 1000, 224, true)]);
    assert_eq!(line.told(), "5v 5^65760");
}

#[test]
fn reordered_packets_within_a_press_do_not_shorten_it() {
    let mut line = Line::new();
    line.packets(5, &[PRESS[1], PRESS[0], PRESS[3], PRESS[2], PRESS[5], PRESS[4], PRESS[6]]);
    assert_eq!(line.told_at(10_000), "5v 5^800");
}

#[test]
fn an_end_before_its_updates_is_the_whole_press() {
    let mut line = Line::new();
    line.packets(5, &PRESS[4..]).packets(5, &PRESS[..4]);
    assert_eq!(line.told(), "5v 5^800");
}

#[test]
fn a_press_older_than_the_one_told_is_too_late() {
    let mut line = Line::new();
    line.packets(6, AGAIN).packets(5, PRESS);
    assert_eq!(line.told(), "6v 6^800");
}

#[test]
fn events_at_another_clock_have_their_length_scaled() {
    let mut line = Line { receiver: Receiver::new(48_000), ssrc: 1 };
    line.packets(5, &[(0, 1, 1000, 960, false), (80, 5, 1000, 4800, true)]);
    assert_eq!(line.told(), "5v 5^800");
    // the next press 100 ms later, by a sender whose timestamps run at 8 kHz all the same
    line.packets(5, &[(200, 9, 2600, 960, false), (280, 13, 2600, 4800, true)]);
    assert_eq!(line.told(), "5v 5^800");
}

#[test]
fn flash_is_told_and_what_is_above_is_not() {
    let mut line = Line::new();
    line.packets(17, PRESS).packets(32, PRESS).packets(255, PRESS);
    assert_eq!(line.told(), "");
    assert_eq!(line.packets(16, PRESS).told(), "16v 16^800");
}

#[test]
fn another_source_may_use_the_same_timestamps() {
    let mut line = Line::new();
    line.packets(5, PRESS);
    line.ssrc = 2;
    assert_eq!(line.packets(5, PRESS).told(), "5v 5^800 5v 5^800");
}

#[test]
fn a_source_that_changes_while_the_key_is_down_goes_on_with_the_press() {
    let mut line = Line::new();
    line.packets(5, &PRESS[..3]);
    line.ssrc = 2;
    line.packets(5, &[(60, 900, 77_000, 640, false), (80, 901, 77_000, 800, true), (100, 902, 77_000, 800, true)]);
    assert_eq!(line.told(), "5v 5^800");
}

#[test]
fn a_source_that_starts_again_may_send_the_very_same_packets() {
    let mut line = Line::new();
    line.packets(5, PRESS);
    line.receiver.restart();
    assert_eq!(line.packets(5, PRESS).told(), "5v 5^800 5v 5^800");
}

#[test]
fn no_rendering_shows_the_digit() {
    let mut line = Line::new();
    line.packets(5, &PRESS[4..]);
    let shown: Vec<_> = std::iter::from_fn(|| line.receiver.poll()).map(|change| format!("{change:?}")).collect();
    assert_eq!(shown, ["Down(•, at 4294968296)", "Up(•, at 4294968296, 800 long)"]);
}
