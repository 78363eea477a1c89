//! The non-INVITE server transaction (RFC 3261 §17.2.2).

use crate::sip::timer::{Table, Timer};
use crate::time::Time;

/// One request other than INVITE and ACK that arrived.
#[derive(Debug)]
pub struct Server {
    reliable: bool,
    state: State,
}

#[derive(Debug)]
enum State {
    Trying,
    Completed { response: Vec<u8>, until: Time },
    Terminated,
}

impl Server {
    /// A request has arrived and is being worked on.
    pub const fn new(reliable: bool) -> Server {
        Server { reliable, state: State::Trying }
    }

    /// The final response that was just sent. Says whether it fits: there is only one.
    pub fn respond(&mut self, now: Time, table: &Table, response: &[u8]) -> bool {
        if !matches!(self.state, State::Trying) {
            return false;
        }
        self.state = if self.reliable {
            State::Terminated
        } else {
            State::Completed { response: response.to_vec(), until: now + table.linger(Timer::J, false) }
        };
        true
    }

    /// The request came again: what to send again, if anything.
    pub fn repeated(&self) -> Option<&[u8]> {
        match &self.state {
            State::Completed { response, .. } => Some(response),
            State::Trying | State::Terminated => None,
        }
    }

    /// Lets timer J fire when it is due.
    pub fn handle_timeout(&mut self, now: Time) {
        if self.deadline().is_some_and(|(until, _)| until <= now) {
            self.state = State::Terminated;
        }
    }

    /// When [`handle_timeout`](Self::handle_timeout) is to be called, and which timer that is.
    pub const fn deadline(&self) -> Option<(Time, Timer)> {
        match &self.state {
            State::Completed { until, .. } => Some((*until, Timer::J)),
            State::Trying | State::Terminated => None,
        }
    }

    /// Whether the transaction is over and its key free.
    pub const fn is_terminated(&self) -> bool {
        matches!(self.state, State::Terminated)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repeated_request_gets_the_same_response_until_timer_j() {
        let mut transaction = Server::new(false);
        assert_eq!((transaction.repeated(), transaction.deadline()), (None, None));
        assert!(transaction.respond(Time::from_millis(100), &Table::default(), b"200"));
        assert!(!transaction.respond(Time::from_millis(200), &Table::default(), b"500"));
        assert_eq!(transaction.repeated(), Some(&b"200"[..]));
        assert_eq!(transaction.deadline(), Some((Time::from_millis(32_100), Timer::J)));
        transaction.handle_timeout(Time::from_millis(32_099));
        assert!(!transaction.is_terminated());
        transaction.handle_timeout(Time::from_millis(32_100));
        assert!(transaction.is_terminated());
    }

    #[test]
    fn on_a_reliable_transport_the_response_ends_it() {
        let mut transaction = Server::new(true);
        assert!(transaction.respond(Time::ZERO, &Table::default(), b"200"));
        assert!(transaction.is_terminated());
    }
}
