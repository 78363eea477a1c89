//! Passwords set over the network's line, and what it insists on in the answer.

use karipass::caller::Conclusion;
use karipass::internals::account::Outcome;
use karipass::key::Ways;

use crate::line::{Line, order};
use crate::peer::{Invite, lacking};

#[track_caller]
fn sets(ways: Ways, invite: Invite) -> Line {
    let mut line = Line::dial(order(ways), invite);
    let record = line.run();
    assert_eq!((record.outcome, record.status), (Outcome::Set, 200), "{}", line.story());
    assert_eq!(line.peer.conclusion, Conclusion::Set, "{}", line.story());
    assert!(line.peer.lacking.is_empty() && line.opens(), "{}", line.story());
    let keyed = line.peer.keyed as u32;
    let counted = if ways == Ways::RFC4733 { record.digits.rfc4733 } else { record.digits.inband };
    assert_eq!(counted, keyed, "{}", line.story());
    line
}

#[test]
fn a_password_is_set_by_telephone_events() {
    let line = sets(Ways::RFC4733, Invite::default());
    assert_eq!(line.peer.heard, ["200 INVITE", "BYE"]);
    for exactly in ["Session-Expires: 300;refresher=uac", "Require: timer", "Supported: timer, 100rel", "a=ptime:20"] {
        assert!(line.peer.response.lines().any(|line| line == exactly), "{exactly}: {}", line.peer.response);
    }
}

#[test]
fn a_password_is_set_by_tones_where_no_events_are_offered() {
    sets(Ways::IN_BAND, Invite { events: None, ..Invite::default() });
}

#[test]
fn a_password_is_set_by_tones_although_events_are_offered() {
    sets(Ways::IN_BAND, Invite::default());
}

#[test]
fn a_network_that_requires_reliable_provisionals_is_served() {
    let timers = "Require: 100rel\r\nk: timer\r\nSession-Expires: 300;refresher=uac\r\nMin-SE: 300\r\n".to_owned();
    let line = sets(Ways::RFC4733, Invite { timers, ..Invite::default() });
    assert_eq!(line.peer.heard, ["200 INVITE", "BYE"]);
}

#[test]
fn the_service_is_called_by_each_way_of_writing_its_number() {
    let uris = [
        "sip:0664806430@192.0.2.10",
        "sip:0664806430@192.0.2.10:5060;user=phone",
        "sip:0664806430;phone-context=ntt-west.ne.jp@ntt-west.ne.jp;user=phone",
        "sip:+81664806430@ntt-west.ne.jp;user=phone",
        "sip:+81-66-480-6430@ntt-west.ne.jp;user=phone",
        "tel:0664806430;phone-context=ntt-west.ne.jp",
        "tel:+81664806430",
        "tel:+81-6-6480-6430",
        // the network's registrar wrote our Contact; the number is in P-Called-Party-ID
        "sip:line-1@192.0.2.10:5060",
    ];
    let tos = [
        "<tel:0664806430;phone-context=ntt-west.ne.jp>",
        "<tel:+81664806430>",
        "<sip:0664806430@ntt-west.ne.jp;user=phone>",
        "tel:0664806430",
        "\"時報\" <sip:0664806430@ntt-west.ne.jp>",
    ];
    for (at, uri) in uris.iter().enumerate() {
        let to = tos[at % tos.len()].to_owned();
        let mut line = Line::dial(order(Ways::RFC4733), Invite { uri: (*uri).to_owned(), to, ..Invite::default() });
        line.run_until_said("greeting").act(|peer, out| peer.hang_up(out));
        assert_eq!(line.run().outcome, Outcome::HungUp, "{uri}: {}", line.story());
    }
}

#[test]
fn the_network_hangs_up_on_an_answer_that_lacks_anything() {
    let mut line = Line::dial(order(Ways::RFC4733), Invite::default());
    line.run();
    let (answer, asked) = (line.peer.response.clone(), line.peer.invite.timers.clone());
    assert_eq!(lacking(&answer, &asked, true), [""; 0]);
    for (line, what) in [
        ("Session-Expires: ", "Session-Expires"),
        ("Require: ", "Require: timer"),
        ("Supported: ", "Supported: timer"),
        ("Allow: ", "Allow"),
        ("Contact: ", "Contact"),
        ("a=ptime:", "ptime"),
    ] {
        assert!(answer.contains(line), "{line}{answer}");
        let without: String = answer.split_inclusive("\r\n").filter(|text| !text.starts_with(line)).collect();
        assert_eq!(lacking(&without, &asked, true), [what]);
    }
}
