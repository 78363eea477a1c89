//! Two endpoints joined in memory: each call is placed by the one and answered by the other.

use std::collections::VecDeque;

use super::*;
use crate::sip::endpoint::{EndCause, Outgoing};
use crate::sip::message::{NameAddr, Uri};

/// Both ends, and the messages between them. `lose` says which message, counted from 0, is lost.
pub(in crate::sip::endpoint) struct Pair {
    pub ends: [Endpoint; 2],
    pub now: u64,
    pub trace: Vec<String>,
    wire: VecDeque<(u64, usize, Flow, Vec<u8>)>,
    count: usize,
    lose: Box<dyn FnMut(usize) -> bool>,
    flow: Flow,
}

const CALLER: usize = 0;
const CALLEE: usize = 1;
const DELAY: u64 = 10;

impl Pair {
    pub fn new(flow: Flow, lose: impl FnMut(usize) -> bool + 'static) -> Pair {
        let ends = [1, 2].map(|seed| Endpoint::new(Config::default(), seed));
        Pair { ends, now: 0, trace: Vec::new(), wire: VecDeque::new(), count: 0, lose: Box::new(lose), flow }
    }

    pub fn place(&mut self, offer: Option<&str>) -> CallHandle {
        let from = NameAddr::new("sip:0600001111@192.0.2.9".parse::<Uri>().unwrap());
        let outgoing = Outgoing {
            flow: Flow { local: self.flow.remote, remote: self.flow.local, ..self.flow },
            to: "sip:0664806430@192.0.2.1".parse().unwrap(),
            from,
            asserted: None,
            offer: offer.map(str::to_owned),
            headers: vec![("Subject".to_owned(), "trace".to_owned())],
        };
        self.ends[CALLER].place(Time::from_millis(self.now), outgoing).unwrap()
    }

    pub fn act<T>(&mut self, end: usize, command: impl FnOnce(&mut Endpoint, Time) -> T) -> T {
        let now = Time::from_millis(self.now);
        command(&mut self.ends[end], now)
    }

    /// Runs up to `ms`; the callee answers everything that asks for an answer.
    pub fn until(&mut self, ms: u64) {
        while let Some(next) = self.step().filter(|next| *next <= ms) {
            self.now = next.max(self.now);
            let now = Time::from_millis(self.now);
            while let Some((_, to, flow, bytes)) = self.wire.pop_front_if(|(at, ..)| *at <= self.now) {
                self.ends[to].handle_message(now, flow, &bytes);
            }
            self.ends.iter_mut().for_each(|end| end.handle_timeout(now));
        }
        self.now = ms;
    }

    /// Drains both ends; when the next thing happens.
    fn step(&mut self) -> Option<u64> {
        let mut next = Vec::new();
        for end in [CALLER, CALLEE] {
            loop {
                match self.ends[end].poll_output() {
                    Output::Transmit(transmit) => self.carry(end, transmit.flow, transmit.bytes),
                    Output::Event(event) => self.react(end, &event),
                    Output::Timeout(Time::MAX) => break,
                    Output::Timeout(time) => {
                        next.push(u64::try_from(time.elapsed().as_millis()).unwrap());
                        break;
                    }
                }
            }
        }
        next.extend(self.wire.front().map(|(at, ..)| *at));
        next.into_iter().min()
    }

    fn carry(&mut self, from: usize, flow: Flow, bytes: Vec<u8>) {
        let first_line = String::from_utf8_lossy(&bytes).lines().next().unwrap().to_owned();
        let what = first_line.strip_prefix("SIP/2.0 ").unwrap_or(&first_line).split(' ').next().unwrap().to_owned();
        let lost = (self.lose)(self.count);
        self.count += 1;
        let arrow = if from == CALLER { "→" } else { "←" };
        self.trace.push(format!("{} {arrow} {what}{}", self.now, if lost { " lost" } else { "" }));
        if !lost {
            let flow = Flow { local: flow.remote, remote: flow.local, ..flow };
            self.wire.push_back((self.now + DELAY, 1 - from, flow, bytes));
        }
    }

    fn react(&mut self, end: usize, event: &Event) {
        let who = if end == CALLER { "caller" } else { "callee" };
        self.trace.push(format!("{} {who} {}", self.now, short(event)));
        let now = Time::from_millis(self.now);
        match event {
            Event::Incoming(incoming) => self.ends[end].answer(now, incoming.call, OURS.to_owned()).unwrap(),
            Event::Offer { call, .. } => self.ends[end].respond_offer(now, *call, Ok(OURS.to_owned())).unwrap(),
            Event::Refused(_)
            | Event::Confirmed { .. }
            | Event::EarlyMedia { .. }
            | Event::Refreshed { .. }
            | Event::Info { .. }
            | Event::InfoAnswered { .. }
            | Event::Progress { .. }
            | Event::Accepted { .. }
            | Event::Rejected { .. }
            | Event::OfferAnswered { .. }
            | Event::Registering(_)
            | Event::Registered { .. }
            | Event::Stranger(_)
            | Event::TurnedAway(_)
            | Event::RegistrationExpired { .. }
            | Event::RegistrationAnswered { .. }
            | Event::Ended { .. } => {}
        }
    }
}

