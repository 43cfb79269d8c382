//! Every defect, each in the smallest zip that has it and nothing else.

use windlass_artifact::{Budget, Defect, NameFault, ShownName};

use crate::builder::{Entry, Zip, check, defect, defect_within, files, page, read_all, zip};

#[test]
fn what_is_not_a_zip_is_not_a_zip() {
    for bytes in [&b""[..], b"P", b"<html></html>", &[0; 5000], b"PK\x01\x02", b"PK"] {
        assert_eq!(defect(bytes), Defect::NotAZip);
    }
}

#[test]
fn a_zip_without_its_end_is_truncated() {
    let whole = zip([page()]);
    assert_eq!(defect(&whole[..whole.len() - 22]), Defect::Truncated);
    assert_eq!(defect(&whole[..whole.len() - 1]), Defect::Truncated);
    assert_eq!(defect(b"PK\x03\x04"), Defect::Truncated);
}

#[test]
fn a_comment_cut_short_is_truncated() {
    let whole = Zip { entries: vec![page()], comment: b"all hands".to_vec(), ..Zip::default() }.bytes();
    assert!(check(&whole).is_ok());
    assert_eq!(defect(&whole[..whole.len() - 1]), Defect::Truncated);
}

#[test]
fn bytes_after_the_end_are_refused() {
    let mut whole = zip([page()]);
    whole.extend(b"\r\n--boundary--");
    assert_eq!(defect(&whole), Defect::Trailing { bytes: 14 });
}

#[test]
fn an_archive_cut_right_after_a_zip_inside_of_it_is_not_taken_for_that_zip() {
    let inner = zip([page()]);
    let outer = zip([Entry::stored("inner.zip", &inner), Entry::stored("z", b"z")]);
    assert!(check(&outer).is_ok());
    let end_of_inner = 30 + "inner.zip".len() + inner.len();
    assert_eq!(defect(&outer[..end_of_inner]), Defect::UnlistedStart);
}

#[test]
fn a_central_directory_that_cannot_be_read_is_garbled() {
    let whole = zip([page(), Entry::stored("b", b"b")]);
    let second = whole.windows(4).rposition(|window| window == b"PK\x01\x02").unwrap();
    let mut garbled = whole.clone();
    garbled[second] = 0;
    assert_eq!(defect(&garbled), Defect::Directory { read: 1 });

    // The end says that the central directory begins after the end.
    let mut misplaced = whole.clone();
    let end = misplaced.len();
    misplaced[end - 6..end - 2].copy_from_slice(&0xffff_0000_u32.to_le_bytes());
    assert_eq!(defect(&misplaced), Defect::Directory { read: 0 });
}

#[test]
fn the_end_must_count_what_is_listed() {
    let bytes = Zip { entries: vec![page()], count: Some(2), ..Zip::default() }.bytes();
    assert_eq!(defect(&bytes), Defect::Count { listed: 1, declared: 2 });
}

#[test]
fn a_16_bit_count_may_have_wrapped_around() {
    let entries: Vec<Entry> = (0..65_537).map(|number| Entry::stored(number.to_string(), b"")).collect();
    let bytes = Zip { entries, count: Some(1), ..Zip::default() }.bytes();
    assert_eq!(check(&bytes).unwrap().len(), 65_537);
}

#[test]
fn an_archive_over_budget_is_refused() {
    let bytes = zip([page()]);
    let (size, limit) = (bytes.len() as u64, bytes.len() as u64 - 1);
    let refused = defect_within(&bytes, &Budget { archive: limit, ..Budget::default() });
    assert_eq!(refused, Defect::ArchiveTooLarge { bytes: size, limit });
}

#[test]
fn a_central_directory_over_budget_is_refused() {
    let refused = defect_within(&zip([page()]), &Budget { directory: 55, ..Budget::default() });
    assert_eq!(refused, Defect::DirectoryTooLarge { bytes: 56, limit: 55 });
}

