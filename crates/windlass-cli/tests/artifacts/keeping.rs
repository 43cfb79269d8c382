//! What is kept, how often, and for how long.

use std::num::NonZeroU64;
use std::time::Duration;

use aws_sdk_amplify::types::{JobStatus, JobType};
use chrono::TimeDelta;

use crate::support::{BRANCH, World, error, page, status};
use crate::{contents, large_site};

#[tokio::test]
async fn a_retry_of_a_job_whose_artifact_has_gone_is_refused_at_once_and_by_name() {
    let world = World::with(|config| config.upkeep.keep = NonZeroU64::new(2)).await;
    for number in 1..=4 {
        let site = if number % 2 == 0 { page(&number.to_string()) } else { large_site(&number.to_string(), 3 << 20) };
        assert_eq!(status(&world.deploy(site).await), JobStatus::Succeed);
    }
    let retry = |job: &str| {
        let call = world.client.start_job().app_id(&world.app).branch_name(BRANCH).job_type(JobType::Retry).job_id(job);
        call.send()
    };
    for gone in ["1", "2"] {
        // It goes right after the job that replaced it went live.
        let refused = loop {
            match retry(gone).await {
                Ok(made) => drop(world.ended(&made.job_summary.unwrap().job_id).await),
                Err(refused) => break error(refused),
            }
        };
        let words =
            format!("The job {gone} cannot be retried: what it deployed is not kept any more. Deploy it again.");
        assert_eq!(refused, ("BadRequestException".to_owned(), words));
    }
    let jobs = world.client.list_jobs().app_id(&world.app).branch_name(BRANCH).send().await.unwrap().job_summaries;
    let (newest, before) = (jobs[0].job_id.clone(), jobs[1].job_id.clone());
    let again = retry(&before).await.unwrap().job_summary.unwrap().job_id;
    assert_eq!(status(&world.ended(&again).await), JobStatus::Succeed);
    assert_ne!(newest, again);
    assert_eq!(world.visit("/").await.0, 200);
}

#[tokio::test]
async fn equal_zips_are_stored_once_and_one_app_does_not_take_them_from_another() {
    // Signatures would not outlive the hours that pass.
    let world = World::with(|config| {
        config.signed = false;
        config.upkeep.every = Duration::from_millis(10);
    })
    .await;
    let site = large_site("equal", 3 << 20);
    world.deploy(site.clone()).await;
    let other = world.client.create_app().name("other").send().await.unwrap().app.unwrap().app_id;
    world.client.create_branch().app_id(&other).branch_name(BRANCH).send().await.unwrap();
    for _ in 0..2 {
        let made = world.client.create_deployment().app_id(&other).branch_name(BRANCH).send().await.unwrap();
        world.put(&made.zip_upload_url, site.clone()).await;
        let job = made.job_id.unwrap();
        let stop = world.client.stop_job().app_id(&other).branch_name(BRANCH).job_id(&job);
        stop.send().await.unwrap();
    }
    let data = world.server.data().path().to_owned();
    assert_eq!(contents(&data).len(), 1);
    world.client.delete_app().app_id(&other).send().await.unwrap();

    // Another zip tells when a look has come to its end: it goes, the equal one stays.
    world.deploy(large_site("another", 2 << 20)).await;
    assert_eq!(contents(&data).len(), 2);
    world
        .client
        .start_job()
        .app_id(&world.app)
        .branch_name(BRANCH)
        .job_type(JobType::Retry)
        .job_id("1")
        .send()
        .await
        .unwrap();
    assert_eq!(status(&world.ended("3").await), JobStatus::Succeed);
    world.client.delete_job().app_id(&world.app).branch_name(BRANCH).job_id("2").send().await.unwrap();
    while contents(&data).len() > 1 {
        world.clock.advance(TimeDelta::hours(1));
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    world.client.delete_job().app_id(&world.app).branch_name(BRANCH).job_id("1").send().await.unwrap();
    assert_eq!(world.visit("/").await, (200, "equal".to_owned()));
    let shown = world.http.get(format!("{}/noise.png", world.server.endpoint())).header("host", world.site_host());
    assert_eq!(shown.send().await.unwrap().bytes().await.unwrap().len(), 3 << 20);
}
