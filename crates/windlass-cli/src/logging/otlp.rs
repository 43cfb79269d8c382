//! Spans for an OpenTelemetry collector, by its protocol over HTTP. The environment says where it is and what else there is to
//! say, by the names that
//! [OpenTelemetry](https://opentelemetry.io/docs/languages/sdk-configuration/otlp-exporter/) gives it.

use std::env;

use anyhow::Context as _;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_otlp::SpanExporter;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing::Subscriber;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::registry::LookupSpan;

/// Those that say where the collector is. Without one, nothing is sent.
const ENDPOINTS: [&str; 2] = ["OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"];

/// The spans that are on their way.
pub(super) struct Spans(SdkTracerProvider);

/// What sends spans, where the environment names a collector.
pub(super) fn start<S>() -> anyhow::Result<Option<(impl Layer<S>, Spans)>>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    if ENDPOINTS.iter().all(|name| env::var_os(name).is_none_or(|endpoint| endpoint.is_empty())) {
        return Ok(None);
    }
    let exporter = SpanExporter::builder().with_http().build().context("cannot send spans to the collector")?;
    let mut resource = Resource::builder();
    if env::var_os("OTEL_SERVICE_NAME").is_none() {
        resource = resource.with_service_name("windlass");
    }
    let provider = SdkTracerProvider::builder().with_batch_exporter(exporter).with_resource(resource.build()).build();
    let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("windlass"));
    // Ours alone: those of the client that sends them would never end.
    let ours = Targets::new().with_target("windlass", LevelFilter::INFO);
    Ok(Some((layer.with_filter(ours), Spans(provider))))
}

impl Drop for Spans {
    fn drop(&mut self) {
        if let Err(error) = self.0.shutdown() {
            tracing::warn!(%error, "the last spans were not sent");
        }
    }
}