#[test]
fn too_many_members_are_refused_whatever_the_end_says() {
    let entries = || vec![Entry::stored("a", b""), Entry::stored("b", b""), Entry::stored("c", b"")];
    let budget = Budget { members: 2, ..Budget::default() };
    let honest = Zip { entries: entries(), ..Zip::default() }.bytes();
    assert_eq!(defect_within(&honest, &budget), Defect::TooManyMembers { limit: 2 });
    let lying = Zip { entries: entries(), count: Some(2), ..Zip::default() }.bytes();
    assert_eq!(defect_within(&lying, &budget), Defect::TooManyMembers { limit: 2 });
}

#[test]
fn an_archive_without_files_is_nothing_to_publish() {
    assert_eq!(defect(&zip([])), Defect::NothingToPublish);
    assert_eq!(defect(&zip([Entry::folder("a/"), Entry::folder("a/b/")])), Defect::NothingToPublish);
}

#[test]
fn a_name_that_is_not_allowed_is_named() {
    let faults: [(&[u8], NameFault); 22] = [
        (b"", NameFault::Empty),
        (&[b'x'; 1025], NameFault::TooLong { limit: 1024 }),
        (b"caf\xe9.html", NameFault::NotUtf8),
        (b"/etc/passwd", NameFault::Absolute),
        (b"/", NameFault::Absolute),
        (b"C:\\x", NameFault::Absolute),
        (b"c:/x", NameFault::Absolute),
        (b"\\\\server\\x", NameFault::Absolute),
        (b"img\\logo.png", NameFault::Backslash),
        (b"a\0b", NameFault::Control),
        (b"a\nb", NameFault::Control),
        ("a\u{85}b".as_bytes(), NameFault::Control),
        (b"a//b", NameFault::EmptySegment),
        (b"a//", NameFault::EmptySegment),
        (b"../x", NameFault::DotSegment),
        (b"a/../../x", NameFault::DotSegment),
        (b"a/..", NameFault::DotSegment),
        (b"..", NameFault::DotSegment),
        (b"././x", NameFault::DotSegment),
        (b".//x", NameFault::Absolute),
        (b"./../x", NameFault::DotSegment),
        (b"../", NameFault::DotSegment),
    ];
    for (name, fault) in faults {
        let bytes = zip([page(), Entry::stored(name, b"x")]);
        assert_eq!(defect(&bytes), Defect::Name { name: ShownName::new(name), fault });
    }
}

#[test]
fn the_folder_that_everything_is_in_has_no_name() {
    let here =
        [Entry::folder("./"), Entry::stored("./index.html", b"x"), Entry::folder("./a/"), Entry::stored("./a/b", b"y")];
    assert_eq!(read_all(&zip(here)), files([("index.html", b"x"), ("a/b", b"y")]));
    let twice = [Entry::stored("a", b"x"), Entry::stored("./a", b"y")];
    assert_eq!(defect(&zip(twice)), Defect::Duplicate { name: "a".into() });
    let other = Entry::stored("./a", b"x").but(|entry| entry.local_name = b"./b".to_vec());
    assert_eq!(defect(&zip([page(), other])), Defect::LocalName { name: "a".into(), local: "./b".into() });
    assert_eq!(defect(&zip([Entry::folder("./")])), Defect::NothingToPublish);
}

#[test]
fn names_that_look_odd_and_do_no_harm_are_allowed() {
    let longest = "x".repeat(1024);
    for name in ["...", "a..b", ".well-known/x", "a b", "a:b", "caf\u{e9}.html", "-", "~", "*", &longest] {
        let bytes = zip([Entry::stored(name, b"x")]);
        assert!(check(&bytes).unwrap().get(name).is_some(), "{name}");
    }
}

#[test]
fn a_name_may_occur_only_once() {
    let twice = zip([Entry::stored("a", b"1"), page(), Entry::stored("a", b"2")]);
    assert_eq!(defect(&twice), Defect::Duplicate { name: "a".into() });
    let folders = zip([page(), Entry::folder("a/"), Entry::folder("a/")]);
    assert_eq!(defect(&folders), Defect::Duplicate { name: "a/".into() });
}

