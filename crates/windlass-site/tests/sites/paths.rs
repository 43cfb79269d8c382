//! Which member answers a path.

use http::Method;

use crate::harness::{Kept, World};

#[tokio::test]
async fn a_path_is_a_member() {
    let world = site(Kept::Inline).await;
    world.get("/").await.shows(200, "home");
    world.get("/index.html").await.shows(200, "home");
    world.get("/docs/").await.shows(200, "docs");
    world.get("/docs/index.html").await.shows(200, "docs");
    world.get("/docs/a.txt").await.shows(200, "a");
    world.get("/docs/a.txt?v=1").await.shows(200, "a");
    world.get("/LICENSE").await.shows(200, "license");
    world.get("/empty.txt").await.shows(200, "");
    world.get("http://main.d1.localhost/docs/a.txt").await.shows(200, "a");
}

#[tokio::test]
async fn names_may_be_of_any_script() {
    let world = site(Kept::File).await;
    world.get("/%C3%BC/a%20b.txt").await.shows(200, "umlaut");
    world.get("/%c3%bc/a%20b.txt").await.shows(200, "umlaut");
    world.get("/100%25.txt").await.shows(200, "percent");
    world.get("/a+b.txt").await.shows(200, "plus");
    world.get("/a b.txt".replace(' ', "%20").as_str()).await.says(404, "There is no such page");
    // What is decoded is not decoded again.
    world.get("/%25C3%25BC/a%2520b.txt").await.says(404, "There is no such page");
}

#[tokio::test]
async fn a_name_is_its_bytes() {
    // As a Mac composes it and as everybody else does.
    let world = World::with(&[("caf\u{e9}.txt", b"composed"), ("cafe\u{301}.txt", b"decomposed")], Kept::Inline).await;
    world.get("/caf%C3%A9.txt").await.shows(200, "composed");
    world.get("/cafe%CC%81.txt").await.shows(200, "decomposed");
    let world = World::with(&[("caf\u{e9}.txt", b"composed")], Kept::Inline).await;
    world.get("/cafe%CC%81.txt").await.says(404, "There is no such page");
}

#[tokio::test]
async fn a_folder_without_its_slash_is_sent_to_the_one_with_it() {
    let world = site(Kept::Inline).await;
    for (path, location) in [
        ("/docs", "/docs/"),
        ("/docs?a=1&b=%2F", "/docs/?a=1&b=%2F"),
        ("/docs?", "/docs/?"),
        ("/docs?//evil.example", "/docs/?//evil.example"),
        ("/%64ocs", "/docs/"),
        ("/%C3%BC", "/%C3%BC/"),
        ("/odd%20name%3A%25/deep", "/odd%20name%3A%25/deep/"),
    ] {
        let answer = world.get(path).await;
        assert_eq!((answer.status.as_u16(), answer.header("location")), (301, location), "{path}");
        assert_eq!(answer.header("cache-control"), "public, max-age=0, must-revalidate");
        assert_eq!(answer.text(), "");
    }
}

#[tokio::test]
async fn nobody_is_sent_to_another_host() {
    let world = site(Kept::Inline).await;
    for path in ["//docs", "//evil.example", "//evil.example/docs", "/%2Fdocs", "/%5Cdocs", "/\\docs", "/docs%2F%2Fx"] {
        let answer = world.get(path).await;
        answer.says(404, "There is no such page");
        assert!(!answer.headers.contains_key("location"), "{path}");
    }
}

#[tokio::test]
async fn a_page_is_found_without_its_extension() {
    let world = site(Kept::Inline).await;
    let answer = world.get("/about").await;
    answer.shows(200, "about");
    assert_eq!(answer.header("content-type"), "text/html; charset=utf-8");
    // A file comes before a page, a page before a folder.
    world.get("/LICENSE").await.shows(200, "license");
    world.get("/both").await.shows(200, "both, the page");
    world.get("/both/").await.shows(200, "both, the folder");
    assert_eq!(world.get("/docs").await.status, 301);
    world.get("/about/").await.says(404, "There is no such page");
    // A folder without an index is nothing of itself.
    world.get("/bare").await.shows(200, "bare page");
}

#[tokio::test]
async fn weird_paths_are_not_found() {
    let world = site(Kept::Inline).await;
    for path in [
        "/..",
        "/../index.html",
        "/%2e%2e/x",
        "/%2e%2e/index.html",
        "/..%2f",
        "/docs/../index.html",
        "/docs/%2e%2e/index.html",
        "/./index.html",
        "//",
        "//x",
        "//index.html",
        "/docs//a.txt",
        "/docs/a.txt/",
        "/docs/a.txt/index.html",
        "/Docs/a.txt",
        "/a%00b",
        "/index.html%00",
        "/%C3%BC/",
        "/index.html%20",
        "/missing",
    ] {
        let answer = world.get(path).await;
        if path == "/%C3%BC/" {
            answer.shows(200, "umlaut home");
        } else {
            answer.says(404, "There is no such page");
        }
    }
}

