//! A call's audio while many log in on the settings site.
//!
//! The figures: cargo test --release --test program -- --nocapture audio_goes_on

use std::io::{Read, Write};
use std::net::{TcpStream, UdpSocket};
use std::time::{Duration, Instant};

use super::support::*;

const LOGINS: usize = 50;
/// Far more than a busy machine takes its time, and far less than the hashes of all these logins take in a row.
const STALL: Duration = Duration::from_secs(1);

/// An RTP packet: when it came, and its sequence number.
struct Packet {
    at: Instant,
    sequence: u16,
}

#[test]
fn audio_goes_on_while_fifty_log_in_at_once() {
    let folder = Folder::new();
    let service = Service::demo(&folder.file("karipass.db"));
    let media = UdpSocket::bind("127.0.0.1:0").unwrap();
    media.set_read_timeout(Some(STALL * 5)).unwrap();
    let call = Call::answered(&service.address, &media);

    let quiet = listen(&media, Duration::from_secs(2));
    let (loud, took) = std::thread::scope(|scope| {
        let logins: Vec<_> = (0..LOGINS).map(|_| scope.spawn(|| log_in(&service.site))).collect();
        let begin = Instant::now();
        let loud = listen(&media, Duration::from_secs(2));
        for login in logins {
            assert_eq!(login.join().unwrap(), "403");
        }
        (loud, begin.elapsed())
    });
    call.hang_up();
    tell("quiet", &quiet);
    tell(&format!("{LOGINS} logins, answered in {} ms", took.as_millis()), &loud);
    for (packets, when) in [(&quiet, "quiet"), (&loud, "during logins")] {
        let whole = packets.windows(2).all(|two| two[1].sequence == two[0].sequence.wrapping_add(1));
        assert!(whole, "{when}: packets are missing");
        let longest = gaps(packets).into_iter().max().unwrap();
        assert!(longest < STALL, "{when}: {longest:?} without audio");
    }
}

/// What keeps it so: hashing gives way to media, whatever the number of processors.
#[test]
fn whoever_hashes_gives_way_to_whoever_speaks() {
    let folder = Folder::new();
    let service = Service::demo(&folder.file("karipass.db"));
    log_in(&service.site);
    let mut seen = Vec::new();
    for task in std::fs::read_dir(format!("/proc/{}/task", service.id())).unwrap() {
        // proc(5): the name in parentheses, and the nice value as the 19th field
        let Ok(stat) = std::fs::read_to_string(task.unwrap().path().join("stat")) else { continue };
        let (name, rest) = stat.split_once('(').unwrap().1.rsplit_once(')').unwrap();
        let nice: i32 = rest.split_whitespace().nth(16).unwrap().parse().unwrap();
        seen.push((name.to_owned(), nice));
    }
    let nice = |wanted: &str| -> Vec<i32> {
        seen.iter().filter(|(name, _)| name.starts_with(wanted)).map(|(_, nice)| *nice).collect()
    };
    let (site, argon2, media) = (nice("site"), nice("argon2"), nice("media"));
    // whatever the whole program was started with
    let own = nice("karipass")[0];
    assert!(!site.is_empty() && site.iter().all(|nice| *nice == (own + 10).min(19)), "{seen:?}");
    assert!(!argon2.is_empty() && argon2.iter().all(|nice| *nice == (own + 10).min(19)), "{seen:?}");
    assert!(!media.is_empty() && media.iter().all(|nice| *nice == own), "{seen:?}");
}

fn listen(media: &UdpSocket, time: Duration) -> Vec<Packet> {
    let (begin, mut buffer, mut packets) = (Instant::now(), [0; 2048], Vec::new());
    while begin.elapsed() < time {
        let length = media.recv(&mut buffer).expect("audio");
        let at = Instant::now();
        if length > 12 {
            packets.push(Packet { at, sequence: u16::from_be_bytes([buffer[2], buffer[3]]) });
        }
    }
    packets
}

fn gaps(packets: &[Packet]) -> Vec<Duration> {
    packets.windows(2).map(|two| two[1].at - two[0].at).collect()
}

fn tell(when: &str, packets: &[Packet]) {
    let mut gaps = gaps(packets);
    gaps.sort();
    let at = |part: usize| gaps[(gaps.len() - 1) * part / 100].as_secs_f64() * 1000.0;
    println!(
        "{when}: {} packets, spacing in ms: median {:.1}, 99 % {:.1}, longest {:.1}",
        packets.len(),
        at(50),
        at(99),
        at(100)
    );
}

/// A wrong password for an account that is not there costs as much as any; the status of the answer.
fn log_in(site: &str) -> String {
    let body = "unit=line&number=0699998888&password=kumquat-48-tram";
    let mut stream = TcpStream::connect(site).unwrap();
    let head =
        format!("POST /login HTTP/1.1\r\nHost: {site}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n", body.len());
    stream.write_all(format!("{head}{body}").as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer.split(' ').nth(1).unwrap().to_owned()
}

/// A call that says nothing and listens.
struct Call {
    socket: UdpSocket,
    to_tag: String,
    local: String,
}

impl Call {
    fn answered(service: &str, media: &UdpSocket) -> Call {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.connect(service).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        let call = Call { local: socket.local_addr().unwrap().to_string(), socket, to_tag: String::new() };
        let port = media.local_addr().unwrap().port();
        let body = format!(
            "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio {port} RTP/AVP 0\r\na=ptime:20\r\n"
        );
        call.send("INVITE", 1, &body);
        let mut buffer = [0; 4096];
        loop {
            let length = call.socket.recv(&mut buffer).expect("an answer");
            let text = String::from_utf8_lossy(&buffer[..length]).into_owned();
            if text.starts_with("SIP/2.0 200") {
                let to = text.lines().find(|line| line.starts_with("To:") || line.starts_with("t:")).unwrap();
                let call = Call { to_tag: to.split_once("tag=").unwrap().1.to_owned(), ..call };
                call.send("ACK", 1, "");
                return call;
            }
            assert!(text.starts_with("SIP/2.0 1"), "{text}");
        }
    }

    fn hang_up(self) {
        self.send("BYE", 2, "");
    }

    fn send(&self, method: &str, number: u32, body: &str) {
        let Call { local, to_tag, .. } = self;
        let tag = if to_tag.is_empty() { String::new() } else { format!(";tag={to_tag}") };
        let message = format!(
            "{method} sip:0664806430@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP {local};branch=z9hG4bK-{method};rport\r\n\
             Max-Forwards: 70\r\nFrom: <sip:0600001111@127.0.0.1>;tag=listener\r\nTo: <sip:0664806430@127.0.0.1>{tag}\r\n\
             Call-ID: listener-{local}\r\nCSeq: {number} {method}\r\nContact: <sip:0600001111@{local}>\r\n\
             Content-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        self.socket.send(message.as_bytes()).unwrap();
    }
}
