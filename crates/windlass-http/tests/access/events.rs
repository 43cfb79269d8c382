//! Who may listen to what, and for how long.

use core::time::Duration;

use axum::body::{Body, BodyDataStream};
use futures_util::StreamExt as _;
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::{Key, World};

/// The answer to somebody who listens.
struct Listening {
    chunks: BodyDataStream,
    heard: String,
}

impl Listening {
    async fn new(world: &World, key: &Key, query: &str) -> Self {
        let request = world.signed(key, "GET", &format!("/-/events{query}"), b"").map(|()| Body::empty());
        let answer = world.api.handle(request).await;
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.headers()["content-type"], "text/event-stream");
        Self { chunks: answer.into_body().into_data_stream(), heard: String::new() }
    }

    /// What is said next, or nothing where it has ended.
    async fn next(&mut self) -> Option<String> {
        let chunk = self.chunks.next().await?.unwrap();
        Some(String::from_utf8(chunk.to_vec()).unwrap())
    }

    /// Which app the next event is about.
    async fn next_app(&mut self) -> String {
        loop {
            if let Some((event, rest)) = self.heard.split_once("\n\n") {
                let app = event.lines().find_map(|line| line.strip_prefix("data: ")).map(|event| {
                    let event: Value = serde_json::from_str(event).unwrap();
                    event["detail"]["appId"].as_str().unwrap().to_owned()
                });
                self.heard = rest.to_owned();
                if let Some(app) = app {
                    return app;
                }
            } else {
                let more = self.next().await.expect("it goes on");
                self.heard += &more;
            }
        }
    }
}

/// Something happens in an app.
async fn stir(world: &World, app: &str) {
    let jobs = format!("/apps/{app}/branches/main/jobs");
    let made = world.admin("POST", &jobs, json!({ "jobType": "RELEASE" })).await;
    let job = made.ok()["jobSummary"]["jobId"].as_str().unwrap().to_owned();
    world.admin("DELETE", &format!("{jobs}/{job}/stop"), Value::Null).await.ok();
}

#[tokio::test]
async fn a_key_for_certain_apps_hears_of_those_and_of_no_others() {
    let world = World::new().await;
    let other = world.make_app("other").await;
    let key = world.key(json!({ "role": "read", "apps": [world.app], "name": "k" })).await;
    for app in [&other, &world.app, &other, &world.app] {
        stir(&world, app).await;
    }
    // The admin hears of both, and first of the other.
    assert_eq!(Listening::new(&world, &world.admin, "?cursor=0").await.next_app().await, other);
    let mut bound = Listening::new(&world, &key, "?cursor=0").await;
    let mut of_app = Listening::new(&world, &key, &format!("?cursor=0&appId={}", world.app)).await;
    for _ in 0..4 {
        assert_eq!(bound.next_app().await, world.app);
        assert_eq!(of_app.next_app().await, world.app);
    }
    // Whoever would be let in comes to an end.
    world.api.close();
    let refused = world.ask(&key, "GET", &format!("/-/events?appId={other}"), Value::Null).await;
    refused.denies("k", "windlass:ListenToEvents", &world.arn(&format!("apps/{other}/branches/*/jobs/*")));
}

#[tokio::test(start_paused = true)]
async fn a_key_that_is_revoked_listens_for_five_seconds_more_at_most_and_hears_nothing() {
    let world = World::new().await;
    let key = world.key(json!({ "role": "read" })).await;
    for stirs in [false, true] {
        let revoked = world.key(json!({ "role": "read" })).await;
        let mut listening = Listening::new(&world, &revoked, "").await;
        let mut goes_on = Listening::new(&world, &key, "").await;
        assert!(listening.next().await.unwrap().starts_with("retry: "));
        world.admin("DELETE", &format!("/-/keys/{}", revoked.id), Value::Null).await.ok();
        if stirs {
            stir(&world, &world.app).await;
        }
        let end = timeout(Duration::from_millis(5_001), listening.next()).await.expect("it has ended");
        assert_eq!(end, None);
        // Nobody else does.
        stir(&world, &world.app).await;
        assert_eq!(goes_on.next_app().await, world.app);
    }
}

#[tokio::test(start_paused = true)]
async fn a_key_that_is_revoked_between_two_looks_ends_what_it_listens_to() {
    let world = World::new().await;
    let key = world.key(json!({ "role": "deploy", "apps": ["*"] })).await;
    let mut listening = Listening::new(&world, &key, "").await;
    listening.next().await.unwrap();
    // In the middle of a silence, of which it is told while the key is one.
    assert!(listening.next().await.unwrap().starts_with(":\nid: "));
    let waits = tokio::spawn(async move { listening.next().await });
    tokio::time::sleep(Duration::from_secs(7)).await;
    world.admin("DELETE", &format!("/-/keys/{}", key.id), Value::Null).await.ok();
    assert_eq!(timeout(Duration::from_millis(5_001), waits).await.expect("it has ended").unwrap(), None);
}
