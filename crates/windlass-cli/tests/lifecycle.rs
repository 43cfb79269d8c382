//! The whole way, driven by AWS's own client: deploy, poll, look at the site, stop, go back.

#![allow(clippy::unwrap_used, reason = "a test panics by design")]

mod support;

use aws_sdk_amplify::types::{JobStatus, JobType, SourceUrlType};
use axum::Router;
use axum::body::{Body, Bytes};
use axum::routing::get;
use chrono::TimeDelta;
use futures_util::StreamExt as _;
use md5::{Digest as _, Md5};
use support::web::serve;
use support::{BRANCH, World, error, page, reason, status, zip};

#[tokio::test]
async fn a_zip_is_uploaded_started_and_served() {
    let world = World::new().await;
    let (job, url) = world.create_deployment().await;
    assert_eq!(job, "1");
    let created = world.job(&job).await.summary.unwrap();
    assert_eq!(created.status, JobStatus::Created);
    assert_eq!(created.job_type, JobType::Manual);
    assert_eq!(world.visit("/").await.0, 404);

    let site = zip(&[("index.html", "<h1>one</h1>"), ("docs/index.html", "docs"), ("404.html", "nothing here")]);
    let put = world.put(&url, site).await;
    assert_eq!(put.status(), 200);
    let started = world.start(&job).await;
    assert_eq!(started.status, JobStatus::Pending);
    assert!(started.job_arn.ends_with("/branches/main/jobs/0000000001"), "{}", started.job_arn);

    let done = world.ended(&job).await;
    assert_eq!(status(&done), JobStatus::Succeed);
    let steps: Vec<_> = done.steps.iter().map(|step| (step.step_name.as_str(), step.status.clone())).collect();
    assert_eq!(steps, [("DEPLOY", JobStatus::Succeed), ("VERIFY", JobStatus::Succeed)]);
    assert_eq!(world.visit("/").await, (200, "<h1>one</h1>".to_owned()));
    assert_eq!(world.visit("/docs/").await, (200, "docs".to_owned()));
    assert_eq!(world.visit("/absent").await, (404, "nothing here".to_owned()));

    let branch = world.client.get_branch().app_id(&world.app).branch_name(BRANCH).send().await.unwrap();
    let branch = branch.branch.unwrap();
    assert_eq!((branch.active_job_id.as_str(), branch.total_number_of_jobs.as_str()), ("1", "1"));
    let log = world.http.get(done.steps[0].log_url.as_ref().unwrap()).send().await.unwrap();
    assert!(log.text().await.unwrap().contains("[INFO]: Deployment finished."));
}

#[tokio::test]
async fn a_file_map_is_uploaded_file_by_file() {
    let world = World::new().await;
    let files = [("/index.html", "front"), ("css/a b.css", "body{}"), ("ü.txt", "")];
    let mut call = world.client.create_deployment().app_id(&world.app).branch_name(BRANCH);
    for (path, content) in files {
        call = call.file_map(path, hex::encode(Md5::digest(content)));
    }
    let made = call.send().await.unwrap();
    assert_eq!(made.zip_upload_url, "");
    let urls = made.file_upload_urls;
    assert_eq!(urls.len(), 3);

    let wrong = world.put(&urls["/index.html"], "not the front").await;
    assert_eq!(wrong.status(), 400);
    assert!(wrong.text().await.unwrap().contains("The content of index.html has the MD5"));
    for (path, content) in &files[..2] {
        assert_eq!(world.put(&urls[*path], *content).await.status(), 200);
    }
    let call = || world.client.start_deployment().app_id(&world.app).branch_name(BRANCH).job_id("1");
    let (name, message) = error(call().send().await.unwrap_err());
    assert_eq!(name, "BadRequestException");
    assert!(message.contains("1 of the job's uploads did not arrive, the first of them ü.txt"), "{message}");

    assert_eq!(world.put(&urls["ü.txt"], "").await.status(), 200);
    call().send().await.unwrap();
    let done = world.ended("1").await;
    assert_eq!(status(&done), JobStatus::Succeed, "{}", reason(&done));
    assert_eq!(world.visit("/").await.1, "front");
    assert_eq!(world.visit("/css/a%20b.css").await.1, "body{}");
    assert_eq!(world.visit("/%C3%BC.txt").await, (200, String::new()));
}

