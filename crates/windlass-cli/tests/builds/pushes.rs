//! What pushes come to, from the forge's signed event to the site: with a server, a repository and builds that are real.

use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use sha2::Sha256;
use url::Url;

use crate::repository::{
    Repository, building, connected_with, gated, jobs, log, release, sees, status, steps, under_way,
};
use crate::stopping::Endless;
use crate::support::{BRANCH, World, reason};

/// Two apps in one repository, each published as it is.
const MONOREPO: &str = "
version: 1
applications:
  - appRoot: apps/blog
    frontend: {artifacts: {baseDirectory: ., files: ['**/*']}}
  - appRoot: apps/shop
    frontend: {artifacts: {baseDirectory: ., files: ['**/*']}}
";

/// A webhook of the app's branch, as a forge has it.
struct Hook {
    url: Url,
    token: String,
}

impl Hook {
    async fn of(world: &World) -> Self {
        let call = world.client.create_webhook().app_id(&world.app).branch_name(BRANCH);
        let mut url = Url::parse(&call.send().await.unwrap().webhook.unwrap().webhook_url).unwrap();
        let member = |name: &str| url.query_pairs().find(|(key, _)| key == name).unwrap().1.into_owned();
        let (id, token) = (member("id"), member("token"));
        url.set_query(Some(&format!("id={id}")));
        Self { url, token }
    }

    /// Delivers an event as GitHub does. Answers the number of the job that was started, if any was, and the words.
    async fn deliver(&self, world: &World, event: &Value) -> (Option<String>, String) {
        let body = event.to_string();
        let mut mac = Hmac::<Sha256>::new_from_slice(self.token.as_bytes()).unwrap();
        mac.update(body.as_bytes());
        let signature = format!("sha256={}", hex::encode(mac.finalize().into_bytes()));
        let request = world.http.post(self.url.clone()).header("content-type", "application/json");
        let request = request.header("x-github-event", "push").header("x-hub-signature-256", signature);
        let answer = request.header("x-github-delivery", &event["after"].to_string()).body(body).send().await.unwrap();
        assert_eq!(answer.status(), 200, "{}", answer.text().await.unwrap());
        let job = answer.headers().get("x-windlass-job").map(|job| job.to_str().unwrap().to_owned());
        let said: Value = serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap();
        (job, said["message"].as_str().unwrap().to_owned())
    }

    /// Delivers what GitHub says of the newest commit, and answers the number of its job.
    async fn pushed(&self, world: &World, repository: &Repository) -> String {
        let (job, words) = self.deliver(world, &event(repository)).await;
        job.unwrap_or_else(|| panic!("nothing was started: {words}"))
    }
}

/// GitHub's event of a push of the newest commit, in the members that it has.
fn event(repository: &Repository) -> Value {
    let git = |args: &[&str]| repository.git(args);
    let listed = git(&["show", "--format=", "--name-only", "HEAD"]);
    let before = git(&["rev-list", "--max-count=1", "--skip=1", "HEAD"]);
    let author = json!({ "name": "Ann", "email": "ann@example.com", "username": "ann" });
    let commit = json!({
        "id": git(&["rev-parse", "HEAD"]), "tree_id": git(&["rev-parse", "HEAD^{tree}"]), "distinct": true,
        "message": git(&["show", "--no-patch", "--format=%B", "HEAD"]),
        "timestamp": git(&["show", "--no-patch", "--format=%cI", "HEAD"]),
        "url": "https://github.example/o/r/commit/1", "author": author, "committer": author,
        "added": [], "removed": [], "modified": listed.lines().collect::<Vec<_>>(),
    });
    json!({
        "ref": format!("refs/heads/{BRANCH}"), "before": before, "after": commit["id"],
        "created": false, "deleted": false, "forced": false, "base_ref": null,
        "compare": "https://github.example/o/r/compare/0...1", "commits": [commit], "head_commit": commit,
        "repository": { "id": 1, "name": "r", "full_name": "o/r", "default_branch": BRANCH, "owner": { "login": "o" } },
        "pusher": { "name": "ann", "email": "ann@example.com" }, "sender": { "login": "ann", "id": 1, "type": "User" },
    })
}

/// Sets the app's variables.
pub(crate) async fn set(world: &World, variables: &[(&str, &str)]) {
    let mut call = world.client.update_app().app_id(&world.app);
    for (name, value) in variables {
        call = call.environment_variables(*name, *value);
    }
    call.send().await.unwrap();
}

#[tokio::test]
async fn a_signed_push_is_built_and_of_those_that_come_meanwhile_the_last() {
    let gate = tempfile::tempdir().unwrap();
    let repository = Repository::of(&[("amplify.yml", &gated(gate.path())), ("page.html", "first")]);
    let world = connected_with(&repository, |config| sees(config, gate.path())).await;
    let hook = Hook::of(&world).await;
    let first = repository.git(&["rev-parse", "HEAD"]);
    assert_eq!(hook.pushed(&world, &repository).await, "1");
    under_way(&world, "1").await;

    let second = repository.commit("Second", &[("page.html", "second")]);
    assert_eq!(hook.pushed(&world, &repository).await, "2");
    let waiting = world.job("2").await.summary.unwrap();
    assert_eq!((waiting.status.as_str(), &*waiting.commit_id), ("PENDING", &*second));
    let third = repository.commit("Third", &[("page.html", "third")]);
    assert_eq!(hook.pushed(&world, &repository).await, "2");
    let waiting = world.job("2").await.summary.unwrap();
    assert_eq!((waiting.status.as_str(), &*waiting.commit_id), ("PENDING", &*third));
    assert_eq!(status(&world.job("1").await), "RUNNING", "a build goes on");

    std::fs::write(gate.path().join(BRANCH), "").unwrap();
    let built = world.ended("1").await;
    assert_eq!(status(&built), "SUCCEED", "{}", log(&world, &built, "BUILD").await);
    let built = world.ended("2").await;
    assert_eq!(status(&built), "SUCCEED", "{}", log(&world, &built, "BUILD").await);
    assert_eq!(world.visit("/").await.1, "third");
    let jobs = jobs(&world, BRANCH).await;
    let all: Vec<_> = jobs.iter().map(|job| (&*job.job_id, job.job_type.as_str(), &*job.commit_id)).collect();
    assert_eq!(all, [("2", "WEB_HOOK", &*third), ("1", "WEB_HOOK", &*first)]);
    assert_eq!(jobs[0].commit_message, "Third");
}

