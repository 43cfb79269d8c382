//! AWS's JSON, as strangers write it.

use chrono::{DateTime, Datelike, Utc};
use windlass::wire::{Job, JobSummary};

/// Reads `data` as what GetJob and ListJobs answer. What can be read is written and read again.
///
/// # Panics
///
/// Where a job changes by being written, or where a `null` is.
pub fn wire(data: &[u8]) {
    if let Ok(job) = serde_json::from_slice::<Job>(data) {
        let text = serde_json::to_string(&job).expect("a job is JSON");
        let value: serde_json::Value = serde_json::from_str(&text).expect("JSON is read");
        assert!(!has_null(&value), "no member is ever null: {text}");
        let again: Job = serde_json::from_str(&text).expect("what was written is read");
        if times(&job).iter().flatten().all(is_printable) {
            assert_eq!(again, job);
        }
    }
    if let Ok(summary) = serde_json::from_slice::<JobSummary>(data) {
        wire(&serde_json::to_vec(&Job { summary, steps: Vec::new() }).expect("a job is JSON"));
    }
}

fn times(job: &Job) -> Vec<Option<DateTime<Utc>>> {
    let JobSummary { commit_time, start_time, end_time, .. } = &job.summary;
    let steps = job.steps.iter().flat_map(|step| [Some(step.start_time), step.end_time]);
    [*commit_time, *start_time, *end_time].into_iter().chain(steps).collect()
}

/// A double of seconds cannot hold the milliseconds of years that nobody lives to see.
fn is_printable(time: &DateTime<Utc>) -> bool {
    (0..10_000).contains(&time.year())
}

fn has_null(value: &serde_json::Value) -> bool {
    match value {
        serde_json::Value::Null => true,
        serde_json::Value::Array(values) => values.iter().any(has_null),
        serde_json::Value::Object(members) => members.values().any(has_null),
        serde_json::Value::Bool(_) | serde_json::Value::Number(_) | serde_json::Value::String(_) => false,
    }
}
