//! Any bytes, as an offer and as an answer.
#![no_main]

use karipass::internals::keying::{Keys, Suite};
use karipass::internals::sip::sdp::{self, LocalMedia, Srtp};
use libfuzzer_sys::fuzz_target;
use rand::SeedableRng;
use rand::rngs::StdRng;

fuzz_target!(|bytes: &[u8]| {
    for address in ["198.51.100.7:12000", "[2001:db8::7]:12000"] {
        let Ok(rtp) = address.parse() else { return };
        let keys = Keys::draw(&Suite::ALL, &mut StdRng::from_seed([7; 32]));
        for srtp in [Srtp::Off, Srtp::Offered, Srtp::Required] {
            check(bytes, &LocalMedia { srtp, keys: keys.clone(), ..LocalMedia::new(rtp, 42) });
        }
    }
});

fn check(bytes: &[u8], local: &LocalMedia) {
    let accepted = sdp::accept(bytes, local);
    let Ok((answer, plan)) = sdp::answer(bytes, local) else { return };
    // both ways of looking at it agree, but for keys that answer none of ours
    match accepted {
        Ok(accepted) => assert_eq!(accepted, plan),
        Err(error) => assert!(plan.keying.is_some(), "{error}"),
    }
    assert!((10..=60).contains(&plan.ptime_ms) && plan.payload_type < 128);
    assert!(!(plan.on_hold && plan.direction.sends()));
    // the other end can read the answer, and hears of the same codec and events
    let back = match sdp::accept(answer.as_bytes(), local) {
        Ok(back) => back,
        // its tag is the offer's, not one of ours
        Err(error) => return assert!(plan.keying.is_some(), "{error}"),
    };
    assert_eq!((back.codec, back.payload_type, back.ptime_ms), (plan.codec, plan.payload_type, plan.ptime_ms));
    let format = |plan: &sdp::MediaPlan| plan.telephone_event.map(|event| (event.payload_type, event.clock_rate));
    assert_eq!(format(&back), format(&plan));
}
