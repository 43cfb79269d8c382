//! Publishing: how soon a large zip is live, how long going back takes whatever the size, and how much memory it takes to
//! verify as much as a zip may be. The peer of the first is `unzip -t`, which reads and checks all of a zip once, as a
//! deployment does.
//!
//! The server is a process of its own. The largest figure wants 6 GB of disk for a while where temporary directories are.
//! How soon a small site is live is in `server`.
//!
//! `cargo bench -p windlass-benches --bench publish`

mod process;
mod signed;

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read as _, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use process::{Process, load_average, now, say, serve};
use serde_json::json;
use signed::{Connection, text};
use tempfile::TempDir;
use tokio::runtime::Runtime;
use windlass_artifact::Packer;
use windlass_benches::random::Random;

/// How often a zip is published, and read by the peer.
const TURNS: usize = 5;

/// How many bytes a file of the large site has, in the zip.
const FILE: usize = 50_000;

/// A little less than a zip may have.
const LARGEST: u64 = 4_999_000_000;

fn main() {
    let args: Vec<_> = std::env::args().collect();
    let runtime = Runtime::new().expect("a runtime");
    if args.get(1).is_some_and(|role| role == "serve") {
        return runtime.block_on(serve(Path::new(&args[2])));
    }
    let quick = process::is_quick();
    runtime.block_on(async {
        large_site(if quick { 20 } else { 5_000 }).await;
        for size in if quick { [100_000, 3_000_000] } else { [1_000_000, 1_000_000_000] } {
            going_back(size, if quick { 2 } else { 300 }).await;
        }
        memory(if quick { 3_000_000 } else { LARGEST }).await;
    });
}

/// How soon a zip of many files is live, and how long the peer reads it.
async fn large_site(files: usize) {
    let mut world = World::new().await;
    let path = world.dir.path().join("site.zip");
    let mut zip = Packer::new(BufWriter::new(File::create(&path).expect("a file")));
    add_files(&mut zip, files);
    zip.finish().expect("room").into_inner().expect("room");
    let (mut uploads, mut ours, mut theirs) = (Vec::new(), Vec::new(), Vec::new());
    let mut processor = Duration::ZERO;
    for turn in 0..TURNS {
        let start = now();
        let (job, url) = world.client.create_deployment(&world.branch).await;
        upload(&url, |body| {
            io::copy(&mut BufReader::new(File::open(&path)?), body)?;
            Ok(())
        });
        uploads.push(start.elapsed());
        let (before, start) = (world.server.processor(), now());
        world.client.go_live(&world.branch, &job).await;
        ours.push(start.elapsed());
        processor += world.server.processor() - before;
        theirs.extend(unzip(&path));
        assert!(theirs.is_empty() || theirs.len() == turn + 1, "the peer answers always or never");
    }
    let size = std::fs::metadata(&path).expect("a file").len() as f64 / 1e6;
    say(&format!("A zip of {files} files, {size:.0} MB, medians of {TURNS} turns, {}", load_average()));
    say(&format!("  uploaded          {:8.0} ms", median(&mut uploads)));
    let (ours, processor) = (median(&mut ours), processor.as_secs_f64() * 1e3 / TURNS as f64);
    say(&format!("  start to live     {ours:8.0} ms   {processor:.0} ms of processor time"));
    if theirs.is_empty() {
        return say("  unzip -tq         is not installed here");
    }
    let theirs = median(&mut theirs);
    say(&format!("  unzip -tq         {theirs:8.0} ms   ours : its {:.2}", ours / theirs));
}

/// Half of them are as compressible as text, half not at all, as images are.
fn add_files(zip: &mut Packer<impl Write>, files: usize) {
    zip.add("index.html", &b"<h1>bench</h1>"[..]).expect("a page");
    let mut random = Random::new();
    for file in 0..files {
        let (name, content) = if file % 2 == 0 {
            (format!("images/{file}.png"), (0..FILE).map(|_| random.below(256) as u8).collect())
        } else {
            (format!("pages/{file}.html"), words(&mut random, FILE * 3))
        };
        zip.add(&name, &content[..]).expect("a file");
    }
}

/// Words that deflate to about a third.
fn words(random: &mut Random, length: usize) -> Vec<u8> {
    let mut text = Vec::with_capacity(length + 16);
    while text.len() < length {
        // Few words are common and many are rare.
        let word = if random.below(4) == 0 { random.below(100_000) } else { random.below(500) };
        write!(text, "{:x} ", word.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 36).expect("memory");
    }
    text
}

/// How long the peer takes to read and check a zip, if it is here.
fn unzip(path: &Path) -> Option<Duration> {
    let start = now();
    let status = Command::new("unzip").arg("-tq").arg(path).stdout(std::process::Stdio::null()).status().ok()?;
    assert!(status.success(), "the zip is sound");
    Some(start.elapsed())
}

