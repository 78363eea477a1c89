//! Offers of the RFCs and of real equipment, and what we answer.
#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use super::*;

const LOCAL: &str = "198.51.100.7:12000";

fn local() -> LocalMedia {
    LocalMedia::new(LOCAL.parse().unwrap(), 42)
}

/// Lines joined as they are sent.
fn lines(lines: &[&str]) -> String {
    lines.iter().map(|line| format!("{line}\r\n")).collect()
}

fn answered(offer: &[&str]) -> (String, MediaPlan) {
    answer(lines(offer).as_bytes(), &local()).unwrap()
}

fn refused_because(offer: &[&str]) -> Mismatch {
    match answer(lines(offer).as_bytes(), &local()).unwrap_err() {
        SdpError::NotAcceptable { why } => why,
        SdpError::Malformed { what } => panic!("malformed: {what}"),
    }
}

/// A plain offer with these media lines.
fn plain(media: &[&'static str]) -> Vec<&'static str> {
    [&["v=0", "o=- 1 1 IN IP4 192.0.2.4", "s=-", "c=IN IP4 192.0.2.4", "t=0 0"], media].concat()
}

#[test]
fn hikari_denwa() {
    let (answer, plan) = answered(&[
        "v=0",
        "o=- 82664419472 82664419472 IN IP4 192.0.2.10",
        "s=-",
        "c=IN IP4 192.0.2.10",
        "t=0 0",
        "m=audio 5004 RTP/AVP 0 96",
        "a=rtpmap:0 PCMU/8000",
        "a=rtpmap:96 telephone-event/8000",
        "a=fmtp:96 0-15",
        "a=ptime:20",
        "a=sendrecv",
    ]);
    assert_eq!(
        answer,
        lines(&[
            "v=0",
            "o=- 42 1 IN IP4 198.51.100.7",
            "s=-",
            "c=IN IP4 198.51.100.7",
            "t=0 0",
            "m=audio 12000 RTP/AVP 0 96",
            "a=rtpmap:0 PCMU/8000",
            "a=rtpmap:96 telephone-event/8000",
            "a=fmtp:96 0-15",
            "a=ptime:20",
            "a=sendrecv",
        ])
    );
    let expected = MediaPlan {
        remote_rtp: "192.0.2.10:5004".parse().unwrap(),
        remote_rtcp: "192.0.2.10:5005".parse().unwrap(),
        codec: Codec::Pcmu,
        payload_type: 0,
        telephone_event: Some(TelephoneEvent { payload_type: 96, clock_rate: 8000, events: 0xffff }),
        ptime_ms: 20,
        direction: Direction::SendRecv,
        on_hold: false,
        keying: None,
    };
    assert_eq!(plan, expected);
}

#[test]
fn hikari_denwa_without_telephone_event_and_rtpmap() {
    let (answer, plan) = answered(&plain(&["m=audio 5004 RTP/AVP 0", "a=ptime:20"]));
    assert_eq!((plan.codec, plan.telephone_event), (Codec::Pcmu, None));
    assert!(answer.contains("m=audio 12000 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\na=ptime:20\r\n"), "{answer}");
}

#[test]
fn linphone() {
    let (answer, plan) = answered(&[
        "v=0",
        "o=alice 3120 1894 IN IP4 192.0.2.55",
        "s=Talk",
        "c=IN IP4 192.0.2.55",
        "t=0 0",
        "a=rtcp-xr:rcvr-rtt=all:10000 stat-summary=loss,dup,jitt,TTL voip-metrics",
        "a=record:off",
        "m=audio 7078 RTP/AVPF 96 97 98 0 8 101 99 100",
        "a=rtpmap:96 opus/48000/2",
        "a=fmtp:96 useinbandfec=1",
        "a=rtpmap:97 speex/16000",
        "a=fmtp:97 vbr=on",
        "a=rtpmap:98 speex/8000",
        "a=fmtp:98 vbr=on",
        "a=rtpmap:101 telephone-event/48000",
        "a=rtpmap:99 telephone-event/16000",
        "a=rtpmap:100 telephone-event/8000",
        "a=rtcp:7079",
        "a=rtcp-fb:* trr-int 5000",
        "m=video 9078 RTP/AVPF 96",
        "a=rtpmap:96 VP8/90000",
    ]);
    assert_eq!((plan.codec, plan.payload_type), (Codec::Pcmu, 0));
    // at the clock rate of the codec, though it is named last
    assert_eq!(plan.telephone_event.unwrap().payload_type, 100);
    assert!(answer.contains("m=audio 12000 RTP/AVPF 0 100\r\n"), "{answer}");
    // an event has the timestamps of the audio beside it (RFC 4733 §2.1)
    assert!(!answer.contains("/16000") && !answer.contains("/48000"), "{answer}");
    assert!(answer.ends_with("m=video 0 RTP/AVPF 96\r\n"), "{answer}");
}

#[test]
fn baresip() {
    let (answer, plan) = answered(&[
        "v=0",
        "o=- 3259862172 1532826114 IN IP4 192.0.2.77",
        "s=-",
        "c=IN IP4 192.0.2.77",
        "t=0 0",
        "a=tool:baresip 1.0.0",
        "m=audio 20538 RTP/AVP 8 0 101",
        "b=AS:125",
        "a=rtpmap:8 PCMA/8000",
        "a=rtpmap:0 PCMU/8000",
        "a=rtpmap:101 telephone-event/8000",
        "a=fmtp:101 0-15",
        "a=rtcp:20539",
        "a=sendrecv",
        "a=label:1",
        "a=rtcp-mux",
        "a=minptime:20",
        "a=ptime:20",
    ]);
    // the offerer's first choice wins
    assert_eq!((plan.codec, plan.payload_type), (Codec::Pcma, 8));
    assert!(answer.contains("m=audio 12000 RTP/AVP 8 101\r\n") && !answer.contains("rtcp-mux"), "{answer}");
}

/// RFC 3264 §10.1: of two streams of audio and one of video, Bob takes one audio stream and the video.
#[test]
fn rfc_3264_bob() {
    let (answer, plan) = answered(&[
        "v=0",
        "o=alice 2890844526 2890844526 IN IP4 192.0.2.1",
        "s=",
        "c=IN IP4 192.0.2.1",
        "t=2873397496 2873404696",
        "m=audio 49170 RTP/AVP 0 8 97",
        "a=rtpmap:0 PCMU/8000",
        "a=rtpmap:8 PCMA/8000",
        "a=rtpmap:97 iLBC/8000",
        "m=video 51372 RTP/AVP 31 32",
        "a=rtpmap:31 H261/90000",
        "a=rtpmap:32 MPV/90000",
    ]);
    assert_eq!(plan.remote_rtp, "192.0.2.1:49170".parse().unwrap());
    // RFC 3264 §6: the t= line of the answer must equal that of the offer
    assert!(answer.contains("t=2873397496 2873404696\r\n"), "{answer}");
    assert!(answer.ends_with("m=video 0 RTP/AVP 31 32\r\n"), "{answer}");
}

/// RFC 4566 §5: its example, with a connection address and a direction of the session.
#[test]
fn rfc_4566_example() {
    let unicast = [
        "v=0",
        "o=jdoe 2890844526 2890842807 IN IP4 192.0.2.5",
        "s=SDP Seminar",
        "i=A Seminar on the session description protocol",
        "u=http://www.example.com/seminars/sdp.pdf",
        "e=j.doe@example.com (Jane Doe)",
        "c=IN IP4 192.0.2.17",
        "t=2873397496 2873404696",
        "a=recvonly",
        "m=audio 49170 RTP/AVP 0",
        "m=video 51372 RTP/AVP 99",
        "a=rtpmap:99 h263-1998/90000",
    ];
    let (answer, plan) = answered(&unicast);
    assert_eq!((plan.direction, plan.on_hold), (Direction::SendOnly, false));
    assert!(answer.contains("a=sendonly\r\n"), "{answer}");
    // as it stands in the RFC the address is a multicast group
    let multicast = unicast.map(|line| if line.starts_with("c=") { "c=IN IP4 224.2.17.12/127" } else { line });
    assert_eq!(refused_because(&multicast), Mismatch::Address);
}

#[test]
fn the_streams_address_overrides_the_sessions() {
    let offer = plain(&["m=audio 4000 RTP/AVP 0", "c=IN IP4 203.0.113.9", "a=rtcp:53020 IN IP4 126.16.64.4"]);
    let (_, plan) = answered(&offer);
    assert_eq!(plan.remote_rtp, "203.0.113.9:4000".parse().unwrap());
    // RFC 3605 §2.1
    assert_eq!(plan.remote_rtcp, "126.16.64.4:53020".parse().unwrap());
}

#[test]
fn a_useless_rtcp_line_means_the_next_port() {
    for rtcp in ["a=rtcp:nonsense", "a=rtcp:0", "a=rtcp:70000", "a=rtcp:5 IN IP4 host", "a=rtcp:5 IN IP4 224.0.0.1"] {
        let (_, plan) = answered(&plain(&["m=audio 4000 RTP/AVP 0", rtcp]));
        assert_eq!(plan.remote_rtcp, "192.0.2.4:4001".parse().unwrap(), "{rtcp}");
    }
}

#[test]
fn ipv6() {
    let ours = LocalMedia { rtp: "[2001:db8::7]:12000".parse().unwrap(), ..local() };
    let offer = ["v=0", "o=- 1 1 IN IP6 2001:db8::1", "s=-", "c=IN IP6 2001:db8::1", "t=0 0", "m=audio 4000 RTP/AVP 8"];
    let (text, plan) = answer(lines(&offer).as_bytes(), &ours).unwrap();
    assert_eq!(plan.remote_rtp, "[2001:db8::1]:4000".parse().unwrap());
    assert!(text.contains("o=- 42 1 IN IP6 2001:db8::7\r\n") && text.contains("c=IN IP6 2001:db8::7\r\n"), "{text}");
    // from an address of one version nothing can be sent to one of the other
    assert_eq!(refused_because(&offer), Mismatch::Family { theirs: 6, ours: 4 });
}

#[test]
fn where_media_is_wanted_is_known_before_there_is_a_port() {
    let wanted = |media: &[&'static str]| media_address(lines(&plain(media)).as_bytes()).map(|ip| ip.to_string());
    assert_eq!(wanted(&["m=audio 4000 RTP/AVP 0"]).as_deref(), Some("192.0.2.4"));
    assert_eq!(wanted(&["m=audio 4000 RTP/AVP 0", "c=IN IP6 2001:db8::1"]).as_deref(), Some("2001:db8::1"));
    let refused_first = ["m=audio 0 RTP/AVP 0", "c=IN IP6 2001:db8::1", "m=audio 4000 RTP/AVP 0", "c=IN IP4 192.0.2.5"];
    assert_eq!(wanted(&refused_first).as_deref(), Some("192.0.2.5"));
    assert_eq!(wanted(&["m=audio 4000 RTP/AVP 0", "c=IN IP4 phone.example"]), None);
    assert_eq!(wanted(&["m=video 4000 RTP/AVP 99"]), None);
    assert_eq!(media_address(b"rubbish"), None);
}

#[test]
fn hold_and_resume() {
    let offered = |direction| answered(&plain(&["m=audio 4000 RTP/AVP 0", direction])).1;
    let ways = |plan: MediaPlan| (plan.direction, plan.on_hold);
    assert_eq!(ways(offered("a=sendonly")), (Direction::RecvOnly, true));
    assert_eq!(ways(offered("a=inactive")), (Direction::Inactive, true));
    assert_eq!(ways(offered("a=recvonly")), (Direction::SendOnly, false));
    assert_eq!(ways(offered("a=sendrecv")), (Direction::SendRecv, false));
    // RFC 2543's way: no address
    let offer = plain(&["m=audio 4000 RTP/AVP 0", "c=IN IP4 0.0.0.0"]);
    assert_eq!(ways(answered(&offer).1), (Direction::RecvOnly, true));
    assert!(answered(&offer).0.contains("a=recvonly\r\n"));
}

#[test]
fn our_own_wish_limits_the_direction() {
    let ours = LocalMedia { direction: Direction::SendOnly, ..local() };
    let offer = lines(&plain(&["m=audio 4000 RTP/AVP 0"]));
    assert_eq!(answer(offer.as_bytes(), &ours).unwrap().1.direction, Direction::SendOnly);
}

#[test]
fn codecs_are_known_by_name_or_by_static_payload_type() {
    let chosen = |media: &[&'static str]| {
        let plan = answered(&plain(media)).1;
        (plan.codec, plan.payload_type)
    };
    assert_eq!(chosen(&["m=audio 4000 RTP/AVP 9 18 8 0"]), (Codec::Pcma, 8));
    assert_eq!(chosen(&["m=audio 4000 RTP/AVP 110 0", "a=rtpmap:110 pcma/8000/1"]), (Codec::Pcma, 110));
    // a rtpmap of a static type wins over the table
    assert_eq!(chosen(&["m=audio 4000 RTP/AVP 0 8", "a=rtpmap:0 G729/8000"]), (Codec::Pcma, 8));
    for media in ["a=rtpmap:0 PCMU/16000", "a=rtpmap:0 PCMU/8000/2", "a=rtpmap:0 opus/48000/2", "a=rtpmap:0 G729/8000"]
    {
        assert_eq!(refused_because(&plain(&["m=audio 4000 RTP/AVP 0 18", media])), Mismatch::Codec, "{media}");
    }
}

#[test]
fn events_are_those_of_fmtp_or_all_sixteen() {
    let events = |fmtp| {
        let media = ["m=audio 4000 RTP/AVP 0 101", "a=rtpmap:101 telephone-event/8000", fmtp];
        answered(&plain(&media)).1.telephone_event.unwrap().events
    };
    // RFC 4733 §2.4.1: without the list, 0 to 15
    assert_eq!(events("a=ptime:20"), 0xffff);
    assert_eq!(events("a=fmtp:101 0-16"), 0x1_ffff);
    assert_eq!(events("a=fmtp:101 0-11,16,66,70"), 0x1_0fff);
    assert_eq!(events("a=fmtp:101 0,1, 5 - 7"), 0b1110_0011);
    assert_eq!(events("a=fmtp:101 events=0-15"), 0xffff);
    assert_eq!(events("a=fmtp:101 rubbish"), 0xffff);
    assert_eq!(events("a=fmtp:101 9-3"), 0);
    assert_eq!(events("a=fmtp:100 0-3"), 0xffff);
}

#[test]
fn telephone_event_at_another_rate_is_taken_when_there_is_no_other() {
    let media = ["m=audio 4000 RTP/AVP 0 101", "a=rtpmap:101 telephone-event/16000"];
    let (answer, plan) = answered(&plain(&media));
    assert_eq!(plan.telephone_event.unwrap().clock_rate, 16000);
    assert!(answer.contains("a=rtpmap:101 telephone-event/16000\r\n"));
}

#[test]
fn ptime_is_the_offers_within_reason() {
    let ptime = |attributes: &[&'static str]| {
        let media = [&["m=audio 4000 RTP/AVP 0"], attributes].concat();
        let (answer, plan) = answered(&plain(&media));
        assert!(answer.contains(&format!("a=ptime:{}\r\n", plan.ptime_ms)));
        plan.ptime_ms
    };
    assert_eq!(ptime(&[]), 20);
    assert_eq!(ptime(&["a=ptime:30"]), 30);
    assert_eq!(ptime(&["a=ptime:25"]), 20);
    assert_eq!(ptime(&["a=ptime:5"]), 10);
    assert_eq!(ptime(&["a=ptime:0"]), 20);
    assert_eq!(ptime(&["a=ptime:200"]), 60);
    assert_eq!(ptime(&["a=ptime:40", "a=maxptime:30"]), 30);
    assert_eq!(ptime(&["a=maxptime:10"]), 10);
    assert_eq!(ptime(&["a=maxptime:1"]), 10);
    assert_eq!(ptime(&["a=ptime:99999999999", "a=maxptime:x"]), 20);
}

#[test]
fn every_stream_is_answered_in_its_place() {
    let media = ["m=image 4002 udptl t38", "m=audio 0 RTP/AVP 0", "m=audio 4000 RTP/AVP 0", "m=audio 4004 RTP/AVP 8"];
    let (answer, plan) = answered(&plain(&media));
    let medias: Vec<_> = answer.lines().filter(|line| line.starts_with("m=")).collect();
    let expected = ["m=image 0 udptl t38", "m=audio 0 RTP/AVP 0", "m=audio 12000 RTP/AVP 0", "m=audio 0 RTP/AVP 8"];
    assert_eq!(medias, expected);
    assert_eq!(plan.remote_rtp.port(), 4000);
}

#[test]
fn what_cannot_be_met() {
    assert_eq!(refused_because(&plain(&[])), Mismatch::NoAudio);
    assert_eq!(refused_because(&plain(&["m=audio 0 RTP/AVP 0"])), Mismatch::NoAudio);
    assert_eq!(refused_because(&plain(&["m=video 4000 RTP/AVP 31"])), Mismatch::NoAudio);
    assert_eq!(refused_because(&plain(&["m=audio 4000 RTP/SAVP 0"])), Mismatch::Transport);
    assert_eq!(refused_because(&plain(&["m=audio 4000 UDP/TLS/RTP/SAVPF 0"])), Mismatch::Transport);
    assert_eq!(refused_because(&plain(&["m=audio 4000 RTP/AVP 18 9"])), Mismatch::Codec);
    assert_eq!(refused_because(&plain(&["m=audio 4000 RTP/AVP 0", "c=IN IP4 phone.example"])), Mismatch::Address);
}

#[test]
fn what_cannot_be_read() {
    let no_address = ["v=0", "o=- 1 1 IN IP4 192.0.2.4", "s=-", "t=0 0", "m=audio 4000 RTP/AVP 0"];
    let bad_port = plain(&["m=audio 70000 RTP/AVP 0"]);
    for wrong in [&no_address[..], &bad_port, &["v=1"], &["hello"], &[]] {
        let error = answer(lines(wrong).as_bytes(), &local()).unwrap_err();
        assert!(matches!(error, SdpError::Malformed { .. }), "{wrong:?}: {error}");
    }
}

#[test]
fn line_ends_and_encodings_are_forgiven() {
    let offer = lines(&plain(&["m=audio 4000 RTP/AVP 0"])).replace("\r\n", "\n").replace("s=-", "s=\u{0}");
    // a NUL is not forgiven, a session name in Shift_JIS is
    assert!(answer(offer.as_bytes(), &local()).is_err());
    let offer: Vec<u8> = offer.bytes().map(|byte| if byte == 0 { 0x83 } else { byte }).collect();
    assert!(answer(&offer, &local()).is_ok());
}

#[test]
fn our_offer_and_its_answers() {
    let text = offer(&local());
    let expected = lines(&[
        "v=0",
        "o=- 42 1 IN IP4 198.51.100.7",
        "s=-",
        "c=IN IP4 198.51.100.7",
        "t=0 0",
        "m=audio 12000 RTP/AVP 0 8 101",
        "a=rtpmap:0 PCMU/8000",
        "a=rtpmap:8 PCMA/8000",
        "a=rtpmap:101 telephone-event/8000",
        "a=fmtp:101 0-15",
        "a=ptime:20",
        "a=sendrecv",
    ]);
    assert_eq!(text, expected);
    let media = ["m=audio 4000 RTP/AVP 8 101", "a=rtpmap:101 telephone-event/8000", "a=sendonly"];
    let plan = accept(lines(&plain(&media)).as_bytes(), &local()).unwrap();
    assert_eq!((plan.codec, plan.direction, plan.on_hold), (Codec::Pcma, Direction::RecvOnly, true));
    let refusal = accept(lines(&plain(&["m=audio 0 RTP/AVP 0"])).as_bytes(), &local());
    assert_eq!(refusal, Err(SdpError::NotAcceptable { why: Mismatch::NoAudio }));
}

#[test]
fn two_ends_of_our_own_agree() {
    let theirs = LocalMedia { rtp: "198.51.100.8:30000".parse().unwrap(), telephone_event_pt: 96, ..local() };
    let (text, plan) = answer(offer(&theirs).as_bytes(), &local()).unwrap();
    let back = accept(text.as_bytes(), &theirs).unwrap();
    assert_eq!((plan.remote_rtp, back.remote_rtp), (theirs.rtp, local().rtp));
    assert_eq!((plan.codec, plan.telephone_event, plan.ptime_ms), (back.codec, back.telephone_event, back.ptime_ms));
}

/// Bytes that look like a description often enough to get deep.
fn description() -> impl Strategy<Value = Vec<u8>> {
    let line = prop_oneof![
        "[vosiuepcbtrzkam]=[ -~]{0,24}",
        "a=(rtpmap|fmtp):[0-9]{1,3} [ -~]{0,16}",
        "a=(ptime|maxptime|rtcp):[0-9]{0,11}",
        "m=audio [0-9]{1,5} RTP/AVP( [0-9]{1,3}){1,5}",
        "c=IN IP[46] [0-9a-f.:/]{1,15}",
    ];
    let start = "v=0\r\no=- [0-9]{1,20} [0-9]{1,20} IN IP4 192\\.0\\.2\\.1\r\ns=-\r\nc=IN IP4 192\\.0\\.2\\.1\r\n";
    (start, proptest::collection::vec(line, 0..12))
        .prop_map(|(start, lines)| (start + &lines.join("\r\n") + "\r\n").into_bytes())
}

proptest! {
    #[test]
    fn an_answer_is_a_description_that_fits_the_offer(offer in description()) {
        if let Ok((text, plan)) = answer(&offer, &local()) {
            let (ours, theirs) = (Session::parse(text.as_bytes()).unwrap(), Session::parse(&offer).unwrap());
            prop_assert_eq!(ours.medias.len(), theirs.medias.len());
            prop_assert_eq!(ours.medias.iter().filter(|media| media.port != 0).count(), 1);
            prop_assert!((10..=60).contains(&plan.ptime_ms) && plan.ptime_ms % 10 == 0);
            prop_assert!(plan.payload_type < 128 && !(plan.on_hold && plan.direction.sends()));
        }
    }

    #[test]
    fn arbitrary_bytes_do_no_harm(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let _ = answer(&bytes, &local());
        let _ = accept(&bytes, &local());
    }
}

#[test]
fn an_error_repeats_nothing_of_what_came() {
    let local = local();
    for wrong in ["v=\u{1b}[2Jsecret", "v=0\r\no=secret", "v=0\r\nsecret", "v=0\r\no=- 1 1 IN IP4 x\r\ns=-\r\nm=secret"]
    {
        let error = answer(format!("{wrong}\r\n").as_bytes(), &local).unwrap_err().to_string();
        assert!(!error.contains("secret") && !error.contains('\u{1b}'), "{error}");
    }
}
