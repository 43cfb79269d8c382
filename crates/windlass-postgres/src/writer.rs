//! The one writer of a process: takes every change to jobs that waits into one transaction, in one round trip.
//!
//! A connection may break after a commit was sent and before its answer comes. What became of it is then unknown, and the
//! answer is [`StoreError::Unavailable`]; nothing is sent twice. Whoever sends the command again loads the job again, and
//! finds it done or not.

use std::collections::VecDeque;

use tokio::sync::{mpsc, oneshot};
use tokio_postgres::error::SqlState;
use tokio_postgres::types::ToSql;
use windlass_store::{Append, JobColumns, Lease, StoreError, codec};

use crate::database::Database;
use crate::read;
use crate::row::integer;

/// How many changes share a commit at most. More only delays the first of them.
const GROUP: usize = 256;

/// After how many bytes of artifacts a group is full.
const GROUP_BYTES: usize = 8 << 20;

/// A change to a job.
pub(crate) struct Change {
    pub(crate) append: Append,
    /// How long the hold lasts that comes with it, in milliseconds from when it is stored.
    pub(crate) length: Option<i64>,
    /// Its news, for the other processes.
    pub(crate) notice: String,
}

struct Waiting {
    change: Change,
    answer: oneshot::Sender<Result<(), StoreError>>,
}

/// The end of the queue. When it is dropped, what waits is written still.
pub(crate) struct Writer {
    queue: mpsc::Sender<Waiting>,
}

impl Writer {
    pub(crate) fn start(db: Database) -> Self {
        let (queue, changes) = mpsc::channel(4096);
        tokio::spawn(write_groups(db, changes));
        Self { queue }
    }

    /// Stores a change with others, and answers once that is durable.
    pub(crate) async fn write(&self, change: Change) -> Result<(), StoreError> {
        let (answer, answered) = oneshot::channel();
        let gone = || StoreError::unavailable("the database has no writer");
        self.queue.send(Waiting { change, answer }).await.map_err(|_| gone())?;
        answered.await.map_err(|_| gone())?
    }
}

async fn write_groups(db: Database, mut changes: mpsc::Receiver<Waiting>) {
    let mut waiting = VecDeque::new();
    let mut arrived = Vec::new();
    loop {
        if waiting.is_empty() && changes.recv_many(&mut arrived, GROUP).await == 0 {
            return;
        }
        while arrived.len() + waiting.len() < GROUP
            && let Ok(more) = changes.try_recv()
        {
            arrived.push(more);
        }
        waiting.extend(arrived.drain(..));
        write_group(&db, group(&mut waiting)).await;
    }
}

/// Those in front that fit into one commit, by branch. Of two of one branch only the first can fit, and whoever has sent the
/// second is told so with it: most likely both were decided on the same job.
fn group(waiting: &mut VecDeque<Waiting>) -> Vec<Waiting> {
    let mut bytes = 0;
    let fit = waiting.iter().take(GROUP).take_while(|next| {
        let before = bytes;
        bytes += next.change.append.blobs.iter().map(|(_, bytes)| bytes.len()).sum::<usize>();
        before == 0 || bytes <= GROUP_BYTES
    });
    let count = fit.count();
    let mut group: Vec<_> = waiting.drain(..count).collect();
    // Everyone locks branches in this order, so that no two wait for each other; changes to one stay in theirs.
    group.sort_by_key(|waiting| waiting.change.append.key.branch);
    group
}

async fn write_group(db: &Database, group: Vec<Waiting>) {
    let (changes, answers): (Vec<_>, Vec<_>) = group.into_iter().map(|next| (next.change, next.answer)).unzip();
    let stored = store(db, &changes).await;
    match stored {
        Ok(fits) => {
            for (answer, fits) in answers.into_iter().zip(fits) {
                // Whoever asked may have gone.
                let _ = answer.send(if fits { Ok(()) } else { Err(StoreError::Conflict) });
            }
        }
        // Nothing of it is stored, and one of them may be to blame for all.
        Err(Failed::Undone(_)) if changes.len() > 1 => {
            for (change, answer) in changes.iter().zip(answers) {
                let stored = store(db, std::slice::from_ref(change)).await;
                let fits = stored.map(|fits| fits.first().copied().unwrap_or(false)).map_err(Failed::into_error);
                let _ = answer.send(fits.and_then(|fits| if fits { Ok(()) } else { Err(StoreError::Conflict) }));
            }
        }
        Err(failed) => {
            let error = failed.into_error();
            for answer in answers {
                let _ = answer.send(Err(match &error {
                    StoreError::Conflict => StoreError::Conflict,
                    other @ (StoreError::Exists | StoreError::Unavailable { .. } | StoreError::Damaged { .. }) => {
                        StoreError::unavailable(other.to_string())
                    }
                }));
            }
        }
    }
}

/// Why a group was not stored, as far as is known.
enum Failed {
    /// The server refused it, and has undone all of it.
    Undone(tokio_postgres::Error),
    /// Nobody knows.
    Lost(StoreError),
}

