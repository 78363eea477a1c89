//! TLS: what goes over it, who is believed, and handshakes that never end.
#![allow(clippy::unwrap_used)]

use std::path::Path;

use super::*;
use crate::net::tls::tests::Folder;
use crate::net::tls::tests::pki::Authority;

fn options(folder: &Path, authority: &Authority) -> Options {
    let (certificate, key) = authority.sign().files(folder);
    Options {
        identity: Some(Arc::new(Identity::load(&certificate, &key, &[]).unwrap())),
        authorities: Some(Authorities::from_file(&authority.file(folder)).unwrap()),
        ..Options::default()
    }
}

/// One that only connects.
async fn client(authorities: Authorities) -> (Transports, mpsc::Receiver<Inbound>) {
    Transports::bind(&[], Options { authorities: Some(authorities), ..Options::default() }).await.unwrap()
}

fn towards(remote: SocketAddr) -> Flow {
    Flow { transport: Transport::Tls, local: loopback(), remote, connection: None }
}

#[tokio::test]
async fn messages_go_both_ways_over_tls() {
    let (folder, authority) = (Folder::new(), Authority::new());
    let listen = [(Transport::Tls, loopback())];
    let (server, mut at_server) = Transports::bind(&listen, options(&folder.0, &authority)).await.unwrap();
    let address = server.listening()[0].1;
    let (client, mut at_client) = client(Authorities::from_file(&authority.file(&folder.0)).unwrap()).await;
    let way = client.connect(towards(address), Some("localhost")).await.unwrap();
    client.send(message(way, OPTIONS));
    let Some(Inbound::Message { flow, bytes }) = at_server.recv().await else { panic!("no message") };
    assert_eq!((flow.transport, flow.local, bytes.as_slice()), (Transport::Tls, address, OPTIONS));
    server.send(message(flow, OPTIONS));
    let Some(Inbound::Message { flow, bytes }) = at_client.recv().await else { panic!("no answer") };
    assert_eq!((flow, bytes.as_slice()), (way, OPTIONS));
    // without naming the connection, the one that is there serves
    client.send(message(towards(address), OPTIONS));
    let Some(Inbound::Message { flow: again, .. }) = at_server.recv().await else { panic!("no message") };
    assert_eq!(again.connection, Some(1));
}

#[tokio::test]
async fn a_server_is_connected_to_only_if_an_authority_vouches_for_its_name() {
    let (folder, authority) = (Folder::new(), Authority::new());
    let listen = [(Transport::Tls, loopback())];
    let (server, _inbound) = Transports::bind(&listen, options(&folder.0, &authority)).await.unwrap();
    let way = towards(server.listening()[0].1);
    let ours = Authorities::from_file(&authority.file(&folder.0)).unwrap();
    let (believer, _told) = client(ours).await;
    believer.connect(way, None).await.unwrap();
    let error = believer.connect(way, Some("elsewhere.example")).await.unwrap_err();
    assert!(error.to_string().contains("not valid for name"), "{error}");

    let (stranger, mut told) = client(Authorities::from_file(&Authority::new().file(&folder.0)).unwrap()).await;
    let error = stranger.connect(way, None).await.unwrap_err();
    assert!(error.to_string().contains("invalid peer certificate"), "{error}");
    stranger.send(message(way, OPTIONS));
    assert!(matches!(told.recv().await, Some(Inbound::Unreachable { flow }) if flow == way));

    let (careless, _told) = client(Authorities::unchecked().unwrap()).await;
    careless.connect(way, Some("elsewhere.example")).await.unwrap();
    // and with nobody to ask, nobody is connected to
    let (nobody, _told) = Transports::bind(&[], Options::default()).await.unwrap();
    assert!(nobody.connect(way, None).await.is_err());
}

#[tokio::test]
async fn half_open_handshakes_are_closed_and_counted() {
    let (folder, authority) = (Folder::new(), Authority::new());
    let options =
        Options { handshake: Duration::from_millis(300), connections_per_peer: 1, ..options(&folder.0, &authority) };
    let (server, _inbound) = Transports::bind(&[(Transport::Tls, loopback())], options).await.unwrap();
    let address = server.listening()[0].1;
    // one that says nothing, one that says half a greeting, one that speaks no TLS at all
    for said in [&b""[..], b"\x16\x03\x01\x02\x00\x01", OPTIONS] {
        let mut silent = TcpStream::connect(address).await.unwrap();
        silent.write_all(said).await.unwrap();
        let mut rest = Vec::new();
        // closed, with or without an alert
        let _ = silent.read_to_end(&mut rest).await;
        assert!(rest.len() < 32, "{rest:?}");
        // its place is free again
        while server.streams.registry.count() > 0 {
            tokio::task::yield_now().await;
        }
    }
    let _half_open = TcpStream::connect(address).await.unwrap();
    let mut refused = TcpStream::connect(address).await.unwrap();
    assert_eq!(refused.read(&mut [0; 8]).await.unwrap_or(0), 0, "half-open ones count");
}

#[tokio::test]
async fn after_a_reload_new_connections_see_the_new_certificate_and_old_ones_go_on() {
    let (folder, authority) = (Folder::new(), Authority::new());
    let options = options(&folder.0, &authority);
    let identity = options.identity.clone().unwrap();
    let (server, mut at_server) = Transports::bind(&[(Transport::Tls, loopback())], options).await.unwrap();
    let way = towards(server.listening()[0].1);
    let (first, _told) = client(Authorities::from_file(&authority.file(&folder.0)).unwrap()).await;
    let open = first.connect(way, None).await.unwrap();

    let successor = Authority::new();
    successor.sign().files(&folder.0);
    identity.reload().unwrap();
    let (second, _told) = client(Authorities::from_file(&successor.file(&folder.0)).unwrap()).await;
    second.connect(way, None).await.unwrap();
    first.send(message(open, OPTIONS));
    let Some(Inbound::Message { flow, .. }) = at_server.recv().await else { panic!("no message") };
    assert_eq!(flow.connection, Some(1));
}

#[tokio::test]
async fn without_a_certificate_tls_is_not_listened_for() {
    let Err(error) = Transports::bind(&[(Transport::Tls, loopback())], Options::default()).await else { panic!() };
    assert!(error.to_string().contains("cannot listen on TLS 127.0.0.1:0: TLS needs a certificate"), "{error}");
}
