//! What jobs cost a database: bytes at rest by table, bytes of its log, and commits. It makes jobs as a server does that is
//! sent a small zip for each.
//!
//! `footprint postgres://… JOBS AT_ONCE`, on an empty database of which nobody else makes use.

#![expect(clippy::print_stdout, reason = "it is a program that tells figures")]

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use tokio_postgres::{Client, NoTls};
use windlass::{AppId, Artifact, Attempt, BranchName, Command, JobId, NewJob, Report, Source, StepName};
use windlass_postgres::{OpenError, Options, PostgresStore};
use windlass_store::{
    Address, App, Attributes, BranchUid, Extras, JobKey, Lease, ManualClock, NewBranch, Plan, RunnerId, Store, create,
    execute, keys,
};

/// How many branches there are, ten to an app.
const BRANCHES: u64 = 1000;

/// The kept bytes of a job: the zip of a small site, its index, and what two steps logged.
const ZIP: usize = 2051;
const INDEX: usize = 205;
const LOGS: [(&str, usize); 2] = [("DEPLOY", 295), ("VERIFY", 60)];

type Done = Result<(), Box<dyn Error + Send + Sync>>;

#[tokio::main]
async fn main() -> Done {
    let mut arguments = std::env::args().skip(1);
    let (Some(url), Some(jobs), Some(at_once)) = (arguments.next(), arguments.next(), arguments.next()) else {
        return Err("footprint postgres://… JOBS AT_ONCE".into());
    };
    let (jobs, at_once): (u64, u64) = (jobs.parse()?, at_once.parse()?);
    let branches = branches(&open(&url).await?).await?;
    let before = Counts::of(&url).await?;
    let store = Arc::new(open(&url).await?);
    let next = Arc::new(AtomicU64::new(0));
    let workers = (0..at_once.min(BRANCHES)).map(|worker| {
        let (store, next, branches) = (Arc::clone(&store), Arc::clone(&next), branches.clone());
        // A branch has one job at a time, so each has branches of its own.
        let mine = branches.into_iter().skip(worker as usize).step_by(at_once as usize).collect::<Vec<_>>();
        tokio::spawn(async move {
            for branch in mine.iter().cycle() {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= jobs {
                    break;
                }
                live(&*store, branch, number).await?;
            }
            Done::Ok(())
        })
    });
    for worker in workers.collect::<Vec<_>>() {
        worker.await??;
    }
    drop(store);
    let after = Counts::of(&url).await?;
    println!("{jobs} jobs, {at_once} at a time");
    println!("  {:>8.1} bytes of log a job", per(after.log - before.log, jobs));
    println!("  {:>8.2} transactions a job, reading ones too", per(after.transactions - before.transactions, jobs));
    println!("  {:>8.2} syncs of the log a job", per(after.syncs - before.syncs, jobs));
    println!("  {:>8.2} whole pages in the log a job", per(after.pages - before.pages, jobs));
    for ((table, after), (_, before)) in after.tables.iter().zip(&before.tables) {
        println!("  {:>8.1} bytes a job of {table}", per(after - before, jobs));
    }
    Ok(())
}

async fn open(url: &str) -> Result<PostgresStore, OpenError> {
    PostgresStore::open(url, Options::new(Arc::new(ManualClock::at(DateTime::UNIX_EPOCH)))).await
}

fn per(all: i64, jobs: u64) -> f64 {
    all as f64 / jobs as f64
}

type Named = (BranchUid, AppId, BranchName);

async fn branches(store: &dyn Store) -> Result<Vec<Named>, Box<dyn Error + Send + Sync>> {
    let mut branches = Vec::new();
    let now = DateTime::UNIX_EPOCH;
    for number in 0..BRANCHES {
        let (app, name): (AppId, BranchName) =
            (format!("d{:013}", number / 10).parse()?, format!("b{}", number % 10).parse()?);
        if number % 10 == 0 {
            let (id, attributes) = (app.clone(), Attributes::new());
            store.create_app(&App { id, attributes, created: now, updated: now, version: 1 }).await?;
        }
        let new = NewBranch { app: app.clone(), name: name.clone(), attributes: Attributes::new(), created: now };
        branches.push((store.create_branch(&new).await?.uid, app, name));
    }
    Ok(branches)
}

