//! Keying in the password: its rules, clearing it, and making sure of it.

use super::*;

const READ_BACK: &str = "read-back-before 48151623 read-back-after";

#[track_caller]
fn refused(keys: &str, reason: &str) {
    let mut t = Trace::at_password(Config::default());
    t.presses(keys).hears(&format!("{reason} {ASK_PASSWORD}"));
    t.presses("48151623#").hears(READ_BACK).hears_no_more();
}

#[test]
fn each_bad_password_is_refused_with_its_reason() {
    refused("#", "password-too-short");
    refused("481#", "password-too-short");
    refused("481516239#", "password-too-long");
    refused(&format!("{}#", "7".repeat(5_000)), "password-too-long");
    refused("7777#", "password-one-digit");
    refused("3456#", "password-run");
    refused("98765432#", "password-run");
    refused("7890#", "password-run");
    refused("0000#", "password-one-digit");
    refused("1111#", "password-one-digit");
    // of the customer number, of the calling number, of the third number
    refused("06400011#", "password-own-number");
    refused("00222#", "password-own-number");
    refused("98765000#", "password-own-number");
}

#[test]
fn the_customer_number_and_the_calling_number_are_ones_own_in_any_case() {
    let line = Line { numbers: Vec::new(), ..line() };
    let mut t = Trace::on(line, Config::default());
    t.hears(GREETING).presses("2").hears(OFFER).presses("1").hears(ASK_PASSWORD).presses("40001111#");
    t.hears(&format!("password-own-number {ASK_PASSWORD}")).presses("40002222#");
    t.hears(&format!("password-own-number {ASK_PASSWORD}"));
}

#[test]
fn the_shortest_and_the_longest_are_accepted() {
    for password in ["4815", "48151", "4815162", "48151623"] {
        let mut t = Trace::at_password(Config::default());
        t.presses(password).presses("#").hears(&format!("read-back-before {password} read-back-after"));
    }
}

#[test]
fn a_star_clears_and_is_no_invalid_entry() {
    let mut t = Trace::at_password(Config::default());
    for _ in 0..10 {
        t.presses("99*").hears(&format!("cleared {ASK_PASSWORD}"));
    }
    t.presses("481516239*").hears(&format!("cleared {ASK_PASSWORD}"));
    t.presses("48151623#").hears(READ_BACK).presses("1").stores(Unit::Line, "0640001111", "48151623");
}

#[test]
fn a_star_clears_a_number_too() {
    let mut t = Trace::new();
    t.hears(GREETING).presses("1").hears("ask-customer-number").presses("0600*");
    t.hears("cleared ask-customer-number").presses("0640001111#").begins_to_hear(ASK_PASSWORD);

    let mut t = Trace::new();
    t.hears(GREETING).presses("2").hears(OFFER).presses("5").hears("ask-number").presses("0600*");
    t.hears("cleared ask-number").presses("0640001111#").begins_to_hear(ASK_PASSWORD);
}

#[test]
fn after_the_read_back_it_can_be_entered_again_as_often_as_wanted() {
    let mut t = Trace::at_password(Config::default());
    for _ in 0..10 {
        t.presses("90210#").hears("read-back-before 90210 read-back-after").presses("2").hears(ASK_PASSWORD);
    }
    t.presses("48151623#").hears(READ_BACK).presses("1").stores(Unit::Line, "0640001111", "48151623");
}

#[test]
fn another_key_at_the_read_back_repeats_it() {
    for key in ["0", "3", "*", "#"] {
        let mut t = Trace::at_password(Config::default());
        t.presses("48151623#").hears(READ_BACK).presses(key);
        t.hears(&format!("invalid-key {READ_BACK}")).presses("1").stores(Unit::Line, "0640001111", "48151623");
    }
}

#[test]
fn entered_twice_alike_it_is_stored_without_being_read_back() {
    let mut t = Trace::at_password(Config { confirm: Confirm::ReEnter, ..Config::default() });
    t.presses("48151623#").hears("ask-password-again").presses("48151623#");
    t.stores(Unit::Line, "0640001111", "48151623").hears_no_more();
    t.store_answers(Ok(())).hears("done goodbye").ends(Ending::Set);
}

#[test]
fn entered_twice_unlike_it_is_asked_for_from_the_beginning() {
    for other in ["48151624#", "4815162#", "481516230#", "#", "9#"] {
        let mut t = Trace::at_password(Config { confirm: Confirm::ReEnter, ..Config::default() });
        t.presses("48151623#").hears("ask-password-again").presses(other);
        t.hears(&format!("password-mismatch {ASK_PASSWORD}")).presses("90210#");
        t.hears("ask-password-again").presses("90210#").stores(Unit::Line, "0640001111", "90210");
    }
}

#[test]
fn a_star_clears_only_the_second_of_two() {
    let mut t = Trace::at_password(Config { confirm: Confirm::ReEnter, ..Config::default() });
    t.presses("48151623#").hears("ask-password-again").presses("4816*");
    t.hears("cleared ask-password-again").presses("48151623#").stores(Unit::Line, "0640001111", "48151623");
}

#[test]
fn mismatches_are_invalid_entries() {
    let mut t = Trace::at_password(Config { confirm: Confirm::ReEnter, ..Config::default() });
    for _ in 0..2 {
        t.presses("48151623#").hears("ask-password-again").presses("1#");
        t.hears(&format!("password-mismatch {ASK_PASSWORD}"));
    }
    t.presses("48151623#").hears("ask-password-again").presses("1#");
    t.hears("too-many-invalid goodbye").ends(Ending::TooManyInvalid);
}

#[test]
fn the_lengths_are_configured() {
    let at = |digits| {
        let mut t = Trace::of(Config { password_digits: digits, ..Config::default() });
        t.hears(GREETING).presses("2").hears(OFFER).presses("1");
        t
    };
    let mut t = at((6, 6));
    t.hears("ask-password length-6 length-exactly ask-password-end").presses("48151#");
    t.hears("password-too-short ask-password length-6 length-exactly ask-password-end").presses("481516#");
    t.hears("read-back-before 481516 read-back-after");

    // a password may now be longer than a telephone number
    let mut t = at((10, 16));
    let question = "ask-password length-10 length-from length-16 length-to ask-password-end";
    t.hears(question).presses("4806400011115#").hears(&format!("password-own-number {question}"));
    t.presses("4815162342481516#").hears("read-back-before 4815162342481516 read-back-after");

    // what cannot be spoken is brought near
    at((0, 0)).hears("ask-password length-4 length-exactly ask-password-end");
    at((9, 5)).hears("ask-password length-9 length-exactly ask-password-end");
    at((1, 99)).hears("ask-password length-4 length-from length-16 length-to ask-password-end");
    at((99, 99)).hears("ask-password length-16 length-exactly ask-password-end");
}
