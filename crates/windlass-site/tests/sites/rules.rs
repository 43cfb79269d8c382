//! What an owner's rules and headers do to a site.

use http::Method;
use serde_json::{Value, json};

use crate::harness::{Answer, Kept, World};

#[tokio::test]
async fn a_redirect_goes_before_a_file_and_needs_none() {
    let world = site().await;
    rules(&world, json!([{"source": "/old/<*>", "target": "/new/<*>", "status": "301"}, rule("/a.txt", "/b", "302")]))
        .await;
    let answer = world.get("/old/x%20y?z=1").await;
    assert_eq!((answer.status.as_u16(), answer.header("location")), (301, "/new/x%20y?z=1"));
    assert_eq!(answer.header("cache-control"), "public, max-age=0, must-revalidate");
    assert_eq!(answer.text(), "");
    let answer = world.ask(Method::POST, "/a.txt", &[]).await;
    assert_eq!((answer.status.as_u16(), answer.header("location")), (302, "/b"));
    // Also where nothing is live.
    world.branch("empty").await;
    let host = world.sites.host("empty.d1.localhost").unwrap();
    assert_eq!(world.ask_host(&host, Method::GET, "/old/x", &[]).await.header("location"), "/new/x");
    world.ask_host(&host, Method::GET, "/", &[]).await.says(404, "Nothing is deployed to this branch yet");
}

#[tokio::test]
async fn a_rewrite_shows_another_page_under_the_same_name() {
    let world = site().await;
    rules(
        &world,
        json!([
            rule("/x", "/docs/", "200"),
            rule("/y", "/docs", "200"),
            rule("/z", "/a.txt?b#c", "200"),
            rule("/lost", "/nowhere", "200"),
            rule("/latest.js", "/app.3f9a1c2b.js", "200"),
            rule("/same/<*>", "/same/<*>", "200"),
        ]),
    )
    .await;
    world.get("/x").await.shows(200, "docs");
    world.get("/y").await.shows(200, "docs");
    let part = world.get_with("/z", &[("range", "bytes=1-1")]).await;
    part.shows(206, "t");
    world.get("/lost").await.shows(404, "lost");
    assert_eq!(world.get("/app.3f9a1c2b.js").await.header("cache-control"), "public, max-age=31536000, immutable");
    let latest = world.get("/latest.js").await;
    assert_eq!(latest.header("cache-control"), "public, max-age=0, must-revalidate", "this name has no hash");
    assert_eq!(latest.header("content-type"), "text/javascript; charset=utf-8");
    assert_eq!(world.get("/same/folder").await.header("location"), "/same/folder/");
    world.get("/same/folder/").await.shows(200, "same");
    assert_eq!(world.ask(Method::POST, "/x", &[]).await.status, 405);
    assert_eq!(world.ask(Method::OPTIONS, "/x", &[]).await.status, 204);
}

#[tokio::test]
async fn a_single_page_app_is_shown_for_every_path_of_its_own() {
    let world = site().await;
    let source = r"</^[^.]+$|\.(?!(css|gif|ico|jpg|js|png|txt|svg|woff|ttf|map|json)$)([^.]+$)/>";
    rules(&world, json!([rule(source, "/index.html", "200")])).await;
    let tag = world.get("/").await.header("etag").to_owned();
    for path in ["/", "/about", "/users/7", "/v1.2/x", "/docs/"] {
        let answer = world.get(path).await;
        answer.shows(200, "home");
        assert_eq!(answer.header("content-type"), "text/html; charset=utf-8");
        assert_eq!(world.get_with(path, &[("if-none-match", &tag)]).await.status, 304, "{path}");
    }
    world.get("/a.txt").await.shows(200, "atext");
    world.get("/missing.js").await.shows(404, "lost");
}

#[tokio::test]
async fn what_is_missing_is_shown_as_the_owner_likes() {
    let world = site().await;
    rules(&world, json!([rule("/app/<*>", "/index.html", "404-200"), rule("/<*>", "/sorry.html", "404")])).await;
    world.get("/app/x.js").await.shows(200, "home");
    let sorry = world.get_with("/x", &[("if-none-match", "*"), ("range", "bytes=0-0")]).await;
    sorry.shows(404, "sorry");
    assert_eq!((sorry.header("etag"), sorry.header("x-windlass-job")), ("", "1"));
    // What is there is not missing, a folder neither.
    world.get("/a.txt").await.shows(200, "atext");
    assert_eq!(world.get("/docs").await.header("location"), "/docs/");
    world.get("/about").await.shows(200, "about");
    rules(&world, json!([rule("/<*>", "/gone.html", "404")])).await;
    world.get("/x").await.shows(404, "lost");
}

#[tokio::test]
async fn a_rule_counts_from_the_moment_it_is_set() {
    let world = site().await;
    for number in 0..20 {
        rules(&world, json!([rule("/now", &format!("/{number}"), "302")])).await;
        assert_eq!(world.get("/now").await.header("location"), format!("/{number}"));
    }
    rules(&world, json!([])).await;
    world.get("/now").await.shows(404, "lost");
}

