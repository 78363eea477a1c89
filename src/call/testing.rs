//! What tests of calls begin with.
#![allow(clippy::unwrap_used)]

use crate::sip::endpoint::{CallHandle, IdentityFacts, Incoming};
use crate::sip::flow::{Flow, Transport};
use crate::time::Time;

/// A call of the example contract's customer number, whose password its telephone has proved to know.
pub fn incoming(call: u64) -> Incoming {
    let (local, remote) = ("192.0.2.10:5060".parse().unwrap(), "192.0.2.77:5060".parse().unwrap());
    let identity = IdentityFacts {
        authenticated: Some("0600001111".parse().unwrap()),
        from: None,
        asserted: vec![],
        asserted_unreadable: false,
        preferred: vec![],
        privacy: vec![],
        remote,
    };
    Incoming {
        at: Time::ZERO,
        call: CallHandle(call),
        flow: Flow { transport: Transport::Udp, local, remote, connection: None },
        identity,
        called: "0664806430".to_owned(),
        offer: None,
        call_id: format!("call-{call}"),
        user_name: None,
    }
}
