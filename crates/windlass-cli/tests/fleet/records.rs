//! What is stored, held against what clients were told and against what must hold.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;

use chrono::{DateTime, Utc};
use windlass::{AppId, BranchName, Event, Job, JobId, JobStatus, Record};
use windlass_postgres::PostgresStore;
use windlass_store::{BranchUid, JobKey, Store as _, StoredBranch};

use crate::fleet::Door;
use crate::load::Told;
use crate::support::ended;

/// What became of everything.
#[derive(Clone, Debug, Default)]
pub(crate) struct Verdict {
    pub(crate) jobs: u64,
    pub(crate) succeeded: u64,
    pub(crate) cancelled: u64,
    /// How many failed, by their reasons.
    pub(crate) failed: BTreeMap<String, u64>,
    /// How often another runner took a job up.
    pub(crate) reclaimed: u64,
    pub(crate) violations: Vec<String>,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { jobs, succeeded, cancelled, failed, reclaimed, violations } = self;
        let fell: u64 = failed.values().sum();
        writeln!(f, "{jobs} jobs: {succeeded} succeeded, {cancelled} cancelled, {fell} failed; {reclaimed} re-claims")?;
        for (reason, count) in failed {
            writeln!(f, "  {count} failed: {reason}")?;
        }
        for violation in violations {
            writeln!(f, "VIOLATION: {violation}")?;
        }
        write!(f, "{} violations", violations.len())
    }
}

