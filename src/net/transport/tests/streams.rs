//! Streams: any segmentation, keep-alives, and what is closed when.
#![allow(clippy::unwrap_used)]

use super::*;

/// Long for a test, yet it passes.
const SHORT: Duration = Duration::from_millis(200);

async fn listening(options: Options) -> (Transports, mpsc::Receiver<Inbound>, SocketAddr) {
    let (transports, inbound) = Transports::bind(&[(Transport::Tcp, loopback())], options).await.unwrap();
    let address = transports.listening()[0].1;
    (transports, inbound, address)
}

async fn next_message(inbound: &mut mpsc::Receiver<Inbound>) -> (Flow, Vec<u8>) {
    match inbound.recv().await {
        Some(Inbound::Message { flow, bytes }) => (flow, bytes),
        other => panic!("{other:?}"),
    }
}

async fn is_closed(peer: &mut TcpStream) -> bool {
    // a reset is an end as well
    matches!(peer.read(&mut [0; 64]).await, Ok(0) | Err(_))
}

#[tokio::test]
async fn byte_by_byte_or_two_at_once_the_messages_are_the_same() {
    let (_transports, mut inbound, address) = listening(Options::default()).await;
    let mut peer = TcpStream::connect(address).await.unwrap();
    peer.set_nodelay(true).unwrap();
    let invite = b"INFO sip:a@127.0.0.1 SIP/2.0\r\nContent-Length: 8\r\n\r\n\r\n\r\nINFO";
    for &byte in invite {
        peer.write_all(&[byte]).await.unwrap();
        tokio::task::yield_now().await;
    }
    assert_eq!(next_message(&mut inbound).await.1, invite);
    peer.write_all(&[&invite[..], OPTIONS, b"\r\n", &OPTIONS[..9]].concat()).await.unwrap();
    assert_eq!(next_message(&mut inbound).await.1, invite);
    assert_eq!(next_message(&mut inbound).await.1, OPTIONS);
    peer.write_all(&OPTIONS[9..]).await.unwrap();
    assert_eq!(next_message(&mut inbound).await.1, OPTIONS);
}

#[tokio::test]
async fn a_ping_is_answered_with_one_line_break() {
    let (_transports, mut inbound, address) = listening(Options::default()).await;
    let mut peer = TcpStream::connect(address).await.unwrap();
    let mut pong = [0; 2];
    peer.write_all(b"\r\n\r\n").await.unwrap();
    peer.read_exact(&mut pong).await.unwrap();
    assert_eq!(&pong, b"\r\n");
    // in pieces, and before a message
    for piece in [&b"\r\n\r"[..], b"\n", OPTIONS] {
        peer.write_all(piece).await.unwrap();
    }
    peer.read_exact(&mut pong).await.unwrap();
    assert_eq!(&pong, b"\r\n");
    assert_eq!(next_message(&mut inbound).await.1, OPTIONS);
}

#[tokio::test]
async fn a_silent_connection_is_closed_and_its_place_is_free() {
    let options = Options { idle: SHORT, connections_per_peer: 1, ..Options::default() };
    let (_transports, mut inbound, address) = listening(options).await;
    for _ in 0..2 {
        let mut peer = TcpStream::connect(address).await.unwrap();
        assert!(is_closed(&mut peer).await);
        assert!(matches!(inbound.recv().await, Some(Inbound::Closed { .. })));
    }
}

#[tokio::test]
async fn the_rest_of_a_message_is_not_waited_for_for_ever() {
    let (_transports, mut inbound, address) = listening(Options { unfinished: SHORT, ..Options::default() }).await;
    let mut peer = TcpStream::connect(address).await.unwrap();
    peer.write_all(&OPTIONS[..10]).await.unwrap();
    assert!(is_closed(&mut peer).await);
    assert!(matches!(inbound.recv().await, Some(Inbound::Closed { .. })));
}

#[tokio::test]
async fn what_is_no_sip_closes_the_connection() {
    let (_transports, mut inbound, address) = listening(Options::default()).await;
    let mut peer = TcpStream::connect(address).await.unwrap();
    peer.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
    assert!(is_closed(&mut peer).await);
    assert!(matches!(inbound.recv().await, Some(Inbound::Closed { .. })));
}

#[tokio::test]
async fn who_does_not_read_is_disconnected_and_holds_nobody_up() {
    let (transports, mut inbound, address) = listening(Options { write: SHORT, ..Options::default() }).await;
    let mut slow = TcpStream::connect(address).await.unwrap();
    slow.write_all(OPTIONS).await.unwrap();
    let (to_slow, _) = next_message(&mut inbound).await;
    let mut quick = TcpStream::connect(address).await.unwrap();
    quick.write_all(OPTIONS).await.unwrap();
    let (to_quick, _) = next_message(&mut inbound).await;
    // far more than the system's own buffers take; sending never waits
    let much = vec![b'x'; 1 << 20];
    for _ in 0..100 {
        transports.send(message(to_slow, &much));
    }
    transports.send(message(to_quick, b"answer"));
    let mut answer = [0; 6];
    quick.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"answer");
    assert!(matches!(inbound.recv().await, Some(Inbound::Closed { connection: 1 })));
}

