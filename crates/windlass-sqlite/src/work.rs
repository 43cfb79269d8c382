//! What there is to do, and who gets it.

use rusqlite::{Connection, OptionalExtension as _, params};
use windlass::{EventKind, Job};
use windlass_store::{Candidate, Claiming, Claims, Executed, StoredBranch, Work};

use crate::read::{self, Seen};
use crate::row::{self, BRANCH, JOB, integer, number};
use crate::write::{self, Changed};

/// What there is to do.
pub(crate) fn work(c: &Connection, now: i64, limit: usize) -> rusqlite::Result<Work> {
    let working = c
        .prepare_cached("SELECT app, COUNT(*) FROM jobs WHERE lease > ?1 GROUP BY app ORDER BY app")?
        .query_map([now], |row| Ok((row::app_id(row, 0)?, number(row.get(1)?))))?
        .collect::<rusqlite::Result<_>>()?;
    let mut candidates = lost(c, now, limit)?;
    candidates.extend(waiting(c, limit)?);
    Ok(Work { working, candidates })
}

fn lost(c: &Connection, now: i64, limit: usize) -> rusqlite::Result<Vec<Candidate>> {
    let query = "SELECT j.app, j.branch, j.number, j.birth, j.progress FROM jobs j
         WHERE j.lease <= ?1 ORDER BY j.lease, j.branch, j.number";
    let mut lapsed = c.prepare_cached(query)?;
    let mut rows = lapsed.query([now])?;
    let mut lost = Vec::new();
    while lost.len() < limit
        && let Some(row) = rows.next()?
    {
        let candidate = row::candidate(row, 0, true)?;
        // One that is CANCELLING has nothing for another runner to take over.
        let job = row::job(row, candidate.key.branch, 2)?;
        if job.is_ok_and(|job| job.status().next(EventKind::Reclaimed).is_some()) {
            lost.push(candidate);
        }
    }
    Ok(lost)
}

/// Those that wait, app by app: else an app with many would hide the others.
fn waiting(c: &Connection, limit: usize) -> rusqlite::Result<Vec<Candidate>> {
    let mut next_app =
        c.prepare_cached("SELECT app FROM jobs WHERE waits IS NOT NULL AND app > ?1 ORDER BY app LIMIT 1")?;
    let mut of_app = c.prepare_cached(
        "SELECT j.app, j.branch, j.number, j.waits FROM jobs j JOIN branches b ON b.uid = j.branch
         WHERE j.app = ?1 AND j.waits IS NOT NULL AND b.working IS NULL ORDER BY j.waits, j.branch LIMIT ?2",
    )?;
    let mut waiting = Vec::new();
    let mut app = String::new();
    while let Some(next) = next_app.query_row([&app], |row| row.get(0)).optional()? {
        app = next;
        let found = of_app.query_map(params![app, integer(limit as u64)], |row| {
            Ok((row.get::<_, i64>(3)?, row::candidate(row, 0, false)?))
        })?;
        waiting.extend(found.collect::<rusqlite::Result<Vec<_>>>()?);
    }
    waiting.sort_by_key(|(since, candidate)| (*since, candidate.key));
    Ok(waiting.into_iter().map(|(_, candidate)| candidate).collect())
}

/// Gives a runner what there is to do.
pub(crate) fn claim(c: &Connection, claims: &Claims) -> Changed<Vec<Executed>> {
    let mut claiming = Claiming::new(claims, work(c, claims.now.timestamp_millis(), claims.look())?);
    while !claiming.is_done() {
        for candidate in &claiming.turn() {
            match load(c, candidate)? {
                Ok(found) => claiming.decide(candidate, found),
                // It is in nobody else's way.
                Err(error) => {
                    tracing::error!("cannot claim job {}: {error}", candidate.key);
                    claiming.pass_over(candidate);
                }
            }
        }
    }
    let mut claimed = Vec::new();
    for (append, executed) in claiming.end() {
        if write::append(c, &append)?.is_ok() {
            claimed.push(executed);
        }
    }
    Ok(Ok(claimed))
}

/// A candidate and its branch.
fn load(c: &Connection, candidate: &Candidate) -> Seen<Option<(StoredBranch, Job)>> {
    let query = format!(
        "SELECT {BRANCH}, {JOB} FROM jobs j JOIN branches b ON b.uid = j.branch WHERE j.branch = ?1 AND j.number = ?2"
    );
    let key = [integer(candidate.key.branch.0), integer(candidate.key.job.get())];
    let found = read::first(c, &query, key, row::branch_and_job)?;
    Ok(found.map(|found| found.and_then(|(branch, job)| Some((branch, job?)))))
}
