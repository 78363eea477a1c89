//! Subscribers at the settings site: logins with passwords that are right, wrong, old or used, alone and two at once; the own password;
//! how far a login reaches. What must hold of a visit is held as it happens.

use karipass::internals::account::{Action, Credential, Store, TEMPORARY_SECONDS};
use karipass::internals::lock::Lock;
use karipass::number::PhoneNumber;
use karipass::time::Moment;
use karipass::unit::Unit;
use rand::RngExt;
use rand::rngs::StdRng;

use crate::forms;
use crate::plan::{Mood, any_number, contracts, password};
use crate::site::{Answer, Site};
use crate::support::rng;
use crate::world::World;

/// By what somebody logs in.
struct Login {
    unit: Unit,
    number: PhoneNumber,
    password: String,
    /// What it is, for the trace.
    kind: &'static str,
}

/// Somebody comes to the site, if there is one.
pub fn visit(world: &mut World, seed: u64) {
    let random = &mut rng(seed, 5);
    let Some(login) = choose(world, random) else { return };
    if world.service.as_ref().is_none_or(|service| service.life + 1 != world.lives()) {
        return;
    }
    let mut site = world.site.take().unwrap_or_else(|| Site::open(&world.disk, rng(seed, 6)));
    let now = world.moment();
    let before = world.disk.truth().credential(login.unit, login.number).unwrap();
    let times = if random.random_bool(0.3) { 2 } else { 1 };
    world.disk.turns(now.time);
    let answers = site.log_in(now, random, (login.unit, login.number), &login.password, times);
    let shown: Vec<String> = answers.iter().map(|answer| format!("{} {}", answer.status, answer.location)).collect();
    world.trace.note(now.time, || {
        let Login { unit, number, kind, .. } = &login;
        format!("site: {unit} {number} logs in {times} times ({kind}): {shown:?}")
    });
    let complaints = judge(world, now, &login, before.as_ref(), &answers);
    world.book.broken.extend(complaints);
    let opened =
        answers.iter().find_map(|answer| answer.cookie.clone().map(|cookie| (cookie, answer.location.clone())));
    for _ in answers.iter().filter(|answer| answer.cookie.is_some()) {
        world.book.audited(Action::LoggedIn, login.number);
    }
    if let Some((mut cookie, location)) = opened {
        if location == "/password" {
            cookie = own_password(world, &mut site, random, &login, cookie);
        }
        reaches_no_further(world, &mut site, random, &login, &cookie);
        let reach = reach_of(world, &login);
        forms::set_a_service(world, &mut site, random, |number| reach.contains(&number), &cookie);
    }
    world.site = Some(site);
}

fn choose(world: &World, random: &mut StdRng) -> Option<Login> {
    let login = |unit, number, password: &str, kind| Login { unit, number, password: password.to_owned(), kind };
    let current = world.book.temporaries.iter();
    let mut known: Vec<Login> =
        current.map(|((unit, number), set)| login(*unit, *number, set.password.expose(), "temporary")).collect();
    let asked = world.book.calls.values().filter_map(|facts| facts.asked.as_ref());
    known.extend(asked.map(|asked| login(asked.unit, asked.number, asked.password.expose(), "keyed once")));
    known.extend(world.book.own.iter().map(|((unit, number), own)| login(*unit, *number, own, "own")));
    if random.random_bool(0.2) || known.is_empty() {
        let unit = Unit::ALL[random.random_range(0..3)];
        return Some(login(unit, any_number(random), &password(random), "wrong"));
    }
    let index = random.random_range(0..known.len());
    known.into_iter().nth(index)
}

