//! What jobs of every status and every type look like on the wire, in `tests/golden`. AWS's own clients for Python
//! and Rust read the same files. `UPDATE=1 cargo test` rewrites them; read the difference before you commit it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use std::fs;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use strum::{IntoEnumIterator as _, VariantArray as _};
use windlass::Command::Claim;
use windlass::StepName::{Build, Deploy, Test, Verify};
use windlass::wire::{self, Artifact, JobSummary};
use windlass::{
    Command, Commit, FileSlot, Job, JobId, JobStatus, JobType, NewJob, Report, Source, SourceUrlType, StepName,
};

use crate::{arn, form, lived, nine, report};

#[test]
fn the_committed_files_show_what_is_written() {
    let mut names = BTreeSet::new();
    let lives = lives();
    for (name, job) in &lives {
        names.insert(compare(&format!("get_job_{name}.json"), &GetJob { job: form(job) }));
    }
    names.insert(compare("get_job_every_member.json", &GetJob { job: every_member(&lives) }));
    let job_summaries = lives.iter().rev().map(|(_, job)| JobSummary::new(job, &arn(job))).collect();
    names.insert(compare("list_jobs.json", &ListJobs { job_summaries, next_token: Some("am9icy8x".into()) }));
    let artifacts = [("cypress/videos/front.mp4", "t-1/0"), ("mochawesome.json", "t-1/1")]
        .map(|(name, id)| Artifact { artifact_file_name: name.into(), artifact_id: id.into() });
    names.insert(compare("list_artifacts.json", &ListArtifacts { artifacts: artifacts.into() }));

    let committed = fs::read_dir(folder()).expect("the files are there");
    let committed = committed.map(|entry| entry.expect("a readable folder").path()).collect();
    assert_eq!(names, committed, "a file that nothing writes");
}

#[test]
fn every_status_and_every_type_is_shown() {
    let lives = lives();
    let named: Vec<_> = lives.iter().map(|(name, _)| *name).collect();
    for status in JobStatus::VARIANTS {
        let place = named.iter().position(|name| *name == status.to_string().to_lowercase());
        assert_eq!(place.map(|place| lives[place].1.status()), Some(*status));
    }
    for job_type in JobType::iter() {
        let place = named.iter().position(|name| *name == job_type.to_string().to_lowercase());
        assert_eq!(place.map(|place| lives[place].1.job_type()), Some(job_type));
    }
}

