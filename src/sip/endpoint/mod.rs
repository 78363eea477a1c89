//! The endpoint: a user agent server, and a small user agent client, over transactions and dialogs (RFC 3261 §8, §13–§15).
//!
//! Messages go in with [`Endpoint::handle_message`], time with [`Endpoint::handle_timeout`], the application's wishes with
//! the commands; what is to be done comes out of [`Endpoint::poll_output`].
//!
//! Architecture invariant: no table grows without a bound, and all randomness comes from the seed.

mod command;
mod config;
mod event;
mod flow;

pub use command::{CommandError, Outgoing, Rejection};
pub use config::{Admission, Config};
pub use event::{CallHandle, EndCause, Event, IdentityFacts, Incoming, Output, Transmit};
pub use flow::{Flow, Transport};

use crate::time::Time;

/// One SIP user agent with any number of calls, over any number of transports.
pub struct Endpoint {}

#[allow(unused_variables)]
impl Endpoint {
    /// An endpoint without calls. Tags, branches and Call-IDs follow from `seed`, which should be unguessable in service.
    pub fn new(config: Config, seed: u64) -> Endpoint {
        Endpoint {}
    }

    /// One datagram, or one framed message of a stream, has come.
    pub fn handle_message(&mut self, now: Time, flow: Flow, bytes: &[u8]) {}

    /// Does what is due; to be called at the time of the last [`Output::Timeout`], or later.
    pub fn handle_timeout(&mut self, now: Time) {}

    /// A stream connection is closed. Calls go on: the next message opens another connection.
    pub fn handle_flow_closed(&mut self, now: Time, connection: u64) {}

    /// A message could not be sent on `flow`, as output by [`Endpoint::poll_output`]: no connection could be opened, or
    /// the destination is unreachable. What depended on it ends.
    pub fn handle_unreachable(&mut self, now: Time, flow: Flow) {}

    /// What is to be done next; to be drained until it is [`Output::Timeout`].
    pub fn poll_output(&mut self) -> Output {
        Output::Timeout(Time::MAX)
    }

    /// Lets new calls in, or not.
    pub fn set_admission(&mut self, admission: Admission) {}

    /// Calls that have not ended.
    pub fn calls(&self) -> usize {
        0
    }

    /// Tells the caller that the call rings (180). Not needed before `answer`.
    pub fn ring(&mut self, now: Time, call: CallHandle) -> Result<(), CommandError> {
        Err(CommandError::NoSuchCall)
    }

    /// Answers an incoming call with 200 and `sdp` (the answer, or the offer when the INVITE had none). For a call that we
    /// placed or changed without an offer: sends the ACK with our answer.
    pub fn answer(&mut self, now: Time, call: CallHandle, sdp: String) -> Result<(), CommandError> {
        Err(CommandError::NoSuchCall)
    }

    /// Refuses an incoming call that was not answered. `Ended` with `Rejected` follows.
    pub fn reject(&mut self, now: Time, call: CallHandle, rejection: Rejection) -> Result<(), CommandError> {
        Err(CommandError::NoSuchCall)
    }

    /// Responds to [`Event::Offer`]: with our session description, or with a status such as 488 that leaves the session
    /// as it was.
    pub fn respond_offer(
        &mut self,
        now: Time,
        call: CallHandle,
        response: Result<String, u16>,
    ) -> Result<(), CommandError> {
        Err(CommandError::NoSuchCall)
    }

    /// Ends a call, whatever its state: BYE, CANCEL for one that we placed and nobody answered, 480 for one that came in
    /// and was not answered. BYE waits for the ACK of our 200 (RFC 3261 §15). `reason` goes into Reason (RFC 3326) as
    /// Q.850 cause and text. `Ended` follows when the far end has answered.
    pub fn hang_up(&mut self, now: Time, call: CallHandle, reason: Option<(u16, &str)>) -> Result<(), CommandError> {
        Err(CommandError::NoSuchCall)
    }

    /// Places a call.
    pub fn place(&mut self, now: Time, outgoing: Outgoing) -> Result<CallHandle, CommandError> {
        Err(CommandError::Full)
    }

    /// Changes the session of a running call (re-INVITE): with an offer, or asking the far end for one.
    /// [`Event::OfferAnswered`] follows.
    pub fn offer(&mut self, now: Time, call: CallHandle, sdp: Option<String>) -> Result<(), CommandError> {
        Err(CommandError::NoSuchCall)
    }

    /// Sends an INFO. [`Event::InfoAnswered`] follows.
    pub fn send_info(
        &mut self,
        now: Time,
        call: CallHandle,
        content_type: &str,
        body: Vec<u8>,
    ) -> Result<(), CommandError> {
        Err(CommandError::NoSuchCall)
    }
}
