//! Conditional requests.

use http::Method;

use crate::harness::{Kept, World};

#[tokio::test]
async fn an_unchanged_member_is_not_sent_again() {
    for kept in Kept::BOTH {
        let world = World::with(&[("index.html", b"home")], kept).await;
        let tag = world.get("/").await.header("etag").to_owned();
        assert_eq!(tag.len(), 34);
        for tags in [tag.clone(), format!("W/{tag}"), format!("\"x\", W/\"y\" ,{tag}"), "*".to_owned()] {
            let answer = world.get_with("/", &[("if-none-match", &tags)]).await;
            assert_eq!(answer.status, 304, "{tags}");
            assert_eq!(answer.body.as_ref().unwrap(), "");
            assert_eq!(answer.header("etag"), tag);
            assert_eq!(answer.header("cache-control"), "public, max-age=0, must-revalidate");
            assert_eq!(answer.header("vary"), "accept-encoding");
            assert_eq!(answer.header("x-windlass-job"), "1");
            assert!(!answer.headers.contains_key("content-length"));
            assert_eq!(world.ask(Method::HEAD, "/", &[("if-none-match", &tags)]).await.status, 304);
        }
        for tags in ["", "\"x\"", &tag[1..33], &format!("w/{tag}"), &format!("W/W/{tag}")] {
            world.get_with("/", &[("if-none-match", tags)]).await.shows(200, "home");
        }
    }
}

#[tokio::test]
async fn each_encoding_has_its_tag() {
    let world = World::with(&[("index.html", b"home")], Kept::Inline).await;
    let plain = world.get("/").await.header("etag").to_owned();
    let gzip = world.get_with("/", &[("accept-encoding", "gzip")]).await.header("etag").to_owned();
    assert_eq!(gzip, plain.replacen("\"", "", 2).replace(&plain[1..33], &format!("\"{}-gz\"", &plain[1..33])));
    let ask = async |tag: &str, accepted: &str| {
        world.get_with("/", &[("if-none-match", tag), ("accept-encoding", accepted)]).await.status.as_u16()
    };
    assert_eq!(ask(&gzip, "gzip").await, 304);
    assert_eq!(ask(&plain, "br").await, 304);
    assert_eq!(ask(&gzip, "br").await, 200);
    assert_eq!(ask(&plain, "gzip").await, 200);
}

#[tokio::test]
async fn equal_content_keeps_its_tag_over_deployments() {
    let world = World::with(&[("index.html", b"home"), ("a.txt", b"one")], Kept::Inline).await;
    let (home, a) = (world.get("/").await, world.get("/a.txt").await);
    world.deploy("main", &[("index.html", b"home"), ("a.txt", b"two")], Kept::File).await;
    let home = world.get_with("/", &[("if-none-match", home.header("etag"))]).await;
    assert_eq!((home.status.as_u16(), home.header("x-windlass-job")), (304, "2"));
    world.get_with("/a.txt", &[("if-none-match", a.header("etag"))]).await.shows(200, "two");
}

#[tokio::test]
async fn a_member_is_as_old_as_its_deployment() {
    let world = World::with(&[("index.html", b"home")], Kept::Inline).await;
    let first = world.get("/").await;
    assert_eq!(first.header("last-modified"), "Mon, 05 Jan 2026 12:01:00 GMT");
    let ask = async |date: &str| world.get_with("/", &[("if-modified-since", date)]).await.status.as_u16();
    assert_eq!(ask("Mon, 05 Jan 2026 12:01:00 GMT").await, 304);
    assert_eq!(ask("Mon, 05 Jan 2026 12:01:01 GMT").await, 304);
    assert_eq!(ask("Mon, 05 Jan 2026 12:00:59 GMT").await, 200);
    assert_eq!(ask("Monday, 05-Jan-26 12:01:00 GMT").await, 304);
    assert_eq!(ask("yesterday").await, 200);
    world.deploy("main", &[("index.html", b"home")], Kept::Inline).await;
    assert_eq!(ask("Mon, 05 Jan 2026 12:01:00 GMT").await, 200);
}

#[tokio::test]
async fn a_tag_goes_before_a_date() {
    let world = World::with(&[("index.html", b"home")], Kept::Inline).await;
    let answer = world.get("/").await;
    let (tag, date) = (answer.header("etag"), answer.header("last-modified"));
    let stale = world.get_with("/", &[("if-none-match", "\"x\""), ("if-modified-since", date)]).await;
    stale.shows(200, "home");
    let old = "Thu, 01 Jan 1970 00:00:00 GMT";
    let current = world.get_with("/", &[("if-none-match", tag), ("if-modified-since", old)]).await;
    assert_eq!(current.status, 304);
}

#[tokio::test]
async fn a_part_of_something_else_is_refused() {
    let world = World::with(&[("index.html", b"home")], Kept::Inline).await;
    let answer = world.get("/").await;
    let (tag, date) = (answer.header("etag"), answer.header("last-modified"));
    for condition in [("if-match", tag), ("if-match", "*"), ("if-unmodified-since", date), ("if-unmodified-since", "x")]
    {
        world.get_with("/", &[condition]).await.shows(200, "home");
    }
    let (weak, before) = (format!("W/{tag}"), "Mon, 05 Jan 2026 12:00:59 GMT");
    for condition in [("if-match", "\"x\""), ("if-match", &weak), ("if-unmodified-since", before)] {
        world.get_with("/", &[condition]).await.says(412, "This page has changed");
    }
    world.get_with("/", &[("if-match", tag), ("if-unmodified-since", before)]).await.shows(200, "home");
}
