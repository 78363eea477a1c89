//! The example contract, for trying things out.

use crate::number::{NumberError, PhoneNumber};
use crate::time::UnixTime;

use super::{Actor, Contract, Existing, Services, Store, StoreError};

/// The example's customer number, which is its contract number.
pub const DEMO_CUSTOMER_NUMBER: &str = "0600001111";
/// The example's additional number.
pub const DEMO_ADDITIONAL_NUMBER: &str = "0600002222";

/// The example contract: two numbers with all services.
pub fn demo_contract() -> Result<Contract, NumberError> {
    let customer_number = PhoneNumber::parse(DEMO_CUSTOMER_NUMBER)?;
    let additional = PhoneNumber::parse(DEMO_ADDITIONAL_NUMBER)?;
    Ok(Contract::new(customer_number, Services::ALL).with(additional, Services::ALL))
}

/// Puts the example contract into a store without contracts; refuses one that holds others. Its passwords
/// stay.
pub fn demo(store: &mut (impl Store + ?Sized), by: &Actor, now: UnixTime) -> Result<Contract, StoreError> {
    let not_for_demo = || StoreError::NotForDemo { store: store.name() };
    let example = demo_contract().map_err(|_| not_for_demo())?;
    match store.contracts()?.as_slice() {
        [] => store.save_contracts(std::slice::from_ref(&example), Existing::Refuse, by, now).map(|_| ())?,
        [only] if only.customer_number == example.customer_number => {
            store.save_contracts(std::slice::from_ref(&example), Existing::Update, by, now).map(|_| ())?;
        }
        [..] => return Err(not_for_demo()),
    }
    Ok(example)
}
