//! Events over time: when a digit is told, when its end, and what losses, holes and packet sizes make of it.
#![allow(clippy::unwrap_used)]

use super::*;

const TAU: f64 = std::f64::consts::TAU;

/// Audio that is put together in milliseconds.
#[derive(Default)]
struct Line(Vec<i16>);

impl Line {
    fn silence(mut self, ms: usize) -> Line {
        self.0.resize(self.0.len() + ms * 8, 0);
        self
    }

    /// A digit at -10 dBm0 a tone; its phases follow from where it starts.
    fn digit(mut self, c: char, ms: usize) -> Line {
        let (low, high) = Digit::from_char(c).unwrap().frequencies();
        let start = self.0.len();
        let amplitude = 32767.0 * 10f64.powf(-13.14 / 20.0);
        for n in start..start + ms * 8 {
            let sine = |hz: u16| (TAU * f64::from(hz) * n as f64 / 8000.0).sin();
            self.0.push((amplitude * (sine(low) + sine(high))).round() as i16);
        }
        self
    }

    fn weakened(mut self, db: i32) -> Line {
        let gain = 10f64.powf(-f64::from(db) / 20.0);
        self.0.iter_mut().for_each(|x| *x = (f64::from(*x) * gain).round() as i16);
        self
    }

    fn erase(mut self, from_ms: usize, ms: usize) -> Line {
        self.0[from_ms * 8..(from_ms + ms) * 8].fill(0);
        self
    }
}

/// The events, each with the number of samples given before it.
fn told(line: &Line, packet: usize) -> Vec<(usize, Event)> {
    told_by(&Config::default(), line, packet)
}

fn told_by(config: &Config, line: &Line, packet: usize) -> Vec<(usize, Event)> {
    let mut detector = Detector::new(config);
    let mut given = 0;
    let mut events = Vec::new();
    for samples in line.0.chunks(packet) {
        detector.process(samples);
        given += samples.len();
        events.extend(std::iter::from_fn(|| detector.poll()).map(|event| (given, event)));
    }
    events
}

fn digits(events: &[(usize, Event)]) -> String {
    let down = |event: &Event| match event {
        Event::Down { digit, .. } => Some(char::from(*digit)),
        Event::Up { .. } => None,
    };
    events.iter().filter_map(|(_, event)| down(event)).collect()
}

/// Gives 20 ms packets, of which those with these numbers are lost.
fn with_losses(line: &Line, lost: &[usize]) -> String {
    let mut detector = Detector::new(&Config::default());
    let mut events = Vec::new();
    for (number, packet) in line.0.chunks(160).enumerate() {
        if lost.contains(&number) {
            detector.lost(packet.len())
        } else {
            detector.process(packet)
        }
        events.extend(std::iter::from_fn(|| detector.poll()).map(|event| (0, event)));
    }
    digits(&events)
}

#[test]
fn a_digit_is_told_within_37_ms_and_its_end_within_19() {
    for lead in 41..61 {
        let events = told(&Line::default().silence(lead).digit('5', 80).silence(60), 1);
        let [(down, Event::Down { digit, at }), (up, Event::Up { digit: same, at: again, length })] = events[..] else {
            panic!("one digit, not {} events", events.len());
        };
        assert_eq!((char::from(digit), digit, at), ('5', same, again));
        assert!(at.abs_diff(lead as u64 * 8) <= 4, "onset at {at}, not {}", lead * 8);
        assert!(length.abs_diff(640) <= 8, "length {length}");
        assert!((31 * 8..=37 * 8).contains(&(down - lead * 8)), "down after {} samples", down - lead * 8);
        assert!((up - (lead + 80) * 8) <= 19 * 8, "up after {} samples", up - (lead + 80) * 8);
    }
}

#[test]
fn events_do_not_depend_on_the_size_of_packets() {
    let line =
        Line::default().silence(33).digit('1', 50).silence(50).digit('D', 41).silence(30).digit('D', 70).silence(80);
    let expected: Vec<Event> = told(&line, 1).into_iter().map(|(_, event)| event).collect();
    assert_eq!(expected.len(), 6);
    for packet in [7, 40, 80, 160, 240, 100_000] {
        let events: Vec<Event> = told(&line, packet).into_iter().map(|(_, event)| event).collect();
        assert_eq!(events, expected, "packets of {packet}");
    }
}

#[test]
fn all_sixteen_are_told_apart() {
    let keys = "123A456B789C*0#D";
    let line = keys.chars().fold(Line::default(), |line, c| line.silence(47).digit(c, 53)).silence(60);
    assert_eq!(digits(&told(&line, 160)), keys);
}

