//! What an app is connected to, and what its jobs are made with.

use serde_json::json;
use windlass_store::{App, Store as _, repository_token};

use crate::World;

impl World {
    async fn stored(&self) -> App {
        self.store.app(&self.app.parse().unwrap()).await.unwrap().unwrap()
    }

    /// The token that a runner would be given.
    async fn kept_token(&self) -> Option<String> {
        repository_token(&*self.store, &self.stored().await).await.unwrap().map(|token| token.expose().to_owned())
    }
}

#[tokio::test]
async fn a_token_is_kept_sealed_and_shown_to_nobody() {
    let world = World::new().await;
    assert_eq!(world.kept_token().await, None);
    let path = format!("/apps/{}", world.app);
    for (members, kept) in [
        (json!({ "oauthToken": "hush-one" }), Some("hush-one")),
        (json!({ "accessToken": "hush-two", "oauthToken": "hush-three" }), Some("hush-two")),
        (json!({ "description": "the same token" }), Some("hush-two")),
        (json!({ "repository": "https://EXAMPLE.com/another.git" }), Some("hush-two")),
        (json!({ "oauthToken": "" }), None),
        (json!({ "accessToken": "hush-four" }), Some("hush-four")),
        // Another host is not shown it.
        (json!({ "repository": "https://elsewhere.example/r" }), None),
        (json!({ "repository": "https://example.com/r", "accessToken": "hush-five" }), Some("hush-five")),
    ] {
        let answer = world.ask(&path, members.clone()).await;
        assert!(!answer.ok().to_string().contains("hush") && !answer.json.to_string().contains("ealed"), "{members}");
        assert_eq!(world.kept_token().await.as_deref(), kept, "{members}");
        assert!(!format!("{:?}", world.stored().await).contains("hush"));
    }
    for list in ["/apps", path.as_str()] {
        let shown = world.send("GET", list, &[], "").await;
        assert!(!shown.ok().to_string().contains("ealed"), "{}", shown.json);
    }
    let token = repository_token(&*world.store, &world.stored().await).await.unwrap();
    assert_eq!(format!("{token:?}"), "Some(Token)");
    // What was sealed for one app is nothing to another.
    let stolen = App { id: "dother".parse().unwrap(), ..world.stored().await };
    assert!(repository_token(&*world.store, &stolen).await.is_err());
}

#[tokio::test]
async fn what_is_no_repository_is_refused_and_changes_nothing() {
    let world = World::new().await;
    for (repository, why) in [
        ("r", "a repository is a URL"),
        ("ftp://example.com/r", "a repository is a URL"),
        ("https://me:hush@example.com/r", "give the token as accessToken"),
        ("/srv/git/r.git", "--allow-local-repositories"),
    ] {
        let change = world.ask(&format!("/apps/{}", world.app), json!({ "repository": repository, "name": "b" })).await;
        let new = world.ask("/apps", json!({ "repository": repository, "name": "b" })).await;
        for refused in [change, new] {
            assert_eq!(refused.status, 400, "{repository}");
            assert!(refused.message().starts_with("Value at 'repository' is invalid: "), "{}", refused.json);
            assert!(refused.message().contains(why) && !refused.message().contains("hush"), "{}", refused.json);
        }
    }
    assert_eq!(world.stored().await.attributes["name"], "web");
    assert_eq!(world.send("GET", "/apps", &[], "").await.ok()["apps"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_build_has_the_time_that_its_branch_or_its_app_gives_it() {
    let world = World::new().await;
    let minutes = |minutes: &str| json!({ "environmentVariables": { "_BUILD_TIMEOUT": minutes } });
    world.set("", minutes("60")).await;
    let start = json!({ "jobType": "RELEASE" });
    let jobs = format!("/apps/{}/branches/main/jobs", world.app);
    world.ask(&jobs, start.clone()).await.ok();
    world.does(1, windlass::Command::Stop { by: None }).await;
    world.set("/branches/main", minutes("7")).await;
    world.ask(&jobs, json!({ "jobType": "RETRY", "jobId": "1" })).await.ok();
    world.does(2, windlass::Command::Stop { by: None }).await;
    world.deliver(&crate::forges::Forge::GitHub.push("main")).await.ok();
    let limits: Vec<_> = world.jobs("main").await.iter().map(|job| job.birth().limits.build / 60).collect();
    assert_eq!(limits, [7, 7, 60]);

    for (path, members) in [
        (String::new(), minutes("4")),
        ("/branches/main".to_owned(), minutes("121")),
        ("/branches".to_owned(), json!({ "branchName": "b", "environmentVariables": { "_BUILD_TIMEOUT": "soon" } })),
    ] {
        let refused = world.ask(&format!("/apps/{}{path}", world.app), members).await;
        assert_eq!(refused.status, 400, "{path}");
        let begins = "Value at 'environmentVariables' is invalid: the environment variable _BUILD_TIMEOUT cannot";
        assert!(refused.message().starts_with(begins), "{}", refused.json);
    }
    let new = world.ask("/apps", json!({ "name": "b", "environmentVariables": { "_BUILD_TIMEOUT": "0" } })).await;
    assert_eq!(new.status, 400);
}

#[tokio::test]
async fn a_release_builds_the_commit_that_is_asked_for() {
    let world = World::new().await;
    let jobs = format!("/apps/{}/branches/main/jobs", world.app);
    for (number, commit) in
        (1..).zip([None, Some("HEAD"), Some("01ab"), Some("0123456789abcdef0123456789abcdef01234567")])
    {
        let mut start = json!({ "jobType": "RELEASE", "commitMessage": "hello", "commitTime": 1_767_258_000.5 });
        if let Some(commit) = commit {
            start["commitId"] = commit.into();
        }
        let summary = world.ask(&jobs, start).await.ok()["jobSummary"].clone();
        assert_eq!(summary["commitId"], commit.unwrap_or("HEAD"));
        assert_eq!((&summary["commitMessage"], &summary["commitTime"]), (&json!("hello"), &json!(1_767_258_000.5)));
        world.does(number, windlass::Command::Stop { by: None }).await;
    }
    for bad in ["", "main", "012", "xyz1", "head", "--upload-pack=x", &"a".repeat(65)] {
        let refused = world.ask(&jobs, json!({ "jobType": "RELEASE", "commitId": bad })).await;
        assert_eq!(refused.status, 400, "{bad}");
        assert!(refused.message().starts_with("Value at 'commitId' is invalid: "), "{}", refused.json);
    }
    assert_eq!(world.jobs("main").await.len(), 4);
}

#[tokio::test]
async fn a_connected_app_takes_no_deployments() {
    let world = World::new().await;
    let branch = format!("/apps/{}/branches/main/deployments", world.app);
    let start = json!({ "sourceUrl": "https://example.com/a.zip" });
    for (path, body) in [(branch.clone(), json!({})), (format!("{branch}/start"), start)] {
        let refused = world.ask(&path, body).await;
        assert_eq!(refused.status, 400);
        assert_eq!(refused.headers["x-amzn-errortype"], "BadRequestException");
        assert_eq!(refused.message(), "Operation not supported. App is already connected a repository.");
    }
}
