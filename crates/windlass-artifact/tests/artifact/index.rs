//! The index: looked up, stored and read again.

use proptest::prelude::*;
use windlass_artifact::{Index, IndexError};

use crate::builder::{Entry, Zip, check, page, zip};

#[test]
fn a_member_is_found_by_its_path_and_nothing_else() {
    let index =
        check(&zip([page(), Entry::stored("a/b", b"1"), Entry::stored("a-b", b"22"), Entry::folder("a/")])).unwrap();
    let paths: Vec<&str> = index.members().iter().map(|member| &*member.path).collect();
    assert_eq!(paths, ["a-b", "a/b", "index.html"]);
    for member in index.members() {
        assert_eq!(index.get(&member.path), Some(member));
    }
    for path in ["", "a", "a/", "/a/b", "A/B", "a/b/", "index.htm", "z"] {
        assert_eq!(index.get(path), None, "{path}");
    }
    assert_eq!((index.len(), index.is_empty(), index.total_size()), (3, false, 13 + 1 + 2));
}

#[test]
fn equal_content_has_an_equal_digest_however_it_lies() {
    let index =
        check(&zip([Entry::stored("a", b"ahoy"), Entry::deflated("b", b"ahoy"), Entry::stored("c", b"")])).unwrap();
    let digest = |path| index.get(path).unwrap().digest;
    assert_eq!(digest("a"), digest("b"));
    // The SHA-256 of nothing.
    let nothing = [0xe3, 0xb0, 0xc4, 0x42, 0x98, 0xfc, 0x1c, 0x14, 0x9a, 0xfb, 0xf4, 0xc8, 0x99, 0x6f, 0xb9, 0x24];
    assert_eq!(digest("c"), nothing);
}

#[test]
fn a_site_in_a_folder_is_recognised() {
    let cases: [(&[&str], Option<&str>); 11] = [
        (&["dist/index.html"], Some("dist")),
        (&["dist/index.html", "dist/a/b.css", "dist/index.html.map"], Some("dist")),
        (&["dist/index.html", "__MACOSX/dist/._index.html", ".DS_Store", "dist/.DS_Store"], Some("dist")),
        (&["index.html"], None),
        (&["index.html", "dist/index.html"], None),
        (&["dist/index.html", "robots.txt"], None),
        (&["dist/index.html", "img/logo.png"], None),
        (&["dist/index.html", "dist2/x"], None),
        (&["dist/a/index.html"], None),
        (&["dist/home.html"], None),
        (&["__MACOSX/index.html", ".DS_Store"], None),
    ];
    for (paths, folder) in cases {
        let entries = paths.iter().map(|path| Entry::stored(path, b"x")).collect();
        let index = check(&Zip { entries, ..Zip::default() }.bytes()).unwrap();
        assert_eq!(index.single_top_folder(), folder, "{paths:?}");
    }
}

#[test]
fn a_stored_index_is_read_as_it_was() {
    let index = sample();
    let stored = index.encode();
    assert_eq!(Index::decode(&stored), Ok(index));
}

#[test]
fn the_stored_form_of_version_1_never_changes() {
    let stored = check(&zip([Entry::stored("index.html", b"ahoy")])).unwrap().encode();
    let expected = "01 \
        7a 01 \
        0a 69 6e 64 65 78 2e 68 74 6d 6c 28 04 04 00 \
        92 d6 99 fd 02";
    let hex: Vec<String> = stored.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(&hex.join(" ")[..expected.len()], expected);
    assert_eq!(stored.len(), 1 + 2 + 15 + 5 + 16 + 4);
}

#[test]
fn an_index_of_another_version_is_refused_by_its_number() {
    let mut stored = sample().encode();
    stored[0] = 9;
    let error = Index::decode(&stored).unwrap_err();
    assert_eq!(error, IndexError::Version { found: 9 });
    assert_eq!(error.to_string(), "the index has format 9, and only 1 is known");
}

#[test]
fn no_flipped_bit_and_no_missing_byte_goes_unnoticed() {
    let stored = sample().encode();
    for bit in 0..stored.len() * 8 {
        let mut flipped = stored.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        assert!(Index::decode(&flipped).is_err(), "bit {bit}");
    }
    for length in 0..stored.len() {
        assert_eq!(Index::decode(&stored[..length]), Err(IndexError::Damaged));
    }
    assert_eq!(Index::decode(&[&stored[..], b"x"].concat()), Err(IndexError::Damaged));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn bytes_with_a_good_checksum_are_not_trusted_either(
        at in any::<proptest::sample::Index>(),
        bytes in proptest::collection::vec(any::<u8>(), 0..12),
        from_scratch in any::<bool>(),
    ) {
        let mut forged = if from_scratch { vec![1] } else { sample().encode() };
        let content = forged.len().saturating_sub(4).max(1);
        forged.truncate(content);
        let start = 1 + at.index(content);
        let end = (start + bytes.len()).min(content);
        forged.splice(start.min(end)..end, bytes);
        let checksum = crc32fast::hash(&forged);
        forged.extend(checksum.to_le_bytes());
        if let Ok(index) = Index::decode(&forged) {
            prop_assert_eq!(Index::decode(&index.encode()), Ok(index));
        }
    }
}

/// A length that would fill the memory, with the checksum to go with it.
#[test]
fn a_forged_length_does_not_cost_its_memory() {
    let mut forged = vec![1, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f];
    forged.extend(crc32fast::hash(&forged).to_le_bytes());
    assert_eq!(Index::decode(&forged), Err(IndexError::Damaged));
}

fn sample() -> Index {
    check(&zip([page(), Entry::stored("a/b", b"1"), Entry::deflated("caf\u{e9}", &[7; 1000])])).unwrap()
}
