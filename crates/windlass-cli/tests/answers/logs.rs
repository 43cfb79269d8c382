//! The log of a server: every line can be read by a program, a job can be followed through it, and nothing secret is in it.

use std::fs::{self, File};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use aws_sdk_amplify::types::JobStatus;
use serde_json::Value;
use tempfile::TempDir;
use tokio::time::interval;

use crate::support::process::Process;
use crate::support::{BRANCH, http, page, status};

/// The password of the site, as it is stored and as visitors send it: `visitor:hush`.
const PASSWORD: &str = "dmlzaXRvcjpodXNo";

/// A server in a process of its own, with what a walk through it made.
struct Walked {
    data: TempDir,
    app: String,
    secrets: Vec<String>,
}

impl Walked {
    /// Deploys a site with a password to a server that is `change`d before it starts, and calls a webhook; then the server
    /// ends.
    async fn through(more: &[&str], change: impl FnOnce(&mut Command, &Path)) -> Self {
        let data = tempfile::tempdir().unwrap();
        let server = Process::serve_with(&data.path().join("data"), more, |command| change(command, data.path()));
        let client = server.client(&data.path().join("data"));
        let app = client.create_app().name("logs").send().await.unwrap().app.unwrap().app_id;
        let branch = client.create_branch().app_id(&app).branch_name(BRANCH);
        branch.enable_basic_auth(true).basic_auth_credentials(PASSWORD).send().await.unwrap();
        let built = client.create_app().name("git").repository("https://127.0.0.1:1/r.git").send().await.unwrap();
        let built = built.app.unwrap().app_id;
        client.create_branch().app_id(&built).branch_name(BRANCH).send().await.unwrap();
        let hook = client.create_webhook().app_id(&built).branch_name(BRANCH).send().await.unwrap().webhook.unwrap();
        let http = http();
        http.post(&hook.webhook_url).body("{}").send().await.unwrap();
        let made = client.create_deployment().app_id(&app).branch_name(BRANCH).send().await.unwrap();
        http.put(&made.zip_upload_url).body(page("one")).send().await.unwrap();
        client.start_deployment().app_id(&app).branch_name(BRANCH).job_id("1").send().await.unwrap();
        let mut look = interval(Duration::from_millis(5));
        loop {
            look.tick().await;
            let job = client.get_job().app_id(&app).branch_name(BRANCH).job_id("1").send().await.unwrap().job.unwrap();
            if status(&job) == JobStatus::Succeed {
                break;
            }
        }
        let port = server.endpoint.rsplit(':').next().unwrap();
        let site = http.get(&server.endpoint).header("host", format!("{BRANCH}.{app}.localhost:{port}"));
        let shown = site.header("authorization", format!("Basic {PASSWORD}")).send().await.unwrap();
        assert_eq!(shown.text().await.unwrap(), "one");
        let keys = fs::read_to_string(data.path().join("data/credentials")).unwrap();
        let secret_key = keys.lines().find_map(|line| line.strip_prefix("aws_secret_access_key")).unwrap();
        let parameter = |url: &str, name: &str| {
            let (_, value) = url.split_once(&format!("{name}=")).unwrap();
            value.split('&').next().unwrap().to_owned()
        };
        let secrets = vec![
            secret_key.trim_start_matches([' ', '=']).trim().to_owned(),
            PASSWORD.to_owned(),
            parameter(&hook.webhook_url, "token"),
            parameter(&made.zip_upload_url, "X-Amz-Signature"),
        ];
        server.stop();
        Self { data, app, secrets }
    }
}

#[tokio::test]
async fn a_job_is_followed_through_the_log_from_request_to_publish() {
    let walked = Walked::through(&["--log-format", "json"], |command, data| {
        command.env("RUST_LOG", "info").stderr(File::create(data.join("log")).unwrap());
    });
    let walked = walked.await;
    let log = fs::read_to_string(walked.data.path().join("log")).unwrap();
    let lines = || log.lines().filter(|line| line.starts_with('{'));
    let lines: Vec<Value> =
        lines().map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"))).collect();
    let change = |status: &str| {
        let ours = |line: &&Value| line["message"] == "a job changed" && line["app"] == walked.app;
        let found = lines.iter().filter(ours).find(|line| line["status"] == status);
        found.unwrap_or_else(|| panic!("nothing became {status} in\n{log}"))
    };
    let span = |line: &Value, name: &str| {
        let spans = line["spans"].as_array().cloned().unwrap_or_default();
        spans.into_iter().find(|span| span["name"] == name).unwrap_or_else(|| panic!("no {name} around {line}"))
    };

    let (created, started, live) = (change("CREATED"), change("PENDING"), change("SUCCEED"));
    let request = span(created, "request");
    assert_eq!((&request["operation"], &request["app"]), (&"CreateDeployment".into(), &walked.app.as_str().into()));
    assert_eq!(request["id"].as_str().map(str::len), Some(36));
    assert_eq!(span(started, "request")["operation"], "StartDeployment");
    assert_ne!(span(started, "request")["id"], request["id"]);
    // The key leads from the request that made the job to the work on it.
    let job = span(live, "job");
    assert_eq!((&created["key"], &live["key"]), (&job["key"], &job["key"]));
    assert_eq!((&job["app"], &job["branch"]), (&walked.app.as_str().into(), &BRANCH.into()));
    assert_eq!((&job["job"], &job["attempt"]), (&"1".into(), &1.into()));
    span(live, "report");
}

#[tokio::test]
async fn nothing_secret_is_in_the_log_however_much_of_it_there_is() {
    let walked = Walked::through(&[], |command, data| {
        command.env("RUST_LOG", "trace").env("WINDLASS_LOG_FORMAT", "json");
        command.stderr(File::create(data.join("log")).unwrap());
    });
    let walked = walked.await;
    let log = fs::read_to_string(walked.data.path().join("log")).unwrap();
    assert!(log.contains("\"operation\":\"GetJob\""), "it tells of everything\n{log}");
    for secret in &walked.secrets {
        assert!(secret.len() >= 16, "{secret:?} is too short to be looked for");
        let line = log.lines().find(|line| line.contains(secret.as_str()));
        assert_eq!(line, None, "{secret} is in the log");
    }
}

#[cfg(feature = "otlp")]
// The collector answers while the server, which is waited for, sends its last spans.
#[tokio::test(flavor = "multi_thread")]
async fn spans_reach_a_collector() {
    use axum::Router;
    use axum::body::Bytes;
    use axum::routing::post;
    use tokio::sync::mpsc;

    let (sender, mut received) = mpsc::unbounded_channel();
    let collect = move |body: Bytes| async move {
        // The test may have seen enough.
        let _ = sender.send(body);
    };
    let collector = crate::support::web::serve(Router::new().route("/v1/traces", post(collect))).await;
    let walked = Walked::through(&[], |command, _| {
        command.env("OTEL_EXPORTER_OTLP_ENDPOINT", &collector);
    });
    let walked = walked.await;
    // The server has ended, and has sent everything before.
    let mut all = Vec::new();
    while let Ok(spans) = received.try_recv() {
        all.extend_from_slice(&spans);
    }
    let all = String::from_utf8_lossy(&all);
    for text in
        ["service.name", "windlass", "request", "CreateDeployment", "job", "deploy", "verify", "report", &walked.app]
    {
        assert!(all.contains(text), "{text} is not in {all:?}");
    }
    for secret in &walked.secrets {
        assert!(!all.contains(secret.as_str()), "{secret} was sent");
    }
}
