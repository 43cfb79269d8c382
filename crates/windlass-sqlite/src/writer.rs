//! The one writer: takes every change that waits into one transaction.

use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};
use std::thread::{self, JoinHandle};

use rusqlite::Connection;
use rusqlite::hooks::Wal;
use tokio::sync::{mpsc, oneshot};
use windlass_store::{Commits, StoreError};

/// How many changes share a commit at most. More only delays the first of them.
const GROUP: usize = 512;

/// What becomes of a change once its transaction has ended.
type Answer = Box<dyn FnOnce(Result<(), Arc<rusqlite::Error>>) + Send>;

/// A change: it looks whether it still fits, writes, and leaves its answer for after the commit. An error
/// of SQLite's undoes the whole group; the changes after it get no connection and only leave their answers.
type Change = Box<dyn FnOnce(Option<&Connection>) -> (Answer, rusqlite::Result<()>) + Send>;

/// The writer's end of the queue. When it is dropped, what waits is written and the database is closed.
pub(crate) struct Writer {
    queue: mpsc::Sender<Change>,
    /// After the queue: the thread ends when that is gone.
    _thread: Thread,
}

/// A thread whose end is waited for, so that whoever opens the directory next finds nobody at work.
struct Thread(Option<JoinHandle<()>>);

impl Drop for Thread {
    fn drop(&mut self) {
        if let Some(thread) = self.0.take() {
            // If it has panicked, all who waited for it have been told.
            let _ = thread.join();
        }
    }
}

impl Writer {
    pub(crate) fn start(connection: Connection, commits: Option<Commits>) -> Self {
        let (queue, changes) = mpsc::channel(4096);
        let thread = thread::spawn(move || write_groups(connection, changes, commits.as_ref()));
        Self { queue, _thread: Thread(Some(thread)) }
    }

    /// No writer: every change is refused.
    pub(crate) fn none() -> Self {
        Self { queue: mpsc::channel(1).0, _thread: Thread(None) }
    }

