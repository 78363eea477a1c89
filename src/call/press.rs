//! One press of a key is one digit, however often and by whatever ways it is reported.
//!
//! A telephone may send the same press as an RFC 4733 event, as a tone in the audio and as an INFO, each with its own delay.
//! Every way reports the presses it carries in their order, so a report belongs to the earliest recent press of the
//! same key that this way has not reported yet, provided that it lies behind the last press that this way has reported.
//! A report that matches no press is a new one. So "1 1" keyed quickly and reported by two ways stays two presses, and a
//! press that one way missed costs nothing.
//!
//! INFO is repeated until it is answered, so that on a bad network a key may come seconds after its tone. Once INFO was seen
//! to double another way, it has that long; before, a late INFO is a press of its own.

use std::collections::VecDeque;
use std::time::Duration;

use crate::key::{Key, Way, Ways};
use crate::time::Time;

/// Time after the last sign of a press in which another way's report of it may arrive. INFO passes through proxies, and most
/// phones send it only when the key is released.
pub const MERGE_WINDOW: Duration = Duration::from_millis(700);

/// The same for INFO in a call where it doubles another way: as long as a request is repeated (RFC 3261 §17.1.2.2, timer F).
const INFO_WINDOW: Duration = Duration::from_secs(32);

/// Time for which a press counts as held when its end is never reported (the audio may stop in the middle of a tone).
const LONGEST_HOLD: Duration = Duration::from_secs(5);

/// Presses remembered: with 20 presses a second the merge window holds 14, and a person keys about this many in the time an
/// INFO has.
const REMEMBERED: usize = 32;

/// Merges the reports of all ways into presses.
#[derive(Debug, Default)]
pub struct Merger {
    recent: VecDeque<Press>,
    /// Number of forgotten presses, so that a press's place in the order stays the same number.
    forgotten: u64,
    /// By way: the position after the last press that it reported.
    next_of_way: [u64; 3],
    reported: [u32; 3],
    /// A press was reported by INFO and by another way.
    info_doubles: bool,
}

#[derive(Debug)]
struct Press {
    key: Key,
    reported_by: Ways,
    /// The ways that have reported the key down and not yet up.
    held_by: Ways,
    last_sign: Time,
}

impl Merger {
    /// A way reports that `key` went down (or, with INFO, was pressed). True for a new press.
    pub fn down(&mut self, now: Time, key: Key, way: Way) -> bool {
        self.reported[way as usize] = self.reported[way as usize].saturating_add(1);
        self.forget(now);
        let first = self.next_of_way[way as usize].saturating_sub(self.forgotten) as usize;
        let window = if way == Way::Info && self.info_doubles { INFO_WINDOW } else { MERGE_WINDOW };
        let mut later = self.recent.iter().enumerate().skip(first);
        let known = later.find(|(_, press)| press.is_another_report(key, way) && press.is_recent(now, window));
        let (place, new) = match known {
            Some((place, _)) => (place, false),
            None => {
                self.recent.push_back(Press { key, reported_by: Ways::NONE, held_by: Ways::NONE, last_sign: now });
                (self.recent.len() - 1, true)
            }
        };
        if let Some(press) = self.recent.get_mut(place) {
            press.reported_by = press.reported_by.with(way);
            // INFO reports a press as a whole
            press.held_by = if way == Way::Info { press.held_by } else { press.held_by.with(way) };
            press.last_sign = now;
            self.info_doubles |= !new && press.reported_by.has(Way::Info);
        }
        self.next_of_way[way as usize] = self.forgotten + place as u64 + 1;
        new
    }

    /// A way reports that its last press of `key` has ended: reports of the same press by other ways count from here.
    pub fn up(&mut self, now: Time, key: Key, way: Way) {
        let held = self.recent.iter_mut().find(|press| press.key == key && press.held_by.has(way));
        if let Some(press) = held {
            press.held_by = press.held_by.without(way);
            press.last_sign = now;
        }
    }

    /// Presses reported by this way.
    pub fn reported(&self, way: Way) -> u32 {
        self.reported[way as usize]
    }

    fn forget(&mut self, now: Time) {
        let outdated = |press: &Press| !press.is_recent(now, INFO_WINDOW);
        while self.recent.len() >= REMEMBERED || self.recent.front().is_some_and(outdated) {
            self.recent.pop_front();
            self.forgotten += 1;
        }
    }
}

