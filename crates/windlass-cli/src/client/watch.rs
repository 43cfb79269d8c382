//! Watching a job to its end, as someone at a terminal wants it.

use core::time::Duration;

use anyhow::Context;
use chrono::{DateTime, TimeDelta, Utc};
use windlass::wire::{Job, JobSummary, Open, Step};
use windlass::{Contradiction, JobStatus, Pace};
use windlass_aws::{JobRef, Look, Watch, get_job};

use super::{Client, Place};

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
    /// The server says what cannot be.
    Contradiction(Contradiction),
}

pub(super) fn is_ended(status: &Open<JobStatus>) -> bool {
    status.known().is_some_and(JobStatus::is_terminal)
}

impl Client {
    /// Looks at the job until it has ended. `seen` hears of each change.
    ///
    /// # Errors
    ///
    /// Where the server does not answer, or knows no such job.
    pub(crate) async fn watch(&self, job: &JobRef, seen: &mut (dyn FnMut(&Change) + Send)) -> anyhow::Result<Look> {
        let (pace, patience) = self.pace();
        let mut watch = Watch::new(self.sdk.clone(), job.clone()).with_pace(pace).with_patience(patience);
        let mut last: Option<Look> = None;
        while let Some(now) = watch.next().await.map_err(|error| self.tell(error))? {
            let is_believed = now.observation.is_believed();
            for contradiction in now.observation.contradictions {
                seen(&Change::Contradiction(contradiction));
            }
            if is_believed {
                changes(last.as_ref().map(|look| &look.job), &now.look.job).iter().for_each(&mut *seen);
                last = Some(now.look);
            }
        }
        last.context("the job was never seen")
    }

    /// The job as it is now.
    pub(super) async fn look(&self, job: &JobRef) -> anyhow::Result<Look> {
        get_job(&self.sdk, job).await.map_err(|error| self.tell(error))
    }

    /// How often to look, and how long to go on without an answer. AWS is far, asked by many and sure to come back; a
    /// small site on a server nearby is live before the second look, and a server that is down should be said to be.
    fn pace(&self) -> (Pace, Duration) {
        match &self.place {
            Place::Endpoint(_) => {
                (Pace { first: TimeDelta::milliseconds(50), longest: TimeDelta::seconds(2) }, Duration::ZERO)
            }
            Place::Aws(_) => (Pace::default(), Watch::PATIENCE),
        }
    }
}

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
            Change::Contradiction(contradiction) => contradiction.to_string(),
        };
        changes(before, now).iter().map(show).collect()
    }
}
