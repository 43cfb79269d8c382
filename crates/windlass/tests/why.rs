//! Why a job is as it is: as data, and in words.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, TimeZone, Utc};
use windlass::{
    Artifact, Attempt, Because, Branch, Cause, Change, Command, FileSlot, Job, JobId, JobStatus, JobType, Limit,
    NewJob, Report, Source, SourceUrlType, StepName, TRANSITIONS, Why,
};

#[test]
fn a_created_job_says_which_uploads_it_waits_for_or_that_nobody_has_started_it() {
    let file = |path: &str| FileSlot { path: path.into(), md5: [0; 16] };
    let files = || Source::from_iter(["a.html", "b.html", "c.html"].map(file));

    let two = brought(files(), &[upload(1)]);
    assert_eq!(because(&two), Because::UploadsMissing { missing: 2, first: "a.html".into() });
    assert_eq!(
        words(&two),
        "CREATED since 2026-01-01 09:00:00 UTC: waiting for 2 uploads, the first of them a.html; \
         if still CREATED at 2026-01-01 17:00:00 UTC, it becomes FAILED (upload limit)"
    );

    let one = brought(files(), &[upload(0), upload(2)]);
    assert_eq!(because(&one), Because::UploadsMissing { missing: 1, first: "b.html".into() });
    assert!(words(&one).contains(": waiting for 1 upload, b.html; "), "{}", words(&one));

    let zip = brought(Source::Zip, &[]);
    assert_eq!(because(&zip), Because::UploadsMissing { missing: 1, first: "the zip".into() });
    assert!(words(&zip).contains(": waiting for 1 upload, the zip; "), "{}", words(&zip));

    let full = brought(Source::Zip, &[upload(0)]);
    assert_eq!(because(&full), Because::NotStarted);
    assert!(words(&full).contains(": all uploads have arrived, waiting for StartDeployment; "), "{}", words(&full));
}

#[test]
fn a_pending_job_says_why_it_is_not_claimed_as_far_as_anyone_knows() {
    let job = brought(url(), &[]);
    let limit = "; if still PENDING at 2026-01-02 09:00:00 UTC, it becomes FAILED (queue limit)";
    let says = |why: Why, expected: Because, words: &str| {
        assert_eq!(why.to_string(), format!("PENDING since 2026-01-01 09:00:00 UTC: {words}{limit}"));
        assert_eq!(why.because, expected);
    };
    says(job.why(nine()), Because::NotClaimed, "waiting for a runner to take it");

    let busy = ahead(&[Command::Claim]);
    let behind = |cancelling| Because::Behind { job: JobId::FIRST, cancelling };
    says(job.why(nine()).on(&busy.branch), behind(false), "behind job 1 of the branch");
    let stopping = ahead(&[Command::Claim, stop(None)]);
    let words = "behind job 1 of the branch, which is being stopped";
    says(job.why(nine()).on(&stopping.branch), behind(true), words);

    let full = Because::NoRoom { working: 5, limit: 5 };
    says(job.why(nine()).with_room(5, 5), full, "5 of the account's 5 concurrent jobs are in work");
    let lowered = Because::NoRoom { working: 5, limit: 2 };
    says(job.why(nine()).with_room(5, 2), lowered, "5 of the account's 2 concurrent jobs are in work");

    let since = nine() - TimeDelta::minutes(3);
    let words = "no runner has been seen since 2026-01-01 08:57:00 UTC";
    says(job.why(nine()).without_runner(since), Because::NoRunner { since }, words);
}

#[test]
fn what_explains_a_wait_first_counts() {
    let job = brought(url(), &[]);
    let busy = ahead(&[Command::Claim]).branch;
    let behind = Because::Behind { job: JobId::FIRST, cancelling: false };
    let full = Because::NoRoom { working: 5, limit: 5 };
    let alone = Because::NoRunner { since: nine() };

    assert_eq!(job.why(nine()).on(&busy).with_room(5, 5).without_runner(nine()).because, behind);
    assert_eq!(job.why(nine()).with_room(5, 5).on(&busy).without_runner(nine()).because, full);
    assert_eq!(job.why(nine()).without_runner(nine()).with_room(5, 5).on(&busy).because, alone);

    // What explains nothing leaves the word to the next.
    let idle = ahead(&[]).branch;
    assert_eq!(job.why(nine()).on(&idle).with_room(4, 5).without_runner(nine()).because, alone);
    assert_eq!(job.why(nine()).on(&idle).with_room(0, 1).because, Because::NotClaimed);
}

