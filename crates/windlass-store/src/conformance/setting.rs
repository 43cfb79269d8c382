//! What the questions begin with: times, apps, branches, and jobs that have come some way.

use chrono::{DateTime, TimeDelta, TimeZone as _, Utc};
use serde_json::json;
use windlass::{
    AppId, Artifact, BranchName, Command, Commit, FileSlot, Job, JobId, JobType, Limits, NewJob, Rejection, Report,
    Source, SourceUrlType,
};

use super::Everything;
use crate::{
    Address, App, Attributes, Executed, Extras, JobKey, Lease, NewBranch, Plan, RunnerId, Store, StoreError,
    StoredBranch, create, execute,
};

/// So many minutes after nine o'clock.
pub(super) fn at(minutes: i64) -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 1, 1, 9, 0, 0).unwrap() + TimeDelta::minutes(minutes)
}

pub(super) fn app_id(id: &str) -> AppId {
    id.parse().unwrap()
}

pub(super) fn branch_name(name: &str) -> BranchName {
    name.parse().unwrap()
}

pub(super) fn attributes(name: &str) -> Attributes {
    let json = json!({ "name": name, "environmentVariables": { "ÄÖ": "\u{1f6a2}" }, "enableAutoBuild": true });
    json.as_object().cloned().unwrap()
}

pub(super) fn app_named(id: &str) -> App {
    App { id: app_id(id), attributes: attributes(id), created: at(0), updated: at(0), version: 1 }
}

pub(super) async fn app(s: &dyn Store, id: &str) -> App {
    let app = app_named(id);
    s.create_app(&app).await.unwrap();
    app
}

pub(super) fn branch_named(app: &str, name: &str) -> NewBranch {
    NewBranch { app: app_id(app), name: branch_name(name), attributes: attributes(name), created: at(0) }
}

/// A new branch, of an app that is made where there is none.
pub(super) async fn branch(s: &dyn Store, app: &str, name: &str) -> StoredBranch {
    if s.app(&app_id(app)).await.unwrap().is_none() {
        s.create_app(&app_named(app)).await.unwrap();
    }
    s.create_branch(&branch_named(app, name)).await.unwrap()
}

/// A deployment that waits for a zip.
pub(super) fn zip() -> Plan {
    Plan::New(NewJob::manual(Source::Zip))
}

/// A deployment that waits for so many files.
pub(super) fn files(count: u8) -> Plan {
    let slot = |n| FileSlot { path: format!("{n}.html").into(), md5: [n; 16] };
    Plan::New(NewJob::manual((0..count).map(slot).collect()))
}

/// A deployment that starts as it is made.
pub(super) fn url() -> Plan {
    let url = "https://example.com/site.zip".into();
    Plan::New(NewJob::manual(Source::Url { url, url_type: SourceUrlType::Zip }))
}

/// A build.
pub(super) fn release(commit: &str) -> Plan {
    Plan::New(build(JobType::Release, commit))
}

/// A build for a push.
pub(super) fn push(commit: &str) -> Plan {
    Plan::Push { job: build(JobType::WebHook, "HEAD"), commit: commit_named(commit) }
}

pub(super) fn retry(job: u64) -> Plan {
    Plan::RetryOf { job: JobId::new(job), reason: Some("once more".into()), limits: Limits::default() }
}

fn build(job_type: JobType, commit: &str) -> NewJob {
    NewJob { job_type, commit: Some(commit_named(commit)), ..NewJob::manual(Source::Repository) }
}

pub(super) fn commit_named(id: &str) -> Commit {
    Commit { id: id.into(), message: format!("Makes {id}.").into(), time: at(-60) }
}

/// Makes a job, for which there must be room.
pub(super) async fn make(s: &dyn Store, on: &StoredBranch, plan: Plan, now: DateTime<Utc>) -> Executed {
    let made = create(s, &on.app, &on.name, &plan, now).await.unwrap();
    made.unwrap_or_else(|rejection| panic!("{plan:?}: {rejection}"))
}

/// Tries to make a job, and is refused.
pub(super) async fn make_refused(s: &dyn Store, on: &StoredBranch, plan: Plan, now: DateTime<Utc>) -> Rejection {
    create(s, &on.app, &on.name, &plan, now).await.unwrap().unwrap_err()
}

