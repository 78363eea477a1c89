//! How a message finds its transaction (RFC 3261 §17.1.3, §17.2.3), and how a merged request is recognised (§8.2.2.2).

use crate::sip::message::{FieldError, Method, Request, Response, Via};

/// The key of a server transaction.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ServerKey {
    /// The branch is unique, as RFC 3261 requires.
    Branch {
        /// The topmost Via's branch.
        branch: String,
        /// The topmost Via's host, in lower case, and port.
        sent_by: (String, Option<u16>),
        /// The method; that of an ACK is INVITE.
        method: Method,
    },
    /// The sender follows RFC 2543: everything that stays the same in retransmissions, in its ACK and in its CANCEL.
    Rfc2543 {
        /// The Request-URI.
        uri: String,
        /// The From tag, which was optional.
        from_tag: Option<String>,
        /// The Call-ID.
        call_id: String,
        /// The sequence number.
        cseq: u32,
        /// The topmost Via.
        via: String,
        /// The method; that of an ACK is INVITE.
        method: Method,
    },
}

impl ServerKey {
    /// The key of the transaction that `request`, with this topmost Via as it came, belongs to.
    pub fn of(request: &Request, via: &Via) -> Result<ServerKey, FieldError> {
        let method = if request.method == Method::Ack { Method::Invite } else { request.method.clone() };
        if let Some(branch) = via.unique_branch() {
            let sent_by = (via.host.to_ascii_lowercase(), via.port);
            return Ok(ServerKey::Branch { branch: branch.to_owned(), sent_by, method });
        }
        Ok(ServerKey::Rfc2543 {
            uri: request.uri.to_string(),
            from_tag: request.headers.from()?.tag().map(str::to_owned),
            call_id: request.headers.call_id()?.to_owned(),
            cseq: request.headers.cseq()?.number,
            via: via.to_string(),
            method,
        })
    }

    /// The key of the INVITE that a CANCEL with this key is meant for (§9.2).
    pub fn cancelled(&self) -> ServerKey {
        let mut key = self.clone();
        match &mut key {
            ServerKey::Branch { method, .. } | ServerKey::Rfc2543 { method, .. } => *method = Method::Invite,
        }
        key
    }
}

/// The key of a client transaction: our branch and the method.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ClientKey {
    /// The topmost Via's branch.
    pub branch: String,
    /// The method in CSeq: a CANCEL shares its INVITE's branch.
    pub method: Method,
}

impl ClientKey {
    /// The key of the transaction that `response` belongs to.
    pub fn of(response: &Response) -> Result<ClientKey, FieldError> {
        let via = response.headers.top_via()?;
        let branch = via.branch().ok_or(FieldError::Malformed("Via"))?.to_owned();
        Ok(ClientKey { branch, method: response.headers.cseq()?.method })
    }
}

/// The fields that copies of one request share when they came along several paths.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct MergeKey {
    from_tag: String,
    call_id: String,
    cseq: u32,
    method: Method,
}

impl MergeKey {
    /// The key of a request outside a dialog; none without a From tag.
    pub fn of(request: &Request) -> Option<MergeKey> {
        let cseq = request.headers.cseq().ok()?;
        Some(MergeKey {
            from_tag: request.headers.from().ok()?.tag()?.to_owned(),
            call_id: request.headers.call_id().ok()?.to_owned(),
            cseq: cseq.number,
            method: cseq.method,
        })
    }
}