#[test]
fn a_name_is_a_file_or_a_folder() {
    let file = || Entry::stored("a", b"1");
    let between = || Entry::stored("a-b", b"");
    let inside = zip([file(), between(), Entry::stored("a/b/c", b"2")]);
    assert_eq!(defect(&inside), Defect::FileAndFolder { name: "a".into(), inside: "a/b/c".into() });
    let empty = zip([Entry::folder("a/"), between(), file()]);
    assert_eq!(defect(&empty), Defect::FileAndFolder { name: "a".into(), inside: "a/".into() });
    assert!(check(&zip([Entry::folder("a/"), between(), Entry::stored("a/b", b"")])).is_ok());
}

#[test]
fn an_encrypted_member_is_refused() {
    for flag in [0x0001, 0x0041, 0x2000] {
        let bytes = zip([page(), Entry::stored("secret", b"x").but(|entry| entry.flags = flag)]);
        assert_eq!(defect(&bytes), Defect::Encrypted { name: "secret".into() });
    }
}

#[test]
fn another_compression_method_is_refused_by_its_name() {
    for (method, named) in
        [(9, "9 (deflate64), and"), (12, "12 (bzip2), and"), (93, "93 (Zstandard), and"), (77, "77, and")]
    {
        let bytes = zip([page(), Entry::stored("a.xz", b"x").but(|entry| entry.method = method)]);
        let words = format!("\"a.xz\" has compression method {named} only 0 (stored) and 8 (deflate) are allowed");
        assert_eq!(defect(&bytes).to_string(), words);
    }
    for method in [1, 9, 12, 14, 93, 95, 99] {
        let bytes = zip([page(), Entry::stored("a.xz", b"x").but(|entry| entry.method = method)]);
        assert_eq!(defect(&bytes), Defect::Method { name: "a.xz".into(), method });
    }
}

#[test]
fn only_files_and_folders_are_published() {
    let kinds = [
        (0o120_777, "symbolic link"),
        (0o010_644, "named pipe"),
        (0o020_644, "device"),
        (0o060_644, "device"),
        (0o140_644, "socket"),
        (0o040_755, "folder named like a file"),
    ];
    for (mode, kind) in kinds {
        let bytes = zip([page(), Entry::stored("odd", b"/etc/passwd").but(|entry| entry.mode = mode)]);
        assert_eq!(defect(&bytes), Defect::NotAFile { name: "odd".into(), kind });
    }
}

#[test]
fn permissions_are_ignored() {
    for mode in [0, 0o600, 0o100_000, 0o104_755, 0o102_755, 0o101_777] {
        assert!(check(&zip([page().but(|entry| entry.mode = mode)])).is_ok(), "{mode:o}");
    }
}

#[test]
fn a_folder_has_no_content() {
    let bytes = zip([page(), Entry::stored("a/", b"x")]);
    assert_eq!(defect(&bytes), Defect::FolderWithContent { name: "a/".into() });
}

#[test]
fn a_folder_may_be_deflated_into_nothing() {
    for data in [&b""[..], b"\x03\x00"] {
        let folder = Entry::folder("a/").but(|entry| {
            entry.method = 8;
            entry.data = data.to_vec();
            entry.compressed_size = data.len() as u64;
        });
        assert_eq!(check(&zip([folder, page()])).unwrap().len(), 1);
    }
}

#[test]
fn a_stored_member_has_one_size() {
    let bytes = zip([page(), Entry::stored("a", b"12345").but(|entry| entry.size = 4)]);
    assert_eq!(defect(&bytes), Defect::StoredSize { name: "a".into(), size: 4, stored: 5 });
}

#[test]
fn a_member_must_be_where_the_central_directory_says() {
    let bytes = zip([page(), Entry::stored("a", b"1").but(|entry| entry.header_offset = Some(1))]);
    assert_eq!(defect(&bytes), Defect::Overlap { name: "index.html".into(), other: "a".into() });
    let unwritten = Entry::stored("a", b"").but(|entry| entry.written = false);
    let bytes = zip([unwritten.but(|entry| entry.header_offset = Some(50)), page()]);
    assert!(matches!(defect(&bytes), Defect::Overlap { .. }));
    let bytes = zip([Entry::stored("gap", &[0; 100]).but(|entry| entry.local_name = b"gap".to_vec()), page()]);
    let mut moved = bytes.clone();
    moved[0] = b'Q';
    assert_eq!(defect(&moved), Defect::NoLocalHeader { name: "gap".into() });
}