/// From StartJob to the site that shows what it showed before, and beside it one small write that is synced to the same disk:
/// a job that goes back is made durable that way a few times in a row.
async fn going_back(size: u64, rounds: usize) {
    let mut world = World::new().await;
    let first = world.deploy_large(size, "first").await;
    let second = world.deploy_large(10_000, "second").await;
    let mut synced = File::create(world.dir.path().join("synced")).expect("a file");
    let (mut times, mut syncs) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        let start = now();
        world.go_back(&first).await;
        assert_eq!(world.front_page().await, "first");
        times.push(start.elapsed());
        world.go_back(&second).await;
        assert_eq!(world.front_page().await, "second");
        let start = now();
        synced.write_all(&[0; 4096]).and_then(|()| synced.sync_data()).expect("room for it");
        syncs.push(start.elapsed());
    }
    say(&format!("Going back to a site of {} MB, {rounds} times, {}", size as f64 / 1e6, load_average()));
    say(&format!("  start to shown    {}", percentiles(&mut times)));
    say(&format!("  one synced write  {}", percentiles(&mut syncs)));
}

/// How much more memory the server has at a time, at most, than when it does nothing.
async fn memory(size: u64) {
    let mut world = World::new().await;
    let idle = world.server.memory("VmRSS");
    let (job, url) = world.client.create_deployment(&world.branch).await;
    upload(&url, |body| pack_large(body, size, "large"));
    let uploading = world.server.memory("VmHWM");
    world.server.forget_peak();
    let start = now();
    world.client.go_live(&world.branch, &job).await;
    let (took, verifying) = (start.elapsed().as_secs_f64(), world.server.memory("VmHWM"));
    let (Some(idle), Some(uploading), Some(verifying)) = (idle, uploading, verifying) else {
        return say("How much memory a process has is only known on Linux.");
    };
    let size = size as f64 / 1e9;
    say(&format!("Memory of a server that publishes a zip of {size:.1} GB, {}", load_average()));
    say(&format!("  idle              {idle:6.1} MiB"));
    say(&format!("  uploading, peak   {uploading:6.1} MiB   {:.1} above idle", uploading - idle));
    say(&format!("  verifying, peak   {verifying:6.1} MiB   {:.1} above idle, live in {took:.1} s", verifying - idle));
}

/// A server with a branch.
struct World {
    server: Process,
    client: Connection,
    branch: String,
    dir: TempDir,
}

impl World {
    async fn new() -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let mut server = Process::start("serve", dir.path());
        let mut client = server.client().await;
        let branch = client.branch().await;
        Self { server, client, branch, dir }
    }

    /// Deploys a site of this size, whose front page says this.
    async fn deploy_large(&mut self, size: u64, front_page: &str) -> String {
        let (job, url) = self.client.create_deployment(&self.branch).await;
        upload(&url, |body| pack_large(body, size, front_page));
        self.client.go_live(&self.branch, &job).await;
        job
    }

    async fn go_back(&mut self, job: &str) {
        let retry = json!({ "jobType": "RETRY", "jobId": job });
        let again = self.client.call("POST", &format!("{}/jobs", self.branch), &retry).await;
        self.client.until_succeeded(&self.branch, text(&again["jobSummary"]["jobId"])).await;
    }

    async fn front_page(&mut self) -> String {
        let app = self.branch.split('/').nth(2).expect("an app");
        self.client.page(&format!("main.{app}.localhost"), "/").await
    }
}

/// A site of few large files.
fn pack_large(body: &mut impl Write, size: u64, front_page: &str) -> io::Result<()> {
    const PART: u64 = 500_000_000;
    let mut zip = Packer::new(body);
    zip.add("index.html", front_page.as_bytes()).map_err(io::Error::other)?;
    for (part, start) in (0..size).step_by(PART as usize).enumerate() {
        let content = io::repeat(b'x').take(PART.min(size - start));
        zip.add(&format!("part-{part}.bin"), content).map_err(io::Error::other)?;
    }
    zip.finish().map_err(io::Error::other)?;
    Ok(())
}

/// Uploads to a presigned URL what is written, as it is written.
fn upload(url: &str, write: impl FnOnce(&mut BufWriter<Chunked>) -> io::Result<()>) {
    let (host, path) = url.trim_start_matches("http://").split_once('/').expect("a URL with a path");
    let mut stream = TcpStream::connect(host).expect("the server listens");
    let head =
        format!("PUT /{path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n");
    stream.write_all(head.as_bytes()).expect("the connection stays");
    let mut body = BufWriter::with_capacity(256 * 1024, Chunked(stream));
    if let Err(error) = write(&mut body) {
        let mut answer = String::new();
        let _ = body.get_mut().0.read_to_string(&mut answer);
        panic!("the server does not take it: {error}; {answer}");
    }
    let Chunked(mut stream) = body.into_inner().map_err(io::Error::from).expect("the server takes it");
    stream.write_all(b"0\r\n\r\n").expect("the connection stays");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
}

/// A body in chunks, each as long as what is written at a time.
struct Chunked(TcpStream);

impl Write for Chunked {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        write!(self.0, "{:x}\r\n", bytes.len())?;
        self.0.write_all(bytes)?;
        self.0.write_all(b"\r\n")?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

fn percentiles(times: &mut [Duration]) -> String {
    times.sort_unstable();
    let at = |share: usize| times[(times.len() - 1) * share / 100].as_secs_f64() * 1e3;
    format!("p50 {:.1} ms   p99 {:.1} ms   longest {:.1} ms", at(50), at(99), at(100))
}

/// In milliseconds.
fn median(times: &mut [Duration]) -> f64 {
    times.sort_unstable();
    times[times.len() / 2].as_secs_f64() * 1e3
}
