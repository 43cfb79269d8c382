//! The server over HTTP, on a disk: lifecycles a second, how long GetJob takes with few and with many jobs, and how
//! soon a site is live. The peer of the first is SQLite alone, which commits as many changes in groups on the same disk.
//!
//! `cargo bench -p windlass-benches --bench server`

mod bare_sqlite;
mod signed;

use std::io::Cursor;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use signed::Connection;
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tokio::task::JoinSet;
use windlass::{AppId, BranchName, Command, NewJob, Source};
use windlass_artifact::Packer;
use windlass_cli::server::{Config, Server};
use windlass_sqlite::SqliteStore;
use windlass_store::{Address, App, Attributes, Extras, NewBranch, Plan, Store, create, execute};

/// How many clients there are at a time.
const CLIENTS: u32 = 16;

/// How many changes a lifecycle makes durable: create, upload, start, claim, end.
const CHANGES: u32 = 5;

fn main() {
    // `cargo test --benches` only asks whether it runs.
    let quick = std::env::args().any(|arg| arg == "--test") || !std::env::args().any(|arg| arg == "--bench");
    let runtime = Runtime::new().expect("a runtime");
    runtime.block_on(async {
        lifecycles(if quick { 2 } else { 400 }).await;
        get_job(if quick { 200 } else { 100_000 }, if quick { 20 } else { 5_000 }).await;
        live(if quick { 2 } else { 100 }).await;
    });
}

async fn lifecycles(each: u32) {
    let world = World::new(tempfile::tempdir().expect("a directory")).await;
    let zip = site(1, 2_000);
    let mut apps = Vec::new();
    for _ in 0..CLIENTS {
        apps.push(world.app().await);
    }
    let start = now();
    let mut clients = JoinSet::new();
    for app in apps {
        let (connection, zip) = (world.connection().await, zip.clone());
        clients.spawn(async move {
            let mut connection = connection;
            for _ in 0..each {
                lifecycle(&mut connection, &app, &zip).await;
            }
        });
    }
    clients.join_all().await;
    let ours = f64::from(CLIENTS * each) / start.elapsed().as_secs_f64();
    drop(world);

    let start = now();
    bare_sqlite::commit(CLIENTS, each * CHANGES);
    let bare = f64::from(CLIENTS * each) / start.elapsed().as_secs_f64();
    say(&format!("lifecycles/s over HTTP, durable, {CLIENTS} clients   {ours:8.0}"));
    say(&format!("SQLite alone, {CHANGES} changes each               {bare:8.0}   ours : its {:.2}", ours / bare));
}

async fn lifecycle(connection: &mut Connection, app: &str, zip: &[u8]) {
    let made = connection.call("POST", &format!("/apps/{app}/branches/main/deployments"), &json!({})).await;
    connection.put(text(&made["zipUploadUrl"]), zip).await;
    let job = text(&made["jobId"]);
    connection.call("POST", &format!("/apps/{app}/branches/main/deployments/start"), &json!({ "jobId": job })).await;
    let path = format!("/apps/{app}/branches/main/jobs/{job}");
    let mut ended = false;
    for _ in 0..3 {
        ended = connection.call("GET", &path, &Value::Null).await["job"]["summary"]["status"] == "SUCCEED";
    }
    let mut pause = tokio::time::interval(Duration::from_millis(1));
    while !ended {
        // As a client does that polls, if a hasty one: a loop without a pause would measure itself.
        pause.tick().await;
        ended = connection.call("GET", &path, &Value::Null).await["job"]["summary"]["status"] == "SUCCEED";
    }
}

async fn get_job(jobs: u64, looks: u32) {
    for count in [100, jobs] {
        let dir = tempfile::tempdir().expect("a directory");
        let app = fill(&dir, count).await;
        let world = World::new(dir).await;
        let mut connection = world.connection().await;
        let mut times = Vec::new();
        for look in 0..looks {
            let job = 1 + u64::from(look) * 7919 % (count - count / 64 * 63);
            let path = format!("/apps/{app}/branches/main/jobs/{job}");
            let start = now();
            connection.call("GET", &path, &Value::Null).await;
            times.push(start.elapsed());
        }
        say(&format!("GetJob with {count:7} jobs   {}", percentiles(&mut times)));
    }
}

