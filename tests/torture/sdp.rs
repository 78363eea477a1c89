//! Broken session descriptions in INVITEs to the running service. What is understood all the same is answered, acknowledged
//! and hung up on, so that nothing stays behind.

use std::io::{Read, Write};
use std::net::{TcpStream, UdpSocket};
use std::time::Duration;

use super::descriptions::table;
use super::rfc4475::works;
use super::support::{Folder, Service, karipass};

const PATIENCE: Duration = Duration::from_secs(60);

/// A tester's way to the service.
enum Way {
    Datagrams(UdpSocket),
    Stream(TcpStream, Vec<u8>),
}

impl Way {
    fn udp(service: &Service) -> Way {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        socket.connect(&service.address).unwrap();
        Way::Datagrams(socket)
    }

    fn tcp(service: &Service) -> Way {
        let stream = TcpStream::connect(&service.tcp_address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Way::Stream(stream, vec![])
    }

    fn name(&self) -> &'static str {
        match self {
            Way::Datagrams(_) => "UDP",
            Way::Stream(..) => "TCP",
        }
    }

    fn send(&mut self, message: &[u8]) {
        match self {
            Way::Datagrams(socket) => drop(socket.send(message).unwrap()),
            Way::Stream(stream, _) => stream.write_all(message).unwrap(),
        }
    }

    /// The next message, head and body.
    fn receive(&mut self) -> String {
        let mut buffer = [0; 65_536];
        loop {
            match self {
                Way::Datagrams(socket) => {
                    let length = socket.recv(&mut buffer).expect("an answer");
                    return String::from_utf8(buffer[..length].to_vec()).unwrap();
                }
                Way::Stream(stream, received) => {
                    if let Some(message) = take_message(received) {
                        return message;
                    }
                    let length = stream.read(&mut buffer).expect("an answer");
                    assert_ne!(length, 0, "closed");
                    received.extend_from_slice(&buffer[..length]);
                }
            }
        }
    }
}

fn take_message(received: &mut Vec<u8>) -> Option<String> {
    let text = String::from_utf8_lossy(received).into_owned();
    let (head, _) = text.split_once("\r\n\r\n")?;
    let body: usize = field(head, "Content-Length")?.parse().unwrap();
    let length = head.len() + 4 + body;
    (received.len() >= length).then(|| String::from_utf8(received.drain(..length).collect()).unwrap())
}

fn field<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
}

/// One call, whose requests these are.
struct Call {
    number: usize,
    to: String,
}

impl Call {
    fn request(&self, method: &str, cseq: &str, branch: &str, way: &Way, body: &[u8]) -> Vec<u8> {
        let content_type = if body.is_empty() { "" } else { "Content-Type: application/sdp\r\n" };
        let (number, way) = (self.number, way.name());
        let head = format!(
            "{method} sip:0664806430@127.0.0.1 SIP/2.0\r\n\
             Via: SIP/2.0/{way} 127.0.0.1:9;branch=z9hG4bK{way}{number}{branch};rport\r\nMax-Forwards: 70\r\n\
             From: <sip:0600001111@127.0.0.1>;tag=t\r\nTo: {}\r\nCall-ID: sdp-{number}-{way}\r\nCSeq: {cseq} {method}\r\n\
             Contact: <sip:tester@127.0.0.1:9>\r\n{content_type}Content-Length: {}\r\n\r\n",
            self.to,
            body.len()
        );
        [head.as_bytes(), body].concat()
    }
}

/// The final status of an INVITE with this body; the call is over then.
fn status_of(way: &mut Way, number: usize, body: &[u8]) -> u16 {
    let mut call = Call { number, to: "<sip:0664806430@127.0.0.1>".to_owned() };
    way.send(&call.request("INVITE", "1", "i", way, body));
    let (status, answer) = final_response(way);
    call.to = field(&answer, "To").unwrap().to_owned();
    let branch = if status == 200 { "a" } else { "i" };
    way.send(&call.request("ACK", "1", branch, way, b""));
    if status == 200 {
        way.send(&call.request("BYE", "2", "b", way, b""));
        while final_response(way).1.contains("1 INVITE") {}
    }
    status
}

fn final_response(way: &mut Way) -> (u16, String) {
    loop {
        let message = way.receive();
        let status = message.strip_prefix("SIP/2.0 ").expect("a response")[..3].parse().unwrap();
        if status >= 200 {
            return (status, message);
        }
    }
}

#[test]
fn each_broken_description_gets_its_status_and_a_whole_call_works_after_all() {
    let folder = Folder::new();
    let service = with_ipv4_media_alone(&folder);
    let mut complaints = vec![];
    for open in [Way::udp, Way::tcp] {
        let mut way = open(&service);
        for (number, (body, expected, why)) in table().into_iter().enumerate() {
            // what is answered here is on loopback
            let body = replaced(&body, b"192.0.2.77", b"127.0.0.1");
            let status = status_of(&mut way, number, &body);
            if status != expected {
                let shown = body.escape_ascii().to_string();
                complaints.push(format!("{} {status}, not {expected}: {why}: {shown:.200}", way.name()));
            }
        }
    }
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
    works(service);
}

/// The demonstration has media on both loopback addresses where the machine has both, so that nothing is out of reach.
fn with_ipv4_media_alone(folder: &Folder) -> Service {
    let (store, config) = (folder.file("store.db"), folder.file("karipass.toml"));
    std::fs::write(&config, "[sip]\ntrust_from = [\"127.0.0.1\"]\n").unwrap();
    let added = karipass().args(["contract", "add", "0600001111=all", "--db"]).arg(&store).output().unwrap();
    assert!(added.status.success(), "{added:?}");
    Service::start(&store, &["--config", config.to_str().unwrap()], "info")
}

fn replaced(bytes: &[u8], what: &[u8], by: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = bytes;
    while let Some(at) = rest.windows(what.len()).position(|window| window == what) {
        out.extend_from_slice(&rest[..at]);
        out.extend_from_slice(by);
        rest = &rest[at + what.len()..];
    }
    out.extend_from_slice(rest);
    out
}
