//! AWS's JSON form of jobs, as the Amplify API and its clients exchange it.
//!
//! Names, order and optionality are those of the public service model. Times are epoch seconds with
//! milliseconds as the service sends them; RFC 3339, which the AWS CLI prints, is accepted too.
//! Members that are not known are ignored, and values that are not known are kept. No member is ever
//! written as `null`; one that is read as `null` is absent.
//!
//! AWS leaves out members that its own model requires: the commit, the type, and the start of a job that
//! has only been asked for. So only what every answer has is required here.
//!
//! ```
//! use windlass::JobStatus;
//! use windlass::wire::JobSummary;
//!
//! // As `aws amplify list-jobs` prints it.
//! let job: JobSummary = serde_json::from_str(
//!     r#"{
//!         "jobArn": "arn:aws:amplify:us-east-1:000000000000:apps/d1/branches/main/jobs/0000000003",
//!         "jobId": "3",
//!         "startTime": "2026-01-01T09:00:00.123000+00:00",
//!         "status": "SUCCEED"
//!     }"#,
//! )?;
//! assert_eq!(job.status.known(), Some(JobStatus::Succeed));
//!
//! // As the service would send it.
//! assert!(serde_json::to_string(&job)?.contains(r#""startTime":1767258000.123,"#));
//! # Ok::<(), serde_json::Error>(())
//! ```

pub mod epoch_seconds;
mod open;

use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Deserializer, Serialize};

pub use self::open::Open;
use crate::{Arn, JobStatus, JobType, Source, SourceUrlType};

/// What ListJobs and every operation on a job answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct JobSummary {
    /// The job's ARN, with its number padded to ten digits.
    pub job_arn: String,
    /// The job's number, unpadded.
    pub job_id: String,
    /// The commit's hash, `HEAD`, or empty for a MANUAL job.
    #[serde(default, deserialize_with = "or_default")]
    pub commit_id: String,
    /// The commit's message, or empty.
    #[serde(default, deserialize_with = "or_default")]
    pub commit_message: String,
    /// The commit's time; the job's creation for a MANUAL job.
    #[serde(default, with = "epoch_seconds::option", skip_serializing_if = "Option::is_none")]
    pub commit_time: Option<DateTime<Utc>>,
    /// When work began; the job's creation until then.
    #[serde(default, with = "epoch_seconds::option", skip_serializing_if = "Option::is_none")]
    pub start_time: Option<DateTime<Utc>>,
    /// The status.
    pub status: Open<JobStatus>,
    /// When the job ended.
    #[serde(default, with = "epoch_seconds::option", skip_serializing_if = "Option::is_none")]
    pub end_time: Option<DateTime<Utc>>,
    /// The type, which AWS itself often leaves out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job_type: Option<Open<JobType>>,
    /// The URL that was given to StartDeployment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_url: Option<String>,
    /// What that URL points at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_url_type: Option<Open<SourceUrlType>>,
}

/// A step of a job, as GetJob shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Step {
    /// `BUILD`, `TEST`, `DEPLOY` or `VERIFY`.
    pub step_name: String,
    /// When it began.
    #[serde(with = "epoch_seconds")]
    pub start_time: DateTime<Utc>,
    /// Its status.
    pub status: Open<JobStatus>,
    /// When it ended.
    #[serde(default, with = "epoch_seconds::option", skip_serializing_if = "Option::is_none")]
    pub end_time: Option<DateTime<Utc>>,
    /// Where its log can be read for a while.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log_url: Option<String>,
    /// Where its artifact can be fetched for a while.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artifacts_url: Option<String>,
    /// Where the artifacts of its tests can be fetched for a while.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test_artifacts_url: Option<String>,
    /// Where the configuration of its tests can be read for a while.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test_config_url: Option<String>,
    /// Pictures that its tests took: where each can be seen, by name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub screenshots: Option<BTreeMap<String, String>>,
    /// Why it ended as it did, at most 1,000 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status_reason: Option<String>,
    /// For example the build image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context: Option<String>,
}

/// What GetJob answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    /// The job.
    pub summary: JobSummary,
    /// The steps that have begun.
    #[serde(default, deserialize_with = "or_default")]
    pub steps: Vec<Step>,
}

/// A file that the tests of a job made, as ListArtifacts shows it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Artifact {
    /// The name of the file.
    pub artifact_file_name: String,
    /// What GetArtifactUrl asks for.
    pub artifact_id: String,
}

impl JobSummary {
    /// The summary of `job`, whose ARN is `arn`.
    #[must_use]
    pub fn new(job: &crate::Job, arn: &Arn) -> Self {
        let (source_url, source_url_type) = match &job.birth().source {
            Source::Url { url, url_type } => (Some(url.to_string()), Some(Open::Known(*url_type))),
            Source::Zip | Source::Files(_) | Source::Artifact(_) | Source::UploadOf { .. } | Source::Repository => {
                (None, None)
            }
        };
        let commit = job.commit();
        Self {
            job_arn: arn.to_string(),
            job_id: job.id().to_string(),
            commit_id: commit.map_or_else(String::new, |commit| commit.id.to_string()),
            commit_message: commit.map_or_else(String::new, |commit| commit.message.to_string()),
            commit_time: Some(commit.map_or(job.birth().created, |commit| commit.time)),
            start_time: Some(job.started()),
            status: Open::Known(job.status()),
            end_time: job.ended(),
            job_type: Some(Open::Known(job.job_type())),
            source_url,
            source_url_type,
        }
    }
}

impl Job {
    /// The job and its steps.
    #[must_use]
    pub fn new(job: &crate::Job, arn: &Arn) -> Self {
        let reason = job.status_reason();
        let steps = job.steps().map(|(name, step)| Step {
            step_name: name.to_string(),
            start_time: step.started,
            status: Open::Known(step.status),
            end_time: step.ended,
            log_url: None,
            artifacts_url: None,
            test_artifacts_url: None,
            test_config_url: None,
            screenshots: None,
            status_reason: reason
                .as_deref()
                .filter(|_| step.ended == job.ended() && step.status == job.status())
                .map(ToString::to_string),
            context: None,
        });
        Self { summary: JobSummary::new(job, arn), steps: steps.collect() }
    }
}

/// Reads `null` as what stands for an absent member.
fn or_default<'de, T: Default + Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
    Option::deserialize(deserializer).map(Option::unwrap_or_default)
}
