//! Several stores on one database, as several processes have them, and a database that fails.

#![allow(clippy::unwrap_used, reason = "a test panics by design")]

mod faults;
mod feed;
mod leases;
mod news;
mod plans;

use std::sync::Arc;

use chrono::{DateTime, TimeZone as _, Utc};
use windlass::{Command, NewJob, Source, SourceUrlType};
use windlass_postgres::{Options, PostgresStore};
use windlass_store::{
    Address, App, Clock, Executed, Extras, Lease, ManualClock, NewBranch, Plan, Store, StoredBranch, create, execute,
};
use windlass_testkit::Postgres;

/// When everything here happens, but for leases, which go by the server's clock.
fn noon() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 1, 1, 12, 0, 0).unwrap()
}

async fn open(url: &str) -> PostgresStore {
    open_with(url, Arc::new(ManualClock::at(noon()))).await
}

async fn open_with(url: &str, clock: Arc<dyn Clock>) -> PostgresStore {
    PostgresStore::open(url, Options { connections: 8, ..Options::new(clock) }).await.unwrap()
}

/// Two stores on a new database.
async fn two(server: &Postgres) -> (Arc<PostgresStore>, Arc<PostgresStore>) {
    let url = server.url(&server.database("template1"));
    (Arc::new(open(&url).await), Arc::new(open(&url).await))
}

/// A client of the server that is no store.
async fn client(url: &str) -> tokio_postgres::Client {
    let (client, connection) = tokio_postgres::connect(url, tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

async fn branch(store: &dyn Store, name: &str) -> StoredBranch {
    let id: windlass::AppId = "d1".parse().unwrap();
    if store.app(&id).await.unwrap().is_none() {
        let app = App { id: id.clone(), attributes: Default::default(), created: noon(), updated: noon(), version: 1 };
        store.create_app(&app).await.unwrap();
    }
    let name = name.parse().unwrap();
    store.create_branch(&NewBranch { app: id, name, attributes: Default::default(), created: noon() }).await.unwrap()
}

fn plan() -> Plan {
    let url = "https://example.com/site.zip".into();
    Plan::New(NewJob::manual(Source::Url { url, url_type: SourceUrlType::Zip }))
}

/// A job that waits for a runner.
async fn make(store: &dyn Store, on: &StoredBranch) -> Executed {
    create(store, &on.app, &on.name, &plan(), noon()).await.unwrap().unwrap()
}

async fn stop(store: &dyn Store, made: &Executed) -> Executed {
    execute(store, Address::Key(made.key()), &[Command::Stop { by: None }], noon(), Extras::default()).await.unwrap()
}

async fn claim(store: &dyn Store, made: &Executed, lease: Lease) -> Executed {
    let extras = Extras { lease: Some(lease), ..Extras::default() };
    execute(store, Address::Key(made.key()), &[Command::Claim], noon(), extras).await.unwrap()
}

/// Waits until one of the server's processes waits for a lock.
async fn somebody_waits(client: &tokio_postgres::Client) {
    let waits = "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()";
    while client.query(waits, &[]).await.unwrap().is_empty() {
        tokio::task::yield_now().await;
    }
}
