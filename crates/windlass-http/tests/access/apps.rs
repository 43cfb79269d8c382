//! Keys for certain apps.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use windlass_store::Store as _;

use crate::sample::encoded;
use crate::{Answer, Key, World};

/// An app that a key is for, another one, and something in each.
struct Two {
    world: World,
    key: Key,
    ours: App,
    theirs: App,
}

struct App {
    id: String,
    webhook: String,
    artifact: String,
}

impl Two {
    async fn new(role: &str) -> Self {
        let world = World::new().await;
        let other = world.make_app("other").await;
        let ours = App::fill(&world, &world.app).await;
        let theirs = App::fill(&world, &other).await;
        let key = world.key(json!({ "role": role, "apps": [ours.id], "name": "k" })).await;
        Self { world, key, ours, theirs }
    }

    async fn look(&self, target: &str) -> Answer {
        self.world.ask(&self.key, "GET", target, Value::Null).await
    }
}

impl App {
    async fn fill(world: &World, id: &str) -> Self {
        let made = world.admin("POST", &format!("/apps/{id}/webhooks"), json!({ "branchName": "main" })).await;
        let webhook = made.ok()["webhook"]["webhookId"].as_str().unwrap().to_owned();
        let domain = format!("{id}.example.com");
        let domain = json!({ "domainName": domain, "subDomainSettings": [{ "prefix": "", "branchName": "main" }] });
        world.admin("POST", &format!("/apps/{id}/domains"), domain).await.ok();
        world.admin("POST", &format!("/apps/{id}/backendenvironments"), json!({ "environmentName": "e" })).await.ok();
        world.admin("POST", &format!("/apps/{id}/branches/main/jobs"), json!({ "jobType": "RELEASE" })).await.ok();
        let branch = world.store.branch(&id.parse().unwrap(), &"main".parse().unwrap()).await.unwrap().unwrap();
        let artifact = URL_SAFE_NO_PAD.encode(format!("{}/1/DEPLOY/log.txt", branch.uid));
        Self { id: id.to_owned(), webhook, artifact }
    }

    /// Everything that can be looked at in it.
    fn looks(&self, world: &World) -> Vec<String> {
        let Self { id, webhook, artifact } = self;
        let arn = encoded(&world.arn(&format!("apps/{id}")));
        let branch_arn = encoded(&world.arn(&format!("apps/{id}/branches/main")));
        vec![
            format!("/apps/{id}"),
            format!("/apps/{id}/branches"),
            format!("/apps/{id}/branches/main"),
            format!("/apps/{id}/branches/main/jobs"),
            format!("/apps/{id}/branches/main/jobs/1"),
            format!("/apps/{id}/branches/main/jobs/1/artifacts"),
            format!("/apps/{id}/webhooks"),
            format!("/webhooks/{webhook}"),
            format!("/apps/{id}/domains"),
            format!("/apps/{id}/domains/{id}.example.com"),
            format!("/apps/{id}/backendenvironments"),
            format!("/apps/{id}/backendenvironments/e"),
            format!("/tags/{arn}"),
            format!("/tags/{branch_arn}"),
            format!("/artifacts/{artifact}"),
        ]
    }
}

#[tokio::test]
async fn a_key_for_certain_apps_sees_those_and_no_others() {
    for role in ["read", "deploy"] {
        let two = Two::new(role).await;
        for target in two.ours.looks(&two.world) {
            let answer = two.look(&target).await;
            // No job has left a log yet.
            let is_there = if target.starts_with("/artifacts/") { 404 } else { 200 };
            assert_eq!(answer.status, is_there, "{target}: {answer:?}");
        }
        for target in two.theirs.looks(&two.world) {
            let answer = two.look(&target).await;
            assert!(answer.is_denied(), "{target}: {answer:?}");
        }
    }
}

#[tokio::test]
async fn what_is_not_there_is_refused_in_the_same_words_as_what_is() {
    let two = Two::new("read").await;
    let nothing =
        App { id: "d0000".into(), webhook: "no-webhook".into(), artifact: "MS8xL0RFUExPWS9sb2cudHh0eA".into() };
    for (there, gone) in two.theirs.looks(&two.world).into_iter().zip(nothing.looks(&two.world)) {
        let (there, gone) = (two.look(&there).await, two.look(&gone).await);
        assert_eq!((there.status, &there.kind), (gone.status, &gone.kind), "{there:?} {gone:?}");
        let App { id, webhook, artifact } = &two.theirs;
        let told = there.message().replace(id, &nothing.id).replace(webhook, &nothing.webhook);
        assert_eq!(told.replace(artifact, &nothing.artifact), gone.message());
    }
}

