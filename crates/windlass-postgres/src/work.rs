//! What there is to do, and who gets it.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use deadpool_postgres::Transaction;
use tokio_postgres::Row;
use windlass_store::{Candidate, Claiming, Claims, Executed, Notice, StoreError, Work};

use crate::row::{self, BRANCH, JOB, get, integer, number_at};
use crate::writer::{Arrays, Change};
use crate::{PostgresStore, read, write};

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
    let there_is = work(store, ahead, claims.look()).await?;
    if Claiming::new(claims, there_is).is_done() {
        return Ok(Vec::new());
    }
    let claimed = write::change(&store.db, async |c| {
        let alone = "SELECT * FROM windlass_work_alone($1, $2)";
        let there_is = write::rows(c, alone, &[&ahead, &integer(claims.look() as u64)]).await?;
        let mut claiming = Claiming::new(claims, read_work(&there_is)?);
        while !claiming.is_done() {
            let turn = claiming.turn();
            decide(c, &mut claiming, &turn, ahead).await?;
        }
        let decided = claiming.end().into_iter().map(|(append, executed)| (store.change(append), executed));
        let (changes, claimed): (Vec<_>, Vec<_>) = decided.unzip();
        let fits = append(c, &changes).await?;
        Ok(claimed.into_iter().zip(fits).filter_map(|(claimed, fits)| fits.then_some(claimed)).collect::<Vec<_>>())
    })
    .await?;
    for claimed in &claimed {
        // Nobody listening is fine.
        let _ = store.notices.send(Notice { key: claimed.key(), status: claimed.job.status() });
    }
    Ok(claimed)
}

/// Loads the jobs whose turn it is, and has it decided what becomes of them.
async fn decide(
    c: &Transaction<'_>,
    claiming: &mut Claiming<'_>,
    turn: &[Candidate],
    ahead: i64,
) -> Result<(), StoreError> {
    let branches: Vec<_> = turn.iter().map(|candidate| integer(candidate.key.branch.0)).collect();
    let numbers: Vec<_> = turn.iter().map(|candidate| integer(candidate.key.job.get())).collect();
    let mut found = BTreeMap::new();
    for row in write::rows(c, &LOCKED, &[&branches, &numbers, &ahead]).await? {
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

async fn append(c: &Transaction<'_>, changes: &[Change]) -> Result<Vec<bool>, StoreError> {
    let rows = write::rows(c, Arrays::STATEMENT, &Arrays::of(changes).values()).await?;
    match rows.first() {
        Some(row) => get(row, 0),
        None => Ok(Vec::new()),
    }
}
