//! From the INVITE's datagram to the 200's: endpoint, identity, contract and session description, without sockets or store,
//! while other calls run.
#![allow(clippy::unwrap_used, clippy::wildcard_enum_match_arm)]

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use criterion::{Criterion, criterion_group, criterion_main};
use karipass::internals::account::{Contract, demo_contract};
use karipass::internals::audio::prompt::Bank;
use karipass::internals::call::identity::Trust;
use karipass::internals::call::{Admitted, Call, Input, Output, Seed, Settings};
use karipass::internals::seats::Seats;
use karipass::internals::sip::endpoint::{self, Endpoint, Event, Incoming};
use karipass::internals::sip::flow::{Flow, Transport};
use karipass::internals::sip::sdp::Srtp;
use karipass::time::{Time, UnixTime};

/// A service at work.
struct Service {
    endpoint: Endpoint,
    settings: Arc<Settings>,
    contract: Contract,
    seats: Seats,
    flow: Flow,
    now: Time,
    number: u64,
}

impl Service {
    /// With so many calls that stay.
    fn with(calls: u64) -> Service {
        let (local, remote): (SocketAddr, SocketAddr) =
            ("192.0.2.10:5060".parse().unwrap(), "192.0.2.77:5060".parse().unwrap());
        let settings = Settings { srtp: Srtp::Offered, ..Settings::new(Arc::new(Bank::builtin())) };
        let mut bench = Service {
            endpoint: Endpoint::new(endpoint::Config::default(), 1),
            settings: Arc::new(settings),
            contract: demo_contract().unwrap(),
            seats: Seats::default(),
            flow: Flow { transport: Transport::Udp, local, remote, connection: None },
            now: Time::ZERO,
            number: 0,
        };
        for _ in 0..calls {
            let response = bench.answer();
            let ack = bench.in_dialog("ACK", 1, &response);
            bench.receive(&ack);
        }
        bench
    }

    /// One INVITE; its 200.
    fn answer(&mut self) -> String {
        self.number += 1;
        let invite = invite(self.number);
        self.timed_answer(&invite).0
    }

    fn timed_answer(&mut self, invite: &str) -> (String, Duration) {
        let start = Instant::now();
        self.endpoint.handle_message(self.now, self.flow, invite.as_bytes());
        let incoming = self.incoming();
        let mut call = self.call(&incoming);
        let description = call_answer(&mut call);
        self.endpoint.answer(self.now, incoming.call, description).unwrap();
        let response = self.transmitted();
        let took = start.elapsed();
        assert!(response.starts_with(b"SIP/2.0 200 "));
        (String::from_utf8(response).unwrap(), took)
    }

    fn incoming(&mut self) -> Incoming {
        loop {
            match self.endpoint.poll_output() {
                endpoint::Output::Event(Event::Incoming(incoming)) => return incoming,
                endpoint::Output::Timeout(_) => panic!("no call came in"),
                endpoint::Output::Event(_) | endpoint::Output::Transmit(_) => {}
            }
        }
    }

    fn call(&self, incoming: &Incoming) -> Call {
        let trust = Trust { asserted: true, from: false, private: true };
        let seed = Seed { numbers: self.number, keys: [7; 32] };
        let mut call = Call::new(self.now, UnixTime(1_767_225_600), seed, Arc::clone(&self.settings), trust, incoming);
        let Output::FindLine(number) = call.poll_output() else { panic!("the line is not asked for") };
        assert!(self.contract.has(number));
        let admitted = Admitted { contract: self.contract.clone(), seat: self.seats.take() };
        call.handle_input(self.now, Input::Line(Ok(Some(admitted))));
        let Output::OpenMedia { .. } = call.poll_output() else { panic!("no port is asked for") };
        call.handle_input(self.now, Input::Media(Some("192.0.2.10:10000".parse().unwrap())));
        call
    }

