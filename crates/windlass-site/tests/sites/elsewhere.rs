//! Pages that lie on other servers.

use std::net::IpAddr;
use std::sync::{Arc, Mutex};

use axum::body::Body;
use http::{HeaderMap, Method, Request, Response};
use http_body_util::BodyExt;
use serde_json::json;
use windlass_site::{Answer as Answering, Sites, Upstream, UpstreamError};

use crate::harness::{Answer, Kept, PEER, World};

#[tokio::test]
async fn a_request_is_sent_on_and_its_answer_passed_back() {
    let (world, elsewhere) = world().await;
    let headers = [
        ("host", "main.d1.localhost:8420"),
        ("connection", "keep-alive, X-Hop"),
        ("keep-alive", "300"),
        ("x-hop", "1"),
        ("te", "trailers"),
        ("upgrade", "websocket"),
        ("expect", "100-continue"),
        ("proxy-authorization", "Basic x"),
        ("authorization", "Bearer x"),
        ("cookie", "a=b"),
        ("accept-encoding", "gzip, br"),
        ("range", "bytes=0-1"),
        ("via", "1.0 other"),
        ("x-forwarded-for", "1.2.3.4"),
        ("x-forwarded-proto", "https"),
        ("x-forwarded-port", "443"),
        ("x-real-ip", "1.2.3.4"),
        ("forwarded", "for=1.2.3.4"),
    ];
    let answer = ask(&world, Method::PUT, "/api/a%2Fb?c=%20d", &headers, "body", PEER).await;
    assert_eq!((answer.status.as_u16(), answer.body.as_ref().unwrap().as_ref()), (418, &b"teapot"[..]));
    assert_eq!(answer.header("set-cookie"), "c=d");
    for name in ["connection", "x-private", "transfer-encoding", "x-windlass-job"] {
        assert_eq!(answer.header(name), "", "{name}");
    }
    let Seen { method, uri, headers, body } = elsewhere.last();
    assert_eq!((method, uri.as_str(), body.as_str()), (Method::PUT, "https://api.example.org/v1/a%2Fb?c=%20d", "body"));
    let sent: Vec<_> = headers.iter().map(|(name, value)| format!("{name}: {}", value.to_str().unwrap())).collect();
    let mut expected = [
        "authorization: Bearer x",
        "cookie: a=b",
        "accept-encoding: gzip, br",
        "range: bytes=0-1",
        "via: 1.0 other, 1.1 windlass",
        "x-forwarded-for: 203.0.113.7",
        "x-forwarded-host: main.d1.localhost",
        "x-forwarded-proto: http",
    ];
    let mut sent: Vec<_> = sent.iter().map(String::as_str).collect();
    sent.sort_unstable();
    expected.sort_unstable();
    assert_eq!(sent, expected);
}

#[tokio::test]
async fn a_proxy_of_ours_is_believed() {
    let (world, elsewhere) = world().await;
    let headers = [("x-forwarded-for", "1.2.3.4"), ("x-forwarded-proto", "https")];
    ask(&world, Method::GET, "/api/x", &headers, "", [127, 0, 0, 1].into()).await;
    let seen = elsewhere.last();
    assert_eq!(seen.headers["x-forwarded-for"], "1.2.3.4, 127.0.0.1");
    assert_eq!(seen.headers["x-forwarded-proto"], "https");
}

#[tokio::test]
async fn the_sites_password_stays_here() {
    let (world, elsewhere) = world().await;
    world.set(json!({"enableBasicAuth": true, "basicAuthCredentials": "bWU6c2VjcmV0"})).await;
    assert_eq!(ask(&world, Method::GET, "/api/x", &[], "", PEER).await.status, 401);
    let answer = ask(&world, Method::GET, "/api/x", &[("authorization", "Basic bWU6c2VjcmV0")], "", PEER).await;
    assert!(!elsewhere.last().headers.contains_key("authorization"));
    // A shared cache must not show to all what is only for those who know it.
    assert_eq!(answer.header("cache-control"), "private");
}

