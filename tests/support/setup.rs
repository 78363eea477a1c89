//! Everything a call is made from. Tests write what is special about theirs and take the rest from [`Setup::new`].

use std::net::SocketAddr;
use std::time::Duration;

use karipass::caller::script::Order;
use karipass::caller::{Habits, Manner};
use karipass::internals::account::{DEMO_ADDITIONAL_NUMBER, DEMO_CUSTOMER_NUMBER};
use karipass::internals::call::identity::Trust;
use karipass::internals::ivr;
use karipass::internals::keying::Suite;
use karipass::internals::sip::sdp::Srtp;
use karipass::key::Ways;
use karipass::number::PhoneNumber;
use karipass::secret::Secret;
use karipass::unit::Unit;

use super::ledger::Manners;
use super::network::Path;

/// How a call is made, over what, to whom.
#[derive(Clone, Debug)]
pub struct Setup {
    /// All randomness follows from it.
    pub seed: u64,
    /// The service's call has this randomness of its own, if not the seed's: its RTP numbers follow from it.
    pub service_call_seed: Option<u64>,
    /// The phone's call likewise.
    pub phone_call_seed: Option<u64>,
    pub to_service: Path,
    pub to_phone: Path,
    pub store: Manners,
    pub ivr: ivr::Config,
    pub longest_call: Duration,
    pub announce_refusals: bool,
    pub trust: Trust,
    /// What the service thinks of encryption.
    pub srtp: Srtp,
    /// From, when it is not the calling number.
    pub from: Option<String>,
    /// Further header fields of the INVITE.
    pub headers: Vec<(String, String)>,
    pub offer: Offer,
    /// How the phone encrypts media.
    pub encryption: Encryption,
    /// The phone never acknowledges the 200.
    pub no_ack: bool,
    /// How much audio the phone says that it wants in a packet. What it sends is among its habits.
    pub ptime_ms: u32,
    /// The address of its own that a phone behind a NAT puts into its description.
    pub behind_nat: Option<SocketAddr>,
    pub manner: Manner,
}

/// What the phone offers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Offer {
    /// PCMU, PCMA and telephone-event.
    All,
    /// µ-law alone, with telephone-event as this payload type.
    Pcmu(u8),
    /// A-law alone, with telephone-event as this payload type.
    Pcma(u8),
    /// Both, with telephone-event as this payload type at this clock rate.
    Events(u8, u32),
    /// Both, with telephone-event three times: at 48000, at 16000, and at 8000 as payload type 102.
    EventsThrice,
    /// Both, without telephone-event.
    NoEvents,
    /// G.729 alone.
    Unknown,
    /// Nothing: the service is to offer.
    Late,
}

/// How the phone encrypts media.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encryption {
    None,
    /// RTP/SAVP with this suite.
    Only(Suite),
    /// RTP/AVP with a key beside it, as telephones write "optional".
    Optional(Suite),
}

impl Encryption {
    pub fn suite(self) -> Option<Suite> {
        match self {
            Encryption::None => None,
            Encryption::Only(suite) | Encryption::Optional(suite) => Some(suite),
        }
    }
}

impl Setup {
    /// The line unit's password is set by telephone events, over a network of 20 ms.
    pub fn new(seed: u64) -> Setup {
        Setup {
            seed,
            service_call_seed: None,
            phone_call_seed: None,
            to_service: Path::clean(20),
            to_phone: Path::clean(20),
            store: Manners::default(),
            ivr: ivr::Config::default(),
            longest_call: Duration::from_secs(600),
            announce_refusals: false,
            trust: Trust { asserted: true, from: true, private: true },
            srtp: Srtp::Offered,
            from: None,
            headers: vec![],
            offer: Offer::All,
            encryption: Encryption::None,
            no_ack: false,
            ptime_ms: 20,
            behind_nat: None,
            manner: Manner {
                withheld: false,
                order: Order {
                    unit: Unit::Line,
                    from: main_number(),
                    target: None,
                    password: Secret::from("48151623"),
                },
                ways: Ways::RFC4733,
                patient: false,
                recording: None,
                habits: Habits::default(),
            },
        }
    }

    /// The same by other ways.
    pub fn by(mut self, ways: Ways) -> Setup {
        self.manner.ways = ways;
        self
    }

    /// The same by somebody who hears everything out.
    pub fn patient(mut self) -> Setup {
        self.manner.patient = true;
        self
    }

    /// The number whose password is to be set.
    pub fn target(&self) -> PhoneNumber {
        self.manner.order.target.unwrap_or(self.manner.order.from)
    }
}

/// The example's contract number.
pub fn main_number() -> PhoneNumber {
    PhoneNumber::parse(DEMO_CUSTOMER_NUMBER).unwrap()
}

/// The example's additional number.
pub fn additional_number() -> PhoneNumber {
    PhoneNumber::parse(DEMO_ADDITIONAL_NUMBER).unwrap()
}

/// A number of no contract.
pub fn strange_number() -> PhoneNumber {
    PhoneNumber::parse("0699998888").unwrap()
}
