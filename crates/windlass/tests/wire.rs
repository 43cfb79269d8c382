//! The JSON of jobs, and the texts of ids and ARNs, as AWS's clients read and write them.

use chrono::{DateTime, TimeDelta, TimeZone, Utc};
use proptest::prelude::*;
use serde_json::{Value, json};
use windlass::wire::{self, JobSummary, Open};
use windlass::{
    Account, AppId, Arn, Attempt, BranchName, Command, Commit, InvalidJobId, Job, JobId, JobStatus, JobType, NewJob,
    Report, Resource, Source, SourceUrlType, StepName,
};

#[test]
fn a_manual_job_that_waits_shows_every_required_member_and_no_end() {
    let (job, _) = Job::create(JobId::FIRST, NewJob::manual(Source::Zip), nine());
    assert_eq!(
        shown(&job),
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
fn a_job_of_a_source_url_shows_it() {
    let url = Source::Url { url: "s3://bucket/site/".into(), url_type: SourceUrlType::BucketPrefix };
    let shown = shown(&Job::create(JobId::FIRST, NewJob::manual(url), nine()).0);
    assert_eq!(shown["summary"]["sourceUrl"], "s3://bucket/site/");
    assert_eq!(shown["summary"]["sourceUrlType"], "BUCKET_PREFIX");
}

#[test]
fn a_job_that_failed_shows_its_steps_and_the_reason_at_the_one_that_failed() {
    // BUILD ends in the very moment in which the job fails: only a look at its status tells them apart.
    let job = built(&[
        (60_000, Command::Claim),
        (90_000, report(Report::Provisioned)),
        (100_000, report(Report::StepStarted(StepName::Build))),
        (200_500, report(Report::StepEnded(StepName::Build))),
        (200_500, report(Report::StepStarted(StepName::Deploy))),
        (200_500, report(Report::Failed { reason: "no index.html".into() })),
    ]);
    assert_eq!(
        shown(&job),
        json!({
            "summary": {
                "jobArn": "arn:aws:amplify:us-east-1:000000000000:apps/d1/branches/main/jobs/0000000003",
                "jobId": "3",
                "commitId": "a1",
                "commitMessage": "Shorter",
                "commitTime": 1_767_254_400.0,
                "startTime": 1_767_258_060.123,
                "status": "FAILED",
                "endTime": 1_767_258_200.623,
                "jobType": "RELEASE"
            },
            "steps": [
                {
                    "stepName": "BUILD",
                    "startTime": 1_767_258_100.123,
                    "status": "SUCCEED",
                    "endTime": 1_767_258_200.623
                },
                {
                    "stepName": "DEPLOY",
                    "startTime": 1_767_258_200.623,
                    "status": "FAILED",
                    "endTime": 1_767_258_200.623,
                    "statusReason": "no index.html"
                }
            ]
        })
    );
}

#[test]
fn a_reason_is_cut_to_what_the_api_allows() {
    let reason = "é".repeat(1001);
    let failed = Report::Failed { reason: reason.as_str().into() };
    let job = built(&[(1, Command::Claim), (2, report(failed))]);
    assert_eq!(job.status_reason().map(|cut| cut.chars().count()), Some(1000));
}

#[test]
fn what_aws_may_add_is_passed_through_or_ignored() {
    let text = json!({
        "summary": {
            "jobArn": "arn", "jobId": "1", "status": "TELEPORTED", "jobType": "DREAM", "sourceUrlType": "TAR",
            "mood": {"good": true}, "endTime": null
        },
        "steps": [{"stepName": "PRESENT", "startTime": 0, "status": "RUNNING", "context": "Ubuntu", "screenshots": {}}]
    });
    let job: wire::Job = serde_json::from_value(text).expect("what is not known is no error");
    assert_eq!(job.summary.status, Open::Unknown("TELEPORTED".into()));
    assert_eq!(job.summary.status.known(), None);
    assert_eq!(job.summary.status.to_string(), "TELEPORTED");
    assert_eq!((job.summary.start_time, job.summary.end_time), (None, None));
    let again = serde_json::to_value(&job).expect("JSON");
    assert_eq!(again["summary"]["jobType"], "DREAM");
    assert_eq!(again["summary"]["sourceUrlType"], "TAR");
    assert_eq!(again["steps"][0]["stepName"], "PRESENT");
    assert_eq!(again["summary"].get("endTime"), None, "no member is ever null");
}

#[test]
fn times_are_read_as_epoch_seconds_and_as_rfc_3339() {
    let read = |time: Value| {
        let step = json!({"stepName": "BUILD", "startTime": time, "status": "RUNNING"});
        serde_json::from_value::<wire::Step>(step).map(|step| step.start_time.timestamp_millis()).ok()
    };
    assert_eq!(read(json!(1_767_258_000)), Some(1_767_258_000_000));
    assert_eq!(read(json!(1_767_258_000.123)), Some(1_767_258_000_123));
    assert_eq!(read(json!(1.767258e9)), Some(1_767_258_000_000));
    assert_eq!(read(json!(-0.001)), Some(-1));
    assert_eq!(read(json!(-1.5)), Some(-1_500));
    assert_eq!(read(json!(0.9996)), Some(1_000));
    assert_eq!(read(json!("2026-01-01T09:00:00.123Z")), Some(1_767_258_000_123));
    assert_eq!(read(json!("2026-01-01T10:00:00.123999+01:00")), Some(1_767_258_000_123));
    assert_eq!(read(json!("2026-01-01 09:00")), None);
    for outside in [json!(1e300), json!(-1e300), json!(u64::MAX), json!(i64::MIN), json!(9e12), json!(true), json!([])]
    {
        assert_eq!(read(outside.clone()), None, "{outside}");
    }
}

#[test]
fn enums_are_spelled_as_the_api_spells_them() {
    let statuses = ["CREATED", "PENDING", "PROVISIONING", "RUNNING", "FAILED", "SUCCEED", "CANCELLING", "CANCELLED"];
    for name in statuses {
        let status: JobStatus = name.parse().expect("a status");
        assert_eq!(serde_json::to_value(status).expect("JSON"), name);
        assert_eq!(status.to_string(), name);
    }
    for name in ["RELEASE", "RETRY", "MANUAL", "WEB_HOOK"] {
        let job_type: JobType = name.parse().expect("a type");
        assert_eq!(serde_json::to_value(job_type).expect("JSON"), name);
    }
    for name in ["ZIP", "BUCKET_PREFIX"] {
        let url_type: SourceUrlType = name.parse().expect("a type");
        assert_eq!(serde_json::to_value(url_type).expect("JSON"), name);
    }
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

proptest! {
    #[test]
    fn a_summary_is_read_as_it_was_written(summary in any_summary()) {
        let text = serde_json::to_string(&summary).expect("JSON");
        prop_assert!(!text.contains("null"), "{}", text);
        prop_assert_eq!(serde_json::from_str::<JobSummary>(&text).expect("our own"), summary);
    }

    #[test]
    fn an_app_id_is_d_and_up_to_19_more(text in "[dD]?[a-z0-9-]{0,21}") {
        let fits = text.starts_with('d') && (2..=20).contains(&text.len()) && !text.contains('-');
        let parsed = text.parse::<AppId>();
        prop_assert_eq!(parsed.is_ok(), fits);
        prop_assert!(parsed.is_err() || parsed.is_ok_and(|id| id.to_string() == text));
    }

    #[test]
    fn a_branch_name_is_anything_of_1_to_255_characters(text in "(?s).{0,300}") {
        let parsed = text.parse::<BranchName>();
        prop_assert_eq!(parsed.is_ok(), (1..=255).contains(&text.chars().count()));
        prop_assert!(parsed.is_err() || parsed.is_ok_and(|name| name.as_str() == text));
    }

    #[test]
    fn a_job_id_reads_with_and_without_zeros(number: u64, zeros in 0usize..200) {
        let text = format!("{}{number}", "0".repeat(zeros));
        prop_assert_eq!(text.parse(), Ok(JobId::new(number)));
        prop_assert_eq!(JobId::new(number).padded().to_string(), format!("{number:010}"));
    }

    #[test]
    fn an_arn_is_read_as_it_was_written(
        app in "d[a-z0-9]{1,19}",
        branch in "[a-zA-Z0-9/:%üé +.-]{1,40}|(branches|jobs)/[a-z]{1,9}|x/jobs/[0-9]{1,9}",
        job in prop::option::of(1u64..),
    ) {
        let (app, branch): (AppId, BranchName) = (app.parse().expect("an id"), branch.parse().expect("a name"));
        let resource = match job {
            Some(job) => Resource::Job(app, branch, JobId::new(job)),
            None => Resource::Branch(app, branch),
        };
        let arn = account().arn(resource);
        prop_assert_eq!(arn.to_string().parse::<Arn>(), Ok(arn));
    }
}

#[test]
fn a_job_id_has_255_digits_at_most_and_fits_a_number() {
    assert_eq!("".parse::<JobId>(), Err(InvalidJobId::Malformed));
    assert_eq!("+1".parse::<JobId>(), Err(InvalidJobId::Malformed));
    assert_eq!("١".parse::<JobId>(), Err(InvalidJobId::Malformed));
    assert_eq!("18446744073709551616".parse::<JobId>(), Err(InvalidJobId::TooLarge));
    assert_eq!("9".repeat(255).parse::<JobId>(), Err(InvalidJobId::TooLarge));
    assert_eq!("0".repeat(256).parse::<JobId>(), Err(InvalidJobId::Malformed));
    assert_eq!(format!("{}7", "0".repeat(254)).parse(), Ok(JobId::new(7)));
}

#[test]
fn a_branch_called_like_a_job_of_another_is_read_as_that_job() {
    // An ARN cannot tell these two apart. Jobs win, since nobody calls a branch so.
    let [app, odd, x] = ["d1", "x/jobs/0000000001", "x"];
    let odd = account().arn(Resource::Branch(app.parse().expect("an id"), odd.parse().expect("a name")));
    let job = Resource::Job(app.parse().expect("an id"), x.parse().expect("a name"), JobId::FIRST);
    assert_eq!(odd.to_string().parse::<Arn>(), Ok(account().arn(job)));
}

#[test]
fn what_is_no_arn_of_ours_is_refused() {
    for text in [
        "",
        "arn:aws:s3:::bucket",
        "arn:aws:amplify:us-east-1:apps/d1",
        "arn:aws:amplify::000000000000:apps/d1",
        "arn:aws:amplify:us-east-1::apps/d1",
        "arn:aws:amplify:us-east-1:000000000000:apps/D1",
        "arn:aws:amplify:us-east-1:000000000000:apps/d1/branches/",
        "arn:aws:amplify:us-east-1:000000000000:apps/d1/",
        "arn:aws:amplify:us-east-1:000000000000:domains/d1",
    ] {
        assert!(text.parse::<Arn>().is_err(), "{text}");
    }
}

fn any_summary() -> impl Strategy<Value = JobSummary> {
    // Four digits of a year are all that clients print.
    let time = || prop::option::of((-62_135_596_800_000..253_402_300_800_000i64).prop_map(from_millis));
    let status = prop_oneof![Just("SUCCEED"), Just("CANCELLING"), Just("PAUSED")];
    let texts = (".{0,20}", "[0-9]{1,9}", ".{0,20}", "[a-zA-Z \"\\\\]{0,20}");
    (texts, time(), time(), time(), status, prop::option::of("https://[a-z]{1,9}")).prop_map(
        |((job_arn, job_id, commit_id, commit_message), commit_time, start_time, end_time, status, source_url)| {
            JobSummary {
                job_arn,
                job_id,
                commit_id,
                commit_message,
                commit_time,
                start_time,
                status: status.parse().map_or(Open::Unknown(status.into()), Open::Known),
                end_time,
                job_type: end_time.map(|_| Open::Known(JobType::WebHook)),
                source_url_type: source_url.as_ref().map(|_| Open::Known(SourceUrlType::Zip)),
                source_url,
            }
        },
    )
}

fn shown(job: &Job) -> Value {
    let [app, branch] = ["d1", "main"];
    let arn = account().arn(Resource::Job(app.parse().expect("an id"), branch.parse().expect("a name"), job.id()));
    let wire = wire::Job::new(job, &arn);
    assert_eq!(wire.summary, JobSummary::new(job, &arn));
    serde_json::to_value(wire).expect("JSON")
}

/// Job 3 of a branch, built, with commands so many milliseconds after its creation.
fn built(commands: &[(i64, Command)]) -> Job {
    let commit = Commit { id: "a1".into(), message: "Shorter".into(), time: from_millis(1_767_254_400_000) };
    let manual = NewJob::manual(Source::Repository);
    let new = NewJob { job_type: JobType::Release, commit: Some(commit), ..manual };
    let (job, _) = Job::create(JobId::new(3), new, nine());
    commands.iter().fold(job, |job, (millis, command)| {
        let outcome = job.handle(command, nine() + TimeDelta::milliseconds(*millis));
        assert_eq!(outcome.answer, Ok(()), "{command:?}");
        outcome.job
    })
}

const fn report(report: Report) -> Command {
    Command::Report { attempt: Attempt::new(1), report }
}

fn account() -> Account {
    Account { region: "us-east-1".into(), id: "000000000000".into() }
}

/// A little after nine in the morning.
fn nine() -> DateTime<Utc> {
    from_millis(1_767_258_000_123)
}

fn from_millis(millis: i64) -> DateTime<Utc> {
    Utc.timestamp_millis_opt(millis).single().expect("a time of the calendar")
}
