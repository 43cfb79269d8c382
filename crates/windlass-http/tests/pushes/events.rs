//! What pushes start, and what they do not.

use serde_json::json;
use windlass::{Command, JobStatus, JobType};

use crate::World;
use crate::forges::{COMMIT, FORGES, Forge, MESSAGE, ZEROS};

#[tokio::test]
async fn a_push_starts_a_job_of_its_commit_whoever_tells_of_it() {
    for forge in FORGES {
        let world = World::new().await;
        let answer = world.deliver(&forge.push("main")).await;
        assert_eq!(answer.message(), format!("Job 1 of branch main builds {COMMIT}."), "{forge:?}");
        assert!(answer.ok()["SendMessageResponse"]["ResponseMetadata"]["RequestId"].is_string());
        assert_eq!(answer.job(), Some("1"));
        let jobs = world.jobs("main").await;
        let commit = jobs[0].commit().unwrap();
        assert_eq!((jobs.len(), jobs[0].job_type(), jobs[0].status()), (1, JobType::WebHook, JobStatus::Pending));
        assert_eq!((&*commit.id, &*commit.message), (COMMIT, MESSAGE));
        assert_eq!(commit.time.to_rfc3339(), "2026-03-10T11:30:00+00:00");
    }
}

#[tokio::test]
async fn a_push_is_built_on_its_own_branch_and_not_on_the_webhooks() {
    for forge in FORGES {
        let world = World::new().await;
        world.set("/branches", json!({ "branchName": "feature/x" })).await;
        world.deliver(&forge.push("feature/x")).await.ok();
        assert_eq!((world.jobs("main").await.len(), world.jobs("feature/x").await.len()), (0, 1), "{forge:?}");
        world.deliver(&forge.push("absent")).await.starts_nothing("no branch absent");
        world.deliver(&forge.push("a..b c")).await.starts_nothing("no branch");
    }
}

#[tokio::test]
async fn what_is_no_push_to_a_branch_starts_nothing_and_is_no_error() {
    let world = World::new().await;
    for forge in FORGES {
        world.deliver(&forge.tag()).await.starts_nothing("");
        world.deliver(&forge.deletion()).await.starts_nothing("main was deleted");
        let other = crate::forges::Event { name: "issues", body: json!({}), ..forge.push("main") };
        world.deliver(&other).await.starts_nothing("issues is no push");
        let name = if forge == Forge::DataCenter { "diagnostics:ping" } else { "ping" };
        let ping = crate::forges::Event { name, body: json!({ "test": true }), ..forge.push("main") };
        assert_eq!(world.deliver(&ping).await.ok()["message"], "The webhook is there; a ping starts nothing.");
    }
    assert!(world.jobs("main").await.is_empty());
}

#[tokio::test]
async fn a_delivery_that_comes_again_starts_one_job() {
    for forge in FORGES {
        let world = World::new().await;
        let event = forge.push("main");
        assert_eq!(world.deliver(&event).await.job(), Some("1"));
        world.does(1, Command::Stop { by: None }).await;
        assert_eq!(world.deliver(&event).await.job(), Some("1"), "{forge:?}");
        let mut other = event.clone();
        other.body["x"] = 1.into();
        assert_eq!(world.deliver(&other).await.status, 422);
        other.id = "another".to_owned();
        assert_eq!(world.deliver(&other).await.job(), Some("2"));
        assert_eq!(world.jobs("main").await.len(), 2);
    }
}

#[tokio::test]
async fn a_branch_that_does_not_build_itself_is_built_for_who_asks() {
    let world = World::new().await;
    world.set("/branches/main", json!({ "enableAutoBuild": false })).await;
    for forge in FORGES {
        world.deliver(&forge.push("main")).await.starts_nothing("enableAutoBuild");
    }
    let asked = world.post(&format!("/-/webhooks?id={}&token={}", world.id, world.token), &[], "{}").await;
    assert_eq!((asked.job(), asked.ok().get("message")), (Some("1"), None));
}

#[tokio::test]
async fn a_commit_may_ask_not_to_be_built() {
    for forge in FORGES {
        let world = World::new().await;
        let text = forge.push("main").body.to_string();
        let saying = |message: &str| {
            let body = text.replace(&MESSAGE.replace('\n', "\\n"), message);
            crate::forges::Event { body: serde_json::from_str(&body).unwrap(), ..forge.push("main") }
        };
        world.deliver(&saying("A typo [skip-cd]\\n")).await.starts_nothing("[skip-cd]");
        assert_eq!(world.deliver(&saying("[skip-cd] is not at the end")).await.job(), Some("1"), "{forge:?}");
    }
}

