//! What a janitor lets go of, and what never.

#![allow(clippy::unwrap_used, reason = "a test panics by design")]

use std::io::Write as _;
use std::num::NonZeroU64;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use tempfile::TempDir;
use windlass::{AppId, Artifact, Attempt, Command, FileSlot, Limits, NewJob, Report, Source};
use windlass_runner::{Janitor, Swept, Upkeep};
use windlass_store::{
    Address, App, Attributes, Blobs, Clock as _, Directory, Executed, Extras, INLINE_MAX, JobKey, Lease, ManualClock,
    MemoryStore, NewBranch, Plan, RunnerId, Staged, Store, StoredBranch, create, delete_job, execute, keys,
};

#[tokio::test]
async fn so_many_successful_jobs_keep_their_artifacts_and_what_is_older_goes() {
    for size in [10, INLINE_MAX + 1] {
        let place = Place::new();
        let main = place.branch("d1", "main").await;
        for number in 1..=5 {
            place.deploy(&main, number, size).await;
        }
        assert_eq!(place.janitor(None).retire(main.uid).await.unwrap(), 0, "all are kept unless it is said otherwise");
        assert_eq!(place.kept(&main).await, [1, 2, 3, 4, 5]);
        assert_eq!(place.janitor(Some(3)).retire(main.uid).await.unwrap(), 2);
        assert_eq!(place.kept(&main).await, [3, 4, 5]);
        place.deploy(&main, 6, size).await;
        assert_eq!(place.janitor(Some(3)).sweep().await.unwrap().retired, 1);
        assert_eq!(place.kept(&main).await, [4, 5, 6]);
        place.pass_an_hour(Some(3)).await;
        let contents = place.blobs.vault().list(None, 100).await.unwrap().len();
        assert_eq!(contents, if size > INLINE_MAX { 3 } else { 0 });
        // Their logs stay.
        assert!(place.blobs.keeps(&keys::log(key(&main, 1), "DEPLOY", Attempt::new(1))).await.unwrap());
    }
}

#[tokio::test]
async fn what_is_live_and_what_an_unfinished_retry_needs_never_goes() {
    let place = Place::new();
    let main = place.branch("d1", "main").await;
    for number in 1..=3 {
        place.deploy(&main, number, 10).await;
    }
    // Job 4 goes back to job 1, and waits.
    let waiting = place.make(&main, retry(1)).await;
    for _ in 0..2 {
        place.janitor(Some(1)).retire(main.uid).await.unwrap();
        place.janitor(Some(1)).sweep().await.unwrap();
        assert_eq!(place.kept(&main).await, [1, 3]);
    }
    let Source::Artifact(artifact) = waiting.job.birth().source else { panic!("{waiting:?}") };
    place.go_live(&waiting, artifact, Vec::new()).await;
    place.janitor(Some(1)).sweep().await.unwrap();
    assert_eq!(place.kept(&main).await, [1], "job 4 is live with what is kept for job 1");

    // A failed job's upload is kept while it is newer, and with it what its unfinished retry deploys.
    place.fail(&main, 5).await;
    let waiting = place.make(&main, retry(5)).await;
    place.go_live(&waiting, Artifact { job: windlass::JobId::new(5), object: 5 }, Vec::new()).await;
    place.deploy(&main, 7, 10).await;
    assert_eq!(place.kept(&main).await, [1, 5, 7]);
    place.janitor(Some(1)).sweep().await.unwrap();
    assert_eq!(place.kept(&main).await, [7]);
}

