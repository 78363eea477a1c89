//! Contracts: the customer number, its telephone numbers, and the services each of them has.

use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

use crate::number::PhoneNumber;

/// One contracted line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Contract {
    /// Names the contract, and is its contract number (契約者番号) too.
    pub customer_number: PhoneNumber,
    /// All numbers, the contract number first, then the additional numbers in the order they were added.
    pub numbers: Vec<ContractedNumber>,
}

/// A telephone number of a contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct ContractedNumber {
    /// The number.
    pub number: PhoneNumber,
    /// What is contracted for it.
    pub services: Services,
}

impl Contract {
    /// A contract with its contract number alone.
    pub fn new(customer_number: PhoneNumber, services: Services) -> Contract {
        Contract { customer_number, numbers: vec![ContractedNumber { number: customer_number, services }] }
    }

    /// The same with one more number.
    pub fn with(mut self, number: PhoneNumber, services: Services) -> Contract {
        self.numbers.push(ContractedNumber { number, services });
        self
    }

    /// All numbers, the contract number first.
    pub fn numbers(&self) -> impl Iterator<Item = PhoneNumber> + '_ {
        self.numbers.iter().map(|contracted| contracted.number)
    }

    /// Whether `number` is the contract number or an additional one.
    pub fn has(&self, number: PhoneNumber) -> bool {
        self.numbers().any(|own| own == number)
    }

    /// What is contracted for `number`; nothing when it is not of this contract.
    pub fn services_of(&self, number: PhoneNumber) -> Services {
        self.numbers.iter().find(|own| own.number == number).map(|own| own.services).unwrap_or_default()
    }
}

/// A contractable service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Service {
    /// ボイスワープ: call forwarding.
    Voicewarp,
    /// 着信お知らせメール: a mail announces a call.
    ArrivalMail,
    /// 一括転送: bulk forwarding.
    BulkTransfer,
    /// 故障・回復通知: notices of a fault and of its end.
    FaultNotice,
    /// FAXお知らせメール: received faxes are kept and announced by mail.
    FaxMail,
}

impl Service {
    /// All of them, in the order of the settings site.
    pub const ALL: [Service; 5] =
        [Service::Voicewarp, Service::ArrivalMail, Service::BulkTransfer, Service::FaultNotice, Service::FaxMail];

    /// The name used on the command line, in CSV and in the store.
    pub const fn name(self) -> &'static str {
        match self {
            Service::Voicewarp => "voicewarp",
            Service::ArrivalMail => "arrival-mail",
            Service::BulkTransfer => "bulk-transfer",
            Service::FaultNotice => "fault-notice",
            Service::FaxMail => "fax-mail",
        }
    }
}

impl fmt::Display for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Service {
    type Err = UnknownService;
    fn from_str(word: &str) -> Result<Service, UnknownService> {
        Service::ALL.into_iter().find(|service| service.name() == word).ok_or_else(|| UnknownService(word.to_owned()))
    }
}

impl Serialize for Service {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

/// A word that names no service.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is no service: use voicewarp, arrival-mail, bulk-transfer, fault-notice and fax-mail joined by +, or all, or none"
)]
pub struct UnknownService(pub String);

/// A set of services, written `arrival-mail+fax-mail`, `all` or `none`.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Services(u8);

impl Services {
    /// No service.
    pub const NONE: Services = Services(0);
    /// Every service.
    pub const ALL: Services = Services((1 << Service::ALL.len()) - 1);

    /// Whether `service` is in the set.
    pub const fn has(self, service: Service) -> bool {
        self.0 & (1 << service as u8) != 0
    }

    /// The set with `service` in it.
    pub const fn with(self, service: Service) -> Services {
        Services(self.0 | 1 << service as u8)
    }

    /// The services in the set, in the order of the settings site.
    pub fn iter(self) -> impl Iterator<Item = Service> {
        Service::ALL.into_iter().filter(move |service| self.has(*service))
    }
}

impl FromIterator<Service> for Services {
    fn from_iter<I: IntoIterator<Item = Service>>(services: I) -> Services {
        services.into_iter().fold(Services::NONE, Services::with)
    }
}

impl FromStr for Services {
    type Err = UnknownService;
    fn from_str(text: &str) -> Result<Services, UnknownService> {
        match text.trim() {
            "" | "none" => Ok(Services::NONE),
            "all" => Ok(Services::ALL),
            joined => joined.split('+').map(|word| word.trim().parse()).collect(),
        }
    }
}

impl fmt::Display for Services {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.iter().map(Service::name).collect();
        f.pad(if names.is_empty() { "none".to_owned() } else { names.join("+") }.as_str())
    }
}

impl fmt::Debug for Services {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Services {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn services_are_read_as_they_are_written() {
        for text in ["none", "arrival-mail", "arrival-mail+fax-mail", "voicewarp+bulk-transfer+fault-notice"] {
            assert_eq!(text.parse::<Services>().unwrap().to_string(), text);
        }
        assert_eq!("".parse(), Ok(Services::NONE));
        assert_eq!("all".parse(), Ok(Services::ALL));
        assert_eq!(Services::ALL.iter().collect::<Vec<_>>(), Service::ALL);
        assert_eq!(" fax-mail + arrival-mail ".parse::<Services>().unwrap().to_string(), "arrival-mail+fax-mail");
    }

    #[test]
    fn an_unknown_service_is_named_together_with_what_is_allowed() {
        let error = "arrival-mail+fax".parse::<Services>().unwrap_err();
        assert_eq!(error, UnknownService("fax".to_owned()));
        assert!(error.to_string().contains("fax-mail"), "{error}");
    }
}
