//! GetJob over HTTP with signatures, beside the same server code answering a constant: requests a second, and processor
//! time a request. The peer answers the same bytes on the same listener without looking at the request.
//!
//! Each server is a process of its own, so that its processor time is its own; the load comes from this one, over
//! connections that stay open, with requests that were signed beforehand. The two take turns, so that whatever else the
//! machine does falls on both.
//!
//! `cargo bench -p windlass-benches --bench get_job`

mod signed;

use std::io::{BufRead as _, BufReader, Cursor, Write as _};
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use axum::body::Body;
use http::{Request, Response};
use http_body_util::BodyExt as _;
use hyper::body::{Bytes, Incoming};
use rustix::time::{ClockId, clock_gettime};
use serde_json::{Value, json};
use signed::Connection;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use windlass_artifact::Packer;
use windlass_cli::server::{Answer, Config, Server, listen};

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
        _ => {
            // `cargo test --benches` only asks whether it runs.
            let quick = args.iter().any(|arg| arg == "--test") || !args.iter().any(|arg| arg == "--bench");
            runtime.block_on(compare(Duration::from_millis(if quick { 50 } else { 2_000 })));
        }
    }
}

async fn compare(turn: Duration) {
    let dir = tempfile::tempdir().expect("a directory");
    let mut ours = Process::start("serve", dir.path());
    let (access_key, secret_key) = (ours.next_line(), ours.next_line());
    let mut connection = Connection::open(&ours.endpoint, &access_key, &secret_key).await;
    let branch = deployed(&mut connection).await;
    for (what, job) in [("that waits for its upload", 2), ("that went live", 1)] {
        let path = format!("{branch}/jobs/{job}");
        let answer = connection.call("GET", &path, &Value::Null).await.to_string();
        let file = dir.path().join("constant.json");
        std::fs::write(&file, &answer).expect("room for it");
        let mut peer = Process::start("constant", &file);
        let requests: Arc<[Vec<u8>]> = (0..CLIENTS).map(|_| signed_get(&connection, &ours.endpoint, &path)).collect();
        let (mut we, mut they) = (Load::default(), Load::default());
        for _ in 0..TURNS {
            we.add(&mut ours, &requests, turn).await;
            they.add(&mut peer, &requests, turn).await;
        }
        say(&format!("GetJob of a job {what}, {} bytes, {CLIENTS} connections", answer.len()));
        say(&format!("  ours       {we}"));
        say(&format!("  constant   {they}"));
        say(&format!(
            "  ours : its    {:.0} % of the requests/s   {:.2} x the processor time a request",
            100.0 * we.rate() / they.rate(),
            we.processor() / they.processor()
        ));
    }
}

/// A branch with a job that went live, and one that waits; answers its path.
async fn deployed(connection: &mut Connection) -> String {
    let app = connection.call("POST", "/apps", &json!({ "name": "bench" })).await;
    let branch = format!("/apps/{}/branches/main", text(&app["app"]["appId"]));
    let (branches, _) = branch.rsplit_once('/').expect("a slash");
    connection.call("POST", branches, &json!({ "branchName": "main" })).await;
    let made = connection.call("POST", &format!("{branch}/deployments"), &json!({})).await;
    let mut packer = Packer::new(Cursor::new(Vec::new()));
    packer.add("index.html", &b"<h1>bench</h1>"[..]).expect("a file");
    let zip = packer.finish().expect("a zip").into_inner();
    connection.put(text(&made["zipUploadUrl"]), &zip).await;
    connection.call("POST", &format!("{branch}/deployments/start"), &json!({ "jobId": made["jobId"] })).await;
    let job = format!("{branch}/jobs/{}", text(&made["jobId"]));
    while connection.call("GET", &job, &Value::Null).await["job"]["summary"]["status"] != "SUCCEED" {}
    connection.call("POST", &format!("{branch}/deployments"), &json!({})).await;
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

/// What came of some turns of load.
#[derive(Default)]
struct Load {
    answers: u32,
    time: Duration,
    processor: Duration,
}

impl Load {
    async fn add(&mut self, server: &mut Process, requests: &Arc<[Vec<u8>]>, turn: Duration) {
        let address = server.endpoint.trim_start_matches("http://").to_owned();
        let over = Arc::new(AtomicBool::new(false));
        let (processor, start) = (server.processor(), now());
        let mut clients = JoinSet::new();
        for client in 0..requests.len() {
            let (requests, over, address) = (Arc::clone(requests), Arc::clone(&over), address.clone());
            clients.spawn(async move { ask(&address, &requests[client], &over).await });
        }
        tokio::time::sleep(turn).await;
        over.store(true, Ordering::Relaxed);
        self.answers += clients.join_all().await.iter().sum::<u32>();
        self.time += start.elapsed();
        self.processor += server.processor() - processor;
    }

    fn rate(&self) -> f64 {
        f64::from(self.answers) / self.time.as_secs_f64()
    }

    /// Microseconds a request.
    fn processor(&self) -> f64 {
        self.processor.as_secs_f64() * 1e6 / f64::from(self.answers)
    }
}

impl std::fmt::Display for Load {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:8.0} requests/s   {:6.1} us of processor time a request", self.rate(), self.processor())
    }
}

