//! Why a job is as it is, on every answer of GetJob, and what is said to whoever wants it otherwise.

use aws_sdk_amplify::types::JobStatus;

use crate::refusal;
use crate::support::web::endless;
use crate::support::{BRANCH, World, error, page, status};

impl World {
    async fn why(&self, job: &str) -> String {
        let shown = self.ask("GET", &format!("{}/jobs/{job}", self.branch_path()), "").await;
        shown.ok("GetJob");
        shown.header("x-windlass-why").to_owned()
    }
}

#[tokio::test]
async fn a_job_that_has_not_begun_says_what_it_waits_for() {
    let world = World::with(|config| {
        config.signed = false;
        config.runner.concurrent = 0;
    })
    .await;
    let (job, url) = world.create_deployment().await;
    let why = world.why(&job).await;
    assert!(why.starts_with("CREATED since 2"), "{why}");
    assert!(why.contains(" UTC: waiting for 1 upload, the zip; if still CREATED at 2"), "{why}");
    assert!(why.ends_with("it becomes FAILED (upload limit)"), "{why}");
    world.put(&url, page("x")).await;
    assert!(world.why(&job).await.contains(": all uploads have arrived, waiting for StartDeployment; "));
    world.start(&job).await;
    let why = world.why(&job).await;
    assert!(why.starts_with("PENDING since 2") && why.contains(": waiting for a runner to take it; "), "{why}");
    world.stop(&job).await;
    let why = world.why(&job).await;
    assert!(why.starts_with("CANCELLED at 2") && why.contains(" UTC: stopped"), "{why}");
}

#[tokio::test]
async fn a_job_that_runs_or_has_ended_says_where_and_of_what() {
    let world = World::unsigned().await;
    world.deploy(page("one")).await;
    let why = world.why("1").await;
    assert!(why.starts_with("SUCCEED at 2") && why.ends_with(" UTC: went live with the artifact of job 1"), "{why}");
    world.deploy(b"not a zip".to_vec()).await;
    let why = world.why("2").await;
    assert!(why.starts_with("FAILED at 2") && why.contains(" in step DEPLOY: "), "{why}");

    let job = world.start_url(&endless().await).await.job_id;
    world.until(&job, |status| *status == JobStatus::Running).await;
    let why = world.why(&job).await;
    assert!(why.starts_with("RUNNING since 2") && why.ends_with("it becomes FAILED (build limit)"), "{why}");
    world.stop(&job).await;
    assert_eq!(status(&world.ended(&job).await), JobStatus::Cancelled);

    // Beside the reason of one that ended badly.
    let shown = world.ask("GET", &format!("{}/jobs/2", world.branch_path()), "").await;
    assert!(world.why("2").await.ends_with(shown.header("x-windlass-status-reason")), "{shown:?}");
}

#[tokio::test]
async fn what_a_job_does_not_allow_is_said_in_the_words_of_whoever_asked() {
    let world = World::new().await;
    world.deploy(page("one")).await;
    let bad = |message: &str| refusal("BadRequestException", message);
    let stop = world.client.stop_job().app_id(&world.app).branch_name(BRANCH).job_id("1").send().await.unwrap_err();
    assert_eq!(error(stop), bad("Job 1: the job is SUCCEED, and cannot be stopped."));
    let start = world.client.start_deployment().app_id(&world.app).branch_name(BRANCH).job_id("1").send().await;
    assert_eq!(error(start.unwrap_err()), bad("Job 1: the job is SUCCEED, and cannot be started."));

    let (job, url) = world.create_deployment().await;
    world.stop(&job).await;
    let put = world.put(&url, page("late")).await;
    assert_eq!(put.status(), 400);
    let message = put.text().await.unwrap();
    assert!(message.contains("Job 2: the job is CANCELLED, and takes no upload any more (stopped"), "{message}");
}
