//! Watching real deployments to their ends, and saying why they are as they are.

#![allow(clippy::unwrap_used, reason = "a test panics by design")]

mod support;

use std::fs;
use std::process::Output;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::http::{HeaderName, HeaderValue, StatusCode, Uri};
use axum::response::IntoResponse as _;
use chrono::TimeDelta;
use serde_json::{Value, json};
use support::process::{Process, windlass};
use support::web::{endless, serve};
use support::{BRANCH, World, page};
use windlass::{EventKind, JobStatus, Pace};
use windlass_aws::{Error, JobRef, Look, Seen, Watch};

#[tokio::test]
async fn a_deployment_is_watched_from_its_creation_to_its_success() {
    let world = World::new().await;
    let (job, url) = world.create_deployment().await;
    let mut watch = watch(&world, &job);
    let mut seen = vec![next(&mut watch).await];
    assert_eq!(status(&seen[0].look), Some(JobStatus::Created));
    assert_eq!(world.put(&url, page("watched")).await.status(), 200);
    seen.push(next(&mut watch).await);
    world.start(&job).await;
    follow(&mut watch, &mut seen).await;

    let end = last(&seen);
    assert_eq!(status(end), Some(JobStatus::Succeed));
    assert_eq!(end.job.steps.iter().map(|step| step.step_name.as_str()).collect::<Vec<_>>(), ["DEPLOY", "VERIFY"]);
    assert_eq!(way(&seen), "CREATED PENDING PROVISIONING RUNNING SUCCEED");
    let happened: Vec<_> = seen.iter().flat_map(|seen| seen.observation.happened.iter().copied()).collect();
    let all = [EventKind::Started, EventKind::Claimed, EventKind::Provisioned, EventKind::Succeeded];
    assert_eq!(happened, all);
    agrees_with_itself(&seen);

    // Who comes late learns the same of it.
    let mut late = self::watch(&world, &job);
    let mut seen = Vec::new();
    follow(&mut late, &mut seen).await;
    assert_eq!((seen.len(), way(&seen)), (1, "CREATED PENDING PROVISIONING RUNNING SUCCEED".to_owned()));
    assert_eq!(seen[0].observation.happened, all);
    agrees_with_itself(&seen);
}

#[tokio::test]
async fn a_deployment_that_fails_is_watched_to_its_reason() {
    let world = World::new().await;
    let nothing = serve(Router::new()).await;
    let job = world.start_url(&format!("{nothing}/site.zip")).await.job_id;
    let (mut watch, mut seen) = (watch(&world, &job), Vec::new());
    follow(&mut watch, &mut seen).await;
    let end = last(&seen);
    assert_eq!(status(end), Some(JobStatus::Failed));
    assert!(end.reason().is_some_and(|reason| reason.contains("404")), "{end:?}");
    assert_eq!(end.status_reason.as_deref(), end.reason());
    agrees_with_itself(&seen);
}

#[tokio::test]
async fn a_deployment_that_is_stopped_is_watched_until_it_is_cancelled() {
    let world = World::new().await;
    let job = world.start_url(&endless().await).await.job_id;
    let (mut watch, mut seen) = (watch(&world, &job), Vec::new());
    while seen.last().is_none_or(|seen: &Seen| status(&seen.look) != Some(JobStatus::Running)) {
        seen.push(next(&mut watch).await);
    }
    world.stop(&job).await;
    follow(&mut watch, &mut seen).await;
    assert_eq!(status(last(&seen)), Some(JobStatus::Cancelled));
    assert!(last(&seen).reason().is_some_and(|reason| reason.starts_with("stopped by")), "{:?}", last(&seen));
    agrees_with_itself(&seen);
}

#[tokio::test]
async fn a_job_that_is_not_there_cannot_be_watched() {
    let world = World::new().await;
    let error = watch(&world, "7").next().await.unwrap_err();
    assert!(matches!(error, Error::NotFound(_)), "{error:?}");
    let refusal = error.refusal().unwrap();
    assert_eq!(refusal.message.as_deref(), Some("Job 7 not found."));
    assert!(refusal.request_id.as_ref().is_some_and(|id| error.to_string().ends_with(&format!("(request {id})"))));
}

