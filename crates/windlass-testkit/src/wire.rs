//! AWS's JSON, as strangers write it.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::str::FromStr;

use arbitrary::{Result, Unstructured};
use chrono::{DateTime, Utc};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use windlass::wire::{Artifact, Job, JobSummary, Open, Step};
use windlass::{JobStatus, JobType, SourceUrlType};

/// Reads `data` as whatever the API answers about jobs, and each part of it. What can be read is written and
/// read again. Then makes a job of `data` and does the same, also with what AWS may add to it.
///
/// # Panics
///
/// Where a value changes by being written, or where a `null` is.
pub fn wire(data: &[u8]) {
    read::<Job>(data);
    read::<JobSummary>(data);
    read::<Step>(data);
    read::<Artifact>(data);
    read::<Open<JobStatus>>(data);
    read::<Open<JobType>>(data);
    read::<Open<SourceUrlType>>(data);
    read::<Page>(data);
    if let Ok(job) = any_job(&mut Unstructured::new(data)) {
        there_and_back(&job);
        let mut sent = serde_json::to_value(&job).expect("a job is JSON");
        add_to(&mut sent);
        assert_eq!(serde_json::from_value::<Job>(sent).expect("more is no error"), job);
    }
}

/// What GetJob, ListJobs and ListArtifacts answer, in one.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Page {
    #[serde(skip_serializing_if = "Option::is_none")]
    job: Option<Job>,
    #[serde(skip_serializing_if = "Option::is_none")]
    job_summaries: Option<Vec<JobSummary>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    artifacts: Option<Vec<Artifact>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

fn read<T: Serialize + DeserializeOwned + PartialEq + Debug>(data: &[u8]) {
    let Ok(value) = serde_json::from_slice::<T>(data) else { return };
    there_and_back(&value);
    // A tree of JSON refuses some numbers and escapes in members that are skipped here.
    if let Ok(tree) = serde_json::from_slice::<Value>(data) {
        assert_eq!(serde_json::from_value::<T>(tree).expect("the same as a tree"), value);
    }
}

fn there_and_back<T: Serialize + DeserializeOwned + PartialEq + Debug>(value: &T) {
    let text = serde_json::to_string(value).expect("it is JSON");
    let tree: Value = serde_json::from_str(&text).expect("JSON is read");
    assert!(!has_null(&tree), "no member is ever null: {text}");
    assert_eq!(serde_json::from_str::<T>(&text).expect("what was written is read"), *value);
    assert_eq!(serde_json::from_reader::<_, T>(text.as_bytes()).expect("also as it comes in"), *value);
    assert_eq!(serde_json::from_value::<T>(tree).expect("also as a tree"), *value);
}

fn has_null(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(values) => values.iter().any(has_null),
        Value::Object(members) => members.values().any(has_null),
        Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

/// Adds to a job members that nobody knows, and writes `null` for those that are absent.
fn add_to(job: &mut Value) {
    let absent = ["commitTime", "startTime", "endTime", "jobType", "sourceUrl", "sourceUrlType"];
    fill(&mut job["summary"], &absent);
    let absent = [
        "endTime",
        "logUrl",
        "artifactsUrl",
        "testArtifactsUrl",
        "testConfigUrl",
        "screenshots",
        "statusReason",
        "context",
    ];
    job["steps"].as_array_mut().into_iter().flatten().for_each(|step| fill(step, &absent));
    fill(job, &[]);
}

fn fill(members: &mut Value, absent: &[&str]) {
    members["later"] = json!({ "added": [null, 1e300, "\u{0}"] });
    for name in absent {
        if members.get(name).is_none() {
            members[name] = Value::Null;
        }
    }
}

fn any_job(u: &mut Unstructured<'_>) -> Result<Job> {
    let summary = any_summary(u)?;
    let steps = (0..u.int_in_range(0..=3)?).map(|_| any_step(u)).collect::<Result<_>>()?;
    Ok(Job { summary, steps })
}

fn any_summary(u: &mut Unstructured<'_>) -> Result<JobSummary> {
    Ok(JobSummary {
        job_arn: u.arbitrary()?,
        job_id: u.arbitrary()?,
        commit_id: u.arbitrary()?,
        commit_message: u.arbitrary()?,
        commit_time: perhaps(u, any_time)?,
        start_time: perhaps(u, any_time)?,
        status: any_value(u)?,
        end_time: perhaps(u, any_time)?,
        job_type: perhaps(u, any_value)?,
        source_url: u.arbitrary()?,
        source_url_type: perhaps(u, any_value)?,
    })
}

fn any_step(u: &mut Unstructured<'_>) -> Result<Step> {
    Ok(Step {
        step_name: u.arbitrary()?,
        start_time: any_time(u)?,
        status: any_value(u)?,
        end_time: perhaps(u, any_time)?,
        log_url: u.arbitrary()?,
        artifacts_url: u.arbitrary()?,
        test_artifacts_url: u.arbitrary()?,
        test_config_url: u.arbitrary()?,
        screenshots: u.arbitrary::<Option<BTreeMap<_, _>>>()?,
        status_reason: u.arbitrary()?,
        context: u.arbitrary()?,
    })
}

fn perhaps<'a, T>(u: &mut Unstructured<'a>, any: fn(&mut Unstructured<'a>) -> Result<T>) -> Result<Option<T>> {
    if u.arbitrary()? { any(u).map(Some) } else { Ok(None) }
}

/// Any whole millisecond of the calendar: a double holds them all.
fn any_time(u: &mut Unstructured<'_>) -> Result<DateTime<Utc>> {
    let ends = DateTime::<Utc>::MIN_UTC.timestamp_millis()..=DateTime::<Utc>::MAX_UTC.timestamp_millis();
    let millis = u.int_in_range(ends)?;
    Ok(DateTime::from_timestamp_millis(millis).expect("a time of the calendar"))
}

/// A value that is known, or any text.
fn any_value<T: FromStr>(u: &mut Unstructured<'_>) -> Result<Open<T>> {
    let known = ["CREATED", "RUNNING", "CANCELLED", "RELEASE", "WEB_HOOK", "ZIP", "BUCKET_PREFIX"];
    let text = if u.arbitrary()? { *u.choose(&known)? } else { u.arbitrary()? };
    let Ok(value) = text.parse();
    Ok(value)
}
