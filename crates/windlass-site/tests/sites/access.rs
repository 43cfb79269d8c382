//! The access log.

use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use chrono::TimeDelta;
use http::{Method, Request};
use http_body_util::BodyExt;
use tokio::sync::oneshot;
use tokio::time::timeout;
use windlass_store::Blob;

use crate::harness::{Kept, PEER, World, app, noise};

#[tokio::test]
async fn each_answer_is_a_line() {
    let world = logged(&[("index.html", b"home"), ("a.png", &noise(300_000))]).await;
    let headers = [("referer", "https://example.org/?a,b"), ("user-agent", "A \"Browser\"/1.0")];
    world.get_with("/?q=%20x&y", &headers).await.shows(200, "home");
    world.clock.advance(TimeDelta::seconds(61));
    world.get("/a.png").await;
    world.ask(Method::HEAD, "/a.png", &[]).await;
    let missing = world.get("/miss,ing%0A").await.bytes().len();
    world.ask(Method::POST, "/", &[("x-forwarded-for", "1.2.3.4"), ("user-agent", "=cmd()")]).await;
    let chunks = written(&world).await;
    let [(key, lines)] = &chunks[..] else { panic!("{chunks:?}") };
    assert!(key.starts_with("access/d1/2026-01-05/12-01-00-") && key.ends_with(".csv"), "{key}");
    assert_eq!(key.len(), "access/d1/2026-01-05/12-01-00-0123456789abcdef.csv".len());
    let host = "main.d1.localhost";
    let expected = [
        format!(
            "2026-01-05,12:01:00,-,4,203.0.113.7,GET,{host},/,200,\"https://example.org/?a,b\",\
             \"A \"\"Browser\"\"/1.0\",q=%20x&y,0.000"
        ),
        format!("2026-01-05,12:02:01,-,300000,203.0.113.7,GET,{host},/a.png,200,-,-,-,0.000"),
        format!("2026-01-05,12:02:01,-,0,203.0.113.7,HEAD,{host},/a.png,200,-,-,-,0.000"),
        format!("2026-01-05,12:02:01,-,{missing},203.0.113.7,GET,{host},\"/miss,ing%0A\",404,-,-,-,0.000"),
    ];
    let (lines, last) = (&lines[..4], &lines[4]);
    assert_eq!(lines, expected);
    assert!(last.contains(",203.0.113.7,POST,main.d1.localhost,/,405,-,'=cmd(),-,"), "{last}");
}

#[tokio::test]
async fn an_answer_is_noted_when_it_has_been_sent_and_for_what_was_sent() {
    let world = logged(&[("a.png", &noise(1_000_000))]).await;
    let host = world.sites.host("main.d1.localhost").unwrap();
    let request = Request::get("/a.png").body(Body::empty()).unwrap();
    let mut body = world.sites.serve(&host, request, Some(PEER)).await.into_body();
    body.frame().await.unwrap().unwrap();
    body.frame().await.unwrap().unwrap();
    assert!(written(&world).await.is_empty(), "it is still being sent");
    world.clock.advance(TimeDelta::milliseconds(2345));
    drop(body);
    let chunks = written(&world).await;
    assert_eq!(chunks[0].1, ["2026-01-05,12:01:02,-,262144,203.0.113.7,GET,main.d1.localhost,/a.png,200,-,-,-,2.345"]);
}

#[tokio::test]
async fn a_day_has_its_own_chunks() {
    let world = logged(&[("index.html", b"home")]).await;
    world.get("/").await;
    world.clock.advance(TimeDelta::hours(12));
    world.get("/").await;
    world.get("/").await;
    let days: Vec<_> =
        written(&world).await.into_iter().map(|(key, lines)| (key[..21].to_owned(), lines.len())).collect();
    assert_eq!(days, [("access/d1/2026-01-05/".to_owned(), 1), ("access/d1/2026-01-06/".to_owned(), 2)]);
    assert!(written(&world).await.len() == 2, "nothing is written twice");
}

#[tokio::test]
async fn only_apps_that_are_there_have_a_log() {
    let world = logged(&[("index.html", b"home")]).await;
    for host in ["main.d2.localhost", "gone.d1.localhost"] {
        let host = world.sites.host(host).unwrap();
        assert_eq!(world.ask_host(&host, Method::GET, "/", &[]).await.status, 404);
    }
    let chunks = written(&world).await;
    assert_eq!((chunks.len(), chunks[0].1.len()), (1, 1));
    assert!(chunks[0].1[0].contains(",gone.d1.localhost,/,404,"));

    world.get("/").await;
    world.blobs.delete("access/d1/").await.unwrap();
    world.store.delete_app(&app()).await.unwrap();
    assert!(written(&world).await.is_empty(), "what is left of a deleted app's log is not written down");
}

