//! Two runners at one store, without a server around them.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta};
use serde_json::json;
use tempfile::TempDir;
use tokio::sync::SetOnce;
use tokio::time::interval;
use tokio_util::sync::CancellationToken;
use windlass::{Account, AppId, Attempt, BranchName, EventKind, JobStatus, JobType, NewJob, Source};
use windlass_build::Cache;
use windlass_cli::server::BuildConfig;
use windlass_git::Git;
use windlass_runner::fetch::{FetchLimits, Fetcher};
use windlass_runner::guard::AddressGuard;
use windlass_runner::{Builds, Runner, Settings, Sources};
use windlass_sqlite::SqliteStore;
use windlass_store::{
    App, Attributes, Blobs, Directory, JobKey, ManualClock, NewBranch, Plan, RunnerId, Store, create,
};

use crate::repository::Repository;
use crate::support::pulse::{PORT, Pulse, STAY, SURVIVE, SURVIVORS, all_stop};

const SITE: &str = "
version: 1
frontend:
  phases: {build: {commands: [bash survive.sh]}}
  artifacts: {baseDirectory: /, files: ['**/*']}
";

/// A runner whose hold on a job lasts three seconds of its own time.
fn runner(name: &str, store: &Arc<SqliteStore>, blobs: &Blobs, folder: &TempDir, ahead: TimeDelta) -> Runner {
    let guard = AddressGuard::new(Vec::new());
    let builds = Builds {
        git: Git { allow_local: true, ..Git::default() },
        guard: guard.clone(),
        workshop: BuildConfig::by(env!("CARGO_BIN_EXE_windlass").into()).workshop().unwrap(),
        cache: Cache::new(folder.path().join("cache"), 0, 0),
        account: Account { region: "us-east-1".to_owned(), id: "000000000000".to_owned() },
    };
    let builds = Arc::new(SetOnce::new_with(Some(Ok(builds))));
    let sources = Sources { web: Fetcher::new(guard, FetchLimits::default()).unwrap(), s3: None, builds };
    let settings = Settings { lease: Duration::from_secs(3), sweep: Duration::from_millis(20), ..Settings::default() };
    let clock = Arc::new(ManualClock::at(DateTime::UNIX_EPOCH + ahead));
    Runner::new(RunnerId(name.to_owned()), store.clone(), blobs.clone(), clock, sources, settings)
}

async fn job_of(repository: &Repository, pulse: &Pulse, store: &dyn Store) -> JobKey {
    let (app, name): (AppId, BranchName) = ("d1".parse().unwrap(), "main".parse().unwrap());
    let created = DateTime::UNIX_EPOCH;
    let mut attributes = Attributes::new();
    attributes.insert("repository".to_owned(), json!(repository.path()));
    attributes.insert("environmentVariables".to_owned(), json!({ PORT: pulse.port() }));
    let new = App { id: app.clone(), attributes, created, updated: created, version: 1 };
    store.create_app(&new).await.unwrap();
    let attributes = Attributes::new();
    store.create_branch(&NewBranch { app: app.clone(), name: name.clone(), attributes, created }).await.unwrap();
    let job = NewJob { job_type: JobType::Release, ..NewJob::manual(Source::Repository) };
    create(store, &app, &name, &Plan::New(job), created).await.unwrap().unwrap().key()
}

#[tokio::test]
async fn a_runner_that_has_lost_a_job_ends_its_processes_and_one_attempt_goes_live() {
    let (folder, pulse) = (tempfile::tempdir().unwrap(), Pulse::new().await);
    let repository = Repository::of(&[("amplify.yml", SITE), STAY, SURVIVE]);
    let store = Arc::new(SqliteStore::open(&folder.path().join("store")).unwrap());
    let blobs = Blobs::new(store.clone(), Arc::new(Directory::open(&folder.path().join("blobs")).unwrap()));
    let job = job_of(&repository, &pulse, &*store).await;
    let stop = CancellationToken::new();
    let run = |runner: Runner| {
        tokio::spawn({
            let stop = stop.clone();
            async move { runner.run(stop).await }
        })
    };

    let first = run(runner("first", &store, &blobs, &folder, TimeDelta::zero()));
    let lost = pulse.beats(SURVIVORS).await;
    // For the second, the hold of the first lapsed long ago.
    let second = run(runner("second", &store, &blobs, &folder, TimeDelta::minutes(1)));
    let kept = pulse.beats(SURVIVORS).await;
    all_stop(&lost).await;
    assert!(kept.iter().all(|beat| beat.is_alive()), "{kept:?}");

    kept.iter().for_each(|beat| beat.go());
    let mut look = interval(Duration::from_millis(5));
    while !store.job(job).await.unwrap().unwrap().status().is_terminal() {
        look.tick().await;
    }
    stop.cancel();
    first.await.unwrap();
    second.await.unwrap();
    let ended = store.job(job).await.unwrap().unwrap();
    assert_eq!((ended.status(), ended.attempt()), (JobStatus::Succeed, Attempt::new(2)));
    let live = store.branch_by_uid(job.branch).await.unwrap().unwrap().branch.live().unwrap();
    assert_eq!((live.job, Some(live.artifact)), (job.job, ended.artifact()));
    let history = store.history(job).await.unwrap();
    let count = |kind| history.iter().filter(|record| record.event.kind() == Some(kind)).count();
    assert_eq!((count(EventKind::Reclaimed), count(EventKind::Succeeded)), (1, 1), "{history:?}");
}
