//! Lifecycles a second on PostgreSQL, with one, two and four processes on one server, beside the job queues `apalis` and
//! `graphile_worker`, which do an empty job each on the same server in the same run.
//!
//! A lifecycle of ours is a job that is asked for, claimed, and reported done with its steps, in three durable commands, each
//! acknowledged before the next; theirs is a job that is enqueued on its own, claimed and done. Each process asks and works,
//! and its commits are durable: the server has `fsync` and `synchronous_commit` on.
//!
//! `cargo bench -p windlass-benches --bench fleet`, which builds the peers of `benches/queues` first.

mod process;
mod signed;

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use process::{is_quick, load_average, now, say};
use tokio::runtime::Runtime;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{Notify, Semaphore};
use tokio::task::JoinSet;
use windlass::{AppId, Command as Order, Job, JobStatus, NewJob, Report, Source, SourceUrlType, StepName};
use windlass_cli::server::SystemClock;
use windlass_postgres::{Options, PostgresStore};
use windlass_store::{
    Address, App, Attributes, BranchUid, Claims, Clock as _, Executed, Extras, Lease, NewBranch, Plan, RunnerId, Store,
    StoredBranch, claim, create_with, execute_each,
};
use windlass_testkit::Postgres;

/// How many ask at a time, in all processes together, and how many jobs are in work at a time in each.
const ASKERS: usize = 256;
const IN_WORK: usize = 256;

fn main() {
    let args: Vec<_> = std::env::args().collect();
    if args.get(1).is_some_and(|role| role == "ours") {
        let number = |at: usize| args[at].parse::<u32>().expect("a number");
        return Runtime::new().expect("a runtime").block_on(ours(&args[2], number(3).into(), number(4)));
    }
    let Some(server) = Postgres::start_with("-c max_connections=300") else { return };
    let (jobs, fleets) = if is_quick() { (64, &[1, 2][..]) } else { (24_000, &[1, 2, 4][..]) };
    let own = std::env::current_exe().expect("this program has a path");
    let queues = if is_quick() { None } else { Some(build_queues()) };
    for &processes in fleets {
        say(&format!("{jobs} jobs, {ASKERS} askers, processes: {processes}; {}", load_average()));
        let run = |program: &Path, role: &str, left: Option<&str>| {
            Fleet { program, role, left }.rate(&server, processes, jobs)
        };
        let rate = run(&own, "ours", None);
        say(&format!("  ours               {rate:8.0} lifecycles/s"));
        let Some(queues) = &queues else { continue };
        for (name, left) in [
            ("apalis", "SELECT count(*) FROM apalis.jobs WHERE status <> 'Done'"),
            ("graphile", "SELECT count(*) FROM graphile_worker._private_jobs"),
            ("graphile-batched", "SELECT count(*) FROM graphile_worker._private_jobs"),
        ] {
            let its = run(queues, name, Some(left));
            say(&format!("  {name:<18} {its:8.0} jobs/s   ours : its {:.2}", rate / its));
        }
    }
}

/// The peers stand in a workspace of their own, with a lock file of their own.
fn build_queues() -> PathBuf {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("queues/Cargo.toml");
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--release", "--locked", "--manifest-path"]).arg(&manifest);
    assert!(cargo.status().expect("cargo").success(), "the peers do not build");
    manifest.with_file_name("target/release/windlass-bench-queues")
}

/// Several processes of a program that ask for jobs and work on them.
struct Fleet<'a> {
    program: &'a Path,
    role: &'a str,
    /// What counts the jobs that are left, where the program does not know when its own have ended.
    left: Option<&'a str>,
}

impl Fleet<'_> {
    /// Jobs a second, from the first that is asked for to the end of the last.
    fn rate(&self, server: &Postgres, processes: usize, jobs: u32) -> f64 {
        let database = server.database("template1");
        let each = [jobs as usize, ASKERS].map(|number| (number / processes).to_string());
        let start = || Member::start(self.program, self.role, &server.url(&database), &each);
        let mut members: Vec<_> = (0..processes).map(|_| start()).collect();
        let begun = now();
        members.iter_mut().for_each(Member::go);
        members.iter_mut().for_each(Member::hear);
        while let Some(left) = self.left
            && server.run(&database, left) != "0"
        {
            std::thread::sleep(Duration::from_millis(50));
        }
        f64::from(jobs) / begun.elapsed().as_secs_f64()
    }
}

/// One process of them. It ends when this lets go of it.
struct Member {
    child: Child,
    ask: ChildStdin,
    said: BufReader<ChildStdout>,
}