#[tokio::test]
async fn a_great_many_lines_are_written_before_their_time() {
    let world = logged(&[("index.html", b"home")]).await;
    world.get("/").await;
    let sites = world.sites.clone();
    let keeping = tokio::spawn(async move { sites.keep_log(pending()).await });
    // The first look is at once, the second after half a minute.
    until(async || lines(&world).await == 1).await;
    for _ in 0..1000 {
        world.get("/").await;
    }
    let soon = until(async || lines(&world).await == 1001);
    timeout(Duration::from_secs(20), soon).await.expect("their number brings them to the store");
    keeping.abort();
}

#[tokio::test]
async fn what_is_left_is_written_at_the_end() {
    let world = logged(&[("index.html", b"home")]).await;
    let (stop, stopped) = oneshot::channel::<()>();
    let sites = world.sites.clone();
    let keeping = tokio::spawn(async move { sites.keep_log(async { drop(stopped.await) }).await });
    for _ in 0..10 {
        world.get("/").await;
    }
    stop.send(()).unwrap();
    keeping.await.unwrap();
    assert_eq!(lines(&world).await, 10);
}

#[tokio::test]
async fn old_days_go() {
    let world = logged(&[("index.html", b"home")]).await;
    let keys = [
        "access/d1/2025-10-06/00-00-00-a.csv",
        "access/d1/2025-10-06/23-00-00-a.csv",
        "access/d1/2025-10-07/00-00-00-a.csv",
        "access/d1/2026-01-05/00-00-00-a.csv",
        "access/d10/2025-10-06/00-00-00-a.csv",
    ];
    for key in keys {
        world.store.put_blob(key, "x\n".into()).await.unwrap();
    }
    let sites = world.sites.clone();
    let keeping = tokio::spawn(async move { sites.keep_log(pending()).await });
    until(async || world.blobs.list("access/").await.unwrap() == keys[2..]).await;
    keeping.abort();
}

#[tokio::test]
async fn there_is_an_end_to_what_is_held() {
    let world = logged(&[("index.html", b"home")]).await;
    let long = "x".repeat(2048);
    let headers = [("referer", long.as_str()), ("user-agent", &long)];
    for _ in 0..5000 {
        world.get_with("/", &headers).await.shows(200, "home");
    }
    let chunks = written(&world).await;
    let (lines, bytes) = chunks.iter().fold((0, 0), |(lines, bytes), (_, chunk)| {
        (lines + chunk.len(), bytes + chunk.iter().map(|line| line.len() + 1).sum::<usize>())
    });
    assert!(bytes <= 16 * 1024 * 1024 && bytes > 15 * 1024 * 1024, "{bytes} bytes were held");
    assert!(lines < 5000);
    let sizes = chunks.iter().map(|(_, chunk)| chunk.iter().map(|line| line.len() + 1).sum::<usize>());
    assert!(sizes.max().unwrap() <= 512 * 1024 + 5000, "no chunk is too large for the store");
}

async fn logged(files: &[(&str, &[u8])]) -> World {
    let mut world = World::with(files, Kept::Inline).await;
    world.sites = world.sites.logged(Arc::clone(&world.clock) as _);
    world
}

/// What is in the store after everything was written down.
async fn written(world: &World) -> Vec<(String, Vec<String>)> {
    world.sites.keep_log(async {}).await;
    chunks(world).await
}

async fn until(is: impl AsyncFn() -> bool) {
    while !is().await {
        tokio::task::yield_now().await;
    }
}

async fn lines(world: &World) -> usize {
    chunks(world).await.iter().map(|(_, lines)| lines.len()).sum()
}

async fn chunks(world: &World) -> Vec<(String, Vec<String>)> {
    let mut chunks = Vec::new();
    for key in world.blobs.list("access/").await.unwrap() {
        let Some(Blob::Inline(bytes)) = world.blobs.open(&key).await.unwrap() else { panic!("{key} is gone") };
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        assert!(text.ends_with('\n'), "{key} ends within a line");
        chunks.push((key, text.lines().map(str::to_owned).collect()));
    }
    chunks
}
