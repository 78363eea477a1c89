//! Encryption as it is offered and answered.
#![allow(clippy::unwrap_used)]

use rand::SeedableRng;
use rand::rngs::StdRng;

use super::*;
use crate::keying::{MasterKey, Suite};

const KEY: &str = "WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz";

fn local(srtp: Srtp) -> LocalMedia {
    let keys = Keys::draw(&Suite::ALL, &mut StdRng::seed_from_u64(1));
    LocalMedia { srtp, keys, ..LocalMedia::new("198.51.100.7:12000".parse().unwrap(), 42) }
}

fn offered(media: &[&str]) -> String {
    let head = ["v=0", "o=- 1 1 IN IP4 192.0.2.4", "s=-", "c=IN IP4 192.0.2.4", "t=0 0"];
    head.iter().chain(media).map(|line| format!("{line}\r\n")).collect()
}

/// The answer's media lines without its key, and the suite agreed on.
fn answered(srtp: Srtp, media: &[&str]) -> Result<(String, Option<Suite>), Mismatch> {
    match answer(offered(media).as_bytes(), &local(srtp)) {
        Ok((text, plan)) => {
            let (_, text) = text.split_once("t=0 0\r\n").unwrap();
            if let Some(keying) = &plan.keying {
                assert_eq!(Some(&keying.local), local(srtp).keys.of(keying.remote.suite()));
            }
            let suite = plan.keying.map(|keying| keying.local.suite());
            let words = text.split_inclusive([' ', '\r']).filter(|word| !word.starts_with("inline:"));
            Ok((words.collect(), suite))
        }
        Err(SdpError::NotAcceptable { why }) => Err(why),
        Err(SdpError::Malformed { what }) => panic!("{what}"),
    }
}

fn crypto(tag: u32, suite: &str) -> String {
    format!("a=crypto:{tag} {suite} inline:{KEY}")
}

#[test]
fn whether_media_is_encrypted_follows_from_both_ends() {
    let usual = crypto(1, "AES_CM_128_HMAC_SHA1_80");
    let suite = Some(Suite::AesCm128HmacSha1_80);
    let plain = ["m=audio 4000 RTP/AVP 0"];
    let optional = ["m=audio 4000 RTP/AVP 0", &usual];
    let only = ["m=audio 4000 RTP/SAVP 0", &usual];
    let suites = |srtp| [&plain[..], &optional, &only].map(|offer| answered(srtp, offer).map(|(_, suite)| suite));
    assert_eq!(suites(Srtp::Off), [Ok(None), Ok(None), Err(Mismatch::Transport)]);
    assert_eq!(suites(Srtp::Offered), [Ok(None), Ok(suite), Ok(suite)]);
    assert_eq!(suites(Srtp::Required), [Err(Mismatch::Unencrypted), Ok(suite), Ok(suite)]);
}

#[test]
fn the_first_line_that_can_be_taken_is_answered_under_its_tag() {
    let lines = [
        "m=audio 4000 RTP/SAVPF 8 0",
        &crypto(3, "F8_128_HMAC_SHA1_80"),
        &format!("{} UNENCRYPTED_SRTCP", crypto(4, "AES_CM_128_HMAC_SHA1_80")),
        &crypto(5, "AES_CM_128_HMAC_SHA1_32"),
        &crypto(6, "AES_CM_128_HMAC_SHA1_80"),
    ];
    let (text, suite) = answered(Srtp::Offered, &lines).unwrap();
    assert_eq!(suite, Some(Suite::AesCm128HmacSha1_32));
    assert!(text.contains("m=audio 12000 RTP/SAVPF 8\r\n"), "{text}");
    assert!(text.contains("a=crypto:5 AES_CM_128_HMAC_SHA1_32 \n"), "{text}");
    assert_eq!(text.matches("a=crypto").count(), 1);
    let none = answered(Srtp::Offered, &lines[..3]);
    assert_eq!(none, Err(Mismatch::Crypto));
}

