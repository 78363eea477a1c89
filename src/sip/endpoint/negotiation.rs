//! Offer and answer in one dialog (RFC 3264, as RFC 3261 §13 and §14, RFC 3262 §5 and RFC 3311 §5 use it; RFC 6337 sums up).
//!
//! A dialog has at most one INVITE and at most one exchange of descriptions under way. Every question of the kind "may an
//! offer go, or come, now?" is answered here, from these two and nothing else.
//!
//! | the offer is in | the answer is in | section |
//! |---|---|---|
//! | INVITE | the first reliable 1xx that describes, else the 2xx | RFC 3261 §13.2.1, RFC 3262 §5 |
//! | reliable 1xx to an INVITE without an offer | its PRACK | RFC 3262 §5 |
//! | 2xx to an INVITE without an offer | its ACK | RFC 3261 §13.2.1 |
//! | PRACK | its 2xx | RFC 3262 §5 |
//! | UPDATE | its 2xx | RFC 3311 §5.1 |
//!
//! What may come and go:
//!
//! | exchange | our offer | their offer | section |
//! |---|---|---|---|
//! | `Settled` | yes | yes | RFC 3264 §4 |
//! | `Unopened`: the INVITE has no offer | in our response to it | in their response to it; else 500 | RFC 3261 §13.2.1 |
//! | `Ours`: unanswered | no | 491 | RFC 3261 §14.2, RFC 3311 §5.2 |
//! | `Theirs`: unanswered | no | 500 with Retry-After | RFC 3261 §14.2, RFC 3311 §5.2 |
//!
//! | INVITE | our INVITE | their INVITE | section |
//! |---|---|---|---|
//! | `None` | yes | yes | |
//! | `Ours`: not acknowledged by us | no | 491 | RFC 3261 §14.1, §14.2 |
//! | `Theirs`: unanswered | no | 500 with Retry-After | RFC 3261 §14.1, §14.2 |
//! | `Answered`: our 2xx has no ACK | no | yes: the ACK was lost, or is late | RFC 3261 §14.1, RFC 5407 §3.1.4 |
//!
//! A PRACK may offer once the INVITE's own offer is answered; before that its offer is out of order (400, RFC 3262 §5).
//! An UPDATE without an offer is refused (500) only while another UPDATE is unanswered (RFC 3311 §5.2).
//!
//! How it goes on:
//!
//! | what happens | exchange | INVITE |
//! |---|---|---|
//! | [`calling`](Negotiation::calling), [`re_invite`](Negotiation::re_invite) | `Ours`, or `Unopened` without an offer | `Ours` |
//! | [`called`](Negotiation::called), [`invited`](Negotiation::invited) | `Theirs`, or `Unopened` without an offer | `Theirs` |
//! | [`described`](Negotiation::described): our reliable 1xx | `Theirs` → `Settled`, `Unopened` → `Ours` | |
//! | [`pracked`](Negotiation::pracked): the answer in PRACK | `Ours` → `Settled` | |
//! | [`accepted`](Negotiation::accepted): our 2xx | `Theirs` → `Settled`, `Unopened` → `Ours` | `Theirs` → `Answered` |
//! | [`acknowledged`](Negotiation::acknowledged): their ACK | `Ours` → `Settled` | `Answered` → `None` |
//! | [`heard_reliable`](Negotiation::heard_reliable): their reliable 1xx | `Ours` → `Settled`, `Unopened` → `Theirs` | |
//! | [`take_prack`](Negotiation::take_prack): our answer in PRACK | `Theirs` → `Settled` | |
//! | [`heard_success`](Negotiation::heard_success): their 2xx | `Ours` → `Settled`, `Unopened` → `Theirs` | `Ours` → `None`, unless our ACK has to answer |
//! | [`take_ack`](Negotiation::take_ack): our answer in ACK | `Theirs` → `Settled` | `Ours` → `None` |
//! | [`offered`](Negotiation::offered): their UPDATE or PRACK | `Settled` → `Theirs` | |
//! | [`take_offered`](Negotiation::take_offered): our final response to it | `Theirs` → `Settled` | |
//! | [`withdraw`](Negotiation::withdraw), [`take_pending`](Negotiation::take_pending): their request is cancelled or refused | `Theirs`, `Unopened` → `Settled` | `Theirs` → `None` |
//! | [`roll_back`](Negotiation::roll_back): the INVITE has failed (RFC 3261 §14.1) | the INVITE's → `Settled` | → `None` |

use super::handle::{ClientId, ServerId};
use super::session_timer::Interval;
use crate::sip::message::{Method, RAck, Request};
use crate::sip::timer::{Backoff, Table};
use crate::time::Time;

/// The state of offer and answer in one dialog.
pub(super) struct Negotiation {
    exchange: Exchange,
    invite: Invite,
}

