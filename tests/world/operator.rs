//! The operator at work, by a handle of the store of their own: what `karipass contract`, `account` and `prune` do.

use karipass::internals::account::password::{self, Cost};
use karipass::internals::account::{Action, Existing, Store};
use karipass::secret::Secret;
use karipass::unit::Unit;
use rand::RngExt;

use crate::disk::WORLD;
use crate::plan::{Operation, any_number, contracts};
use crate::world::World;

/// What the operator sets as an account's own password.
const OWN: &str = "walnut-16-ferry";

/// Does it now, for some number.
pub fn operate(world: &mut World, operation: Operation) {
    let now = world.moment().wall;
    let number = any_number(&mut world.random);
    let unit = Unit::ALL[world.random.random_range(0..3)];
    let store = world.disk.truth();
    match operation {
        Operation::RemoveContract => {
            let Some(contract) = store.line_of(number).unwrap() else { return };
            store.remove_contract(contract.customer_number, &WORLD, now).unwrap();
            world.book.contract_removed(contract.customer_number);
            world.book.audited(Action::ContractRemoved, contract.customer_number);
        }
        Operation::RemoveNumber => {
            if store.remove_number(number, &WORLD, now).is_ok() {
                world.book.number_removed(number);
                world.book.audited(Action::NumberRemoved, number);
            }
        }
        Operation::AddBack => {
            for contract in contracts() {
                store.save_contracts(std::slice::from_ref(&contract), Existing::Update, &WORLD, now).unwrap();
            }
            let stored = store.contracts().unwrap();
            world.book.contracts_are(stored);
        }
        Operation::TakeService(service) => {
            let Some(mut contract) = store.line_of(number).unwrap() else { return };
            for own in &mut contract.numbers {
                own.services = own.services.iter().filter(|kept| *kept != service).collect();
            }
            store.save_contracts(&[contract], Existing::Update, &WORLD, now).unwrap();
            let stored = store.contracts().unwrap();
            world.book.contracts_are(stored);
        }
        Operation::Unlock => {
            store.unlock(unit, number, &WORLD, now).unwrap();
        }
        Operation::SetOwnPassword => {
            let hash = password::hash(&Secret::from(OWN), Cost::CHEAP, &mut world.random).unwrap();
            if store.set_own_password(unit, number, &hash, &WORLD, now).is_ok() {
                world.book.temporaries.remove(&(unit, number));
                world.book.own.insert((unit, number), OWN.to_owned());
                world.book.audited(Action::PasswordSet, number);
            }
        }
        Operation::Prune => {
            let kept = 24 * 60 * 60;
            store.prune(now.plus(-kept), 10).unwrap();
            world.book.prunes(now.plus(-kept));
        }
    }
}
