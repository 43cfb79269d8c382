//! What goes wrong outside of Windlass: power cuts, full disks, lost and damaged files.

#![allow(clippy::unwrap_used, reason = "a test panics by design")]

mod disk_full;
mod killed;
mod lost_files;
#[path = "../support/mod.rs"]
mod support;

use std::time::Duration;

use aws_sdk_amplify::Client;
use aws_sdk_amplify::types::{Job, JobStatus};
use support::process::Process;
use support::{BRANCH, ended, http, status};
use tokio::time::interval;

pub(crate) async fn make_app(client: &Client, branches: &[&str]) -> String {
    let app = client.create_app().name("demo").send().await.unwrap().app.unwrap().app_id;
    for branch in branches {
        client.create_branch().app_id(&app).branch_name(*branch).send().await.unwrap();
    }
    app
}

pub(crate) async fn deploy(client: &Client, app: &str, zip: Vec<u8>) {
    let made = client.create_deployment().app_id(app).branch_name(BRANCH).send().await.unwrap();
    let job = made.job_id.unwrap();
    http().put(made.zip_upload_url).body(zip).send().await.unwrap();
    client.start_deployment().app_id(app).branch_name(BRANCH).job_id(&job).send().await.unwrap();
    assert_eq!(status(&until(client, app, &job, ended).await), JobStatus::Succeed);
}

pub(crate) async fn until(client: &Client, app: &str, job: &str, is: impl Fn(&JobStatus) -> bool) -> Job {
    let mut look = interval(Duration::from_millis(5));
    loop {
        look.tick().await;
        let call = client.get_job().app_id(app).branch_name(BRANCH).job_id(job);
        let job = call.send().await.unwrap().job.unwrap();
        if is(&status(&job)) {
            return job;
        }
    }
}

pub(crate) async fn visit(server: &Process, app: &str, path: &str) -> String {
    let host = format!("{BRANCH}.{app}.localhost");
    let answer = http().get(format!("{}{path}", server.endpoint)).header("host", host).send().await.unwrap();
    answer.text().await.unwrap()
}