impl Member {
    fn start(program: &Path, role: &str, url: &str, each: &[String; 2]) -> Self {
        let mut child = Command::new(program)
            .args([role, url])
            .args(each)
            .arg(IN_WORK.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("it starts");
        let (ask, said) = (child.stdin.take().expect("a pipe"), child.stdout.take().expect("a pipe"));
        let mut member = Self { child, ask, said: BufReader::new(said) };
        member.hear();
        member
    }

    fn go(&mut self) {
        self.ask.write_all(b"go\n").expect("it is alive");
    }

    fn hear(&mut self) {
        let mut line = String::new();
        self.said.read_line(&mut line).expect("a pipe");
        assert!(!line.is_empty(), "it has ended");
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The role of a process of ours: has so many jobs made on as many branches as there are askers, and works on whatever
/// there is.
async fn ours(url: &str, jobs: i64, askers: u32) {
    let store = PostgresStore::open(url, Options::new(Arc::new(SystemClock))).await.expect("a store");
    let store: Arc<dyn Store> = Arc::new(store);
    let branches = branches(&*store, askers).await;
    let ended: BTreeMap<BranchUid, Arc<Notify>> = branches.iter().map(|branch| (branch.uid, Arc::default())).collect();
    let news = Arc::new(Notify::new());
    tokio::spawn(listen(Arc::clone(&store), ended.clone(), Arc::clone(&news)));
    tokio::spawn(work(Arc::clone(&store), news));

    say("ready");
    let told = tokio::task::spawn_blocking(|| std::io::stdin().lock().read_line(&mut String::new()));
    told.await.expect("no panic").expect("a line");
    let left = Arc::new(AtomicI64::new(jobs));
    let mut asking = JoinSet::new();
    for branch in branches {
        let (store, left, ended) = (Arc::clone(&store), Arc::clone(&left), Arc::clone(&ended[&branch.uid]));
        asking.spawn(async move {
            while left.fetch_sub(1, Ordering::Relaxed) > 0 {
                lifecycle(&*store, &branch, &ended).await;
            }
        });
    }
    asking.join_all().await;
    say("done");
    std::future::pending::<()>().await;
}

async fn branches(store: &dyn Store, count: u32) -> Vec<StoredBranch> {
    let now = SystemClock.now();
    let id: AppId = format!("d{:x}", std::process::id()).parse().expect("an id");
    let app = App { id: id.clone(), attributes: Attributes::default(), created: now, updated: now, version: 1 };
    store.create_app(&app).await.expect("an app");
    let mut branches = Vec::new();
    for number in 0..count {
        let name = format!("b{number}").parse().expect("a name");
        let new = NewBranch { app: id.clone(), name, attributes: Attributes::default(), created: now };
        branches.push(store.create_branch(&new).await.expect("a branch"));
    }
    branches
}

/// Asks for a job, and waits for the news of its end.
async fn lifecycle(store: &dyn Store, branch: &StoredBranch, ended: &Notify) {
    let source = Source::Url { url: "https://example.com/site.zip".into(), url_type: SourceUrlType::Zip };
    let plan = Plan::New(NewJob::manual(source));
    let made = create_with(store, &branch.app, &branch.name, &plan, SystemClock.now(), &Extras::default()).await;
    let key = made.expect("the store works").expect("the branch is free").key();
    while tokio::time::timeout(Duration::from_secs(1), ended.notified()).await.is_err() {
        // News may be missed.
        if store.job(key).await.expect("the store works").is_some_and(|job| job.status().is_terminal()) {
            return;
        }
    }
}

/// Tells askers of the ends of their jobs, and the worker of work.
async fn listen(store: Arc<dyn Store>, ended: BTreeMap<BranchUid, Arc<Notify>>, work: Arc<Notify>) {
    let mut news = store.notices();
    loop {
        match news.recv().await {
            Ok(notice) if notice.status.is_terminal() => {
                if let Some(asker) = ended.get(&notice.key.branch) {
                    asker.notify_one();
                }
            }
            Ok(notice) if notice.status != JobStatus::Pending => {}
            Ok(_) | Err(RecvError::Lagged(_)) => work.notify_one(),
            Err(RecvError::Closed) => return,
        }
    }
}

/// Claims what there is and reports it done, as the runner does with what it has executed.
async fn work(store: Arc<dyn Store>, news: Arc<Notify>) {
    let runner = RunnerId(format!("{:x}", std::process::id()));
    let room = Arc::new(Semaphore::new(IN_WORK));
    loop {
        let now = SystemClock.now();
        let lease = Lease { runner: runner.clone(), until: now + chrono::TimeDelta::seconds(30) };
        let free = room.available_permits();
        let claims = Claims { lease, room: free, in_hand: Vec::new(), concurrent: u64::MAX, now };
        let claimed = if free == 0 { Vec::new() } else { claim(&*store, &claims).await.expect("the store works") };
        for Executed { branch, job, .. } in claimed {
            let place = Arc::clone(&room).try_acquire_owned().expect("there is room");
            let (store, news) = (Arc::clone(&store), Arc::clone(&news));
            tokio::spawn(async move {
                report(&*store, &branch, &job).await;
                drop(place);
                news.notify_one();
            });
        }
        // A second's tick beside, as the runner has.
        let _ = tokio::time::timeout(Duration::from_secs(1), news.notified()).await;
    }
}

async fn report(store: &dyn Store, branch: &StoredBranch, job: &Job) {
    let (attempt, now) = (job.attempt(), SystemClock.now());
    let reports = [
        Report::StepEnded(StepName::Deploy),
        Report::StepStarted(StepName::Verify),
        Report::StepEnded(StepName::Verify),
        Report::Succeeded { artifact: job.artifact_kept_as(1) },
    ];
    let commands = reports.map(|report| Order::Report { attempt, report });
    let commands: Vec<_> = commands.iter().map(|command| (command, now)).collect();
    let reported = execute_each(store, Address::Seen(branch, job), &commands, Extras::default()).await;
    reported.expect("the store works").answer.expect("it is ours");
}
