//! Reliable provisional responses (RFC 3262): ours, of which one at a time waits for its PRACK, and the far end's, which we
//! acknowledge.

use std::collections::VecDeque;

use rand::RngExt;

use super::CommandError;
use super::handle::ServerId;
use super::layer::Layer;
use super::negotiation::Negotiation;
use super::reply::RELIABLE_PROVISIONALS;
use crate::sip::dialog::{Dialog, DialogId};
use crate::sip::message::{Headers, RAck};
use crate::sip::timer::{Backoff, Table, Timer, soonest};
use crate::time::Time;

/// The ended calls that are remembered for their PRACKs.
const MOST_DEPARTED: usize = 1_000;

/// Our reliable provisional responses to one INVITE.
#[derive(Default)]
pub(super) struct Reliable {
    /// RSeq of the last one, if there was one.
    sequence: Option<u32>,
    /// The one that waits for its PRACK.
    pending: Option<Pending>,
    /// The response that is sent after that PRACK; a newer one replaces an older.
    next: Option<Provisional>,
    /// The answer to the INVITE that waits for it.
    held: Option<String>,
}

/// A provisional response to send.
#[derive(Clone)]
pub(super) struct Provisional {
    pub status: u16,
    pub sdp: Option<String>,
}

/// A response that is repeated until its PRACK comes (§3).
pub(super) struct Pending {
    pub sequence: u32,
    /// The CSeq number of the INVITE.
    pub number: u32,
    pub server: ServerId,
    pub bytes: Vec<u8>,
    pub description: Description,
    /// The next repetition and the end of the wait; none after the final response.
    timers: Option<(Backoff, Time)>,
}

/// The session description in a response of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Description {
    None,
    /// Our offer, which the PRACK answers.
    Offer,
    /// Our answer, first or repeated.
    Answer,
}

impl Reliable {
    /// The next RSeq: the first is anywhere in the lower half, so that counting never wraps around (§7.1).
    pub(super) fn next_sequence(&mut self, layer: &mut Layer) -> u32 {
        let next = self.sequence.map_or_else(|| layer.rng.random_range(1..1 << 31), |last| last.wrapping_add(1));
        self.sequence = Some(next);
        next
    }

    /// Waits for the PRACK of a response that was just sent.
    pub(super) fn wait(&mut self, now: Time, timers: &Table, pending: Pending) {
        let timers = Some((Backoff::new(now, timers.t1, std::time::Duration::MAX), now + timers.give_up()));
        self.pending = Some(Pending { timers, ..pending });
    }

    /// Whether one is repeated until its PRACK comes.
    pub(super) fn is_waiting(&self) -> bool {
        self.pending.as_ref().is_some_and(|pending| pending.timers.is_some())
    }

    /// `provisional` is sent when the one before it is acknowledged.
    pub(super) fn queue(&mut self, provisional: Provisional) {
        self.next = Some(provisional);
    }

    /// The response to send once none waits for its PRACK.
    pub(super) fn take_next(&mut self) -> Option<Provisional> {
        self.next.take()
    }

    /// The response that this PRACK is for.
    pub(super) fn matching(&self, rack: &RAck) -> Option<&Pending> {
        self.pending.as_ref().filter(|pending| (pending.sequence, pending.number) == (rack.sequence, rack.cseq.number))
    }

    /// It is acknowledged.
    pub(super) fn acknowledged(&mut self) {
        self.pending = None;
    }

    /// Whether a 2xx has to wait: a session description is not acknowledged yet (§3).
    pub(super) fn holds_answer(&self) -> bool {
        self.is_waiting() && self.pending.as_ref().is_some_and(|pending| pending.description != Description::None)
    }

    /// Keeps the answer until it may be sent. There is one.
    pub(super) fn hold(&mut self, sdp: String) -> Result<(), CommandError> {
        match self.held {
            Some(_) => Err(CommandError::WrongState),
            None => {
                self.held = Some(sdp);
                Ok(())
            }
        }
    }

    /// The answer that may be sent now.
    pub(super) fn take_held(&mut self) -> Option<String> {
        self.held.take()
    }

    /// There is a final response: nothing is repeated, though a PRACK may still come (§3).
    pub(super) fn stop(&mut self) {
        self.next = None;
        if let Some(pending) = &mut self.pending {
            pending.timers = None;
        }
    }

    /// The response to repeat now.
    pub(super) fn repeat(&mut self, now: Time) -> Option<(ServerId, Vec<u8>)> {
        let pending = self.pending.as_mut()?;
        let (again, _) = pending.timers.as_mut()?;
        again.fire(now).then(|| (pending.server, pending.bytes.clone()))
    }

    /// The next repetition, or the end of the wait.
    pub(super) fn deadline(&self) -> Option<(Time, Timer)> {
        let (again, give_up) = self.pending.as_ref()?.timers?;
        soonest([Some((again.next(), Timer::Provisional)), Some((give_up, Timer::ProvisionalUnacknowledged))])
    }
}

impl Pending {
    /// A response that was just sent.
    pub(super) const fn new(
        sequence: u32,
        number: u32,
        server: ServerId,
        bytes: Vec<u8>,
        description: Description,
    ) -> Pending {
        Pending { sequence, number, server, bytes, description, timers: None }
    }
}

/// Responses whose call ended before their PRACK came. A late PRACK is answered as usual (§3).
#[derive(Default)]
pub(super) struct Departed(VecDeque<Departure>);

struct Departure {
    until: Time,
    dialog: DialogId,
    sequence: u32,
    number: u32,
    description: Description,
}

impl Departed {
    /// Of the call in this dialog, which ends now.
    pub(super) fn keep(&mut self, now: Time, timers: &Table, dialog: &DialogId, reliable: &Reliable) {
        let Some(pending) = &reliable.pending else { return };
        while self.0.front().is_some_and(|first| first.until <= now || self.0.len() >= MOST_DEPARTED) {
            self.0.pop_front();
        }
        self.0.push_back(Departure {
            until: now + timers.give_up(),
            dialog: dialog.clone(),
            sequence: pending.sequence,
            number: pending.number,
            description: pending.description,
        });
    }

    /// Whether this was the dialog of a call whose PRACK may still come.
    pub(super) fn has(&self, dialog: &DialogId) -> bool {
        self.0.iter().any(|gone| gone.dialog == *dialog)
    }

    /// The description in the response that this PRACK is for, once.
    pub(super) fn take(&mut self, now: Time, dialog: &DialogId, rack: &RAck) -> Option<Description> {
        let is_it = |gone: &Departure| {
            gone.until > now
                && gone.dialog == *dialog
                && (gone.sequence, gone.number) == (rack.sequence, rack.cseq.number)
        };
        let at = self.0.iter().position(is_it)?;
        self.0.remove(at).map(|gone| gone.description)
    }
}

/// An early dialog that our INVITE has led to.
pub(super) struct Early {
    pub dialog: Dialog,
    /// RSeq of its last reliable response, if there was one.
    pub sequence: Option<u32>,
    pub negotiation: Negotiation,
    /// The answer to our offer, until a later exchange replaces it.
    pub answer: Option<Vec<u8>>,
}

/// Whether the sender takes reliable provisional responses, and whether it takes no others.
pub(super) fn wishes(headers: &Headers) -> (bool, bool) {
    let named = |name| headers.option_tags(name).iter().any(|tag| tag == RELIABLE_PROVISIONALS);
    let requires = named("Require");
    (requires || named("Supported"), requires)
}
