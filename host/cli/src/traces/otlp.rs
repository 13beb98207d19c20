//! Spans as OTLP has them.
//!
//! Source: OpenTelemetry Protocol 1.9, trace/v1/trace.proto, collector/trace/v1/trace_service.proto.

use super::tracer::{Kind, Origin, Span, Value};
use crate::protobuf::Message;

/// Where OTLP over HTTP takes spans when nothing else is said.
pub(crate) const PATH: &str = "/v1/traces";

/// Where OTLP over gRPC takes spans.
pub(crate) const METHOD: &str = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";

/// Of a kept span; and whether it is known that its parent is of another process, and that it is.
const KEPT: u32 = 1;
const PARENT_KNOWN: u32 = 0x100;
const PARENT_REMOTE: u32 = 0x200;

const STATUS_ERROR: u64 = 2;

/// The request that exports `spans` of what `resource` describes.
pub(super) fn request(resource: &[(String, String)], spans: &[Span]) -> Vec<u8> {
    let described = resource.iter().fold(Message::default(), |message, (name, value)| {
        message.message(1, &attribute(name, &Value::Text(value.clone())))
    });
    let scope = Message::default().bytes(1, b"lithify").bytes(2, env!("CARGO_PKG_VERSION").as_bytes());
    let scoped =
        spans.iter().fold(Message::default().message(1, &scope), |message, each| message.message(2, &span(each)));
    Message::default().message(1, &Message::default().message(1, &described).message(2, &scoped)).into_bytes()
}

fn span(span: &Span) -> Message {
    let Origin { trace, span: id, .. } = span.origin;
    let mut message = Message::default().bytes(1, &trace.to_be_bytes()).bytes(2, &id.to_be_bytes());
    if let Some(parent) = span.parent {
        message = message.bytes(4, &parent.span.to_be_bytes());
    }
    let kind = match span.kind {
        Kind::Internal => 1,
        Kind::Server => 2,
    };
    message = message.bytes(5, span.name.as_bytes()).uint(6, kind).fixed64(7, span.begun_ns).fixed64(8, span.ended_ns);
    for (name, value) in &span.attributes {
        message = message.message(9, &attribute(name, value));
    }
    // An error is an event without a name, as the reference has it.
    if let Some((at_ns, error)) = &span.error {
        let event = Message::default()
            .fixed64(1, *at_ns)
            .message(3, &attribute("event", &Value::Text("error".to_owned())))
            .message(3, &attribute("error.object", &Value::Text(error.clone())));
        message = message.message(11, &event).message(15, &Message::default().uint(3, STATUS_ERROR));
    }
    let remote = span.parent.filter(|parent| parent.is_remote).map_or(0, |_| PARENT_REMOTE);
    message.fixed32(16, KEPT | PARENT_KNOWN | remote)
}

fn attribute(name: &str, value: &Value) -> Message {
    let any = match value {
        Value::Text(text) => Message::default().bytes(1, text.as_bytes()),
        Value::Bool(yes) => Message::default().uint(2, u64::from(*yes)),
        Value::Integer(number) => Message::default().uint(3, number.cast_unsigned()),
        Value::Float(number) => Message::default().double(4, *number),
    };
    Message::default().bytes(1, name.as_bytes()).message(2, &any)
}