#[tokio::test]
async fn a_zip_is_fetched_from_a_url() {
    let world = World::new().await;
    let source = serve(Router::new().route("/site.zip", get(|| async { page("fetched") }))).await;
    let url = format!("{source}/site.zip?X-Amz-Signature=secret");
    let started = world.start_url(&url).await;
    assert_eq!(started.status, JobStatus::Pending);
    assert_eq!(started.source_url.as_deref(), Some(url.as_str()));
    assert_eq!(started.source_url_type, Some(SourceUrlType::Zip));
    let done = world.ended(&started.job_id).await;
    assert_eq!(status(&done), JobStatus::Succeed, "{}", reason(&done));
    assert_eq!(world.visit("/").await.1, "fetched");

    let gone = world.start_url(&format!("{source}/other.zip?token=secret")).await;
    let failed = world.ended(&gone.job_id).await;
    assert_eq!(status(&failed), JobStatus::Failed);
    assert!(reason(&failed).contains("404"), "{}", reason(&failed));
    assert!(!reason(&failed).contains("secret"), "{}", reason(&failed));
    assert_eq!(world.visit("/").await.1, "fetched");
}

#[tokio::test]
async fn a_source_that_drips_is_stopped_at_once_and_the_branch_is_free() {
    let world = World::new().await;
    let drip = || async {
        let first = futures_util::stream::once(async { Ok::<_, std::io::Error>(Bytes::from_static(b"PK")) });
        Body::from_stream(first.chain(futures_util::stream::pending()))
    };
    let source = serve(Router::new().route("/slow.zip", get(drip))).await;
    let job = world.start_url(&format!("{source}/slow.zip")).await.job_id;
    world.until(&job, |status| *status == JobStatus::Running).await;

    let stopping = world.stop(&job).await;
    assert!(matches!(stopping.status, JobStatus::Cancelling | JobStatus::Cancelled), "{:?}", stopping.status);
    // Nobody waits before the next one.
    let (next, url) = world.create_deployment().await;
    assert_eq!(next, "2");
    let stopped = world.ended(&job).await;
    assert_eq!(status(&stopped), JobStatus::Cancelled);
    assert!(reason(&stopped).starts_with("stopped by WDLS"), "{}", reason(&stopped));
    assert!(stopped.steps.iter().all(|step| step.status == JobStatus::Cancelled));

    assert_eq!(world.put(&url, page("two")).await.status(), 200);
    world.start(&next).await;
    assert_eq!(status(&world.ended(&next).await), JobStatus::Succeed);
    assert_eq!(world.visit("/").await.1, "two");
}

#[tokio::test]
async fn a_retry_of_an_older_job_goes_back_to_it() {
    let world = World::new().await;
    world.deploy(page("one")).await;
    world.deploy(page("two")).await;
    assert_eq!(world.visit("/").await.1, "two");

    let call = world.client.start_job().app_id(&world.app).branch_name(BRANCH);
    let retry = call.job_type(JobType::Retry).job_id("1").send().await.unwrap().job_summary.unwrap();
    assert_eq!((retry.job_id.as_str(), &retry.job_type), ("3", &JobType::Retry));
    assert_eq!(status(&world.ended("3").await), JobStatus::Succeed);
    assert_eq!(world.visit("/").await.1, "one");

    // What the live job shows stays when the job that it came from is deleted.
    let delete =
        |job: &'static str| world.client.delete_job().app_id(&world.app).branch_name(BRANCH).job_id(job).send();
    delete("1").await.unwrap();
    delete("2").await.unwrap();
    assert_eq!(world.visit("/").await.1, "one");
    let (name, message) = error(delete("3").await.unwrap_err());
    assert_eq!(name, "BadRequestException");
    assert!(message.starts_with("Cannot delete the active job for this branch."), "{message}");

    world.deploy(page("four")).await;
    delete("3").await.unwrap();
    let left = world.client.list_jobs().app_id(&world.app).branch_name(BRANCH).send().await.unwrap().job_summaries;
    assert_eq!(left.iter().map(|job| job.job_id.as_str()).collect::<Vec<_>>(), ["4"]);
}

#[tokio::test]
async fn eight_hours_and_one_second_after_its_creation_a_deployment_fails() {
    let world = World::with(|config| config.signed = false).await;
    let (job, url) = world.create_deployment().await;
    world.put(&url, page("late")).await;
    world.clock.advance(TimeDelta::hours(8) + TimeDelta::seconds(1));

    let start = world.client.start_deployment().app_id(&world.app).branch_name(BRANCH).job_id(&job);
    let (name, message) = error(start.send().await.unwrap_err());
    assert_eq!(name, "BadRequestException");
    assert!(message.contains("the deployment was not started within 8 hours"), "{message}");
    assert_eq!(status(&world.job(&job).await), JobStatus::Failed);
    assert_eq!(world.visit("/").await.0, 404);
    // The branch is free again.
    assert_eq!(world.create_deployment().await.0, "2");
}

#[tokio::test]
async fn time_ends_a_deployment_that_nobody_asks_about() {
    let world = World::with(|config| config.signed = false).await;
    let (job, _) = world.create_deployment().await;
    world.clock.advance(TimeDelta::hours(8));
    let failed = world.ended(&job).await;
    assert_eq!(status(&failed), JobStatus::Failed);
    assert!(failed.steps.is_empty());
}

