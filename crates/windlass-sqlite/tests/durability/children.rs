//! Processes of their own: this very program, told to run one of its tests.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Command, Stdio};
use std::sync::Arc;

use bytes::Bytes;
use chrono::TimeDelta;
use tempfile::TempDir;
use tokio::task::JoinSet;
use windlass::{JobId, NewJob, Source};
use windlass_sqlite::{OpenError, SqliteStore};
use windlass_store::conformance::Everything;
use windlass_store::{BranchUid, Extras, JobKey, Plan, Store, StoreError, create};

use super::tools::{branch, give, go_live, nine, refusal};

/// Where a child works.
pub(crate) const DIRECTORY: &str = "WINDLASS_TEST_DIRECTORY";
const LIFE: &str = "WINDLASS_TEST_LIFE";
const ACKNOWLEDGED: &str = "acknowledged ";

/// Lets a child work, kills it after so many lines, and answers which records were acknowledged.
pub(crate) fn work_until_killed(directory: &TempDir, life: usize, lines: usize) -> Vec<(JobKey, u32)> {
    let mut child = Command::new(std::env::current_exe().expect("this program"))
        .args(["--exact", "children::a_child_that_works_until_it_is_killed", "--ignored", "--nocapture"])
        .env(DIRECTORY, directory.path())
        .env(LIFE, life.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .expect("a child");
    let mut said = BufReader::new(child.stdout.take().expect("its output")).lines();
    let mut records = Vec::new();
    while records.len() < lines {
        let line = said.next().expect("it works until it is killed").expect("it can be read");
        records.extend(acknowledged(&line));
    }
    assert!(matches!(refusal(directory), OpenError::InUse(_)), "the child has the directory");
    child.kill().expect("it can be killed");
    // What it said before it died counts as well.
    records.extend(said.map_while(Result::ok).filter_map(|line| acknowledged(&line)));
    child.wait().expect("it is dead");
    records
}

fn acknowledged(line: &str) -> Option<(JobKey, u32)> {
    let (_, words) = line.split_once(ACKNOWLEDGED)?;
    let mut words = words.split(' ');
    let branch = BranchUid(words.next()?.parse().ok()?);
    let job = words.next()?.parse::<JobId>().ok()?;
    Some((JobKey { branch, job }, words.next()?.parse().ok()?))
}

/// What rides along with the upload of a job.
pub(crate) fn blob(key: JobKey) -> String {
    format!("{}/{}/zip", key.branch, key.job)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "it is started by a_kill_loses_nothing_that_was_acknowledged"]
async fn a_child_that_works_until_it_is_killed() {
    let store: Arc<dyn Store> = Arc::new(SqliteStore::open(std::env::var(DIRECTORY).unwrap().as_ref()).unwrap());
    let life: i64 = std::env::var(LIFE).unwrap().parse().unwrap();
    let mut tasks = JoinSet::new();
    for name in ["1", "2", "3", "4", "5", "6"] {
        let store = Arc::clone(&store);
        tasks.spawn(async move {
            let on = branch(&*store, name).await;
            // So late that whatever an earlier life left undone is overdue.
            let now = nine() + TimeDelta::days(2 * life);
            loop {
                let plan = Plan::New(NewJob::manual(Source::Zip));
                let made = create(&*store, &on.app, &on.name, &plan, now).await.unwrap().unwrap();
                println!("{ACKNOWLEDGED}{} {} {}", on.uid, made.job.id(), made.job.seq());
                let upload = windlass::Command::Upload { slot: 0, object: 1 };
                let extras = Extras { blobs: vec![(blob(made.key()), vec![7; 10_000].into())], ..Extras::default() };
                let uploaded = give(&*store, &made, upload, now, extras).await;
                println!("{ACKNOWLEDGED}{} {} {}", on.uid, made.job.id(), uploaded.job.seq());
                give(&*store, &made, windlass::Command::Start, now, Extras::default()).await;
                let live = go_live(&*store, &made, now).await;
                println!("{ACKNOWLEDGED}{} {} {}", on.uid, made.job.id(), live.job.seq());
            }
        });
    }
    tasks.join_all().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "it is started by a_full_disk_refuses_and_loses_nothing"]
async fn a_child_that_fills_the_disk() {
    let directory = std::path::PathBuf::from(std::env::var(DIRECTORY).unwrap());
    let ballast = directory.join("ballast");
    File::create(&ballast).unwrap().write_all(&[0; 1 << 20]).unwrap();
    let store = SqliteStore::open(&directory.join("data")).unwrap();
    let on = branch(&store, "main").await;

    let mut kept = Vec::new();
    let refused = loop {
        let now = nine() + TimeDelta::days(kept.len() as i64);
        let plan = Plan::New(NewJob::manual(Source::Zip));
        let made = match create(&store, &on.app, &on.name, &plan, now).await {
            Ok(made) => made.unwrap(),
            Err(error) => break error.to_string(),
        };
        let key = blob(made.key());
        match store.put_blob(&key, Bytes::from(vec![7; 20_000])).await {
            Ok(()) => kept.push(key),
            Err(error) => break error.to_string(),
        }
    };
    assert!(refused.contains("full"), "{refused}");
    assert!(kept.len() > 20, "only {} were kept", kept.len());
    for _ in 0..20 {
        let again = store.put_blob("too much", vec![7; 200_000].into()).await;
        assert!(matches!(again, Err(StoreError::Unavailable { .. })), "{again:?}");
    }
    check(&store, &kept).await;

    std::fs::remove_file(&ballast).unwrap();
    store.put_blob("now", "there is room".into()).await.unwrap();
    drop(store);
    let store = SqliteStore::open(&directory.join("data")).unwrap();
    check(&store, &kept).await;
    assert_eq!(store.blob("now").await.unwrap(), Some("there is room".into()));
    assert_eq!(store.blob("too much").await.unwrap(), None);
}

async fn check(store: &dyn Store, kept: &[String]) {
    Everything::of(store).await.expect("it can still be read").check("on a full disk");
    for key in kept {
        assert_eq!(store.blob(key).await.expect("it can still be read").map(|bytes| bytes.len()), Some(20_000));
    }
}
