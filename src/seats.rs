//! Seats that are counted (leaf): one is taken by whoever uses a bounded resource, and is free again when it is dropped.

use std::sync::Arc;

/// The seats of one resource. How many there may be is its owner's decision.
#[derive(Debug, Default)]
pub struct Seats(Arc<()>);

/// One of them.
#[derive(Debug)]
#[must_use]
pub struct Seat(#[expect(dead_code, reason = "it counts by being there")] Arc<()>);

impl Seats {
    /// Takes one.
    pub fn take(&self) -> Seat {
        Seat(Arc::clone(&self.0))
    }

    /// How many are taken.
    pub fn taken(&self) -> usize {
        Arc::strong_count(&self.0) - 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_free_when_it_is_dropped() {
        let seats = Seats::default();
        let (first, second) = (seats.take(), seats.take());
        assert_eq!(seats.taken(), 2);
        drop(first);
        assert_eq!(seats.taken(), 1);
        drop(second);
        assert_eq!(seats.taken(), 0);
    }
}
