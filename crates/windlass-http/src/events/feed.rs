//! From what the store says has happened to events.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use bytes::Bytes;
use windlass::{AppId, BranchName, Job};
use windlass_store::{BranchUid, Happening, JobKey, StoreError, StoredBranch};

use super::form::{At, Event};
use crate::api::Api;

/// An event that is to be told.
#[derive(Clone, Debug)]
pub(super) struct Told {
    /// Its place among everything that happened.
    pub(super) cursor: u64,
    pub(super) key: JobKey,
    pub(super) app: AppId,
    pub(super) branch: BranchName,
    pub(super) id: String,
    /// The event as JSON, on one line.
    pub(super) json: Bytes,
}

/// What happened after a place, as far as it was looked at.
#[derive(Debug, Default)]
pub(super) struct News {
    pub(super) events: Vec<Told>,
    /// The place of the last thing that was looked at, or the one that it was looked from.
    pub(super) cursor: u64,
}

impl Api {
    /// The events among the `limit` things that happened after `cursor`.
    pub(super) async fn news(&self, cursor: u64, limit: usize) -> Result<News, StoreError> {
        let mut news = News { events: Vec::new(), cursor };
        let (mut jobs, mut branches) = (BTreeMap::new(), BTreeMap::new());
        for happening in self.store().happenings(cursor, limit).await? {
            news.cursor = happening.cursor;
            let Some((branch, before)) = self.before(&happening, &mut jobs, &mut branches).await? else { continue };
            news.events.extend(self.told(&happening, branch, before, &mut jobs)?);
        }
        Ok(news)
    }

    /// The branch, and the job before this happened, unless it was made by it. `None` where it was deleted since.
    async fn before<'b>(
        &self,
        Happening { key, record, .. }: &Happening,
        jobs: &mut BTreeMap<JobKey, Job>,
        branches: &'b mut BTreeMap<BranchUid, Option<StoredBranch>>,
    ) -> Result<Option<(&'b StoredBranch, Option<Job>)>, StoreError> {
        let branch = match branches.entry(key.branch) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(unknown) => unknown.insert(self.store().branch_by_uid(key.branch).await?),
        };
        let Some(branch) = branch.as_ref() else { return Ok(None) };
        if record.seq == 1 {
            return Ok(Some((branch, None)));
        }
        let job = match jobs.remove(key) {
            Some(job) => job,
            None => {
                let history = self.store().history(*key).await?;
                if history.is_empty() {
                    return Ok(None);
                }
                Job::replay(key.job, history.iter().take_while(|earlier| earlier.seq < record.seq))?
            }
        };
        Ok(Some((branch, Some(job))))
    }

    /// What happened as an event, if it is one; and the job after it among `jobs`, for what comes next.
    fn told(
        &self,
        Happening { cursor, key, record }: &Happening,
        branch: &StoredBranch,
        before: Option<Job>,
        jobs: &mut BTreeMap<JobKey, Job>,
    ) -> Result<Option<Told>, StoreError> {
        let status = before.as_ref().map(Job::status);
        let job = match before {
            None => Job::replay(key.job, [record])?,
            Some(mut job) => {
                job.apply(record)?;
                job
            }
        };
        let at = At { account: &self.settings().account, app: &branch.app, branch: &branch.name, uid: branch.uid };
        let told = Event::of(at, status, &job, record).map(|event| {
            let json = serde_json::to_vec(&event).map_err(StoreError::damaged)?.into();
            Ok::<_, StoreError>(Told {
                cursor: *cursor,
                key: *key,
                app: branch.app.clone(),
                branch: branch.name.clone(),
                id: event.id,
                json,
            })
        });
        let told = told.transpose()?;
        jobs.insert(*key, job);
        Ok(told)
    }
}
