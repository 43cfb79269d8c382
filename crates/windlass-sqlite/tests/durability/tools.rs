//! Stores, branches and jobs to begin with.

use chrono::{DateTime, TimeDelta, TimeZone as _, Utc};
use rusqlite::Connection;
use tempfile::TempDir;
use windlass::{Artifact, Command, NewJob, Report, Source, SourceUrlType};
use windlass_sqlite::{OpenError, SqliteStore};
use windlass_store::{
    Address, App, Attributes, Executed, Extras, Lease, NewBranch, Plan, RunnerId, Store, StoredBranch, create, execute,
};

pub(crate) fn nine() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 1, 1, 9, 0, 0).single().expect("nine o'clock")
}

pub(crate) fn open(directory: &TempDir) -> SqliteStore {
    SqliteStore::open(directory.path()).expect("the directory is free and in order")
}

pub(crate) fn refusal(directory: &TempDir) -> OpenError {
    match SqliteStore::open(directory.path()) {
        Err(refused) => refused,
        Ok(_) => panic!("the directory is opened"),
    }
}

/// The database without the store.
pub(crate) fn raw(directory: &TempDir) -> Connection {
    Connection::open(directory.path().join("windlass.db")).expect("the database opens")
}

/// A branch of app `d1`, both of which are made where they are not there yet.
pub(crate) async fn branch(store: &dyn Store, name: &str) -> StoredBranch {
    let app = App {
        id: "d1".parse().expect("an app id"),
        attributes: Attributes::new(),
        created: nine(),
        updated: nine(),
        version: 1,
    };
    // It may have been there before.
    let _ = store.create_app(&app).await;
    let name = name.parse().expect("a branch name");
    if let Some(branch) = store.branch(&app.id, &name).await.expect("it can be looked for") {
        return branch;
    }
    let new = NewBranch { app: app.id, name, attributes: Attributes::new(), created: nine() };
    store.create_branch(&new).await.expect("there is room for a branch")
}

/// A job that waits for a runner.
pub(crate) async fn make(store: &dyn Store, on: &StoredBranch, now: DateTime<Utc>) -> Executed {
    let source = Source::Url { url: "https://example.com/a.zip".into(), url_type: SourceUrlType::Zip };
    let plan = Plan::New(NewJob::manual(source));
    create(store, &on.app, &on.name, &plan, now).await.expect("the store works").expect("there is room for a job")
}

pub(crate) fn lease(runner: &str, until: DateTime<Utc>) -> Lease {
    Lease { runner: RunnerId(runner.to_owned()), until }
}

pub(crate) async fn claim(store: &dyn Store, made: &Executed, now: DateTime<Utc>, lease: Lease) -> Executed {
    let extras = Extras { lease: Some(lease), ..Extras::default() };
    give(store, made, Command::Claim, now, extras).await
}

/// A runner takes the job and brings it to its end.
pub(crate) async fn go_live(store: &dyn Store, made: &Executed, now: DateTime<Utc>) -> Executed {
    let held = claim(store, made, now, lease("a", now + TimeDelta::hours(1))).await;
    let artifact = Artifact { job: held.job.id(), object: 1 };
    let report = Command::Report { attempt: held.job.attempt(), report: Report::Succeeded { artifact } };
    give(store, made, report, now, Extras::default()).await
}

pub(crate) async fn give(
    store: &dyn Store,
    to: &Executed,
    command: Command,
    now: DateTime<Utc>,
    extras: Extras,
) -> Executed {
    let done = execute(store, Address::Key(to.key()), &[command], now, extras).await.expect("the store works");
    assert_eq!(done.answer, Ok(()));
    done
}
