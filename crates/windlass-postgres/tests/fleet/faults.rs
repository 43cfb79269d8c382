//! A database that goes away and comes back, and connections that break at the worst moment.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::net::{UnixListener, UnixStream};
use tokio::task::JoinSet;
use windlass::{Job, JobStatus};
use windlass_store::{Address, ExecuteError, Extras, Store, StoreError, create, execute};
use windlass_testkit::Postgres;

use crate::{branch, client, make, noon, open, plan, somebody_waits};

pub(crate) async fn nothing_acknowledged_is_lost_when_the_server_is_killed_under_load() {
    // One that waits for the disk.
    let mut server = Postgres::start_with("-c fsync=on").unwrap();
    let database = server.database("template1");
    let store = Arc::new(open(&server.url(&database)).await);
    let mut news = store.notices();
    let done = Arc::new(AtomicBool::new(false));
    let mut clients = JoinSet::new();
    for n in 0..6 {
        let on = branch(&*store, &format!("{n}")).await;
        let (store, done) = (Arc::clone(&store), Arc::clone(&done));
        clients.spawn(async move {
            let mut acknowledged = Vec::new();
            while !done.load(Ordering::Relaxed) {
                match create(&*store, &on.app, &on.name, &plan(), noon()).await {
                    Ok(Ok(made)) => acknowledged.push(made.key()),
                    // One that is there although its maker was not told: it is stopped by its number.
                    Ok(Err(windlass::Rejection::BranchBusy { job })) => {
                        let key = windlass_store::JobKey { branch: on.uid, job };
                        let stop = [windlass::Command::Stop { by: None }];
                        match execute(&*store, Address::Key(key), &stop, noon(), Extras::default()).await {
                            Ok(_) | Err(ExecuteError::Store(StoreError::Unavailable { .. })) => {}
                            Err(error) => panic!("{error}"),
                        }
                    }
                    Err(ExecuteError::Store(StoreError::Unavailable { .. })) => tokio::task::yield_now().await,
                    Ok(Err(refused)) => panic!("{refused}"),
                    Err(error) => panic!("{error}"),
                }
            }
            acknowledged
        });
    }
    for _ in 0..3 {
        for _ in 0..20 {
            // Someone has stored something since.
            while let Err(tokio::sync::broadcast::error::RecvError::Lagged(_)) = news.recv().await {}
        }
        // It has its own ways to be told to; they block.
        server = tokio::task::spawn_blocking(move || {
            server.stop();
            server.start_again();
            server
        })
        .await
        .unwrap();
        news = news.resubscribe();
    }
    done.store(true, Ordering::Relaxed);
    let mut acknowledged = 0;
    while let Some(keys) = clients.join_next().await {
        for key in keys.unwrap() {
            let job = store.job(key).await.unwrap().expect("it was acknowledged");
            assert_eq!(Job::replay(key.job, &store.history(key).await.unwrap()).as_ref(), Ok(&job));
            acknowledged += 1;
        }
    }
    assert!(acknowledged > 20, "{acknowledged}");
}

pub(crate) async fn a_commit_whose_answer_is_lost_is_stored_once_however_often_it_is_sent() {
    let server = Postgres::start().unwrap();
    let database = server.database("template1");
    let direct = server.url(&database);
    let proxy = Proxy::start(server.directory().join(".s.PGSQL.5432"));
    let store = Arc::new(open(&proxy.url(&database)).await);
    let on = branch(&*store, "main").await;
    let made = make(&*store, &on).await;

    // The commit has been sent and cannot end yet.
    let mut slow = client(&direct).await;
    let holds = slow.transaction().await.unwrap();
    holds.batch_execute("UPDATE feed SET last = last").await.unwrap();
    let stop = [windlass::Command::Stop { by: None }];
    let key = made.key();
    let first = tokio::spawn({
        let store = Arc::clone(&store);
        async move { execute(&*store, Address::Key(key), &stop, noon(), Extras::default()).await }
    });
    let watch = client(&direct).await;
    somebody_waits(&watch).await;
    proxy.cut();
    let lost = first.await.unwrap();
    assert!(matches!(lost, Err(ExecuteError::Store(StoreError::Unavailable { .. }))), "{lost:?}");
    holds.commit().await.unwrap();

    // Sent again, over a new connection, it is done, and done once.
    let stop = [windlass::Command::Stop { by: None }];
    let again = execute(&*store, Address::Key(key), &stop, noon(), Extras::default()).await.unwrap();
    assert_eq!(again.job.status(), JobStatus::Cancelled);
    let history = store.history(key).await.unwrap();
    assert_eq!((history.len(), Job::replay(key.job, &history)), (made.job.seq() as usize + 1, Ok(again.job)));
}

