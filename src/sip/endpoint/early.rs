//! Early dialogs that our INVITE has led to (RFC 3261 §12.1.2), and what the far end asks for in them: UPDATE above all (RFC 3311).

use super::call::{Call, Cancel, Phase};
use super::layer::{Layer, ServerId};
use super::reliable::Early;
use super::reply::Reply;
use crate::sip::dialog::{Dialog, DialogId};
use crate::sip::message::{Method, Request, Response};
use crate::time::Time;

/// How many early dialogs of one INVITE are kept apart.
const MAX_EARLY: usize = 8;

impl Call {
    /// The early dialog of this provisional response, which it may begin; its place. None when it names none, or there are too many.
    pub(super) fn early_of_response(&mut self, response: &Response) -> Option<usize> {
        let dialog = self.dialog.answered(response).ok()?;
        let known = self.early.iter().position(|early| early.dialog.id() == dialog.id());
        if known.is_some() {
            return known;
        }
        if self.early.len() == MAX_EARLY || dialog.id().remote_tag.is_none() {
            return None;
        }
        self.early.push(Early { dialog, sequence: None, answer: None, owed: None, exchanged: false });
        Some(self.early.len() - 1)
    }

    /// The call's dialog, or the early one, with this name.
    pub(super) fn dialog_named(&mut self, id: &DialogId) -> Option<&mut Dialog> {
        if self.dialog.id() == id {
            return Some(&mut self.dialog);
        }
        self.early.iter_mut().map(|early| &mut early.dialog).find(|dialog| dialog.id() == id)
    }

    /// The one that this request of the far end is in.
    pub(super) fn dialog_of(&mut self, request: &Request) -> Option<&mut Dialog> {
        self.dialog_named(&DialogId::of_request(&request.headers).ok()??)
    }

    /// Whether offer and answer are settled in the early dialog that this request is in.
    pub(super) fn has_exchanged_early(&self, request: &Request) -> bool {
        let Ok(Some(id)) = DialogId::of_request(&request.headers) else { return false };
        let early = self.early.iter().find(|early| *early.dialog.id() == id);
        early.is_some_and(|early| early.exchanged || early.answer.is_some())
    }

    /// The application has taken the offer in this request.
    pub(super) fn offer_accepted(&mut self, request: &Request) {
        let Some(dialog) = self.dialog_of(request) else { return };
        dialog.refresh_target(&request.headers);
        let id = dialog.id().clone();
        if let Some(early) = self.early.iter_mut().find(|early| *early.dialog.id() == id) {
            // it comes after the answer to our own, which is no longer what is agreed on
            early.exchanged = true;
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
        if !matches!(self.phase, Phase::Outgoing { cancel: Cancel::No, .. }) {
            return Err(Reply::new(481));
        }
        // our own INVITE is not answered yet (RFC 3261 §14.2)
        if request.method == Method::Invite {
            return Err(Reply::new(491));
        }
        // who is called hangs up by refusing (§15), and no provisional response of ours is there to be acknowledged
        if matches!(request.method, Method::Bye | Method::Prack) {
            return Err(Reply::new(481));
        }
        self.receive_alike(layer, now, id, request)
    }
}
