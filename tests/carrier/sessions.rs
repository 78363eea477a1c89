//! Session timers (RFC 4028) over a whole call, in both roles. The caller holds the line, which stops the conversation's own
//! clock, so that the call outlives several intervals.

use std::time::Duration;

use karipass::internals::account::Outcome;
use karipass::internals::sip::endpoint::EndCause;
use karipass::key::Ways;

use crate::line::{Line, order};
use crate::peer::{Invite, Peer, Refresh, field};
use crate::support::Setup;

fn held(timers: &str, refresh: Refresh) -> Line {
    let setup = order(Ways::RFC4733);
    let invite = Invite { timers: timers.to_owned(), ..Invite::default() };
    let mut peer = Peer::new(invite, setup.manner.clone());
    peer.refresh = refresh;
    hold(setup, peer)
}

fn hold(setup: Setup, peer: Peer) -> Line {
    let mut line = Line::with(setup, peer);
    line.run_until_said("menu-unit").act(|peer, out| peer.change("sendonly", out));
    line
}

fn count(line: &Line, what: &str) -> usize {
    line.peer.heard.iter().filter(|heard| *heard == what).count()
}

#[track_caller]
fn resumes_and_sets(mut line: Line) -> Line {
    line.act(|peer, out| peer.change("sendrecv", out));
    let record = line.run();
    assert_eq!(record.outcome, Outcome::Set, "{}", line.story());
    assert!(line.opens(), "{}", line.story());
    line
}

const NETWORK_REFRESHES: &str = "k: timer,100rel\r\nSession-Expires: 300;refresher=uac\r\nMin-SE: 300\r\n";
const SERVICE_REFRESHES: &str = "k: timer,100rel\r\nSession-Expires: 300;refresher=uas\r\nMin-SE: 300\r\n";

#[test]
fn a_held_call_lives_as_long_as_the_network_refreshes_it_by_re_invite() {
    let mut line = held(NETWORK_REFRESHES, Refresh::ReInvite);
    line.run_for(Duration::from_secs(500));
    let refreshes = count(&line, "200 INVITE") - 2;
    assert_eq!(refreshes, 3, "150, 300 and 450 s after the hold: {:?}", line.peer.heard);
    assert_eq!(field(&line.peer.response, "Session-Expires"), Some("300;refresher=uac"));
    let line = resumes_and_sets(line);
    assert_eq!(count(&line, "INVITE") + count(&line, "UPDATE"), 0, "refreshing is not our part");
}

#[test]
fn a_held_call_lives_as_long_as_the_network_refreshes_it_by_update() {
    let mut line = held(NETWORK_REFRESHES, Refresh::Update);
    line.run_for(Duration::from_secs(500));
    assert_eq!((count(&line, "200 UPDATE"), count(&line, "200 INVITE")), (3, 2), "{:?}", line.peer.heard);
    assert_eq!(field(&line.peer.response, "Session-Expires"), Some("300;refresher=uac"));
    assert_eq!(field(&line.peer.response, "Require"), Some("timer"));
    resumes_and_sets(line);
}

#[test]
fn a_network_that_forgets_to_refresh_is_hung_up_on_before_the_interval_is_over() {
    let mut line = held(NETWORK_REFRESHES, Refresh::Never);
    let on_hold = line.now;
    let record = line.run();
    assert_eq!(record.outcome, Outcome::Lost, "{}", line.story());
    assert_eq!(line.service.cause, Some(EndCause::SessionExpired));
    assert_eq!(line.peer.heard.last().unwrap(), "BYE");
    // 300 s less 32 s (RFC 4028 §10)
    let lasted = record.ended_at.0 - record.started_at.plus(on_hold.elapsed().as_secs() as i64).0;
    assert!((267..=269).contains(&lasted), "{lasted} s");
}

#[test]
fn the_service_refreshes_by_update_when_that_is_its_part() {
    let mut line = held(SERVICE_REFRESHES, Refresh::Never);
    line.run_for(Duration::from_secs(500));
    assert_eq!((count(&line, "UPDATE"), count(&line, "INVITE")), (3, 0), "{:?}", line.peer.heard);
    resumes_and_sets(line);
}

/// What the network answers when we repeat our description counts, as any answer does: here it takes the call back from hold.
#[test]
fn the_answer_to_a_refresh_by_re_invite_is_followed() {
    let setup = order(Ways::RFC4733);
    let invite = Invite { timers: SERVICE_REFRESHES.to_owned(), ..Invite::default() };
    let mut peer = Peer::new(invite, setup.manner.clone());
    (peer.refresh, peer.updates) = (Refresh::Never, false);
    let mut line = hold(setup, peer);
    line.run_for(Duration::from_secs(100));
    let before = line.service.packets;
    line.peer.hold = Some("sendrecv");
    line.run_for(Duration::from_secs(40));
    assert_eq!(line.service.packets, before, "nobody has told the service");
    line.run_for(Duration::from_secs(12));
    assert_eq!(count(&line, "INVITE"), 1, "{:?}", line.peer.heard);
    assert!(line.service.packets > before, "{}", line.story());
    line.act(|peer, out| peer.hang_up(out));
    assert_eq!(line.run().outcome, Outcome::HungUp, "{}", line.story());
}

#[test]
fn an_interval_below_the_least_gets_422_with_the_least() {
    let timers = "k: timer\r\nSession-Expires: 60\r\n".to_owned();
    let mut line = Line::dial(order(Ways::RFC4733), Invite { timers, ..Invite::default() });
    line.run_for(Duration::from_secs(60));
    assert_eq!(line.peer.refused, Some(422), "{}", line.story());
    assert_eq!(field(&line.peer.response, "Min-SE"), Some("90"));
    assert!(line.service.is_idle() && line.service.ledger.records().is_empty());
}

#[test]
fn a_network_without_session_timers_gets_none() {
    let timers = "k: 100rel\r\n".to_owned();
    let mut line = Line::dial(order(Ways::RFC4733), Invite { timers, ..Invite::default() });
    let record = line.run();
    assert_eq!(record.outcome, Outcome::Set, "{}", line.story());
    assert_eq!((field(&line.peer.response, "Session-Expires"), field(&line.peer.response, "Require")), (None, None));
}
