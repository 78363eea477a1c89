//! Packets of the RFCs and of libsrtp, and what may be done to packets on their way.
#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use super::cipher::Salt;
use super::*;
use crate::keying::{LONGEST, Suite};

pub(super) fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    digits.chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

fn key(suite: Suite, fill: u8) -> MasterKey {
    MasterKey::from_random(suite, [fill; LONGEST])
}

fn packet(sequence: u16, ssrc: u32) -> Vec<u8> {
    let mut packet = hex("80 00");
    packet.extend(sequence.to_be_bytes());
    packet.extend((u32::from(sequence) * 160).to_be_bytes());
    packet.extend(ssrc.to_be_bytes());
    packet.extend([0x55; 160]);
    packet
}

fn report(ssrc: u32) -> Vec<u8> {
    let mut packet = hex("80 c9 00 01");
    packet.extend(ssrc.to_be_bytes());
    packet.extend(hex("81 ca 00 02 00 00 00 01 01 01 61 00"));
    packet
}

/// One way, under one key.
struct Pair {
    sender: Sender,
    receiver: Receiver,
}

impl Pair {
    fn new(suite: Suite) -> Pair {
        Pair { sender: Sender::new(&key(suite, 1)), receiver: Receiver::new(&key(suite, 1)) }
    }

    fn sent(&mut self, sequence: u16, ssrc: u32) -> Vec<u8> {
        let mut bytes = packet(sequence, ssrc);
        self.sender.protect_rtp(&mut bytes);
        bytes
    }

    fn received(&mut self, bytes: &[u8]) -> Result<Vec<u8>, Rejected> {
        let mut copy = bytes.to_vec();
        let length = self.receiver.unprotect_rtp(&mut copy).inspect_err(|_| assert_eq!(copy, bytes))?;
        Ok(copy[..length].to_vec())
    }
}

#[test]
fn libsrtp_and_we_understand_each_other() {
    let mut all = 0;
    for suite in Suite::ALL {
        let mut pair: Option<Pair> = None;
        for line in include_str!("../../../fixtures/srtp/libsrtp.tsv").lines() {
            let [name, key, kind, plain, protected] = line.split('\t').collect::<Vec<_>>().try_into().unwrap();
            if name != suite.name() {
                continue;
            }
            let key = MasterKey::new(suite, &hex(key)).unwrap();
            let pair = pair.get_or_insert_with(|| Pair { sender: Sender::new(&key), receiver: Receiver::new(&key) });
            let (plain, protected) = (hex(plain), hex(protected));
            let (mut ours, mut theirs) = (plain.clone(), protected.clone());
            let length = if kind == "rtp" {
                pair.sender.protect_rtp(&mut ours);
                pair.receiver.unprotect_rtp(&mut theirs)
            } else {
                // libsrtp counts from 1, where RFC 3711 §3.4 says 0
                pair.sender.rtcp_index = pair.sender.rtcp_index.max(1);
                pair.sender.protect_rtcp(&mut ours);
                pair.receiver.unprotect_rtcp(&mut theirs)
            };
            assert_eq!(ours, protected, "{name} {kind}");
            assert_eq!(theirs[..length.unwrap()], plain, "{name} {kind}");
            all += 1;
        }
    }
    assert_eq!(all, 4 * 15);
}

/// RFC 7714 §16 and §17 give session keys.
fn of_session(suite: Suite) -> Receiver {
    let key: Vec<u8> = (0..suite.key_length() as u8).collect();
    let cipher = || {
        let mut salt = Salt([0; 14]);
        salt.0[..12].copy_from_slice(b"Quid pro quo");
        Cipher::of_session(suite, &key, &[], salt, 16)
    };
    Receiver { rtp: cipher(), rtcp: cipher(), identifier: 0, sources: vec![], rollovers: vec![] }
}

#[test]
fn rtp_in_galois_counter_mode_is_that_of_rfc_7714() {
    let header = "8040f17b 8041f8d3 5501a0b2";
    let plain = [&hex(header)[..], b"Gallia est omnis divisa in partes tres"].concat();
    let sealed = [
        "f24de3a3 fb34de6c acba861c 9d7e4bca be633bd5 0d294e6f 42a5f47a 51c7d19b 36de3adf 8833
         899d7f27 beb16a91 52cf765e e4390cce",
        "32b1de78 a822fe12 ef9f78fa 332e33aa b1801238 9a58e2f3 b50b2a02 76ffae0f 1ba63799 b87b
         7aa3db36 dfffd6b0 f9bb7878 d7a76c13",
    ];
    for (suite, sealed) in [Suite::AeadAes128Gcm, Suite::AeadAes256Gcm].into_iter().zip(sealed) {
        let protected = [hex(header), hex(sealed)].concat();
        let mut receiver = of_session(suite);
        let mut bytes = plain.clone();
        receiver.rtp.seal_rtp(Place { ssrc: 0x5501_a0b2, index: 0xf17b }, &mut bytes, 12);
        assert_eq!(bytes, protected);
        let length = receiver.unprotect_rtp(&mut bytes).unwrap();
        assert_eq!(bytes[..length], plain);
    }
}