/// Gives commands that must be obeyed.
pub(super) async fn obeyed(s: &dyn Store, key: JobKey, commands: &[Command], now: DateTime<Utc>) -> Executed {
    let done = execute(s, Address::Key(key), commands, now, Extras::default()).await.unwrap();
    assert_eq!(done.answer, Ok(()), "{commands:?}");
    done
}

/// Gives commands that must be refused.
pub(super) async fn refused(s: &dyn Store, key: JobKey, commands: &[Command], now: DateTime<Utc>) -> Rejection {
    let done = execute(s, Address::Key(key), commands, now, Extras::default()).await.unwrap();
    done.answer.unwrap_err()
}

pub(super) async fn stop(s: &dyn Store, key: JobKey, now: DateTime<Utc>) -> Executed {
    obeyed(s, key, &[Command::Stop { by: None }], now).await
}

pub(super) fn upload(slot: u32, object: u64) -> Command {
    Command::Upload { slot, object }
}

pub(super) fn report(job: &Job, report: Report) -> Command {
    Command::Report { attempt: job.attempt(), report }
}

pub(super) fn failed(job: &Job) -> Command {
    report(job, Report::Failed { reason: "it did not work".into() })
}

pub(super) fn own_artifact(job: &Job) -> Artifact {
    Artifact { job: job.id(), object: job.id().get() * 10 }
}

pub(super) fn lease(runner: &str, until: DateTime<Utc>) -> Lease {
    Lease { runner: RunnerId(runner.to_owned()), until }
}

/// A runner takes a job that waits.
pub(super) async fn claim(s: &dyn Store, key: JobKey, now: DateTime<Utc>, hold: Lease) -> Executed {
    let extras = Extras { lease: Some(hold), ..Extras::default() };
    let done = execute(s, Address::Key(key), &[Command::Claim], now, extras).await.unwrap();
    assert_eq!(done.answer, Ok(()), "the claim of {key:?}");
    done
}

/// A job that deploys from a URL is made and taken by a runner for an hour.
pub(super) async fn running(s: &dyn Store, on: &StoredBranch, now: DateTime<Utc>, runner: &str) -> Executed {
    let made = make(s, on, url(), now).await;
    claim(s, made.key(), now, lease(runner, now + TimeDelta::hours(1))).await
}

/// A job goes live.
pub(super) async fn deployed(s: &dyn Store, on: &StoredBranch, now: DateTime<Utc>) -> Executed {
    let running = running(s, on, now, "a").await;
    succeed(s, &running, own_artifact(&running.job), now).await
}

/// A retry of a job goes live with what it is given.
pub(super) async fn redeployed(s: &dyn Store, on: &StoredBranch, job: u64, now: DateTime<Utc>) -> Executed {
    let made = make(s, on, retry(job), now).await;
    let running = claim(s, made.key(), now, lease("a", now + TimeDelta::hours(1))).await;
    let Source::Artifact(artifact) = running.job.birth().source else {
        panic!("job {job} had no artifact to deploy again");
    };
    succeed(s, &running, artifact, now).await
}

pub(super) async fn succeed(s: &dyn Store, running: &Executed, artifact: Artifact, now: DateTime<Utc>) -> Executed {
    obeyed(s, running.key(), &[report(&running.job, Report::Succeeded { artifact })], now).await
}

/// A job fails while a runner has it.
pub(super) async fn broken(s: &dyn Store, on: &StoredBranch, now: DateTime<Utc>) -> Executed {
    let running = running(s, on, now, "a").await;
    obeyed(s, running.key(), &[failed(&running.job)], now).await
}

pub(super) async fn job(s: &dyn Store, key: JobKey) -> Job {
    s.job(key).await.unwrap().unwrap()
}

/// All that the store holds, which is in order.
pub(super) async fn everything(s: &dyn Store) -> Everything {
    let everything = Everything::of(s).await.unwrap();
    everything.check("at the end of the question");
    everything
}

#[track_caller]
pub(super) fn conflict<T: std::fmt::Debug>(answer: Result<T, StoreError>) {
    assert!(matches!(answer, Err(StoreError::Conflict)), "not a conflict: {answer:?}");
}

#[track_caller]
pub(super) fn exists<T: std::fmt::Debug>(answer: Result<T, StoreError>) {
    assert!(matches!(answer, Err(StoreError::Exists)), "not refused as existing: {answer:?}");
}
