//! The DTMF receiver allocates nothing once it is made.

#[path = "support/counting.rs"]
mod counting;

use counting::allocations;
use karipass::dtmf::{Config, Detector};

#[test]
fn packets_losses_and_events_allocate_nothing() {
    let tone = |n: usize, hz: f64| (n as f64 * hz * std::f64::consts::TAU / 8000.0).sin() * 8000.0;
    let audio: Vec<i16> =
        (0..80_000).map(|n| if n / 480 % 2 == 0 { (tone(n, 770.0) + tone(n, 1336.0)) as i16 } else { 0 }).collect();
    let mut detector = Detector::new(&Config::default());
    let before = allocations();
    let mut events = 0;
    for (number, packet) in audio.chunks(160).enumerate() {
        if number % 23 == 0 {
            detector.lost(packet.len())
        } else {
            detector.process(packet)
        }
        while detector.poll().is_some() {
            events += 1;
        }
    }
    assert_eq!(allocations(), before);
    assert!(events > 150, "digits go through: {events} events");
}
