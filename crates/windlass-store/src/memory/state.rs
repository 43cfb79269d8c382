//! What a store in memory holds, and what is done to it while nobody else looks.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use windlass::{AppId, BranchName, EventKind, Job, JobStatus, Record};

use crate::{
    App, Append, BranchUid, Candidate, Document, Happening, JobKey, Kind, Lease, Notice, Site, StoreError,
    StoredBranch, Work,
};

#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) apps: BTreeMap<u64, App>,
    pub(super) branches: BTreeMap<BranchUid, StoredBranch>,
    pub(super) jobs: BTreeMap<JobKey, StoredJob>,
    pub(super) documents: BTreeMap<u64, Document>,
    pub(super) happenings: Vec<Happening>,
    pub(super) blobs: BTreeMap<String, Bytes>,
    pub(super) secret: [u8; 32],
    /// The number of the last app, branch or document that was made.
    pub(super) last: u64,
    /// The place of the last happening.
    pub(super) cursor: u64,
}

#[derive(Debug)]
pub(super) struct StoredJob {
    pub(super) app: AppId,
    pub(super) job: Job,
    pub(super) records: Vec<Record>,
    pub(super) lease: Option<Lease>,
}

impl State {
    pub(super) fn app(&self, id: &AppId) -> Option<(u64, &App)> {
        self.apps.iter().find(|(_, app)| app.id == *id).map(|(n, app)| (*n, app))
    }

    pub(super) fn branch(&self, app: &AppId, name: &BranchName) -> Option<&StoredBranch> {
        self.branches.values().find(|branch| branch.app == *app && branch.name == *name)
    }

    pub(super) fn site(&self, branch: &StoredBranch) -> Option<Site> {
        let (_, app) = self.app(&branch.app)?;
        Some(Site {
            branch: branch.uid,
            name: branch.name.clone(),
            live: branch.branch.live(),
            version: branch.version,
            app_version: app.version,
        })
    }

    pub(super) fn document(&self, kind: Kind, id: &str) -> Option<(u64, &Document)> {
        let mut documents = self.documents.iter();
        documents.find(|(_, document)| document.kind == kind && document.id == id).map(|(n, document)| (*n, document))
    }

    pub(super) fn delete_branch(&mut self, uid: BranchUid) {
        self.branches.remove(&uid);
        self.jobs.retain(|key, _| key.branch != uid);
        self.happenings.retain(|happening| happening.key.branch != uid);
    }

    fn happened(&mut self, key: JobKey, records: &[Record]) {
        for record in records {
            self.cursor += 1;
            self.happenings.push(Happening { cursor: self.cursor, key, record: record.clone() });
        }
    }

    /// The branch, if it is at this version.
    pub(super) fn branch_at(&mut self, uid: BranchUid, version: u64) -> Result<&mut StoredBranch, StoreError> {
        self.branches.get_mut(&uid).filter(|branch| branch.branch_version == version).ok_or(StoreError::Conflict)
    }

    /// A job and its branch.
    pub(super) fn branch_and_job(&self, key: JobKey) -> Option<(StoredBranch, Job)> {
        Some((self.branches.get(&key.branch)?.clone(), self.jobs.get(&key)?.job.clone()))
    }

    /// Stores what came of a command, and answers the news of it.
    pub(super) fn append(&mut self, append: Append) -> Result<Notice, StoreError> {
        let Append { app, key, expected_seq, records, job, branch, lease, blobs } = append;
        if !self.branches.contains_key(&key.branch) {
            return Err(StoreError::Conflict);
        }
        if self.jobs.get(&key).map_or(0, |stored| stored.job.seq()) != expected_seq {
            return Err(StoreError::Conflict);
        }
        if let Some((version, after)) = branch {
            let stored = self.branch_at(key.branch, version)?;
            stored.branch = after;
            stored.branch_version += 1;
        }
        let notice = Notice { key, status: job.status() };
        self.happened(key, &records);
        match self.jobs.entry(key) {
            Entry::Vacant(entry) => {
                entry.insert(StoredJob { app, job, records, lease });
            }
            Entry::Occupied(mut entry) => {
                let stored = entry.get_mut();
                stored.job = job;
                stored.records.extend(records);
                stored.lease = lease.or_else(|| stored.lease.take());
            }
        }
        if notice.status.is_terminal()
            && let Some(stored) = self.jobs.get_mut(&key)
        {
            stored.lease = None;
        }
        self.blobs.extend(blobs);
        Ok(notice)
    }

    /// What there is to do.
    pub(super) fn work(&self, now: DateTime<Utc>, limit: usize) -> Work {
        let mut working = BTreeMap::<AppId, u64>::new();
        let mut lost = Vec::new();
        let mut waiting = Vec::new();
        for (key, stored) in &self.jobs {
            let candidate = |lost| Candidate { key: *key, app: stored.app.clone(), lost };
            let status = stored.job.status();
            match &stored.lease {
                Some(lease) if lease.until > now => *working.entry(stored.app.clone()).or_default() += 1,
                Some(lease) if status.next(EventKind::Reclaimed).is_some() => lost.push((lease.until, candidate(true))),
                Some(_) => {}
                None if status == JobStatus::Pending
                    && self.branches.get(&key.branch).is_some_and(|branch| branch.branch.working().is_none()) =>
                {
                    waiting.push((stored.job.since(), candidate(false)));
                }
                None => {}
            }
        }
        lost.sort_by_key(|(since, candidate)| (*since, candidate.key));
        waiting.sort_by_key(|(since, candidate)| (*since, candidate.key));
        lost.truncate(limit);
        let mut of_app = BTreeMap::<AppId, usize>::new();
        waiting.retain(|(_, candidate)| {
            let count = of_app.entry(candidate.app.clone()).or_default();
            *count += 1;
            *count <= limit
        });
        let candidates = lost.into_iter().chain(waiting).map(|(_, candidate)| candidate).collect();
        Work { working: working.into_iter().collect(), candidates }
    }
}
