//! What is kept too long: the artifacts that newer ones have replaced, and what crashes left behind.
//!
//! Names go first, here; the contents that no name points to any more go later, with [`Blobs::collect`]. Nothing is noted of
//! what is to go: it is read off jobs and names as they are, so a look that was broken off is made good by the next.

mod needed;

use std::collections::BTreeSet;
use std::num::NonZeroU64;
use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use tokio::sync::broadcast;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use windlass::{Artifact, Job, JobStatus, Source, Uploads};
use windlass_store::{Blobs, BranchUid, Clock, Collected, JobKey, Notice, Store, StoreError, StoredBranch, keys};

use crate::walk::{Owner, Walk};
use needed::Needed;

/// How many keys or jobs are looked at in one go.
const PAGE: usize = 256;

/// How often a branch that changes meanwhile is looked at again before it is left to the next look.
const TRIES: u32 = 3;

/// What is kept for how long.
#[derive(Clone, Copy, Debug)]
pub struct Upkeep {
    /// How many successful jobs of a branch keep their artifacts, beside the live one; all of them where nothing is said. What
    /// jobs that are older than these were given to deploy goes, too.
    pub keep: Option<NonZeroU64>,
    /// How often everything is looked through.
    pub every: Duration,
    /// For how long a content stays that nobody points to: longer than it ever takes from the last byte of an upload to the
    /// commit that makes use of it.
    pub grace: Duration,
}

impl Default for Upkeep {
    fn default() -> Self {
        Self { keep: None, every: Duration::from_secs(3600), grace: Duration::from_secs(3600) }
    }
}

/// What a look through everything came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// How many apps, branches and jobs had left something behind.
    pub orphans: u64,
    /// How many artifacts and uploads went because newer ones have replaced them.
    pub retired: u64,
    /// What became of contents.
    pub contents: Collected,
}

/// Whoever looks after what is kept. Several may do so at once.
pub struct Janitor {
    store: Arc<dyn Store>,
    blobs: Blobs,
    clock: Arc<dyn Clock>,
    upkeep: Upkeep,
}

impl Janitor {
    /// One who looks after `blobs`.
    #[must_use]
    pub fn new(store: Arc<dyn Store>, blobs: Blobs, clock: Arc<dyn Clock>, upkeep: Upkeep) -> Self {
        Self { store, blobs, clock, upkeep }
    }

    /// Looks through everything now and then, and at each branch on which a job went live, until `stop` fires.
    pub async fn run(&self, stop: CancellationToken) {
        // It may end anywhere: the next look finds what is left.
        stop.run_until_cancelled(self.look_after()).await;
    }

