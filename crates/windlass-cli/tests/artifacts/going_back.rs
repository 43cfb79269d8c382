//! Going back: by AWS's own client, and by the command line.

use std::path::Path;

use aws_sdk_amplify::types::{JobStatus, JobType};
use tokio::time::interval;

use crate::support::process::Process;
use crate::support::{BRANCH, ended, http, page, status};
use crate::{large_site, run, text};

/// The operating system counts what a process reads and writes, wherever it lies.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn going_back_reads_the_front_page_and_copies_nothing_however_large_the_artifact_is() {
    const SIZE: u64 = 48 << 20;
    let data = tempfile::tempdir().unwrap();
    let server = Process::serve(data.path(), &[]);
    let site = Site::new(&server, data.path()).await;
    let before = moved(&server);
    site.deploy(large_site("large", SIZE as usize)).await;
    let deployed = moved(&server);
    assert!(deployed.0 - before.0 > SIZE && deployed.1 - before.1 > SIZE, "a deployment does read and write all of it");
    site.deploy(page("small")).await;

    let before = moved(&server);
    let back = site.retry("1").await;
    let after = moved(&server);
    assert_eq!(status(&site.until_ended(&back).await), JobStatus::Succeed);
    let (read, written) = (after.0 - before.0, after.1 - before.1);
    assert!(read < 1 << 20 && written < 1 << 20, "{read} bytes were read and {written} written");
    assert_eq!(site.visit(&server).await, "large");
}

#[tokio::test]
async fn rollback_goes_to_the_last_successful_job_before_the_live_one_and_says_where_it_is() {
    let data = tempfile::tempdir().unwrap();
    let server = Process::serve(data.path(), &[]);
    let site = Site::new(&server, data.path()).await;
    let rollback = |more: &[&str]| {
        let arguments = [&["rollback", "--app", site.app.as_str()], more].concat();
        let output = run(data.path(), &arguments);
        (output.status.code(), text(&output.stdout), text(&output.stderr))
    };

    let (code, _, why) = rollback(&[]);
    assert!(code == Some(1) && why.contains("shows nothing yet, so there is nothing to go back to"), "{why}");
    site.deploy(page("one")).await;
    let (code, _, why) = rollback(&[]);
    assert!(
        code == Some(1) && why.contains("there is nothing to go back to: no job of branch main before job 1"),
        "{why}"
    );
    // One that fails is not gone back to.
    assert_eq!(site.try_deploy(b"no zip".to_vec()).await, JobStatus::Failed);
    site.deploy(page("three")).await;

    let (code, url, why) = rollback(&[]);
    assert_eq!(code, Some(0), "{why}");
    assert!(why.contains("job 4 goes back to job 1") && why.contains("SUCCEED"), "{why}");
    assert!(url.starts_with(&format!("http://main.{}.localhost:", site.app)), "{url}");
    assert_eq!(site.visit(&server).await, "one");

    // From there the last one before is job 3.
    let (code, json, why) = rollback(&["--output", "json"]);
    assert_eq!(code, Some(0), "{why}");
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!((&json["jobId"], &json["backTo"], &json["status"]), (&"5".into(), &"3".into(), &"SUCCEED".into()));
    assert_eq!(site.visit(&server).await, "three");

    let (code, _, why) = rollback(&["--to", "1"]);
    assert_eq!(code, Some(0), "{why}");
    assert_eq!(site.visit(&server).await, "one");
    let (code, _, why) = rollback(&["--to", "6"]);
    assert!(code == Some(1) && why.contains("job 6 is what main shows already"), "{why}");
    let (code, _, why) = rollback(&["--to", "99"]);
    assert!(code == Some(1) && why.contains("NotFoundException"), "{why}");
    let (code, _, why) = rollback(&["--branch", "none"]);
    assert!(code == Some(1) && why.contains("has no branch none"), "{why}");
    assert_eq!(site.visit(&server).await, "one");
}

/// An app with a branch, on a server of its own process.
pub(crate) struct Site {
    pub(crate) client: aws_sdk_amplify::Client,
    pub(crate) app: String,
}

impl Site {
    pub(crate) async fn new(server: &Process, data: &Path) -> Self {
        let client = server.client(data);
        let app = client.create_app().name("demo").send().await.unwrap().app.unwrap().app_id;
        client.create_branch().app_id(&app).branch_name(BRANCH).send().await.unwrap();
        Self { client, app }
    }

    pub(crate) async fn deploy(&self, zip: Vec<u8>) {
        assert_eq!(self.try_deploy(zip).await, JobStatus::Succeed);
    }

    async fn try_deploy(&self, zip: Vec<u8>) -> JobStatus {
        let made = self.client.create_deployment().app_id(&self.app).branch_name(BRANCH).send().await.unwrap();
        let job = made.job_id.unwrap();
        assert_eq!(http().put(made.zip_upload_url).body(zip).send().await.unwrap().status(), 200);
        self.client.start_deployment().app_id(&self.app).branch_name(BRANCH).job_id(&job).send().await.unwrap();
        status(&self.until_ended(&job).await)
    }

    pub(crate) async fn retry(&self, job: &str) -> String {
        let call = self.client.start_job().app_id(&self.app).branch_name(BRANCH).job_type(JobType::Retry).job_id(job);
        let again = call.send().await.unwrap().job_summary.unwrap().job_id;
        self.until_ended(&again).await;
        again
    }

    async fn until_ended(&self, job: &str) -> aws_sdk_amplify::types::Job {
        let mut look = interval(std::time::Duration::from_millis(5));
        loop {
            look.tick().await;
            let call = self.client.get_job().app_id(&self.app).branch_name(BRANCH).job_id(job);
            let job = call.send().await.unwrap().job.unwrap();
            if ended(&status(&job)) {
                return job;
            }
        }
    }

    pub(crate) async fn visit(&self, server: &Process) -> String {
        let host = format!("{BRANCH}.{}.localhost", self.app);
        http().get(&server.endpoint).header("host", host).send().await.unwrap().text().await.unwrap()
    }
}

/// How many bytes the server has read and written so far, from and to whatever.
#[cfg(target_os = "linux")]
fn moved(server: &Process) -> (u64, u64) {
    let io = std::fs::read_to_string(format!("/proc/{}/io", server.id())).unwrap();
    let count = |name: &str| io.lines().find_map(|line| line.strip_prefix(name)).unwrap().trim().parse().unwrap();
    (count("rchar:"), count("wchar:"))
}