#[test]
fn only_a_job_that_waits_for_a_claim_is_explained_by_others() {
    let busy = ahead(&[Command::Claim]).branch;
    for job in one_of_each_status() {
        let explained = job.why(nine()).on(&busy).with_room(5, 5).without_runner(nine());
        let pending = job.status() == JobStatus::Pending;
        assert_eq!(explained != job.why(nine()), pending, "{}", job.status());
    }
}

#[test]
fn a_job_in_work_says_what_its_runner_does_and_in_which_attempt_from_the_second_on() {
    let first = Attempt::new(1);
    let lost = Command::Reclaim { attempt: first };
    let step = report(Report::StepStarted(StepName::Deploy));

    let job = brought(Source::Repository, &[Command::Claim]);
    assert_eq!(because(&job), Because::Provisioning { attempt: first });
    assert_eq!(
        words(&job),
        "PROVISIONING since 2026-01-01 09:00:00 UTC: the environment is being prepared; \
         if still PROVISIONING at 2026-01-01 09:10:00 UTC, it becomes FAILED (provision limit)"
    );
    let job = brought(Source::Repository, &[Command::Claim, lost.clone()]);
    assert_eq!(because(&job), Because::Provisioning { attempt: Attempt::new(2) });
    assert!(words(&job).contains(": the environment is being prepared, attempt 2 of 3; "), "{}", words(&job));

    let job = brought(url(), &[Command::Claim]);
    assert_eq!(because(&job), Because::Running { attempt: first, step: None });
    assert_eq!(
        words(&job),
        "RUNNING since 2026-01-01 09:00:00 UTC: between steps; \
         if still RUNNING at 2026-01-01 09:30:00 UTC, it becomes FAILED (build limit)"
    );
    let job = brought(url(), &[Command::Claim, step.clone()]);
    assert_eq!(because(&job), Because::Running { attempt: first, step: Some(StepName::Deploy) });
    assert!(words(&job).contains(": in step DEPLOY; "), "{}", words(&job));

    // The steps of a lost runner begin again.
    let third = [Command::Claim, step, lost, Command::Reclaim { attempt: Attempt::new(2) }];
    let job = brought(url(), &third);
    assert_eq!(because(&job), Because::Running { attempt: Attempt::MAX, step: None });
    assert!(words(&job).contains(": between steps, attempt 3 of 3; "), "{}", words(&job));
    let verify = Command::Report { attempt: Attempt::MAX, report: Report::StepStarted(StepName::Verify) };
    let job = job.handle(&verify, nine()).job;
    assert!(words(&job).contains(": in step VERIFY, attempt 3 of 3; "), "{}", words(&job));
}

#[test]
fn a_job_that_is_stopped_says_by_whom_and_where_its_runner_is() {
    let step = report(Report::StepStarted(StepName::Build));
    let ann = || stop(Some("ann"));

    let job = brought(Source::Repository, &[Command::Claim, report(Report::Provisioned), step, ann()]);
    assert_eq!(because(&job), Because::Stopping { by: Some("ann".into()), step: Some(StepName::Build) });
    assert_eq!(
        words(&job),
        "CANCELLING since 2026-01-01 09:00:00 UTC: stopped by ann, its runner has not let go of step BUILD yet; \
         if still CANCELLING at 2026-01-01 09:00:10 UTC, it becomes CANCELLED (cancel limit)"
    );

    let job = brought(url(), &[Command::Claim, stop(None)]);
    assert_eq!(because(&job), Because::Stopping { by: None, step: None });
    assert!(words(&job).contains(": stopped, its runner has not let go yet; "), "{}", words(&job));

    // It was ann who stopped it, whether its runner let go, never answered, or had not taken it.
    let stopped = Because::Ended(Cause::Stopped { by: Some("ann".into()) });
    let let_go = brought(url(), &[Command::Claim, ann(), report(Report::Stopped)]);
    let before = brought(url(), &[ann()]);
    for job in [let_go, before] {
        assert_eq!(because(&job), stopped);
        assert_eq!(words(&job), "CANCELLED at 2026-01-01 09:00:00 UTC: stopped by ann");
    }
    let silent = brought(url(), &[Command::Claim, ann()]).why(nine() + TimeDelta::seconds(10));
    assert_eq!(silent.because, stopped);
    assert_eq!(silent.to_string(), "CANCELLED at 2026-01-01 09:00:10 UTC: stopped by ann");
    assert_eq!(words(&brought(Source::Zip, &[stop(None)])), "CANCELLED at 2026-01-01 09:00:00 UTC: stopped");
}

