//! Calls whose media is encrypted, is to be, or is not; and what is sent into them by whoever has no key.

use karipass::internals::account;
use karipass::internals::keying::Suite;
use karipass::internals::sip::sdp::Srtp;
use karipass::key::Ways;

use crate::support::network::{Datagram, Kind};
use crate::support::{Encryption, Expected, Offer, PHONE_MEDIA, Path, SERVICE_MEDIA, Setup, World, ms, rtcp_of};

const USUAL: Suite = Suite::AesCm128HmacSha1_80;

fn encrypted(seed: u64, encryption: Encryption) -> Setup {
    Setup { encryption, ..Setup::new(seed) }
}

/// What the service answered with: transport protocol and crypto line.
fn answered(world: &World) -> (String, Option<String>) {
    let text = world.phone.answer.clone().unwrap();
    let line = |start: &str| text.lines().find(|line| line.starts_with(start)).map(str::to_owned);
    let media = line("m=audio").unwrap();
    (media.split(' ').nth(2).unwrap().to_owned(), line("a=crypto"))
}

#[test]
fn a_password_is_set_by_any_way_under_any_suite() {
    for suite in Suite::ALL {
        for (encryption, ways, srtp, proto) in [
            (Encryption::Only(suite), Ways::RFC4733, Srtp::Offered, "RTP/SAVP"),
            (Encryption::Only(suite), Ways::ALL, Srtp::Required, "RTP/SAVP"),
            (Encryption::Optional(suite), Ways::IN_BAND, Srtp::Required, "RTP/AVP"),
        ] {
            let mut world = World::new(Setup { srtp, ..encrypted(51, encryption).by(ways) });
            world.run_to(&Expected::Set);
            let (answered, crypto) = answered(&world);
            assert_eq!(answered, proto);
            assert!(crypto.unwrap().starts_with(&format!("a=crypto:1 {} inline:", suite.name())));
        }
    }
}

#[test]
fn a_password_is_set_over_a_bad_network() {
    for seed in 0..8 {
        let suite = Suite::ALL[seed as usize % 4];
        let mut setup = encrypted(seed, Encryption::Only(suite));
        setup.to_service = Path { loss: 0.05, jitter: ms(60), reorder: 0.05, duplicate: 0.05, ..Path::clean(40) };
        setup.to_phone = setup.to_service.clone();
        World::new(setup).run_to(&Expected::Set);
    }
}

#[test]
fn what_is_not_wanted_is_refused_unanswered() {
    let refused = Expected::Refused(488, account::Outcome::RefusedMedia);
    let in_clear = Setup { srtp: Srtp::Required, ..Setup::new(52) };
    let not_wanted = Setup { srtp: Srtp::Off, ..encrypted(52, Encryption::Only(USUAL)) };
    for (setup, why) in [(in_clear, "not encrypted"), (not_wanted, "audio not over RTP/AVP or RTP/SAVP")] {
        let mut world = World::new(setup);
        world.run_to(&refused);
        let record = world.service.ledger.records().remove(0);
        assert_eq!((record.refused_media.as_deref(), record.srtp), (Some(why), None));
    }
    let mut world = World::new(Setup { srtp: Srtp::Off, ..encrypted(52, Encryption::Optional(USUAL)) });
    world.run_to(&Expected::Set);
    assert_eq!(answered(&world), ("RTP/AVP".to_owned(), None));
}

#[test]
fn who_asks_for_an_offer_is_offered_what_is_wanted() {
    let late = |srtp, encryption| Setup { srtp, offer: Offer::Late, ..encrypted(53, encryption) };
    for srtp in [Srtp::Offered, Srtp::Required] {
        World::new(late(srtp, Encryption::Only(Suite::AeadAes256Gcm))).run_to(&Expected::Set);
    }
    World::new(late(Srtp::Offered, Encryption::None)).run_to(&Expected::Set);
}

