//! The report of an INVITE that the endpoint refuses by itself, before it becomes a call.

use super::reply::Reply;
use crate::number::PhoneNumber;
use crate::sip::flow::Flow;
use crate::sip::message::{Headers, Method, Uri, reason_phrase};

/// The length limit of a name that the far end gave.
const LONGEST_NAME: usize = 100;

/// An INVITE outside of dialogs that was answered with 300 to 699, and no call came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// Where it came from.
    pub flow: Flow,
    /// Its Call-ID; empty where that cannot be read.
    pub call_id: String,
    /// How it was answered.
    pub status: u16,
    /// Why, in our words. From the far end come only option tags and the telephone number that was called.
    pub why: String,
}

impl Refused {
    /// The report of the answer to a request with these header fields; none, when another copy of it is served.
    pub(super) fn of(flow: Flow, method: &Method, headers: &Headers, reply: &Reply) -> Option<Refused> {
        let copy = reply.status == 482;
        (*method == Method::Invite && !copy).then(|| Refused {
            flow,
            call_id: headers.call_id().unwrap_or_default().to_owned(),
            status: reply.status,
            why: why(reply),
        })
    }
}

/// A stranger's request that was answered with 300 to 699, without a transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TurnedAway {
    /// Why, as far as it is counted.
    pub turned: Turned,
    /// It is an INVITE.
    pub is_call: bool,
    /// The rest.
    pub refused: Refused,
}

/// Why a stranger is turned away.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Turned {
    /// The request is malformed, not for us, or asks for what we do not have.
    Request,
    /// It was challenged for a line's password, or its nonce has to be replaced.
    Challenged,
    /// Its password is wrong.
    WrongPassword,
    /// There were too many wrong ones.
    LockedOut,
    /// No line has a password by which it could prove itself.
    Untrusted,
    /// There is no room.
    Busy,
    /// The store gave no answer.
    Unavailable,
}

impl TurnedAway {
    pub(super) fn of(flow: Flow, method: &Method, headers: &Headers, turned: Turned, reply: &Reply) -> TurnedAway {
        let is_call = *method == Method::Invite;
        let call_id = if is_call { headers.call_id().unwrap_or_default().to_owned() } else { String::new() };
        TurnedAway { turned, is_call, refused: Refused { flow, call_id, status: reply.status, why: why(reply) } }
    }
}

fn why(reply: &Reply) -> String {
    let named = |name: &str| -> String {
        let printable = |c: &char| c.is_ascii_graphic() || *c == ' ';
        reply.value(name).unwrap_or_default().chars().filter(printable).take(LONGEST_NAME).collect()
    };
    match reply.status {
        _ if reply.because.is_some() => reply.because.clone().unwrap_or_default(),
        406 => "its Accept has no application/sdp".to_owned(),
        415 => "its body is no application/sdp, or is encoded".to_owned(),
        416 => "its Request-URI is none of sip, sips and tel".to_owned(),
        420 => format!("it requires extensions that are not known: {}", named("Unsupported")),
        422 => format!("its session interval is below {} s", named("Min-SE")),
        480 => "it calls a sips URI, but has not come over TLS".to_owned(),
        483 => "it is not for the service's number, and Max-Forwards is 0".to_owned(),
        status => reply.reason.clone().unwrap_or_else(|| reason_phrase(status)),
    }
}

/// The callee of a request that is not for us. Only a telephone number is repeated: behind the service's own there may be keys
/// that were dialled with it.
pub(super) fn called_in_vain(uri: &Uri, service: &str) -> String {
    let called = uri.subscriber().and_then(|user| PhoneNumber::parse(&user).ok());
    let called = called.map_or_else(|| "something that is no telephone number".to_owned(), |number| number.to_string());
    format!("it calls {called}, and [sip] service_number is {service}")
}
