//! Jobs as people read them.

use std::borrow::Cow;

use chrono::{DateTime, TimeDelta, Utc};
use windlass::wire::{JobSummary, Open, Step};
use windlass_aws::Look;

use crate::client::output::{self, coloured, duration, excerpt, line, plain};

/// Writes one line for each job.
///
/// # Errors
///
/// Where standard output cannot be written.
pub(super) fn list(jobs: &[JobSummary]) -> anyhow::Result<()> {
    let ids = jobs.iter().map(|job| job.job_id.chars().count()).fold("JOB".len(), usize::max);
    line(format_args!("{:>ids$}  {:<8}  {:<12}  {:<19}  {:<12}  SOURCE", "JOB", "TYPE", "STATUS", "STARTED", "TOOK"))?;
    for job in jobs {
        line(format_args!(
            "{:>ids$}  {:<8}  {}  {:<19}  {:<12}  {}",
            plain(&job.job_id),
            job_type(job),
            coloured(&job.status, 12),
            job.start_time.map(output::time).unwrap_or_default(),
            took(job.start_time, job.end_time),
            source(job),
        ))?;
    }
    Ok(())
}

/// Writes all that is known of a job.
///
/// # Errors
///
/// Where standard output cannot be written.
pub(super) fn job(look: &Look) -> anyhow::Result<()> {
    let job = &look.job.summary;
    let facts = [
        ("job", plain(&job.job_id)),
        ("status", coloured(&job.status, 0).into()),
        ("reason", plain(look.reason().unwrap_or_default())),
        ("type", job_type(job).into()),
        ("started", job.start_time.map(output::time).unwrap_or_default().into()),
        ("ended", job.end_time.map(output::time).unwrap_or_default().into()),
        ("took", took(job.start_time, job.end_time).into()),
        ("source", plain(job.source_url.as_deref().unwrap_or_default())),
        ("commit", plain(&job.commit_id)),
        ("message", plain(job.commit_message.trim())),
        ("arn", plain(&job.job_arn)),
    ];
    for (name, fact) in facts.iter().filter(|(_, fact)| !fact.is_empty()) {
        line(format_args!("{name:<8} {fact}"))?;
    }
    if !look.job.steps.is_empty() {
        line(format_args!("\n{:<8}  {:<12}  {:<19}  TOOK", "STEP", "STATUS", "STARTED"))?;
    }
    look.job.steps.iter().try_for_each(|of| step(of, look.reason()))
}

/// Writes a step, with its reason unless that was `said` before.
fn step(step: &Step, said: Option<&str>) -> anyhow::Result<()> {
    line(format_args!(
        "{:<8}  {}  {}  {}",
        plain(&step.step_name),
        coloured(&step.status, 12),
        output::time(step.start_time),
        took(Some(step.start_time), step.end_time),
    ))?;
    let reason = step.status_reason.as_deref().filter(|reason| Some(*reason) != said);
    let facts = [("reason", reason), ("log", step.log_url.as_deref()), ("artifacts", step.artifacts_url.as_deref())];
    for (name, fact) in facts {
        if let Some(fact) = fact.filter(|fact| !fact.is_empty()) {
            line(format_args!("{:<8}  {name}: {}", "", plain(fact)))?;
        }
    }
    Ok(())
}

fn job_type(job: &JobSummary) -> String {
    match &job.job_type {
        Some(Open::Known(known)) => known.to_string(),
        Some(Open::Unknown(text)) => plain(text).into_owned(),
        None => String::new(),
    }
}

fn took(started: Option<DateTime<Utc>>, ended: Option<DateTime<Utc>>) -> String {
    let took: Option<TimeDelta> = ended.zip(started).map(|(ended, started)| ended - started);
    took.map(duration).unwrap_or_default()
}

/// Where a job's content came from, in the little room that a list has.
fn source(job: &JobSummary) -> Cow<'_, str> {
    if let Some(url) = &job.source_url {
        // What follows the question mark is often a credential, and never what tells two URLs apart.
        return excerpt(url.split('?').next().unwrap_or_default(), 60).into();
    }
    let message = excerpt(job.commit_message.lines().next().unwrap_or_default(), 50);
    let commit: String = plain(&job.commit_id).chars().take(7).collect();
    format!("{commit} {message}").trim().to_owned().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_fits_a_line_and_keeps_its_secret() {
        let of = |facts: serde_json::Value| {
            let mut job = serde_json::json!({ "jobArn": "arn", "jobId": "1", "status": "SUCCEED" });
            job.as_object_mut().unwrap().extend(facts.as_object().unwrap().clone());
            source(&serde_json::from_value(job).unwrap()).into_owned()
        };
        let commit = serde_json::json!({ "commitId": "0123456789", "commitMessage": "Add a page\n\nAnd more." });
        assert_eq!(of(commit), "0123456 Add a page");
        let url = serde_json::json!({ "sourceUrl": "https://example.com/site.zip?X-Amz-Signature=secret" });
        assert_eq!(of(url), "https://example.com/site.zip");
        assert_eq!(of(serde_json::json!({})), "");
    }
}
