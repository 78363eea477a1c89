//! Masking, on messages as telephones send them.
#![allow(clippy::unwrap_used)]
use super::*;

fn masked(message: &str) -> String {
    let mut bytes = message.replace('\n', "\r\n").into_bytes();
    let length = bytes.len();
    sip(&mut bytes);
    assert_eq!(bytes.len(), length);
    String::from_utf8(bytes).unwrap().replace("\r\n", "\n")
}

#[test]
fn a_key_by_info_is_masked_in_each_of_its_forms() {
    let relay = "INFO sip:a@b SIP/2.0\nc: application/dtmf-relay\nl: 24\n\nSignal=5\nDuration=160\n";
    assert_eq!(masked(relay), relay.replace("=5", "=x").replace("=160", "=xxx"));
    let plain = "INFO sip:a@b SIP/2.0\nContent-Type: application/dtmf\n\n48*#";
    assert_eq!(masked(plain), plain.replace("48*#", "xxxx"));
    let disguised = "INFO sip:a@b SIP/2.0\nContent-Type: application/sdp\n\ns=5\n";
    assert_eq!(masked(disguised), disguised.replace("s=5", "xxx"));
    // a line break in front is no excuse, and neither is a type that nobody knows, in any request
    let other =
        "\n\nNOTIFY sip:a@b SIP/2.0\nContent-Type: application/kpml-response+xml\n\n<kpml-response digits=\"48\"/>";
    assert!(!masked(other).contains("48"));
    assert!(!masked("\nINFO sip:a@b SIP/2.0\nContent-Type: application/dtmf\n\n48").contains("48"));
    assert!(!masked("MESSAGE sip:a@b SIP/2.0\nContent-Length: 2\n\n48").contains("48"));
}

#[test]
fn of_a_session_description_only_the_keys_are_masked() {
    let sdp = "v=0\nc=IN IP4 192.0.2.1\nm=audio 4000 RTP/SAVP 0 101\nk=prompt\na=rtpmap:0 PCMU/8000\n\
               a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:c2VjcmV0|2^20|1:32\na=ice-pwd:abc\n";
    let invite = |sdp: &str| format!("INVITE sip:1@2 SIP/2.0\nContent-Type : application/SDP;x=y\n\n{sdp}");
    let expected = sdp
        .replace("k=prompt", "xxxxxxxx")
        .replace("c2VjcmV0|2^20|1:32", "xxxxxxxxxxxxxxxxxx")
        .replace("ice-pwd:abc", "ice-pwd:xxx");
    assert_eq!(masked(&invite(sdp)), invite(&expected));
    let parts = |sdp: &str, rest: &str| {
        format!(
            "SIP/2.0 200 OK\nContent-Type: multipart/mixed;boundary=q\n\n--q\nContent-Type: application/sdp\n\n{sdp}\n\
             --q\nContent-Type: application/dtmf\n\n{rest}\n--q--\n"
        )
    };
    assert_eq!(masked(&parts(sdp, "48")), parts(&expected, "xx"));
}

#[test]
fn credentials_show_who_and_where_but_prove_nothing() {
    let request = "REGISTER sip:a SIP/2.0\nAuthorization: Digest username=\"0600001111\", realm=\"a,b\", nonce=\"n\",\n \
                   uri=\"sip:a\" , response = \"6629fae49393a05397450978507c4ef1\", cnonce=\"0a4f113b\", nc=00000001\nX: y\n\n";
    let expected = request.replace("6629fae49393a05397450978507c4ef1", &"x".repeat(32)).replace("0a4f113b", "xxxxxxxx");
    // the space before a masked value goes with it
    assert_eq!(masked(request), expected.replace("= \"xx", "=x\"xx"));
    let basic = "INVITE sip:a SIP/2.0\nProxy-Authorization: Basic c2VjcmV0\n\n";
    assert!(!masked(basic).contains("c2VjcmV0"));
    let info = "SIP/2.0 200 OK\nAuthentication-Info: qop=auth, rspauth=\"abc\"\n\n";
    assert_eq!(masked(info), info.replace("abc", "xxx"));
}

#[test]
fn uris_lose_passwords_and_what_is_dialled_after_the_number() {
    let request = "INVITE sip:0664806430;postd=4815p162@a:5060;user=phone SIP/2.0\nFrom: <sip:joe:secret@b:5060>;tag=1\nTo: tel:06;postd=48\n\n";
    let expected = request.replace("4815p162", "xxxxxxxx").replace("secret", "xxxxxx").replace("=48", "=xx");
    assert_eq!(masked(request), expected);
}

#[test]
fn audio_becomes_silence_events_lose_their_number_and_rtcp_stays() {
    let header = |marker_and_type: u8| [0x80, marker_and_type, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3];
    let masked = |head: [u8; 12], payload: &[u8]| {
        let mut datagram = [&head[..], payload].concat();
        rtp(&mut datagram);
        datagram
    };
    let audio: Vec<u8> = (0..160).collect();
    assert_eq!(masked(header(0), &audio), [&header(0)[..], &[0xFF; 160]].concat());
    assert_eq!(masked(header(8), &audio), [&header(8)[..], &[0xD5; 160]].concat());
    assert_eq!(masked(header(0x80 | 101), &[5, 0x8A, 3, 32]), [&header(0x80 | 101)[..], &[0xFF, 0x8A, 3, 32]].concat());
    // several events in one, and events under encryption
    assert_eq!(masked(header(101), &[5; 8])[12..], [0xFF; 8]);
    // a header extension and padding go the way of the audio
    let mut extended = header(0);
    extended[0] = 0xB0;
    assert_eq!(masked(extended, &[1, 2, 3]), [&header(0)[..], &[0xFF; 3]].concat());
    let mut report = vec![0x80, 200, 0, 1, 7, 7, 7, 7];
    rtp(&mut report);
    assert_eq!(report, [0x80, 200, 0, 1, 7, 7, 7, 7]);
    let mut stun = vec![0, 1, 0, 4, 9, 9];
    rtp(&mut stun);
    assert_eq!(stun, [0; 6]);
    let mut short = vec![0x8F, 0, 1, 2];
    rtp(&mut short);
    assert_eq!(short, [0; 4]);
}

proptest::proptest! {
    #[test]
    fn no_bytes_make_it_panic_or_change_the_length(mut bytes in proptest::collection::vec(0u8.., 0..300)) {
        let length = bytes.len();
        sip(&mut bytes);
        rtp(&mut bytes);
        proptest::prop_assert_eq!(bytes.len(), length);
    }

    /// Whatever the request's shape: a key in an INFO's body does not come through.
    #[test]
    fn no_info_body_comes_through(body in "[0-9A-D*#]{1,9}", blank in "(\r\n|\n){0,2}", kind in "[a-z/;-]{0,20}", end in "\r\n|\n") {
        let mut message = format!("{blank}INFO sip:a SIP/2.0{end}Content-Type:{kind}{end}{end}{body}").into_bytes();
        sip(&mut message);
        proptest::prop_assert!(message.ends_with("x".repeat(body.len()).as_bytes()));
    }
}
