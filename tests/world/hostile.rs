//! Datagrams of somebody who wants no good: garbage, floods, requests within calls of others, keys in the media of others.

use std::net::SocketAddr;

use rand::RngExt;
use rand::rngs::StdRng;

use crate::network::{Datagram, Kind};
use crate::plan::Hostility;
use crate::support::{SERVICE, SERVICE_SIP, STRANGER, rng};
use crate::world::{Outside, World};

/// Sends them all now: the network spreads them.
pub fn send(world: &mut World, hostility: Hostility, count: u32, seed: u64) {
    let random = &mut rng(seed, 0);
    let known: Vec<String> = world.book.calls.values().map(|facts| facts.sip_call_id.clone()).collect();
    let ports: Vec<u16> = world.service.iter().flat_map(|service| service.ports.iter().copied()).collect();
    let mut out = Outside { now: world.now, network: &mut world.network, trace: &mut world.trace };
    for index in 0..count {
        let from = SocketAddr::new(STRANGER, random.random_range(1024..=65535));
        let (kind, to, bytes) = match hostility {
            Hostility::Garbage => (Kind::Sip, SERVICE_SIP, garbage(random)),
            Hostility::Invites => (Kind::Sip, SERVICE_SIP, request(random, "INVITE", from, index, None)),
            Hostility::InDialog => {
                let method = ["BYE", "CANCEL", "ACK", "INFO", "UPDATE", "PRACK"][random.random_range(0..6)];
                let call = (!known.is_empty()).then(|| known[random.random_range(0..known.len())].as_str());
                (Kind::Sip, SERVICE_SIP, request(random, method, from, index, call))
            }
            Hostility::Options => {
                let method = ["OPTIONS", "REGISTER", "SUBSCRIBE", "NONSENSE"][random.random_range(0..4)];
                (Kind::Sip, SERVICE_SIP, request(random, method, from, index, None))
            }
            Hostility::Keys => {
                let port = if ports.is_empty() { 10_000 } else { ports[random.random_range(0..ports.len())] };
                (Kind::Rtp, SocketAddr::new(SERVICE, port), key(random, index))
            }
        };
        out.send(Datagram { kind, from, to, bytes });
    }
}

fn garbage(random: &mut StdRng) -> Vec<u8> {
    let length = random.random_range(0..=600);
    let mut bytes: Vec<u8> = (0..length).map(|_| random.random()).collect();
    if random.random_bool(0.5) {
        let mut text = b"INVITE sip:0664806430@192.0.2.10 SIP/2.0\r\n".to_vec();
        text.append(&mut bytes);
        return text;
    }
    bytes
}

fn request(random: &mut StdRng, method: &str, from: SocketAddr, index: u32, call_id: Option<&str>) -> Vec<u8> {
    let tag: u32 = random.random();
    let call_id = call_id.map_or_else(|| format!("hostile-{tag:08x}-{index}"), str::to_owned);
    let user = ["0600001111", "0312345678", "anonymous"][random.random_range(0..3)];
    let (contact, host) = (from, from.ip());
    format!(
        "{method} sip:0664806430@192.0.2.10 SIP/2.0\r\nVia: SIP/2.0/UDP {from};branch=z9hG4bK{tag:08x}\r\n\
         Max-Forwards: 70\r\nFrom: <sip:{user}@{host}>;tag={tag:x}\r\nTo: <sip:0664806430@192.0.2.10>\r\n\
         P-Asserted-Identity: <sip:{user}@{host}>\r\nCall-ID: {call_id}\r\nCSeq: {cseq} {method}\r\n\
         Contact: <sip:{user}@{contact}>\r\nContent-Length: 0\r\n\r\n",
        cseq = random.random_range(1..=3),
    )
    .into_bytes()
}

/// The end of a key, as RFC 4733 has it.
fn key(random: &mut StdRng, index: u32) -> Vec<u8> {
    let mut bytes = vec![0x80, 101 | 0x80];
    bytes.extend((index as u16).to_be_bytes());
    bytes.extend((index * 800).to_be_bytes());
    bytes.extend(random.random::<u32>().to_be_bytes());
    bytes.extend([random.random_range(0..12), 0x8a, 0x03, 0x20]);
    bytes
}
