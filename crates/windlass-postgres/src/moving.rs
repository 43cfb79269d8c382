//! The store gives itself away, in one snapshot, and takes another in, in one transaction.

use async_trait::async_trait;
use bytes::Bytes;
use deadpool_postgres::Transaction;
use tokio::sync::mpsc;
use tokio_postgres::types::ToSql;
use tokio_postgres::{IsolationLevel, Portal, Row as SqlRow};
use windlass::{AppId, JobId, Record};
use windlass_store::moving::{Last, Loading, Movable, MovedJob, Row};
use windlass_store::{App, BranchBody, BranchUid, Document, JobColumns, JobKey, StoreError, StoredBranch, codec};

use crate::read::{self, Values};
use crate::row::{self, BRANCH, JOB, get, integer, number_at, text};
use crate::writer::undone;
use crate::{PostgresStore, write};

/// How many rows are fetched at a time. One of artifacts may have a megabyte.
const GROUP: usize = 64;

/// How many bytes are stored at a time, unless one row has more.
const GROUP_BYTES: usize = 4 << 20;

/// However long it takes: whoever takes the rows may be slow.
const PATIENT: &str = "SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0";

/// Who wants to write meanwhile waits, and who wants to read sees an empty store.
const LOCK: &str = "LOCK TABLE apps, branches, jobs, records, feed, documents, blobs, secrets IN EXCLUSIVE MODE";

/// What tells that something is there, or has been.
const IS_USED: &str =
    "SELECT EXISTS (SELECT 1 FROM apps) OR EXISTS (SELECT 1 FROM branches) OR EXISTS (SELECT 1 FROM jobs)
    OR EXISTS (SELECT 1 FROM records) OR EXISTS (SELECT 1 FROM documents) OR EXISTS (SELECT 1 FROM blobs)
    OR EXISTS (SELECT 1 FROM secrets) OR (SELECT last > 0 FROM feed)";

#[async_trait]
impl Movable for PostgresStore {
    async fn dump(&self, rows: mpsc::Sender<Row>) -> Result<(), StoreError> {
        let mut client = read::connection(&self.db.pool).await?;
        let snapshot = client.build_transaction().isolation_level(IsolationLevel::RepeatableRead).read_only(true);
        let transaction = snapshot.start().await.map_err(StoreError::unavailable)?;
        transaction.batch_execute(PATIENT).await.map_err(StoreError::unavailable)?;
        dump(&transaction, &rows).await
    }

    async fn load(&self, mut loading: Loading) -> Result<(), StoreError> {
        let mut client = read::connection(&self.db.pool).await?;
        let transaction = client.transaction().await.map_err(undone)?;
        transaction.batch_execute(PATIENT).await.map_err(undone)?;
        transaction.batch_execute(LOCK).await.map_err(undone)?;
        let last = numbers(&transaction).await?;
        let is_used = write::rows(&transaction, IS_USED, &[]).await?;
        if last != Last::default() || is_used.first().is_none_or(|row| row.get(0)) {
            return Err(StoreError::Exists);
        }
        load(&transaction, &mut loading).await?;
        dump(&transaction, &loading.back()).await?;
        loading.verdict().await?;
        transaction.commit().await.map_err(undone)
    }
}

/// What comes of a query, some rows at a time.
struct Rows<'a> {
    transaction: &'a Transaction<'a>,
    portal: Portal,
    fetched: std::vec::IntoIter<SqlRow>,
    is_over: bool,
}

impl<'a> Rows<'a> {
    async fn of(transaction: &'a Transaction<'a>, query: &str, values: Values<'_>) -> Result<Self, StoreError> {
        let statement = transaction.prepare_cached(query).await.map_err(StoreError::unavailable)?;
        let portal = transaction.bind(&statement, values).await.map_err(StoreError::unavailable)?;
        Ok(Self { transaction, portal, fetched: Vec::new().into_iter(), is_over: false })
    }