#[test]
fn a_whole_call_over_udp_and_over_tcp() {
    for flow in [udp(), tcp()] {
        let mut pair = Pair::new(flow, |_| false);
        let call = pair.place(Some(SDP));
        pair.until(1000);
        pair.act(CALLER, |end, now| end.hang_up(now, call, Some((16, "done")))).unwrap();
        pair.until(100_000);
        assert_eq!(
            pair.trace,
            [
                "0 → INVITE",
                "10 ← 100",
                "10 callee Incoming",
                "10 ← 200",
                "20 → ACK",
                "20 caller Accepted",
                "30 callee Confirmed",
                "1000 → BYE",
                "1010 ← 200",
                "1010 callee Ended RemoteBye { reason: Some(\"Q.850;cause=16;text=\\\"done\\\"\") }",
                "1020 caller Ended LocalBye",
            ]
        );
        assert_eq!((pair.ends[0].calls(), pair.ends[1].calls()), (0, 0));
    }
}

#[test]
fn a_late_offer_is_answered_in_the_ack() {
    let mut pair = Pair::new(udp(), |_| false);
    let call = pair.place(None);
    pair.until(700);
    pair.act(CALLER, |end, now| end.answer(now, call, SDP.to_owned())).unwrap();
    pair.until(1000);
    assert_eq!(
        pair.trace,
        [
            "0 → INVITE",
            "10 ← 100",
            "10 callee Incoming",
            "10 ← 200",
            "20 caller Accepted",
            "510 ← 200",
            "700 → ACK",
            "710 callee Confirmed with answer",
        ]
    );
}

#[test]
fn the_callee_hangs_up_and_info_goes_both_ways() {
    let mut pair = Pair::new(udp(), |_| false);
    let call = pair.place(Some(SDP));
    pair.until(100);
    pair.trace.clear();
    let body = b"Signal=5\r\nDuration=160\r\n".to_vec();
    pair.act(CALLER, |end, now| end.send_info(now, call, "application/dtmf-relay", body)).unwrap();
    pair.act(CALLER, |end, now| end.send_info(now, call, "text/plain", b"5".to_vec())).unwrap();
    pair.until(200);
    pair.act(CALLEE, |end, now| end.hang_up(now, CallHandle(1), None)).unwrap();
    pair.until(300);
    assert_eq!(
        pair.trace,
        [
            "100 → INFO",
            "100 → INFO",
            "110 callee Info application/dtmf-relay",
            "110 ← 200",
            "110 ← 415",
            "120 caller InfoAnswered 200",
            "120 caller InfoAnswered 415",
            "200 ← BYE",
            "210 → 200",
            "210 caller Ended RemoteBye { reason: None }",
            "220 callee Ended LocalBye",
        ]
    );
}

#[test]
fn whichever_single_message_is_lost_the_call_is_made_and_ended() {
    for lost in 0..7 {
        let mut pair = Pair::new(udp(), move |count| count == lost);
        let call = pair.place(Some(SDP));
        pair.until(3000);
        pair.act(CALLER, |end, now| end.hang_up(now, call, None)).unwrap();
        pair.until(40_000);
        let ended: Vec<&String> = pair.trace.iter().filter(|line| line.contains("Ended")).collect();
        assert_eq!(ended.len(), 2, "message {lost} lost: {:#?}", pair.trace);
        assert!(ended.iter().all(|line| line.contains("Bye ") || line.contains("LocalBye")), "{ended:?}");
        let once = |what: &str| pair.trace.iter().filter(|line| line.contains(what)).count() == 1;
        assert!(once("caller Accepted") && once("callee Confirmed") && once("callee Incoming"), "{:#?}", pair.trace);
        assert_eq!((pair.ends[0].calls(), pair.ends[1].calls()), (0, 0));
    }
}

#[test]
fn any_losses_end_in_no_call_and_no_timer() {
    use rand::rngs::StdRng;
    use rand::{RngExt, SeedableRng};
    for seed in 0..500 {
        let mut rng = StdRng::seed_from_u64(seed);
        let mut pair = Pair::new(udp(), move |_| rng.random_bool(0.3));
        let call = pair.place(Some(SDP));
        pair.until(20_000);
        let _ = pair.act((seed % 2) as usize, |end, now| end.hang_up(now, call, None));
        pair.until(300_000);
        let ended = |who: &str| pair.trace.iter().filter(|line| line.contains(&format!("{who} Ended"))).count();
        let incoming = pair.trace.iter().filter(|line| line.contains("callee Incoming")).count();
        assert_eq!((ended("caller"), ended("callee")), (1, incoming), "seed {seed}: {:#?}", pair.trace);
        assert!(pair.ends.iter_mut().all(|end| end.poll_output() == Output::Timeout(Time::MAX)), "seed {seed}");
        assert!(pair.ends.iter().all(|end| end.calls() == 0 && end.layer.is_empty()), "seed {seed}");
    }
}

#[test]
fn nobody_there() {
    let mut pair = Pair::new(udp(), |_| true);
    pair.place(Some(SDP));
    pair.until(100_000);
    let lines: Vec<String> =
        [0, 500, 1500, 3500, 7500, 15_500, 31_500].iter().map(|ms| format!("{ms} → INVITE lost")).collect();
    assert_eq!(pair.trace[..7], lines);
    assert_eq!(pair.trace[7..], [format!("32000 caller Ended {:?}", EndCause::TimedOut)]);
}