#[tokio::test]
async fn every_method_is_sent_on() {
    let (world, elsewhere) = world().await;
    for method in [Method::GET, Method::HEAD, Method::POST, Method::DELETE, Method::PATCH, Method::OPTIONS] {
        let answer = ask(&world, method.clone(), "/api/x", &[], "", PEER).await;
        assert_eq!(answer.status, 418);
        assert_eq!(answer.body.unwrap().is_empty(), method == Method::HEAD);
        assert_eq!(elsewhere.last().method, method);
    }
}

#[tokio::test]
async fn what_does_not_answer_is_named_and_nothing_of_it_told() {
    let (world, elsewhere) = world().await;
    let why = || "10.0.0.1 is private".to_owned();
    for (error, status, words) in [
        (UpstreamError::Refused { why: why() }, 502, "This page lies elsewhere, where this server may not ask"),
        (UpstreamError::Unreachable { why: why() }, 502, "This page lies elsewhere, and there nobody answers"),
        (
            UpstreamError::TimedOut { why: why() },
            504,
            "This page lies elsewhere, and from there no answer came in time",
        ),
    ] {
        *elsewhere.fails.lock().unwrap() = Some(error);
        let answer = ask(&world, Method::GET, "/api/x", &[], "", PEER).await;
        answer.says(status, words);
        assert!(!answer.text().contains("10.0.0.1"));
    }
}

#[tokio::test]
async fn a_server_that_asks_nobody_says_so() {
    let (mut world, _) = world().await;
    world.sites = Sites::new(world.store.clone(), world.blobs.clone(), "localhost");
    let answer = ask(&world, Method::GET, "/api/x", &[], "", PEER).await;
    answer.says(502, "This page lies elsewhere, and this server asks nobody");
}

#[tokio::test]
async fn what_leads_back_here_comes_to_an_end() {
    let (world, elsewhere) = world().await;
    let via = ["1.1 windlass"; 4].join(", ");
    let answer = ask(&world, Method::GET, "/api/x", &[("via", &via)], "", PEER).await;
    answer.says(508, "This page lies elsewhere, and from there it leads back here");
    assert!(elsewhere.seen.lock().unwrap().is_empty());
    assert_eq!(ask(&world, Method::GET, "/api/x", &[("via", &via[14..])], "", PEER).await.status, 418);
}

/// A server elsewhere that notes what it is asked.
#[derive(Default)]
struct Elsewhere {
    seen: Mutex<Vec<Seen>>,
    fails: Mutex<Option<UpstreamError>>,
}

struct Seen {
    method: Method,
    uri: String,
    headers: HeaderMap,
    body: String,
}

impl Elsewhere {
    fn last(&self) -> Seen {
        self.seen.lock().unwrap().pop().unwrap()
    }
}

impl Upstream for Elsewhere {
    fn send(&self, request: Request<Body>) -> Answering<'_> {
        Box::pin(async move {
            if let Some(error) = self.fails.lock().unwrap().take() {
                return Err(error);
            }
            let (parts, body) = request.into_parts();
            let body = body.collect().await.unwrap().to_bytes();
            let (method, uri, headers) = (parts.method, parts.uri.to_string(), parts.headers);
            let body = String::from_utf8(body.to_vec()).unwrap();
            self.seen.lock().unwrap().push(Seen { method, uri, headers, body });
            let response = Response::builder().status(418).header("connection", "x-private").header("x-private", "1");
            Ok(response
                .header("set-cookie", "c=d")
                .header("transfer-encoding", "chunked")
                .body("teapot".into())
                .unwrap())
        })
    }
}

async fn world() -> (World, Arc<Elsewhere>) {
    let mut world = World::with(&[("index.html", b"home")], Kept::Inline).await;
    let elsewhere = Arc::new(Elsewhere::default());
    world.sites = world.sites.through(elsewhere.clone());
    world
        .set(json!({"customRules": [{"source": "/api/<*>", "target": "https://api.example.org/v1/<*>", "status": "200"}]}))
        .await;
    (world, elsewhere)
}

async fn ask(
    world: &World,
    method: Method,
    path: &str,
    headers: &[(&str, &str)],
    body: &'static str,
    peer: IpAddr,
) -> Answer {
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let host = world.sites.host("main.d1.localhost").unwrap();
    Answer::of(world.sites.serve(&host, request.body(body.into()).unwrap(), Some(peer)).await).await
}
