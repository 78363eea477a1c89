//! The site when it speaks TLS itself.

use std::io::{Read, Write};
use std::net::TcpStream;

use karipass::unit::Unit;

use super::support::*;

#[test]
fn over_tls_cookies_are_for_tls_alone_and_browsers_are_told_to_stay_there() {
    let world = World::over_tls(&[example()]);
    world.own_password(Unit::Line, "0600001111", OWN, 0);
    let mut browser = world.browser();
    browser.headers = vec![format!("Origin: https://{}", world.address())];
    let answer = browser.log_in(Unit::Line, "0600001111", OWN);
    assert_eq!((answer.status, answer.location()), (303, "/"));
    let cookie = answer.header("set-cookie");
    assert!(cookie.starts_with("__Host-") && cookie.contains("; Secure"), "{cookie}");
    let page = browser.get("/");
    assert!(page.has("着信お知らせメール"));
    assert_eq!(page.header("strict-transport-security"), "max-age=31536000; includeSubDomains");
}

#[test]
fn without_tls_there_is_no_page() {
    let world = World::over_tls(&[example()]);
    let mut stream = TcpStream::connect(world.address()).unwrap();
    stream.write_all(b"GET /login HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    assert!(!answer.windows(4).any(|four| four == b"HTTP" || four == b"html"), "{answer:?}");
}

#[test]
fn who_never_ends_the_handshake_keeps_nobody_waiting() {
    let world = World::over_tls(&[example()]);
    let silent: Vec<TcpStream> = (0..20).map(|_| TcpStream::connect(world.address()).unwrap()).collect();
    for mut stream in &silent[..10] {
        // the beginning of a ClientHello
        stream.write_all(&[22, 3, 1, 2, 0, 1]).unwrap();
    }
    assert_eq!(world.browser().get("/login").status, 200);
}
