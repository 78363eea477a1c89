//! Documents that libtiff made (fixtures/make/faxes.sh), and broken ones. That a PDF shows the very dots of its TIFF is seen
//! by another program in tests/interop/fax.sh.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::path::Path;

use super::*;

fn file(name: &str) -> Vec<u8> {
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/fax").join(name)).unwrap()
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

#[test]
fn every_coding_is_read_and_its_lines_are_in_the_pdf() {
    for (name, coding, pages, strips) in [
        ("mh-lsb.tif", Coding::Group3, 2, 1),
        ("mr-big-endian.tif", Coding::Group3TwoDimensional, 2, 1),
        ("mr-fill.tif", Coding::Group3TwoDimensional, 2, 1),
        ("mmr-strips.tif", Coding::Group4, 2, 3),
        ("mmr-bigtiff.tif", Coding::Group4, 1, 1),
        ("packbits.tif", Coding::PackBits, 2, 1),
        ("plain.tif", Coding::Plain, 1, 1),
    ] {
        let document = read(&file(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(document.pages.len(), pages, "{name}");
        let pdf = to_pdf(&document);
        assert!(pdf.starts_with(b"%PDF-1."), "{name}");
        for (place, page) in document.pages.iter().enumerate() {
            assert_eq!((page.width, page.height), (1728, 150 * (place as u32 + 1)), "{name}");
            assert_eq!((page.coding, page.inverted), (coding, false), "{name}");
            assert_eq!(page.resolution, Resolution { across: 204.0, down: 98.0 }, "{name}");
            assert_eq!(page.strips.iter().map(|strip| strip.rows).sum::<u32>(), page.height, "{name}");
            for strip in &page.strips {
                assert!(contains(&pdf, &strip.data), "{name}");
            }
        }
        assert_eq!(document.pages[0].strips.len(), strips, "{name}");
        // 1728 dots at 204 an inch are 8.47 inches of 72 points, 150 lines at 98 an inch 1.53 inches
        assert!(contains(&pdf, b"/MediaBox [0 0 609.88"), "{name}");
        assert!(contains(&pdf, format!("/Count {pages}").as_bytes()), "{name}");
    }
}

#[test]
fn bits_in_the_other_order_are_turned() {
    // T.4 begins with an end of line, 000000000001: as a file of the other order it is 00 08 and more
    let bytes = file("mh-lsb.tif");
    let page = read(&bytes).unwrap().pages.remove(0);
    let start: Vec<u8> = page.strips[0].data.iter().take(3).copied().collect();
    assert_eq!((start[0], start[1] >> 4), (0, 1), "{start:02x?}");
    let reversed: Vec<u8> = page.strips[0].data.iter().map(|byte| byte.reverse_bits()).collect();
    assert!(contains(&bytes, &reversed));
}

#[test]
fn what_is_no_fax_is_refused_with_its_reason() {
    for (bytes, told) in [
        (Vec::new(), "not a whole TIFF"),
        (b"%PDF-1.7".to_vec(), "not a whole TIFF"),
        (file("lzw.tif"), "compression 5"),
        (vec![0; LARGEST + 1], "20 MiB"),
    ] {
        let error = read(&bytes).unwrap_err().to_string();
        assert!(error.contains(told), "{error}");
    }
}

#[test]
fn a_document_cut_anywhere_is_refused_or_read_but_never_panics() {
    for name in ["mh-lsb.tif", "mmr-strips.tif", "mmr-bigtiff.tif", "mr-big-endian.tif"] {
        let whole = file(name);
        for length in (0..whole.len()).step_by(97) {
            let _ = read(&whole[..length]).map(|document| to_pdf(&document));
        }
        // the directories lie behind the pages: without its end no document is whole
        assert!(read(&whole[..whole.len() / 2]).is_err(), "{name}");
    }
}

#[test]
fn damaged_documents_never_panic_and_are_never_larger_than_they_are() {
    let mut seed = 48_151_623_u64;
    let mut random = || {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) as usize
    };
    for name in ["mh-lsb.tif", "mmr-strips.tif", "plain.tif"] {
        let whole = file(name);
        for _ in 0..300 {
            let mut bytes = whole.clone();
            for _ in 0..1 + random() % 4 {
                // mostly in the directories, near the end and the beginning
                let place = if random() % 2 == 0 { random() % 16 } else { bytes.len() - 1 - random() % 200 };
                bytes[place] = random() as u8;
            }
            if let Ok(document) = read(&bytes) {
                assert!(to_pdf(&document).len() < 2_000_000);
            }
        }
    }
}

#[test]
fn pages_in_a_circle_come_to_an_end() {
    let mut bytes = file("mmr-bigtiff.tif");
    // a BigTIFF: the first directory is at the offset of bytes 8 to 15; it counts its entries of 20 bytes, then names the next
    let at = u64::from_le_bytes(bytes[8..16].try_into().unwrap()) as usize;
    let entries = u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap()) as usize;
    let next = at + 8 + entries * 20;
    bytes.copy_within(8..16, next);
    assert!(read(&bytes).is_err());
}