async fn live(rounds: u32) {
    let world = World::new(tempfile::tempdir().expect("a directory")).await;
    let zip = site(40, 50_000);
    let (app, mut connection) = (world.app().await, world.connection().await);
    let mut times = Vec::new();
    for _ in 0..rounds {
        let made = connection.call("POST", &format!("/apps/{app}/branches/main/deployments"), &json!({})).await;
        connection.put(text(&made["zipUploadUrl"]), &zip).await;
        let job = text(&made["jobId"]);
        let start = now();
        let path = format!("/apps/{app}/branches/main/deployments/start");
        connection.call("POST", &path, &json!({ "jobId": job })).await;
        let path = format!("/apps/{app}/branches/main/jobs/{job}");
        while connection.call("GET", &path, &Value::Null).await["job"]["summary"]["status"] != "SUCCEED" {}
        times.push(start.elapsed());
    }
    let size = zip.len() as f64 / 1e6;
    say(&format!("StartDeployment to live, a {size:.1} MB zip   {}", percentiles(&mut times)));
}

/// A server on a directory.
struct World {
    server: Server,
    _dir: TempDir,
}

impl World {
    async fn new(dir: TempDir) -> Self {
        let mut config = Config::new(dir.path().join("data"));
        config.listen = SocketAddr::from(([127, 0, 0, 1], 0));
        config.runner.concurrent = 64;
        Self { server: Server::start(config).await.expect("a server"), _dir: dir }
    }

    async fn connection(&self) -> Connection {
        let keys = self.server.credentials();
        Connection::open(self.server.endpoint(), keys.access_key_id.as_str(), &keys.secret_access_key).await
    }

    /// A new app with a branch `main`.
    async fn app(&self) -> String {
        let mut connection = self.connection().await;
        let app = connection.call("POST", "/apps", &json!({ "name": "bench" })).await;
        let app = text(&app["app"]["appId"]).to_owned();
        connection.call("POST", &format!("/apps/{app}/branches"), &json!({ "branchName": "main" })).await;
        app
    }
}

/// Fills a server's directory with ended jobs of one branch; answers the app.
async fn fill(dir: &TempDir, jobs: u64) -> AppId {
    let store: Arc<dyn Store> = Arc::new(SqliteStore::open(&dir.path().join("data")).expect("a store"));
    let now = DateTime::<Utc>::UNIX_EPOCH;
    let app: AppId = "dbench".parse().expect("an id");
    let name: BranchName = "main".parse().expect("a name");
    let new = App { id: app.clone(), attributes: Attributes::new(), created: now, updated: now, version: 1 };
    store.create_app(&new).await.expect("an app");
    let mut fillers = JoinSet::new();
    // Most jobs are on other branches, so that the fillers share commits; the one that is looked at has its share.
    for filler in 0..64 {
        let (store, app) = (Arc::clone(&store), app.clone());
        let branch = if filler == 0 { name.clone() } else { format!("other-{filler}").parse().expect("a name") };
        let share = if filler == 0 { jobs - jobs / 64 * 63 } else { jobs / 64 };
        let attributes = Attributes::new();
        let new = NewBranch { app: app.clone(), name: branch.clone(), attributes, created: now };
        store.create_branch(&new).await.expect("a branch");
        fillers.spawn(async move {
            for _ in 0..share {
                let plan = Plan::New(NewJob::manual(Source::Zip));
                let made = create(&*store, &app, &branch, &plan, now).await.expect("a store").expect("room");
                let stop = [Command::Stop { by: None }];
                execute(&*store, Address::Key(made.key()), &stop, now, Extras::default()).await.expect("a store");
            }
        });
    }
    fillers.join_all().await;
    app
}

/// A zip of so many files of so many bytes that do not compress.
fn site(files: u32, bytes: usize) -> Vec<u8> {
    let mut packer = Packer::new(Cursor::new(Vec::new()));
    packer.add("index.html", &b"<h1>bench</h1>"[..]).expect("a file");
    let mut state = 1_u64;
    for file in 0..files {
        let mut random = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state.to_le_bytes()[0]
        };
        let content: Vec<u8> = (0..bytes).map(|_| random()).collect();
        packer.add(&format!("image-{file}.png"), &content[..]).expect("a file");
    }
    packer.finish().expect("a zip").into_inner()
}

fn percentiles(times: &mut [Duration]) -> String {
    times.sort_unstable();
    let at = |share: usize| times[(times.len() - 1) * share / 100].as_secs_f64() * 1e3;
    format!("p50 {:.2} ms   p99 {:.2} ms", at(50), at(99))
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
