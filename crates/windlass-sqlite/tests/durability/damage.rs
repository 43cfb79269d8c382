//! Rows that were overwritten.

use tempfile::TempDir;
use windlass::Command;
use windlass_store::{
    Address, Claims, ExecuteError, Executed, Extras, Lease, RunnerId, Store as _, StoreError, claim, execute,
};

use super::tools::{branch, go_live, make, nine, open, raw};

#[tokio::test]
async fn a_damaged_row_is_named_and_harms_no_other() {
    for (table, column, key, name) in [
        ("apps", "body", "number = 1", "app number 1"),
        ("branches", "body", "uid = 1", "branch 1"),
        ("branches", "branch", "uid = 1", "branch 1"),
        ("jobs", "birth", "branch = 1 AND number = 1", "job 1 of branch 1"),
        ("jobs", "progress", "branch = 1 AND number = 1", "job 1 of branch 1"),
        ("records", "body", "id = 2", "a record of job 1 of branch 1"),
    ] {
        let (directory, damaged, other) = two_jobs().await;
        let overwrite = format!("UPDATE {table} SET {column} = CAST('1{{\"seq\":1,' AS BLOB) WHERE {key}");
        assert_eq!(raw(&directory).execute(&overwrite, []).unwrap(), 1);

        let store = open(&directory);
        let (app, key) = (&damaged.branch.app, damaged.key());
        let reason = match table {
            "apps" => reason(store.app(app).await),
            "branches" => reason(store.branch(app, &damaged.branch.name).await),
            "jobs" => reason(store.job(key).await),
            _ => reason(store.history(key).await),
        };
        assert!(reason.contains(name), "{table}.{column}: {reason}");
        if table == "jobs" {
            let done = execute(&store, Address::Key(key), &[Command::Expire], nine(), Extras::default()).await;
            assert!(matches!(done, Err(ExecuteError::Store(StoreError::Damaged { .. }))), "{done:?}");
        }
        assert_eq!(store.job(other.key()).await.unwrap(), Some(other.job.clone()));
        assert_eq!(store.history(other.key()).await.unwrap().len(), other.job.seq() as usize);
        let candidates = store.work(nine(), 10).await.unwrap().candidates;
        assert_eq!(candidates.first().map(|candidate| candidate.key), Some(other.key()));
    }
}

#[tokio::test]
async fn a_damaged_job_that_waits_is_in_nobodys_way() {
    for damage in ["jobs SET progress = X'317B' WHERE branch = 1", "branches SET branch = X'317B' WHERE uid = 1"] {
        let directory = TempDir::new().expect("a temporary directory");
        let store = open(&directory);
        make(&store, &branch(&store, "main").await, nine()).await;
        let other = make(&store, &branch(&store, "other").await, nine()).await;
        drop(store);
        assert_eq!(raw(&directory).execute(&format!("UPDATE {damage}"), []).unwrap(), 1);
        let lease = Lease { runner: RunnerId("a".to_owned()), until: nine() };
        let claims = Claims { lease, room: 1, in_hand: Vec::new(), concurrent: 1, now: nine() };
        let claimed = claim(&open(&directory), &claims).await.unwrap();
        assert_eq!(claimed.iter().map(Executed::key).collect::<Vec<_>>(), [other.key()], "{damage}");
    }
}

#[tokio::test]
async fn a_history_with_a_hole_or_a_loop_is_damaged() {
    for (damage, name) in [
        ("DELETE FROM records WHERE id = 2", "row 2 is missing"),
        ("UPDATE records SET before = 3 WHERE id = 2", "row 2 follows row 3"),
        ("UPDATE records SET before = 2 WHERE id = 2", "row 2 follows row 2"),
    ] {
        let (directory, damaged, _) = two_jobs().await;
        assert_eq!(raw(&directory).execute(damage, []).unwrap(), 1);
        let reason = reason(open(&directory).history(damaged.key()).await);
        assert!(reason.contains("job 1 of branch 1") && reason.contains(name), "{reason}");
    }
}

#[tokio::test]
async fn an_unknown_format_is_named() {
    let (directory, damaged, _) = two_jobs().await;
    let newer = "UPDATE jobs SET progress = CAST('2{}' AS BLOB) WHERE branch = 1 AND number = 1";
    assert_eq!(raw(&directory).execute(newer, []).unwrap(), 1);
    let reason = reason(open(&directory).job(damaged.key()).await);
    assert!(reason.contains("job 1 of branch 1: format '2'"), "{reason}");
}

/// A store in which job 1 of branch 1 has gone live and job 1 of branch 2 waits.
async fn two_jobs() -> (TempDir, Executed, Executed) {
    let directory = TempDir::new().expect("a temporary directory");
    let store = open(&directory);
    let live = go_live(&store, &make(&store, &branch(&store, "main").await, nine()).await, nine()).await;
    let waits = make(&store, &branch(&store, "other").await, nine()).await;
    (directory, live, waits)
}

fn reason<T: std::fmt::Debug>(answer: Result<T, StoreError>) -> String {
    match answer {
        Err(StoreError::Damaged { reason }) => reason,
        other => panic!("no damage: {other:?}"),
    }
}