/// The exchange of descriptions.
enum Exchange {
    /// The INVITE under way has no offer: its responder makes one.
    Unopened,
    /// Each offer has its answer.
    Settled,
    /// Our offer waits for their answer.
    Ours(OurOffer),
    /// Their offer waits for our answer.
    Theirs(TheirOffer),
}

/// What our offer is in.
#[derive(Clone, Copy, PartialEq, Eq)]
enum OurOffer {
    Invite,
    Provisional,
    Success,
}

/// What their offer is in, with what our answer needs.
enum TheirOffer {
    Invite,
    /// UPDATE or PRACK.
    Request(Box<PendingRequest>),
    Provisional(RAck),
    Success(OwedAck),
}

/// The INVITE under way.
enum Invite {
    None,
    Ours,
    Theirs(Box<PendingRequest>),
    Answered(Unacknowledged),
}

/// A request of the far end that waits for our final response.
pub(super) struct PendingRequest {
    pub server: ServerId,
    pub request: Request,
    /// The session interval that a 200 agrees to.
    pub interval: Option<Interval>,
}

/// Our 2xx to an INVITE, repeated until its ACK comes (RFC 3261 §13.3.1.4).
pub(super) struct Unacknowledged {
    /// The CSeq number of the INVITE.
    pub number: u32,
    pub server: ServerId,
    pub bytes: Vec<u8>,
    pub again: Backoff,
    pub give_up: Time,
}

impl Unacknowledged {
    /// A 2xx that was just sent.
    pub(super) fn new(now: Time, timers: &Table, number: u32, server: ServerId, bytes: Vec<u8>) -> Unacknowledged {
        let again = Backoff::new(now, timers.t1, timers.t2);
        Unacknowledged { number, server, bytes, again, give_up: now + timers.give_up() }
    }
}

/// The ACK that a 2xx to our INVITE is owed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct OwedAck {
    pub client: ClientId,
    /// The CSeq number of the INVITE.
    pub number: u32,
}

/// A request that may bring an offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Carrier {
    /// INVITE, with an offer or to ask for one.
    Invite,
    Update,
    Prack,
}

/// Why an offer, or an INVITE, cannot be taken now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// It meets one of ours: 491.
    Glare,
    /// One of theirs is unanswered: 500 with Retry-After.
    Busy,
    /// It comes before the first exchange: 400.
    OutOfOrder,
}

/// What the description in a response to our INVITE is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Heard {
    Offer,
    Answer,
    /// There is none, or it repeats what is settled.
    Nothing,
}

impl Negotiation {
    /// Of the dialog that our INVITE may lead to.
    pub(super) const fn calling(offers: bool) -> Negotiation {
        Negotiation { exchange: Exchange::of_our_invite(offers), invite: Invite::Ours }
    }

    /// Of the dialog that their INVITE may lead to.
    pub(super) fn called(request: PendingRequest, offers: bool) -> Negotiation {
        let mut negotiation = Negotiation { exchange: Exchange::Settled, invite: Invite::None };
        negotiation.invited(request, offers);
        negotiation
    }

    /// Whether we may send an INVITE, with an offer or without.
    pub(super) const fn may_offer(&self) -> bool {
        matches!((&self.exchange, &self.invite), (Exchange::Settled, Invite::None))
    }

    /// Whether an INVITE, or an offer in another request, may be taken.
    pub(super) const fn may_accept(&self, carrier: Carrier) -> Result<(), Refusal> {
        use Exchange::{Ours, Settled, Theirs, Unopened};
        match (carrier, &self.invite, &self.exchange) {
            (Carrier::Invite, Invite::Ours, _) => Err(Refusal::Glare),
            (Carrier::Invite, Invite::Theirs(_), _) => Err(Refusal::Busy),
            (Carrier::Prack, Invite::Theirs(_), Unopened | Theirs(TheirOffer::Invite)) => Err(Refusal::OutOfOrder),
            (Carrier::Invite | Carrier::Update | Carrier::Prack, _, Settled) => Ok(()),
            (Carrier::Invite | Carrier::Update | Carrier::Prack, _, Ours(_)) => Err(Refusal::Glare),
            (Carrier::Invite | Carrier::Update | Carrier::Prack, _, Unopened | Theirs(_)) => Err(Refusal::Busy),
        }
    }

    /// Whether the offer of an UPDATE or PRACK of theirs is unanswered.
    pub(super) const fn is_offered(&self) -> bool {
        matches!(self.exchange, Exchange::Theirs(TheirOffer::Request(_)))
    }