#[test]
fn the_file_of_every_member_leaves_none_out() {
    let job = serde_json::to_value(every_member(&lives())).expect("JSON");
    let members = |of: &serde_json::Value| of.as_object().map(|members| members.len());
    assert_eq!((members(&job["summary"]), members(&job["steps"][0])), (Some(11), Some(11)));
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct GetJob {
    job: wire::Job,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ListJobs {
    job_summaries: Vec<JobSummary>,
    next_token: Option<String>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct ListArtifacts {
    artifacts: Vec<Artifact>,
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}

/// Compares a value with the file that shows it, both ways.
fn compare<T: Serialize + DeserializeOwned + PartialEq + Debug>(name: &str, value: &T) -> PathBuf {
    let path = folder().join(name);
    let text = serde_json::to_string_pretty(value).expect("JSON") + "\n";
    if std::env::var_os("UPDATE").is_some() {
        fs::write(&path, &text).expect("the file can be written");
    }
    let committed = fs::read_to_string(&path).unwrap_or_default();
    assert!(committed == text, "{name} is not what is written; UPDATE=1 cargo test rewrites it:\n{text}");
    assert_eq!(serde_json::from_str::<T>(&committed).expect("our own"), *value, "{name} is read as it was written");
    path
}

/// The name of a life, how it begins, and what happens so many milliseconds later.
type Life = (&'static str, NewJob, Vec<(i64, Command)>);

/// One job for each status, then one for each type. Their numbers are their places.
fn lives() -> Vec<(&'static str, Job)> {
    let lives = statuses().into_iter().chain(types());
    (1..).zip(lives).map(|(id, (name, new, commands))| (name, lived(id, new, &commands))).collect()
}

fn statuses() -> [Life; 8] {
    let zip = url("https://example.com/site.zip?signature=a%2Fb&expires=60", SourceUrlType::Zip);
    let builds = || vec![(250, Claim), (9_877, report(Report::Provisioned)), (9_900, begins(Build))];
    let deploys = |at| [(at, ends(Build)), (at, begins(Deploy))];
    let stop = (12_000, Command::Stop { by: Some("AKIDEXAMPLE".into()) });
    let fails = report(Report::Failed { reason: "dist/index.html: not in the artifact".into() });
    [
        ("created", NewJob::manual(Source::Zip), vec![(2_001, Command::Upload { slot: 0, object: 4 })]),
        ("pending", zip, vec![]),
        ("provisioning", release(), vec![(250, Claim)]),
        ("running", push("Shorter"), [builds(), deploys(99_999).into()].concat()),
        // BUILD ends in the very moment in which the job fails: only a look at its status tells them apart.
        ("failed", release(), [builds(), deploys(99_999).into(), vec![(99_999, fails)]].concat()),
        (
            "succeed",
            url("s3://bucket/site/", SourceUrlType::BucketPrefix),
            vec![
                (20, Claim),
                (40, begins(Deploy)),
                (15_112, ends(Deploy)),
                (15_292, begins(Verify)),
                (15_313, ends(Verify)),
                (15_445, goes_live(6)),
            ],
        ),
        ("cancelling", release(), [builds(), vec![stop.clone()]].concat()),
        ("cancelled", release(), [builds(), vec![stop, (12_062, report(Report::Stopped))]].concat()),
    ]
}

fn types() -> [Life; 4] {
    let built = vec![
        (250, Claim),
        (9_877, report(Report::Provisioned)),
        (9_900, begins(Build)),
        (60_000, ends(Build)),
        (60_001, begins(Test)),
        (90_000, ends(Test)),
        (90_001, begins(Deploy)),
        (90_777, ends(Deploy)),
        (90_778, begins(Verify)),
        (90_790, ends(Verify)),
        (90_800, goes_live(9)),
    ];
    let back = NewJob {
        job_type: JobType::Retry,
        retries: Some(JobId::new(6)),
        job_reason: Some("the last one is slow".into()),
        ..NewJob::manual(Source::Artifact(windlass::Artifact { job: JobId::new(6), object: 1 }))
    };
    let files = ["index.html", "docs/index.html"].map(|path| FileSlot { path: path.into(), md5: [7; 16] });
    let upload = |slot| Command::Upload { slot, object: 4 };
    let skips = report(Report::Skipped { reason: "no change below apps/shop".into() });
    [
        ("release", release(), built),
        ("retry", back, vec![(3, Claim), (4, begins(Deploy)), (5, ends(Deploy)), (877, goes_live(6))]),
        (
            "manual",
            NewJob::manual(files.into_iter().collect()),
            vec![(1, upload(1)), (2, upload(0)), (3, Command::Start)],
        ),
        (
            "web_hook",
            push("Größer \"und\" \\ schöner\n\n\u{1f680}\u{7}\u{2028}"),
            vec![(250, Claim), (251, report(Report::Provisioned)), (252, skips)],
        ),
    ]
}

fn url(url: &str, url_type: SourceUrlType) -> NewJob {
    NewJob::manual(Source::Url { url: url.into(), url_type })
}

fn release() -> NewJob {
    build(JobType::Release, "HEAD", "")
}

fn push(message: &str) -> NewJob {
    build(JobType::WebHook, "0123456789abcdef0123456789abcdef01234567", message)
}

fn build(job_type: JobType, id: &str, message: &str) -> NewJob {
    let commit = Commit { id: id.into(), message: message.into(), time: nine() };
    NewJob { job_type, commit: Some(commit), ..NewJob::manual(Source::Repository) }
}

const fn begins(step: StepName) -> Command {
    report(Report::StepStarted(step))
}

const fn ends(step: StepName) -> Command {
    report(Report::StepEnded(step))
}

const fn goes_live(job: u64) -> Command {
    report(Report::Succeeded { artifact: windlass::Artifact { job: JobId::new(job), object: 1 } })
}

/// The job of the release, of which all is known that the API can tell.
fn every_member(lives: &[(&str, Job)]) -> wire::Job {
    let (_, release) = lives.iter().find(|(name, _)| *name == "release").expect("there is one");
    let mut job = form(release);
    job.summary.source_url = Some("s3://bucket/site".into());
    job.summary.source_url_type = Some(SourceUrlType::BucketPrefix.into());
    let url = |path: &str| Some(format!("https://artifacts.example.com/d1/main/0000000009/{path}?X-Amz-Expires=60"));
    let step = &mut job.steps[0];
    step.log_url = url("BUILD/log.txt");
    step.artifacts_url = url("BUILD/artifacts.zip");
    step.test_artifacts_url = url("TEST/artifacts.zip");
    step.test_config_url = url("TEST/mochawesome.json");
    step.screenshots = Some(BTreeMap::from(
        ["front page", "ü/menu"].map(|name| (name.to_owned(), url("TEST/shot.png").unwrap_or_default())),
    ));
    step.status_reason = Some("2 of 40 tests were skipped".into());
    step.context = Some("amplify:al2023".into());
    job
}
