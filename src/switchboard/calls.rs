//! A worker's part: its calls, and one clock that paces all of them.
//!
//! Packets leave on a grid of 20 ms that all calls share; on the same grid the media sockets are read ([`Output::Read`]). What a call
//! waits for besides comes on a grid half as wide, so that one wake-up serves many calls.
//!
//! A panic while a call has its turn is an internal error. It ends that call and no other: a worker that is gone would lose all of
//! its calls.

use std::collections::{BTreeMap, VecDeque};
use std::net::{IpAddr, SocketAddr};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use tracing::{debug, error, info};

use super::{Command, ToWorker};
use crate::account::{CallRecord, HashedTemporaryPassword, Outcome};
use crate::call::identity::Trust;
use crate::call::{self, Call, Input, Seed, Settings, cause_of};
use crate::datagram::{Datagram, Kind};
use crate::ivr::SetTemporaryPassword;
use crate::number::PhoneNumber;
use crate::sip::endpoint::{CallHandle, EndCause, Incoming};
use crate::ticket::Ticket;
use crate::time::{Moment, Time};

/// How finely wake-ups are gathered: half the grid on which packets go out.
const GRAIN: Duration = Duration::from_millis(10);
/// How often sockets are read.
const TICK: Duration = Duration::from_millis(20);
/// RTCP is read once in this many ticks: nothing in it is urgent.
const RTCP_TICKS: u64 = 25;

/// What is to be done next. Drain it until it is a `Timeout`.
#[derive(Debug)]
pub enum Output {
    /// A call has begun: trace it, and the messages with this Call-ID, under its record's id.
    Begun {
        /// Which.
        call: CallHandle,
        /// The id of its record.
        id: String,
        /// Its Call-ID.
        sip_call_id: String,
    },
    /// Signalling is to do this for the call; where its queue is full, [`Calls::handle_undelivered`].
    Command(CallHandle, Command),
    /// Open a port for its RTP and one for its RTCP; the answer goes to [`Calls::handle_media`].
    OpenMedia {
        /// Whose.
        call: CallHandle,
        /// The address that its media will go to, as far as is known.
        towards: IpAddr,
        /// Our address that its signalling reached.
        reached: IpAddr,
    },
    /// Read the open media sockets of these kinds, and hand in what has come with [`Calls::handle_datagram`].
    Read(&'static [Kind]),
    /// Send this from the call's socket of its kind, then give the buffer back with [`Calls::recycle`].
    Send(CallHandle, Datagram),
    /// Look up the contract of the number; the answer comes as [`Input::Line`].
    FindLine {
        /// Who asks.
        call: CallHandle,
        /// The calling number.
        number: PhoneNumber,
    },
    /// Hash this; the answer comes as [`Input::Prepared`].
    Prepare {
        /// Who asks.
        call: CallHandle,
        /// What.
        request: SetTemporaryPassword,
    },
    /// Store this durably; the answer comes as [`Input::Stored`].
    Store {
        /// Who asks.
        call: CallHandle,
        /// The id of its record.
        id: String,
        /// What.
        hashed: HashedTemporaryPassword,
        /// By which it may be withdrawn.
        ticket: Ticket,
    },
    /// The call is over: keep its record, close its ports, end its trace.
    Over {
        /// Which.
        call: CallHandle,
        /// The one record of it.
        record: Box<CallRecord>,
    },
    /// The worker has ended its calls because of [`ToWorker::Quit`].
    Quit,
    /// Nothing more for now: call [`Calls::handle_timeout`] at this time ([`Time::MAX`]: nothing waits).
    Timeout(Time),
}

/// The calls of one worker.
pub struct Calls {
    settings: Arc<Settings>,
    calls: BTreeMap<CallHandle, Running>,
    outputs: VecDeque<Output>,
    /// What signalling had no room for, in order, until the next tick.
    held: VecDeque<(CallHandle, Command)>,
    next_tick: Time,
    ticks: u64,
    /// Scratch: whose turn it is.
    due: Vec<CallHandle>,
}

struct Running {
    call: Call,
    /// Our address as the caller reaches it, for media sockets that are bound to every address.
    reached: IpAddr,
    listens: bool,
    /// [`Time::ZERO`] after a datagram: its turn is not put off to the grid.
    wakes: Time,
}

impl Calls {
    /// No calls yet.
    pub fn new(settings: Arc<Settings>) -> Calls {
        Calls {
            settings,
            calls: BTreeMap::new(),
            outputs: VecDeque::new(),
            held: VecDeque::new(),
            next_tick: Time::ZERO,
            ticks: 0,
            due: Vec::new(),
        }
    }