    /// Whether an UPDATE of theirs is unanswered: the next one has to wait, even without an offer (RFC 3311 §5.2).
    pub(super) fn is_updating(&self) -> bool {
        match &self.exchange {
            Exchange::Theirs(TheirOffer::Request(pending)) => pending.request.method == Method::Update,
            Exchange::Unopened | Exchange::Settled | Exchange::Ours(_) | Exchange::Theirs(_) => false,
        }
    }
}

/// Their requests.
impl Negotiation {
    /// Takes an INVITE of theirs. An earlier one whose 2xx has no ACK is over.
    pub(super) fn invited(&mut self, request: PendingRequest, offers: bool) {
        self.exchange = if offers { Exchange::Theirs(TheirOffer::Invite) } else { Exchange::Unopened };
        self.invite = Invite::Theirs(Box::new(request));
    }

    /// Takes the offer in an UPDATE or PRACK of theirs.
    pub(super) fn offered(&mut self, request: PendingRequest) {
        self.exchange = Exchange::Theirs(TheirOffer::Request(Box::new(request)));
    }

    /// The UPDATE or PRACK whose offer is answered or refused now.
    pub(super) fn take_offered(&mut self) -> Option<PendingRequest> {
        match std::mem::replace(&mut self.exchange, Exchange::Settled) {
            Exchange::Theirs(TheirOffer::Request(request)) => Some(*request),
            other @ (Exchange::Unopened | Exchange::Settled | Exchange::Ours(_) | Exchange::Theirs(_)) => {
                self.exchange = other;
                None
            }
        }
    }

    /// Their INVITE that is unanswered.
    pub(super) fn invite(&self) -> Option<&PendingRequest> {
        match &self.invite {
            Invite::Theirs(request) => Some(request),
            Invite::None | Invite::Ours | Invite::Answered(_) => None,
        }
    }

    /// The same, to be answered now: [`accepted`](Self::accepted) or [`roll_back`](Self::roll_back) follows.
    pub(super) fn take_invite(&mut self) -> Option<PendingRequest> {
        match std::mem::replace(&mut self.invite, Invite::None) {
            Invite::Theirs(request) => Some(*request),
            other @ (Invite::None | Invite::Ours | Invite::Answered(_)) => {
                self.invite = other;
                None
            }
        }
    }

    /// Whatever request of theirs waits, to be refused now.
    pub(super) fn take_pending(&mut self) -> Option<PendingRequest> {
        if let Some(offered) = self.take_offered() {
            return Some(offered);
        }
        let invite = self.take_invite()?;
        self.roll_back();
        Some(invite)
    }

    /// The same, if it is in this transaction.
    pub(super) fn withdraw(&mut self, server: ServerId) -> Option<PendingRequest> {
        let is_offered = match &self.exchange {
            Exchange::Theirs(TheirOffer::Request(request)) => request.server == server,
            Exchange::Unopened | Exchange::Settled | Exchange::Ours(_) | Exchange::Theirs(_) => false,
        };
        if is_offered {
            return self.take_offered();
        }
        self.invite().filter(|invite| invite.server == server)?;
        let invite = self.take_invite();
        self.roll_back();
        invite
    }
}

/// Our responses to their INVITE.
impl Negotiation {
    /// Whether neither side has described anything yet.
    pub(super) const fn is_unopened(&self) -> bool {
        matches!(self.exchange, Exchange::Unopened)
    }

    /// Whether a 2xx has to describe the session: as the answer, or as our offer. What reliable provisional responses have
    /// settled is not opened again (RFC 6337 §3.1.1).
    pub(super) const fn needs_description(&self) -> bool {
        matches!(self.exchange, Exchange::Unopened | Exchange::Theirs(TheirOffer::Invite))
    }

    /// A reliable provisional response with our description was sent.
    pub(super) fn described(&mut self) {
        self.describe(OurOffer::Provisional);
    }

    /// Whether our offer in a reliable provisional response waits for the answer in its PRACK.
    pub(super) fn needs_answer_in_prack(&self) -> bool {
        matches!(self.exchange, Exchange::Ours(OurOffer::Provisional))
    }

    /// That answer is here.
    pub(super) fn pracked(&mut self) {
        if self.needs_answer_in_prack() {
            self.exchange = Exchange::Settled;
        }
    }

    /// A 2xx was sent.
    pub(super) fn accepted(&mut self, unacknowledged: Unacknowledged) {
        self.describe(OurOffer::Success);
        self.invite = Invite::Answered(unacknowledged);
    }

    fn describe(&mut self, carrier: OurOffer) {
        match self.exchange {
            Exchange::Unopened => self.exchange = Exchange::Ours(carrier),
            Exchange::Theirs(TheirOffer::Invite) => self.exchange = Exchange::Settled,
            Exchange::Settled | Exchange::Ours(_) | Exchange::Theirs(_) => {}
        }
    }

