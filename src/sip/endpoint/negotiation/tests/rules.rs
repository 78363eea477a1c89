//! The rules of offer and answer as the RFCs have them, read from the messages of a dialog.

use crate::sip::endpoint::negotiation::Refusal;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Invite,
    Reliable,
    Success,
    Failure,
    Ack,
    Prack,
    PrackOk,
    Update,
    UpdateOk,
    /// A failure of UPDATE or PRACK.
    Refused,
}

/// What is in which message: offer, answer (RFC 6337 §2.1, table 1).
const PATTERNS: [(Kind, Kind); 6] = [
    (Kind::Invite, Kind::Success),
    (Kind::Success, Kind::Ack),
    (Kind::Invite, Kind::Reliable),
    (Kind::Reliable, Kind::Prack),
    (Kind::Prack, Kind::PrackOk),
    (Kind::Update, Kind::UpdateOk),
];

/// What a description is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Offer,
    Answer,
    Nothing,
}

/// What one end has sent and taken, in order: whether it was sent, what, and whether it held a description.
pub(super) type History = Vec<(bool, Kind, bool)>;

/// What the history says.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct View {
    /// The offer without an answer: whether it is of this end, and what it is in.
    pub open: Option<(bool, Kind)>,
    pub invite: Option<InviteView>,
}

/// An INVITE without its ACK.
#[derive(Clone, Copy, Debug)]
pub(super) struct InviteView {
    pub sent: bool,
    /// There was an offer in it, or in a response to it.
    pub opened: bool,
    pub succeeded: bool,
    /// A reliable response waits for its PRACK, and whether it holds a description.
    pub unpracked: Option<bool>,
}

impl View {
    pub fn of(history: &History) -> View {
        let mut view = View::default();
        for &(sent, kind, describes) in history {
            let role = if describes { view.role(sent, kind) } else { Role::Nothing };
            match role {
                Role::Offer => view.open = Some((sent, kind)),
                Role::Answer => view.open = None,
                Role::Nothing => {}
            }
            match (kind, &mut view.invite) {
                (Kind::Invite, invite) => {
                    *invite = Some(InviteView { sent, opened: describes, succeeded: false, unpracked: None });
                }
                (Kind::Reliable, Some(invite)) => {
                    (invite.opened, invite.unpracked) = (invite.opened || describes, Some(describes));
                }
                (Kind::Success, Some(invite)) => (invite.opened, invite.succeeded) = (true, true),
                (Kind::Prack, Some(invite)) => invite.unpracked = None,
                (Kind::Ack | Kind::Failure, invite) => {
                    *invite = None;
                    // refused, or acknowledged without an answer: the session is as before (RFC 3261 §14.1)
                    let of_invite = |kind| matches!(kind, Kind::Invite | Kind::Reliable | Kind::Success);
                    view.open = view.open.filter(|(_, kind)| !of_invite(*kind));
                }
                (Kind::Refused, _) => view.open = None,
                _ => {}
            }
        }
        view
    }

    /// What a description in this message is.
    pub fn role(&self, sent: bool, kind: Kind) -> Role {
        let unopened = self.invite.is_some_and(|invite| !invite.opened);
        match (self.open, kind) {
            (Some((ours, offer)), _) if ours != sent && PATTERNS.contains(&(offer, kind)) => Role::Answer,
            (None, Kind::Invite | Kind::Prack | Kind::Update) => Role::Offer,
            (None, Kind::Reliable | Kind::Success) if unopened => Role::Offer,
            _ => Role::Nothing,
        }
    }

    /// RFC 3261 §14.1: no INVITE is under way in either direction, and no offer is unanswered.
    pub fn may_invite(&self) -> bool {
        self.invite.is_none() && self.open.is_none()
    }

    /// RFC 3311 §5.1: before the INVITE is through, the first exchange has to be.
    pub fn may_update(&self) -> bool {
        let exchanged = |invite: InviteView| invite.opened && (invite.sent || invite.unpracked != Some(true));
        self.open.is_none() && self.invite.is_none_or(|invite| invite.succeeded || exchanged(invite))
    }

    /// RFC 3261 §14.2, RFC 3311 §5.2, RFC 3262 §5.
    pub fn may_take(&self, kind: Kind) -> Result<(), Refusal> {
        if let (Kind::Invite, Some(invite)) = (kind, self.invite) {
            if invite.sent {
                return Err(Refusal::Glare);
            }
            if !invite.succeeded {
                return Err(Refusal::Busy);
            }
        }
        let unanswered = |invite: InviteView| !invite.opened || self.open == Some((false, Kind::Invite));
        let too_early = self.invite.is_some_and(|invite| !invite.sent && !invite.succeeded && unanswered(invite));
        match self.open {
            _ if kind == Kind::Prack && too_early => Err(Refusal::OutOfOrder),
            Some((true, _)) => Err(Refusal::Glare),
            Some((false, _)) => Err(Refusal::Busy),
            None if self.invite.is_some_and(|invite| !invite.opened) => Err(Refusal::Busy),
            None => Ok(()),
        }
    }
}