/// Waits until every job has ended, and judges. `patience` is for a job that is stuck to be told from one that takes its time.
pub(crate) async fn judge(store: &PostgresStore, app: &str, told: &Told, patience: Duration) -> Verdict {
    let mut verdict = Verdict { violations: told.violations.clone(), ..Verdict::default() };
    let all_end = async {
        while !store.due(DateTime::<Utc>::MAX_UTC, 1).await.unwrap().is_empty() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    if tokio::time::timeout(patience, all_end).await.is_err() {
        for key in store.due(DateTime::<Utc>::MAX_UTC, 100).await.unwrap() {
            verdict.violations.push(format!("job {key} does not end: {:?}", store.job(key).await.unwrap()));
        }
    }
    let (app, mut from): (AppId, _) = (app.parse().unwrap(), None);
    let (mut jobs, successes) = (BTreeMap::new(), successes(store).await);
    loop {
        let page = store.branches(&app, from, 100).await.unwrap();
        for branch in page.items {
            judge_branch(store, &branch, &successes, &mut jobs, &mut verdict).await;
        }
        from = page.next;
        if from.is_none() {
            break;
        }
    }
    hold_against(told, &jobs, &mut verdict);
    verdict
}

async fn judge_branch(
    store: &PostgresStore,
    branch: &StoredBranch,
    successes: &BTreeMap<BranchUid, Vec<JobId>>,
    jobs: &mut BTreeMap<(String, String), Job>,
    verdict: &mut Verdict,
) {
    let (name, mut from) = (branch.name.to_string(), None);
    loop {
        let page = store.jobs(branch.uid, from, 100).await.unwrap();
        for job in page.items {
            let history = store.history(JobKey { branch: branch.uid, job: job.id() }).await.unwrap();
            judge_job(&branch.name, &job, &history, verdict);
            jobs.insert((name.clone(), job.id().to_string()), job);
        }
        from = page.next;
        if from.is_none() {
            break;
        }
    }
    // In the order in which it happened.
    let mut live = None;
    for &job in successes.get(&branch.uid).into_iter().flatten() {
        if live.is_some_and(|live| live >= job) {
            verdict.violations.push(format!("{name} goes back from job {live:?} to {job}"));
        }
        live = Some(job);
    }
    if branch.branch.live().map(|live| live.job) != live {
        verdict.violations.push(format!("{name} shows {:?}, and {live:?} went live last", branch.branch.live()));
    }
}

/// The jobs that went live on each branch, in the order in which they did.
async fn successes(store: &PostgresStore) -> BTreeMap<BranchUid, Vec<JobId>> {
    let (mut successes, mut cursor) = (BTreeMap::<_, Vec<_>>::new(), 0);
    loop {
        let happenings = store.happenings(cursor, 1000).await.unwrap();
        let Some(last) = happenings.last() else { return successes };
        cursor = last.cursor;
        for happening in happenings {
            if let Event::Succeeded { .. } = happening.record.event {
                successes.entry(happening.key.branch).or_default().push(happening.key.job);
            }
        }
    }
}

fn judge_job(branch: &BranchName, job: &Job, history: &[Record], verdict: &mut Verdict) {
    let id = job.id();
    let mut wrong = |what: String| verdict.violations.push(format!("job {id} of {branch}: {what}"));
    match Job::replay(id, history) {
        Ok(replayed) if replayed == *job => {}
        Ok(_) => wrong("its records make another job of it".to_owned()),
        Err(error) => wrong(format!("its records cannot be: {error}")),
    }
    let mut attempts = Vec::new();
    let mut live = 0;
    for record in history {
        match &record.event {
            Event::Claimed { attempt } | Event::Reclaimed { attempt } => attempts.push(attempt.get()),
            Event::Succeeded { .. } => live += 1,
            Event::Created { .. }
            | Event::Uploaded { .. }
            | Event::Started
            | Event::Replaced { .. }
            | Event::Provisioned
            | Event::Resolved { .. }
            | Event::StepStarted { .. }
            | Event::StepEnded { .. }
            | Event::StopRequested { .. }
            | Event::Stopped { .. }
            | Event::Skipped { .. }
            | Event::Failed { .. }
            | Event::Expired => {}
        }
    }
    if !attempts.iter().copied().eq((1..).take(attempts.len())) {
        wrong(format!("its attempts are {attempts:?}"));
    }
    if live != u32::from(job.status() == JobStatus::Succeed) {
        wrong(format!("it went live {live} times and is {}", job.status()));
    }
    verdict.jobs += 1;
    verdict.reclaimed += attempts.len().saturating_sub(1) as u64;
    match job.status() {
        JobStatus::Succeed => verdict.succeeded += 1,
        JobStatus::Cancelled => verdict.cancelled += 1,
        JobStatus::Failed => {
            let reason = job.status_reason().map(|reason| reason.to_string()).unwrap_or_default();
            *verdict.failed.entry(reason).or_default() += 1;
        }
        JobStatus::Created
        | JobStatus::Pending
        | JobStatus::Provisioning
        | JobStatus::Running
        | JobStatus::Cancelling => verdict.violations.push(format!("job {id} of {branch} has not ended")),
    }
}

/// Nothing acknowledged is lost.
fn hold_against(told: &Told, jobs: &BTreeMap<(String, String), Job>, verdict: &mut Verdict) {
    let job = |branch: &String, job: &String| jobs.get(&(branch.clone(), job.clone()));
    let mut texts = BTreeMap::new();
    for (branch, id, text) in &told.started {
        texts.insert((branch.clone(), id.parse::<u64>().unwrap()), text);
        match job(branch, id).map(Job::status) {
            Some(JobStatus::Created) => {
                verdict.violations.push(format!("job {id} of {branch} was started, and is not"))
            }
            Some(_) => {}
            None => verdict.violations.push(format!("job {id} of {branch} was started, and there is none")),
        }
    }
    for (branch, id) in &told.stopped {
        let status = job(branch, id).map(Job::status);
        if status != Some(JobStatus::Cancelled) {
            verdict.violations.push(format!("job {id} of {branch} was stopped, and is {status:?}"));
        }
    }
    for (key, text) in &told.seen {
        if texts.get(key).is_some_and(|deployed| *deployed != text) {
            verdict.violations.push(format!("job {} of {} shows {text}", key.1, key.0));
        }
    }
}

/// What a process does not list of what was said to be started, or lists as unfinished.
pub(crate) async fn not_listed(door: &Door, app: &str, told: &Told) -> Vec<String> {
    let branches: BTreeSet<_> = told.started.iter().map(|(branch, ..)| branch).collect();
    let mut ends = BTreeSet::new();
    for branch in branches {
        let mut pages = door.client.list_jobs().app_id(app).branch_name(branch).into_paginator().items().send();
        while let Some(job) = pages.next().await {
            let job = job.unwrap();
            if ended(&job.status) {
                ends.insert((branch, job.job_id));
            }
        }
    }
    let missing = told.started.iter().filter(|(branch, job, _)| !ends.contains(&(branch, job.clone())));
    missing.map(|(branch, job, _)| format!("{} does not list job {job} of {branch} as ended", door.endpoint)).collect()
}
