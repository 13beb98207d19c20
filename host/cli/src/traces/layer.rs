//! From spans of `tracing` to spans of traces.

use std::{error::Error, fmt, sync::Arc};

use lithify_compactor::SPANS;
use tracing::{
    Subscriber,
    field::{Field, Visit},
    span::{Attributes, Id, Record},
};
use tracing_subscriber::{
    layer::{Context, Layer},
    registry::LookupSpan,
};

use super::tracer::{Begun, Kind, TEXT_MAX, Tracer, Value};
use crate::logging::chain;

/// Takes the spans that are meant for traces, from their making to their end.
pub struct TraceLayer {
    tracer: Arc<Tracer>,
}

impl TraceLayer {
    /// Hands spans to `tracer`.
    #[must_use]
    pub fn new(tracer: Arc<Tracer>) -> Self {
        Self { tracer }
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for TraceLayer {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, cx: Context<'_, S>) {
        let Some(span) = cx.span(id).filter(|span| span.metadata().target() == SPANS) else { return };
        // Spans of logs may lie between.
        let parent = span.scope().skip(1).find_map(|span| Some(span.extensions().get::<Begun>()?.0.origin));
        let mut begun = self.tracer.begin(span.metadata().name(), Kind::Internal, parent, false);
        attributes.record(&mut Fields { begun: &mut begun, tracer: &self.tracer });
        span.extensions_mut().insert(begun);
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, cx: Context<'_, S>) {
        if let Some(span) = cx.span(id)
            && let Some(begun) = span.extensions_mut().get_mut::<Begun>()
        {
            values.record(&mut Fields { begun, tracer: &self.tracer });
        }
    }

    fn on_close(&self, id: Id, cx: Context<'_, S>) {
        let begun = cx.span(&id).and_then(|span| span.extensions_mut().remove::<Begun>());
        if let Some(begun) = begun {
            self.tracer.end(begun);
        }
    }
}

/// Writes fields into a span; the field `error` is what went wrong.
struct Fields<'a> {
    begun: &'a mut Begun,
    tracer: &'a Tracer,
}

impl Fields<'_> {
    fn push(&mut self, field: &Field, value: Value) {
        if let ("error", Value::Text(text)) = (field.name(), &value) {
            self.begun.0.error = Some((self.tracer.now_ns(), text.chars().take(TEXT_MAX).collect()));
            return;
        }
        self.begun.tell(field.name(), value);
    }
}

impl Visit for Fields<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.push(field, Value::Text(format!("{value:?}")));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.push(field, Value::Text(value.to_owned()));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.push(field, Value::Integer(value));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.push(field, Value::Integer(i64::try_from(value).unwrap_or(i64::MAX)));
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.push(field, Value::Float(value));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.push(field, Value::Bool(value));
    }

    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        self.push(field, Value::Text(chain(value)));
    }
}
