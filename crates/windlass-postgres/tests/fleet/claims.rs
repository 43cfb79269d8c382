//! Who gets which job, when several processes ask, die and come back.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::future::join_all;
use windlass::{Artifact, Attempt, Command, Commit, JobType, NewJob, Rejection, Report, Source, StepName};
use windlass_postgres::PostgresStore;
use windlass_store::conformance::{Everything, check_happenings};
use windlass_store::{
    Address, Claims, Executed, Extras, JobKey, Lease, Plan, RunnerId, Store, StoredBranch, claim, create, execute,
};
use windlass_testkit::Postgres;

use crate::{branch, client, make, noon, open, somebody_waits};

pub(crate) async fn a_lost_runner_comes_back_and_puts_nothing_live() {
    let fleet = Fleet::start(2).await;
    let [a, b] = &fleet.stores[..] else { panic!("two stores") };
    let made = make(&**a, &branch(&**a, "main").await).await;
    let first = claim(&**a, &claims("a", 1, 5)).await.unwrap().remove(0);
    assert_eq!(claim(&**b, &claims("b", 1, 5)).await.unwrap().len(), 0, "it is held");
    // Its process stands still until its hold has run out, by the database's clock; those of the processes stand still.
    fleet.advance(10).await;
    let second = claim(&**b, &claims("b", 1, 5)).await.unwrap().remove(0);
    assert_eq!((second.key(), second.job.attempt()), (made.key(), Attempt::new(2)));

    assert_eq!(a.renew(&hold("a"), &[made.key()]).await.unwrap(), []);
    let refused = succeeds(&**a, &first, 1).await;
    assert!(matches!(refused.answer, Err(Rejection::StaleAttempt { .. })), "{:?}", refused.answer);
    let site = async |store: &PostgresStore| store.branch_by_uid(made.branch.uid).await.unwrap().unwrap().branch.live();
    for store in [a, b] {
        assert_eq!(site(store).await, None);
        assert_eq!(store.blob("made/1").await.unwrap(), None, "what it made was kept");
    }
    succeeds(&**b, &second, 2).await.answer.unwrap();
    for store in [a, b] {
        assert_eq!(site(store).await.map(|live| live.artifact.object), Some(2));
        assert_eq!(store.blob("made/2").await.unwrap(), Some("site".into()));
    }
    // Once more, after the end.
    succeeds(&**a, &first, 1).await.answer.unwrap_err();
    assert_eq!(site(a).await.map(|live| live.artifact.object), Some(2));
    check(&**a).await;
}

pub(crate) async fn no_more_are_in_work_than_may_be_however_many_processes_claim() {
    let fleet = Fleet::start(4).await;
    let store = &*fleet.stores[0];
    for n in 0..12 {
        make(store, &branch(store, &format!("{n}")).await).await;
    }
    for round in 0..4 {
        let runners = fleet.stores.iter().flat_map(|store| [Arc::clone(store), Arc::clone(store)]).zip(0..);
        let claims = runners.map(|(store, n)| {
            tokio::spawn(async move { claim(&*store, &claims(&format!("{round} {n}"), 3, 5)).await.unwrap() })
        });
        let claimed: Vec<_> = join_all(claims).await.into_iter().flat_map(Result::unwrap).collect();
        let expected = [5, 2, 2, 2][round];
        assert_eq!(claimed.len(), expected, "in round {round}");
        let working = store.work(noon(), 0).await.unwrap().working;
        assert_eq!(working.iter().map(|(_, count)| count).sum::<u64>(), 5, "in round {round}");
        for ends in &claimed[..2] {
            fails(store, ends, noon()).await;
        }
    }
    check(store).await;
}

/// Processes push, claim, renew, stop, report, expire and stand still as they like. However commits overlap, a branch works on
/// one job at a time, and what is live is what the newest success put there.
pub(crate) async fn jobs_of_a_branch_never_overlap_however_many_processes_run_them() {
    let fleet = Arc::new(Fleet::start(3).await);
    let mut branches = Vec::new();
    for n in 0..4 {
        branches.push(branch(&*fleet.stores[0], &format!("{n}")).await);
    }
    let processes = (0..6).map(|n| {
        let process = Process {
            name: format!("{n}"),
            random: 0x9e37_79b9_7f4a_7c15 ^ (n + 1),
            fleet: Arc::clone(&fleet),
            store: Arc::clone(&fleet.stores[n as usize % 3]),
            branches: branches.clone(),
            hands: Vec::new(),
        };
        tokio::spawn(process.live(100))
    });
    let succeeded: usize = join_all(processes).await.into_iter().map(Result::unwrap).sum();
    assert!(succeeded > 0, "nothing went live, so nothing was tried");
    check(&*fleet.stores[0]).await;
}

