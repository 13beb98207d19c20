//! Metrics as scrapers want them: text, OpenMetrics or protocol buffers, after what the request accepts.
//!
//! All names and labels of this program are plain, so `escaping` is repeated to who asks for it and changes nothing.
//!
//! Source: compactor specification 12.1; Prometheus docs/content/instrumenting/exposition_formats.md; OpenMetrics 1.0;
//! prometheus/common expfmt.

mod accept;
mod delimited;
mod number;
mod text;

use hyper::HeaderMap;
use hyper::header::HeaderValue;
use prometheus::proto::MetricFamily;

/// The formats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// `text/plain; version=0.0.4`.
    Text,
    /// OpenMetrics of this version.
    OpenMetrics(&'static str),
    /// Protocol buffers, each message behind its length.
    Delimited,
}

/// A format and how it is named to the scraper.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Format {
    kind: Kind,
    escaping: &'static str,
}

impl Format {
    /// What the request would like best of what there is; text if it does not say.
    pub(super) fn negotiated(headers: &HeaderMap) -> Self {
        accept::best(headers)
    }

    /// The content type of an answer in this format.
    pub(super) fn content_type(self) -> HeaderValue {
        let start = match self.kind {
            Kind::Text => "text/plain; version=0.0.4; charset=utf-8".to_owned(),
            Kind::OpenMetrics(version) => format!("application/openmetrics-text; version={version}; charset=utf-8"),
            Kind::Delimited => format!("{}; proto={}; encoding=delimited", accept::PROTOBUF, accept::FAMILY),
        };
        let text = format!("{start}; escaping={}", self.escaping);
        HeaderValue::from_str(&text).expect("made of constants in ASCII")
    }

    /// The families in this format.
    pub(super) fn encode(self, families: &[MetricFamily]) -> Vec<u8> {
        match self.kind {
            Kind::Text => text::encode(families, text::Dialect::Prometheus).into_bytes(),
            Kind::OpenMetrics(_) => text::encode(families, text::Dialect::OpenMetrics).into_bytes(),
            Kind::Delimited => delimited::encode(families),
        }
    }
}
