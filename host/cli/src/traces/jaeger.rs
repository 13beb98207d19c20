//! Spans as Jaeger's thrift has them.
//!
//! Source: jaeger-idl thrift/jaeger.thrift, thrift/agent.thrift; tags as OpenTelemetry's exporter for Jaeger names them.

use super::{
    thrift::{Thrift, one_way},
    tracer::{Kind, Origin, Span, Value},
};

/// Largest datagram, bytes; agents take no larger ones.
const DATAGRAM_BYTES_MAX: usize = 65_000;

/// Bytes that a datagram has besides the description of the process and its spans.
const ENVELOPE_BYTES: usize = 64;

const KEPT: i32 = 1;

/// The body that a collector takes over HTTP.
pub(super) fn batch(resource: &[(String, String)], spans: &[Span]) -> Vec<u8> {
    let mut out = Vec::new();
    of(process(resource), spans.iter().map(span).collect()).binary(&mut out);
    out
}

/// What an agent takes, in as many datagrams as it needs. A span that is too large for one is left out.
pub(super) fn datagrams(resource: &[(String, String)], spans: &[Span]) -> Vec<Vec<u8>> {
    let size = |value: &Thrift| {
        let mut out = Vec::new();
        value.compact(&mut out);
        out.len()
    };
    let room = DATAGRAM_BYTES_MAX.saturating_sub(ENVELOPE_BYTES + size(&process(resource)));
    let (mut datagrams, mut waiting, mut bytes) = (Vec::new(), Vec::new(), 0);
    let emit = |spans: Vec<Thrift>| one_way("emitBatch", of(process(resource), spans));
    for span in spans.iter().map(span) {
        let more = size(&span);
        if more > room {
            continue;
        }
        if bytes + more > room {
            datagrams.push(emit(std::mem::take(&mut waiting)));
            bytes = 0;
        }
        bytes += more;
        waiting.push(span);
    }
    if !waiting.is_empty() {
        datagrams.push(emit(waiting));
    }
    datagrams
}

fn of(process: Thrift, spans: Vec<Thrift>) -> Thrift {
    Thrift::Struct(vec![(1, process), (2, Thrift::List(spans))])
}

fn process(resource: &[(String, String)]) -> Thrift {
    let service = resource.iter().find(|(name, _)| name == "service.name");
    let tags = resource.iter().filter(|(name, _)| name != "service.name");
    let tags = tags.map(|(name, value)| tag(name, &Value::Text(value.clone())));
    let name = service.map(|(_, name)| name.clone()).unwrap_or_default();
    Thrift::Struct(vec![(1, Thrift::Text(name)), (2, Thrift::List(tags.collect()))])
}

fn span(span: &Span) -> Thrift {
    let Origin { trace, span: id, .. } = span.origin;
    let half = |bits: u128| Thrift::I64(u64::try_from(bits & u128::from(u64::MAX)).expect("masked").cast_signed());
    let micros = |ns: u64| Thrift::I64((ns / 1000).cast_signed());
    let text = |text: &str| Value::Text(text.to_owned());
    let mut tags: Vec<_> = span.attributes.iter().map(|(name, value)| tag(name, value)).collect();
    if span.kind == Kind::Server {
        tags.push(tag("span.kind", &text("server")));
    }
    tags.push(tag("otel.scope.name", &text("lithify")));
    tags.push(tag("otel.scope.version", &text(env!("CARGO_PKG_VERSION"))));
    let mut fields = vec![
        (1, half(trace)),
        (2, half(trace >> 64)),
        (3, Thrift::I64(id.cast_signed())),
        (4, Thrift::I64(span.parent.map_or(0, |parent| parent.span).cast_signed())),
        (5, Thrift::Text(span.name.to_string())),
        (7, Thrift::I32(KEPT)),
        (8, micros(span.begun_ns)),
        (9, micros(span.ended_ns.saturating_sub(span.begun_ns))),
    ];
    let mut logs = Vec::new();
    if let Some((at_ns, error)) = &span.error {
        tags.push(tag("error", &Value::Bool(true)));
        tags.push(tag("otel.status_code", &text("ERROR")));
        let said = vec![tag("event", &text("error")), tag("error.object", &text(error))];
        logs.push(Thrift::Struct(vec![(1, micros(*at_ns)), (2, Thrift::List(said))]));
    }
    fields.push((10, Thrift::List(tags)));
    if !logs.is_empty() {
        fields.push((11, Thrift::List(logs)));
    }
    Thrift::Struct(fields)
}

fn tag(name: &str, value: &Value) -> Thrift {
    let (kind, at, value) = match value {
        Value::Text(text) => (0, 3, Thrift::Text(text.clone())),
        Value::Float(number) => (1, 4, Thrift::Double(*number)),
        Value::Bool(yes) => (2, 5, Thrift::Bool(*yes)),
        Value::Integer(number) => (3, 6, Thrift::I64(*number)),
    };
    Thrift::Struct(vec![(1, Thrift::Text(name.to_owned())), (2, Thrift::I32(kind)), (at, value)])
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use super::*;

    fn spans(count: u64, text: &str) -> Vec<Span> {
        let origin = |span| Origin { trace: 7, span, is_kept: true, is_remote: false };
        let made = |span| Span {
            origin: origin(span),
            parent: None,
            name: Cow::Borrowed("compaction"),
            kind: Kind::Internal,
            begun_ns: 5_000,
            ended_ns: 9_000,
            attributes: vec![(Cow::Borrowed("block.id"), Value::Text(text.to_owned()))],
            error: Some((6_000, "broken".to_owned())),
        };
        (1..=count).map(made).collect()
    }

    #[test]
    fn datagrams_are_small_enough_and_hold_every_span_that_fits() {
        let resource = [("service.name".to_owned(), "x".to_owned()), ("a".to_owned(), "b".to_owned())];
        let mut all = spans(30, &"t".repeat(9_000));
        all.extend(spans(1, &"u".repeat(DATAGRAM_BYTES_MAX)));
        let sent = datagrams(&resource, &all);
        assert_eq!(sent.len(), 5);
        assert!(sent.iter().all(|datagram| datagram.len() <= DATAGRAM_BYTES_MAX), "{:?}", sent[0].len());
        let names = |bytes: &[u8]| bytes.windows(10).filter(|window| window == b"compaction").count();
        assert_eq!(sent.iter().map(|datagram| names(datagram)).sum::<usize>(), 30);
        assert!(datagrams(&resource, &[]).is_empty());
    }

    #[test]
    fn a_collector_is_sent_names_times_and_errors() {
        let sent = batch(&[], &spans(1, "01JN"));
        let has = |words: &[u8]| sent.windows(words.len()).any(|window| window == words);
        for words in
            [&b"compaction"[..], b"block.id", b"01JN", b"error.object", b"broken", &[10, 0, 9, 0, 0, 0, 0, 0, 0, 0, 4]]
        {
            assert!(has(words), "{words:?}");
        }
    }
}