#[test]
fn of_two_streams_the_one_that_can_be_met_is_taken() {
    let usual = crypto(1, "AES_CM_128_HMAC_SHA1_80");
    let both = ["m=audio 4000 RTP/SAVP 0", &usual, "m=audio 4002 RTP/AVP 0"];
    let (text, suite) = answered(Srtp::Off, &both).unwrap();
    assert!(suite.is_none() && text.starts_with("m=audio 0 RTP/SAVP 0\r\nm=audio 12000 RTP/AVP 0"), "{text}");
    let (text, suite) = answered(Srtp::Offered, &both).unwrap();
    assert!(suite.is_some() && text.starts_with("m=audio 12000 RTP/SAVP 0"), "{text}");
    assert!(text.contains("m=audio 0 RTP/AVP 0"), "{text}");
}

#[test]
fn the_lifetime_and_the_identifier_of_a_key_cost_nothing() {
    let line = format!("{}|2^20|1:4", crypto(1, "AES_CM_128_HMAC_SHA1_80"));
    let offer = offered(&["m=audio 4000 RTP/SAVP 0", &line]);
    let (_, plan) = answer(offer.as_bytes(), &local(Srtp::Offered)).unwrap();
    assert_eq!(plan.keying.unwrap().remote.identifier_length(), 4);
}

#[test]
fn our_offer_is_met_by_our_answer() {
    for (ours, theirs, suite) in [
        (Srtp::Offered, Srtp::Offered, Some(Suite::AesCm128HmacSha1_80)),
        (Srtp::Offered, Srtp::Required, Some(Suite::AesCm128HmacSha1_80)),
        (Srtp::Required, Srtp::Offered, Some(Suite::AesCm128HmacSha1_80)),
        (Srtp::Offered, Srtp::Off, None),
        (Srtp::Off, Srtp::Offered, None),
    ] {
        let (ours, mut theirs) = (local(ours), local(theirs));
        theirs.keys = Keys::draw(&Suite::ALL, &mut StdRng::seed_from_u64(2));
        let (text, plan) = answer(offer(&ours).as_bytes(), &theirs).unwrap();
        let back = accept(text.as_bytes(), &ours).unwrap();
        assert_eq!(plan.keying.as_ref().map(|keying| keying.local.suite()), suite);
        let crossed = plan.keying.map(|keying| Keying { local: keying.remote, remote: keying.local });
        assert_eq!(back.keying, crossed);
    }
}

#[test]
fn an_answer_that_names_no_line_of_ours_is_none() {
    let ours = local(Srtp::Required);
    let refused = Err(SdpError::NotAcceptable { why: Mismatch::Crypto });
    for line in [crypto(9, "AES_CM_128_HMAC_SHA1_80"), crypto(2, "AES_CM_128_HMAC_SHA1_80")] {
        assert_eq!(accept(offered(&["m=audio 4000 RTP/SAVP 0", &line]).as_bytes(), &ours).map(drop), refused);
    }
    let unencrypted = Err(SdpError::NotAcceptable { why: Mismatch::Unencrypted });
    assert_eq!(accept(offered(&["m=audio 4000 RTP/AVP 0"]).as_bytes(), &ours).map(drop), unencrypted);
}

#[test]
fn no_rendering_of_what_is_agreed_shows_a_key() {
    let offer = offered(&["m=audio 4000 RTP/SAVP 0", &crypto(1, "AES_CM_128_HMAC_SHA1_80")]);
    let ours = local(Srtp::Required);
    let (_, plan) = answer(offer.as_bytes(), &ours).unwrap();
    let shown = format!("{plan:?} {ours:?}");
    let own = super::crypto::write(1, plan.keying.as_ref().map(|keying| &keying.local).unwrap());
    let own = own.split_once("inline:").unwrap().1;
    assert!(!shown.contains(KEY) && !shown.contains(own) && shown.contains("MasterKey(AES"), "{shown}");
    let bytes = |key: &MasterKey| format!("{:?}", key.expose());
    assert!(!shown.contains(bytes(&plan.keying.unwrap().remote).trim_matches(['[', ']'])));
}
