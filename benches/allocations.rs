//! What each call of the core allocates. The hot paths must not, so this is a check as much as a table.

use allocation_counter::measure;
use chrono::{DateTime, TimeDelta};
use std::hint::black_box;
use windlass::{
    Artifact, Attempt, Command, EventKind, Job, JobId, JobStatus, NewJob, Report, Source, SourceUrlType, StepName,
};

#[expect(clippy::print_stdout, reason = "a bench prints what it measured")]
fn main() {
    println!("{:<36} {:>11}", "", "allocations");
    let next = allocations(|| assert!(black_box(JobStatus::Running).next(EventKind::Expired).is_some()));
    println!("{:<36} {next:>11}", "next");
    assert_eq!(next, 0);
    for (name, job, command, allowed) in calls() {
        let now = job.at() + TimeDelta::seconds(1);
        let [decided, applied] = decide_and_apply(&job, &command, now);
        println!("{:<36} {decided:>11}", format!("decide {name}"));
        println!("{:<36} {applied:>11}", format!("apply {name}"));
        assert_eq!([decided, applied], allowed, "allocations to decide and apply {name}");
    }
}

fn allocations(body: impl FnOnce()) -> u64 {
    measure(body).count_total
}

fn decide_and_apply(job: &Job, command: &Command, now: DateTime<chrono::Utc>) -> [u64; 2] {
    let mut records = None;
    let decided = allocations(|| records = job.decide(command, now).ok());
    let (records, mut job) = (records.expect("these commands are legal"), job.clone());
    let applied = allocations(|| {
        for record in records.iter() {
            job.apply(record).expect("what was decided applies");
        }
    });
    [decided, applied]
}

/// Commands in the order of a life, each with the job that it is for and what it may cost.
fn calls() -> Vec<(&'static str, Job, Command, [u64; 2])> {
    let start = DateTime::from_timestamp_millis(1_767_258_000_000).expect("a time of the calendar");
    let (mut job, _) = Job::create(JobId::FIRST, NewJob::manual(Source::Zip), start);
    let artifact = Artifact { job: JobId::FIRST, object: 1 };
    let mut calls = Vec::new();
    for (name, command) in [
        ("Upload", Command::Upload { slot: 0, object: 1 }),
        ("Start", Command::Start),
        ("Claim", Command::Claim),
        ("StepStarted", report(Report::StepStarted(StepName::Deploy))),
        ("StepEnded", report(Report::StepEnded(StepName::Deploy))),
        ("Succeeded", report(Report::Succeeded { artifact })),
    ] {
        let after = job.handle(&command, job.at()).job;
        calls.push((name, std::mem::replace(&mut job, after), command, [0, 0]));
    }
    let url = Source::Url { url: "https://example.com/site.zip".into(), url_type: SourceUrlType::Zip };
    let (waiting, _) = Job::create(JobId::FIRST, NewJob::manual(url), start);
    calls.push(("Expire too early", waiting.clone(), Command::Expire, [0, 0]));
    let running = waiting.handle(&Command::Claim, start).job;
    // Words are kept in the record and in the job: once each.
    calls.push(("Stop by Ann", running.clone(), Command::Stop { by: Some("Ann".into()) }, [1, 1]));
    calls.push(("Failed with a reason", running, report(Report::Failed { reason: "no index.html".into() }), [1, 1]));
    calls
}

const fn report(report: Report) -> Command {
    Command::Report { attempt: Attempt::new(1), report }
}
