//! Any bytes, as an offer and as an answer.
#![no_main]

use karipass::sip::sdp::{self, Direction, LocalMedia};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    for address in ["198.51.100.7:12000", "[2001:db8::7]:12000"] {
        let Ok(rtp) = address.parse() else { return };
        let direction = Direction::SendRecv;
        let local = LocalMedia { rtp, session_id: 42, version: 1, telephone_event_pt: 101, direction };
        let accepted = sdp::accept(bytes, &local);
        let Ok((answer, plan)) = sdp::answer(bytes, &local) else { continue };
        // both ways of looking at it agree
        assert_eq!(accepted.as_ref(), Ok(&plan));
        assert!((10..=60).contains(&plan.ptime_ms) && plan.payload_type < 128);
        assert!(!(plan.on_hold && plan.direction.sends()));
        // the other end can read the answer, and hears of the same codec and events
        let back = sdp::accept(answer.as_bytes(), &local).expect("our own answer");
        assert_eq!((back.codec, back.payload_type, back.ptime_ms), (plan.codec, plan.payload_type, plan.ptime_ms));
        let format = |plan: &sdp::MediaPlan| plan.telephone_event.map(|event| (event.payload_type, event.clock_rate));
        assert_eq!(format(&back), format(&plan));
    }
});
