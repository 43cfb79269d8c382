//! Readers: connections of their own beside the writer, each lent to one look at a time.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use rusqlite::Connection;
use windlass_store::StoreError;

/// How many idle connections are kept. Each holds a few file descriptors and up to 8 MB of pages.
const IDLE_MAX: usize = 16;

/// Idle reading connections.
pub(crate) struct Readers {
    path: PathBuf,
    idle: Mutex<Vec<Connection>>,
}

impl Readers {
    pub(crate) fn new(path: PathBuf) -> Self {
        Self { path, idle: Mutex::default() }
    }

    pub(crate) fn warm_up(&self) -> rusqlite::Result<()> {
        let connection = self.take()?;
        self.put_back(connection);
        Ok(())
    }

    /// Looks at the last commit with several queries, which all see the same one.
    pub(crate) fn look<T>(
        &self,
        look: impl FnOnce(&Connection) -> rusqlite::Result<Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        self.ask(|connection| in_one_snapshot(connection, look))
    }

    /// Looks at the last commit with one query, which is a snapshot of its own.
    ///
    /// A look is a few rows by key, microseconds from the page cache, so it is not worth another thread.
    pub(crate) fn ask<T>(
        &self,
        query: impl FnOnce(&Connection) -> rusqlite::Result<Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let connection = self.take().map_err(StoreError::unavailable)?;
        let seen = query(&connection);
        self.put_back(connection);
        seen.map_err(StoreError::unavailable)?
    }

    fn take(&self) -> rusqlite::Result<Connection> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        idle.map_or_else(|| crate::reader(&self.path), Ok)
    }

    pub(crate) fn put_back(&self, connection: Connection) {
        // One that a failed look left inside a transaction would show an old commit for ever.
        if connection.is_autocommit() {
            let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
            if idle.len() < IDLE_MAX {
                idle.push(connection);
            }
        }
    }
}

fn in_one_snapshot<T>(
    connection: &Connection,
    look: impl FnOnce(&Connection) -> rusqlite::Result<T>,
) -> rusqlite::Result<T> {
    connection.prepare_cached("BEGIN")?.execute([])?;
    let seen = look(connection);
    connection.prepare_cached("COMMIT")?.execute([])?;
    seen
}
