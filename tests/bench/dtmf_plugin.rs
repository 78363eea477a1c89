//! The DTMF receiver as a plugin of `tests/bench/dtmf/dtmf_bench.c`: a C interface over [`karipass::dtmf::Detector`].
#![allow(clippy::unwrap_used)]
#![allow(unsafe_code, missing_docs)]

use karipass::dtmf::{Config, Detector, Event};

/// A receiver and the digits it has told that were not yet taken.
pub struct Plugin {
    detector: Detector,
    digits: Vec<u8>,
    ups: usize,
}

impl Plugin {
    fn drain(&mut self) {
        while let Some(event) = self.detector.poll() {
            match event {
                Event::Down { digit, .. } => self.digits.push(char::from(digit) as u8),
                Event::Up { .. } => self.ups += 1,
            }
        }
    }
}

#[unsafe(no_mangle)]
pub extern "C" fn dtmf_new() -> *mut Plugin {
    let detector = Detector::new(&Config::default());
    Box::into_raw(Box::new(Plugin { detector, digits: Vec::with_capacity(64), ups: 0 }))
}

/// # Safety
/// `plugin` comes from [`dtmf_new`] and is not used again.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dtmf_free(plugin: *mut Plugin) {
    drop(unsafe { Box::from_raw(plugin) });
}

/// # Safety
/// `plugin` comes from [`dtmf_new`]; `samples` points to `count` samples.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dtmf_rx_block(plugin: *mut Plugin, samples: *const i16, count: usize) {
    let plugin = unsafe { &mut *plugin };
    plugin.detector.process(unsafe { std::slice::from_raw_parts(samples, count) });
    plugin.drain();
}

/// # Safety
/// `plugin` comes from [`dtmf_new`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dtmf_lost(plugin: *mut Plugin, count: usize) {
    let plugin = unsafe { &mut *plugin };
    plugin.detector.lost(count);
    plugin.drain();
}

/// # Safety
/// `plugin` comes from [`dtmf_new`]; `out` points to `most` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dtmf_take(plugin: *mut Plugin, out: *mut u8, most: usize) -> usize {
    let plugin = unsafe { &mut *plugin };
    let count = most.min(plugin.digits.len());
    unsafe { std::slice::from_raw_parts_mut(out, count) }.copy_from_slice(&plugin.digits[..count]);
    plugin.digits.drain(..count);
    count
}

/// # Safety
/// `plugin` comes from [`dtmf_new`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dtmf_ups(plugin: *mut Plugin) -> usize {
    std::mem::take(unsafe { &mut (*plugin).ups })
}