pub(crate) async fn a_claim_waits_for_nobody_who_is_changing_a_job() {
    let server = Postgres::start().unwrap();
    let url = server.url(&server.database("template1"));
    let (store, mut other) = (open(&url).await, client(&url).await);
    let mut waiting = Vec::new();
    for n in 0..3 {
        waiting.push(make(&store, &branch(&store, &format!("{n}")).await).await.key());
    }
    // The one that has waited longest is about to be stopped, and the next one's row is held, as a renewal holds it.
    let changes = other.transaction().await.unwrap();
    changes.batch_execute("SELECT 1 FROM branches WHERE uid = 1 FOR UPDATE").await.unwrap();
    changes.batch_execute("SELECT 1 FROM jobs WHERE branch = 2 FOR UPDATE").await.unwrap();
    let claimed = claim(&store, &claims("a", 1, 1)).await.unwrap();
    assert_eq!(claimed.iter().map(Executed::key).collect::<Vec<_>>(), [waiting[2]]);
    changes.commit().await.unwrap();
    let claimed = claim(&store, &claims("a", 9, 9)).await.unwrap();
    assert_eq!(claimed.iter().map(Executed::key).collect::<Vec<_>>(), waiting[..2]);
    check(&store).await;
}

pub(crate) async fn a_hold_that_is_renewed_just_after_the_look_stays() {
    let fleet = Fleet::start(1).await;
    let store = &*fleet.stores[0];
    let made = make(store, &branch(store, "main").await).await;
    claim(store, &claims("a", 1, 1)).await.unwrap();
    // What anyone sees is as old as can be: it is lost.
    let seen = "CREATE OR REPLACE FUNCTION windlass_work(ahead BIGINT, most BIGINT)
         RETURNS TABLE (part INT, since BIGINT, app TEXT, branch BIGINT, number BIGINT) LANGUAGE sql STABLE AS
         'SELECT 1, 0::bigint, ''d1'', 1::bigint, 1::bigint';
         CREATE OR REPLACE FUNCTION windlass_may_claim(ahead BIGINT, concurrent BIGINT) RETURNS BOOLEAN LANGUAGE sql AS
         'SELECT TRUE'";
    fleet.clock.batch_execute(seen).await.unwrap();
    assert_eq!(claim(store, &claims("b", 1, 5)).await.unwrap().len(), 0);
    assert_eq!(store.renew(&hold("a"), &[made.key()]).await.unwrap().len(), 1);
    fleet.advance(10).await;
    assert_eq!(claim(store, &claims("b", 1, 5)).await.unwrap().len(), 1);
}

pub(crate) async fn a_damaged_job_is_in_nobodys_way() {
    let server = Postgres::start().unwrap();
    let database = server.database("template1");
    let store = open(&server.url(&database)).await;
    let mut waiting = Vec::new();
    for n in 0..3 {
        waiting.push(make(&store, &branch(&store, &format!("{n}")).await).await.key());
    }
    server.run(&database, "UPDATE jobs SET progress = '1{' WHERE branch = 1");
    server.run(&database, "UPDATE branches SET branch = '1{' WHERE uid = 2");
    let claimed = claim(&store, &claims("a", 1, 1)).await.unwrap();
    assert_eq!(claimed.iter().map(Executed::key).collect::<Vec<_>>(), waiting[2..]);
}

pub(crate) async fn whoever_stands_still_in_the_midst_of_a_claim_does_not_stop_the_others() {
    let server = Postgres::start().unwrap();
    let url = server.url(&server.database("template1"));
    let (store, mut other) = (open(&url).await, client(&url).await);
    make(&store, &branch(&store, "main").await).await;
    let stands_still = other.transaction().await.unwrap();
    assert_eq!(stands_still.query("SELECT * FROM windlass_work_alone(0, 9)", &[]).await.unwrap().len(), 1);
    // The server ends it.
    assert_eq!(claim(&store, &claims("a", 1, 1)).await.unwrap().len(), 1);
    stands_still.commit().await.unwrap_err();
}

