//! The changes. Each looks first whether it still fits, and writes only then: what it answers with an
//! error of the store's has written nothing.

use bytes::Bytes;
use rusqlite::{Connection, OptionalExtension as _, params};
use windlass::{AppId, Branch, BranchName, Record};
use windlass_store::{
    App, Append, BranchBody, BranchUid, Document, JobColumns, JobKey, Kind, Lease, NewBranch, Notice, StoreError,
    StoredBranch, codec, labels,
};

use crate::row::{self, integer, number};

/// SQLite's own error undoes the group; the store's is the change's answer.
pub(crate) type Changed<T> = rusqlite::Result<Result<T, StoreError>>;

pub(crate) fn create_app(c: &Connection, app: &App) -> Changed<()> {
    let added = c
        .prepare_cached("INSERT INTO apps (id, version, body) VALUES (?1, ?2, ?3) ON CONFLICT (id) DO NOTHING")?
        .execute(params![app.id.as_str(), integer(app.version), codec::encode(app)])?;
    Ok(if added == 1 { Ok(()) } else { Err(StoreError::Exists) })
}

pub(crate) fn update_app(c: &Connection, app: &App) -> Changed<()> {
    let version = integer(app.version);
    let changed = c
        .prepare_cached("UPDATE apps SET version = ?2, body = ?3 WHERE id = ?1 AND version = ?2 - 1")?
        .execute(params![app.id.as_str(), version, codec::encode(app)])?;
    Ok(one(changed))
}

pub(crate) fn delete_app(c: &Connection, id: &AppId) -> Changed<Option<Vec<BranchUid>>> {
    if c.prepare_cached("DELETE FROM apps WHERE id = ?1")?.execute([id.as_str()])? == 0 {
        return Ok(Ok(None));
    }
    c.prepare_cached("DELETE FROM documents WHERE app = ?1")?.execute([id.as_str()])?;
    let uids = c
        .prepare_cached("SELECT uid FROM branches WHERE app = ?1")?
        .query_map([id.as_str()], |row| row.get(0))?
        .collect::<rusqlite::Result<Vec<i64>>>()?;
    for uid in &uids {
        delete_branch_row(c, *uid)?;
    }
    Ok(Ok(Some(uids.into_iter().map(|uid| BranchUid(number(uid))).collect())))
}

