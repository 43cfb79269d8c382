//! What emulators of this API were seen to get wrong, in the order in which it was noted. Where a mistake has many sides,
//! tests elsewhere go through them; here is the one request that told.

use aws_sdk_amplify::types::JobStatus;
use serde_json::{Value, json};

use crate::support::web::endless;
use crate::support::{World, page, status};

impl World {
    /// A request below the branch.
    async fn told(&self, method: &str, path: &str, body: Value) -> crate::support::raw::Answer {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        self.ask(method, &format!("{}/{path}", self.branch_path()), body).await
    }

    /// Everything that can be read of an app without changing it, three times over.
    async fn read_everything(&self, job: &str) {
        let (app, branch) = (format!("/apps/{}", self.app), self.branch_path());
        let arn = format!("arn%3Aaws%3Aamplify%3Aus-east-1%3A000000000000%3Aapps%2F{}", self.app);
        let targets =
            ["", "/branches", "/webhooks", "/domains", "/backendenvironments"].map(|rest| format!("{app}{rest}"));
        let below = ["", "/jobs", &format!("/jobs/{job}"), &format!("/jobs/{job}/artifacts")];
        let below = below.map(|rest| format!("{branch}{rest}"));
        for target in targets.iter().chain(&below).chain(&["/apps".to_owned(), format!("/tags/{arn}")]).cycle().take(33)
        {
            self.ask("GET", target, "").await.ok(target);
        }
    }
}

#[tokio::test]
async fn a_deployment_of_an_unknown_app_is_not_created() {
    let world = World::unsigned().await;
    let answer = world.ask("POST", "/apps/d1/branches/main/deployments", "{}").await;
    answer.is_missing("App d1 not found.", "CreateDeployment");
    world.ask("GET", "/apps/d1/branches/main/jobs", "").await.is_missing("App d1 not found.", "ListJobs");
}

#[tokio::test]
async fn a_deployment_without_its_upload_does_not_succeed() {
    let world = World::unsigned().await;
    let (job, _) = world.create_deployment().await;
    world.told("POST", "deployments/start", json!({ "jobId": job })).await.is_bad("did not arrive", "StartDeployment");
    assert_eq!(status(&world.job(&job).await), JobStatus::Created);
    assert_eq!(world.visit("/").await.0, 404);
}

