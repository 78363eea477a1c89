//! Session timers (RFC 4028): the interval that an INVITE or UPDATE agrees on, the refresher, and the expiry.

use std::time::Duration;

use super::Config;
use super::reply::{Reply, TIMER};
use crate::sip::message::{Headers, Request};
use crate::sip::timer::{Timer, soonest};
use crate::time::Time;

/// The two ends of one transaction, as `refresher` names them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refresher {
    /// The sender of the request.
    Uac,
    /// The responder.
    Uas,
}

/// The interval that a request and its 200 agree on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Interval {
    pub seconds: u32,
    pub refresher: Refresher,
    /// The UAC knows session timers, so that the 200 may require them.
    pub required: bool,
}

impl Interval {
    /// Our answer to a request (§9, table 2): no interval, one, or 422.
    pub(super) fn answering(headers: &Headers, config: &Config) -> Result<Option<Interval>, Reply> {
        let required = knows_timers(headers);
        let shortest = seconds(config.min_session_expires);
        let longest = config.session_expires.map(seconds);
        let Some(asked) = headers.seconds("Session-Expires") else {
            // the UAC does not care: we may
            let refresher = if required { Refresher::Uac } else { Refresher::Uas };
            let at_least = shortest.max(headers.seconds("Min-SE").unwrap_or(0));
            return Ok(longest.map(|longest| Interval { seconds: longest.max(at_least), refresher, required }));
        };
        if asked < shortest && required {
            return Err(Reply::new(422).with("Min-SE", shortest.to_string()));
        }
        let at_least = shortest.max(headers.seconds("Min-SE").unwrap_or(0));
        let agreed = asked.min(longest.unwrap_or(asked)).max(at_least);
        let refresher = match refresher(headers) {
            _ if !required => Refresher::Uas,
            Some(refresher) => refresher,
            None => Refresher::Uac,
        };
        Ok(Some(Interval { seconds: agreed, refresher, required }))
    }

    /// The interval in a 200 to our request (§7.2), if the far end agrees to one.
    pub(super) fn agreed(headers: &Headers) -> Option<Interval> {
        let seconds = headers.seconds("Session-Expires")?.max(90);
        Some(Interval { seconds, refresher: refresher(headers).unwrap_or(Refresher::Uac), required: true })
    }

    /// Writes it into a 200.
    pub(super) fn write(interval: Option<Interval>, reply: Reply) -> Reply {
        let Some(interval) = interval else { return reply };
        let refresher = match interval.refresher {
            Refresher::Uac => "uac",
            Refresher::Uas => "uas",
        };
        let reply = match interval.required {
            true => reply.with("Require", TIMER),
            false => reply,
        };
        reply.with("Session-Expires", format!("{};refresher={refresher}", interval.seconds))
    }
}

/// Writes the interval that we ask for into a request.
pub(super) fn ask(request: &mut Request, seconds: u32, min: Duration, refresher: Option<&str>) {
    let refresher = refresher.map(|refresher| format!(";refresher={refresher}")).unwrap_or_default();
    request.headers.push("Session-Expires", format!("{seconds}{refresher}"));
    request.headers.push("Min-SE", self::seconds(min).to_string());
}

/// Whether the sender knows session timers.
pub(super) fn knows_timers(headers: &Headers) -> bool {
    ["Supported", "Require"].iter().any(|name| headers.option_tags(name).iter().any(|tag| tag == TIMER))
}

fn refresher(headers: &Headers) -> Option<Refresher> {
    let value = headers.first("Session-Expires")?.to_ascii_lowercase();
    value.split(';').skip(1).find_map(|param| match param.split_once('=') {
        Some((name, value)) if name.trim() == "refresher" => match value.trim() {
            "uac" => Some(Refresher::Uac),
            "uas" => Some(Refresher::Uas),
            _ => None,
        },
        Some(_) | None => None,
    })
}

/// Whole seconds, as a header field holds them.
pub(super) fn seconds(duration: Duration) -> u32 {
    u32::try_from(duration.as_secs()).unwrap_or(u32::MAX)
}

/// A running session's clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SessionTimer {
    pub seconds: u32,
    ours: bool,
    /// Our next refresh; none when the far end refreshes, or ours is under way.
    refresh: Option<Time>,
    expires: Time,
}

impl SessionTimer {
    /// Starts anew: a 2xx was sent or received. `ours` says whether we refresh.
    pub(super) fn start(now: Time, seconds: u32, ours: bool) -> SessionTimer {
        let interval = Duration::from_secs(u64::from(seconds));
        // §10: the end that does not refresh hangs up a little earlier
        let margin = if ours { Duration::ZERO } else { (interval / 3).min(Duration::from_secs(32)) };
        SessionTimer {
            seconds,
            ours,
            refresh: ours.then_some(now + interval / 2),
            expires: now + interval.saturating_sub(margin),
        }
    }

    /// The refresh is under way.
    pub(super) fn refreshing(&mut self) {
        self.refresh = None;
    }

    /// The refresh is tried again at this time.
    pub(super) fn refresh_at(&mut self, time: Time) {
        self.refresh = Some(time);
    }

    /// The next refresh, or the expiry.
    pub(super) fn deadline(&self) -> Option<(Time, Timer)> {
        soonest([self.refresh.map(|time| (time, Timer::SessionRefresh)), Some((self.expires, Timer::SessionExpired))])
    }

    /// Whether we are the refresher.
    pub(super) const fn is_ours(&self) -> bool {
        self.ours
    }
}
