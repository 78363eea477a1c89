//! Random histories against the rules written down once more, as plainly as possible.

use std::collections::{BTreeMap, BTreeSet};

use karipass::internals::account::{Contract, Existing, Services, Store, StoreError, Verdict};
use karipass::time::UnixTime;
use karipass::unit::Unit;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};

use super::*;

const NUMBERS: [&str; 5] = ["0600001111", "0600002222", "0600003333", "0312345678", "09012345678"];
const CLEARS: [&str; 4] = ["48151623", "271828", "31415926", "16180339"];

/// What the store should know.
#[derive(Default)]
struct Rules {
    /// Numbers with their customer numbers.
    owners: BTreeMap<&'static str, &'static str>,
    accounts: BTreeMap<(Unit, &'static str), Account>,
}

#[derive(Default)]
struct Account {
    temporary: Option<(&'static str, UnixTime)>,
    own: Option<&'static str>,
    wrong: u32,
    locked_until: Option<UnixTime>,
}

impl Rules {
    fn may_have_password(&self, unit: Unit, of: &str) -> bool {
        self.owners.get(of).is_some_and(|owner| unit != Unit::Line || *owner == of)
    }

    fn verify(&mut self, unit: Unit, of: &'static str, clear: &str, now: UnixTime) -> Verdict {
        let Some(account) = self.accounts.get_mut(&(unit, of)) else { return Verdict::Unknown };
        match account.locked_until {
            Some(until) if now < until => return Verdict::Locked { until },
            Some(_) => (account.locked_until, account.wrong) = (None, 0),
            None => {}
        }
        let temporary = account.temporary.filter(|(password, _)| *password == clear);
        let verdict = match (temporary, account.own == Some(clear)) {
            (Some((_, expires_at)), _) if now < expires_at => Verdict::Temporary,
            (_, true) => Verdict::Own,
            (Some(_), false) => return Verdict::Expired,
            (None, false) => {
                account.wrong += 1;
                account.locked_until = (account.wrong == 3).then(|| now.plus(600));
                return Verdict::Wrong;
            }
        };
        account.wrong = 0;
        verdict
    }

    fn forget(&mut self, gone: &BTreeSet<&str>) {
        self.owners.retain(|number, _| !gone.contains(number));
        self.accounts.retain(|(_, number), _| !gone.contains(number));
    }
}

pub fn random_histories_follow_the_rules<B: Backend>(backend: &B) {
    for seed in 0..8 {
        let mut history = History::<B> {
            store: backend.open(),
            rules: Rules::default(),
            rng: StdRng::seed_from_u64(seed),
            now: NOW,
            told: vec![format!("seed {seed}")],
        };
        for _ in 0..120 {
            history.step();
        }
        history.clear();
    }
}

struct History<B: Backend> {
    store: B::Handle,
    rules: Rules,
    rng: StdRng,
    now: UnixTime,
    told: Vec<String>,
}

impl<B: Backend> History<B> {
    fn step(&mut self) {
        let rng = &mut self.rng;
        self.now = self.now.plus(*[0, 1, 300, 600, 86_399].choose(rng).unwrap());
        let unit = *Unit::ALL.choose(rng).unwrap();
        let (of, other) = (*NUMBERS.choose(rng).unwrap(), *NUMBERS.choose(rng).unwrap());
        let clear = *CLEARS.choose(rng).unwrap();
        match rng.random_range(0..12) {
            0 => self.add(of, other),
            1 if rng.random_bool(0.2) => self.remove_contract(of),
            1 => self.remove_number(of),
            2 | 3 => self.set_temporary(unit, of, clear),
            4 => self.set_own(unit, of, clear),
            5 => self.unlock(unit, of),
            _ => self.verify(unit, of, clear),
        }
    }

    fn tell(&mut self, what: String) -> String {
        self.told.push(format!("{} {what}", self.now.0 - NOW.0));
        self.told.join("\n")
    }

