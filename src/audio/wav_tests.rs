//! WAV files written by hound, and headers written by hand.
#![allow(clippy::unwrap_used)]
use std::io::Cursor;

use super::*;

type File = Reader<Cursor<Vec<u8>>>;

fn read_all(bytes: &[u8]) -> Result<(File, Vec<f32>), WavError> {
    let mut reader = Reader::new(Cursor::new(bytes.to_vec()))?;
    let mut out = Vec::new();
    while reader.read(&mut out)? {}
    Ok((reader, out))
}

fn chunk(id: &[u8; 4], body: &[u8]) -> Vec<u8> {
    let mut bytes = id.to_vec();
    bytes.extend((body.len() as u32).to_le_bytes());
    bytes.extend(body);
    bytes.resize(bytes.len().next_multiple_of(2), 0);
    bytes
}

fn format(tag: u16, channels: u16, rate: u32, block: u16, bits: u16) -> Vec<u8> {
    let mut body = Vec::new();
    body.extend(tag.to_le_bytes());
    body.extend(channels.to_le_bytes());
    body.extend(rate.to_le_bytes());
    body.extend((rate.wrapping_mul(u32::from(block))).to_le_bytes());
    body.extend(block.to_le_bytes());
    body.extend(bits.to_le_bytes());
    chunk(b"fmt ", &body)
}

fn wav(chunks: &[Vec<u8>]) -> Vec<u8> {
    let body: Vec<u8> = [b"WAVE".to_vec(), chunks.concat()].concat();
    chunk(b"RIFF", &body)
}

fn hound_file(bits: u16, sample_format: hound::SampleFormat, samples: &[i32]) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    let spec = hound::WavSpec { channels: 2, sample_rate: 44_100, bits_per_sample: bits, sample_format };
    let mut writer = hound::WavWriter::new(&mut bytes, spec).unwrap();
    for &sample in samples {
        match sample_format {
            hound::SampleFormat::Int => writer.write_sample(sample).unwrap(),
            hound::SampleFormat::Float => writer.write_sample(sample as f32 / 128.0).unwrap(),
        }
    }
    writer.finalize().unwrap();
    bytes.into_inner()
}

#[test]
fn every_width_that_hound_writes_reads_as_hound_wrote_it() {
    let samples = [0, 1, -1, 127, -128, 64];
    for (bits, full) in [(8, 128.0), (16, 32_768.0), (24, 8_388_608.0), (32, 2_147_483_648.0)] {
        let (reader, read) = read_all(&hound_file(bits, hound::SampleFormat::Int, &samples)).unwrap();
        assert_eq!((reader.rate(), reader.channels()), (44_100, 2), "{bits} bits");
        assert_eq!(read, samples.map(|sample| (f64::from(sample) / full) as f32), "{bits} bits");
        assert!(reader.warnings().is_empty());
    }
    let (_, read) = read_all(&hound_file(32, hound::SampleFormat::Float, &samples)).unwrap();
    assert_eq!(read, samples.map(|sample| sample as f32 / 128.0));
}

#[test]
fn sixteen_bits_pass_unchanged() {
    let samples = [i16::MIN, -1, 0, 1, i16::MAX];
    let mut bytes = Cursor::new(Vec::new());
    write(&mut bytes, 8000, &[&samples]).unwrap();
    let (_, read) = read_all(bytes.get_ref()).unwrap();
    assert_eq!(read.into_iter().map(to_i16).collect::<Vec<_>>(), samples);
}

#[test]
fn g711_and_64_bit_float_are_read() {
    let mu = wav(&[format(7, 1, 8000, 1, 8), chunk(b"fact", &[3, 0, 0, 0]), chunk(b"data", &[0xFF, 0x80, 0x00])]);
    let (_, read) = read_all(&mu).unwrap();
    assert_eq!(read.into_iter().map(to_i16).collect::<Vec<_>>(), [0, 32_124, -32_124]);
    let a = wav(&[format(6, 1, 8000, 1, 8), chunk(b"data", &[0xD5, 0xAA])]);
    assert_eq!(read_all(&a).unwrap().1.into_iter().map(to_i16).collect::<Vec<_>>(), [8, 32_256]);
    let double = [0.25f64, -0.5, f64::NAN].map(f64::to_le_bytes).concat();
    let f64s = wav(&[format(3, 1, 8000, 8, 64), chunk(b"data", &double)]);
    assert_eq!(read_all(&f64s).unwrap().1, [0.25, -0.5, 0.0]);
}

#[test]
fn the_extensible_format_names_its_true_one() {
    let mut body = format(0xFFFE, 1, 16_000, 1, 8)[8..].to_vec();
    body.extend([22, 0, 8, 0, 4, 0, 0, 0, 7, 0, 0, 0, 0, 0, 0x10, 0, 0x80, 0, 0, 0xAA, 0, 0x38, 0x9B, 0x71]);
    let (reader, read) = read_all(&wav(&[chunk(b"fmt ", &body), chunk(b"data", &[0x80])])).unwrap();
    assert_eq!((reader.encoding(), reader.rate()), (Encoding::Companded(Law::Mu), 16_000));
    assert_eq!(read.len(), 1);
}

