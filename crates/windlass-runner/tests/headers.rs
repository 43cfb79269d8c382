//! The custom headers that a repository has: they are its app's once they are live, whenever a server dies.

#![allow(clippy::unwrap_used, reason = "a test panics by design")]

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta};
use tokio::sync::SetOnce;
use tokio::task::JoinHandle;
use tokio::time::{interval, timeout};
use tokio_util::sync::CancellationToken;
use windlass::{Account, AppId, BranchName, JobStatus, JobType, NewJob, Source};
use windlass_build::{Cache, Workshop};
use windlass_git::Git;
use windlass_jail::{Isolation, Jail, Limits, Network};
use windlass_runner::fetch::{FetchLimits, Fetcher};
use windlass_runner::guard::AddressGuard;
use windlass_runner::{Builds, Runner, Settings, Sources};
use windlass_store::{
    App, Attributes, Blobs, BranchUid, Directory, Executed, JobKey, ManualClock, NewBranch, Plan, RunnerId, Store,
    create, keys,
};
use windlass_testkit::{Look, Meanwhile};

const HEADERS: &str = "customHeaders:\n  - pattern: '**'\n    headers: [{key: X-Built, value: 'yes'}]\n";

/// Nothing here takes as long.
const LONG: Duration = Duration::from_secs(60);

struct Place {
    folder: tempfile::TempDir,
    store: Arc<Meanwhile>,
    clock: Arc<ManualClock>,
    app: AppId,
}

