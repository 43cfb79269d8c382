//! From the SDK's types to Windlass's.
//!
//! What the service left out comes back as absent where [`windlass::wire`] has a place for that. See
//! [the crate's page](crate#what-no-loss-means) for the few values that cannot be told apart.

use core::str::FromStr;

use aws_sdk_amplify::{primitives, types};
use chrono::{DateTime, Utc};
use windlass::wire::{Artifact, Job, JobSummary, Open, Step};
use windlass::{JobStatus, JobType, SourceUrlType};

use crate::{ABSENT, NANOS_PER_SECOND};

/// A job, as GetJob answers it; `None` where it has no summary, which no answer ever lacks.
#[must_use]
pub fn job(job: types::Job) -> Option<Job> {
    let types::Job { summary, steps, .. } = job;
    Some(Job { summary: job_summary(summary?), steps: steps.into_iter().map(step).collect() })
}

/// The summary that any operation on a job answers.
#[must_use]
pub fn job_summary(summary: types::JobSummary) -> JobSummary {
    JobSummary {
        job_arn: summary.job_arn,
        job_id: summary.job_id,
        commit_id: summary.commit_id,
        commit_message: summary.commit_message,
        commit_time: required_time(summary.commit_time),
        start_time: required_time(summary.start_time),
        status: job_status(&summary.status),
        end_time: summary.end_time.map(time),
        job_type: Some(summary.job_type).filter(|kind| kind.as_str() != ABSENT).as_ref().map(job_type),
        source_url: summary.source_url,
        source_url_type: summary.source_url_type.as_ref().map(source_url_type),
    }
}

/// A step of a job.
#[must_use]
pub fn step(step: types::Step) -> Step {
    Step {
        step_name: step.step_name,
        start_time: time(step.start_time),
        status: job_status(&step.status),
        end_time: required_time(step.end_time),
        log_url: step.log_url,
        artifacts_url: step.artifacts_url,
        test_artifacts_url: step.test_artifacts_url,
        test_config_url: step.test_config_url,
        screenshots: step.screenshots.map(|by_name| by_name.into_iter().collect()),
        status_reason: step.status_reason,
        context: step.context,
    }
}

/// A file that the tests of a job made.
#[must_use]
pub fn artifact(artifact: types::Artifact) -> Artifact {
    Artifact { artifact_file_name: artifact.artifact_file_name, artifact_id: artifact.artifact_id }
}

/// The status of a job or a step.
#[must_use]
pub fn job_status(status: &types::JobStatus) -> Open<JobStatus> {
    open(status.as_str())
}

/// How a job came about.
#[must_use]
pub fn job_type(kind: &types::JobType) -> Open<JobType> {
    open(kind.as_str())
}

/// What a source URL points at.
#[must_use]
pub fn source_url_type(kind: &types::SourceUrlType) -> Open<SourceUrlType> {
    open(kind.as_str())
}

/// A time. One outside of chrono's calendar, which ends in the year 262,142, is the calendar's end.
///
/// The SDK reads a time as a double of seconds and cuts its fraction off, so that 1.001 becomes 1.000999999. Such a
/// time is the millisecond that was sent.
#[must_use]
pub fn time(time: primitives::DateTime) -> DateTime<Utc> {
    let (carry, nanos) = (time.subsec_nanos() / NANOS_PER_SECOND, time.subsec_nanos() % NANOS_PER_SECOND);
    let seconds = time.secs().saturating_add(carry.into());
    let end = if seconds < 0 { DateTime::<Utc>::MIN_UTC } else { DateTime::<Utc>::MAX_UTC };
    sent(time).or_else(|| DateTime::from_timestamp(seconds, nanos)).unwrap_or(end)
}

/// The millisecond that the SDK read, if this is what it makes of one.
#[expect(clippy::cast_precision_loss, reason = "milliseconds fit a double for 285,000 years")]
fn sent(time: primitives::DateTime) -> Option<DateTime<Utc>> {
    let millis = time.subsec_nanos().saturating_add(500_000) / 1_000_000;
    let nearest = time.secs().checked_mul(1000)?.checked_add(millis.into())?;
    let read = primitives::DateTime::from_secs_f64(nearest as f64 / 1000.0);
    if read == time { DateTime::from_timestamp_millis(nearest) } else { None }
}

/// In the place of a required time that was left out the SDK puts the epoch.
fn required_time(sent: primitives::DateTime) -> Option<DateTime<Utc>> {
    Some(time(sent)).filter(|time| *time != DateTime::UNIX_EPOCH)
}

fn open<T: FromStr>(text: &str) -> Open<T> {
    let Ok(value) = text.parse();
    value
}
