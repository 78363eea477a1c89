//! What `serve --trace` keeps: everything that happened, and nothing that was keyed.
#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::thread;

use karipass::decode::decode;
use karipass::internals::audio::capture::Capture;
use karipass::internals::audio::datagram::datagram;

use super::support::{Folder, Service, json_lines, karipass};

/// The payloads of all packets of a trace.
fn payloads(trace: &Path) -> Vec<Vec<u8>> {
    let mut capture = Capture::new(std::fs::File::open(trace).unwrap()).unwrap();
    std::iter::from_fn(|| capture.next_frame().unwrap())
        .map(|frame| datagram(frame.link, &frame.bytes).unwrap().payload.to_vec())
        .collect()
}

/// Looks for what was keyed in every form in which it may be on the wire.
fn search(trace: &Path, keyed: &str) {
    let bytes = std::fs::read(trace).unwrap();
    let digits = keyed.as_bytes();
    assert!(!bytes.windows(digits.len()).any(|window| window == digits), "in clear");
    let codes: Vec<u8> = digits.iter().map(|digit| digit - b'0').collect();
    assert!(!bytes.windows(codes.len()).any(|window| window == codes), "as event numbers in a row");
    let (mut media, mut infos) = (0, 0);
    for payload in payloads(trace) {
        let is_sip = payload.windows(7).any(|window| window == b"SIP/2.0");
        if is_sip {
            let text = String::from_utf8(payload).unwrap();
            let Some(body) = text.strip_prefix("INFO ").and_then(|text| text.split_once("\r\n\r\n")) else { continue };
            assert!(!body.1.contains(|c: char| c.is_ascii_digit() || "*#".contains(c)), "a key in the body of an INFO");
            infos += 1;
        } else if payload.get(1).is_some_and(|kind| !(200..=207).contains(kind)) {
            // RTP: an event has no number, and audio is one and the same value throughout, whoever sent it
            let (event, audio) = (payload.get(12).copied(), payload.get(12..).unwrap());
            assert!(audio.len() == 4 && event == Some(0xFF) || audio.iter().all(|&byte| Some(byte) == event));
            media += 1;
        }
    }
    assert!(media > 100, "{media} packets of media, {infos} of INFO");
    let report = decode(bytes.as_slice());
    assert!(report.error.is_none() && report.streams.len() >= 2, "{report:?}");
    assert!(report.presses.is_empty(), "{} digits are heard", report.presses.len());
}

#[test]
fn the_traces_of_calls_hold_all_that_happened_but_nothing_that_was_keyed() {
    let folder = Folder::new();
    let traces = folder.file("traces");
    let service = Service::start(&folder.file("store.db"), &["--demo", "--trace", traces.to_str().unwrap()], "info");
    let calls = [("48151623", "rfc4733"), ("31415926", "inband"), ("27182818", "info")];
    thread::scope(|scope| {
        for (password, way) in calls {
            let service = &service;
            scope.spawn(move || {
                let flags = ["--from", "0600001111", "--unit", "line", "--password", password, "--dtmf", way];
                let output = service.call(&flags).output().unwrap();
                assert!(output.status.success(), "{:#?}", json_lines(&output));
            });
        }
    });
    let refused = ["--from", "0699999999", "--unit", "line", "--password", "1357"];
    assert!(!service.call(&refused).output().unwrap().status.success());
    let records = service.records(4);
    let db = service.db.clone();
    service.terminate();
    assert_eq!(service.wait().0, Some(0));
    for record in records {
        let id = record["id"].as_str().unwrap();
        let trace = traces.join(format!("{id}.pcapng"));
        let shown = karipass()
            .args(["calls", "show", id, "--json", "--trace"])
            .args([&traces, Path::new("--db"), &db])
            .output()
            .unwrap();
        let shown = json_lines(&shown).pop().unwrap();
        assert_eq!(shown["record"], record);
        assert_eq!(shown["trace"]["not_kept"], 0);
        let steps = shown["trace"]["steps"].as_array().unwrap();
        let said: Vec<&str> = steps.iter().map(|step| step["what"].as_str().unwrap()).collect();
        if record["status"] == 403 {
            assert_eq!(said, ["INVITE, SDP", "100 Trying (INVITE)", "403 Forbidden (INVITE)", "ACK"]);
            continue;
        }
        for what in ["INVITE, SDP", "200 OK (INVITE), SDP", "ACK", "RTP begins, PCMU", "BYE", "200 OK (BYE)"] {
            assert!(said.contains(&what), "no {what} in {said:?}");
        }
        let keys = said.iter().filter(|what| what.contains("key •")).count() as u64;
        let digits = &record["digits"];
        assert_eq!(keys, digits["rfc4733"].as_u64().unwrap() + digits["info"].as_u64().unwrap());
        calls.iter().for_each(|(password, _)| search(&trace, password));
    }
}
