//! Zips that nobody should deploy: each fails its job in words that name what is wrong, and harms nothing else.

#![expect(clippy::unwrap_used, reason = "helpers of tests are tests too")]

mod support;
/// Zips made by hand; every field of them may lie.
#[path = "../../windlass-artifact/tests/artifact/builder.rs"]
#[allow(dead_code, reason = "another test uses the rest of it")]
mod zips;

use std::fs;
use std::path::Path;

use aws_sdk_amplify::types::JobStatus;
use flate2::{Compress, Compression, FlushCompress};
use support::{World, page, reason, status};
use walkdir::WalkDir;
use zips::{Entry, Zip, deflate, zip};

const GIB: u64 = 1 << 30;

#[tokio::test]
async fn a_zip_that_is_damaged_fails_by_name() {
    let good = zip([front(), Entry::stored("b", b"b")]);
    let mut garbled = good.clone();
    let second = garbled.windows(4).rposition(|window| window == b"PK\x01\x02").unwrap();
    garbled[second] = 0;
    let trailing = [&good[..], b"\r\n--boundary--"].concat();
    let random: Vec<u8> = (0..100_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    let unfinished = deflate(b"12345");
    let deflated = |data: &[u8]| {
        Entry::deflated("a.css", b"12345")
            .but(|entry| (entry.data, entry.compressed_size) = (data.to_vec(), data.len() as u64))
    };
    each_fails([
        ("nothing", Vec::new(), "not a zip archive"),
        ("random bytes", random, "not a zip archive"),
        ("HTML", b"<html></html>".to_vec(), "not a zip archive"),
        ("a gzip", b"\x1f\x8b\x08\0\0\0\0\0\0\x03\x03\0\0\0\0\0\0\0\0\0".to_vec(), "not a zip archive"),
        ("only its first half", good[..good.len() / 2].to_vec(), "the zip archive is truncated"),
        ("all but its last byte", good[..good.len() - 1].to_vec(), "the zip archive is truncated"),
        ("more after its end", trailing, "14 bytes follow the end of the zip archive"),
        ("garbled", garbled, "the central directory of the zip archive is garbled after 1 members"),
        (
            "a wrong count",
            Zip { entries: vec![front()], count: Some(9), ..Zip::default() }.bytes(),
            "lists 1 members instead of 9",
        ),
        (
            "a wrong CRC",
            zip([front(), Entry::stored("a.css", b"x").but(|entry| entry.crc32 ^= 1)]),
            r#"checksum of "a.css" is wrong"#,
        ),
        ("a wrong CRC, deflated", zip([front().but(|entry| entry.crc32 ^= 1)]), r#"checksum of "index.html" is wrong"#),
        ("garbled content", zip([front(), deflated(&[0xff; 9])]), r#"content of "a.css" is garbled"#),
        (
            "unfinished content",
            zip([front(), deflated(&unfinished[..unfinished.len() - 1])]),
            r#"content of "a.css" does not end"#,
        ),
    ])
    .await;
}

#[tokio::test]
async fn a_zip_whose_members_are_not_plain_files_fails_by_name() {
    let odd = |mode| zip([front(), Entry::stored("odd", b"/etc/passwd").but(|entry| entry.mode = mode)]);
    let method = |method| zip([front(), Entry::stored("a.xz", b"x").but(|entry| entry.method = method)]);
    let encrypted = zip([front(), Entry::stored("secret", b"x").but(|entry| entry.flags = 1)]);
    each_fails([
        ("a symbolic link", odd(0o120_777), r#""odd" is a symbolic link, not a file"#),
        ("a named pipe", odd(0o010_644), r#""odd" is a named pipe, not a file"#),
        ("a character device", odd(0o020_644), r#""odd" is a device, not a file"#),
        ("a block device", odd(0o060_644), r#""odd" is a device, not a file"#),
        ("a socket", odd(0o140_644), r#""odd" is a socket, not a file"#),
        ("encrypted", encrypted, r#""secret" is encrypted"#),
        (
            "bzip2",
            method(12),
            r#""a.xz" has compression method 12 (bzip2), and only 0 (stored) and 8 (deflate) are allowed"#,
        ),
        ("lzma", method(14), r#""a.xz" has compression method 14"#),
        ("zstandard", method(93), r#""a.xz" has compression method 93"#),
    ])
    .await;
}

#[tokio::test]
async fn a_zip_with_names_that_lead_elsewhere_fails_by_name() {
    let named = |name: &str| zip([front(), Entry::stored(name, b"evil")]);
    let duplicate = zip([front(), Entry::stored("index.html", b"other")]);
    let clash = zip([front(), Entry::stored("a", b"1"), Entry::stored("a/b", b"2")]);
    let two_names =
        zip([front(), Entry::stored("a", b"1").but(|entry| entry.local_name = b"../windlass-evil".to_vec())]);
    each_fails([
        ("climbing", named("../windlass-evil"), r#"the name "../windlass-evil" has a `.` or `..` segment"#),
        ("climbing far", named("a/../../../../../../tmp/windlass-evil"), "has a `.` or `..` segment"),
        ("absolute", named("/tmp/windlass-evil"), r#"the name "/tmp/windlass-evil" is absolute"#),
        ("a drive", named("C:/windlass-evil"), r#"the name "C:/windlass-evil" is absolute"#),
        ("backslashes", named("..\\windlass-evil"), "has a backslash, and zip names are separated by forward slashes"),
        ("NUL", named("a\0windlass-evil"), "has a control character"),
        ("no name", named(""), r#"the name "" is empty"#),
        ("twice the same", duplicate, r#""index.html" occurs more than once"#),
        ("a file and a folder", clash, r#""a" is a file and also the folder of "a/b""#),
        ("two names", two_names, r#""a" is called "../windlass-evil" in its own header"#),
    ])
    .await;
}

#[tokio::test]
async fn a_zip_with_nothing_to_show_fails_by_name() {
    let folders = zip([Entry::folder("a/"), Entry::folder("a/b/")]);
    let top =
        zip([Entry::folder("dist/"), Entry::stored("dist/index.html", b"hidden"), Entry::stored("dist/a.css", b"")]);
    each_fails([
        ("no members", zip([]), "the zip archive holds no files"),
        ("only folders", folders, "the zip archive holds no files"),
        ("one folder", top, r#"the zip holds everything in one folder, "dist""#),
    ])
    .await;
}

#[tokio::test]
async fn a_zip_whose_members_share_their_bytes_fails_by_name() {
    let kernel = || Entry::deflated("a", &[0; 10_000]);
    let again =
        |name: &str| Entry::deflated(name, &[0; 10_000]).but(|e| (e.header_offset, e.written) = (Some(0), false));
    let inner = Entry::stored("b", b"ahoy");
    let content = [inner.local_header(), inner.data.clone()].concat();
    let inner = inner.but(|entry| (entry.header_offset, entry.written) = (Some(31), false));
    let outside = Entry::stored("z", b"1").but(|entry| (entry.size, entry.compressed_size) = (9999, 9999));
    each_fails([
        ("the same bytes twice", zip([kernel(), again("b")]), r#""a""#),
        ("one inside of another", zip([Entry::stored("a", &content), inner]), r#""a" overlaps "b""#),
        ("into the central directory", zip([front(), outside]), r#""z" overlaps the central directory"#),
    ])
    .await;
}

#[tokio::test]
async fn a_bomb_fails_by_name_and_costs_neither_memory_nor_disk() {
    let honest = zip([front(), bomb("bomb", 8 * GIB)]);
    assert!(honest.len() < 16 << 20);
    let lying = zip([front(), bomb("bomb", 8 * GIB).but(|entry| entry.size = 1 << 20)]);
    let part = |name| bomb(name, 1 << 23).but(|entry| entry.size = 4 * GIB);
    let bombs = [
        ("one that tells its size", honest, r#""bomb" has 8589934592 bytes when unpacked, and at most 5368709120 are"#),
        ("one that lies about it", lying, r#""bomb" holds more than the 1048576 bytes that it declares"#),
        (
            "in parts",
            zip([part("a"), part("b"), part("c")]),
            "the files have more than 10737418240 bytes when unpacked",
        ),
    ];
    let before = peak_memory();
    each_fails(bombs).await;
    let grown = peak_memory().saturating_sub(before);
    assert!(grown < 200 << 10, "{grown} KiB more than before");
}

/// Each of these fails its job and leaves all else as it was.
async fn each_fails<const N: usize>(zips: [(&str, Vec<u8>, &str); N]) {
    let world = World::new().await;
    assert_eq!(status(&world.deploy(page("good")).await), JobStatus::Succeed);
    for (what, bytes, words) in zips {
        let job = world.deploy(bytes).await;
        let shown = format!("{what}: {:?}", reason(&job));
        assert_eq!(status(&job), JobStatus::Failed, "{shown}");
        let last = job.steps.last().unwrap();
        assert_eq!(last.status, JobStatus::Failed, "{shown}");
        let step = if words.starts_with("the zip holds everything") { "VERIFY" } else { "DEPLOY" };
        assert_eq!(last.step_name, step, "{shown}");
        assert!(reason(&job).contains(words), "{shown}");
        let log = world.http.get(last.log_url.as_ref().unwrap()).send().await.unwrap().text().await.unwrap();
        assert!(log.contains("[ERROR]: ") && log.contains(words), "{what}: {log}");

        assert_eq!(world.visit("/").await, (200, "good".to_owned()), "{what}");
        let branch = world.client.get_branch().app_id(&world.app).branch_name(support::BRANCH).send().await.unwrap();
        assert_eq!(branch.branch.unwrap().active_job_id, "1", "{what}");
        nothing_escaped(&world, what);
    }
    assert_eq!(status(&world.deploy(page("better")).await), JobStatus::Succeed);
    assert_eq!(world.visit("/").await.1, "better");
}

/// Whatever was written is in the server's directory under a name of the server's own, and nothing is half done.
fn nothing_escaped(world: &World, what: &str) {
    let beside: Vec<_> = fs::read_dir(world.data.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(beside, ["data"], "{what}");
    for entry in WalkDir::new(world.data.path()) {
        let entry = entry.unwrap();
        assert!(!entry.file_name().to_string_lossy().contains("evil"), "{what}: {}", entry.path().display());
    }
    assert!(!Path::new("/tmp/windlass-evil").exists() && !Path::new("../windlass-evil").exists(), "{what}");
    let staging = world.server.data().path().join("artifacts/staging");
    let staged: Vec<_> = fs::read_dir(staging).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(staged.is_empty(), "{what}: {staged:?}");
}

/// A member that really inflates to so many zeros: one piece of a stream, many times over.
fn bomb(name: &str, size: u64) -> Entry {
    const PIECE: usize = 1 << 23;
    let mut compress = Compress::new(Compression::new(6), false);
    let mut piece = Vec::with_capacity(PIECE);
    compress.compress_vec(&vec![0; PIECE], &mut piece, FlushCompress::Full).unwrap();
    let mut data = piece.repeat((size / PIECE as u64) as usize);
    data.extend([3, 0]);
    let compressed_size = data.len() as u64;
    Entry { method: 8, zip64: true, size, compressed_size, data, ..Entry::stored(name, b"") }
}

/// A good member to go with a bad one.
fn front() -> Entry {
    Entry::deflated("index.html", b"<h1>Ahoy</h1>")
}

/// The most memory that this process had at a time, in KiB.
fn peak_memory() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    peak.trim().trim_end_matches(" kB").parse().unwrap()
}
