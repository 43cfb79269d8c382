//! Servers that end while they build.

use std::process::Command;

use aws_sdk_amplify::types::JobStatus;

use crate::repository::{Repository, connect, ended_of, log_of, release_of};
use crate::support::process::Process;
use crate::support::pulse::{PORT, Pulse, STAY, SURVIVE, SURVIVORS, all_stop};
use crate::support::{BRANCH, http, status};

const SITE: &str = "
version: 1
frontend:
  phases: {build: {commands: [bash survive.sh]}}
  artifacts: {baseDirectory: /, files: ['**/*']}
";

/// Ends a server with these arguments in the middle of a build, and has the next one do that build.
async fn ended_and_taken_up(end: fn(Process), arguments: &[&str], change: fn(&mut Command)) {
    let (data, pulse) = (tempfile::tempdir().unwrap(), Pulse::new().await);
    let repository = Repository::of(&[("amplify.yml", SITE), STAY, SURVIVE]);
    let arguments = [&["--allow-local-repositories"], arguments].concat();
    let first = Process::serve_with(data.path(), &arguments, change);
    let client = first.client(data.path());
    let app = connect(&client, &repository, &[(PORT, &pulse.port())]).await;
    let job = release_of(&client, &app).await;
    let beats = pulse.beats(SURVIVORS).await;
    end(first);
    all_stop(&beats).await;

    let second = Process::serve_with(data.path(), &arguments, change);
    for beat in pulse.beats(SURVIVORS).await {
        beat.go();
    }
    let job = ended_of(&second.client(data.path()), &app, BRANCH, &job).await;
    let log = log_of(&http(), &job, "BUILD").await;
    assert_eq!(status(&job), JobStatus::Succeed, "{log}");
    assert!(log.contains("The runner was lost; this is attempt 2"), "{log}");
}

#[tokio::test]
async fn no_process_of_a_build_outlives_a_server_that_is_killed_and_the_next_builds_again() {
    ended_and_taken_up(Process::kill, &[], |_| {}).await;
}

#[tokio::test]
async fn nor_where_there_are_no_namespaces() {
    ended_and_taken_up(Process::kill, &[], crate::isolation::without_namespaces).await;
}

#[tokio::test]
async fn nor_without_isolation() {
    ended_and_taken_up(Process::kill, &["--isolation", "none"], |_| {}).await;
}

#[tokio::test]
async fn nor_where_the_server_is_told_to_stop_at_once() {
    ended_and_taken_up(Process::stop_at_once, &[], |_| {}).await;
}

#[tokio::test]
async fn no_process_that_clones_outlives_a_server_that_is_killed() {
    let (data, pulse) = (tempfile::tempdir().unwrap(), Pulse::new().await);
    let server = Process::serve(data.path(), &[]);
    let client = server.client(data.path());
    let repository = format!("http://127.0.0.1:{}/site.git", pulse.port());
    let app = client.create_app().name("far").repository(repository).send().await.unwrap().app.unwrap().app_id;
    client.create_branch().app_id(&app).branch_name(BRANCH).send().await.unwrap();
    release_of(&client, &app).await;
    // It asks, and gets no answer.
    let asks = pulse.beat().await;
    assert!(asks.name.contains("git-upload-pack"), "{asks:?}");
    server.kill();
    all_stop(&[asks]).await;
}