    async fn next(&mut self) -> Result<Option<SqlRow>, StoreError> {
        if self.fetched.as_slice().is_empty() && !self.is_over {
            let limit = i32::try_from(GROUP).unwrap_or(i32::MAX);
            let fetched = self.transaction.query_portal(&self.portal, limit).await.map_err(StoreError::unavailable)?;
            self.is_over = fetched.len() < GROUP;
            self.fetched = fetched.into_iter();
        }
        Ok(self.fetched.next())
    }
}

/// Gives rows to whoever takes them, and counts those that may belong to nothing.
struct Giving<'a> {
    to: &'a mpsc::Sender<Row>,
    branches: i64,
    jobs: i64,
    records: i64,
    documents: i64,
}

impl Giving<'_> {
    async fn give(&mut self, row: Row) -> Result<(), StoreError> {
        match &row {
            Row::Branch(_) => self.branches += 1,
            Row::Document(..) => self.documents += 1,
            Row::Job(moved) => {
                self.jobs += 1;
                self.records += i64::try_from(moved.records.len()).unwrap_or(i64::MAX);
            }
            Row::Secret(_) | Row::App(..) | Row::Blob(..) | Row::Last(_) => {}
        }
        self.to.send(row).await.map_err(|_| StoreError::unavailable("nobody takes the rows any more"))
    }
}

async fn dump(c: &Transaction<'_>, to: &mpsc::Sender<Row>) -> Result<(), StoreError> {
    let mut giving = Giving { to, branches: 0, jobs: 0, records: 0, documents: 0 };
    let mut secret = Rows::of(c, "SELECT bytes FROM secrets WHERE name = 'signing'", &[]).await?;
    if let Some(row) = secret.next().await? {
        let secret = get::<Vec<u8>>(&row, 0)?.try_into();
        let secret = secret.map_err(|_| StoreError::damaged("the signing secret does not have 32 bytes"))?;
        giving.give(Row::Secret(secret)).await?;
    }
    let mut apps = Rows::of(c, "SELECT number, body FROM apps ORDER BY number", &[]).await?;
    while let Some(app) = apps.next().await? {
        let (number, app) = (number_at(&app, 0)?, row::app(&app)?);
        let id = app.id.clone();
        giving.give(Row::App(number, app)).await?;
        let of_app = "SELECT number, body FROM documents WHERE app = $1 ORDER BY number";
        dump_documents(Rows::of(c, of_app, &[&id.as_str()]).await?, &mut giving).await?;
        let branches = format!("SELECT {BRANCH} FROM branches b WHERE b.app = $1 ORDER BY b.uid");
        let mut branches = Rows::of(c, &branches, &[&id.as_str()]).await?;
        while let Some(branch) = branches.next().await? {
            let branch = row::branch(&branch)?;
            let uid = branch.uid;
            giving.give(Row::Branch(branch)).await?;
            dump_jobs(c, uid, &mut giving).await?;
        }
    }
    let of_none = "SELECT number, body FROM documents WHERE app IS NULL ORDER BY number";
    dump_documents(Rows::of(c, of_none, &[]).await?, &mut giving).await?;
    is_all(c, &giving).await?;
    let mut blobs = Rows::of(c, "SELECT key, bytes FROM blobs ORDER BY key", &[]).await?;
    while let Some(blob) = blobs.next().await? {
        let bytes = Bytes::copy_from_slice(get(&blob, 1)?);
        giving.give(Row::Blob(text(&blob, 0)?, bytes)).await?;
    }
    giving.give(Row::Last(numbers(c).await?)).await
}

async fn dump_documents(mut documents: Rows<'_>, giving: &mut Giving<'_>) -> Result<(), StoreError> {
    while let Some(document) = documents.next().await? {
        giving.give(Row::Document(number_at(&document, 0)?, row::document(&document)?)).await?;
    }
    Ok(())
}

