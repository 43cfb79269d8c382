//! Why a job is as it is.

use std::process::ExitCode;

use chrono::{DateTime, Utc};
use serde::Serialize;
use windlass::JobStatus;
use windlass::wire::{JobSummary, Open, Step};
use windlass_aws::Look;

use crate::client::output::{self, Format};
use crate::client::watch::is_ended;

/// What programs are told.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Why<'a> {
    job_id: &'a str,
    status: &'a Open<JobStatus>,
    why: &'a str,
}

/// Says it in one line: the server's, or else one of what AWS tells.
///
/// # Errors
///
/// Where standard output cannot be written.
pub(super) fn say(look: &Look, format: Format) -> anyhow::Result<ExitCode> {
    let why = look.why.clone().unwrap_or_else(|| put_together(look));
    let JobSummary { job_id, status, .. } = &look.job.summary;
    match format {
        Format::Text => output::line(format_args!("{}", output::plain(&why)))?,
        Format::Json => output::json(&Why { job_id, status, why: &why })?,
    }
    Ok(ExitCode::SUCCESS)
}

/// As a Windlass server would put it, as far as the summary and the steps know.
fn put_together(look: &Look) -> String {
    let JobSummary { status, start_time, end_time, .. } = &look.job.summary;
    let mut why = match (is_ended(status), end_time, start_time) {
        (true, Some(end), _) => format!("{status} at {}", moment(*end)),
        (false, _, Some(start)) => format!("{status}, {} {}", began(status), moment(*start)),
        (true, None, _) | (false, _, None) => status.to_string(),
    };
    let step = telling(&look.job.steps, status);
    if let Some(step) = step {
        why.push_str(&format!(" in step {}", step.step_name));
    }
    let reason = step.and_then(|step| step.status_reason.as_deref()).filter(|reason| !reason.is_empty());
    if let Some(reason) = reason.or_else(|| look.reason()) {
        why.push_str(&format!(": {reason}"));
    }
    why
}

/// The step that shows why: the one that failed or was cancelled with the job, or the one that is open.
fn telling<'a>(steps: &'a [Step], status: &Open<JobStatus>) -> Option<&'a Step> {
    let of_the_end = || steps.iter().find(|step| step.status == *status && *status != JobStatus::Succeed.into());
    if is_ended(status) { of_the_end() } else { steps.iter().find(|step| !is_ended(&step.status)) }
}

/// What a job's start time is: its creation until work begins.
fn began(status: &Open<JobStatus>) -> &'static str {
    match status.known() {
        Some(JobStatus::Created | JobStatus::Pending) => "made at",
        Some(
            JobStatus::Provisioning
            | JobStatus::Running
            | JobStatus::Failed
            | JobStatus::Succeed
            | JobStatus::Cancelling
            | JobStatus::Cancelled,
        )
        | None => "begun at",
    }
}

/// A time as servers say it: it may be read far from here.
fn moment(time: DateTime<Utc>) -> impl core::fmt::Display {
    time.format("%Y-%m-%d %H:%M:%S UTC")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_aws_tells_of_a_job_makes_a_line() {
        let cases = [
            (job("PENDING", None, &[]), "PENDING, made at 2026-01-01 09:00:00 UTC"),
            (
                job("RUNNING", None, &[("BUILD", "SUCCEED", None), ("DEPLOY", "RUNNING", None)]),
                "RUNNING, begun at 2026-01-01 09:00:00 UTC in step DEPLOY",
            ),
            (
                job("FAILED", Some(65), &[("BUILD", "FAILED", Some("exit code 2")), ("DEPLOY", "CANCELLED", None)]),
                "FAILED at 2026-01-01 09:01:05 UTC in step BUILD: exit code 2",
            ),
            (job("CANCELLED", Some(1), &[]), "CANCELLED at 2026-01-01 09:00:01 UTC"),
            (job("SUCCEED", Some(9), &[("DEPLOY", "SUCCEED", None)]), "SUCCEED at 2026-01-01 09:00:09 UTC"),
            (job("PAUSED", None, &[]), "PAUSED, begun at 2026-01-01 09:00:00 UTC"),
        ];
        for (look, expected) in cases {
            assert_eq!(put_together(&look), expected);
        }
    }

    #[test]
    fn a_job_without_times_still_has_a_status() {
        let mut look = job("FAILED", None, &[]);
        assert_eq!(put_together(&look), "FAILED");
        look.job.summary.start_time = None;
        look.job.summary.status = JobStatus::Pending.into();
        assert_eq!(put_together(&look), "PENDING");
    }

    fn job(status: &str, ended: Option<i64>, steps: &[(&str, &str, Option<&str>)]) -> Look {
        let nine = 1_767_258_000;
        let steps: Vec<_> = steps
            .iter()
            .map(|(name, status, reason)| {
                serde_json::json!({ "stepName": name, "status": status, "startTime": nine, "statusReason": reason })
            })
            .collect();
        let summary = serde_json::json!({
            "jobArn": "arn", "jobId": "1", "startTime": nine, "status": status, "endTime": ended.map(|end| nine + end),
        });
        let job = serde_json::from_value(serde_json::json!({ "summary": summary, "steps": steps })).unwrap();
        Look { job, status_reason: None, why: None }
    }
}
