//! What telephones and networks do to media: packets of any length, silence that is not sent, clocks that run off, jitter,
//! loss, other sources, other clocks of events. Every key counts once, and no prompt breaks.

use std::net::SocketAddr;
use std::time::Duration;

use karipass::caller::{Faults, Habits, Silence};
use karipass::internals::audio::g711::Law;
use karipass::key::Ways;
use karipass::secret::Secret;

use crate::support::network::{Datagram, Kind};
use crate::support::{Expected, Offer, Path, SERVICE_MEDIA, Setup, World, ms};

const WAYS: [Ways; 3] = [Ways::RFC4733, Ways::IN_BAND, Ways::ALL];

fn with(seed: u64, ways: Ways, habits: Habits) -> Setup {
    let mut setup = Setup::new(seed).by(ways);
    setup.manner.habits = habits;
    // keys that follow their likes are the ones to be lost or doubled
    setup.manner.order.password = Secret::from("11223388");
    setup
}

/// The call of one who hears every prompt out: none breaks.
#[track_caller]
fn unbroken(setup: Setup) {
    let law = if matches!(setup.offer, Offer::Pcma(_)) { Law::A } else { Law::Mu };
    let mut world = World::new(setup.patient());
    world.run_to(&Expected::Set);
    world.heard_without_a_break(law);
}

#[test]
fn packets_of_any_length_in_both_laws() {
    for (n, ptime_ms) in [10, 20, 30, 40, 50, 60].into_iter().enumerate() {
        let sent = Habits { ptime_ms, ..Habits::default() };
        let offer = if n % 2 == 0 { Offer::Pcma(101) } else { Offer::Pcmu(101) };
        for ways in WAYS {
            World::new(Setup { ptime_ms, offer, ..with(61, ways, sent.clone()) }).run_to(&Expected::Set);
        }
        unbroken(Setup { ptime_ms, offer, ..with(62, WAYS[n % 3], sent) });
    }
}

#[test]
fn packets_of_another_length_than_was_said() {
    for (said, sent) in [(20, 60), (20, 10), (60, 20), (30, 40), (10, 50)] {
        for ways in WAYS {
            let habits = Habits { ptime_ms: sent, ..Habits::default() };
            World::new(Setup { ptime_ms: said, ..with(63, ways, habits) }).run_to(&Expected::Set);
        }
    }
}

#[test]
fn silence_is_not_sent() {
    for silence in [Silence::Suppressed, Silence::ComfortNoise] {
        for ways in WAYS {
            for ptime_ms in [20, 30] {
                let habits = Habits { silence, ptime_ms, ..Habits::default() };
                World::new(with(64, ways, habits.clone())).run_to(&Expected::Set);
                let mut setup = with(65, ways, habits);
                setup.to_service = Path { jitter: ms(60), ordered: true, ..Path::clean(40) };
                World::new(setup).run_to(&Expected::Set);
            }
        }
        unbroken(with(66, Ways::IN_BAND, Habits { silence, ..Habits::default() }));
    }
}

#[test]
fn the_source_changes_at_any_moment() {
    for ways in WAYS {
        for every in [7, 23, 41, 97, 250] {
            let habits = Habits { new_source_every: Some(every), ..Habits::default() };
            World::new(with(every.into(), ways, habits)).run_to(&Expected::Set);
        }
    }
}

#[test]
fn clocks_run_off() {
    for skew_ppm in [-500, 500] {
        for ways in WAYS {
            let habits = Habits { skew_ppm, ..Habits::default() };
            unbroken(with(67, ways, habits.clone()));
            let mut setup = with(68, ways, habits);
            setup.to_service = Path { jitter: ms(60), ordered: true, ..Path::clean(40) };
            World::new(setup).run_to(&Expected::Set);
        }
    }
}

#[test]
fn jitter_of_200_ms() {
    for seed in 0..3 {
        for ways in WAYS {
            for ordered in [true, false] {
                let mut setup = with(seed, ways, Habits::default()).patient();
                setup.to_service = Path { jitter: ms(200), ordered, ..Path::clean(50) };
                let mut world = World::new(setup);
                world.run_to(&Expected::Set);
                world.heard_without_a_break(Law::Mu);
            }
        }
    }
}