#[tokio::test]
async fn whoever_deploys_to_one_app_deploys_to_no_other_and_changes_nothing() {
    let two = Two::new("deploy").await;
    let Two { world, key, ours, theirs } = &two;
    for (method, below, body) in [
        ("POST", "/branches/main/deployments", json!({})),
        ("POST", "/branches/main/deployments/start", json!({ "sourceUrl": "https://example.com/a.zip" })),
        ("POST", "/branches/main/jobs", json!({ "jobType": "RELEASE" })),
        ("DELETE", "/branches/main/jobs/1/stop", Value::Null),
    ] {
        let jobs = format!("/apps/{}/branches/main/jobs", theirs.id);
        let before = world.admin("GET", &jobs, Value::Null).await;
        let theirs = world.ask(key, method, &format!("/apps/{}{below}", theirs.id), body.clone()).await;
        assert!(theirs.is_denied(), "{theirs:?}");
        assert_eq!(world.admin("GET", &jobs, Value::Null).await.json, before.json, "{method} {below}");
        let ours = world.ask(key, method, &format!("/apps/{}{below}", ours.id), body).await;
        assert!(!ours.is_denied(), "{ours:?}");
    }
}

#[tokio::test]
async fn list_apps_answers_with_a_keys_own_apps_page_by_page() {
    let world = World::new().await;
    let mut ids = vec![world.app.clone()];
    for name in ["b", "c", "d"] {
        ids.push(world.make_app(name).await);
    }
    let key = world.key(json!({ "role": "read", "apps": ids[..3] })).await;
    let listed = async |key: &Key| {
        let (mut listed, mut target) = (Vec::new(), "/apps?maxResults=2".to_owned());
        loop {
            let page = world.ask(key, "GET", &target, Value::Null).await;
            let apps = page.ok()["apps"].as_array().unwrap().clone();
            listed.extend(apps.into_iter().map(|app| app["appId"].as_str().unwrap().to_owned()));
            let Some(next) = page.json["nextToken"].as_str() else { return listed };
            target = format!("/apps?maxResults=2&nextToken={next}");
        }
    };
    let mut own = ids[..3].to_vec();
    own.sort();
    assert_eq!(listed(&key).await, own);
    assert_eq!(listed(&world.admin).await, ids);

    // A token of one list is none of the other.
    let page = world.admin("GET", "/apps?maxResults=1", Value::Null).await;
    let next = page.ok()["nextToken"].as_str().unwrap().to_owned();
    let refused = world.ask(&key, "GET", &format!("/apps?nextToken={next}"), Value::Null).await;
    refused.refuses(400, "BadRequestException", "The nextToken is not one that this list gave.");

    world.admin("DELETE", &format!("/apps/{}", own[0]), Value::Null).await.ok();
    assert_eq!(listed(&key).await, own[1..]);
}

#[tokio::test]
async fn passwords_and_tokens_are_shown_to_admins_alone() {
    let two = Two::new("deploy").await;
    let Two { world, key, ours, .. } = &two;
    let read = world.key(json!({ "role": "read" })).await;
    let password = "dTpwYXNzd29yZC1vZi10aGUtc2l0ZQ==";
    let settings = json!({ "enableBasicAuth": true, "basicAuthCredentials": password });
    world.admin("POST", &format!("/apps/{}/branches/main", ours.id), settings.clone()).await.ok();
    let mut of_app = settings;
    of_app["autoBranchCreationConfig"] = json!({ "enableBasicAuth": true, "basicAuthCredentials": password });
    world.admin("POST", &format!("/apps/{}", ours.id), of_app).await.ok();
    let mut shown = 0;
    for target in ours.looks(world).into_iter().chain(["/apps".to_owned()]) {
        let is_secret = |answer: &Answer| {
            let text = answer.json.to_string();
            text.contains(password) || text.contains("token=")
        };
        shown += usize::from(is_secret(&world.admin("GET", &target, Value::Null).await));
        for key in [key, &read] {
            let answer = world.ask(key, "GET", &target, Value::Null).await;
            assert!(!is_secret(&answer), "{target}: {answer:?}");
        }
    }
    // GetApp, ListApps, GetBranch, ListBranches, GetWebhook, ListWebhooks.
    assert_eq!(shown, 6);
}