#[test]
fn a_job_that_failed_says_in_which_step_and_of_what() {
    let step = report(Report::StepStarted(StepName::Deploy));
    let failed = report(Report::Failed { reason: "no index.html".into() });

    let job = brought(url(), &[Command::Claim, step.clone(), failed.clone()]);
    let cause = |step| Because::Ended(Cause::Failed { step, reason: "no index.html".into() });
    assert_eq!(because(&job), cause(Some(StepName::Deploy)));
    assert_eq!(words(&job), "FAILED at 2026-01-01 09:00:00 UTC in step DEPLOY: no index.html");

    let job = brought(url(), &[Command::Claim, failed]);
    assert_eq!(because(&job), cause(None));
    assert_eq!(words(&job), "FAILED at 2026-01-01 09:00:00 UTC: no index.html");

    let lost = (1..=3).map(|attempt| Command::Reclaim { attempt: Attempt::new(attempt) });
    let job = brought(url(), &[Command::Claim].into_iter().chain(lost).collect::<Vec<_>>());
    assert_eq!(words(&job), "FAILED at 2026-01-01 09:00:00 UTC: the runner was lost in each of 3 attempts");

    let overdue = brought(url(), &[Command::Claim, step]).why(nine() + TimeDelta::minutes(30));
    let expired = Cause::Expired { limit: Limit::Build, seconds: 1800, step: Some(StepName::Deploy) };
    assert_eq!(overdue.because, Because::Ended(expired));
    assert_eq!(
        overdue.to_string(),
        "FAILED at 2026-01-01 09:30:00 UTC in step DEPLOY: the job did not end within 30 minutes, the build limit"
    );
}

#[test]
fn a_job_that_ended_well_says_what_went_live_or_that_there_was_nothing_to_do() {
    let artifact = Artifact { job: JobId::FIRST, object: 4 };
    let succeeded = report(Report::Succeeded { artifact });
    let job = brought(url(), &[Command::Claim, succeeded.clone()]);
    assert_eq!(because(&job), Because::Succeeded { artifact });
    assert_eq!(words(&job), "SUCCEED at 2026-01-01 09:00:00 UTC: went live with the artifact of job 1");

    // A job that goes back names the job that it goes back to.
    let (back, _) = Job::create(JobId::new(7), NewJob::manual(Source::Artifact(artifact)), nine());
    let back = [Command::Claim, succeeded].iter().fold(back, |job, command| job.handle(command, nine()).job);
    assert_eq!(words(&back), "SUCCEED at 2026-01-01 09:00:00 UTC: went live with the artifact of job 1");

    let skipped = report(Report::Skipped { reason: "nothing has changed".into() });
    let job = brought(Source::Repository, &[Command::Claim, report(Report::Provisioned), skipped]);
    assert_eq!(because(&job), Because::Ended(Cause::Skipped { reason: "nothing has changed".into() }));
    assert_eq!(words(&job), "CANCELLED at 2026-01-01 09:00:00 UTC: nothing has changed");
}

#[test]
fn a_job_whose_time_is_up_is_shown_as_ended_though_nobody_has_told_it() {
    for job in one_of_each_status() {
        let Some(deadline) = job.deadline() else {
            let later = job.why(nine() + TimeDelta::days(999));
            assert_eq!((later.until, later), (None, job.why(nine())), "nothing happens to a job that has ended");
            continue;
        };
        let before = job.why(deadline.at - TimeDelta::milliseconds(1));
        assert_eq!((before.status, before.until), (job.status(), Some(deadline)));

        let at = deadline.at + TimeDelta::hours(1);
        let after = job.why(at);
        assert!(after.status.is_terminal() && after.until.is_none(), "{after}");
        assert_eq!(after.since, at);
        assert!(matches!(after.because, Because::Ended(Cause::Expired { .. } | Cause::Stopped { .. })), "{after}");
        assert_eq!(after, job.handle(&Command::Expire, at).job.why(at), "it is what Expire would make of it");
        assert_eq!(after, job.why(at).on(&ahead(&[Command::Claim]).branch), "an ended job is behind no other");
    }
}

