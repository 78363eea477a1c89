//! `karipass calls show` as a person and a script see it.
#![allow(clippy::unwrap_used)]

use super::super::super::output::testing::{NOW, Ran, Scene};
use super::*;
use crate::account::Outcome;
use crate::datagram::{Datagram, Kind};
use crate::sip::flow::{Flow, Transport};
use crate::time::Time;
use crate::trace;

const ID: &str = "6a18f3f0-00000000000000aa";

fn show(scene: &Scene, line: &str) -> Ran {
    scene.run::<super::super::Args>(line, |args, config, _, out| super::super::perform(args, config, out))
}

fn recorded() -> Scene {
    let scene = Scene::new();
    let mut store = open_store(&scene.config(), Mode::Create).unwrap();
    let mut record = CallRecord::new(ID, NOW, "192.0.2.1", Outcome::HungUp);
    record.status = 200;
    record.digits.info = 1;
    record.reason = Some("Q.850;cause=16;text=\"normal call clearing\"".to_owned());
    record.refused_media = Some("the media address is of IPv6, ours is of IPv4".to_owned());
    record.detail = Some("9 RTP packets came from elsewhere".to_owned());
    record.srtp = Some("AEAD_AES_128_GCM".to_owned());
    (record.media.unauthentic, record.media.replayed) = (3, 1);
    store.record_call(&record).unwrap();
    scene
}

/// A call with a key by event and one by INFO, as the server would have it traced.
fn traced(folder: &std::path::Path) {
    let options = trace::Options { folder: folder.to_owned(), call_bytes: 1 << 20, total_bytes: 1 << 20, files: 9 };
    let (tracer, thread) = trace::start(&options, std::time::Duration::from_secs(NOW.0.unsigned_abs())).unwrap();
    let flow = Flow {
        transport: Transport::Tcp,
        local: "192.0.2.9:5060".parse().unwrap(),
        remote: "192.0.2.1:40000".parse().unwrap(),
        connection: Some(1),
    };
    let message = |first: &str, cseq: &str, rest: &str| {
        format!(
            "{first}\r\nVia: SIP/2.0/TCP 192.0.2.1;branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:c@d>;tag=2\r\nCall-ID: x@y\r\nCSeq: {cseq}\r\n{rest}"
        )
    };
    let invite = message("INVITE sip:c@d SIP/2.0", "1 INVITE", "Content-Length: 0\r\n\r\n");
    let ok = message(
        "SIP/2.0 200 OK",
        "1 INVITE",
        "Content-Type: application/sdp\r\nContent-Length: 26\r\n\r\nv=0\r\nm=audio 1 RTP/AVP 0\r\n",
    );
    let info = message(
        "INFO sip:c@d SIP/2.0",
        "2 INFO",
        "Content-Type: application/dtmf-relay\r\nContent-Length: 8\r\n\r\nSignal=7",
    );
    let (at, phone) = (Time::from_millis, "192.0.2.7:4000".parse().unwrap());
    tracer.sip(at(0), Direction::In, &flow, invite.as_bytes());
    let mut call = tracer.call(at(1), ID, "x@y");
    call.listens("192.0.2.9:10000".parse().unwrap());
    tracer.sip(at(5), Direction::Out, &flow, ok.as_bytes());
    tracer.sip(at(5), Direction::Out, &flow, ok.as_bytes());
    let event = |sequence: u8, duration: u8| [0x80, 101, 0, sequence, 0, 0, 0, 9, 0, 0, 0, 1, 7, 10, duration, 0x20];
    call.datagram(at(30), Direction::In, Datagram { kind: Kind::Rtp, remote: phone, bytes: &event(1, 0) });
    call.datagram(at(50), Direction::In, Datagram { kind: Kind::Rtp, remote: phone, bytes: &event(2, 3) });
    tracer.sip(at(60), Direction::In, &flow, info.as_bytes());
    call.end(at(70));
    drop(tracer);
    thread.join().unwrap();
}