    /// Runs `change` in the next transaction and answers once that is durable. The inner error is the
    /// change's own: it has written nothing then.
    pub(crate) async fn write<T, F>(&self, change: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> rusqlite::Result<Result<T, StoreError>> + Send + 'static,
    {
        self.write_then(change, |_| {}).await
    }

    /// The same, and calls `then` with the answer after the transaction and before anyone is told of it, whether or not
    /// whoever asked still waits.
    pub(crate) async fn write_then<T, F>(
        &self,
        change: F,
        then: impl FnOnce(&Result<T, StoreError>) + Send + 'static,
    ) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> rusqlite::Result<Result<T, StoreError>> + Send + 'static,
    {
        let (sender, receiver) = oneshot::channel();
        let change: Change = Box::new(move |connection| {
            let answer = |done: Result<T, StoreError>| -> Answer {
                Box::new(move |committed| {
                    then(&done);
                    let done = match committed {
                        Ok(()) => done,
                        Err(error) => Err(StoreError::unavailable(error)),
                    };
                    // Whoever asked may have gone.
                    let _ = sender.send(done);
                })
            };
            match connection.map(change) {
                Some(Ok(done)) => (answer(done), Ok(())),
                Some(Err(error)) => (answer(Err(StoreError::Conflict)), Err(error)),
                None => (answer(Err(StoreError::Conflict)), Ok(())),
            }
        });
        let gone = || StoreError::unavailable("the database has no writer");
        self.queue.send(change).await.map_err(|_| gone())?;
        receiver.await.map_err(|_| gone())?
    }
}

/// After how many pages the log is written back into the database and begun again: 8 MiB of 4 KiB each.
///
/// SQLite's own checkpoints never begin the log again while someone reads, and with many readers someone always does:
/// the log would grow for ever, and every sync of a growing file costs the file system twice.
const LOG_PAGES: i32 = 2048;

fn write_groups(mut connection: Connection, mut changes: mpsc::Receiver<Change>, commits: Option<&Commits>) {
    let pages = Arc::new(AtomicI32::new(0));
    let count = Arc::clone(&pages);
    let hook = move |_: &mut Wal, in_log: i32| {
        count.store(in_log, Ordering::Relaxed);
        Ok(())
    };
    if let Err(error) = connection.wal_hook(Some(hook)) {
        tracing::error!("the database's log cannot be watched and may grow: {error}");
    }
    let mut group = Vec::with_capacity(GROUP);
    while changes.blocking_recv_many(&mut group, GROUP) > 0 {
        let mut answers = Vec::with_capacity(group.len());
        let begun = commits.map(|commits| commits.begin(group.len()));
        let committed = commit(&connection, group.drain(..), &mut answers).map_err(Arc::new);
        if committed.is_err() && !connection.is_autocommit() {
            // It can only fail where SQLite has rolled back already.
            let _ = connection.execute_batch("ROLLBACK");
        }
        if let Some(begun) = begun {
            begun.end(committed.is_ok());
        }
        for answer in answers {
            answer(committed.clone());
        }
        if pages.load(Ordering::Relaxed) > LOG_PAGES {
            begin_log_again(&connection);
            pages.store(0, Ordering::Relaxed);
        }
    }
}

/// Waits for those who read from the log, which takes them microseconds, and begins it again.
fn begin_log_again(connection: &Connection) {
    let done = connection.query_row("PRAGMA wal_checkpoint(RESTART)", [], |row| row.get::<_, bool>(0));
    match done {
        Ok(false) => {}
        Ok(true) => tracing::debug!("the database's log is still being read; it is begun again later"),
        Err(error) => tracing::warn!("the database's log cannot be written back: {error}"),
    }
}

/// Runs a group in one transaction. Every change of it leaves an answer, also after one has failed.
fn commit(
    connection: &Connection,
    group: impl Iterator<Item = Change>,
    answers: &mut Vec<Answer>,
) -> rusqlite::Result<()> {
    let mut so_far = run(connection, "BEGIN IMMEDIATE");
    for change in group {
        // SQLite may have ended the transaction by itself. What is written after that would stay.
        let (answer, written) = change(so_far.is_ok().then_some(connection));
        answers.push(answer);
        so_far = so_far.and(written);
    }
    so_far.and_then(|()| run(connection, "COMMIT"))
}

fn run(connection: &Connection, statement: &str) -> rusqlite::Result<()> {
    connection.prepare_cached(statement)?.execute([]).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_undoes_the_group_even_where_sqlite_has_done_so_before() {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch("CREATE TABLE t (n INTEGER)").unwrap();
        let mut answers = Vec::new();
        // A full disk, for one, ends the transaction under the changes that come after.
        let group = [insert(1), ended_by_sqlite(), insert(2)];
        let committed = commit(&connection, group.into_iter(), &mut answers);
        assert!(committed.is_err());
        assert_eq!((answers.len(), rows(&connection)), (3, 0));

        let group = [insert(3), insert(4)];
        commit(&connection, group.into_iter(), &mut answers).unwrap();
        assert_eq!((answers.len(), rows(&connection)), (5, 2));
    }

    #[test]
    fn nothing_is_written_where_no_transaction_begins() {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch("CREATE TABLE t (n INTEGER); BEGIN").unwrap();
        let mut answers = Vec::new();
        let committed = commit(&connection, [insert(1)].into_iter(), &mut answers);
        assert!(committed.is_err());
        assert_eq!((answers.len(), rows(&connection)), (1, 0));
    }

    #[tokio::test]
    async fn what_waits_is_written_before_the_database_is_closed() {
        let directory = tempfile::TempDir::new().unwrap();
        let path = directory.path().join("db");
        let connection = Connection::open(&path).unwrap();
        connection.execute_batch("CREATE TABLE t (n INTEGER)").unwrap();
        let writer = Writer::start(connection, None);
        for _ in 0..1000 {
            writer.queue.send(insert(1)).await.unwrap();
        }
        drop(writer);
        assert_eq!(rows(&Connection::open(&path).unwrap()), 1000);
    }

    fn insert(n: i64) -> Change {
        change(move |connection| connection.execute("INSERT INTO t VALUES (?1)", [n]).map(drop))
    }

    fn ended_by_sqlite() -> Change {
        change(|connection| {
            connection.execute_batch("ROLLBACK")?;
            Err(rusqlite::Error::QueryReturnedNoRows)
        })
    }

    fn change(write: impl FnOnce(&Connection) -> rusqlite::Result<()> + Send + 'static) -> Change {
        Box::new(|connection| (Box::new(drop), connection.map_or(Ok(()), write)))
    }

    fn rows(connection: &Connection) -> i64 {
        connection.query_row("SELECT COUNT(*) FROM t", [], |row| row.get(0)).unwrap()
    }
}