/// The jobs of a branch, with their records, which come in the same order from a look of their own.
async fn dump_jobs(c: &Transaction<'_>, uid: BranchUid, giving: &mut Giving<'_>) -> Result<(), StoreError> {
    let jobs = format!("SELECT {JOB} FROM jobs j WHERE j.branch = $1 ORDER BY j.number");
    let mut jobs = Rows::of(c, &jobs, &[&integer(uid.0)]).await?;
    let records = "SELECT cursor, branch, number, body FROM happenings WHERE branch = $1 ORDER BY number, cursor";
    let mut records = Rows::of(c, records, &[&integer(uid.0)]).await?;
    let mut record = records.next().await?;
    while let Some(job) = jobs.next().await? {
        let key = JobKey { branch: uid, job: JobId::new(number_at(&job, 0)?) };
        let mut moved = MovedJob { key, job: row::job(&job, uid, 0)?, records: Vec::new() };
        while let Some(next) = &record
            && row::key(next, 1)? == key
        {
            let happening = row::happening(next)?;
            moved.records.push((happening.cursor, happening.record));
            record = records.next().await?;
        }
        giving.give(Row::Job(moved)).await?;
    }
    Ok(())
}

/// Whether nothing was left out because it belongs to nothing.
async fn is_all(c: &Transaction<'_>, given: &Giving<'_>) -> Result<(), StoreError> {
    let Giving { branches, jobs, records, documents, .. } = *given;
    let tables = [
        ("branches", "branches", branches),
        ("jobs", "jobs", jobs),
        ("records", "happenings", records),
        ("documents", "documents", documents),
    ];
    for (what, table, given) in tables {
        let counted = write::rows(c, &format!("SELECT COUNT(*) FROM {table}"), &[]).await?;
        let count: i64 = counted.first().map_or(Ok(0), |row| get(row, 0))?;
        if count != given {
            let reason = format!("there are {count} {what}, and {} of them belong to nothing", count - given);
            return Err(StoreError::damaged(reason));
        }
    }
    Ok(())
}

/// The columns that number their rows.
const NUMBERED: [(&str, &str); 3] = [("apps", "number"), ("branches", "uid"), ("documents", "number")];

/// The highest numbers that were ever given.
async fn numbers(c: &Transaction<'_>) -> Result<Last, StoreError> {
    let mut last = [0; 3];
    for (last, (table, column)) in last.iter_mut().zip(NUMBERED) {
        // A sequence that was never used says the first number, too.
        let query =
            format!("SELECT CASE WHEN is_called THEN last_value ELSE last_value - 1 END FROM {table}_{column}_seq");
        *last = write::rows(c, &query, &[]).await?.first().map_or(Ok(0), |row| number_at(row, 0))?;
    }
    let happening = write::rows(c, "SELECT last FROM feed", &[]).await?;
    let happening = happening.first().map(|row| number_at(row, 0));
    let happening = happening.ok_or_else(|| StoreError::damaged("the place of the last record is missing"))??;
    let [app, branch, document] = last;
    Ok(Last { app, branch, document, happening })
}

/// The next numbers follow these. Unlike `setval` it is undone with the transaction.
async fn set_numbers(c: &Transaction<'_>, last: Last) -> Result<(), StoreError> {
    let Last { app, branch, document, happening } = last;
    for ((table, column), last) in NUMBERED.into_iter().zip([app, branch, document]) {
        let next = integer(last).saturating_add(1);
        let restart = format!("ALTER TABLE {table} ALTER COLUMN {column} RESTART WITH {next}");
        c.batch_execute(&restart).await.map_err(undone)?;
    }
    write::execute(c, "UPDATE feed SET last = $1", &[&integer(happening)]).await.map(drop)
}