pub(crate) async fn a_look_that_finds_nothing_waits_for_nobody() {
    let server = Postgres::start().unwrap();
    let url = server.url(&server.database("template1"));
    let (store, mut other) = (open(&url).await, client(&url).await);
    let works = make(&store, &branch(&store, "works").await).await;
    claim(&store, &claims("a", 1, 1)).await.unwrap();
    // Another process decides, and takes its time.
    let decides = other.transaction().await.unwrap();
    decides.query("SELECT * FROM windlass_work_alone(0, 9)", &[]).await.unwrap();
    decides.batch_execute("SET LOCAL idle_in_transaction_session_timeout = 0").await.unwrap();
    assert_eq!(claim(&store, &claims("a", 1, 9)).await.unwrap().len(), 0, "nothing waits");
    push(&store, &works.branch, noon()).await;
    assert_eq!(claim(&store, &claims("a", 1, 9)).await.unwrap().len(), 0, "its branch works");
    make(&store, &branch(&store, "waits").await).await;
    assert_eq!(claim(&store, &claims("a", 1, 1)).await.unwrap().len(), 0, "there is no room");
    decides.commit().await.unwrap();
    assert_eq!(claim(&store, &claims("a", 1, 9)).await.unwrap().len(), 1);
}

pub(crate) async fn a_claim_that_is_given_up_in_the_midst_is_in_nobodys_way() {
    let server = Postgres::start().unwrap();
    let url = server.url(&server.database("template1"));
    let (store, mut other, watch) = (open(&url).await, client(&url).await, client(&url).await);
    make(&store, &branch(&store, "main").await).await;
    let decides = other.transaction().await.unwrap();
    decides.query("SELECT * FROM windlass_work_alone(0, 9)", &[]).await.unwrap();
    decides.batch_execute("SET LOCAL idle_in_transaction_session_timeout = 0").await.unwrap();
    tokio::select! {
        () = somebody_waits(&watch) => {}
        claimed = async { claim(&store, &claims("a", 1, 9)).await } => panic!("{claimed:?} while another decided"),
    }
    decides.commit().await.unwrap();
    assert_eq!(claim(&store, &claims("b", 1, 9)).await.unwrap().len(), 1);
}

/// Stores on one database whose clock, by which leases go, is told what time it is.
struct Fleet {
    stores: Vec<Arc<PostgresStore>>,
    clock: tokio_postgres::Client,
    minutes: AtomicI64,
    _server: Postgres,
}

impl Fleet {
    async fn start(stores: usize) -> Self {
        let server = Postgres::start().unwrap();
        let url = server.url(&server.database("template1"));
        let stores = join_all((0..stores).map(|_| open(&url))).await.into_iter().map(Arc::new).collect();
        let clock = client(&url).await;
        let told = "CREATE TABLE clock (at BIGINT NOT NULL); INSERT INTO clock VALUES (0);
             CREATE OR REPLACE FUNCTION windlass_now() RETURNS BIGINT LANGUAGE sql STABLE AS 'SELECT at FROM clock'";
        clock.batch_execute(told).await.unwrap();
        Self { stores, clock, minutes: AtomicI64::new(0), _server: server }
    }

    /// So many minutes pass.
    async fn advance(&self, minutes: i64) {
        self.minutes.fetch_add(minutes, Ordering::Relaxed);
        self.clock.execute("UPDATE clock SET at = at + $1", &[&(minutes * 60_000)]).await.unwrap();
    }

    fn now(&self) -> DateTime<Utc> {
        noon() + TimeDelta::minutes(self.minutes.load(Ordering::Relaxed))
    }
}

/// A process that does whatever comes to its mind.
struct Process {
    name: String,
    random: u64,
    fleet: Arc<Fleet>,
    store: Arc<PostgresStore>,
    branches: Vec<StoredBranch>,
    /// What it believes to have.
    hands: Vec<Executed>,
}

