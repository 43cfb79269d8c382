//! Sites behind a password.

use http::Method;
use serde_json::json;

use crate::harness::{Kept, World};

#[tokio::test]
async fn a_locked_site_asks_for_its_password() {
    let world = World::with(&[("index.html", b"home"), ("a.3f9a1c2b.js", b"js")], Kept::Inline).await;
    world.set(json!({"enableBasicAuth": true, "basicAuthCredentials": ME})).await;
    for (path, method) in [("/", Method::GET), ("/missing", Method::HEAD), ("/%zz", Method::GET), ("/", Method::POST)] {
        let answer = world.ask(method.clone(), path, &[("authorization", "Basic eDp5")]).await;
        assert_eq!(answer.status, 401, "{path}");
        assert_eq!(answer.header("www-authenticate"), "Basic realm=\"main.d1.localhost\", charset=\"UTF-8\"");
        assert_eq!(answer.header("cache-control"), "no-store");
        if method == Method::GET {
            answer.says(401, "This site asks for a name and a password");
        }
    }
    let mine = format!("Basic {ME}");
    let mine = [("authorization", mine.as_str())];
    let home = world.get_with("/", &mine).await;
    home.shows(200, "home");
    // A shared cache may keep what is public, whoever asked for it.
    assert_eq!(home.header("cache-control"), "private, max-age=0, must-revalidate");
    let script = world.get_with("/a.3f9a1c2b.js", &mine).await;
    assert_eq!(script.header("cache-control"), "private, max-age=31536000, immutable");
}

#[tokio::test]
async fn a_password_goes_before_rules() {
    let world = World::with(&[("index.html", b"home")], Kept::Inline).await;
    let rules = json!([{"source": "/<*>", "target": "https://example.com/<*>", "status": "301"}]);
    world.set(json!({"customRules": rules, "enableBasicAuth": true, "basicAuthCredentials": ME})).await;
    assert_eq!(world.get("/secret").await.status, 401);
    let admitted = world.get_with("/secret", &[("authorization", &format!("Basic {ME}"))]).await;
    assert_eq!(admitted.header("location"), "https://example.com/secret");
    assert_eq!(admitted.header("cache-control"), "private, max-age=0, must-revalidate");
}

#[tokio::test]
async fn what_a_branch_says_goes_before_what_its_app_says() {
    let world = World::with(&[("index.html", b"home")], Kept::Inline).await;
    world.set_branch("main", json!({"enableBasicAuth": true, "basicAuthCredentials": ME})).await;
    assert_eq!(world.get("/").await.status, 401);
    world.set(json!({"enableBasicAuth": true, "basicAuthCredentials": "eDp5"})).await;
    world.get_with("/", &[("authorization", &format!("Basic {ME}"))]).await.shows(200, "home");
    assert_eq!(world.get_with("/", &[("authorization", "Basic eDp5")]).await.status, 401);
    world.set_branch("main", json!({"enableBasicAuth": false})).await;
    world.get("/").await.shows(200, "home");
}

#[tokio::test]
async fn a_password_that_is_none_lets_nobody_in() {
    let world = World::with(&[("index.html", b"home")], Kept::Inline).await;
    world.set(json!({"enableBasicAuth": true, "basicAuthCredentials": "me:secret"})).await;
    for given in ["", "Basic", "Basic me:secret", "Basic bWU6c2VjcmV0"] {
        assert_eq!(world.get_with("/", &[("authorization", given)]).await.status, 401, "{given}");
    }
}

/// me:secret
const ME: &str = "bWU6c2VjcmV0";
