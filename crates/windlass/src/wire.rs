//! AWS's JSON form of jobs, as the Amplify API and its clients exchange it.
//!
//! Names and optionality are those of the public service model. Times are epoch seconds with
//! milliseconds as the service sends them; RFC 3339, which the AWS CLI prints, is accepted too.
//! Members that are not known are ignored, and no member is ever `null`.

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;
use core::str::FromStr;

use chrono::{DateTime, TimeZone, Utc};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{Arn, JobStatus, JobType, Source, SourceUrlType};

/// A value of an enum that AWS may extend: one that is known, or the text that stood there.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Open<T> {
    /// One of ours.
    Known(T),
    /// One that AWS has added since; it is passed through as it came.
    Unknown(String),
}

impl<T: Copy> Open<T> {
    /// The value, where it is known.
    pub const fn known(&self) -> Option<T> {
        match self {
            Self::Known(value) => Some(*value),
            Self::Unknown(_) => None,
        }
    }
}

impl<T> From<T> for Open<T> {
    fn from(value: T) -> Self {
        Self::Known(value)
    }
}

impl<T: fmt::Display> fmt::Display for Open<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Known(value) => value.fmt(f),
            Self::Unknown(text) => f.write_str(text),
        }
    }
}

impl<T: AsRef<str>> Serialize for Open<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Known(value) => serializer.serialize_str(value.as_ref()),
            Self::Unknown(text) => serializer.serialize_str(text),
        }
    }
}

impl<'de, T: FromStr> Deserialize<'de> for Open<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Ok(text.parse().map_or(Self::Unknown(text), Self::Known))
    }
}

/// What ListJobs and every operation on a job answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct JobSummary {
    /// The job's ARN, with its number padded to ten digits.
    pub job_arn: String,
    /// The job's number, unpadded.
    pub job_id: String,
    /// The commit's hash, `HEAD`, or empty for a MANUAL job.
    #[serde(default)]
    pub commit_id: String,
    /// The commit's message, or empty.
    #[serde(default)]
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
    #[serde(default)]
    pub steps: Vec<Step>,
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
            status_reason: reason
                .as_deref()
                .filter(|_| step.ended == job.ended() && step.status == job.status())
                .map(ToString::to_string),
            context: None,
        });
        Self { summary: JobSummary::new(job, arn), steps: steps.collect() }
    }
}

/// Times as epoch seconds with milliseconds.
pub mod epoch_seconds {
    use super::{DateTime, Deserializer, Serialize, Serializer, TimeZone, Utc, fmt};

    /// Writes the time as epoch seconds.
    ///
    /// # Errors
    ///
    /// Those of the serializer.
    #[expect(clippy::cast_precision_loss, reason = "milliseconds fit a double for 285,000 years")]
    pub fn serialize<S: Serializer>(time: &DateTime<Utc>, serializer: S) -> Result<S::Ok, S::Error> {
        (time.timestamp_millis() as f64 / 1000.0).serialize(serializer)
    }

    /// Reads epoch seconds, or RFC 3339.
    ///
    /// # Errors
    ///
    /// For anything that is neither, or that lies outside of the calendar.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<DateTime<Utc>, D::Error> {
        deserializer.deserialize_any(Time)
    }

    struct Time;

    impl serde::de::Visitor<'_> for Time {
        type Value = DateTime<Utc>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("epoch seconds or an RFC 3339 time")
        }

        fn visit_f64<E: serde::de::Error>(self, seconds: f64) -> Result<Self::Value, E> {
            from_seconds(seconds).ok_or_else(|| E::custom("a time outside of the calendar"))
        }

        fn visit_i64<E: serde::de::Error>(self, seconds: i64) -> Result<Self::Value, E> {
            Utc.timestamp_opt(seconds, 0).single().ok_or_else(|| E::custom("a time outside of the calendar"))
        }

        fn visit_u64<E: serde::de::Error>(self, seconds: u64) -> Result<Self::Value, E> {
            i64::try_from(seconds).map_err(E::custom).and_then(|seconds| self.visit_i64(seconds))
        }

        fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Self::Value, E> {
            let time = DateTime::parse_from_rfc3339(text).map_err(E::custom)?;
            Utc.timestamp_millis_opt(time.timestamp_millis())
                .single()
                .ok_or_else(|| E::custom("a time outside of the calendar"))
        }
    }

    /// The time at so many seconds of the epoch, to the millisecond; `None` outside of the calendar.
    #[must_use]
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        reason = "a value out of range saturates, and is then out of the calendar"
    )]
    pub fn from_seconds(seconds: f64) -> Option<DateTime<Utc>> {
        if !seconds.is_finite() {
            return None;
        }
        // Whole seconds apart from the rest, so that no millisecond is lost in far years. `f64::round` needs std;
        // adding a half before the cut does the same.
        let whole = seconds as i64;
        let rest = (seconds - whole as f64) * 1000.0;
        let rest = (if rest < 0.0 { rest - 0.5 } else { rest + 0.5 }) as i64;
        Utc.timestamp_millis_opt(whole.checked_mul(1000)?.checked_add(rest)?).single()
    }

    /// The same for a time that may be absent.
    pub mod option {
        use super::{DateTime, Deserializer, Serializer, Utc};

        /// Writes the time as epoch seconds; an absent one is to be skipped.
        ///
        /// # Errors
        ///
        /// Those of the serializer.
        pub fn serialize<S: Serializer>(time: &Option<DateTime<Utc>>, serializer: S) -> Result<S::Ok, S::Error> {
            match time {
                Some(time) => super::serialize(time, serializer),
                None => serializer.serialize_none(),
            }
        }

        /// Reads epoch seconds, RFC 3339, or nothing.
        ///
        /// # Errors
        ///
        /// For anything else.
        pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<DateTime<Utc>>, D::Error> {
            #[derive(serde::Deserialize)]
            struct Present(#[serde(with = "super")] DateTime<Utc>);
            <Option<Present> as serde::Deserialize>::deserialize(deserializer)
                .map(|time| time.map(|Present(time)| time))
        }
    }
}
