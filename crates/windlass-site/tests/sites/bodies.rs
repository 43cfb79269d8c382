//! How bodies are carried.

use axum::body::Body;
use http::{Method, Request};
use http_body_util::BodyExt;

use crate::harness::{Kept, PEER, World, noise};

#[tokio::test]
async fn head_is_get_without_the_body() {
    for kept in Kept::BOTH {
        let big = noise(500_000);
        let world = World::with(&[("index.html", b"home"), ("docs/index.html", b"docs"), ("a.png", &big)], kept).await;
        for path in ["/", "/a.png", "/docs", "/missing", "/%zz"] {
            for accepted in ["gzip", "identity"] {
                let headers = [("accept-encoding", accepted)];
                let get = world.get_with(path, &headers).await;
                let head = world.ask(Method::HEAD, path, &headers).await;
                assert_eq!(head.status, get.status);
                assert_eq!(head.headers, get.headers);
                assert_eq!(head.header("content-length"), get.bytes().len().to_string());
                assert_eq!(head.body.unwrap(), "");
            }
        }
    }
}

#[tokio::test]
async fn every_size_arrives_whole() {
    for kept in Kept::BOTH {
        for size in [0, 1, 65_536, 131_071, 131_072, 131_073, 262_144, 400_000] {
            let content = noise(size);
            let text = vec![b'x'; size];
            let world = World::with(&[("a.png", &content), ("a.txt", &text)], kept).await;
            assert!(world.get("/a.png").await.bytes() == &content, "{kept:?} {size}");
            assert!(world.get("/a.txt").await.bytes() == &text, "{kept:?} {size}");
        }
    }
}

#[tokio::test]
async fn a_large_body_comes_in_chunks_and_only_as_it_is_taken() {
    let content = noise(3_000_000);
    let world = World::with(&[("a.bin", &content)], Kept::File).await;
    let request = Request::get("/a.bin").body(Body::empty()).unwrap();
    let host = world.sites.host("main.d1.localhost").unwrap();
    let mut body = world.sites.serve(&host, request, Some(PEER)).await.into_body();
    let mut taken = 0;
    while let Some(frame) = body.frame().await {
        let chunk = frame.unwrap().into_data().unwrap();
        assert!(chunk.len() <= 128 * 1024);
        assert!(chunk == content[taken..taken + chunk.len()]);
        taken += chunk.len();
        if taken > 1_000_000 {
            // What is not taken is not read: the rest of the file can be gone.
            let kept = std::fs::OpenOptions::new().write(true).open(kept_zip(&world)).unwrap();
            kept.set_len(10).unwrap();
            break;
        }
    }
    assert!(taken < 1_200_000);
    assert!(body.frame().await.unwrap().is_err());
    assert!(body.frame().await.is_none());
}

#[tokio::test]
async fn a_visitor_who_leaves_takes_the_reader_along() {
    let world = World::with(&[("a.bin", &noise(3_000_000))], Kept::File).await;
    let host = world.sites.host("main.d1.localhost").unwrap();
    for _ in 0..200 {
        let request = Request::get("/a.bin").body(Body::empty()).unwrap();
        let mut body = world.sites.serve(&host, request, Some(PEER)).await.into_body();
        assert!(body.frame().await.unwrap().is_ok());
    }
    assert_eq!(world.get("/a.bin").await.bytes().len(), 3_000_000);
}

fn kept_zip(world: &World) -> std::path::PathBuf {
    let files = crate::harness::kept_files(world);
    files.into_iter().max_by_key(|path| path.metadata().unwrap().len()).unwrap()
}