#[tokio::test]
async fn what_did_not_get_out_on_a_broken_connection_goes_out_on_a_new_one() {
    let (transports, mut inbound, address) = listening(Options::default()).await;
    let sent_by = TcpListener::bind(loopback()).await.unwrap();
    let mut peer = TcpStream::connect(address).await.unwrap();
    peer.write_all(OPTIONS).await.unwrap();
    let (flow, _) = next_message(&mut inbound).await;
    drop(peer);
    assert!(matches!(inbound.recv().await, Some(Inbound::Closed { .. })));
    // not told yet, the endpoint answers on the connection that it knows
    let otherwise = Some(sent_by.local_addr().unwrap());
    transports.send(Transmit { otherwise, ..message(flow, b"one") });
    transports.send(Transmit { otherwise, ..message(flow, b"two") });
    let (mut stream, _) = sent_by.accept().await.unwrap();
    let mut both = [0; 6];
    stream.read_exact(&mut both).await.unwrap();
    assert_eq!(&both, b"onetwo", "on one connection");
    // a request has no other way
    transports.send(message(flow, b"BYE"));
    transports.send(Transmit { otherwise, ..message(flow, b"end") });
    stream.read_exact(&mut both[..3]).await.unwrap();
    assert_eq!(&both[..3], b"end");
}

#[tokio::test]
async fn on_connections_that_we_opened_we_ping_and_a_peer_that_stops_answering_is_gone() {
    let options = Options { ping: SHORT, pong: SHORT, ..Options::default() };
    let (transports, mut inbound) = Transports::bind(&[], options).await.unwrap();
    let peer = TcpListener::bind(loopback()).await.unwrap();
    let flow =
        Flow { transport: Transport::Tcp, local: loopback(), remote: peer.local_addr().unwrap(), connection: None };
    transports.send(message(flow, OPTIONS));
    let (mut stream, _) = peer.accept().await.unwrap();
    stream.read_exact(&mut vec![0; OPTIONS.len()]).await.unwrap();
    let mut ping = [0; 4];
    // who has never answered one may not know them
    for _ in 0..3 {
        stream.read_exact(&mut ping).await.unwrap();
        assert_eq!(&ping, b"\r\n\r\n");
    }
    stream.write_all(b"\r\n").await.unwrap();
    stream.write_all(OPTIONS).await.unwrap();
    assert_eq!(next_message(&mut inbound).await.1, OPTIONS);
    // two pongs are no ping
    stream.write_all(b"\r\n\r\n").await.unwrap();
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).await.unwrap();
    assert!(rest.len() % 4 == 0 && rest.chunks(4).all(|four| four == b"\r\n\r\n"), "{rest:?}");
    assert!(matches!(inbound.recv().await, Some(Inbound::Closed { .. })));
}

#[tokio::test]
async fn several_listeners_of_both_families_serve_at_once() {
    let both: Vec<SocketAddr> = vec!["127.0.0.1:0".parse().unwrap(), "[::1]:0".parse().unwrap()];
    if let Err(error) = TcpListener::bind(both[1]).await {
        return println!("skipped: this machine has no ::1 ({error})");
    }
    let listen: Vec<(Transport, SocketAddr)> =
        both.iter().flat_map(|&address| [(Transport::Udp, address), (Transport::Tcp, address)]).collect();
    let (transports, mut inbound) = Transports::bind(&listen, Options::default()).await.unwrap();
    let mut held = vec![];
    for &(transport, address) in transports.listening() {
        let mut answer = [0; 6];
        if transport == Transport::Udp {
            let peer = UdpSocket::bind((address.ip(), 0)).await.unwrap();
            peer.send_to(OPTIONS, address).await.unwrap();
            let (flow, _) = next_message(&mut inbound).await;
            assert_eq!(flow.local, address);
            transports.send(message(flow, b"answer"));
            assert_eq!(peer.recv_from(&mut answer).await.unwrap(), (6, address));
        } else {
            let mut peer = TcpStream::connect(address).await.unwrap();
            peer.write_all(OPTIONS).await.unwrap();
            let (flow, _) = next_message(&mut inbound).await;
            assert_eq!(flow.local, address);
            transports.send(message(flow, b"answer"));
            peer.read_exact(&mut answer).await.unwrap();
            held.push(peer);
        }
    }
    // every address of both families on one port
    let any = [(Transport::Udp, "0.0.0.0:0".parse().unwrap())];
    let (first, _inbound) = Transports::bind(&any, Options::default()).await.unwrap();
    let port = first.listening()[0].1.port();
    let six = [(Transport::Udp, SocketAddr::new(std::net::Ipv6Addr::UNSPECIFIED.into(), port))];
    Transports::bind(&six, Options::default()).await.unwrap();
}

#[tokio::test]
async fn an_advertised_address_does_not_stand_for_the_other_family() {
    let advertise: Option<IpAddr> = Some("192.0.2.10".parse().unwrap());
    let mut six = LocalAddress::new("[::1]:5060".parse().unwrap(), advertise);
    assert_eq!(six.towards("[::1]:9".parse().unwrap()), "[::1]:5060".parse().unwrap());
    let mut four = LocalAddress::new("127.0.0.1:5060".parse().unwrap(), advertise);
    assert_eq!(four.towards("127.0.0.1:9".parse().unwrap()), "192.0.2.10:5060".parse().unwrap());
}
