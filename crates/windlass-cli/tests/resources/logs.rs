//! Logs of steps, readable while the steps run: by presigned URL, by range, and by `windlass jobs logs`.

use std::io::{BufRead as _, BufReader};
use std::process::Stdio;
use std::sync::Arc;

use aws_sdk_amplify::types::JobStatus;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::header::CONTENT_LENGTH;
use axum::response::IntoResponse as _;
use axum::routing::get;
use futures_util::StreamExt as _;
use reqwest::header::{CONTENT_RANGE, RANGE};
use serde_json::Value;
use tokio::sync::Semaphore;

use crate::support::process::{Process, windlass};
use crate::support::web::serve;
use crate::support::{BRANCH, World, page, status};

#[tokio::test]
async fn the_log_of_a_running_step_is_read_as_it_grows_and_its_end_is_the_same_text() {
    let world = World::new().await;
    let source = Held::start().await;
    let job = world.start_url(&source.url).await.job_id;
    let running = world.until(&job, |status| *status == JobStatus::Running).await;
    let url = running.steps[0].log_url.clone().unwrap();
    assert_eq!((running.steps[0].step_name.as_str(), &running.steps[0].status), ("DEPLOY", &JobStatus::Running));

    let begun = until(&world, &url, "[INFO]: Fetched 0.0 of ").await;
    assert!(begun.contains("[INFO]: Beginning deployment for application"), "{begun}");
    source.release();
    let done = world.ended(&job).await;
    assert_eq!(status(&done), JobStatus::Succeed);
    // The URL that was given while the step ran is good for the whole log, and so is the one that is given now.
    let whole = read(&world, &url).await;
    assert_eq!(read(&world, done.steps[0].log_url.as_ref().unwrap()).await, whole);
    assert!(whole.starts_with(&begun), "{begun}\n{whole}");
    assert!(whole.ends_with("[INFO]: Deployment finished.\n"), "{whole}");
}

#[tokio::test]
async fn a_log_is_read_from_where_it_was_read_to() {
    let world = World::new().await;
    let done = world.deploy(page("one")).await;
    let url = done.steps[0].log_url.as_ref().unwrap();
    let whole = read(&world, url).await;
    let ask = |range: String| world.http.get(url).header(RANGE, range).send();
    let rest = ask("bytes=10-".to_owned()).await.unwrap();
    assert_eq!(rest.status(), 206);
    assert_eq!(rest.headers()[CONTENT_RANGE], format!("bytes 10-{}/{}", whole.len() - 1, whole.len()));
    assert_eq!(rest.text().await.unwrap(), whole[10..]);
    let none = ask(format!("bytes={}-", whole.len())).await.unwrap();
    assert_eq!(
        (none.status().as_u16(), none.headers()[CONTENT_RANGE].to_str().unwrap()),
        (416, &*format!("bytes */{}", whole.len()))
    );
    assert_eq!(ask("bytes=0-3".to_owned()).await.unwrap().text().await.unwrap(), whole[..4]);

    let zip = world.http.get(done.steps[0].artifacts_url.as_ref().unwrap()).header(RANGE, "bytes=0-1");
    let zip = zip.send().await.unwrap();
    assert_eq!((zip.status().as_u16(), &zip.bytes().await.unwrap()[..]), (206, &b"PK"[..]));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_lost_runner_wrote_is_still_in_the_log_of_the_next_attempt() {
    let data = tempfile::tempdir().unwrap();
    let source = Held::start().await;
    let first = Process::serve(data.path(), &[]);
    let client = first.client(data.path());
    let app = client.create_app().name("demo").send().await.unwrap().app.unwrap().app_id;
    client.create_branch().app_id(&app).branch_name(BRANCH).send().await.unwrap();
    client.start_deployment().app_id(&app).branch_name(BRANCH).source_url(&source.url).send().await.unwrap();
    let logs = |more: &[&str]| {
        let mut command = windlass();
        command.args(["jobs", "logs", "1", "--app", "demo"]).args(more).arg("--data").arg(data.path());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    };
    let before = loop {
        let output = logs(&[]).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        if text.contains("Fetched 0.0") {
            break text;
        }
    };
    first.kill();

    let _second = Process::serve(data.path(), &[]);
    let mut follow = logs(&["--follow", "--step", "deploy"]).spawn().unwrap();
    let mut lines = BufReader::new(follow.stdout.take().unwrap()).lines().map(Result::unwrap);
    let mut seen = Vec::new();
    for line in lines.by_ref() {
        let is_second = line.contains("[WARNING]: The runner was lost; this is attempt 2");
        seen.push(line);
        if is_second {
            break;
        }
    }
    // It is still followed, and only now goes on.
    source.release();
    seen.extend(lines);
    assert!(follow.wait().unwrap().success());
    let text = seen.join("\n");
    assert!(text.starts_with(before.trim_end()), "{before}\n{text}");
    assert!(text.ends_with("[INFO]: Deployment finished."), "{text}");
    assert_eq!(text.matches("Beginning deployment").count(), 2, "{text}");

    // All at once it is the same, with the log of the other step behind it.
    let whole = String::from_utf8(logs(&[]).output().unwrap().stdout).unwrap();
    assert!(whole.starts_with(&text) && whole.trim_end().ends_with("Read index.html, 5 bytes"), "{whole}");
    let json: Value = serde_json::from_slice(&logs(&["--output", "json"]).output().unwrap().stdout).unwrap();
    let steps: Vec<_> = json["steps"].as_array().unwrap().iter().map(|step| step["stepName"].as_str()).collect();
    assert_eq!((&json["jobId"], steps), (&"1".into(), vec![Some("DEPLOY"), Some("VERIFY")]));
    assert_eq!(json["steps"][0]["log"].as_str().unwrap().trim_end(), text);

    let none = logs(&["--step", "BUILD"]).output().unwrap();
    assert_eq!(none.status.code(), Some(1));
    let error = String::from_utf8(none.stderr).unwrap();
    assert!(error.contains("job 1 has no step BUILD; its steps so far: DEPLOY, VERIFY"), "{error}");
}

async fn read(world: &World, url: &str) -> String {
    let answer = world.http.get(url).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    answer.text().await.unwrap()
}

/// Reads a log until it has a text.
async fn until(world: &World, url: &str, text: &str) -> String {
    loop {
        let log = read(world, url).await;
        if log.contains(text) {
            return log;
        }
    }
}

/// A source of a zip that is held back after its first bytes until it is released, for whoever has asked or will ask.
struct Held {
    url: String,
    gate: Arc<Semaphore>,
}

impl Held {
    async fn start() -> Self {
        let gate = Arc::new(Semaphore::new(0));
        let held = Arc::clone(&gate);
        let answer = move || {
            let (gate, zip) = (Arc::clone(&held), Bytes::from(page("after")));
            async move {
                let length = zip.len();
                let first = futures_util::stream::once(std::future::ready(zip.slice(..2)));
                let rest = futures_util::stream::once(async move {
                    // It is closed and gives nothing: that is its opening.
                    assert!(gate.acquire().await.is_err());
                    zip.slice(2..)
                });
                let body = Body::from_stream(first.chain(rest).map(Ok::<_, std::io::Error>));
                ([(CONTENT_LENGTH, length)], body).into_response()
            }
        };
        let url = format!("{}/site.zip", serve(Router::new().route("/site.zip", get(answer))).await);
        Self { url, gate }
    }

    fn release(&self) {
        self.gate.close();
    }
}
