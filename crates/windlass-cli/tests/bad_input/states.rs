//! What a job allows in none but the right status.

use aws_sdk_amplify::types::JobStatus;
use chrono::TimeDelta;
use serde_json::json;

use crate::support::raw::Answer;
use crate::support::web::endless;
use crate::support::{World, page, status};

const NOT_FINISHED: &str = "was not finished, please wait until it finish or use StopJob operation to cancel it";

impl World {
    async fn below(&self, method: &str, path: &str, body: &str) -> Answer {
        self.ask(method, &format!("{}/{path}", self.branch_path()), body).await
    }

    async fn try_start(&self, job: &str) -> Answer {
        self.below("POST", "deployments/start", &json!({ "jobId": job }).to_string()).await
    }

    async fn try_retry(&self, job: &str) -> Answer {
        self.below("POST", "jobs", &json!({ "jobType": "RETRY", "jobId": job }).to_string()).await
    }
}

#[tokio::test]
async fn a_deployment_is_started_with_a_job_or_with_a_url() {
    let world = World::unsigned().await;
    let (job, url) = world.create_deployment().await;
    world.put(&url, page("x")).await;
    let before = world.snapshot().await;
    let both = json!({ "jobId": job, "sourceUrl": "https://example.com/x.zip" }).to_string();
    let answer = world.below("POST", "deployments/start", &both).await;
    answer.is_bad("Must specify either jobId or sourceUrl for StartDeploymentRequest, not both.", "both");
    let answer = world.below("POST", "deployments/start", "{}").await;
    answer.is_bad("Must specify jobId or sourceUrl for StartDeploymentRequest.", "neither");
    let other = json!({ "sourceUrl": "https://example.com/x.zip" }).to_string();
    world.below("POST", "deployments/start", &other).await.is_bad(NOT_FINISHED, "another, while this one waits");
    assert_eq!(world.snapshot().await, before);
}

#[tokio::test]
async fn a_created_job_without_its_upload_is_not_started() {
    let world = World::unsigned().await;
    let (job, url) = world.create_deployment().await;
    let before = world.snapshot().await;
    world.try_start(&job).await.is_bad("1 of the job's uploads did not arrive, the first of them the zip", "start");
    world.below("POST", "deployments", "{}").await.is_bad(NOT_FINISHED, "create");
    world.below("DELETE", &format!("jobs/{job}"), "").await.is_bad("has not ended, it is CREATED", "delete");
    world.try_retry(&job).await.is_bad("", "retry");
    assert_eq!(world.snapshot().await, before);
    // It is still as good as new.
    world.put(&url, page("late")).await;
    world.start(&job).await;
    assert_eq!(status(&world.ended(&job).await), JobStatus::Succeed);
}

#[tokio::test]
async fn a_waiting_job_is_not_started_again() {
    let world = World::with(|config| {
        config.signed = false;
        config.runner.concurrent = 0;
    })
    .await;
    let (job, url) = world.create_deployment().await;
    world.put(&url, page("x")).await;
    world.start(&job).await;
    busy(&world, &job, "PENDING").await;
    assert_eq!(world.stop(&job).await.status, JobStatus::Cancelled);
}

#[tokio::test]
async fn a_running_job_is_not_started_again() {
    let world = World::unsigned().await;
    let job = world.start_url(&endless().await).await.job_id;
    world.until(&job, |status| *status == JobStatus::Running).await;
    busy(&world, &job, "RUNNING").await;
    world.stop(&job).await;
    assert_eq!(status(&world.ended(&job).await), JobStatus::Cancelled);
}

/// The job lets nothing be done to it but stop it, and its branch takes no other.
async fn busy(world: &World, job: &str, status: &str) {
    let before = world.snapshot().await;
    let refused = format!("Job {job}: the job is {status}, and ");
    world.try_start(job).await.is_bad(&refused, "start");
    world.below("POST", "deployments", "{}").await.is_bad(NOT_FINISHED, "create");
    world.below("DELETE", &format!("jobs/{job}"), "").await.is_bad(&format!("it is {status}"), "delete");
    world.try_retry(job).await.is_bad("has not ended", "retry");
    let other = json!({ "sourceUrl": "https://example.com/x.zip" }).to_string();
    world.below("POST", "deployments/start", &other).await.is_bad(NOT_FINISHED, "a URL");
    assert_eq!(world.snapshot().await, before);
}

