//! Subscribers who set a service: within their reach and beyond it, from a page that is fresh or was overtaken. What must hold of a form is
//! held as it is answered.

use karipass::internals::account::{Action, Effects, Service, Setting, SettingChange, Store};
use karipass::number::PhoneNumber;
use rand::RngExt;
use rand::rngs::StdRng;

use crate::disk::WORLD;
use crate::plan::{Mood, any_number};
use crate::site::Site;
use crate::world::World;

const SERVICE: Service = Service::ArrivalMail;

/// Sets the arrival mails of some number; `within`: those that the login reaches.
pub fn set_a_service(
    world: &mut World,
    site: &mut Site,
    random: &mut StdRng,
    within: impl Fn(PhoneNumber) -> bool,
    cookie: &str,
) {
    let number = any_number(random);
    let page = format!("/{SERVICE}?number={number}");
    let now = world.moment();
    world.disk.turns(now.time);
    // the token of a page that is within reach goes with a form that may not be
    let Some(csrf) = site.get(now, random, "/", cookie).hidden("csrf") else { return };
    let revision = site.get(now, random, &page, cookie).hidden("revision");
    let is_overtaken = random.random_bool(0.3) && change_meanwhile(world, number);
    let before = setting(world, number);
    let revision = revision.unwrap_or_else(|| before.revision.to_string());
    let address = format!("form-{}@example.jp", random.random_range(0..u32::MAX));
    let fields =
        format!("csrf={csrf}&revision={revision}&step=save&active=start&callers=all&listed=&addresses={address}");
    world.disk.turns(now.time);
    let answer = site.post(now, random, &page, cookie, fields);
    let after = setting(world, number);
    let is_set = after.detail.contains(&address);
    let (is_said, mood) = (answer.status == 303 && answer.location.ends_with("&done"), world.disk.mood(now.time));
    let contracted =
        world.book.contracts.iter().any(|contract| contract.services_of(number).iter().any(|kept| kept == SERVICE));
    world.trace.note(now.time, || format!("site: {SERVICE} of {number}: {} {}", answer.status, answer.location));
    let mut check = |wrong: bool, what: &str| {
        if wrong {
            world.book.broken.push(format!("{SERVICE} of {number}: {what}"));
        }
    };
    check(is_said && !is_set, "said to be set, and is not");
    check(is_set && !is_said && mood != Mood::Unknown, "set, and not said to be");
    check(is_set && after.revision != before.revision + 1, "set without a revision of its own");
    check(!is_set && after != before, "half-set");
    check(is_set && !within(number), "set beyond the login's reach");
    check(is_set && !contracted, "set though it is not contracted");
    check(is_set && is_overtaken && revision != before.revision.to_string(), "set from a page that was overtaken");
    let is_well = matches!(mood, Mood::Well | Mood::Slow(_));
    check(
        !is_set && is_well && within(number) && contracted && !is_overtaken,
        "not set, and nothing stands against it",
    );
    if is_set {
        world.book.audited(Action::Other(format!("set-{SERVICE}")), number);
    }
}

fn setting(world: &mut World, number: PhoneNumber) -> Setting<String> {
    world.disk.truth().setting(number, SERVICE).unwrap()
}

/// Another browser is quicker; whether it could set anything.
fn change_meanwhile(world: &mut World, number: PhoneNumber) -> bool {
    let Setting { active, detail, revision, .. } = setting(world, number);
    let change = SettingChange { number, service: SERVICE, revision, active: !active, detail };
    let effects = Effects { changes: vec![change], ..Effects::default() };
    let now = world.moment().wall;
    let is_set = world.disk.truth().apply(&effects, &WORLD, now).is_ok();
    if is_set {
        world.book.audited(Action::Other(format!("set-{SERVICE}")), number);
    }
    is_set
}