#[test]
fn the_ladder_shows_who_sent_what_when_and_keys_as_dots() {
    let scene = recorded();
    let folder = scene.path("traces");
    traced(&folder);
    let ran = show(&scene, &format!("show {ID} --trace {}", folder.display()));
    let drawing = ran.out.split_once("pcapng\n").unwrap().1;
    let expected = "
             192.0.2.1:40000                    192.0.2.7:4000                     karipass
    0.000 s  │── INVITE ──────────────────────────────────────────────────────────▶│  TCP
    0.005 s  │◀──────────────────────────────────────────── 200 OK (INVITE), SDP ──│  TCP
    0.005 s  │◀───────────────────────────────────── 200 OK (INVITE), SDP, again ──│  TCP
    0.030 s  │                                  │┈┈ RTP begins, payload type 101 ┈▶│
    0.030 s  │                                  │┈┈ key •, 100 ms ┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈▶│
    0.060 s  │── INFO key • ──────────────────────────────────────────────────────▶│  TCP
RTP from 192.0.2.7:4000: 2 packets, 1 keys
";
    assert_eq!(format!("\n{drawing}"), expected);
    assert!(ran.out.starts_with(&format!("call {ID}\n  2026-05-28T20:26:40Z")), "{}", ran.out);
}

#[test]
fn json_has_the_record_and_every_step() {
    let scene = recorded();
    let folder = scene.path("traces");
    traced(&folder);
    let ran = show(&scene, &format!("show {ID} --json --trace {}", folder.display()));
    let shown: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(shown["record"]["outcome"], "hung-up");
    let steps = shown["trace"]["steps"].as_array().unwrap();
    assert_eq!(steps.len(), 6);
    assert_eq!(steps[0]["what"], "INVITE");
    assert_eq!((steps[0]["direction"].as_str(), steps[1]["direction"].as_str()), (Some("in"), Some("out")));
    assert_eq!(steps[5]["at_ms"], 60);
    assert_eq!(shown["trace"]["streams"][0]["keys"], 1);
}

#[test]
fn a_call_without_a_trace_shows_its_record() {
    let scene = recorded();
    let ran = show(&scene, &format!("show {ID}"));
    assert_eq!(ran.exit, 0);
    assert!(ran.out.contains("hung-up: the caller hung up"), "{}", ran.out);
    for line in [
        "  in particular: 9 RTP packets came from elsewhere\n",
        "  Reason of the caller: Q.850;cause=16;text=\"normal call clearing\"\n",
        "  media refused: the media address is of IPv6, ours is of IPv4\n",
        "  SRTP AEAD_AES_128_GCM: 3 packets dropped as not authentic, 1 as replayed\n",
    ] {
        assert!(ran.out.contains(line), "{}", ran.out);
    }
    assert!(ran.out.contains("1 by INFO") && ran.out.contains("no trace was kept"), "{}", ran.out);
    let json: serde_json::Value = serde_json::from_str(&show(&scene, &format!("show {ID} --json")).out).unwrap();
    assert_eq!(json["trace"], serde_json::Value::Null);
}

#[test]
fn a_trace_that_is_cut_off_is_shown_as_far_as_it_goes() {
    let scene = recorded();
    let folder = scene.path("traces");
    traced(&folder);
    let path = path_of(&folder, ID).unwrap();
    let bytes = std::fs::read(&path).unwrap();
    std::fs::write(&path, &bytes[..bytes.len() - 60]).unwrap();
    let ran = show(&scene, &format!("show {ID} --trace {}", folder.display()));
    assert_eq!(ran.exit, 0);
    assert!(ran.out.contains("INVITE") && ran.out.contains("cannot be read to its end"), "{}", ran.out);
}

#[test]
fn an_id_that_nobody_has_is_told_and_no_other_file_is_opened() {
    let scene = recorded();
    for id in ["6a18f3f0-00000000000000ab", "../karipass", "/etc/passwd"] {
        let ran = show(&scene, &format!("show {id} --trace /etc"));
        assert_eq!((ran.exit, ran.out.as_str()), (1, ""), "{id}");
        assert!(ran.complaint.contains("neither a record nor a trace"), "{}", ran.complaint);
    }
}
