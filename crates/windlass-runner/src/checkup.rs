//! Whether all that should be kept is, and can be read.

mod artifact;

use std::fmt;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::Serialize;
use windlass::{AppId, BranchName, Job, JobStatus, Source, Uploads};
use windlass_store::{Blobs, Content, JobKey, Store, StoreError, StoredBranch, keys};

use crate::walk::{Owner, Walk};

/// How many apps, branches, jobs or contents are looked at in one go.
const PAGE: usize = 256;

/// How closely artifacts are looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Depth {
    /// They are there, whole, with an index that fits.
    #[default]
    Indexes,
    /// Every byte of every file is read and compared with its checksum.
    EveryByte,
}

/// Something that a [`Checkup`] has to say.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Said {
    /// Something that should be kept is not, or cannot be read.
    Problem {
        /// Whose it is.
        #[serde(flatten)]
        job: OfJob,
        /// Whether visitors see it.
        live: bool,
        /// What is wrong.
        what: String,
    },
    /// Something is kept for nobody. The server lets go of it in time.
    Orphan {
        /// What it is.
        what: String,
        /// How many bytes it has, where that is known.
        #[serde(skip_serializing_if = "Option::is_none")]
        bytes: Option<u64>,
    },
    /// A job that has not ended.
    Unfinished {
        /// Which.
        #[serde(flatten)]
        job: OfJob,
        /// Its status.
        status: JobStatus,
        /// Why it is as it is.
        why: String,
        /// When time will end it.
        #[serde(skip_serializing_if = "Option::is_none")]
        deadline: Option<DateTime<Utc>>,
    },
}

/// A job by the names that people use.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct OfJob {
    /// The app.
    pub app_id: AppId,
    /// The branch.
    pub branch_name: BranchName,
    /// The job.
    pub job_id: String,
}

impl fmt::Display for OfJob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "app {}, branch {}, job {}", self.app_id, self.branch_name, self.job_id)
    }
}

/// How much was looked at, and how much was said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Counts {
    /// Apps.
    pub apps: u64,
    /// Branches.
    pub branches: u64,
    /// Jobs.
    pub jobs: u64,
    /// Artifacts that are kept.
    pub artifacts: u64,
    /// [`Said::Problem`]s.
    pub problems: u64,
    /// [`Said::Orphan`]s.
    pub orphans: u64,
    /// [`Said::Unfinished`] jobs.
    pub unfinished: u64,
}

/// A look through everything that changes nothing, also while a server runs. It holds a page of each list, however long they
/// are.
pub struct Checkup<'a> {
    store: Arc<dyn Store>,
    blobs: Blobs,
    now: DateTime<Utc>,
    depth: Depth,
    tell: &'a mut (dyn FnMut(&Said) + Send),
    counts: Counts,
}

impl<'a> Checkup<'a> {
    /// A look at `now`, which says what it finds to `tell`.
    pub fn new(
        store: Arc<dyn Store>,
        blobs: Blobs,
        now: DateTime<Utc>,
        depth: Depth,
        tell: &'a mut (dyn FnMut(&Said) + Send),
    ) -> Self {
        Self { store, blobs, now, depth, tell, counts: Counts::default() }
    }

    /// Looks.
    ///
    /// # Errors
    ///
    /// [`StoreError`] where the store does not say what there is.
    pub async fn run(mut self) -> Result<Counts, StoreError> {
        let mut from = None;
        loop {
            let page = self.store.apps(from, PAGE).await?;
            for app in &page.items {
                self.counts.apps += 1;
                self.app(&app.id).await?;
            }
            from = page.next;
            if from.is_none() {
                break;
            }
        }
        self.names().await?;
        self.contents().await?;
        Ok(self.counts)
    }

    fn say(&mut self, said: &Said) {
        match said {
            Said::Problem { .. } => self.counts.problems += 1,
            Said::Orphan { .. } => self.counts.orphans += 1,
            Said::Unfinished { .. } => self.counts.unfinished += 1,
        }
        (self.tell)(said);
    }

    async fn app(&mut self, app: &AppId) -> Result<(), StoreError> {
        let mut from = None;
        loop {
            let page = self.store.branches(app, from, PAGE).await?;
            for branch in &page.items {
                self.counts.branches += 1;
                self.branch(branch).await?;
            }
            from = page.next;
            if from.is_none() {
                return Ok(());
            }
        }
    }

    async fn branch(&mut self, branch: &StoredBranch) -> Result<(), StoreError> {
        let mut from = None;
        loop {
            let page = self.store.jobs(branch.uid, from, PAGE).await?;
            for job in &page.items {
                self.counts.jobs += 1;
                self.job(branch, job).await?;
            }
            from = page.next;
            if from.is_none() {
                return Ok(());
            }
        }
    }

