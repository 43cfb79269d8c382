//! A server beside one of a newer version, which stores what this one cannot read.

use aws_sdk_amplify::types::JobStatus;
use tokio::time::{Duration, interval};
use windlass_testkit::Postgres;

use crate::going_back::Site;
use crate::support::process::Process;
use crate::support::{page, status};

#[tokio::test]
async fn a_job_that_a_newer_version_has_written_is_told_left_alone_and_in_nobodys_way() {
    let Some(postgres) = Postgres::start() else { return };
    let database = postgres.database("template1");
    let data = tempfile::tempdir().unwrap();
    let log = data.path().join("log");
    let url = postgres.url(&database);
    let server = Process::serve_with(data.path(), &["--database-url", &url], |command| {
        command.stderr(std::fs::File::create(&log).unwrap()).env("RUST_LOG", "warn");
    });
    let site = Site::new(&server, data.path()).await;
    site.deploy(page("first")).await;
    site.client.create_branch().app_id(&site.app).branch_name("newer").send().await.unwrap();
    let made = site.client.create_deployment().app_id(&site.app).branch_name("newer").send().await.unwrap();
    let job = made.job_id.unwrap();

    // As a newer one would write it, and so that everything that is done to jobs is tried on it: it waits, and is overdue.
    let of = "number = 1 AND branch = (SELECT uid FROM branches WHERE convert_from(name, 'UTF8') = 'newer')";
    let is =
        || postgres.run(&database, &format!("SELECT seq, due, waits, encode(progress, 'hex') FROM jobs WHERE {of}"));
    let before = is();
    let newer = "progress = '2'::bytea || substring(progress FROM 2), waits = 1, due = 1";
    postgres.run(&database, &format!("UPDATE jobs SET {newer} WHERE {of}"));
    let changed = is();
    until(&log, "cannot end an overdue job", "format '2' is not one that this version reads").await;
    let call = site.client.get_job().app_id(&site.app).branch_name("newer").job_id(&job);
    let error = call.send().await.unwrap_err();
    assert_eq!(error.raw_response().map(|response| response.status().as_u16()), Some(500), "{error:?}");
    let call = site.client.stop_job().app_id(&site.app).branch_name("newer").job_id(&job);
    assert!(call.send().await.unwrap_err().into_service_error().is_internal_failure_exception());

    // Nobody else minds, and nothing of it was touched.
    site.deploy(page("second")).await;
    assert_eq!(site.visit(&server).await, "second");
    assert_eq!(is(), changed);

    // Whoever can read it goes on with it.
    postgres.run(
        &database,
        &format!(
            "UPDATE jobs SET progress = '1'::bytea || substring(progress FROM 2), waits = NULL, due = {} WHERE {of}",
            before.split('|').nth(1).unwrap()
        ),
    );
    assert_eq!(is(), before);
    let put = crate::support::http().put(made.zip_upload_url).body(page("newer")).send().await.unwrap();
    assert_eq!(put.status(), 200);
    site.client.start_deployment().app_id(&site.app).branch_name("newer").job_id(&job).send().await.unwrap();
    let mut look = interval(Duration::from_millis(5));
    let ended = loop {
        look.tick().await;
        let call = site.client.get_job().app_id(&site.app).branch_name("newer").job_id(&job);
        let job = call.send().await.unwrap().job.unwrap();
        if crate::support::ended(&status(&job)) {
            break status(&job);
        }
    };
    assert_eq!(ended, JobStatus::Succeed);
}

/// Waits until a line of the log has both.
async fn until(log: &std::path::Path, what: &str, why: &str) {
    let mut look = interval(Duration::from_millis(5));
    loop {
        look.tick().await;
        let told = std::fs::read_to_string(log).unwrap();
        if told.lines().any(|line| line.contains(what) && line.contains(why)) {
            return;
        }
    }
}
