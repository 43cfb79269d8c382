//! Archives as real archivers wrote them; `tests/fixtures/README.md` says how.

use std::fs;
use std::path::PathBuf;

use crate::builder::{Entry, Files, Zip, defect, files, read_all, zip};

#[test]
fn every_archivers_zip_is_read() {
    for name in NAMES {
        assert_eq!(read_all(&fixture(name)), site(), "{name}");
    }
}

#[test]
fn what_cannot_be_served_as_it_lies_is_refused_by_name() {
    let cases = [
        ("7zip-bzip2", "has compression method 12 (bzip2)"),
        ("7zip-deflate64", "has compression method 9 (deflate64)"),
        ("7zip-encrypted", "is encrypted"),
    ];
    for (name, words) in cases {
        let found = defect(&fixture(name)).to_string();
        assert!(found.contains(words), "{name}: {found}");
    }
}

/// The Finder of macOS: sizes after the data, permissions of Unix, and a shadow of each file with its attributes.
#[test]
fn what_the_finder_adds_does_no_harm() {
    let streamed = |name: &str, content: &[u8]| {
        Entry::deflated(name, content).but(|entry| {
            entry.descriptor = true;
            // When the file was changed and who owns it, as it writes them.
            entry.extra = b"UX\x08\0\x80\x5c\x55\x69\x80\x5c\x55\x69".to_vec();
        })
    };
    let entries = vec![
        streamed("index.html", b"<h1>Ahoy</h1>"),
        Entry::folder("__MACOSX/"),
        streamed("__MACOSX/._index.html", b"\0\x05\x16\x07"),
        Entry::stored(".DS_Store", b"\0\0\0\x01Bud1"),
    ];
    let shown = read_all(&Zip { entries, ..Zip::default() }.bytes());
    assert_eq!(shown["index.html"], b"<h1>Ahoy</h1>");
}

/// Windows' Explorer: made on FAT, without permissions and without folders.
#[test]
fn what_the_explorer_writes_is_read() {
    let made_on_fat = |entry: Entry| entry.but(|entry| entry.mode = 0);
    let bytes = zip([made_on_fat(Entry::deflated("index.html", b"x")), made_on_fat(Entry::stored("img/a.png", b"y"))]);
    assert_eq!(read_all(&bytes), files([("index.html", b"x"), ("img/a.png", b"y")]));
}

/// Those that are to be read.
pub(crate) const NAMES: [&str; 9] =
    ["7zip", "7zip-stored", "bsdtar", "bsdtar-zip64", "go", "info-zip", "info-zip-streamed", "jar", "python"];

pub(crate) fn fixture(name: &str) -> Vec<u8> {
    let folder: PathBuf = [env!("CARGO_MANIFEST_DIR"), "tests", "fixtures"].iter().collect();
    fs::read(folder.join(format!("{name}.zip"))).unwrap()
}

fn site() -> Files {
    let noise: Vec<u8> = (0_u32..600).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let page = b"<h1>Ahoy</h1>\n".repeat(40);
    files([
        ("index.html", page.as_slice()),
        ("images/noise.png", noise.as_slice()),
        ("caf\u{e9}/menu \u{2615}.html", b"coffee"),
        ("empty.txt", b""),
    ])
}
