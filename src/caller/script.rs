//! The test caller's replies to prompts.

use crate::key::Key;
use crate::number::PhoneNumber;
use crate::secret::Secret;
use crate::unit::Unit;

/// The password to set, and whose.
#[derive(Clone, Debug)]
pub struct Order {
    /// The authentication unit.
    pub unit: Unit,
    /// The calling number.
    pub from: PhoneNumber,
    /// Another number of the contract; with [`Unit::Line`] the customer number. The calling number when `None`.
    pub target: Option<PhoneNumber>,
    /// The temporary password.
    pub password: Secret,
}

/// The keys that a prompt asks for, and a name for them where they must not be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// The keys.
    pub keys: Vec<Key>,
    /// Their name.
    pub what: &'static str,
}

/// What a prompt means to the caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// It asks for this.
    Asks(Reply),
    /// The password is set.
    Set,
    /// A failure: the call will lead to nothing.
    Failed,
    /// Nothing to do.
    Nothing,
}

/// The prompts that announce a failure. A test caller keys its order once and does not try again.
const FAILURES: &[&str] = &[
    "invalid-key",
    "no-input",
    "customer-number-wrong",
    "number-invalid",
    "number-not-in-contract",
    "password-too-short",
    "password-too-long",
    "password-one-digit",
    "password-run",
    "password-own-number",
    "password-mismatch",
    "store-failed",
    "not-confirmed",
    "overtaken",
    "too-many-invalid",
    "too-many-timeouts",
];

impl Order {
    /// What the prompt called `name` means.
    pub fn meaning(&self, name: &str) -> Meaning {
        match name {
            "menu-unit" => Meaning::Asks(self.unit()),
            "ask-customer-number" => Meaning::Asks(self.number("customer number")),
            "offer-number-before" => Meaning::Asks(self.offered()),
            "ask-number" => Meaning::Asks(self.number("number")),
            "ask-password" | "ask-password-again" => Meaning::Asks(self.password()),
            "read-back-before" => Meaning::Asks(CONFIRM()),
            "done" => Meaning::Set,
            name if FAILURES.contains(&name) => Meaning::Failed,
            _ => Meaning::Nothing,
        }
    }

    /// The replies in the order of the questions, for a service with unknown prompts.
    pub fn in_order(&self) -> Vec<Reply> {
        let target = match self.unit {
            Unit::Line => vec![self.number("customer number")],
            Unit::Number | Unit::AdminUser if self.is_offered() => vec![self.offered()],
            Unit::Number | Unit::AdminUser => vec![self.offered(), self.number("number")],
        };
        [vec![self.unit()], target, vec![self.password(), CONFIRM()]].concat()
    }

    fn unit(&self) -> Reply {
        let key = match self.unit {
            Unit::Line => Key::D1,
            Unit::Number => Key::D2,
            Unit::AdminUser => Key::D3,
        };
        Reply { keys: vec![key], what: "unit" }
    }

    /// Whether the offered number, which is the calling one, is the ordered one.
    fn is_offered(&self) -> bool {
        self.target.is_none_or(|target| target == self.from)
    }

    fn offered(&self) -> Reply {
        match self.is_offered() {
            true => Reply { keys: vec![Key::D1], what: "this number" },
            false => Reply { keys: vec![Key::D5], what: "another number" },
        }
    }

    fn number(&self, what: &'static str) -> Reply {
        Reply { keys: entry(self.target.unwrap_or(self.from).as_str()), what }
    }

    /// The reply that refuses a password read back.
    pub fn correction() -> Reply {
        Reply { keys: vec![Key::D2], what: "correction" }
    }

    /// The password as the service understands it: `*` clears the digits before it.
    fn meant(&self) -> &str {
        let keyed = self.password.expose();
        keyed.rsplit('*').next().unwrap_or(keyed)
    }

    fn password(&self) -> Reply {
        Reply { keys: entry(self.password.expose()), what: "password" }
    }
}

/// The keys of an entry, ended by `#`.
fn entry(text: &str) -> Vec<Key> {
    text.chars().filter_map(Key::from_char).chain([Key::POUND]).collect()
}

/// The password as it is being read back.
#[derive(Debug, Default)]
pub struct ReadBack {
    digits: Secret,
}

impl ReadBack {
    /// Follows the prompts. True at the end of the read-back of another password than the ordered one.
    pub fn hears_another(&mut self, prompt: &str, order: &Order) -> bool {
        match (prompt, prompt.strip_prefix("digit-")) {
            ("read-back-before", _) => self.digits.clear(),
            ("read-back-after", _) => return self.digits.expose() != order.meant(),
            (_, Some(digit)) => digit.chars().for_each(|digit| self.digits.push(digit)),
            (_, None) => {}
        }
        false
    }
}

const CONFIRM: fn() -> Reply = || Reply { keys: vec![Key::D1], what: "confirmation" };

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::ivr::ALL_PROMPTS;

    fn order(unit: Unit, target: Option<&str>) -> Order {
        let number = |text: &str| PhoneNumber::parse(text).unwrap();
        Order { unit, from: number("0600001111"), target: target.map(number), password: Secret::from("48151623") }
    }

    fn keys(order: &Order) -> Vec<String> {
        order.in_order().into_iter().map(|reply| reply.keys.into_iter().map(char::from).collect()).collect()
    }

    #[test]
    fn each_unit_is_keyed_its_own_way() {
        assert_eq!(keys(&order(Unit::Line, None)), ["1", "0600001111#", "48151623#", "1"]);
        assert_eq!(keys(&order(Unit::Number, None)), ["2", "1", "48151623#", "1"]);
        assert_eq!(keys(&order(Unit::AdminUser, Some("0600002222"))), ["3", "5", "0600002222#", "48151623#", "1"]);
    }

    #[test]
    fn no_reply_shows_its_keys() {
        let shown = format!("{:?}", order(Unit::AdminUser, Some("0600002222")).in_order());
        assert!(!shown.contains(|c: char| c.is_ascii_digit()), "{shown}");
    }

    #[test]
    fn another_password_read_back_is_noticed_and_the_ordered_one_accepted() {
        let mut order = order(Unit::Line, None);
        let mut read_back = ReadBack::default();
        let mut hear = |order: &Order, digits: &str| {
            let digits = digits.chars().map(|digit| format!("digit-{digit}"));
            let all =
                std::iter::once("read-back-before".to_owned()).chain(digits).chain(["read-back-after".to_owned()]);
            all.fold(false, |_, prompt| read_back.hears_another(&prompt, order))
        };
        assert!(!hear(&order, "48151623"));
        assert!(hear(&order, "4815623"));
        assert!(!hear(&order, "48151623"), "each read-back counts for itself");
        order.password = Secret::from("99*4815");
        assert!(!hear(&order, "4815"));
    }

    #[test]
    fn every_prompt_named_here_is_one_that_the_service_has() {
        let known: Vec<&str> = ALL_PROMPTS.iter().map(|prompt| prompt.as_str()).collect();
        for name in FAILURES {
            assert!(known.contains(name), "{name}");
        }
        let order = order(Unit::Line, None);
        let meant = known.iter().filter(|name| order.meaning(name) != Meaning::Nothing).count();
        assert_eq!(meant, FAILURES.len() + 8);
    }
}
