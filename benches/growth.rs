//! Whether looks and changes cost the same with a million jobs in PostgreSQL as with a thousand: p99 of each, taken in turn
//! on two databases of one server, so that whatever else the machine does falls on both.
//!
//! `cargo bench -p windlass-benches --bench growth`; `JOBS=100000` in the environment takes fewer.

mod process;
mod signed;

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use process::{is_quick, load_average, now, say};
use windlass::{Command, JobId, NewJob, Source, SourceUrlType};
use windlass_cli::server::SystemClock;
use windlass_postgres::{Options, PostgresStore};
use windlass_store::{
    Address, App, Attributes, Claims, Clock as _, Executed, Extras, JobKey, Lease, NewBranch, Plan, RunnerId, Store,
    StoredBranch, claim, create, execute,
};
use windlass_testkit::Postgres;

/// How many jobs a page has.
const PAGE: usize = 50;

/// What is measured.
const KINDS: [&str; 5] = ["GetJob", "ListJobs, first page", "ListJobs, last page", "StartDeployment", "claim"];

#[tokio::main]
async fn main() {
    let Some(server) = Postgres::start_with("-c max_connections=100") else { return };
    let quick = is_quick();
    let asked = std::env::var("JOBS").ok().map(|jobs| jobs.parse().expect("JOBS is a number"));
    let many: u64 = asked.unwrap_or(if quick { 2_000 } else { 1_000_000 });
    let rounds = if quick { 3 } else { 2_000 };
    let mut worlds = [World::new(&server, 1_000).await, World::new(&server, many).await];
    say(&format!("{rounds} rounds, {}", load_average()));
    for round in 0..rounds {
        for world in &mut worlds {
            world.round(round).await;
        }
    }
    let [few, many] = worlds;
    for (kind, (few, many)) in KINDS.iter().zip(few.times.into_iter().zip(many.times)) {
        let ([p50, p99], [p50_many, p99_many]) = (percentiles(few), percentiles(many));
        let ratio = p99_many.as_secs_f64() / p99.as_secs_f64();
        say(&format!(
            "{kind:<21} p50 {p50:9.1?} {p50_many:9.1?}   p99 {p99:9.1?} {p99_many:9.1?}   many : few {ratio:.2}"
        ));
    }
}

/// A database with so many ended jobs, of which a tenth are those of one branch.
struct World {
    store: PostgresStore,
    /// The branch with many.
    long: StoredBranch,
    jobs: u64,
    /// A branch that deploys again and again.
    busy: StoredBranch,
    times: [Vec<Duration>; KINDS.len()],
}

impl World {
    async fn new(server: &Postgres, jobs: u64) -> Self {
        let database = server.database("template1");
        let store =
            PostgresStore::open(&server.url(&database), Options::new(Arc::new(SystemClock))).await.expect("a store");
        let now = SystemClock.now();
        let app = App {
            id: "d1".parse().expect("an id"),
            attributes: Attributes::default(),
            created: now,
            updated: now,
            version: 1,
        };
        store.create_app(&app).await.expect("an app");
        let (long, busy) = (branch(&store, "long").await, branch(&store, "busy").await);
        let first = deployment(&store, &long).await;
        end(&store, &first).await;
        for statement in fill(jobs).split_inclusive(';') {
            server.run(&database, statement);
        }
        Self { store, long, jobs, busy, times: Default::default() }
    }

    async fn round(&mut self, round: u64) {
        let Self { store, long, jobs, busy, times } = self;
        let [get, first, last, start, claimed] = times;
        let of_long = *jobs / 10;
        let job = JobId::new(1 + round * 7919 % of_long);
        get.push(timed(store.named_job(&long.app, &long.name, job)).await.1);
        first.push(timed(store.jobs(long.uid, None, PAGE)).await.1);
        // With a million jobs that is the two thousandth.
        last.push(timed(store.jobs(long.uid, Some(PAGE as u64 + 1), PAGE)).await.1);

        let (made, time) = timed(async { Ok::<_, windlass_store::StoreError>(deployment(store, busy).await) }).await;
        start.push(time);
        let now = SystemClock.now();
        let lease = Lease { runner: RunnerId("bench".to_owned()), until: now + TimeDelta::seconds(30) };
        let claims = Claims { lease, room: 1, in_hand: Vec::new(), concurrent: 5, now };
        let (given, time) = timed(claim(store, &claims)).await;
        assert_eq!(given.first().map(Executed::key), Some(made.key()));
        claimed.push(time);
        end(store, &made).await;
    }
}

async fn timed<T, E: std::fmt::Debug>(work: impl Future<Output = Result<T, E>>) -> (T, Duration) {
    let begun = now();
    let done = work.await.expect("the store works");
    (done, begun.elapsed())
}

async fn branch(store: &dyn Store, name: &str) -> StoredBranch {
    let new = NewBranch {
        app: "d1".parse().expect("an id"),
        name: name.parse().expect("a name"),
        attributes: Attributes::default(),
        created: SystemClock.now(),
    };
    store.create_branch(&new).await.expect("a branch")
}

/// What StartDeployment does with a URL.
async fn deployment(store: &dyn Store, on: &StoredBranch) -> Executed {
    let source = Source::Url { url: "https://example.com/site.zip".into(), url_type: SourceUrlType::Zip };
    let plan = Plan::New(NewJob::manual(source));
    let made = create(store, &on.app, &on.name, &plan, SystemClock.now()).await;
    made.expect("the store works").expect("the branch is free")
}

/// Has time end a job, whatever it does.
async fn end(store: &dyn Store, made: &Executed) {
    let key: JobKey = made.key();
    let later = SystemClock.now() + TimeDelta::days(2);
    let ended = execute(store, Address::Key(key), &[Command::Expire], later, Extras::default()).await;
    assert!(ended.expect("the store works").job.status().is_terminal());
}

/// Copies the first job and its records, so that bodies are real ones: to its own branch, and as many to each of a thousand
/// others.
fn fill(jobs: u64) -> String {
    let (of_long, branches) = (jobs / 10, (jobs / 1_000).max(1));
    let of_each = (jobs - of_long) / branches;
    let columns = "app, seq, birth, progress, content, due, waits, passable, runner, lease";
    format!(
        "INSERT INTO branches (uid, app, name, label, version, body, branch_version, branch)
             SELECT 1000 + n, app, convert_to('b' || n, 'UTF8'), convert_to('b' || n, 'UTF8'), version, body,
                    branch_version, branch
             FROM branches, generate_series(1, {branches}) n WHERE uid = 1;
         INSERT INTO jobs SELECT 1, n, {columns} FROM jobs, generate_series(2, {of_long}) n WHERE branch = 1 AND number = 1;
         INSERT INTO jobs SELECT 1000 + b, n, {columns}
             FROM jobs, generate_series(1, {branches}) b, generate_series(1, {of_each}) n WHERE branch = 1 AND number = 1;
         INSERT INTO records (cursor, branch, number, body)
             SELECT 1000 + row_number() OVER (), j.branch, j.number, r.body
             FROM jobs j, happenings r WHERE r.branch = 1 AND r.number = 1 AND (j.branch, j.number) <> (1, 1);
         UPDATE feed SET last = (SELECT max(cursor) FROM records);
         SELECT setval(pg_get_serial_sequence('branches', 'uid'), (SELECT max(uid) FROM branches));
         VACUUM ANALYZE;"
    )
}

/// p50 and p99.
fn percentiles(mut times: Vec<Duration>) -> [Duration; 2] {
    times.sort_unstable();
    [50, 99].map(|percent| times[(times.len() * percent / 100).min(times.len() - 1)])
}