#[test]
fn chunks_of_odd_length_around_the_sound_are_skipped() {
    let bytes = wav(&[
        chunk(b"LIST", b"odd"),
        format(1, 1, 8000, 2, 16),
        chunk(b"junk", &[1]),
        chunk(b"data", &[0, 64]),
        chunk(b"id3 ", b"after"),
    ]);
    let (reader, read) = read_all(&bytes).unwrap();
    assert_eq!(read, [0.5]);
    assert!(reader.warnings().is_empty());
}

#[test]
fn a_length_that_lies_is_told_and_takes_no_memory() {
    let mut bytes = wav(&[format(1, 2, 8000, 4, 16), chunk(b"data", &[0; 8])]);
    let size = bytes.len() - 12;
    bytes[size..size + 4].copy_from_slice(&0x7000_0000u32.to_le_bytes());
    let (reader, read) = read_all(&bytes).unwrap();
    assert_eq!(read.len(), 4);
    assert_eq!(reader.warnings(), [Warning::Truncated { promised: 0x7000_0000, found: 8 }]);
    assert!(reader.piece.len() <= 2 * PIECE);
}

#[test]
fn a_stream_of_unknown_length_ends_where_it_ends() {
    for size in [0u32, 0x7FFF_FFFF, u32::MAX] {
        let mut bytes = wav(&[format(1, 1, 8000, 2, 16), chunk(b"data", &[0; 8])]);
        let at = bytes.len() - 12;
        bytes[at..at + 4].copy_from_slice(&size.to_le_bytes());
        let (reader, read) = read_all(&bytes).unwrap();
        assert_eq!((read.len(), reader.warnings().len()), (4, 0), "size {size}");
    }
}

#[test]
fn rf64_takes_its_length_from_ds64() {
    let ds64 = [100u64, 4, 2].map(u64::to_le_bytes).concat();
    let mut bytes = wav(&[
        chunk(b"ds64", &[ds64, vec![0; 4]].concat()),
        format(1, 1, 8000, 2, 16),
        chunk(b"data", &[1, 0, 2, 0, 3, 0]),
    ]);
    bytes[..4].copy_from_slice(b"RF64");
    let at = bytes.len() - 10;
    bytes[at..at + 4].copy_from_slice(&u32::MAX.to_le_bytes());
    assert_eq!(read_all(&bytes).unwrap().1.len(), 2);
}

#[test]
fn half_a_sample_at_the_end_is_left_out_and_told() {
    let bytes = wav(&[format(1, 1, 8000, 2, 16), chunk(b"data", &[0, 64, 1])]);
    let (reader, read) = read_all(&bytes).unwrap();
    assert_eq!(read, [0.5]);
    assert_eq!(reader.warnings(), [Warning::PartialFrame]);
}

#[test]
fn what_cannot_be_read_says_why_and_where() {
    let message = |bytes: &[u8]| read_all(bytes).map(|_| ()).unwrap_err().to_string();
    assert!(message(b"").contains("not a WAV file"));
    assert!(message(b"OggS\0\0\0\0\0\0\0\0\0\0").contains("OggS"));
    assert!(message(b"RIFF\x10\0").contains("ends at byte 6"));
    let whole = wav(&[format(1, 1, 8000, 2, 16), chunk(b"data", &[0; 8])]);
    assert!(message(&whole[..30]).contains("ends at byte 30, inside its format chunk"));
    assert!(message(&whole[..36]).contains("no sound was found"));
    assert!(message(&wav(&[chunk(b"data", &[0; 8])])).contains("no format chunk"));
    let with = |format: Vec<u8>| message(&wav(&[format, chunk(b"data", &[0; 8])]));
    assert!(with(format(1, 0, 8000, 2, 16)).contains("channels of 0"));
    assert!(with(format(1, 1, 0, 2, 16)).contains("rate of 0"));
    assert!(with(format(1, 1, u32::MAX, 2, 16)).contains("rate of 4294967295"));
    assert!(with(format(1, 3, 8000, 2, 16)).contains("bits a sample of 16"));
    assert!(with(format(0x11, 1, 8000, 256, 4)).contains("IMA ADPCM"));
    assert!(with(format(0x31, 1, 8000, 65, 0)).contains("GSM 06.10"));
    assert!(with(format(3, 1, 8000, 2, 16)).contains("bytes a sample of 2"));
}

proptest::proptest! {
    #[test]
    fn no_bytes_make_it_panic_or_hang(mut bytes in proptest::collection::vec(0u8.., 0..200), at in 0usize..60, patch in 0u8..) {
        let _ = read_all(&bytes);
        let mut file = wav(&[format(1, 2, 8000, 4, 16), chunk(b"data", &[7; 40])]);
        if let Some(byte) = file.get_mut(at) {
            *byte = patch;
        }
        let _ = read_all(&file);
        bytes.splice(0..0, *b"RIFF\0\0\0\0WAVE");
        let _ = read_all(&bytes);
    }
}