#[test]
fn short_bursts_are_refused_and_36_ms_taken() {
    for lead in 40..60 {
        let burst = |ms| digits(&told(&Line::default().silence(lead).digit('9', ms).silence(60), 160));
        assert_eq!(burst(24), "");
        assert_eq!(burst(36), "9");
    }
}

#[test]
fn presets_differ_in_level_and_pause() {
    let twice = || Line::default().silence(50).digit('3', 80).silence(25).digit('3', 80).silence(80);
    let of = |config: Config, line: Line| digits(&told_by(&config, &line, 160));
    for (config, loud, weak) in [(Config::ntt(), "33", ""), (Config::att(), "33", "33"), (Config::etsi(), "3", "3")] {
        assert_eq!(of(config.clone(), twice()), loud, "{config:?}");
        assert_eq!(of(config.clone(), twice().weakened(25)), weak, "{config:?}");
    }
}

#[test]
fn an_interruption_of_10_ms_is_bridged_and_a_pause_of_25_ms_is_not() {
    for at in 100..140 {
        let line = Line::default().silence(50).digit('3', 150).silence(80);
        assert_eq!(digits(&told(&line.erase(at, 10), 160)), "3");
        let line = Line::default().silence(50).digit('3', 150).silence(80);
        assert_eq!(digits(&told(&line.erase(at, 25), 160)), "33");
    }
}

#[test]
fn a_lost_packet_neither_doubles_nor_hides_a_digit() {
    for lead in 60..80 {
        let line = Line::default().silence(lead).digit('8', 100).silence(100).digit('8', 100).silence(100);
        for lost in 3..18 {
            assert_eq!(with_losses(&line, &[lost]), "88", "packet {lost}, lead {lead}");
        }
    }
}

#[test]
fn what_is_left_of_a_short_digit_beside_a_loss_is_enough() {
    for lead in 60..80 {
        let line = Line::default().silence(lead).digit('8', 50).silence(90);
        for lost in 3..8 {
            assert_eq!(with_losses(&line, &[lost]), "8", "packet {lost}, lead {lead}");
        }
    }
}

#[test]
fn a_loss_hidden_as_silence_or_as_a_repeated_packet_doubles_nothing() {
    for lead in 60..80 {
        for lost in 4..8 {
            let line = Line::default().silence(lead).digit('2', 100).silence(100);
            let repeated = {
                let mut line = Line(line.0.clone());
                line.0.copy_within((lost - 1) * 160..lost * 160, lost * 160);
                line
            };
            assert_eq!(digits(&told(&line.erase(lost * 20, 20), 160)), "2", "silence, packet {lost}, lead {lead}");
            assert_eq!(digits(&told(&repeated, 160)), "2", "repeat, packet {lost}, lead {lead}");
        }
    }
}

#[test]
fn beside_a_repeated_packet_more_must_be_left_than_beside_a_loss_that_was_told() {
    // the digit begins in packet 4, and so many milliseconds of it are left in packet 5
    let left = |ms: usize| {
        let mut line = Line::default().silence(80).digit('8', 20 + ms).silence(100);
        line.0[..640].iter_mut().enumerate().for_each(|(n, x)| *x = ((n * 7919 % 401) as i16 - 200) / 2);
        line
    };
    let repeated = |mut line: Line| {
        line.0.copy_within(480..640, 640);
        digits(&told(&line, 160))
    };
    assert_eq!((with_losses(&left(16), &[4]), repeated(left(16))), ("8".to_owned(), String::new()));
    assert_eq!((with_losses(&left(19), &[4]), repeated(left(19))), ("8".to_owned(), "8".to_owned()));
}

#[test]
fn a_dial_tone_that_repeats_itself_is_no_loss() {
    let burst = |ms| {
        let mut line = Line::default().silence(200).digit('5', ms).silence(100);
        line.0.iter_mut().enumerate().for_each(|(n, x)| *x += (3000.0 * (TAU * n as f64 / 20.0).sin()) as i16);
        digits(&told(&line, 160))
    };
    assert_eq!(burst(24), "");
    assert_eq!(burst(50), "5");
}

/// A digit of 100 ms with something under all of it, at many places.
fn all_told_over(background: impl Fn(f64) -> f64) -> bool {
    (60..80).all(|lead| {
        let mut line = Line::default().silence(lead).digit('6', 100).silence(80).digit('D', 70).silence(80);
        line.0.iter_mut().enumerate().for_each(|(n, x)| *x = x.saturating_add(background(n as f64 / 8000.0) as i16));
        digits(&told(&line, 160)) == "6D"
    })
}

