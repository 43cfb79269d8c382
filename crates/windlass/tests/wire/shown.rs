//! What is shown of a job.

use chrono::TimeDelta;
use serde_json::json;
use windlass::{Command, Commit, Job, JobId, NewJob, Report, Source, StepName};

use crate::{form, lived, nine, report};

#[test]
fn a_manual_job_that_waits_shows_every_required_member_and_no_end() {
    let (job, _) = Job::create(JobId::FIRST, NewJob::manual(Source::Zip), nine());
    assert_eq!(
        serde_json::to_value(form(&job)).expect("JSON"),
        json!({
            "summary": {
                "jobArn": "arn:aws:amplify:us-east-1:000000000000:apps/d1/branches/main/jobs/0000000001",
                "jobId": "1",
                "commitId": "",
                "commitMessage": "",
                "commitTime": 1_767_258_000.123,
                "startTime": 1_767_258_000.123,
                "status": "CREATED",
                "jobType": "MANUAL"
            },
            "steps": []
        })
    );
}

#[test]
fn a_reason_stands_at_the_step_that_failed_and_at_no_other() {
    // BUILD ends in the very moment in which the job fails: only a look at its status tells them apart.
    let job = lived(
        3,
        NewJob::manual(Source::Repository),
        &[
            (10, Command::Claim),
            (20, report(Report::Provisioned)),
            (30, report(Report::StepStarted(StepName::Build))),
            (40, report(Report::StepEnded(StepName::Build))),
            (40, report(Report::StepStarted(StepName::Deploy))),
            (40, report(Report::Failed { reason: "no index.html".into() })),
        ],
    );
    let steps = form(&job).steps;
    let reasons: Vec<_> = steps.iter().map(|step| (step.step_name.as_str(), step.status_reason.as_deref())).collect();
    assert_eq!(reasons, [("BUILD", None), ("DEPLOY", Some("no index.html"))]);
}

#[test]
fn a_reason_is_cut_to_what_the_api_allows() {
    let reason = "é".repeat(1001);
    let failed = Report::Failed { reason: reason.as_str().into() };
    let job = lived(1, NewJob::manual(Source::Repository), &[(1, Command::Claim), (2, report(failed))]);
    assert_eq!(job.status_reason().map(|cut| cut.chars().count()), Some(1000));
}

#[test]
fn a_moment_finer_than_a_millisecond_is_cut_as_a_job_takes_it() {
    // Stores keep milliseconds. A job that kept more would not be the one that is read back.
    let fine = nine() + TimeDelta::microseconds(7);
    let commit = Commit { id: "a1".into(), message: "Shorter".into(), time: fine };
    let new = NewJob { commit: Some(commit.clone()), ..NewJob::manual(Source::Repository) };
    let (job, _) = Job::create(JobId::FIRST, new, fine);
    assert_eq!((job.birth().created, job.commit().map(|commit| commit.time)), (nine(), Some(nine())));
    let replaced = job.handle(&Command::Replace { commit: Box::new(commit) }, fine);
    assert_eq!((replaced.job.at(), replaced.job.commit().map(|commit| commit.time)), (nine(), Some(nine())));
}

#[test]
fn a_summary_shows_the_commit_that_was_resolved_and_a_retry_is_of_that() {
    let fine = nine() + TimeDelta::microseconds(7);
    let tip = Commit { id: "HEAD".into(), message: "".into(), time: fine };
    let found = Commit { id: "a1b2c3".into(), message: "Shorter".into(), time: fine };
    let resolved = report(Report::Resolved { commit: Box::new(found) });
    let new = NewJob { commit: Some(tip), ..NewJob::manual(Source::Repository) };
    let way = [(1, Command::Claim), (2, report(Report::Provisioned))];
    let job = lived(1, new.clone(), &way);
    assert_eq!(form(&job).summary.commit_id, "HEAD");

    let job = job.handle(&resolved, job.at()).job;
    let summary = form(&job).summary;
    let shown = (summary.commit_id.as_str(), summary.commit_message.as_str(), summary.commit_time);
    assert_eq!(shown, ("a1b2c3", "Shorter", Some(nine())));
    // The job has cut the time, and still knows what it was told.
    assert!(job.handle(&resolved, job.at()).records.is_empty());

    let job = job.handle(&report(Report::Failed { reason: "no amplify.yml".into() }), job.at()).job;
    let source = job.retry_source().expect("it has ended");
    let again = NewJob { commit: job.commit().cloned(), ..NewJob::manual(source) };
    assert_eq!(form(&lived(2, again, &[])).summary.commit_id, "a1b2c3");
}