async fn load(c: &Transaction<'_>, loading: &mut Loading) -> Result<(), StoreError> {
    let mut branch: Option<StoredBranch> = None;
    let (mut jobs, mut blobs) = (Jobs::default(), Blobs::default());
    loop {
        let row = loading.next().await?;
        if !matches!(row, Row::Job(_)) {
            jobs.store(c).await?;
        }
        match row {
            Row::Secret(secret) => {
                let insert = "INSERT INTO secrets (name, bytes) VALUES ('signing', $1)";
                write::execute(c, insert, &[&&secret[..]]).await?;
            }
            Row::App(number, app) => load_app(c, number, &app).await?,
            Row::Document(number, document) => load_document(c, number, &document).await?,
            Row::Branch(next) => {
                load_branch(c, &next).await?;
                branch = Some(next);
            }
            Row::Job(moved) => {
                let of = branch.as_ref().filter(|branch| branch.uid == moved.key.branch);
                let missing = || StoreError::damaged(format!("branch {} is missing", moved.key.branch));
                jobs.push(of.ok_or_else(missing)?, &moved);
                if jobs.is_full() {
                    jobs.store(c).await?;
                }
            }
            Row::Blob(key, bytes) => {
                blobs.push(key, bytes);
                if blobs.is_full() {
                    blobs.store(c).await?;
                }
            }
            Row::Last(last) => {
                blobs.store(c).await?;
                return set_numbers(c, last).await;
            }
        }
    }
}

async fn load_app(c: &Transaction<'_>, number: u64, app: &App) -> Result<(), StoreError> {
    let insert =
        "INSERT INTO apps (number, id, version, created, body) OVERRIDING SYSTEM VALUE VALUES ($1, $2, $3, $4, $5)";
    let (version, created) = (integer(app.version), app.created.timestamp_millis());
    let values: Values<'_> = &[&integer(number), &app.id.as_str(), &version, &created, &codec::encode(app)];
    write::execute(c, insert, values).await.map(drop)
}

async fn load_document(c: &Transaction<'_>, number: u64, document: &Document) -> Result<(), StoreError> {
    let Document { kind, id, app, version, .. } = document;
    let app = app.as_ref().map(AppId::as_str);
    let insert = "INSERT INTO documents (number, kind, id, app, version, body) OVERRIDING SYSTEM VALUE
         VALUES ($1, $2, $3, $4, $5, $6)";
    let body = codec::encode(document);
    let values: Values<'_> = &[&integer(number), &kind.as_ref(), &id.as_bytes(), &app, &integer(*version), &body];
    write::execute(c, insert, values).await.map(drop)
}

async fn load_branch(c: &Transaction<'_>, stored: &StoredBranch) -> Result<(), StoreError> {
    let StoredBranch { uid, app, name, label, version, branch, branch_version, .. } = stored;
    let working = branch.working().map(|working| integer(working.job.get()));
    let insert = "INSERT INTO branches (uid, app, name, label, version, body, branch_version, branch, working)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
    let values: Values<'_> = &[
        &integer(uid.0),
        &app.as_str(),
        &name.as_str().as_bytes(),
        &label.as_bytes(),
        &integer(*version),
        &codec::encode(&BranchBody::of(stored)),
        &integer(*branch_version),
        &codec::encode(branch),
        &working,
    ];
    write::execute(c, insert, values).await.map(drop)
}

/// Jobs and their records, in columns.
#[derive(Default)]
struct Jobs {
    uids: Vec<i64>,
    numbers: Vec<i64>,
    apps: Vec<String>,
    seqs: Vec<i64>,
    births: Vec<Vec<u8>>,
    progresses: Vec<Vec<u8>>,
    contents: Vec<i64>,
    dues: Vec<Option<i64>>,
    waits: Vec<Option<i64>>,
    passables: Vec<bool>,
    runners: Vec<Option<Vec<u8>>>,
    leases: Vec<Option<i64>>,
    cursors: Vec<i64>,
    record_uids: Vec<i64>,
    record_numbers: Vec<i64>,
    bodies: Vec<Vec<u8>>,
    size: usize,
}

