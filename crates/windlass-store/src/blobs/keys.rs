//! The names under which bytes are kept. All that belongs to a branch begins with its [`branch`], all that belongs to a
//! job with its [`job`], and what belongs to an app alone, or to nobody, with a word.
//!
//! A large artifact has no bytes under its name but, under the name with an `@` behind it, a [`pointer()`] to its content.

use chrono::{DateTime, Utc};
use windlass::{AppId, Artifact, Attempt};

use crate::{BranchUid, Content, JobKey};

/// What belongs to a branch begins with this.
#[must_use]
pub fn branch(branch: BranchUid) -> String {
    format!("{branch}/")
}

/// What belongs to a job begins with this.
#[must_use]
pub fn job(key: JobKey) -> String {
    format!("{}/{}/", key.branch, key.job.padded())
}

/// A zip: what was uploaded, fetched or packed for a job.
#[must_use]
pub fn zip(branch: BranchUid, artifact: Artifact) -> String {
    format!("{}{:016x}.zip", job(JobKey { branch, job: artifact.job }), artifact.object)
}

/// The index of that zip.
#[must_use]
pub fn index(branch: BranchUid, artifact: Artifact) -> String {
    format!("{}{:016x}.index", job(JobKey { branch, job: artifact.job }), artifact.object)
}

/// The uploaded files of a file map begin with this.
#[must_use]
pub fn files(key: JobKey) -> String {
    format!("{}files/", job(key))
}

/// An uploaded file of a file map.
#[must_use]
pub fn file(key: JobKey, slot: u32) -> String {
    format!("{}{slot:010}", files(key))
}

/// The access logs of an app's sites begin with this. After it comes the day, as `2026-11-22/`.
#[must_use]
pub fn access(app: &AppId) -> String {
    format!("access/{app}/")
}

/// A chunk of an app's access log whose first line is of `time`, told from others by a number.
#[must_use]
pub fn access_chunk(app: &AppId, time: DateTime<Utc>, number: u64) -> String {
    format!("{}{}-{number:016x}.csv", access(app), time.format("%Y-%m-%d/%H-%M-%S"))
}

/// The custom headers of jobs that went live which an app has not taken over yet begin with this.
#[must_use]
pub fn headers(app: &AppId) -> String {
    format!("{HEADERS}{app}/")
}

/// Those of one job.
#[must_use]
pub fn headers_by(app: &AppId, key: JobKey) -> String {
    format!("{}{}", headers(app), job(key).trim_end_matches('/'))
}

/// The app and the job whose headers a stored key has, where it has some.
#[must_use]
pub fn headers_of(stored: &str) -> Option<(AppId, JobKey)> {
    let (app, job) = stored.strip_prefix(HEADERS)?.split_once('/')?;
    Some((app.parse().ok()?, job_of(&format!("{job}/"))?))
}

/// What is remembered of a request, by the drawer of its day. All of a drawer begins with this for no name.
#[must_use]
pub fn once(drawer: i64, name: &str) -> String {
    format!("once/{drawer}/{name}")
}

/// The logs of a step begin with this: one for each attempt, in their order.
#[must_use]
pub fn logs(key: JobKey, step: &str) -> String {
    format!("{}{step}/", job(key))
}

/// What an attempt logged of a step.
#[must_use]
pub fn log(key: JobKey, step: &str, attempt: Attempt) -> String {
    format!("{}{:010}.txt", logs(key, step), attempt.get())
}

/// What the tests of a job made begins with this.
#[must_use]
pub fn tests(key: JobKey) -> String {
    format!("{}tests/", job(key))
}

/// The names of the files that an attempt's tests made, a line each.
#[must_use]
pub fn test_names(key: JobKey, attempt: Attempt) -> String {
    format!("{}{:010}/names", tests(key), attempt.get())
}

/// One of those files, by the place of its name.
#[must_use]
pub fn test_file(key: JobKey, attempt: Attempt, place: usize) -> String {
    format!("{}{:010}/{place:010}", tests(key), attempt.get())
}

/// Where it stands which content lies behind a name.
#[must_use]
pub fn pointer(key: &str) -> String {
    format!("{key}@")
}

/// The name that a stored key belongs to: its own, or that in front of a [`pointer()`].
#[must_use]
pub fn name(stored: &str) -> &str {
    stored.strip_suffix('@').unwrap_or(stored)
}

/// The names that ever pointed to a content begin with this, in front of the name itself. Some may not any more.
#[must_use]
pub fn uses(content: Content) -> String {
    format!("{USES}{content}/")
}

/// The same for all contents of these bytes.
#[must_use]
pub fn uses_of(sha256: [u8; 32]) -> String {
    format!("{USES}{}-", hex::encode(sha256))
}

/// The content whose use a stored key is, where it is one's.
#[must_use]
pub fn content_of_use(stored: &str) -> Option<Content> {
    stored.strip_prefix(USES)?.split_once('/')?.0.parse().ok()
}

/// Since when nobody has pointed to a content.
#[must_use]
pub fn condemned(content: Content) -> String {
    format!("{CONDEMNED}{content}")
}

/// All [`uses`] begin with this.
pub const USES: &str = "content/";

/// All that is [`condemned`] begins with this.
pub const CONDEMNED: &str = "condemned/";

/// All [`headers`] begin with this.
pub const HEADERS: &str = "headers/";

/// All access logs begin with this.
pub const ACCESS: &str = "access/";

/// The branch whose a stored key is, where it is a branch's.
#[must_use]
pub fn branch_of(stored: &str) -> Option<BranchUid> {
    stored.split_once('/')?.0.parse().ok().map(BranchUid)
}

/// The job whose a stored key is, where it is a job's.
#[must_use]
pub fn job_of(stored: &str) -> Option<JobKey> {
    let (branch, rest) = stored.split_once('/')?;
    let job = rest.split_once('/')?.0.parse().ok()?;
    Some(JobKey { branch: BranchUid(branch.parse().ok()?), job })
}

/// The artifact whose zip or index a stored key is, where it is one's.
#[must_use]
pub fn artifact_of(stored: &str) -> Option<(BranchUid, Artifact)> {
    let JobKey { branch, job } = job_of(stored)?;
    let (object, kind) = name(stored).rsplit_once('/')?.1.split_once('.')?;
    let object = u64::from_str_radix(object, 16).ok()?;
    matches!(kind, "zip" | "index").then_some((branch, Artifact { job, object }))
}
