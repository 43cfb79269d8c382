//! What an event looks like: as Amazon EventBridge shows those of Amplify, and a little more.
//!
//! | member of `detail` | what it says | whose |
//! |---|---|---|
//! | `appId`, `branchName` | where the job is | AWS's |
//! | `jobId` | its number, not padded | AWS's |
//! | `jobStatus` | `STARTED` when work begins, else the status | AWS's, who tell only of `STARTED`, `SUCCEED` and `FAILED` |
//! | `jobStep` | the step that is open, or that failed; absent where there is none | AWS's, seldom |
//! | `status` | the status to the letter: `PROVISIONING` when work begins | ours |
//! | `jobType` | `MANUAL`, `RELEASE`, `RETRY` or `WEB_HOOK` | ours |
//! | `commitId`, `commitMessage` | of the commit, where there is one | ours |
//! | `statusReason` | why it ended FAILED or CANCELLED | ours |

use std::borrow::Cow;

use chrono::SecondsFormat;
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use uuid::Builder;
use windlass::{Account, AppId, Because, BranchName, Cause, Job, JobStatus, JobType, Record, Resource, StepName};
use windlass_store::BranchUid;

/// The first moment of work, by the name that AWS's events have for it.
const STARTED: &str = "STARTED";

/// A status change as an event.
#[derive(Debug, Serialize)]
pub(super) struct Event<'a> {
    version: &'static str,
    pub(super) id: String,
    #[serde(rename = "detail-type")]
    detail_type: &'static str,
    source: &'static str,
    account: &'a str,
    /// To the second, as EventBridge writes it.
    time: String,
    region: &'a str,
    resources: [String; 1],
    detail: Detail<'a>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Detail<'a> {
    app_id: &'a AppId,
    branch_name: &'a BranchName,
    job_id: String,
    job_status: Cow<'static, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    job_step: Option<StepName>,
    status: JobStatus,
    job_type: JobType,
    #[serde(skip_serializing_if = "Option::is_none")]
    commit_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    commit_message: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status_reason: Option<Box<str>>,
}

/// Where a job is.
#[derive(Clone, Copy, Debug)]
pub(super) struct At<'a> {
    pub(super) account: &'a Account,
    pub(super) app: &'a AppId,
    pub(super) branch: &'a BranchName,
    pub(super) uid: BranchUid,
}

impl<'a> Event<'a> {
    /// What `record` was to a job that had the status `before`, if it had been made, and is `job` after it: an event if
    /// the status changed.
    pub(super) fn of(at: At<'a>, before: Option<JobStatus>, job: &'a Job, record: &Record) -> Option<Self> {
        let status = job.status();
        if before == Some(status) {
            return None;
        }
        let begins = status.is_working() && !before.is_some_and(JobStatus::is_working);
        let commit = job.commit();
        let arn = at.account.arn(Resource::Job(at.app.clone(), at.branch.clone(), job.id()));
        Some(Self {
            version: "0",
            id: id(at, job, record),
            detail_type: "Amplify Deployment Status Change",
            source: "aws.amplify",
            account: &at.account.id,
            time: record.at.to_rfc3339_opts(SecondsFormat::Secs, true),
            region: &at.account.region,
            resources: [arn.to_string()],
            detail: Detail {
                app_id: at.app,
                branch_name: at.branch,
                job_id: job.id().to_string(),
                job_status: if begins { STARTED.into() } else { status.to_string().into() },
                job_step: step(job, record),
                status,
                job_type: job.job_type(),
                commit_id: commit.map(|commit| &*commit.id),
                commit_message: commit.map(|commit| &*commit.message).filter(|message| !message.is_empty()),
                status_reason: job.status_reason(),
            },
        })
    }
}

/// The same each time that an event is told, and never another event's: a receiver can drop what it knows already.
fn id(at: At<'_>, job: &Job, record: &Record) -> String {
    let named = format!("{}\n{}\n{}\n{}", at.app, at.uid, job.id(), record.seq);
    let digest: [u8; 32] = Sha256::digest(named).into();
    let (half, _) = digest.split_at(16);
    Builder::from_custom_bytes(half.try_into().unwrap_or_default()).into_uuid().to_string()
}

fn step(job: &Job, record: &Record) -> Option<StepName> {
    match job.why(record.at).because {
        Because::Running { step, .. }
        | Because::Stopping { step, .. }
        | Because::Ended(Cause::Failed { step, .. } | Cause::Expired { step, .. }) => step,
        Because::UploadsMissing { .. }
        | Because::NotStarted
        | Because::NotClaimed
        | Because::Behind { .. }
        | Because::NoRoom { .. }
        | Because::NoRunner { .. }
        | Because::Provisioning { .. }
        | Because::Succeeded { .. }
        | Because::Ended(Cause::Stopped { .. } | Cause::Skipped { .. })
        | Because::NotKept => None,
    }
}

#[cfg(test)]
mod tests;
