//! What a job leaves behind, by presigned URL.

use aws_sdk_amplify::types::{JobStatus, JobType};
use chrono::TimeDelta;

use crate::refusal;
use crate::support::{BRANCH, World, error, page, status, zip};

impl World {
    /// What ListArtifacts says of a job: names and ids.
    async fn artifacts(&self, job: &str) -> Vec<(String, String)> {
        let call = self.client.list_artifacts().app_id(&self.app).branch_name(BRANCH).job_id(job);
        let listed = call.send().await.unwrap();
        assert_eq!(listed.next_token, None);
        listed.artifacts.into_iter().map(|artifact| (artifact.artifact_file_name, artifact.artifact_id)).collect()
    }

    async fn names(&self, job: &str) -> Vec<String> {
        self.artifacts(job).await.into_iter().map(|(name, _)| name).collect()
    }

    async fn artifact_url(&self, id: &str) -> String {
        let got = self.client.get_artifact_url().artifact_id(id).send().await.unwrap();
        assert_eq!(got.artifact_id, id);
        got.artifact_url
    }

    /// Fetches a URL as curl would.
    async fn fetch(&self, url: &str) -> Vec<u8> {
        let answer = self.http.get(url).send().await.unwrap();
        assert_eq!(answer.status(), 200, "{url}");
        answer.bytes().await.unwrap().to_vec()
    }

    async fn fetch_artifact(&self, job: &str, name: &str) -> Vec<u8> {
        let artifacts = self.artifacts(job).await;
        let (_, id) = artifacts.iter().find(|(known, _)| known == name).unwrap();
        self.fetch(&self.artifact_url(id).await).await
    }
}

#[tokio::test]
async fn a_job_leaves_its_zip_and_the_logs_of_its_steps() {
    let world = World::new().await;
    let site = page("one");
    world.deploy(site.clone()).await;
    assert_eq!(world.names("1").await, ["artifacts.zip", "DEPLOY/log.txt", "VERIFY/log.txt"]);
    assert_eq!(world.fetch_artifact("1", "artifacts.zip").await, site);
    let job = world.job("1").await;
    for (step, name) in job.steps.iter().zip(["DEPLOY/log.txt", "VERIFY/log.txt"]) {
        let log = world.fetch_artifact("1", name).await;
        assert_eq!(log, world.fetch(step.log_url.as_deref().unwrap()).await);
        assert!(String::from_utf8(log).unwrap().contains("[INFO]"));
    }
    // GetJob leads to the zip as well, from the step that put it there.
    assert_eq!(world.fetch(job.steps[0].artifacts_url.as_deref().unwrap()).await, site);
    assert_eq!(job.steps[1].artifacts_url, None);

    let artifacts = world.artifacts("1").await;
    let answer = world.http.get(world.artifact_url(&artifacts[0].1).await).send().await.unwrap();
    let header = |name: &str| answer.headers()[name].to_str().unwrap();
    assert_eq!(header("content-type"), "application/zip");
    assert_eq!(header("content-disposition"), "attachment; filename=\"artifacts.zip\"");
    assert_eq!(header("content-length"), site.len().to_string());
}

#[tokio::test]
async fn a_zip_larger_than_memory_is_meant_for_is_fetched_whole() {
    let world = World::new().await;
    // Content that does not shrink, so that the zip is kept as a file.
    let mut state = 1_u64;
    let noise: String = std::iter::repeat_with(|| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        char::from(b' ' + (state >> 40) as u8 % 90)
    })
    .take(4_000_000)
    .collect();
    let site = zip(&[("index.html", "large"), ("noise.bin", &noise)]);
    assert!(site.len() > 2 * 1024 * 1024);
    world.deploy(site.clone()).await;
    assert!(world.fetch_artifact("1", "artifacts.zip").await == site);
}

#[tokio::test]
async fn a_job_that_put_nothing_live_leaves_logs_only() {
    let world = World::new().await;
    let failed = world.deploy(b"not a zip".to_vec()).await;
    assert_eq!(status(&failed), JobStatus::Failed);
    assert_eq!(world.names("1").await, ["DEPLOY/log.txt"]);
    assert_eq!(failed.steps[0].artifacts_url, None);
    assert!(failed.steps[0].log_url.is_some());
    let (open, _) = world.create_deployment().await;
    assert!(world.names(&open).await.is_empty());
}

