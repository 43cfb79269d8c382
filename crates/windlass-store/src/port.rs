//! The port: what every store does.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use tokio::sync::broadcast;
use windlass::{AppId, Branch, BranchName, Job, JobId, JobStatus, Live, Record};

use crate::{App, Claims, Document, Executed, Kind, NewBranch, StoreError, StoredBranch};

/// What tells a branch from every other that ever was in this store, and never changes. A branch that is
/// deleted and made again under its old name has another one, so nothing old can reach it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct BranchUid(pub u64);

impl fmt::Display for BranchUid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What tells a job from every other that ever was in this store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct JobKey {
    /// The branch.
    pub branch: BranchUid,
    /// The job's number on it.
    pub job: JobId,
}

impl fmt::Display for JobKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.branch, self.job)
    }
}

/// A runner: one life of one process, so that what an earlier life left is nobody's.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RunnerId(pub String);

/// A runner's hold on a job. Past `until` it counts as lost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// Who holds it.
    pub runner: RunnerId,
    /// Until when, unless it is renewed.
    pub until: DateTime<Utc>,
}

/// What is to be stored of a command, all of it or nothing.
#[derive(Clone, Debug)]
pub struct Append {
    /// The app, for counts.
    pub app: AppId,
    /// The job.
    pub key: JobKey,
    /// How many records the job had when it was loaded; 0 for a new one.
    pub expected_seq: u32,
    /// What happened; the first continues from `expected_seq`.
    pub records: Vec<Record>,
    /// The job after it.
    pub job: Job,
    /// The branch after it and the version that it had when it was loaded, where it has changed.
    pub branch: Option<(u64, Branch)>,
    /// The hold that a claim brings. An ended job loses its hold without being told.
    pub lease: Option<Lease>,
    /// Small artifacts that ride along, by key. One that is there already is replaced.
    pub blobs: Vec<(String, Bytes)>,
}

/// One page of a list.
#[derive(Clone, Debug, PartialEq)]
pub struct Page<T> {
    /// The items.
    pub items: Vec<T>,
    /// Where the next page begins, unless this is the last.
    pub next: Option<u64>,
}

/// A job that wants a runner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// The job.
    pub key: JobKey,
    /// Its app.
    pub app: AppId,
    /// Whether an earlier runner of it is lost.
    pub lost: bool,
}

/// What there is to do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Work {
    /// How many jobs each app has in work, those of lost runners left out.
    pub working: Vec<(AppId, u64)>,
    /// Jobs that want a runner: first those whose runner is lost, then those that wait on a branch on
    /// which nothing works, the longest wait first in both.
    pub candidates: Vec<Candidate>,
}

/// What a host name stands for.
#[derive(Clone, Debug, PartialEq)]
pub struct Site {
    /// The branch.
    pub branch: BranchUid,
    /// Its name.
    pub name: BranchName,
    /// What it shows.
    pub live: Option<Live>,
    /// The version of its settings.
    pub version: u64,
    /// The version of its app. Whoever has read both in these versions knows the site's settings.
    pub app_version: u64,
}

/// What a store counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counted<'a> {
    /// All apps.
    Apps,
    /// The newest apps, back to the first that was not made after this time.
    AppsSince(DateTime<Utc>),
    /// The branches of an app.
    Branches(&'a AppId),
    /// The documents of a kind that an app has.
    Documents(Kind, &'a AppId),
}

/// Something that happened to a job, in the order in which it was stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Happening {
    /// Its place among everything that ever happened in this store. No place is used twice.
    pub cursor: u64,
    /// The job.
    pub key: JobKey,
    /// What happened.
    pub record: Record,
}

/// News that a job has changed, for those who wait in the same process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// The job.
    pub key: JobKey,
    /// Its status now.
    pub status: JobStatus,
}

