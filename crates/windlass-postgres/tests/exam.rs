//! The PostgreSQL store takes the exam.

use std::process::ExitCode;
use std::sync::{Arc, LazyLock};

use chrono::{DateTime, Utc};
use windlass_postgres::{Options, PostgresStore};
use windlass_store::ManualClock;
use windlass_testkit::{Postgres, run_tests};

fn main() -> ExitCode {
    let mut tests = windlass_store::exam_list!(async || in_a_new_database().await);
    tests.extend(windlass_store::moving_exam_list!(async || in_a_new_database().await));
    run_tests(tests)
}

/// One server for all questions, which ends with this process, and a database in which its clock stands still.
static SERVER: LazyLock<(Postgres, String)> = LazyLock::new(|| {
    let server = Postgres::start().expect("whoever has none asks nothing");
    let template = server.database("template1");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let opened = runtime.block_on(PostgresStore::open(&server.url(&template), options()));
    drop(opened.expect("a new database opens"));
    // No connection may be left to one that is copied.
    drop(runtime);
    let now = format!(
        "CREATE OR REPLACE FUNCTION windlass_now() RETURNS BIGINT LANGUAGE sql STABLE AS 'SELECT {}::bigint'",
        NOW.timestamp_millis()
    );
    server.run(&template, &now);
    server.run("postgres", &format!("ALTER DATABASE {template} WITH ALLOW_CONNECTIONS FALSE"));
    (server, template)
});

/// The exam tells the time itself, so both clocks stand still: the callers', and the server's, by which leases go.
const NOW: DateTime<Utc> = DateTime::UNIX_EPOCH;

fn options() -> Options {
    Options { connections: 4, ..Options::new(Arc::new(ManualClock::at(NOW))) }
}

async fn in_a_new_database() -> (PostgresStore, ()) {
    // Made outside of the runtime, since it has one of its own.
    let (server, template) = tokio::task::spawn_blocking(|| &*SERVER).await.expect("a server");
    let store = PostgresStore::open(&server.url(&server.database(template)), options()).await;
    (store.expect("a new database opens"), ())
}
