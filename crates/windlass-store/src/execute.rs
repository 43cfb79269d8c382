//! The duties of whoever drives a job, in their order.

use std::sync::Arc;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use thiserror::Error;
use windlass::{AppId, BranchName, Change, Command, Commit, Job, JobId, JobType, Limits, NewJob, Place, Rejection};

use crate::{Append, JobKey, Lease, Once, RepeatError, Store, StoreError, StoredBranch};

/// Which job a command is for.
#[derive(Clone, Debug, PartialEq)]
pub enum Address<'a> {
    /// By the names that clients use.
    Name(&'a AppId, &'a BranchName, JobId),
    /// By the key that runners use, which no later branch of the same name has.
    Key(JobKey),
    /// By the key of one that was seen before, on its branch, and may still be as it was then. Where it is, nothing is loaded.
    Seen(&'a StoredBranch, &'a Job),
}

/// What rides in the commit beside what the core decides.
#[derive(Clone, Debug, Default)]
pub struct Extras {
    /// The hold that a claim brings.
    pub lease: Option<Lease>,
    /// Small artifacts.
    pub blobs: Vec<(String, Bytes)>,
    /// The request that all of it is for, where that is to be done once however often it comes. One that was done before
    /// is answered as it was then, and nothing is stored.
    pub once: Option<Once>,
}

/// What came of a command.
#[derive(Clone, Debug)]
pub struct Executed {
    /// The branch after it.
    pub branch: StoredBranch,
    /// The job after it.
    pub job: Job,
    /// Whether the command was obeyed.
    pub answer: Result<(), Rejection>,
}

impl Executed {
    /// The job's key.
    #[must_use]
    pub const fn key(&self) -> JobKey {
        JobKey { branch: self.branch.uid, job: self.job.id() }
    }

    /// Whoever caused it has a span around this, with which it is told: a request, or a runner's work on the job.
    pub(crate) fn tell(&self) {
        let Self { branch, job, .. } = self;
        let (key, app, status) = (self.key(), &branch.app, job.status());
        tracing::info!(%key, %app, branch = %branch.name, job = %job.id(), %status, "a job changed");
    }
}