#[tokio::test]
async fn a_push_that_changes_nothing_of_the_app_is_passed_over_where_all_paths_are_known() {
    let on = |root: &str| json!({ "environmentVariables": { "AMPLIFY_DIFF_DEPLOY": "true", "AMPLIFY_MONOREPO_APP_ROOT": root } });
    let world = World::new().await;
    world.set("", on("apps/web")).await;
    assert_eq!(world.deliver(&Forge::GitHub.push("main")).await.job(), Some("1"));
    // A folder whose name only begins so is another.
    world.set("", on("apps/we")).await;
    world.deliver(&Forge::GitHub.push("main")).await.starts_nothing("nothing below apps/we has changed");
    let push = Forge::GitHub.push("main");
    for (change, value) in
        [("forced", json!(true)), ("forced", json!(null)), ("created", json!(true)), ("commits", json!([]))]
    {
        let mut unknown = push.clone();
        unknown.id = format!("{change}{value}");
        unknown.body[change] = value;
        assert!(world.deliver(&unknown).await.job().is_some(), "{change}: whoever clones finds out");
    }
    for forge in [Forge::GitLab, Forge::Gitea, Forge::Bitbucket, Forge::DataCenter] {
        let mut unknown = forge.push("main");
        unknown.id = format!("{forge:?}");
        assert!(world.deliver(&unknown).await.job().is_some(), "{forge:?} does not say whether it was forced");
    }
    world.set("", json!({ "environmentVariables": { "AMPLIFY_MONOREPO_APP_ROOT": "apps/we" } })).await;
    assert!(world.deliver(&push).await.job().is_some());
}

#[tokio::test]
async fn forges_that_tell_less_are_understood_as_far_as_they_go() {
    let null = json!(null);
    for (forge, members) in [
        // GitLab tells of no commits where a branch is new and its commits are not; Gitea's list may be null.
        (Forge::GitLab, vec![("commits", json!([])), ("total_commits_count", json!(0)), ("before", ZEROS.into())]),
        (Forge::Gitea, vec![("commits", null.clone()), ("head_commit", null.clone())]),
        // Versions of Data Center that tell of no commits.
        (Forge::DataCenter, vec![("commits", json!([])), ("toCommit", null)]),
    ] {
        let world = World::new().await;
        let mut event = forge.push("main");
        event.body.as_object_mut().unwrap().extend(members.into_iter().map(|(name, value)| (name.to_owned(), value)));
        assert_eq!(world.deliver(&event).await.job(), Some("1"), "{forge:?}");
        let jobs = world.jobs("main").await;
        let commit = jobs[0].commit().unwrap();
        assert_eq!((&*commit.id, &*commit.message), (COMMIT, ""), "{forge:?}");
    }
}

#[tokio::test]
async fn an_event_of_data_center_may_tell_of_several_branches() {
    let world = World::new().await;
    world.set("/branches", json!({ "branchName": "next" })).await;
    let mut event = Forge::DataCenter.push("main");
    for (branch, kind) in [("next", "ADD"), ("old", "DELETE")] {
        let mut change = event.body["changes"][0].clone();
        (change["refId"], change["type"]) = (format!("refs/heads/{branch}").into(), kind.into());
        event.body["changes"].as_array_mut().unwrap().push(change);
    }
    let answer = world.deliver(&event).await;
    let words = format!("Job 1 of branch main builds {COMMIT}. Job 1 of branch next builds {COMMIT}.");
    assert_eq!(answer.message(), words);
}

#[tokio::test]
async fn pushes_wait_in_one_place_and_the_last_one_has_it() {
    let world = World::new().await;
    let push = |number: u32| {
        let mut event = Forge::GitHub.push("main");
        let text = event.body.to_string().replace(COMMIT, &format!("{number:040x}"));
        (event.id, event.body) = (number.to_string(), serde_json::from_str(&text).unwrap());
        event
    };
    assert_eq!(world.deliver(&push(1)).await.job(), Some("1"));
    world.does(1, Command::Claim).await;
    for number in 2..5 {
        assert_eq!(world.deliver(&push(number)).await.job(), Some("2"));
    }
    let jobs = world.jobs("main").await;
    let commits: Vec<_> = jobs.iter().map(|job| job.commit().unwrap().id.to_string()).collect();
    assert_eq!(commits, [format!("{:040x}", 4), format!("{:040x}", 1)]);
    assert_eq!(jobs[1].status(), JobStatus::Provisioning, "a build goes on unless it is said to be superseded");
}

#[tokio::test]
async fn where_it_is_said_a_push_supersedes_the_build_that_works() {
    let world = World::new().await;
    world.set("", json!({ "environmentVariables": { "WINDLASS_SUPERSEDE": "true" } })).await;
    let mut event = Forge::GitHub.push("main");
    world.deliver(&event).await.ok();
    world.does(1, Command::Claim).await;
    event.id = "second".to_owned();
    assert_eq!(world.deliver(&event).await.job(), Some("2"));
    assert_eq!(world.jobs("main").await[1].status(), JobStatus::Cancelling);
    world.does(1, Command::Expire).await;
    let attempt = world.jobs("main").await[1].attempt();
    world.does(1, Command::Report { attempt, report: windlass::Report::Stopped }).await;
    let superseded = world.jobs("main").await.remove(1);
    assert_eq!(superseded.status(), JobStatus::Cancelled);
    assert_eq!(superseded.status_reason().unwrap().to_string(), "stopped by job 2, which supersedes it");
    // The first delivery, again, leaves the second's job alone.
    world.does(2, Command::Claim).await;
    event.id.clone_from(&Forge::GitHub.push("main").id);
    assert_eq!(world.deliver(&event).await.job(), Some("1"));
    assert_eq!(world.jobs("main").await[0].status(), JobStatus::Provisioning);
    // What the branch says comes first.
    world.set("/branches/main", json!({ "environmentVariables": { "WINDLASS_SUPERSEDE": "false" } })).await;
    event.id = "third".to_owned();
    assert_eq!(world.deliver(&event).await.job(), Some("3"));
    assert_eq!(world.jobs("main").await[1].status(), JobStatus::Provisioning);
}