#[tokio::test]
async fn malformed_paths_are_refused() {
    let world = site(Kept::Inline).await;
    for path in ["/%zz", "/%", "/%4", "/a%", "/%C3", "/%FF", "/%ED%A0%80", "/%%41", "/%+1"] {
        world.get(path).await.says(400, "This address is malformed");
    }
}

#[tokio::test]
async fn the_sites_own_page_says_what_is_missing() {
    for kept in Kept::BOTH {
        let world = World::with(&[("index.html", b"home"), ("404.html", b"lost")], kept).await;
        let answer = world.get_with("/missing", &[("if-none-match", "*"), ("range", "bytes=0-1")]).await;
        answer.shows(404, "lost");
        assert_eq!(answer.header("content-type"), "text/html; charset=utf-8");
        assert_eq!(answer.header("cache-control"), "public, max-age=0, must-revalidate");
        assert_eq!(answer.header("etag"), "");
        assert_eq!(answer.header("x-windlass-job"), "1");
        assert_eq!(world.get_with("/docs/", &[("accept-encoding", "gzip")]).await.header("content-encoding"), "gzip");
        world.get("/404.html").await.shows(200, "lost");
        world.get("/404").await.shows(200, "lost");
    }
}

#[tokio::test]
async fn a_site_can_only_be_read() {
    let world = site(Kept::Inline).await;
    for method in [Method::POST, Method::PUT, Method::DELETE, Method::PATCH, Method::TRACE] {
        let answer = world.ask(method, "/", &[]).await;
        answer.says(405, "A site can only be read");
        assert_eq!(answer.header("allow"), "GET, HEAD, OPTIONS");
    }
    for path in ["/", "*"] {
        let answer = world.ask(Method::OPTIONS, path, &[]).await;
        assert_eq!((answer.status.as_u16(), answer.header("allow")), (204, "GET, HEAD, OPTIONS"));
        assert_eq!(answer.body.unwrap(), "");
    }
}

#[tokio::test]
async fn types_follow_the_name() {
    for (name, expected) in TYPES {
        let world = World::with(&[(name, b"x")], Kept::Inline).await;
        let answer = world.get(&format!("/{name}")).await;
        assert_eq!(answer.header("content-type"), *expected, "{name}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
    }
}

const TYPES: &[(&str, &str)] = &[
    ("a.html", "text/html; charset=utf-8"),
    ("a.HTML", "text/html; charset=utf-8"),
    ("a.htm", "text/html; charset=utf-8"),
    ("a.css", "text/css; charset=utf-8"),
    ("a.js", "text/javascript; charset=utf-8"),
    ("a.min.js", "text/javascript; charset=utf-8"),
    ("a.mjs", "text/javascript; charset=utf-8"),
    ("a.txt", "text/plain; charset=utf-8"),
    ("a.md", "text/markdown; charset=utf-8"),
    ("a.csv", "text/csv; charset=utf-8"),
    ("a.xml", "text/xml; charset=utf-8"),
    ("a.json", "application/json"),
    ("a.js.map", "application/json"),
    ("a.svg", "image/svg+xml"),
    ("a.png", "image/png"),
    ("a.jpg", "image/jpeg"),
    ("a.gif", "image/gif"),
    ("a.ico", "image/x-icon"),
    ("a.avif", "image/avif"),
    ("a.webp", "image/webp"),
    ("a.wasm", "application/wasm"),
    ("a.webmanifest", "application/manifest+json"),
    ("a.woff", "font/woff"),
    ("a.woff2", "font/woff2"),
    ("a.pdf", "application/pdf"),
    ("a.mp4", "video/mp4"),
    ("a.ts", "video/mp2t"),
    ("a.zip", "application/zip"),
    ("a.unheard-of", "application/octet-stream"),
    ("a", "application/octet-stream"),
    ("html", "application/octet-stream"),
    ("a.html/b", "application/octet-stream"),
];

async fn site(kept: Kept) -> World {
    let files: &[(&str, &[u8])] = &[
        ("index.html", b"home"),
        ("about.html", b"about"),
        ("docs/index.html", b"docs"),
        ("docs/a.txt", b"a"),
        ("both.html", b"both, the page"),
        ("both/index.html", b"both, the folder"),
        ("LICENSE", b"license"),
        ("LICENSE.html", b"not the license"),
        ("bare/x.txt", b"x"),
        ("bare.html", b"bare page"),
        ("empty.txt", b""),
        ("ü/index.html", b"umlaut home"),
        ("ü/a b.txt", b"umlaut"),
        ("100%.txt", b"percent"),
        ("a+b.txt", b"plus"),
        ("odd name:%/deep/index.html", b"odd"),
    ];
    World::with(files, kept).await
}
