//! Rows and what they stand for.

use std::sync::Arc;

use tokio_postgres::Row;
use tokio_postgres::types::FromSql;
use windlass::{AppId, Birth, Branch, BranchName, Job, JobId, Progress};
use windlass_store::{
    App, BranchBody, BranchUid, Candidate, Document, Happening, JobKey, Site, StoreError, StoredBranch, codec,
};

/// The columns of a branch, in the order of [`branch`].
pub(crate) const BRANCH: &str = "b.uid, b.app, b.name, b.label, b.version, b.body, b.branch_version, b.branch";

/// How many those are.
const BRANCH_COLUMNS: usize = 8;

/// The columns of a job, in the order of [`job`].
pub(crate) const JOB: &str = "j.number, j.birth, j.progress";

/// The columns of a site, in the order of [`site`]. Its settings, which seldom change, are not among them.
pub(crate) const SITE: &str = "b.uid, b.name, b.branch, b.version, (SELECT a.version FROM apps a WHERE a.id = b.app)";

/// PostgreSQL's integers are signed; our numbers count from 1 and never come near the sign.
pub(crate) fn integer(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

pub(crate) fn number(integer: i64) -> u64 {
    u64::try_from(integer).unwrap_or(0)
}

/// A column, which has the type that the query says, or our tables are not ours.
pub(crate) fn get<'a, T: FromSql<'a>>(row: &'a Row, column: usize) -> Result<T, StoreError> {
    row.try_get(column).map_err(StoreError::damaged)
}

pub(crate) fn number_at(row: &Row, column: usize) -> Result<u64, StoreError> {
    get::<i64>(row, column).map(number)
}

/// Free text, kept as its bytes.
pub(crate) fn text(row: &Row, column: usize) -> Result<String, StoreError> {
    String::from_utf8(get::<Vec<u8>>(row, column)?).map_err(StoreError::damaged)
}

pub(crate) fn app_id(row: &Row, column: usize) -> Result<AppId, StoreError> {
    get::<&str>(row, column)?.parse().map_err(StoreError::damaged)
}

fn branch_name(row: &Row, column: usize) -> Result<BranchName, StoreError> {
    text(row, column)?.parse().map_err(StoreError::damaged)
}

pub(crate) fn key(row: &Row, column: usize) -> Result<JobKey, StoreError> {
    let (branch, job) = (number_at(row, column)?, number_at(row, column + 1)?);
    Ok(JobKey { branch: BranchUid(branch), job: JobId::new(job) })
}

/// An app, after its number.
pub(crate) fn app(row: &Row) -> Result<App, StoreError> {
    let number = number_at(row, 0)?;
    codec::decode::<App>(get(row, 1)?).map_err(|error| error.of(format_args!("app number {number}")))
}

pub(crate) fn job(row: &Row, branch: BranchUid, first: usize) -> Result<Job, StoreError> {
    let id = JobId::new(number_at(row, first)?);
    let decode = || {
        let birth = codec::decode::<Birth>(get(row, first + 1)?)?;
        Ok(Job::from_parts(id, Arc::new(birth), codec::decode::<Progress>(get(row, first + 2)?)?))
    };
    decode().map_err(|error: StoreError| error.of(format_args!("job {id} of branch {branch}")))
}

pub(crate) fn branch(row: &Row) -> Result<StoredBranch, StoreError> {
    let uid = BranchUid(number_at(row, 0)?);
    let decode = || {
        let BranchBody { attributes, created, updated } = codec::decode(get(row, 5)?)?;
        Ok(StoredBranch {
            uid,
            app: app_id(row, 1)?,
            name: branch_name(row, 2)?,
            label: text(row, 3)?,
            attributes,
            created,
            updated,
            version: number_at(row, 4)?,
            branch: codec::decode(get(row, 7)?)?,
            branch_version: number_at(row, 6)?,
        })
    };
    decode().map_err(|error: StoreError| error.of(format_args!("branch {uid}")))
}

/// A branch and, after it, a job of it, if it has that one.
pub(crate) fn branch_and_job(row: &Row) -> Result<(StoredBranch, Option<Job>), StoreError> {
    let branch = branch(row)?;
    let job = match get::<Option<i64>>(row, BRANCH_COLUMNS)? {
        Some(_) => Some(job(row, branch.uid, BRANCH_COLUMNS)?),
        None => None,
    };
    Ok((branch, job))
}

/// The key of that job.
pub(crate) fn key_of_both(row: &Row) -> Result<JobKey, StoreError> {
    let (branch, job) = (number_at(row, 0)?, number_at(row, BRANCH_COLUMNS)?);
    Ok(JobKey { branch: BranchUid(branch), job: JobId::new(job) })
}

pub(crate) fn site(row: &Row) -> Result<Site, StoreError> {
    let uid = BranchUid(number_at(row, 0)?);
    let decode = || {
        let jobs = codec::decode::<Branch>(get(row, 2)?)?;
        let (name, version, app_version) = (branch_name(row, 1)?, number_at(row, 3)?, number_at(row, 4)?);
        Ok(Site { branch: uid, name, live: jobs.live(), version, app_version })
    };
    decode().map_err(|error: StoreError| error.of(format_args!("branch {uid}")))
}

/// A document, after its number.
pub(crate) fn document(row: &Row) -> Result<Document, StoreError> {
    let number = number_at(row, 0)?;
    codec::decode::<Document>(get(row, 1)?).map_err(|error| error.of(format_args!("document number {number}")))
}

pub(crate) fn happening(row: &Row) -> Result<Happening, StoreError> {
    let (cursor, key) = (number_at(row, 0)?, key(row, 1)?);
    let named =
        |error: StoreError| error.of(format_args!("record {cursor} of job {} of branch {}", key.job, key.branch));
    Ok(Happening { cursor, key, record: codec::decode(get(row, 3)?).map_err(named)? })
}

pub(crate) fn candidate(row: &Row, first: usize, lost: bool) -> Result<Candidate, StoreError> {
    Ok(Candidate { app: app_id(row, first)?, key: key(row, first + 1)?, lost })
}
