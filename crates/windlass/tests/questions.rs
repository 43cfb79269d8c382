//! What a job answers about itself, and commands that come in a row.

use chrono::{DateTime, TimeDelta, TimeZone, Timelike, Utc};
use windlass::{
    AppId, Artifact, Attempt, Branch, BranchName, Cause, Command, Deadline, FileSlot, Job, JobId, JobStatus, Limit,
    Limits, NewJob, Records, Rejection, Report, Source, SourceUrlType, StepName, Uploads, next_to_claim,
};

#[test]
fn commands_in_a_row_are_obeyed_all_or_none() {
    let made = Branch::default().create(NewJob::manual(Source::Zip), nine()).expect("the branch is empty");
    let upload = Command::Upload { slot: 0, object: 1 };
    let refused = made.branch.handle_all(&made.job, &[upload.clone(), Command::Claim, Command::Start], nine());
    assert!(matches!(refused.answer, Err(Rejection::IllegalTransition { .. })));
    assert_eq!((&refused.job, &refused.branch, refused.records.len()), (&made.job, &made.branch, 0));

    // Time has its way with the job all the same.
    let late = made.branch.handle_all(&made.job, &[upload.clone(), Command::Claim], nine() + TimeDelta::hours(8));
    assert_eq!((late.job.status(), late.records.len()), (JobStatus::Failed, 1));
    assert!(late.answer.is_err() && late.branch.waiting().is_none());

    let all = made.branch.handle_all(&made.job, &[upload, Command::Start, Command::Claim], nine());
    assert_eq!((all.job.status(), all.records.len(), all.answer), (JobStatus::Running, 4, Ok(())));
    assert_eq!(all.branch.working().map(|working| working.job), Some(JobId::FIRST));
}

#[test]
fn what_a_runner_says_in_a_row_and_again_because_no_answer_came_counts_once() {
    let made = Branch::default().create(NewJob::manual(url()), nine()).expect("the branch is empty");
    let began = [Command::Claim, report(Report::StepStarted(StepName::Deploy))];
    let claimed = made.branch.handle_all(&made.job, &began, nine());
    let row = [
        Report::StepEnded(StepName::Deploy),
        Report::StepStarted(StepName::Verify),
        Report::StepEnded(StepName::Verify),
    ];
    for end in [
        Report::Succeeded { artifact: Artifact { job: JobId::FIRST, object: 1 } },
        Report::Failed { reason: "no index.html".into() },
        Report::Skipped { reason: "nothing changed".into() },
    ] {
        let row: Vec<_> = row.iter().cloned().chain([end]).map(report).collect();
        let once = claimed.branch.handle_all(&claimed.job, &row, nine());
        assert_eq!(once.answer, Ok(()));
        let again = once.branch.handle_all(&once.job, &row, nine());
        assert_eq!((again.answer, again.records), (Ok(()), vec![]), "{}", once.job.status());
    }

    // What it said in vain is no less in vain the second time.
    let stopping = claimed.branch.handle(&claimed.job, &Command::Stop { by: None }, nine());
    let began = report(Report::StepStarted(StepName::Deploy));
    assert!(stopping.branch.handle(&stopping.job, &began, nine()).answer.is_err());
}

#[test]
fn a_failure_and_an_end_by_time_name_the_step_that_was_open() {
    let started = report(Report::StepStarted(StepName::Deploy));
    let failed = report(Report::Failed { reason: "no index.html".into() });
    let job = brought(url(), &[Command::Claim, started.clone(), failed]);
    let cause = Cause::Failed { step: Some(StepName::Deploy), reason: "no index.html".into() };
    assert_eq!(job.cause(), Some(&cause));

    let job = brought(url(), &[Command::Claim, started]);
    let late = job.handle(&Command::Expire, nine() + TimeDelta::hours(1)).job;
    assert!(matches!(late.cause(), Some(Cause::Expired { step: Some(StepName::Deploy), seconds: 1800, .. })));
}

