//! The port, on reads and writes.

use std::sync::{Arc, LazyLock};

use async_trait::async_trait;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use rusqlite::{Connection, OptionalExtension as _, params};
use tokio::sync::broadcast;
use windlass::{AppId, Branch, BranchName, Job, JobId, Record};
use windlass_store::{
    App, Append, BranchUid, Claiming, Claims, Counted, Document, Executed, Happening, JobKey, Kind, Lease, NewBranch,
    Notice, Page, Site, Store, StoreError, StoredBranch, Work, codec,
};

use crate::read::{self, Seen, limit_and_one};
use crate::recent::Changed;
use crate::row::{self, BRANCH, JOB, SITE, integer, number};
use crate::{SqliteStore, count, work, write};

/// A branch and a job of it, if it has that one, in the order of [`row::branch_and_job`].
pub(crate) static NAMED_JOB: LazyLock<String> = LazyLock::new(|| {
    format!(
        "SELECT {BRANCH}, {JOB} FROM branches b LEFT JOIN jobs j ON j.branch = b.uid AND j.number = ?3
         WHERE b.app = ?1 AND b.name = ?2"
    )
});

#[async_trait]
impl Store for SqliteStore {
    async fn create_app(&self, app: &App) -> Result<(), StoreError> {
        let app = app.clone();
        self.writer.write(move |c| write::create_app(c, &app)).await
    }

    async fn app(&self, id: &AppId) -> Result<Option<App>, StoreError> {
        self.readers.ask(|c| {
            read::first(c, "SELECT number, body FROM apps WHERE id = ?1", [id.as_str()], |row| Ok(row::app(row, 0)?.1))
        })
    }

    async fn apps(&self, from: Option<u64>, limit: usize) -> Result<Page<App>, StoreError> {
        let query = "SELECT number, body FROM apps WHERE number > ?1 ORDER BY number LIMIT ?2";
        let after = from.map_or(0, integer);
        self.readers.ask(|c| read::page(c, query, params![after, limit_and_one(limit)], limit, |row| row::app(row, 0)))
    }

    async fn update_app(&self, app: &App) -> Result<(), StoreError> {
        let app = app.clone();
        self.writer.write(move |c| write::update_app(c, &app)).await
    }

    async fn delete_app(&self, id: &AppId) -> Result<Option<Vec<BranchUid>>, StoreError> {
        let id = id.clone();
        self.change(Changed::Anything, move |c| write::delete_app(c, &id)).await
    }

    async fn create_branch(&self, new: &NewBranch) -> Result<StoredBranch, StoreError> {
        let new = new.clone();
        self.writer.write(move |c| write::create_branch(c, &new)).await
    }

    async fn branch(&self, app: &AppId, name: &BranchName) -> Result<Option<StoredBranch>, StoreError> {
        self.readers.ask(|c| named_branch(c, app, name))
    }

    async fn branch_by_uid(&self, uid: BranchUid) -> Result<Option<StoredBranch>, StoreError> {
        let query = format!("SELECT {BRANCH} FROM branches b WHERE b.uid = ?1");
        self.readers.ask(|c| read::first(c, &query, [integer(uid.0)], row::branch))
    }

    async fn branches(&self, app: &AppId, from: Option<u64>, limit: usize) -> Result<Page<StoredBranch>, StoreError> {
        let query = format!("SELECT {BRANCH} FROM branches b WHERE b.app = ?1 AND b.uid > ?2 ORDER BY b.uid LIMIT ?3");
        let after = from.map_or(0, integer);
        self.readers.ask(|c| {
            read::page(c, &query, params![app.as_str(), after, limit_and_one(limit)], limit, |row| {
                Ok((number(row.get(0)?), row::branch(row)?))
            })
        })
    }

    async fn update_branch(&self, branch: &StoredBranch) -> Result<(), StoreError> {
        let branch = branch.clone();
        self.change(Changed::Branch(branch.uid), move |c| write::update_branch(c, &branch)).await
    }

    async fn delete_branch(&self, uid: BranchUid) -> Result<(), StoreError> {
        self.change(Changed::Branch(uid), move |c| write::delete_branch(c, uid)).await
    }

    async fn site(&self, app: &AppId, label: &str) -> Result<Option<Site>, StoreError> {
        let query = format!("SELECT {SITE} FROM branches b WHERE b.app = ?1 AND b.label = ?2");
        self.readers.ask(|c| read::first(c, &query, [app.as_str(), label], row::site))
    }

