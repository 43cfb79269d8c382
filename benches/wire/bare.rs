//! The same members as one derives them without a thought: names are texts, times are numbers.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct JobSummary {
    job_arn: String,
    job_id: String,
    commit_id: String,
    commit_message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    commit_time: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    start_time: Option<f64>,
    status: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    end_time: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    job_type: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    source_url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    source_url_type: Option<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Step {
    step_name: String,
    start_time: f64,
    status: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    end_time: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    log_url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    artifacts_url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    test_artifacts_url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    test_config_url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    screenshots: Option<BTreeMap<String, String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status_reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    context: Option<String>,
}

#[derive(Serialize, Deserialize)]
pub(super) struct Job {
    summary: JobSummary,
    steps: Vec<Step>,
}
