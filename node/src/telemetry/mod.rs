//! Logs, traces and metrics.
//!
//! Logs go to stderr, as text or as one JSON object a line, filtered by `RUST_LOG` (default
//! `info`). Traces go to an OTLP collector when `OTEL_EXPORTER_OTLP_ENDPOINT` is set, and nowhere
//! otherwise. Metrics wait to be asked for, at `/metrics`.

mod metrics;
mod trace;

pub use metrics::Metrics;
pub use trace::{carried, continued_from, of_directive};

use opentelemetry::trace::TracerProvider;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SdkTracerProvider;
use thiserror::Error;
use tracing::Level;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer};

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// Logging could not be set up. Nothing was installed.
#[derive(Debug, Error)]
pub enum TelemetryError {
    /// `RUST_LOG` does not parse.
    #[error("setting RUST_LOG is {value:?}: {reason}")]
    Filter {
        /// What was given.
        value: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The collector's settings do not parse.
    #[error("setting OTEL_EXPORTER_OTLP_ENDPOINT: {reason}")]
    Exporter {
        /// What is wrong.
        reason: String,
    },
    /// It was set up before, in this process.
    #[error("logging was set up twice")]
    Twice,
}

/// Keeps the exporter alive. Dropping it sends what is still queued; drop it last.
#[must_use = "dropping the guard stops the export of traces"]
pub struct Guard {
    exporter: Option<(SdkTracerProvider, tokio::runtime::Runtime)>,
}

impl Drop for Guard {
    fn drop(&mut self) {
        if let Some((provider, runtime)) = self.exporter.take() {
            if let Err(error) = provider.shutdown() {
                tracing::debug!(%error, "the last spans were not exported");
            }
            runtime.shutdown_background();
        }
    }
}

/// Install logging and, when an endpoint is set, the export of traces. Once per process.
pub fn init(format: LogFormat) -> Result<Guard, TelemetryError> {
    init_with(format, "info")
}

/// The same with the filter that holds when `RUST_LOG` is not set.
pub fn init_with(format: LogFormat, default_filter: &str) -> Result<Guard, TelemetryError> {
    let value = std::env::var("RUST_LOG").unwrap_or_default();
    let filter = if value.is_empty() {
        EnvFilter::new(default_filter)
    } else {
        EnvFilter::try_new(&value)
            .map_err(|error| TelemetryError::Filter { value, reason: error.to_string() })?
    };
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let lines = match format {
        LogFormat::Text => {
            use std::io::IsTerminal;
            let colour = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
            lines.with_ansi(colour).boxed()
        }
        LogFormat::Json => lines.json().boxed(),
    };
    let exporter = exporter()?;
    let spans = exporter.as_ref().map(|(provider, _)| {
        tracing_opentelemetry::layer().with_tracer(provider.tracer("cairn")).with_filter(ours())
    });
    tracing_subscriber::registry()
        .with(spans)
        .with(lines.with_filter(filter))
        .try_init()
        .map_err(|_| TelemetryError::Twice)?;
    Ok(Guard { exporter })
}

/// What is exported: the spans of our own crates. HTTP/2 has spans too, and exporting those over
/// HTTP/2 would bring about the next ones, for ever.
fn ours() -> Targets {
    Targets::new().with_target("cairn", Level::DEBUG)
}

/// The exporter has a runtime of its own: the caller may not have one yet, and the agent's must
/// not be needed to report that the agent's is stuck.
fn exporter() -> Result<Option<(SdkTracerProvider, tokio::runtime::Runtime)>, TelemetryError> {
    if std::env::var_os("OTEL_EXPORTER_OTLP_ENDPOINT").is_none_or(|value| value.is_empty()) {
        return Ok(None);
    }
    let failed = |reason: String| TelemetryError::Exporter { reason };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .thread_name("otlp")
        .enable_all()
        .build()
        .map_err(|error| failed(error.to_string()))?;
    let entered = runtime.enter();
    let exporter = opentelemetry_otlp::SpanExporter::builder()
        .with_tonic()
        .build()
        .map_err(|error| failed(error.to_string()))?;
    drop(entered);
    let provider = SdkTracerProvider::builder()
        .with_batch_exporter(exporter)
        .with_resource(Resource::builder().with_service_name("cairn").build())
        .build();
    Ok(Some((provider, runtime)))
}