#[test]
fn direct_current_hides_nothing() {
    assert!(all_told_over(|_| 6500.0));
    assert!(all_told_over(|_| -6500.0));
}

#[test]
fn hum_hides_nothing() {
    for mains in [50.0, 60.0] {
        // -14 dBm0 of distorted mains
        let harmonic = |t: f64, n: f64| (TAU * mains * n * t).sin() / n;
        assert!(all_told_over(|t| 4800.0 * (harmonic(t, 1.0) + harmonic(t, 3.0) + harmonic(t, 5.0))), "{mains} Hz");
    }
}

#[test]
fn the_echo_of_a_voice_hides_no_digit() {
    // harmonics of a pitch that glides, strongest at 700 Hz, where low tones are; 6 to 8 dB below a tone
    let voice = |pitch: f64, t: f64| -> f64 {
        let harmonic =
            |n: f64| (TAU * n * (pitch * t + 60.0 * t * t)).sin() / (1.0 + (n * pitch / 700.0 - 1.0).powi(2) * 8.0);
        (1..12).map(|n| harmonic(f64::from(n))).sum()
    };
    for pitch in [105.0, 118.0, 131.0, 152.0, 177.0, 203.0] {
        for lead in 60..80 {
            let mut line = Line::default().silence(lead).digit('2', 50).silence(80);
            line.0.iter_mut().enumerate().for_each(|(n, x)| *x += (2000.0 * voice(pitch, n as f64 / 8000.0)) as i16);
            assert_eq!(digits(&told(&line, 160)), "2", "{pitch} Hz, lead {lead}");
        }
    }
}

#[test]
fn a_long_digit_in_place_is_told_though_its_level_jumps_and_its_onset_is_covered() {
    let shaken = |hz_off: f64| {
        let mut line = Line::default().silence(47);
        for n in 0..100 * 8 {
            let level = if n / 160 % 2 == 0 { 7000.0 } else { 4600.0 };
            let sine = |hz: f64| (TAU * (hz + hz_off) * f64::from(n) / 8000.0).sin();
            line.0.push((level * (sine(852.0) + sine(1336.0))) as i16);
        }
        // what a speech codec still makes of the packet before
        line.0[30 * 8..47 * 8].iter_mut().enumerate().for_each(|(n, x)| *x = [9000, -4000, 2500][n * n % 3]);
        digits(&told(&line.silence(80), 160))
    };
    assert_eq!(shaken(0.0), "8");
    assert_eq!(shaken(9.0), "", "1 % off as well, that may be a voice");
}

#[test]
fn explanations_say_why() {
    let mut detector = Detector::with_explanations(&Config::default());
    detector.process(&Line::default().silence(50).digit('6', 60).silence(100).digit('7', 24).silence(100).0);
    let told: Vec<Explanation> = std::iter::from_fn(|| detector.poll_explanation(true)).collect();
    let [six, seven] = &told[..] else { panic!("two candidates, not {}", told.len()) };
    assert_eq!((char::from(six.digit), six.verdict), ('6', Verdict::Taken));
    assert!((six.level[0] + 10.0).abs() < 0.1 && six.twist().abs() < 0.1 && six.residual < 0.001);
    assert_eq!((char::from(seven.digit), seven.verdict), ('7', Verdict::TooShort));
    assert!(seven.length.abs_diff(192) <= 8);
}

#[test]
fn any_samples_and_losses_are_survived() {
    let mut detector = Detector::with_explanations(&Config { level: -90.0, length: 1.0, ..Config::default() });
    let mut x = 1u32;
    for round in 0..4000 {
        x = x.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let loud = [i16::MIN, i16::MAX, 0, 1][(x >> 20) as usize % 4];
        match x >> 28 {
            0..4 => detector.lost((x >> 8) as usize % 500),
            4..8 => detector.process(&vec![loud; (x >> 8) as usize % 300]),
            8..12 => detector.process(&Line::default().digit('4', (x >> 12) as usize % 40).0),
            _ => detector
                .process(&(0..(x >> 10) as usize % 200).map(|n| (n as i16).wrapping_mul(round)).collect::<Vec<_>>()),
        }
        while detector.poll().is_some() {}
        while detector.poll_explanation(false).is_some() {}
    }
}

#[test]
fn a_call_needs_less_than_4_kib() {
    assert!(size_of::<Detector>() + EVENTS * size_of::<Event>() < 4096);
}
