//! How far a login reaches, by any address and any field.

use karipass::internals::account::mail::{AddressConfirmation, MailFilter, TokenHash};
use karipass::internals::account::setting::FaxMail;
use karipass::internals::account::{Contract, Service, Services, Store};
use karipass::number::{PhoneNumber, hyphenated};
use karipass::time::UnixTime;
use karipass::unit::Unit;
use proptest::prelude::*;
use serde_json::json;

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

/// What is set for a number's service in these tests: words that stand nowhere else, to be found wherever it leaks.
struct Kept {
    number: PhoneNumber,
    service: Service,
    words: Vec<String>,
}

/// Sets every service of every number to something of its own, and has a fax for each that takes faxes.
fn keep(world: &World, contracts: &[Contract]) -> Vec<Kept> {
    let (mut store, mut kept) = (world.store(), Vec::new());
    let numbers = contracts.iter().flat_map(|contract| contract.numbers().map(move |number| (contract, number)));
    for (index, (contract, of)) in numbers.enumerate() {
        for service in Service::ALL.into_iter().filter(|service| contract.services_of(of).has(*service)) {
            let word = format!("keep-{service}-{index}");
            let telephone = number(&format!("0908{index:03}{:04}", word.len()));
            let address = format!("{word}@example.jp");
            let detail = match service {
                Service::Voicewarp => json!({"destinations": [telephone, null, null, null]}),
                Service::ArrivalMail => json!({"addresses": [address]}),
                Service::BulkTransfer => json!({"destination": telephone}),
                Service::FaultNotice => json!({"contractor": word, "addresses": [address]}),
                Service::FaxMail => json!({"address": address, "confirmed": index % 2 == 0}),
            };
            set(&mut store, of.as_str(), service, true, &detail);
            let mut words = match service {
                Service::Voicewarp | Service::BulkTransfer => Vec::new(),
                Service::ArrivalMail | Service::FaultNotice | Service::FaxMail => vec![word],
            };
            if words.is_empty() || service == Service::FaxMail {
                words.extend([hyphenated(telephone), telephone.to_string()]);
            }
            if service == Service::FaxMail {
                let fax = fax(Some(telephone.as_str()), of.as_str(), "plain.tif");
                happen(&mut store, &fax, 0).unwrap();
            }
            kept.push(Kept { number: of, service, words });
        }
    }
    kept
}

/// Everything that the store has of a number's service.
fn state(world: &World, kept: &Kept) -> String {
    let store = world.store();
    let filter = MailFilter { number: Some(kept.number), ..MailFilter::default() };
    let (mails, faxes) = (store.mails(&filter).unwrap().len(), store.faxes(kept.number).unwrap());
    let setting = store.setting(kept.number, kept.service).unwrap();
    if kept.service == Service::FaxMail { format!("{setting:?} {faxes:?} {mails}") } else { format!("{setting:?}") }
}

/// A login of a unit in one of the contracts, and how far it reaches by its table.
struct Account<'a> {
    unit: Unit,
    number: PhoneNumber,
    own: &'a Contract,
}

impl Account<'_> {
    fn may(&self, target: PhoneNumber, service: Service) -> bool {
        let everything =
            self.unit == Unit::Line || (self.unit == Unit::AdminUser && self.number == self.own.customer_number);
        let within = if everything { self.own.has(target) } else { target == self.number };
        within && self.own.services_of(target).has(service)
    }
}

