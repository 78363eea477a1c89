//! Who calls: how the network withholds numbers, asserts them, and contradicts itself; each with its response and its record.

use karipass::internals::account::Outcome;
use karipass::internals::call::identity::Trust;
use karipass::key::Ways;

use crate::line::{Line, order};
use crate::peer::Invite;

const CARRIER: Trust = Trust { asserted: true, from: false, private: true };
/// The switch that has private identities refused.
const DISCREET: Trust = Trust { private: false, ..CARRIER };
const STRANGER: Trust = Trust { asserted: false, from: false, private: true };
const LAB: Trust = Trust { asserted: false, from: true, private: true };

const ANONYMOUS: &str = "\"Anonymous\" <sip:anonymous@anonymous.invalid>";
const MAIN: &str = "<sip:0600001111@ntt-west.ne.jp>";
const PAI: &str = "P-Asserted-Identity: <sip:0600001111@ntt-west.ne.jp>,\r\n \
                   <tel:0600001111;phone-context=ntt-west.ne.jp>\r\n";

fn call(from: &str, identity: &str, trust: Trust) -> Line {
    let invite = Invite { from: from.to_owned(), identity: identity.to_owned(), ..Invite::default() };
    let mut setup = order(Ways::RFC4733);
    setup.trust = trust;
    Line::dial(setup, invite)
}

#[track_caller]
fn refused(from: &str, identity: &str, trust: Trust, status: u16, why: Outcome) {
    let mut line = call(from, identity, trust);
    let record = line.run();
    let story = || format!("{from} {identity} {trust:?}: {record:?}\n{}", line.story());
    assert_eq!((line.peer.refused, record.status, record.outcome), (Some(status), status, why), "{}", story());
    assert!(record.answered_at.is_none() && line.service.packets == 0, "{}", story());
    assert!(line.service.ledger.temporaries().is_empty(), "{}", story());
    let known = record.caller.map(|number| number.to_string());
    assert_eq!(known.is_some(), why == Outcome::RefusedUnknownLine && known.is_some(), "{}", story());
}

#[track_caller]
fn served(from: &str, identity: &str, trust: Trust, number: &str) {
    let mut line = call(from, identity, trust);
    line.run_until_said("greeting").act(|peer, out| peer.hang_up(out));
    let record = line.run();
    assert_eq!(record.outcome, Outcome::HungUp, "{from} {identity}\n{}", line.story());
    assert_eq!(record.caller.unwrap().to_string(), number, "{from} {identity}");
}

#[test]
fn each_reason_for_withholding_a_number_gets_433() {
    for reason in ["Anonymous", "Coin line/payphone", "Unavailable", "Interaction with other service"] {
        for identity in ["", "Privacy: id\r\n", "Privacy: user;id\r\n", "Privacy: none\r\n"] {
            let from = format!("\"{reason}\" <sip:anonymous@anonymous.invalid>");
            refused(&from, identity, CARRIER, 433, Outcome::RefusedWithheld);
            refused(&from, identity, LAB, 433, Outcome::RefusedWithheld);
        }
    }
    for from in [
        "Anonymous <sip:anonymous@anonymous.invalid>",
        "<sip:anonymous@anonymous.invalid>",
        "<sip:unavailable@unavailable.invalid>",
        "\"Unavailable\" <sip:unavailable@ntt-west.ne.jp>",
        "sip:Anonymous@ntt-west.ne.jp",
    ] {
        refused(from, "", CARRIER, 433, Outcome::RefusedWithheld);
    }
}

#[test]
fn a_number_that_is_withheld_in_the_assertion_itself_gets_433() {
    let identity = "P-Asserted-Identity: \"Anonymous\" <sip:anonymous@anonymous.invalid>\r\nPrivacy: id\r\n";
    refused(ANONYMOUS, identity, CARRIER, 433, Outcome::RefusedWithheld);
}

