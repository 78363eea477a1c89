//! Offer and answer against the rules of the RFCs, which are read anew from the messages that went to and fro.
//!
//! A dialog has a near end, which is a [`Negotiation`], and a far end, which keeps to the RFCs by itself and does more than
//! ours: it offers in UPDATE and PRACK too. Their messages cross.
#![allow(clippy::unwrap_used, clippy::wildcard_enum_match_arm)]

mod rules;

use std::collections::{BTreeMap, VecDeque};

use proptest::prelude::*;
use rules::{History, Kind, Role, View};

use super::*;
use crate::sip::message::{CSeq, Method};

#[derive(Clone, Copy, Debug)]
struct Message {
    kind: Kind,
    /// The INVITE that it is or belongs to.
    invite: u32,
    /// The description, with the number of the offer that it is or answers.
    description: Option<(Role, u32)>,
}

/// What becomes of an offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Sent,
    Taken,
    Answered,
    RolledBack,
}

const NEAR: usize = 0;
const FAR: usize = 1;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// An end sends this, with a description or without.
    Send(usize, Kind, bool),
    /// What is under way to an end arrives.
    Arrive(usize),
    /// An ACK without an answer is lost, and sent again later.
    LoseAck,
}

#[derive(Default)]
struct End {
    history: History,
    /// What is under way to it.
    incoming: VecDeque<Message>,
    /// The number of the last INVITE.
    invite: u32,
    /// The number of the unanswered offer, sent or taken.
    open: Option<u32>,
    /// A reliable response has come that has no PRACK.
    owes_prack: bool,
}

impl End {
    fn view(&self) -> View {
        View::of(&self.history)
    }
}

struct World {
    near: Negotiation,
    ends: [End; 2],
    lost: Vec<Message>,
    fates: BTreeMap<u32, Fate>,
    last: u32,
}

impl World {
    fn new() -> World {
        World {
            near: Negotiation { exchange: Exchange::Settled, invite: Invite::None },
            ends: [End::default(), End::default()],
            lost: Vec::new(),
            fates: BTreeMap::new(),
            last: 0,
        }
    }

    /// What may happen next; unless `freely`, only what has to: nothing new is begun.
    fn steps(&self, freely: bool) -> Vec<Step> {
        let mut steps: Vec<Step> =
            [NEAR, FAR].into_iter().filter(|end| !self.ends[*end].incoming.is_empty()).map(Step::Arrive).collect();
        let plain_ack = |message: &Message| message.kind == Kind::Ack && message.description.is_none();
        if freely && self.ends[NEAR].incoming.front().is_some_and(plain_ack) {
            steps.push(Step::LoseAck);
        }
        for end in [NEAR, FAR] {
            let mut add = |kind, describes| steps.push(Step::Send(end, kind, describes));
            self.answers(end, freely, &mut add);
            if freely {
                self.beginnings(end, &mut add);
            }
        }
        steps
    }

    fn beginnings(&self, end: usize, add: &mut impl FnMut(Kind, bool)) {
        let view = self.ends[end].view();
        let may_invite = if end == NEAR { self.near.may_offer() } else { view.may_invite() };
        if may_invite {
            add(Kind::Invite, true);
            add(Kind::Invite, false);
        }
        if end == FAR && view.may_update() {
            add(Kind::Update, true);
        }
    }

    /// What waits for this end.
    fn answers(&self, end: usize, freely: bool, add: &mut impl FnMut(Kind, bool)) {
        let view = self.ends[end].view();
        if let Some(invite) = view.invite.filter(|invite| !invite.sent && !invite.succeeded) {
            if freely {
                add(Kind::Failure, false);
            }
            if freely && invite.unpracked.is_none() {
                add(Kind::Reliable, true);
                // the first one has to offer where the INVITE did not (RFC 3262 §5)
                if invite.opened {
                    add(Kind::Reliable, false);
                }
            }
            // a description in a reliable response has to be acknowledged first (RFC 3262 §3)
            if invite.unpracked != Some(true) {
                add(Kind::Success, view.role(true, Kind::Success) != Role::Nothing);
            }
        }
        match view.open {
            Some((false, Kind::Success)) => add(Kind::Ack, true),
            Some((false, Kind::Reliable)) => add(Kind::Prack, true),
            Some((false, Kind::Update)) => add(Kind::UpdateOk, true),
            Some((false, Kind::Prack)) => add(Kind::PrackOk, true),
            _ => {}
        }
        if matches!(view.open, Some((false, Kind::Update | Kind::Prack))) {
            add(Kind::Refused, false);
        }
        if self.ends[end].owes_prack {
            add(Kind::Prack, false);
            if freely && end == FAR && view.may_update() {
                add(Kind::Prack, true);
            }
        }
    }

