//! Connections that hold their places: too many of an address, heads and bodies that come byte by byte, handshakes that never
//! end. What one connection may take is in `src/http.rs`; here it is the site that has to go on for everybody else.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use karipass::internals::http::Limits;
use karipass::unit::Unit;
use socket2::{Domain, Socket, Type};

use super::support::*;

const SOON: Duration = Duration::from_millis(300);
/// For connections that are to be closed on a machine that does much else.
const PATIENCE: Duration = Duration::from_secs(60);

fn limited(limits: Limits) -> World {
    World::with(&[example()], |options| options.limits = limits)
}

/// From this address of loopback.
fn from(address: [u8; 4], to: SocketAddr) -> TcpStream {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.bind(&SocketAddr::from((address, 0)).into()).unwrap();
    socket.connect(&to.into()).unwrap();
    let stream = TcpStream::from(socket);
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// Asks for a page; the first line of the answer, which is empty when the connection is closed instead.
fn ask(stream: &mut TcpStream) -> String {
    let _ = stream.write_all(b"GET /login HTTP/1.1\r\nHost: localhost\r\n\r\n");
    let mut answer = vec![0; 15];
    match stream.read_exact(&mut answer) {
        Ok(()) => String::from_utf8(answer).unwrap(),
        Err(error) => {
            assert_ne!(error.kind(), std::io::ErrorKind::WouldBlock, "neither answered nor closed");
            String::new()
        }
    }
}

const ANSWERED: &str = "HTTP/1.1 200 OK";

/// Waits until the other end closes; sends a byte now and then until it does.
fn is_closed_while_trickling(mut stream: TcpStream) -> bool {
    stream.set_read_timeout(Some(SOON / 10)).unwrap();
    let mut buffer = [0; 1024];
    for _ in 0..PATIENCE.as_millis() / (SOON / 10).as_millis() {
        match stream.read(&mut buffer) {
            Ok(0) => return true,
            Ok(_) => {}
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            Err(_) => return true,
        }
        if stream.write_all(b"x").is_err() {
            return true;
        }
    }
    false
}

#[test]
fn so_many_connections_from_one_address_and_others_are_served() {
    let world = limited(Limits { connections_per_peer: 3, ..Limits::default() });
    let (one, another) = ([127, 0, 0, 1], [127, 0, 0, 2]);
    let mut held: Vec<TcpStream> = (0..3).map(|_| from(one, world.address())).collect();
    // an answer shows that they have been taken
    assert!(held.iter_mut().all(|stream| ask(stream) == ANSWERED));
    assert_eq!(ask(&mut from(one, world.address())), "", "one too many");
    assert_eq!(ask(&mut from(another, world.address())), ANSWERED);
    drop(held.pop());
    // its place is free as soon as the server has seen it go
    let again = (0..1000).any(|_| ask(&mut from(one, world.address())) == ANSWERED);
    assert!(again);
}

#[test]
fn a_trusted_proxy_brings_everybody() {
    let world = World::with(&[example()], |options| {
        options.limits.connections_per_peer = 1;
        options.pages.proxies = vec!["127.0.0.1".parse().unwrap()];
    });
    let mut held: Vec<TcpStream> = (0..8).map(|_| from([127, 0, 0, 1], world.address())).collect();
    assert!(held.iter_mut().all(|stream| ask(stream) == ANSWERED));
}

#[test]
fn when_all_places_are_taken_by_the_slow_they_are_freed_for_others() {
    let world = limited(Limits { connections: 4, connections_per_peer: 4, header_timeout: SOON, body_timeout: SOON });
    let slow: Vec<TcpStream> = (0..4)
        .map(|index| {
            let mut stream = from([127, 0, 0, 1], world.address());
            let begin: &[u8] = match index % 2 {
                0 => b"GET /login HTTP/1.1\r\nHost: localhost\r\nCookie: ",
                _ => b"POST /login HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\n",
            };
            stream.write_all(begin).unwrap();
            stream
        })
        .collect();
    let slow: Vec<_> = slow.into_iter().map(|one| std::thread::spawn(move || is_closed_while_trickling(one))).collect();
    // it waits in the backlog until one of them has to go
    assert_eq!(ask(&mut from([127, 0, 0, 2], world.address())), ANSWERED);
    assert!(slow.into_iter().all(|one| one.join().unwrap()), "each is closed, however busy it looks");
}

#[test]
fn a_body_that_does_not_come_is_told_as_a_page() {
    let world = limited(Limits { body_timeout: SOON, ..Limits::default() });
    let mut stream = from([127, 0, 0, 1], world.address());
    stream.write_all(b"POST /login HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\nunit=line").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 408 ") && answer.contains("設定は変更されていません"), "{answer}");
}

#[test]
fn an_upload_that_takes_its_time_but_not_too_long_is_taken() {
    let world = limited(Limits { body_timeout: PATIENCE, ..Limits::default() });
    world.own_password(Unit::Line, "0600001111", OWN, 0);
    let body = format!("unit=line&number=0600001111&password={OWN}");
    let mut stream = from([127, 0, 0, 1], world.address());
    let head =
        format!("POST /login HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {}\r\n\r\n", body.len());
    stream.write_all(head.as_bytes()).unwrap();
    for byte in body.bytes() {
        stream.write_all(&[byte]).unwrap();
        std::thread::sleep(Duration::from_millis(2));
    }
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 303 "), "{answer}");
}

#[test]
fn a_handshake_that_does_not_end_is_given_up() {
    let world = World::over_tls_with(&[example()], |options| options.limits.header_timeout = SOON);
    let mut stream = from([127, 0, 0, 1], world.address());
    // the beginning of a ClientHello, of whose record more is still to come than is sent in the end
    stream.write_all(&[22, 3, 1, 0x40, 0, 1]).unwrap();
    assert!(is_closed_while_trickling(stream));
    assert_eq!(world.browser().get("/login").status, 200);
}
