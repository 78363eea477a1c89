//! Which prompts the service speaks, judged from its RTP alone: each prompt begins on a packet's boundary, so the first packet
//! with sound in it is one of the bank's, octet for octet.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::LazyLock;

use karipass::internals::audio::g711::Law;

use crate::support::BANK;

/// 20 ms at 8 kHz.
const FRAME: usize = 160;
/// Where in the prompts a packet's payload occurs.
static PLACES: LazyLock<HashMap<u64, Vec<Place>, BuildHasherDefault<Fold>>> = LazyLock::new(index);
static NAMES: LazyLock<Vec<String>> = LazyLock::new(|| BANK.names().map(str::to_owned).collect());

#[derive(Clone, Copy)]
struct Place {
    prompt: usize,
    frame: usize,
}

/// Listens to what one call sends, packet after packet.
#[derive(Default)]
pub struct Tap {
    /// The places that the last packet with sound may have come from.
    before: Vec<Place>,
    /// Packets since.
    passed: usize,
    named: bool,
}

impl Tap {
    /// Takes a packet as it is sent; the name of a prompt that has begun, as soon as it can be no other.
    pub fn hears(&mut self, packet: &[u8]) -> Option<&'static str> {
        let payload = packet.get(12..).filter(|payload| payload.len() == FRAME)?;
        self.passed += 1;
        let places = PLACES.get(&fold(payload)).map(Vec::as_slice).unwrap_or_default();
        if places.is_empty() {
            return None;
        }
        let goes_on: Vec<Place> = places.iter().filter(|place| self.is_next(place)).copied().collect();
        self.passed = 0;
        if goes_on.is_empty() {
            self.named = false;
            self.before = places.to_vec();
        } else {
            self.before = goes_on;
        }
        match self.before.as_slice() {
            [only] if !self.named => {
                self.named = true;
                NAMES.get(only.prompt).map(String::as_str)
            }
            _ => None,
        }
    }

    fn is_next(&self, place: &Place) -> bool {
        self.before.iter().any(|before| before.prompt == place.prompt && before.frame + self.passed == place.frame)
    }
}

fn index() -> HashMap<u64, Vec<Place>, BuildHasherDefault<Fold>> {
    let mut places: HashMap<u64, Vec<Place>, BuildHasherDefault<Fold>> = HashMap::default();
    for (prompt, name) in BANK.names().enumerate() {
        let clip = BANK.clip(name).unwrap();
        for (law, octets) in [(Law::Mu, &clip.pcmu), (Law::A, &clip.pcma)] {
            for (frame, content) in octets.chunks_exact(FRAME).enumerate() {
                if content.iter().any(|octet| *octet != law.silence()) {
                    places.entry(fold(content)).or_default().push(Place { prompt, frame });
                }
            }
        }
    }
    places
}

/// Eight octets at a time: this is done for every packet of every call.
fn fold(payload: &[u8]) -> u64 {
    payload.chunks_exact(8).fold(0, |sum, eight| {
        let eight = u64::from_le_bytes(eight.try_into().unwrap());
        (sum ^ eight).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29)
    })
}

/// Hands through what is a hash already.
#[derive(Default)]
struct Fold(u64);

impl Hasher for Fold {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, _: &[u8]) {
        unreachable!("keys are numbers");
    }

    fn write_u64(&mut self, key: u64) {
        self.0 = key;
    }
}

#[test]
fn the_tap_names_every_prompt_and_its_repetition() {
    for name in BANK.names() {
        let mut tap = Tap::default();
        let mut heard = vec![];
        for _ in 0..2 {
            for frame in BANK.clip(name).unwrap().pcmu.chunks_exact(FRAME) {
                heard.extend(tap.hears(&[&[0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], frame].concat()));
            }
        }
        assert_eq!(heard, [name, name]);
    }
}