impl Jobs {
    const JOBS: &'static str = "INSERT INTO jobs
             (branch, number, app, seq, birth, progress, content, due, waits, passable, runner, lease)
         SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::text[], $4::bigint[], $5::bytea[], $6::bytea[], $7::bigint[],
                              $8::bigint[], $9::bigint[], $10::boolean[], $11::bytea[], $12::bigint[])";
    const RECORDS: &'static str = "INSERT INTO records (cursor, branch, number, body)
         SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bytea[])";

    fn push(&mut self, branch: &StoredBranch, moved: &MovedJob) {
        let MovedJob { key, job, records } = moved;
        let (uid, number) = (integer(key.branch.0), integer(key.job.get()));
        let JobColumns { due, waits, content, passable, .. } = JobColumns::of(job);
        // Whoever had it is no runner of this store's, so it is lost from the first moment.
        let is_in_hand = branch.branch.working().is_some_and(|working| working.job == key.job);
        self.uids.push(uid);
        self.numbers.push(number);
        self.apps.push(branch.app.as_str().to_owned());
        self.seqs.push(i64::from(job.seq()));
        self.births.push(codec::encode(job.birth()));
        self.progresses.push(codec::encode(job.progress()));
        self.contents.push(integer(content));
        self.dues.push(due);
        self.waits.push(waits);
        self.passables.push(passable);
        self.runners.push(is_in_hand.then(Vec::new));
        self.leases.push(is_in_hand.then_some(0));
        for (cursor, record) in records {
            self.cursors.push(integer(*cursor));
            self.record_uids.push(uid);
            self.record_numbers.push(number);
            self.bodies.push(codec::encode::<Record>(record));
        }
        let bodies = [self.births.last(), self.progresses.last()].into_iter().flatten();
        let bodies = bodies.chain(self.bodies.iter().rev().take(records.len()));
        self.size += bodies.map(Vec::len).sum::<usize>();
    }

    fn is_full(&self) -> bool {
        self.uids.len() >= 16 * GROUP || self.size >= GROUP_BYTES
    }

    async fn store(&mut self, c: &Transaction<'_>) -> Result<(), StoreError> {
        if self.uids.is_empty() {
            return Ok(());
        }
        let jobs: [&(dyn ToSql + Sync); 12] = [
            &self.uids,
            &self.numbers,
            &self.apps,
            &self.seqs,
            &self.births,
            &self.progresses,
            &self.contents,
            &self.dues,
            &self.waits,
            &self.passables,
            &self.runners,
            &self.leases,
        ];
        write::execute(c, Self::JOBS, &jobs).await?;
        let records: Values<'_> = &[&self.cursors, &self.record_uids, &self.record_numbers, &self.bodies];
        write::execute(c, Self::RECORDS, records).await?;
        *self = Self::default();
        Ok(())
    }
}

/// Small artifacts, in columns.
#[derive(Default)]
struct Blobs {
    keys: Vec<Vec<u8>>,
    values: Vec<Bytes>,
    size: usize,
}

impl Blobs {
    fn push(&mut self, key: String, bytes: Bytes) {
        self.size += bytes.len();
        self.keys.push(key.into_bytes());
        self.values.push(bytes);
    }

    fn is_full(&self) -> bool {
        self.keys.len() >= 16 * GROUP || self.size >= GROUP_BYTES
    }

    async fn store(&mut self, c: &Transaction<'_>) -> Result<(), StoreError> {
        let insert = "INSERT INTO blobs (key, bytes) SELECT * FROM unnest($1::bytea[], $2::bytea[])";
        let values: Vec<&[u8]> = self.values.iter().map(|bytes| &bytes[..]).collect();
        write::execute(c, insert, &[&self.keys, &values]).await?;
        *self = Self::default();
        Ok(())
    }
}