    async fn named_site(&self, app: &AppId, name: &BranchName) -> Result<Option<Site>, StoreError> {
        let query = format!("SELECT {SITE} FROM branches b WHERE b.app = ?1 AND b.name = ?2");
        self.readers.ask(|c| read::first(c, &query, [app.as_str(), name.as_str()], row::site))
    }

    async fn job(&self, key: JobKey) -> Result<Option<Job>, StoreError> {
        self.readers.ask(|c| job(c, key))
    }

    async fn named_job(
        &self,
        app: &AppId,
        branch: &BranchName,
        id: JobId,
    ) -> Result<Option<(Arc<StoredBranch>, Option<Arc<Job>>)>, StoreError> {
        let age = match self.recent.as_ref().map(|recent| recent.get(app, branch, id)) {
            Some(Ok((branch, job))) => return Ok(Some((branch, Some(job)))),
            Some(Err(age)) => Some(age),
            None => None,
        };
        let values = params![app.as_str(), branch.as_str(), integer(id.get())];
        let found = self.readers.ask(|c| read::first(c, &NAMED_JOB, values, row::branch_and_job))?;
        let found = found.map(|(branch, job)| (Arc::new(branch), job.map(Arc::new)));
        if let (Some(recent), Some(age), Some((branch, Some(job)))) = (&self.recent, age, &found) {
            recent.put(age, branch, job);
        }
        Ok(found)
    }

    async fn jobs(&self, branch: BranchUid, from: Option<u64>, limit: usize) -> Result<Page<Job>, StoreError> {
        let query =
            format!("SELECT {JOB} FROM jobs j WHERE j.branch = ?1 AND j.number < ?2 ORDER BY j.number DESC LIMIT ?3");
        let before = from.map_or(i64::MAX, integer);
        self.readers.ask(|c| {
            read::page(c, &query, params![integer(branch.0), before, limit_and_one(limit)], limit, |row| {
                Ok((number(row.get(0)?), row::job(row, branch, 0)?))
            })
        })
    }

    async fn jobs_with(&self, content: JobKey, from: Option<u64>, limit: usize) -> Result<Page<Job>, StoreError> {
        let query = format!(
            "SELECT {JOB} FROM jobs j INDEXED BY jobs_by_content
             WHERE j.branch = ?1 AND j.content = ?2 AND j.number < ?3
             ORDER BY j.number DESC LIMIT ?4"
        );
        let (branch, before) = (content.branch, from.map_or(i64::MAX, integer));
        let values = params![integer(branch.0), integer(content.job.get()), before, limit_and_one(limit)];
        self.readers
            .ask(|c| read::page(c, &query, values, limit, |row| Ok((number(row.get(0)?), row::job(row, branch, 0)?))))
    }

    async fn history(&self, key: JobKey) -> Result<Vec<Record>, StoreError> {
        self.readers.look(|c| {
            let mut last: i64 = c
                .prepare_cached("SELECT last FROM jobs WHERE branch = ?1 AND number = ?2")?
                .query_row([integer(key.branch.0), integer(key.job.get())], |row| row.get(0))
                .optional()?
                .unwrap_or(0);
            let mut records = Vec::new();
            while last != 0 {
                match record(c, last)?
                    .map_err(|error| error.of(format_args!("a record of job {} of branch {}", key.job, key.branch)))
                {
                    Ok((before, record)) => {
                        records.push(record);
                        last = before;
                    }
                    Err(error) => return Ok(Err(error)),
                }
            }
            records.reverse();
            Ok(Ok(records))
        })
    }

    async fn happenings(&self, cursor: u64, limit: usize) -> Result<Vec<Happening>, StoreError> {
        let query =
            "SELECT id, branch, number, body FROM records WHERE id > ?1 AND branch IS NOT NULL ORDER BY id LIMIT ?2";
        self.readers.ask(|c| {
            let mut rows = c.prepare_cached(query)?;
            let found = rows.query_map([integer(cursor), integer(limit as u64)], row::happening)?;
            found.collect::<rusqlite::Result<Vec<_>>>().map(|found| found.into_iter().collect())
        })
    }

    async fn last_happening(&self) -> Result<u64, StoreError> {
        let query = "SELECT seq FROM sqlite_sequence WHERE name = 'records'";
        self.readers
            .ask(|c| read::first(c, query, [], |row| Ok(Ok(number(row.get(0)?)))))
            .map(Option::unwrap_or_default)
    }