#[test]
fn a_member_has_one_name() {
    let bytes = zip([page(), Entry::stored("a", b"1").but(|entry| entry.local_name = b"b".to_vec())]);
    assert_eq!(defect(&bytes), Defect::LocalName { name: "a".into(), local: "b".into() });
    let bytes = zip([page(), Entry::stored("a", b"1").but(|entry| entry.local_name = b"".to_vec())]);
    assert_eq!(defect(&bytes), Defect::LocalName { name: "a".into(), local: "".into() });
}

#[test]
fn members_lie_before_the_central_directory() {
    let past = |offset| zip([page(), Entry::stored("a", b"1").but(|entry| entry.header_offset = Some(offset))]);
    for offset in [0xffff_0000, u64::from(u32::MAX) - 1, past(0).len() as u64 - 1] {
        assert_eq!(defect(&past(offset)), Defect::OverlapsDirectory { name: "a".into() });
    }
    let long = Entry::stored("a", b"1").but(|entry| (entry.size, entry.compressed_size) = (2, 2));
    assert_eq!(defect(&zip([page(), long])), Defect::OverlapsDirectory { name: "a".into() });
    let endless = Entry::stored("a", b"1").but(|entry| {
        (entry.size, entry.compressed_size, entry.zip64, entry.method) = (9, u64::MAX, true, 8);
    });
    assert_eq!(defect(&zip([page(), endless])), Defect::OverlapsDirectory { name: "a".into() });
}

#[test]
fn a_member_holds_what_it_declares() {
    let size = |size| zip([Entry::deflated("a", b"12345").but(|entry| entry.size = size)]);
    assert_eq!(defect(&size(4)), Defect::Longer { name: "a".into(), declared: 4 });
    assert_eq!(defect(&size(0)), Defect::Longer { name: "a".into(), declared: 0 });
    assert_eq!(defect(&size(6)), Defect::Shorter { name: "a".into(), declared: 6, found: 5 });
}

#[test]
fn a_wrong_checksum_is_noticed() {
    for entry in [Entry::stored("a", b"12345"), Entry::deflated("a", b"12345")] {
        let bytes = zip([entry.but(|entry| entry.crc32 ^= 1)]);
        assert_eq!(defect(&bytes), Defect::Checksum { name: "a".into() });
    }
}

#[test]
fn a_deflated_member_is_one_whole_deflate_stream() {
    let with_data = |data: &[u8]| {
        zip([Entry::deflated("a", b"12345").but(|entry| {
            entry.data = data.to_vec();
            entry.compressed_size = data.len() as u64;
        })])
    };
    let good = Entry::deflated("a", b"12345").data;
    assert!(check(&with_data(&good)).is_ok());
    let padded = [&good[..], b"pad"].concat();
    assert_eq!(defect(&with_data(&padded)), Defect::Padded { name: "a".into(), bytes: 3 });
    assert_eq!(defect(&with_data(&good[..good.len() - 1])), Defect::Unfinished { name: "a".into() });
    assert_eq!(defect(&with_data(b"")), Defect::Unfinished { name: "a".into() });
    assert_eq!(defect(&with_data(&[0xff; 9])), Defect::Garbled { name: "a".into() });
}

#[test]
fn a_defect_fits_into_a_status_reason() {
    let long = "🚢\n".repeat(200);
    let bytes = zip([Entry::stored("a", b"x").but(|entry| entry.local_name = long.into_bytes())]);
    let reason = defect(&bytes).to_string();
    assert!(reason.chars().count() < 300, "{reason}");
    assert!(!reason.contains('\n') && !reason.ends_with('.'), "{reason}");
}