#[tokio::test]
async fn what_a_crash_between_two_writes_left_is_found_and_goes() {
    let place = Place::new();
    let (main, doomed) = (place.branch("d1", "main").await, place.branch("d1", "doomed").await);
    let gone = place.branch("d2", "main").await;
    for branch in [&main, &doomed, &gone] {
        place.deploy(branch, 1, INLINE_MAX + 1).await;
        place.deploy(branch, 2, INLINE_MAX + 1).await;
    }
    let access = keys::access_chunk(&gone.app, place.clock.now(), 1);
    place.store.put_blob(&access, "a,b\n".into()).await.unwrap();
    place.store.put_blob(&keys::access_chunk(&main.app, place.clock.now(), 1), "a,b\n".into()).await.unwrap();
    // Each time the first of the two writes is done and the second is not.
    delete_job(&*place.store, Address::Key(key(&main, 1)), place.clock.now()).await.unwrap().unwrap();
    place.store.delete_branch(doomed.uid).await.unwrap();
    place.store.delete_app(&gone.app).await.unwrap();
    assert_eq!(place.kept(&main).await, [1, 2]);

    let swept = place.janitor(None).sweep().await.unwrap();
    assert_eq!((swept.orphans, swept.retired), (4, 0));
    assert_eq!(place.kept(&main).await, [2]);
    for branch in [&doomed, &gone] {
        assert!(place.blobs.list(&keys::branch(branch.uid)).await.unwrap().is_empty());
    }
    assert!(!place.blobs.keeps(&access).await.unwrap());
    assert_eq!(place.blobs.list(&keys::access(&main.app)).await.unwrap().len(), 1);
    place.pass_an_hour(None).await;
    assert_eq!(place.blobs.vault().list(None, 100).await.unwrap().len(), 1);
    assert_eq!(place.janitor(None).sweep().await.unwrap(), Swept::default(), "it is done once");
}

#[tokio::test]
async fn an_upload_that_another_took_the_place_of_goes_once_the_job_has_ended() {
    let place = Place::new();
    let main = place.branch("d1", "main").await;
    let made = place.make(&main, Plan::New(NewJob::manual(Source::Zip))).await;
    // Killed after the second has been noted, before the first is deleted.
    for object in [1, 2] {
        let zip = place.keep(keys::zip(main.uid, Artifact { job: made.job.id(), object }), 10, object).await;
        place.obey(&made, &[Command::Upload { slot: 0, object }], zip).await;
    }
    place.janitor(None).sweep().await.unwrap();
    let objects = async || place.blobs.list(&keys::job(made.key())).await.unwrap().len();
    assert_eq!(objects().await, 2, "nothing of a job that has not ended is touched");
    place.obey(&made, &[Command::Start], Vec::new()).await;
    place.go_live(&made, Artifact { job: made.job.id(), object: 2 }, Vec::new()).await;
    place.janitor(None).sweep().await.unwrap();
    assert_eq!(
        place.blobs.list(&keys::job(made.key())).await.unwrap(),
        [keys::zip(main.uid, Artifact { job: made.job.id(), object: 2 })]
    );
}

#[tokio::test]
async fn the_files_of_a_file_map_go_once_they_are_packed() {
    let place = Place::new();
    let main = place.branch("d1", "main").await;
    let slot = FileSlot { path: "index.html".into(), md5: [0; 16] };
    let made = place.make(&main, Plan::New(NewJob::manual(Source::Files([slot].into())))).await;
    let file = place.keep(keys::file(made.key(), 0), 10, 1).await;
    place.obey(&made, &[Command::Upload { slot: 0, object: 0 }, Command::Start], file).await;
    place.janitor(None).sweep().await.unwrap();
    assert!(place.blobs.keeps(&keys::file(made.key(), 0)).await.unwrap());
    // Killed after it went live, before it was tidied up.
    let artifact = Artifact { job: made.job.id(), object: 7 };
    let zip = place.keep(keys::zip(main.uid, artifact), 10, 2).await;
    place.go_live(&made, artifact, zip).await;
    place.janitor(None).sweep().await.unwrap();
    assert!(!place.blobs.keeps(&keys::file(made.key(), 0)).await.unwrap());
    assert!(place.blobs.keeps(&keys::zip(main.uid, artifact)).await.unwrap());
}

