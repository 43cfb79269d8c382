//! The store for fleets: one PostgreSQL database that any number of processes share.
//!
//! All changes to jobs go through one writer in each process, which takes every change that waits into one transaction, in
//! one round trip; none is answered before its commit. Reads use a pool of connections, and each is one statement. Whoever
//! listens has a connection of its own, on which it hears of the changes of all processes.
//!
//! Times of *leases* are those of the database's clock: a caller's `until` and `now` only count by how far they are from that
//! caller's own clock at the call, so that processes whose clocks are apart agree on who has lost a job. Deadlines are part of
//! a job's history and reckoned in its own time.
//!
//! It holds no rules about jobs: what a status means is asked of the core.

mod connect;
mod count;
mod database;
mod listen;
mod moving;
mod read;
mod row;
mod store;
mod work;
mod write;
mod writer;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use refinery::error::Kind;
use thiserror::Error;
use tokio::sync::broadcast;
use tokio::task::JoinHandle;
use tokio_postgres::Client;
use windlass_store::{Clock, Commits, Notice, StoreError};

use connect::Server;
use database::Database;
use listen::{Ear, Instance};
use writer::Writer;

mod schema {
    refinery::embed_migrations!("migrations");
}

/// The oldest PostgreSQL that it is tested with.
const OLDEST: i32 = 150_000;

/// Names the lock under which one process at a time brings the tables to its version: "windlass", as a number.
const MIGRATIONS: i64 = 0x7769_6e64_6c61_7373;

/// A store in a PostgreSQL database.
pub struct PostgresStore {
    db: Database,
    writer: Writer,
    notices: broadcast::Sender<Notice>,
    clock: Arc<dyn Clock>,
    instance: Instance,
    listener: JoinHandle<()>,
}

impl fmt::Debug for PostgresStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresStore").finish_non_exhaustive()
    }
}

/// How a store uses its database.
#[derive(Clone)]
pub struct Options {
    /// How many connections it has at most, beside the one that listens.
    pub connections: usize,
    /// How long a call waits for one of them, and a new one may take to be made.
    pub wait: Duration,
    /// After how long the server ends a statement.
    pub statement_timeout: Duration,
    /// After how long the server ends one that waits for a lock.
    pub lock_timeout: Duration,
    /// After how long the server ends a connection on which a transaction was begun and nothing follows.
    pub idle_in_transaction_timeout: Duration,
    /// By which name the server knows the connections, unless the URL has another.
    pub application_name: String,
    /// The clock by which the callers in this process reckon the times that they give.
    pub clock: Arc<dyn Clock>,
    /// Where commits are counted, if they are.
    pub commits: Option<Commits>,
}

impl Options {
    /// What suits a server whose time comes from `clock`.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            connections: 8,
            wait: Duration::from_secs(5),
            statement_timeout: Duration::from_secs(30),
            lock_timeout: Duration::from_secs(10),
            idle_in_transaction_timeout: Duration::from_secs(60),
            application_name: "windlass".to_owned(),
            clock,
            commits: None,
        }
    }
}

/// A database cannot be opened as a store. No message holds the URL, which may hold a password.
#[derive(Debug, Error)]
pub enum OpenError {
    /// The URL is none, or asks for something that is not offered.
    #[error("the database URL: {0}")]
    Url(String),
    /// The certificates cannot be read.
    #[error("certificates for the database's TLS: {0}")]
    Certificates(String),
    /// It cannot be reached, or does not let us in.
    #[error("the database at {at}: {source}")]
    Connect {
        /// Host and name.
        at: String,
        /// What it says.
        source: tokio_postgres::Error,
    },
    /// It is set up in a way that would break a promise.
    #[error("the database at {at}: {reason}")]
    Unfit {
        /// Host and name.
        at: String,
        /// In which way.
        reason: String,
    },
    /// A newer version has changed its tables.
    #[error("the tables in {at} were made by a newer version of windlass (by its migration {migration}); use that one")]
    Newer {
        /// Host and name.
        at: String,
        /// The first migration that this version does not know.
        migration: String,
    },
    /// It cannot be brought to this version's tables.
    #[error("the tables in {at}: {source}")]
    Migration {
        /// Host and name.
        at: String,
        /// What is wrong.
        source: Box<refinery::Error>,
    },
}

