//! Where a request has come from, and who has sent it.

use crate::number::PhoneNumber;
use crate::sip::flow::Flow;

/// The origin of a request.
#[derive(Clone, Copy)]
pub(super) struct Origin {
    pub flow: Flow,
    /// The line whose password its sender has proved to know.
    pub proved: Option<PhoneNumber>,
}