    /// The calls that are not over.
    pub fn len(&self) -> usize {
        self.calls.len()
    }

    /// Whether all calls are over.
    pub fn is_empty(&self) -> bool {
        self.calls.is_empty()
    }

    /// Takes in a message from the inbox.
    pub fn handle_message(&mut self, now: Moment, message: ToWorker) {
        match message {
            ToWorker::Incoming { incoming, trust, seed } => {
                let begun = self.contain(now.time, incoming.call, |calls| calls.begin(now, &incoming, trust, &seed));
                if begun.is_err() {
                    let record = Call::stillborn(now.wall, &seed, incoming.flow.remote.ip());
                    self.fail(incoming.call, record);
                }
            }
            ToWorker::Input { call, input } => self.input(now.time, call, input),
            ToWorker::Stop => self.input_all(now.time, || Input::Stop),
            ToWorker::Quit => {
                self.input_all(now.time, || Input::Stop);
                self.input_all(now.time, || Input::Ended(EndCause::ByeTimedOut));
                // again to those that still wait for the store: their records go out as they are
                self.input_all(now.time, || Input::Ended(EndCause::ByeTimedOut));
                self.outputs.push_back(Output::Quit);
            }
        }
    }

    /// Takes in a datagram of the call's media. The call has its turn at the next [`Calls::handle_timeout`], which is due at once.
    pub fn handle_datagram(&mut self, now: Time, call: CallHandle, datagram: Datagram<&[u8]>) {
        let heard = self.contain(now, call, |calls| {
            let Some(running) = calls.calls.get_mut(&call) else { return };
            running.call.handle_datagram(now, datagram);
            running.wakes = Time::ZERO;
        });
        self.ended_by_fault(call, heard);
    }

    /// The call's ports are open: where it receives RTP, as callers reach it. `None`: no port is free.
    pub fn handle_media(&mut self, now: Time, call: CallHandle, rtp: Option<SocketAddr>) {
        if let Some(running) = self.calls.get_mut(&call) {
            running.listens = rtp.is_some();
        }
        self.input(now, call, Input::Media(rtp));
    }

    /// Signalling's queue did not take this. It waits for the next tick, and what comes behind it too.
    pub fn handle_undelivered(&mut self, call: CallHandle, command: Command) {
        self.held.push_back((call, command));
    }

    /// Takes back the buffer of a datagram that was sent.
    pub fn recycle(&mut self, call: CallHandle, buffer: Vec<u8>) {
        if let Some(running) = self.calls.get_mut(&call) {
            running.call.recycle(buffer);
        }
    }

    /// Has sockets read when a tick is due; gives their turn to the calls whose time has come.
    pub fn handle_timeout(&mut self, now: Time) {
        if self.tick(now) {
            // what is read now belongs to the same turn
            return;
        }
        let mut due = std::mem::take(&mut self.due);
        due.extend(self.calls.iter().filter(|(_, running)| running.wakes <= now).map(|(&call, _)| call));
        for call in due.drain(..) {
            let turned = self.contain(now, call, |calls| calls.turn(now, call));
            self.ended_by_fault(call, turned);
        }
        self.due = due;
    }

    /// What is to be done next; to be drained until it is [`Output::Timeout`].
    pub fn poll_output(&mut self) -> Output {
        while let Some(output) = self.outputs.pop_front() {
            if self.held.is_empty() {
                return output;
            }
            let Output::Command(call, command) = output else { return output };
            self.held.push_back((call, command));
        }
        Output::Timeout(self.wakes())
    }

    fn wakes(&self) -> Time {
        let (mut first, mut ticks) = (Time::MAX, !self.held.is_empty());
        for running in self.calls.values() {
            first = first.min(running.wakes);
            ticks |= running.listens;
        }
        grid(first).min(if ticks { self.next_tick } else { Time::MAX })
    }

    /// Whether sockets are to be read first.
    fn tick(&mut self, now: Time) -> bool {
        if now < self.next_tick {
            return false;
        }
        self.next_tick = Time::after_start(next_multiple(now.elapsed(), TICK));
        self.ticks += 1;
        self.outputs.extend(self.held.drain(..).map(|(call, command)| Output::Command(call, command)));
        let listens = self.calls.values().any(|running| running.listens);
        if listens {
            let reports = self.ticks.is_multiple_of(RTCP_TICKS);
            self.outputs.push_back(Output::Read(if reports { &[Kind::Rtp, Kind::Rtcp] } else { &[Kind::Rtp] }));
        }
        listens
    }

    fn turn(&mut self, now: Time, call: CallHandle) {
        if let Some(running) = self.calls.get_mut(&call) {
            running.call.handle_timeout(now);
        }
        self.settle(call);
    }

