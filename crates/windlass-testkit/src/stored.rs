//! The stored format, as a damaged disk would have it.

use std::fmt::Debug;

use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use windlass::{Artifact, Attempt, Birth, Branch, Command, Commit, Job, JobId, Progress, Record, Report, StepName};
use windlass_store::codec;

/// Reads each line of `data` as each of the stored values. Whatever can be read is written and read again, then
/// damaged, and as a later version might write it; and the job that the last ones make is driven.
///
/// # Panics
///
/// Where a value changes by being stored, where one that was damaged or added to is taken for another, or where
/// the core panics on a value that no core has made.
pub fn stored(data: &[u8]) {
    let (mut birth, mut progress, mut branch) = (None, None, Branch::default());
    for line in data.split(|byte| *byte == b'\n') {
        birth = read::<Birth>(line).or(birth);
        progress = read::<Progress>(line).or(progress);
        branch = read::<Branch>(line).unwrap_or(branch);
        if let Some(record) = read::<Record>(line) {
            drop(Job::replay(JobId::FIRST, [&record]));
        }
    }
    if let (Some(birth), Some(progress)) = (birth, progress) {
        drive(&branch, &Job::from_parts(JobId::FIRST, birth.into(), progress));
    }
}

fn read<T: Stored>(line: &[u8]) -> Option<T> {
    let value: T = codec::decode(line).ok()?;
    let written = codec::encode(&value);
    assert_eq!(codec::decode::<T>(&written).expect("what was read can be written and read"), value);
    damage::<T>(&written, line.len());
    add_to(&value, &written, line.len());
    Some(value)
}

trait Stored: Serialize + DeserializeOwned + PartialEq + Debug {}

impl<T: Serialize + DeserializeOwned + PartialEq + Debug> Stored for T {}

/// What is cut off anywhere, or says that it is of another format, is no value.
fn damage<T: Stored>(written: &[u8], at: usize) {
    let cut = &written[..at % written.len()];
    assert!(codec::decode::<T>(cut).is_err(), "{} is taken for a value", cut.escape_ascii());
    let format = written[0].wrapping_add(1 + (at % 255) as u8);
    let other = [&[format], &written[1..]].concat();
    assert!(codec::decode::<T>(&other).is_err(), "format {format} is read");
}

/// A member that is not known is ignored, or else the whole is refused; a name that is not known makes no value
/// that cannot be stored again.
fn add_to<T: Stored>(value: &T, written: &[u8], at: usize) {
    let json: Value = serde_json::from_slice(&written[1..]).expect("JSON follows the format");
    let mut more = json.clone();
    more["later"] = json!({ "added": [1, null] });
    assert_eq!(codec::decode::<T>(&codec::encode(&more)).expect("more is no damage"), *value);

    let mut more = json.clone();
    visit(&mut more, &mut (at % 50), &mut |node| {
        drop(node.as_object_mut().map(|members| members.insert("later".into(), Value::Null)))
    });
    assert!(codec::decode::<T>(&codec::encode(&more)).map_or(true, |read| read == *value), "{more} is another value");

    let mut other = json;
    visit(&mut other, &mut (at % 50), &mut |node| *node = "LATER".into());
    if let Ok(other) = codec::decode::<T>(&codec::encode(&other)) {
        assert_eq!(codec::decode::<T>(&codec::encode(&other)).expect("what was read is written"), other);
    }
}

/// Changes one node of a tree, the `left`-th.
fn visit(node: &mut Value, left: &mut usize, change: &mut dyn FnMut(&mut Value)) {
    if *left == 0 {
        change(node);
    }
    *left = left.wrapping_sub(1);
    match node {
        Value::Array(values) => values.iter_mut().for_each(|value| visit(value, left, change)),
        Value::Object(members) => members.values_mut().for_each(|value| visit(value, left, change)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Asks everything of a job that may be nonsense.
fn drive(branch: &Branch, job: &Job) {
    let attempt = job.attempt();
    let artifact = Artifact { job: job.id(), object: 1 };
    let commit = Commit { id: "a1".into(), message: "Shorter".into(), time: job.at() };
    let reports = [
        Report::Provisioned,
        Report::Resolved { commit: Box::new(commit) },
        Report::StepStarted(StepName::Verify),
        Report::StepEnded(StepName::Build),
        Report::Failed { reason: "disk full".into() },
        Report::Skipped { reason: "nothing changed".into() },
        Report::Succeeded { artifact },
        Report::Stopped,
    ];
    let commands = [
        Command::Upload { slot: 0, object: 1 },
        Command::Upload { slot: u32::MAX, object: u64::MAX },
        Command::Start,
        Command::Stop { by: None },
        Command::Claim,
        Command::Reclaim { attempt },
        Command::Reclaim { attempt: Attempt::new(0) },
        Command::Expire,
    ];
    let reports = reports.into_iter().map(|report| Command::Report { attempt, report });
    for command in commands.into_iter().chain(reports) {
        for now in [DateTime::<Utc>::MIN_UTC, DateTime::UNIX_EPOCH, job.at(), DateTime::<Utc>::MAX_UTC] {
            let change = branch.handle(job, &command, now);
            ask(&change.job, now);
            drop(change.branch.delete(&change.job));
        }
    }
}

fn ask(job: &Job, now: DateTime<Utc>) {
    let known = (job.deadline(), job.ended(), job.status_reason(), job.retry_source(), job.content_of(), job.commit());
    drop(std::hint::black_box((known, job.age(now) > TimeDelta::zero(), job.steps().count())));
}
