//! The SDK's jobs as those of [`windlass::wire`], which know their statuses and print as AWS prints them.

use core::str::FromStr;

use aws_sdk_amplify::primitives::DateTime as SdkTime;
use aws_sdk_amplify::types;
use chrono::{DateTime, Utc};
use windlass::wire::{Job, JobSummary, Open, Step};

/// The job that GetJob answered.
pub(super) fn job(job: &types::Job) -> Option<Job> {
    Some(Job { summary: summary(job.summary()?), steps: job.steps().iter().map(step).collect() })
}

/// The summary that any operation on a job answered.
pub(super) fn summary(summary: &types::JobSummary) -> JobSummary {
    JobSummary {
        job_arn: summary.job_arn.clone(),
        job_id: summary.job_id.clone(),
        commit_id: summary.commit_id.clone(),
        commit_message: summary.commit_message.clone(),
        commit_time: time(&summary.commit_time),
        start_time: time(&summary.start_time),
        status: open(summary.status.as_str()),
        end_time: summary.end_time.as_ref().and_then(time),
        job_type: Some(summary.job_type.as_str()).filter(|text| *text != ABSENT).map(open),
        source_url: summary.source_url.clone(),
        source_url_type: summary.source_url_type.as_ref().map(|kind| open(kind.as_str())),
    }
}

fn step(step: &types::Step) -> Step {
    Step {
        step_name: step.step_name.clone(),
        start_time: time(&step.start_time).unwrap_or_default(),
        status: open(step.status.as_str()),
        end_time: time(&step.end_time),
        log_url: step.log_url.clone(),
        artifacts_url: step.artifacts_url.clone(),
        status_reason: step.status_reason.clone(),
        context: step.context.clone(),
    }
}

/// What the SDK puts in the place of an enum that the model requires and the server left out.
const ABSENT: &str = "no value was set";

/// In the place of a required time it puts the epoch.
fn time(time: &SdkTime) -> Option<DateTime<Utc>> {
    let millis = time.to_millis().ok().filter(|millis| *millis != 0)?;
    DateTime::from_timestamp_millis(millis)
}

fn open<T: FromStr>(text: &str) -> Open<T> {
    text.parse().map_or_else(|_| Open::Unknown(text.to_owned()), Open::Known)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_server_left_out_stays_absent() {
        let never = SdkTime::from_secs(0);
        let sent = types::Step::builder()
            .step_name("DEPLOY")
            .start_time(SdkTime::from_millis(1_500))
            .status("RUNNING".into())
            .end_time(never)
            .build()
            .unwrap();
        let step = step(&sent);
        assert_eq!((step.start_time.timestamp_millis(), step.end_time), (1_500, None));
        assert_eq!(step.status, Open::Known(windlass::JobStatus::Running));
    }

    #[test]
    fn a_status_that_aws_adds_is_shown_as_it_came() {
        assert_eq!(open::<windlass::JobStatus>("PAUSED"), Open::Unknown("PAUSED".into()));
    }
}
