//! Rules that answer from other servers.

use std::net::SocketAddr;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::routing::any;
use futures_util::StreamExt as _;
use http::Response;
use reqwest::Method;
use tokio::net::TcpListener;
use windlass_cli::server::Config;

use crate::support::{World, web, zip};
use crate::{header, shown};

#[tokio::test(flavor = "multi_thread")]
async fn a_request_goes_on_and_its_answer_comes_back() {
    let world = World::with_site(&[("index.html", "home")]).await;
    let origin = web::serve(Router::new().fallback(any(echo))).await;
    world.rules(&[["/api/<*>", &format!("{origin}/v1/<*>"), "200"]]).await;
    let response = world
        .at_host(Method::POST, &world.site_host(), "/api/a%2Fb/c?d=%20e")
        .header("cookie", "f=g")
        .header("te", "trailers")
        .body("the body")
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), 201);
    assert_eq!(header(&response, "set-cookie"), "h=i");
    let text = response.text().await.unwrap();
    let authority = origin.strip_prefix("http://").unwrap();
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines[0], "POST /v1/a%2Fb/c?d=%20e the body");
    for line in [
        "cookie: f=g",
        "content-length: 8",
        &format!("host: {authority}"),
        "via: 1.1 windlass",
        "x-forwarded-for: 127.0.0.1",
        "x-forwarded-proto: http",
    ] {
        assert!(lines.contains(&line), "{line} is not in {text}");
    }
    assert!(!text.contains("\nte: ") && !text.contains("transfer-encoding"), "{text}");

    let get = shown(world.see("/api/x").await).await;
    assert!(get.1.starts_with("GET /v1/x \n") && !get.1.contains("content-length"), "{get:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_go_through_as_they_come() {
    let world = World::with_site(&[("index.html", "home")]).await;
    // Each chunk comes back before the next is sent, so nobody waits for the whole.
    let echo = |request: Request| async { Response::new(request.into_body()) };
    let origin = web::serve(Router::new().fallback(any(echo))).await;
    world.rules(&[["/echo", &format!("{origin}/"), "200"]]).await;
    let (sender, receiver) = tokio::sync::mpsc::channel::<&'static str>(1);
    let body = futures_util::stream::unfold(receiver, |mut receiver| async {
        Some((Ok::<_, std::io::Error>(receiver.recv().await?), receiver))
    });
    let request = world.at_host(Method::POST, &world.site_host(), "/echo").body(reqwest::Body::wrap_stream(body));
    sender.send("one").await.unwrap();
    let mut answer = request.send().await.unwrap().bytes_stream();
    assert_eq!(answer.next().await.unwrap().unwrap(), "one");
    sender.send("two").await.unwrap();
    assert_eq!(answer.next().await.unwrap().unwrap(), "two");
    drop(sender);
    assert!(answer.next().await.is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redirect_from_there_is_the_visitors() {
    let world = World::with_site(&[("index.html", "home")]).await;
    let away = || async { Response::builder().status(302).header("location", "/x").body(Body::empty()).unwrap() };
    let origin = web::serve(Router::new().fallback(any(away))).await;
    world.rules(&[["/api/<*>", &format!("{origin}/<*>"), "200"]]).await;
    let response = world.see("/api/a").await;
    assert_eq!((response.status().as_u16(), header(&response, "location")), (302, "/x"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_is_not_public_is_not_asked() {
    let world = World::with(|config: &mut Config| config.allow_source = Vec::new()).await;
    world.deploy(zip(&[("index.html", "home")])).await;
    let origin = web::serve(Router::new().fallback(any(echo))).await;
    let port = origin.rsplit(':').next().unwrap();
    for host in ["127.0.0.1", "localhost", "[::1]", "0x7f000001", "2130706433", "[::ffff:127.0.0.1]"] {
        world.rules(&[["/api/<*>", &format!("http://{host}:{port}/<*>"), "200"]]).await;
        let (status, text) = shown(world.see("/api/x").await).await;
        assert_eq!(status, 502, "{host}: {text}");
        assert!(text.contains("where this server may not ask"), "{host}: {text}");
        assert!(!text.contains("127.0.0.1"), "{host}: {text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_not_there_is_said_not_to_answer() {
    let world = World::with_site(&[("index.html", "home")]).await;
    let closed = {
        let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap();
        listener.local_addr().unwrap()
    };
    world.rules(&[["/api/<*>", &format!("http://{closed}/<*>"), "200"]]).await;
    let (status, text) = shown(world.see("/api/x").await).await;
    assert_eq!(status, 502);
    assert!(text.contains("there nobody answers"), "{text}");
    assert_eq!(shown(world.see("/").await).await, (200, "home".to_owned()));
}

/// Says what it was asked.
async fn echo(request: Request) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, 1_000_000).await.unwrap();
    let mut text = format!("{} {} {}\n", parts.method, parts.uri, String::from_utf8_lossy(&body));
    for (name, value) in &parts.headers {
        text.push_str(&format!("{name}: {}\n", value.to_str().unwrap()));
    }
    Response::builder().status(201).header("set-cookie", "h=i").body(text.into()).unwrap()
}
