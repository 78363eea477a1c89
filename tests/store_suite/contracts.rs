//! Contracts, numbers and services.

use karipass::internals::account::{self, Contract, Existing, Saved, Services, Store, StoreError, Verdict};
use karipass::unit::Unit;

use super::*;

pub fn a_line_is_found_by_each_of_its_numbers<B: Backend>(backend: &B) {
    let store = with_example(backend);
    for own in ["0600001111", "0600002222"] {
        assert_eq!(store.line_of(number(own)).unwrap(), Some(example()), "{own}");
    }
    assert_eq!(store.line_of(number("0600003333")).unwrap(), None);
    assert_eq!(store.contract(number("0600001111")).unwrap(), Some(example()));
    assert_eq!(store.contract(number("0600002222")).unwrap(), None, "an additional number names no contract");
    // and what is committed is seen by whoever else has the store open
    assert_eq!(backend.open().line_of(number("0600002222")).unwrap(), Some(example()));
}

pub fn contracts_are_listed_in_order<B: Backend>(backend: &B) {
    let mut store = backend.open();
    assert_eq!(store.contracts().unwrap(), []);
    // a contract number comes first, and additional numbers as they were added, whatever their digits
    let late = Contract::new(number("0699990000"), Services::ALL).with(number("0312345678"), Services::NONE);
    let early = Contract::new(number("0311112222"), Services::NONE)
        .with(number("0399999999"), services("voicewarp"))
        .with(number("09012345678"), services("fault-notice+bulk-transfer"));
    store.save_contracts(&[late.clone(), early.clone()], Existing::Refuse, &BY, NOW).unwrap();
    assert_eq!(store.contracts().unwrap(), [early, late]);
}

pub fn adding_is_all_or_nothing<B: Backend>(backend: &B) {
    let mut store = with_example(backend);
    let good = Contract::new(number("0311112222"), Services::ALL);
    let bad = Contract::new(number("0333334444"), Services::ALL).with(number("0600002222"), Services::ALL);
    let taken = StoreError::NumberTaken { number: number("0600002222"), customer_number: number("0600001111") };
    for existing in [Existing::Refuse, Existing::Update] {
        assert_eq!(store.save_contracts(&[good.clone(), bad.clone()], existing, &BY, NOW), Err(taken.clone()));
        assert_eq!(store.contracts().unwrap(), [example()]);
    }
}

pub fn a_number_has_one_place<B: Backend>(backend: &B) {
    let mut store = with_example(backend);
    let again = store.save_contracts(&[example()], Existing::Refuse, &BY, NOW);
    let taken = |of| StoreError::NumberTaken { number: number(of), customer_number: number("0600001111") };
    assert_eq!(again, Err(taken("0600001111")));
    let additional_as_customer = Contract::new(number("0600002222"), Services::ALL);
    assert_eq!(store.save_contracts(&[additional_as_customer], Existing::Update, &BY, NOW), Err(taken("0600002222")));
    let twice = example().with(number("0600002222"), Services::ALL);
    let named_twice = StoreError::NumberTwice { number: number("0600002222") };
    assert_eq!(store.save_contracts(&[twice], Existing::Update, &BY, NOW), Err(named_twice));
    assert_eq!(store.contracts().unwrap(), [example()]);
}

pub fn updating_touches_only_what_is_named<B: Backend>(backend: &B) {
    let mut store = with_example(backend);
    let customer_number = number("0600001111");
    let mut change = Contract { customer_number, numbers: Vec::new() };
    change = change.with(number("0600002222"), services("voicewarp")).with(number("0600003333"), Services::ALL);
    let saved = store.save_contracts(&[change.clone()], Existing::Update, &BY, NOW).unwrap();
    assert_eq!(saved, Saved { contracts_added: 0, numbers_added: 1, numbers_changed: 1 });
    let after = store.contract(customer_number).unwrap().unwrap();
    assert_eq!(after.services_of(customer_number), services("arrival-mail"));
    assert_eq!(after.services_of(number("0600002222")), services("voicewarp"));
    assert_eq!(after.services_of(number("0600003333")), Services::ALL);
    assert_eq!(
        store.save_contracts(&[change], Existing::Update, &BY, NOW).unwrap(),
        Saved::default(),
        "nothing is new"
    );
}

pub fn the_contract_number_goes_in_without_being_named<B: Backend>(backend: &B) {
    let mut store = backend.open();
    let customer_number = number("0600001111");
    let rows = Contract { customer_number, numbers: Vec::new() }.with(number("0600002222"), Services::ALL);
    store.save_contracts(&[rows], Existing::Update, &BY, NOW).unwrap();
    let expected = Contract::new(customer_number, Services::NONE).with(number("0600002222"), Services::ALL);
    assert_eq!(store.contracts().unwrap(), [expected]);
}

pub fn a_removed_contract_takes_its_passwords_along<B: Backend>(backend: &B) {
    let mut store = with_example(backend);
    set_temporary(&mut store, Unit::Line, "0600001111", "48151623", NOW);
    store.remove_contract(number("0600001111"), &BY, NOW).unwrap();
    assert_eq!(store.contracts().unwrap(), []);
    let unknown = StoreError::UnknownContract { customer_number: number("0600001111") };
    assert_eq!(store.remove_contract(number("0600001111"), &BY, NOW), Err(unknown));
    // whoever gets the number next does not inherit the password
    store.save_contracts(&[example()], Existing::Refuse, &BY, NOW).unwrap();
    assert_eq!(verify(&mut store, Unit::Line, "0600001111", "48151623", NOW), Verdict::Unknown);
}

pub fn a_removed_number_takes_its_passwords_along<B: Backend>(backend: &B) {
    let mut store = with_example(backend);
    set_temporary(&mut store, Unit::Number, "0600002222", "48151623", NOW);
    store.remove_number(number("0600002222"), &BY, NOW).unwrap();
    assert_eq!(store.line_of(number("0600002222")).unwrap(), None);
    assert!(matches!(store.remove_number(number("0600002222"), &BY, NOW), Err(StoreError::NotContracted { .. })));
    store.save_contracts(&[example()], Existing::Update, &BY, NOW).unwrap();
    assert_eq!(verify(&mut store, Unit::Number, "0600002222", "48151623", NOW), Verdict::Unknown);
}

pub fn the_contract_number_stays_with_its_contract<B: Backend>(backend: &B) {
    let mut store = with_example(backend);
    let refused = StoreError::ContractNumber { number: number("0600001111") };
    assert_eq!(store.remove_number(number("0600001111"), &BY, NOW), Err(refused));
    assert_eq!(store.contracts().unwrap(), [example()]);
}

pub fn the_example_goes_only_into_a_store_of_its_own<B: Backend>(backend: &B) {
    let mut store = backend.open();
    let made = account::demo(&mut store, &BY, NOW).unwrap();
    assert_eq!(store.contracts().unwrap(), std::slice::from_ref(&made));
    set_temporary(&mut store, Unit::Line, "0600001111", "48151623", NOW);
    assert_eq!(account::demo(&mut store, &BY, NOW).unwrap(), made, "a second start finds it there");
    assert_eq!(verify(&mut store, Unit::Line, "0600001111", "48151623", NOW), Verdict::Temporary);

    let other = Contract::new(number("0311112222"), Services::ALL);
    store.save_contracts(std::slice::from_ref(&other), Existing::Refuse, &BY, NOW).unwrap();
    assert!(matches!(account::demo(&mut store, &BY, NOW), Err(StoreError::NotForDemo { .. })));
    assert_eq!(store.contracts().unwrap(), [other, made]);
}
