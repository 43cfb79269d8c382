//! Redirects, rewrites, headers and passwords, set through the API.

use reqwest::Method;

use crate::support::World;
use crate::{header, shown};

#[tokio::test(flavor = "multi_thread")]
async fn each_kind_of_rule_does_what_it_says() {
    let world = site().await;
    world
        .rules(&[
            ["/old/<*>", "/new/<*>", "301"],
            ["/docs/<year>/<slug>", "https://example.org/<slug>?year=<year>", "302"],
            ["/legacy?id=<id>", "/by-id/<id>", "301"],
            ["/home", "/index.html", "200"],
            ["</^/v([0-9]+)$/>", "/versions/$1", "302"],
            ["/app/<*>", "/index.html", "404-200"],
            ["/<*>", "/sorry.html", "404"],
        ])
        .await;
    for (target, status, location) in [
        ("/old/a/b?c=d", 301, "/new/a/b?c=d"),
        ("/docs/2026/ship", 302, "https://example.org/ship?year=2026"),
        ("/legacy?id=7&x=y", 301, "/by-id/7"),
        ("/v12", 302, "/versions/12"),
    ] {
        let response = world.see(target).await;
        assert_eq!((response.status().as_u16(), header(&response, "location")), (status, location), "{target}");
    }
    for (target, status, text) in [
        ("/home", 200, "home"),
        ("/app/some/where", 200, "home"),
        ("/nowhere", 404, "sorry"),
        ("/legacy", 404, "sorry"),
        ("/a.txt", 200, "text"),
    ] {
        assert_eq!(shown(world.see(target).await).await, (status, text.to_owned()), "{target}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_rule_of_single_page_apps_is_understood() {
    let world = site().await;
    let source = r"</^[^.]+$|\.(?!(css|gif|ico|jpg|js|png|txt|svg|woff|ttf|map|json)$)([^.]+$)/>";
    world.rules(&[[source, "/index.html", "200"]]).await;
    assert_eq!(shown(world.see("/users/7?tab=posts").await).await, (200, "home".to_owned()));
    assert_eq!(shown(world.see("/a.txt").await).await, (200, "text".to_owned()));
    assert_eq!(world.see("/missing.js").await.status(), 404);
    world.update_app().set_custom_rules(Some(Vec::new())).send().await.unwrap();
    assert_eq!(world.see("/users/7").await.status(), 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn headers_are_added() {
    let world = site().await;
    let text = "customHeaders:\n  - pattern: '**/*'\n    headers:\n      - key: Strict-Transport-Security\n        \
                value: max-age=31536000\n  - pattern: '*.txt'\n    headers: [{key: Cache-Control, value: no-cache}]\n";
    world.update_app().custom_headers(text).send().await.unwrap();
    let response = world.see("/a.txt").await;
    assert_eq!(header(&response, "strict-transport-security"), "max-age=31536000");
    assert_eq!(header(&response, "cache-control"), "no-cache");
    let response = world.see("/").await;
    assert_eq!(header(&response, "strict-transport-security"), "max-age=31536000");
    assert_eq!(header(&response, "cache-control"), "public, max-age=0, must-revalidate");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_is_asked_for() {
    let world = site().await;
    // me:secret
    world.update_app().enable_basic_auth(true).basic_auth_credentials("bWU6c2VjcmV0").send().await.unwrap();
    let response = world.see("/").await;
    assert_eq!(response.status(), 401);
    assert!(header(&response, "www-authenticate").starts_with("Basic realm="));
    let visit = |password: &'static str| {
        let request = world.at_host(Method::GET, &world.site_host(), "/").basic_auth("me", Some(password));
        async move { request.send().await.unwrap() }
    };
    assert_eq!(visit("wrong").await.status(), 401);
    let admitted = visit("secret").await;
    assert_eq!(header(&admitted, "cache-control"), "private, max-age=0, must-revalidate");
    assert_eq!(shown(admitted).await, (200, "home".to_owned()));
    world.update_app().enable_basic_auth(false).send().await.unwrap();
    assert_eq!(world.see("/").await.status(), 200);
}

async fn site() -> World {
    World::with_site(&[("index.html", "home"), ("sorry.html", "sorry"), ("a.txt", "text")]).await
}
