//! The port, on reads and writes.

use std::sync::{Arc, LazyLock};

use async_trait::async_trait;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use tokio::sync::broadcast;
use windlass::{AppId, Branch, BranchName, Job, JobId, Record};
use windlass_store::{
    App, Append, BranchUid, Claims, Counted, Document, Executed, Happening, JobKey, Kind, Lease, NewBranch, Notice,
    Page, Site, Store, StoreError, StoredBranch, Work, codec,
};

use crate::read::{self, Values, limit_and_one};
use crate::row::{self, BRANCH, JOB, SITE, get, integer, number_at};
use crate::writer::Change;
use crate::{PostgresStore, count, work, write};

/// A branch and a job of it, if it has that one, in the order of [`row::branch_and_job`].
static NAMED_JOB: LazyLock<String> = LazyLock::new(|| {
    format!(
        "SELECT {BRANCH}, {JOB} FROM branches b LEFT JOIN jobs j ON j.branch = b.uid AND j.number = $3
         WHERE b.app = $1 AND b.name = $2"
    )
});

#[async_trait]
impl Store for PostgresStore {
    async fn create_app(&self, app: &App) -> Result<(), StoreError> {
        write::create_app(&self.db, app).await
    }

    async fn app(&self, id: &AppId) -> Result<Option<App>, StoreError> {
        read::first(&self.db.pool, "SELECT number, body FROM apps WHERE id = $1", &[&id.as_str()], row::app).await
    }

    async fn apps(&self, from: Option<u64>, limit: usize) -> Result<Page<App>, StoreError> {
        let query = "SELECT number, body FROM apps WHERE number > $1 ORDER BY number LIMIT $2";
        let after = from.map_or(0, integer);
        read::page(&self.db.pool, query, &[&after, &limit_and_one(limit)], limit, row::app).await
    }

    async fn update_app(&self, app: &App) -> Result<(), StoreError> {
        write::update_app(&self.db, app).await
    }

    async fn delete_app(&self, id: &AppId) -> Result<Option<Vec<BranchUid>>, StoreError> {
        write::delete_app(&self.db, id).await
    }

    async fn create_branch(&self, new: &NewBranch) -> Result<StoredBranch, StoreError> {
        write::create_branch(&self.db, new).await
    }

    async fn branch(&self, app: &AppId, name: &BranchName) -> Result<Option<StoredBranch>, StoreError> {
        let query = format!("SELECT {BRANCH} FROM branches b WHERE b.app = $1 AND b.name = $2");
        read::first(&self.db.pool, &query, &[&app.as_str(), &name.as_str().as_bytes()], row::branch).await
    }

    async fn branch_by_uid(&self, uid: BranchUid) -> Result<Option<StoredBranch>, StoreError> {
        let query = format!("SELECT {BRANCH} FROM branches b WHERE b.uid = $1");
        read::first(&self.db.pool, &query, &[&integer(uid.0)], row::branch).await
    }

    async fn branches(&self, app: &AppId, from: Option<u64>, limit: usize) -> Result<Page<StoredBranch>, StoreError> {
        let query = format!("SELECT {BRANCH} FROM branches b WHERE b.app = $1 AND b.uid > $2 ORDER BY b.uid LIMIT $3");
        let values: Values<'_> = &[&app.as_str(), &from.map_or(0, integer), &limit_and_one(limit)];
        read::page(&self.db.pool, &query, values, limit, row::branch).await
    }

    async fn update_branch(&self, branch: &StoredBranch) -> Result<(), StoreError> {
        write::update_branch(&self.db, branch).await
    }

    async fn delete_branch(&self, uid: BranchUid) -> Result<(), StoreError> {
        write::delete_branch(&self.db, uid).await
    }

    async fn site(&self, app: &AppId, label: &str) -> Result<Option<Site>, StoreError> {
        let query = format!("SELECT {SITE} FROM branches b WHERE b.app = $1 AND b.label = $2");
        read::first(&self.db.pool, &query, &[&app.as_str(), &label.as_bytes()], row::site).await
    }

    async fn named_site(&self, app: &AppId, name: &BranchName) -> Result<Option<Site>, StoreError> {
        let query = format!("SELECT {SITE} FROM branches b WHERE b.app = $1 AND b.name = $2");
        read::first(&self.db.pool, &query, &[&app.as_str(), &name.as_str().as_bytes()], row::site).await
    }

    async fn job(&self, key: JobKey) -> Result<Option<Job>, StoreError> {
        let query = format!("SELECT {JOB} FROM jobs j WHERE j.branch = $1 AND j.number = $2");
        let values: Values<'_> = &[&integer(key.branch.0), &integer(key.job.get())];
        read::first(&self.db.pool, &query, values, |row| row::job(row, key.branch, 0)).await
    }

