//! How long a job may stay in each status.

use chrono::{DateTime, TimeDelta, TimeZone, Utc};
use windlass::{BuildLimitOutOfRange, Cause, Command, Job, JobId, JobStatus, Limit, Limits, NewJob, Source};

#[test]
fn unless_told_otherwise_a_job_has_the_limits_of_aws_where_it_states_any() {
    //= https://docs.aws.amazon.com/goto/WebAPI/amplify-2017-07-25/StartDeployment
    //# The maximum duration between the CreateDeployment call and the StartDeployment call cannot exceed 8 hours.
    assert_eq!(Limits::default().of(JobStatus::Created), Some((Limit::Upload, TimeDelta::hours(8))));
    assert_eq!(Limits::default().of(JobStatus::Running), Some((Limit::Build, TimeDelta::minutes(30))));
}

#[test]
fn each_status_has_a_limit_of_its_own_until_it_is_an_end() {
    let limits = Limits { upload: 1, queue: 2, provision: 3, build: 4, cancel: 5 };
    let of = |status| limits.of(status).map(|(limit, length)| (limit, length.num_seconds()));
    assert_eq!(of(JobStatus::Created), Some((Limit::Upload, 1)));
    assert_eq!(of(JobStatus::Pending), Some((Limit::Queue, 2)));
    assert_eq!(of(JobStatus::Provisioning), Some((Limit::Provision, 3)));
    assert_eq!(of(JobStatus::Running), Some((Limit::Build, 4)));
    assert_eq!(of(JobStatus::Cancelling), Some((Limit::Cancel, 5)));
    for end in [JobStatus::Succeed, JobStatus::Failed, JobStatus::Cancelled] {
        assert_eq!(of(end), None, "{end}");
    }
}

#[test]
fn a_build_may_be_limited_to_5_to_120_minutes() {
    //= https://docs.aws.amazon.com/amplify/latest/userguide/environment-variables.html
    //# The build timeout duration in minutes. The minimum value is 5. The maximum value is 120.
    let limits = Limits { queue: 77, ..Limits::default() };
    for minutes in [5, 6, 30, 119, 120] {
        assert_eq!(limits.with_build_minutes(minutes), Ok(Limits { build: minutes * 60, ..limits }));
    }
    for minutes in [0, 1, 4, 121, u32::MAX] {
        assert_eq!(limits.with_build_minutes(minutes), Err(BuildLimitOutOfRange { minutes }));
    }
    let error = limits.with_build_minutes(121).expect_err("it is too long");
    assert_eq!(error.to_string(), "a build may be limited to 5 to 120 minutes, not to 121");
}

#[test]
fn a_build_ends_when_its_own_limit_is_over() {
    let limits = Limits::default().with_build_minutes(5).expect("AWS allows it");
    let new =
        NewJob { limits, ..NewJob::manual(Source::Artifact(windlass::Artifact { job: JobId::FIRST, object: 0 })) };
    let (job, _) = Job::create(JobId::new(2), new, nine());
    let job = job.handle(&Command::Claim, nine()).job;
    assert!(!job.is_due(nine() + TimeDelta::milliseconds(299_999)));
    let ended = job.handle(&Command::Expire, nine() + TimeDelta::minutes(5)).job;
    assert_eq!(ended.cause(), Some(&Cause::Expired { limit: Limit::Build, seconds: 300, step: None }));
    assert_eq!(ended.status_reason().as_deref(), Some("the job did not end within 5 minutes, the build limit"));
}

fn nine() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 1, 1, 9, 0, 0).single().expect("a time of the calendar")
}