#[test]
fn a_retry_names_the_job_whose_bytes_it_needs() {
    let zip = brought(Source::Zip, &[Command::Upload { slot: 0, object: 9 }, Command::Stop { by: None }]);
    let again = zip.retry_source().expect("its upload arrived");
    let expected = Source::UploadOf { job: JobId::FIRST, uploads: Uploads::Zip(Some(9)), files: Box::new([]) };
    assert_eq!(again, expected);
    let (second, _) = Job::create(JobId::new(2), NewJob::manual(again.clone()), nine());
    assert_eq!((zip.content_of(), second.content_of()), (JobId::FIRST, JobId::FIRST));

    // A retry of a retry still needs the bytes of the first job, not of the one between.
    let stopped = second.handle(&Command::Stop { by: None }, nine()).job;
    assert_eq!(stopped.retry_source(), Ok(again));

    let artifact = Artifact { job: JobId::FIRST, object: 1 };
    let succeeded = brought(url(), &[Command::Claim, report(Report::Succeeded { artifact })]);
    assert_eq!(succeeded.retry_source(), Ok(Source::Artifact(artifact)));
    let (rollback, _) = Job::create(JobId::new(7), NewJob::manual(Source::Artifact(artifact)), nine());
    assert_eq!((succeeded.content_of(), rollback.content_of()), (JobId::FIRST, JobId::FIRST));
    let (own, _) = Job::create(JobId::new(7), NewJob::manual(url()), nine());
    assert_eq!(own.content_of(), JobId::new(7));
}

#[test]
fn a_job_ages_until_it_ends() {
    let job = brought(url(), &[]);
    assert_eq!(job.age(nine() + TimeDelta::minutes(9)), TimeDelta::minutes(9));
    let stopped = job.handle(&Command::Stop { by: None }, nine() + TimeDelta::minutes(9)).job;
    assert_eq!(stopped.age(nine() + TimeDelta::days(9)), TimeDelta::minutes(9));
}

#[test]
fn each_file_of_a_large_map_is_waited_for() {
    let file = |number: u32| FileSlot { path: format!("{number}.html").into(), md5: [0; 16] };
    let (mut job, _) = Job::create(JobId::FIRST, NewJob::manual((0..130).map(file).collect()), nine());
    for slot in (0..130).rev() {
        let missing = Rejection::UploadsMissing { missing: slot as usize + 1, first: "0.html".into() };
        assert_eq!(job.decide(&Command::Start, nine()), Err(missing), "slot {slot} is empty");
        job = job.handle(&Command::Upload { slot, object: 0 }, nine()).job;
        assert!(job.uploads().is_filled(slot as usize));
    }
    assert_eq!(job.handle(&Command::Start, nine()).job.status(), JobStatus::Pending);
}

#[test]
fn a_job_keeps_the_limits_that_it_was_made_with_and_says_them_in_the_largest_unit() {
    let limited = |upload| NewJob { limits: Limits { upload, ..Limits::default() }, ..NewJob::manual(Source::Zip) };
    for (seconds, words) in [
        (0, "0 seconds"),
        (1, "1 second"),
        (59, "59 seconds"),
        (60, "1 minute"),
        (61, "61 seconds"),
        (120, "2 minutes"),
        (3_599, "3599 seconds"),
        (3_600, "1 hour"),
        (3_660, "61 minutes"),
        (7_200, "2 hours"),
    ] {
        let (job, _) = Job::create(JobId::FIRST, limited(seconds), nine());
        let at = nine() + TimeDelta::seconds(seconds.into());
        assert_eq!(job.deadline(), Some(Deadline { at, limit: Limit::Upload }));
        let reason = format!("the deployment was not started within {words}, the upload limit");
        assert_eq!(job.handle(&Command::Expire, at).job.status_reason(), Some(reason.into()));
    }
}

#[test]
fn every_moment_is_kept_as_whole_milliseconds_read_it_back_even_that_of_a_leap_second() {
    let second = nine() - TimeDelta::hours(9) - TimeDelta::seconds(1);
    let day_of_old = DateTime::UNIX_EPOCH - TimeDelta::seconds(9);
    for nanos in [0, 1, 999_999, 1_000_000, 999_999_999, 1_000_000_000, 1_000_000_001, 1_999_999_999] {
        for second in [second, day_of_old] {
            let moment = second.with_nanosecond(nanos).expect("two seconds of nanoseconds are a time");
            let (job, _) = Job::create(JobId::FIRST, NewJob::manual(url()), moment);
            let stored = DateTime::from_timestamp_millis(moment.timestamp_millis());
            assert_eq!(Some(job.birth().created), stored, "{moment:?}");
        }
    }
}