#[test]
fn why_says_in_a_line_what_a_job_ended_of() {
    let (data, site) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let _server = Process::serve(data.path(), &[]);
    let run = |args: &[&str]| windlass().args(args).arg("--data").arg(data.path()).output().unwrap();
    fs::write(site.path().join("index.html"), "live").unwrap();
    run(&["deploy", site.path().to_str().unwrap(), "--app", "demo"]);
    fs::remove_file(site.path().join("index.html")).unwrap();
    fs::create_dir(site.path().join("build")).unwrap();
    fs::write(site.path().join("build/index.html"), "too deep").unwrap();
    run(&["deploy", site.path().to_str().unwrap(), "--app", "demo"]);

    let first = run(&["jobs", "why", "1", "--app", "demo"]);
    assert!(first.status.success() && text(&first).starts_with("SUCCEED at 20"), "{first:?}");
    assert_eq!(text(&first).lines().count(), 1);
    // Only the server knows this.
    assert!(text(&first).contains("went live"), "{first:?}");
    let newest = run(&["jobs", "why", "--app", "demo", "--output", "json"]);
    let json: Value = serde_json::from_slice(&newest.stdout).unwrap();
    assert_eq!((&json["jobId"], &json["status"]), (&"2".into(), &"FAILED".into()));
    let why = json["why"].as_str().unwrap();
    assert!(why.starts_with("FAILED at 20") && why.contains("everything in one folder"), "{why}");
    assert_eq!(json.as_object().unwrap().len(), 3);
    assert_eq!(run(&["jobs", "why", "9", "--app", "demo"]).status.code(), Some(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn why_is_the_servers_line_or_else_what_aws_tells() {
    let ours = why_at(Some("FAILED at 2026-01-01 09:01:05 UTC in step BUILD: the build said 2")).await;
    assert_eq!(text(&ours), "FAILED at 2026-01-01 09:01:05 UTC in step BUILD: the build said 2\n");
    let of_aws = why_at(None).await;
    assert_eq!(text(&of_aws), "FAILED at 2026-01-01 09:01:05 UTC in step BUILD: exit code 2\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stale_answer_is_told_and_not_taken_for_the_jobs_way() {
    let looks = Arc::new(AtomicUsize::new(0));
    let answers = [("RUNNING", None), ("PENDING", None), ("SUCCEED", Some(65))];
    let watched = run_at(&["watch"], move || {
        let (status, ended) = answers[looks.fetch_add(1, Ordering::SeqCst).min(2)];
        (json!({ "summary": summary(status, ended) }), None)
    })
    .await;
    let told = String::from_utf8_lossy(&watched.stderr).into_owned();
    let warning = "warning: the server contradicts itself: the job was RUNNING already and is PENDING again";
    let lines: Vec<_> = told.lines().map(|line| line.split_once("  ").map_or(line, |(_, change)| change)).collect();
    assert_eq!(lines, ["RUNNING", warning, "SUCCEED after 1 min 05 s"], "{told}");
    assert_eq!(text(&watched), "job 7 SUCCEED\n");
}

/// What `jobs why` does at a server that answers as AWS does, but for the header.
async fn why_at(header: Option<&'static str>) -> Output {
    let step = json!({
        "stepName": "BUILD", "startTime": NINE, "endTime": NINE + 60, "status": "FAILED", "statusReason": "exit code 2",
    });
    let job = json!({ "summary": summary("FAILED", Some(65)), "steps": [step] });
    run_at(&["why"], move || (job.clone(), header)).await
}

const NINE: i64 = 1_767_258_000;

fn summary(status: &str, ended: Option<i64>) -> Value {
    let mut summary = json!({ "jobArn": "arn", "jobId": "7", "startTime": NINE, "status": status });
    if let Some(seconds) = ended {
        summary["endTime"] = (NINE + seconds).into();
    }
    summary
}

/// Does something to job 7 at a server that answers GetJob with this job and, if there is one, this line of why.
async fn run_at(
    verb: &[&str],
    job: impl Fn() -> (Value, Option<&'static str>) + Clone + Send + Sync + 'static,
) -> Output {
    let answer = move |uri: Uri| async move {
        let (body, why) = match uri.path() {
            "/apps/d2ek69ya1jyvs1" => (json!({ "app": { "appId": "d2ek69ya1jyvs1", "name": "demo" } }), None),
            "/apps/d2ek69ya1jyvs1/branches/main/jobs/7" => {
                let (job, why) = job();
                (json!({ "job": job }), why)
            }
            _ => return StatusCode::NOT_FOUND.into_response(),
        };
        let mut response = body.to_string().into_response();
        response.headers_mut().extend(why.map(|why| (WHY, HeaderValue::from_static(why))));
        response
    };
    let endpoint = serve(Router::new().fallback(answer)).await;
    let mut command = windlass();
    command.arg("jobs").args(verb).args(["7", "--app", "d2ek69ya1jyvs1", "--endpoint", &endpoint]);
    command.env("AWS_ACCESS_KEY_ID", "A").env("AWS_SECRET_ACCESS_KEY", "S").env("AWS_REGION", "us-east-1");
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    assert!(output.status.success(), "{output:?}");
    output
}

const WHY: HeaderName = HeaderName::from_static("x-windlass-why");

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn watch(world: &World, job: &str) -> Watch {
    let pace = Pace { first: TimeDelta::milliseconds(2), longest: TimeDelta::milliseconds(50) };
    Watch::new(world.client.clone(), JobRef::new(&world.app, BRANCH, job)).with_pace(pace)
}

async fn next(watch: &mut Watch) -> Seen {
    watch.next().await.unwrap().unwrap()
}

async fn follow(watch: &mut Watch, seen: &mut Vec<Seen>) {
    while let Some(next) = watch.next().await.unwrap() {
        seen.push(next);
    }
}

fn status(look: &Look) -> Option<JobStatus> {
    look.job.summary.status.known()
}

fn last(seen: &[Seen]) -> &Look {
    &seen.last().unwrap().look
}

/// The statuses that the job had, seen or not.
fn way(seen: &[Seen]) -> String {
    let mut way = Vec::new();
    for Seen { look, observation } in seen {
        way.extend(observation.passed.iter().copied().chain(status(look)));
    }
    way.dedup();
    way.iter().map(|status| status.to_string()).collect::<Vec<_>>().join(" ")
}

fn agrees_with_itself(seen: &[Seen]) {
    for each in seen {
        assert_eq!(each.observation.contradictions, [], "{each:?}");
    }
}
