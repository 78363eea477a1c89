//! Callers that prove their line although they are trusted without (RFC 3261 §22.1).

use super::registering::{credentials, key, line, with_registrar};
use super::*;
use crate::sip::digest::Proof;
use crate::sip::endpoint::{CommandError, StrangerHandle, Verdict};

#[test]
fn who_is_believed_anyway_is_not_refused_for_its_password() {
    for (password, proof) in [("wrong", Proof::Wrong { locks: false }), ("correct horse", Proof::Right(line()))] {
        let mut phone = Phone::new();
        let mut bench = Bench::with(with_registrar());
        // the challenge is from the time when it was a stranger
        bench.is_stranger = true;
        bench.receive(0, &phone.invite());
        bench.act(0, |end, now| end.judge(now, StrangerHandle(1), Verdict::Prove(None))).unwrap();
        let answer = credentials(&bench, "0600001111", password, "INVITE", "sip:0664806430@192.0.2.1");
        bench.is_stranger = false;
        bench.receive(20, &with(&phone.invite(), &answer)).trace();
        let (call, key) = (bench.call(), key("0600001111"));
        assert_eq!(bench.act(30, |end, now| end.authenticate(now, call, Some(&key))), Ok(proof));
        assert!(bench.trace().is_empty());
        bench.act(40, |end, now| end.answer(now, call, OURS.to_owned())).unwrap();
        assert_eq!(bench.trace(), ["40 → 200 INVITE"]);
        assert_eq!(bench.act(50, |end, now| end.authenticate(now, call, None)), Err(CommandError::WrongState));
    }
}
