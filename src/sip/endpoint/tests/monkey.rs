//! Anything may happen: random messages, damaged ones, random commands and closed connections, by seed.

use std::collections::HashMap;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::*;
use crate::sip::endpoint::{Admission, Rejection};

struct Monkey {
    rng: StdRng,
    bench: Bench,
    phones: Vec<Phone>,
    heard: usize,
    /// The last RSeq that any phone was sent.
    sequence: u32,
}

impl Monkey {
    fn new(seed: u64) -> Monkey {
        let mut rng = StdRng::seed_from_u64(seed);
        let session_expires = rng.random_bool(0.5).then_some(Duration::from_secs(90));
        let config = Config { max_calls: 5, max_transactions: 60, session_expires, ..Config::default() };
        Monkey { rng, bench: Bench::with(config), phones: Vec::new(), heard: 0, sequence: 0 }
    }

    /// The phones take note of the To tags that they are sent.
    fn listen(&mut self) {
        for (_, message) in self.bench.sent.iter().skip(self.heard) {
            let Message::Response(response) = message else { continue };
            self.sequence = response.headers.reliable_sequence().unwrap_or(self.sequence);
            let call_id = response.headers.call_id().unwrap_or_default();
            let index = call_id.strip_prefix("monkey").and_then(|index| index.parse::<usize>().ok());
            let answered = (101..300).contains(&response.status);
            let phone = index.filter(|_| answered).and_then(|index| self.phones.get_mut(index));
            if let Some(phone) = phone.filter(|phone| phone.to_tag.is_none()) {
                phone.hear(response);
            }
        }
        self.heard = self.bench.sent.len();
    }

    fn step(&mut self, ms: u64) {
        self.listen();
        match self.rng.random_range(0..10) {
            0..=4 => self.phone_says(ms),
            5 => self.phone_responds(ms),
            6..=8 => self.application_acts(ms),
            _ => self.edge_acts(ms),
        }
    }

    fn phone_says(&mut self, ms: u64) {
        if self.phones.is_empty() || self.rng.random_bool(0.15) {
            self.phones.push(if self.rng.random_bool(0.3) { Phone::over_tcp() } else { Phone::new() });
        }
        let index = self.rng.random_range(0..self.phones.len());
        let phone = &mut self.phones[index];
        let message = match self.rng.random_range(0..16) {
            0..=2 => phone.invite(),
            3 => with(&phone.invite(), "Supported: 100rel"),
            4..=6 => phone.ack(),
            7 => phone.same_branch("CANCEL"),
            8 => phone.same_branch("ACK"),
            9 => phone.request("BYE"),
            10 => with_body(&phone.request("INFO"), "application/dtmf", "1"),
            11 => with(&phone.request("UPDATE"), "Supported: timer\r\nSession-Expires: 90"),
            12 => phone.request("OPTIONS"),
            13..=14 => with(
                &phone.request("PRACK"),
                &format!("RAck: {} {} INVITE", self.sequence, self.rng.random_range(1..5)),
            ),
            _ => phone.request("INVITE"),
        };
        let flow = phone.flow;
        let mut bytes = message.replace("trace@192.0.2.9", &format!("monkey{index}")).into_bytes();
        if self.rng.random_bool(0.1) {
            for _ in 0..self.rng.random_range(1..4) {
                let at = self.rng.random_range(0..bytes.len());
                bytes[at] = self.rng.random();
            }
        }
        let times = if self.rng.random_bool(0.2) { 2 } else { 1 };
        self.bench.until(ms);
        (0..times).for_each(|_| self.bench.endpoint.handle_message(Time::from_millis(ms), flow, &bytes));
    }

    fn phone_responds(&mut self, ms: u64) {
        let requests: Vec<Request> = self
            .bench
            .sent
            .iter()
            .rev()
            .take(20)
            .filter_map(|(_, message)| match message {
                Message::Request(request) => Some(request.clone()),
                Message::Response(_) => None,
            })
            .collect();
        if requests.is_empty() {
            return;
        }
        let request = &requests[self.rng.random_range(0..requests.len())];
        let status = [100, 180, 200, 200, 200, 403, 408, 422, 481, 491, 500][self.rng.random_range(0..11)];
        let reliable = if status == 180 { "\r\nRequire: 100rel\r\nRSeq: 1" } else { "" };
        let response = Phone::new().respond(request, status, &format!("Min-SE: 200{reliable}"));
        self.bench.receive(ms, &response);
    }

