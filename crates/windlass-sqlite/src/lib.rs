//! The embedded store: one SQLite database in a directory that belongs to one process.
//!
//! All changes go through one writer thread, which takes every change that waits into one transaction,
//! so that many of them share one sync of the disk; none is answered before that. Readers have
//! connections of their own and see the last commit (`WAL`).
//!
//! It holds no rules about jobs: what a status means is asked of the core.

mod count;
mod lock;
mod moving;
mod read;
mod recent;
mod row;
mod store;
mod work;
mod write;
mod writer;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use refinery::error::Kind;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};
use thiserror::Error;
use tokio::sync::broadcast;
use windlass_store::{Commits, Notice};

use lock::Lock;
use read::Readers;
use recent::Recent;
use writer::Writer;

mod schema {
    refinery::embed_migrations!("migrations");
}

/// A store in a directory.
pub struct SqliteStore {
    readers: Arc<Readers>,
    /// Before the lock: the directory is let go once the writer has closed the database.
    writer: Writer,
    notices: broadcast::Sender<Notice>,
    /// None where another process may write.
    recent: Option<Arc<Recent>>,
    /// None for one that only reads.
    _lock: Option<Lock>,
}

/// A directory cannot be opened as a store.
#[derive(Debug, Error)]
pub enum OpenError {
    /// Another process has it.
    #[error("{} is in use by another windlass process; stop that one first, or choose another directory", .0.display())]
    InUse(PathBuf),
    /// The file system does not allow it.
    #[error("{}: {source}", path.display())]
    Io {
        /// The directory or the file.
        path: PathBuf,
        /// What the file system says.
        source: std::io::Error,
    },
    /// SQLite does not open it.
    #[error("the database in {}: {source}", path.display())]
    Database {
        /// The directory.
        path: PathBuf,
        /// What SQLite says.
        source: rusqlite::Error,
    },
    /// A newer version has changed its tables.
    #[error("the tables in {} were made by a newer version of windlass (by its migration {migration}); use that one", path.display())]
    Newer {
        /// The directory.
        path: PathBuf,
        /// The first migration that this version does not know.
        migration: String,
    },
    /// It cannot be brought to this version's tables.
    #[error("the tables in {}: {source}", path.display())]
    Migration {
        /// The directory.
        path: PathBuf,
        /// What is wrong.
        source: Box<refinery::Error>,
    },
}

impl SqliteStore {
    /// Opens the store in `directory`, and makes both where there are none.
    ///
    /// No other process can have it, so whoever held jobs here before is gone: their holds are over, and
    /// [`work`](windlass_store::Store::work) offers those jobs again at once.
    ///
    /// # Errors
    ///
    /// [`OpenError`], naming the path.
    pub fn open(directory: &Path) -> Result<Self, OpenError> {
        Self::open_with(directory, None)
    }

    /// The same, and counts the commits.
    ///
    /// # Errors
    ///
    /// Those of [`open`](Self::open).
    pub fn open_counted(directory: &Path, commits: Commits) -> Result<Self, OpenError> {
        Self::open_with(directory, Some(commits))
    }

    fn open_with(directory: &Path, commits: Option<Commits>) -> Result<Self, OpenError> {
        let io = |source| OpenError::Io { path: directory.to_owned(), source };
        std::fs::create_dir_all(directory).map_err(io)?;
        let lock = Lock::take(directory)?;

        let database = |source| OpenError::Database { path: directory.to_owned(), source };
        let path = directory.join("windlass.db");
        let mut connection = Connection::open(&path).map_err(database)?;
        prepare(&connection).map_err(database)?;
        schema::migrations::runner().run(&mut connection).map_err(|error| migration(directory, error))?;
        connection.execute("UPDATE jobs SET lease = 0 WHERE lease IS NOT NULL", []).map_err(database)?;

        let readers = Arc::new(Readers::new(path));
        // One now, so that a directory that cannot be read is found out here.
        readers.warm_up().map_err(database)?;
        Ok(Self {
            readers,
            writer: Writer::start(connection, commits),
            notices: broadcast::Sender::new(4096),
            recent: Some(Arc::default()),
            _lock: Some(lock),
        })
    }

    /// Opens the store in `directory` to be read, beside a process that has it or without one. Changes are refused as
    /// [`StoreError::Unavailable`](windlass_store::StoreError::Unavailable).
    ///
    /// # Errors
    ///
    /// [`OpenError`], naming the path.
    pub fn read(directory: &Path) -> Result<Self, OpenError> {
        let readers = Arc::new(Readers::new(directory.join("windlass.db")));
        readers.warm_up().map_err(|source| OpenError::Database { path: directory.to_owned(), source })?;
        Ok(Self { readers, writer: Writer::none(), notices: broadcast::Sender::new(1), recent: None, _lock: None })
    }
}

fn migration(directory: &Path, error: refinery::Error) -> OpenError {
    let path = directory.to_owned();
    if let Kind::MissingVersion(missing) = error.kind() {
        return OpenError::Newer { path, migration: missing.to_string() };
    }
    OpenError::Migration { path, source: Box::new(error) }
}

/// Sets a connection up for writing: every commit is on disk before it is answered.
fn prepare(connection: &Connection) -> rusqlite::Result<()> {
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    // On macOS an ordinary sync leaves the data in the disk's own cache.
    connection.pragma_update(None, "fullfsync", true)?;
    connection.pragma_update(None, "checkpoint_fullfsync", true)?;
    connection.pragma_update(None, "cache_size", -32_000)?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(())
}

/// Opens a connection for reading.
fn reader(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.pragma_update(None, "cache_size", -8_000)?;
    // A plan holds whatever is bound: else some are made anew for each value, which takes longer than the look itself.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    connection.set_prepared_statement_cache_capacity(32);
    Ok(connection)
}

#[cfg(test)]
mod tests;