/// A job from CreateDeployment to SUCCEED, in the five commits in which a server stores it.
async fn live(store: &dyn Store, (uid, app, name): &Named, number: u64) -> Done {
    let now = DateTime::<Utc>::UNIX_EPOCH + TimeDelta::milliseconds(1_767_258_000_000 + number.cast_signed());
    let bytes = |size: usize| Bytes::from((0..size).map(|at| (at as u64 * 31 + number * 7) as u8).collect::<Vec<_>>());
    let once = |part: u64| (keys::once(1, &format!("{:064x}", number * 2 + part)), bytes(125));
    let made = create(store, app, name, &Plan::New(NewJob::manual(Source::Zip)), now).await??;
    let key = JobKey { branch: *uid, job: made.job.id() };
    let object = 0x4969_ea3e_2b64_0000 + number;
    let artifact = Artifact { job: JobId::new(key.job.get()), object };
    let given = async |commands: &[Command], extras| {
        let done = execute(store, Address::Key(key), commands, now, extras).await?;
        done.answer.map_err(Box::<dyn Error + Send + Sync>::from)
    };
    let zip = Extras { blobs: vec![(keys::zip(*uid, artifact), bytes(ZIP)), once(0)], ..Extras::default() };
    given(&[Command::Upload { slot: 0, object }], zip).await?;
    given(&[Command::Start], Extras { blobs: vec![once(1)], ..Extras::default() }).await?;
    let attempt = Attempt::new(1);
    let says = |report| Command::Report { attempt, report };
    let lease =
        Lease { runner: RunnerId(format!("{number:016x}")), until: DateTime::UNIX_EPOCH + TimeDelta::seconds(30) };
    let claimed = [Command::Claim, says(Report::Provisioned), says(Report::StepStarted(StepName::Deploy))];
    given(&claimed, Extras { lease: Some(lease), ..Extras::default() }).await?;
    let ended = [
        says(Report::StepEnded(StepName::Deploy)),
        says(Report::StepStarted(StepName::Verify)),
        says(Report::StepEnded(StepName::Verify)),
        says(Report::Succeeded { artifact }),
    ];
    let mut blobs = vec![(keys::index(*uid, artifact), bytes(INDEX))];
    blobs.extend(LOGS.map(|(step, size)| (keys::log(key, step, attempt), bytes(size))));
    given(&ended, Extras { blobs, ..Extras::default() }).await
}

/// What the database has counted.
struct Counts {
    log: i64,
    transactions: i64,
    syncs: i64,
    pages: i64,
    tables: Vec<(String, i64)>,
}

impl Counts {
    /// Once nobody else is connected any more who might still have something to count.
    async fn of(url: &str) -> Result<Self, Box<dyn Error + Send + Sync>> {
        let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
        let connection = tokio::spawn(connection);
        let number = async |query: &str| -> Result<i64, tokio_postgres::Error> {
            client.query_one(query, &[]).await?.try_get(0)
        };
        let others =
            "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()";
        while number(others).await? > 0 {
            tokio::task::yield_now().await;
        }
        let log = number("SELECT (pg_current_wal_lsn() - '0/0'::pg_lsn)::bigint").await?;
        let transactions =
            number("SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()").await?;
        let syncs = number("SELECT wal_sync FROM pg_stat_wal").await?;
        let pages = number("SELECT wal_fpi FROM pg_stat_wal").await?;
        let tables = tables(&client).await?;
        drop(client);
        connection.await??;
        Ok(Self { log, transactions, syncs, pages, tables })
    }
}

async fn tables(client: &Client) -> Result<Vec<(String, i64)>, tokio_postgres::Error> {
    let query = "SELECT c.relname::text || ' (' || pg_relation_size(c.oid) / 1024 || ' kB of rows)', pg_total_relation_size(c.oid)
         FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
         WHERE c.relkind = 'r' AND n.nspname = 'public' ORDER BY c.relname";
    let rows = client.query(query, &[]).await?;
    rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).collect()
}