impl Process {
    async fn live(mut self, steps: usize) -> usize {
        let mut succeeded = 0;
        for step in 0..steps {
            let (store, now) = (Arc::clone(&self.store), self.fleet.now());
            let at = self.below(self.branches.len());
            let on = self.branches[at].clone();
            match self.below(20) {
                0..=4 => push(&*store, &on, now).await,
                5..=9 => {
                    let claims = Claims { now, ..claims(&self.name, 2, 3) };
                    let claimed = claim(&*store, &claims).await.unwrap();
                    self.hands.extend(claimed.into_iter().filter(|claimed| claimed.job.status().is_working()));
                }
                10..=14 => {
                    let Some(held) = self.let_go() else { continue };
                    let object = (step + 1) as u64;
                    succeeded += usize::from(succeeds_at(&*store, &held, object, now).await.answer.is_ok());
                }
                15 => {
                    let Some(held) = self.let_go() else { continue };
                    fails(&*store, &held, now).await;
                }
                16 => {
                    let keys: Vec<_> = self.hands.iter().map(Executed::key).collect();
                    store.renew(&hold(&self.name), &keys).await.unwrap();
                }
                17 => {
                    for job in store.branch_by_uid(on.uid).await.unwrap().unwrap().branch.unfinished() {
                        let key = JobKey { branch: on.uid, job };
                        let stop = [Command::Stop { by: None }];
                        execute(&*store, Address::Key(key), &stop, now, Extras::default()).await.unwrap();
                    }
                }
                _ => {
                    self.fleet.advance(1).await;
                    for key in store.due(self.fleet.now(), 9).await.unwrap() {
                        let expire = [Command::Expire];
                        execute(&*store, Address::Key(key), &expire, self.fleet.now(), Extras::default())
                            .await
                            .unwrap();
                    }
                }
            }
        }
        succeeded
    }

    fn let_go(&mut self) -> Option<Executed> {
        let at = self.below(self.hands.len().max(1));
        (at < self.hands.len()).then(|| self.hands.remove(at))
    }

    fn below(&mut self, end: usize) -> usize {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        (self.random % end as u64) as usize
    }
}

async fn push(store: &dyn Store, on: &StoredBranch, now: DateTime<Utc>) {
    let commit = Commit { id: "abc".into(), message: "".into(), time: noon() };
    let job = NewJob { job_type: JobType::WebHook, ..NewJob::manual(Source::Repository) };
    create(store, &on.app, &on.name, &Plan::Push { job, commit }, now).await.unwrap().unwrap();
}

async fn succeeds(store: &dyn Store, held: &Executed, object: u64) -> Executed {
    succeeds_at(store, held, object, noon()).await
}

async fn succeeds_at(store: &dyn Store, held: &Executed, object: u64, now: DateTime<Utc>) -> Executed {
    let artifact = Artifact { job: held.job.id(), object };
    let mut reports = vec![Report::StepEnded(StepName::Deploy), Report::Succeeded { artifact }];
    if held.job.birth().source.needs_build() {
        reports.splice(0..0, [Report::StepEnded(StepName::Build), Report::StepStarted(StepName::Deploy)]);
    }
    let attempt = held.job.attempt();
    let succeeded: Vec<_> = reports.into_iter().map(|report| Command::Report { attempt, report }).collect();
    let extras = Extras { blobs: vec![(format!("made/{object}"), "site".into())], ..Extras::default() };
    execute(store, Address::Key(held.key()), &succeeded, now, extras).await.unwrap()
}

async fn fails(store: &dyn Store, held: &Executed, now: DateTime<Utc>) {
    let report = Report::Failed { reason: "it did not work".into() };
    let failed = [Command::Report { attempt: held.job.attempt(), report }];
    // It may have been stopped, or lost.
    let _ = execute(store, Address::Key(held.key()), &failed, now, Extras::default()).await.unwrap().answer;
}

/// A hold of ten minutes, by clocks that stand still at noon.
fn hold(runner: &str) -> Lease {
    Lease { runner: RunnerId(runner.to_owned()), until: noon() + TimeDelta::minutes(10) }
}

fn claims(runner: &str, room: usize, concurrent: u64) -> Claims {
    Claims { lease: hold(runner), room, in_hand: Vec::new(), concurrent, now: noon() }
}

async fn check(store: &dyn Store) {
    Everything::of(store).await.unwrap().check("at the end");
    check_happenings(store).await;
}
