//! Several processes on one PostgreSQL database and one bucket, and what befalls them.

#![allow(clippy::unwrap_used, reason = "a test panics by design")]
#![allow(clippy::print_stderr, reason = "whoever runs the tests has to know")]

mod chance;
mod chaos;
mod faults;
mod fleet;
mod load;
mod proxy;
mod records;
mod roles;
#[path = "../../../windlass-s3/tests/s3/server.rs"]
#[allow(dead_code, reason = "some of it is for tests of the vault alone")]
mod s3;
mod sites;
mod source;
#[path = "../support/mod.rs"]
mod support;

use std::io::Cursor;
use std::time::Duration;

use aws_sdk_amplify::types::{Job, JobStatus};
use windlass_artifact::Packer;

use fleet::Door;
use support::status;

/// A site of one page and so many bytes that do not compress.
fn large_site(page: &str, size: usize) -> Vec<u8> {
    let mut chance = chance::Chance::new(1);
    let noise: Vec<u8> = std::iter::repeat_with(|| chance.next().to_le_bytes()).flatten().take(size).collect();
    let mut packer = Packer::new(Cursor::new(Vec::new()));
    packer.add("index.html", page.as_bytes()).unwrap();
    packer.add("noise.png", &noise[..]).unwrap();
    packer.finish().unwrap().into_inner()
}

/// Waits until a job is as asked for, by a process.
async fn until(door: &Door, app: &str, branch: &str, job: &str, is: impl Fn(&JobStatus) -> bool) -> Job {
    loop {
        let look = door.client.get_job().app_id(app).branch_name(branch).job_id(job);
        let job = look.send().await.unwrap().job.unwrap();
        if is(&status(&job)) {
            return job;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Makes an app with a branch.
async fn make_app(door: &Door, branch: &str) -> String {
    let app = door.client.create_app().name("demo").send().await.unwrap().app.unwrap().app_id;
    door.client.create_branch().app_id(&app).branch_name(branch).send().await.unwrap();
    app
}
