//! Traces: what was done when and within what, for a collector that shows it.
//!
//! Spans of the work come from `tracing` through [`TraceLayer`], those of requests to the API from [`Tracer`] itself. A
//! span that has ended goes into a queue; a task of its own sends it. A full queue loses spans, which is counted; nothing
//! else ever waits for a collector, and only the end of the process waits for what is left, [`CLOSING_MAX`] at most.
//!
//! Source: compactor specification 1.1, 6.1; OpenTelemetry, Trace SDK.

mod jaeger;
mod layer;
mod otlp;
mod queue;
mod sampler;
mod send;
mod thrift;
mod tracer;

pub(crate) use self::otlp::{METHOD as OTLP_METHOD, PATH as OTLP_PATH};
pub use self::{
    layer::TraceLayer,
    queue::{CLOSING_MAX, Exporter, Exporting, export},
    sampler::{Parents, Sampler},
    tracer::{Begun, Kind, Origin, Span, Tracer, Value},
};
