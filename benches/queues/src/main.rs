//! An empty job in other job queues on PostgreSQL: enqueued on its own, claimed, done. Each process enqueues and works, as
//! each of ours does; the bench `fleet` starts as many as it wants and looks at the database for when all is done.
//!
//! `windlass-bench-queues apalis|graphile URL JOBS PRODUCERS WORKERS`: makes the tables, says `ready`, waits for a line, then
//! enqueues that many jobs with that many tasks, says `enqueued`, and works on until its input ends.

use std::io::BufRead as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use apalis::layers::WorkerBuilderExt as _;
use apalis::prelude::*;
use apalis_postgres::{Config, PgPool, PostgresStorage};
use graphile_worker::{IntoTaskHandlerResult, JobSpec, LocalQueueConfig, TaskHandler, WorkerContext, WorkerOptions};
use serde::{Deserialize, Serialize};
use sqlx::postgres::PgPoolOptions;
use tokio::task::JoinSet;

#[tokio::main]
async fn main() {
    let args: Vec<String> = std::env::args().collect();
    let number = |at: usize| args[at].parse::<usize>().expect("a number");
    let plan = Plan { jobs: number(3), producers: number(4), workers: number(5) };
    match args[1].as_str() {
        "apalis" => apalis(&args[2], plan).await,
        "graphile" => graphile(&args[2], plan, false).await,
        "graphile-batched" => graphile(&args[2], plan, true).await,
        other => panic!("{other} is no queue"),
    }
}

#[derive(Clone, Copy)]
struct Plan {
    jobs: usize,
    producers: usize,
    workers: usize,
}

impl Plan {
    /// Enqueues all jobs, each on its own, and says so.
    async fn enqueue<F: Future<Output = ()> + Send>(self, enqueue: impl Fn() -> F + Clone + Send + 'static) {
        let left = Arc::new(AtomicI64::new(i64::try_from(self.jobs).expect("not so many")));
        let mut producers = JoinSet::new();
        for _ in 0..self.producers {
            let (left, enqueue) = (Arc::clone(&left), enqueue.clone());
            producers.spawn(async move {
                while left.fetch_sub(1, Ordering::Relaxed) > 0 {
                    enqueue().await;
                }
            });
        }
        producers.join_all().await;
        println!("enqueued");
    }
}

/// Waits for a line, or for the end of the input.
async fn told() {
    println!("ready");
    line().await;
}

async fn line() {
    tokio::task::spawn_blocking(|| std::io::stdin().lock().read_line(&mut String::new())).await.expect("a thread").expect("input");
}

async fn pool(url: &str) -> PgPool {
    PgPoolOptions::new().max_connections(24).connect(url).await.expect("the database")
}

#[derive(Serialize, Deserialize)]
struct Empty {
    number: u32,
}

impl TaskHandler for Empty {
    const IDENTIFIER: &'static str = "empty";

    async fn run(self, _: WorkerContext) -> impl IntoTaskHandlerResult {
        Ok::<(), String>(())
    }
}

async fn graphile(url: &str, plan: Plan, batched: bool) {
    let options = WorkerOptions::default().pg_pool(pool(url).await).concurrency(plan.workers).schema("graphile_worker");
    let options = if batched {
        options
            .local_queue(LocalQueueConfig::default().with_size(100))
            .complete_job_batch_delay(Duration::from_millis(1))
    } else {
        options
    };
    let worker = Arc::new(options.define_job::<Empty>().init().await.expect("a worker"));
    let utils = worker.create_utils();
    told().await;
    let works = tokio::spawn(async move { worker.run().await });
    plan.enqueue(move || {
        let utils = utils.clone();
        async move {
            utils.add_job(Empty { number: 1 }, JobSpec::default()).await.expect("a job");
        }
    })
    .await;
    tokio::select! {
        ended = works => panic!("the worker ended: {ended:?}"),
        () = line() => {}
    }
}

async fn apalis(url: &str, plan: Plan) {
    let pool = pool(url).await;
    PostgresStorage::setup(&pool).await.expect("tables");
    let backend = PostgresStorage::<u32>::new(&pool).with_config(Config::default().queue("empty").batch_size(100));
    let pushing = backend.clone();
    async fn empty(_: u32) -> Result<(), BoxDynError> {
        Ok(())
    }
    let worker = WorkerBuilder::new(format!("worker-{}", std::process::id()))
        .backend(backend.with_pubsub())
        .concurrency(plan.workers)
        .build(empty);
    told().await;
    let works = tokio::spawn(worker.run());
    plan.enqueue(move || {
        let mut pushing = pushing.clone();
        async move { pushing.push(1).await.expect("a job") }
    })
    .await;
    tokio::select! {
        ended = works => panic!("the worker ended: {ended:?}"),
        () = line() => {}
    }
}