    fn take(&mut self, step: Step) {
        match step {
            Step::Send(end, kind, describes) => self.send(end, kind, describes),
            Step::Arrive(end) => {
                let message = self.ends[end].incoming.pop_front().unwrap();
                self.arrive(end, message);
            }
            Step::LoseAck => self.lost.extend(self.ends[NEAR].incoming.pop_front()),
        }
        self.check();
    }

    fn send(&mut self, end: usize, kind: Kind, describes: bool) {
        let role = if describes { self.ends[end].view().role(true, kind) } else { Role::Nothing };
        if kind == Kind::Invite {
            self.last += 1;
            self.ends[end].invite = self.last;
        }
        if end == NEAR {
            self.near_sends(kind, describes);
        }
        if matches!(kind, Kind::Failure | Kind::Refused) {
            self.roll_back(end, kind);
        }
        let number = match role {
            Role::Offer => {
                self.last += 1;
                self.fates.insert(self.last, Fate::Sent);
                self.ends[end].open = Some(self.last);
                self.last
            }
            Role::Answer => {
                let open = self.ends[end].open.take().expect("an answer to nothing");
                if self.fates[&open] != Fate::RolledBack {
                    assert_eq!(self.fates.insert(open, Fate::Answered), Some(Fate::Taken));
                }
                open
            }
            Role::Nothing => 0,
        };
        let description = describes.then_some((role, number));
        let from = &mut self.ends[end];
        from.owes_prack &= !matches!(kind, Kind::Prack | Kind::Ack);
        from.history.push((true, kind, describes));
        let invite = from.invite;
        self.ends[1 - end].incoming.push_back(Message { kind, invite, description });
    }

    /// The same in the negotiation.
    fn near_sends(&mut self, kind: Kind, describes: bool) {
        match kind {
            Kind::Invite => self.near.re_invite(describes),
            Kind::Reliable if describes => self.near.described(),
            Kind::Success => {
                assert_eq!(describes, self.near.needs_description());
                self.near.take_invite().unwrap();
                self.near.accepted(unacknowledged(self.ends[NEAR].invite));
            }
            Kind::Failure => {
                self.near.take_invite().unwrap();
                self.near.roll_back();
            }
            Kind::Ack if describes => drop(self.near.take_ack().unwrap()),
            Kind::Prack if describes => drop(self.near.take_prack().unwrap()),
            Kind::UpdateOk | Kind::PrackOk | Kind::Refused => drop(self.near.take_offered().unwrap()),
            Kind::Reliable | Kind::Ack | Kind::Prack => {}
            Kind::Update => unreachable!("ours never offers in UPDATE"),
        }
    }

    /// A failure undoes the offer that it is about, if that is unanswered.
    fn roll_back(&mut self, end: usize, failure: Kind) {
        let is_about = match self.ends[end].view().open {
            Some((_, Kind::Invite | Kind::Reliable | Kind::Success)) => failure == Kind::Failure,
            Some(_) => failure == Kind::Refused,
            None => false,
        };
        if is_about && let Some(open) = self.ends[end].open.take() {
            self.fates.insert(open, Fate::RolledBack);
        }
    }

    fn arrive(&mut self, end: usize, message: Message) {
        let Message { kind, invite, description } = message;
        let offers = description.is_some_and(|(role, _)| role == Role::Offer);
        if kind == Kind::Invite || offers && matches!(kind, Kind::Update | Kind::Prack) {
            return self.arrive_asking(end, message, offers);
        }
        // the ACK of an earlier INVITE is late
        if kind == Kind::Ack && (invite != self.ends[end].invite || self.ends[end].view().invite.is_none()) {
            return;
        }
        if matches!(kind, Kind::Failure | Kind::Refused) {
            self.roll_back(end, kind);
        }
        let view = self.ends[end].view();
        let describes = match description {
            // the other end could not know yet that the offer is undone
            Some((Role::Answer, offer)) if self.fates[&offer] == Fate::RolledBack => false,
            Some((role, offer)) => {
                assert_eq!(view.role(false, kind), role, "{kind:?} in {view:?}");
                match role {
                    Role::Offer => self.taken(end, offer),
                    Role::Answer => assert_eq!(self.ends[end].open.take(), Some(offer)),
                    Role::Nothing => {}
                }
                true
            }
            None => false,
        };
        let to = &mut self.ends[end];
        to.history.push((false, kind, describes));
        match kind {
            Kind::Reliable => to.owes_prack = !offers,
            Kind::Failure => to.owes_prack = false,
            _ => {}
        }
        let acknowledges = kind == Kind::Success && !offers;
        if end == NEAR {
            self.near_hears(kind, describes, offers);
        }
        if acknowledges {
            self.send(end, Kind::Ack, false);
        }
    }

