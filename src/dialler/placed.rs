//! A call that was placed: its sockets, and the caller who uses them once there is media.

use crate::caller::{Caller, Output};
use crate::net::media::MediaPair;
use crate::sip::sdp::{LocalMedia, MediaPlan};
use crate::time::Time;

pub(super) struct Placed {
    pub number: u32,
    pub started: Time,
    pub sockets: MediaPair,
    pub local: LocalMedia,
    pub caller: Option<Caller>,
    /// What was agreed on before the answer.
    pub early: Option<MediaPlan>,
    pub wakes: Time,
}

impl Placed {
    pub(super) fn receive(&mut self, now: Time) {
        let Some(caller) = &mut self.caller else { return };
        let mut buffer = [0u8; 2048];
        while let Ok((length, from)) = self.sockets.rtp.recv_from(&mut buffer) {
            caller.handle_rtp(now, from, buffer.get(..length).unwrap_or_default());
        }
        while let Ok((length, from)) = self.sockets.rtcp.recv_from(&mut buffer) {
            caller.handle_rtcp(now, from, buffer.get(..length).unwrap_or_default());
        }
        caller.handle_timeout(now);
    }

    /// Sends the caller's packets; `other` does the rest.
    pub(super) fn send(&mut self, now: Time, mut other: impl FnMut(Output)) {
        let Some(caller) = &mut self.caller else { return };
        loop {
            match caller.poll_output() {
                Output::Rtp { to, bytes } => drop(self.sockets.rtp.send_to(&bytes, to)),
                Output::Rtcp { to, bytes } => drop(self.sockets.rtcp.send_to(&bytes, to)),
                Output::Timeout(wakes) => {
                    self.wakes = wakes.max(now);
                    return;
                }
                output @ (Output::Info(_) | Output::HangUp | Output::Step(_)) => other(output),
            }
        }
    }
}