pub(crate) async fn a_read_whose_connection_breaks_is_asked_again_over_another() {
    let server = Postgres::start().unwrap();
    let database = server.database("template1");
    let direct = server.url(&database);
    let proxy = Proxy::start(server.directory().join(".s.PGSQL.5432"));
    let store = Arc::new(open(&proxy.url(&database)).await);
    let on = branch(&*store, "main").await;

    // It has been sent and cannot be answered yet.
    let mut slow = client(&direct).await;
    let holds = slow.transaction().await.unwrap();
    holds.batch_execute("LOCK TABLE branches").await.unwrap();
    let read = tokio::spawn({
        let store = Arc::clone(&store);
        async move { store.branch_by_uid(on.uid).await }
    });
    somebody_waits(&client(&direct).await).await;
    proxy.cut();
    holds.commit().await.unwrap();
    assert_eq!(read.await.unwrap().unwrap().map(|found| found.uid), Some(on.uid));
}

pub(crate) async fn whoever_asks_while_the_server_is_restarted_is_answered_after_it() {
    let mut server = Postgres::start().unwrap();
    let store = Arc::new(open(&server.url(&server.database("template1"))).await);
    let on = branch(&*store, "main").await;
    server.stop();
    let (asked, made) = (Arc::clone(&store), Arc::clone(&store));
    let uid = on.uid;
    let read = tokio::spawn(async move { asked.branch_by_uid(uid).await });
    let write = tokio::spawn(async move { make(&*made, &on).await });
    tokio::task::yield_now().await;
    let _server = tokio::task::spawn_blocking(move || {
        server.start_again();
        server
    });
    assert!(read.await.unwrap().unwrap().is_some());
    assert_eq!(write.await.unwrap().job.status(), JobStatus::Pending);
}

pub(crate) async fn news_comes_again_after_its_connection_broke() {
    let server = Postgres::start().unwrap();
    let database = server.database("template1");
    let proxy = Proxy::start(server.directory().join(".s.PGSQL.5432"));
    let (here, there) = (open(&proxy.url(&database)).await, open(&server.url(&database)).await);
    let mut hears = here.notices();
    proxy.cut();
    // Each makes news; the first may be missed.
    for n in 0.. {
        make(&there, &branch(&there, &format!("{n}")).await).await;
        tokio::task::yield_now().await;
        if hears.try_recv().is_ok() {
            break;
        }
    }
}

/// A socket in front of the server's, whose connections can be cut.
struct Proxy {
    folder: tempfile::TempDir,
    cut: tokio::sync::broadcast::Sender<()>,
}

impl Proxy {
    fn start(server: std::path::PathBuf) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(folder.path().join(".s.PGSQL.5432")).unwrap();
        let cut = tokio::sync::broadcast::Sender::new(1);
        let cuts = cut.clone();
        tokio::spawn(async move {
            while let Ok((mut here, _)) = listener.accept().await {
                let (server, mut cut) = (server.clone(), cuts.subscribe());
                tokio::spawn(async move {
                    let mut there = UnixStream::connect(server).await.unwrap();
                    tokio::select! {
                        _ = tokio::io::copy_bidirectional(&mut here, &mut there) => {}
                        _ = cut.recv() => {}
                    }
                });
            }
        });
        Self { folder, cut }
    }

    fn url(&self, database: &str) -> String {
        format!("postgres://postgres@{}/{database}", self.folder.path().display().to_string().replace('/', "%2F"))
    }

    fn cut(&self) {
        self.cut.send(()).unwrap();
    }
}
