//! A server that is killed: its jobs are taken up again, and nothing that it acknowledged is lost.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use aws_sdk_amplify::Client;
use aws_sdk_amplify::types::JobStatus;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::response::IntoResponse;
use axum::routing::get;
use futures_util::StreamExt as _;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio::time::interval;
use windlass_artifact::Packer;

use crate::support::process::{Process, windlass};
use crate::support::{BRANCH, ended, http, page, status};
use crate::{deploy, make_app, until, visit};

#[tokio::test]
async fn a_job_in_the_middle_of_which_the_server_is_killed_is_done_by_the_next() {
    let (source, asked, open) = gated_source().await;
    let data = tempfile::tempdir().unwrap();
    let data = data.path();
    let first = Process::serve(data, &[]);
    let client = first.client(data);
    let app = make_app(&client, &[BRANCH]).await;
    deploy(&client, &app, page("before")).await;
    let start = client.start_deployment().app_id(&app).branch_name(BRANCH).source_url(&source);
    let job = start.send().await.unwrap().job_summary.unwrap().job_id;
    until(&client, &app, &job, |status| *status == JobStatus::Running).await;
    wait_for(|| asked.load(Ordering::SeqCst) == 1).await;
    first.kill();

    open.store(true, Ordering::SeqCst);
    let second = Process::serve(data, &[]);
    let client = second.client(data);
    assert_eq!(visit(&second, &app, "/").await, "before");
    let done = until(&client, &app, &job, ended).await;
    assert_eq!(status(&done), JobStatus::Succeed, "{done:?}");
    assert_eq!(asked.load(Ordering::SeqCst), 2);
    assert_eq!(visit(&second, &app, "/").await, "after");
}

#[tokio::test]
async fn a_job_whose_every_runner_is_killed_fails_and_says_so() {
    let (source, asked, _never) = gated_source().await;
    let data = tempfile::tempdir().unwrap();
    let data = data.path();
    let mut server = Process::serve(data, &[]);
    let client = server.client(data);
    let app = make_app(&client, &[BRANCH]).await;
    let start = client.start_deployment().app_id(&app).branch_name(BRANCH).source_url(&source);
    let job = start.send().await.unwrap().job_summary.unwrap().job_id;
    for attempt in 1..=3 {
        wait_for(|| asked.load(Ordering::SeqCst) == attempt).await;
        server.kill();
        server = Process::serve(data, &[]);
    }
    let client = server.client(data);
    let failed = until(&client, &app, &job, ended).await;
    assert_eq!(status(&failed), JobStatus::Failed);
    let output = windlass().args(["jobs", "show", &job, "--app", &app, "--data"]).arg(data).output().unwrap();
    let shown = String::from_utf8_lossy(&output.stdout);
    assert!(shown.contains("the runner was lost in each of 3 attempts"), "{shown}");
}

#[tokio::test]
async fn nothing_acknowledged_is_lost_when_the_server_is_killed_under_load() {
    let data = tempfile::tempdir().unwrap();
    let data = data.path();
    let names: Vec<_> = (0..8).map(|n| format!("b{n}")).collect();
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    let mut acknowledged: Vec<(String, String, JobStatus)> = Vec::new();
    let mut app = None;
    for _ in 0..3 {
        let server = Process::serve(data, &[]);
        let client = server.client(data);
        if app.is_none() {
            app = Some(make_app(&client, &names).await);
        }
        let app = app.clone().unwrap();
        let enough = Arc::new(AtomicU32::new(0));
        let mut loads = JoinSet::new();
        for name in &names {
            loads.spawn(load(client.clone(), app.clone(), (*name).to_owned(), Arc::clone(&enough)));
        }
        wait_for(|| enough.load(Ordering::SeqCst) >= 40).await;
        server.kill();
        for seen in loads.join_all().await {
            acknowledged.extend(seen);
        }
    }

    let server = Process::serve(data, &[]);
    let (client, app) = (server.client(data), app.unwrap());
    assert!(acknowledged.len() >= 120, "{}", acknowledged.len());
    for (branch, job, told) in acknowledged {
        let call = client.get_job().app_id(&app).branch_name(&branch).job_id(&job);
        let job = call.send().await.unwrap().job.unwrap();
        let now = status(&job);
        // What a client was told is true, or was and time has gone on.
        if told == JobStatus::Cancelled {
            assert_eq!(now, told, "{branch}");
        } else {
            assert!(now == told || ended(&now), "{branch} was told {told:?} and is {now:?}");
        }
    }
}

