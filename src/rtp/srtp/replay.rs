//! The list of received packets (RFC 3711 §3.3.2), and the indices of 16-bit sequence numbers (§3.3.1).

/// Packets further behind the newest than this count as replayed.
const WINDOW: u64 = 128;
/// Indices have 48 bits.
const LAST_INDEX: u64 = (1 << 48) - 1;

/// The packets of one source, as far as they are remembered. Starts with none.
#[derive(Clone, Copy, Default)]
pub(super) struct Replay {
    /// One more than the newest index; 0 for none.
    next: u64,
    /// Bit n: whether `next - 1 - n` was received.
    seen: u128,
}

impl Replay {
    /// The newest index.
    pub(super) fn newest(&self) -> Option<u64> {
        self.next.checked_sub(1)
    }

    /// Whether a packet with this index may still be accepted.
    pub(super) fn is_open(&self, index: u64) -> bool {
        match self.next.checked_sub(index + 1) {
            None => index <= LAST_INDEX,
            Some(back) => back < WINDOW && self.seen & (1 << back) == 0,
        }
    }

    /// A genuine packet with this index was received.
    pub(super) fn accept(&mut self, index: u64) {
        match (index + 1).checked_sub(self.next) {
            None | Some(0) => self.seen |= 1_u128.checked_shl((self.next - index - 1) as u32).unwrap_or(0),
            Some(ahead) => {
                let moved = u32::try_from(ahead).unwrap_or(u32::MAX);
                self.seen = self.seen.checked_shl(moved).unwrap_or(0) | 1;
                self.next = index + 1;
            }
        }
    }
}

/// The index nearest to `newest` that ends in `sequence`; none below zero.
pub(super) fn nearest(newest: u64, sequence: u16) -> Option<u64> {
    newest.checked_add_signed(i64::from(sequence.wrapping_sub(newest as u16) as i16))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packet_is_received_once_and_not_when_it_is_too_old() {
        let mut replay = Replay::default();
        assert!(replay.newest().is_none() && replay.is_open(0));
        for index in [300, 302, 301, 200] {
            assert!(replay.is_open(index), "{index}");
            replay.accept(index);
            assert!(!replay.is_open(index), "{index}");
        }
        assert_eq!(replay.newest(), Some(302));
        assert!(replay.is_open(175) && !replay.is_open(174), "128 are remembered");
        replay.accept(175);
        replay.accept(302 + 127);
        assert!(!replay.is_open(302) && replay.is_open(303) && !replay.is_open(301));
        replay.accept(10_000);
        assert!(!replay.is_open(429) && replay.is_open(9_999) && !replay.is_open(1 << 48));
    }

    #[test]
    fn a_sequence_number_stands_for_the_nearest_index() {
        assert_eq!(nearest(0xffff, 0), Some(0x1_0000));
        assert_eq!(nearest(0x1_0000, 0xfffe), Some(0xfffe));
        assert_eq!(nearest(0x3_0005, 0x8000), Some(0x3_8000));
        assert_eq!(nearest(5, 0xfffe), None);
    }
}