#[tokio::test]
async fn no_reading_moves_a_job_whatever_its_status() {
    let world = World::with(|config| {
        config.signed = false;
        config.runner.concurrent = 0;
    })
    .await;
    let (job, url) = world.create_deployment().await;
    world.put(&url, page("x")).await;
    let created = world.told("GET", "jobs/1", Value::Null).await.body;
    world.read_everything(&job).await;
    assert_eq!(world.told("GET", "jobs/1", Value::Null).await.body, created);
    world.start(&job).await;
    let pending = world.told("GET", "jobs/1", Value::Null).await.body;
    assert!(pending.contains(r#""status":"PENDING""#), "{pending}");
    world.read_everything(&job).await;
    assert_eq!(world.told("GET", "jobs/1", Value::Null).await.body, pending);

    let world = World::unsigned().await;
    let job = world.start_url(&endless().await).await.job_id;
    world.until(&job, |status| *status == JobStatus::Running).await;
    world.read_everything(&job).await;
    assert_eq!(status(&world.job(&job).await), JobStatus::Running);
    world.stop(&job).await;
    assert_eq!(status(&world.ended(&job).await), JobStatus::Cancelled);
    let ended = world.told("GET", "jobs/1", Value::Null).await.body;
    world.read_everything(&job).await;
    assert_eq!(world.told("GET", "jobs/1", Value::Null).await.body, ended);
}

#[tokio::test]
async fn a_succeeded_job_is_not_cancelled_and_a_cancelled_one_not_started() {
    let world = World::unsigned().await;
    world.deploy(page("x")).await;
    world.told("DELETE", "jobs/1/stop", Value::Null).await.is_bad("the job is SUCCEED", "StopJob");
    assert_eq!(status(&world.job("1").await), JobStatus::Succeed);
    let (job, url) = world.create_deployment().await;
    world.put(&url, page("y")).await;
    world.stop(&job).await;
    world.told("POST", "deployments/start", json!({ "jobId": job })).await.is_bad("the job is CANCELLED", "start");
    assert_eq!(status(&world.job(&job).await), JobStatus::Cancelled);
    assert_eq!(world.visit("/").await.1, "x");
}

#[tokio::test]
async fn an_unknown_job_is_not_made_by_asking_for_it() {
    let world = World::unsigned().await;
    let start = world.told("POST", "deployments/start", json!({ "jobId": "7" })).await;
    start.is_missing("Job 7 not found.", "StartDeployment");
    world.told("GET", "jobs/7", Value::Null).await.is_missing("Job 7 not found.", "GetJob");
    assert_eq!(world.told("GET", "jobs", Value::Null).await.ok("ListJobs"), json!({ "jobSummaries": [] }));
}

#[tokio::test]
async fn what_says_too_little_or_the_wrong_thing_starts_nothing() {
    let world = World::unsigned().await;
    world.deploy(page("x")).await;
    for (path, body, words) in [
        ("deployments/start", json!({}), "Must specify jobId or sourceUrl for StartDeploymentRequest."),
        ("jobs", json!({ "jobType": "MANUAL" }), "The requested jobType MANUAL does not support."),
        ("jobs", json!({ "jobType": "RETRY" }), "Must specify jobId for the jobType RETRY."),
    ] {
        world.told("POST", path, body.clone()).await.is_bad(words, &body.to_string());
    }
    let listed = world.told("GET", "jobs", Value::Null).await.ok("ListJobs");
    assert_eq!(listed["jobSummaries"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn jobs_are_sorted_as_numbers() {
    let world = World::unsigned().await;
    for _ in 0..16 {
        let (job, _) = world.create_deployment().await;
        world.stop(&job).await;
    }
    let listed = world.told("GET", "jobs", Value::Null).await.ok("ListJobs");
    let ids: Vec<_> =
        listed["jobSummaries"].as_array().unwrap().iter().map(|job| job["jobId"].as_str().unwrap()).collect();
    assert_eq!(ids.join(" "), "16 15 14 13 12 11 10 9 8 7 6 5 4 3 2 1");
}

#[tokio::test]
async fn one_job_of_a_branch_runs_at_a_time_and_is_active_when_it_is_live() {
    let world = World::unsigned().await;
    let active =
        async || world.ask("GET", &world.branch_path(), "").await.ok("GetBranch")["branch"]["activeJobId"].take();
    let job = world.start_url(&endless().await).await.job_id;
    world.until(&job, |status| *status == JobStatus::Running).await;
    world.told("POST", "deployments", json!({})).await.is_bad("The last job(deployment) 1 was not finished", "another");
    assert_eq!(active().await, "");
    world.stop(&job).await;
    let (next, url) = world.create_deployment().await;
    assert_eq!(active().await, "");
    world.put(&url, page("x")).await;
    world.start(&next).await;
    world.ended(&next).await;
    assert_eq!(active().await, "2");
}

#[tokio::test]
async fn an_app_has_its_cache_configuration_and_no_variable_without_a_name() {
    let world = World::unsigned().await;
    let made = world.ask("POST", "/apps", r#"{"name":"demo"}"#).await.ok("CreateApp");
    assert_eq!(made["app"]["cacheConfig"], json!({ "type": "AMPLIFY_MANAGED" }));
    let target = format!("/apps/{}", made["app"]["appId"].as_str().unwrap());
    let cleared = world.ask("POST", &target, r#"{"environmentVariables":{"":""}}"#).await.ok("UpdateApp");
    assert_eq!(cleared["app"]["environmentVariables"], json!({}));
}

#[tokio::test]
async fn a_strange_token_is_not_the_first_page() {
    let world = World::unsigned().await;
    for list in ["/apps".to_owned(), format!("/apps/{}/branches", world.app), format!("{}/jobs", world.branch_path())] {
        let answer = world.ask("GET", &format!("{list}?nextToken=zzz"), "").await;
        answer.is_bad("The nextToken is not one that this list gave.", &list);
    }
}

#[tokio::test]
async fn a_job_has_the_steps_that_it_took_and_can_fail() {
    let world = World::unsigned().await;
    let deployed = world.deploy(page("x")).await;
    let names = |job: &aws_sdk_amplify::types::Job| {
        job.steps.iter().map(|step| format!("{} {}", step.step_name, step.status)).collect::<Vec<_>>()
    };
    assert_eq!(names(&deployed), ["DEPLOY SUCCEED", "VERIFY SUCCEED"]);
    assert!(deployed.steps[0].end_time <= deployed.steps[1].start_time);
    let failed = world.deploy(b"no zip".to_vec()).await;
    assert_eq!((status(&failed), names(&failed)), (JobStatus::Failed, vec!["DEPLOY FAILED".to_owned()]));
}
