//! Watching a job to its end.

use core::time::Duration;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context;
use aws_sdk_amplify::config::interceptors::BeforeDeserializationInterceptorContextRef;
use aws_sdk_amplify::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_amplify::error::BoxError;
use chrono::{DateTime, TimeDelta, Utc};
use windlass::JobStatus;
use windlass::wire::{Job, JobSummary, Open, Step};

use super::{Client, wire};

/// Which job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct JobRef {
    /// The id of its app.
    pub app_id: String,
    /// The name of its branch.
    pub branch: String,
    /// Its number.
    pub job_id: String,
}

/// A job as GetJob answered it, and why it is as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Report {
    /// The job and its steps.
    pub job: Job,
    /// What the server says of its end, where it says anything.
    pub reason: Option<String>,
}

impl Report {
    /// The job's status.
    pub(crate) fn status(&self) -> &Open<JobStatus> {
        &self.job.summary.status
    }

    /// Whether nothing will happen to the job any more.
    pub(crate) fn is_ended(&self) -> bool {
        is_ended(self.status())
    }
}

pub(super) fn is_ended(status: &Open<JobStatus>) -> bool {
    status.known().is_some_and(JobStatus::is_terminal)
}

/// Something about a job is not as it was when it was last looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// The job's status.
    Status {
        /// What it is now.
        status: Open<JobStatus>,
        /// The time that the job gives for it.
        at: Option<DateTime<Utc>>,
        /// How long the job worked, once it has ended.
        took: Option<TimeDelta>,
    },
    /// A step's status.
    Step {
        /// The step.
        name: String,
        /// What its status is now.
        status: Open<JobStatus>,
        /// When it began or, where it has, ended.
        at: DateTime<Utc>,
        /// How long it took, once it has ended.
        took: Option<TimeDelta>,
    },
}

impl Client {
    /// Looks at the job, soon and then more and more rarely, until it has ended. `seen` hears of each change.
    ///
    /// # Errors
    ///
    /// Where the server does not answer, or knows no such job.
    pub(crate) async fn watch(&self, job: &JobRef, seen: &mut (dyn FnMut(&Change) + Send)) -> anyhow::Result<Report> {
        let mut before = None;
        let mut pause = FIRST_PAUSE;
        loop {
            let report = self.report(job).await?;
            changes(before.as_ref(), &report.job).iter().for_each(&mut *seen);
            if report.is_ended() {
                return Ok(report);
            }
            before = Some(report.job);
            tokio::time::sleep(pause).await;
            pause = LAST_PAUSE.min(pause * 2);
        }
    }

    /// The job as it is now.
    pub(super) async fn report(&self, job: &JobRef) -> anyhow::Result<Report> {
        let header = ReasonHeader::default();
        let request = self.sdk.get_job().app_id(&job.app_id).branch_name(&job.branch).job_id(&job.job_id);
        let answer = request.customize().interceptor(header.clone()).send().await;
        let answer = answer.map_err(|error| self.explain("GetJob", error))?;
        let job = answer.job().and_then(wire::job).context("GetJob answered without a job")?;
        // A step has room for more than a header, but a job may end without one.
        let last = job.steps.last().and_then(|step| step.status_reason.clone()).filter(|text| !text.is_empty());
        let reason = last.or_else(|| header.take());
        Ok(Report { job, reason })
    }
}

/// A small site is live before the second look.
const FIRST_PAUSE: Duration = Duration::from_millis(50);

/// Nobody minds a build that is seen to end two seconds late.
const LAST_PAUSE: Duration = Duration::from_secs(2);

