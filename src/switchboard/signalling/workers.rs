//! The workers as signalling sees them: how many calls each has, which has room, and what waits until it has.
//!
//! Bound: what waits is a few messages a call, since an endpoint reports the next offer, ACK or end of a call only after the one before.

use std::collections::{BTreeMap, VecDeque};
use std::net::IpAddr;
use std::time::Duration;

use tracing::error;

use super::Output;
use crate::number::PhoneNumber;
use crate::sip::endpoint::CallHandle;
use crate::switchboard::ToWorker;
use crate::time::Time;

/// How long a full inbox is left alone.
const PAUSE: Duration = Duration::from_millis(10);

/// Which worker has a call, and whose call it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Route {
    pub worker: usize,
    pub peer: IpAddr,
    /// The calling number, where one is believed.
    pub line: Option<PhoneNumber>,
}

/// All workers.
#[derive(Debug)]
pub(super) struct Workers {
    inboxes: Vec<Inbox>,
    routes: BTreeMap<CallHandle, Route>,
}

/// One worker's inbox.
#[derive(Debug, Default)]
struct Inbox {
    calls: usize,
    state: State,
    /// What it had no room for, in order.
    waiting: VecDeque<ToWorker>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Open,
    /// Tried again at this time.
    Full(Time),
    Gone,
}

impl Workers {
    pub(super) fn new(count: usize) -> Workers {
        Workers { inboxes: (0..count).map(|_| Inbox::default()).collect(), routes: BTreeMap::new() }
    }

    /// The worker with the fewest calls among those that are there.
    pub(super) fn least_busy(&self) -> Option<usize> {
        let there = self.inboxes.iter().enumerate().filter(|(_, inbox)| inbox.state != State::Gone);
        there.min_by_key(|(_, inbox)| inbox.calls).map(|(worker, _)| worker)
    }

    /// The call is that worker's until [`Workers::forget`].
    pub(super) fn route(&mut self, call: CallHandle, route: Route) {
        if let Some(inbox) = self.inboxes.get_mut(route.worker) {
            inbox.calls += 1;
            self.routes.insert(call, route);
        }
    }

    pub(super) fn forget(&mut self, call: CallHandle) -> Option<Route> {
        let route = self.routes.remove(&call)?;
        if let Some(inbox) = self.inboxes.get_mut(route.worker) {
            inbox.calls = inbox.calls.saturating_sub(1);
        }
        Some(route)
    }

    pub(super) fn worker_of(&self, call: CallHandle) -> Option<usize> {
        self.routes.get(&call).map(|route| route.worker)
    }

    /// The workers that are there.
    pub(super) fn all(&self) -> Vec<usize> {
        let there = self.inboxes.iter().enumerate().filter(|(_, inbox)| inbox.state != State::Gone);
        there.map(|(worker, _)| worker).collect()
    }

    /// Whether a message cannot go out now: the inbox is full, or its reader gone.
    pub(super) fn takes_none(&self, worker: usize) -> bool {
        self.inboxes.get(worker).is_none_or(|inbox| inbox.state != State::Open)
    }

    pub(super) fn is_full(&mut self, now: Time, worker: usize) {
        if let Some(inbox) = self.inboxes.get_mut(worker)
            && inbox.state == State::Open
        {
            inbox.state = State::Full(now + PAUSE);
        }
    }

    /// Keeps a message until there is room; of a worker that is gone, none.
    pub(super) fn hold(&mut self, worker: usize, message: ToWorker) {
        if let Some(inbox) = self.inboxes.get_mut(worker).filter(|inbox| inbox.state != State::Gone) {
            inbox.waiting.push_back(message);
        }
    }

    /// When a full inbox is tried again.
    pub(super) fn retries_at(&self) -> Time {
        let full = self.inboxes.iter().filter_map(|inbox| match inbox.state {
            State::Full(until) => Some(until),
            State::Open | State::Gone => None,
        });
        full.min().unwrap_or(Time::MAX)
    }

    /// Puts what waited out once more.
    pub(super) fn retry(&mut self, now: Time, outputs: &mut VecDeque<Output>) {
        for (worker, inbox) in self.inboxes.iter_mut().enumerate() {
            if matches!(inbox.state, State::Full(until) if until <= now) {
                inbox.state = State::Open;
                outputs.extend(inbox.waiting.drain(..).map(|message| Output::ToWorker { worker, message }));
            }
        }
    }

    /// The worker is gone: its calls.
    pub(super) fn lose(&mut self, worker: usize) -> Vec<(CallHandle, Route)> {
        let Some(inbox) = self.inboxes.get_mut(worker).filter(|inbox| inbox.state != State::Gone) else {
            return vec![];
        };
        error!(worker, calls = inbox.calls, "internal error: a media worker is gone, and its calls with it");
        *inbox = Inbox { state: State::Gone, ..Inbox::default() };
        let lost: Vec<_> = self
            .routes
            .iter()
            .filter(|(_, route)| route.worker == worker)
            .map(|(&call, &route)| (call, route))
            .collect();
        self.routes.retain(|_, route| route.worker != worker);
        lost
    }
}