    fn add(&mut self, customer: &'static str, additional: &'static str) {
        let told = self.tell(format!("add {customer} {additional}"));
        let mut contract = Contract { customer_number: number(customer), numbers: Vec::new() };
        if additional != customer {
            contract = contract.with(number(additional), Services::NONE);
        }
        let owner = |of: &str| self.rules.owners.get(of).copied();
        let fits = owner(customer).is_none_or(|owner| owner == customer)
            && owner(additional).is_none_or(|owner| owner == customer);
        let done = self.store.save_contracts(&[contract], Existing::Update, &BY, self.now);
        assert_eq!(done.is_ok(), fits, "{done:?}\n{told}");
        if fits {
            self.rules.owners.insert(customer, customer);
            self.rules.owners.insert(additional, customer);
        }
    }

    fn remove_contract(&mut self, customer: &'static str) {
        let told = self.tell(format!("remove contract {customer}"));
        let gone: BTreeSet<&str> =
            self.rules.owners.iter().filter(|(_, owner)| **owner == customer).map(|(number, _)| *number).collect();
        let done = self.store.remove_contract(number(customer), &BY, self.now);
        assert_eq!(done.is_ok(), !gone.is_empty(), "{done:?}\n{told}");
        self.rules.forget(&gone);
    }

    fn remove_number(&mut self, of: &'static str) {
        let told = self.tell(format!("remove number {of}"));
        let is_additional = self.rules.owners.get(of).is_some_and(|owner| *owner != of);
        let done = self.store.remove_number(number(of), &BY, self.now);
        assert_eq!(done.is_ok(), is_additional, "{done:?}\n{told}");
        if is_additional {
            self.rules.forget(&BTreeSet::from([of]));
        }
    }

    fn set_temporary(&mut self, unit: Unit, of: &'static str, clear: &'static str) {
        let told = self.tell(format!("temporary {unit} {of} {clear}"));
        let results = self.store.set_temporary_passwords(&[prepared(unit, of, clear, self.now)]).unwrap();
        let refused = StoreError::NotContracted { unit, number: number(of) };
        if self.rules.may_have_password(unit, of) {
            assert_eq!(results, [Ok(())], "{told}");
            let account = self.rules.accounts.entry((unit, of)).or_default();
            account.temporary = Some((clear, self.now.plus(86_400)));
            (account.wrong, account.locked_until) = (0, None);
        } else {
            assert_eq!(results, [Err(refused)], "{told}");
        }
    }

    fn set_own(&mut self, unit: Unit, of: &'static str, clear: &'static str) {
        let told = self.tell(format!("own {unit} {of} {clear}"));
        let hash = prepared(unit, of, clear, self.now).hash;
        let done = self.store.set_own_password(unit, number(of), &hash, &BY, self.now);
        assert_eq!(done.is_ok(), self.rules.may_have_password(unit, of), "{told}");
        if done.is_ok() {
            let own = Account { own: Some(clear), ..Account::default() };
            self.rules.accounts.insert((unit, of), own);
        }
    }

    fn unlock(&mut self, unit: Unit, of: &'static str) {
        let told = self.tell(format!("unlock {unit} {of}"));
        let account = self.rules.accounts.get_mut(&(unit, of));
        assert_eq!(self.store.unlock(unit, number(of), &BY, self.now), Ok(account.is_some()), "{told}");
        if let Some(account) = account {
            (account.wrong, account.locked_until) = (0, None);
        }
    }

    fn verify(&mut self, unit: Unit, of: &'static str, clear: &'static str) {
        let told = self.tell(format!("verify {unit} {of} {clear}"));
        let expected = self.rules.verify(unit, of, clear, self.now);
        assert_eq!(verify(&mut self.store, unit, of, clear, self.now), expected, "{told}");
    }

    /// Leaves nothing for the next seed, and finds that nothing else was there.
    fn clear(&mut self) {
        let expected: BTreeSet<&str> = self.rules.owners.values().copied().collect();
        let contracts = self.store.contracts().unwrap();
        let found: BTreeSet<&str> = contracts.iter().map(|contract| contract.customer_number.as_str()).collect();
        assert_eq!(found, expected, "{}", self.told.join("\n"));
        assert_eq!(contracts.iter().map(|contract| contract.numbers.len()).sum::<usize>(), self.rules.owners.len());
        for contract in &contracts {
            self.store.remove_contract(contract.customer_number, &BY, self.now).unwrap();
        }
    }
}