#[tokio::test]
async fn a_bad_rule_does_not_stop_the_others() {
    let world = site().await;
    rules(&world, json!([rule("/a<", "/b", "200"), rule("/c", "/a.txt", "200")])).await;
    world.get("/c").await.shows(200, "atext");
}

#[tokio::test]
async fn an_address_that_climbs_elsewhere_is_refused() {
    let world = site().await;
    rules(&world, json!([rule("/api/<*>", "https://example.org/public/<*>", "200")])).await;
    world.get("/api/../admin").await.says(400, "This address is malformed");
}

#[tokio::test]
async fn headers_go_with_what_is_asked_for_and_with_what_answers() {
    let world = site().await;
    rules(&world, json!([rule("/<*>", "/index.html", "404-200"), rule("/to", "/there", "301")])).await;
    headers(
        &world,
        "customHeaders:
- pattern: '**'
  headers: [{key: X-All, value: 1}, {key: Cache-Control, value: no-store}]
- pattern: '/about'
  headers: [{key: X-Asked, value: 2}]
- pattern: '/gone'
  headers: [{key: X-Asked, value: 2}]
- pattern: '*.html'
  headers: [{key: X-File, value: 3}, {key: cache-control, value: 'public, max-age=60'}]
",
    )
    .await;
    let sent =
        |answer: &Answer| ["x-all", "x-asked", "x-file", "cache-control"].map(|name| answer.header(name).to_owned());
    assert_eq!(sent(&world.get("/about").await), ["1", "2", "3", "public, max-age=60"]);
    assert_eq!(sent(&world.get("/nowhere").await), ["1", "", "3", "public, max-age=60"]);
    assert_eq!(sent(&world.get("/a.txt").await), ["1", "", "", "no-store"]);
    assert_eq!(sent(&world.get("/docs").await), ["1", "", "", "no-store"]);
    assert_eq!(sent(&world.ask(Method::OPTIONS, "/a.txt", &[]).await)[0], "1");
    let tag = world.get("/a.txt").await.header("etag").to_owned();
    let known = world.get_with("/a.txt", &[("if-none-match", &tag)]).await;
    assert_eq!((known.status.as_u16(), sent(&known)[0].as_str()), (304, "1"));
    rules(&world, json!([rule("/to", "/there", "301")])).await;
    let sent_away = world.get("/to").await;
    assert_eq!((sent_away.status.as_u16(), sent(&sent_away)), (301, ["1", "", "", "no-store"].map(String::from)));
    // A cache may keep for long what is there, and not that it is missing.
    let gone = world.get("/gone").await;
    assert_eq!((gone.status.as_u16(), sent(&gone)), (404, ["1", "", "3", "public, max-age=60"].map(String::from)));
}

#[tokio::test]
async fn a_header_takes_the_place_of_ours_and_vary_is_added_to() {
    let world = site().await;
    headers(
        &world,
        "customHeaders: [{pattern: '**', headers: [{key: Content-Type, value: text/x}, {key: Vary, value: Origin}]}]",
    )
    .await;
    let answer = world.get("/a.txt").await;
    assert_eq!(answer.header("content-type"), "text/x");
    let vary: Vec<_> = answer.headers.get_all("vary").iter().collect();
    assert_eq!(vary, ["accept-encoding", "Origin"]);
    assert_eq!(answer.header("content-length"), "5");
}

#[tokio::test]
async fn what_its_owner_has_encoded_is_sent_as_it_is() {
    let world = World::with(&[("app.js", b"brotli"), ("a.css", b"css")], Kept::Inline).await;
    headers(&world, "customHeaders: [{pattern: '*.js', headers: [{key: Content-Encoding, value: br}]}]").await;
    let ask = async |path| world.get_with(path, &[("accept-encoding", "gzip, br")]).await;
    let answer = ask("/app.js").await;
    answer.shows(200, "brotli");
    assert_eq!(answer.header("content-encoding"), "br");
    assert_eq!(ask("/a.css").await.header("content-encoding"), "gzip");
}

async fn site() -> World {
    let files: &[(&str, &[u8])] = &[
        ("index.html", b"home"),
        ("404.html", b"lost"),
        ("sorry.html", b"sorry"),
        ("about.html", b"about"),
        ("a.txt", b"atext"),
        ("docs/index.html", b"docs"),
        ("same/folder/index.html", b"same"),
        ("app.3f9a1c2b.js", b"js"),
    ];
    World::with(files, Kept::Inline).await
}

fn rule(source: &str, target: &str, status: &str) -> Value {
    json!({"source": source, "target": target, "status": status})
}

async fn rules(world: &World, rules: Value) {
    world.set(json!({ "customRules": rules })).await;
}

async fn headers(world: &World, text: &str) {
    world.set(json!({ "customHeaders": text })).await;
}