#[test]
fn rtcp_in_galois_counter_mode_is_that_of_rfc_7714() {
    let plain = hex("81c8000d 4d617273 4e545031 4e545032 52545020 0000042a 0000e930 4c756e61
                     deadbeef deadbeef deadbeef deadbeef deadbeef");
    let encrypted = hex("81c8000d 4d617273 63e94885 dcdab67c a727d766 2f6b7e99 7ff5c0f7 6c06f32d c676a5f1 730d6fda
                         4ce09b46 86303ded 0bb9275b c84aa458 96cf4d2f c5abf872 45d9eade 800005d4");
    let in_clear = [plain.clone(), hex("841dd968 3dd78ec9 2ae58790 125f62b3 000005d4")].concat();
    for protected in [encrypted, in_clear] {
        let mut receiver = of_session(Suite::AeadAes128Gcm);
        let mut forged = protected.clone();
        forged[20] ^= 1;
        let before = forged.clone();
        assert_eq!(receiver.unprotect_rtcp(&mut forged), Err(Rejected::Unauthentic));
        assert_eq!(forged, before);
        let mut bytes = protected.clone();
        let length = receiver.unprotect_rtcp(&mut bytes).unwrap();
        assert_eq!(bytes[..length], plain);
        assert_eq!(receiver.unprotect_rtcp(&mut protected.clone()), Err(Rejected::Replayed));
    }
}

#[test]
fn a_packet_is_heard_once() {
    for suite in Suite::ALL {
        let mut pair = Pair::new(suite);
        let sent: Vec<_> = (0..300).map(|n| pair.sent(n, 7)).collect();
        for n in [0, 2, 1, 299, 172] {
            assert_eq!(pair.received(&sent[n]), Ok(packet(n as u16, 7)), "{suite:?} {n}");
            assert_eq!(pair.received(&sent[n]), Err(Rejected::Replayed), "{suite:?} {n}");
        }
        assert_eq!(pair.received(&sent[171]), Err(Rejected::Replayed), "too old to tell");
    }
}

#[test]
fn the_rollover_counter_follows_the_sequence_numbers() {
    for suite in Suite::ALL {
        let mut pair = Pair::new(suite);
        for n in (0x7f00..0x5_0000_u32).step_by(0x3fff) {
            let sent = pair.sent(n as u16, 7);
            assert_eq!(pair.received(&sent), Ok(packet(n as u16, 7)), "{suite:?} {n:x}");
        }
        let before = pair.sent(0xffff, 7);
        let after = pair.sent(0, 7);
        assert!(pair.received(&after).is_ok() && pair.received(&before).is_ok(), "reordered over the wrap");
    }
}

#[test]
fn a_stream_whose_beginning_was_lost_is_understood() {
    let mut pair = Pair::new(Suite::AesCm128HmacSha1_80);
    let _lost = (0xfff0..=0xffff).map(|n| pair.sent(n, 7)).count();
    let sent = pair.sent(3, 7);
    assert!(pair.received(&sent).is_ok(), "its rollover counter is 1 already");
}

#[test]
fn another_source_begins_anew_and_the_one_before_cannot_be_replayed() {
    let mut pair = Pair::new(Suite::AeadAes128Gcm);
    let first = pair.sent(40_000, 7);
    let second = pair.sent(5, 8);
    assert!(pair.received(&first).is_ok() && pair.received(&second).is_ok());
    assert_eq!(pair.received(&first), Err(Rejected::Replayed));
    for ssrc in 9..9 + MOST_SOURCES as u32 - 2 {
        let sent = pair.sent(5, ssrc);
        assert!(pair.received(&sent).is_ok());
    }
    let one_too_many = pair.sent(5, 1000);
    assert_eq!(pair.receiver.unprotect_rtp(&mut one_too_many.clone()), Err(Rejected::Sources));
    assert_eq!(pair.received(&first), Err(Rejected::Replayed));
}

#[test]
fn forged_sources_take_no_memory() {
    let mut pair = Pair::new(Suite::AesCm128HmacSha1_32);
    for ssrc in 0..1000 {
        let forged = [packet(1, ssrc), vec![0; 4]].concat();
        assert_eq!(pair.received(&forged), Err(Rejected::Unauthentic));
    }
    assert!(pair.receiver.sources.is_empty());
}

#[test]
fn a_master_key_identifier_is_skipped() {
    for suite in Suite::ALL {
        let mut pair = Pair::new(suite);
        pair.receiver = Receiver::new(&key(suite, 1).with_identifier(4));
        let mut sent = pair.sent(1, 7);
        // before the tag, but behind it where the tag is a part of what is encrypted
        let place = match suite {
            Suite::AesCm128HmacSha1_80 => sent.len() - 10,
            Suite::AesCm128HmacSha1_32 => sent.len() - 4,
            Suite::AeadAes128Gcm | Suite::AeadAes256Gcm => sent.len(),
        };
        sent.splice(place..place, [0, 0, 0, 1]);
        assert_eq!(pair.received(&sent), Ok(packet(1, 7)), "{suite:?}");
        let mut sent = report(7);
        pair.sender.protect_rtcp(&mut sent);
        let place = if place == sent.len() { place } else { sent.len() };
        let place = if suite.salt_length() == 14 { place - 10 } else { place };
        sent.splice(place..place, [0, 0, 0, 1]);
        let length = pair.receiver.unprotect_rtcp(&mut sent).unwrap();
        assert_eq!(sent[..length], report(7), "{suite:?}");
    }
}

fn both(ours: u8, theirs: u8) -> Keying {
    let suite = Suite::AesCm128HmacSha1_80;
    Keying { local: key(suite, ours), remote: key(suite, theirs) }
}

#[test]
fn what_is_under_way_when_the_key_changes_is_still_heard() {
    let (mut here, mut there) = (Srtp::new(both(1, 2)), Srtp::new(both(2, 1)));
    let sent = |there: &mut Srtp, sequence: u16| {
        let mut bytes = packet(sequence, 7);
        there.protect_rtp(&mut bytes);
        bytes
    };
    assert!(here.unprotect_rtp(&mut sent(&mut there, 1)).is_ok());
    let mut under_way = [sent(&mut there, 2), sent(&mut there, 3)];
    there.rekey(&both(3, 1));
    here.rekey(&both(1, 3));
    assert!(here.unprotect_rtp(&mut under_way[0]).is_ok());
    assert!(here.unprotect_rtp(&mut sent(&mut there, 4)).is_ok());
    assert!(here.unprotect_rtp(&mut under_way[1]).is_err(), "the new key is in use");
    // our own key did not change, and goes on
    let mut ours = packet(9, 5);
    here.protect_rtp(&mut ours);
    assert!(there.unprotect_rtp(&mut ours.clone()).is_ok());
    there.rekey(&both(3, 1));
    assert_eq!(there.unprotect_rtp(&mut ours), Err(Rejected::Replayed), "nor does the same agreement forget anything");
}

#[test]
fn a_sender_that_counts_on_under_another_key_is_understood() {
    let (mut here, mut there) = (Srtp::new(both(1, 2)), Sender::new(&key(Suite::AesCm128HmacSha1_80, 2)));
    for n in (0..0x2_4000_u32).step_by(0x4000) {
        let mut sent = packet(n as u16, 7);
        there.protect_rtp(&mut sent);
        assert!(here.unprotect_rtp(&mut sent).is_ok());
    }
    let last = there.last;
    there = Sender::new(&key(Suite::AesCm128HmacSha1_80, 3));
    there.last = last;
    here.rekey(&both(1, 3));
    let mut sent = packet(0x2000, 7);
    there.protect_rtp(&mut sent);
    assert!(here.unprotect_rtp(&mut sent).is_ok());
}

#[test]
fn a_key_that_is_used_up_protects_nothing() {
    let mut pair = Pair::new(Suite::AeadAes256Gcm);
    pair.sender.rtcp_index = !ENCRYPTED;
    let mut last = report(7);
    pair.sender.protect_rtcp(&mut last);
    let mut after = report(7);
    pair.sender.protect_rtcp(&mut after);
    assert!(last.len() > report(7).len() && after.is_empty());
}

proptest! {
    /// Whatever is changed, cut off or added: it is rejected, and the packet itself is heard all the same.
    #[test]
    fn nothing_but_the_packet_itself_is_heard(
        suite in 0..4_usize, place in 0..200_usize, flip in 1..=255_u8, cut in 0..200_usize, tail in proptest::collection::vec(any::<u8>(), 1..9),
    ) {
        let mut pair = Pair::new(Suite::ALL[suite]);
        let first = pair.sent(1, 7);
        prop_assert!(pair.received(&first).is_ok());
        let sent = pair.sent(2, 7);
        let mut changed = sent.clone();
        let place = place % sent.len();
        changed[place] ^= flip;
        prop_assert!(pair.received(&changed).is_err());
        prop_assert!(pair.received(&sent[..cut % sent.len()]).is_err());
        prop_assert!(pair.received(&[&sent[..], &tail].concat()).is_err());
        prop_assert_eq!(pair.received(&sent), Ok(packet(2, 7)));
    }

    #[test]
    fn no_bytes_panic(suite in 0..4_usize, bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
        let mut pair = Pair::new(Suite::ALL[suite]);
        prop_assert!(pair.receiver.unprotect_rtp(&mut bytes.clone()).is_err());
        prop_assert!(pair.receiver.unprotect_rtcp(&mut bytes.clone()).is_err());
        pair.sender.protect_rtp(&mut bytes.clone());
        pair.sender.protect_rtcp(&mut bytes.clone());
    }
}
