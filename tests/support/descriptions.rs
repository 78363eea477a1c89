//! Session descriptions of every kind of brokenness, and what an INVITE with each is to be answered with.

const HEAD: &str = "v=0\r\no=- 1 1 IN IP4 192.0.2.77\r\ns=-\r\nc=IN IP4 192.0.2.77\r\nt=0 0\r\n";

/// Body, its status (200: it is to be understood), and why.
pub fn table() -> Vec<(Vec<u8>, u16, &'static str)> {
    let head = |rest: &str| format!("{HEAD}{rest}").into_bytes();
    let text = |text: &str| text.as_bytes().to_vec();
    vec![
        // what is no session description
        (text("hello"), 400, "no description"),
        (vec![0; 100], 400, "zeros"),
        (vec![0xff; 2000], 400, "no text"),
        (text("\r\n\r\n"), 400, "empty lines"),
        (text("v=1\r\no=- 1 1 IN IP4 192.0.2.77\r\ns=-\r\nt=0 0\r\n"), 400, "another version"),
        (text("o=- 1 1 IN IP4 192.0.2.77\r\nv=0\r\ns=-\r\nt=0 0\r\n"), 400, "out of order"),
        (text("v=0\r\n"), 488, "cut off: there is no stream"),
        (text("v=0\r\no=-\r\ns=-\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n"), 400, "half an origin"),
        (head("m=audio\r\n"), 400, "half a stream"),
        (head("m=audio port RTP/AVP 0\r\n"), 400, "a port in words"),
        (head("m=audio 99999 RTP/AVP 0\r\n"), 400, "a port beyond 65535"),
        (head("m=audio -1 RTP/AVP 0\r\n"), 400, "a negative port"),
        (head("m=audio 4000 RTP/AVP 0\r\nc=IN\r\n"), 400, "half a connection"),
        (
            text("v=0\r\no=- 1 1 IN IP4 192.0.2.77\r\ns=-\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n"),
            400,
            "no connection at all",
        ),
        // what is one, but of no use
        (head(""), 488, "no stream"),
        (head("m=video 4000 RTP/AVP 31\r\n"), 488, "video alone"),
        (head("m=audio 0 RTP/AVP 0\r\n"), 488, "a stream that is not there"),
        (head("m=audio 4000 RTP/SAVP 0\r\n"), 488, "encrypted alone"),
        (head("m=audio 4000 udp 0\r\n"), 488, "no RTP"),
        (head("m=audio 4000 RTP/AVP 18 9\r\n"), 488, "no codec of ours"),
        (head("m=audio 4000 RTP/AVP 200 999\r\n"), 488, "payload types beyond 127"),
        (head("m=audio 4000 RTP/AVP 0\r\na=rtpmap:0 G729/8000\r\n"), 488, "0 renamed"),
        (head("m=audio 4000 RTP/AVP 97\r\na=rtpmap:97 PCMU/16000\r\n"), 488, "another clock"),
        (head("m=audio 4000 RTP/AVP 101\r\na=rtpmap:101 telephone-event/8000\r\n"), 488, "events alone"),
        (head("m=audio 4000 RTP/AVP 0\r\nc=IN IP6 2001:db8::1\r\n"), 488, "out of reach"),
        (head("m=audio 4000 RTP/AVP 0\r\nc=IN IP4 224.1.2.3/127\r\n"), 488, "multicast"),
        (head("m=audio 4000 RTP/AVP 0\r\nc=IN IP4 phone.example\r\n"), 488, "a name"),
        (head("m=audio 4000 RTP/AVP 0\r\nc=IN IP4 999.1.1.1\r\n"), 488, "no address"),
        // what is odd and clear enough
        (head("m=audio 40000 RTP/AVP 0\r\na=ptime:banana\r\na=maxptime:\r\na=rtcp:\r\na=fmtp:\r\na=:\r\n"), 200, ""),
        (head("m=audio 40000 RTP/AVP 0 101\r\na=rtpmap:101 telephone-event/0\r\na=rtpmap:x\r\n"), 200, "clock of 0"),
        (head("m=audio 40000 RTP/AVP 0 0 0 0\r\na=sendrecv\r\na=rtcp:0\r\na=ptime:4000000000\r\n"), 200, "repeated"),
        (head("m=audio 40000 RTP/AVP 0\r\na=ptime:0\r\na=fmtp:0 \r\n"), 200, "no milliseconds"),
        (HEAD.replace("\r\n", "\n").into_bytes().into_iter().chain(*b"m=audio 40000 RTP/AVP 0\n").collect(), 200, "LF"),
        (
            [HEAD.as_bytes(), b"i=\xff\xfe\r\nm=audio 40000 RTP/AVP 0\r\n"].concat(),
            200,
            "i= behind c=, in no known encoding",
        ),
        (
            [
                b"v=0\r\no=- 1 1 IN IP4 192.0.2.77\r\ns=\xff\xfe\r\nc=IN IP4 192.0.2.77\r\nt=0 0\r\n" as &[u8],
                b"m=audio 40000 RTP/AVP 0\r\n",
            ]
            .concat(),
            200,
            "a name in no known encoding",
        ),
        (head(&format!("m=audio 40000 RTP/AVP 0\r\n{}", "a=x\r\n".repeat(5000))), 200, "5000 attributes"),
        (head(&"m=video 0 RTP/AVP 31\r\n".repeat(800)), 488, "800 streams"),
    ]
}
