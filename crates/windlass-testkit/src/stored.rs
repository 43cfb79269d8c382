//! The stored format, as a damaged disk would have it.

use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;
use serde::de::DeserializeOwned;
use windlass::{Artifact, Attempt, Birth, Branch, Command, Job, JobId, Progress, Record, Report, StepName};
use windlass_store::codec;

/// Reads each line of `data` as each of the stored values. Whatever can be read is written and read again,
/// and the job that the last ones make is driven.
///
/// # Panics
///
/// Where a value changes by being stored, or where the core panics on a value that no core has made.
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

fn read<T: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug>(line: &[u8]) -> Option<T> {
    let value: T = codec::decode(line).ok()?;
    let again: T = codec::decode(&codec::encode(&value)).expect("what was read can be written and read");
    assert_eq!(again, value);
    Some(value)
}

/// Asks everything of a job that may be nonsense.
fn drive(branch: &Branch, job: &Job) {
    let attempt = job.attempt();
    let artifact = Artifact { job: job.id(), object: 1 };
    let reports = [
        Report::Provisioned,
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
