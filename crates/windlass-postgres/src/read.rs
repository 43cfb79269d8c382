//! Looks at what is committed. Each is one statement, which is a snapshot of its own.

use deadpool_postgres::{Client, Pool};
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;
use windlass_store::{Page, StoreError};

use crate::row::{integer, number_at};

pub(crate) type Values<'a> = &'a [&'a (dyn ToSql + Sync)];

/// A connection that is alive as far as anyone knows: those found broken are thrown away here, and new ones made.
pub(crate) async fn connection(pool: &Pool) -> Result<Client, StoreError> {
    pool.get().await.map_err(StoreError::unavailable)
}

pub(crate) async fn rows(pool: &Pool, query: &str, values: Values<'_>) -> Result<Vec<Row>, StoreError> {
    let client = connection(pool).await?;
    let statement = client.prepare_cached(query).await.map_err(StoreError::unavailable)?;
    client.query(&statement, values).await.map_err(StoreError::unavailable)
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