#[test]
fn the_caller_takes_another_key_at_any_moment() {
    for at in (2000..20_000).step_by(1500) {
        let mut setup = encrypted(at, Encryption::Only(Suite::ALL[at as usize / 1500 % 4]));
        setup.to_service.delay = ms(80);
        let mut world = World::new(setup);
        world.run_for(ms(at)).phone("takes another key", |phone, now| phone.change_key(now));
        world.run_to(&Expected::Set);
        assert_eq!(world.phone.changes, [Ok(())], "{}", world.story());
    }
}

#[test]
fn the_caller_holds_and_resumes_under_the_same_key() {
    let mut world = World::new(encrypted(54, Encryption::Only(USUAL)).patient());
    world.run_until_said("ask-password").phone("holds", |phone, now| phone.change(now, "sendonly"));
    world.run_for(ms(5000)).phone("resumes", |phone, now| phone.change(now, "sendrecv"));
    world.run_to(&Expected::Set);
}

/// Everything that the phone sends comes again, changed or as it is, from its own address: no key is heard twice, none that
/// nobody pressed, and the call goes on to its end.
#[test]
fn forged_replayed_and_truncated_packets_do_nothing() {
    for suite in Suite::ALL {
        let mut world = World::new(encrypted(56, Encryption::Only(suite)));
        world.network.record = true;
        let mut sent = 0;
        while !world.phone.is_idle() {
            world.run_for(ms(20));
            let captured: Vec<Datagram> = world.network.recorded.drain(..).collect();
            for datagram in captured.into_iter().filter(|datagram| datagram.from.ip() == PHONE_MEDIA.ip()) {
                let bytes = &datagram.bytes;
                let mut forged = bytes.clone();
                *forged.last_mut().unwrap() ^= 1;
                let mut moved = bytes.clone();
                moved[3] = moved[3].wrapping_add(7);
                let cut = bytes[..bytes.len() - 3].to_vec();
                for bytes in [bytes.clone(), forged, moved, cut, bytes[..11].to_vec(), event_in_clear(sent)] {
                    sent += 1;
                    world.stranger(Datagram { bytes, ..datagram.clone() });
                }
                world.network.recorded.clear();
            }
        }
        world.run_to(&Expected::Set);
        assert!(sent > 3000, "{sent}");
        let record = world.service.ledger.records().remove(0);
        assert_eq!(record.srtp.as_deref(), Some(suite.name()));
        let (forged, replayed) = (record.media.unauthentic, record.media.replayed);
        // half of the six of each packet bear its number, which is taken, and are not even looked into
        let most = u32::from(sent) * 2 / 5;
        assert!(replayed > most && forged > most, "{forged} {replayed} of {sent}");
    }
}

/// The star, which would clear the password: not encrypted, with another SSRC.
fn event_in_clear(sequence: u16) -> Vec<u8> {
    let mut packet = vec![0x80, 0x80 | 101];
    packet.extend(sequence.to_be_bytes());
    packet.extend((u32::from(sequence) * 1600).to_be_bytes());
    packet.extend(0xdead_beef_u32.to_be_bytes());
    packet.extend([10, 0x8a, 0x03, 0x20]);
    packet
}

#[test]
fn reports_are_encrypted_too() {
    let mut world = World::new(encrypted(57, Encryption::Only(Suite::AeadAes128Gcm)).patient());
    world.network.record = true;
    world.run_to(&Expected::Set);
    let reports = world.network.recorded.iter().filter(|datagram| datagram.kind == Kind::Rtcp);
    let (mut by_service, mut by_phone) = (0, 0);
    for report in reports {
        // a name in clear would be 16 hexadecimal digits behind its length
        let named = report.bytes.windows(18).any(|w| w[..2] == [1, 16] && w[2..].iter().all(u8::is_ascii_hexdigit));
        assert!(!named, "a report in clear");
        if report.from == rtcp_of(SERVICE_MEDIA) { by_service += 1 } else { by_phone += 1 }
    }
    assert!(by_service > 3 && by_phone > 3, "{by_service} {by_phone}");
    let stats = world.phone.stats.unwrap();
    assert!(stats.round_trip.is_some() && stats.remote_left, "the phone reads the service's reports: {stats:?}");
}
