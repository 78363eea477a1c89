//! The edge of sending mails: a thread that does what [`Post`] decides, and its stop.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Instant;

use super::letter::Letter;
use super::post::{AtStop, HandOver, Held, Output, PAUSE, Post, Progress, at_stop};
use super::smtp::Server;
use crate::account::Store;
use crate::time::UnixTime;

/// What a sender works with.
pub struct Ports {
    /// Where mails are handed over.
    pub server: Server,
    /// Reads the wall clock.
    pub clock: Box<dyn Fn() -> UnixTime + Send>,
    /// Where the mails are.
    pub store: Box<dyn Store>,
    /// The same store once more: by it a mail is given back that the thread is stuck with.
    pub spare: Box<dyn Store>,
}

/// A thread that sends mails.
pub struct Sender {
    stop: Stop,
    spare: Box<dyn Store>,
    wake: Option<mpsc::Sender<()>>,
    ended: mpsc::Receiver<()>,
    thread: Option<JoinHandle<()>>,
}

/// Asks a sender to stop, and knows whether it is where a mail must not be left: the mail server may have it already, and it
/// is not yet entered as sent.
#[derive(Clone, Default)]
pub struct Stop(Arc<Marks>);

#[derive(Default)]
struct Marks {
    asked: AtomicBool,
    handing_over: AtomicBool,
    held: Mutex<Option<Held>>,
}

impl Stop {
    /// No mail is handed over from now on, but for one that is already.
    pub fn ask(&self) {
        self.0.asked.store(true, Ordering::SeqCst);
    }

    fn is_asked(&self) -> bool {
        self.0.asked.load(Ordering::SeqCst)
    }

    fn progress(&self) -> Progress {
        if self.0.handing_over.load(Ordering::SeqCst) { Progress::HandingOver } else { Progress::Before }
    }

    /// Whether a mail may be handed over. Noted first and asked then: a stop that finds nothing noted can rely on it.
    fn begin_hand_over(&self) -> bool {
        self.0.handing_over.store(true, Ordering::SeqCst);
        !self.is_asked()
    }

    fn note(&self, post: &Post) {
        *self.0.held.lock().unwrap_or_else(PoisonError::into_inner) = post.held();
        self.0.handing_over.store(post.progress() == Progress::HandingOver, Ordering::SeqCst);
    }

    fn held(&self) -> Option<Held> {
        self.0.held.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Sends mails from a thread of its own until stopped.
pub fn start(mut post: Post, ports: Ports) -> std::io::Result<Sender> {
    let Ports { server, clock, mut store, spare } = ports;
    let (wake, woken) = mpsc::channel();
    let stop = Stop::default();
    let (ending, ended) = mpsc::channel();
    let until = stop.clone();
    let run = move || {
        // dropped in whatever way the thread ends
        let _ending = ending;
        let mut running = Running { post: &mut post, server, clock, store: store.as_mut(), stop: until };
        running.run(&woken);
    };
    let thread = std::thread::Builder::new().name("mail".to_owned()).spawn(run)?;
    Ok(Sender { stop, spare, wake: Some(wake), ended, thread: Some(thread) })
}

impl Sender {
    /// What asks it to stop.
    pub fn stop(&self) -> Stop {
        self.stop.clone()
    }

    /// Stops. A mail that the mail server may have taken already is waited for, by this deadline; any other is given back to
    /// the queue, however long the mail server keeps it waiting.
    pub fn end(mut self, deadline: Instant) {
        self.finish(deadline);
    }

    fn finish(&mut self, deadline: Instant) {
        self.stop.ask();
        drop(self.wake.take());
        let Some(thread) = self.thread.take() else { return };
        let asked = Instant::now();
        let drain = deadline.saturating_duration_since(asked);
        loop {
            match at_stop(self.stop.progress(), asked.elapsed(), drain) {
                AtStop::Wait(length) => {
                    if self.ended.recv_timeout(length) == Err(RecvTimeoutError::Timeout) {
                        continue;
                    }
                    if thread.join().is_err() {
                        tracing::error!("mail sender panicked");
                    }
                }
                AtStop::LeaveToClaim => {
                    tracing::warn!("no answer from the mail server: a mail is left to its claim");
                }
                AtStop::GiveBack => self.give_back(),
            }
            return;
        }
    }

    fn give_back(&mut self) {
        let Some(held) = self.stop.held() else { return };
        match held.give_back(self.spare.as_mut()) {
            Ok(_) => tracing::warn!(mail = held.id, "no answer from the mail server: a mail is given back"),
            Err(error) => tracing::warn!(mail = held.id, %error, "a mail is left to its claim"),
        }
    }
}

impl Drop for Sender {
    fn drop(&mut self) {
        self.finish(Instant::now());
    }
}

struct Running<'a> {
    post: &'a mut Post,
    server: Server,
    clock: Box<dyn Fn() -> UnixTime + Send>,
    store: &'a mut dyn Store,
    stop: Stop,
}

impl Running<'_> {
    fn run(&mut self, woken: &mpsc::Receiver<()>) {
        loop {
            if self.stop.is_asked() {
                self.post.handle_stop();
            }
            let output = self.post.poll_output(self.store, (self.clock)());
            self.stop.note(self.post);
            match output {
                Output::Offer(letter) => self.offer(&letter),
                Output::Pause { length, trouble } => {
                    if let Some(trouble) = trouble {
                        tracing::warn!(%trouble, again_in = ?length, "sending mails pauses");
                    }
                    if woken.recv_timeout(length) != Err(RecvTimeoutError::Timeout) {
                        self.post.handle_stop();
                    }
                }
                Output::EnterAgain(length) => std::thread::sleep(length),
                // each offer is ended before the next poll
                Output::Awaiting => std::thread::sleep(PAUSE),
                Output::Over => return,
            }
        }
    }

    fn offer(&mut self, letter: &Letter) {
        let outcome = match self.server.offer(letter) {
            Ok(offered) => {
                if !self.stop.begin_hand_over() {
                    self.post.handle_stop();
                }
                match self.post.handle_offered(self.store, (self.clock)()) {
                    HandOver::Finish => offered.finish(),
                    HandOver::BreakOff => return offered.break_off(),
                }
            }
            Err(refusal) => Err(refusal),
        };
        self.post.handle_outcome(outcome, (self.clock)());
    }
}
