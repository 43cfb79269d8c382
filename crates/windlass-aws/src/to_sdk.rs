//! From Windlass's types to the SDK's.
//!
//! What is absent gets what the SDK itself puts there when the service leaves a required member out.

use aws_sdk_amplify::{primitives, types};
use chrono::{DateTime, Utc};
use windlass::wire::{Artifact, Job, JobSummary, Open, Step};
use windlass::{JobStatus, JobType, SourceUrlType};

use crate::{ABSENT, NANOS_PER_SECOND};

/// A job, as GetJob answers it.
#[must_use]
pub fn job(job: Job) -> types::Job {
    let Job { summary, steps } = job;
    let steps = steps.into_iter().map(step).collect();
    types::Job::builder().summary(job_summary(summary)).set_steps(Some(steps)).build().expect(ALL_SET)
}

/// The summary that any operation on a job answers.
#[must_use]
pub fn job_summary(summary: JobSummary) -> types::JobSummary {
    let JobSummary {
        job_arn,
        job_id,
        commit_id,
        commit_message,
        commit_time,
        start_time,
        status,
        end_time,
        job_type: kind,
        source_url,
        source_url_type: url_kind,
    } = summary;
    types::JobSummary::builder()
        .job_arn(job_arn)
        .job_id(job_id)
        .commit_id(commit_id)
        .commit_message(commit_message)
        .commit_time(required_time(commit_time))
        .start_time(required_time(start_time))
        .status(job_status(&status))
        .set_end_time(end_time.map(time))
        .job_type(kind.as_ref().map_or_else(|| ABSENT.into(), job_type))
        .set_source_url(source_url)
        .set_source_url_type(url_kind.as_ref().map(source_url_type))
        .build()
        .expect(ALL_SET)
}

/// A step of a job.
#[must_use]
pub fn step(step: Step) -> types::Step {
    let Step {
        step_name,
        start_time,
        status,
        end_time,
        log_url,
        artifacts_url,
        test_artifacts_url,
        test_config_url,
        screenshots,
        status_reason,
        context,
    } = step;
    types::Step::builder()
        .step_name(step_name)
        .start_time(time(start_time))
        .status(job_status(&status))
        .end_time(required_time(end_time))
        .set_log_url(log_url)
        .set_artifacts_url(artifacts_url)
        .set_test_artifacts_url(test_artifacts_url)
        .set_test_config_url(test_config_url)
        .set_screenshots(screenshots.map(|by_name| by_name.into_iter().collect()))
        .set_status_reason(status_reason)
        .set_context(context)
        .build()
        .expect(ALL_SET)
}

/// A file that the tests of a job made.
#[must_use]
pub fn artifact(artifact: Artifact) -> types::Artifact {
    let Artifact { artifact_file_name, artifact_id } = artifact;
    let builder = types::Artifact::builder().artifact_file_name(artifact_file_name).artifact_id(artifact_id);
    builder.build().expect(ALL_SET)
}

/// The status of a job or a step.
#[must_use]
pub fn job_status(status: &Open<JobStatus>) -> types::JobStatus {
    text(status).into()
}

/// How a job came about.
#[must_use]
pub fn job_type(kind: &Open<JobType>) -> types::JobType {
    text(kind).into()
}

/// What a source URL points at.
#[must_use]
pub fn source_url_type(kind: &Open<SourceUrlType>) -> types::SourceUrlType {
    text(kind).into()
}

/// A time. A leap second, which the SDK does not know, is the first second of the next minute.
#[must_use]
pub fn time(time: DateTime<Utc>) -> primitives::DateTime {
    let nanos = time.timestamp_subsec_nanos();
    let seconds = time.timestamp() + i64::from(nanos / NANOS_PER_SECOND);
    primitives::DateTime::from_secs_and_nanos(seconds, nanos % NANOS_PER_SECOND)
}

fn required_time(given: Option<DateTime<Utc>>) -> primitives::DateTime {
    time(given.unwrap_or(DateTime::UNIX_EPOCH))
}

fn text<T: AsRef<str>>(value: &Open<T>) -> &str {
    match value {
        Open::Known(known) => known.as_ref(),
        Open::Unknown(text) => text,
    }
}

const ALL_SET: &str = "every required member is set";
