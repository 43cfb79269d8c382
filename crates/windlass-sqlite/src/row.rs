//! Rows and what they stand for.

use std::sync::Arc;

use rusqlite::Row;
use windlass::{AppId, Birth, Branch, BranchName, Job, JobId, Progress};
use windlass_store::{
    App, BranchBody, BranchUid, Candidate, Document, Happening, JobKey, Site, StoreError, StoredBranch, codec,
};

use crate::read::Seen;

/// The columns of a branch, in the order of [`branch`].
pub(crate) const BRANCH: &str = "b.uid, b.app, b.name, b.label, b.version, b.body, b.branch_version, b.branch";

/// How many those are.
const BRANCH_COLUMNS: usize = 8;

/// The columns of a job, in the order of [`job`].
pub(crate) const JOB: &str = "j.number, j.birth, j.progress";

/// The columns of a site, in the order of [`site`]. Its settings, which seldom change, are not among them.
pub(crate) const SITE: &str = "b.uid, b.name, b.branch, b.version, (SELECT a.version FROM apps a WHERE a.id = b.app)";

/// SQLite's integers are signed; our numbers count from 1 and never come near the sign.
pub(crate) fn integer(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

pub(crate) fn number(integer: i64) -> u64 {
    u64::try_from(integer).unwrap_or(0)
}

pub(crate) fn app_id(row: &Row<'_>, column: usize) -> rusqlite::Result<AppId> {
    row.get_ref(column)?.as_str()?.parse().map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(column, rusqlite::types::Type::Text, Box::new(error))
    })
}

pub(crate) fn key(row: &Row<'_>, column: usize) -> rusqlite::Result<JobKey> {
    let (branch, job) = (number(row.get(column)?), number(row.get(column + 1)?));
    Ok(JobKey { branch: BranchUid(branch), job: JobId::new(job) })
}

pub(crate) fn app(row: &Row<'_>, column: usize) -> rusqlite::Result<(u64, Result<App, StoreError>)> {
    let place = number(row.get(column)?);
    let app = codec::decode::<App>(row.get_ref(column + 1)?.as_blob()?);
    Ok((place, app.map_err(|error| error.of(format_args!("app number {place}")))))
}

pub(crate) fn job(row: &Row<'_>, branch: BranchUid, first: usize) -> Seen<Job> {
    let id = JobId::new(number(row.get(first)?));
    let birth = codec::decode::<Birth>(row.get_ref(first + 1)?.as_blob()?);
    let progress = codec::decode::<Progress>(row.get_ref(first + 2)?.as_blob()?);
    let job = birth.and_then(|birth| Ok(Job::from_parts(id, Arc::new(birth), progress?)));
    Ok(job.map_err(|error| error.of(format_args!("job {id} of branch {branch}"))))
}

pub(crate) fn branch(row: &Row<'_>) -> Seen<StoredBranch> {
    let settings = codec::decode::<BranchBody>(row.get_ref(5)?.as_blob()?);
    let jobs = codec::decode::<Branch>(row.get_ref(7)?.as_blob()?);
    let (uid, label, version, branch_version) = (row.get(0)?, row.get(3)?, row.get(4)?, row.get(6)?);
    let app = row.get_ref(1)?.as_str()?.parse::<AppId>().map_err(StoreError::damaged);
    let name = row.get_ref(2)?.as_str()?.parse::<BranchName>().map_err(StoreError::damaged);
    let uid = BranchUid(number(uid));
    let branch = settings.and_then(|BranchBody { attributes, created, updated }| {
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

/// A branch and, after it, a job of it, if it has that one.
pub(crate) fn branch_and_job(row: &Row<'_>) -> Seen<(StoredBranch, Option<Job>)> {
    let branch = match branch(row)? {
        Ok(branch) => branch,
        Err(error) => return Ok(Err(error)),
    };
    let job = match row.get::<_, Option<i64>>(BRANCH_COLUMNS)? {
        Some(_) => job(row, branch.uid, BRANCH_COLUMNS)?.map(Some),
        None => Ok(None),
    };
    Ok(job.map(|job| (branch, job)))
}

pub(crate) fn site(row: &Row<'_>) -> Seen<Site> {
    let branch = BranchUid(number(row.get(0)?));
    let name = row.get_ref(1)?.as_str()?.parse::<BranchName>().map_err(StoreError::damaged);
    let jobs = codec::decode::<Branch>(row.get_ref(2)?.as_blob()?);
    let (version, app_version) = (number(row.get(3)?), number(row.get(4)?));
    let site = name.and_then(|name| Ok(Site { branch, name, live: jobs?.live(), version, app_version }));
    Ok(site.map_err(|error| error.of(format_args!("branch {branch}"))))
}

/// A document, after its number.
pub(crate) fn document(row: &Row<'_>) -> rusqlite::Result<(u64, Result<Document, StoreError>)> {
    let place = number(row.get(0)?);
    let document = codec::decode::<Document>(row.get_ref(1)?.as_blob()?);
    Ok((place, document.map_err(|error| error.of(format_args!("document number {place}")))))
}

pub(crate) fn happening(row: &Row<'_>) -> Seen<Happening> {
    let (cursor, key) = (number(row.get(0)?), key(row, 1)?);
    let record = codec::decode(row.get_ref(3)?.as_blob()?);
    let named =
        |error: StoreError| error.of(format_args!("record {cursor} of job {} of branch {}", key.job, key.branch));
    Ok(record.map(|record| Happening { cursor, key, record }).map_err(named))
}

pub(crate) fn candidate(row: &Row<'_>, first: usize, lost: bool) -> rusqlite::Result<Candidate> {
    Ok(Candidate { app: app_id(row, first)?, key: key(row, first + 1)?, lost })
}
