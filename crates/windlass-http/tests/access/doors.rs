//! The doors that a request goes through, in their order.

use std::num::NonZeroU32;

use axum::body::Body;
use chrono::TimeDelta;
use http::HeaderValue;
use serde_json::{Value, json};

use crate::{Answer, Key, World};

/// CreateDeployment, with headers that are not signed.
async fn deploy(world: &World, key: &Key, app: &str, headers: &[(&'static str, &str)], body: &Value) -> Answer {
    let body = body.to_string();
    let target = format!("/apps/{app}/branches/main/deployments");
    let mut request = world.signed(key, "POST", &target, body.as_bytes());
    for (name, value) in headers {
        request.headers_mut().insert(*name, HeaderValue::from_str(value).unwrap());
    }
    world.send(request.map(|()| Body::from(body))).await
}

/// An app that is deployed to by hand, and has the branch `main`.
async fn by_hand(world: &World, name: &str) -> String {
    let made = world.admin("POST", "/apps", json!({ "name": name })).await;
    let id = made.ok()["app"]["appId"].as_str().unwrap().to_owned();
    world.admin("POST", &format!("/apps/{id}/branches"), json!({ "branchName": "main" })).await.ok();
    id
}

#[tokio::test]
async fn a_request_that_nothing_is_right_with_is_told_one_thing_after_the_other() {
    let world = World::with(|settings| settings.request_rate = NonZeroU32::new(5)).await;
    let (ours, theirs) = (by_hand(&world, "ours").await, by_hand(&world, "theirs").await);
    let key = world.key(json!({ "role": "deploy", "apps": [ours] })).await;
    let forged = Key { secret: "another".to_owned(), ..key.clone() };
    let wrong = [("content-type", "text/xml"), ("idempotency-key", "a b")];
    let bad = json!({ "fileMap": 7 });
    let is = |answer: &Answer, status: u16, words: &str| {
        assert!(answer.status == status && answer.message().contains(words), "{words}: {answer:?}");
    };
    // Each time, everything else is wrong still.
    is(&deploy(&world, &forged, &theirs, &wrong, &bad).await, 403, "signature");
    let mut mended = 0;
    while deploy(&world, &key, &theirs, &wrong, &bad).await.status == 415 {
        mended += 1;
    }
    assert_eq!(mended, 10);
    is(&deploy(&world, &key, &theirs, &wrong, &bad).await, 429, "Rate exceeded");
    is(&deploy(&world, &forged, &theirs, &wrong, &bad).await, 403, "signature");
    world.clock.advance(TimeDelta::seconds(60));
    is(&deploy(&world, &key, &theirs, &wrong, &bad).await, 415, "Content-Type");
    is(&deploy(&world, &key, &theirs, &wrong[1..], &bad).await, 400, "Value at 'fileMap'");
    is(&deploy(&world, &key, &theirs, &wrong[1..], &json!({})).await, 403, "is not authorized");
    is(&deploy(&world, &key, &ours, &wrong[1..], &json!({})).await, 400, "The Idempotency-Key cannot be used");
    deploy(&world, &key, &ours, &[], &json!({})).await.ok();
}

#[tokio::test]
async fn an_idempotency_key_belongs_to_the_key_that_it_came_with() {
    let world = World::new().await;
    let app = by_hand(&world, "demo").await;
    let one = world.key(json!({ "role": "deploy", "apps": [app], "name": "same" })).await;
    let other = world.key(json!({ "role": "deploy", "apps": [app], "name": "same" })).await;
    let key = [("idempotency-key", "k")];
    let made = deploy(&world, &one, &app, &key, &json!({})).await;
    assert_eq!(made.ok()["jobId"], "1");
    // For the other it is a request of its own, and comes too early.
    let early = deploy(&world, &other, &app, &key, &json!({})).await;
    assert!(early.message().contains("was not finished"), "{early:?}");
    let again = deploy(&world, &one, &app, &key, &json!({})).await;
    assert_eq!(again.ok()["jobId"], "1");
    // What it may not do, it may not do again: whoever was revoked gets no answer of before.
    world.admin("DELETE", &format!("/-/keys/{}", one.id), Value::Null).await.ok();
    assert_eq!(deploy(&world, &one, &app, &key, &json!({})).await.status, 403);
}
