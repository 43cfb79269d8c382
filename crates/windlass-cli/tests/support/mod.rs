//! A server in this process, AWS's own client, and a little of everything that tests need.

#![allow(dead_code, reason = "each test file uses some of it")]
#![allow(clippy::unwrap_used, reason = "helpers of tests are tests too")]

pub(crate) mod disk;
pub(crate) mod process;
pub(crate) mod pulse;
pub(crate) mod raw;
pub(crate) mod web;

use std::io::Cursor;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use aws_sdk_amplify::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_amplify::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_amplify::types::{Job, JobStatus, JobSummary};
use chrono::{DateTime, TimeDelta, Utc};
use tempfile::TempDir;
use tokio::time::interval;
use windlass_artifact::Packer;
use windlass_cli::server::{Config, Server, SystemClock};
use windlass_store::Clock;

/// A server on a directory of its own, an app `d…` with a branch `main`, and clients.
pub(crate) struct World {
    pub(crate) server: Server,
    pub(crate) client: aws_sdk_amplify::Client,
    pub(crate) http: reqwest::Client,
    pub(crate) clock: Arc<ShiftedClock>,
    pub(crate) app: String,
    pub(crate) data: TempDir,
}

pub(crate) const BRANCH: &str = "main";

impl World {
    /// A server that may fetch from this machine.
    pub(crate) async fn new() -> Self {
        Self::with(|_| {}).await
    }

    pub(crate) async fn with(change: impl FnOnce(&mut Config)) -> Self {
        let data = tempfile::tempdir().unwrap();
        Self::at(data, change).await
    }

    pub(crate) async fn at(data: TempDir, change: impl FnOnce(&mut Config)) -> Self {
        let clock = Arc::new(ShiftedClock::default());
        let mut config = Config {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            allow_source: vec!["127.0.0.0/8".parse().unwrap()],
            clock: clock.clone(),
            drain: Duration::ZERO,
            ..Config::new(data.path().join("data"))
        };
        change(&mut config);
        let server = Server::start(config).await.unwrap();
        let keys = server.credentials();
        let client = client(server.endpoint(), keys.access_key_id.as_str(), &keys.secret_access_key);
        let app = client.create_app().name("demo").send().await.unwrap().app.unwrap().app_id;
        client.create_branch().app_id(&app).branch_name(BRANCH).send().await.unwrap();
        Self { server, client, http: http(), clock, app, data }
    }

    /// CreateDeployment: the job's number and its upload URL.
    pub(crate) async fn create_deployment(&self) -> (String, String) {
        let made = self.client.create_deployment().app_id(&self.app).branch_name(BRANCH).send().await.unwrap();
        (made.job_id.unwrap(), made.zip_upload_url)
    }

    pub(crate) async fn put(&self, url: &str, bytes: impl Into<reqwest::Body>) -> reqwest::Response {
        self.http.put(url).body(bytes).send().await.unwrap()
    }

    pub(crate) async fn start(&self, job: &str) -> JobSummary {
        let call = self.client.start_deployment().app_id(&self.app).branch_name(BRANCH).job_id(job);
        call.send().await.unwrap().job_summary.unwrap()
    }

    pub(crate) async fn start_url(&self, url: &str) -> JobSummary {
        let call = self.client.start_deployment().app_id(&self.app).branch_name(BRANCH).source_url(url);
        call.send().await.unwrap().job_summary.unwrap()
    }

    /// Uploads and starts a zip, and waits for the job's end.
    pub(crate) async fn deploy(&self, zip: Vec<u8>) -> Job {
        let (job, url) = self.create_deployment().await;
        assert_eq!(self.put(&url, zip).await.status(), 200);
        self.start(&job).await;
        self.ended(&job).await
    }

    pub(crate) async fn stop(&self, job: &str) -> JobSummary {
        let call = self.client.stop_job().app_id(&self.app).branch_name(BRANCH).job_id(job);
        call.send().await.unwrap().job_summary.unwrap()
    }

