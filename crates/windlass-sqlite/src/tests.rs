//! How the database is used, which only shows from inside.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use rusqlite::trace::{TraceEvent, TraceEventCodes};
use rusqlite::types::{Null, Value};
use rusqlite::{StatementStatus, params};
use tempfile::TempDir;
use windlass_store::conformance;

use super::*;

#[test]
fn no_statement_reads_more_than_it_needs() {
    let statements = Statements::default();
    conformance::take(async || traced(&statements), conformance::random::it_answers_as_the_plainest_store_does);
    conformance::take(async || traced(&statements), conformance::work::jobs_in_work_are_counted_by_app);
    conformance::take(async || traced(&statements), conformance::apps::the_secret_never_changes);

    let (store, _directory) = in_a_new_directory();
    let statements = statements.all();
    let plans: BTreeMap<_, _> = statements.iter().map(|sql| (sql.clone(), plan(&store, sql))).collect();
    // A whole table, or all rows of an index before the first can be answered.
    let wasteful = |line: &String| line.starts_with("SCAN") || line == "USE TEMP B-TREE FOR ORDER BY";
    let found: Vec<_> = plans.iter().filter(|(_, plan)| plan.iter().any(wasteful)).collect();
    assert!(found.is_empty(), "{found:#?}");
    assert!(statements.len() > 30, "hardly anything was traced: {statements:#?}");
}

#[test]
fn what_is_bound_does_not_change_the_plan_of_a_look() {
    let (store, _directory) = in_a_new_directory();
    let planned_anew = store.readers.ask(|c| {
        let mut look = c.prepare(&store::NAMED_JOB)?;
        for job in 1..=3 {
            look.exists(params!["d1", format!("branch-{job}"), job])?;
        }
        Ok(Ok(look.get_status(StatementStatus::RePrepare)))
    });
    assert_eq!(planned_anew.unwrap(), 0);
}

#[test]
fn every_commit_is_on_disk_before_it_is_answered() {
    let (store, _directory) = in_a_new_directory();
    let pragma = |c: &Connection, name| c.pragma_query_value(None, name, |row| row.get::<_, Value>(0));
    let looked = store.readers.look(|c| Ok(Ok(pragma(c, "journal_mode")?))).unwrap();
    assert_eq!(looked, Value::Text("wal".into()));
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let write = store.writer.write(move |c| Ok(Ok((pragma(c, "journal_mode")?, pragma(c, "synchronous")?))));
    let full = Value::Integer(2);
    assert_eq!(runtime.block_on(write).unwrap(), (Value::Text("wal".into()), full));
}

#[derive(Clone, Default)]
struct Statements(Arc<Mutex<BTreeSet<String>>>);

impl Statements {
    fn watch(&self, connection: &mut Connection) {
        let seen = Arc::clone(&self.0);
        let note = move |event: TraceEvent<'_>| {
            if let TraceEvent::Stmt(statement, _) = event {
                seen.lock().unwrap_or_else(PoisonError::into_inner).insert(statement.sql().into_owned());
            }
        };
        connection.trace_v2(TraceEventCodes::SQLITE_TRACE_STMT, Some(note)).unwrap();
    }

    fn all(&self) -> BTreeSet<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn in_a_new_directory() -> (SqliteStore, TempDir) {
    let directory = TempDir::new().unwrap();
    (SqliteStore::open(directory.path()).unwrap(), directory)
}

/// A new store of which every statement is noted.
fn traced(statements: &Statements) -> (SqliteStore, TempDir) {
    let (store, directory) = in_a_new_directory();
    drop(store);
    let path = directory.path().join("windlass.db");
    let mut writer = Connection::open(&path).unwrap();
    prepare(&writer).unwrap();
    statements.watch(&mut writer);
    let readers = Readers::new(path.clone());
    for _ in 0..4 {
        let mut connection = reader(&path).unwrap();
        statements.watch(&mut connection);
        readers.put_back(connection);
    }
    let lock = Lock::take(directory.path()).unwrap();
    let (readers, writer) = (Arc::new(readers), Writer::start(writer, None));
    (SqliteStore { readers, writer, notices: broadcast::Sender::new(16), recent: None, _lock: Some(lock) }, directory)
}

fn plan(store: &SqliteStore, sql: &str) -> Vec<String> {
    let explain = format!("EXPLAIN QUERY PLAN {sql}");
    let plan = store.readers.look(|c| {
        let mut statement = c.prepare(&explain)?;
        let unbound = vec![Null; statement.parameter_count()];
        let lines = statement.query_map(rusqlite::params_from_iter(unbound), |row| row.get(3))?;
        lines.collect::<rusqlite::Result<Vec<String>>>().map(Ok)
    });
    plan.unwrap()
}
