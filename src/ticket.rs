//! A request that may be withdrawn until it is being carried out (leaf): whoever asked learns for certain which of the two it is.
//!
//! | state | left by | for |
//! |---|---|---|
//! | waiting | [`Ticket::withdraw`], by who asked | withdrawn: nobody will carry it out |
//! | waiting | [`Ticket::claim`], by who carries it out, before the first thing that cannot be undone | under way: only its outcome ends it |
//!
//! One of them wins, whichever threads they are on. A deadline alone could not decide it: at the moment it passes, who asked cannot know
//! whether a commit has just begun.

use std::fmt;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Weak};

const WAITING: u8 = 0;
const UNDER_WAY: u8 = 1;
const WITHDRAWN: u8 = 2;

/// One request, held by who asked and by who carries it out.
#[derive(Clone)]
pub struct Ticket(Arc<AtomicU8>);

/// Tells whether anybody still holds a ticket.
#[derive(Clone, Debug)]
pub struct Stub(Weak<AtomicU8>);

impl Ticket {
    /// A request that waits.
    pub fn new() -> Ticket {
        Ticket(Arc::new(AtomicU8::new(WAITING)))
    }

    /// Takes the request back. `false`: it is being carried out, or was.
    pub fn withdraw(&self) -> bool {
        self.becomes(WITHDRAWN)
    }

    /// Begins to carry it out, or goes on with that. `false`: it was withdrawn.
    pub fn claim(&self) -> bool {
        self.becomes(UNDER_WAY)
    }

    /// Whether it was withdrawn: what prepares for carrying it out can be left undone.
    pub fn is_withdrawn(&self) -> bool {
        self.0.load(Ordering::Acquire) == WITHDRAWN
    }

    /// Something to know by whether the request is still held.
    pub fn stub(&self) -> Stub {
        Stub(Arc::downgrade(&self.0))
    }

    fn becomes(&self, wanted: u8) -> bool {
        match self.0.compare_exchange(WAITING, wanted, Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => true,
            Err(found) => found == wanted,
        }
    }
}

impl Stub {
    /// Whether somebody holds the ticket, and has not withdrawn it.
    pub fn is_held(&self) -> bool {
        self.0.upgrade().is_some_and(|state| state.load(Ordering::Acquire) != WITHDRAWN)
    }
}

impl Default for Ticket {
    fn default() -> Ticket {
        Ticket::new()
    }
}

/// The same request, and not one that is like it.
impl PartialEq for Ticket {
    fn eq(&self, other: &Ticket) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Ticket {}

impl fmt::Debug for Ticket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0.load(Ordering::Acquire) {
            WAITING => "waiting",
            UNDER_WAY => "under way",
            _ => "withdrawn",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_withdrawn_is_never_begun_and_what_was_begun_never_withdrawn() {
        let ticket = Ticket::new();
        assert!(ticket.withdraw() && ticket.is_withdrawn() && !ticket.claim());
        // said twice, it is still so
        assert!(ticket.withdraw());
        let ticket = Ticket::new();
        assert!(ticket.claim() && !ticket.withdraw() && !ticket.is_withdrawn());
        // a transaction that runs again goes on with what it began
        assert!(ticket.claim());
    }

    #[test]
    fn of_two_threads_one_wins() {
        for _ in 0..1000 {
            let ticket = Ticket::new();
            let other = ticket.clone();
            let withdrawn = std::thread::spawn(move || other.withdraw());
            let claimed = ticket.claim();
            assert_ne!(withdrawn.join().ok(), Some(claimed));
        }
    }

    #[test]
    fn a_stub_knows_whether_the_request_is_held() {
        let ticket = Ticket::new();
        let stub = ticket.stub();
        let held_by_another = ticket.clone();
        drop(ticket);
        assert!(stub.is_held());
        assert!(held_by_another.claim() && stub.is_held());
        drop(held_by_another);
        assert!(!stub.is_held());
        let withdrawn = Ticket::new();
        assert!(withdrawn.withdraw() && !withdrawn.stub().is_held());
    }
}
