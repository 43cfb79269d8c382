//! What there is to know of a running server, in the form of Prometheus.

use std::net::IpAddr;
use std::sync::Arc;

use axum::body::Body;
use http::header::{ALLOW, CONTENT_TYPE};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use prometheus_client::encoding::text;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};
use windlass_http::{Api, JobCounts};
use windlass_runner::Runner;
use windlass_store::{Clock, Commits};

use super::listen::Answer;

/// Where it is.
pub(super) const PATH: &str = "/metrics";

/// OpenMetrics, which Prometheus asks for by itself.
const FORM: HeaderValue = HeaderValue::from_static("application/openmetrics-text; version=1.0.0; charset=utf-8");

/// Everything that is counted in this process.
#[derive(Clone)]
pub(super) struct Metrics(Arc<Inner>);

struct Inner {
    registry: Registry,
    jobs: JobCounts,
}

impl Metrics {
    pub(super) fn new(api: &Api, runner: &Runner, commits: &Commits, jobs: JobCounts, clock: &dyn Clock) -> Self {
        let mut registry = Registry::with_prefix("windlass");
        let build = Info::new([("version", env!("CARGO_PKG_VERSION"))]);
        registry.register("build", "The version that runs", build);
        let started = ConstGauge::new(clock.now().timestamp_millis() as f64 / 1e3);
        let help = "When this process began to serve, as Unix time";
        registry.register_with_unit("start_time", help, Unit::Seconds, started);
        api.register(&mut registry);
        runner.register(&mut registry);
        commits.register(&mut registry);
        jobs.register(&mut registry);
        Self(Arc::new(Inner { registry, jobs }))
    }

    /// Everything, as it is now.
    pub(super) async fn page(&self) -> Response<Body> {
        if let Err(error) = self.0.jobs.catch_up().await {
            // All else is still worth knowing, above all now.
            tracing::warn!(%error, "the jobs in the metrics are not of now");
        }
        let mut page = String::new();
        match text::encode(&mut page, &self.0.registry) {
            Ok(()) => {
                let mut response = Response::new(Body::from(page));
                response.headers_mut().insert(CONTENT_TYPE, FORM);
                response
            }
            Err(error) => {
                tracing::error!(%error, "the metrics cannot be written");
                said(StatusCode::INTERNAL_SERVER_ERROR, "The metrics cannot be written; the log says why.\n")
            }
        }
    }
}

/// On an address of their own there is nothing else.
impl Answer for Metrics {
    async fn answer(self, request: Request<Body>, _: IpAddr) -> Response<Body> {
        match (request.uri().path(), request.method()) {
            (PATH, &Method::GET | &Method::HEAD) => self.page().await,
            (PATH, _) => {
                let mut response = said(StatusCode::METHOD_NOT_ALLOWED, "The metrics can be read and nothing else.\n");
                response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
                response
            }
            _ => said(StatusCode::NOT_FOUND, "There is nothing here but /metrics.\n"),
        }
    }
}

fn said(status: StatusCode, text: &'static str) -> Response<Body> {
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}