/// Sends whatever could name a number to a path; the answers.
fn tried(
    browser: &mut Browser,
    path: &str,
    csrf: &str,
    target: PhoneNumber,
    own: PhoneNumber,
    fax: i64,
) -> Vec<Answer> {
    let (target, own, id) = (target.as_str(), own.as_str(), fax.to_string());
    let fields = |number: &'static str, named: &str| {
        let mut fields: Vec<(&str, String)> = vec![("csrf", csrf.to_owned()), (number, named.to_owned())];
        let rest = [
            ("revision", "1"),
            ("step", "save"),
            ("active", "stop"),
            ("address", ""),
            ("addresses", ""),
            ("callers", "all"),
            ("condition", "always"),
            ("ring_seconds", "20"),
            ("in_use", "1"),
            ("select", "off"),
            ("fax", &id),
            ("id", &id),
            ("customer_number", target),
            ("target", target),
            ("as", "tiff"),
        ];
        fields.extend(rest.map(|(name, value)| (name, value.to_owned())));
        fields
    };
    let mut post = |address: &str, fields: Vec<(&str, String)>| {
        let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
        browser.post(address, &fields)
    };
    let mut answers = vec![
        post(&format!("{path}?number={target}"), fields("none", "")),
        post(path, fields("number", target)),
        post(&format!("{path}?number={own}"), fields("number", target)),
        post(path, [fields("number", own), fields("number", target)].concat()),
        post(path, [vec![("step", "delete".to_owned())], fields("number", target)].concat()),
        post(path, [vec![("step", "delete".to_owned())], fields("number", own)].concat()),
    ];
    let file = format!("{target},0312345678,start\n");
    answers.push(browser.upload(path, csrf, file.as_bytes()));
    for query in [
        format!("number={target}"),
        format!("number={target}&id={fax}&as=pdf"),
        format!("number={own}&number={target}&id={fax}&as=tiff"),
        format!("id={fax}&as=tiff&customer_number={target}"),
    ] {
        answers.push(browser.get(&format!("{path}?{query}")));
    }
    answers
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 6, ..ProptestConfig::default() })]

    /// Of every path that there is: it shows nothing of a number and service outside the reach, and changes nothing there.
    #[test]
    fn no_path_shows_or_changes_what_is_outside_the_reach(contracts in contracts(), unit in 0usize..3, which in 0usize..8) {
        let world = World::new(&contracts);
        let kept = keep(&world, &contracts);
        let numbers: Vec<_> = contracts.iter().flat_map(|contract| contract.numbers()).collect();
        let unit = Unit::ALL[unit];
        let number = match unit {
            Unit::Line => contracts[which % 2].customer_number,
            Unit::Number | Unit::AdminUser => numbers[which % numbers.len()],
        };
        let own = contracts.iter().find(|contract| contract.has(number)).unwrap();
        let account = Account { unit, number, own };
        let (within, outside): (Vec<_>, Vec<_>) = kept.iter().partition(|kept| account.may(kept.number, kept.service));
        let before: Vec<String> = outside.iter().map(|kept| state(&world, kept)).collect();
        let leaks = |answer: &Answer, hidden: &[&Kept]| {
            let text = answer.text();
            let document = matches!(answer.header("content-type"), "image/tiff" | "application/pdf");
            let word = hidden.iter().flat_map(|kept| &kept.words).find(|word| text.contains(*word)).cloned();
            word.or(document.then(|| "a fax".to_owned()))
        };
        // what is within reach shows what these words are: so they are to be found where they leak
        let mut browser = world.member(unit, number.as_str());
        for kept in &within {
            let text = browser.get(&format!("/{}?number={}", kept.service, kept.number)).text();
            prop_assert!(kept.words.iter().any(|word| text.contains(word)), "{} {}", kept.number, kept.service);
        }
        let of = |target| world.store().faxes(target).unwrap().first().map_or(99, |fax| fax.id);
        let faxes: Vec<(PhoneNumber, i64)> = numbers.iter().map(|target| (*target, of(*target))).collect();
        for path in karipass::internals::site::paths() {
            for (target, fax) in &faxes {
                let csrf = match browser.get("/password") {
                    page if page.status == 200 => page.hidden("csrf"),
                    _ => {
                        // the path before was the way out
                        browser = world.member(unit, number.as_str());
                        browser.csrf()
                    }
                };
                let reaches_fax = account.may(*target, Service::FaxMail);
                for answer in tried(&mut browser, path, &csrf, *target, number, *fax) {
                    let leaked = leaks(&answer, &outside).filter(|what| what != "a fax" || !reaches_fax);
                    prop_assert_eq!(leaked, None, "{} {} at {} for {}", unit, number, path, target);
                }
            }
            // whoever is not logged in sees nothing of anybody
            let mut nobody = world.browser();
            for (target, fax) in &faxes {
                let answer = nobody.get(&format!("{path}?number={target}&id={fax}&as=tiff"));
                prop_assert_eq!(leaks(&answer, &kept.iter().collect::<Vec<_>>()), None, "{} for {}", path, target);
            }
        }
        let after: Vec<String> = outside.iter().map(|kept| state(&world, kept)).collect();
        prop_assert_eq!(before, after, "{} {}", unit, number);
    }
}

/// A link confirms the address that it was sent for, whatever number is named beside it.
#[test]
fn a_mailed_link_reaches_its_own_number_only() {
    let all = Contract::new(number("0600001111"), Services::ALL).with(number("0600002222"), Services::ALL);
    let world = World::new(&[all]);
    let mut store = world.store();
    for of in ["0600001111", "0600002222"] {
        set(
            &mut store,
            of,
            Service::FaxMail,
            true,
            &json!({"address": format!("fax-{of}@example.jp"), "confirmed": false}),
        );
    }
    let token = "0123456789abcdef".repeat(4);
    let offered = AddressConfirmation {
        token: TokenHash::of(&token),
        number: number("0600001111"),
        address: "fax-0600001111@example.jp".to_owned(),
        expires_at: UnixTime(START + 60),
    };
    store.offer_confirmation(&offered, UnixTime(START)).unwrap();
    let mut reader = world.browser();
    let asked = reader.get(&format!("/fax-mail/confirm?token={token}&number=0600002222"));
    assert!(asked.has("fax-0600001111@example.jp") && !asked.has("fax-0600002222"), "{}", asked.text());
    let fields = [("token", token.as_str()), ("number", "0600002222"), ("address", "fax-0600002222@example.jp")];
    let confirmed = reader.post("/fax-mail/confirm?number=0600002222", &fields);
    assert!(confirmed.status == 200 && !confirmed.has("0600002222"), "{}", confirmed.text());
    let confirmed = ["0600001111", "0600002222"]
        .map(|of| store.setting(number(of), Service::FaxMail).unwrap().read::<FaxMail>().unwrap().detail.confirmed);
    assert_eq!(confirmed, [true, false]);
}

/// The browser tests look at every page: they read their list of paths from a file, since they cannot ask the router.
#[test]
fn the_browser_tests_know_every_path() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/browser/paths.json");
    let known: Vec<String> = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    assert_eq!(
        known,
        karipass::internals::site::paths(),
        "tests/browser/paths.json is the list that pages.test.mjs goes by"
    );
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
                if service == Service::FaxMail {
                    let inbox = format!("/fax-mail/inbox?number={target}");
                    prop_assert_eq!(browser.get(&inbox).status, expected, "{} {} GET {}", unit, account, &inbox);
                    let fields = [("csrf", csrf.as_str()), ("number", target.as_str()), ("fax", "1"), ("step", "delete")];
                    let expected = if expected == 200 { 303 } else { 404 };
                    for path in ["/fax-mail/inbox", "/fax-mail/confirmation"] {
                        prop_assert_eq!(browser.post(path, &fields).status, expected, "{} {} {}", unit, account, path);
                    }
                }
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