/// A temporary password opens the site once, within its 24 hours, while it is the account's newest; a locked account opens to nobody.
fn judge(
    world: &mut World,
    Moment { time, wall }: Moment,
    Login { unit, number, password, .. }: &Login,
    before: Option<&Credential>,
    answers: &[Answer],
) -> Vec<String> {
    let account = (*unit, *number);
    let opened =
        |location: &str| answers.iter().filter(|answer| answer.status == 303 && answer.location == location).count();
    let is_locked = before.is_some_and(|before| before.standing.locked(wall, Lock::default()).is_some());
    let is_own = world.book.own.get(&account).is_some_and(|own| own == password);
    // one that was set by a clock that has been put back since has to be set anew
    let (by_temporary, by_own) = match is_own {
        true => (0, opened("/") + opened("/password")),
        false => (opened("/password"), opened("/")),
    };
    let is_well = matches!(world.disk.mood(time), Mood::Well | Mood::Slow(_));
    let temporary = world.book.temporaries.get_mut(&account).filter(|set| set.password.expose() == password);
    let is_valid =
        temporary.as_ref().is_some_and(|set| !set.used && set.expires_at.ends_within(wall, 2 * TEMPORARY_SECONDS));
    if let Some(temporary) = temporary {
        temporary.used |= by_temporary > 0;
    }
    let mut complaints = vec![];
    let mut check = |wrong: bool, what: &str| {
        if wrong {
            complaints.push(format!("{unit} {number}: {what}"));
        }
    };
    check(by_temporary > 0 && !is_valid, "opened by a temporary password that is none any more");
    check(by_temporary > 1, "one temporary password opened the site twice");
    check(by_own > 0 && !is_own, "opened by what is not its own password");
    check(by_temporary + by_own > 0 && is_locked, "opened though it is locked");
    check(is_valid && !is_locked && is_well && by_temporary == 0, "its temporary password does not open it");
    check(is_own && !is_locked && is_well && by_own == 0, "its own password does not open it");
    // where the store failed in between, it may have been used up for nothing
    let truth = world.disk.truth().credential(*unit, *number).unwrap().and_then(|found| found.temporary);
    if let (Some(truth), Some(set)) = (truth, world.book.temporaries.get_mut(&account)) {
        set.used = truth.used_at.is_some();
    }
    complaints
}

/// Sets the own password; the cookie of the session that follows.
fn own_password(world: &mut World, site: &mut Site, random: &mut StdRng, login: &Login, cookie: String) -> String {
    let (now, account) = (world.moment(), (login.unit, login.number));
    world.disk.turns(now.time);
    let page = site.get(now, random, "/password", &cookie);
    let Some(csrf) = page.hidden("csrf") else { return cookie };
    // one that was never set before: the site takes none twice
    let own = format!("kumquat-{}-tram", random.random_range(100_000..1_000_000));
    let form = format!("csrf={csrf}&current={}&new={own}&again={own}", login.password);
    let answer = site.post(now, random, "/password", &cookie, form);
    let kept = world.disk.truth().credential(login.unit, login.number).unwrap().and_then(|found| found.own);
    let is_set = kept.is_some_and(|kept| kept.hash.matches(&own.as_str().into()));
    if answer.status == 303 && !is_set {
        world.book.broken.push("an own password was said to be set, and is not in force".to_owned());
    }
    if is_set {
        world.book.audited(Action::PasswordSet, login.number);
        world.book.own.insert(account, own);
        world.book.temporaries.remove(&account);
    }
    if answer.cookie.is_some() {
        world.book.audited(Action::LoggedIn, login.number);
    }
    answer.cookie.unwrap_or(cookie)
}

/// The line, and the contract number as administrator, reach every number of the contract; any other login its own.
fn reach_of(world: &World, login: &Login) -> Vec<PhoneNumber> {
    let Some(contract) = world.book.contracts.iter().find(|contract| contract.has(login.number)) else {
        return vec![login.number];
    };
    let all = match login.unit {
        Unit::Line => true,
        Unit::AdminUser => contract.customer_number == login.number,
        Unit::Number => false,
    };
    if all { contract.numbers().collect() } else { vec![login.number] }
}

fn reaches_no_further(world: &mut World, site: &mut Site, random: &mut StdRng, login: &Login, cookie: &str) {
    let reach = reach_of(world, login);
    for number in contracts().iter().flat_map(|contract| contract.numbers()) {
        let now = world.moment();
        world.disk.turns(now.time);
        let answer = site.get(now, random, &format!("/arrival-mail?number={number}"), cookie);
        if answer.status == 200 && !reach.contains(&number) {
            world.book.broken.push(format!("{} {} reaches {number}", login.unit, login.number));
        }
    }
}
