//! Files of artifacts that are lost or damaged under the server's hands.

use std::fs;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use aws_sdk_amplify::types::{JobStatus, JobType};
use windlass_artifact::Packer;

use crate::support::process::Process;
use crate::support::{BRANCH, ended, http, page, status};
use crate::{deploy, make_app, until, visit};

#[tokio::test]
async fn a_retry_of_a_job_whose_zip_is_lost_fails_by_name_and_what_is_live_stays() {
    let data = tempfile::tempdir().unwrap();
    let server = Process::serve(data.path(), &[]);
    let client = server.client(data.path());
    let app = make_app(&client, &[BRANCH]).await;
    deploy(&client, &app, large("first")).await;
    let kept = zips(data.path());
    deploy(&client, &app, page("second")).await;
    for zip in &kept {
        fs::remove_file(zip).unwrap();
    }
    let retry = client.start_job().app_id(&app).branch_name(BRANCH).job_type(JobType::Retry).job_id("1");
    let job = retry.send().await.unwrap().job_summary.unwrap().job_id;
    let failed = until(&client, &app, &job, ended).await;
    assert_eq!(status(&failed), JobStatus::Failed);
    assert_eq!(failed.steps[0].status_reason.as_deref(), Some("the zip of job 1 is not kept any more"));
    assert_eq!(visit(&server, &app, "/").await, "second");
}

#[tokio::test]
async fn a_retry_of_a_job_whose_front_page_is_damaged_fails_by_name() {
    let data = tempfile::tempdir().unwrap();
    let server = Process::serve(data.path(), &[]);
    let client = server.client(data.path());
    let app = make_app(&client, &[BRANCH]).await;
    deploy(&client, &app, large("first")).await;
    let kept = zips(data.path());
    deploy(&client, &app, page("second")).await;
    for zip in &kept {
        // The content of the first member, right after its header and its name.
        fs::File::options().write(true).open(zip).unwrap().write_at(&[0xff; 4], 30 + 10).unwrap();
    }
    let retry = client.start_job().app_id(&app).branch_name(BRANCH).job_type(JobType::Retry).job_id("1");
    let job = retry.send().await.unwrap().job_summary.unwrap().job_id;
    let failed = until(&client, &app, &job, ended).await;
    assert_eq!(status(&failed), JobStatus::Failed);
    let reason = failed.steps[1].status_reason.as_deref().unwrap();
    assert!(reason.starts_with("index.html cannot be read back: "), "{reason}");
    assert_eq!(visit(&server, &app, "/").await, "second");
}

#[tokio::test]
async fn a_live_site_whose_zip_is_lost_says_so_and_comes_back_with_the_next_deployment() {
    let data = tempfile::tempdir().unwrap();
    let first = Process::serve(data.path(), &[]);
    let client = first.client(data.path());
    let app = make_app(&client, &[BRANCH]).await;
    deploy(&client, &app, large("first")).await;
    first.kill();
    for zip in zips(data.path()) {
        fs::remove_file(zip).unwrap();
    }
    let server = Process::serve(data.path(), &[]);
    let client = server.client(data.path());
    let host = format!("{BRANCH}.{app}.localhost");
    let answer = http().get(&server.endpoint).header("host", host).send().await.unwrap();
    assert_eq!(answer.status(), 500);
    deploy(&client, &app, page("second")).await;
    assert_eq!(visit(&server, &app, "/").await, "second");
}

/// A site of 2 MB, which is kept as a file.
fn large(front: &str) -> Vec<u8> {
    let mut noise = vec![0; 2_000_000];
    getrandom::fill(&mut noise).unwrap();
    let mut packer = Packer::new(Vec::new());
    packer.add("index.html", front.as_bytes()).unwrap();
    packer.add("noise.png", &*noise).unwrap();
    packer.finish().unwrap()
}

/// The files of large zips, wherever they lie.
fn zips(data: &Path) -> Vec<PathBuf> {
    let mut zips = Vec::new();
    let mut folders = vec![data.join("artifacts")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.metadata().unwrap().len() > 1_000_000 {
                zips.push(path);
            }
        }
    }
    zips
}
