//! Upload URLs, used as they are not meant to be.

use aws_sdk_amplify::types::JobStatus;
use chrono::TimeDelta;

use crate::support::raw::Answer;
use crate::support::{BRANCH, World, page, status};

impl World {
    /// Sends a request to an upload URL of this server.
    async fn ask_url(&self, method: &str, url: &str, body: impl AsRef<[u8]>) -> Answer {
        let target = url.strip_prefix(self.server.endpoint()).unwrap_or_else(|| panic!("{url} is not here"));
        self.ask(method, target, body).await
    }

    async fn nothing_arrived(&self, job: &str) {
        let start = format!(r#"{{"jobId":"{job}"}}"#);
        let answer = self.ask("POST", &format!("{}/deployments/start", self.branch_path()), start).await;
        answer.is_bad("1 of the job's uploads did not arrive, the first of them the zip", "start");
    }
}

#[tokio::test]
async fn an_upload_url_takes_a_put_and_nothing_else() {
    let world = World::unsigned().await;
    let (job, url) = world.create_deployment().await;
    for method in ["GET", "HEAD", "POST", "DELETE", "PATCH"] {
        let answer = world.ask_url(method, &url, page("x")).await;
        // The method is signed as well.
        assert!(matches!(answer.status, 403 | 405), "{method}: {answer:?}");
    }
    let options = world.ask_url("OPTIONS", &url, "").await;
    assert!(matches!(options.status, 204 | 403), "{options:?}");
    world.nothing_arrived(&job).await;
}

#[tokio::test]
async fn an_upload_url_is_for_one_slot_and_one_time() {
    let world = World::unsigned().await;
    let (job, url) = world.create_deployment().await;
    let uid: u64 = url.split('/').nth(5).unwrap().parse().unwrap();
    let path = format!("/-/uploads/{uid}/0000000001/0");
    assert!(url.contains(&path), "{url}");
    let others = [
        format!("/-/uploads/{uid}/0000000001/1"),
        format!("/-/uploads/{uid}/0000000002/0"),
        format!("/-/uploads/{uid}/1/0"),
        format!("/-/uploads/{}/0000000001/0", uid + 1),
        format!("/-/logs/{uid}/0000000001/0"),
        format!("/-/uploads/{uid}/0000000001/00"),
    ];
    for other in others {
        let answer = world.ask_url("PUT", &url.replace(&path, &other), page("x")).await;
        answer.refuses(403, "InvalidSignatureException", "does not match", &other);
    }
    for (from, to) in [
        ("X-Amz-Expires=10800", "X-Amz-Expires=10801"),
        ("X-Amz-SignedHeaders=host", "X-Amz-SignedHeaders=host&x=1"),
        ("X-Amz-Signature=", "X-Amz-Signature=0"),
        ("X-Amz-Date=2", "X-Amz-Date=1"),
        ("WINDLASSOBJECTS", "WINDLASS"),
        ("s3%2F", "amplify%2F"),
    ] {
        assert!(url.contains(from), "{url}");
        let answer = world.ask_url("PUT", &url.replace(from, to), page("x")).await;
        assert_eq!(answer.status, 403, "{to}: {answer:?}");
    }
    for unsigned in [&url[..url.find('?').unwrap()], &url[..url.find("&X-Amz-Signature").unwrap()]] {
        assert_eq!(world.ask_url("PUT", unsigned, page("x")).await.status, 403, "{unsigned}");
    }
    let unknown =
        ["/-/", "/-/x", "/-/uploads", "/-/uploads/1/2", "/-/uploads/a/1/0", "/-/uploads/1/0/-1", "/-/../apps"];
    for target in unknown {
        let answer = world.ask("PUT", target, "").await;
        answer.refuses(404, "UnknownOperationException", "No operation", target);
    }
    world.nothing_arrived(&job).await;
}

#[tokio::test]
async fn an_upload_url_ends_after_three_hours() {
    let world = World::unsigned().await;
    let (job, url) = world.create_deployment().await;
    world.clock.advance(TimeDelta::hours(3) - TimeDelta::seconds(30));
    assert_eq!(world.ask_url("PUT", &url, page("in time")).await.status, 200);
    world.clock.advance(TimeDelta::seconds(32));
    let late = world.ask_url("PUT", &url, page("late")).await;
    late.refuses(403, "InvalidSignatureException", "Signature expired", "late");
    world.start(&job).await;
    assert_eq!(status(&world.ended(&job).await), JobStatus::Succeed);
    assert_eq!(world.visit("/").await.1, "in time");
}

#[tokio::test]
async fn the_last_upload_before_the_start_is_deployed_and_none_after() {
    let world = World::unsigned().await;
    let (job, url) = world.create_deployment().await;
    for text in ["first", "second"] {
        assert_eq!(world.ask_url("PUT", &url, page(text)).await.status, 200);
    }
    world.start(&job).await;
    let after = world.ask_url("PUT", &url, page("third")).await;
    after.is_bad("Job 1: the job is ", "after the start");
    assert_eq!(status(&world.ended(&job).await), JobStatus::Succeed);
    world.ask_url("PUT", &url, page("fourth")).await.is_bad("Job 1: the job is SUCCEED", "after the end");
    // Also one that is far larger than what the server reads before it knows.
    world.ask_url("PUT", &url, vec![0; 8 << 20]).await.is_bad("Job 1: the job is SUCCEED", "after the end, and large");
    assert_eq!(world.visit("/").await.1, "second");

    let retry = format!("{}/jobs", world.branch_path());
    world.ask("POST", &retry, r#"{"jobType":"RETRY","jobId":"1"}"#).await.ok("retry");
    assert_eq!(status(&world.ended("2").await), JobStatus::Succeed);
    assert_eq!(world.visit("/").await.1, "second");
}

#[tokio::test]
async fn an_upload_that_began_before_the_stop_and_ends_after_it_is_refused() {
    let world = World::unsigned().await;
    let (job, url) = world.create_deployment().await;
    let (body, sender) = held_back();
    let upload = tokio::spawn(world.http.put(&url).body(body).send());
    sender.send(Ok(page("x").into())).await.unwrap();
    world.stop(&job).await;
    drop(sender);
    let answer = upload.await.unwrap().unwrap();
    assert_eq!(answer.status(), 400);
    assert!(answer.text().await.unwrap().contains("Job 1: the job is CANCELLED"));
}

#[tokio::test]
async fn an_upload_for_a_deleted_branch_finds_nothing_and_leaves_nothing() {
    let world = World::unsigned().await;
    let (_, url) = world.create_deployment().await;
    // Larger than what rides in a commit, so that it goes to a file.
    let large = vec![7; 3 << 20];
    let (body, sender) = held_back();
    let upload = tokio::spawn(world.http.put(&url).body(body).send());
    sender.send(Ok(large.clone().into())).await.unwrap();
    world.client.delete_branch().app_id(&world.app).branch_name(BRANCH).send().await.unwrap();
    drop(sender);
    let answer = upload.await.unwrap().unwrap().status();
    // A branch's jobs are stopped before it goes, so the job may have been found stopped.
    assert!(answer == 404 || answer == 400, "{answer}");
    world.ask_url("PUT", &url, &large).await.is_missing("Job 1 not found.", "a deleted branch's");
    assert_eq!(staged(&world), Vec::<String>::new());

    // A new branch of the same name has nothing to do with it.
    world.client.create_branch().app_id(&world.app).branch_name(BRANCH).send().await.unwrap();
    let (job, _) = world.create_deployment().await;
    world.ask_url("PUT", &url, page("old")).await.is_missing("Job 1 not found.", "the old URL");
    world.nothing_arrived(&job).await;
}

#[tokio::test]
async fn an_upload_that_breaks_off_fills_no_slot() {
    let world = World::unsigned().await;
    let (job, url) = world.create_deployment().await;
    let target = url.strip_prefix(world.server.endpoint()).unwrap();
    let large = vec![7; 3 << 20];
    for body in [&page("half")[..], b"", &large] {
        let length = body.len() + 1;
        let head =
            format!("PUT {target} HTTP/1.1\r\nhost: 127.0.0.1:{}\r\ncontent-length: {length}\r\n\r\n", world.port());
        let answer = world.break_off(&[head.as_bytes(), body].concat()).await;
        assert!(answer.is_none_or(|answer| answer.status == 400));
        world.nothing_arrived(&job).await;
    }
    let head =
        format!("PUT {target} HTTP/1.1\r\nhost: 127.0.0.1:{}\r\ntransfer-encoding: chunked\r\n\r\n", world.port());
    for body in ["5\r\nhello\r\n", "zz\r\n", "5\r\nhel"] {
        let answer = world.break_off(format!("{head}{body}").as_bytes()).await;
        assert!(answer.is_none_or(|answer| answer.status == 400));
        world.nothing_arrived(&job).await;
    }
    assert_eq!(staged(&world), Vec::<String>::new());
    assert_eq!(world.put(&url, page("whole")).await.status(), 200);
    world.start(&job).await;
    assert_eq!(status(&world.ended(&job).await), JobStatus::Succeed);
}

#[tokio::test]
async fn a_body_larger_than_the_limit_is_refused_before_it_is_sent() {
    let world = World::unsigned().await;
    let (job, url) = world.create_deployment().await;
    let target = url.strip_prefix(world.server.endpoint()).unwrap();
    let head = format!("PUT {target} HTTP/1.1\r\nhost: 127.0.0.1:{}\r\n", world.port());
    let request = format!("{head}content-length: 5000000001\r\nexpect: 100-continue\r\n\r\n");
    let answer = world.send(request.as_bytes()).await.unwrap();
    answer.refuses(413, "RequestEntityTooLargeException", "larger than 5000000000 bytes", "5 GB and one byte");
    world.nothing_arrived(&job).await;
}

#[tokio::test]
async fn the_log_of_a_step_can_be_read_for_an_hour_and_not_written() {
    let world = World::unsigned().await;
    let done = world.deploy(page("x")).await;
    let url = done.steps[0].log_url.clone().unwrap();
    assert_eq!(world.ask_url("PUT", &url, "forged").await.status, 403);
    assert_eq!(world.ask_url("GET", &url.replace("DEPLOY", "VERIFY"), "").await.status, 403);
    let log = world.ask_url("GET", &url, "").await;
    assert!(log.status == 200 && log.body.contains("[INFO]: Deployment finished."), "{log:?}");
    world.clock.advance(TimeDelta::seconds(3602));
    world.ask_url("GET", &url, "").await.refuses(
        403,
        "InvalidSignatureException",
        "Signature expired",
        "an hour later",
    );
}

type Chunks = tokio::sync::mpsc::Sender<Result<bytes::Bytes, std::io::Error>>;

/// A body whose end is held back until its sender is dropped.
fn held_back() -> (reqwest::Body, Chunks) {
    let (sender, mut receiver) = tokio::sync::mpsc::channel(1);
    (reqwest::Body::wrap_stream(futures_util::stream::poll_fn(move |cx| receiver.poll_recv(cx))), sender)
}

/// The files that have arrived and are not kept yet. What was kept and belongs to nobody goes with the next sweep but one.
fn staged(world: &World) -> Vec<String> {
    let staging = world.server.data().path().join("artifacts/staging");
    let all = walkdir::WalkDir::new(staging).into_iter().map(Result::unwrap);
    // The lock says whose the staging folder is.
    let files = all.filter(|entry| entry.file_type().is_file() && entry.file_name() != "lock");
    files.map(|file| file.path().display().to_string()).collect()
}
