//! Several stores on one database, as several processes have them, and a database that fails.

#![allow(clippy::unwrap_used, reason = "a test panics by design")]

mod claims;
mod commits;
mod faults;
mod feed;
mod leases;
mod news;
mod opening;
mod plans;
mod tls;

use std::process::ExitCode;
use std::sync::Arc;

use chrono::{DateTime, TimeZone as _, Utc};
use windlass::{Command, NewJob, Source, SourceUrlType};
use windlass_postgres::{Options, PostgresStore};
use windlass_store::{
    Address, App, Clock, Executed, Extras, Lease, ManualClock, NewBranch, Plan, Store, StoredBranch, create, execute,
};
use windlass_testkit::{Named, Postgres, run_tests};

/// One that is not among them is dead code, which the compiler finds.
macro_rules! tests {
    ($($test:path)+) => {
        vec![$((stringify!($test), Box::new(|| in_a_runtime($test())) as Box<dyn FnOnce() + Send>)),+]
    };
}

fn main() -> ExitCode {
    let tests: Vec<Named<'_>> = tests! {
        claims::a_lost_runner_comes_back_and_puts_nothing_live
        claims::no_more_are_in_work_than_may_be_however_many_processes_claim
        claims::jobs_of_a_branch_never_overlap_however_many_processes_run_them
        claims::a_claim_waits_for_nobody_who_is_changing_a_job
        claims::a_hold_that_is_renewed_just_after_the_look_stays
        claims::a_damaged_job_is_in_nobodys_way
        claims::a_look_that_finds_nothing_waits_for_nobody
        claims::a_claim_that_is_given_up_in_the_midst_is_in_nobodys_way
        claims::whoever_stands_still_in_the_midst_of_a_claim_does_not_stop_the_others
        commits::commands_that_arrive_together_are_committed_together
        faults::nothing_acknowledged_is_lost_when_the_server_is_killed_under_load
        faults::a_commit_whose_answer_is_lost_is_stored_once_however_often_it_is_sent
        faults::a_read_whose_connection_breaks_is_asked_again_over_another
        faults::whoever_asks_while_the_server_is_restarted_is_answered_after_it
        faults::news_comes_again_after_its_connection_broke
        feed::a_later_place_is_never_seen_before_an_earlier_one
        feed::a_follower_sees_all_that_many_store_at_once
        leases::processes_whose_clocks_are_hours_apart_agree_on_who_holds_a_job
        news::whoever_listens_hears_once_of_every_change_of_every_process
        opening::a_database_of_the_first_version_is_brought_forward
        opening::whoever_comes_while_tables_are_being_made_waits_however_long_that_takes
        opening::many_that_open_a_new_database_at_once_make_its_tables_once
        plans::no_statement_reads_a_whole_table
        tls::a_server_is_believed_that_proves_who_it_is_and_no_other
    };
    run_tests(tests)
}

fn in_a_runtime(test: impl Future<Output = ()>) {
    tokio::runtime::Runtime::new().unwrap().block_on(test);
}

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