/// Asks the same again and again over one connection; answers how often there was an answer.
async fn ask(address: &str, request: &[u8], over: &AtomicBool) -> u32 {
    let mut stream = TcpStream::connect(address).await.expect("the server listens");
    stream.set_nodelay(true).expect("a TCP socket");
    let mut answer = Vec::with_capacity(8192);
    let mut answers = 0;
    while !over.load(Ordering::Relaxed) {
        stream.write_all(request).await.expect("the connection stays");
        answer.clear();
        while !is_whole(&answer) {
            assert!(stream.read_buf(&mut answer).await.expect("the connection stays") > 0, "the server hung up");
        }
        assert!(answer.starts_with(b"HTTP/1.1 200 "), "{}", String::from_utf8_lossy(&answer));
        answers += 1;
    }
    answers
}

/// Whether an answer has come to its end.
fn is_whole(answer: &[u8]) -> bool {
    let Some(end) = answer.windows(4).position(|window| window == b"\r\n\r\n") else { return false };
    let head = std::str::from_utf8(&answer[..end]).expect("an ASCII head").to_ascii_lowercase();
    let (_, length) = head.split_once("content-length: ").expect("an answer of known length");
    let length: usize = length.lines().next().and_then(|length| length.parse().ok()).expect("a number");
    answer.len() >= end + 4 + length
}

/// A server in a process of its own. It ends when this one lets go of it.
struct Process {
    _child: Child,
    endpoint: String,
    ask: ChildStdin,
    said: BufReader<ChildStdout>,
}

impl Process {
    fn start(role: &str, path: &Path) -> Self {
        let own = std::env::current_exe().expect("this program has a path");
        let mut child = Command::new(own)
            .arg(role)
            .arg(path)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("it starts again");
        let (ask, said) = (child.stdin.take().expect("a pipe"), child.stdout.take().expect("a pipe"));
        let mut process = Self { _child: child, endpoint: String::new(), ask, said: BufReader::new(said) };
        process.endpoint = process.next_line();
        process
    }

    fn next_line(&mut self) -> String {
        let mut line = String::new();
        self.said.read_line(&mut line).expect("a pipe");
        line.trim().to_owned()
    }

    /// The processor time that it has had so far.
    fn processor(&mut self) -> Duration {
        self.ask.write_all(b"?\n").expect("it is alive");
        Duration::from_nanos(self.next_line().parse().expect("a number"))
    }
}

/// Our server on a directory.
async fn serve(directory: &Path) {
    let mut config = Config::new(directory.join("data"));
    config.listen = SocketAddr::from(([127, 0, 0, 1], 0));
    let server = Server::start(config).await.expect("a server");
    let keys = server.credentials();
    say(&format!("{}\n{}\n{}", server.endpoint(), keys.access_key_id, keys.secret_access_key));
    tell_processor_time().await;
}

/// The same listener with nothing behind it.
async fn constant(body: &Path) {
    let body = Bytes::from(std::fs::read(body).expect("a file"));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    say(&format!("http://{}", listener.local_addr().expect("an address")));
    tokio::spawn(listen(listener, Constant(body), CancellationToken::new()));
    tell_processor_time().await;
}

#[derive(Clone)]
struct Constant(Bytes);

impl Answer for Constant {
    async fn answer(self, request: Request<Incoming>, _: IpAddr) -> Response<Body> {
        // As every server has to.
        let _ = request.into_body().collect().await;
        let mut response = Response::new(Body::from(self.0));
        let json = http::HeaderValue::from_static("application/json");
        response.headers_mut().insert(http::header::CONTENT_TYPE, json);
        response
    }
}

/// Says how much processor time this process has had, whenever it is asked, until nobody is left who could ask.
async fn tell_processor_time() {
    let asked = tokio::task::spawn_blocking(|| {
        for _ in std::io::stdin().lines().map_while(Result::ok) {
            let time = clock_gettime(ClockId::ProcessCPUTime);
            say(&format!("{}", i128::from(time.tv_sec) * 1_000_000_000 + i128::from(time.tv_nsec)));
        }
    });
    asked.await.expect("no panic");
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text"))
}

#[expect(clippy::disallowed_methods, reason = "a bench measures time")]
fn now() -> Instant {
    Instant::now()
}

#[expect(clippy::print_stdout, reason = "a bench prints its figures")]
fn say(line: &str) {
    println!("{line}");
}