/// The tones too: each is long enough to be told with a packet missing.
#[test]
fn a_tenth_is_lost() {
    for seed in 0..24 {
        let ways = WAYS[seed as usize % 3];
        let mut setup = with(seed, ways, Habits::default());
        setup.to_service = Path { loss: 0.1, jitter: ms(40), ..Path::clean(30) };
        let mut world = World::new(setup);
        let outcome = world.run_to(&Expected::Set);
        if ways == Ways::IN_BAND {
            let counts = outcome.record.unwrap().digits;
            assert_eq!(counts.inband as usize, outcome.keyed, "{}", world.story());
        }
    }
}

#[test]
fn events_at_other_clocks_and_payload_types_and_several_of_them() {
    let offers =
        [Offer::Events(96, 16_000), Offer::Events(127, 48_000), Offer::Events(100, 44_100), Offer::EventsThrice];
    for offer in offers {
        for ptime_ms in [20, 30] {
            let setup = Setup { offer, ..with(69, Ways::RFC4733, Habits { ptime_ms, ..Habits::default() }) };
            World::new(setup.clone()).run_to(&Expected::Set);
            let to_service = Path { loss: 0.05, jitter: ms(30), duplicate: 0.05, ..Path::clean(40) };
            World::new(Setup { to_service, ..setup.clone() }).run_to(&Expected::Set);
            // negotiated, and not used
            World::new(Setup { offer, ..setup.by(Ways::IN_BAND) }).run_to(&Expected::Set);
        }
    }
}

#[test]
fn a_flash_before_every_key_is_no_key() {
    for offer in [Offer::All, Offer::Events(96, 16_000)] {
        let habits = Habits { flash: true, ..Habits::default() };
        World::new(Setup { offer, ..with(70, Ways::RFC4733, habits) }).run_to(&Expected::Set);
    }
}

/// A stranger sends good RTP from before the call's first packet on. No media goes there (the world knows no such host), and
/// the call goes on.
#[test]
fn who_is_not_in_the_call_cannot_draw_its_media() {
    let stranger: SocketAddr = "203.0.113.9:40000".parse().unwrap();
    for (ways, mute) in [(Ways::RFC4733, ms(0)), (Ways::IN_BAND, ms(0)), (Ways::RFC4733, ms(3000))] {
        let mut world = World::new(with(71, ways, Habits::default()).patient());
        world.phone.mute = !mute.is_zero();
        let mut sequence = 0u16;
        while !world.phone.is_idle() {
            world.stranger(Datagram { kind: Kind::Rtp, from: stranger, to: SERVICE_MEDIA, bytes: audio(sequence) });
            sequence += 1;
            world.run_for(ms(20));
            world.phone.mute &= world.now().elapsed() < mute;
        }
        let record = world.run_to(&Expected::Set).record.unwrap();
        let told = record.detail.unwrap_or_default();
        assert!(told.contains("came from elsewhere than agreed, the last from 203.0.113.9:40000"), "{told:?}");
    }
}

/// A phone behind a NAT: its media comes from the NAT's address, whatever its description says.
#[test]
fn media_goes_to_where_signalling_comes_from_when_media_does() {
    let mut setup = with(72, Ways::RFC4733, Habits::default());
    setup.behind_nat = Some("10.0.0.5:5004".parse().unwrap());
    World::new(setup).run_to(&Expected::Set);
}

fn audio(sequence: u16) -> Vec<u8> {
    let mut packet = vec![0x80, 0];
    packet.extend(sequence.to_be_bytes());
    packet.extend((u32::from(sequence) * 160).to_be_bytes());
    packet.extend(0xdead_beef_u32.to_be_bytes());
    packet.extend([0xff; 160]);
    packet
}

#[test]
fn what_the_caller_does_on_request_is_borne() {
    for (seed, loss, jitter, reorder) in
        [(1, 0.1, 0, 0.0), (2, 0.0, 200, 0.0), (3, 0.05, 60, 0.05), (4, 0.1, 100, 0.02)]
    {
        let faults = Faults { loss, jitter: Duration::from_millis(jitter), reorder, seed };
        World::new(with(seed, Ways::RFC4733, Habits { faults, ..Habits::default() })).run_to(&Expected::Set);
    }
}