    pub(crate) async fn job(&self, job: &str) -> Job {
        let call = self.client.get_job().app_id(&self.app).branch_name(BRANCH).job_id(job);
        call.send().await.unwrap().job.unwrap()
    }

    /// Waits until the job is as asked for.
    pub(crate) async fn until(&self, job: &str, is: impl Fn(&JobStatus) -> bool) -> Job {
        let mut look = interval(Duration::from_millis(5));
        loop {
            look.tick().await;
            let job = self.job(job).await;
            if is(&job.summary.as_ref().unwrap().status) {
                return job;
            }
        }
    }

    pub(crate) async fn ended(&self, job: &str) -> Job {
        self.until(job, ended).await
    }

    /// The host name of the branch's site.
    pub(crate) fn site_host(&self) -> String {
        format!("{BRANCH}.{}.localhost:{}", self.app, self.port())
    }

    pub(crate) fn port(&self) -> u16 {
        self.server.endpoint().rsplit(':').next().unwrap().parse().unwrap()
    }

    /// What a visitor sees.
    pub(crate) async fn visit(&self, path: &str) -> (u16, String) {
        let answer = self.http.get(format!("{}{path}", self.server.endpoint())).header("host", self.site_host());
        let answer = answer.send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    }
}

pub(crate) fn ended(status: &JobStatus) -> bool {
    matches!(status, JobStatus::Succeed | JobStatus::Failed | JobStatus::Cancelled)
}

pub(crate) fn status(job: &Job) -> JobStatus {
    job.summary.as_ref().unwrap().status.clone()
}

/// The reason that the job's last step gives.
pub(crate) fn reason(job: &Job) -> String {
    job.steps.iter().filter_map(|step| step.status_reason.clone()).next_back().unwrap_or_default()
}

/// AWS's own client, without retries, so that every answer is seen.
pub(crate) fn client(endpoint: &str, access_key: &str, secret_key: &str) -> aws_sdk_amplify::Client {
    let https = aws_smithy_http_client::Builder::new()
        .tls_provider(aws_smithy_http_client::tls::Provider::Rustls(
            aws_smithy_http_client::tls::rustls_provider::CryptoMode::Ring,
        ))
        .build_https();
    let config = aws_sdk_amplify::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .endpoint_url(endpoint)
        .credentials_provider(Credentials::new(access_key, secret_key, None, None, "test"))
        .retry_config(aws_sdk_amplify::config::retry::RetryConfig::disabled())
        .http_client(https)
        .build();
    aws_sdk_amplify::Client::from_conf(config)
}

/// The name and the message of an error of AWS's client.
pub(crate) fn error<E, R>(error: SdkError<E, R>) -> (String, String)
where
    E: ProvideErrorMetadata + std::fmt::Debug,
    R: std::fmt::Debug,
{
    let Some(refusal) = error.as_service_error() else { panic!("no answer: {error:?}") };
    (refusal.code().unwrap_or_default().to_owned(), refusal.message().unwrap_or_default().to_owned())
}

pub(crate) fn http() -> reqwest::Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().no_proxy().build().unwrap()
}

/// A zip of these files.
pub(crate) fn zip(files: &[(&str, &str)]) -> Vec<u8> {
    let mut packer = Packer::new(Cursor::new(Vec::new()));
    for (path, content) in files {
        packer.add(path, content.as_bytes()).unwrap();
    }
    packer.finish().unwrap().into_inner()
}

/// A site with one page.
pub(crate) fn page(text: &str) -> Vec<u8> {
    zip(&[("index.html", text)])
}

/// The machine's time, moved by as much as a test likes.
#[derive(Debug, Default)]
pub(crate) struct ShiftedClock(AtomicI64);

impl ShiftedClock {
    pub(crate) fn advance(&self, by: TimeDelta) {
        self.0.fetch_add(by.num_milliseconds(), Ordering::SeqCst);
    }
}

impl Clock for ShiftedClock {
    fn now(&self) -> DateTime<Utc> {
        SystemClock.now() + TimeDelta::milliseconds(self.0.load(Ordering::SeqCst))
    }
}