    async fn append(&self, append: Append) -> Result<(), StoreError> {
        let notice = Notice { key: append.key, status: append.job.status() };
        self.change(Changed::Branch(append.key.branch), move |c| write::append(c, &append)).await?;
        // Nobody listening is fine.
        let _ = self.notices.send(notice);
        Ok(())
    }

    async fn delete_job(&self, key: JobKey, expected_seq: u32, branch: (u64, Branch)) -> Result<bool, StoreError> {
        self.change(Changed::Branch(key.branch), move |c| write::delete_job(c, key, expected_seq, &branch)).await
    }

    async fn due(&self, now: DateTime<Utc>, limit: usize) -> Result<Vec<JobKey>, StoreError> {
        let query = "SELECT branch, number FROM jobs WHERE due <= ?1 ORDER BY due LIMIT ?2";
        self.readers.ask(|c| {
            let mut due = c.prepare_cached(query)?;
            let keys = due.query_map(params![now.timestamp_millis(), integer(limit as u64)], |row| row::key(row, 0))?;
            keys.collect::<rusqlite::Result<_>>().map(Ok)
        })
    }

    async fn work(&self, now: DateTime<Utc>, limit: usize) -> Result<Work, StoreError> {
        self.readers.look(|c| work::work(c, now.timestamp_millis(), limit).map(Ok))
    }

    async fn claim(&self, claims: &Claims) -> Result<Vec<Executed>, StoreError> {
        // Most looks find nothing, and the writer has others to serve.
        let there_is = self.work(claims.now, claims.look()).await?;
        if Claiming::new(claims, there_is).is_done() {
            return Ok(Vec::new());
        }
        let (claims, recent) = (claims.clone(), self.recent.clone());
        let forget = move |claimed: &Result<Vec<Executed>, _>| {
            let Some(recent) = recent else { return };
            for claimed in claimed.iter().flatten() {
                recent.forget(Changed::Branch(claimed.branch.uid));
            }
        };
        let claimed = self.writer.write_then(move |c| work::claim(c, &claims), forget).await?;
        for claimed in &claimed {
            // Nobody listening is fine.
            let _ = self.notices.send(Notice { key: claimed.key(), status: claimed.job.status() });
        }
        Ok(claimed)
    }

    async fn renew(&self, lease: &Lease, jobs: &[JobKey]) -> Result<Vec<Notice>, StoreError> {
        let (lease, jobs) = (lease.clone(), jobs.to_vec());
        self.writer.write(move |c| write::renew(c, &lease, &jobs)).await
    }

    async fn create_document(&self, document: &Document) -> Result<(), StoreError> {
        let document = document.clone();
        self.writer.write(move |c| write::create_document(c, &document)).await
    }

    async fn document(&self, kind: Kind, id: &str) -> Result<Option<Document>, StoreError> {
        let query = "SELECT number, body FROM documents WHERE kind = ?1 AND id = ?2";
        self.readers.ask(|c| read::first(c, query, [kind.as_ref(), id], |row| Ok(row::document(row)?.1)))
    }

    async fn documents(
        &self,
        kind: Kind,
        app: Option<&AppId>,
        from: Option<u64>,
        limit: usize,
    ) -> Result<Page<Document>, StoreError> {
        let (after, count) = (from.map_or(0, integer), limit_and_one(limit));
        let of_all = "SELECT number, body FROM documents WHERE kind = ?1 AND number > ?2 ORDER BY number LIMIT ?3";
        let of_app = "SELECT number, body FROM documents
             WHERE kind = ?1 AND number > ?2 AND app = ?4 ORDER BY number LIMIT ?3";
        self.readers.ask(|c| match app {
            Some(app) => {
                read::page(c, of_app, params![kind.as_ref(), after, count, app.as_str()], limit, row::document)
            }
            None => read::page(c, of_all, params![kind.as_ref(), after, count], limit, row::document),
        })
    }

    async fn update_document(&self, document: &Document) -> Result<(), StoreError> {
        let document = document.clone();
        self.writer.write(move |c| write::update_document(c, &document)).await
    }

    async fn delete_document(&self, kind: Kind, id: &str) -> Result<(), StoreError> {
        let id = id.to_owned();
        self.writer.write(move |c| write::delete_document(c, kind, &id)).await
    }

    async fn count(&self, what: Counted<'_>, most: u64) -> Result<u64, StoreError> {
        self.readers.look(|c| count::count(c, what, most))
    }

