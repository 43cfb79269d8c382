//! The log: what is written, in which form, and who else is told of spans.

#[cfg(feature = "otlp")]
mod otlp;

use std::io::{self, IsTerminal as _};

use clap::ValueEnum;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer as _, Registry, fmt};

/// In which form lines are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// For people
    #[default]
    Text,
    /// For programs: an object on each line, with the spans that it was said in
    Json,
}

/// The log of this process. Whoever drops it has said all there was to say.
#[must_use = "what was not sent yet is sent when it is dropped"]
pub(crate) struct Logging {
    #[cfg(feature = "otlp")]
    _spans: Option<otlp::Spans>,
}

impl Logging {
    /// Begins to log what `RUST_LOG` asks for, by default warnings, and with the feature `otlp` to send spans to the
    /// collector that `OTEL_EXPORTER_OTLP_ENDPOINT` names.
    ///
    /// # Errors
    ///
    /// Where the collector's address cannot be used.
    pub(crate) fn start(format: LogFormat) -> anyhow::Result<Self> {
        let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("warn"));
        let lines = fmt::layer::<Registry>().with_writer(io::stderr);
        let lines = match format {
            LogFormat::Text => lines.with_ansi(io::stderr().is_terminal()).boxed(),
            LogFormat::Json => lines.json().flatten_event(true).with_current_span(false).boxed(),
        };
        let registry = tracing_subscriber::registry().with(lines.with_filter(filter));
        #[cfg(feature = "otlp")]
        {
            let (layer, spans) = otlp::start()?.unzip();
            registry.with(layer).init();
            Ok(Self { _spans: spans })
        }
        #[cfg(not(feature = "otlp"))]
        {
            registry.init();
            Ok(Self {})
        }
    }
}
