//! Keys are made, listed and revoked.

use axum::body::Body;
use futures_util::stream;
use serde_json::{Value, json};
use windlass_store::{Kind, Store as _};

use crate::World;

const UNKNOWN: &str = "The security token included in the request is invalid.";

#[tokio::test]
async fn a_secret_is_shown_once() {
    let world = World::new().await;
    let made = world.admin("POST", "/-/keys", json!({ "role": "deploy", "apps": [world.app], "name": "ci" })).await;
    let mut key = made.ok()["key"].clone();
    let secret = key.as_object_mut().unwrap().remove("secretAccessKey").unwrap();
    let secret = secret.as_str().unwrap();
    assert_eq!(secret.len(), 40);
    assert_eq!(key["accessKeyId"].as_str().unwrap().len(), 20);
    assert_eq!((&key["role"], &key["apps"], &key["name"]), (&json!("deploy"), &json!([world.app]), &json!("ci")));

    let listed = world.admin("GET", "/-/keys", Value::Null).await;
    assert_eq!(listed.ok(), &json!({ "keys": [key] }));
    let id = key["accessKeyId"].as_str().unwrap();
    let revoked = world.admin("DELETE", &format!("/-/keys/{id}"), Value::Null).await;
    assert_eq!(revoked.ok(), &json!({ "key": key }));
    assert_eq!(world.admin("GET", "/-/keys", Value::Null).await.ok(), &json!({ "keys": [] }));
}

#[tokio::test]
async fn keys_are_listed_page_by_page() {
    let world = World::new().await;
    let mut made = Vec::new();
    for _ in 0..5 {
        made.push(world.key(json!({ "role": "read" })).await.id);
    }
    let (mut listed, mut target) = (Vec::new(), "/-/keys?maxResults=2".to_owned());
    loop {
        let page = world.admin("GET", &target, Value::Null).await;
        let keys = page.ok()["keys"].as_array().unwrap().clone();
        assert!(keys.len() <= 2);
        listed.extend(keys.iter().map(|key| key["accessKeyId"].as_str().unwrap().to_owned()));
        let Some(next) = page.json["nextToken"].as_str() else { break };
        target = format!("/-/keys?maxResults=2&nextToken={next}");
    }
    assert_eq!(listed, made);
}

#[tokio::test]
async fn a_key_that_was_revoked_is_refused_from_then_on() {
    let world = World::new().await;
    let key = world.key(json!({ "role": "read" })).await;
    let other = world.key(json!({ "role": "admin" })).await;
    world.ask(&key, "GET", "/apps", Value::Null).await.ok();
    world.ask(&other, "DELETE", &format!("/-/keys/{}", key.id), Value::Null).await.ok();
    world.ask(&key, "GET", "/apps", Value::Null).await.refuses(403, "UnrecognizedClientException", UNKNOWN);
    // Also by itself.
    world.ask(&other, "DELETE", &format!("/-/keys/{}", other.id), Value::Null).await.ok();
    world.ask(&other, "GET", "/apps", Value::Null).await.refuses(403, "UnrecognizedClientException", UNKNOWN);
}

#[tokio::test]
async fn a_key_that_is_revoked_while_its_request_arrives_is_refused() {
    let world = World::new().await;
    let key = world.key(json!({ "role": "admin" })).await;
    let body = br#"{"name":"late"}"#;
    let (store, id) = (world.store.clone(), key.id.clone());
    let arrives = stream::once(async move {
        store.delete_document(Kind::Key, &id).await.unwrap();
        Ok::<_, std::io::Error>(&body[..])
    });
    let request = world.signed(&key, "POST", "/apps", body).map(|()| Body::from_stream(arrives));
    world.send(request).await.refuses(403, "UnrecognizedClientException", UNKNOWN);
    let apps = world.admin("GET", "/apps", Value::Null).await;
    assert_eq!(apps.ok()["apps"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_key_that_would_not_be_what_it_seems_is_not_made() {
    let world = World::new().await;
    let app = &world.app;
    for (new, status, kind, message) in [
        (json!({ "role": "owner" }), 400, "BadRequestException", "enum value set: [admin, deploy, read]"),
        (json!({}), 400, "BadRequestException", "'role'"),
        (json!({ "role": "deploy" }), 400, "BadRequestException", "name them in apps"),
        (json!({ "role": "deploy", "apps": [] }), 400, "BadRequestException", "'apps'"),
        (json!({ "role": "admin", "apps": [app] }), 400, "BadRequestException", "cannot be for certain apps"),
        (json!({ "role": "read", "apps": [app, "*"] }), 400, "BadRequestException", "for nothing beside others"),
        (json!({ "role": "read", "apps": ["x"] }), 400, "BadRequestException", "'apps.1.member'"),
        (json!({ "role": "read", "apps": ["d1"] }), 404, "NotFoundException", "App d1 not found."),
        (json!({ "role": "read", "name": "a b" }), 400, "BadRequestException", "'name'"),
        (json!({ "role": "read", "name": "" }), 400, "BadRequestException", "'name'"),
    ] {
        let answer = world.admin("POST", "/-/keys", new.clone()).await;
        assert_eq!((answer.status, answer.kind.as_str()), (status, kind), "{new}: {answer:?}");
        assert!(answer.message().contains(message), "{new}: {answer:?}");
    }
    assert_eq!(world.admin("GET", "/-/keys", Value::Null).await.ok(), &json!({ "keys": [] }));
}

#[tokio::test]
async fn the_servers_own_key_and_one_that_is_not_there_cannot_be_revoked() {
    let world = World::new().await;
    let own = world.admin("DELETE", "/-/keys/WDLSADMIN", Value::Null).await;
    assert_eq!((own.status, own.kind.as_str()), (400, "BadRequestException"));
    assert!(own.message().starts_with("The key WDLSADMIN is the server's own"), "{own:?}");
    let missing = world.admin("DELETE", "/-/keys/WDLSNOBODY", Value::Null).await;
    missing.refuses(404, "NotFoundException", "Key WDLSNOBODY not found.");
    world.admin("GET", "/apps", Value::Null).await.ok();
}

#[tokio::test]
async fn a_key_that_is_stored_in_an_unknown_way_opens_nothing_and_shows_nothing() {
    let world = World::new().await;
    let key = world.key(json!({ "role": "read" })).await;
    let mut document = world.store.document(Kind::Key, &key.id).await.unwrap().unwrap();
    document.attributes.insert("role".to_owned(), "owner".into());
    document.version += 1;
    world.store.update_document(&document).await.unwrap();
    let answer = world.ask(&key, "GET", "/apps", Value::Null).await;
    assert_eq!(answer.status, 500);
    assert!(!answer.json.to_string().contains(&key.secret));
}
