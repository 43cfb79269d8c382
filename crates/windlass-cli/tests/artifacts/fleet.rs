//! Servers that share a PostgreSQL database and a bucket.

use aws_sdk_amplify::types::{Job, JobStatus};
use tempfile::TempDir;
use tokio::time::{Duration, interval};
use windlass_testkit::Postgres;

use crate::large_site;
use crate::s3::S3;
use crate::support::process::{Process, windlass};
use crate::support::{BRANCH, World, ended, http, page, status};

#[tokio::test(flavor = "multi_thread")]
async fn a_deployment_goes_live_over_postgresql() {
    let Some(postgres) = Postgres::start() else { return };
    let url = postgres.url(&postgres.database("template1"));
    let world = World::with(|config| {
        config.database = Some(url.clone().into());
        config.drain = Duration::from_secs(20);
    })
    .await;
    assert_eq!(status(&world.deploy(page("first")).await), JobStatus::Succeed);
    assert_eq!(world.visit("/").await, (200, "first".to_owned()));
    assert_eq!(status(&world.deploy(large_site("second", 2 << 20)).await), JobStatus::Succeed);
    assert_eq!(world.visit("/").await, (200, "second".to_owned()));
    // Its commits are in the metrics, as those of a store of its own would be.
    let page = world.http.get(format!("{}/metrics", world.server.endpoint())).send().await.unwrap();
    let page = page.text().await.unwrap();
    for (name, least) in [("duration_seconds_count", 8.0), ("changes_sum", 8.0)] {
        let line = page.lines().find_map(|line| line.strip_prefix(&format!("windlass_store_commit_{name} ")));
        assert!(line.unwrap().parse::<f64>().unwrap() >= least, "{name} in\n{page}");
    }
    assert!(!world.server.data().path().join("windlass.db").exists(), "it has a database of its own, too");

    // What was there is there after a start.
    let World { server, data, app, .. } = world;
    server.shut_down().await;
    let mut again = World::at(data, |config| config.database = Some(url.into())).await;
    again.app = app;
    assert_eq!(again.visit("/").await, (200, "second".to_owned()));
    assert_eq!(status(&again.job("2").await), JobStatus::Succeed);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_servers_on_one_database_are_one() {
    let Some(postgres) = Postgres::start() else { return };
    let s3 = S3::start().await;
    let variables = s3.variables("secret");
    let url = postgres.url(&postgres.database("template1"));
    let serve = |data: &TempDir| {
        let more = ["--artifacts", "s3://bucket/fleet"];
        Process::serve_with(data.path(), &more, |command| {
            command.envs(variables.clone()).env("WINDLASS_DATABASE_URL", &url);
        })
    };
    let data = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let servers = [serve(&data[0]), serve(&data[1])];
    let clients = [servers[0].client(data[0].path()), servers[1].client(data[1].path())];

    let app = clients[0].create_app().name("demo").send().await.unwrap().app.unwrap().app_id;
    clients[1].create_branch().app_id(&app).branch_name(BRANCH).send().await.unwrap();
    for (round, size) in [(1, 1), (2, 2 << 20), (3, 1), (4, 2 << 20)] {
        // One makes the job, the other gets the bytes, as behind a balancer, and whichever is quicker does it.
        let (here, there) = (round % 2, 1 - round % 2);
        let made = clients[here].create_deployment().app_id(&app).branch_name(BRANCH).send().await.unwrap();
        let job = made.job_id.unwrap();
        let upload = made.zip_upload_url.replace(&servers[here].endpoint, &servers[there].endpoint);
        let host = servers[here].endpoint.trim_start_matches("http://");
        let put = http()
            .put(upload)
            .header("host", host)
            .body(large_site(&format!("site {round}"), size))
            .send()
            .await
            .unwrap();
        assert_eq!(put.status(), 200);
        clients[there].start_deployment().app_id(&app).branch_name(BRANCH).job_id(&job).send().await.unwrap();
        for client in &clients {
            assert_eq!(status(&until_ended(client, &app, &job).await), JobStatus::Succeed);
        }
        for server in &servers {
            until_it_shows(server, &app, &format!("site {round}")).await;
        }
    }
}

#[tokio::test]
async fn a_database_that_is_not_there_is_named_without_its_password() {
    let data = tempfile::tempdir().unwrap();
    let mut serve = windlass();
    serve.args(["serve", "--listen", "127.0.0.1:0", "--data"]).arg(data.path());
    let output = serve.args(["--database-url", "postgres://u:hunter2@127.0.0.1:1/name"]).output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && told.contains("127.0.0.1/name"), "{told}");
    assert!(!told.contains("hunter2"), "{told}");
}

async fn until_ended(client: &aws_sdk_amplify::Client, app: &str, job: &str) -> Job {
    let mut look = interval(Duration::from_millis(5));
    loop {
        look.tick().await;
        let job = client.get_job().app_id(app).branch_name(BRANCH).job_id(job).send().await.unwrap().job.unwrap();
        if ended(&status(&job)) {
            return job;
        }
    }
}

async fn until_it_shows(server: &Process, app: &str, text: &str) {
    let mut look = interval(Duration::from_millis(5));
    loop {
        look.tick().await;
        let visit = http().get(&server.endpoint).header("host", format!("{BRANCH}.{app}.localhost"));
        if visit.send().await.unwrap().text().await.unwrap() == text {
            return;
        }
    }
}
