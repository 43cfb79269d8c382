//! Artifacts through a real server: going back to them, keeping them and letting them go, examining them, and visitors while they
//! change.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests too")]

mod bucket;
mod doctor;
mod fleet;
mod going_back;
mod keeping;
mod moving;
mod newer;
#[path = "../../../windlass-s3/tests/s3/server.rs"]
#[allow(dead_code, reason = "some of it is for tests of the vault alone")]
mod s3;
#[path = "../support/mod.rs"]
mod support;
mod under_load;

use std::io::Cursor;
use std::path::{Path, PathBuf};
use std::process::Output;

use windlass_artifact::Packer;

use support::process::windlass;

/// A site of one page and so many bytes that do not compress.
fn large_site(page: &str, size: usize) -> Vec<u8> {
    let mut state = 1_u32;
    let noise: Vec<u8> = std::iter::repeat_with(|| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    })
    .take(size)
    .collect();
    let mut packer = Packer::new(Cursor::new(Vec::new()));
    packer.add("index.html", page.as_bytes()).unwrap();
    packer.add("noise.png", &noise[..]).unwrap();
    packer.finish().unwrap().into_inner()
}

/// Runs the command line on the server of a data directory.
fn run(data: &Path, arguments: &[&str]) -> Output {
    windlass().args(arguments).arg("--data").arg(data).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The files in which contents lie.
fn contents(data: &Path) -> Vec<PathBuf> {
    let all = walkdir::WalkDir::new(data.join("artifacts/contents")).into_iter().filter_map(Result::ok);
    all.filter(|entry| entry.file_type().is_file()).map(walkdir::DirEntry::into_path).collect()
}