#[test]
fn who_asked_for_a_stop_is_known_while_the_job_is_cancelling() {
    let running = brought(url(), &[Command::Claim]);
    assert_eq!(running.stopped_by(), None);
    let stopping = running.handle(&Command::Stop { by: Some("Ann".into()) }, nine()).job;
    assert_eq!(stopping.stopped_by(), Some("Ann"));
    let stopped = stopping.handle(&report(Report::Stopped), nine()).job;
    assert_eq!((stopped.stopped_by(), stopped.status_reason().as_deref()), (None, Some("stopped by Ann")));
}

#[test]
fn attempts_are_counted_from_the_first_claim() {
    let waiting = brought(url(), &[]);
    assert_eq!((waiting.attempt(), waiting.attempt().get()), (Attempt::NONE, 0));
    let lost = |attempt| Command::Reclaim { attempt: Attempt::new(attempt) };
    let third = brought(url(), &[Command::Claim, lost(1), lost(2)]);
    assert_eq!((third.attempt(), third.attempt().get(), third.attempt().next()), (Attempt::MAX, 3, None));
}

#[test]
fn what_changes_nothing_is_not_to_be_stored() {
    let made = Branch::default().create(NewJob::manual(url()), nine()).expect("the branch is empty");
    assert!(!made.is_empty());
    let early = made.branch.handle(&made.job, &Command::Expire, nine());
    assert!(early.is_empty());

    let (_, records) = Job::create(JobId::FIRST, NewJob::manual(url()), nine());
    assert_eq!((records.len(), records.is_empty()), (2, false));
    assert_eq!((Records::NONE.len(), Records::NONE.is_empty()), (0, true));
}

#[test]
fn an_app_id_and_a_branch_name_are_the_text_that_they_were_read_from() {
    let (app, branch): (AppId, BranchName) = ("d1".parse().expect("an id"), "fix/x".parse().expect("a name"));
    assert_eq!((app.as_str(), app.as_ref(), app.to_string()), ("d1", "d1", "d1".to_owned()));
    assert_eq!((branch.as_str(), branch.as_ref(), branch.to_string()), ("fix/x", "fix/x", "fix/x".to_owned()));
}

#[test]
fn the_app_with_the_fewest_jobs_in_work_goes_first_and_among_equals_the_longest_wait() {
    let none: &[(&str, u64)] = &[];
    assert_eq!(next_to_claim(1, none, &[] as &[&str]), None);
    assert_eq!(next_to_claim(0, none, &["a"]), None);
    assert_eq!(next_to_claim(1, none, &["a", "b"]), Some(0));
    let working = [("a", 2), ("b", 1), ("c", 1)];
    assert_eq!(next_to_claim(4, &working, &["d"]), None, "four of four are in work");
    assert_eq!(next_to_claim(5, &working, &["a", "c", "b", "a"]), Some(1));
    assert_eq!(next_to_claim(5, &working, &["a", "c", "b", "d", "d"]), Some(3));
    assert_eq!(next_to_claim(5, &working, &["a", "a"]), Some(0));
}

#[cfg(feature = "serde")]
#[test]
fn a_format_that_has_no_time_where_one_may_be_is_told_what_was_expected() {
    use serde::de::IntoDeserializer;
    use serde::de::value::{BoolDeserializer, Error};

    let read: BoolDeserializer<Error> = true.into_deserializer();
    let error = windlass::wire::epoch_seconds::option::deserialize(read).expect_err("it is no time");
    let expected = "epoch seconds, an RFC 3339 time or nothing";
    assert_eq!(error.to_string(), format!("invalid type: boolean `true`, expected {expected}"));
}

fn brought(source: Source, commands: &[Command]) -> Job {
    let (job, _) = Job::create(JobId::FIRST, NewJob::manual(source), nine());
    commands.iter().fold(job, |job, command| {
        let outcome = job.handle(command, nine());
        assert_eq!(outcome.answer, Ok(()), "{command:?}");
        outcome.job
    })
}

fn url() -> Source {
    Source::Url { url: "https://example.com/site.zip".into(), url_type: SourceUrlType::Zip }
}

const fn report(report: Report) -> Command {
    Command::Report { attempt: Attempt::new(1), report }
}

fn nine() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 1, 1, 9, 0, 0).single().expect("a time of the calendar")
}