    async fn blob(&self, key: &str) -> Result<Option<Bytes>, StoreError> {
        let (readers, key) = (Arc::clone(&self.readers), key.to_owned());
        let read = move || {
            readers.ask(|c| {
                read::first(c, "SELECT bytes FROM blobs WHERE key = ?1", [key], |row| {
                    Ok(Ok(Bytes::copy_from_slice(row.get_ref(0)?.as_blob()?)))
                })
            })
        };
        // Up to a megabyte, perhaps from the disk: not on a thread that answers requests.
        tokio::task::spawn_blocking(read).await.map_err(StoreError::unavailable)?
    }

    async fn blob_keys(&self, prefix: &str) -> Result<Vec<String>, StoreError> {
        let from = "SELECT key FROM blobs WHERE key >= ?1 ORDER BY key";
        let between = "SELECT key FROM blobs WHERE key >= ?1 AND key < ?2 ORDER BY key";
        self.readers.ask(|c| match write::past(prefix) {
            Some(end) => read::texts(c, between, [prefix, &end]),
            None => read::texts(c, from, [prefix]),
        })
    }

    async fn blob_page(&self, prefix: &str, after: Option<&str>, limit: usize) -> Result<Vec<String>, StoreError> {
        // One bound at each end, so that a page begins where it begins in the index.
        let (from, begins) = match after {
            Some(after) if after >= prefix => (after, ">"),
            Some(_) | None => (prefix, ">="),
        };
        let past = write::past(prefix);
        let ends = if past.is_some() { "key < ?3" } else { "?3 IS NULL" };
        let query = format!("SELECT key FROM blobs WHERE key {begins} ?1 AND {ends} ORDER BY key LIMIT ?2");
        self.readers.ask(|c| read::texts(c, &query, params![from, integer(limit as u64), past]))
    }

    async fn put_blob(&self, key: &str, bytes: Bytes) -> Result<(), StoreError> {
        let key = key.to_owned();
        self.writer.write(move |c| write::put_blob(c, &key, &bytes)).await
    }

    async fn delete_blobs(&self, prefix: &str) -> Result<(), StoreError> {
        let prefix = prefix.to_owned();
        self.writer.write(move |c| write::delete_blobs(c, &prefix)).await
    }

    async fn delete_blobs_at(&self, branch: (BranchUid, u64), prefixes: &[String]) -> Result<(), StoreError> {
        let prefixes = prefixes.to_vec();
        self.writer.write(move |c| write::delete_blobs_at(c, branch, &prefixes)).await
    }

    async fn secret(&self) -> Result<[u8; 32], StoreError> {
        self.writer.write(write::secret).await
    }

    fn notices(&self) -> broadcast::Receiver<Notice> {
        self.notices.subscribe()
    }
}

impl SqliteStore {
    /// Writes a change that may concern jobs someone has looked at of late.
    pub(crate) async fn change<T: Send + 'static>(
        &self,
        changed: Changed,
        change: impl FnOnce(&Connection) -> write::Changed<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let recent = self.recent.clone();
        let forget = move |_: &_| {
            if let Some(recent) = recent {
                recent.forget(changed);
            }
        };
        self.writer.write_then(change, forget).await
    }
}

fn named_branch(c: &Connection, app: &AppId, name: &BranchName) -> Seen<Option<StoredBranch>> {
    let query = format!("SELECT {BRANCH} FROM branches b WHERE b.app = ?1 AND b.name = ?2");
    read::first(c, &query, [app.as_str(), name.as_str()], row::branch)
}

fn job(c: &Connection, key: JobKey) -> Seen<Option<Job>> {
    let query = format!("SELECT {JOB} FROM jobs j WHERE j.branch = ?1 AND j.number = ?2");
    read::first(c, &query, [integer(key.branch.0), integer(key.job.get())], |row| row::job(row, key.branch, 0))
}

/// One record, and the row of the one before it in its history.
pub(crate) fn record(c: &Connection, id: i64) -> Seen<(i64, Record)> {
    let record = read::first(c, "SELECT before, body FROM records WHERE id = ?1", [id], |row| {
        let before: i64 = row.get(0)?;
        Ok(codec::decode(row.get_ref(1)?.as_blob()?).map(|record| (before, record)))
    })?;
    Ok(match record {
        // A chain that does not lead back would never end.
        Ok(Some((before, _))) if before >= id => Err(StoreError::damaged(format!("row {id} follows row {before}"))),
        Ok(None) => Err(StoreError::damaged(format!("row {id} is missing"))),
        Ok(Some(found)) => Ok(found),
        Err(error) => Err(error),
    })
}
