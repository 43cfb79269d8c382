//! Each fuzz body on the committed corpus, on fresh bytes, and on bytes that were good until they were damaged.

use std::fs;
use std::path::Path;

use proptest::prelude::*;
use proptest::test_runner::{TestError, TestRunner};
use windlass_testkit::{archives, histories, names, specifications, stored, wire};

#[test]
fn histories_agree_with_the_model() {
    run("histories", histories, 600);
}

#[test]
fn nothing_stored_makes_the_core_panic_or_changes_by_being_stored() {
    run("stored", stored, 300);
}

#[test]
fn names_are_read_as_they_were_written() {
    run("names", names, 300);
}

#[test]
fn jobs_on_the_wire_are_read_as_they_were_written() {
    run("wire", wire, 300);
}

#[test]
fn a_zip_that_passes_is_read_in_every_way() {
    run("archives", archives, 600);
}

#[test]
fn a_build_specification_is_followed_within_its_repository_or_refused_in_a_line() {
    run("specifications", specifications, 600);
}

fn run(target: &str, body: fn(&[u8]), length: usize) {
    let seeds = corpus(target);
    for seed in &seeds {
        body(seed);
    }
    let fresh = prop::collection::vec(any::<u8>(), 0..length);
    check(&fresh, body);
    let cuts = prop::collection::vec((any::<prop::sample::Index>(), any::<Option<u8>>()), 1..4);
    let damaged = (prop::sample::select(seeds), cuts, fresh).prop_map(|(mut seed, cuts, fresh)| {
        for (place, byte) in cuts {
            let place = place.index(seed.len() + 1).min(seed.len().saturating_sub(1));
            match (byte, seed.get_mut(place)) {
                (Some(byte), Some(there)) => *there = byte,
                (None, Some(_)) => drop(seed.remove(place)),
                (_, None) => seed.extend_from_slice(&fresh),
            }
        }
        seed
    });
    check(&damaged, body);
}

fn check(bytes: &impl Strategy<Value = Vec<u8>>, body: fn(&[u8])) {
    let outcome = TestRunner::default().run(bytes, |data| {
        body(&data);
        Ok(())
    });
    match outcome {
        Ok(()) => {}
        Err(TestError::Fail(reason, data)) => {
            panic!("{reason}; a seed for the corpus: {:?}", data.escape_ascii().to_string())
        }
        Err(TestError::Abort(reason)) => panic!("{reason}"),
    }
}

/// The seeds of a target, in the order of their names.
fn corpus(target: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus").join(target);
    let entries = fs::read_dir(&folder).expect("each target has seeds");
    let mut paths: Vec<_> = entries.map(|entry| entry.expect("a readable folder").path()).collect();
    paths.sort();
    assert!(!paths.is_empty(), "{target} has no seeds");
    paths.iter().map(|path| fs::read(path).expect("a readable seed")).collect()
}
