//! A disk without room: what cannot be kept is refused or fails by name, what is live stays, and when there is room
//! again, everything goes on.
//!
//! The disk is a small file system in memory, which only root can mount. Elsewhere the tests say that they were skipped.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use aws_sdk_amplify::error::ProvideErrorMetadata as _;
use aws_sdk_amplify::types::JobStatus;
use axum::Router;
use axum::routing::get;
use tokio::net::TcpListener;
use windlass_artifact::Packer;

use crate::support::disk::Disk;
use crate::support::process::Process;
use crate::support::{BRANCH, ended, http, page, status};
use crate::{deploy, make_app, until, visit};

#[tokio::test]
async fn what_is_too_large_for_the_disk_is_refused_and_what_is_live_stays() {
    let Some(disk) = Disk::of_megabytes(24) else { return };
    let data = disk.path().join("data");
    let server = Process::serve(&data, &[]);
    let client = server.client(&data);
    let app = make_app(&client, &[BRANCH]).await;
    deploy(&client, &app, page("before")).await;

    // An upload is refused while it arrives.
    let made = client.create_deployment().app_id(&app).branch_name(BRANCH).send().await.unwrap();
    let answer = http().put(&made.zip_upload_url).body(large_zip()).send().await.unwrap();
    assert_eq!(answer.status(), 503);
    assert_eq!(answer.headers()["x-amzn-errortype"], "DependentServiceFailureException");
    let job = made.job_id.unwrap();
    let start = client.start_deployment().app_id(&app).branch_name(BRANCH).job_id(&job).send().await.unwrap_err();
    assert_eq!(start.code(), Some("BadRequestException"));
    client.stop_job().app_id(&app).branch_name(BRANCH).job_id(&job).send().await.unwrap();

    // A source is fetched as far as there is room, and the job says why it failed.
    let start = client.start_deployment().app_id(&app).branch_name(BRANCH).source_url(large_source().await);
    let job = start.send().await.unwrap().job_summary.unwrap().job_id;
    let failed = until(&client, &app, &job, ended).await;
    assert_eq!(status(&failed), JobStatus::Failed);
    let reason = failed.steps[0].status_reason.as_deref().unwrap();
    assert!(reason.contains("No space left on device"), "{reason}");

    assert_eq!(visit(&server, &app, "/").await, "before");
    assert_eq!(files_in(&data.join("artifacts")), Vec::<PathBuf>::new(), "nothing is left behind");
    deploy(&client, &app, page("after")).await;
    assert_eq!(visit(&server, &app, "/").await, "after");
}

#[tokio::test]
async fn a_server_without_any_room_serves_what_it_has_and_goes_on_when_there_is_some() {
    let Some(disk) = Disk::of_megabytes(24) else { return };
    let data = disk.path().join("data");
    let server = Process::serve(&data, &[]);
    let client = server.client(&data);
    let app = make_app(&client, &[BRANCH]).await;
    deploy(&client, &app, page("before")).await;

    let filler = disk.path().join("filler");
    fill(&filler);
    // The write-ahead log may have some room in it; once that is used up, nothing is acknowledged any more.
    let refused = loop {
        match client.create_branch().app_id(&app).branch_name(format!("b{}", rand())).send().await {
            Ok(_) => {}
            Err(error) => break error,
        }
    };
    assert_eq!(refused.code(), Some("InternalFailureException"));
    assert_eq!(visit(&server, &app, "/").await, "before");
    let live = client.get_branch().app_id(&app).branch_name(BRANCH).send().await.unwrap().branch.unwrap();
    assert_eq!(live.active_job_id, "1");

    fs::remove_file(filler).unwrap();
    deploy(&client, &app, page("after")).await;
    assert_eq!(visit(&server, &app, "/").await, "after");
    let known = client.list_branches().app_id(&app).send().await.unwrap().branches;
    server.kill();
    let next = Process::serve(&data, &[]);
    let client = next.client(&data);
    assert_eq!(client.list_branches().app_id(&app).send().await.unwrap().branches, known, "nothing is lost");
}

/// 40 MB that cannot be compressed.
fn large_zip() -> Vec<u8> {
    let mut noise = vec![0; 40_000_000];
    getrandom::fill(&mut noise).unwrap();
    let mut packer = Packer::new(Vec::new());
    packer.add("index.html", &b"large"[..]).unwrap();
    packer.add("noise.png", &*noise).unwrap();
    packer.finish().unwrap()
}

async fn large_source() -> String {
    let router = Router::new().route("/site.zip", get(|| async { large_zip() }));
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let url = format!("http://{}/site.zip", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    url
}

/// Writes until there is no room for one more byte.
fn fill(path: &Path) {
    let mut file = File::create(path).unwrap();
    for size in [1 << 20, 1 << 12, 1] {
        let chunk = vec![1; size];
        while file.write_all(&chunk).is_ok() {}
    }
}

/// The files below a folder, but for the lock that says whose the staging folder is.
fn files_in(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(files_in(&path));
        } else if !path.ends_with("lock") {
            files.push(path);
        }
    }
    files
}

fn rand() -> u64 {
    getrandom::u64().unwrap()
}
