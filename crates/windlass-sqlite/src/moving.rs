//! The store gives itself away, in one snapshot, and takes another in, in one transaction.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use rusqlite::{Connection, OptionalExtension as _, params};
use tokio::sync::mpsc;
use windlass::{AppId, JobId, Record};
use windlass_store::moving::{Last, Loading, Movable, MovedJob, Row};
use windlass_store::{App, BranchBody, Document, JobColumns, JobKey, StoreError, StoredBranch, codec};

use crate::SqliteStore;
use crate::row::{self, BRANCH, JOB, document, integer, number};
use crate::store::record;
use crate::write::Changed;

#[async_trait]
impl Movable for SqliteStore {
    async fn dump(&self, rows: mpsc::Sender<Row>) -> Result<(), StoreError> {
        let readers = Arc::clone(&self.readers);
        let dump = move || readers.look(|c| dump(c, &rows));
        tokio::task::spawn_blocking(dump).await.map_err(StoreError::unavailable)?
    }

    async fn load(&self, mut loading: Loading) -> Result<(), StoreError> {
        // The writer's thread waits for the rows, and so does whoever else wants to write.
        let load = move |c: &Connection| {
            c.execute_batch("SAVEPOINT load")?;
            let loaded = load(c, &mut loading)?.and_then(|()| loading.blocking_verdict());
            if loaded.is_err() {
                c.execute_batch("ROLLBACK TO load")?;
            }
            c.execute_batch("RELEASE load")?;
            Ok(loaded)
        };
        self.change(crate::recent::Changed::Anything, load).await
    }
}

/// Gives whatever comes of a query to its taker, row by row. Stops at the first error of either kind.
macro_rules! each {
    ($c:expr, $query:expr, $params:expr, |$row:ident| $do:expr) => {{
        let mut statement = $c.prepare_cached($query)?;
        let mut rows = statement.query($params)?;
        while let Some($row) = rows.next()? {
            if let Err(error) = $do {
                return Ok(Err(error));
            }
        }
    }};
}

/// The value, or the store's error as the answer.
macro_rules! ok {
    ($seen:expr) => {
        match $seen {
            Ok(value) => value,
            Err(error) => return Ok(Err(error)),
        }
    };
}

/// How many rows were given of what.
#[derive(Default)]
struct Given {
    branches: i64,
    jobs: i64,
    records: i64,
    documents: i64,
}

fn dump(c: &Connection, rows: &mpsc::Sender<Row>) -> Changed<()> {
    let give = |row| rows.blocking_send(row).map_err(|_| StoreError::unavailable("nobody takes the rows any more"));
    let mut given = Given::default();
    let secret = "SELECT bytes FROM secrets WHERE name = 'signing'";
    if let Some(secret) = c.query_row(secret, [], |row| row.get::<_, [u8; 32]>(0)).optional()? {
        ok!(give(Row::Secret(secret)));
    }
    let mut apps = c.prepare("SELECT number, body FROM apps ORDER BY number")?;
    let mut apps = apps.query([])?;
    while let Some(app) = apps.next()? {
        let (number, app) = row::app(app, 0)?;
        let app = ok!(app);
        let id = app.id.clone();
        ok!(give(Row::App(number, app)));
        let of_app = "SELECT number, body FROM documents WHERE app = ?1 ORDER BY number";
        ok!(dump_documents(c, of_app, &[&id.as_str()], &mut given, &give)?);
        ok!(dump_branches(c, &id, &mut given, &give)?);
    }
    let of_none = "SELECT number, body FROM documents WHERE app IS NULL ORDER BY number";
    ok!(dump_documents(c, of_none, &[], &mut given, &give)?);
    ok!(is_all(c, &given)?);
    each!(c, "SELECT key, bytes FROM blobs ORDER BY key", [], |row| {
        give(Row::Blob(row.get(0)?, Bytes::copy_from_slice(row.get_ref(1)?.as_blob()?)))
    });
    let last = Last {
        app: last(c, "apps")?,
        branch: last(c, "branches")?,
        document: last(c, "documents")?,
        happening: last(c, "records")?,
    };
    Ok(give(Row::Last(last)))
}