    fn application_acts(&mut self, ms: u64) {
        let call = CallHandle(self.rng.random_range(1..=self.bench.endpoint.last_call.max(1)));
        let sdp = OURS.to_owned();
        let what = self.rng.random_range(0..10);
        self.bench.act(ms, |endpoint, now| {
            let _ = match what {
                0..=2 => endpoint.answer(now, call, sdp),
                3 => endpoint.reject(now, call, Rejection::new(486)),
                4 => endpoint.progress(now, call, 180, ms.is_multiple_of(3).then_some(sdp)),
                5 => endpoint.hang_up(now, call, None),
                6 => endpoint.respond_offer(now, call, Ok(sdp)),
                7 => endpoint.offer(now, call, ms.is_multiple_of(2).then_some(sdp)),
                8 => endpoint.send_info(now, call, "application/dtmf", vec![b'1']),
                _ => endpoint.place(now, placing::outgoing()).map(|_| ()),
            };
        });
    }

    fn edge_acts(&mut self, ms: u64) {
        let what = self.rng.random_range(0..6);
        self.bench.act(ms, |endpoint, now| match what {
            0 => endpoint.handle_flow_closed(now, 7),
            1 => endpoint.handle_unreachable(now, udp()),
            2 => endpoint.set_admission(Admission::Draining { retry_after: Duration::from_secs(1) }),
            _ => endpoint.set_admission(Admission::Open),
        });
    }
}

#[test]
fn whatever_happens_every_call_ends_once_and_nothing_stays_behind() {
    for seed in 0..100 {
        let mut monkey = Monkey::new(seed);
        let mut ms = 0;
        for _ in 0..200 {
            ms += [0, 1, 10, 500, 5000, 40_000][monkey.rng.random_range(0..6)];
            monkey.step(ms);
            assert!(monkey.bench.endpoint.calls() <= 5, "seed {seed}");
        }
        let bench = &mut monkey.bench;
        for call in (1..=bench.endpoint.last_call).map(CallHandle) {
            let _ = bench.act(ms, |endpoint, now| endpoint.hang_up(now, call, None));
        }
        bench.until(ms + 400_000);
        assert_eq!(bench.endpoint.calls(), 0, "seed {seed}");
        assert!(bench.endpoint.dialogs.is_empty(), "seed {seed}: {:?}", bench.endpoint.dialogs);
        assert!(bench.endpoint.layer.is_empty(), "seed {seed}: {:?}", bench.endpoint.layer.census());
        let mut ended: HashMap<CallHandle, usize> = HashMap::new();
        for event in &bench.events {
            let call = call_of(event);
            assert!(!ended.contains_key(&call), "seed {seed}: {event:?} after the end");
            if matches!(event, Event::Ended { .. }) {
                ended.insert(call, 1);
            }
        }
        assert_eq!(ended.len() as u64, bench.endpoint.last_call, "seed {seed}");
    }
}

fn call_of(event: &Event) -> CallHandle {
    match event {
        Event::Incoming(incoming) => incoming.call,
        Event::Confirmed { call, .. }
        | Event::EarlyMedia { call, .. }
        | Event::Offer { call, .. }
        | Event::Refreshed { call, .. }
        | Event::Info { call, .. }
        | Event::InfoAnswered { call, .. }
        | Event::Progress { call, .. }
        | Event::Accepted { call, .. }
        | Event::Rejected { call, .. }
        | Event::OfferAnswered { call, .. }
        | Event::Ended { call, .. } => *call,
        Event::Refused(_) => panic!("the bench keeps them apart"),
        Event::Stranger(_) | Event::TurnedAway(_) => panic!("its peer is trusted"),
        Event::Registering(_)
        | Event::Registered { .. }
        | Event::RegistrationExpired { .. }
        | Event::RegistrationAnswered { .. } => {
            panic!("there is no registrar")
        }
    }
}