#[tokio::test]
async fn an_ended_job_stays_as_it_ended() {
    let world = World::unsigned().await;
    assert_eq!(status(&world.deploy(page("live")).await), JobStatus::Succeed);
    assert_eq!(status(&world.deploy(b"not a zip".to_vec()).await), JobStatus::Failed);
    let (stopped, stopped_url) = world.create_deployment().await;
    world.put(&stopped_url, page("stopped")).await;
    world.stop(&stopped).await;
    let (expired, expired_url) = world.create_deployment().await;
    world.put(&expired_url, page("expired")).await;
    world.clock.advance(TimeDelta::hours(8) + TimeDelta::seconds(1));
    assert_eq!(status(&world.ended(&expired).await), JobStatus::Failed);

    let before = world.snapshot().await;
    for (job, status) in [("1", "SUCCEED"), ("2", "FAILED"), ("3", "CANCELLED"), ("4", "FAILED")] {
        let refused = format!("Job {job}: the job is {status}, and ");
        world.try_start(job).await.is_bad(&refused, &format!("start {job}"));
        world.below("DELETE", &format!("jobs/{job}/stop"), "").await.is_bad(&refused, &format!("stop {job}"));
    }
    world.try_start("4").await.is_bad("the deployment was not started within 8 hours", "why it is too late");
    let live = "Cannot delete the active job for this branch. Deploy a new version to the branch and then retry.";
    world.below("DELETE", "jobs/1", "").await.is_bad(live, "delete the live job");
    assert_eq!(world.snapshot().await, before);
    assert_eq!(world.visit("/").await.1, "live");
}

#[tokio::test]
async fn a_job_is_started_only_in_the_ways_that_there_are() {
    let world = World::unsigned().await;
    world.deploy(page("x")).await;
    let (never, _) = world.create_deployment().await;
    world.stop(&never).await;
    let before = world.snapshot().await;
    let cases = [
        (json!({ "jobType": "MANUAL" }), "The requested jobType MANUAL does not support."),
        (json!({ "jobType": "MANUAL", "jobId": "1" }), "The requested jobType MANUAL does not support."),
        (json!({ "jobType": "WEB_HOOK" }), "The requested jobType WEB_HOOK does not support."),
        (json!({ "jobType": "NIGHTLY" }), "Value at 'jobType' failed"),
        (json!({ "jobType": "RETRY" }), "Must specify jobId for the jobType RETRY."),
        (json!({ "jobType": "RELEASE" }), "The jobType RELEASE is for apps that are connected to a repository"),
        (json!({ "jobType": "RETRY", "jobId": never }), "job 2 has nothing to deploy again: its uploads never arrived"),
    ];
    for (body, words) in cases {
        world.below("POST", "jobs", &body.to_string()).await.is_bad(words, &body.to_string());
    }
    world.try_retry("3").await.is_missing("Job 3 not found.", "an unknown job");
    assert_eq!(world.snapshot().await, before);
}

#[tokio::test]
async fn an_unfinished_job_is_not_retried() {
    let world = World::unsigned().await;
    world.deploy(page("x")).await;
    let (open, url) = world.create_deployment().await;
    world.put(&url, page("y")).await;
    let before = world.snapshot().await;
    world.try_retry(&open).await.is_bad("job 2 has not ended, it is CREATED", "itself");
    let other = world.try_retry("1").await;
    let busy = "The requested branch main already have pending or running jobs";
    other.refuses(429, "LimitExceededException", busy, "another");
    assert_eq!(world.snapshot().await, before);
}

#[tokio::test]
async fn looking_at_a_job_never_changes_it() {
    let world = World::unsigned().await;
    let (job, url) = world.create_deployment().await;
    world.put(&url, page("x")).await;
    let before = (world.snapshot().await, world.below("GET", &format!("jobs/{job}"), "").await.body);
    for _ in 0..50 {
        let now = (world.snapshot().await, world.below("GET", &format!("jobs/{job}"), "").await.body);
        assert_eq!(now, before);
    }
    assert_eq!(status(&world.job(&job).await), JobStatus::Created);
    let missing = world.below("GET", "jobs/2", "").await;
    missing.is_missing("Job 2 not found.", "looking does not make one");
}