    fn transmitted(&mut self) -> Vec<u8> {
        match self.endpoint.poll_output() {
            endpoint::Output::Transmit(transmit) => transmit.bytes,
            other => panic!("{other:?} and no 200"),
        }
    }

    /// A request of the caller's in the dialog that this 200 made.
    fn in_dialog(&self, method: &str, cseq: u32, response: &str) -> String {
        let field = |name: &str| response.lines().find(|line| line.starts_with(name)).unwrap();
        format!(
            "{method} sip:0664806430@192.0.2.10:5060 SIP/2.0\r\n\
             Via: SIP/2.0/UDP 192.0.2.77:5060;branch=z9hG4bK-{method}-{};rport\r\nMax-Forwards: 70\r\n\
             {}\r\n{}\r\n{}\r\nCSeq: {cseq} {method}\r\nContent-Length: 0\r\n\r\n",
            self.number,
            field("From:"),
            field("To:"),
            field("Call-ID:"),
        )
    }

    fn receive(&mut self, message: &str) {
        self.endpoint.handle_message(self.now, self.flow, message.as_bytes());
        self.drain();
    }

    fn drain(&mut self) {
        while !matches!(self.endpoint.poll_output(), endpoint::Output::Timeout(_)) {}
    }

    /// INVITE to 200, measured; then ACK, BYE and the timers of both, not measured.
    fn round(&mut self) -> Duration {
        self.number += 1;
        let invite = invite(self.number);
        let (response, took) = self.timed_answer(&invite);
        for (method, cseq) in [("ACK", 1), ("BYE", 2)] {
            let request = self.in_dialog(method, cseq, &response);
            self.receive(&request);
        }
        self.now += Duration::from_millis(10);
        self.endpoint.handle_timeout(self.now);
        self.drain();
        took
    }
}

fn call_answer(call: &mut Call) -> String {
    match call.poll_output() {
        Output::Answer(description) => description,
        other => panic!("{other:?} and no answer"),
    }
}

/// As the network sends it: compact and folded headers, the number in two forms, session timer.
fn invite(number: u64) -> String {
    let body = "v=0\r\no=- 1 1 IN IP4 192.0.2.77\r\ns=-\r\nc=IN IP4 192.0.2.77\r\nt=0 0\r\nm=audio 40000 RTP/AVP 0 96\r\n\
        a=rtpmap:0 PCMU/8000\r\na=rtpmap:96 telephone-event/8000\r\na=fmtp:96 0-15\r\na=ptime:20\r\na=sendrecv\r\n";
    format!(
        "INVITE sip:0664806430@192.0.2.10:5060 SIP/2.0\r\nv: SIP/2.0/UDP 192.0.2.77:5060;branch=z9hG4bK-{number};rport\r\n\
         Max-Forwards: 70\r\nf: <sip:0600001111@ntt-west.ne.jp>;tag=f{number}\r\n\
         t: <tel:0664806430;phone-context=ntt-west.ne.jp>\r\ni: {number}@192.0.2.77\r\nCSeq: 1 INVITE\r\n\
         m: <sip:0600001111@192.0.2.77:5060>\r\nP-Asserted-Identity: <sip:0600001111@ntt-west.ne.jp>,\r\n \
         <tel:0600001111;phone-context=ntt-west.ne.jp>\r\nk: timer,100rel\r\nSession-Expires: 300;refresher=uac\r\n\
         Min-SE: 300\r\nc: application/sdp\r\nl: {}\r\n\r\n{body}",
        body.len()
    )
}

fn invite_to_200(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("invite_to_200");
    for calls in [0, 1000] {
        let mut bench = Service::with(calls);
        group.bench_function(format!("beside_{calls}_calls"), |bencher| {
            bencher.iter_custom(|rounds| (0..rounds).map(|_| bench.round()).sum());
        });
    }
    group.finish();
}

criterion_group!(benches, invite_to_200);
criterion_main!(benches);
