//! What one event does to the store, all or nothing: settings that change, mails that go out, a fax that is kept.

use crate::number::PhoneNumber;
use crate::unit::Unit;

use super::fax::NewFax;
use super::mail::NewMail;
use super::setting::SettingChange;

/// What is to be done together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Effects {
    /// The id that the reporter of the event gave it. An event that is known does nothing again.
    pub event: Option<String>,
    /// Settings that change.
    pub changes: Vec<SettingChange>,
    /// Mails that go out.
    pub mails: Vec<NewMail>,
    /// A fax that is kept.
    pub fax: Option<NewFax>,
}

/// What became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Applied {
    /// It is done.
    Now {
        /// The id of the fax, when one was kept.
        fax: Option<i64>,
    },
    /// It was done before, by an event with the same id: nothing was done now.
    Before,
}

/// Who does it, for the audit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Actor {
    /// A login on the site.
    Account {
        /// The account's unit.
        unit: Unit,
        /// The account's number.
        number: PhoneNumber,
    },
    /// A program, or one of its commands: `site`, `contract add`; `event fault` speaks for the network.
    Program(&'static str),
    /// A call, by the id of its record.
    Call(String),
    /// A link from a mail that was opened.
    MailedLink,
}

impl Actor {
    /// Its unit, when it is an account.
    pub fn unit(&self) -> Option<Unit> {
        match self {
            Actor::Account { unit, .. } => Some(*unit),
            Actor::Program(_) | Actor::Call(_) | Actor::MailedLink => None,
        }
    }

    /// As the audit names it.
    pub fn name(&self) -> String {
        match self {
            Actor::Account { unit, number } => format!("site {unit} {number}"),
            Actor::Program(name) => (*name).to_owned(),
            Actor::Call(id) => format!("call {id}"),
            Actor::MailedLink => "mailed link".to_owned(),
        }
    }
}
