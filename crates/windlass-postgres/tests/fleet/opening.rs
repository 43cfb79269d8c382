//! How a store comes to its tables.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta};
use futures_util::future::join_all;
use windlass::{Attempt, JobStatus};
use windlass_postgres::{Options, PostgresStore};
use windlass_store::conformance::Everything;
use windlass_store::{BranchUid, Claims, Lease, ManualClock, RunnerId, Store as _, claim};
use windlass_testkit::Postgres;

use crate::{client, noon, open, open_with};

pub(crate) async fn a_database_of_the_first_version_is_brought_forward() {
    let server = Postgres::start().unwrap();
    let database = server.database("template1");
    server.run(&database, include_str!("made_by_v1.sql"));
    // Just after its last change.
    let now = DateTime::from_timestamp_millis(1_796_031_200_000).unwrap();
    let store = open_with(&server.url(&database), Arc::new(ManualClock::at(now))).await;

    let all = Everything::of(&store).await.unwrap();
    all.check("from the first version");
    let statuses: Vec<_> =
        all.jobs.iter().map(|(key, job, history)| (key.branch.0, job.status(), history.len())).collect();
    assert_eq!(statuses, [(1, JobStatus::Succeed, 10), (2, JobStatus::Running, 5), (3, JobStatus::Pending, 2)]);
    let live = all.branches[0].branch.live().unwrap();
    assert!(store.blob(&windlass_store::keys::zip(BranchUid(1), live.artifact)).await.unwrap().is_some());
    assert_eq!(store.last_happening().await.unwrap(), 17);
    assert_eq!(store.happenings(0, 99).await.unwrap().len(), 17);
    assert_eq!(store.secret().await.unwrap(), [7; 32]);

    // It goes on where that version stopped: its runner is lost.
    let lease = Lease { runner: RunnerId("new".to_owned()), until: now + TimeDelta::minutes(1) };
    let claims = Claims { lease, room: 9, in_hand: Vec::new(), concurrent: 5, now };
    let claimed = claim(&store, &claims).await.unwrap();
    let claimed: Vec<_> = claimed.iter().map(|claimed| (claimed.branch.uid.0, claimed.job.attempt())).collect();
    assert_eq!(claimed, [(2, Attempt::new(2)), (3, Attempt::new(1))]);
    Everything::of(&store).await.unwrap().check("after a claim");
    // And whoever opens it next finds it done.
    drop(store);
    open(&server.url(&database)).await;
    let migrations = "SELECT count(*) FROM refinery_schema_history WHERE version > 1";
    assert_ne!(server.run(&database, migrations), "0");
}

pub(crate) async fn whoever_comes_while_tables_are_being_made_waits_however_long_that_takes() {
    let server = Postgres::start().unwrap();
    let url = server.url(&server.database("template1"));
    let slow = client(&url).await;
    slow.execute("SELECT pg_advisory_lock(x'77696e646c617373'::bigint)", &[]).await.unwrap();
    let limit = Duration::from_millis(300);
    let clock = Arc::new(ManualClock::at(noon()));
    let options = Options { statement_timeout: limit, lock_timeout: limit, ..Options::new(clock) };
    let mut opens = tokio::spawn(async move { PostgresStore::open(&url, options).await.map(drop) });

    // By the server's clock it has waited longer than anything else may.
    let watch = client(&server.url("postgres")).await;
    let long = "SELECT 1 FROM pg_stat_activity
         WHERE wait_event = 'advisory' AND clock_timestamp() - query_start > interval '700 ms'";
    while watch.query(long, &[]).await.unwrap().is_empty() {
        assert!(!opens.is_finished(), "it gave up: {:?}", (&mut opens).await);
        tokio::task::yield_now().await;
    }
    drop(slow);
    opens.await.unwrap().unwrap();
}

pub(crate) async fn many_that_open_a_new_database_at_once_make_its_tables_once() {
    let server = Postgres::start().unwrap();
    let database = server.database("template1");
    let url = server.url(&database);
    let stores = join_all((0..8).map(|_| open(&url))).await;
    for store in &stores {
        assert_eq!(store.last_happening().await.unwrap(), 0);
    }
    let twice = "SELECT count(*) - count(DISTINCT version) FROM refinery_schema_history";
    assert_eq!(server.run(&database, twice), "0");
}