/// A command could not be brought before a job.
#[derive(Debug, Error)]
pub enum ExecuteError {
    /// There is no such branch, or no such app.
    #[error("no such branch")]
    NoBranch,
    /// The branch has no such job.
    #[error("no such job")]
    NoJob,
    /// It was done before, and cannot be answered again. Only where [`Extras::once`] asks for that.
    #[error(transparent)]
    Repeat(#[from] RepeatError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What job to make.
#[derive(Clone, Debug)]
pub enum Plan {
    /// A new one, where no other is unfinished.
    New(NewJob),
    /// One that deploys or builds again what `job` did, where no other is unfinished.
    RetryOf {
        /// The job to retry.
        job: JobId,
        /// The caller's words for why.
        reason: Option<Box<str>>,
        /// The new job's limits.
        limits: Limits,
    },
    /// One for a push, behind the job that works; a job that waits already takes the commit instead.
    Push {
        /// The job, should there be none that waits.
        job: NewJob,
        /// The commit that was pushed.
        commit: Commit,
    },
}

/// Brings commands before a job, in turn, and stores what follows in one transaction.
///
/// # Errors
///
/// [`ExecuteError`] where there is no such job or the store fails. A refusal is in [`Executed::answer`].
pub async fn execute(
    store: &dyn Store,
    address: Address<'_>,
    commands: &[Command],
    now: DateTime<Utc>,
    extras: Extras,
) -> Result<Executed, ExecuteError> {
    let commands: Vec<_> = commands.iter().map(|command| (command, now)).collect();
    execute_each(store, address, &commands, extras).await
}

/// The same for commands that each have a time of their own: a runner reports at once what it did in turn.
///
/// # Errors
///
/// Those of [`execute`].
pub async fn execute_each(
    store: &dyn Store,
    address: Address<'_>,
    commands: &[(&Command, DateTime<Utc>)],
    extras: Extras,
) -> Result<Executed, ExecuteError> {
    if let Address::Seen(branch, job) = address {
        let change = branch.branch.handle_each(job, commands.iter().copied());
        // Only what can be stored shows that it was as it seemed. A request that may have been done before is looked up below.
        if change.answer.is_ok() && !change.records.is_empty() && extras.once.is_none() {
            match commit(store, branch.clone(), job.seq(), change, &extras).await {
                Err(StoreError::Conflict) => {}
                done => return Ok(done?),
            }
        }
    }
    loop {
        let (branch, job) = load(store, &address).await?;
        if let Some(before) = done_before(store, &branch, &extras).await? {
            return Ok(before);
        }
        let change = branch.branch.handle_each(&job, commands.iter().copied());
        match commit(store, branch, job.seq(), change, &extras).await {
            Err(StoreError::Conflict) => {}
            done => return Ok(done?),
        }
    }
}

/// Makes a job on a branch. Time comes first: unfinished jobs that are overdue end before it is decided
/// whether there is room.
///
/// # Errors
///
/// [`ExecuteError`] where there is no such branch, no such job to retry, or the store fails; the inner
/// `Err` where the branch refuses.
pub async fn create(
    store: &dyn Store,
    app: &AppId,
    name: &BranchName,
    plan: &Plan,
    now: DateTime<Utc>,
) -> Result<Result<Executed, Rejection>, ExecuteError> {
    create_with(store, app, name, plan, now, &Extras::default()).await
}

/// The same, with something that rides in the commit.
///
/// # Errors
///
/// Those of [`create`].
pub async fn create_with(
    store: &dyn Store,
    app: &AppId,
    name: &BranchName,
    plan: &Plan,
    now: DateTime<Utc>,
    extras: &Extras,
) -> Result<Result<Executed, Rejection>, ExecuteError> {
    loop {
        let mut branch = store.branch(app, name).await?.ok_or(ExecuteError::NoBranch)?;
        if expire_overdue(store, &branch, now).await? {
            branch = store.branch(app, name).await?.ok_or(ExecuteError::NoBranch)?;
        }
        if let Some(before) = done_before(store, &branch, extras).await? {
            return Ok(Ok(before));
        }
        let (seq, change) = match decide(store, &branch, plan, now).await {
            Ok(Ok(decided)) => decided,
            Ok(Err(rejection)) => return Ok(Err(rejection)),
            Err(ExecuteError::Store(StoreError::Conflict)) => continue,
            Err(error) => return Err(error),
        };
        match commit(store, branch, seq, change, extras).await {
            Err(StoreError::Conflict) => {}
            done => {
                let done = done?;
                return Ok(match &done.answer {
                    Ok(()) => Ok(done),
                    Err(rejection) => Err(rejection.clone()),
                });
            }
        }
    }
}

async fn decide(
    store: &dyn Store,
    branch: &StoredBranch,
    plan: &Plan,
    now: DateTime<Utc>,
) -> Result<Result<(u32, Change), Rejection>, ExecuteError> {
    let new = |change| (0, change);
    Ok(match plan {
        Plan::New(job) => branch.branch.create(job.clone(), now).map(new),
        Plan::RetryOf { job, reason, limits } => {
            let old = store.job(JobKey { branch: branch.uid, job: *job }).await?.ok_or(ExecuteError::NoJob)?;
            retry(&old, reason.as_deref(), *limits).and_then(|job| branch.branch.create(job, now)).map(new)
        }
        Plan::Push { job, commit } => match branch.branch.place_for_push() {
            Place::New => branch.branch.push(NewJob { commit: Some(commit.clone()), ..job.clone() }, now).map(new),
            Place::Replaces(waiting) => {
                let waiting = waiting_job(store, branch, waiting).await?;
                let replace = Command::Replace { commit: commit.clone().into() };
                let change = branch.branch.handle(&waiting, &replace, now);
                Ok((waiting.seq(), change))
            }
        },
    })
}

/// The job that waits on a branch, as it was when the branch was loaded. One that a runner has taken since
/// would refuse the push, though the branch has room behind it now.
async fn waiting_job(store: &dyn Store, branch: &StoredBranch, waiting: JobId) -> Result<Job, StoreError> {
    match store.named_job(&branch.app, &branch.name, waiting).await? {
        Some((now, Some(job))) if (now.uid, now.branch_version) == (branch.uid, branch.branch_version) => {
            Ok(Arc::unwrap_or_clone(job))
        }
        _ => Err(StoreError::Conflict),
    }
}

fn retry(old: &Job, reason: Option<&str>, limits: Limits) -> Result<NewJob, Rejection> {
    Ok(NewJob {
        job_type: JobType::Retry,
        source: old.retry_source()?,
        commit: old.commit().cloned(),
        retries: Some(old.id()),
        job_reason: reason.map(Into::into),
        limits,
    })
}

/// Ends the unfinished jobs of a branch whose time is up. Answers whether any has ended, by this or since
/// the branch was loaded, so that the branch has to be loaded again.
async fn expire_overdue(store: &dyn Store, branch: &StoredBranch, now: DateTime<Utc>) -> Result<bool, ExecuteError> {
    let mut any = false;
    for id in branch.branch.unfinished() {
        let key = JobKey { branch: branch.uid, job: id };
        match store.job(key).await? {
            Some(job) if job.is_due(now) => {
                match execute(store, Address::Key(key), &[Command::Expire], now, Extras::default()).await {
                    // Another has ended it, and perhaps deleted it, in the meantime.
                    Ok(_) | Err(ExecuteError::NoBranch | ExecuteError::NoJob) => any = true,
                    Err(error @ (ExecuteError::Repeat(_) | ExecuteError::Store(_))) => return Err(error),
                }
            }
            Some(job) => any |= job.status().is_terminal(),
            None => any = true,
        }
    }
    Ok(any)
}

/// Deletes an ended job that is not live. Answers it, and the jobs whose kept bytes nobody needs any more.
///
/// # Errors
///
/// [`ExecuteError`] where there is no such job or the store fails; the inner `Err` where it must stay.
pub async fn delete_job(
    store: &dyn Store,
    address: Address<'_>,
    now: DateTime<Utc>,
) -> Result<Result<(Executed, Vec<JobKey>), Rejection>, ExecuteError> {
    loop {
        let Executed { mut branch, job, .. } =
            execute(store, address.clone(), &[Command::Expire], now, Extras::default()).await?;
        let after = match branch.branch.delete(&job) {
            Ok(after) => after,
            Err(rejection) => return Ok(Err(rejection)),
        };
        let key = JobKey { branch: branch.uid, job: job.id() };
        match store.delete_job(key, job.seq(), (branch.branch_version, after.clone())).await {
            Ok(needed) => {
                branch.branch = after;
                branch.branch_version += 1;
                let content = JobKey { branch: branch.uid, job: job.content_of() };
                let mut garbage = Vec::new();
                if content != key {
                    garbage.push(key);
                }
                if !needed {
                    garbage.push(content);
                }
                return Ok(Ok((Executed { branch, job, answer: Ok(()) }, garbage)));
            }
            Err(StoreError::Conflict) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

async fn load(store: &dyn Store, address: &Address<'_>) -> Result<(StoredBranch, Job), ExecuteError> {
    let (branch, job) = match address {
        Address::Name(app, name, job) => {
            let (branch, job) = store.named_job(app, name, *job).await?.ok_or(ExecuteError::NoBranch)?;
            (Arc::unwrap_or_clone(branch), job.map(Arc::unwrap_or_clone))
        }
        Address::Key(key) => load_by_key(store, *key).await?,
        Address::Seen(branch, job) => load_by_key(store, JobKey { branch: branch.uid, job: job.id() }).await?,
    };
    Ok((branch, job.ok_or(ExecuteError::NoJob)?))
}

async fn load_by_key(store: &dyn Store, key: JobKey) -> Result<(StoredBranch, Option<Job>), ExecuteError> {
    // The job first: read the other way round, a job could seem to be ahead of its branch.
    let job = store.job(key).await?;
    Ok((store.branch_by_uid(key.branch).await?.ok_or(ExecuteError::NoBranch)?, job))
}

/// What came of the request that these are the extras of, if it was done before.
async fn done_before(
    store: &dyn Store,
    branch: &StoredBranch,
    extras: &Extras,
) -> Result<Option<Executed>, ExecuteError> {
    match &extras.once {
        Some(once) => once.before(store, branch).await,
        None => Ok(None),
    }
}

async fn commit(
    store: &dyn Store,
    branch: StoredBranch,
    expected_seq: u32,
    change: Change,
    extras: &Extras,
) -> Result<Executed, StoreError> {
    let (append, executed) = outcome(branch, expected_seq, change, extras);
    if let Some(append) = append {
        store.append(append).await?;
        executed.tell();
    }
    Ok(executed)
}

/// What is to be stored of a change, unless nothing has happened, and what there is once it is.
pub(crate) fn outcome(
    mut branch: StoredBranch,
    expected_seq: u32,
    change: Change,
    extras: &Extras,
) -> (Option<Append>, Executed) {
    let Change { records, job, branch: after, answer } = change;
    if records.is_empty() {
        return (None, Executed { branch, job, answer });
    }
    let changed = after != branch.branch;
    // What rides along belongs to the command. Where only time has had its way, it stays behind.
    let Extras { lease, mut blobs, once } = if answer.is_ok() { extras.clone() } else { Extras::default() };
    let key = JobKey { branch: branch.uid, job: job.id() };
    blobs.extend(once.map(|once| once.done(key, job.seq())));
    let append = Append {
        app: branch.app.clone(),
        key,
        expected_seq,
        records,
        job: job.clone(),
        branch: changed.then(|| (branch.branch_version, after.clone())),
        lease,
        blobs,
    };
    if changed {
        branch.branch = after;
        branch.branch_version += 1;
    }
    (Some(append), Executed { branch, job, answer })
}
