//! What a public suite that runs against AWS asserts of jobs, by AWS's own client.

use aws_sdk_amplify::types::{JobStatus, JobType};

use crate::support::{BRANCH, World, error, page, status};

impl World {
    async fn listed(&self) -> Vec<(String, JobStatus)> {
        let listed = self.client.list_jobs().app_id(&self.app).branch_name(BRANCH).send().await.unwrap();
        listed.job_summaries.into_iter().map(|job| (job.job_id, job.status)).collect()
    }
}

#[tokio::test]
async fn a_deployment_is_created_uploaded_started_and_listed() {
    let world = World::new().await;
    let (job, url) = world.create_deployment().await;
    assert_eq!(world.put(&url, page("x")).await.status(), 200);
    assert_eq!(world.start(&job).await.job_id, job);
    let ended = world.ended(&job).await;
    assert_eq!(status(&ended), JobStatus::Succeed);
    let summary = ended.summary.unwrap();
    assert_eq!((summary.job_id.as_str(), &summary.job_type), (job.as_str(), &JobType::Manual));
    assert_eq!(world.listed().await, [(job.clone(), JobStatus::Succeed)]);
    let artifacts = world.client.list_artifacts().app_id(&world.app).branch_name(BRANCH).job_id(&job);
    assert!(artifacts.send().await.unwrap().artifacts.iter().all(|artifact| !artifact.artifact_id.is_empty()));
}

#[tokio::test]
async fn a_job_that_has_ended_is_not_stopped() {
    let world = World::new().await;
    world.deploy(page("x")).await;
    let stop = world.client.stop_job().app_id(&world.app).branch_name(BRANCH).job_id("1").send().await;
    assert_eq!(error(stop.unwrap_err()).0, "BadRequestException");
    assert_eq!(world.listed().await, [("1".to_owned(), JobStatus::Succeed)]);
}

#[tokio::test]
async fn the_active_job_is_deleted_once_another_is_live() {
    let world = World::new().await;
    world.deploy(page("one")).await;
    let delete = world.client.delete_job().app_id(&world.app).branch_name(BRANCH).job_id("1");
    let (kind, message) = error(delete.clone().send().await.unwrap_err());
    assert_eq!(kind, "BadRequestException");
    let told = "Cannot delete the active job for this branch. Deploy a new version to the branch and then retry.";
    assert_eq!(message, told);
    world.deploy(page("two")).await;
    assert_eq!(delete.send().await.unwrap().job_summary.unwrap().job_id, "1");
    assert_eq!(world.listed().await, [("2".to_owned(), JobStatus::Succeed)]);
    assert_eq!(world.visit("/").await.1, "two");
}

#[tokio::test]
async fn an_app_without_a_repository_releases_nothing() {
    let world = World::new().await;
    let release = world.client.start_job().app_id(&world.app).branch_name(BRANCH).job_type(JobType::Release);
    assert_eq!(error(release.send().await.unwrap_err()).0, "BadRequestException");
    assert_eq!(world.listed().await, []);
}