impl PostgresStore {
    /// Opens the store in the database at `url`, and makes its tables where there are none.
    ///
    /// The URL is libpq's: `postgres://USER:PASSWORD@HOST:PORT/NAME?sslmode=…&sslrootcert=…`. `sslmode` is `disable`,
    /// `require` or `verify-full`. The latter two are the same and stricter than libpq's `require`: the server must prove by
    /// a certificate of the system's authorities, or of those in `sslrootcert`, that it is that host. Without `sslmode` it is
    /// `disable` for sockets and loopback addresses and `require` for all others.
    ///
    /// # Errors
    ///
    /// [`OpenError`], naming host and database.
    pub async fn open(url: &str, options: Options) -> Result<Self, OpenError> {
        let server = Server::new(url, &options)?;
        prepare(&server).await?;
        let db = Database { pool: server.pool(&options)?, commits: options.commits.clone() };
        let notices = broadcast::Sender::new(4096);
        let instance = Instance::new().map_err(|error| OpenError::Unfit { at: server.to_string(), reason: error })?;
        let ear = Ear::open(&server, notices.clone(), instance).await;
        let ear = ear.map_err(|source| OpenError::Connect { at: server.to_string(), source })?;
        Ok(Self {
            writer: Writer::start(db.clone()),
            listener: tokio::spawn(listen::listen(ear, server, notices.clone(), instance)),
            db,
            notices,
            clock: options.clock,
            instance,
        })
    }

    /// The time by the database's clock.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] where the database does not answer.
    pub async fn time(&self) -> Result<DateTime<Utc>, StoreError> {
        let now = read::first(&self.db.pool, "SELECT windlass_now()", &[], |row| row::get::<i64>(row, 0)).await?;
        let time = now.and_then(DateTime::from_timestamp_millis);
        time.ok_or_else(|| StoreError::damaged("the database's clock shows no time"))
    }

    /// How many milliseconds `time` is ahead of the caller's clock, which is how far ahead of the database's clock a lease
    /// counts.
    fn ahead(&self, time: DateTime<Utc>) -> i64 {
        (time - self.clock.now()).num_milliseconds()
    }
}

impl Drop for PostgresStore {
    fn drop(&mut self) {
        self.listener.abort();
    }
}

/// Brings the tables to this version's, one process at a time.
async fn prepare(server: &Server) -> Result<(), OpenError> {
    let connect = |source| OpenError::Connect { at: server.to_string(), source };
    let (mut client, connection) = server.connect().await.map_err(connect)?;
    let connection = tokio::spawn(connection);
    fit(server, &client).await?;
    // However long it takes, or takes the process that does it already, there is nothing to do without these tables.
    client.batch_execute("SET statement_timeout = 0; SET lock_timeout = 0").await.map_err(connect)?;
    alone(server, &client).await.map_err(connect)?;
    let migrated = schema::migrations::runner().run_async(&mut client).await;
    // The lock goes with the connection.
    drop(client);
    // Whatever it says, what was to be done with it is done.
    let _ = connection.await;
    migrated.map(drop).map_err(|error| migration(server, error))
}

/// Waits until no other process is at the tables.
async fn alone(server: &Server, client: &Client) -> Result<(), tokio_postgres::Error> {
    if client.query_one("SELECT pg_try_advisory_lock($1)", &[&MIGRATIONS]).await?.get(0) {
        return Ok(());
    }
    tracing::info!("another process brings the tables in {server} to its version; this one waits for it");
    client.execute("SELECT pg_advisory_lock($1)", &[&MIGRATIONS]).await.map(drop)
}

fn migration(server: &Server, error: refinery::Error) -> OpenError {
    let at = server.to_string();
    if let Kind::MissingVersion(missing) = error.kind() {
        return OpenError::Newer { at, migration: missing.to_string() };
    }
    OpenError::Migration { at, source: Box::new(error) }
}

async fn fit(server: &Server, client: &Client) -> Result<(), OpenError> {
    let settings = "SELECT current_setting('server_version_num')::int, current_setting('synchronous_commit'),
                    pg_is_in_recovery()";
    let row = client
        .query_one(settings, &[])
        .await
        .map_err(|source| OpenError::Connect { at: server.to_string(), source })?;
    let unfit = |reason: &str| Err(OpenError::Unfit { at: server.to_string(), reason: reason.to_owned() });
    if row.get::<_, i32>(0) < OLDEST {
        return unfit("it is older than PostgreSQL 15");
    }
    if row.get::<_, &str>(1) == "off" {
        return unfit("with synchronous_commit = off it would lose what it has acknowledged; set it to on");
    }
    if row.get(2) {
        return unfit("it is a standby, which cannot be written to");
    }
    Ok(())
}
