//! How often a key may ask.

use std::num::NonZeroU32;

use chrono::TimeDelta;
use serde_json::{Value, json};

use crate::{Answer, Key, World};

async fn world(per_second: u32) -> World {
    let world = World::with(|settings| settings.request_rate = NonZeroU32::new(per_second)).await;
    // What it took to make it is forgotten.
    world.clock.advance(TimeDelta::seconds(60));
    world
}

async fn look(world: &World, key: &Key) -> Answer {
    world.ask(key, "GET", "/apps", Value::Null).await
}

#[tokio::test]
async fn a_key_that_asks_too_often_is_refused_in_awss_words_and_told_when() {
    let world = world(5).await;
    for _ in 0..10 {
        look(&world, &world.admin).await.ok();
    }
    let refused = look(&world, &world.admin).await;
    refused.refuses(429, "BadRequestException", "Rate exceeded");
    assert_eq!(refused.headers.get("x-amz-retry-after").unwrap(), "201");
    world.clock.advance(TimeDelta::milliseconds(201));
    look(&world, &world.admin).await.ok();
}

#[tokio::test]
async fn a_refused_request_changes_nothing() {
    let world = world(2).await;
    for _ in 0..4 {
        look(&world, &world.admin).await.ok();
    }
    world.admin("POST", "/apps", json!({ "name": "too much" })).await.refuses(
        429,
        "BadRequestException",
        "Rate exceeded",
    );
    world.clock.advance(TimeDelta::seconds(1));
    assert_eq!(look(&world, &world.admin).await.ok()["apps"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn nobody_uses_up_the_share_of_another() {
    let world = world(2).await;
    let key = world.key(json!({ "role": "read" })).await;
    let forged = Key { secret: "a guess".to_owned(), ..key.clone() };
    for _ in 0..20 {
        assert_eq!(look(&world, &forged).await.status, 403);
    }
    for _ in 0..4 {
        look(&world, &key).await.ok();
    }
    assert_eq!(look(&world, &key).await.status, 429);
    look(&world, &world.admin).await.ok();
}