    async fn named_job(
        &self,
        app: &AppId,
        branch: &BranchName,
        id: JobId,
    ) -> Result<Option<(Arc<StoredBranch>, Option<Arc<Job>>)>, StoreError> {
        let values: Values<'_> = &[&app.as_str(), &branch.as_str().as_bytes(), &integer(id.get())];
        let found = read::first(&self.db.pool, &NAMED_JOB, values, row::branch_and_job).await?;
        Ok(found.map(|(branch, job)| (Arc::new(branch), job.map(Arc::new))))
    }

    async fn jobs(&self, branch: BranchUid, from: Option<u64>, limit: usize) -> Result<Page<Job>, StoreError> {
        let query =
            format!("SELECT {JOB} FROM jobs j WHERE j.branch = $1 AND j.number < $2 ORDER BY j.number DESC LIMIT $3");
        let values: Values<'_> = &[&integer(branch.0), &from.map_or(i64::MAX, integer), &limit_and_one(limit)];
        read::page(&self.db.pool, &query, values, limit, |row| row::job(row, branch, 0)).await
    }

    async fn jobs_with(&self, content: JobKey, from: Option<u64>, limit: usize) -> Result<Page<Job>, StoreError> {
        let query = format!(
            // Its own job, and those that deploy it again, which an index holds.
            "SELECT {JOB} FROM jobs j
             WHERE j.branch = $1 AND j.content = $2 AND j.number = $2 AND j.number < $3
             UNION ALL
             SELECT {JOB} FROM jobs j
             WHERE j.branch = $1 AND j.content = $2 AND j.content <> j.number AND j.number < $3
             ORDER BY number DESC LIMIT $4"
        );
        let (branch, before) = (content.branch, from.map_or(i64::MAX, integer));
        let values: Values<'_> = &[&integer(branch.0), &integer(content.job.get()), &before, &limit_and_one(limit)];
        read::page(&self.db.pool, &query, values, limit, |row| row::job(row, branch, 0)).await
    }

    async fn history(&self, key: JobKey) -> Result<Vec<Record>, StoreError> {
        let query = "SELECT body FROM happenings WHERE branch = $1 AND number = $2 ORDER BY cursor";
        let named = |error: StoreError| error.of(format_args!("a record of job {} of branch {}", key.job, key.branch));
        let values: Values<'_> = &[&integer(key.branch.0), &integer(key.job.get())];
        read::all(&self.db.pool, query, values, |row| codec::decode(get(row, 0)?).map_err(named)).await
    }

    async fn happenings(&self, cursor: u64, limit: usize) -> Result<Vec<Happening>, StoreError> {
        // No row holds less than one record. The first may have some that come before the cursor.
        let query = "WITH page AS MATERIALIZED (SELECT * FROM records WHERE cursor > $1 ORDER BY cursor LIMIT $2)
             SELECT * FROM (
                 SELECT p.cursor - COALESCE(cardinality(p.earlier), 0) - 1 + h.nth AS cursor, p.branch, p.number, h.body
                 FROM page p CROSS JOIN LATERAL unnest(p.earlier || p.body) WITH ORDINALITY AS h (body, nth)
             ) h WHERE h.cursor > $1 ORDER BY h.cursor LIMIT $2";
        read::all(&self.db.pool, query, &[&integer(cursor), &integer(limit as u64)], row::happening).await
    }

    async fn last_happening(&self) -> Result<u64, StoreError> {
        let last = read::first(&self.db.pool, "SELECT last FROM feed", &[], |row| number_at(row, 0)).await?;
        last.ok_or_else(|| StoreError::damaged("the place of the last record is missing"))
    }

    async fn append(&self, append: Append) -> Result<(), StoreError> {
        let notice = notice(&append);
        let change = self.change(append);
        self.writer.write(change).await?;
        // Nobody listening is fine.
        let _ = self.notices.send(notice);
        Ok(())
    }

    async fn delete_job(&self, key: JobKey, expected_seq: u32, branch: (u64, Branch)) -> Result<bool, StoreError> {
        write::delete_job(&self.db, key, expected_seq, &branch).await
    }

    async fn due(&self, now: DateTime<Utc>, limit: usize) -> Result<Vec<JobKey>, StoreError> {
        let query = "SELECT branch, number FROM jobs WHERE due <= $1 ORDER BY due, branch, number LIMIT $2";
        let values: Values<'_> = &[&now.timestamp_millis(), &integer(limit as u64)];
        read::all(&self.db.pool, query, values, |row| row::key(row, 0)).await
    }

