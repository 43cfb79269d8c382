//! The store that keeps everything in memory, for tests, embedding, and as the plainest reading of the port.

mod moving;
mod state;

use std::ops::Bound;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use tokio::sync::broadcast;
use windlass::{AppId, Branch, BranchName, Job, JobId, Record};

use crate::{
    App, Append, BranchUid, Claiming, Claims, Counted, Document, Executed, Happening, JobKey, Kind, Lease, NewBranch,
    Notice, Page, Site, Store, StoreError, StoredBranch, Work, labels,
};
use state::State;

/// A store in memory. It forgets everything when it is dropped, and is a real store in all else.
#[derive(Debug)]
pub struct MemoryStore {
    state: Mutex<State>,
    notices: broadcast::Sender<Notice>,
}

impl MemoryStore {
    /// An empty store that signs with `secret`.
    #[must_use]
    pub fn new(secret: [u8; 32]) -> Self {
        let state = Mutex::new(State { secret, ..State::default() });
        Self { state, notices: broadcast::Sender::new(1024) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A panic under the lock leaves whole values behind: every change below is made after its checks.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn after<T>(cursor: Option<T>) -> Bound<T> {
    cursor.map_or(Bound::Unbounded, Bound::Excluded)
}

fn page<T>(mut items: Vec<T>, limit: usize, cursor: impl Fn(&T) -> u64) -> Page<T> {
    let more = items.len() > limit;
    items.truncate(limit);
    let next = if more { items.last().map(cursor) } else { None };
    Page { items, next }
}

#[async_trait]
impl Store for MemoryStore {
    async fn create_app(&self, app: &App) -> Result<(), StoreError> {
        let mut state = self.state();
        if state.app(&app.id).is_some() {
            return Err(StoreError::Exists);
        }
        state.last += 1;
        let number = state.last;
        state.apps.insert(number, app.clone());
        Ok(())
    }

    async fn app(&self, id: &AppId) -> Result<Option<App>, StoreError> {
        Ok(self.state().app(id).map(|(_, app)| app.clone()))
    }

    async fn apps(&self, from: Option<u64>, limit: usize) -> Result<Page<App>, StoreError> {
        let state = self.state();
        let after = state.apps.range((after(from), Bound::Unbounded)).take(limit.saturating_add(1));
        let items = after.map(|(number, app)| (*number, app.clone())).collect();
        let Page { items, next } = page(items, limit, |(number, _)| *number);
        Ok(Page { items: items.into_iter().map(|(_, app)| app).collect(), next })
    }

    async fn update_app(&self, app: &App) -> Result<(), StoreError> {
        let mut state = self.state();
        let Some((number, before)) = state.app(&app.id) else { return Err(StoreError::Conflict) };
        if before.version + 1 != app.version {
            return Err(StoreError::Conflict);
        }
        state.apps.insert(number, app.clone());
        Ok(())
    }

    async fn delete_app(&self, id: &AppId) -> Result<Option<Vec<BranchUid>>, StoreError> {
        let mut state = self.state();
        let Some((number, _)) = state.app(id) else { return Ok(None) };
        state.apps.remove(&number);
        state.documents.retain(|_, document| document.app.as_ref() != Some(id));
        let uids: Vec<_> =
            state.branches.values().filter(|branch| branch.app == *id).map(|branch| branch.uid).collect();
        for uid in &uids {
            state.delete_branch(*uid);
        }
        Ok(Some(uids))
    }

    async fn create_branch(&self, new: &NewBranch) -> Result<StoredBranch, StoreError> {
        let mut state = self.state();
        if state.app(&new.app).is_none() {
            return Err(StoreError::Conflict);
        }
        if state.branch(&new.app, &new.name).is_some() {
            return Err(StoreError::Exists);
        }
        state.last += 1;
        let uid = BranchUid(state.last);
        let taken = |label: &str| state.branches.values().any(|other| other.app == new.app && other.label == label);
        let label = labels(&new.name, uid).find(|label| !taken(label)).ok_or(StoreError::Exists)?;
        let branch = StoredBranch::new(uid, label, new.clone());
        state.branches.insert(uid, branch.clone());
        Ok(branch)
    }

    async fn branch(&self, app: &AppId, name: &BranchName) -> Result<Option<StoredBranch>, StoreError> {
        Ok(self.state().branch(app, name).cloned())
    }

    async fn branch_by_uid(&self, uid: BranchUid) -> Result<Option<StoredBranch>, StoreError> {
        Ok(self.state().branches.get(&uid).cloned())
    }

    async fn branches(&self, app: &AppId, from: Option<u64>, limit: usize) -> Result<Page<StoredBranch>, StoreError> {
        let state = self.state();
        let after = state.branches.range((after(from.map(BranchUid)), Bound::Unbounded));
        let of_app = after.map(|(_, branch)| branch).filter(|branch| branch.app == *app);
        Ok(page(of_app.take(limit.saturating_add(1)).cloned().collect(), limit, |branch| branch.uid.0))
    }

    async fn update_branch(&self, branch: &StoredBranch) -> Result<(), StoreError> {
        let mut state = self.state();
        let stored = state.branches.get_mut(&branch.uid).ok_or(StoreError::Conflict)?;
        if stored.version + 1 != branch.version {
            return Err(StoreError::Conflict);
        }
        stored.attributes.clone_from(&branch.attributes);
        stored.updated = branch.updated;
        stored.version = branch.version;
        Ok(())
    }

    async fn delete_branch(&self, uid: BranchUid) -> Result<(), StoreError> {
        let mut state = self.state();
        if !state.branches.contains_key(&uid) {
            return Err(StoreError::Conflict);
        }
        state.delete_branch(uid);
        Ok(())
    }

    async fn site(&self, app: &AppId, label: &str) -> Result<Option<Site>, StoreError> {
        let state = self.state();
        let branch = state.branches.values().find(|branch| branch.app == *app && branch.label == label);
        Ok(branch.and_then(|branch| state.site(branch)))
    }

    async fn named_site(&self, app: &AppId, name: &BranchName) -> Result<Option<Site>, StoreError> {
        let state = self.state();
        Ok(state.branch(app, name).and_then(|branch| state.site(branch)))
    }

    async fn job(&self, key: JobKey) -> Result<Option<Job>, StoreError> {
        Ok(self.state().jobs.get(&key).map(|stored| stored.job.clone()))
    }

    async fn named_job(
        &self,
        app: &AppId,
        branch: &BranchName,
        job: JobId,
    ) -> Result<Option<(Arc<StoredBranch>, Option<Arc<Job>>)>, StoreError> {
        let state = self.state();
        Ok(state.branch(app, branch).map(|branch| {
            let key = JobKey { branch: branch.uid, job };
            (Arc::new(branch.clone()), state.jobs.get(&key).map(|stored| Arc::new(stored.job.clone())))
        }))
    }

    async fn jobs(&self, branch: BranchUid, from: Option<u64>, limit: usize) -> Result<Page<Job>, StoreError> {
        let first = JobKey { branch, job: JobId::new(0) };
        let end = JobKey { branch, job: JobId::new(from.unwrap_or(u64::MAX)) };
        let state = self.state();
        let before = state.jobs.range(first..end).rev().map(|(_, stored)| stored.job.clone());
        Ok(page(before.take(limit.saturating_add(1)).collect(), limit, |job: &Job| job.id().get()))
    }

    async fn jobs_with(&self, content: JobKey, from: Option<u64>, limit: usize) -> Result<Page<Job>, StoreError> {
        let first = JobKey { branch: content.branch, job: JobId::new(0) };
        let end = JobKey { branch: content.branch, job: JobId::new(from.unwrap_or(u64::MAX)) };
        let state = self.state();
        let before = state.jobs.range(first..end).rev().map(|(_, stored)| &stored.job);
        let same = before.filter(|job| job.content_of() == content.job);
        Ok(page(same.take(limit.saturating_add(1)).cloned().collect(), limit, |job: &Job| job.id().get()))
    }

    async fn history(&self, key: JobKey) -> Result<Vec<Record>, StoreError> {
        Ok(self.state().jobs.get(&key).map_or_else(Vec::new, |stored| stored.records.clone()))
    }

    async fn happenings(&self, cursor: u64, limit: usize) -> Result<Vec<Happening>, StoreError> {
        let state = self.state();
        let later = state.happenings.iter().filter(|happening| happening.cursor > cursor);
        Ok(later.take(limit).cloned().collect())
    }

    async fn last_happening(&self) -> Result<u64, StoreError> {
        Ok(self.state().cursor)
    }

    async fn append(&self, append: Append) -> Result<(), StoreError> {
        let notice = self.state().append(append)?;
        // Nobody listening is fine.
        let _ = self.notices.send(notice);
        Ok(())
    }

    async fn delete_job(&self, key: JobKey, expected_seq: u32, branch: (u64, Branch)) -> Result<bool, StoreError> {
        let (version, after) = branch;
        let mut state = self.state();
        if state.jobs.get(&key).is_none_or(|stored| stored.job.seq() != expected_seq) {
            return Err(StoreError::Conflict);
        }
        let stored = state.branch_at(key.branch, version)?;
        stored.branch = after;
        stored.branch_version += 1;
        let content = state.jobs.remove(&key).map(|stored| stored.job.content_of());
        state.happenings.retain(|happening| happening.key != key);
        let mut others = state.jobs.iter().filter(|(other, _)| other.branch == key.branch);
        Ok(others.any(|(_, stored)| Some(stored.job.content_of()) == content))
    }

    async fn due(&self, now: DateTime<Utc>, limit: usize) -> Result<Vec<JobKey>, StoreError> {
        let state = self.state();
        let mut due: Vec<_> = state
            .jobs
            .iter()
            .filter_map(|(key, stored)| Some((stored.job.deadline()?.at, *key)))
            .filter(|(at, _)| *at <= now)
            .collect();
        due.sort_unstable();
        Ok(due.into_iter().take(limit).map(|(_, key)| key).collect())
    }

    async fn work(&self, now: DateTime<Utc>, limit: usize) -> Result<Work, StoreError> {
        Ok(self.state().work(now, limit))
    }

    async fn claim(&self, claims: &Claims) -> Result<Vec<Executed>, StoreError> {
        let mut state = self.state();
        let mut claiming = Claiming::new(claims, state.work(claims.now, claims.look()));
        while !claiming.is_done() {
            for candidate in &claiming.turn() {
                claiming.decide(candidate, state.branch_and_job(candidate.key));
            }
        }
        let mut claimed = Vec::new();
        for (append, executed) in claiming.end() {
            let notice = state.append(append)?;
            let _ = self.notices.send(notice);
            claimed.push(executed);
        }
        Ok(claimed)
    }

    async fn renew(&self, lease: &Lease, jobs: &[JobKey]) -> Result<Vec<Notice>, StoreError> {
        let mut state = self.state();
        let held = jobs.iter().filter_map(|key| {
            let stored = state.jobs.get_mut(key)?;
            let hold = stored.lease.as_mut().filter(|hold| hold.runner == lease.runner)?;
            hold.until = lease.until;
            Some(Notice { key: *key, status: stored.job.status() })
        });
        Ok(held.collect())
    }

    async fn create_document(&self, document: &Document) -> Result<(), StoreError> {
        let mut state = self.state();
        if document.app.as_ref().is_some_and(|app| state.app(app).is_none()) {
            return Err(StoreError::Conflict);
        }
        if state.document(document.kind, &document.id).is_some() {
            return Err(StoreError::Exists);
        }
        state.last += 1;
        let number = state.last;
        state.documents.insert(number, document.clone());
        Ok(())
    }

    async fn document(&self, kind: Kind, id: &str) -> Result<Option<Document>, StoreError> {
        Ok(self.state().document(kind, id).map(|(_, document)| document.clone()))
    }

    async fn documents(
        &self,
        kind: Kind,
        app: Option<&AppId>,
        from: Option<u64>,
        limit: usize,
    ) -> Result<Page<Document>, StoreError> {
        let state = self.state();
        let after = state.documents.range((after(from), Bound::Unbounded));
        let ours = after.filter(|(_, found)| found.kind == kind && (app.is_none() || found.app.as_ref() == app));
        let items = ours.take(limit.saturating_add(1)).map(|(number, found)| (*number, found.clone())).collect();
        let Page { items, next } = page(items, limit, |(number, _)| *number);
        Ok(Page { items: items.into_iter().map(|(_, document)| document).collect(), next })
    }

    async fn update_document(&self, document: &Document) -> Result<(), StoreError> {
        let mut state = self.state();
        let stored = state.document(document.kind, &document.id).map(|(number, before)| (number, before.version));
        let Some((number, version)) = stored else { return Err(StoreError::Conflict) };
        if version + 1 != document.version {
            return Err(StoreError::Conflict);
        }
        state.documents.insert(number, document.clone());
        Ok(())
    }

    async fn delete_document(&self, kind: Kind, id: &str) -> Result<(), StoreError> {
        let mut state = self.state();
        let number = state.document(kind, id).map(|(number, _)| number).ok_or(StoreError::Conflict)?;
        state.documents.remove(&number);
        Ok(())
    }

    async fn count(&self, what: Counted<'_>, most: u64) -> Result<u64, StoreError> {
        let state = self.state();
        let most = usize::try_from(most).unwrap_or(usize::MAX);
        let count = match what {
            Counted::Apps => state.apps.len().min(most),
            Counted::AppsSince(time) => {
                state.apps.values().rev().take_while(|app| app.created > time).take(most).count()
            }
            Counted::Branches(app) => state.branches.values().filter(|branch| branch.app == *app).take(most).count(),
            Counted::Documents(kind, app) => {
                let of_kind = state.documents.values().filter(|document| document.kind == kind);
                of_kind.filter(|document| document.app.as_ref() == Some(app)).take(most).count()
            }
        };
        Ok(count as u64)
    }

    async fn blob(&self, key: &str) -> Result<Option<Bytes>, StoreError> {
        Ok(self.state().blobs.get(key).cloned())
    }

    async fn blob_keys(&self, prefix: &str) -> Result<Vec<String>, StoreError> {
        let state = self.state();
        let from = state.blobs.range::<str, _>((Bound::Included(prefix), Bound::Unbounded));
        Ok(from.map(|(key, _)| key.clone()).take_while(|key| key.starts_with(prefix)).collect())
    }

    async fn blob_page(&self, prefix: &str, after: Option<&str>, limit: usize) -> Result<Vec<String>, StoreError> {
        let from = match after {
            Some(after) if after >= prefix => Bound::Excluded(after),
            Some(_) | None => Bound::Included(prefix),
        };
        let state = self.state();
        let keys = state.blobs.range::<str, _>((from, Bound::Unbounded)).map(|(key, _)| key);
        Ok(keys.take_while(|key| key.starts_with(prefix)).take(limit).cloned().collect())
    }

    async fn put_blob(&self, key: &str, bytes: Bytes) -> Result<(), StoreError> {
        self.state().blobs.insert(key.to_owned(), bytes);
        Ok(())
    }

    async fn delete_blobs(&self, prefix: &str) -> Result<(), StoreError> {
        self.state().blobs.retain(|key, _| !key.starts_with(prefix));
        Ok(())
    }

    async fn delete_blobs_at(&self, branch: (BranchUid, u64), prefixes: &[String]) -> Result<(), StoreError> {
        let mut state = self.state();
        state.branch_at(branch.0, branch.1)?;
        state.blobs.retain(|key, _| !prefixes.iter().any(|prefix| key.starts_with(prefix)));
        Ok(())
    }

    async fn secret(&self) -> Result<[u8; 32], StoreError> {
        Ok(self.state().secret)
    }

    fn notices(&self) -> broadcast::Receiver<Notice> {
        self.notices.subscribe()
    }
}
