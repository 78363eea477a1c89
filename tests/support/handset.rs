//! What any telephone of these tests is made of: an endpoint, the caller of its one call, and when each is to be woken.

use std::net::SocketAddr;

use karipass::caller::Caller;
use karipass::internals::sip::endpoint::{self, Endpoint};
use karipass::internals::sip::flow::{Flow, Transport};
use karipass::time::Time;

use super::wire::{Datagram, Kind, rtcp_of};

/// Signalling and media of a telephone.
pub struct Handset {
    /// Where it takes SIP.
    pub sip: SocketAddr,
    /// Where it takes RTP; RTCP is on the next port.
    pub media: SocketAddr,
    pub endpoint: Endpoint,
    pub endpoint_wakes: Time,
    pub caller: Option<Caller>,
    pub caller_wakes: Time,
}

impl Handset {
    pub fn new(sip: SocketAddr, media: SocketAddr, seed: u64) -> Handset {
        let endpoint = Endpoint::new(endpoint::Config::default(), seed);
        Handset { sip, media, endpoint, endpoint_wakes: Time::MAX, caller: None, caller_wakes: Time::MAX }
    }

    pub fn wakes(&self) -> Time {
        self.endpoint_wakes.min(self.caller_wakes)
    }

    /// From here to the other end.
    pub fn flow(&self, remote: SocketAddr) -> Flow {
        Flow { transport: Transport::Udp, local: self.sip, remote, connection: None }
    }

    pub fn receive(&mut self, now: Time, datagram: &Datagram) {
        let Datagram { kind, from, to, bytes } = datagram;
        match (kind, &mut self.caller) {
            (Kind::Sip, _) if *to == self.sip => {
                let flow = self.flow(*from);
                self.endpoint.handle_message(now, flow, bytes);
            }
            (Kind::Rtp, Some(caller)) if *to == self.media => caller.handle_rtp(now, *from, bytes),
            (Kind::Rtcp, Some(caller)) if *to == rtcp_of(self.media) => caller.handle_rtcp(now, *from, bytes),
            // to a closed port
            (Kind::Sip | Kind::Rtp | Kind::Rtcp, _) => {}
        }
    }

    pub fn handle_timeout(&mut self, now: Time) {
        if self.endpoint_wakes <= now {
            self.endpoint.handle_timeout(now);
        }
        if self.caller_wakes <= now
            && let Some(caller) = &mut self.caller
        {
            caller.handle_timeout(now);
        }
    }
}
