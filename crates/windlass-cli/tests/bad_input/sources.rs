//! Sources that cannot or may not be fetched.

use aws_sdk_amplify::types::{Job, JobStatus, SourceUrlType};
use axum::Router;
use axum::http::StatusCode;
use axum::http::header::LOCATION;
use axum::routing::get;
use serde_json::json;

use crate::support::web::serve;
use crate::support::{BRANCH, World, page, reason, status};

#[tokio::test]
async fn a_url_that_can_be_seen_to_be_none_is_refused_at_once() {
    let world = World::unsigned().await;
    let before = world.snapshot().await;
    let cases = [
        ("http://", None, "The sourceUrl is not a URL: empty host."),
        ("https://?x", None, "The sourceUrl is not a URL: empty host."),
        ("http://:80/x.zip", None, "The sourceUrl is not a URL: empty host."),
        ("http://[::1/x.zip", None, "The sourceUrl is not a URL: invalid IPv6 address."),
        ("http://h:99999/x.zip", None, "The sourceUrl is not a URL: invalid port number."),
        ("http://a b/x.zip", None, "The sourceUrl is not a URL: invalid international domain name."),
        ("http://1.2.3.4.5/x.zip", None, "The sourceUrl is not a URL: invalid IPv4 address."),
        ("s3://", None, "The sourceUrl names no host or bucket."),
        ("s3:///key.zip", None, "The sourceUrl names no host or bucket."),
        ("https://example.com/p", Some("BUCKET_PREFIX"), "BUCKET_PREFIX needs a sourceUrl that begins with s3://."),
        ("http://example.com/p/", Some("BUCKET_PREFIX"), "BUCKET_PREFIX needs a sourceUrl that begins with s3://."),
    ];
    for (url, url_type, words) in cases {
        let mut body = json!({ "sourceUrl": url });
        if let Some(url_type) = url_type {
            body["sourceUrlType"] = url_type.into();
        }
        let answer = world.ask("POST", &format!("{}/deployments/start", world.branch_path()), body.to_string()).await;
        answer.is_bad(words, url);
    }
    let typed = json!({ "jobId": "1", "sourceUrlType": "ZIP" }).to_string();
    let answer = world.ask("POST", &format!("{}/deployments/start", world.branch_path()), typed).await;
    answer.is_bad("The sourceUrlType is for a sourceUrl, and there is none.", "a type without a URL");
    assert_eq!(world.snapshot().await, before);
}

#[tokio::test]
async fn a_source_in_s3_fails_by_name() {
    let world = World::new().await;
    for (url, url_type) in [("s3://b/k.zip", SourceUrlType::Zip), ("s3://b/prefix", SourceUrlType::BucketPrefix)] {
        let call = world.client.start_deployment().app_id(&world.app).branch_name(BRANCH).source_url(url);
        let started = call.source_url_type(url_type).send().await.unwrap().job_summary.unwrap();
        failed(&world, &started.job_id, &["S3"]).await;
    }
}

#[tokio::test]
async fn an_address_that_is_not_public_is_refused_by_name_with_the_flag_that_would_allow_it() {
    let world = World::with(|config| config.allow_source.clear()).await;
    let here = world.port();
    let cases = [
        ("http://169.254.169.254/latest/meta-data/".to_owned(), "169.254.169.254 is link-local"),
        (format!("http://127.0.0.1:{here}/healthz"), "127.0.0.1 is loopback"),
        (format!("http://localhost:{here}/healthz"), "is loopback"),
        (format!("http://[::1]:{here}/"), "::1 is loopback"),
        ("http://[::ffff:127.0.0.1]/".to_owned(), "::ffff:127.0.0.1 is loopback"),
        ("http://0x7f000001/".to_owned(), "127.0.0.1 is loopback"),
        ("http://2130706433/".to_owned(), "127.0.0.1 is loopback"),
        ("http://0177.1/".to_owned(), "127.0.0.1 is loopback"),
        ("http://0.0.0.0/".to_owned(), "0.0.0.0 is unspecified"),
        ("http://10.1.2.3/x.zip".to_owned(), "10.1.2.3 is private"),
        ("http://[fd00:ec2::254]/".to_owned(), "fd00:ec2::254 is unique local"),
    ];
    for (url, words) in cases {
        let started = world.start_url(&url).await;
        assert_eq!(started.status, JobStatus::Pending, "{url}");
        failed(&world, &started.job_id, &[words, "unless --allow-source "]).await;
    }
}

#[tokio::test]
async fn a_redirect_to_an_address_that_is_not_allowed_is_not_followed() {
    let world = World::new().await;
    let elsewhere = ["http://169.254.169.254/", "http://10.0.0.1/x.zip", "file:///etc/passwd", "http://"];
    let words = ["169.254.169.254 is link-local", "10.0.0.1 is private", "leads to scheme file", "is not a URL"];
    for (location, words) in elsewhere.into_iter().zip(words) {
        let to = move || async move { (StatusCode::FOUND, [(LOCATION, location)]) };
        let source = serve(Router::new().route("/x.zip", get(to))).await;
        let started = world.start_url(&format!("{source}/x.zip")).await;
        failed(&world, &started.job_id, &[words]).await;
    }
}

#[tokio::test]
async fn an_answer_that_is_no_zip_fails_by_name() {
    let world = World::new().await;
    assert_eq!(status(&world.deploy(page("good")).await), JobStatus::Succeed);
    let router = Router::new()
        .route("/html", get(|| async { "<html>Sign in to continue</html>" }))
        .route("/empty", get(|| async { "" }))
        .route("/denied", get(|| async { StatusCode::FORBIDDEN }))
        .route("/partial", get(|| async { (StatusCode::PARTIAL_CONTENT, page("part")) }));
    let source = serve(router).await;
    let cases = [
        ("html", "not a zip archive"),
        ("empty", "not a zip archive"),
        ("denied", "403"),
        ("partial", "206"),
        ("none", "404"),
    ];
    for (path, words) in cases {
        let started = world.start_url(&format!("{source}/{path}?X-Amz-Signature=hush")).await;
        let job = failed(&world, &started.job_id, &[words]).await;
        assert!(!reason(&job).contains("hush"), "{}", reason(&job));
        assert_eq!(world.visit("/").await.1, "good");
    }
}

/// The job fails in its DEPLOY step, for a reason that has all these words.
async fn failed(world: &World, job: &str, words: &[&str]) -> Job {
    let job = world.ended(job).await;
    assert_eq!(status(&job), JobStatus::Failed, "{job:?}");
    assert_eq!(job.steps.len(), 1, "{job:?}");
    assert_eq!((job.steps[0].step_name.as_str(), &job.steps[0].status), ("DEPLOY", &JobStatus::Failed));
    for words in words {
        assert!(reason(&job).contains(words), "{words:?} is not in {:?}", reason(&job));
    }
    job
}
