//! The same bytes read by AWS's own client and by the core: each member must say the same in both.

#![allow(clippy::unwrap_used, reason = "a test panics by design")]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use aws_sdk_amplify::Client;
use aws_sdk_amplify::primitives::DateTime as SdkTime;
use aws_sdk_amplify::types;
use axum::Router;
use chrono::{DateTime, Utc};
use http::header::CONTENT_TYPE;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use windlass::wire::{self, Open, epoch_seconds};

#[tokio::test]
async fn every_golden_job_says_the_same_to_both() {
    let jobs = golden("get_job_");
    assert!(jobs.len() >= 13, "each status, each type, and one with every member");
    for path in jobs {
        get_job(&std::fs::read(path).unwrap()).await;
    }
}

#[tokio::test]
async fn the_golden_page_says_the_same_to_both() {
    let [path] = &golden("list_jobs")[..] else { panic!("one page") };
    let body = std::fs::read(path).unwrap();
    let ours: ListJobs = serde_json::from_slice(&body).unwrap();
    let page = answering(&body).await.list_jobs().app_id("d1").branch_name("main").send().await.unwrap();
    assert_eq!((ours.job_summaries.len(), &ours.next_token), (page.job_summaries.len(), &page.next_token));
    for (ours, theirs) in ours.job_summaries.iter().zip(&page.job_summaries) {
        same_summary(ours, theirs);
    }
}

#[tokio::test]
async fn the_golden_artifacts_say_the_same_to_both() {
    let [path] = &golden("list_artifacts")[..] else { panic!("one list") };
    let body = std::fs::read(path).unwrap();
    let ours: ListArtifacts = serde_json::from_slice(&body).unwrap();
    let call = answering(&body).await.list_artifacts().app_id("d1").branch_name("main").job_id("1");
    let theirs: Vec<_> = call.send().await.unwrap().artifacts.into_iter().collect();
    let theirs = theirs.iter().map(|artifact| (artifact.artifact_file_name(), artifact.artifact_id()));
    assert!(theirs.eq(ours.artifacts.iter().map(|ours| (&*ours.artifact_file_name, &*ours.artifact_id))));
    assert!(!ours.artifacts.is_empty());
}

