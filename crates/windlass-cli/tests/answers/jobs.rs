//! Jobs at every moment of their lives.

use aws_sdk_amplify::types::JobStatus;
use serde_json::{Value, json};

use crate::support::web::endless;
use crate::support::{World, page, status};

/// The members of a summary that the model requires.
const REQUIRED: [&str; 8] =
    ["jobArn", "jobId", "commitId", "commitMessage", "commitTime", "startTime", "status", "jobType"];

impl World {
    /// GetJob, which says of the job what ListJobs says.
    async fn shown(&self, job: &str) -> Value {
        let jobs = format!("{}/jobs", self.branch_path());
        let shown = self.ask("GET", &format!("{jobs}/{job}"), "").await.ok("GetJob")["job"].take();
        complete(&shown);
        shown
    }

    async fn active(&self) -> String {
        let branch = self.ask("GET", &self.branch_path(), "").await.ok("GetBranch");
        branch["branch"]["activeJobId"].as_str().unwrap().to_owned()
    }
}

/// A job has all that the model requires, and the time of its end if it has ended.
fn complete(job: &Value) {
    let summary = &job["summary"];
    for member in REQUIRED {
        assert!(summary.get(member).is_some(), "{member} is not in {summary}");
    }
    let ended = |value: &Value| matches!(value["status"].as_str().unwrap(), "SUCCEED" | "FAILED" | "CANCELLED");
    assert_eq!(summary.get("endTime").is_some(), ended(summary), "{job}");
    let mut last = summary["startTime"].as_f64().unwrap();
    for step in job["steps"].as_array().unwrap() {
        assert_eq!(step.get("endTime").is_some(), ended(step), "{job}");
        let start = step["startTime"].as_f64().unwrap();
        assert!(start >= last, "{job}");
        last = step.get("endTime").map_or(start, |end| end.as_f64().unwrap());
        assert!(last >= start, "{job}");
    }
    if let Some(end) = summary.get("endTime") {
        assert!(end.as_f64().unwrap() >= last, "{job}");
    }
}

#[tokio::test]
async fn a_job_has_all_its_members_from_its_first_moment_to_its_last() {
    let world = World::unsigned().await;
    let (job, url) = world.create_deployment().await;
    let created = world.shown(&job).await;
    let arn = format!("arn:aws:amplify:us-east-1:000000000000:apps/{}/branches/main/jobs/0000000001", world.app);
    let time = &created["summary"]["startTime"];
    let expected = json!({
        "jobArn": arn,
        "jobId": "1",
        "commitId": "",
        "commitMessage": "",
        "commitTime": time,
        "startTime": time,
        "status": "CREATED",
        "jobType": "MANUAL",
    });
    assert_eq!(created, json!({ "summary": expected, "steps": [] }));
    let seconds = time.as_f64().unwrap();
    assert!((1.7e9..1e10).contains(&seconds), "{seconds}");

    world.put(&url, page("x")).await;
    let body = json!({ "jobId": "1" }).to_string();
    let started = world.ask("POST", &format!("{}/deployments/start", world.branch_path()), body).await;
    let started = started.ok("StartDeployment");
    assert_eq!(started["jobSummary"]["status"], "PENDING");
    assert_eq!(started["jobSummary"]["jobArn"], expected["jobArn"]);
    world.ended(&job).await;

    let done = world.shown(&job).await;
    assert_eq!(done["summary"]["status"], "SUCCEED");
    let steps: Vec<_> =
        done["steps"].as_array().unwrap().iter().map(|step| step["stepName"].as_str().unwrap()).collect();
    assert_eq!(steps, ["DEPLOY", "VERIFY"]);
    let listed = world.ask("GET", &format!("{}/jobs", world.branch_path()), "").await.ok("ListJobs");
    assert_eq!(listed["jobSummaries"], json!([done["summary"]]));
}

#[tokio::test]
async fn a_job_that_has_not_ended_has_no_time_of_its_end() {
    let world = World::unsigned().await;
    let url = endless().await;
    let job = world.start_url(&url).await.job_id;
    world.until(&job, |status| *status == JobStatus::Running).await;
    let running = world.shown(&job).await;
    assert_eq!(running["summary"]["sourceUrl"], json!(url));
    assert_eq!(running["summary"]["sourceUrlType"], "ZIP");
    let steps = running["steps"].as_array().unwrap();
    assert_eq!((steps.len(), &steps[0]["stepName"], &steps[0]["status"]), (1, &json!("DEPLOY"), &json!("RUNNING")));

    world.stop(&job).await;
    world.shown(&job).await;
    world.ended(&job).await;
    let stopped = world.shown(&job).await;
    assert_eq!(stopped["summary"]["status"], "CANCELLED");
    assert!(stopped["steps"].as_array().unwrap().iter().all(|step| step["status"] == "CANCELLED"), "{stopped}");
}

