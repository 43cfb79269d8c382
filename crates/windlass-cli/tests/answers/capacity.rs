//! Many jobs at a time, and jobs whose app is deleted under them.

use std::time::Duration;

use aws_sdk_amplify::types::JobStatus;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::routing::get;
use chrono::TimeDelta;
use futures_util::StreamExt as _;
use tokio::time::interval;
use walkdir::WalkDir;

use crate::support::web::{endless, serve};
use crate::support::{World, page, status};

impl World {
    async fn start_on(&self, app: &str, branch: &str, url: &str) {
        let call = self.client.start_deployment().app_id(app).branch_name(branch).source_url(url);
        call.send().await.unwrap();
    }

    async fn status_on(&self, branch: &str) -> JobStatus {
        let call = self.client.get_job().app_id(&self.app).branch_name(branch).job_id("1");
        status(&call.send().await.unwrap().job.unwrap())
    }

    async fn until_on(&self, branch: &str, expected: JobStatus) {
        let mut look = interval(Duration::from_millis(5));
        while self.status_on(branch).await != expected {
            look.tick().await;
        }
    }
}

#[tokio::test]
async fn five_jobs_run_at_a_time_and_the_others_wait_their_turn() {
    let world = World::unsigned().await;
    let url = endless().await;
    let branches: Vec<String> = (0..8).map(|number| format!("b{number}")).collect();
    for branch in &branches {
        world.client.create_branch().app_id(&world.app).branch_name(branch).send().await.unwrap();
        world.start_on(&world.app, branch, &url).await;
    }
    for branch in &branches[..5] {
        world.until_on(branch, JobStatus::Running).await;
    }
    // Each job that ends makes room for the one that has waited longest.
    for gone in 0..3 {
        for branch in &branches[gone + 5..] {
            assert_eq!(world.status_on(branch).await, JobStatus::Pending, "{branch}");
        }
        let call = world.client.stop_job().app_id(&world.app).branch_name(&branches[gone]).job_id("1");
        call.send().await.unwrap();
        world.until_on(&branches[gone], JobStatus::Cancelled).await;
        world.until_on(&branches[gone + 5], JobStatus::Running).await;
    }
    for branch in &branches[3..] {
        assert_eq!(world.status_on(branch).await, JobStatus::Running, "{branch}");
    }
}

#[tokio::test]
async fn a_job_that_waits_can_be_stopped() {
    let world = World::with(|config| {
        config.signed = false;
        config.runner.concurrent = 1;
    })
    .await;
    let url = endless().await;
    world.client.create_branch().app_id(&world.app).branch_name("other").send().await.unwrap();
    world.start_on(&world.app, "other", &url).await;
    world.until_on("other", JobStatus::Running).await;
    let job = world.start_url(&url).await.job_id;
    assert_eq!(world.stop(&job).await.status, JobStatus::Cancelled);
    let (next, upload) = world.create_deployment().await;
    world.put(&upload, page("next")).await;
    world.start(&next).await;
    assert_eq!(status(&world.job(&next).await), JobStatus::Pending);
    world.client.stop_job().app_id(&world.app).branch_name("other").job_id("1").send().await.unwrap();
    assert_eq!(status(&world.ended(&next).await), JobStatus::Succeed);
}

#[tokio::test]
async fn a_job_whose_app_is_deleted_is_let_go_and_leaves_nothing() {
    let world = World::with(|config| {
        config.signed = false;
        config.runner.concurrent = 1;
        config.runner.lease = Duration::from_millis(300);
    })
    .await;
    let source = serve(Router::new().route("/large.zip", get(large_and_endless))).await;
    let doomed = world.client.create_app().name("doomed").send().await.unwrap().app.unwrap().app_id;
    for branch in ["a", "b"] {
        world.client.create_branch().app_id(&doomed).branch_name(branch).send().await.unwrap();
        world.start_on(&doomed, branch, &format!("{source}/large.zip")).await;
    }
    until(|| !files(&world, "staging").is_empty()).await;
    world.client.delete_app().app_id(&doomed).send().await.unwrap();

    // There was room for one job: this one can only run once the runner has let go of the other.
    assert_eq!(status(&world.deploy(page("next")).await), JobStatus::Succeed);
    until(|| files(&world, "staging").is_empty()).await;
    assert_eq!(files(&world, "contents"), Vec::<String>::new());
}

#[tokio::test]
async fn a_deleted_app_keeps_none_of_its_files() {
    let world = World::with(|config| {
        config.signed = false;
        config.upkeep.every = Duration::from_millis(10);
    })
    .await;
    // Too large for a commit, so that it is a file.
    let noise: String =
        (0..3_000_000_u32).map(|n| char::from(b'a' + (n.wrapping_mul(2_654_435_761) >> 27) as u8 % 26)).collect();
    let large = crate::support::zip(&[("index.html", "front"), ("noise.bin", &noise)]);
    assert_eq!(status(&world.deploy(large.clone()).await), JobStatus::Succeed);
    let (job, url) = world.create_deployment().await;
    assert_eq!(world.put(&url, large).await.status(), 200);
    assert_eq!(files(&world, "contents").len(), 1, "equal zips are one");
    world.stop(&job).await;
    world.client.delete_app().app_id(&world.app).send().await.unwrap();
    // They are nobody's from now on, and go once that has been so for an hour.
    loop {
        world.clock.advance(TimeDelta::hours(1));
        if files(&world, "contents").is_empty() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// More than is kept in memory, and then nothing.
async fn large_and_endless() -> Body {
    let first = futures_util::stream::once(async { Ok::<_, std::io::Error>(Bytes::from(vec![0; 3 << 20])) });
    Body::from_stream(first.chain(futures_util::stream::pending()))
}

/// The files in a folder of the artifacts.
fn files(world: &World, folder: &str) -> Vec<String> {
    let all = WalkDir::new(world.server.data().path().join("artifacts").join(folder));
    // What goes away while we look has gone.
    let files = all.into_iter().filter_map(Result::ok).filter(|entry| entry.file_type().is_file());
    let files = files.filter(|file| file.file_name() != "lock");
    files.map(|file| file.path().display().to_string()).collect()
}

async fn until(is: impl Fn() -> bool) {
    let mut look = interval(Duration::from_millis(5));
    while !is() {
        look.tick().await;
    }
}
