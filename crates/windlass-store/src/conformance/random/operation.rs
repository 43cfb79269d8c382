//! What may be asked of a store.

use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use windlass::{Artifact, Attempt, Command, Job, JobId, JobStatus, Report, Source, StepName};

use super::Random;
use super::side::Side;
use crate::conformance::setting::{commit_named, files, lease, push, release, retry, url, zip};
use crate::{Extras, Lease, Plan};

/// One call, on branches that are known by their place in the order of their creation.
#[derive(Clone, Debug)]
pub(super) enum Operation {
    CreateApp(&'static str),
    UpdateApp(&'static str, u64),
    DeleteApp(&'static str),
    CreateBranch(&'static str, &'static str),
    UpdateBranch(usize, u64),
    DeleteBranch(usize),
    Create(usize, Plan),
    Execute { on: usize, job: JobId, commands: Vec<Command>, extras: Extras, by_name: bool },
    DeleteJob(usize, JobId),
    Claim { lease: Lease, room: usize, concurrent: u64 },
    Renew(Lease),
    PutBlob(String, Bytes),
    DeleteBlobs(String),
    ListApps(usize),
    ListBranches(&'static str, usize),
    ListJobs(usize, usize),
}

const APPS: [&str; 2] = ["d1", "d2"];
const NAMES: [&str; 3] = ["feature/x", "feature-x", "Feature-X"];
const RUNNERS: [&str; 3] = ["a", "b", "c"];

impl Operation {
    /// One that may well make sense now.
    pub(super) async fn random(random: &mut Random, plain: &Side, now: DateTime<Utc>) -> Self {
        let (app, name, runner) = (random.pick(&APPS), random.pick(&NAMES), random.pick(&RUNNERS));
        let size = 1 + random.below(9) as usize;
        if plain.branches() == 0 || random.one_in(12) {
            return match random.below(24) {
                0 => Self::DeleteApp(app),
                1 => Self::DeleteBranch(random.below(plain.branches().max(1) as u64) as usize),
                2..=4 => Self::UpdateApp(app, random.below(3)),
                5..=9 => Self::CreateApp(app),
                10 => Self::ListApps(size),
                11 => Self::ListBranches(app, size),
                12 => Self::DeleteBlobs(format!("{}/", random.below(20))),
                13 => Self::PutBlob(format!("{}/x", random.below(20)), vec![0; size].into()),
                _ => Self::CreateBranch(app, name),
            };
        }
        let on = random.below(plain.branches() as u64) as usize;
        let job = JobId::new(1 + random.below(plain.last(on).await + 1));
        let until = now + TimeDelta::seconds(random.below(600).cast_signed());
        match random.below(32) {
            0 => Self::UpdateBranch(on, random.below(3)),
            1 | 2 => Self::DeleteJob(on, job),
            3 => Self::Renew(lease(runner, until)),
            4 => Self::ListJobs(on, size),
            5 => Self::Claim { lease: lease(runner, until), room: size / 2, concurrent: random.below(9) },
            6..=11 => Self::Create(on, plan(random, job)),
            _ => Self::execute(random, plain, on, job, lease(runner, until)).await,
        }
    }

    async fn execute(random: &mut Random, plain: &Side, on: usize, job: JobId, hold: Lease) -> Self {
        // Mostly one that has not ended, so that jobs get somewhere.
        let unfinished = plain.unfinished(on).await;
        let job = if unfinished.is_empty() || random.one_in(8) { job } else { random.pick(&unfinished) };
        let mut commands = Vec::new();
        let mut now = plain.job(on, job).await;
        for _ in 0..random.pick(&[1, 1, 1, 2, 3]) {
            let command = command(random, now.as_ref());
            now = now.map(|job| job.handle(&command, job.at()).job);
            commands.push(command);
        }
        let held = commands.iter().any(|command| matches!(command, Command::Claim | Command::Reclaim { .. }));
        let blobs = vec![(format!("{}/{job}", random.below(20)), Bytes::from(format!("{commands:?}")))];
        let extras = Extras { lease: held.then_some(hold), blobs, ..Extras::default() };
        // The name of a deleted branch may be another branch's by now.
        let by_name = plain.last(on).await > 0 && random.one_in(2);
        Self::Execute { on, job, commands, extras, by_name }
    }
}

fn plan(random: &mut Random, old: JobId) -> Plan {
    let commit = random.pick(&["abc", "def", "ghi"]);
    match random.below(9) {
        0 | 1 => zip(),
        2 => files(2),
        3 | 4 => url(),
        5 => release(commit),
        6 | 7 => push(commit),
        _ => retry(old.get()),
    }
}

fn command(random: &mut Random, job: Option<&Job>) -> Command {
    let number = random.below(3) as u32;
    match job {
        Some(job) if !random.one_in(5) => sensible(random, job),
        Some(_) | None => match random.below(8) {
            0 => Command::Upload { slot: number, object: random.below(100) },
            1 => Command::Start,
            2 => Command::Replace { commit: commit_named("xyz").into() },
            3 => Command::Stop { by: Some("me".into()) },
            4 => Command::Claim,
            5 => Command::Reclaim { attempt: Attempt::new(number) },
            6 => Command::Report { attempt: Attempt::new(number), report: Report::Stopped },
            _ => Command::Expire,
        },
    }
}

/// What brings the job on, more or less.
fn sensible(random: &mut Random, job: &Job) -> Command {
    let reported = |report| Command::Report { attempt: job.attempt(), report };
    match job.status() {
        JobStatus::Created => match job.uploads().missing(&job.birth().source).next() {
            Some(slot) => Command::Upload { slot: slot as u32, object: random.below(100) },
            None => Command::Start,
        },
        JobStatus::Pending => Command::Claim,
        JobStatus::Provisioning => reported(Report::Provisioned),
        JobStatus::Running => match (random.below(20), job.steps().last()) {
            (0, _) => Command::Stop { by: None },
            (1, _) => Command::Reclaim { attempt: job.attempt() },
            (2, _) => reported(Report::Failed { reason: "it did not work".into() }),
            (3, _) => reported(Report::Skipped { reason: "nothing changed".into() }),
            (4, _) if job.birth().source.needs_build() => {
                reported(Report::Resolved { commit: commit_named("resolved").into() })
            }
            (_, None) => reported(Report::StepStarted(StepName::Deploy)),
            (_, Some((step, state))) if state.ended.is_none() => reported(Report::StepEnded(step)),
            (_, Some(_)) => reported(Report::Succeeded { artifact: content(job) }),
        },
        JobStatus::Cancelling => reported(Report::Stopped),
        JobStatus::Failed | JobStatus::Succeed | JobStatus::Cancelled => Command::Expire,
    }
}

fn content(job: &Job) -> Artifact {
    match job.birth().source {
        Source::Artifact(artifact) => artifact,
        Source::Zip | Source::Files(_) | Source::Url { .. } | Source::UploadOf { .. } | Source::Repository => {
            Artifact { job: job.content_of(), object: job.id().get() }
        }
    }
}