    /// Our 2xx that has no ACK.
    pub(super) const fn unacknowledged(&self) -> Option<&Unacknowledged> {
        match &self.invite {
            Invite::Answered(answer) => Some(answer),
            Invite::None | Invite::Ours | Invite::Theirs(_) => None,
        }
    }

    /// The same, to be repeated.
    pub(super) const fn unacknowledged_mut(&mut self) -> Option<&mut Unacknowledged> {
        match &mut self.invite {
            Invite::Answered(answer) => Some(answer),
            Invite::None | Invite::Ours | Invite::Theirs(_) => None,
        }
    }

    /// The ACK for the INVITE with this number is here. False when no 2xx of ours waits for it.
    pub(super) fn acknowledged(&mut self, number: u32) -> bool {
        self.unacknowledged().is_some_and(|answer| answer.number == number) && self.take_unacknowledged()
    }

    /// The 2xx of ours, if there is one, has arrived: the ACK is here, or another INVITE shows that it was sent.
    pub(super) fn take_unacknowledged(&mut self) -> bool {
        if self.unacknowledged().is_none() {
            return false;
        }
        self.invite = Invite::None;
        if matches!(self.exchange, Exchange::Ours(OurOffer::Success)) {
            self.exchange = Exchange::Settled;
        }
        true
    }
}

/// Our INVITE, and their responses to it.
impl Negotiation {
    /// We send an INVITE in the dialog, with an offer or to ask for one.
    pub(super) fn re_invite(&mut self, offers: bool) {
        *self = Negotiation::calling(offers);
    }

    /// A reliable provisional response came. As long as an offer in it is unanswered, so is its PRACK.
    pub(super) fn heard_reliable(&mut self, rack: &RAck, describes: bool) -> Heard {
        match self.exchange {
            Exchange::Unopened if describes => {
                self.exchange = Exchange::Theirs(TheirOffer::Provisional(rack.clone()));
                Heard::Offer
            }
            Exchange::Ours(OurOffer::Invite) if describes => {
                self.exchange = Exchange::Settled;
                Heard::Answer
            }
            Exchange::Unopened | Exchange::Settled | Exchange::Ours(_) | Exchange::Theirs(_) => Heard::Nothing,
        }
    }

    /// Whether a PRACK of ours waits for our answer.
    pub(super) const fn owes_prack(&self) -> bool {
        matches!(self.exchange, Exchange::Theirs(TheirOffer::Provisional(_)))
    }

    /// The response that our answer acknowledges now.
    pub(super) fn take_prack(&mut self) -> Option<RAck> {
        match std::mem::replace(&mut self.exchange, Exchange::Settled) {
            Exchange::Theirs(TheirOffer::Provisional(rack)) => Some(rack),
            other @ (Exchange::Unopened | Exchange::Settled | Exchange::Ours(_) | Exchange::Theirs(_)) => {
                self.exchange = other;
                None
            }
        }
    }

    /// A 2xx came. Unless it is an offer, whose answer the ACK has to hold, ACK is sent at once.
    pub(super) fn heard_success(&mut self, owed: OwedAck) -> Heard {
        match self.exchange {
            Exchange::Unopened | Exchange::Theirs(TheirOffer::Provisional(_)) => {
                self.exchange = Exchange::Theirs(TheirOffer::Success(owed));
                return Heard::Offer;
            }
            Exchange::Ours(OurOffer::Invite) => {
                self.exchange = Exchange::Settled;
                self.invite = Invite::None;
                return Heard::Answer;
            }
            Exchange::Settled | Exchange::Ours(_) | Exchange::Theirs(_) => {}
        }
        self.invite = Invite::None;
        Heard::Nothing
    }

    /// The ACK that waits for our answer.
    pub(super) const fn owed_ack(&self) -> Option<OwedAck> {
        match &self.exchange {
            Exchange::Theirs(TheirOffer::Success(owed)) => Some(*owed),
            Exchange::Unopened | Exchange::Settled | Exchange::Ours(_) | Exchange::Theirs(_) => None,
        }
    }

    /// The same, to be sent now.
    pub(super) fn take_ack(&mut self) -> Option<OwedAck> {
        let owed = self.owed_ack()?;
        self.exchange = Exchange::Settled;
        self.invite = Invite::None;
        Some(owed)
    }

    /// The INVITE, ours or theirs, has failed: what it had begun is undone, and the session stays as it was (RFC 3261 §14.1).
    pub(super) fn roll_back(&mut self) {
        self.invite = Invite::None;
        if !self.is_offered() {
            self.exchange = Exchange::Settled;
        }
    }
}

impl Exchange {
    const fn of_our_invite(offers: bool) -> Exchange {
        if offers { Exchange::Ours(OurOffer::Invite) } else { Exchange::Unopened }
    }
}

#[cfg(test)]
mod tests;