fn dump_documents(
    c: &Connection,
    query: &str,
    params: &[&dyn rusqlite::ToSql],
    given: &mut Given,
    give: &dyn Fn(Row) -> Result<(), StoreError>,
) -> Changed<()> {
    each!(c, query, params, |row| {
        let (number, document) = document(row)?;
        given.documents += 1;
        document.and_then(|document| give(Row::Document(number, document)))
    });
    Ok(Ok(()))
}

fn dump_branches(
    c: &Connection,
    app: &AppId,
    given: &mut Given,
    give: &dyn Fn(Row) -> Result<(), StoreError>,
) -> Changed<()> {
    let branches = format!("SELECT {BRANCH} FROM branches b WHERE b.app = ?1 ORDER BY b.uid");
    let jobs = format!("SELECT {JOB}, j.last FROM jobs j WHERE j.branch = ?1 ORDER BY j.number");
    let mut statement = c.prepare_cached(&branches)?;
    let mut rows = statement.query([app.as_str()])?;
    while let Some(row) = rows.next()? {
        let branch = ok!(row::branch(row)?);
        let uid = branch.uid;
        ok!(give(Row::Branch(branch)));
        given.branches += 1;
        each!(c, &jobs, [integer(uid.0)], |row| {
            let key = JobKey { branch: uid, job: JobId::new(number(row.get(0)?)) };
            let job = ok!(row::job(row, uid, 0)?);
            let records = ok!(history(c, key, row.get(3)?)?);
            given.jobs += 1;
            given.records += i64::try_from(records.len()).unwrap_or(i64::MAX);
            give(Row::Job(MovedJob { key, job, records }))
        });
    }
    Ok(Ok(()))
}

/// A history with the places of its records, read backwards from the last.
fn history(c: &Connection, key: JobKey, mut last: i64) -> Changed<Vec<(u64, Record)>> {
    let mut records = Vec::new();
    while last != 0 {
        let (before, record) =
            ok!(record(c, last)?.map_err(|error| error.of(format_args!("job {} of branch {}", key.job, key.branch))));
        records.push((number(last), record));
        last = before;
    }
    records.reverse();
    Ok(Ok(records))
}

/// Whether nothing was left out because it belongs to nothing.
fn is_all(c: &Connection, given: &Given) -> Changed<()> {
    let Given { branches, jobs, records, documents } = *given;
    for (what, given) in [("branches", branches), ("jobs", jobs), ("records", records), ("documents", documents)] {
        let count: i64 = c.query_row(&format!("SELECT COUNT(*) FROM {what}"), [], |row| row.get(0))?;
        if count != given {
            let reason = format!("there are {count} {what}, and {} of them belong to nothing", count - given);
            return Ok(Err(StoreError::damaged(reason)));
        }
    }
    Ok(Ok(()))
}

/// The highest number that a table has ever given.
fn last(c: &Connection, table: &str) -> rusqlite::Result<u64> {
    let seq = "SELECT seq FROM sqlite_sequence WHERE name = ?1";
    Ok(c.query_row(seq, [table], |row| row.get(0)).optional()?.map_or(0, number))
}

fn set_last(c: &Connection, table: &str, last: u64) -> rusqlite::Result<()> {
    // No key tells its rows apart.
    c.execute("DELETE FROM sqlite_sequence WHERE name = ?1", [table])?;
    c.execute("INSERT INTO sqlite_sequence (name, seq) VALUES (?1, ?2)", params![table, integer(last)]).map(drop)
}

