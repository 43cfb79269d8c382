//! The changes that are not appends to a job. Each looks first, under a lock, whether it still fits, and writes only then.

use bytes::Bytes;
use deadpool_postgres::Transaction;
use tokio_postgres::Row;
use windlass::{AppId, Branch, BranchName, JobId};
use windlass_store::{
    App, BranchBody, BranchUid, Document, JobKey, Kind, NewBranch, Notice, RunnerId, StoreError, StoredBranch, codec,
    labels,
};

use crate::database::Database;
use crate::read::{self, Values};
use crate::row::{self, get, integer, number, number_at};
use crate::writer::undone;

/// A statement that is a whole change. Answers how many rows it touched.
async fn run(db: &Database, statement: &str, values: Values<'_>) -> Result<u64, StoreError> {
    let client = read::connection(&db.pool).await?;
    let statement = client.prepare_cached(statement).await.map_err(undone)?;
    db.counted(1, client.execute(&statement, values)).await.map_err(undone)
}

/// Several statements that are stored together or, where the change answers with an error, not at all.
pub(crate) async fn change<T>(
    db: &Database,
    change: impl AsyncFnOnce(&Transaction<'_>) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    let mut client = read::connection(&db.pool).await?;
    let transaction = client.transaction().await.map_err(undone)?;
    let changed = change(&transaction).await?;
    db.counted(1, transaction.commit()).await.map_err(undone)?;
    Ok(changed)
}

pub(crate) async fn rows(c: &Transaction<'_>, query: &str, values: Values<'_>) -> Result<Vec<Row>, StoreError> {
    let statement = c.prepare_cached(query).await.map_err(undone)?;
    c.query(&statement, values).await.map_err(undone)
}

pub(crate) async fn execute(c: &Transaction<'_>, statement: &str, values: Values<'_>) -> Result<u64, StoreError> {
    let statement = c.prepare_cached(statement).await.map_err(undone)?;
    c.execute(&statement, values).await.map_err(undone)
}

async fn exists(c: &Transaction<'_>, query: &str, values: Values<'_>) -> Result<bool, StoreError> {
    Ok(!rows(c, query, values).await?.is_empty())
}

fn one(changed: u64) -> Result<(), StoreError> {
    if changed == 1 { Ok(()) } else { Err(StoreError::Conflict) }
}

pub(crate) async fn create_app(db: &Database, app: &App) -> Result<(), StoreError> {
    let insert = "INSERT INTO apps (id, version, created, body) VALUES ($1, $2, $3, $4) ON CONFLICT (id) DO NOTHING";
    let (version, created) = (integer(app.version), app.created.timestamp_millis());
    let added = run(db, insert, &[&app.id.as_str(), &version, &created, &codec::encode(app)]).await?;
    if added == 1 { Ok(()) } else { Err(StoreError::Exists) }
}

pub(crate) async fn update_app(db: &Database, app: &App) -> Result<(), StoreError> {
    let update = "UPDATE apps SET version = $2, created = $3, body = $4 WHERE id = $1 AND version = $2::bigint - 1";
    let (version, created) = (integer(app.version), app.created.timestamp_millis());
    one(run(db, update, &[&app.id.as_str(), &version, &created, &codec::encode(app)]).await?)
}

pub(crate) async fn delete_app(db: &Database, id: &AppId) -> Result<Option<Vec<BranchUid>>, StoreError> {
    change(db, async |c| {
        let app = id.as_str();
        if execute(c, "DELETE FROM apps WHERE id = $1", &[&app]).await? == 0 {
            return Ok(None);
        }
        execute(c, "DELETE FROM documents WHERE app = $1", &[&app]).await?;
        let branches = rows(c, "SELECT uid FROM branches WHERE app = $1 ORDER BY uid FOR UPDATE", &[&app]).await?;
        let mut uids = Vec::with_capacity(branches.len());
        for branch in &branches {
            let uid: i64 = get(branch, 0)?;
            delete_branch_rows(c, uid).await?;
            uids.push(BranchUid(number(uid)));
        }
        Ok(Some(uids))
    })
    .await
}

pub(crate) async fn create_branch(db: &Database, new: &NewBranch) -> Result<StoredBranch, StoreError> {
    change(db, async |c| {
        let (app, name) = (new.app.as_str(), &new.name);
        // Whoever makes branches of one app takes turns, so what is free here is free until the end.
        if !exists(c, "SELECT 1 FROM apps WHERE id = $1 FOR UPDATE", &[&app]).await? {
            return Err(StoreError::Conflict);
        }
        let named = "SELECT 1 FROM branches WHERE app = $1 AND name = $2";
        if exists(c, named, &[&app, &name.as_str().as_bytes()]).await? {
            return Err(StoreError::Exists);
        }
        let drawn = rows(c, "SELECT nextval(pg_get_serial_sequence('branches', 'uid'))", &[]).await?;
        let uid = BranchUid(drawn.first().map(|row| number_at(row, 0)).transpose()?.unwrap_or_default());
        let label = free_label(c, &new.app, name, uid).await?.ok_or(StoreError::Exists)?;
        let branch = StoredBranch::new(uid, label, new.clone());
        let insert = "INSERT INTO branches (uid, app, name, label, version, body, branch_version, branch)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
        let StoredBranch { uid, label, version, branch_version, .. } = &branch;
        let (uid, version, branch_version) = (integer(uid.0), integer(*version), integer(*branch_version));
        let (body, jobs) = (codec::encode(&BranchBody::of(&branch)), codec::encode(&branch.branch));
        let values: Values<'_> =
            &[&uid, &app, &name.as_str().as_bytes(), &label.as_bytes(), &version, &body, &branch_version, &jobs];
        execute(c, insert, values).await?;
        Ok(branch)
    })
    .await
}

async fn free_label(
    c: &Transaction<'_>,
    app: &AppId,
    name: &BranchName,
    uid: BranchUid,
) -> Result<Option<String>, StoreError> {
    for label in labels(name, uid) {
        let taken = "SELECT 1 FROM branches WHERE app = $1 AND label = $2";
        if !exists(c, taken, &[&app.as_str(), &label.as_bytes()]).await? {
            return Ok(Some(label));
        }
    }
    Ok(None)
}

pub(crate) async fn update_branch(db: &Database, branch: &StoredBranch) -> Result<(), StoreError> {
    let StoredBranch { uid, version, .. } = branch;
    let update = "UPDATE branches SET version = $2, body = $3 WHERE uid = $1 AND version = $2::bigint - 1";
    one(run(db, update, &[&integer(uid.0), &integer(*version), &codec::encode(&BranchBody::of(branch))]).await?)
}

pub(crate) async fn delete_branch(db: &Database, uid: BranchUid) -> Result<(), StoreError> {
    change(db, async |c| {
        let uid = integer(uid.0);
        if !exists(c, "SELECT 1 FROM branches WHERE uid = $1 FOR UPDATE", &[&uid]).await? {
            return Err(StoreError::Conflict);
        }
        delete_branch_rows(c, uid).await
    })
    .await
}

/// Deletes a branch that is locked, with its jobs and their records.
async fn delete_branch_rows(c: &Transaction<'_>, uid: i64) -> Result<(), StoreError> {
    execute(c, "DELETE FROM jobs WHERE branch = $1", &[&uid]).await?;
    execute(c, "DELETE FROM records WHERE branch = $1", &[&uid]).await?;
    execute(c, "DELETE FROM branches WHERE uid = $1", &[&uid]).await.map(drop)
}

pub(crate) async fn delete_job(
    db: &Database,
    key: JobKey,
    expected_seq: u32,
    branch: &(u64, Branch),
) -> Result<bool, StoreError> {
    change(db, async |c| {
        let (uid, job, seq) = (integer(key.branch.0), integer(key.job.get()), i64::from(expected_seq));
        let (version, after) = branch;
        let working = after.working().map(|working| integer(working.job.get()));
        let update = "UPDATE branches SET branch_version = $2::bigint + 1, branch = $3, working = $4
             WHERE uid = $1 AND branch_version = $2";
        one(execute(c, update, &[&uid, &integer(*version), &codec::encode(after), &working]).await?)?;
        let delete = "DELETE FROM jobs WHERE branch = $1 AND number = $2 AND seq = $3 RETURNING content";
        let deleted = rows(c, delete, &[&uid, &job, &seq]).await?;
        let content: i64 = get(deleted.first().ok_or(StoreError::Conflict)?, 0)?;
        execute(c, "DELETE FROM records WHERE branch = $1 AND number = $2", &[&uid, &job]).await?;
        let needed = "SELECT 1 FROM jobs WHERE branch = $1 AND number = $2 AND content = $2
             UNION ALL SELECT 1 FROM jobs WHERE branch = $1 AND content = $2 AND content <> number LIMIT 1";
        exists(c, needed, &[&uid, &content]).await
    })
    .await
}

/// Renews what `runner` still holds of `jobs` for `length` milliseconds from now.
pub(crate) async fn renew(
    db: &Database,
    runner: &RunnerId,
    length: i64,
    jobs: &[JobKey],
) -> Result<Vec<Notice>, StoreError> {
    // Locked in the order in which everyone locks jobs.
    let renew = "WITH held AS (
             SELECT j.branch, j.number FROM jobs j
             JOIN unnest($1::bigint[], $2::bigint[]) AS named (branch, number)
                 ON j.branch = named.branch AND j.number = named.number
             WHERE j.runner = $3 ORDER BY j.branch, j.number FOR UPDATE OF j
         )
         UPDATE jobs j SET lease = windlass_now() + $4 FROM held
         WHERE j.branch = held.branch AND j.number = held.number
         RETURNING j.branch, j.number, j.birth, j.progress";
    let branches: Vec<_> = jobs.iter().map(|key| integer(key.branch.0)).collect();
    let numbers: Vec<_> = jobs.iter().map(|key| integer(key.job.get())).collect();
    let client = read::connection(&db.pool).await?;
    let statement = client.prepare_cached(renew).await.map_err(undone)?;
    let values: Values<'_> = &[&branches, &numbers, &runner.0.as_bytes(), &length];
    let held = client.query(&statement, values).await.map_err(undone)?;
    let notice = |row: &Row| {
        let branch = BranchUid(number_at(row, 0)?);
        let job = row::job(row, branch, 1)?;
        let key = JobKey { branch, job: JobId::new(number_at(row, 1)?) };
        Ok(Notice { key, status: job.status() })
    };
    held.iter().map(notice).collect()
}