    async fn look_after(&self) {
        let mut news = self.store.notices();
        let mut tick = interval(self.upkeep.every.max(Duration::from_millis(1)));
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let done = tokio::select! {
                _ = tick.tick() => self.sweep().await.map(|swept| tracing::info!(?swept, "looked through what is kept")),
                Some(branch) = went_live(&mut news) => self.retire(branch).await.map(drop),
            };
            if let Err(error) = done {
                tracing::warn!("what is kept too long stays for now: {error}");
            }
        }
    }

    /// Looks through everything once.
    ///
    /// # Errors
    ///
    /// [`StoreError`] where store or vault fail. What has gone until then has gone.
    pub async fn sweep(&self) -> Result<Swept, StoreError> {
        let mut swept = Swept::default();
        let mut walk = Walk::new(&*self.store);
        let mut on: Option<(StoredBranch, Needed)> = None;
        while let Some(owner) = walk.next().await? {
            match owner {
                Owner::App(app) => {
                    if self.store.app(&app).await?.is_none() {
                        self.blobs.delete(&keys::access(&app)).await?;
                        swept.orphans += 1;
                    }
                }
                Owner::Job(key) => {
                    if on.as_ref().is_none_or(|(branch, _)| branch.uid != key.branch) {
                        on = self.branch(key.branch).await?;
                    }
                    match &on {
                        Some((branch, needed)) => self.sweep_job(branch, needed, key, &mut swept).await?,
                        None => {
                            // No uid is used twice, so nobody comes to need this.
                            self.blobs.delete(&keys::branch(key.branch)).await?;
                            walk.leave(&keys::branch(key.branch));
                            swept.orphans += 1;
                        }
                    }
                }
            }
        }
        let grace = TimeDelta::from_std(self.upkeep.grace).unwrap_or(TimeDelta::MAX);
        swept.contents = self.blobs.collect(self.clock.now(), grace).await?;
        Ok(swept)
    }

    /// Lets go of what newer jobs of a branch have replaced. Answers how much that was.
    ///
    /// Looks at the newest jobs only, back to the first that has been through this: what that does not find, because a retry
    /// needed it at the time, [`sweep`](Self::sweep) does.
    ///
    /// # Errors
    ///
    /// [`StoreError`] where the store fails.
    pub async fn retire(&self, branch: BranchUid) -> Result<u64, StoreError> {
        let mut swept = Swept::default();
        let Some((branch, needed)) = self.branch(branch).await? else { return Ok(0) };
        let Some(mut before) = needed.oldest().map(|job| job.get()) else { return Ok(0) };
        loop {
            let page = self.store.jobs(branch.uid, Some(before), PAGE).await?;
            for job in &page.items {
                if let Some(artifact) = job.artifact()
                    && !needed.has(artifact)
                    && !self.blobs.keeps(&keys::zip(branch.uid, artifact)).await?
                {
                    return Ok(swept.retired);
                }
                let content = JobKey { branch: branch.uid, job: job.content_of() };
                self.sweep_job(&branch, &needed, content, &mut swept).await?;
            }
            match page.next {
                Some(next) => before = next,
                None => return Ok(swept.retired),
            }
        }
    }

    async fn branch(&self, uid: BranchUid) -> Result<Option<(StoredBranch, Needed)>, StoreError> {
        // The branch first: whatever is needed since makes it another version, and nothing is deleted then.
        let Some(branch) = self.store.branch_by_uid(uid).await? else { return Ok(None) };
        let needed = Needed::on(&*self.store, &branch, self.upkeep.keep).await?;
        Ok(Some((branch, needed)))
    }

    /// Deletes what nobody needs of what is kept for a job. A branch that changes meanwhile is looked at again.
    async fn sweep_job(
        &self,
        branch: &StoredBranch,
        needed: &Needed,
        key: JobKey,
        swept: &mut Swept,
    ) -> Result<(), StoreError> {
        match self.try_job(branch, needed, key, swept).await {
            Err(StoreError::Conflict) => {}
            done => return done,
        }
        for _ in 1..TRIES {
            let Some((branch, needed)) = self.branch(key.branch).await? else { return Ok(()) };
            match self.try_job(&branch, &needed, key, swept).await {
                Err(StoreError::Conflict) => {}
                done => return done,
            }
        }
        Ok(())
    }

    async fn try_job(
        &self,
        branch: &StoredBranch,
        needed: &Needed,
        key: JobKey,
        swept: &mut Swept,
    ) -> Result<(), StoreError> {
        let at = (branch.uid, branch.branch_version);
        // What is kept first, then the jobs: what comes to be kept after this look is not touched by it.
        let artifacts = self.artifacts(key).await?;
        let Some(job) = self.store.job(key).await? else {
            if self.store.jobs_with(key, None, 1).await?.items.is_empty() {
                self.store.delete_blobs_at(at, &[keys::job(key)]).await?;
                swept.orphans += 1;
            } else {
                self.drop_artifacts(at, needed, key, artifacts, swept).await?;
            }
            return Ok(());
        };
        if !job.status().is_terminal() {
            return Ok(());
        }
        // Once they are packed, or too old, nobody packs them again.
        let files = matches!(job.birth().source, Source::Files(_));
        let done = job.artifact().is_some() || (needed.is_past(key.job) && !needed.has_files_of(key.job));
        if files && done && !self.store.blob_page(&keys::files(key), None, 1).await?.is_empty() {
            self.store.delete_blobs_at(at, &[keys::files(key)]).await?;
            swept.retired += 1;
        }
        self.drop_artifacts(at, needed, key, artifacts, swept).await
    }

    /// The artifacts, whole or in part, that are kept for a job.
    async fn artifacts(&self, key: JobKey) -> Result<BTreeSet<Artifact>, StoreError> {
        let (mut artifacts, mut after) = (BTreeSet::new(), None::<String>);
        loop {
            let page = self.store.blob_page(&keys::job(key), after.as_deref(), PAGE).await?;
            artifacts.extend(page.iter().filter_map(|stored| keys::artifact_of(stored)).map(|(_, artifact)| artifact));
            match page.last() {
                Some(last) if page.len() == PAGE => after = Some(last.clone()),
                Some(_) | None => return Ok(artifacts),
            }
        }
    }

    /// Deletes those artifacts of an ended job that are too old, and those that were never to be deployed: an upload that
    /// another took the place of while the server was killed.
    async fn drop_artifacts(
        &self,
        at: (BranchUid, u64),
        needed: &Needed,
        key: JobKey,
        mut artifacts: BTreeSet<Artifact>,
        swept: &mut Swept,
    ) -> Result<(), StoreError> {
        artifacts.retain(|artifact| !needed.has(*artifact));
        if artifacts.is_empty() {
            return Ok(());
        }
        if !needed.is_past(key.job) {
            let mut from = None;
            loop {
                let page = self.store.jobs_with(key, from, PAGE).await?;
                for job in &page.items {
                    for artifact in deployed_by(job).into_iter().flatten() {
                        artifacts.remove(&artifact);
                    }
                }
                from = page.next;
                if from.is_none() {
                    break;
                }
            }
        }
        for artifact in artifacts {
            let names = [keys::zip(key.branch, artifact), keys::index(key.branch, artifact)];
            self.store.delete_blobs_at(at, &names).await?;
            swept.retired += 1;
        }
        Ok(())
    }
}

/// What a job deploys or has put live, as far as it is kept.
fn deployed_by(job: &Job) -> [Option<Artifact>; 2] {
    let uploaded = |of, uploads: &Uploads| match uploads {
        Uploads::Zip(Some(object)) => Some(Artifact { job: of, object: *object }),
        Uploads::Zip(None) | Uploads::Files(_) | Uploads::None => None,
    };
    let given = match &job.birth().source {
        Source::Zip => uploaded(job.id(), job.uploads()),
        Source::UploadOf { job, uploads, .. } => uploaded(*job, uploads),
        Source::Artifact(artifact) => Some(*artifact),
        Source::Files(_) | Source::Url { .. } | Source::Repository => None,
    };
    [given, job.artifact()]
}

/// The branch of the next job that goes live; nothing where no news come any more.
async fn went_live(news: &mut broadcast::Receiver<Notice>) -> Option<BranchUid> {
    loop {
        match news.recv().await {
            Ok(Notice { key, status: JobStatus::Succeed }) => return Some(key.branch),
            // What was missed is found by the next look through everything.
            Ok(_) | Err(broadcast::error::RecvError::Lagged(_)) => {}
            Err(broadcast::error::RecvError::Closed) => return None,
        }
    }
}