/// Takes rows in, and shows what is there then.
fn load(c: &Connection, loading: &mut Loading) -> Changed<()> {
    for table in ["apps", "branches", "jobs", "records", "documents", "blobs", "secrets"] {
        let is_used = c.prepare(&format!("SELECT 1 FROM {table}"))?.exists([])?;
        if is_used || last(c, table)? > 0 {
            return Ok(Err(StoreError::Exists));
        }
    }
    let mut branch = None;
    loop {
        match ok!(loading.blocking_next()) {
            Row::Secret(secret) => {
                c.execute("INSERT INTO secrets (name, bytes) VALUES ('signing', ?1)", [&secret[..]])?;
            }
            Row::App(number, app) => load_app(c, number, &app)?,
            Row::Document(number, document) => load_document(c, number, &document)?,
            Row::Branch(next) => {
                load_branch(c, &next)?;
                branch = Some(next);
            }
            Row::Job(moved) => match branch.as_ref().filter(|branch| branch.uid == moved.key.branch) {
                Some(branch) => load_job(c, branch, &moved)?,
                None => return Ok(Err(StoreError::damaged(format!("branch {} is missing", moved.key.branch)))),
            },
            Row::Blob(key, bytes) => {
                c.prepare_cached("INSERT INTO blobs (key, bytes) VALUES (?1, ?2)")?
                    .execute(params![key, &bytes[..]])?;
            }
            Row::Last(Last { app, branch, document, happening }) => {
                let tables = [("apps", app), ("branches", branch), ("documents", document), ("records", happening)];
                for (table, last) in tables {
                    set_last(c, table, last)?;
                }
                return dump(c, &loading.back());
            }
        }
    }
}

fn load_app(c: &Connection, number: u64, app: &App) -> rusqlite::Result<()> {
    c.prepare_cached("INSERT INTO apps (number, id, version, body) VALUES (?1, ?2, ?3, ?4)")?
        .execute(params![integer(number), app.id.as_str(), integer(app.version), codec::encode(app)])
        .map(drop)
}

fn load_document(c: &Connection, number: u64, document: &Document) -> rusqlite::Result<()> {
    let Document { kind, id, app, version, .. } = document;
    let app = app.as_ref().map(AppId::as_str);
    c.prepare_cached("INSERT INTO documents (number, kind, id, app, version, body) VALUES (?1, ?2, ?3, ?4, ?5, ?6)")?
        .execute(params![integer(number), kind.as_ref(), id, app, integer(*version), codec::encode(document)])
        .map(drop)
}

fn load_branch(c: &Connection, stored: &StoredBranch) -> rusqlite::Result<()> {
    let StoredBranch { uid, app, name, label, version, branch, branch_version, .. } = stored;
    let working = branch.working().map(|working| integer(working.job.get()));
    c.prepare_cached(
        "INSERT INTO branches (uid, app, name, label, version, body, branch_version, branch, working)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
    )?
    .execute(params![
        integer(uid.0),
        app.as_str(),
        name.as_str(),
        label,
        integer(*version),
        codec::encode(&BranchBody::of(stored)),
        integer(*branch_version),
        codec::encode(branch),
        working
    ])
    .map(drop)
}

fn load_job(c: &Connection, branch: &StoredBranch, moved: &MovedJob) -> rusqlite::Result<()> {
    let MovedJob { key, job, records } = moved;
    let (uid, id) = (integer(key.branch.0), integer(key.job.get()));
    let mut insert =
        c.prepare_cached("INSERT INTO records (id, before, branch, number, body) VALUES (?1, ?2, ?3, ?4, ?5)")?;
    let mut last = 0;
    for (cursor, record) in records {
        insert.execute(params![integer(*cursor), last, uid, id, codec::encode(record)])?;
        last = integer(*cursor);
    }
    // Whoever had it is no runner of this store's, so it is lost from the first moment.
    let runner = branch.branch.working().filter(|working| working.job == key.job).map(|_| "");
    let JobColumns { due, waits, content, .. } = JobColumns::of(job);
    c.prepare_cached(
        "INSERT INTO jobs (branch, number, app, seq, birth, progress, content, last, due, waits, runner, lease)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
    )?
    .execute(params![
        uid,
        id,
        branch.app.as_str(),
        job.seq(),
        codec::encode(job.birth()),
        codec::encode(job.progress()),
        integer(content),
        last,
        due,
        waits,
        runner,
        runner.map(|_| 0)
    ])
    .map(drop)
}
