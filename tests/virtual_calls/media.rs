//! The session changes while the call runs: numbers wrap around, the caller holds, moves, asks for another offer; and
//! strangers send what they like.

use std::net::SocketAddr;

use karipass::internals::ivr;
use karipass::internals::sip::endpoint::CommandError;
use karipass::key::Ways;
use karipass::secret::Secret;
use karipass::time::Time;

use crate::support::network::{Datagram, Kind};
use crate::support::phone::Phone;
use crate::support::{Expected, Offer, PHONE_MOVED, Path, SERVICE_MEDIA, Setup, World, ms, rtcp_of};

/// A call's own seed from which its RTP timestamps begin at `timestamp`, and its sequence numbers at that one's upper half.
fn numbering(timestamp: u32) -> Option<u64> {
    Some(0x1234_5678_0000_0000 | u64::from(timestamp))
}

#[test]
fn timestamps_wrap_around_at_any_moment_of_the_keying() {
    // the caller keys from about 9 to 17 s after the answer: the wrap falls on every place in a digit and between two
    for ways in [Ways::RFC4733, Ways::IN_BAND, Ways::ALL] {
        for after_ms in (8500..17_500).step_by(if ways == Ways::RFC4733 { 70 } else { 350 }) {
            let samples = after_ms * 8;
            let phone_call_seed = numbering(0u32.wrapping_sub(samples));
            let mut setup = Setup { phone_call_seed, ..Setup::new(u64::from(samples)).by(ways) };
            setup.manner.order.password = Secret::from("11223388");
            World::new(setup.clone()).run_to(&Expected::Set);
            if ways == Ways::RFC4733 {
                setup.to_service = Path { loss: 0.05, jitter: ms(30), duplicate: 0.05, ..Path::clean(40) };
                World::new(setup).run_to(&Expected::Set);
            }
        }
    }
}

#[test]
fn sequence_numbers_wrap_around_at_any_moment_of_the_keying() {
    for packets in (400..900).step_by(13) {
        let first_sequence = 0x1_0000 - packets;
        let phone_call_seed = numbering(first_sequence << 16);
        World::new(Setup { phone_call_seed, ..Setup::new(22) }).run_to(&Expected::Set);
    }
}

#[test]
fn the_services_own_numbers_wrap_around_unheard() {
    for at in [1, 100, 450, 460, 600, 800] {
        for numbers in [(0x1_0000 - at) << 16, 0u32.wrapping_sub(at * 160)] {
            let service_call_seed = numbering(numbers);
            World::new(Setup { service_call_seed, ..Setup::new(23).patient() }).run_to(&Expected::Set);
        }
    }
}

#[track_caller]
fn held(hold: fn(&mut Phone, Time) -> Result<(), CommandError>) {
    for prompt in ["greeting", "menu-unit", "ask-password", "read-back-before"] {
        let mut world = World::new(Setup::new(31).patient());
        world.run_until_said(prompt).run_for(ms(300)).phone("holds", hold).run_for(ms(200));
        let before = world.service.packets;
        world.run_for(ms(25_000));
        assert_eq!(world.service.packets, before, "nothing is said to one who holds\n{}", world.story());
        world.phone("resumes", |phone, now| phone.change(now, "sendrecv")).run_for(ms(200));
        assert!(world.service.packets > before, "{}", world.story());
        let outcome = world.run_to(&Expected::Set);
        assert_eq!(world.phone.changes, [Ok(()), Ok(())]);
        let times = outcome.said.iter().filter(|said| *said == prompt).count();
        assert_eq!(times, 1, "the prompt stands still meanwhile, and goes on\n{}", world.story());
    }
}

#[test]
fn the_caller_holds_and_resumes() {
    held(|phone, now| phone.change(now, "sendonly"));
    held(|phone, now| phone.change(now, "inactive"));
}

#[test]
fn the_caller_holds_the_old_way() {
    held(|phone, now| phone.change_to_nowhere(now));
}

#[test]
fn hold_does_not_count_as_silence() {
    let ivr = ivr::Config { max_timeouts: 1, ..ivr::Config::default() };
    let mut world = World::new(Setup { ivr, ..Setup::new(32).patient() });
    world.run_until_said("ask-customer-number");
    world.run_for(ms(500)).phone("holds", |phone, now| phone.change(now, "sendonly"));
    world.run_for(ms(30_000)).phone("resumes", |phone, now| phone.change(now, "sendrecv"));
    world.run_to(&Expected::Set);
}