#[tokio::test]
async fn a_server_that_is_asked_to_stop_ends_what_has_begun() {
    let (source, asked, open) = gated_source().await;
    let data = tempfile::tempdir().unwrap();
    let data = data.path();
    let server = Process::serve(data, &[]);
    let client = server.client(data);
    let app = make_app(&client, &[BRANCH]).await;
    let start = client.start_deployment().app_id(&app).branch_name(BRANCH).source_url(&source);
    let job = start.send().await.unwrap().job_summary.unwrap().job_id;
    wait_for(|| asked.load(Ordering::SeqCst) == 1).await;
    let id = server.id().to_string();
    assert!(std::process::Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
    open.store(true, Ordering::SeqCst);
    let code = tokio::task::spawn_blocking(move || server.wait()).await.unwrap();
    assert_eq!(code, Some(0));

    let next = Process::serve(data, &[]);
    let done = until(&next.client(data), &app, &job, ended).await;
    assert_eq!(status(&done), JobStatus::Succeed);
    assert_eq!(asked.load(Ordering::SeqCst), 1, "it was done once, by the first server");
}

/// Each round the power goes a little later in a deployment, from before its first request until some have gone through.
#[tokio::test]
async fn a_server_that_is_killed_at_any_moment_of_a_deployment_ends_what_it_acknowledged_and_shows_whole_sites() {
    let data = tempfile::tempdir().unwrap();
    let data = data.path();
    let server = Process::serve(data, &[]);
    let app = make_app(&server.client(data), &[BRANCH]).await;
    deploy(&server.client(data), &app, large_page("0")).await;
    server.kill();
    let (mut live, mut through, mut moment) = ("0".to_owned(), 0, Duration::from_millis(2));
    for round in 1_u32.. {
        let server = Process::serve(data, &[]);
        let before = newest(&server.client(data), &app).await;
        let deploying = tokio::spawn(start(server.client(data), app.clone(), large_page(&round.to_string())));
        // Not to wait for anything: this is the moment.
        tokio::time::sleep(moment).await;
        moment = moment.mul_f32(1.25);
        server.kill();
        let acknowledged = deploying.await.unwrap();

        let server = Process::serve(data, &[]);
        let client = server.client(data);
        let job = newest(&client, &app).await;
        assert!(acknowledged.is_none_or(|told| told == job), "round {round}");
        let then = until(&client, &app, &job, |status| ended(status) || *status == JobStatus::Created).await;
        let is_new = job != before;
        if status(&then) == JobStatus::Created {
            // Nobody has started it, so nobody ends it before its time.
            client.stop_job().app_id(&app).branch_name(BRANCH).job_id(&job).send().await.unwrap();
        } else if is_new {
            assert_eq!(status(&then), JobStatus::Succeed, "round {round}: {then:?}");
            (live, through) = (round.to_string(), through + 1);
        }
        assert_eq!(visit(&server, &app, "/").await, live, "round {round}");
        server.kill();
        if through == 3 {
            break;
        }
    }
    let output = windlass().args(["doctor", "--deep", "--data"]).arg(data).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

async fn newest(client: &Client, app: &str) -> String {
    let jobs = client.list_jobs().app_id(app).branch_name(BRANCH).max_results(1).send().await.unwrap();
    jobs.job_summaries[0].job_id.clone()
}

/// Deploys as far as it gets, and answers the job if the server has said that it was started.
async fn start(client: Client, app: String, zip: Vec<u8>) -> Option<String> {
    let made = client.create_deployment().app_id(&app).branch_name(BRANCH).send().await.ok()?;
    let job = made.job_id?;
    http().put(made.zip_upload_url).body(zip).send().await.ok().filter(|answer| answer.status().is_success())?;
    client.start_deployment().app_id(&app).branch_name(BRANCH).job_id(&job).send().await.ok()?;
    Some(job)
}

/// A page with 2 MB beside it, so that it is kept as a file.
fn large_page(front: &str) -> Vec<u8> {
    let noise: Vec<u8> = (0_u32..2_000_000).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let mut packer = Packer::new(Vec::new());
    packer.add("index.html", front.as_bytes()).unwrap();
    packer.add("noise.png", &*noise).unwrap();
    packer.finish().unwrap()
}

/// Creates and stops deployments until the server is gone; answers what it was told.
async fn load(client: Client, app: String, branch: String, count: Arc<AtomicU32>) -> Vec<(String, String, JobStatus)> {
    let mut told = Vec::new();
    loop {
        let Ok(made) = client.create_deployment().app_id(&app).branch_name(&branch).send().await else {
            // The last life's job may still be open on this branch.
            let Ok(open) = client.list_jobs().app_id(&app).branch_name(&branch).max_results(1).send().await else {
                return told;
            };
            let job = open.job_summaries[0].job_id.clone();
            let stop = client.stop_job().app_id(&app).branch_name(&branch).job_id(job);
            if stop.send().await.is_err() {
                return told;
            }
            continue;
        };
        let job = made.job_id.unwrap();
        told.push((branch.clone(), job.clone(), JobStatus::Created));
        count.fetch_add(1, Ordering::SeqCst);
        let stop = client.stop_job().app_id(&app).branch_name(&branch).job_id(&job);
        let Ok(stopped) = stop.send().await else { return told };
        told.push((branch.clone(), job, stopped.job_summary.unwrap().status));
    }
}

/// A source that counts who asks, and drips until it is opened.
async fn gated_source() -> (String, Arc<AtomicU32>, Arc<AtomicBool>) {
    let (asked, open) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicBool::new(false)));
    let router = Router::new().route("/site.zip", get(answer)).with_state((Arc::clone(&asked), Arc::clone(&open)));
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let url = format!("http://{}/site.zip", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    (url, asked, open)
}

async fn answer(State((asked, open)): State<(Arc<AtomicU32>, Arc<AtomicBool>)>) -> impl IntoResponse {
    asked.fetch_add(1, Ordering::SeqCst);
    let body = futures_util::stream::once(async move {
        wait_for(|| open.load(Ordering::SeqCst)).await;
        Ok::<_, std::io::Error>(Bytes::from(page("after")))
    });
    Body::from_stream(body.boxed())
}

async fn wait_for(is: impl Fn() -> bool) {
    let mut look = interval(Duration::from_millis(2));
    while !is() {
        look.tick().await;
    }
}

/// The data directory belongs to one process.
#[tokio::test]
async fn a_second_server_on_the_same_directory_is_refused_by_name() {
    let data = tempfile::tempdir().unwrap();
    let _first = Process::serve(data.path(), &[]);
    let second = second_server(data.path());
    assert!(!second.0);
    assert!(second.1.contains("is in use by another windlass process"), "{}", second.1);
}

fn second_server(data: &Path) -> (bool, String) {
    let output = windlass().args(["serve", "--listen", "127.0.0.1:0", "--data"]).arg(data).output().unwrap();
    (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned())
}