#[tokio::test]
async fn two_starts_at_once_make_one_job() {
    let world = World::new().await;
    let slow = serve(Router::new().route("/s.zip", get(|| async { page("once") }))).await;
    for round in 1..=20 {
        let url = format!("{slow}/s.zip");
        let start = || {
            let call = world.client.start_deployment().app_id(&world.app).branch_name(BRANCH);
            call.source_url(&url).send()
        };
        let (a, b) = tokio::join!(start(), start());
        let (mut made, mut refused) = (Vec::new(), Vec::new());
        for outcome in [a, b] {
            match outcome {
                Ok(started) => made.push(started.job_summary.unwrap().job_id),
                Err(refusal) => refused.push(error(refusal).1),
            }
        }
        for message in refused {
            assert!(message.contains("was not finished, please wait until it finish"), "{message}");
        }
        for job in &made {
            assert_eq!(status(&world.ended(job).await), JobStatus::Succeed);
        }
        // The second may have come after the first had ended; never are two numbers the same.
        made.dedup();
        assert!(!made.is_empty(), "round {round}");
    }

    // Started twice at once, an uploaded deployment starts once.
    let (job, url) = world.create_deployment().await;
    world.put(&url, page("twice")).await;
    let start = || world.client.start_deployment().app_id(&world.app).branch_name(BRANCH).job_id(&job).send();
    let (a, b) = tokio::join!(start(), start());
    assert_eq!(usize::from(a.is_ok()) + usize::from(b.is_ok()), 1);
    assert_eq!(status(&world.ended(&job).await), JobStatus::Succeed);
}

#[tokio::test]
async fn a_branch_with_an_unfinished_job_takes_no_other_in_the_words_that_clients_look_for() {
    let world = World::new().await;
    let (job, _) = world.create_deployment().await;
    let refused = world.client.create_deployment().app_id(&world.app).branch_name(BRANCH).send().await.unwrap_err();
    assert_eq!(
        error(refused),
        (
            "BadRequestException".to_owned(),
            format!(
                "The last job(deployment) {job} was not finished, please wait until it finish or use StopJob operation \
                 to cancel it before creating a new deployment."
            )
        )
    );
    let retry = world.client.start_job().app_id(&world.app).branch_name(BRANCH).job_type(JobType::Retry).job_id("1");
    assert_eq!(error(retry.send().await.unwrap_err()).0, "BadRequestException");
    assert_eq!(world.stop(&job).await.status, JobStatus::Cancelled);
    world.deploy(page("free")).await;

    let (open, _) = world.create_deployment().await;
    let retry = world.client.start_job().app_id(&world.app).branch_name(BRANCH).job_type(JobType::Retry).job_id("2");
    assert_eq!(
        error(retry.send().await.unwrap_err()),
        (
            "LimitExceededException".to_owned(),
            "The requested branch main already have pending or running jobs".to_owned()
        )
    );
    // One can be stopped once; after that it has ended.
    assert_eq!(world.stop(&open).await.status, JobStatus::Cancelled);
    let again = world.client.stop_job().app_id(&world.app).branch_name(BRANCH).job_id(&open).send().await.unwrap_err();
    assert_eq!(error(again).0, "BadRequestException");
}

#[tokio::test]
async fn jobs_are_listed_newest_first_by_number_in_pages() {
    let world = World::new().await;
    for _ in 0..11 {
        let (job, _) = world.create_deployment().await;
        world.stop(&job).await;
    }
    let list = || world.client.list_jobs().app_id(&world.app).branch_name(BRANCH);
    let newest = list().max_results(1).send().await.unwrap();
    assert_eq!(newest.job_summaries[0].job_id, "11");
    let (mut seen, mut token) = (Vec::new(), None);
    loop {
        let page = list().max_results(4).set_next_token(token).send().await.unwrap();
        seen.extend(page.job_summaries.into_iter().map(|job| job.job_id.parse::<u32>().unwrap()));
        token = page.next_token;
        if token.is_none() {
            break;
        }
    }
    assert_eq!(seen, (1..=11).rev().collect::<Vec<_>>());
}

#[tokio::test]
async fn an_app_that_is_connected_to_a_repository_takes_no_deployments_by_hand() {
    let world = World::new().await;
    let app = world.client.create_app().name("git").repository("https://example.com/r.git").access_token("hush");
    let app = app.send().await.unwrap().app.unwrap();
    assert_eq!(app.repository, "https://example.com/r.git");
    world.client.create_branch().app_id(&app.app_id).branch_name(BRANCH).send().await.unwrap();
    let refused = world.client.create_deployment().app_id(&app.app_id).branch_name(BRANCH).send().await.unwrap_err();
    assert_eq!(error(refused).1, "Operation not supported. App is already connected a repository.");
}