pub(crate) async fn create_document(db: &Database, document: &Document) -> Result<(), StoreError> {
    change(db, async |c| {
        let Document { kind, id, app, version, .. } = document;
        let app = app.as_ref().map(AppId::as_str);
        if app.is_some() && !exists(c, "SELECT 1 FROM apps WHERE id = $1 FOR KEY SHARE", &[&app]).await? {
            return Err(StoreError::Conflict);
        }
        let insert = "INSERT INTO documents (kind, id, app, version, body) VALUES ($1, $2, $3, $4, $5)
             ON CONFLICT (kind, id) DO NOTHING";
        let body = codec::encode(document);
        let added = execute(c, insert, &[&kind.as_ref(), &id.as_bytes(), &app, &integer(*version), &body]).await?;
        if added == 1 { Ok(()) } else { Err(StoreError::Exists) }
    })
    .await
}

pub(crate) async fn update_document(db: &Database, document: &Document) -> Result<(), StoreError> {
    let Document { kind, id, version, .. } = document;
    let update =
        "UPDATE documents SET version = $3, body = $4 WHERE kind = $1 AND id = $2 AND version = $3::bigint - 1";
    let values: Values<'_> = &[&kind.as_ref(), &id.as_bytes(), &integer(*version), &codec::encode(document)];
    one(run(db, update, values).await?)
}