    fn near_hears(&mut self, kind: Kind, describes: bool, offers: bool) {
        let cseq = CSeq { number: 1, method: Method::Invite };
        let number = self.ends[NEAR].invite;
        match kind {
            Kind::Ack => assert!(self.near.acknowledged(number)),
            Kind::Prack if describes => self.near.pracked(),
            Kind::Reliable => {
                let heard = self.near.heard_reliable(&RAck { sequence: 1, cseq }, describes);
                assert_eq!(heard == Heard::Offer, offers);
                assert_eq!(self.near.owes_prack(), offers);
            }
            Kind::Success => {
                let heard = self.near.heard_success(OwedAck { client: ClientId(1), number });
                assert_eq!(heard == Heard::Offer, offers);
                assert_eq!(self.near.owed_ack().is_some(), offers);
            }
            Kind::Failure => self.near.roll_back(),
            _ => {}
        }
    }

    /// An INVITE, or an offer in UPDATE or PRACK.
    fn arrive_asking(&mut self, end: usize, message: Message, offers: bool) {
        let Message { kind, invite, description } = message;
        let (carrier, method) = match kind {
            Kind::Invite => (Carrier::Invite, Method::Invite),
            Kind::Update => (Carrier::Update, Method::Update),
            _ => (Carrier::Prack, Method::Prack),
        };
        let turn = if end == NEAR { self.near.may_accept(carrier) } else { self.ends[end].view().may_take(kind) };
        if kind == Kind::Prack && turn.is_err() {
            assert_ne!(turn, Err(Refusal::OutOfOrder), "the far end keeps to the order");
            // the response is acknowledged all the same
            self.ends[end].history.push((false, Kind::Prack, false));
        }
        if turn.is_err() {
            let kind = if kind == Kind::Invite { Kind::Failure } else { Kind::Refused };
            return self.ends[1 - end].incoming.push_back(Message { kind, invite, description: None });
        }
        if kind == Kind::Invite && self.ends[end].view().invite.is_some() {
            // its ACK was lost
            self.ends[end].history.push((false, Kind::Ack, false));
        }
        if kind == Kind::Invite {
            self.ends[end].invite = invite;
        }
        if end == NEAR && kind == Kind::Invite {
            self.near.take_unacknowledged();
            self.near.invited(pending(method), offers);
        } else if end == NEAR {
            self.near.offered(pending(method));
        }
        if let Some((_, offer)) = description {
            self.taken(end, offer);
        }
        self.ends[end].history.push((false, kind, offers));
    }

    /// An end takes an offer: the only one, then.
    fn taken(&mut self, end: usize, offer: u32) {
        if self.fates[&offer] == Fate::Sent {
            self.fates.insert(offer, Fate::Taken);
        }
        self.ends[end].open = Some(offer);
        let taken = self.fates.values().filter(|fate| **fate == Fate::Taken).count();
        assert!(taken <= 1, "two offers at once");
    }

    /// The near end's answers are those of the RFCs.
    fn check(&self) {
        let view = self.ends[NEAR].view();
        let context = || format!("{view:?} after {:?}", self.ends[NEAR].history);
        assert_eq!(self.near.may_offer(), view.may_invite(), "may offer: {}", context());
        for (carrier, kind) in
            [(Carrier::Invite, Kind::Invite), (Carrier::Update, Kind::Update), (Carrier::Prack, Kind::Prack)]
        {
            assert_eq!(self.near.may_accept(carrier), view.may_take(kind), "may accept {kind:?}: {}", context());
        }
    }
}

fn pending(method: Method) -> PendingRequest {
    let request = Request::new(method, "sip:a@192.0.2.1".parse().unwrap());
    PendingRequest { server: ServerId(1), request, interval: None }
}

fn unacknowledged(number: u32) -> Unacknowledged {
    Unacknowledged::new(Time::from_millis(0), &Table::default(), number, ServerId(1), Vec::new())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn offers_cross_and_each_has_one_answer_or_is_undone(choices in prop::collection::vec(any::<u8>(), 0..120)) {
        let mut world = World::new();
        for choice in choices {
            let steps = world.steps(true);
            let step = steps[usize::from(choice) % steps.len()];
            world.take(step);
        }
        for spins in 0.. {
            if world.steps(false).is_empty() {
                world.ends[NEAR].incoming.extend(std::mem::take(&mut world.lost));
            }
            let Some(&step) = world.steps(false).first() else { break };
            world.take(step);
            assert!(spins < 500, "no end: {:?}", world.steps(false));
        }
        let (far, history) = (world.ends[FAR].view(), &world.ends[NEAR].history);
        prop_assert!(world.near.may_offer() && far.may_invite(), "stuck: {far:?}, {history:?}");
        let open: Vec<_> = world.fates.iter().filter(|(_, fate)| matches!(fate, Fate::Sent | Fate::Taken)).collect();
        prop_assert!(open.is_empty(), "{open:?} in {history:?}");
    }
}
