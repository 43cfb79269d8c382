//! What the roles may.

use serde_json::{Value, json};
use windlass_http::operations::{Operation, Role};

use crate::World;
use crate::sample::{Request, encoded};

#[test]
fn looking_is_for_all_deploying_for_some_and_the_rest_for_admins() {
    let of = |role| Operation::ALL.into_iter().filter(move |operation| operation.definition().role == role);
    for operation in of(Role::Read) {
        let name = operation.definition().name;
        assert!(name.starts_with("Get") || name.starts_with("List"), "{name} is no look");
        let tells_of_jobs = operation == Operation::ListenToEvents;
        assert!(tells_of_jobs || !operation.is_extension(), "{name} shows who may ask, and who is told");
    }
    let deploying: Vec<_> = of(Role::Deploy).map(|operation| operation.definition().name).collect();
    assert_eq!(deploying, ["CreateDeployment", "StartDeployment", "StartJob", "StopJob"]);
    for operation in of(Role::Admin).filter(|operation| !operation.is_extension()) {
        let name = operation.definition().name;
        assert!(!name.starts_with("Get") && !name.starts_with("List"), "{name} is a look");
    }
    assert_eq!(of(Role::Read).count(), 16);
}

#[tokio::test]
async fn every_operation_is_refused_to_a_lesser_role_and_to_no_other() {
    let world = World::new().await;
    // So that whoever listens to events comes to an end.
    world.api.close();
    let keys = [
        (Role::Read, world.key(json!({ "role": "read", "name": "someone" })).await),
        (Role::Deploy, world.key(json!({ "role": "deploy", "apps": ["*"], "name": "someone" })).await),
        (Role::Admin, world.key(json!({ "role": "admin", "name": "someone" })).await),
    ];
    let before = world.admin("GET", "/apps", Value::Null).await;
    for operation in Operation::ALL {
        let definition = operation.definition();
        let Request { labels, query, body, .. } = Request::minimal(operation);
        let path = labels.iter().fold(definition.path.to_owned(), |path, (name, value)| {
            path.replace(&format!("{{{name}}}"), &encoded(value))
        });
        let query: Vec<_> = query.iter().map(|(name, value)| format!("{name}={}", encoded(value))).collect();
        let target = format!("{path}?{}", query.join("&"));
        for (role, key) in &keys {
            let answer = world.ask(key, definition.method.as_str(), &target, Value::Object(body.clone())).await;
            assert_eq!(answer.is_denied(), *role < definition.role, "{operation:?} for {role}: {answer:?}");
            let action =
                format!(" is not authorized to perform: {} on resource: arn:aws:amplify:", definition.action());
            assert!(!answer.is_denied() || answer.message().contains(&action), "{answer:?}");
            if *role != Role::Admin {
                assert_eq!(
                    world.admin("GET", "/apps", Value::Null).await.json,
                    before.json,
                    "{operation:?} for {role}"
                );
            }
        }
        if operation == Operation::CreateApp {
            let made = world.admin("GET", "/apps", Value::Null).await;
            let id = made.ok()["apps"][1]["appId"].as_str().unwrap();
            world.admin("DELETE", &format!("/apps/{id}"), Value::Null).await.ok();
        }
    }
}

