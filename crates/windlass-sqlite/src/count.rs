//! How many there are of something, as far as anyone asked. Each look walks an index from its end and stops there.

use chrono::{DateTime, Utc};
use rusqlite::{Connection, params};
use windlass_store::{Counted, StoreError};

use crate::row::{self, integer, number};

pub(crate) fn count(c: &Connection, what: Counted<'_>, most: u64) -> rusqlite::Result<Result<u64, StoreError>> {
    let limit = integer(most);
    match what {
        Counted::Apps => rows(c, "SELECT COUNT(*) FROM (SELECT 1 FROM apps LIMIT ?1)", params![limit]),
        Counted::AppsSince(time) => return apps_since(c, time, most),
        Counted::Branches(app) => {
            let query = "SELECT COUNT(*) FROM (SELECT 1 FROM branches WHERE app = ?2 LIMIT ?1)";
            rows(c, query, params![limit, app.as_str()])
        }
        Counted::Documents(kind, app) => {
            let query = "SELECT COUNT(*) FROM (SELECT 1 FROM documents WHERE app = ?2 AND kind = ?3 LIMIT ?1)";
            rows(c, query, params![limit, app.as_str(), kind.as_ref()])
        }
    }
    .map(Ok)
}

fn rows(c: &Connection, query: &str, params: impl rusqlite::Params) -> rusqlite::Result<u64> {
    c.prepare_cached(query)?.query_row(params, |row| row.get(0)).map(number)
}

fn apps_since(c: &Connection, time: DateTime<Utc>, most: u64) -> rusqlite::Result<Result<u64, StoreError>> {
    let mut newest_first = c.prepare_cached("SELECT number, body FROM apps ORDER BY number DESC")?;
    let mut apps = newest_first.query([])?;
    let mut count = 0;
    while count < most
        && let Some(app) = apps.next()?
    {
        match row::app(app, 0)?.1 {
            Ok(app) if app.created > time => count += 1,
            Ok(_) => break,
            Err(error) => return Ok(Err(error)),
        }
    }
    Ok(Ok(count))
}