#[tokio::test]
async fn a_retry_leaves_what_it_went_back_to() {
    let world = World::new().await;
    let first = page("one");
    world.deploy(first.clone()).await;
    world.deploy(page("two")).await;
    let retry = world.client.start_job().app_id(&world.app).branch_name(BRANCH);
    retry.job_type(JobType::Retry).job_id("1").send().await.unwrap();
    assert_eq!(status(&world.ended("3").await), JobStatus::Succeed);
    // It is still there when the job that it came from is not.
    world.client.delete_job().app_id(&world.app).branch_name(BRANCH).job_id("1").send().await.unwrap();
    assert_eq!(world.fetch_artifact("3", "artifacts.zip").await, first);
}

#[tokio::test]
async fn artifacts_are_listed_in_pages() {
    let world = World::new().await;
    world.deploy(page("one")).await;
    world.deploy(page("two")).await;
    let list = |job: &str| world.client.list_artifacts().app_id(&world.app).branch_name(BRANCH).job_id(job);
    let first = list("1").max_results(2).send().await.unwrap();
    assert_eq!(first.artifacts.len(), 2);
    let rest = list("1").max_results(2).set_next_token(first.next_token.clone()).send().await.unwrap();
    assert_eq!((rest.artifacts.len(), rest.next_token), (1, None));
    assert_eq!(rest.artifacts[0].artifact_file_name, "VERIFY/log.txt");
    assert_eq!(list("1").max_results(3).send().await.unwrap().next_token, None);

    let strange = refusal("BadRequestException", "The nextToken is not one that this list gave.");
    assert_eq!(error(list("2").set_next_token(first.next_token).send().await.unwrap_err()), strange);
    assert_eq!(error(list("1").next_token("zzz").send().await.unwrap_err()), strange);
}

#[tokio::test]
async fn artifacts_are_of_jobs_that_are_there() {
    let world = World::new().await;
    world.deploy(page("one")).await;
    let list = |app: &str, branch: &str, job: &str| {
        world.client.list_artifacts().app_id(app).branch_name(branch).job_id(job).send()
    };
    for (app, branch, job, message) in [
        ("d1", BRANCH, "1", "App d1 not found."),
        (&world.app, "absent", "1", "Branch absent not found."),
        (&world.app, BRANCH, "2", "Job 2 not found."),
    ] {
        assert_eq!(error(list(app, branch, job).await.unwrap_err()), refusal("NotFoundException", message));
    }

    let real = world.artifacts("1").await[0].1.clone();
    // The same in other words, `01/1/…` and `+1/1/…`, is another text.
    let others = ["MDEvMS9hcnRpZmFjdHMuemlw", "KzEvMS9hcnRpZmFjdHMuemlw"].map(str::to_owned);
    assert_eq!(real, "MS8xL2FydGlmYWN0cy56aXA");
    let ids = ["x".to_owned(), real[..real.len() - 1].to_owned(), format!("{real}A"), real.to_uppercase()];
    let ids = ids.into_iter().chain(others).chain(["a/b".to_owned()]);
    for id in ids {
        let refused = world.client.get_artifact_url().artifact_id(&id).send().await.unwrap_err();
        assert_eq!(error(refused), refusal("NotFoundException", format!("Artifact {id} not found.")));
    }
    world.deploy(page("two")).await;
    world.client.delete_job().app_id(&world.app).branch_name(BRANCH).job_id("1").send().await.unwrap();
    let gone = world.client.get_artifact_url().artifact_id(&real).send().await.unwrap_err();
    assert_eq!(error(gone), refusal("NotFoundException", format!("Artifact {real} not found.")));
}

#[tokio::test]
async fn a_url_of_an_artifact_is_for_that_and_for_an_hour() {
    let world = World::unsigned().await;
    world.deploy(page("one")).await;
    world.deploy(page("two")).await;
    let url = world.artifact_url(&world.artifacts("1").await[0].1).await;
    let asked = |method: reqwest::Method, url: String| world.http.request(method, url).send();
    assert_eq!(asked(reqwest::Method::GET, url.replace("/0000000001/", "/0000000002/")).await.unwrap().status(), 403);
    assert_eq!(asked(reqwest::Method::PUT, url.clone()).await.unwrap().status(), 403);
    assert_eq!(asked(reqwest::Method::GET, url.split('?').next().unwrap().to_owned()).await.unwrap().status(), 403);
    world.fetch(&url).await;
    world.clock.advance(TimeDelta::minutes(61));
    assert_eq!(asked(reqwest::Method::GET, url).await.unwrap().status(), 403);
}