    async fn work(&self, now: DateTime<Utc>, limit: usize) -> Result<Work, StoreError> {
        work::work(self, self.ahead(now), limit).await
    }

    async fn claim(&self, claims: &Claims) -> Result<Vec<Executed>, StoreError> {
        work::claim(self, claims).await
    }

    async fn renew(&self, lease: &Lease, jobs: &[JobKey]) -> Result<Vec<Notice>, StoreError> {
        write::renew(&self.db, &lease.runner, self.ahead(lease.until), jobs).await
    }

    async fn create_document(&self, document: &Document) -> Result<(), StoreError> {
        write::create_document(&self.db, document).await
    }

    async fn document(&self, kind: Kind, id: &str) -> Result<Option<Document>, StoreError> {
        let query = "SELECT number, body FROM documents WHERE kind = $1 AND id = $2";
        read::first(&self.db.pool, query, &[&kind.as_ref(), &id.as_bytes()], row::document).await
    }

    async fn documents(
        &self,
        kind: Kind,
        app: Option<&AppId>,
        from: Option<u64>,
        limit: usize,
    ) -> Result<Page<Document>, StoreError> {
        let (kind, after, count) = (kind.as_ref(), from.map_or(0, integer), limit_and_one(limit));
        match app.map(AppId::as_str) {
            Some(app) => {
                let of_app = "SELECT number, body FROM documents
                     WHERE kind = $1 AND number > $2 AND app = $4 ORDER BY number LIMIT $3";
                read::page(&self.db.pool, of_app, &[&kind, &after, &count, &app], limit, row::document).await
            }
            None => {
                let of_all =
                    "SELECT number, body FROM documents WHERE kind = $1 AND number > $2 ORDER BY number LIMIT $3";
                read::page(&self.db.pool, of_all, &[&kind, &after, &count], limit, row::document).await
            }
        }
    }

    async fn update_document(&self, document: &Document) -> Result<(), StoreError> {
        write::update_document(&self.db, document).await
    }

    async fn delete_document(&self, kind: Kind, id: &str) -> Result<(), StoreError> {
        write::delete_document(&self.db, kind, id).await
    }

    async fn count(&self, what: Counted<'_>, most: u64) -> Result<u64, StoreError> {
        count::count(&self.db.pool, what, most).await
    }

    async fn blob(&self, key: &str) -> Result<Option<Bytes>, StoreError> {
        let query = "SELECT bytes FROM blobs WHERE key = $1";
        read::first(&self.db.pool, query, &[&key.as_bytes()], |row| get::<Vec<u8>>(row, 0).map(Bytes::from)).await
    }

    async fn blob_keys(&self, prefix: &str) -> Result<Vec<String>, StoreError> {
        self.blob_page(prefix, None, usize::MAX).await
    }

    async fn blob_page(&self, prefix: &str, after: Option<&str>, limit: usize) -> Result<Vec<String>, StoreError> {
        // One bound at each end, so that a page begins where it begins in the index.
        let (from, begins) = match after {
            Some(after) if after >= prefix => (after, ">"),
            Some(_) | None => (prefix, ">="),
        };
        let past = write::past(prefix);
        let ends = if past.is_some() { "key < $3" } else { "$3::bytea IS NULL" };
        let query = format!("SELECT key FROM blobs WHERE key {begins} $1 AND {ends} ORDER BY key LIMIT $2");
        let values: Values<'_> = &[&from.as_bytes(), &integer(limit as u64), &past];
        read::all(&self.db.pool, &query, values, |row| row::text(row, 0)).await
    }

    async fn put_blob(&self, key: &str, bytes: Bytes) -> Result<(), StoreError> {
        write::put_blob(&self.db, key, &bytes).await
    }

    async fn delete_blobs(&self, prefix: &str) -> Result<(), StoreError> {
        write::delete_blobs(&self.db, prefix).await
    }

    async fn delete_blobs_at(&self, branch: (BranchUid, u64), prefixes: &[String]) -> Result<(), StoreError> {
        write::delete_blobs_at(&self.db, branch, prefixes).await
    }

    async fn secret(&self) -> Result<[u8; 32], StoreError> {
        write::secret(&self.db).await
    }

    fn notices(&self) -> broadcast::Receiver<Notice> {
        self.notices.subscribe()
    }
}

impl PostgresStore {
    /// An append as the writer takes it.
    pub(crate) fn change(&self, append: Append) -> Change {
        let length = append.lease.as_ref().map(|lease| self.ahead(lease.until));
        let notice = self.instance.write(&notice(&append));
        Change { append, length, notice }
    }
}

fn notice(append: &Append) -> Notice {
    Notice { key: append.key, status: append.job.status() }
}
