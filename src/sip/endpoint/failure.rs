//! Lost connections and unreachable destinations (RFC 3261 §17.1.4, §17.2.4, §18.4).

use super::{EndCause, Endpoint};
use crate::sip::flow::Flow;
use crate::sip::message::Method;
use crate::time::Time;

impl Endpoint {
    /// A stream connection is closed. Requests of ours that waited on it have failed; responses that are still to be sent,
    /// and the next requests of its calls, ask the edge for another connection. Calls go on.
    pub fn handle_flow_closed(&mut self, now: Time, connection: u64) {
        self.layer.leave_connection(connection);
        for call in self.calls.values_mut().filter(|call| call.peer.flow.connection == Some(connection)) {
            call.peer.flow.connection = None;
        }
        for (id, purpose) in self.layer.abandon_clients(|flow| flow.connection == Some(connection)) {
            self.request_failed(now, id, purpose, EndCause::FlowFailed);
        }
    }

    /// A message could not be sent on `flow`, as output by [`Endpoint::poll_output`]: no connection could be opened, or
    /// the destination is unreachable. What depended on it ends.
    pub fn handle_unreachable(&mut self, now: Time, flow: Flow) {
        let hits = |other: Flow| (other.transport, other.remote) == (flow.transport, flow.remote);
        self.layer.fall_back(now, hits);
        for (id, purpose) in self.layer.abandon_clients(hits) {
            self.request_failed(now, id, purpose, EndCause::FlowFailed);
        }
        for (id, handle) in self.layer.abandon_servers(hits) {
            let Some(call) = self.calls.get_mut(&handle) else { continue };
            let unacknowledged = call.negotiation.unacknowledged().is_some_and(|answer| answer.server == id);
            let withdrawn = call.negotiations().find_map(|negotiation| negotiation.withdraw(id));
            let was_invited = withdrawn.is_some_and(|pending| pending.request.method == Method::Invite);
            // neither a refusal nor the answer can reach the caller
            if unacknowledged || was_invited && call.is_incoming() {
                call.end(EndCause::FlowFailed);
            }
            self.settle(now, handle);
        }
    }
}
