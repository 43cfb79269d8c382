//! Archives that something happened to on the way.

use std::cell::Cell;
use std::io;

use bytes::Bytes;
use proptest::prelude::*;
use windlass_artifact::{Budget, Defect, Index, ReadAt, VerifyError, verify};

use crate::builder::{Entry, Files, Zip, check, files, page, read_all, read_indexed, zip};

#[test]
fn no_beginning_of_an_archive_passes_for_the_whole() {
    for whole in samples() {
        for length in 0..whole.len() {
            match check(&whole[..length]) {
                Err(VerifyError::Defect(_)) => {}
                other => panic!("{length} of {} bytes: {other:?}", whole.len()),
            }
        }
    }
}

#[test]
fn no_end_of_an_archive_passes_for_the_whole() {
    for whole in samples() {
        for start in 1..whole.len() {
            assert!(matches!(check(&whole[start..]), Err(VerifyError::Defect(_))), "from {start}");
        }
    }
}

#[test]
fn a_flipped_bit_is_refused_or_changes_no_content() {
    for whole in samples() {
        let original = read_all(&whole);
        for position in 0..whole.len() * 8 {
            let mut flipped = whole.clone();
            flipped[position / 8] ^= 1 << (position % 8);
            assert_same_or_defect(&flipped, &original, position);
        }
    }
}

#[test]
fn a_byte_set_to_an_extreme_is_refused_or_changes_no_content() {
    for whole in samples() {
        let original = read_all(&whole);
        for position in 0..whole.len() {
            for value in [0, 0xff] {
                let mut changed = whole.clone();
                changed[position] = value;
                assert_same_or_defect(&changed, &original, position);
            }
        }
    }
}

#[test]
fn verifying_can_be_interrupted_at_any_question() {
    let whole = Bytes::from(samples().remove(0));
    let mut last = 0_u64;
    loop {
        let left = Cell::new(last);
        let go_on = || left.replace(left.get().saturating_sub(1)) > 0;
        match verify(&whole, &Budget::default(), &go_on) {
            Err(VerifyError::Interrupted) => last += 1,
            Ok(_) => break,
            Err(error) => panic!("{error}"),
        }
    }
    assert!(last >= 3, "{last}");
}

#[test]
fn it_is_asked_at_least_once_for_every_64_kib() {
    let content: Vec<u8> = (0_u32..1 << 20).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    for entry in [Entry::stored("a", &content), Entry::deflated("a", &content), Entry::deflated("a", &vec![0; 1 << 20])]
    {
        let asked = Cell::new(0);
        let go_on = || {
            asked.set(asked.get() + 1);
            true
        };
        verify(&Bytes::from(zip([entry])), &Budget::default(), &go_on).unwrap();
        assert!(asked.get() >= 16, "{}", asked.get());
    }
}

#[test]
fn a_storage_that_fails_is_not_the_archives_fault() {
    let whole = samples().remove(0);
    let size = whole.len() as u64;
    for broken_from in 0..size {
        let source = Failing { bytes: Bytes::from(whole.clone()), broken_from, short: false };
        assert!(matches!(verify(&source, &Budget::default(), &|| true), Err(VerifyError::Io(_))), "{broken_from}");
        let source = Failing { bytes: Bytes::from(whole.clone()), broken_from, short: true };
        assert!(matches!(verify(&source, &Budget::default(), &|| true), Err(VerifyError::Io(_))), "{broken_from}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..2000)) {
        let _ = check(&bytes);
        let _ = Index::decode(&bytes);
    }

    #[test]
    fn random_bytes_between_signatures_never_panic(pieces in proptest::collection::vec(piece(), 0..40)) {
        let bytes = pieces.concat();
        if let Ok(index) = check(&bytes) {
            read_indexed(&bytes, index);
        }
    }

    #[test]
    fn a_mangled_archive_is_refused_or_can_be_read(
        at in any::<proptest::sample::Index>(),
        piece in piece(),
        removed in 0_usize..20,
    ) {
        for mut bytes in samples() {
            let start = at.index(bytes.len());
            let end = (start + removed).min(bytes.len());
            bytes.splice(start..end, piece.iter().copied());
            if let Ok(index) = check(&bytes) {
                read_indexed(&bytes, index);
            }
        }
    }
}

pub(crate) fn piece() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        Just(b"PK\x03\x04".to_vec()),
        Just(b"PK\x01\x02".to_vec()),
        Just(b"PK\x05\x06".to_vec()),
        Just(b"PK\x06\x06".to_vec()),
        Just(b"PK\x06\x07".to_vec()),
        Just(vec![0; 8]),
        Just(vec![0xff; 8]),
        proptest::collection::vec(any::<u8>(), 0..40),
        proptest::collection::vec(0_u8..4, 0..40),
    ]
}

/// Small archives with something of everything in them.
pub(crate) fn samples() -> Vec<Vec<u8>> {
    let text = Entry::deflated("a/ship.txt", b"what shall we do, what shall we do, what shall we do");
    let plain = || vec![page(), Entry::folder("a/"), text.clone(), Entry::stored("b.png", b"\x89PNG")];
    let change = |change: fn(&mut Entry)| plain().into_iter().map(|entry| entry.but(change)).collect::<Vec<_>>();
    vec![
        Zip { entries: plain(), comment: b"aye".to_vec(), ..Zip::default() }.bytes(),
        Zip { entries: change(|entry| entry.descriptor = true), ..Zip::default() }.bytes(),
        Zip { entries: change(|entry| entry.zip64 = true), zip64: true, ..Zip::default() }.bytes(),
    ]
}

fn assert_same_or_defect(bytes: &[u8], original: &Files, position: usize) {
    match check(bytes) {
        Ok(index) => assert_eq!(&read_indexed(bytes, index), original, "at {position}"),
        Err(VerifyError::Defect(defect)) => assert_ne!(defect.to_string(), ""),
        Err(error) => panic!("at {position}: {error}"),
    }
}

#[test]
fn something_before_the_archive_is_skipped() {
    let expected = files([("index.html", b"<h1>Ahoy</h1>"), ("b", b"b")]);
    for prefix_counted in [false, true] {
        let entries = vec![page(), Entry::stored("b", b"b")];
        let prefix = b"#!/bin/sh\nexit 0\n".to_vec();
        let bytes = Zip { entries, prefix, prefix_counted, ..Zip::default() }.bytes();
        assert_eq!(read_all(&bytes), expected);
    }
}

/// A storage that cannot read what lies from some byte on.
struct Failing {
    bytes: Bytes,
    broken_from: u64,
    /// Whether it claims to be at its end instead of failing.
    short: bool,
}

impl ReadAt for Failing {
    fn size(&self) -> u64 {
        self.bytes.size()
    }

    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        let room = usize::try_from(self.broken_from.saturating_sub(offset)).unwrap().min(buf.len());
        if room == 0 && !self.short {
            return Err(io::ErrorKind::PermissionDenied.into());
        }
        self.bytes.read_at(&mut buf[..room], offset)
    }
}

#[test]
fn a_truncated_archive_is_called_truncated() {
    let whole = samples().remove(0);
    let directory = whole.windows(4).position(|window| window == b"PK\x01\x02").unwrap();
    for length in 4..directory {
        assert!(matches!(check(&whole[..length]), Err(VerifyError::Defect(Defect::Truncated))), "{length}");
    }
}