pub(crate) async fn delete_document(db: &Database, kind: Kind, id: &str) -> Result<(), StoreError> {
    let delete = "DELETE FROM documents WHERE kind = $1 AND id = $2";
    one(run(db, delete, &[&kind.as_ref(), &id.as_bytes()]).await?)
}

pub(crate) async fn put_blob(db: &Database, key: &str, bytes: &Bytes) -> Result<(), StoreError> {
    let put = "INSERT INTO blobs (key, bytes) VALUES ($1, $2) ON CONFLICT (key) DO UPDATE SET bytes = excluded.bytes";
    run(db, put, &[&key.as_bytes(), &&bytes[..]]).await.map(drop)
}

const DELETE_BLOBS: &str = "DELETE FROM blobs WHERE key >= $1 AND ($2::bytea IS NULL OR key < $2)";

pub(crate) async fn delete_blobs(db: &Database, prefix: &str) -> Result<(), StoreError> {
    run(db, DELETE_BLOBS, &[&prefix.as_bytes(), &past(prefix)]).await.map(drop)
}

pub(crate) async fn delete_blobs_at(
    db: &Database,
    branch: (BranchUid, u64),
    prefixes: &[String],
) -> Result<(), StoreError> {
    change(db, async |c| {
        let is_same = "SELECT 1 FROM branches WHERE uid = $1 AND branch_version = $2 FOR UPDATE";
        if !exists(c, is_same, &[&integer(branch.0.0), &integer(branch.1)]).await? {
            return Err(StoreError::Conflict);
        }
        for prefix in prefixes {
            execute(c, DELETE_BLOBS, &[&prefix.as_bytes(), &past(prefix)]).await?;
        }
        Ok(())
    })
    .await
}

/// The first bytes after all those that begin with `prefix`, if there are any.
pub(crate) fn past(prefix: &str) -> Option<Vec<u8>> {
    let mut past = prefix.as_bytes().to_owned();
    while let Some(last) = past.pop() {
        if let Some(next) = last.checked_add(1) {
            past.push(next);
            return Some(past);
        }
    }
    None
}

pub(crate) async fn secret(db: &Database) -> Result<[u8; 32], StoreError> {
    let kept = "SELECT bytes FROM secrets WHERE name = 'signing'";
    let mut found = read::first(&db.pool, kept, &[], |row| get::<Vec<u8>>(row, 0)).await?;
    if found.is_none() {
        let mut fresh = [0; 32];
        getrandom::fill(&mut fresh).map_err(StoreError::unavailable)?;
        // Another process may be quicker, and then its secret is everyone's.
        let insert = "INSERT INTO secrets (name, bytes) VALUES ('signing', $1) ON CONFLICT DO NOTHING";
        run(db, insert, &[&&fresh[..]]).await?;
        found = read::first(&db.pool, kept, &[], |row| get(row, 0)).await?;
    }
    let damaged = || StoreError::damaged("the signing secret does not have 32 bytes");
    found.and_then(|bytes| bytes.try_into().ok()).ok_or_else(damaged)
}