struct Place {
    _folder: TempDir,
    store: Arc<MemoryStore>,
    blobs: Blobs,
    clock: Arc<ManualClock>,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Arc::new(MemoryStore::new([7; 32]));
        let blobs = Blobs::new(store.clone(), Arc::new(Directory::open(folder.path()).unwrap()));
        Self { _folder: folder, store, blobs, clock: Arc::new(ManualClock::at(start())) }
    }

    fn janitor(&self, keep: Option<u64>) -> Janitor {
        let keep = keep.and_then(NonZeroU64::new);
        let upkeep = Upkeep { keep, every: Duration::from_secs(3600), grace: Duration::from_secs(3600) };
        Janitor::new(self.store.clone(), self.blobs.clone(), self.clock.clone(), upkeep)
    }

    /// Long enough for what nobody points to.
    async fn pass_an_hour(&self, keep: Option<u64>) {
        self.janitor(keep).sweep().await.unwrap();
        self.clock.advance(TimeDelta::hours(1));
        self.janitor(keep).sweep().await.unwrap();
    }

    async fn branch(&self, app: &str, name: &str) -> StoredBranch {
        let (app, name): (AppId, _) = (app.parse().unwrap(), name.parse().unwrap());
        let (created, attributes) = (start(), Attributes::new());
        let new = App { id: app.clone(), attributes: attributes.clone(), created, updated: created, version: 1 };
        // It may be there.
        let _ = self.store.create_app(&new).await;
        self.store.create_branch(&NewBranch { app, name, attributes, created }).await.unwrap()
    }

    async fn make(&self, on: &StoredBranch, plan: Plan) -> Executed {
        create(&*self.store, &on.app, &on.name, &plan, self.clock.now()).await.unwrap().unwrap()
    }

    async fn obey(&self, on: &Executed, commands: &[Command], blobs: Vec<(String, Bytes)>) -> Executed {
        let now = self.clock.now();
        let lease = Lease { runner: RunnerId("a".to_owned()), until: now + TimeDelta::hours(1) };
        let lease = commands.contains(&Command::Claim).then_some(lease);
        let done =
            execute(&*self.store, Address::Key(on.key()), commands, now, Extras { lease, blobs, ..Extras::default() })
                .await
                .unwrap();
        assert_eq!(done.answer, Ok(()));
        done
    }

    /// An uploaded zip goes live, and is kept with its index and a log.
    async fn deploy(&self, on: &StoredBranch, object: u64, size: usize) {
        let made = self.make(on, Plan::New(NewJob::manual(Source::Zip))).await;
        let artifact = Artifact { job: made.job.id(), object };
        let zip = self.keep(keys::zip(on.uid, artifact), size, on.uid.0 * 100 + object).await;
        self.obey(&made, &[Command::Upload { slot: 0, object }, Command::Start], zip).await;
        let mut made_of_it = self.keep(keys::index(on.uid, artifact), 5, object).await;
        made_of_it.push((keys::log(made.key(), "DEPLOY", Attempt::new(1)), "a log".into()));
        self.go_live(&made, artifact, made_of_it).await;
    }

    /// An uploaded zip is deployed in vain.
    async fn fail(&self, on: &StoredBranch, object: u64) {
        let made = self.make(on, Plan::New(NewJob::manual(Source::Zip))).await;
        let zip = self.keep(keys::zip(on.uid, Artifact { job: made.job.id(), object }), 10, object).await;
        self.obey(&made, &[Command::Upload { slot: 0, object }, Command::Start, Command::Claim], zip).await;
        self.obey(&made, &[report(Report::Failed { reason: "in vain".into() })], Vec::new()).await;
    }

    async fn go_live(&self, job: &Executed, artifact: Artifact, blobs: Vec<(String, Bytes)>) {
        self.obey(job, &[Command::Claim], Vec::new()).await;
        self.obey(job, &[report(Report::Succeeded { artifact })], blobs).await;
    }

    async fn keep(&self, key: String, size: usize, seed: u64) -> Vec<(String, Bytes)> {
        let bytes: Vec<u8> = (0..size).map(|n| (n.wrapping_mul(2_654_435_761) >> 9) as u8 ^ seed as u8).collect();
        let mut staging = self.blobs.stage();
        staging.write_all(&bytes).unwrap();
        let staged: Staged = staging.finish().unwrap();
        self.blobs.keep(key, staged).await.unwrap()
    }

    /// The jobs of the branch whose zips are kept.
    async fn kept(&self, on: &StoredBranch) -> Vec<u64> {
        let names = self.blobs.list(&keys::branch(on.uid)).await.unwrap();
        let zips = names.iter().filter(|name| name.ends_with(".zip"));
        zips.map(|name| keys::job_of(name).unwrap().job.get()).collect()
    }
}

fn report(report: Report) -> Command {
    Command::Report { attempt: Attempt::new(1), report }
}

fn retry(job: u64) -> Plan {
    Plan::RetryOf { job: windlass::JobId::new(job), reason: None, limits: Limits::default() }
}

fn key(branch: &StoredBranch, job: u64) -> JobKey {
    JobKey { branch: branch.uid, job: windlass::JobId::new(job) }
}

fn start() -> DateTime<Utc> {
    "2026-01-01T09:00:00Z".parse().unwrap()
}