#[test]
fn privacy_with_an_identity_is_served_or_refused_as_configured() {
    for privacy in ["id", "id;critical", "user; id", "header;id"] {
        let identity = format!("{PAI}Privacy: {privacy}\r\n");
        served(ANONYMOUS, &identity, CARRIER, "0600001111");
        served(MAIN, &identity, CARRIER, "0600001111");
        refused(ANONYMOUS, &identity, DISCREET, 433, Outcome::RefusedWithheld);
    }
    served(MAIN, &format!("{PAI}Privacy: none\r\n"), DISCREET, "0600001111");
    served(MAIN, PAI, DISCREET, "0600001111");
}

#[test]
fn every_form_of_a_number_is_that_number() {
    for asserted in [
        "<sip:+81600001111@ntt-west.ne.jp;user=phone>",
        "<tel:+81-600-00-1111>",
        "tel:+81600001111",
        "<tel:0600001111;phone-context=+81>",
        "<sip:0600001111;phone-context=ntt-west.ne.jp@ntt-west.ne.jp;user=phone>",
        "\"06-0000-1111\" <sip:0600001111@ntt-west.ne.jp>",
        "\"大阪, 太郎\" <sip:0600001111@ntt-west.ne.jp>,\r\n\t<tel:+81600001111>",
        "<sip:%30600001111@ntt-west.ne.jp>",
    ] {
        served(ANONYMOUS, &format!("P-Asserted-Identity: {asserted}\r\n"), CARRIER, "0600001111");
        served(ANONYMOUS, &format!("p-asserted-identity : {asserted}\r\n"), CARRIER, "0600001111");
    }
    served("<sip:0699998888@ntt-west.ne.jp>", PAI, CARRIER, "0600001111");
}

#[test]
fn identities_that_contradict_each_other_are_refused() {
    for identity in [
        "P-Asserted-Identity: <sip:0600001111@ntt-west.ne.jp>, <tel:0600002222>\r\n",
        "P-Asserted-Identity: <sip:0600001111@ntt-west.ne.jp>\r\nP-Asserted-Identity: <tel:0600002222>\r\n",
        "P-Asserted-Identity: <tel:0600002222;phone-context=ntt-west.ne.jp>,\r\n <sip:+81600001111@ntt-west.ne.jp>\r\n",
        // the second cannot be read: what it says is not known
        "P-Asserted-Identity: <sip:0600001111@ntt-west.ne.jp>, <<tel:0600001111\r\n",
    ] {
        refused(MAIN, identity, CARRIER, 403, Outcome::RefusedConflict);
    }
}

#[test]
fn numbers_that_are_none_or_of_no_contract_are_refused() {
    for asserted in [
        "<sip:0699998888@ntt-west.ne.jp>",
        "<tel:+15551234567>",
        "<sip:600001111@ntt-west.ne.jp>",
        "<sip:alice@ntt-west.ne.jp>",
        "<sip:ntt-west.ne.jp>",
        "<sip:1840600001111@ntt-west.ne.jp>",
    ] {
        refused(MAIN, &format!("P-Asserted-Identity: {asserted}\r\n"), CARRIER, 403, Outcome::RefusedUnknownLine);
    }
}

#[test]
fn a_strangers_claims_are_worth_nothing() {
    for (from, identity) in [
        (MAIN, ""),
        (MAIN, PAI),
        (ANONYMOUS, PAI),
        (ANONYMOUS, "P-Preferred-Identity: <sip:0600001111@ntt-west.ne.jp>\r\n"),
        (ANONYMOUS, "Remote-Party-ID: <sip:0600001111@ntt-west.ne.jp>;party=calling\r\n"),
    ] {
        refused(from, identity, STRANGER, 403, Outcome::RefusedUntrusted);
    }
    // nor is From, where the network asserts nothing
    refused(MAIN, "", CARRIER, 403, Outcome::RefusedUntrusted);
    refused(MAIN, "P-Preferred-Identity: <sip:0600001111@ntt-west.ne.jp>\r\n", CARRIER, 403, Outcome::RefusedUntrusted);
    // and an assertion is not believed of one whose From is
    served("<sip:0600002222@ntt-west.ne.jp>", PAI, LAB, "0600002222");
}
