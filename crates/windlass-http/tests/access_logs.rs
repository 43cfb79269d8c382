//! What an access log shows of what the sites wrote down.

mod support;

use std::sync::Arc;

use axum::body::Body;
use chrono::{DateTime, TimeDelta, Utc};
use http::{Method, Request};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use support::{api, noon};
use tempfile::TempDir;
use windlass::AppId;
use windlass_http::Api;
use windlass_store::{Blobs, INLINE_MAX, MemoryStore, Store, keys};

const HEADER: &str = "date,time,x-edge-location,sc-bytes,c-ip,cs-method,cs(Host),cs-uri-stem,sc-status,cs(Referer),\
                      cs(User-Agent),cs-uri-query,time-taken";

/// A server without a network, an app, and what its site wrote down.
struct Server {
    api: Api,
    store: Arc<MemoryStore>,
    blobs: Blobs,
    app: AppId,
    _directory: TempDir,
}

impl Server {
    async fn new() -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let (api, store, blobs) = api(directory.path()).await;
        let made = ask(&api, Method::POST, "/apps", json!({ "name": "demo" })).await;
        let app = made["app"]["appId"].as_str().expect("an id").parse().expect("an id");
        Self { api, store, blobs, app, _directory: directory }
    }

    /// Keeps a chunk as the sites do.
    async fn chunk(&self, first: DateTime<Utc>, number: u64, lines: &[String]) {
        let key = keys::access_chunk(&self.app, first, number);
        self.store.put_blob(&key, lines.concat().into()).await.expect("it is kept");
    }

    /// The lines of a log, without the header.
    async fn log(&self, domain: &str, from: DateTime<Utc>, to: DateTime<Utc>) -> Vec<String> {
        let seconds = |time: DateTime<Utc>| time.timestamp_millis() as f64 / 1000.0;
        let body = json!({ "domainName": domain, "startTime": seconds(from), "endTime": seconds(to) });
        let answer = ask(&self.api, Method::POST, &format!("/apps/{}/accesslogs", self.app), body).await;
        let url = answer["logUrl"].as_str().unwrap_or_else(|| panic!("{answer}"));
        let text = fetch(&self.api, url).await;
        let mut lines: Vec<_> = text.lines().map(str::to_owned).collect();
        assert_eq!(lines.remove(0), HEADER);
        lines
    }

    fn own(&self) -> String {
        format!("{}.localhost", self.app)
    }
}

async fn ask(api: &Api, method: Method, target: &str, body: Value) -> Value {
    let request = Request::builder().method(method).uri(target).header("host", "localhost:8420");
    let answer = api.handle(request.body(Body::from(body.to_string())).expect("a request")).await;
    let body = answer.into_body().collect().await.expect("a whole body").to_bytes();
    serde_json::from_slice(&body).expect("JSON")
}

async fn fetch(api: &Api, url: &str) -> String {
    let target = url.strip_prefix("http://localhost:8420").expect("our own URL");
    let request = Request::builder().uri(target).header("host", "localhost:8420").body(Body::empty());
    let answer = api.handle(request.expect("a request")).await;
    assert_eq!(answer.status(), 200, "{url}");
    let body = answer.into_body().collect().await.expect("a whole body").to_bytes();
    String::from_utf8(body.to_vec()).expect("text")
}

fn line(time: DateTime<Utc>, host: &str, path: &str) -> String {
    let time = time.format("%Y-%m-%d,%H:%M:%S");
    format!("{time},-,120,192.0.2.1,GET,{host},{path},200,-,\"a, b\",-,0.001\n")
}