#[tokio::test]
async fn what_aws_leaves_out_or_adds_says_the_same_to_both() {
    let least = json!({"jobArn": "arn", "jobId": "3", "status": "PENDING"});
    let with = |name: &str, value: Value| {
        let mut summary = least.clone();
        summary[name] = value;
        summary
    };
    let mut summaries = vec![least.clone(), with("status", json!("TELEPORTED")), with("mood", json!({"good": [null]}))];
    for value in [json!("DREAM"), json!("web_hook"), Value::Null] {
        summaries.push(with("jobType", value));
    }
    for value in [json!("TAR"), json!("ZIP"), Value::Null] {
        summaries.push(with("sourceUrlType", value));
    }
    for name in ["commitId", "commitMessage", "commitTime", "startTime", "endTime", "sourceUrl"] {
        summaries.push(with(name, Value::Null));
    }
    for time in [json!(1_767_258_000), json!(1_767_258_000.123), json!(1.767_258_000_877e9), json!(0.001)] {
        summaries.push(with("startTime", time.clone()));
        summaries.push(with("endTime", time));
    }
    for summary in summaries {
        get_job(json!({"job": {"summary": summary, "steps": []}}).to_string().as_bytes()).await;
    }

    let least = json!({"stepName": "BUILD", "startTime": 1, "status": "RUNNING"});
    let mut steps = vec![least.clone()];
    for name in ["endTime", "logUrl", "artifactsUrl", "testArtifactsUrl", "testConfigUrl", "screenshots", "context"] {
        let mut step = least.clone();
        step[name] = Value::Null;
        steps.push(step);
    }
    let summary = json!({"jobArn": "", "jobId": "\u{1f680}\u{0}", "status": "", "commitId": "null"});
    get_job(json!({"job": {"summary": summary, "steps": steps}, "weather": "fair"}).to_string().as_bytes()).await;
    get_job(json!({"job": {"summary": summary, "steps": null}}).to_string().as_bytes()).await;
    get_job(br#"{"job": {"summary": {"jobArn": "a", "jobId": "1", "status": "\u0052UNNING", "endTime": 1.707429282398E9}}}"#)
        .await;
}

#[derive(Deserialize)]
struct GetJob {
    job: wire::Job,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ListJobs {
    job_summaries: Vec<wire::JobSummary>,
    next_token: Option<String>,
}

#[derive(Deserialize)]
struct ListArtifacts {
    artifacts: Vec<wire::Artifact>,
}

/// The core's golden files of which the name begins so.
fn golden(prefix: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../windlass/tests/golden");
    let paths: BTreeSet<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    let named = |path: &PathBuf| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(prefix));
    paths.into_iter().filter(named).collect()
}

/// AWS's client of a server that gives one answer, whatever it is asked.
async fn answering(body: &[u8]) -> Client {
    let body = body.to_owned();
    let answer = move || async move { ([(CONTENT_TYPE, "application/json")], body) };
    support::client(&support::web::serve(Router::new().fallback(answer)).await, "key", "secret")
}

async fn get_job(body: &[u8]) {
    let GetJob { job } = read(body);
    let call = answering(body).await.get_job().app_id("d1").branch_name("main").job_id("1");
    let theirs = call.send().await.unwrap_or_else(|error| panic!("{}: {error:?}", String::from_utf8_lossy(body)));
    let theirs = theirs.job.unwrap();
    same_summary(&job.summary, theirs.summary().unwrap());
    assert_eq!(job.steps.len(), theirs.steps().len());
    for (ours, theirs) in job.steps.iter().zip(theirs.steps()) {
        same_step(ours, theirs);
    }
}

fn read<T: DeserializeOwned>(body: &[u8]) -> T {
    serde_json::from_slice(body).unwrap_or_else(|error| panic!("{}: {error}", String::from_utf8_lossy(body)))
}

fn same_summary(ours: &wire::JobSummary, theirs: &types::JobSummary) {
    let wire::JobSummary {
        job_arn,
        job_id,
        commit_id,
        commit_message,
        commit_time,
        start_time,
        status,
        end_time,
        job_type,
        source_url,
        source_url_type,
    } = ours;
    assert_eq!((job_arn, job_id), (&theirs.job_arn, &theirs.job_id));
    assert_eq!((commit_id, commit_message), (&theirs.commit_id, &theirs.commit_message));
    assert_eq!(commit_time.unwrap_or_default(), time(&theirs.commit_time));
    assert_eq!(start_time.unwrap_or_default(), time(&theirs.start_time));
    assert_eq!(status.to_string(), theirs.status.as_str());
    assert_eq!(*end_time, theirs.end_time.as_ref().map(time));
    assert_eq!(name(job_type).as_deref().unwrap_or(ABSENT), theirs.job_type.as_str());
    assert_eq!(*source_url, theirs.source_url);
    assert_eq!(name(source_url_type).as_deref(), theirs.source_url_type.as_ref().map(|value| value.as_str()));
}

fn same_step(ours: &wire::Step, theirs: &types::Step) {
    let wire::Step {
        step_name,
        start_time,
        status,
        end_time,
        log_url,
        artifacts_url,
        test_artifacts_url,
        test_config_url,
        screenshots,
        status_reason,
        context,
    } = ours;
    assert_eq!((step_name, *start_time), (&theirs.step_name, time(&theirs.start_time)));
    assert_eq!(status.to_string(), theirs.status.as_str());
    assert_eq!(end_time.unwrap_or_default(), time(&theirs.end_time));
    assert_eq!((log_url, artifacts_url), (&theirs.log_url, &theirs.artifacts_url));
    assert_eq!((test_artifacts_url, test_config_url), (&theirs.test_artifacts_url, &theirs.test_config_url));
    assert_eq!(*screenshots, theirs.screenshots.clone().map(BTreeMap::from_iter));
    assert_eq!((status_reason, context), (&theirs.status_reason, &theirs.context));
}

/// What AWS's client puts in the place of an enum that the model requires and the server left out. In the place of
/// a time it puts the epoch, in that of a text nothing.
const ABSENT: &str = "no value was set";

fn name<T: std::fmt::Display>(value: &Option<Open<T>>) -> Option<String> {
    value.as_ref().map(Open::to_string)
}

/// AWS's client cuts the double at nanoseconds, just below the millisecond that was meant: its `to_millis` is wrong.
fn time(time: &SdkTime) -> DateTime<Utc> {
    epoch_seconds::from_seconds(time.as_secs_f64()).unwrap()
}
