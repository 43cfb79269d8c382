//! Gzip for whoever takes it.

use std::io::Read;

use flate2::read::GzDecoder;

use crate::harness::{Answer, Kept, World, noise};

#[tokio::test]
async fn a_deflated_member_is_gzip_to_whoever_takes_it() {
    for kept in Kept::BOTH {
        let page = "<p>All aboard!</p>\n".repeat(40_000);
        let world = World::with(&[("index.html", page.as_bytes()), ("empty.css", b"")], kept).await;
        let gzip = world.get_with("/", &[("accept-encoding", "gzip, deflate, br, zstd")]).await;
        assert_eq!(gzip.status, 200);
        assert_eq!(gzip.header("content-encoding"), "gzip");
        assert_eq!(gzip.header("vary"), "accept-encoding");
        assert!(gzip.bytes().len() < page.len() / 10);
        assert_eq!(unzipped(&gzip), page.as_bytes());
        let plain = world.get("/").await;
        assert_eq!(plain.header("content-encoding"), "");
        assert_eq!(plain.header("vary"), "accept-encoding");
        assert_eq!(plain.text(), page);
        assert_eq!(gzip.header("etag").replace("-gz", ""), plain.header("etag"));
        assert_eq!(unzipped(&world.get_with("/empty.css", &[("accept-encoding", "gzip")]).await), b"");
    }
}

#[tokio::test]
async fn a_large_deflated_member_is_gzip_chunk_by_chunk() {
    for kept in Kept::BOTH {
        let page: String = noise(300_000).iter().map(|byte| format!("{byte:02x}")).collect();
        let world = World::with(&[("index.html", page.as_bytes())], kept).await;
        let gzip = world.get_with("/", &[("accept-encoding", "gzip")]).await;
        assert!(gzip.bytes().len() > 256 * 1024);
        assert_eq!(unzipped(&gzip), page.as_bytes());
        assert_eq!(world.get("/").await.text(), page);
    }
}

#[tokio::test]
async fn a_stored_member_goes_as_it_is() {
    let world = World::with(&[("a.png", b"png")], Kept::File).await;
    let answer = world.get_with("/a.png", &[("accept-encoding", "gzip")]).await;
    answer.shows(200, "png");
    assert_eq!((answer.header("content-encoding"), answer.header("vary")), ("", ""));
}

#[tokio::test]
async fn what_is_accepted_is_weighed() {
    let world = World::with(&[("index.html", b"home")], Kept::Inline).await;
    for accepted in [
        "gzip",
        "GZIP",
        "x-gzip",
        "*",
        "br, *;q=0.1",
        "gzip;q=1",
        "gzip;q=1.000",
        "gzip ; q=0.001",
        "gzip;Q=0.5",
        "br;q=1.0, gzip;q=0.8, *;q=0.1",
        "identity;q=0.5, gzip;q=0.5",
        "identity;q=0, gzip",
        "*;q=0, gzip",
    ] {
        let answer = world.get_with("/", &[("accept-encoding", accepted)]).await;
        assert_eq!(answer.header("content-encoding"), "gzip", "{accepted}");
    }
    for accepted in [
        "",
        "br",
        "deflate",
        "identity",
        "gzip;q=0",
        "gzip;q=0.0",
        "gzip;q=0.000",
        "gzip;q=0, *",
        "*;q=0",
        "identity, gzip;q=0.5",
        "gzip;q=x",
        "gzip;q=2",
        "gzip;q=-1",
        "gzip;q=0.0001",
        "gzip;level=9",
        "gzipped",
    ] {
        let answer = world.get_with("/", &[("accept-encoding", accepted)]).await;
        assert_eq!(answer.header("content-encoding"), "", "{accepted}");
        answer.shows(200, "home");
    }
    let answer = world.get_with("/", &[("accept-encoding", "br"), ("accept-encoding", "gzip")]).await;
    assert_eq!(answer.header("content-encoding"), "gzip", "over two lines");
}

fn unzipped(answer: &Answer) -> Vec<u8> {
    let mut bytes = Vec::new();
    GzDecoder::new(&answer.bytes()[..]).read_to_end(&mut bytes).unwrap();
    bytes
}