pub(crate) fn create_branch(c: &Connection, new: &NewBranch) -> Changed<StoredBranch> {
    let NewBranch { app, name, .. } = new;
    if !exists(c, "SELECT 1 FROM apps WHERE id = ?1", [app.as_str()])? {
        return Ok(Err(StoreError::Conflict));
    }
    if exists(c, "SELECT 1 FROM branches WHERE app = ?1 AND name = ?2", [app.as_str(), name.as_str()])? {
        return Ok(Err(StoreError::Exists));
    }
    let Some(label) = free_label(c, app, name)? else { return Ok(Err(StoreError::Exists)) };
    let mut branch = StoredBranch::new(BranchUid(0), label, new.clone());
    c.prepare_cached(
        "INSERT INTO branches (app, name, label, version, body, branch_version, branch) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    )?
    .execute(params![
        branch.app.as_str(),
        branch.name.as_str(),
        branch.label,
        integer(branch.version),
        codec::encode(&BranchBody::of(&branch)),
        integer(branch.branch_version),
        codec::encode(&branch.branch)
    ])?;
    branch.uid = BranchUid(number(c.last_insert_rowid()));
    Ok(Ok(branch))
}

fn free_label(c: &Connection, app: &AppId, name: &BranchName) -> rusqlite::Result<Option<String>> {
    let last: i64 = c.prepare_cached("SELECT COALESCE(MAX(uid), 0) FROM branches")?.query_row([], |row| row.get(0))?;
    for label in labels(name, BranchUid(number(last) + 1)) {
        if !exists(c, "SELECT 1 FROM branches WHERE app = ?1 AND label = ?2", [app.as_str(), &label])? {
            return Ok(Some(label));
        }
    }
    Ok(None)
}

pub(crate) fn update_branch(c: &Connection, branch: &StoredBranch) -> Changed<()> {
    let StoredBranch { uid, version, .. } = branch;
    let changed = c
        .prepare_cached("UPDATE branches SET version = ?2, body = ?3 WHERE uid = ?1 AND version = ?2 - 1")?
        .execute(params![integer(uid.0), integer(*version), codec::encode(&BranchBody::of(branch))])?;
    Ok(one(changed))
}

pub(crate) fn delete_branch(c: &Connection, uid: BranchUid) -> Changed<()> {
    Ok(one(delete_branch_row(c, integer(uid.0))?))
}

fn delete_branch_row(c: &Connection, uid: i64) -> rusqlite::Result<usize> {
    let last = c
        .prepare_cached("SELECT last FROM jobs WHERE branch = ?1")?
        .query_map([uid], |row| row.get(0))?
        .collect::<rusqlite::Result<Vec<i64>>>()?;
    for last in last {
        delete_records(c, last)?;
    }
    c.prepare_cached("DELETE FROM jobs WHERE branch = ?1")?.execute([uid])?;
    c.prepare_cached("DELETE FROM branches WHERE uid = ?1")?.execute([uid])
}

/// Deletes a history, newest record first, each of which names the one before it.
fn delete_records(c: &Connection, mut last: i64) -> rusqlite::Result<()> {
    let mut delete = c.prepare_cached("DELETE FROM records WHERE id = ?1 RETURNING before")?;
    while last != 0 {
        last = delete.query_row([last], |row| row.get(0)).optional()?.unwrap_or(0);
    }
    Ok(())
}

pub(crate) fn append(c: &Connection, append: &Append) -> Changed<()> {
    let uid = integer(append.key.branch.0);
    let number = integer(append.key.job.get());
    let stored: Option<(i64, i64, i64)> = c
        .prepare_cached("SELECT id, seq, last FROM jobs WHERE branch = ?1 AND number = ?2")?
        .query_row([uid, number], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        .optional()?;
    if stored.map_or(0, |(_, seq, _)| seq) != i64::from(append.expected_seq) {
        return Ok(Err(StoreError::Conflict));
    }
    let fits = match &append.branch {
        Some((version, branch)) => set_branch(c, uid, *version, branch)?,
        None => exists(c, "SELECT 1 FROM branches WHERE uid = ?1", [uid])?,
    };
    if !fits {
        return Ok(Err(StoreError::Conflict));
    }
    let last = append_records(c, uid, number, stored.map_or(0, |(.., last)| last), &append.records)?;
    match stored {
        Some((id, ..)) => update_job(c, id, last, append)?,
        None => insert_job(c, uid, number, last, append)?,
    }
    for (key, bytes) in &append.blobs {
        put_blob_row(c, key, bytes)?;
    }
    Ok(Ok(()))
}

/// Stores the job side of a branch, if it is at this version.
fn set_branch(c: &Connection, uid: i64, version: u64, branch: &Branch) -> rusqlite::Result<bool> {
    let working = branch.working().map(|working| integer(working.job.get()));
    let changed = c
        .prepare_cached(
            "UPDATE branches SET branch_version = ?2 + 1, branch = ?3, working = ?4 WHERE uid = ?1 AND branch_version = ?2",
        )?
        .execute(params![uid, integer(version), codec::encode(branch), working])?;
    Ok(changed == 1)
}

fn append_records(c: &Connection, uid: i64, job: i64, mut last: i64, records: &[Record]) -> rusqlite::Result<i64> {
    let mut insert = c.prepare_cached("INSERT INTO records (before, branch, number, body) VALUES (?1, ?2, ?3, ?4)")?;
    for record in records {
        last = insert.insert(params![last, uid, job, codec::encode(record)])?;
    }
    Ok(last)
}

fn insert_job(c: &Connection, uid: i64, number: i64, last: i64, append: &Append) -> rusqlite::Result<()> {
    let job = &append.job;
    let JobColumns { due, waits, content, .. } = JobColumns::of(job);
    c.prepare_cached(
        "INSERT INTO jobs (branch, number, app, seq, birth, progress, content, last, due, waits)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
    )?
    .execute(params![
        uid,
        number,
        append.app.as_str(),
        job.seq(),
        codec::encode(job.birth()),
        codec::encode(job.progress()),
        integer(content),
        last,
        due,
        waits
    ])?;
    Ok(())
}

fn update_job(c: &Connection, id: i64, last: i64, append: &Append) -> rusqlite::Result<()> {
    let job = &append.job;
    let JobColumns { due, waits, ended, .. } = JobColumns::of(job);
    c.prepare_cached("UPDATE jobs SET seq = ?2, progress = ?3, last = ?4, due = ?5, waits = ?6 WHERE id = ?1")?
        .execute(params![id, job.seq(), codec::encode(job.progress()), last, due, waits])?;
    if ended {
        c.prepare_cached("UPDATE jobs SET runner = NULL, lease = NULL WHERE id = ?1 AND runner IS NOT NULL")?
            .execute([id])?;
        return Ok(());
    }
    set_lease(c, id, append)
}

fn set_lease(c: &Connection, id: i64, append: &Append) -> rusqlite::Result<()> {
    if let Some(Lease { runner, until }) = &append.lease {
        c.prepare_cached("UPDATE jobs SET runner = ?2, lease = ?3 WHERE id = ?1")?.execute(params![
            id,
            runner.0,
            until.timestamp_millis()
        ])?;
    }
    Ok(())
}

pub(crate) fn delete_job(c: &Connection, key: JobKey, expected_seq: u32, branch: &(u64, Branch)) -> Changed<bool> {
    let (uid, job) = (integer(key.branch.0), integer(key.job.get()));
    let stored: Option<(i64, i64, i64)> = c
        .prepare_cached("SELECT id, last, content FROM jobs WHERE branch = ?1 AND number = ?2 AND seq = ?3")?
        .query_row(params![uid, job, expected_seq], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        .optional()?;
    let Some((id, last, content)) = stored else { return Ok(Err(StoreError::Conflict)) };
    if !set_branch(c, uid, branch.0, &branch.1)? {
        return Ok(Err(StoreError::Conflict));
    }
    delete_records(c, last)?;
    c.prepare_cached("DELETE FROM jobs WHERE id = ?1")?.execute([id])?;
    let needed = exists(c, "SELECT 1 FROM jobs WHERE branch = ?1 AND content = ?2", [uid, content])?;
    Ok(Ok(needed))
}

pub(crate) fn renew(c: &Connection, lease: &Lease, jobs: &[JobKey]) -> Changed<Vec<Notice>> {
    let mut renew = c.prepare_cached(
        "UPDATE jobs SET lease = ?4 WHERE branch = ?1 AND number = ?2 AND runner = ?3 RETURNING number, birth, progress",
    )?;
    let mut held = Vec::with_capacity(jobs.len());
    for &key in jobs {
        let (branch, job) = (integer(key.branch.0), integer(key.job.get()));
        let row = params![branch, job, lease.runner.0, lease.until.timestamp_millis()];
        if let Some(job) = renew.query_row(row, |row| row::job(row, key.branch, 0)).optional()? {
            held.push(job.map(|job| Notice { key, status: job.status() }));
        }
    }
    Ok(held.into_iter().collect())
}

pub(crate) fn create_document(c: &Connection, document: &Document) -> Changed<()> {
    let Document { kind, id, app, version, .. } = document;
    let app = app.as_ref().map(AppId::as_str);
    if app.is_some() && !exists(c, "SELECT 1 FROM apps WHERE id = ?1", [app])? {
        return Ok(Err(StoreError::Conflict));
    }
    let added = c
        .prepare_cached(
            "INSERT INTO documents (kind, id, app, version, body) VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT (kind, id) DO NOTHING",
        )?
        .execute(params![kind.as_ref(), id, app, integer(*version), codec::encode(document)])?;
    Ok(if added == 1 { Ok(()) } else { Err(StoreError::Exists) })
}

pub(crate) fn update_document(c: &Connection, document: &Document) -> Changed<()> {
    let Document { kind, id, version, .. } = document;
    let changed = c
        .prepare_cached(
            "UPDATE documents SET version = ?3, body = ?4 WHERE kind = ?1 AND id = ?2 AND version = ?3 - 1",
        )?
        .execute(params![kind.as_ref(), id, integer(*version), codec::encode(document)])?;
    Ok(one(changed))
}

pub(crate) fn delete_document(c: &Connection, kind: Kind, id: &str) -> Changed<()> {
    let deleted =
        c.prepare_cached("DELETE FROM documents WHERE kind = ?1 AND id = ?2")?.execute([kind.as_ref(), id])?;
    Ok(one(deleted))
}

pub(crate) fn put_blob(c: &Connection, key: &str, bytes: &Bytes) -> Changed<()> {
    put_blob_row(c, key, bytes).map(Ok)
}

fn put_blob_row(c: &Connection, key: &str, bytes: &Bytes) -> rusqlite::Result<()> {
    c.prepare_cached(
        "INSERT INTO blobs (key, bytes) VALUES (?1, ?2) ON CONFLICT (key) DO UPDATE SET bytes = excluded.bytes",
    )?
    .execute(params![key, &bytes[..]])?;
    Ok(())
}

pub(crate) fn delete_blobs(c: &Connection, prefix: &str) -> Changed<()> {
    match past(prefix) {
        Some(end) => c.prepare_cached("DELETE FROM blobs WHERE key >= ?1 AND key < ?2")?.execute([prefix, &end])?,
        None => c.prepare_cached("DELETE FROM blobs WHERE key >= ?1")?.execute([prefix])?,
    };
    Ok(Ok(()))
}

pub(crate) fn delete_blobs_at(c: &Connection, branch: (BranchUid, u64), prefixes: &[String]) -> Changed<()> {
    let is_same = "SELECT 1 FROM branches WHERE uid = ?1 AND branch_version = ?2";
    if !exists(c, is_same, [integer(branch.0.0), integer(branch.1)])? {
        return Ok(Err(StoreError::Conflict));
    }
    for prefix in prefixes {
        if let Err(error) = delete_blobs(c, prefix)? {
            return Ok(Err(error));
        }
    }
    Ok(Ok(()))
}

/// The first text after all those that begin with `prefix`, if there is one.
pub(crate) fn past(prefix: &str) -> Option<String> {
    let mut past = prefix.to_owned();
    while let Some(last) = past.pop() {
        if let Some(next) = (last..=char::MAX).nth(1) {
            past.push(next);
            return Some(past);
        }
    }
    None
}

pub(crate) fn secret(c: &Connection) -> Changed<[u8; 32]> {
    let mut fresh = [0; 32];
    if let Err(error) = getrandom::fill(&mut fresh) {
        return Ok(Err(StoreError::unavailable(error)));
    }
    c.execute("INSERT INTO secrets (name, bytes) VALUES ('signing', ?1) ON CONFLICT DO NOTHING", [&fresh[..]])?;
    let kept: Vec<u8> = c.query_row("SELECT bytes FROM secrets WHERE name = 'signing'", [], |row| row.get(0))?;
    Ok(kept.try_into().map_err(|_| StoreError::damaged("the signing secret does not have 32 bytes")))
}

fn exists(c: &Connection, query: &str, params: impl rusqlite::Params) -> rusqlite::Result<bool> {
    c.prepare_cached(query)?.exists(params)
}

fn one(changed: usize) -> Result<(), StoreError> {
    if changed == 1 { Ok(()) } else { Err(StoreError::Conflict) }
}
