//! Moving: everything that one store holds, taken out of it and put into another, whatever the two are made of.
//!
//! A store gives itself as [rows](Row), all of one moment, and takes rows in, all or none. Between the two lies a
//! [file](export), or nothing. Whoever moves checks what passes: a job is what its history makes of it, a branch is what its
//! jobs make of it, and what a store gives back after it has taken rows in is, to the byte, what it was given.
//!
//! Uids, numbers, versions and places in what happened stay as they are. Holds on jobs do not move: whoever has one is a
//! process of the old store, so its jobs count as lost and are claimed again.

mod check;
mod file;
mod read;
mod rows;
mod transfer;

pub use check::{Check, Sum};
pub use rows::{Last, Loading, MovedJob, Row};
pub use transfer::{ExportError, ImportError, Missing, Moved, export, import};

use async_trait::async_trait;
use tokio::sync::mpsc;

use crate::StoreError;

/// A store that can be moved.
#[async_trait]
pub trait Movable: Send + Sync + 'static {
    /// Everything it holds at one moment, in the order of [`Row`], however long it takes to give it.
    ///
    /// # Errors
    ///
    /// Those of [`Store`](crate::Store); [`StoreError::Damaged`] also where something belongs to nothing, and
    /// [`StoreError::Unavailable`] where nobody takes the rows any more.
    async fn dump(&self, rows: mpsc::Sender<Row>) -> Result<(), StoreError>;

    /// Takes everything in, shows what it has then, and keeps it once told to. Until then nobody else sees any of it, and
    /// nothing of it stays if the process is killed.
    ///
    /// # Errors
    ///
    /// Those of [`Store`](crate::Store); [`StoreError::Exists`] where it has been used before, and [`StoreError::Unavailable`] where it is
    /// not told to keep what it took in. Nothing is kept then.
    async fn load(&self, loading: Loading) -> Result<(), StoreError>;
}