    async fn job(&mut self, branch: &StoredBranch, job: &Job) -> Result<(), StoreError> {
        if !job.status().is_terminal() {
            let deadline = job.deadline().map(|deadline| deadline.at);
            let why = job.why(self.now).on(&branch.branch).to_string();
            self.say(&Said::Unfinished { job: of(branch, job), status: job.status(), why, deadline });
        }
        let Some(what) = self.fault(branch, job).await? else { return Ok(()) };
        // What was looked at may have been deleted in the middle of it.
        let key = JobKey { branch: branch.uid, job: job.id() };
        let now = self.store.job(key).await?;
        if now.as_ref() == Some(job) && self.fault(branch, job).await?.is_some() {
            let live = branch.branch.live().is_some_and(|live| live.job == job.id());
            self.say(&Said::Problem { job: of(branch, job), live, what });
        }
        Ok(())
    }

    /// What is wrong with what is kept of a job.
    async fn fault(&mut self, branch: &StoredBranch, job: &Job) -> Result<Option<String>, StoreError> {
        let live = branch.branch.live().is_some_and(|live| live.job == job.id());
        if let Some(artifact) = job.artifact() {
            // One that it shares with an earlier job is looked at there.
            let shared = artifact.job != job.id() && !live;
            let earlier = JobKey { branch: branch.uid, job: artifact.job };
            if shared && self.store.job(earlier).await?.is_some_and(|job| job.artifact() == Some(artifact)) {
                return Ok(None);
            }
            return match artifact::look(&self.blobs, branch.uid, artifact, self.depth).await {
                Ok(artifact::Found::Sound) => {
                    self.counts.artifacts += 1;
                    Ok(None)
                }
                Ok(artifact::Found::Nothing) if live => Ok(Some("its artifact is not kept".to_owned())),
                // Newer ones have replaced it.
                Ok(artifact::Found::Nothing) => Ok(None),
                Ok(artifact::Found::Fault(what)) => Ok(Some(what)),
                Err(error) => Ok(Some(error.to_string())),
            };
        }
        if job.status().is_terminal() {
            return Ok(None);
        }
        self.upload_fault(branch, job).await
    }

    /// What is wrong with what was uploaded for a job that has not ended.
    async fn upload_fault(&self, branch: &StoredBranch, job: &Job) -> Result<Option<String>, StoreError> {
        let source = match (&job.birth().source, job.uploads()) {
            // It waits for them still.
            (Source::Zip | Source::Files(_), _) if job.missing_uploads().is_some() => return Ok(None),
            (Source::Zip, uploads @ Uploads::Zip(_)) => {
                Source::UploadOf { job: job.id(), uploads: uploads.clone(), files: [].into() }
            }
            (Source::Files(files), uploads) => {
                Source::UploadOf { job: job.id(), uploads: uploads.clone(), files: files.clone() }
            }
            (source, _) => source.clone(),
        };
        let is_kept = self.blobs.keeps_source(branch.uid, &source).await?;
        Ok((!is_kept).then(|| "what it deploys is not kept".to_owned()))
    }

    /// Names that are nobody's.
    async fn names(&mut self) -> Result<(), StoreError> {
        let store = Arc::clone(&self.store);
        let mut walk = Walk::new(&*store);
        while let Some(owner) = walk.next().await? {
            let orphan = match owner {
                Owner::App(app) => {
                    store.app(&app).await?.is_none().then(|| format!("access logs of app {app}, which is gone"))
                }
                Owner::Job(key) if store.branch_by_uid(key.branch).await?.is_none() => {
                    walk.leave(&keys::branch(key.branch));
                    Some(format!("what was kept for branch number {}, which is gone", key.branch))
                }
                Owner::Job(key) => {
                    let is_gone =
                        store.job(key).await?.is_none() && store.jobs_with(key, None, 1).await?.items.is_empty();
                    is_gone.then(|| {
                        format!("what was kept for job {} of branch number {}, which is gone", key.job, key.branch)
                    })
                }
            };
            if let Some(what) = orphan {
                self.say(&Said::Orphan { what, bytes: None });
            }
        }
        Ok(())
    }

    /// Contents that nobody points to.
    async fn contents(&mut self) -> Result<(), StoreError> {
        let vault = Arc::clone(self.blobs.vault());
        let mut after: Option<Content> = None;
        loop {
            let page = vault.list(after, PAGE).await?;
            for &content in &page {
                if !self.blobs.is_used(content).await? {
                    let what = format!("the content {content}, to which no job points");
                    self.say(&Said::Orphan { what, bytes: Some(content.size) });
                }
            }
            match page.last() {
                Some(last) if page.len() == PAGE => after = Some(*last),
                Some(_) | None => return Ok(()),
            }
        }
    }
}

fn of(branch: &StoredBranch, job: &Job) -> OfJob {
    OfJob { app_id: branch.app.clone(), branch_name: branch.name.clone(), job_id: job.id().to_string() }
}
