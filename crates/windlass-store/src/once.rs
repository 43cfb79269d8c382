//! Requests that are done once, however often they come.
//!
//! What a request made is remembered in the transaction that made it, and looked up after job and branch were loaded.
//! Whoever repeats a request therefore finds what it made, or loses the race for the same job and branch, begins again,
//! and finds it then; also where several processes have the same store.

use core::iter;

use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use thiserror::Error;
use windlass::{Job, JobId};

use crate::{BranchUid, ExecuteError, Executed, JobKey, Store, StoreError, StoredBranch, codec, keys};

/// How long a request is answered again as it was answered first.
pub const REMEMBERED: TimeDelta = TimeDelta::hours(24);

/// By how much the clocks of processes that share a store may differ without a request being done twice.
const SKEW: TimeDelta = TimeDelta::hours(1);

/// How many drawers there are, which the days take in turn. What is in use is never in more than three, so the fourth
/// can be emptied, however long nobody did so.
const DRAWERS: i64 = 4;

/// A request that is to be done once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Once {
    /// What its sender tells it by from all other requests, as a file could be named.
    pub name: String,
    /// What it asks for, as a digest.
    pub request: String,
    /// When it came.
    pub at: DateTime<Utc>,
}

/// A request was done before, and cannot be answered as it was then.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum RepeatError {
    /// What came under its name then asked for something else.
    #[error("another request came under the same key")]
    OtherRequest,
    /// The job that it made, or started, was deleted since.
    #[error("job {job}, which this request made or started before, was deleted")]
    Deleted {
        /// The job.
        job: JobId,
    },
}

/// What is remembered of a request: the job that it changed, and how far that had come then.
#[derive(Debug, Serialize, Deserialize)]
struct Done {
    request: String,
    #[serde(with = "chrono::serde::ts_milliseconds")]
    at: DateTime<Utc>,
    branch: BranchUid,
    job: JobId,
    seq: u32,
}

impl Once {
    /// What came of this request when it was done before, to a branch that has just been loaded.
    pub(crate) async fn before(
        &self,
        store: &dyn Store,
        branch: &StoredBranch,
    ) -> Result<Option<Executed>, ExecuteError> {
        let Some(Done { request, branch: uid, job: id, seq, .. }) = self.find(store).await? else { return Ok(None) };
        if request != self.request {
            return Err(RepeatError::OtherRequest.into());
        }
        let records = store.history(JobKey { branch: uid, job: id }).await?;
        if records.is_empty() || uid != branch.uid {
            return Err(RepeatError::Deleted { job: id }.into());
        }
        let then = records.iter().filter(|record| record.seq <= seq);
        let job = Job::replay(id, then).map_err(StoreError::from)?;
        Ok(Some(Executed { branch: branch.clone(), job, answer: Ok(()) }))
    }

    async fn find(&self, store: &dyn Store) -> Result<Option<Done>, StoreError> {
        for drawer in drawers_in_use(self.at) {
            let Some(bytes) = store.blob(&keys::once(drawer, &self.name)).await? else { continue };
            let done: Done = codec::decode(&bytes).map_err(|error| error.of("what is remembered of a request"))?;
            if self.at.signed_duration_since(done.at) < REMEMBERED {
                return Ok(Some(done));
            }
        }
        Ok(None)
    }

    /// What has to ride in the commit that does this request.
    pub(crate) fn done(&self, JobKey { branch, job }: JobKey, seq: u32) -> (String, Bytes) {
        let done = Done { request: self.request.clone(), at: self.at, branch, job, seq };
        (keys::once(drawer(self.at), &self.name), codec::encode(&done).into())
    }
}

/// Forgets requests that nobody needs to remember any more. To be called every few hours.
///
/// # Errors
///
/// [`StoreError`] where the store fails.
pub async fn forget_requests(store: &dyn Store, now: DateTime<Utc>) -> Result<(), StoreError> {
    store.delete_blobs(&keys::once(drawer(now + TimeDelta::days(2)), "")).await
}

/// The drawer of a day.
fn drawer(at: DateTime<Utc>) -> i64 {
    at.timestamp().div_euclid(TimeDelta::days(1).num_seconds()).rem_euclid(DRAWERS)
}

/// Where a request may lie that is remembered at `now`.
fn drawers_in_use(now: DateTime<Utc>) -> impl Iterator<Item = i64> {
    let today = drawer(now);
    let others = [now - REMEMBERED, now + SKEW].map(drawer);
    iter::once(today).chain(others.into_iter().filter(move |other| *other != today))
}
