//! Looks at what is committed. Each is one statement, which is a snapshot of its own.

use std::error::Error as _;
use std::time::Duration;

use deadpool_postgres::{Client, Pool, PoolError};
use tokio::time::sleep;
use tokio_postgres::Row;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::ToSql;
use windlass_store::{Page, StoreError};

use crate::row::{integer, number_at};

pub(crate) type Values<'a> = &'a [&'a (dyn ToSql + Sync)];

/// A connection that is alive as far as anyone knows: those found broken are thrown away here, and new ones made. A server
/// that cannot be reached, or starts, is asked again for some seconds.
pub(crate) async fn connection(pool: &Pool) -> Result<Client, StoreError> {
    let mut pauses = PAUSES.iter();
    loop {
        match (pool.get().await, pauses.next()) {
            (Err(PoolError::Backend(error)), Some(pause)) if is_passing(&error) => {
                sleep(Duration::from_millis(*pause)).await
            }
            (got, _) => return got.map_err(StoreError::unavailable),
        }
    }
}

/// Reads, over another connection where one breaks meanwhile: nothing is changed by asking twice.
pub(crate) async fn rows(pool: &Pool, query: &str, values: Values<'_>) -> Result<Vec<Row>, StoreError> {
    let mut pauses = PAUSES.iter();
    loop {
        let client = connection(pool).await?;
        let asked = async { client.query(&client.prepare_cached(query).await?, values).await };
        match (asked.await, pauses.next()) {
            (Err(error), Some(pause)) if is_passing(&error) => sleep(Duration::from_millis(*pause)).await,
            (read, _) => return read.map_err(StoreError::unavailable),
        }
    }
}

/// How many milliseconds are waited before each further try: a database that is restarted is back by the last.
const PAUSES: [u64; 7] = [10, 50, 100, 300, 600, 1500, 2500];

/// Whether an error is that of a connection which broke or was not made, or of a server that stops or starts, and not of what
/// was asked.
fn is_passing(error: &tokio_postgres::Error) -> bool {
    const ENDING: [SqlState; 3] = [SqlState::ADMIN_SHUTDOWN, SqlState::CRASH_SHUTDOWN, SqlState::CANNOT_CONNECT_NOW];
    let of_connection =
        || error.is_closed() || error.source().is_some_and(<dyn std::error::Error>::is::<std::io::Error>);
    error.code().map_or_else(of_connection, |code| ENDING.contains(code))
}

/// The first row, if there is one.
pub(crate) async fn first<T>(
    pool: &Pool,
    query: &str,
    values: Values<'_>,
    read: impl FnOnce(&Row) -> Result<T, StoreError>,
) -> Result<Option<T>, StoreError> {
    rows(pool, query, values).await?.first().map(read).transpose()
}

pub(crate) async fn all<T>(
    pool: &Pool,
    query: &str,
    values: Values<'_>,
    read: impl FnMut(&Row) -> Result<T, StoreError>,
) -> Result<Vec<T>, StoreError> {
    rows(pool, query, values).await?.iter().map(read).collect()
}

/// One page of rows, whose first column is the cursor, and of which one more was asked for to see whether another page
/// follows.
pub(crate) async fn page<T>(
    pool: &Pool,
    query: &str,
    values: Values<'_>,
    limit: usize,
    read: impl FnMut(&Row) -> Result<T, StoreError>,
) -> Result<Page<T>, StoreError> {
    let mut rows = rows(pool, query, values).await?;
    let more = rows.len() > limit;
    rows.truncate(limit);
    let next = match rows.last() {
        Some(last) if more => Some(number_at(last, 0)?),
        Some(_) | None => None,
    };
    Ok(Page { items: rows.iter().map(read).collect::<Result<_, _>>()?, next })
}

pub(crate) fn limit_and_one(limit: usize) -> i64 {
    integer(limit as u64).saturating_add(1)
}
