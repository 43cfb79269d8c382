//! A runner whose store keeps what it is told, and does not answer.

#![allow(clippy::unwrap_used, reason = "a test panics by design")]

use std::sync::Arc;
use std::time::Duration;

use chrono::DateTime;
use md5::{Digest as _, Md5};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use windlass::{AppId, BranchName, Command, FileSlot, JobStatus, NewJob, Source};
use windlass_runner::fetch::{FetchLimits, Fetcher};
use windlass_runner::guard::AddressGuard;
use windlass_runner::{Runner, Settings};
use windlass_store::{
    Address, App, Attributes, Blobs, Directory, Executed, Extras, ManualClock, NewBranch, Plan, RunnerId, Staged,
    Store, create, execute, keys,
};
use windlass_testkit::{Look, Meanwhile};

const PAGE: &[u8] = b"<h1>home</h1>";

/// A runner gives its report again when it got no answer. What went live with the first stays.
#[tokio::test(start_paused = true)]
async fn what_went_live_is_kept_though_the_answer_was_lost() {
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(Meanwhile::new(Look::Branch));
    let blobs = Blobs::new(store.clone(), Arc::new(Directory::open(folder.path()).unwrap()));
    let job = uploaded(&*store, &blobs).await;
    store.lose_answer(JobStatus::Succeed);

    let stop = CancellationToken::new();
    let fetcher = Fetcher::new(AddressGuard::new(Vec::new()), FetchLimits::default()).unwrap();
    let clock = Arc::new(ManualClock::at(DateTime::UNIX_EPOCH));
    let id = RunnerId("a".to_owned());
    let runner = Runner::new(id, store.clone(), blobs.clone(), clock, fetcher, Settings::default());
    let running = tokio::spawn({
        let (runner, stop) = (runner, stop.clone());
        async move { runner.run(stop).await }
    });
    while store.job(job.key()).await.unwrap().unwrap().status() != JobStatus::Succeed {
        // Simulated time.
        sleep(Duration::from_millis(100)).await;
    }
    stop.cancel();
    // It ends when the job is out of its hands, so not before it has been answered.
    running.await.unwrap();

    assert!(store.has_lost_answer());
    let live = store.branch_by_uid(job.branch.uid).await.unwrap().unwrap().branch.live().unwrap();
    for key in [keys::zip(job.branch.uid, live.artifact), keys::index(job.branch.uid, live.artifact)] {
        assert!(blobs.open(&key).await.unwrap().is_some(), "{key} is live and gone");
    }
}

/// A started job of one uploaded file, which the runner has to pack.
async fn uploaded(store: &dyn Store, blobs: &Blobs) -> Executed {
    let (app, name): (AppId, BranchName) = ("d1".parse().unwrap(), "main".parse().unwrap());
    let (created, attributes) = (DateTime::UNIX_EPOCH, Attributes::new());
    let new = App { id: app.clone(), attributes: attributes.clone(), created, updated: created, version: 1 };
    store.create_app(&new).await.unwrap();
    store.create_branch(&NewBranch { app: app.clone(), name: name.clone(), attributes, created }).await.unwrap();
    let file = FileSlot { path: "index.html".into(), md5: Md5::digest(PAGE).into() };
    let plan = Plan::New(NewJob::manual(Source::Files([file].into())));
    let made = create(store, &app, &name, &plan, created).await.unwrap().unwrap();
    let riding = blobs.keep(keys::file(made.key(), 0), Staged::Inline(PAGE.into())).await.unwrap();
    let commands = [Command::Upload { slot: 0, object: 0 }, Command::Start];
    let extras = Extras { blobs: riding.into_iter().collect(), ..Extras::default() };
    let started = execute(store, Address::Key(made.key()), &commands, created, extras).await.unwrap();
    assert_eq!(started.answer, Ok(()));
    started
}