#[tokio::test]
async fn the_lines_of_a_range_are_shown_both_ends_included() {
    let server = Server::new().await;
    let host = format!("main.{}", server.own());
    let at = |minutes| noon() - TimeDelta::days(1) + TimeDelta::minutes(minutes);
    // Over midnight, and not written down in the order of time.
    for (number, first) in [(7, 600), (3, 0), (9, 700), (1, 0)] {
        let minutes = [first, first + 50];
        let lines = minutes.map(|minutes| line(at(minutes), &host, &format!("/{minutes}/{number}")));
        server.chunk(at(first), number, &lines).await;
    }
    let paths = async |from, to| {
        let lines = server.log(&server.own(), from, to).await;
        lines.iter().map(|line| line.split(',').nth(7).expect("a path").to_owned()).collect::<Vec<_>>()
    };
    let all = ["/0/1", "/50/1", "/0/3", "/50/3", "/600/7", "/650/7", "/700/9", "/750/9"];
    assert_eq!(paths(at(0), at(750)).await, all);
    let second = TimeDelta::seconds(1);
    assert_eq!(paths(at(0) + second, at(750) - second).await, ["/50/1", "/50/3", "/600/7", "/650/7", "/700/9"]);
    assert_eq!(paths(at(50), at(650)).await, ["/50/1", "/50/3", "/600/7", "/650/7"]);
    assert_eq!(paths(at(51), at(599)).await, [""; 0]);
    // Lines know no more than the second.
    let half = TimeDelta::milliseconds(500);
    assert_eq!(paths(at(700) + half, at(700) + half).await, ["/700/9"]);
}

#[tokio::test]
async fn the_lines_of_a_domain_and_what_is_in_it_are_shown_as_they_were_written() {
    let server = Server::new().await;
    let associate = json!({ "domainName": "example.com", "subDomainSettings": [] });
    let made = ask(&server.api, Method::POST, &format!("/apps/{}/domains", server.app), associate).await;
    assert!(made["domainAssociation"].is_object(), "{made}");
    let own = server.own();
    let hosts = [&format!("main.{own}"), &own, "example.com", "www.example.com", "WWW.Example.com", "notexample.com"];
    let lines = hosts.map(|host| line(noon(), host, "/"));
    server.chunk(noon(), 1, &lines).await;
    let log = async |domain: &str| {
        let log = server.log(domain, noon(), noon()).await;
        log.iter()
            .map(|shown| lines.iter().position(|line| line.trim_end() == shown).expect("ours"))
            .collect::<Vec<_>>()
    };
    assert_eq!(log(&own).await, [0, 1]);
    assert_eq!(log(&format!("main.{own}")).await, [0]);
    assert_eq!(log("example.com").await, [2, 3, 4]);
    assert_eq!(log("www.EXAMPLE.com").await, [3, 4]);
    assert_eq!(log("dev.example.com").await, [0; 0]);
}

#[tokio::test]
async fn nothing_is_shown_of_another_app() {
    let server = Server::new().await;
    let other = ask(&server.api, Method::POST, "/apps", json!({ "name": "other" })).await;
    let other: AppId = other["app"]["appId"].as_str().expect("an id").parse().expect("an id");
    let stolen = line(noon(), &server.own(), "/secret");
    server.store.put_blob(&keys::access_chunk(&other, noon(), 1), stolen.into()).await.expect("it is kept");
    assert!(server.log(&server.own(), noon(), noon()).await.is_empty());
}

#[tokio::test]
async fn a_chunk_may_be_a_file_and_be_damaged() {
    let server = Server::new().await;
    let host = server.own();
    let broken = ["\n", "2026-03-10\n", "2026-03-10,12:00:00,-,1\n", "\u{fffd}\u{fffd}\n"].map(str::to_owned);
    let mut lines: Vec<_> = (0..20_000).map(|number| line(noon(), &host, &format!("/{number}"))).collect();
    lines.extend(broken);
    let bytes = lines.concat().into_bytes();
    assert!(bytes.len() > INLINE_MAX);
    let staged = server.blobs.directory().stage_bytes(bytes).expect("it is written");
    server.blobs.keep(keys::access_chunk(&server.app, noon(), 1), staged).await.expect("it is kept");
    let log = server.log(&host, noon(), noon()).await;
    assert_eq!((log.len(), &*log[19_999]), (20_000, lines[19_999].trim_end()));
}

#[tokio::test]
async fn the_log_of_a_deleted_app_goes_with_it() {
    let server = Server::new().await;
    server.chunk(noon(), 1, &[line(noon(), &server.own(), "/")]).await;
    assert_eq!(server.blobs.list(&keys::access(&server.app)).await.expect("a list").len(), 1);
    ask(&server.api, Method::DELETE, &format!("/apps/{}", server.app), json!({})).await;
    assert!(server.blobs.list(&keys::access(&server.app)).await.expect("a list").is_empty());
}
