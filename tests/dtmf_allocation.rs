//! The DTMF receiver allocates nothing once it is made.
#![allow(unsafe_code)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use karipass::dtmf::{Config, Detector};

struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
}

// SAFETY: it is the system's allocator, counted.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: as the caller promises.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: as the caller promises.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

#[test]
fn packets_losses_and_events_allocate_nothing() {
    let tone = |n: usize, hz: f64| (n as f64 * hz * std::f64::consts::TAU / 8000.0).sin() * 8000.0;
    let audio: Vec<i16> =
        (0..80_000).map(|n| if n / 480 % 2 == 0 { (tone(n, 770.0) + tone(n, 1336.0)) as i16 } else { 0 }).collect();
    let mut detector = Detector::new(&Config::default());
    let before = ALLOCATIONS.get();
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
    assert_eq!(ALLOCATIONS.get(), before);
    assert!(events > 150, "digits go through: {events} events");
}