#[tokio::test]
async fn a_failed_job_says_why_in_its_last_step() {
    let world = World::unsigned().await;
    let failed = world.deploy(b"no zip".to_vec()).await;
    let job = failed.summary.unwrap().job_id;
    let shown = world.shown(&job).await;
    let steps = shown["steps"].as_array().unwrap();
    assert_eq!((steps.len(), &steps[0]["status"]), (1, &json!("FAILED")));
    assert_eq!(steps[0]["statusReason"], "not a zip archive");
    assert_eq!(shown["summary"]["endTime"], steps[0]["endTime"]);
}

#[tokio::test]
async fn the_active_job_is_the_one_that_went_live_last() {
    let world = World::unsigned().await;
    let (first, url) = world.create_deployment().await;
    assert_eq!(world.active().await, "");
    world.put(&url, page("one")).await;
    assert_eq!(world.active().await, "");
    world.start(&first).await;
    world.ended(&first).await;
    assert_eq!(world.active().await, "1");

    world.deploy(b"no zip".to_vec()).await;
    let (stopped, _) = world.create_deployment().await;
    world.stop(&stopped).await;
    let running = world.start_url(&endless().await).await.job_id;
    world.until(&running, |status| *status == JobStatus::Running).await;
    assert_eq!(world.active().await, "1");
    world.stop(&running).await;
    world.ended(&running).await;
    assert_eq!(world.active().await, "1");

    let last = world.deploy(page("two")).await;
    assert_eq!((status(&last), world.active().await), (JobStatus::Succeed, "5".to_owned()));
    let branch = world.ask("GET", &world.branch_path(), "").await.ok("GetBranch");
    assert_eq!(branch["branch"]["totalNumberOfJobs"], "5");
}

#[tokio::test]
async fn the_active_job_stays_and_its_predecessor_can_go() {
    let world = World::unsigned().await;
    world.deploy(page("one")).await;
    let jobs = format!("{}/jobs", world.branch_path());
    let live = world.ask("DELETE", &format!("{jobs}/1"), "").await;
    live.is_bad("active job", "the live job");
    world.deploy(page("two")).await;
    let before = world.shown("1").await;
    let deleted = world.ask("DELETE", &format!("{jobs}/1"), "").await.ok("DeleteJob");
    assert_eq!(deleted["jobSummary"], before["summary"]);
    for (method, target) in
        [("GET", format!("{jobs}/1")), ("DELETE", format!("{jobs}/1")), ("DELETE", format!("{jobs}/1/stop"))]
    {
        world.ask(method, &target, "").await.is_missing("Job 1 not found.", &target);
    }
    let listed = world.ask("GET", &jobs, "").await.ok("ListJobs");
    assert_eq!(listed["jobSummaries"].as_array().unwrap().len(), 1);
    assert_eq!(listed["jobSummaries"][0]["jobId"], "2");
    let branch = world.ask("GET", &world.branch_path(), "").await.ok("GetBranch");
    assert_eq!(branch["branch"]["totalNumberOfJobs"], "1");
    assert_eq!(world.visit("/").await.1, "two");
    // A number is never used twice.
    assert_eq!(world.create_deployment().await.0, "3");
}

#[tokio::test]
async fn create_deployment_answers_one_kind_of_url_and_an_empty_one_of_the_other() {
    let world = World::unsigned().await;
    let target = format!("{}/deployments", world.branch_path());
    let zip = world.ask("POST", &target, "{}").await.ok("a zip");
    assert_eq!((&zip["fileUploadUrls"], &zip["jobId"]), (&json!({}), &json!("1")));
    assert!(zip["zipUploadUrl"].as_str().unwrap().starts_with(world.server.endpoint()), "{zip}");
    world.stop("1").await;
    let map = json!({ "fileMap": { "/index.html": "d41d8cd98f00b204e9800998ecf8427e" } }).to_string();
    let files = world.ask("POST", &target, map).await.ok("a file map");
    assert_eq!((&files["zipUploadUrl"], &files["jobId"]), (&json!(""), &json!("2")));
    assert_eq!(files["fileUploadUrls"].as_object().unwrap().keys().collect::<Vec<_>>(), ["/index.html"]);
    world.stop("2").await;
    // An empty map maps nothing: it is as if there were none.
    let empty = world.ask("POST", &target, r#"{"fileMap":{}}"#).await.ok("an empty file map");
    assert_ne!(empty["zipUploadUrl"], "");
}