/// What changed from one look to the next, in the order in which it must have happened: a job begins before its steps and ends
/// after them.
fn changes(before: Option<&Job>, now: &Job) -> Vec<Change> {
    let steps = now.steps.iter().enumerate().filter_map(|(index, step)| {
        let earlier = before.and_then(|job| job.steps.get(index));
        (earlier.map(|step| &step.status) != Some(&step.status)).then(|| step_change(step))
    });
    let mut changes: Vec<Change> = steps.collect();
    if before.map(|job| &job.summary.status) != Some(&now.summary.status) {
        let place = if is_ended(&now.summary.status) { changes.len() } else { 0 };
        changes.insert(place, status_change(&now.summary));
    }
    changes
}

fn status_change(job: &JobSummary) -> Change {
    let took = job.end_time.zip(job.start_time).map(|(end, start)| end - start);
    Change::Status { status: job.status.clone(), at: job.end_time.or(job.start_time), took }
}

fn step_change(step: &Step) -> Change {
    let at = step.end_time.unwrap_or(step.start_time);
    let took = step.end_time.map(|end| end - step.start_time);
    Change::Step { name: step.step_name.clone(), status: step.status.clone(), at, took }
}

/// Reads the header in which a Windlass server says why a job is as it is; AWS has no member for it.
#[derive(Clone, Debug, Default)]
struct ReasonHeader(Arc<Mutex<Option<String>>>);

impl ReasonHeader {
    fn take(&self) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl Intercept for ReasonHeader {
    fn name(&self) -> &'static str {
        "ReasonHeader"
    }

    fn read_before_deserialization(
        &self,
        context: &BeforeDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let reason = context.response().headers().get("x-windlass-status-reason").map(str::to_owned);
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = reason.filter(|reason| !reason.is_empty());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_look_sees_all_that_happened_and_the_end_last() {
        let ended = job("SUCCEED", Some(9), &[("DEPLOY", "SUCCEED", Some(8)), ("VERIFY", "SUCCEED", Some(9))]);
        assert_eq!(shown(None, &ended), ["DEPLOY SUCCEED", "VERIFY SUCCEED", "SUCCEED"]);
    }

    #[test]
    fn a_job_runs_before_its_steps() {
        let pending = job("PENDING", None, &[]);
        let running = job("RUNNING", None, &[("DEPLOY", "RUNNING", None)]);
        assert_eq!(shown(None, &pending), ["PENDING"]);
        assert_eq!(shown(Some(&pending), &running), ["RUNNING", "DEPLOY RUNNING"]);
        assert!(shown(Some(&running), &running).is_empty());
    }

    #[test]
    fn only_what_changed_is_told() {
        let before = job("RUNNING", None, &[("BUILD", "SUCCEED", Some(4)), ("DEPLOY", "RUNNING", None)]);
        let now = job("FAILED", Some(6), &[("BUILD", "SUCCEED", Some(4)), ("DEPLOY", "FAILED", Some(6))]);
        assert_eq!(shown(Some(&before), &now), ["DEPLOY FAILED", "FAILED"]);
        let Some(Change::Status { took, at, .. }) = changes(Some(&before), &now).pop() else { panic!("no status") };
        assert_eq!((took, at.map(|at| at.timestamp())), (Some(TimeDelta::seconds(5)), Some(6)));
    }

    fn job(status: &str, ended: Option<i64>, steps: &[(&str, &str, Option<i64>)]) -> Job {
        let step = |&(name, status, ended): &(&str, &str, Option<i64>)| serde_json::json!({ "stepName": name, "status": status, "startTime": 2, "endTime": ended });
        let steps: Vec<_> = steps.iter().map(step).collect();
        let summary = serde_json::json!({
            "jobArn": "arn", "jobId": "1", "startTime": 1, "status": status, "endTime": ended,
        });
        serde_json::from_value(serde_json::json!({ "summary": summary, "steps": steps })).unwrap()
    }

    fn shown(before: Option<&Job>, now: &Job) -> Vec<String> {
        let show = |change: &Change| match change {
            Change::Status { status, .. } => status.to_string(),
            Change::Step { name, status, .. } => format!("{name} {status}"),
        };
        changes(before, now).iter().map(show).collect()
    }
}
