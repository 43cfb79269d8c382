//! What a branch must keep.

use std::collections::BTreeSet;
use std::num::NonZeroU64;

use windlass::{Artifact, JobId, Source};
use windlass_store::{JobKey, Store, StoreError, StoredBranch};

use super::{PAGE, deployed_by};

/// What a branch must keep, whatever is old: what it shows, what its unfinished jobs deploy, and the artifacts of its newest
/// successful jobs.
#[derive(Debug, Default)]
pub(super) struct Needed {
    artifacts: BTreeSet<Artifact>,
    /// The jobs whose uploaded files an unfinished job packs.
    files: BTreeSet<JobId>,
    /// The oldest of the newest successful jobs, where there are as many as are to be kept.
    oldest: Option<JobId>,
}

impl Needed {
    /// Reads it off the branch and its jobs, newest first, as far back as is to be kept.
    pub(super) async fn on(
        store: &dyn Store,
        branch: &StoredBranch,
        keep: Option<NonZeroU64>,
    ) -> Result<Self, StoreError> {
        let mut needed = Self::default();
        needed.artifacts.extend(branch.branch.live().map(|live| live.artifact));
        for id in branch.branch.unfinished() {
            let Some(job) = store.job(JobKey { branch: branch.uid, job: id }).await? else { continue };
            needed.artifacts.extend(deployed_by(&job).into_iter().flatten());
            if let Source::UploadOf { job, .. } = &job.birth().source {
                needed.files.insert(*job);
            }
        }
        let Some(keep) = keep else { return Ok(needed) };
        let (mut left, mut from) = (keep.get(), None);
        loop {
            let page = store.jobs(branch.uid, from, PAGE).await?;
            for job in &page.items {
                let Some(artifact) = job.artifact() else { continue };
                needed.artifacts.insert(artifact);
                left -= 1;
                if left == 0 {
                    needed.oldest = Some(job.id());
                    return Ok(needed);
                }
            }
            from = page.next;
            if from.is_none() {
                return Ok(needed);
            }
        }
    }

    pub(super) fn has(&self, artifact: Artifact) -> bool {
        self.artifacts.contains(&artifact)
    }

    pub(super) fn has_files_of(&self, job: JobId) -> bool {
        self.files.contains(&job)
    }

    /// Whether a job is older than all that keep their artifacts.
    pub(super) fn is_past(&self, job: JobId) -> bool {
        self.oldest.is_some_and(|oldest| job < oldest)
    }

    pub(super) const fn oldest(&self) -> Option<JobId> {
        self.oldest
    }
}