impl Failed {
    fn of(error: tokio_postgres::Error) -> Self {
        match error.as_db_error() {
            Some(_) => Self::Undone(error),
            None => Self::Lost(StoreError::unavailable(error)),
        }
    }

    fn into_error(self) -> StoreError {
        match self {
            Self::Undone(error) => undone(error),
            Self::Lost(error) => error,
        }
    }
}

/// What a refusal of the server's means. Of two that waited for each other it has ended one, which loads again.
pub(crate) fn undone(error: tokio_postgres::Error) -> StoreError {
    match error.code() {
        Some(code) if *code == SqlState::T_R_DEADLOCK_DETECTED || *code == SqlState::T_R_SERIALIZATION_FAILURE => {
            StoreError::Conflict
        }
        Some(_) | None => StoreError::unavailable(error),
    }
}

/// Stores a group in one statement, which is a transaction of its own, and answers which of them fitted.
async fn store(db: &Database, changes: &[Change]) -> Result<Vec<bool>, Failed> {
    let client = read::connection(&db.pool).await.map_err(Failed::Lost)?;
    let arrays = Arrays::of(changes);
    let statement = client.prepare_cached(Arrays::STATEMENT).await.map_err(Failed::of)?;
    // It returns after the server has said that it is ready for the next, which it says after the commit.
    let rows = db.counted(changes.len(), client.query(&statement, &arrays.values())).await.map_err(Failed::of)?;
    let fits = rows.first().map(|row| row.try_get(0)).transpose().map_err(Failed::of)?;
    Ok(fits.unwrap_or_default())
}

/// A group, as `windlass_append` takes it.
#[derive(Default)]
pub(crate) struct Arrays<'a> {
    uids: Vec<i64>,
    numbers: Vec<i64>,
    apps: Vec<&'a str>,
    expected: Vec<i64>,
    seqs: Vec<i64>,
    births: Vec<Option<Vec<u8>>>,
    progresses: Vec<Vec<u8>>,
    contents: Vec<i64>,
    dues: Vec<Option<i64>>,
    waits: Vec<Option<i64>>,
    passables: Vec<bool>,
    ended: Vec<bool>,
    versions: Vec<Option<i64>>,
    afters: Vec<Option<Vec<u8>>>,
    workings: Vec<Option<i64>>,
    runners: Vec<Option<&'a [u8]>>,
    lengths: Vec<Option<i64>>,
    record_items: Vec<i32>,
    record_bodies: Vec<Vec<u8>>,
    blob_items: Vec<i32>,
    blob_keys: Vec<&'a [u8]>,
    blob_bytes: Vec<&'a [u8]>,
    notices: Vec<&'a str>,
}

impl<'a> Arrays<'a> {
    pub(crate) const STATEMENT: &'static str = "SELECT windlass_append($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, \
        $15, $16, $17, $18, $19, $20, $21, $22, $23)";

    pub(crate) fn of(changes: &'a [Change]) -> Self {
        let mut arrays = Self::default();
        for (change, item) in changes.iter().zip(1..) {
            arrays.push(change, item);
        }
        arrays
    }

    fn push(&mut self, change: &'a Change, item: i32) {
        let Change { append, length, notice } = change;
        let Append { app, key, expected_seq, records, job, branch, lease, blobs } = append;
        let JobColumns { due, waits, content, passable, ended } = JobColumns::of(job);
        self.uids.push(integer(key.branch.0));
        self.numbers.push(integer(key.job.get()));
        self.apps.push(app.as_str());
        self.expected.push(i64::from(*expected_seq));
        self.seqs.push(i64::from(job.seq()));
        self.births.push((*expected_seq == 0).then(|| codec::encode(job.birth())));
        self.progresses.push(codec::encode(job.progress()));
        self.contents.push(integer(content));
        self.dues.push(due);
        self.waits.push(waits);
        self.passables.push(passable);
        self.ended.push(ended);
        let (version, after) = branch.as_ref().map(|(version, after)| (*version, after)).unzip();
        self.versions.push(version.map(integer));
        self.afters.push(after.map(codec::encode));
        self.workings.push(after.and_then(|after| Some(integer(after.working()?.job.get()))));
        self.runners.push(lease.as_ref().map(|Lease { runner, .. }| runner.0.as_bytes()));
        self.lengths.push(*length);
        self.notices.push(notice);
        for record in records {
            self.record_items.push(item);
            self.record_bodies.push(codec::encode(record));
        }
        for (key, bytes) in blobs {
            self.blob_items.push(item);
            self.blob_keys.push(key.as_bytes());
            self.blob_bytes.push(bytes);
        }
    }

    pub(crate) fn values(&self) -> [&(dyn ToSql + Sync); 23] {
        [
            &self.uids,
            &self.numbers,
            &self.apps,
            &self.expected,
            &self.seqs,
            &self.births,
            &self.progresses,
            &self.contents,
            &self.dues,
            &self.waits,
            &self.passables,
            &self.ended,
            &self.versions,
            &self.afters,
            &self.workings,
            &self.runners,
            &self.lengths,
            &self.record_items,
            &self.record_bodies,
            &self.blob_items,
            &self.blob_keys,
            &self.blob_bytes,
            &self.notices,
        ]
    }
}
