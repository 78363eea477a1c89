//! What the application tells an endpoint to do.

use std::time::Duration;

use crate::sip::flow::Flow;
use crate::sip::message::{NameAddr, Uri};

/// How a call is refused.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rejection {
    /// 300 to 699; anything else becomes 500.
    pub status: u16,
    /// The reason phrase; the usual one when `None`.
    pub reason: Option<String>,
    /// Retry-After.
    pub retry_after: Option<Duration>,
    /// Reason (RFC 3326), such as `Q.850;cause=21;text="call rejected"`.
    pub reason_header: Option<String>,
    /// Warning (RFC 3261 §20.43): its code, such as 305, and what is wrong.
    pub warning: Option<(u16, String)>,
}

impl Rejection {
    /// A refusal with `status` and nothing else to say.
    pub fn new(status: u16) -> Rejection {
        Rejection { status, ..Rejection::default() }
    }
}

/// A call to place.
#[derive(Clone)]
pub struct Outgoing {
    /// The way: `remote` is where the INVITE is sent (the core resolves no names), `local` is written into Via and Contact.
    pub flow: Flow,
    /// Who is called: the Request-URI, and To.
    pub to: Uri,
    /// Who calls. The tag is added.
    pub from: NameAddr,
    /// P-Asserted-Identity, if we are to play a trusted network.
    pub asserted: Option<NameAddr>,
    /// The session description; `None` to let the far end offer.
    pub offer: Option<String>,
    /// Further header fields, names and values.
    pub headers: Vec<(String, String)>,
}

/// Why a command was not carried out. The races between the application and the far end end here; nothing was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CommandError {
    /// The call is over, or was never there.
    #[error("there is no such call")]
    NoSuchCall,
    /// The call is not in the state for that: it was answered already, is not answered yet, or is about to end.
    #[error("the call is in no state for that")]
    WrongState,
    /// A table is full.
    #[error("too many calls or transactions")]
    Full,
}
