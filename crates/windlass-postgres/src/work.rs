//! What there is to do, and who gets it.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use deadpool_postgres::Client;
use futures_util::future::join;
use tokio_postgres::Row;
use windlass_store::{Candidate, Claiming, Claims, Executed, Notice, StoreError, Work};

use crate::PostgresStore;
use crate::database::Database;
use crate::read::{self, Values};
use crate::row::{self, BRANCH, JOB, get, integer, number_at};
use crate::writer::{Arrays, Change, undone};

/// Candidates with their branches, locked, but for those that another transaction is changing, or whose runner has renewed
/// its hold since.
static LOCKED: LazyLock<String> = LazyLock::new(|| {
    format!(
        "SELECT {BRANCH}, {JOB} FROM unnest($1::bigint[], $2::bigint[]) AS c (branch, number)
         JOIN branches b ON b.uid = c.branch JOIN jobs j ON j.branch = c.branch AND j.number = c.number
         WHERE j.lease IS NULL OR j.lease <= windlass_now() + $3
         ORDER BY b.uid FOR UPDATE OF b, j SKIP LOCKED"
    )
});

/// What there is to do, as of `ahead` milliseconds from now.
pub(crate) async fn work(store: &PostgresStore, ahead: i64, limit: usize) -> Result<Work, StoreError> {
    let query = "SELECT * FROM windlass_work($1, $2)";
    read_work(&read::rows(&store.db.pool, query, &[&ahead, &integer(limit as u64)]).await?)
}

fn read_work(rows: &[Row]) -> Result<Work, StoreError> {
    let mut work = Work::default();
    for row in rows {
        match get::<i32>(row, 0)? {
            0 => work.working.push((row::app_id(row, 2)?, number_at(row, 1)?)),
            part => work.candidates.push(row::candidate(row, 2, part == 1)?),
        }
    }
    work.working.sort_unstable();
    Ok(work)
}

/// Gives a runner what there is to do.
pub(crate) async fn claim(store: &PostgresStore, claims: &Claims) -> Result<Vec<Executed>, StoreError> {
    let ahead = store.ahead(claims.now);
    // Most looks find nothing, and keep nobody waiting.
    let may = "SELECT windlass_may_claim($1, $2)";
    let may = read::first(&store.db.pool, may, &[&ahead, &integer(claims.concurrent)], |row| get(row, 0)).await?;
    if may != Some(true) {
        return Ok(Vec::new());
    }
    let (alone, there_is) = Alone::begin(&store.db, ahead, claims.look()).await?;
    let mut claiming = Claiming::new(claims, there_is);
    while !claiming.is_done() {
        let turn = claiming.turn();
        alone.decide(&mut claiming, &turn, ahead).await?;
    }
    let decided = claiming.end().into_iter().map(|(append, executed)| (store.change(append), executed));
    let (changes, claimed): (Vec<_>, Vec<_>) = decided.unzip();
    let fits = alone.end(&store.db, &changes).await?;
    let claimed: Vec<_> = claimed.into_iter().zip(fits).filter_map(|(claimed, fits)| fits.then_some(claimed)).collect();
    for claimed in &claimed {
        // Nobody listening is fine.
        let _ = store.notices.send(Notice { key: claimed.key(), status: claimed.job.status() });
    }
    Ok(claimed)
}

/// A transaction in which nobody else decides on claims. Since everyone waits for its end, what can be is sent together.
struct Alone {
    /// None once it has ended. Before that a connection is closed where this is let go of, and the transaction undone with it.
    client: Option<Client>,
}

impl Drop for Alone {
    fn drop(&mut self) {
        if let Some(client) = self.client.take() {
            drop(Client::take(client));
        }
    }
}

impl Alone {
    /// Begins once nobody else decides, and answers what there is to do then.
    async fn begin(db: &Database, ahead: i64, limit: usize) -> Result<(Self, Work), StoreError> {
        let client = read::connection(&db.pool).await?;
        let look = client.prepare_cached("SELECT * FROM windlass_work_alone($1, $2)").await.map_err(undone)?;
        let (alone, limit) = (Self { client: Some(client) }, integer(limit as u64));
        let values: Values<'_> = &[&ahead, &limit];
        let (begun, there_is) =
            join(alone.client()?.batch_execute("BEGIN"), alone.client()?.query(&look, values)).await;
        begun.map_err(undone)?;
        Ok((alone, read_work(&there_is.map_err(undone)?)?))
    }

    fn client(&self) -> Result<&Client, StoreError> {
        self.client.as_ref().ok_or_else(|| StoreError::unavailable("a transaction has ended"))
    }

    async fn rows(&self, query: &str, values: Values<'_>) -> Result<Vec<Row>, StoreError> {
        let client = self.client()?;
        let statement = client.prepare_cached(query).await.map_err(undone)?;
        client.query(&statement, values).await.map_err(undone)
    }

    /// Loads the jobs whose turn it is, and has it decided what becomes of them.
    async fn decide(&self, claiming: &mut Claiming<'_>, turn: &[Candidate], ahead: i64) -> Result<(), StoreError> {
        let branches: Vec<_> = turn.iter().map(|candidate| integer(candidate.key.branch.0)).collect();
        let numbers: Vec<_> = turn.iter().map(|candidate| integer(candidate.key.job.get())).collect();
        let mut found = BTreeMap::new();
        for row in self.rows(&LOCKED, &[&branches, &numbers, &ahead]).await? {
            found.insert(row::key_of_both(&row)?, row::branch_and_job(&row));
        }
        for candidate in turn {
            match found.remove(&candidate.key).transpose() {
                Ok(found) => claiming.decide(candidate, found.and_then(|(branch, job)| Some((branch, job?)))),
                // It is in nobody else's way.
                Err(error) => {
                    tracing::error!("cannot claim job {}: {error}", candidate.key);
                    claiming.pass_over(candidate);
                }
            }
        }
        Ok(())
    }

    /// Ends with these changes stored, and answers which of them fitted.
    async fn end(mut self, db: &Database, changes: &[Change]) -> Result<Vec<bool>, StoreError> {
        let client = self.client()?;
        if changes.is_empty() {
            client.batch_execute("COMMIT").await.map_err(undone)?;
            self.client = None;
            return Ok(Vec::new());
        }
        let append = client.prepare_cached(Arrays::STATEMENT).await.map_err(undone)?;
        let arrays = Arrays::of(changes);
        let values = arrays.values();
        // Where the first fails, the second undoes it.
        let both = async {
            let (appended, committed) = join(client.query(&append, &values), client.batch_execute("COMMIT")).await;
            let appended = appended?;
            committed.map(|()| appended)
        };
        let appended = db.counted(changes.len(), both).await.map_err(undone)?;
        self.client = None;
        appended.first().map_or_else(|| Ok(Vec::new()), |row| get(row, 0))
    }
}
