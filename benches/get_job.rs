//! GetJob over HTTP with signatures, beside servers that answer a constant: requests a second, and processor time a request.
//! The peers answer the same bytes without looking at the request: one on the same listener with nothing else behind it, one
//! as an axum application with a route for it.
//!
//! Each server is a process of its own, so that its processor time is its own; the load comes from this one, over
//! connections that stay open, with requests that were signed beforehand. They take turns, so that whatever else the
//! machine does falls on both.
//!
//! `cargo bench -p windlass-benches --bench get_job`

mod load;
mod process;
mod signed;

use std::io::Cursor;
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::routing::get;
use http::{Request, Response};
use http_body_util::BodyExt as _;
use hyper::body::Bytes;
use load::Load;
use process::{Process, say, serve, tell_processor_time};
use serde_json::Value;
use signed::Connection;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;
use windlass_artifact::Packer;
use windlass_cli::server::{Answer, listen};

/// How many connections ask at a time.
const CLIENTS: usize = 16;

/// How often the two take turns.
const TURNS: u32 = 5;

fn main() {
    let args: Vec<_> = std::env::args().collect();
    let runtime = Runtime::new().expect("a runtime");
    match args.get(1).map(String::as_str) {
        Some("serve") => runtime.block_on(serve(Path::new(&args[2]))),
        Some("constant") => runtime.block_on(constant(Path::new(&args[2]))),
        Some("axum") => runtime.block_on(application(Path::new(&args[2]))),
        _ => runtime.block_on(compare(Duration::from_millis(if process::is_quick() { 50 } else { 2_000 }))),
    }
}

async fn compare(turn: Duration) {
    let dir = tempfile::tempdir().expect("a directory");
    let mut ours = Process::start("serve", dir.path());
    let mut connection = ours.client().await;
    let branch = deployed(&mut connection).await;
    for (what, job) in [("that waits for its upload", 2), ("that went live", 1)] {
        let path = format!("{branch}/jobs/{job}");
        let answer = connection.call("GET", &path, &Value::Null).await.to_string();
        let file = dir.path().join("constant.json");
        std::fs::write(&file, &answer).expect("room for it");
        let mut peers = ["constant", "axum"].map(|role| (role, Process::start(role, &file), Load::default()));
        let requests: Arc<[Vec<u8>]> = (0..CLIENTS).map(|_| signed_get(&connection, &ours.endpoint, &path)).collect();
        let mut we = Load::default();
        for _ in 0..TURNS {
            we.add(&mut ours, &requests, turn).await;
            for (_, peer, they) in &mut peers {
                they.add(peer, &requests, turn).await;
            }
        }
        say(&format!("GetJob of a job {what}, {} bytes, {CLIENTS} connections", answer.len()));
        say(&format!("  ours       {we}"));
        for (role, _, they) in &peers {
            say(&format!("  {role:<10} {they}"));
            say(&format!(
                "  ours : its    {:.0} % of the requests/s   {:.2} x the processor time a request",
                100.0 * we.rate() / they.rate(),
                we.processor() / they.processor()
            ));
        }
    }
}

/// A branch with a job that went live, and one that waits; answers its path.
async fn deployed(connection: &mut Connection) -> String {
    let branch = connection.branch().await;
    let mut packer = Packer::new(Cursor::new(Vec::new()));
    packer.add("index.html", &b"<h1>bench</h1>"[..]).expect("a file");
    let zip = packer.finish().expect("a zip").into_inner();
    connection.deploy(&branch, &zip).await;
    connection.create_deployment(&branch).await;
    branch
}

/// A signed GET as it goes over the wire.
fn signed_get(connection: &Connection, endpoint: &str, path: &str) -> Vec<u8> {
    let host = endpoint.trim_start_matches("http://");
    let mut head = format!("GET {path} HTTP/1.1\r\nhost: {host}\r\n");
    for (name, value) in connection.signature("GET", &format!("{endpoint}{path}"), b"") {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str("\r\n");
    head.into_bytes()
}

/// The same listener with nothing behind it.
async fn constant(body: &Path) {
    let body = Bytes::from(std::fs::read(body).expect("a file"));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    say(&format!("http://{}", listener.local_addr().expect("an address")));
    tokio::spawn(listen(listener, Constant(body), CancellationToken::new()));
    tell_processor_time().await;
}

/// An axum application with one route, which answers the same for all that fit it.
async fn application(body: &Path) {
    let body = Bytes::from(std::fs::read(body).expect("a file"));
    let json = [(http::header::CONTENT_TYPE, "application/json")];
    let answer = get(move || std::future::ready((json, body.clone())));
    let router = Router::new().route("/apps/{app}/branches/{branch}/jobs/{job}", answer);
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    say(&format!("http://{}", listener.local_addr().expect("an address")));
    tokio::spawn(async move { axum::serve(listener, router).await });
    tell_processor_time().await;
}

#[derive(Clone)]
struct Constant(Bytes);

impl Answer for Constant {
    async fn answer(self, request: Request<Body>, _: IpAddr) -> Response<Body> {
        // As every server has to.
        let _ = request.into_body().collect().await;
        let mut response = Response::new(Body::from(self.0));
        let json = http::HeaderValue::from_static("application/json");
        response.headers_mut().insert(http::header::CONTENT_TYPE, json);
        response
    }
}