#[tokio::test]
async fn where_it_is_said_a_push_stops_the_build_that_runs_and_names_itself() {
    let endless = Endless::new(86_380);
    let repository = Repository::of(&[("amplify.yml", &endless.specification)]);
    let world = connected_with(&repository, building).await;
    set(&world, &[("WINDLASS_SUPERSEDE", "true")]).await;
    let hook = Hook::of(&world).await;
    assert_eq!(hook.pushed(&world, &repository).await, "1");
    endless.begins().await;

    repository.git(&["rm", "--quiet", "amplify.yml"]);
    repository.commit("Mend it", &[("index.html", "mended")]);
    assert_eq!(hook.pushed(&world, &repository).await, "2");
    let stopped = world.ended("1").await;
    assert_eq!((status(&stopped), &*reason(&stopped)), ("CANCELLED", "stopped by job 2, which supersedes it"));
    assert!(endless.is_over(), "a process has outlived the build");
    assert_eq!(status(&world.ended("2").await), "SUCCEED");
    assert_eq!(world.visit("/").await.1, "mended");
}

#[tokio::test]
async fn a_push_that_changes_nothing_of_the_app_is_not_built_and_says_so() {
    let repository = Repository::of(&[
        ("amplify.yml", MONOREPO),
        ("apps/blog/index.html", "blog"),
        ("apps/shop/index.html", "shop"),
    ]);
    let world = connected_with(&repository, building).await;
    set(&world, &[("AMPLIFY_DIFF_DEPLOY", "true"), ("AMPLIFY_MONOREPO_APP_ROOT", "apps/blog")]).await;
    let hook = Hook::of(&world).await;
    // Nothing is live yet, so there is nothing to compare with.
    let mut forced = event(&repository);
    forced["forced"] = true.into();
    assert_eq!(hook.deliver(&world, &forced).await.0.as_deref(), Some("1"));
    assert_eq!(status(&world.ended("1").await), "SUCCEED");

    // GitHub tells all paths of a push, so no job is made of one that has none below the root.
    repository.commit("Another's", &[("apps/shop/index.html", "new shop")]);
    let (job, words) = hook.deliver(&world, &event(&repository)).await;
    assert_eq!(job, None);
    assert!(words.contains("nothing below apps/blog has changed"), "{words}");
    // It does not tell what a forced push has taken away: whoever clones finds out.
    repository.commit("Another's again", &[("apps/shop/index.html", "newer shop")]);
    let mut forced = event(&repository);
    forced["forced"] = true.into();
    assert_eq!(hook.deliver(&world, &forced).await.0.as_deref(), Some("2"));
    let skipped = world.ended("2").await;
    assert_eq!((status(&skipped), steps(&skipped)), ("CANCELLED", vec![("BUILD", "CANCELLED")]));
    assert_eq!(
        reason(&skipped),
        "nothing below apps/blog has changed since job 1, which is live (AMPLIFY_DIFF_DEPLOY)"
    );
    assert!(log(&world, &skipped, "BUILD").await.contains("nothing below apps/blog has changed since job 1"));
    assert_eq!(world.visit("/").await.1, "blog");

    // Who starts a build by hand means it.
    assert_eq!(status(&world.ended(&release(&world).await).await), "SUCCEED");
    repository.commit("Its own", &[("apps/blog/index.html", "new blog")]);
    let built = hook.pushed(&world, &repository).await;
    assert_eq!((status(&world.ended(&built).await), &*built), ("SUCCEED", "4"));
    assert_eq!(world.visit("/").await.1, "new blog");
}

#[tokio::test]
async fn a_push_that_is_not_to_be_built_is_not() {
    let repository = Repository::of(&[("index.html", "one")]);
    let world = connected_with(&repository, building).await;
    let hook = Hook::of(&world).await;
    world.ended(&hook.pushed(&world, &repository).await).await;
    repository.commit("A typo\n\n[skip-cd]", &[("index.html", "two")]);
    let (job, words) = hook.deliver(&world, &event(&repository)).await;
    assert!(job.is_none() && words.contains("[skip-cd]"), "{words}");

    let update = || world.client.update_branch().app_id(&world.app).branch_name(BRANCH);
    update().enable_auto_build(false).send().await.unwrap();
    repository.commit("Third", &[("index.html", "three")]);
    let (job, words) = hook.deliver(&world, &event(&repository)).await;
    assert!(job.is_none() && words.contains("enableAutoBuild"), "{words}");
    assert_eq!((jobs(&world, BRANCH).await.len(), &*world.visit("/").await.1), (1, "one"));

    update().enable_auto_build(true).send().await.unwrap();
    repository.commit("Fourth", &[("index.html", "four")]);
    world.ended(&hook.pushed(&world, &repository).await).await;
    assert_eq!(world.visit("/").await.1, "four");
}