#[tokio::test]
async fn headers_of_a_job_that_is_live_are_found_by_the_next_runner_if_the_first_dies() {
    let place = Place::new().await;
    let job = place.built().await;
    place.store.stick_at_apps(true);
    let first = place.runner("first");
    // It is live, and its runner has begun to make its headers the app's.
    timeout(LONG, async {
        while place.store.stuck_at_apps() == 0 {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    })
    .await
    .unwrap();
    assert_eq!(place.store.job(job.key()).await.unwrap().unwrap().status(), JobStatus::Succeed);
    first.abort();
    assert!(first.await.unwrap_err().is_cancelled());
    place.store.stick_at_apps(false);
    assert_eq!(place.headers().await, None);

    let second = place.runner("second");
    place.until(Some(HEADERS)).await;
    // They are the app's own now: whoever changes them there has the last word.
    place.nothing_waits().await;
    place.set(Some("")).await;
    second.abort();
    let third = place.runner("third");
    let later = place.built().await;
    place.ended(&later).await;
    place.until(Some(HEADERS)).await;
    third.abort();
}

#[tokio::test]
async fn the_headers_that_went_live_last_count_and_those_of_what_is_gone_do_not() {
    let place = Place::new().await;
    let runner = place.runner("a");
    // The branch that was made last goes live first.
    let first = place.built_on("other").await;
    place.ended(&first).await;
    place.clock.advance(TimeDelta::minutes(1));
    let last = place.built().await;
    place.ended(&last).await;
    place.until(Some(HEADERS)).await;
    place.nothing_waits().await;
    runner.abort();
    place.set(None).await;

    // What crashes have left: of two jobs, a branch that is gone, and an app that is gone.
    let gone = JobKey { branch: BranchUid(99), ..last.key() };
    for (key, text) in [
        (keys::headers_by(&place.app, first.key()), "first"),
        (keys::headers_by(&place.app, last.key()), "last"),
        (keys::headers_by(&place.app, gone), "gone"),
        (keys::headers_by(&"dgone".parse().unwrap(), last.key()), "gone"),
    ] {
        place.store.put_blob(&key, text.into()).await.unwrap();
    }
    let runner = place.runner("b");
    place.nothing_waits().await;
    assert_eq!(place.headers().await.as_deref(), Some("last"));
    runner.abort();
}

impl Place {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let repository = folder.path().join("repository");
        std::fs::create_dir(&repository).unwrap();
        git(&repository, &["init", "--quiet", "--initial-branch=main"]);
        std::fs::write(repository.join("index.html"), "home").unwrap();
        std::fs::write(repository.join("customHttp.yml"), HEADERS).unwrap();
        git(&repository, &["add", "--all"]);
        git(&repository, &["commit", "--quiet", "--message", "First light"]);
        git(&repository, &["branch", "other"]);

        let store = Arc::new(Meanwhile::new(Look::Branch));
        let app: AppId = "d1".parse().unwrap();
        let (created, updated) = (DateTime::UNIX_EPOCH, DateTime::UNIX_EPOCH);
        let attributes = Attributes::from_iter([("repository".to_owned(), repository.to_str().unwrap().into())]);
        store.create_app(&App { id: app.clone(), attributes, created, updated, version: 1 }).await.unwrap();
        for name in ["main", "other"] {
            let (name, attributes) = (name.parse().unwrap(), Attributes::new());
            store.create_branch(&NewBranch { app: app.clone(), name, attributes, created }).await.unwrap();
        }
        Self { folder, store, clock: Arc::new(ManualClock::at(created)), app }
    }

    /// One life of a runner. Nothing that it builds has commands.
    fn runner(&self, id: &str) -> JoinHandle<()> {
        let path = |name| self.folder.path().join(name);
        let blobs = Blobs::new(self.store.clone(), Arc::new(Directory::open(&path("artifacts")).unwrap()));
        let guard = AddressGuard::new(Vec::new());
        let jail = Jail {
            program: "/nowhere".into(),
            isolation: Isolation::None,
            network: Network::Host,
            limits: Limits::default(),
        };
        let builds = Builds {
            git: Git { allow_local: true, ..Git::default() },
            guard: guard.clone(),
            workshop: Workshop::new(jail),
            cache: Cache::new(path("cache"), 0, 0),
            account: Account { region: "us-east-1".to_owned(), id: "000000000000".to_owned() },
        };
        let builds = Arc::new(SetOnce::new_with(Some(Ok(builds))));
        let sources = Sources { builds, ..Fetcher::new(guard, FetchLimits::default()).unwrap().into() };
        let settings = Settings { sweep: Duration::from_millis(5), ..Settings::default() };
        let runner =
            Runner::new(RunnerId(id.to_owned()), self.store.clone(), blobs, self.clock.clone(), sources, settings);
        tokio::spawn(async move { runner.run(CancellationToken::new()).await })
    }

    async fn built(&self) -> Executed {
        self.built_on("main").await
    }

    /// A job that builds a branch.
    async fn built_on(&self, branch: &str) -> Executed {
        let branch: BranchName = branch.parse().unwrap();
        let job = NewJob { job_type: JobType::Release, ..NewJob::manual(Source::Repository) };
        let made = create(&*self.store, &self.app, &branch, &Plan::New(job), DateTime::UNIX_EPOCH).await;
        made.unwrap().unwrap()
    }

    async fn ended(&self, job: &Executed) {
        self.wait(async || self.store.job(job.key()).await.unwrap().unwrap().status() == JobStatus::Succeed).await;
    }

    async fn headers(&self) -> Option<String> {
        let app = self.store.app(&self.app).await.unwrap().unwrap();
        Some(app.attributes.get("customHeaders")?.as_str().unwrap().to_owned())
    }

    async fn until(&self, headers: Option<&str>) {
        self.wait(async || self.headers().await.as_deref() == headers).await;
    }

    async fn nothing_waits(&self) {
        self.wait(async || self.store.blob_keys(keys::HEADERS).await.unwrap().is_empty()).await;
    }

    async fn wait(&self, is: impl AsyncFn() -> bool) {
        let waiting = async {
            let mut look = interval(Duration::from_millis(2));
            while !is().await {
                look.tick().await;
            }
        };
        assert!(timeout(LONG, waiting).await.is_ok(), "{:?}", self.store.blob_keys("").await);
    }

    /// Somebody sets the app's headers, or clears them.
    async fn set(&self, headers: Option<&str>) {
        let mut app = self.store.app(&self.app).await.unwrap().unwrap();
        match headers {
            Some(text) => drop(app.attributes.insert("customHeaders".to_owned(), text.into())),
            None => drop(app.attributes.remove("customHeaders")),
        }
        app.version += 1;
        self.store.update_app(&app).await.unwrap();
    }
}

fn git(folder: &Path, arguments: &[&str]) {
    let ran = Command::new("git")
        .args(["-c", "user.name=Ann", "-c", "user.email=ann@example.com"])
        .args(arguments)
        .current_dir(folder)
        .envs([("HOME", "/dev/null"), ("GIT_CONFIG_GLOBAL", "/dev/null"), ("GIT_CONFIG_NOSYSTEM", "1")])
        .output()
        .unwrap();
    assert!(ran.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&ran.stderr));
}
