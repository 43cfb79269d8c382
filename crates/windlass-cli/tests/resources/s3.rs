//! Sources in S3, from the operator's variables to the site.

use std::path::Path;

use aws_sdk_amplify::types::{JobStatus, SourceUrlType};
use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use s3s::auth::SimpleAuth;
use s3s::service::{S3Service, S3ServiceBuilder};
use s3s_fs::FileSystem;

use crate::support::process::Process;
use crate::support::web::serve;
use crate::support::{BRANCH, World, ended, http, page, reason, status};

#[tokio::test]
async fn a_bucket_that_the_operators_variables_lead_to_is_deployed() {
    let (root, data) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    put(root.path(), "site/index.html", "from a folder");
    put(root.path(), "site/a b+ü.txt", "odd");
    put(root.path(), "site.zip", page("from a zip"));
    let endpoint = s3(root.path()).await;
    let server = Process::serve_in(
        &[
            ("AWS_ACCESS_KEY_ID", "AKID"),
            ("AWS_SECRET_ACCESS_KEY", "S3CR3T"),
            ("AWS_ENDPOINT_URL", "http://127.0.0.1:1"),
            ("AWS_ENDPOINT_URL_S3", &endpoint),
        ],
        data.path(),
        &[],
    );
    let client = server.client(data.path());
    let app = client.create_app().name("demo").send().await.unwrap().app.unwrap().app_id;
    client.create_branch().app_id(&app).branch_name(BRANCH).send().await.unwrap();
    for (url, url_type, path, expected) in [
        ("s3://pages/site", SourceUrlType::BucketPrefix, "/", "from a folder"),
        ("s3://pages/site/", SourceUrlType::BucketPrefix, "/a%20b+%C3%BC.txt", "odd"),
        ("s3://pages/site.zip", SourceUrlType::Zip, "/", "from a zip"),
    ] {
        let start = client.start_deployment().app_id(&app).branch_name(BRANCH).source_url(url);
        let started = start.source_url_type(url_type.clone()).send().await.unwrap().job_summary.unwrap();
        assert_eq!((started.source_url.as_deref(), started.source_url_type), (Some(url), Some(url_type)));
        let done = loop {
            let call = client.get_job().app_id(&app).branch_name(BRANCH).job_id(&started.job_id);
            let job = call.send().await.unwrap().job.unwrap();
            if ended(&status(&job)) {
                break job;
            }
        };
        assert_eq!(status(&done), JobStatus::Succeed, "{url}: {}", reason(&done));
        let host = format!("{BRANCH}.{app}.localhost");
        let answer = http().get(format!("{}{path}", server.endpoint)).header("host", host).send().await.unwrap();
        assert_eq!(answer.text().await.unwrap(), expected, "{url}");
    }
}

#[tokio::test]
async fn a_server_that_was_not_told_of_s3_says_so() {
    let world = World::new().await;
    let job = world.start_url("s3://pages/site.zip").await.job_id;
    let failed = world.ended(&job).await;
    assert_eq!(reason(&failed), "this server does not read from S3; use an https URL of a zip");
}

fn put(root: &Path, key: &str, content: impl AsRef<[u8]>) {
    let path = root.join("pages").join(key);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, content).unwrap();
}

/// A server that speaks S3's protocol; answers its endpoint.
async fn s3(root: &Path) -> String {
    let mut s3 = S3ServiceBuilder::new(FileSystem::new(root).unwrap());
    s3.set_auth(SimpleAuth::from_single("AKID", "S3CR3T"));
    let answer = |State(s3): State<S3Service>, request: Request| async move {
        s3.call(request.map(s3s::Body::http_body_unsync)).await.unwrap().map(Body::new)
    };
    serve(Router::new().fallback(answer).with_state(s3.build())).await
}