#[test]
fn the_words_name_the_status_that_time_leads_to() {
    for job in one_of_each_status() {
        let why = job.why(nine());
        let expired = TRANSITIONS.iter().find(|step| step.from == why.status && step.event.as_ref() == "Expired");
        let words = why.to_string();
        match (why.until, expired) {
            (Some(deadline), Some(step)) => {
                let after = format!("it becomes {} ({} limit)", step.to, deadline.limit);
                assert!(words.ends_with(&after) && words.starts_with(&format!("{} since ", why.status)), "{words}");
            }
            (None, None) => assert!(words.starts_with(&format!("{} at ", why.status)), "{words}"),
            (Some(_), None) | (None, Some(_)) => panic!("a limit and the law disagree: {words}"),
        }
    }
}

#[test]
fn times_are_told_to_the_second_that_has_begun() {
    let (job, _) = Job::create(JobId::FIRST, NewJob::manual(url()), nine() + TimeDelta::milliseconds(59_999));
    let why = job.why(nine() + TimeDelta::minutes(1));
    assert_eq!(why.since, nine() + TimeDelta::milliseconds(59_999));
    assert!(why.to_string().starts_with("PENDING since 2026-01-01 09:00:59 UTC: "), "{why}");
}

/// A row that says that a job ended, but not of what, is none of ours; it still gets an answer.
#[cfg(feature = "serde")]
#[test]
fn a_job_of_a_damaged_store_says_that_the_reason_was_not_kept() {
    let ended = |job: &Job| job.status().is_terminal();
    for job in one_of_each_status().into_iter().filter(ended) {
        let mut row = serde_json::to_value(job.progress()).expect("a row is JSON");
        let members = row.as_object_mut().expect("and an object");
        let lost = members.remove("cause").or_else(|| members.remove("artifact"));
        assert!(lost.is_some(), "{} ended of something", job.status());
        let row = serde_json::from_value(row).expect("the rest is whole");
        let damaged = Job::from_parts(job.id(), job.birth().clone().into(), row);
        assert_eq!(because(&damaged), Because::NotKept);
        let words = format!("{} at 2026-01-01 09:00:00 UTC: the reason was not kept", job.status());
        assert_eq!(damaged.why(nine()).to_string(), words);
    }
}

/// A job of each status, all of them at nine.
fn one_of_each_status() -> Vec<Job> {
    let artifact = Artifact { job: JobId::FIRST, object: 1 };
    let jobs = vec![
        brought(Source::Zip, &[]),
        brought(url(), &[]),
        brought(Source::Repository, &[Command::Claim]),
        brought(url(), &[Command::Claim]),
        brought(url(), &[Command::Claim, report(Report::Failed { reason: "no index.html".into() })]),
        brought(url(), &[Command::Claim, report(Report::Succeeded { artifact })]),
        brought(url(), &[Command::Claim, stop(None)]),
        brought(url(), &[stop(None)]),
    ];
    let statuses: BTreeSet<JobStatus> = jobs.iter().map(Job::status).collect();
    let known: BTreeSet<JobStatus> = TRANSITIONS.iter().flat_map(|step| [step.from, step.to]).collect();
    assert_eq!(statuses, known, "a status is missing");
    jobs
}

/// A branch whose job 1 was brought through `commands`.
fn ahead(commands: &[Command]) -> Change {
    let new = NewJob { job_type: JobType::WebHook, ..NewJob::manual(url()) };
    let made = Branch::default().create(new, nine()).expect("the branch is empty");
    made.branch.handle_all(&made.job, commands, nine())
}

fn brought(source: Source, commands: &[Command]) -> Job {
    let (job, _) = Job::create(JobId::FIRST, NewJob::manual(source), nine());
    commands.iter().fold(job, |job, command| {
        let outcome = job.handle(command, nine());
        assert_eq!(outcome.answer, Ok(()), "{command:?}");
        outcome.job
    })
}

fn because(job: &Job) -> Because {
    job.why(nine()).because
}

fn words(job: &Job) -> String {
    job.why(nine()).to_string()
}

fn url() -> Source {
    Source::Url { url: "https://example.com/site.zip".into(), url_type: SourceUrlType::Zip }
}

const fn upload(slot: u32) -> Command {
    Command::Upload { slot, object: 0 }
}

fn stop(by: Option<&str>) -> Command {
    Command::Stop { by: by.map(Into::into) }
}

const fn report(report: Report) -> Command {
    Command::Report { attempt: Attempt::new(1), report }
}

fn nine() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 1, 1, 9, 0, 0).single().expect("a time of the calendar")
}