impl Press {
    fn is_another_report(&self, key: Key, way: Way) -> bool {
        self.key == key && !self.reported_by.has(way)
    }

    fn is_recent(&self, now: Time, window: Duration) -> bool {
        let window = if self.held_by != Ways::NONE { window.max(LONGEST_HOLD) } else { window };
        now.since(self.last_sign) <= window
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Way::{InBand, Info, Rfc4733};

    fn presses(reports: &[(u64, char, Way)]) -> usize {
        let mut merger = Merger::default();
        let key = |c| Key::from_char(c).expect("a key");
        let mut report = |&(at, c, way): &(u64, char, Way)| {
            let new = merger.down(Time::from_millis(at), key(c), way);
            merger.up(Time::from_millis(at), key(c), way);
            new
        };
        reports.iter().filter(|&r| report(r)).count()
    }

    #[test]
    fn one_press_by_three_ways_is_one() {
        assert_eq!(presses(&[(0, '5', Rfc4733), (35, '5', InBand), (300, '5', Info)]), 1);
    }

    #[test]
    fn the_same_key_twice_by_two_ways_is_two() {
        assert_eq!(presses(&[(0, '1', Rfc4733), (40, '1', InBand), (120, '1', Rfc4733), (160, '1', InBand)]), 2);
        // the slower way reports both only after the quicker one has
        assert_eq!(presses(&[(0, '1', Rfc4733), (100, '1', Rfc4733), (400, '1', Info), (450, '1', Info)]), 2);
    }

    #[test]
    fn a_report_that_one_way_missed_costs_nothing() {
        assert_eq!(
            presses(&[
                (0, '1', Rfc4733),
                (100, '2', Rfc4733),
                (130, '2', InBand),
                (200, '1', Rfc4733),
                (230, '1', InBand)
            ]),
            3
        );
        assert_eq!(presses(&[(0, '1', InBand), (100, '2', InBand), (300, '2', Info), (320, '3', Info)]), 3);
    }

    #[test]
    fn a_late_report_never_matches_a_press_before_one_already_reported() {
        // in-band has reported the 2, so its next 1 is a press after that 2
        assert_eq!(presses(&[(0, '1', Rfc4733), (60, '2', Rfc4733), (90, '2', InBand), (200, '1', InBand)]), 3);
    }

    #[test]
    fn after_the_window_the_same_key_is_a_new_press() {
        assert_eq!(presses(&[(0, '1', Rfc4733), (701, '1', InBand)]), 2);
    }

    #[test]
    fn an_info_that_was_repeated_comes_late_and_is_the_same_press_where_info_doubles_another_way() {
        let doubled = [(0, '5', Rfc4733), (90, '5', Info)];
        let repeated = [(1000, '1', Rfc4733), (1240, '5', Rfc4733), (2600, '1', Info), (2700, '5', Info)];
        assert_eq!(presses(&[&doubled[..], &repeated[..]].concat()), 3);
        let info_first = [(0, '5', Info), (90, '5', Rfc4733), (1000, '1', InBand), (4600, '1', Info)];
        assert_eq!(presses(&info_first), 2);
        // where it does not, what was heard before it was something else
        assert_eq!(presses(&[(0, '1', InBand), (1600, '1', Info)]), 2);
        // nor may other ways come so late
        assert_eq!(presses(&[&doubled[..], &[(1000, '1', Info), (2600, '1', Rfc4733)]].concat()), 3);
    }

    #[test]
    fn a_long_press_is_reported_by_info_at_its_end() {
        let mut merger = Merger::default();
        let key = Key::from_char('9').expect("a key");
        assert!(merger.down(Time::from_millis(0), key, Rfc4733));
        merger.up(Time::from_millis(4000), key, Rfc4733);
        assert!(!merger.down(Time::from_millis(4200), key, Info));
    }

    #[test]
    fn memory_is_bounded() {
        let mut merger = Merger::default();
        let key = Key::from_char('9').expect("a key");
        for _ in 0..10_000 {
            assert!(merger.down(Time::ZERO, key, Rfc4733));
        }
        assert!(merger.recent.len() <= REMEMBERED);
    }
}
