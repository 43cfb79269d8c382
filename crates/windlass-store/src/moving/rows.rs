//! What a store is made of, piece by piece.

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use tokio::sync::{mpsc, oneshot};
use windlass::{Job, Record};

use crate::{App, Document, JobKey, StoreError, StoredBranch};

/// A part of all that a store holds.
///
/// They come in this order: the secret, if there is one yet; each app by its number, followed by its documents by number and by
/// its branches by uid, each followed by its jobs by number; documents of no app; small artifacts by key; and what was given
/// out last, which is the end.
#[derive(Clone, Debug, PartialEq)]
pub enum Row {
    /// What URLs are signed and secrets sealed with.
    Secret([u8; 32]),
    /// An app, and its place in the order of their creation.
    App(u64, App),
    /// A document, and its place in the order of their creation.
    Document(u64, Document),
    /// A branch.
    Branch(StoredBranch),
    /// A job.
    Job(MovedJob),
    /// A small artifact, by its key.
    Blob(String, Bytes),
    /// The end.
    Last(Last),
}

/// A job and how it came about.
#[derive(Clone, Debug, PartialEq)]
pub struct MovedJob {
    /// Which.
    pub key: JobKey,
    /// As it is.
    pub job: Job,
    /// Its records, each with its place among everything that ever happened.
    pub records: Vec<(u64, Record)>,
}

/// The highest numbers that were ever given out, also to what is gone: the next are higher.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Last {
    /// The place of an app.
    pub app: u64,
    /// The uid of a branch.
    pub branch: u64,
    /// The place of a document.
    pub document: u64,
    /// The place of a record.
    pub happening: u64,
}

/// What a store takes in, for as long as it takes: where the rows come from, whom it shows what it has then, and whether it
/// keeps them. Each has a form for those who wait on a thread of their own.
#[derive(Debug)]
pub struct Loading {
    pub(super) rows: mpsc::Receiver<Row>,
    pub(super) back: mpsc::Sender<Row>,
    pub(super) verdict: oneshot::Receiver<()>,
}

/// How many rows wait for whoever takes them. One may have a megabyte.
pub(super) const WAITING: usize = 16;

impl Loading {
    /// What a store takes in, and the other ends: where rows are put in, where those that it has then come out, and what tells
    /// it to keep them.
    #[must_use]
    pub fn begin() -> (Self, mpsc::Sender<Row>, mpsc::Receiver<Row>, oneshot::Sender<()>) {
        let ((give, rows), (back, shown)) = (mpsc::channel(WAITING), mpsc::channel(WAITING));
        let (keep, verdict) = oneshot::channel();
        (Self { rows, back, verdict }, give, shown, keep)
    }

    /// The next row. None follows a [`Row::Last`].
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] where no more come although that was not the last.
    pub async fn next(&mut self) -> Result<Row, StoreError> {
        self.rows.recv().await.ok_or_else(broken_off)
    }

    /// The same.
    ///
    /// # Errors
    ///
    /// Those of [`next`](Self::next).
    pub fn blocking_next(&mut self) -> Result<Row, StoreError> {
        self.rows.blocking_recv().ok_or_else(broken_off)
    }

    /// Where what is there now is shown, after the last row was taken in.
    #[must_use]
    pub fn back(&self) -> mpsc::Sender<Row> {
        self.back.clone()
    }

    /// Waits, after everything was shown, whether it is kept.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] where it is not.
    pub async fn verdict(self) -> Result<(), StoreError> {
        let Self { rows: _, back, verdict } = self;
        drop(back);
        verdict.await.map_err(|_| broken_off())
    }

    /// The same.
    ///
    /// # Errors
    ///
    /// Those of [`verdict`](Self::verdict).
    pub fn blocking_verdict(self) -> Result<(), StoreError> {
        let Self { rows: _, back, verdict } = self;
        drop(back);
        verdict.blocking_recv().map_err(|_| broken_off())
    }
}

/// Whoever gave or took rows has given up.
pub(super) fn broken_off() -> StoreError {
    StoreError::unavailable("what was to be moved was broken off")
}
