//! The span of a request to the API.
//!
//! Source: compactor specification 12 (headers); thanos pkg/tracing/http.go, pkg/server/http/middleware/request_id.go.

use hyper::HeaderMap;
use hyper::header::{HeaderName, HeaderValue};
use hyper::http::request::Parts;

use super::answer::Answer;
use crate::traces::{Begun, Kind, Origin, Tracer, Value};

/// A request with this header is traced whatever the sampler says.
const FORCED: &str = "x-thanos-force-tracing";

/// Names the request.
const REQUEST_ID: &str = "x-request-id";

/// Says within which span of the client it is.
const PARENT: &str = "traceparent";

/// Tells the client the trace, if it is kept.
const TRACE_ID: HeaderName = HeaderName::from_static("x-thanos-trace-id");

/// A request that is being answered. One that is broken off has no span.
pub(super) struct RequestSpan<'a> {
    tracer: &'a Tracer,
    begun: Begun,
}

impl<'a> RequestSpan<'a> {
    /// A request to the handler of this name has come.
    pub(super) fn begin(tracer: &'a Tracer, handler: &str, head: &Parts) -> Self {
        let given = |name| text(&head.headers, name);
        let parent = given(PARENT).and_then(Origin::of_header);
        let is_forced = given(FORCED).is_some();
        let mut begun = tracer.begin(format!("/{handler} HTTP[server]"), Kind::Server, parent, is_forced);
        let id = given(REQUEST_ID).map_or_else(|| tracer.request_id(), str::to_owned);
        begun.tell("request_id", Value::Text(id));
        if is_forced {
            begun.tell("thanos.force_tracing", Value::Text("true".to_owned()));
        }
        begun.tell("http.method", Value::Text(head.method.to_string()));
        begun.tell("http.url", Value::Text(head.uri.to_string()));
        Self { tracer, begun }
    }

    /// It is answered.
    pub(super) fn end(self, mut answer: Answer) -> Answer {
        if let Some(trace) = self.begun.kept_trace() {
            let value = HeaderValue::from_str(&format!("{trace:032x}")).expect("digits may stand in a header");
            answer.headers_mut().insert(TRACE_ID, value);
        }
        self.tracer.end(self.begun);
        answer
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok().filter(|text| !text.is_empty())
}
