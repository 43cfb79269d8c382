//! Sites over a real connection.

use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use windlass_artifact::Index;

use crate::harness::{Kept, World, index_of, noise, pack};

#[tokio::test]
async fn a_page_comes_over_the_wire_with_its_length_and_is_not_chunked() {
    let world = Arc::new(World::with(&[("index.html", b"home"), ("a.bin", &noise(500_000))], Kept::File).await);
    let (head, body) = exchange(&world, "GET / HTTP/1.1").await;
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n"));
    assert!(head.contains("\r\ncontent-length: 4\r\n"));
    assert_eq!(body, b"home");
    let (head, body) = exchange(&world, "GET /a.bin HTTP/1.1").await;
    assert!(head.contains("\r\ncontent-length: 500000\r\n"));
    assert!(!head.contains("transfer-encoding"));
    assert!(body == noise(500_000));
}

#[tokio::test]
async fn head_announces_the_length_over_the_wire_and_sends_nothing() {
    let world = Arc::new(World::with(&[("a.bin", &noise(500_000))], Kept::File).await);
    for (path, length) in [("/a.bin", 500_000), ("/missing", world.get("/missing").await.bytes().len())] {
        let (head, body) = exchange(&world, &format!("HEAD {path} HTTP/1.1")).await;
        assert!(head.contains(&format!("\r\ncontent-length: {length}\r\n")), "{head}");
        assert_eq!(body, b"");
    }
}

#[tokio::test]
async fn a_transfer_that_breaks_ends_short_of_its_length() {
    let zip = pack(&[("a.bin", &noise(500_000))]);
    let index = index_of(&zip);
    let offset = Index::decode(&index).unwrap().get("a.bin").unwrap().offset;
    let mut damaged = zip.to_vec();
    damaged[usize::try_from(offset).unwrap() + 499_999] ^= 1;
    let world = Arc::new(World::new().await);
    world.deploy_zip("main", damaged.into(), index, Kept::File).await;
    // What was not sent yet when it broke, be it the head, may never be.
    let (head, body) = exchange(&world, "GET /a.bin HTTP/1.1").await;
    assert!(head.is_empty() || head.contains("\r\ncontent-length: 500000\r\n"));
    assert!(body.len() < 500_000);
}

#[tokio::test]
async fn odd_targets_get_an_answer() {
    let world = Arc::new(World::with(&[("docs/index.html", b"docs")], Kept::Inline).await);
    for (line, status) in [
        ("GET //docs HTTP/1.1", "404"),
        ("GET /docs HTTP/1.1", "301"),
        ("GET /%zz HTTP/1.1", "400"),
        ("GET * HTTP/1.1", "400"),
        ("GET http://main.d1.localhost HTTP/1.1", "404"),
        ("OPTIONS * HTTP/1.1", "204"),
        ("BREW / HTTP/1.1", "405"),
    ] {
        let (head, _) = exchange(&world, line).await;
        assert!(head.starts_with(&format!("HTTP/1.1 {status} ")), "{line}: {head}");
    }
}

/// Sends one request on a connection of its own, and answers head and body of what came until the connection ended.
async fn exchange(world: &Arc<World>, line: &str) -> (String, Vec<u8>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let sites = world.sites.clone();
    let app = Router::new().fallback(async move |request: Request| {
        let host = sites.host(request.headers()["host"].to_str().unwrap()).unwrap();
        sites.serve(&host, request, None).await
    });
    let server = tokio::spawn(async move { axum::serve(listener, app).await });
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("{line}\r\nhost: main.d1.localhost:{}\r\nconnection: close\r\n\r\n", address.port());
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).await.unwrap();
    server.abort();
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n").map_or(0, |blank| blank + 4);
    let body = bytes.split_off(end);
    (String::from_utf8(bytes).unwrap(), body)
}
