//! A registration of our own (RFC 3261 §10.2): how far it is.

use super::command::Registration;
use super::handle::ClientId;

/// What the endpoint remembers of its own registration.
#[derive(Default)]
pub(super) struct OwnRegistration {
    pub call_id: String,
    pub number: u32,
    pub client: Option<ClientId>,
    /// Credentials were sent with this one.
    pub answered: bool,
    pub wanted: Option<Registration>,
}
