//! Our verdict beside that of another reader, on the same bytes: what we let pass has no damaged content to Python either,
//! and where it reads the archive, it reads the same. (The other way round there is much that only Python lets pass.)
//!
//! `WINDLASS_TEST_ZIPS` says how many damaged archives are compared; 2,000 unless told.

use std::io::Write;
use std::process::{Command, Stdio};

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use sha2::{Digest, Sha256};

use crate::builder::{check, read_indexed};
use crate::damage::{piece, samples};
use crate::fixtures::{NAMES, fixture};

#[test]
fn what_passes_is_the_same_to_python() {
    if Command::new("python3").arg("-h").stdout(Stdio::null()).status().is_err() {
        println!("SKIPPED: there is no python3");
        return;
    }
    let count = std::env::var("WINDLASS_TEST_ZIPS").ok().and_then(|count| count.parse().ok()).unwrap_or(2_000);
    let seeds: Vec<_> = samples().into_iter().chain(NAMES.map(fixture)).collect();
    let mut runner = TestRunner::default();
    let (mut questions, mut expected) = (Vec::new(), Vec::new());
    for _ in 0..count {
        let bytes = damaged(&seeds).new_tree(&mut runner).unwrap().current();
        if let Ok(index) = check(&bytes) {
            expected.push(summary(&bytes, index));
            questions.extend(u32::try_from(bytes.len()).unwrap().to_le_bytes());
            questions.extend(bytes);
        }
    }
    let answers = ask_python(questions);
    let mut compared = 0;
    for (number, (answer, expected)) in answers.lines().zip(&expected).enumerate() {
        let is_refusal = answer.contains(": ");
        assert!(is_refusal || answer == expected, "archive {number} is another one to Python");
        assert!(!CONTENT.iter().any(|words| answer.contains(words)), "archive {number}: {answer}");
        compared += usize::from(!is_refusal);
    }
    assert!(compared > count / 100, "hardly anything is read by both: {compared} of {count}");
}

/// What Python must not find wrong: contents, and where they lie. It may refuse what we do not look at: a version, a disk
/// number, an extra field, the archive's own word for where its central directory begins.
const CONTENT: [&str; 5] = ["CRC", "zlib", "EOF", "Overlapped", "encrypted"];

/// Archives with some bytes replaced, removed or added, and now and then one that is whole.
fn damaged(seeds: &[Vec<u8>]) -> impl Strategy<Value = Vec<u8>> + use<> {
    let blow = (any::<prop::sample::Index>(), piece(), 0_usize..8);
    let flip = (any::<prop::sample::Index>(), any::<u8>());
    let (blows, flips) = (prop::collection::vec(blow, 0..2), prop::collection::vec(flip, 0..3));
    (prop::sample::select(seeds.to_vec()), blows, flips).prop_map(|(mut bytes, blows, flips)| {
        for (at, value) in flips {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        for (at, piece, removed) in blows {
            let start = at.index(bytes.len());
            let end = (start + removed).min(bytes.len());
            bytes.splice(start..end, piece);
        }
        bytes
    })
}

/// A line that says all of what is read: names and contents.
fn summary(bytes: &[u8], index: windlass_artifact::Index) -> String {
    let mut hash = Sha256::new();
    for (path, content) in read_indexed(bytes, index) {
        hash.update(path.as_bytes());
        hash.update(b"\0");
        hash.update(Sha256::digest(&content));
    }
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn ask_python(questions: Vec<u8>) -> String {
    let mut python =
        Command::new("python3").args(["-c", PYTHON]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut stdin = python.stdin.take().unwrap();
    let writing = std::thread::spawn(move || stdin.write_all(&questions).unwrap());
    let output = python.wait_with_output().unwrap();
    writing.join().unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap()
}

const PYTHON: &str = r#"
import hashlib, io, sys, zipfile

def summary(data):
    files = {}
    with zipfile.ZipFile(io.BytesIO(data)) as zip:
        for info in zip.infolist():
            # Without the flag for UTF-8 Python takes names for code page 437; we, as browsers do, for UTF-8 anyway.
            raw = info.orig_filename.encode("utf-8" if info.flag_bits & 0x800 else "cp437")
            name = raw.removeprefix(b"./")
            if raw.endswith(b"/"):
                continue
            with zip.open(info) as member:
                files[name] = member.read()
    hash = hashlib.sha256()
    for name in sorted(files):
        hash.update(name + b"\0" + hashlib.sha256(files[name]).digest())
    return hash.hexdigest()

read = sys.stdin.buffer.read
while length := read(4):
    data = read(int.from_bytes(length, "little"))
    try:
        print(summary(data))
    except Exception as error:
        print(f"{type(error).__name__}: {error}".replace("\n", " "))
"#;
