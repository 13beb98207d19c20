//! What is counted of requests to the viewer and its API; probes and scrapes are not.
//!
//! Source: compactor specification 11.5; thanos pkg/extprom/http/instrument_server.go.

use std::time::Duration;

use hyper::StatusCode;
use prometheus::core::Collector;
use prometheus::{Error, HistogramOpts, HistogramVec, IntCounterVec, IntGaugeVec, Opts, Registry, exponential_buckets};

const SECONDS: [f64; 17] = [0.001, 0.01, 0.1, 0.3, 0.6, 1., 3., 6., 9., 20., 30., 60., 90., 120., 240., 360., 720.];

/// The families. Clones count into the same ones.
#[derive(Clone, Debug)]
pub struct HttpMetrics {
    requests: IntCounterVec,
    seconds: HistogramVec,
    request_bytes: HistogramVec,
    response_bytes: HistogramVec,
    inflight: IntGaugeVec,
}

/// One request that was answered.
#[derive(Clone, Copy, Debug)]
pub(super) struct Measured<'a> {
    /// Who answered.
    pub(super) handler: &'a str,
    /// Method in capitals.
    pub(super) method: &'a str,
    /// What was answered.
    pub(super) status: StatusCode,
    /// Time that it took.
    pub(super) took: Duration,
    /// Head and body of the request, about.
    pub(super) request_bytes: u64,
    /// Body of the answer.
    pub(super) response_bytes: u64,
}

impl HttpMetrics {
    /// Creates the families and registers them.
    ///
    /// # Errors
    /// If a family of the same name is registered already.
    pub fn register(registry: &Registry) -> Result<Self, Error> {
        const LABELS: &[&str] = &["code", "handler", "method"];
        let histogram = |name: &str, help: &str, buckets: Vec<f64>| {
            add(registry, HistogramVec::new(HistogramOpts::new(name, help).buckets(buckets), LABELS)?)
        };
        let bytes = exponential_buckets(64., 2., 10)?;
        Ok(Self {
            requests: add(
                registry,
                IntCounterVec::new(Opts::new("http_requests_total", "Tracks the number of HTTP requests."), LABELS)?,
            )?,
            seconds: histogram(
                "http_request_duration_seconds",
                "Tracks the latencies for HTTP requests.",
                SECONDS.to_vec(),
            )?,
            request_bytes: histogram("http_request_size_bytes", "Tracks the size of HTTP requests.", bytes.clone())?,
            response_bytes: histogram("http_response_size_bytes", "Tracks the size of HTTP responses.", bytes)?,
            inflight: add(
                registry,
                IntGaugeVec::new(
                    Opts::new(
                        "http_inflight_requests",
                        "Current number of HTTP requests the handler is responding to.",
                    ),
                    &["handler", "method"],
                )?,
            )?,
        })
    }

    /// A request has come; it counts as in flight until the value is dropped.
    pub(super) fn begin(&self, handler: &str, method: &str) -> InFlight {
        let gauge = self.inflight.with_label_values(&[handler, method]);
        gauge.inc();
        InFlight(gauge)
    }

    /// Counts an answered request.
    #[expect(clippy::cast_precision_loss, reason = "sizes above 2^53 bytes do not occur")]
    pub(super) fn end(&self, measured: Measured<'_>) {
        let Measured { handler, method, status, took, request_bytes, response_bytes } = measured;
        let method = method.to_ascii_lowercase();
        let labels = [status.as_str(), handler, &method];
        self.requests.with_label_values(&labels).inc();
        self.seconds.with_label_values(&labels).observe(took.as_secs_f64());
        self.request_bytes.with_label_values(&labels).observe(request_bytes as f64);
        self.response_bytes.with_label_values(&labels).observe(response_bytes as f64);
    }
}

/// A request that is being answered.
pub(super) struct InFlight(prometheus::IntGauge);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.dec();
    }
}

fn add<C: Collector + Clone + 'static>(registry: &Registry, family: C) -> Result<C, Error> {
    registry.register(Box::new(family.clone()))?;
    Ok(family)
}
