//! Real sockets on loopback: what goes in comes out, and what is bounded is.
#![allow(clippy::unwrap_used)]
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::*;

mod streams;
mod tls;

const OPTIONS: &[u8] = b"OPTIONS sip:a@127.0.0.1 SIP/2.0\r\nContent-Length: 0\r\n\r\n";

fn message(flow: Flow, bytes: &[u8]) -> Transmit {
    Transmit { flow, bytes: bytes.to_vec(), otherwise: None }
}

fn loopback() -> SocketAddr {
    ([127, 0, 0, 1], 0).into()
}

#[tokio::test]
async fn a_datagram_arrives_whole_and_its_answer_goes_back_to_where_it_came_from() {
    let (transports, mut inbound) =
        Transports::bind(&[(Transport::Udp, loopback())], Options::default()).await.unwrap();
    let peer = UdpSocket::bind(loopback()).await.unwrap();
    peer.send_to(OPTIONS, transports.listening()[0].1).await.unwrap();
    let Some(Inbound::Message { flow, bytes }) = inbound.recv().await else { panic!("no message") };
    assert_eq!(bytes, OPTIONS);
    transports.send(message(flow, b"answer"));
    let mut buffer = [0; 64];
    let (length, from) = peer.recv_from(&mut buffer).await.unwrap();
    assert_eq!((&buffer[..length], from), (&b"answer"[..], transports.listening()[0].1));
}

#[tokio::test]
async fn a_stream_cut_anywhere_yields_the_same_messages_and_closing_is_told() {
    let (transports, mut inbound) =
        Transports::bind(&[(Transport::Tcp, loopback())], Options::default()).await.unwrap();
    let mut peer = TcpStream::connect(transports.listening()[0].1).await.unwrap();
    let twice = [OPTIONS, OPTIONS].concat();
    for piece in twice.chunks(7) {
        peer.write_all(piece).await.unwrap();
        peer.flush().await.unwrap();
        tokio::task::yield_now().await;
    }
    let mut last = None;
    for _ in 0..2 {
        let Some(Inbound::Message { flow, bytes }) = inbound.recv().await else { panic!("no message") };
        assert_eq!(bytes, OPTIONS);
        last = Some(flow);
    }
    transports.send(message(last.unwrap(), b"answer"));
    let mut buffer = [0; 6];
    peer.read_exact(&mut buffer).await.unwrap();
    assert_eq!(&buffer, b"answer");
    drop(peer);
    assert!(matches!(inbound.recv().await, Some(Inbound::Closed { connection: 1 })));
}

#[tokio::test]
async fn bound_to_every_address_the_flow_names_the_one_that_the_peer_reached() {
    let any: SocketAddr = ([0, 0, 0, 0], 0).into();
    let (transports, mut inbound) = Transports::bind(&[(Transport::Udp, any)], Options::default()).await.unwrap();
    let port = transports.listening()[0].1.port();
    let peer = UdpSocket::bind(loopback()).await.unwrap();
    peer.send_to(OPTIONS, (std::net::Ipv4Addr::LOCALHOST, port)).await.unwrap();
    let Some(Inbound::Message { flow, .. }) = inbound.recv().await else { panic!("no message") };
    assert_eq!(flow.local, (std::net::Ipv4Addr::LOCALHOST, port).into());
}

#[tokio::test]
async fn an_advertised_address_stands_in_the_flow_and_the_answer_still_leaves() {
    let advertised = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 10));
    let options = Options { advertise: Some(advertised), ..Options::default() };
    let (transports, mut inbound) = Transports::bind(&[(Transport::Udp, loopback())], options).await.unwrap();
    let peer = UdpSocket::bind(loopback()).await.unwrap();
    peer.send_to(OPTIONS, transports.listening()[0].1).await.unwrap();
    let Some(Inbound::Message { flow, .. }) = inbound.recv().await else { panic!("no message") };
    assert_eq!(flow.local, (advertised, transports.listening()[0].1.port()).into());
    transports.send(message(flow, b"answer"));
    assert_eq!(peer.recv(&mut [0; 64]).await.unwrap(), 6);
}

#[tokio::test]
async fn connections_are_bounded_for_each_peer() {
    let options = Options { connections_per_peer: 1, ..Options::default() };
    let (transports, mut inbound) = Transports::bind(&[(Transport::Tcp, loopback())], options).await.unwrap();
    let address = transports.listening()[0].1;
    let mut first = TcpStream::connect(address).await.unwrap();
    first.write_all(OPTIONS).await.unwrap();
    assert!(matches!(inbound.recv().await, Some(Inbound::Message { .. })));
    let mut second = TcpStream::connect(address).await.unwrap();
    assert_eq!(second.read(&mut [0; 8]).await.unwrap(), 0, "closed at once");
    drop(first);
    assert!(matches!(inbound.recv().await, Some(Inbound::Closed { .. })));
    let mut third = TcpStream::connect(address).await.unwrap();
    third.write_all(OPTIONS).await.unwrap();
    assert!(matches!(inbound.recv().await, Some(Inbound::Message { .. })));
}

#[tokio::test]
async fn without_a_connection_one_is_opened_or_it_is_told_that_none_can_be() {
    let (transports, mut inbound) =
        Transports::bind(&[(Transport::Tcp, loopback())], Options::default()).await.unwrap();
    let local = transports.listening()[0].1;
    let peer = TcpListener::bind(loopback()).await.unwrap();
    let flow = Flow { transport: Transport::Tcp, local, remote: peer.local_addr().unwrap(), connection: None };
    transports.send(message(flow, b"BYE"));
    let (mut stream, _) = peer.accept().await.unwrap();
    let mut buffer = [0; 3];
    stream.read_exact(&mut buffer).await.unwrap();
    assert_eq!(&buffer, b"BYE");
    // the same connection serves what follows
    transports.send(message(flow, b"ACK"));
    stream.read_exact(&mut buffer).await.unwrap();
    assert_eq!(&buffer, b"ACK");
    drop((stream, peer));
    assert!(matches!(inbound.recv().await, Some(Inbound::Closed { connection: 1 })));
    transports.send(message(flow, b"BYE"));
    assert!(matches!(inbound.recv().await, Some(Inbound::Unreachable { flow: f }) if f == flow));
}

#[tokio::test]
async fn a_port_in_use_is_told_with_its_address() {
    let taken = UdpSocket::bind(loopback()).await.unwrap();
    let address = taken.local_addr().unwrap();
    let Err(error) = Transports::bind(&[(Transport::Udp, address)], Options::default()).await else {
        panic!("bound twice")
    };
    assert!(error.to_string().contains(&address.to_string()), "{error}");
}
