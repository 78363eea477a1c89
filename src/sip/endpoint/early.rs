//! Early dialogs that our INVITE has led to (RFC 3261 §12.1.2), and the far end's requests in them: UPDATE above all (RFC 3311).

use super::call::{Call, Cancel, Phase, Setup};
use super::handle::ServerId;
use super::in_dialog::refused;
use super::layer::Layer;
use super::negotiation::{Negotiation, Refusal};
use super::reliable::Early;
use super::reply::Reply;
use crate::sip::dialog::{Dialog, DialogId};
use crate::sip::message::{Method, Request, Response};
use crate::time::Time;

/// The limit of early dialogs of one INVITE.
const MAX_EARLY: usize = 8;

impl Call {
    /// The place of the early dialog that this provisional response is in, or begins. None when it names none, or there are
    /// too many.
    pub(super) fn early_of_response(&mut self, response: &Response) -> Option<usize> {
        let Phase::Outgoing(Setup { late_offer, .. }) = self.phase else { return None };
        let dialog = self.dialog.answered(response).ok()?;
        let known = self.early.iter().position(|early| early.dialog.id() == dialog.id());
        if known.is_some() {
            return known;
        }
        if self.early.len() == MAX_EARLY || dialog.id().remote_tag.is_none() {
            return None;
        }
        let negotiation = Negotiation::calling(!late_offer);
        self.early.push(Early { dialog, sequence: None, negotiation, answer: None });
        Some(self.early.len() - 1)
    }

    /// The call's dialog, or the early one, with this name.
    pub(super) fn dialog_named(&mut self, id: &DialogId) -> Option<&mut Dialog> {
        if self.dialog.id() == id {
            return Some(&mut self.dialog);
        }
        self.early.iter_mut().map(|early| &mut early.dialog).find(|dialog| dialog.id() == id)
    }

    /// The dialog of this request of the far end.
    pub(super) fn dialog_of(&mut self, request: &Request) -> Option<&mut Dialog> {
        self.dialog_named(&DialogId::of_request(&request.headers).ok()??)
    }

    /// Offer and answer in the dialog of this request of the far end.
    pub(super) fn negotiation_of(&mut self, request: &Request) -> &mut Negotiation {
        let id = DialogId::of_request(&request.headers).ok().flatten();
        match self.early.iter_mut().find(|early| Some(early.dialog.id()) == id.as_ref()) {
            Some(early) => &mut early.negotiation,
            None => &mut self.negotiation,
        }
    }

    /// Offer and answer in each dialog of the call.
    pub(super) fn negotiations(&mut self) -> impl Iterator<Item = &mut Negotiation> {
        std::iter::once(&mut self.negotiation).chain(self.early.iter_mut().map(|early| &mut early.negotiation))
    }

    /// The application has taken the offer in this request.
    pub(super) fn offer_accepted(&mut self, request: &Request) {
        let Some(dialog) = self.dialog_of(request) else { return };
        dialog.refresh_target(&request.headers);
        let id = dialog.id().clone();
        if let Some(early) = self.early.iter_mut().find(|early| *early.dialog.id() == id) {
            // the answer to our own offer is outdated
            early.answer = None;
        }
    }

    /// A request in an early dialog. Once the call was answered the other forks are hung up on, and once it is cancelled all are.
    pub(super) fn receive_early(
        &mut self,
        layer: &mut Layer,
        now: Time,
        id: ServerId,
        request: &Request,
    ) -> Result<(), Reply> {
        if !matches!(self.phase, Phase::Outgoing(Setup { cancel: Cancel::No, .. })) {
            return Err(Reply::new(481));
        }
        if request.method == Method::Invite {
            // our own is unanswered (§14.2)
            return Err(refused(layer, Refusal::Glare));
        }
        // the callee hangs up by refusing (§15), and there is no provisional response of ours to be acknowledged
        if matches!(request.method, Method::Bye | Method::Prack) {
            return Err(Reply::new(481));
        }
        self.receive_alike(layer, now, id, request)
    }
}
