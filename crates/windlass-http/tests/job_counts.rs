//! What is counted of jobs: by their records, whoever wrote them, and whenever the counting began.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, TimeZone as _, Utc};
use prometheus_client::encoding::text;
use prometheus_client::registry::Registry;
use windlass::{AppId, Artifact, Attempt, BranchName, Command, NewJob, Report, Source};
use windlass_http::JobCounts;
use windlass_store::{
    Address, App, Attributes, Clock, Executed, Extras, JobKey, ManualClock, MemoryStore, NewBranch, Plan, Store,
    create, execute,
};

/// A store whose time is moved by hand, with an app and a branch.
struct World {
    store: Arc<MemoryStore>,
    clock: Arc<ManualClock>,
    app: AppId,
    branch: BranchName,
}

impl World {
    async fn new() -> Self {
        let noon = Utc.with_ymd_and_hms(2026, 3, 10, 12, 0, 0).single().expect("a time");
        let (app, branch): (AppId, BranchName) = ("d1".parse().expect("an id"), "main".parse().expect("a name"));
        let (store, clock) = (Arc::new(MemoryStore::new([7; 32])), Arc::new(ManualClock::at(noon)));
        let attributes = Attributes::new;
        let new = App { id: app.clone(), attributes: attributes(), created: noon, updated: noon, version: 1 };
        store.create_app(&new).await.expect("an app");
        let new = NewBranch { app: app.clone(), name: branch.clone(), attributes: attributes(), created: noon };
        store.create_branch(&new).await.expect("a branch");
        Self { store, clock, app, branch }
    }

    fn counts(&self) -> JobCounts {
        JobCounts::new(self.store.clone(), self.clock.clone())
    }

    fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    async fn job(&self) -> JobKey {
        let plan = Plan::New(NewJob::manual(Source::Zip));
        let made = create(&*self.store, &self.app, &self.branch, &plan, self.now()).await;
        made.expect("a store").expect("room").key()
    }

    async fn does(&self, key: JobKey, command: Command) -> Executed {
        let done = execute(&*self.store, Address::Key(key), &[command], self.now(), Extras::default()).await;
        done.expect("a store")
    }

    /// Waits seconds, then does something to a job.
    async fn after(&self, seconds: i64, key: JobKey, command: Command) {
        self.clock.advance(TimeDelta::seconds(seconds));
        self.does(key, command).await.answer.expect("it obeys");
    }

    async fn starts(&self, key: JobKey) {
        self.after(0, key, Command::Upload { slot: 0, object: 1 }).await;
        self.after(4, key, Command::Start).await;
    }

    async fn succeeds(&self, key: JobKey) {
        let report = |report| Command::Report { attempt: Attempt::new(1), report };
        self.after(30, key, Command::Claim).await;
        self.after(2, key, report(Report::Provisioned)).await;
        let artifact = Artifact { job: key.job, object: 1 };
        for step in [windlass::StepName::Deploy, windlass::StepName::Verify] {
            self.after(0, key, report(Report::StepStarted(step))).await;
            self.after(45, key, report(Report::StepEnded(step))).await;
        }
        self.after(0, key, report(Report::Succeeded { artifact })).await;
    }
}

/// What a scrape shows, each line a number under its name and labels.
async fn shown(counts: &JobCounts) -> String {
    counts.catch_up().await.expect("a store");
    let mut registry = Registry::default();
    counts.register(&mut registry);
    let mut page = String::new();
    text::encode(&mut page, &registry).expect("a page");
    page
}

#[track_caller]
fn has(page: &str, lines: &[&str]) {
    for line in lines {
        assert!(page.lines().any(|it| it == *line), "{line} is not in\n{page}");
    }
}

