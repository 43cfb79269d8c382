//! What outlives a process, a crash and a full disk, and who may open a directory.

mod children;
mod damage;
mod tools;

use std::process::Command;

use chrono::TimeDelta;
use tempfile::TempDir;
use tokio::task::JoinSet;
use windlass::{Event, JobId};
use windlass_sqlite::{OpenError, SqliteStore};
use windlass_store::conformance::Everything;
use windlass_store::{Address, JobKey, Store as _, delete_job};

use tools::{branch, claim, go_live, lease, make, nine, open, raw, refusal};

#[tokio::test]
async fn a_directory_belongs_to_one_store() {
    let directory = TempDir::new().unwrap();
    let first = open(&directory);
    for _ in 0..2 {
        let refused = refusal(&directory);
        assert!(matches!(&refused, OpenError::InUse(path) if path == directory.path()));
        assert!(refused.to_string().contains(directory.path().to_str().unwrap()), "{refused}");
    }
    branch(&first, "main").await;
    drop(first);
    assert_eq!(Everything::of(&open(&directory)).await.unwrap().branches.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_log_begins_again_although_someone_always_reads() {
    let directory = TempDir::new().unwrap();
    let store = std::sync::Arc::new(open(&directory));
    let uid = branch(&*store, "main").await.uid;
    let mut readers = JoinSet::new();
    for _ in 0..6 {
        let store = std::sync::Arc::clone(&store);
        readers.spawn(async move {
            loop {
                store.branch_by_uid(uid).await.unwrap();
                tokio::task::yield_now().await;
            }
        });
    }
    // Four times as much as the log holds before it begins again.
    for number in 0..64 {
        store.put_blob(&format!("{uid}/{number}"), vec![7; 512 * 1024].into()).await.unwrap();
    }
    readers.shutdown().await;
    let log = std::fs::metadata(directory.path().join("windlass.db-wal")).unwrap().len();
    assert!(log < 16 << 20, "the log has {log} bytes");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_directory_is_free_as_soon_as_its_store_is_dropped() {
    let directory = TempDir::new().unwrap();
    for round in 0..20 {
        let store = std::sync::Arc::new(open(&directory));
        let mut tasks = JoinSet::new();
        for number in 0..8 {
            let store = std::sync::Arc::clone(&store);
            tasks.spawn(async move { store.put_blob(&format!("{round}/{number}"), vec![0; 5000].into()).await });
        }
        // Some are written, some wait for the writer, and nobody waits for them any more.
        tasks.join_next().await.unwrap().unwrap().unwrap();
        tasks.shutdown().await;
        drop(store);
    }
    open(&directory);
}

#[tokio::test]
async fn everything_is_found_again() {
    let directory = TempDir::new().unwrap();
    let store = open(&directory);
    let (main, other) = (branch(&store, "main").await, branch(&store, "feature/x").await);
    for day in 0..3 {
        let made = make(&store, &main, nine() + TimeDelta::days(day)).await;
        go_live(&store, &made, nine() + TimeDelta::days(day)).await;
    }
    make(&store, &other, nine()).await;
    store.put_blob("1/a", "bytes".into()).await.unwrap();
    let (secret, before) = (store.secret().await.unwrap(), Everything::of(&store).await.unwrap());
    drop(store);

    let store = open(&directory);
    let after = Everything::of(&store).await.unwrap();
    after.check("after a restart");
    assert_eq!(after, before);
    assert_eq!(store.secret().await.unwrap(), secret);
    assert_eq!(store.blob("1/a").await.unwrap(), Some("bytes".into()));
    assert_eq!(store.site(&main.app, "main").await.unwrap().unwrap().live.unwrap().job, JobId::new(3));
    assert_eq!(make(&store, &main, nine()).await.job.id(), JobId::new(4));
}

#[tokio::test]
async fn holds_of_an_earlier_life_are_over() {
    let directory = TempDir::new().unwrap();
    let store = open(&directory);
    let made = make(&store, &branch(&store, "main").await, nine()).await;
    claim(&store, &made, nine(), lease("a", nine() + TimeDelta::hours(1))).await;
    assert_eq!(store.work(nine(), 10).await.unwrap().candidates, []);
    drop(store);

    let work = open(&directory).work(nine(), 10).await.unwrap();
    assert_eq!(work.working, []);
    let lost: Vec<_> = work.candidates.into_iter().map(|candidate| (candidate.key, candidate.lost)).collect();
    assert_eq!(lost, [(made.key(), true)]);
}

#[tokio::test]
async fn branches_that_are_gone_leave_no_number_behind() {
    let directory = TempDir::new().unwrap();
    let store = open(&directory);
    let old = branch(&store, "main").await;
    store.delete_branch(old.uid).await.unwrap();
    drop(store);
    assert!(branch(&open(&directory), "main").await.uid > old.uid);
}

#[tokio::test]
async fn what_is_deleted_leaves_no_row_behind() {
    let directory = TempDir::new().unwrap();
    let store = open(&directory);
    let (main, other) = (branch(&store, "main").await, branch(&store, "other").await);
    for on in [&main, &main, &other] {
        let made = make(&store, on, nine()).await;
        go_live(&store, &made, nine()).await;
    }
    let left = |table| {
        let count = format!("SELECT COUNT(*) FROM {table}");
        raw(&directory).query_row(&count, [], |row| row.get::<_, i64>(0)).unwrap()
    };
    assert_eq!(["records", "jobs", "branches"].map(left), [15, 3, 2]);
    let first = JobKey { branch: main.uid, job: JobId::FIRST };
    delete_job(&store, Address::Key(first), nine()).await.unwrap().unwrap();
    assert_eq!(["records", "jobs", "branches"].map(left), [10, 2, 2]);
    store.delete_branch(other.uid).await.unwrap();
    assert_eq!(["records", "jobs", "branches"].map(left), [5, 1, 1]);
    store.delete_app(&main.app).await.unwrap();
    assert_eq!(["records", "jobs", "branches"].map(left), [0, 0, 0]);
}

#[test]
fn tables_of_a_newer_version_are_refused() {
    let directory = TempDir::new().unwrap();
    drop(open(&directory));
    raw(&directory)
        .execute(
            "INSERT INTO refinery_schema_history (version, name, applied_on, checksum)
             SELECT version + 98, 'later', applied_on, checksum FROM refinery_schema_history WHERE version = 1",
            [],
        )
        .unwrap();
    let refused = refusal(&directory);
    assert!(matches!(&refused, OpenError::Newer { .. }), "{refused:?}");
    let words = refused.to_string();
    assert!(words.contains("newer version") && words.contains("V99__later"), "{words}");
    assert!(words.contains(directory.path().to_str().unwrap()), "{words}");
    // Nothing holds the directory after a refusal.
    assert!(matches!(refusal(&directory), OpenError::Newer { .. }));
}

#[test]
fn what_is_no_database_is_refused() {
    let directory = TempDir::new().unwrap();
    std::fs::write(directory.path().join("windlass.db"), "this is a text, and a long one, as texts go").unwrap();
    assert!(matches!(refusal(&directory), OpenError::Database { .. }));
    let file = directory.path().join("windlass.db");
    assert!(matches!(SqliteStore::open(&file).map(drop), Err(OpenError::Io { path, .. }) if path == file));
}

#[test]
fn a_kill_loses_nothing_that_was_acknowledged() {
    let directory = TempDir::new().unwrap();
    let mut all = std::collections::BTreeMap::<JobKey, u32>::new();
    for (life, lines) in [1, 7, 50, 200, 500].into_iter().enumerate() {
        for (key, seq) in children::work_until_killed(&directory, life, lines) {
            let known = all.entry(key).or_default();
            *known = seq.max(*known);
        }
        let store = open(&directory);
        let runtime = tokio::runtime::Builder::new_multi_thread().build().unwrap();
        runtime.block_on(async {
            Everything::of(&store).await.unwrap().check("after a kill");
            for (key, seq) in &all {
                let history = store.history(*key).await.unwrap();
                assert!(history.len() >= *seq as usize, "record {seq} of {key:?} is lost: {history:?}");
                let rode = store.blob(&children::blob(*key)).await.unwrap().is_some();
                let uploaded = history.iter().any(|record| matches!(record.event, Event::Uploaded { .. }));
                assert_eq!(rode, uploaded, "what rode along with the upload of {key:?}: {history:?}");
            }
        });
    }
}

#[test]
#[cfg(target_os = "linux")]
fn a_full_disk_refuses_and_loses_nothing() {
    let directory = TempDir::new().unwrap();
    // A mount namespace of its own, so that nothing is left behind.
    let mounted = Command::new("unshare")
        .args(["--mount", "sh", "-c", "mount -t tmpfs -o size=4m tmpfs \"$0\" || exit 77; exec \"$@\""])
        .arg(directory.path())
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "children::a_child_that_fills_the_disk", "--ignored", "--nocapture"])
        .env(children::DIRECTORY, directory.path())
        .output();
    match mounted {
        Ok(output) if output.status.success() => {}
        Ok(output) if output.status.code() == Some(101) => panic!("{}", String::from_utf8_lossy(&output.stdout)),
        other => println!("SKIPPED, for no small file system can be mounted here: {other:?}"),
    }
}
