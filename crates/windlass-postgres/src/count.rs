//! How many there are of something, as far as anyone asked. Each look walks an index from its end and stops there.

use deadpool_postgres::Pool;
use windlass_store::{Counted, StoreError};

use crate::read::{self, Values};
use crate::row::{integer, number_at};

pub(crate) async fn count(pool: &Pool, what: Counted<'_>, most: u64) -> Result<u64, StoreError> {
    let limit = integer(most);
    match what {
        Counted::Apps => one(pool, "SELECT COUNT(*) FROM (SELECT 1 FROM apps LIMIT $1) counted", &[&limit]).await,
        Counted::AppsSince(time) => {
            let query = "WITH newest AS (SELECT number, created FROM apps ORDER BY number DESC LIMIT $1)
                 SELECT COUNT(*) FROM newest
                 WHERE number > COALESCE((SELECT MAX(number) FROM newest WHERE created <= $2), 0)";
            one(pool, query, &[&limit, &time.timestamp_millis()]).await
        }
        Counted::Branches(app) => {
            let query = "SELECT COUNT(*) FROM (SELECT 1 FROM branches WHERE app = $2 LIMIT $1) counted";
            one(pool, query, &[&limit, &app.as_str()]).await
        }
        Counted::Documents(kind, app) => {
            let query = "SELECT COUNT(*) FROM (SELECT 1 FROM documents WHERE app = $2 AND kind = $3 LIMIT $1) counted";
            one(pool, query, &[&limit, &app.as_str(), &kind.as_ref()]).await
        }
    }
}

async fn one(pool: &Pool, query: &str, values: Values<'_>) -> Result<u64, StoreError> {
    Ok(read::first(pool, query, values, |row| number_at(row, 0)).await?.unwrap_or_default())
}