#[test]
fn the_caller_moves_to_another_address_at_any_moment() {
    let ports = [SocketAddr::new(PHONE_MOVED.ip(), 42_000), "192.0.2.77:41000".parse().unwrap()];
    for moved in ports {
        for at in (600..20_000).step_by(1300) {
            let mut world = World::new(Setup::new(at));
            world.run_for(ms(at)).phone("moves", |phone, now| {
                phone.handset.media = moved;
                phone.change(now, "sendrecv")
            });
            world.run_to(&Expected::Set);
            assert_eq!(world.phone.changes, [Ok(())], "{}", world.story());
        }
    }
}

#[test]
fn the_caller_asks_for_an_offer_before_and_during_the_call() {
    World::new(Setup { offer: Offer::Late, ..Setup::new(33) }).run_to(&Expected::Set);
    World::new(Setup { offer: Offer::Late, ..Setup::new(33).by(Ways::IN_BAND).patient() }).run_to(&Expected::Set);
    for at in (600..20_000).step_by(1700) {
        let mut world = World::new(Setup::new(at));
        world.run_for(ms(at)).phone("asks for an offer", |phone, now| phone.ask_for_offer(now));
        world.run_to(&Expected::Set);
        assert_eq!(world.phone.changes, [Ok(())], "{}", world.story());
    }
}

#[test]
fn a_call_in_either_law_with_any_payload_type_for_events() {
    for offer in [Offer::All, Offer::Pcmu(96), Offer::Pcmu(127), Offer::Pcma(97), Offer::Pcma(110)] {
        World::new(Setup { offer, ..Setup::new(34) }).run_to(&Expected::Set);
        World::new(Setup { offer, ..Setup::new(34).by(Ways::IN_BAND) }).run_to(&Expected::Set);
    }
    World::new(Setup { offer: Offer::NoEvents, ..Setup::new(34).by(Ways::IN_BAND) }).run_to(&Expected::Set);
    World::new(Setup { offer: Offer::NoEvents, ..Setup::new(34).by(Ways::INFO) }).run_to(&Expected::Set);
}

#[test]
fn packets_are_as_long_as_the_caller_wants_them() {
    let packets = |ptime_ms: u32| {
        let mut world = World::new(Setup { ptime_ms, ..Setup::new(37) });
        world.run_to(&Expected::Set);
        world.service.packets
    };
    let short = packets(20);
    assert!((short / 2).abs_diff(packets(40)) <= 2 && (short / 3).abs_diff(packets(60)) <= 3, "{short}");
}

#[test]
fn a_carriers_session_timer_is_echoed_and_refreshed() {
    for refresher in ["uac", "uas"] {
        let headers = vec![
            ("Session-Expires".to_owned(), format!("90;refresher={refresher}")),
            ("Min-SE".to_owned(), "90".to_owned()),
        ];
        let mut world = World::new(Setup { headers, ..Setup::new(35).patient() });
        world.run_to(&Expected::Set);
        let refreshed =
            |side: &str| ["UPDATE", "INVITE [2"].iter().any(|m| !world.trace.find(&format!("{side}  {m}")).is_empty());
        let (by_phone, by_service) = (refreshed("phone ──▶ service"), refreshed("phone ◀── service"));
        assert_eq!((by_phone, by_service), (refresher == "uac", refresher == "uas"), "{}", world.story());
    }
}

#[test]
fn nobody_else_can_key_into_the_call() {
    let stranger: SocketAddr = "203.0.113.9:40000".parse().unwrap();
    let mut world = World::new(Setup::new(36).patient());
    world.run_for(ms(2000));
    let mut sequence = 0u16;
    while !world.phone.is_idle() && sequence < 4000 {
        sequence += 1;
        // key 5, its end at once
        let event = event_packet(sequence, 5);
        for to in [SERVICE_MEDIA, rtcp_of(SERVICE_MEDIA)] {
            world.stranger(Datagram { kind: Kind::Rtp, from: stranger, to, bytes: event.clone() });
        }
        world.run_for(ms(20));
    }
    let outcome = world.run_to(&Expected::Set);
    assert!(sequence > 1000, "the stranger had time: {sequence} packets");
    assert!(outcome.record.unwrap().media.received > 1000);
}

/// A telephone-event with its end and marker set, 100 ms long, as payload type 101.
fn event_packet(sequence: u16, code: u8) -> Vec<u8> {
    let mut packet = vec![0x80, 0x80 | 101];
    packet.extend(sequence.to_be_bytes());
    packet.extend((u32::from(sequence) * 1600).to_be_bytes());
    packet.extend(0xdead_beef_u32.to_be_bytes());
    packet.extend([code, 0x8a, 0x03, 0x20]);
    packet
}
