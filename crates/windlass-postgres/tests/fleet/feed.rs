//! Whoever follows what happens misses nothing, however commits overlap.

use std::sync::Arc;

use windlass_store::Store as _;
use windlass_testkit::Postgres;

use crate::{branch, client, make, open, somebody_waits, stop, two};

pub(crate) async fn a_later_place_is_never_seen_before_an_earlier_one() {
    let server = Postgres::start().unwrap();
    let url = server.url(&server.database("template1"));
    let (store, mut slow) = (Arc::new(open(&url).await), client(&url).await);
    let on = branch(&*store, "main").await;
    let made = make(&*store, &on).await;
    let before = store.last_happening().await.unwrap();

    // Another process has drawn its place, and its commit takes long.
    let early = slow.transaction().await.unwrap();
    early.batch_execute("UPDATE feed SET last = last + 1").await.unwrap();
    let copy = "INSERT INTO records (cursor, branch, number, body) SELECT (SELECT last FROM feed), 99, 1, body FROM records LIMIT 1";
    early.batch_execute(copy).await.unwrap();
    let mut late = tokio::spawn({
        let (store, made) = (Arc::clone(&store), made.clone());
        async move { stop(&*store, &made).await }
    });
    let watch = client(&url).await;
    tokio::select! {
        () = somebody_waits(&watch) => {}
        _ = &mut late => panic!("its place would be seen before an earlier one"),
    }
    assert_eq!(store.last_happening().await.unwrap(), before);
    assert!(store.happenings(before, 9).await.unwrap().is_empty());
    early.commit().await.unwrap();
    late.await.unwrap();
    let branches = store.happenings(before, 9).await.unwrap().into_iter().map(|found| found.key.branch.0);
    assert_eq!(branches.collect::<Vec<_>>(), [99, on.uid.0]);
}

pub(crate) async fn a_follower_sees_all_that_many_store_at_once() {
    let server = Postgres::start().unwrap();
    let (here, there) = two(&server).await;
    let mut writers = tokio::task::JoinSet::new();
    for n in 0..8 {
        let store = Arc::clone(if n % 2 == 0 { &here } else { &there });
        writers.spawn(async move {
            let on = branch_on(&store, n).await;
            for _ in 0..20 {
                let made = make(&*store, &on).await;
                stop(&*store, &made).await;
            }
        });
    }
    let follows = async {
        let mut followed = Vec::new();
        // Three records of each job.
        while followed.len() < 8 * 20 * 3 {
            let cursor = followed.last().copied().unwrap_or(0);
            followed.extend(there.happenings(cursor, 7).await.unwrap().into_iter().map(|found| found.cursor));
        }
        followed
    };
    let writes = async {
        while let Some(done) = writers.join_next().await {
            done.unwrap();
        }
        here.last_happening().await.unwrap()
    };
    let (followed, last) = tokio::join!(follows, writes);
    assert_eq!(last, 8 * 20 * 3);
    let all: Vec<_> = here.happenings(0, usize::MAX).await.unwrap().into_iter().map(|found| found.cursor).collect();
    assert_eq!(followed, all);
}

async fn branch_on(store: &windlass_postgres::PostgresStore, n: usize) -> windlass_store::StoredBranch {
    let id = format!("d{n}").parse().unwrap();
    let app = windlass_store::App {
        id,
        attributes: Default::default(),
        created: crate::noon(),
        updated: crate::noon(),
        version: 1,
    };
    store.create_app(&app).await.unwrap();
    let new = windlass_store::NewBranch {
        app: app.id,
        name: "main".parse().unwrap(),
        attributes: Default::default(),
        created: crate::noon(),
    };
    store.create_branch(&new).await.unwrap()
}
