//! Any bytes as an encrypted packet, and genuine packets cut, changed and repeated: no panic, nothing forged is taken, and a
//! packet is taken once.
//!
//! The first byte picks the suite. Then a run of records: a byte that says what is done, two bytes of sequence number,
//! a byte of length, and so many bytes.

#![no_main]

use karipass::internals::keying::{Keying, LONGEST, MasterKey, Suite};
use karipass::internals::rtp::srtp::Srtp;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let [suite, records @ ..] = data else { return };
    let mut rest = records;
    let suite = Suite::ALL[usize::from(*suite) % 4];
    let key = |fill| MasterKey::from_random(suite, [fill; LONGEST]);
    let keying = |theirs| Keying { local: key(1), remote: key(theirs) };
    let mut here = Srtp::new(keying(2));
    let mut there = Srtp::new(Keying { local: key(2), remote: key(1) });
    while let [action, high, low, length, tail @ ..] = rest {
        let (bytes, tail) = tail.split_at(tail.len().min(usize::from(*length)));
        rest = tail;
        let rtcp = action & 0x40 != 0;
        let unprotect = if rtcp { Srtp::unprotect_rtcp } else { Srtp::unprotect_rtp };
        let mut packet = vec![0x80, if rtcp { 200 } else { 0 }, *high, *low];
        packet.extend([0, 0, 0, 1, 0, 0, 0, 7]);
        packet.extend(bytes);
        match action & 7 {
            0 => assert!(unprotect(&mut here, &mut bytes.to_vec()).is_err(), "forged"),
            1 => assert!(unprotect(&mut here, &mut packet).is_err(), "forged"),
            2 => here.rekey(&keying(high & 3)),
            _ => {
                let plain = packet.clone();
                if rtcp {
                    there.protect_rtcp(&mut packet)
                } else {
                    there.protect_rtp(&mut packet)
                }
                let mut changed = packet.clone();
                if let Some(byte) = changed.get_mut(usize::from(*length)) {
                    *byte ^= 0x10;
                    let before = changed.clone();
                    assert!(unprotect(&mut here, &mut changed).is_err(), "changed");
                    assert_eq!(changed, before, "a rejected packet is left as it was");
                }
                let mut again = packet.clone();
                if let Ok(length) = unprotect(&mut here, &mut packet) {
                    assert_eq!(packet[..length], plain);
                    assert!(unprotect(&mut here, &mut again).is_err(), "replayed");
                }
            }
        }
    }
});
