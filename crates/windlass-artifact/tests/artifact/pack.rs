//! Packing, and the whole way: pack, verify, store the index, read.

use std::io::{self, Read, Write};

use proptest::prelude::*;
use windlass_artifact::{Index, Method, NameFault, PackError, Packer};

use crate::builder::{Files, check, read_indexed};

#[test]
fn equal_files_make_equal_bytes() {
    let pack = || packed(&[("index.html", &b"ahoy"[..]), ("a.png", b"\x89PNG"), ("empty", b"")]);
    assert_eq!(pack(), pack());
}

#[test]
fn what_compresses_well_is_deflated_by_its_extension() {
    let paths = ["a.HTML", "b/a.min.js", "a.wasm", "a.png", "a.woff2", "html", ".html/b", ".htm"];
    let files = paths.map(|path| (path, &b"x"[..]));
    let index = check(&packed(&files)).unwrap();
    let deflated: Vec<&str> =
        index.members().iter().filter(|member| member.method == Method::Deflated).map(|member| &*member.path).collect();
    assert_eq!(deflated, [".htm", "a.HTML", "a.wasm", "b/a.min.js"]);
}

#[test]
fn a_path_that_verify_would_refuse_is_refused() {
    let faults = [
        ("", NameFault::Empty),
        ("/a", NameFault::Absolute),
        ("a/", NameFault::EmptySegment),
        ("a//b", NameFault::EmptySegment),
        ("../a", NameFault::DotSegment),
        ("a\\b", NameFault::Backslash),
        ("a\nb", NameFault::Control),
        (&"x".repeat(1025), NameFault::TooLong { limit: 1024 }),
    ];
    let mut packer = Packer::new(Vec::new());
    for (path, expected) in faults {
        match packer.add(path, io::empty()) {
            Err(PackError::Name { fault, .. }) => assert_eq!(fault, expected, "{path}"),
            other => panic!("{path}: {other:?}"),
        }
    }
    packer.add("a", io::empty()).unwrap();
    assert_eq!(check(&packer.finish().unwrap()).unwrap().len(), 1);
}

#[test]
fn a_path_can_be_taken_only_once() {
    let mut packer = Packer::new(Vec::new());
    packer.add("a/b/c", io::empty()).unwrap();
    packer.add("a/b-c", io::empty()).unwrap();
    assert!(matches!(packer.add("a/b/c", io::empty()), Err(PackError::Duplicate { .. })));
    for path in ["a", "a/b", "a/b/c/d", "a/b-c/d/e"] {
        assert!(matches!(packer.add(path, io::empty()), Err(PackError::FileAndFolder { .. })), "{path}");
    }
    packer.add("a/b/cd", io::empty()).unwrap();
    packer.add("a/bc", io::empty()).unwrap();
    assert_eq!(check(&packer.finish().unwrap()).unwrap().len(), 4);
}

#[test]
fn there_may_be_more_files_than_16_bits_can_count() {
    let mut packer = Packer::new(Vec::new());
    for number in 0..66_000 {
        packer.add(&format!("{number}"), io::empty()).unwrap();
    }
    assert_eq!(check(&packer.finish().unwrap()).unwrap().len(), 66_000);
}

#[test]
fn nothing_makes_no_artifact() {
    assert!(matches!(Packer::new(Vec::new()).finish(), Err(PackError::NothingToPublish)));
}

#[test]
fn a_file_that_cannot_be_read_breaks_the_artifact() {
    let mut packer = Packer::new(Vec::new());
    packer.add("a.txt", &b"ahoy"[..]).unwrap();
    let failing = (&b"half"[..]).chain(Broken);
    match packer.add("b.txt", failing) {
        Err(PackError::Read { name, source }) => {
            assert_eq!((&*name.to_string(), source.kind()), ("\"b.txt\"", io::ErrorKind::PermissionDenied));
        }
        other => panic!("{other:?}"),
    }
    assert!(matches!(packer.add("c.txt", io::empty()), Err(PackError::Broken)));
    assert!(matches!(packer.finish(), Err(PackError::Broken)));
}

#[test]
fn an_artifact_that_cannot_be_written_says_so() {
    let mut packer = Packer::new(Broken);
    assert!(matches!(packer.add("a.txt", &b"ahoy"[..]), Err(PackError::Write(_))));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_is_packed_is_verified_and_read(files in proptest::collection::btree_map(path(), content(), 1..60)) {
        let mut packer = Packer::new(Vec::new());
        let mut kept = Files::new();
        for (path, content) in files {
            match packer.add(&path, &*content) {
                Ok(()) => {
                    kept.insert(path, content);
                }
                Err(PackError::FileAndFolder { .. }) => {}
                Err(error) => return Err(TestCaseError::fail(format!("{path:?}: {error}"))),
            }
        }
        let zip = packer.finish().unwrap();
        let index = check(&zip).unwrap();
        prop_assert_eq!(index.total_size(), kept.values().map(|content| content.len() as u64).sum::<u64>());
        let index = Index::decode(&index.encode()).unwrap();
        prop_assert_eq!(read_indexed(&zip, index), kept);
    }
}

fn path() -> impl Strategy<Value = String> {
    // Segments that collide, segments of all kinds of characters, and extensions that decide about deflating.
    let segment = prop_oneof!["[ab]", "[a-c:.é☕ ~'\"%-]{0,8}[a-cé]", "\\PC{1,6}"];
    let path = (proptest::collection::vec(segment, 1..5), prop_oneof![Just(""), Just(".html"), Just(".png")]);
    path.prop_map(|(segments, extension)| segments.join("/") + extension).prop_filter("not allowed", |path| {
        let bad = |segment: &str| matches!(segment, "" | "." | "..");
        let drive = path.get(1..3) == Some(":/");
        !path.contains(['\\']) && !path.contains(char::is_control) && !path.split('/').any(bad) && !drive
    })
}

fn content() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..300),
        (any::<u8>(), 0_usize..200_000).prop_map(|(byte, length)| vec![byte; length]),
    ]
}

fn packed(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut packer = Packer::new(Vec::new());
    for (path, content) in files {
        packer.add(path, *content).unwrap();
    }
    packer.finish().unwrap()
}

/// Can be neither read nor written.
struct Broken;

impl Read for Broken {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        Err(io::ErrorKind::PermissionDenied.into())
    }
}

impl Write for Broken {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(io::ErrorKind::PermissionDenied.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
