//! Connections at their limits, and at the end of the server.
#![allow(clippy::unwrap_used)]
use axum::Extension;
use axum::routing::{get, post};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::net::TcpStream;
use tokio::sync::Notify;

use super::*;

const SOON: Duration = Duration::from_millis(200);
const NEVER: Duration = Duration::from_secs(600);
const LARGE: usize = 1 << 20;

fn limits() -> Limits {
    Limits { header_timeout: NEVER, body_timeout: NEVER, ..Limits::default() }
}

/// A connection to a server in memory, through a pipe of this many bytes.
fn connected(pipe: usize, limits: Limits, stall: Duration) -> (DuplexStream, tokio::task::JoinHandle<()>) {
    let router = Router::new()
        .route("/", get(|| async { "here" }).post(|body: Bytes| async move { body.len().to_string() }))
        .route("/large", get(|| async { vec![0; LARGE] }))
        .route("/peer", post(|Extension(Peer(peer)): Extension<Peer>| async move { peer.to_string() }));
    let (near, far) = tokio::io::duplex(pipe);
    let peer = SocketAddr::from(([192, 0, 2, 1], 5000));
    let (stop, stopping) = watch::channel(false);
    let served = tokio::spawn(async move {
        connection(far, peer, limits, stall, router, stopping).await;
        drop(stop);
    });
    (near, served)
}

fn run(test: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(test);
}

/// Sends a byte of the text every few milliseconds, for as long as they are taken: whether all were.
async fn trickle(stream: &mut DuplexStream, text: &str) -> bool {
    for byte in text.bytes() {
        if stream.write_all(&[byte]).await.is_err() {
            return false;
        }
        sleep(SOON / 20).await;
    }
    true
}

#[test]
fn a_head_that_comes_byte_by_byte_is_not_waited_for() {
    run(async {
        let (mut stream, served) = connected(4096, Limits { header_timeout: SOON, ..limits() }, NEVER);
        let endless = format!("GET / HTTP/1.1\r\nHost: x\r\nCookie: {}", "x".repeat(1000));
        assert!(!trickle(&mut stream, &endless).await, "all of it was taken, in fifty times the limit");
        served.await.unwrap();
    });
}

#[test]
fn a_connection_that_falls_silent_is_closed_before_and_between_requests() {
    run(async {
        for request in ["", "GET / HTTP/1.1\r\nHost: x\r\n\r\n"] {
            let (mut stream, served) = connected(4096, Limits { header_timeout: SOON, ..limits() }, NEVER);
            stream.write_all(request.as_bytes()).await.unwrap();
            served.await.unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).await.unwrap();
            assert_eq!(answer.ends_with("here"), !request.is_empty(), "{answer}");
        }
    });
}

#[test]
fn a_body_that_comes_byte_by_byte_is_not_waited_for() {
    run(async {
        let (mut stream, served) = connected(4096, Limits { body_timeout: SOON, ..limits() }, NEVER);
        stream.write_all(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10000\r\n\r\n").await.unwrap();
        let trickling = tokio::spawn(async move {
            assert!(!trickle(&mut stream, &"x".repeat(10_000)).await);
            let mut answer = String::new();
            let _ = stream.read_to_string(&mut answer).await;
            answer
        });
        served.await.unwrap();
        assert!(trickling.await.unwrap().starts_with("HTTP/1.1 400"));
        // one that is there in time is
        let (mut stream, _served) = connected(4096, Limits { body_timeout: NEVER, ..limits() }, NEVER);
        stream
            .write_all(b"POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 4\r\n\r\nfour")
            .await
            .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(answer.ends_with("\r\n\r\n4"), "{answer}");
    });
}

#[test]
fn a_connection_that_does_not_read_the_answer_is_closed_and_a_slow_one_is_not() {
    run(async {
        let request = b"GET /large HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
        let (mut stream, served) = connected(4096, limits(), SOON);
        stream.write_all(request).await.unwrap();
        served.await.unwrap();
        let (mut stream, _served) = connected(LARGE / 8, limits(), NEVER);
        stream.write_all(request).await.unwrap();
        let (mut all, mut piece) = (0, vec![0; LARGE / 16]);
        loop {
            match stream.read(&mut piece).await.unwrap() {
                0 => break,
                count => all += count,
            }
            sleep(SOON / 50).await;
        }
        assert!(all > LARGE, "{all}");
    });
}

#[test]
fn every_request_carries_its_peer() {
    run(async {
        let (mut stream, _served) = connected(4096, limits(), NEVER);
        stream.write_all(b"POST /peer HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(answer.ends_with("192.0.2.1:5000"), "{answer}");
    });
}

#[test]
fn an_address_has_a_limit_of_places_and_none_is_lost() {
    let limits = Limits { connections: 10, connections_per_peer: 2, ..Limits::default() };
    let places = Places::new(limits, vec!["192.0.2.80".parse().unwrap()]);
    let take = |peer: &str| {
        let place = Arc::clone(&places.all).try_acquire_owned().unwrap();
        places.take(place, peer.parse().unwrap())
    };
    let (one, two) = (take("192.0.2.1"), take("::ffff:192.0.2.1"));
    assert!(one.is_some() && two.is_some() && take("192.0.2.1").is_none());
    assert_eq!(places.all.available_permits(), 8, "what is refused keeps no place");
    let v6 = ["2001:db8::1", "2001:db8::2", "2001:db8::3"].map(take);
    assert_eq!(v6.iter().flatten().count(), 2, "a /64 counts as one");
    let proxied: Vec<_> = (0..4).map(|_| take("192.0.2.80")).collect();
    assert!(proxied.iter().all(Option::is_some), "a proxy has no limit");
    drop((two, v6, proxied));
    assert!(take("192.0.2.1").is_some());
    drop(one);
    assert!(places.taken.lock().unwrap().is_empty(), "addresses that left are forgotten");
    assert_eq!(places.all.available_permits(), 10);
}

#[test]
fn a_stop_waits_for_the_request_that_is_in_progress() {
    run(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let [begun, go] = [(); 2].map(|()| Arc::new(Notify::new()));
        let (begins, goes) = (Arc::clone(&begun), Arc::clone(&go));
        let handler = async move || {
            begins.notify_one();
            goes.notified().await;
            "whole"
        };
        let (stop, stopped) = oneshot::channel();
        let options = Options { tls: None, limits: limits(), proxies: vec![] };
        let mut serving = tokio::spawn(serve(listener, options, Router::new().route("/", get(handler)), stopped));
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
        begun.notified().await;
        stop.send(()).unwrap();
        assert!(timeout(SOON, &mut serving).await.is_err(), "it did not wait");
        go.notify_one();
        serving.await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(answer.ends_with("whole"), "{answer}");
    });
}
