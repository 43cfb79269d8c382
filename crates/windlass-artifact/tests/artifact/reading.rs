//! Reading members where they lie.

use std::io::{self, Read, Write};
use std::sync::Arc;
use std::thread;

use bytes::Bytes;
use flate2::read::GzDecoder;
use proptest::prelude::*;
use windlass_artifact::{Archive, Budget, FileAt, Index, OpenError, ReadAt, verify};

use crate::builder::{Entry, check, deflate, page, read, zip};

#[test]
fn a_file_is_read_like_bytes_in_memory() {
    let bytes = zip([page(), Entry::stored("b", &[7; 200_000])]);
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(&bytes).unwrap();
    let file = FileAt::new(file).unwrap();
    assert_eq!(file.size(), bytes.len() as u64);
    let index = verify(&file, &Budget::default(), &|| true).unwrap();
    assert_eq!(index, check(&bytes).unwrap());
    let archive = Archive::open(Arc::new(file), Arc::new(index)).unwrap();
    let member = archive.member("b").unwrap();
    assert_eq!(read(archive.plain(member)), [7; 200_000]);
}

#[test]
fn reading_past_the_end_yields_nothing() {
    let bytes = Bytes::from_static(b"ahoy");
    let mut buf = [0; 8];
    for (offset, n) in [(0, 4), (3, 1), (4, 0), (5, 0), (u64::MAX, 0)] {
        assert_eq!(bytes.read_at(&mut buf, offset).unwrap(), n);
    }
}

#[test]
fn an_index_goes_with_its_own_archive_only() {
    let bytes = zip([page()]);
    let index = Arc::new(check(&bytes).unwrap());
    let (indexed, found) = (bytes.len() as u64, bytes.len() as u64 + 1);
    let longer = Arc::new(Bytes::from([&bytes[..], b"x"].concat()));
    assert_eq!(Archive::open(longer, index).unwrap_err(), OpenError::Size { indexed, found });
}

#[test]
fn readers_outlive_the_archive_on_another_thread() {
    let archive = open(zip([page()]));
    let member = archive.member("index.html").unwrap().clone();
    let (plain, raw, gzip) = (archive.plain(&member), archive.raw(&member), archive.gzip(&member).unwrap());
    drop(archive);
    let elsewhere = thread::spawn(move || (read(plain), read(raw), read(gzip)));
    let (plain, raw, gzip) = elsewhere.join().unwrap();
    assert_eq!(plain, b"<h1>Ahoy</h1>");
    assert_eq!(raw, deflate(b"<h1>Ahoy</h1>"));
    assert_eq!(gzip.len() as u64, member.gzip_size().unwrap());
}

#[test]
fn a_stored_member_has_no_gzip_form() {
    let archive = open(zip([Entry::stored("a", b"ahoy")]));
    let member = archive.member("a").unwrap();
    assert!(archive.gzip(member).is_none());
    assert_eq!(member.gzip_size(), None);
    assert_eq!(read(archive.raw(member)), b"ahoy");
}

#[test]
fn content_that_changed_since_it_was_verified_is_not_served_in_full() {
    let good = zip([Entry::stored("s", b"what shall we do"), Entry::deflated("d", b"what shall we do")]);
    let index = check(&good).unwrap();
    for path in ["s", "d"] {
        let member = index.get(path).unwrap();
        for bit in 0..member.compressed_size as usize * 8 {
            let mut bad = good.clone();
            bad[member.offset as usize + bit / 8] ^= 1 << (bit % 8);
            let archive = Archive::open(Arc::new(Bytes::from(bad)), Arc::new(index.clone())).unwrap();
            let mut out = Vec::new();
            // A reader that knows the size asks for so many bytes and not for the end.
            let result = archive.plain(member).take(member.size).read_to_end(&mut out);
            assert!(result.is_err() || out == b"what shall we do", "{path} bit {bit}");
            assert!(result.is_err() || path == "d", "{path} bit {bit}");
        }
    }
}

#[test]
fn an_archive_that_shrank_is_an_error_and_not_an_end() {
    let whole = zip([Entry::stored("a", &[7; 1000])]);
    let index = Arc::new(check(&whole).unwrap());
    let source = Shrunk { claims: whole.len() as u64, bytes: Bytes::from(whole).slice(..500) };
    let archive = Archive::open(Arc::new(source), index).unwrap();
    let member = archive.member("a").unwrap();
    let mut out = Vec::new();
    let error = archive.raw(member).read_to_end(&mut out).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_gzip_form_is_the_same_content(content in content(), piece in 1_usize..70_000) {
        let archive = open(zip([Entry::deflated("a", &content)]));
        let member = archive.member("a").unwrap();
        let gzip = read_in_pieces(archive.gzip(member).unwrap(), piece);
        prop_assert_eq!(gzip.len() as u64, member.gzip_size().unwrap());
        prop_assert_eq!(read(GzDecoder::new(&*gzip)), content);
    }

    #[test]
    fn a_range_is_that_part_of_the_content(content in content(), a in 0_u64..110_000, b in 0_u64..110_000) {
        let archive = open(zip([Entry::deflated("d", &content), Entry::stored("s", &content)]));
        let clamp = |position: u64| (position as usize).min(content.len());
        let expected = content.get(clamp(a)..clamp(b)).unwrap_or_default();
        for path in ["d", "s"] {
            let part = archive.plain_range(archive.member(path).unwrap(), a..b).unwrap();
            prop_assert_eq!(&read(part)[..], expected);
        }
    }

    #[test]
    fn content_is_the_same_in_pieces_of_any_size(content in content(), piece in 1_usize..70_000) {
        let archive = open(zip([Entry::deflated("d", &content), Entry::stored("s", &content)]));
        for path in ["d", "s"] {
            let plain = archive.plain(archive.member(path).unwrap());
            prop_assert_eq!(&read_in_pieces(plain, piece), &content);
        }
    }
}

fn open(zip: Vec<u8>) -> Archive {
    let index: Index = check(&zip).unwrap();
    Archive::open(Arc::new(Bytes::from(zip)), Arc::new(index)).unwrap()
}

fn content() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..2000),
        (any::<u8>(), 0_usize..100_000).prop_map(|(byte, length)| vec![byte; length]),
    ]
}

fn read_in_pieces(mut reader: impl Read, piece: usize) -> Vec<u8> {
    let (mut all, mut buf) = (Vec::new(), vec![0; piece]);
    loop {
        match reader.read(&mut buf).unwrap() {
            0 => return all,
            n => all.extend(&buf[..n]),
        }
    }
}

/// Storage that lost its end.
struct Shrunk {
    claims: u64,
    bytes: Bytes,
}

impl ReadAt for Shrunk {
    fn size(&self) -> u64 {
        self.claims
    }

    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        self.bytes.read_at(buf, offset)
    }
}
