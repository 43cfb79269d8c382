//! Archives that are small and claim, or really hold, far too much.

use std::cell::Cell;

use bytes::Bytes;
use flate2::{Compress, Compression, FlushCompress};
use windlass_artifact::{Budget, Defect, VerifyError, verify};

use crate::builder::{Entry, defect, deflate, zip};

const GIB: u64 = 1 << 30;

#[test]
fn a_bomb_that_tells_its_size_is_refused_before_anything_is_inflated() {
    let bytes = zip([bomb("bomb", 8 * GIB)]);
    assert!(bytes.len() < 16 << 20);
    let (defect, asked) = refused(&bytes, &Budget::default());
    assert_eq!(defect, Defect::MemberTooLarge { name: "bomb".into(), bytes: 8 * GIB, limit: 5 * GIB });
    assert!(asked < 10, "{asked}");
}

#[test]
fn a_bomb_in_parts_is_refused_before_anything_is_inflated() {
    let claim = |name| bomb(name, 1 << 23).but(|entry| (entry.size, entry.zip64) = (4 * GIB, true));
    let (defect, asked) = refused(&zip([claim("a"), claim("b"), claim("c")]), &Budget::default());
    assert_eq!(defect, Defect::TotalTooLarge { name: "c".into(), limit: 10 * GIB });
    assert!(asked < 10, "{asked}");
}

#[test]
fn sizes_that_overflow_when_added_are_refused() {
    let claim = |name| Entry::deflated(name, b"x").but(|entry| (entry.size, entry.zip64) = (u64::MAX, true));
    let budget = Budget { member: u64::MAX, ..Budget::default() };
    let (defect, _) = refused(&zip([claim("a"), claim("b")]), &budget);
    assert_eq!(defect, Defect::TotalTooLarge { name: "a".into(), limit: 10 * GIB });
    let budget = Budget { total: u64::MAX, ..budget };
    let (defect, _) = refused(&zip([claim("a"), claim("b")]), &budget);
    assert_eq!(defect, Defect::Shorter { name: "a".into(), declared: u64::MAX, found: 1 });
}

#[test]
fn a_bomb_that_lies_about_its_size_is_stopped_where_it_claims_to_end() {
    let bytes = zip([bomb("bomb", 8 * GIB).but(|entry| entry.size = 1 << 20)]);
    let (defect, asked) = refused(&bytes, &Budget::default());
    assert_eq!(defect, Defect::Longer { name: "bomb".into(), declared: 1 << 20 });
    // One MiB is 16 pieces of 64 KiB; the whole bomb is 131,072.
    assert!(asked < 64, "{asked}");
}

#[test]
fn members_that_quote_each_other_are_refused() {
    // Each member's content is the next one's header, quoted as an uncompressed block, and then the next one's content.
    let kernel = Entry::deflated("c", &[0; 10_000]);
    let middle = quoting("b", &kernel);
    let outer = quoting("a", &middle);
    let place = |offset| move |entry: &mut Entry| (entry.header_offset, entry.written) = (Some(offset), false);
    let (second, third) = (31 + 5, 2 * (31 + 5));
    let bytes = zip([outer, middle.but(place(second)), kernel.but(place(third))]);
    assert_eq!(defect(&bytes), Defect::Overlap { name: "a".into(), other: "b".into() });
}

#[test]
fn members_that_share_their_bytes_are_refused() {
    let kernel = Entry::deflated("a", &[0; 10_000]);
    let again = Entry::deflated("b", &[0; 10_000]).but(|entry| (entry.header_offset, entry.written) = (Some(0), false));
    assert!(matches!(defect(&zip([kernel, again])), Defect::Overlap { .. } | Defect::LocalName { .. }));
}

#[test]
fn a_stored_member_does_not_hide_another() {
    let inner = Entry::stored("b", b"ahoy");
    let content = [inner.local_header(), inner.data.clone()].concat();
    let inner = inner.but(|entry| (entry.header_offset, entry.written) = (Some(31), false));
    let bytes = zip([Entry::stored("a", &content), inner]);
    assert_eq!(defect(&bytes), Defect::Overlap { name: "a".into(), other: "b".into() });
}

/// A member that really inflates to so many zeros: one piece of a stream, many times over.
fn bomb(name: &str, size: u64) -> Entry {
    const PIECE: usize = 1 << 23;
    let mut compress = Compress::new(Compression::new(6), false);
    let mut piece = Vec::with_capacity(PIECE);
    compress.compress_vec(&vec![0; PIECE], &mut piece, FlushCompress::Full).unwrap();
    assert_eq!(compress.total_in(), PIECE as u64);
    let mut data = piece.repeat((size / PIECE as u64) as usize);
    data.extend([3, 0]);
    let compressed_size = data.len() as u64;
    Entry { method: 8, zip64: true, size, compressed_size, data, ..Entry::stored(name, b"") }
}

/// A member whose content is another member, header and all.
fn quoting(name: &str, inner: &Entry) -> Entry {
    let header = inner.local_header();
    let length = header.len() as u16;
    let block = [&[0][..], &length.to_le_bytes(), &(!length).to_le_bytes(), &header].concat();
    let data = [block, inner.data.clone()].concat();
    let content = read_deflated(&data);
    let compressed_size = data.len() as u64;
    Entry { method: 8, data, compressed_size, ..Entry::stored(name, &content) }
}

fn read_deflated(data: &[u8]) -> Vec<u8> {
    let content = crate::builder::read(flate2::bufread::DeflateDecoder::new(data));
    assert!(deflate(&content).len() < content.len());
    content
}

/// What is wrong, and how many times it was asked whether to go on.
fn refused(zip: &[u8], budget: &Budget) -> (Defect, u64) {
    let asked = Cell::new(0);
    let go_on = || {
        asked.set(asked.get() + 1);
        true
    };
    match verify(&Bytes::copy_from_slice(zip), budget, &go_on) {
        Err(VerifyError::Defect(defect)) => (defect, asked.get()),
        other => panic!("{other:?}"),
    }
}
