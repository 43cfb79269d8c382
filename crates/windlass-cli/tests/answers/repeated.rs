//! Starts that are sent again because nobody heard the answer: by AWS's SDK on its own, and by whoever sends an
//! `Idempotency-Key`.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use aws_sdk_amplify::config::retry::RetryConfig;
use aws_sdk_amplify::types::{JobStatus, JobType};
use chrono::TimeDelta;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy};
use tokio::net::{TcpListener, TcpStream};

use crate::support::process::Process;
use crate::support::raw::Answer;
use crate::support::{BRANCH, World, http, page, status};

const KEY: &str = "idempotency-key";

#[tokio::test]
async fn what_the_sdk_sends_again_is_done_once() {
    let world = World::new().await;
    let (client, way) = behind_a_bad_line(&world).await;

    way.lose_answer();
    let made = client.create_deployment().app_id(&world.app).branch_name(BRANCH).send().await.unwrap();
    assert_eq!((made.job_id(), way.lost()), (Some("1"), 1));
    assert_eq!(world.put(&made.zip_upload_url, page("one")).await.status(), 200);

    way.lose_answer();
    let start = client.start_deployment().app_id(&world.app).branch_name(BRANCH).job_id("1");
    let started = start.send().await.unwrap().job_summary.unwrap();
    assert_eq!((&*started.job_id, started.status, way.lost()), ("1", JobStatus::Pending, 2));
    assert_eq!(status(&world.ended("1").await), JobStatus::Succeed);

    way.lose_answer();
    let retry = client.start_job().app_id(&world.app).branch_name(BRANCH).job_type(JobType::Retry).job_id("1");
    let retried = retry.send().await.unwrap().job_summary.unwrap();
    assert_eq!((&*retried.job_id, retried.status, way.lost()), ("2", JobStatus::Pending, 3));
    world.ended("2").await;

    let jobs = world.client.list_jobs().app_id(&world.app).branch_name(BRANCH).send().await.unwrap();
    let ids: Vec<_> = jobs.job_summaries.iter().map(|job| &*job.job_id).collect();
    assert_eq!(ids, ["2", "1"]);
}

/// Two calls are two, however alike they are.
#[tokio::test]
async fn what_the_sdk_is_told_twice_is_done_twice() {
    let world = World::new().await;
    let (client, _) = behind_a_bad_line(&world).await;
    let make = || client.create_deployment().app_id(&world.app).branch_name(BRANCH).send();
    assert_eq!(make().await.unwrap().job_id(), Some("1"));
    assert!(make().await.is_err());
    world.stop("1").await;
    assert_eq!(make().await.unwrap().job_id(), Some("2"));
}