    fn begin(&mut self, now: Moment, incoming: &Incoming, trust: Trust, seed: &Seed) {
        let handle = incoming.call;
        let settings = Arc::clone(&self.settings);
        let call = Call::new(now.time, now.wall, seed.clone(), settings, trust, incoming);
        info!(call = call.id(), "a call comes in");
        debug!(call = call.id(), sip_call_id = incoming.call_id, remote = %incoming.flow.remote);
        let (id, sip_call_id) = (call.id().to_owned(), incoming.call_id.clone());
        self.outputs.push_back(Output::Begun { call: handle, id, sip_call_id });
        let reached = incoming.flow.local.ip();
        self.calls.insert(handle, Running { call, reached, listens: false, wakes: now.time });
        self.settle(handle);
    }

    fn input(&mut self, now: Time, call: CallHandle, input: Input) {
        let taken = self.contain(now, call, |calls| {
            let Some(running) = calls.calls.get_mut(&call) else { return };
            running.call.handle_input(now, input);
            calls.settle(call);
        });
        self.ended_by_fault(call, taken);
    }

    fn input_all(&mut self, now: Time, input: fn() -> Input) {
        let calls: Vec<CallHandle> = self.calls.keys().copied().collect();
        for call in calls {
            self.input(now, call, input());
        }
    }

    /// Takes over all that the call has ready.
    fn settle(&mut self, handle: CallHandle) {
        let Some(Running { call, reached, wakes, .. }) = self.calls.get_mut(&handle) else { return };
        let output = loop {
            let output = match call.poll_output() {
                call::Output::Timeout(at) => return *wakes = at,
                call::Output::Finished(record) => break record,
                call::Output::Datagram(datagram) => Output::Send(handle, datagram),
                call::Output::Answer(description) => Output::Command(handle, Command::Answer(description)),
                call::Output::Reject(rejection) => Output::Command(handle, Command::Reject(rejection)),
                call::Output::RespondOffer(response) => Output::Command(handle, Command::RespondOffer(response)),
                call::Output::HangUp(cause, text) => Output::Command(handle, Command::HangUp(cause, text)),
                call::Output::Progress(description) => Output::Command(handle, Command::Progress(description)),
                call::Output::OpenMedia { towards } => {
                    Output::OpenMedia { call: handle, towards: towards.unwrap_or(*reached), reached: *reached }
                }
                call::Output::FindLine(number) => Output::FindLine { call: handle, number },
                call::Output::Prepare(request) => Output::Prepare { call: handle, request },
                call::Output::Store(hashed, ticket) => {
                    Output::Store { call: handle, id: call.id().to_owned(), hashed, ticket }
                }
            };
            self.outputs.push_back(output);
        };
        info!(call = output.id, outcome = %output.outcome, status = output.status, "the call is over");
        self.calls.remove(&handle);
        self.outputs.push_back(Output::Over { call: handle, record: output });
    }

    /// Lets a call have its turn. One that panics is no longer there: its record, as far as it came.
    fn contain(&mut self, now: Time, handle: CallHandle, turn: impl FnOnce(&mut Calls)) -> Result<(), Broken> {
        if catch_unwind(AssertUnwindSafe(|| turn(self))).is_ok() {
            return Ok(());
        }
        Err(Broken(self.calls.remove(&handle).map(|running| running.call.aborted(now))))
    }

    fn ended_by_fault(&mut self, call: CallHandle, turned: Result<(), Broken>) {
        if let Err(Broken(Some(record))) = turned {
            self.fail(call, record);
        }
    }

    fn fail(&mut self, call: CallHandle, record: Box<CallRecord>) {
        error!(call = record.id, "internal error: call aborted (panic logged above)");
        let (cause, text) = cause_of(Outcome::Lost);
        self.outputs.push_back(Output::Command(call, Command::HangUp(cause, text)));
        self.outputs.push_back(Output::Over { call, record });
    }
}

/// What is left of a call that panicked, if it was there at all.
struct Broken(Option<Box<CallRecord>>);

fn grid(time: Time) -> Time {
    if time == Time::MAX {
        return time;
    }
    let (seconds, nanos) = (time.elapsed().as_secs(), time.elapsed().subsec_nanos());
    // a second is a multiple of the grain
    let up = nanos.next_multiple_of(GRAIN.subsec_nanos());
    Time::after_start(Duration::from_secs(seconds).saturating_add(Duration::from_nanos(up.into())))
}

/// The first multiple of `step` after `elapsed`.
fn next_multiple(elapsed: Duration, step: Duration) -> Duration {
    let count = elapsed.as_nanos() / step.as_nanos() + 1;
    step.saturating_mul(u32::try_from(count).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests;
