//! Changes share commits.

use std::sync::Arc;

use futures_util::future::join_all;
use futures_util::poll;
use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;
use windlass::{Command, Job};
use windlass_postgres::{Options, PostgresStore};
use windlass_store::{Append, Commits, Executed, ManualClock, Store as _};
use windlass_testkit::Postgres;

use crate::{branch, client, make, noon, somebody_waits};

pub(crate) async fn commands_that_arrive_together_are_committed_together() {
    let server = Postgres::start().unwrap();
    let url = server.url(&server.database("template1"));
    let clock = Arc::new(ManualClock::at(noon()));
    let (commits, mut registry) = (Commits::new(clock.clone()), Registry::default());
    commits.register(&mut registry);
    let store = PostgresStore::open(&url, Options { commits: Some(commits), ..Options::new(clock) }).await.unwrap();
    let mut stops = Vec::new();
    for n in 0..41 {
        stops.push(stop(&make(&store, &branch(&store, &format!("{n}")).await).await));
    }
    let counted = |name: &str| {
        let mut page = String::new();
        encode(&mut page, &registry).unwrap();
        let line = page.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')).unwrap();
        line.parse::<f64>().unwrap()
    };
    let counts = || (counted("store_commit_changes_count"), counted("store_commit_changes_sum"));
    // An app, and branches and jobs, each alone since nobody else was there.
    assert_eq!(counts(), (83.0, 83.0));
    assert_eq!(counted("store_commit_duration_seconds_count"), 83.0);

    // While one is being committed, which takes long, others come.
    let mut slow = client(&url).await;
    let holds = slow.transaction().await.unwrap();
    holds.batch_execute("UPDATE feed SET last = last").await.unwrap();
    let mut first = Box::pin(store.append(stops.pop().unwrap()));
    assert!(poll!(&mut first).is_pending());
    somebody_waits(&client(&url).await).await;
    let mut others = Box::pin(join_all(stops.into_iter().map(|stop| store.append(stop))));
    assert!(poll!(&mut others).is_pending());
    holds.commit().await.unwrap();
    first.await.unwrap();
    others.await.into_iter().for_each(Result::unwrap);
    assert_eq!(counts(), (85.0, 83.0 + 41.0), "forty that came together are two commits or more");
    assert_eq!(counted("store_commits_failed_total"), 0.0);

    // What the database refuses to do is no commit.
    server.run(&url[url.rfind('/').unwrap() + 1..], "ALTER TABLE apps RENAME TO gone");
    let app = windlass_store::App {
        id: "d2".parse().unwrap(),
        attributes: Default::default(),
        created: noon(),
        updated: noon(),
        version: 1,
    };
    store.create_app(&app).await.unwrap_err();
    assert_eq!((counts().0, counted("store_commits_failed_total")), (85.0, 1.0));
}

/// What is to be stored when a job that waits is stopped.
fn stop(made: &Executed) -> Append {
    let Executed { branch, job, .. } = made;
    let change = branch.branch.handle(job, &Command::Stop { by: None }, noon());
    Append {
        app: branch.app.clone(),
        key: made.key(),
        expected_seq: Job::seq(job),
        records: change.records,
        job: change.job,
        branch: Some((branch.branch_version, change.branch)),
        lease: None,
        blobs: Vec::new(),
    }
}
