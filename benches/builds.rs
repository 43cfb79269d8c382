//! Builds: how soon a push is live, and how soon after StopJob the last process of a build has ended.
//!
//! The peer of the first is `git clone --depth 1` and `sh build.sh` by hand, from the same repository in turn. A build that
//! is stopped has a shell, its child, and one that has moved to a session of its own; they are looked for in `/proc`.
//!
//! `cargo bench -p windlass-benches --bench builds`

mod process;
mod signed;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Duration;

use process::{load_average, now, say};
use serde_json::{Value, json};
use signed::{Connection, text};
use tempfile::TempDir;
use tokio::runtime::Runtime;
use windlass_cli::server::{BuildConfig, Config, Server};

/// What a build of each kind says in its `amplify.yml`.
const ONE_PAGE: &str = "
version: 1
frontend:
  phases: {build: {commands: [sh build.sh]}}
  artifacts: {baseDirectory: out, files: ['**/*']}
";

const ENDLESS: &str = "
version: 1
frontend:
  phases:
    build:
      commands:
        - 'setsid nohup sleep 86397 >/dev/null 2>&1 &'
        - sleep 86397
  artifacts: {baseDirectory: out, files: ['**/*']}
";

fn main() -> ExitCode {
    let mut args = std::env::args_os().skip(1);
    if args.next().is_some_and(|first| first == windlass_jail::SUBCOMMAND) {
        return windlass_jail::enter(args);
    }
    let quick = process::is_quick();
    Runtime::new().expect("a runtime").block_on(async {
        push_to_live(if quick { 2 } else { 50 }).await;
        stop_to_end(if quick { 2 } else { 100 }).await;
    });
    ExitCode::SUCCESS
}

async fn push_to_live(rounds: usize) {
    let repository = Repository::new(ONE_PAGE, "mkdir -p out && cp page.html out/index.html");
    let mut world = World::of(&repository).await;
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for round in 0..rounds {
        repository.write("page.html", &format!("<h1>{round}</h1>"));
        repository.commit();
        let begun = now();
        let by_hand = tempfile::tempdir().expect("a directory");
        clone_and_build(&repository, &by_hand.path().join("site"));
        theirs.push(begun.elapsed());

        let begun = now();
        let job = world.release().await;
        world.connection.until_succeeded(&world.branch, &job).await;
        ours.push(begun.elapsed());
    }
    say(&format!("push to live, one page, {rounds} rounds in turn, {}", load_average()));
    say(&format!("  ours                             {}", Times(&mut ours)));
    say(&format!("  git clone && sh build.sh         {}", Times(&mut theirs)));
    say(&format!("  ours : its, p50                  {:.2}", median(&mut ours) / median(&mut theirs)));
}

async fn stop_to_end(rounds: usize) {
    let repository = Repository::new(ENDLESS, "");
    let mut world = World::of(&repository).await;
    let (mut processes, mut jobs) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        let job = world.release().await;
        while sleepers() < 2 {
            tokio::task::yield_now().await;
        }
        let begun = now();
        let path = format!("{}/jobs/{job}", world.branch);
        world.connection.call("DELETE", &format!("{path}/stop"), &Value::Null).await;
        while sleepers() > 0 {
            tokio::task::yield_now().await;
        }
        processes.push(begun.elapsed());
        while text(&world.connection.call("GET", &path, &Value::Null).await["job"]["summary"]["status"]) != "CANCELLED"
        {
        }
        jobs.push(begun.elapsed());
    }
    say(&format!("StopJob of a build, {rounds} rounds, {}", load_average()));
    say(&format!("  to the last process's end        {}", Times(&mut processes)));
    say(&format!("  to CANCELLED                     {}", Times(&mut jobs)));
}

/// A server that builds a repository, and a client.
struct World {
    connection: Connection,
    branch: String,
    _server: Server,
    _data: TempDir,
}

impl World {
    async fn of(repository: &Repository) -> Self {
        let data = tempfile::tempdir().expect("a directory");
        let own = std::env::current_exe().expect("this program has a path");
        let config = Config {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            builds: BuildConfig::by(own),
            allow_local_repositories: true,
            ..Config::new(data.path().join("data"))
        };
        let server = Server::start(config).await.expect("a server");
        let keys = server.credentials();
        let mut connection =
            Connection::open(server.endpoint(), keys.access_key_id.as_str(), &keys.secret_access_key).await;
        let app = json!({ "name": "bench", "repository": repository.path() });
        let app = text(&connection.call("POST", "/apps", &app).await["app"]["appId"]).to_owned();
        connection.call("POST", &format!("/apps/{app}/branches"), &json!({ "branchName": "main" })).await;
        Self { connection, branch: format!("/apps/{app}/branches/main"), _server: server, _data: data }
    }

    async fn release(&mut self) -> String {
        let job =
            self.connection.call("POST", &format!("{}/jobs", self.branch), &json!({ "jobType": "RELEASE" })).await;
        text(&job["jobSummary"]["jobId"]).to_owned()
    }
}

/// A repository on this machine.
struct Repository(TempDir);

impl Repository {
    fn new(specification: &str, build: &str) -> Self {
        let repository = Self(tempfile::tempdir().expect("a directory"));
        git(repository.path(), &["init", "--quiet", "--initial-branch", "main"]);
        repository.write("amplify.yml", specification);
        repository.write("build.sh", build);
        repository.commit();
        repository
    }

    fn path(&self) -> PathBuf {
        self.0.path().to_owned()
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.0.path().join(name), text).expect("room for it");
    }

    fn commit(&self) {
        git(self.path(), &["add", "--all"]);
        git(self.path(), &["commit", "--quiet", "--message", "Change"]);
    }
}

fn clone_and_build(repository: &Repository, into: &Path) {
    let url = format!("file://{}", repository.path().display());
    git("/", &["clone", "--quiet", "--depth", "1", &url, into.to_str().expect("UTF-8")]);
    let done = Command::new("sh").arg("build.sh").current_dir(into).status().expect("a shell");
    assert!(done.success(), "the build by hand failed");
}

fn git(folder: impl AsRef<Path>, args: &[&str]) {
    let person = [("GIT_AUTHOR_NAME", "Ann"), ("GIT_AUTHOR_EMAIL", "a@b"), ("GIT_COMMITTER_NAME", "Ann")];
    let done = Command::new("git")
        .current_dir(folder)
        .envs(person)
        .envs([("GIT_COMMITTER_EMAIL", "a@b"), ("GIT_CONFIG_GLOBAL", "/dev/null"), ("GIT_CONFIG_NOSYSTEM", "1")])
        .args(args)
        .status();
    assert!(done.expect("git").success(), "git {args:?}");
}

/// How many processes of the endless build there are.
fn sleepers() -> usize {
    let Ok(all) = std::fs::read_dir("/proc") else { return 0 };
    let line = |entry: std::fs::DirEntry| std::fs::read(entry.path().join("cmdline")).ok();
    all.flatten().filter_map(line).filter(|line| line.starts_with(b"sleep\x0086397")).count()
}

fn median(times: &mut [Duration]) -> f64 {
    times.sort_unstable();
    times[times.len() / 2].as_secs_f64()
}

/// Times, as their median and the one that 99 of 100 are not above.
struct Times<'a>(&'a mut Vec<Duration>);

impl std::fmt::Display for Times<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut sorted = self.0.clone();
        sorted.sort_unstable();
        let at = |percent: usize| sorted[(sorted.len() * percent / 100).min(sorted.len() - 1)].as_secs_f64() * 1e3;
        write!(f, "p50 {:.1} ms, p99 {:.1} ms", at(50), at(99))
    }
}
