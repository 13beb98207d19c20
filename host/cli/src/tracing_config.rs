//! `--tracing.config`: which traces are kept and where they go, in Thanos' YAML.
//!
//! Source: compactor specification 1.1; thanos pkg/tracing/client/factory.go, docs/tracing.md.

mod jaeger;
mod keys;
mod otlp;
#[cfg(test)]
mod tests;

use std::time::Duration;

use lithify_bucket::ClientTls;
use reqwest::{Url, header::HeaderMap};
use serde::Deserialize;
use thiserror::Error;

use self::keys::Keys;
use crate::traces::Sampler;

/// Why a tracing configuration is refused. It has no value of a header and no password in it.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum TracingError {
    /// No YAML, or other keys than `type` and `config`.
    #[error("parsing config tracing YAML: {0}")]
    Yaml(String),
    /// A backend that there is none of.
    #[error("tracing with type {0} is not supported")]
    Type(String),
    /// A backend that the reference knows and this program does not.
    #[error("tracing with type {name} is not supported by lithify: {way_out}")]
    Unsupported {
        /// The backend.
        name: &'static str,
        /// What to do instead.
        way_out: &'static str,
    },
    /// A setting that cannot be used.
    #[error("{backend}: {key}: {problem}")]
    Setting {
        /// The backend.
        backend: &'static str,
        /// The key below `config`.
        key: String,
        /// What is wrong.
        problem: String,
    },
}

impl TracingError {
    pub(crate) fn setting(backend: &'static str, key: &str, problem: &str) -> Self {
        Self::Setting { backend, key: key.to_owned(), problem: problem.to_owned() }
    }
}

/// What is kept and where it goes.
#[derive(Debug)]
pub struct TraceConfig {
    /// The backend, in capital letters.
    pub backend: &'static str,
    /// What describes this process, by name.
    pub resource: Vec<(String, String)>,
    /// What is kept.
    pub sampler: Sampler,
    /// Spans that may wait to be sent.
    pub queue_max: usize,
    /// Longest time that a span waits for others to be sent with it.
    pub interval: Duration,
    /// When to try again.
    pub retry: Retry,
    /// Where it goes.
    pub target: Target,
    /// Sentences to be logged at start.
    pub warnings: Vec<String>,
}

/// When to try again what was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retry {
    /// After the first time.
    pub initial: Duration,
    /// At most, between two times.
    pub interval_max: Duration,
    /// At most, for one batch.
    pub elapsed_max: Duration,
}

impl Retry {
    /// What the reference does unless told otherwise.
    pub const USUAL: Self = Self {
        initial: Duration::from_secs(5),
        interval_max: Duration::from_secs(30),
        elapsed_max: Duration::from_secs(60),
    };
}

/// Where spans go.
#[derive(Debug)]
pub enum Target {
    /// A collector that is asked over HTTP.
    Http(Box<Collector>),
    /// Jaeger's agent, which takes datagrams.
    Datagrams {
        /// Host and port.
        address: String,
    },
}

/// What is said to a collector.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// OTLP over HTTP, in protocol buffers.
    Otlp,
    /// OTLP over gRPC.
    Grpc,
    /// Jaeger's thrift over HTTP.
    Jaeger,
}

/// A collector that is asked over HTTP.
#[derive(Debug)]
pub struct Collector {
    /// Where.
    pub url: Url,
    /// What is said to it.
    pub format: Format,
    /// Sent along. Values are marked as sensitive, so that nothing prints them.
    pub headers: HeaderMap,
    /// Whether requests are compressed.
    pub gzip: bool,
    /// Longest time for a request.
    pub timeout: Duration,
    /// Whom to trust.
    pub tls: ClientTls,
    /// The name that its certificate must carry, if it is not that of the URL.
    pub server_name: Option<String>,
}

/// Spans that may wait unless the YAML says otherwise; as in the reference.
const QUEUE_MAX: usize = 2048;

/// Most spans that the YAML may let wait.
const QUEUE_LIMIT: usize = 1 << 20;

/// Longest time that a span waits unless the YAML says otherwise; as in the reference.
const INTERVAL: Duration = Duration::from_secs(5);

/// Longest time for a request unless the YAML says otherwise; as in the reference.
const TIMEOUT: Duration = Duration::from_secs(10);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    #[serde(default)]
    r#type: String,
    #[serde(default)]
    config: serde_yaml::Value,
}

/// What `yaml` asks for; `None` for no text. `environment` is asked for variables in tags.
///
/// # Errors
/// [`TracingError`].
pub fn parse(yaml: &str, environment: &dyn Fn(&str) -> Option<String>) -> Result<Option<TraceConfig>, TracingError> {
    if yaml.is_empty() {
        return Ok(None);
    }
    let unread = |error: serde_yaml::Error| TracingError::Yaml(error.to_string());
    let document: Option<Document> = serde_yaml::from_str(yaml).map_err(unread)?;
    let (named, mut config) = document.map(|document| (document.r#type, document.config)).unwrap_or_default();
    config.apply_merge().map_err(unread)?;
    match named.to_uppercase().as_str() {
        "OTLP" => otlp::read(Keys::of("OTLP", config)?).map(Some),
        "JAEGER" => jaeger::read(Keys::of("JAEGER", config)?, environment).map(Some),
        known => Err(unsupported(known).unwrap_or(TracingError::Type(named))),
    }
}

/// Backends of the reference that are not built, each with its way out.
fn unsupported(name: &str) -> Option<TracingError> {
    const GOOGLE: &str = "send OTLP to an OpenTelemetry collector that exports to Google Cloud (type: OTLP)";
    let (name, way_out) = match name {
        "STACKDRIVER" => ("STACKDRIVER", GOOGLE),
        "GOOGLE_CLOUD" => ("GOOGLE_CLOUD", GOOGLE),
        "ELASTIC_APM" => ("ELASTIC_APM", "its server takes OTLP: name it as endpoint of type OTLP"),
        "LIGHTSTEP" => {
            ("LIGHTSTEP", "it takes OTLP: use type OTLP with the access token in the header lightstep-access-token")
        }
        _ => return None,
    };
    Some(TracingError::Unsupported { name, way_out })
}
