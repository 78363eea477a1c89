//! The reach of a login: which numbers of its contract an account may see and set.

use crate::number::PhoneNumber;
use crate::unit::Unit;

use super::{Contract, ContractedNumber};

impl Contract {
    /// The numbers that the account `number` of `unit` reaches, with their services; none when there is no such account.
    ///
    /// The line unit logs in with the customer number and reaches everything; the number unit reaches that number alone;
    /// of the admin/user unit, the contract number is the administrator of all, and an additional number reaches itself.
    pub fn reach(&self, unit: Unit, number: PhoneNumber) -> Vec<ContractedNumber> {
        let is_contract_number = number == self.customer_number;
        match unit {
            Unit::Line | Unit::AdminUser if is_contract_number => self.numbers.clone(),
            Unit::Line => Vec::new(),
            Unit::Number | Unit::AdminUser => self.numbers.iter().filter(|own| own.number == number).copied().collect(),
        }
    }
}
