//! How far a login reaches, by any address and any field.

use karipass::account::{Contract, Service, Services};
use karipass::unit::Unit;
use proptest::prelude::*;

use super::support::*;

/// The services that the top page offers, as addresses.
fn offered(browser: &mut Browser) -> Vec<String> {
    let text = browser.get("/").text();
    text.match_indices("<li><a href=\"")
        .map(|(at, lead)| text[at + lead.len()..].split('"').next().unwrap().to_owned())
        .collect()
}

#[test]
fn the_example_reaches_what_its_table_says() {
    let world = World::new(&[example()]);
    let all = ["/arrival-mail?number=0600001111", "/arrival-mail?number=0600002222", "/fax-mail?number=0600002222"];
    for (unit, account, reach) in [
        (Unit::Line, "0600001111", &all[..]),
        (Unit::Number, "0600001111", &all[..1]),
        (Unit::Number, "0600002222", &all[1..]),
        (Unit::AdminUser, "0600001111", &all[..]),
        (Unit::AdminUser, "0600002222", &all[1..]),
    ] {
        let mut browser = world.member(unit, account);
        assert_eq!(offered(&mut browser), reach, "{unit} {account}");
        for path in all {
            let expected = if reach.contains(&path) { 200 } else { 404 };
            assert_eq!(browser.get(path).status, expected, "{unit} {account} {path}");
        }
        for service in ["voicewarp", "bulk-transfer", "fault-notice"] {
            assert_eq!(browser.get(&format!("/{service}")).status, 404, "not contracted");
        }
    }
    // the line unit has one account only
    world.own_password(Unit::Number, "0600002222", OWN, 0);
    assert_eq!(world.browser().log_in(Unit::Line, "0600002222", OWN).status, 403);
}

fn contracts() -> impl Strategy<Value = Vec<Contract>> {
    let services = || prop::sample::subsequence(Service::ALL.to_vec(), 0..=5).prop_map(Services::from_iter);
    let two = prop::collection::vec(prop::collection::vec(services(), 1..4), 2);
    two.prop_map(|contracts| {
        let contract = |(which, numbers): (usize, Vec<Services>)| {
            let name = |place: usize| number(&format!("06{which}000{place:04}"));
            let mut numbers = numbers.into_iter().enumerate();
            let (_, first) = numbers.next().unwrap();
            numbers.fold(Contract::new(name(0), first), |contract, (place, has)| contract.with(name(place), has))
        };
        contracts.into_iter().enumerate().map(|(which, numbers)| contract((which + 1, numbers))).collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    #[test]
    fn no_address_and_no_field_reaches_further(contracts in contracts(), unit in 0usize..3, which in 0usize..8) {
        let unit = Unit::ALL[unit];
        let world = World::new(&contracts);
        let numbers: Vec<_> = contracts.iter().flat_map(|contract| contract.numbers()).collect();
        let account = match unit {
            Unit::Line => contracts[which % 2].customer_number,
            Unit::Number | Unit::AdminUser => numbers[which % numbers.len()],
        };
        let own = contracts.iter().find(|contract| contract.has(account)).unwrap();
        let everything = unit == Unit::Line || (unit == Unit::AdminUser && account == own.customer_number);
        let may = |target, service| {
            let within = if everything { own.has(target) } else { target == account };
            within && own.services_of(target).has(service)
        };
        let mut browser = world.member(unit, account.as_str());
        let csrf = browser.csrf();
        for target in &numbers {
            for service in Service::ALL {
                let expected = if may(*target, service) { 200 } else { 404 };
                let path = format!("/{service}?number={target}");
                prop_assert_eq!(browser.get(&path).status, expected, "{} {} GET {}", unit, account, &path);
                // by a field with or without an address
                let fields = [
                    ("csrf", csrf.as_str()), ("number", target.as_str()), ("revision", "0"), ("step", "save"),
                    ("active", "stop"), ("address", ""), ("callers", "all"), ("condition", "always"),
                    ("ring_seconds", "20"), ("in_use", "1"), ("select", "off"),
                ];
                let first = browser.post(&format!("/{service}"), &fields).status;
                prop_assert_eq!(first, if may(*target, service) { 303 } else { 404 }, "{} {} field {}", unit, account, target);
                for other in numbers.iter().filter(|other| *other != target) {
                    let mixed = browser.post(&format!("/{service}?number={other}"), &fields).status;
                    prop_assert_eq!(mixed, 404, "{} in the address, {} in the field", other, target);
                }
            }
        }
        if numbers.iter().any(|target| may(*target, Service::BulkTransfer)) {
            for target in &numbers {
                let file = format!("{target},0312345678,start\n");
                let expected = if may(*target, Service::BulkTransfer) { 200 } else { 422 };
                prop_assert_eq!(browser.upload("/bulk-transfer/csv", &csrf, file.as_bytes()).status, expected);
            }
        }
    }
}
