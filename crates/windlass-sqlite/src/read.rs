//! Readers: connections of their own beside the writer, each lent to one look at a time.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use rusqlite::{Connection, OptionalExtension as _, Row};
use windlass_store::{Page, StoreError};

use crate::row::integer;

/// SQLite's own error, or what is wrong with what is stored.
pub(crate) type Seen<T> = rusqlite::Result<Result<T, StoreError>>;

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
    pub(crate) fn look<T>(&self, look: impl FnOnce(&Connection) -> Seen<T>) -> Result<T, StoreError> {
        self.ask(|connection| in_one_snapshot(connection, look))
    }

    /// Looks at the last commit with one query, which is a snapshot of its own.
    ///
    /// A look is a few rows by key, microseconds from the page cache, so it is not worth another thread.
    pub(crate) fn ask<T>(&self, query: impl FnOnce(&Connection) -> Seen<T>) -> Result<T, StoreError> {
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

/// The first row, if there is one.
pub(crate) fn first<T>(
    c: &Connection,
    query: &str,
    params: impl rusqlite::Params,
    read: impl FnOnce(&Row<'_>) -> Seen<T>,
) -> Seen<Option<T>> {
    let found = c.prepare_cached(query)?.query_row(params, read).optional()?;
    Ok(found.transpose())
}

/// One page of rows, of which one more was asked for to see whether another page follows.
pub(crate) fn page<T>(
    c: &Connection,
    query: &str,
    params: impl rusqlite::Params,
    limit: usize,
    read: impl Fn(&Row<'_>) -> rusqlite::Result<(u64, Result<T, StoreError>)>,
) -> Seen<Page<T>> {
    let mut rows = c.prepare_cached(query)?;
    let mut found = rows.query_map(params, read)?.collect::<rusqlite::Result<Vec<_>>>()?;
    let more = found.len() > limit;
    found.truncate(limit);
    let next = if more { found.last().map(|(cursor, _)| *cursor) } else { None };
    let items = found.into_iter().map(|(_, item)| item).collect::<Result<_, _>>();
    Ok(items.map(|items| Page { items, next }))
}

pub(crate) fn limit_and_one(limit: usize) -> i64 {
    integer(limit as u64).saturating_add(1)
}

pub(crate) fn texts(c: &Connection, query: &str, params: impl rusqlite::Params) -> Seen<Vec<String>> {
    let mut rows = c.prepare_cached(query)?;
    rows.query_map(params, |row| row.get(0))?.collect::<rusqlite::Result<_>>().map(Ok)
}