/// Where apps, branches, jobs and their histories are kept.
///
/// Every change is durable before the call that makes it returns. Reads see what was acknowledged.
/// Look-ups cost what they return, however much there is beside it.
///
/// All methods fail with [`StoreError::Unavailable`] or [`StoreError::Damaged`]; other errors are named.
#[async_trait]
pub trait Store: Send + Sync + 'static {
    /// Adds an app, or answers [`StoreError::Exists`].
    async fn create_app(&self, app: &App) -> Result<(), StoreError>;

    /// The app with this id.
    async fn app(&self, id: &AppId) -> Result<Option<App>, StoreError>;

    /// Apps in the order of their creation, from the cursor that an earlier page gave.
    async fn apps(&self, from: Option<u64>, limit: usize) -> Result<Page<App>, StoreError>;

    /// Stores a changed app, whose version is one more than it was when loaded; else
    /// [`StoreError::Conflict`].
    async fn update_app(&self, app: &App) -> Result<(), StoreError>;

    /// Deletes an app with its branches, jobs, histories and documents, and answers its branches, whose kept bytes can go too, or
    /// `None` where there is no such app.
    async fn delete_app(&self, id: &AppId) -> Result<Option<Vec<BranchUid>>, StoreError>;

    /// Adds a branch. [`StoreError::Exists`] where the app has one of that name, [`StoreError::Conflict`]
    /// where there is no such app.
    async fn create_branch(&self, new: &NewBranch) -> Result<StoredBranch, StoreError>;

    /// The branch of this name.
    async fn branch(&self, app: &AppId, name: &BranchName) -> Result<Option<StoredBranch>, StoreError>;

    /// The branch with this uid.
    async fn branch_by_uid(&self, uid: BranchUid) -> Result<Option<StoredBranch>, StoreError>;

    /// Branches of an app in the order of their creation, from the cursor that an earlier page gave.
    async fn branches(&self, app: &AppId, from: Option<u64>, limit: usize) -> Result<Page<StoredBranch>, StoreError>;

    /// Stores changed attributes of a branch, whose version is one more than it was when loaded; else
    /// [`StoreError::Conflict`]. The job side is not touched.
    async fn update_branch(&self, branch: &StoredBranch) -> Result<(), StoreError>;

    /// Deletes a branch with its jobs and histories. [`StoreError::Conflict`] where it is gone.
    async fn delete_branch(&self, uid: BranchUid) -> Result<(), StoreError>;

    /// The branch whose label this is.
    async fn site(&self, app: &AppId, label: &str) -> Result<Option<Site>, StoreError>;

    /// The branch of this name, as [`site`](Self::site) answers it.
    async fn named_site(&self, app: &AppId, name: &BranchName) -> Result<Option<Site>, StoreError>;

    /// One job.
    async fn job(&self, key: JobKey) -> Result<Option<Job>, StoreError>;

    /// The branch of this name and its job with this number: what GetJob needs, in one look. They may be shared with others who
    /// look.
    async fn named_job(
        &self,
        app: &AppId,
        branch: &BranchName,
        job: JobId,
    ) -> Result<Option<(Arc<StoredBranch>, Option<Arc<Job>>)>, StoreError>;

    /// Jobs of a branch, newest first, from the cursor that an earlier page gave.
    async fn jobs(&self, branch: BranchUid, from: Option<u64>, limit: usize) -> Result<Page<Job>, StoreError>;

    /// The jobs of a branch whose [content](Job::content_of) is that of this job, newest first, from the cursor that an
    /// earlier page gave.
    async fn jobs_with(&self, content: JobKey, from: Option<u64>, limit: usize) -> Result<Page<Job>, StoreError>;

    /// A job's records, oldest first; empty where there is no such job.
    async fn history(&self, key: JobKey) -> Result<Vec<Record>, StoreError>;

    /// What happened to all jobs after `cursor`, oldest first. Jobs that were deleted have taken theirs with them.
    async fn happenings(&self, cursor: u64, limit: usize) -> Result<Vec<Happening>, StoreError>;

    /// The place of what was stored last, or 0.
    async fn last_happening(&self) -> Result<u64, StoreError>;

    /// Stores what came of a command. [`StoreError::Conflict`], and nothing stored, unless job and branch
    /// are as they were loaded.
    async fn append(&self, append: Append) -> Result<(), StoreError>;

    /// Deletes an ended job and its history, and stores the branch without it. Answers whether any other
    /// job of the branch still needs the [content](Job::content_of) that it deployed.
    /// [`StoreError::Conflict`] unless job and branch are as they were loaded.
    async fn delete_job(&self, key: JobKey, expected_seq: u32, branch: (u64, Branch)) -> Result<bool, StoreError>;

    /// Jobs whose deadline has passed, the longest overdue first.
    async fn due(&self, now: DateTime<Utc>, limit: usize) -> Result<Vec<JobKey>, StoreError>;

    /// What there is to do: up to `limit` jobs of lost runners, and up to `limit` of each app that wait, so that no app
    /// hides the others.
    async fn work(&self, now: DateTime<Utc>, limit: usize) -> Result<Work, StoreError>;

    /// Gives a runner what there is to do, as [`Claiming`](crate::Claiming) decides it: look, decision and what is stored are
    /// one transaction, in which no other claim is decided, whoever makes it. A job that another transaction is about to
    /// change is left to that one. Answers what was stored; see [`claim`](crate::claim()).
    async fn claim(&self, claims: &Claims) -> Result<Vec<Executed>, StoreError>;

    /// Renews the runner's holds on those of `jobs` that it still has, and answers them with their statuses: one that is
    /// missing was lost, one in CANCELLING is to be let go. A hold on any other job runs out, whoever has it.
    async fn renew(&self, lease: &Lease, jobs: &[JobKey]) -> Result<Vec<Notice>, StoreError>;

    /// Adds a document. [`StoreError::Exists`] where one of its kind has that id, [`StoreError::Conflict`] where there is
    /// no such app as it belongs to.
    async fn create_document(&self, document: &Document) -> Result<(), StoreError>;

    /// The document of this kind with this id.
    async fn document(&self, kind: Kind, id: &str) -> Result<Option<Document>, StoreError>;

    /// Documents of a kind, of one app or of all, in the order of their creation, from the cursor that an earlier
    /// page gave.
    async fn documents(
        &self,
        kind: Kind,
        app: Option<&AppId>,
        from: Option<u64>,
        limit: usize,
    ) -> Result<Page<Document>, StoreError>;

    /// Stores a changed document, whose version is one more than it was when loaded; else [`StoreError::Conflict`].
    async fn update_document(&self, document: &Document) -> Result<(), StoreError>;

    /// Deletes a document. [`StoreError::Conflict`] where there is none.
    async fn delete_document(&self, kind: Kind, id: &str) -> Result<(), StoreError>;

    /// How many there are, counted no further than to `most`, which is what it costs.
    async fn count(&self, what: Counted<'_>, most: u64) -> Result<u64, StoreError>;

    /// A small artifact.
    async fn blob(&self, key: &str) -> Result<Option<Bytes>, StoreError>;

    /// The keys of small artifacts that begin with `prefix`, in the order of their bytes.
    async fn blob_keys(&self, prefix: &str) -> Result<Vec<String>, StoreError>;

    /// A page of those keys: up to `limit` of them, after the key `after`, which need not be there.
    async fn blob_page(&self, prefix: &str, after: Option<&str>, limit: usize) -> Result<Vec<String>, StoreError>;

    /// Stores a small artifact on its own.
    async fn put_blob(&self, key: &str, bytes: Bytes) -> Result<(), StoreError>;

    /// Deletes the small artifacts whose keys begin with `prefix`. No key of ours begins with another whole one.
    async fn delete_blobs(&self, prefix: &str) -> Result<(), StoreError>;

    /// Deletes the small artifacts whose keys begin with any of `prefixes`, only while the branch is at this version, so that no
    /// job can have come to need them meanwhile; else [`StoreError::Conflict`], and nothing is deleted.
    async fn delete_blobs_at(&self, branch: (BranchUid, u64), prefixes: &[String]) -> Result<(), StoreError>;

    /// A secret of 32 bytes that is made at the first call and the same ever after, for signing URLs.
    async fn secret(&self) -> Result<[u8; 32], StoreError>;

    /// News of changed jobs, from now on. Some may be missed under load: look at what there is then.
    fn notices(&self) -> broadcast::Receiver<Notice>;
}