#[tokio::test]
async fn a_key_gets_the_first_answer_for_a_day() {
    let world = World::unsigned().await;
    let make = async || {
        let made = deploy(&world, "k-1", json!({})).await;
        assert_eq!(made.status, 200, "{made:?}");
        let body: Value = serde_json::from_str(&made.body).unwrap();
        (body["jobId"].as_str().unwrap().to_owned(), body["zipUploadUrl"].as_str().unwrap().to_owned())
    };
    assert_eq!(make().await.0, "1");
    // As good as the first one.
    assert_eq!(world.put(&make().await.1, page("one")).await.status(), 200);

    let start = async |key: &str| {
        let target = format!("{}/deployments/start", world.branch_path());
        let answer = world.ask_with("POST", &target, &[(KEY, key)], r#"{"jobId":"1"}"#).await;
        (answer.status, answer.body)
    };
    let first = start("k-2").await;
    assert_eq!(first.0, 200, "{first:?}");
    assert_eq!(status(&world.ended("1").await), JobStatus::Succeed);
    assert_eq!(start("k-2").await, first);
    assert_eq!(start("k-3").await.0, 400);
    assert_eq!(make().await.0, "1");

    world.clock.advance(TimeDelta::hours(24));
    assert_eq!(make().await.0, "2");
}

#[tokio::test]
async fn a_key_is_for_one_request() {
    let world = World::unsigned().await;
    assert_eq!(deploy(&world, "k", json!({})).await.status, 200);
    let before = world.snapshot().await;
    let other = json!({ "fileMap": { "index.html": "d41d8cd98f00b204e9800998ecf8427e" } });
    let refused = deploy(&world, "k", other).await;
    refused.refuses(422, "IdempotentParameterMismatchException", "Another request was done under this", "another body");
    let target = format!("{}/jobs", world.branch_path());
    let refused = world.ask_with("POST", &target, &[(KEY, "k")], r#"{"jobType":"RETRY","jobId":"1"}"#).await;
    refused.refuses(422, "IdempotentParameterMismatchException", "needs another key", "another operation");
    assert_eq!(world.snapshot().await, before);
    // What is spelled in another way is the same request.
    assert_eq!(deploy(&world, "\"k\"", json!({ "fileMap": null })).await.status, 200);
}

#[tokio::test]
async fn a_key_that_is_none_is_refused() {
    let world = World::unsigned().await;
    let before = world.snapshot().await;
    let long = "k".repeat(256);
    for key in ["", "\"\"", "a b", "a\tb", "schlüssel", "\"a", "a\"b", "a\\b", &long] {
        deploy(&world, key, json!({})).await.is_bad("The Idempotency-Key cannot be used: ", key);
    }
    let target = format!("{}/deployments", world.branch_path());
    let two = world.ask_with("POST", &target, &[(KEY, "a"), (KEY, "a")], "{}").await;
    two.is_bad("there is more than one", "two keys");
    assert_eq!(world.snapshot().await, before);
}

#[tokio::test]
async fn a_key_outlives_the_server() {
    let data = tempfile::tempdir().unwrap();
    let server = Process::serve(data.path(), &["--auth", "none"]);
    let client = server.client(data.path());
    let app = client.create_app().name("demo").send().await.unwrap().app.unwrap().app_id;
    client.create_branch().app_id(&app).branch_name(BRANCH).send().await.unwrap();
    let make = async |server: &Process| {
        let url = format!("{}/apps/{app}/branches/{BRANCH}/deployments", server.endpoint);
        let answer = http().post(url).header(KEY, "k").body("{}").send().await.unwrap();
        let status = answer.status().as_u16();
        let body: Value = serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap();
        (status, body["jobId"].clone())
    };
    assert_eq!(make(&server).await, (200, "1".into()));
    server.kill();
    let server = Process::serve(data.path(), &["--auth", "none"]);
    assert_eq!(make(&server).await, (200, "1".into()));
}

/// CreateDeployment with a key.
async fn deploy(world: &World, key: &str, body: Value) -> Answer {
    let target = format!("{}/deployments", world.branch_path());
    world.ask_with("POST", &target, &[(KEY, key)], body.to_string()).await
}

/// A way to the server on which an answer may get lost.
#[derive(Default)]
struct Way {
    lose: AtomicBool,
    lost: AtomicUsize,
}

impl Way {
    /// The next answer does not arrive, though the server has given it.
    fn lose_answer(&self) {
        self.lose.store(true, Ordering::SeqCst);
    }

    fn lost(&self) -> usize {
        self.lost.load(Ordering::SeqCst)
    }

    /// Carries what comes to the server, and back what it answers.
    async fn carry(&self, mut near: TcpStream, mut far: TcpStream) {
        let (mut from_near, mut to_near) = near.split();
        let (mut from_far, mut to_far) = far.split();
        let back = async {
            let mut chunk = vec![0; 64 * 1024];
            loop {
                let Ok(size @ 1..) = from_far.read(&mut chunk).await else { return };
                if self.lose.swap(false, Ordering::SeqCst) {
                    self.lost.fetch_add(1, Ordering::SeqCst);
                    return;
                }
                if to_near.write_all(&chunk[..size]).await.is_err() {
                    return;
                }
            }
        };
        tokio::select! {
            _ = copy(&mut from_near, &mut to_far) => {}
            () = back => {}
        }
    }
}

/// AWS's client as it comes, with its own retries, on such a way.
async fn behind_a_bad_line(world: &World) -> (aws_sdk_amplify::Client, Arc<Way>) {
    let (way, server) = (Arc::new(Way::default()), world.port());
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn({
        let way = Arc::clone(&way);
        async move {
            while let Ok((near, _)) = listener.accept().await {
                let far = TcpStream::connect(("127.0.0.1", server)).await.unwrap();
                let way = Arc::clone(&way);
                tokio::spawn(async move { way.carry(near, far).await });
            }
        }
    });
    let retries = RetryConfig::standard().with_initial_backoff(Duration::from_millis(10));
    let config = world.client.config().to_builder().endpoint_url(endpoint).retry_config(retries);
    (aws_sdk_amplify::Client::from_conf(config.build()), way)
}
