//! A server whose large artifacts lie in a bucket.

use std::sync::atomic::Ordering;
use std::time::Duration;

use aws_sdk_amplify::types::{JobStatus, JobType};
use windlass_cli::server::Artifacts;

use crate::s3::S3;
use crate::support::{BRANCH, World, page, status};
use crate::{contents, large_site};

#[tokio::test(flavor = "multi_thread")]
async fn large_artifacts_lie_in_a_bucket_and_small_ones_in_the_database() {
    let s3 = S3::start().await;
    let artifacts = Artifacts::S3 {
        place: "s3://bucket/some/prefix".to_owned(),
        variables: s3.variables("secret"),
        cache_max: 1_000_000_000,
        cache: None,
    };
    let world = World::with(|config| {
        config.artifacts = artifacts.clone();
        config.drain = Duration::from_secs(20);
    })
    .await;
    assert_eq!(status(&world.deploy(large_site("large", 20 << 20)).await), JobStatus::Succeed);
    assert_eq!(world.visit("/").await, (200, "large".to_owned()));
    let data = world.server.data().path().to_owned();
    assert_eq!((s3.objects().read_dir().unwrap().count(), contents(&data).len()), (1, 0));

    // Without the bucket, what is in the cache or in the database is served and deployed.
    s3.mood.refuses.store(true, Ordering::SeqCst);
    assert_eq!(world.visit("/").await, (200, "large".to_owned()));
    let (job, url) = world.create_deployment().await;
    let refused = world.put(&url, large_site("another", 2 << 20)).await;
    assert_eq!(refused.status(), 503);
    assert!(refused.headers()["x-amzn-errortype"].to_str().unwrap().contains("DependentServiceFailureException"));
    assert_eq!(world.put(&url, page("small")).await.status(), 200);
    world.start(&job).await;
    assert_eq!(status(&world.ended(&job).await), JobStatus::Succeed);
    assert_eq!(world.visit("/").await, (200, "small".to_owned()));
    s3.mood.refuses.store(false, Ordering::SeqCst);

    // A server that starts without its cache fetches what it needs, once.
    let World { server, data: folder, app, .. } = world;
    server.shut_down().await;
    std::fs::remove_dir_all(data.join("artifact-cache")).unwrap();
    let mut again = World::at(folder, |config| config.artifacts = artifacts).await;
    again.app = app;
    let back = again.client.start_job().app_id(&again.app).branch_name(BRANCH).job_type(JobType::Retry).job_id("1");
    let back = back.send().await.unwrap().job_summary.unwrap().job_id;
    assert_eq!(status(&again.ended(&back).await), JobStatus::Succeed);
    assert_eq!(again.visit("/").await, (200, "large".to_owned()));
    assert_eq!(data.join("artifact-cache/contents").read_dir().unwrap().count(), 1);
}
