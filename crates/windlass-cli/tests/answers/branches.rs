//! Branches, as Terraform and the service model know them.

use serde_json::{Value, json};

use crate::support::{World, page};

/// The members of a branch that the model requires.
const REQUIRED: [&str; 17] = [
    "branchArn",
    "branchName",
    "description",
    "stage",
    "displayName",
    "enableNotification",
    "createTime",
    "updateTime",
    "environmentVariables",
    "enableAutoBuild",
    "customDomains",
    "framework",
    "activeJobId",
    "totalNumberOfJobs",
    "enableBasicAuth",
    "ttl",
    "enablePullRequestPreview",
];

impl World {
    async fn create_branch(&self, body: Value) -> Value {
        let target = format!("/apps/{}/branches", self.app);
        self.ask("POST", &target, body.to_string()).await.ok("CreateBranch")["branch"].take()
    }

    /// UpdateBranch, whose answer is what GetBranch and ListBranches answer too.
    async fn update_branch(&self, name: &str, body: Value) -> Value {
        let branches = format!("/apps/{}/branches", self.app);
        let target = format!("{branches}/{name}");
        let updated = self.ask("POST", &target, body.to_string()).await.ok(&body.to_string())["branch"].take();
        assert_eq!(self.ask("GET", &target, "").await.ok("GetBranch")["branch"], updated);
        let listed = self.ask("GET", &branches, "").await.ok("ListBranches");
        assert!(listed["branches"].as_array().unwrap().contains(&updated), "{listed}");
        updated
    }
}

#[tokio::test]
async fn a_new_branch_has_what_the_model_requires_and_terraform_expects() {
    let world = World::unsigned().await;
    let branch = world.create_branch(json!({ "branchName": "feature/x" })).await;
    for member in REQUIRED {
        assert!(branch.get(member).is_some(), "{member} is not in {branch}");
    }
    let expected = json!({
        "branchArn": format!("arn:aws:amplify:us-east-1:000000000000:apps/{}/branches/feature/x", world.app),
        "branchName": "feature/x",
        "description": "",
        "stage": "NONE",
        "displayName": "feature/x",
        "enableNotification": false,
        "createTime": branch["createTime"],
        "updateTime": branch["createTime"],
        "environmentVariables": {},
        "enableAutoBuild": true,
        "customDomains": [],
        "framework": "",
        "activeJobId": "",
        "totalNumberOfJobs": "0",
        "enableBasicAuth": false,
        "enablePerformanceMode": false,
        "ttl": "5",
        "enablePullRequestPreview": false,
        "tags": {},
    });
    assert_eq!(branch, expected);
}

#[tokio::test]
async fn a_branch_is_shown_as_it_was_made_and_changed() {
    let world = World::unsigned().await;
    let made = json!({
        "branchName": "b",
        "displayName": "B",
        "description": "d",
        "stage": "PRODUCTION",
        "framework": "React",
        "enableNotification": true,
        "enableAutoBuild": false,
        "enableBasicAuth": true,
        "basicAuthCredentials": "dTpw",
        "enablePerformanceMode": true,
        "enablePullRequestPreview": true,
        "pullRequestEnvironmentName": "pr",
        "environmentVariables": { "ONE": "1" },
        "buildSpec": "version: 1",
        "ttl": "60",
        "tags": { "Team": "harbour" },
    });
    let branch = world.create_branch(made.clone()).await;
    let kept = world.update_branch("b", json!({})).await;
    for (member, value) in made.as_object().unwrap() {
        assert_eq!((&branch[member], &kept[member]), (value, value), "{member}");
    }
    for (update, left) in [
        (json!({ "environmentVariables": { "TWO": "2" } }), json!({ "TWO": "2" })),
        (json!({ "stage": "BETA" }), json!({ "TWO": "2" })),
        (json!({ "environmentVariables": { "": "" } }), json!({})),
    ] {
        let updated = world.update_branch("b", update.clone()).await;
        assert_eq!(updated["environmentVariables"], left, "{update}");
        assert_eq!(
            (&updated["branchName"], &updated["basicAuthCredentials"]),
            (&json!("b"), &json!("dTpw")),
            "{update}"
        );
    }
    // A branch keeps its name.
    let renamed = world.update_branch("b", json!({ "branchName": "c", "displayName": "C" })).await;
    assert_eq!((&renamed["branchName"], &renamed["displayName"]), (&json!("b"), &json!("C")));
}

#[tokio::test]
async fn a_deleted_branch_is_gone_and_is_deleted_once() {
    let world = World::unsigned().await;
    let target = world.branch_path();
    let shown = world.ask("GET", &target, "").await.ok("GetBranch");
    assert_eq!(world.ask("DELETE", &target, "").await.ok("DeleteBranch"), shown);
    for method in ["GET", "DELETE"] {
        world.ask(method, &target, "").await.is_missing("Branch main not found.", method);
    }
}

#[tokio::test]
async fn a_branch_that_is_made_again_shows_nothing_of_the_old_one() {
    let world = World::unsigned().await;
    let body = json!({ "environmentVariables": { "OLD": "1" }, "description": "old" });
    world.update_branch("main", body).await;
    for text in ["one", "two"] {
        world.deploy(page(text)).await;
    }
    let (open, _) = world.create_deployment().await;
    assert_eq!(open, "3");
    let target = world.branch_path();
    world.ask("DELETE", &target, "").await.ok("DeleteBranch");
    assert_eq!(world.visit("/").await.0, 404);

    let branch = world.create_branch(json!({ "branchName": "main" })).await;
    assert_eq!((&branch["totalNumberOfJobs"], &branch["activeJobId"]), (&json!("0"), &json!("")));
    assert_eq!((&branch["environmentVariables"], &branch["description"]), (&json!({}), &json!("")));
    let jobs = format!("{target}/jobs");
    assert_eq!(world.ask("GET", &jobs, "").await.ok("ListJobs"), json!({ "jobSummaries": [] }));
    for job in ["1", "2", "3"] {
        let answer = world.ask("GET", &format!("{jobs}/{job}"), "").await;
        answer.is_missing(&format!("Job {job} not found."), job);
        let retry = json!({ "jobType": "RETRY", "jobId": job }).to_string();
        world.ask("POST", &jobs, retry).await.is_missing(&format!("Job {job} not found."), job);
    }
    assert_eq!(world.visit("/").await.0, 404);

    let done = world.deploy(page("new")).await;
    assert_eq!(done.summary.unwrap().job_id, "1");
    assert_eq!(world.visit("/").await.1, "new");
}
