//! A tester's ends: datagrams and streams, and the little of SIP that it takes to read what comes back.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream, UdpSocket};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use crate::support::Service;

/// Nothing here takes longer, unless it never comes.
const PATIENCE: Duration = Duration::from_secs(10);

/// The final status that a message gets in a datagram, 0 when it gets none: then the next message is answered first.
pub fn over_udp(service: &Service, message: &[u8]) -> u16 {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket.send_to(&asking_for_the_source_port(message), &service.address).unwrap();
    // only after its answer can one be sure that there will be none
    let ping = ping("UDP");
    socket.send_to(ping.as_bytes(), &service.address).unwrap();
    let mut buffer = vec![0; 65_536];
    let mut pinged = false;
    let mut provisional = false;
    loop {
        let length = socket.recv(&mut buffer).unwrap_or_else(|error| panic!("no answer ({error})"));
        let answer = &buffer[..length];
        match status(answer) {
            _ if is_to(answer, &ping) => pinged = true,
            100..200 => provisional = true,
            status => return status,
        }
        if pinged && !provisional && !is_register(message) {
            return 0;
        }
    }
}

/// What a message on a stream of its own comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    /// It is answered with this final status, or with nothing (0); and the next message is answered.
    Answered(u16),
    /// More is waited for, as long as the tester does not end the stream.
    Waits,
    /// Where the next message would start cannot be told: the connection is closed.
    Closed,
}

/// Sends a message on a stream of its own, and after it another, unless `expected` rules that out.
pub fn over_tcp(service: &Service, message: &[u8], expected: Stream) -> Stream {
    let mut stream = TcpStream::connect(&service.tcp_address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(message).unwrap();
    let ping = ping("TCP");
    if expected == Stream::Waits {
        stream.shutdown(Shutdown::Write).unwrap();
    } else {
        // the service may have closed by now
        let _ = stream.write_all(ping.as_bytes());
    }
    let mut received = Vec::new();
    loop {
        // answers come in order, but for those that take the store's time
        if let Some(answer) = take_message(&mut received) {
            if is_to(&answer, &ping) && is_register(message) {
                continue;
            }
            return Stream::Answered(if is_to(&answer, &ping) { 0 } else { status(&answer) });
        }
        let mut buffer = [0; 4096];
        match stream.read(&mut buffer) {
            Ok(0) if expected == Stream::Waits => return Stream::Waits,
            Ok(0) => return Stream::Closed,
            Ok(length) => received.extend_from_slice(&buffer[..length]),
            Err(error) if error.kind() == ErrorKind::ConnectionReset => return Stream::Closed,
            Err(error) => panic!("neither answered nor closed: {error}"),
        }
    }
}

/// The same message calling our number.
pub fn addressed_to_us(message: &[u8]) -> Vec<u8> {
    let line = message.windows(2).position(|window| window == b"\r\n").unwrap();
    let start = std::str::from_utf8(&message[..line]).unwrap();
    let (method, _) = start.split_once(' ').unwrap();
    let ours = format!("{method} sip:0664806430@127.0.0.1 SIP/2.0");
    [ours.as_bytes(), &message[line..]].concat()
}

/// Adds `rport` to the topmost Via, so that the answer comes to where the tester is (RFC 3581), not to the Via's port.
fn asking_for_the_source_port(message: &[u8]) -> Vec<u8> {
    let (start, end) = top_via(message);
    let via = &message[start..end];
    if via.windows(5).any(|window| window == b"rport") {
        return message.to_vec();
    }
    let at = start + via.iter().position(|&byte| byte == b';').unwrap_or(via.len());
    [&message[..at], b";rport", &message[at..]].concat()
}

/// Where the topmost Via is, folded lines and all, without its last line break.
fn top_via(message: &[u8]) -> (usize, usize) {
    let mut at = 0;
    while at < message.len() {
        let mut end = at;
        loop {
            end = end + message[end..].windows(2).position(|window| window == b"\r\n").unwrap_or(message.len() - end);
            match message.get(end + 2) {
                Some(b' ' | b'\t') => end += 2,
                _ => break,
            }
        }
        let name: Vec<u8> = message[at..end].iter().take_while(|&&byte| byte != b':').copied().collect();
        let name = String::from_utf8_lossy(&name).trim().to_ascii_lowercase();
        if name == "via" || name == "v" {
            return (at, end);
        }
        at = end + 2;
    }
    panic!("no Via");
}

fn ping(transport: &str) -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    format!(
        "OPTIONS sip:0664806430@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/{transport} 127.0.0.1:9;branch=z9hG4bKping{count};rport\r\n\
         Max-Forwards: 70\r\nFrom: <sip:tester@127.0.0.1>;tag=t\r\nTo: <sip:0664806430@127.0.0.1>\r\n\
         Call-ID: ping-{count}-torture\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
    )
}

/// The registrar asks the store, and its answer may come after the next message's.
fn is_register(message: &[u8]) -> bool {
    message.starts_with(b"REGISTER")
}

fn is_to(answer: &[u8], ping: &str) -> bool {
    let call_id = ping.lines().find(|line| line.starts_with("Call-ID")).unwrap();
    String::from_utf8_lossy(answer).lines().any(|line| line == call_id)
}

fn status(answer: &[u8]) -> u16 {
    let text = String::from_utf8_lossy(answer);
    text.strip_prefix("SIP/2.0 ").unwrap_or_else(|| panic!("no response: {text}"))[..3].parse().unwrap()
}

/// Takes one response without a body off the front.
fn take_message(received: &mut Vec<u8>) -> Option<Vec<u8>> {
    let end = received.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
    Some(received.drain(..end).collect())
}
