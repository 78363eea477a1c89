//! Reports, byte by byte.

#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use super::*;

const INFO: SenderInfo =
    SenderInfo { ntp: 0xb44d_b705_2000_0000, timestamp: 0x0001_0203, packets: 250, octets: 40_000 };
const COUNTS: Counts = Counts { ssrc: 0x0badf00d, fraction_lost: 64, lost: -2, highest: 0x0001_0003, jitter: 17 };
const BLOCK: Block = Block { counts: COUNTS, last_report: 0xb705_2000, delay: 0x0005_4000 };

/// Read back by Wireshark 4.0.17 as: sender report, NTP 1995-11-10 11:33:25.125 UTC, RTP timestamp 66051, 250 packets,
/// 40000 octets, source 0x0badf00d, 64/256 lost, cumulative -2, cycles 1, highest 3, jitter 17, LSR 3070566400,
/// DLSR 344064 (5250 ms); source description, CNAME "kp"; goodbye. Compound length OK.
const FULL: &[u8] = &[
    0x81, 200, 0, 12, 0xde, 0xad, 0xbe, 0xef, 0xb4, 0x4d, 0xb7, 0x05, 0x20, 0, 0, 0, 0, 1, 2, 3, 0, 0, 0, 250, 0, 0,
    0x9c, 0x40, // SR
    0x0b, 0xad, 0xf0, 0x0d, 64, 0xff, 0xff, 0xfe, 0, 1, 0, 3, 0, 0, 0, 17, 0xb7, 0x05, 0x20, 0, 0, 5, 0x40,
    0, // block
    0x81, 202, 0, 3, 0xde, 0xad, 0xbe, 0xef, 1, 2, b'k', b'p', 0, 0, 0, 0, // SDES
    0x81, 203, 0, 1, 0xde, 0xad, 0xbe, 0xef, // BYE
];

fn written(compound: &Compound<'_>) -> Vec<u8> {
    let mut buffer = vec![9; 7];
    compound.write(&mut buffer);
    buffer
}

#[test]
fn a_sender_report_with_goodbye_is_written_as_rfc_3550_draws_it() {
    let compound = Compound { ssrc: 0xdead_beef, cname: "kp", sender: Some(INFO), block: Some(BLOCK), bye: true };
    assert_eq!(written(&compound), FULL);
}

#[test]
fn a_receiver_report_of_nothing_is_the_least_there_is() {
    let compound = Compound { ssrc: 1, cname: "abcd", sender: None, block: None, bye: false };
    let expected = [0x80, 201, 0, 1, 0, 0, 0, 1, 0x81, 202, 0, 3, 0, 0, 0, 1, 1, 4, b'a', b'b', b'c', b'd', 0, 0];
    assert_eq!(written(&compound), expected);
}

#[test]
fn what_is_written_is_read() {
    let packets: Vec<_> = parse(FULL).unwrap().collect();
    let [Packet::Report { ssrc, sender, blocks }, description, goodbye] = packets[..] else { panic!("{packets:?}") };
    assert_eq!((ssrc, sender), (0xdead_beef, Some(INFO)));
    assert_eq!(blocks.collect::<Vec<_>>(), [BLOCK]);
    assert_eq!(description, Packet::Description { ssrc: 0xdead_beef, cname: b"kp" });
    assert_eq!(goodbye, Packet::Goodbye { ssrc: Some(0xdead_beef) });
}

#[test]
fn the_rest_of_a_compound_survives_what_is_unknown_in_it() {
    let application = [0x80, 204, 0, 2, 0, 0, 0, 1, b'n', b'a', b'm', b'e'];
    let padded = [0xa0, 203, 0, 1, 0, 0, 0, 4];
    let tool_first = [0x81, 202, 0, 3, 0, 0, 0, 7, 6, 1, b't', 1, 2, b'k', b'p', 0];
    let compound = [&application[..], &tool_first, &padded].concat();
    let packets: Vec<_> = parse(&compound).unwrap().collect();
    let expected =
        [Packet::Other { kind: 204 }, Packet::Description { ssrc: 7, cname: b"kp" }, Packet::Goodbye { ssrc: None }];
    assert_eq!(packets, expected);
}

#[test]
fn what_is_not_rtcp_is_refused_and_what_is_cut_off_ends_there() {
    assert!(parse(&[]).is_none());
    assert!(parse(&[0x80]).is_none());
    assert!(parse(&[0x80, 0, 0, 0]).is_none(), "RTP");
    assert!(parse(&[0, 200, 0, 0]).is_none(), "STUN");
    assert_eq!(parse(&FULL[..FULL.len() - 1]).unwrap().count(), 2);
    assert_eq!(parse(&[0x81, 200, 0, 1, 0, 0, 0, 1]).unwrap().count(), 0, "a block is announced and missing");
}

#[test]
fn instants_are_told_in_seconds_and_parts() {
    assert_eq!(ntp(Time::from_millis(1500)), 0x0000_0001_8000_0000);
    assert_eq!(middle(0xb44d_b705_2000_0000), 0xb705_2000);
    assert_ne!(ntp(Time::ZERO), 0, "zero means none");
}

#[test]
fn reports_are_due_every_five_seconds_give_or_take_a_half() {
    let (mut first, mut later) = (Vec::new(), Vec::new());
    for seed in 0..500 {
        let mut schedule = Schedule::new(Time::ZERO, seed);
        let due = schedule.next();
        first.push(due.elapsed().as_secs_f64());
        assert!(!schedule.is_due(due - Duration::from_millis(1)));
        assert!(schedule.is_due(due) && !schedule.is_due(due));
        later.push(schedule.next().since(due).as_secs_f64());
    }
    for (intervals, mean) in [(first, 2.5), (later, 5.0)] {
        let (low, high) = (mean * 0.5 / 1.218_28, mean * 1.5 / 1.218_28);
        assert!(intervals.iter().all(|interval| (low..=high).contains(interval)));
        let average = intervals.iter().sum::<f64>() / 500.0;
        assert!((average - mean / 1.218_28).abs() < mean * 0.05, "{average}");
    }
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(head in 192_u8..224, bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let datagram = [&[0x81, head], &bytes[..]].concat();
        for datagram in [&datagram[..], &bytes[..]] {
            for packet in parse(datagram).into_iter().flatten() {
                if let Packet::Report { blocks, .. } = packet {
                    prop_assert!(blocks.count() < 32);
                }
            }
        }
    }

    #[test]
    fn any_name_is_padded_to_whole_words(cname in "[a-z]{0,300}") {
        let compound = Compound { ssrc: 1, cname: &cname, sender: None, block: None, bye: true };
        let bytes = written(&compound);
        prop_assert_eq!(bytes.len() % 4, 0);
        let packets: Vec<_> = parse(&bytes).unwrap().collect();
        prop_assert_eq!(packets.len(), 3);
        let kept = cname.get(..255).unwrap_or(&cname).as_bytes();
        prop_assert_eq!(packets[1], Packet::Description { ssrc: 1, cname: kept });
    }
}
