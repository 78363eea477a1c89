//! The messages of RFC 4475 against a whole endpoint: what each is answered with, and that a call works after all of them.

use super::*;

/// File, what it is answered with first (0: nothing), and why.
const TABLE: [(&str, u16, &str); 49] = [
    ("wsinv", 481, "§3.1.1.1: valid, but in a dialog that is not here"),
    ("intmeth", 405, "§3.1.1.2: valid, of an unknown method"),
    ("esc01", 100, "§3.1.1.3: a call to a user with escapes in it"),
    ("escnull", 405, "§3.1.1.4: we are no registrar"),
    ("esc02", 405, "§3.1.1.5: a percent sign is no escape in a method"),
    ("lwsdisp", 200, "§3.1.1.6"),
    ("longreq", 100, "§3.1.1.7"),
    ("dblreq", 405, "§3.1.1.8: no registrar; the octets behind the first request are not another"),
    ("semiuri", 200, "§3.1.1.9"),
    ("transports", 200, "§3.1.1.10: unknown transports below the first Via"),
    ("mpart01", 405, "§3.1.1.11: no MESSAGE here"),
    ("unreason", 0, "§3.1.1.12: a response to nothing of ours"),
    ("noreason", 0, "§3.1.1.13: the same"),
    ("badinv01", 400, "§3.1.2.1"),
    ("clerr", 400, "§3.1.2.2"),
    ("ncl", 400, "§3.1.2.3"),
    ("scalar02", 400, "§3.1.2.4"),
    ("scalarlg", 0, "§3.1.2.5: a response is dropped"),
    ("quotbal", 400, "§3.1.2.6"),
    ("ltgtruri", 400, "§3.1.2.7"),
    ("lwsruri", 400, "§3.1.2.8"),
    ("lwsstart", 400, "§3.1.2.9"),
    ("trws", 400, "§3.1.2.10"),
    ("escruri", 400, "§3.1.2.11"),
    ("baddate", 100, "§3.1.2.12: nobody needs the Date"),
    ("regbadct", 400, "§3.1.2.13"),
    ("badaspec", 400, "§3.1.2.14"),
    ("baddn", 400, "§3.1.2.15"),
    ("badvers", 505, "§3.1.2.16"),
    ("mismatch01", 400, "§3.1.2.17"),
    ("mismatch02", 400, "§3.1.2.18: or 501"),
    ("bigcode", 0, "§3.1.2.19: a response is dropped"),
    ("badbranch", 200, "§3.2.1: matched as RFC 2543 did"),
    ("insuf", 400, "§3.3.1"),
    ("unkscm", 416, "§3.3.2"),
    ("novelsc", 416, "§3.3.3"),
    ("unksm2", 405, "§3.3.4: no registrar"),
    ("bext01", 420, "§3.3.5"),
    ("invut", 415, "§3.3.6"),
    ("regaut01", 405, "§3.3.7: no registrar"),
    ("multi01", 400, "§3.3.8"),
    ("mcl01", 400, "§3.3.9"),
    ("bcast", 0, "§3.3.10: a response to nothing of ours"),
    ("zeromf", 200, "§3.3.11: an endpoint takes it as if there were hops left"),
    ("cparam01", 405, "§3.3.12: no registrar"),
    ("cparam02", 405, "§3.3.13: no registrar"),
    ("regescrt", 405, "§3.3.14: no registrar"),
    ("sdp01", 406, "§3.3.15: it takes none of what we could say"),
    ("inv2543", 100, "§3.4.1: an old caller is served"),
];

fn bytes_of(name: &str) -> Vec<u8> {
    let directory = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/sip-torture");
    std::fs::read(directory.join(format!("{name}.dat"))).unwrap()
}

/// The first response that comes out, 0 when nothing does.
fn first_status(endpoint: &mut Endpoint) -> u16 {
    let mut first = 0;
    loop {
        match endpoint.poll_output() {
            Output::Timeout(_) => return first,
            Output::Event(_) => {}
            Output::Transmit(transmit) if first == 0 => {
                first = std::str::from_utf8(&transmit.bytes[8..11]).unwrap().parse().unwrap();
            }
            Output::Transmit(_) => {}
        }
    }
}

#[test]
fn each_gets_what_the_rfc_says_and_a_call_works_after_all() {
    for flow in [udp(), tcp()] {
        let mut bench = Bench::with(Config { any_user: true, ..Config::default() });
        for (name, status, why) in TABLE {
            bench.endpoint.handle_message(Time::ZERO, flow, &bytes_of(name));
            assert_eq!(first_status(&mut bench.endpoint), status, "{name}: {why}");
        }
        let mut phone = Phone::new();
        bench.receive(0, &phone.invite());
        let call = bench.call();
        bench.act(10, |endpoint, now| endpoint.answer(now, call, OURS.to_owned())).unwrap();
        phone.hear(bench.response());
        bench.receive(20, &phone.ack()).receive(30, &phone.request("BYE"));
        assert_eq!(
            bench.trace(),
            [
                "0 → 100 INVITE",
                "0 · Incoming",
                "10 → 200 INVITE",
                "20 · Confirmed",
                "30 → 200 BYE",
                "30 · Ended RemoteBye { reason: None }",
            ]
        );
        bench.until(400_000);
        assert!(bench.endpoint.layer.is_empty() && bench.endpoint.calls() == 0);
    }
}