#[tokio::test]
async fn a_job_is_counted_in_each_status_and_timed_by_its_records() {
    let world = World::new().await;
    let counts = world.counts();
    has(&shown(&counts).await, &["queue_depth 0", "queue_oldest_wait_seconds 0.0"]);
    let key = world.job().await;
    world.starts(key).await;
    world.clock.advance(TimeDelta::seconds(7));
    let waiting = shown(&counts).await;
    has(&waiting, &["queue_depth 1", "queue_oldest_wait_seconds 7.0"]);
    has(&waiting, &["jobs_unfinished{status=\"PENDING\",type=\"MANUAL\"} 1"]);

    world.succeeds(key).await;
    let ended = shown(&counts).await;
    // What needs no build is provisioned with its claim.
    assert!(!ended.contains("jobs_unfinished{"), "{ended}");
    for status in ["CREATED", "PENDING", "PROVISIONING", "RUNNING", "SUCCEED"] {
        has(&ended, &[&format!("jobs_total{{status=\"{status}\",type=\"MANUAL\"}} 1")]);
    }
    for (status, seconds) in [("CREATED", "4.0"), ("PENDING", "37.0"), ("PROVISIONING", "0.0"), ("RUNNING", "92.0")] {
        let labels = format!("{{status=\"{status}\",type=\"MANUAL\"}}");
        has(&ended, &[&format!("job_status_duration_seconds_sum{labels} {seconds}")]);
        has(&ended, &[&format!("job_status_duration_seconds_count{labels} 1")]);
    }
    // 37 seconds are more than 15 and less than 60.
    let bucket =
        |bound| format!("job_status_duration_seconds_bucket{{le=\"{bound}\",status=\"PENDING\",type=\"MANUAL\"}}");
    has(
        &ended,
        &[&format!("{} 0", bucket("15.0")), &format!("{} 1", bucket("60.0")), &format!("{} 1", bucket("+Inf"))],
    );
}

#[tokio::test]
async fn whoever_begins_later_knows_what_is_unfinished_and_counts_the_rest() {
    let world = World::new().await;
    let key = world.job().await;
    world.starts(key).await;
    let counts = world.counts();
    has(&shown(&counts).await, &["jobs_unfinished{status=\"PENDING\",type=\"MANUAL\"} 1", "queue_depth 1"]);
    world.succeeds(key).await;
    let ended = shown(&counts).await;
    has(&ended, &["jobs_total{status=\"SUCCEED\",type=\"MANUAL\"} 1", "queue_depth 0"]);
    has(&ended, &["job_status_duration_seconds_sum{status=\"PENDING\",type=\"MANUAL\"} 30.0"]);
    assert!(!ended.contains("status=\"CREATED\""), "that was before\n{ended}");
}

#[tokio::test]
async fn jobs_of_a_deleted_branch_are_not_waited_for() {
    let world = World::new().await;
    let counts = world.counts();
    shown(&counts).await;
    let key = world.job().await;
    world.starts(key).await;
    has(&shown(&counts).await, &["queue_depth 1"]);
    world.store.delete_branch(key.branch).await.expect("it is there");
    world.clock.advance(TimeDelta::seconds(60));
    let after = shown(&counts).await;
    has(&after, &["queue_depth 0", "jobs_total{status=\"PENDING\",type=\"MANUAL\"} 1"]);
}

#[tokio::test]
async fn many_happenings_are_read_page_by_page_and_each_once() {
    let world = World::new().await;
    let counts = world.counts();
    shown(&counts).await;
    for _ in 0..700 {
        let key = world.job().await;
        world.after(1, key, Command::Stop { by: None }).await;
    }
    shown(&counts).await;
    let page = shown(&counts).await;
    has(&page, &["jobs_total{status=\"CREATED\",type=\"MANUAL\"} 700"]);
    has(&page, &["jobs_total{status=\"CANCELLED\",type=\"MANUAL\"} 700"]);
    has(&page, &["job_status_duration_seconds_sum{status=\"CREATED\",type=\"MANUAL\"} 700.0"]);
}
