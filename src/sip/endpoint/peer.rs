//! The far end of a call: the way to it, our address as it knows it, and what it can do.

use super::session_timer::knows_timers;
use crate::sip::dialog::Dialog;
use crate::sip::flow::Flow;
use crate::sip::message::Headers;

/// The far end of a call.
pub(super) struct Peer {
    /// The way to it: that of its last message.
    pub flow: Flow,
    /// Requests go where the last message came from, not to the Contact, which is an address behind a NAT.
    pub behind_nat: bool,
    /// The call was asked for with a `sips:` URI, so our Contact is one too.
    pub is_secure: bool,
    /// The user part of our Contact.
    pub user: Option<String>,
    pub takes_update: bool,
    pub knows_timers: bool,
}

impl Peer {
    /// One of which only the way is known.
    pub(super) const fn new(flow: Flow) -> Peer {
        Peer { flow, behind_nat: false, is_secure: false, user: None, takes_update: false, knows_timers: false }
    }

    /// Where the next request in this dialog goes.
    pub(super) fn way(&self, dialog: &Dialog) -> Flow {
        let is_open = !self.flow.transport.is_reliable() || self.flow.connection.is_some();
        if self.behind_nat && is_open { self.flow } else { self.flow.towards(dialog.next_hop()) }
    }

    /// Our Contact.
    pub(super) fn contact(&self) -> String {
        self.flow.contact(self.user.as_deref(), self.is_secure).to_string()
    }

    /// Takes note of what these header fields say that it can do.
    pub(super) fn learn(&mut self, headers: &Headers) {
        if headers.contains("Allow") {
            self.takes_update = headers.list("Allow").iter().any(|method| method == "UPDATE");
        }
        if headers.contains("Supported") || headers.contains("Require") {
            self.knows_timers = knows_timers(headers);
        }
    }
}
