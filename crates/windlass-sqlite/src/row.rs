//! Rows and what they stand for.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use rusqlite::Row;
use serde::{Deserialize, Serialize};
use windlass::{AppId, Birth, Branch, BranchName, Job, JobId, JobStatus, Progress};
use windlass_store::{App, Attributes, BranchUid, StoreError, StoredBranch, codec};

/// The columns of a branch, in the order of [`branch`].
pub(crate) const BRANCH: &str = "b.uid, b.app, b.name, b.label, b.version, b.body, b.branch_version, b.branch";

/// How many those are.
pub(crate) const BRANCH_COLUMNS: usize = 8;

/// The columns of a job, in the order of [`job`].
pub(crate) const JOB: &str = "j.number, j.birth, j.progress";

/// What the body of a branch holds.
#[derive(Serialize, Deserialize)]
pub(crate) struct Settings {
    pub(crate) attributes: Attributes,
    #[serde(with = "ts_milliseconds")]
    pub(crate) created: DateTime<Utc>,
    #[serde(with = "ts_milliseconds")]
    pub(crate) updated: DateTime<Utc>,
}

use chrono::serde::ts_milliseconds;

/// What queries need of a job, beside its body.
pub(crate) struct Columns {
    pub(crate) due: Option<i64>,
    pub(crate) waits: Option<i64>,
    pub(crate) content: i64,
    pub(crate) ended: bool,
}

impl Columns {
    pub(crate) fn of(job: &Job) -> Self {
        Self {
            due: job.deadline().map(|deadline| deadline.at.timestamp_millis()),
            waits: (job.status() == JobStatus::Pending).then(|| job.since().timestamp_millis()),
            content: integer(job.content_of().get()),
            ended: job.status().is_terminal(),
        }
    }
}

/// SQLite's integers are signed; our numbers count from 1 and never come near the sign.
pub(crate) fn integer(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

pub(crate) fn number(integer: i64) -> u64 {
    u64::try_from(integer).unwrap_or(0)
}

pub(crate) fn app(row: &Row<'_>, column: usize) -> rusqlite::Result<(u64, Result<App, StoreError>)> {
    let place = number(row.get(column)?);
    let app = codec::decode::<App>(row.get_ref(column + 1)?.as_blob()?);
    Ok((place, app.map_err(|error| error.of(format_args!("app number {place}")))))
}

pub(crate) fn job(row: &Row<'_>, branch: BranchUid, first: usize) -> rusqlite::Result<Result<Job, StoreError>> {
    let id = JobId::new(number(row.get(first)?));
    let birth = codec::decode::<Birth>(row.get_ref(first + 1)?.as_blob()?);
    let progress = codec::decode::<Progress>(row.get_ref(first + 2)?.as_blob()?);
    let job = birth.and_then(|birth| Ok(Job::from_parts(id, Arc::new(birth), progress?)));
    Ok(job.map_err(|error| error.of(format_args!("job {id} of branch {branch}"))))
}

pub(crate) fn branch(row: &Row<'_>) -> rusqlite::Result<Result<StoredBranch, StoreError>> {
    let settings = codec::decode::<Settings>(row.get_ref(5)?.as_blob()?);
    let jobs = codec::decode::<Branch>(row.get_ref(7)?.as_blob()?);
    let (uid, label, version, branch_version) = (row.get(0)?, row.get(3)?, row.get(4)?, row.get(6)?);
    let app = row.get_ref(1)?.as_str()?.parse::<AppId>().map_err(StoreError::damaged);
    let name = row.get_ref(2)?.as_str()?.parse::<BranchName>().map_err(StoreError::damaged);
    let uid = BranchUid(number(uid));
    let branch = settings.and_then(|Settings { attributes, created, updated }| {
        Ok(StoredBranch {
            uid,
            app: app?,
            name: name?,
            label,
            attributes,
            created,
            updated,
            version: number(version),
            branch: jobs?,
            branch_version: number(branch_version),
        })
    });
    Ok(branch.map_err(|error| error.of(format_args!("branch {uid}"))))
}