#[tokio::test]
async fn a_refusal_names_user_action_and_resource_as_aws_does() {
    let world = World::new().await;
    // So that whoever would be let in to listen comes to an end.
    world.api.close();
    let key = world.key(json!({ "role": "read", "apps": [world.app], "name": "ci" })).await;
    let app = &world.app;
    for (method, target, body, action, resource) in [
        ("GET", "/apps/d9/branches/main/jobs", Value::Null, "amplify:ListJobs", "apps/d9/branches/main/jobs/*"),
        (
            "GET",
            "/apps/d9/branches/feature%2Fx/jobs/7",
            Value::Null,
            "amplify:GetJob",
            "apps/d9/branches/feature/x/jobs/0000000007",
        ),
        ("POST", "/apps", json!({ "name": "a" }), "amplify:CreateApp", "apps/*"),
        ("DELETE", &format!("/apps/{app}"), Value::Null, "amplify:DeleteApp", &format!("apps/{app}")),
        (
            "DELETE",
            &format!("/apps/{app}/branches/main/jobs/1/stop"),
            Value::Null,
            "amplify:StopJob",
            &format!("apps/{app}/branches/main/jobs/0000000001"),
        ),
        (
            "POST",
            &format!("/apps/{app}/branches/main/deployments/start"),
            json!({ "jobId": "1" }),
            "amplify:StartDeployment",
            &format!("apps/{app}/branches/main/deployments/*"),
        ),
        ("GET", "/webhooks/w", Value::Null, "amplify:GetWebhook", "webhooks/w"),
        ("GET", "/-/keys", Value::Null, "windlass:ListKeys", "keys/*"),
        ("GET", "/-/events?appId=d9", Value::Null, "windlass:ListenToEvents", "apps/d9/branches/*/jobs/*"),
        (
            "GET",
            "/-/events?appId=d9&branchName=main",
            Value::Null,
            "windlass:ListenToEvents",
            "apps/d9/branches/main/jobs/*",
        ),
        ("GET", "/-/subscribers", Value::Null, "windlass:ListSubscribers", "subscribers/*"),
        ("DELETE", "/-/subscribers/7", Value::Null, "windlass:DeleteSubscriber", "subscribers/7"),
        ("DELETE", &format!("/-/keys/{}", key.id), Value::Null, "windlass:DeleteKey", &format!("keys/{}", key.id)),
    ] {
        world.ask(&key, method, target, body).await.denies("ci", action, &world.arn(resource));
    }
    // The resource of an operation on tags is the one that has them.
    let arn = world.arn("apps/d9");
    let tags = world.ask(&key, "GET", &format!("/tags/{}", encoded(&arn)), Value::Null).await;
    tags.denies("ci", "amplify:ListTagsForResource", &arn);
    // A key that nobody gave a name has its own.
    let unnamed = world.key(json!({ "role": "read" })).await;
    let refused = world.ask(&unnamed, "POST", "/apps", json!({ "name": "a" })).await;
    refused.denies(&unnamed.id, "amplify:CreateApp", &world.arn("apps/*"));
}

#[tokio::test]
async fn whoever_deploys_makes_starts_and_stops_jobs_and_is_named() {
    let world = World::new().await;
    let app = world.admin("POST", "/apps", json!({ "name": "by hand" })).await;
    let app = app.ok()["app"]["appId"].as_str().unwrap();
    world.admin("POST", &format!("/apps/{app}/branches"), json!({ "branchName": "main" })).await.ok();
    let key = world.key(json!({ "role": "deploy", "apps": [app] })).await;
    let branch = format!("/apps/{app}/branches/main");
    world.ask(&key, "POST", &format!("{branch}/deployments"), json!({})).await.ok();
    world.ask(&key, "DELETE", &format!("{branch}/jobs/1/stop"), Value::Null).await.ok();
    let job = world.ask(&key, "GET", &format!("{branch}/jobs/1"), Value::Null).await;
    assert_eq!(job.ok()["job"]["summary"]["status"], "CANCELLED");
    let reason = job.headers.get("x-windlass-status-reason").unwrap().to_str().unwrap();
    assert!(reason.contains(&key.id), "{reason}");
    let url = json!({ "sourceUrl": "https://example.com/site.zip" });
    world.ask(&key, "POST", &format!("{branch}/deployments/start"), url).await.ok();
    for (method, target) in [("DELETE", format!("{branch}/jobs/1")), ("DELETE", branch.clone())] {
        assert!(world.ask(&key, method, &target, Value::Null).await.is_denied(), "{method} {target}");
    }
}
