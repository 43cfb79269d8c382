//! A page of a site over HTTP, beside the same listener with tower-http's `ServeDir` on the unpacked files, and beside the
//! same listener with the page in memory: requests a second, and processor time a request.
//!
//! All three send the same bytes: to who takes gzip as well as to who does not, `ServeDir` from a file that was compressed
//! beforehand. Each is a process of its own and they take turns, as in `get_job`.
//!
//! `cargo bench -p windlass-benches --bench site`

mod load;
mod process;
mod signed;

use std::io::Cursor;
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use http::{HeaderValue, Request, Response};
use hyper::body::Bytes;
use load::{Load, ask_once};
use process::{Process, load_average, say, serve, tell_processor_time};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;
use tower_http::services::ServeDir;
use windlass_artifact::Packer;
use windlass_benches::random::Random;
use windlass_cli::server::{Answer, listen};

/// How many connections ask at a time.
const CLIENTS: usize = 16;

/// How often the three take turns.
const TURNS: u32 = 5;

/// How many bytes the page has.
const PAGE: usize = 10_000;

fn main() {
    let args: Vec<_> = std::env::args().collect();
    let runtime = Runtime::new().expect("a runtime");
    let path = || Path::new(&args[2]);
    match args.get(1).map(String::as_str) {
        Some("serve") => runtime.block_on(serve(path())),
        Some("folder") => runtime.block_on(answer(Folder(ServeDir::new(path()).precompressed_gzip()))),
        Some("memory") => runtime.block_on(answer(Memory::read(path()))),
        _ => {
            let turn = Duration::from_millis(if process::is_quick() { 50 } else { 2_000 });
            // What is small is kept in the store's own file, and what is large in one of its own.
            runtime.block_on(compare("a small site", 0, turn));
            runtime.block_on(compare("a large site", 20_000_000, turn));
        }
    }
}

/// Compares on a site that has this many bytes beside the page.
async fn compare(what: &str, more: usize, turn: Duration) {
    let dir = tempfile::tempdir().expect("a directory");
    let mut ours = Process::start("serve", dir.path());
    let mut client = ours.client().await;
    let branch = client.branch().await;
    let page = page();
    client.deploy(&branch, &zip(&page, more)).await;
    let host = format!("main.{}.localhost", branch.split('/').nth(2).expect("an app"));
    assert_eq!(client.page(&host, "/page.html").await.as_bytes(), page);

    let folder = dir.path().join("unpacked");
    std::fs::create_dir(&folder).expect("a folder");
    std::fs::write(folder.join("page.html"), &page).expect("room for it");
    let gzip = || request(&host, "accept-encoding: gzip, deflate, br, zstd\r\n");
    std::fs::write(folder.join("page.html.gz"), ask_once(&ours.endpoint, &gzip()).await).expect("room for it");
    let mut served = Process::start("folder", &folder);

    for (name, request) in [("page.html", request(&host, "")), ("page.html.gz", gzip())] {
        let mut kept = Process::start("memory", &folder.join(name));
        let body = ask_once(&ours.endpoint, &request).await;
        for peer in [&served, &kept] {
            assert!(body == ask_once(&peer.endpoint, &request).await, "all send the same");
        }
        let requests: Arc<[Vec<u8>]> = vec![request; CLIENTS].into();
        let (mut we, mut files, mut memory) = (Load::default(), Load::default(), Load::default());
        for _ in 0..TURNS {
            we.add(&mut ours, &requests, turn).await;
            files.add(&mut served, &requests, turn).await;
            memory.add(&mut kept, &requests, turn).await;
        }
        say(&format!("{name} of {what}, {} bytes, {CLIENTS} connections, {}", body.len(), load_average()));
        say(&format!("  ours       {we}"));
        for (peer, load) in [("ServeDir", files), ("memory  ", memory)] {
            let (rate, processor) = (we.rate() / load.rate(), we.processor() / load.processor());
            say(&format!("  {peer}   {load}"));
            say(&format!(
                "    ours : its   {rate:.2} x the requests/s   {processor:.2} x the processor time a request"
            ));
        }
    }
}

/// A page that deflates to about a third.
fn page() -> Vec<u8> {
    let (mut page, mut random) = (String::from("<!doctype html>"), Random::new());
    while page.len() < PAGE {
        page.push_str(&format!("<p>{:x}", random.below(1_000) * 7_919));
    }
    page.truncate(PAGE);
    page.into_bytes()
}

/// A site with the page, and as many bytes beside it.
fn zip(page: &[u8], more: usize) -> Vec<u8> {
    let mut zip = Packer::new(Cursor::new(Vec::new()));
    zip.add("index.html", page).expect("a page");
    zip.add("page.html", page).expect("a page");
    zip.add("more.bin", &*vec![0; more]).expect("a file");
    zip.finish().expect("a zip").into_inner()
}

/// As it goes over the wire.
fn request(host: &str, more: &str) -> Vec<u8> {
    format!("GET /page.html HTTP/1.1\r\nhost: {host}\r\nuser-agent: bench\r\n{more}\r\n").into_bytes()
}

/// The listener of our server with something else behind it.
async fn answer(answer: impl Answer + Sync) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    say(&format!("http://{}", listener.local_addr().expect("an address")));
    tokio::spawn(listen(listener, answer, CancellationToken::new()));
    tell_processor_time().await;
}

#[derive(Clone)]
struct Folder(ServeDir);

impl Answer for Folder {
    async fn answer(self, request: Request<Body>, _: IpAddr) -> Response<Body> {
        let Ok(response) = self.0.oneshot(request).await;
        response.map(Body::new)
    }
}

#[derive(Clone)]
struct Memory {
    body: Bytes,
    is_gzip: bool,
}

impl Memory {
    fn read(path: &Path) -> Self {
        let body = std::fs::read(path).expect("a file").into();
        Self { body, is_gzip: path.extension().is_some_and(|extension| extension == "gz") }
    }
}

impl Answer for Memory {
    async fn answer(self, _: Request<Body>, _: IpAddr) -> Response<Body> {
        let mut response = Response::new(Body::from(self.body));
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html"));
        if self.is_gzip {
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
        response
    }
}
