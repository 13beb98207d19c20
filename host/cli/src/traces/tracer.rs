//! Spans that begin and end, and their names for the outside.
//!
//! Source: W3C Trace Context (`traceparent`); OpenTelemetry, Trace API.

use std::{
    borrow::Cow,
    sync::{Arc, atomic::Ordering},
};

use lithify_compactor::Ambient;
use tokio::sync::mpsc;

use super::{queue::Lost, sampler::Sampler};

/// Longest text in a span, characters.
pub(super) const TEXT_MAX: usize = 4096;

/// Which span of which trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The trace, never 0.
    pub trace: u128,
    /// The span, never 0.
    pub span: u64,
    /// Whether it is kept.
    pub is_kept: bool,
    /// Whether it is a span of another process.
    pub is_remote: bool,
}

impl Origin {
    /// What the header `traceparent` names, if it names something.
    #[must_use]
    pub fn of_header(text: &str) -> Option<Self> {
        let mut parts = text.trim().split('-');
        let (version, trace, span, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let lengths = [version.len(), trace.len(), span.len(), flags.len()] == [2, 32, 16, 2];
        let lower = |c: u8| c == b'-' || c.is_ascii_digit() || (b'a'..=b'f').contains(&c);
        // Later versions may append something, the first one has no more.
        let known = version != "ff" && (version != "00" || parts.next().is_none());
        if !lengths || !known || !text.trim().bytes().take(55).all(lower) {
            return None;
        }
        let (trace, span) = (u128::from_str_radix(trace, 16).ok()?, u64::from_str_radix(span, 16).ok()?);
        let is_kept = u8::from_str_radix(flags, 16).ok()? & 1 == 1;
        (trace != 0 && span != 0).then_some(Self { trace, span, is_kept, is_remote: true })
    }
}

/// What a span tells of itself.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Text.
    Text(String),
    /// A whole number.
    Integer(i64),
    /// Any number.
    Float(f64),
    /// Yes or no.
    Bool(bool),
}

/// On whose behalf a span is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Our own.
    Internal,
    /// That of a client that asked.
    Server,
}

/// A span that has ended and is kept.
#[derive(Clone, Debug, PartialEq)]
pub struct Span {
    /// Itself.
    pub origin: Origin,
    /// Within which span.
    pub parent: Option<Origin>,
    /// What was done.
    pub name: Cow<'static, str>,
    /// On whose behalf.
    pub kind: Kind,
    /// Nanoseconds since 1970.
    pub begun_ns: u64,
    /// Nanoseconds since 1970.
    pub ended_ns: u64,
    /// Names and values, in the order of writing.
    pub attributes: Vec<(Cow<'static, str>, Value)>,
    /// What went wrong and when, nanoseconds since 1970.
    pub error: Option<(u64, String)>,
}

/// A span that has begun.
#[derive(Clone, Debug, PartialEq)]
pub struct Begun(pub(super) Span);

impl Begun {
    /// The trace, if it is kept.
    #[must_use]
    pub fn kept_trace(&self) -> Option<u128> {
        self.0.origin.is_kept.then_some(self.0.origin.trace)
    }

    /// Adds an attribute; of a long text its beginning.
    pub fn tell(&mut self, name: impl Into<Cow<'static, str>>, value: Value) {
        let value = match value {
            Value::Text(text) => Value::Text(text.chars().take(TEXT_MAX).collect()),
            Value::Integer(_) | Value::Float(_) | Value::Bool(_) => value,
        };
        self.0.attributes.push((name.into(), value));
    }
}

/// Begins spans and hands on those that end.
pub struct Tracer {
    ambient: Arc<dyn Ambient>,
    sampler: Sampler,
    queue: mpsc::Sender<Span>,
    lost: Arc<Lost>,
}

impl Tracer {
    pub(super) fn new(ambient: Arc<dyn Ambient>, sampler: Sampler, queue: mpsc::Sender<Span>, lost: Arc<Lost>) -> Self {
        Self { ambient, sampler, queue, lost }
    }

    /// Begins a span below `parent`, or a trace. One that is `forced` is kept whatever the sampler says.
    #[must_use]
    pub fn begin(
        &self,
        name: impl Into<Cow<'static, str>>,
        kind: Kind,
        parent: Option<Origin>,
        is_forced: bool,
    ) -> Begun {
        let trace = parent.map_or_else(|| self.trace_id(), |parent| parent.trace);
        let is_kept = is_forced || self.sampler.keeps(trace, parent);
        let begun_ns = self.now_ns();
        let origin = Origin { trace, span: self.span_id(), is_kept, is_remote: false };
        let (attributes, error) = (Vec::new(), None);
        Begun(Span { origin, parent, name: name.into(), kind, begun_ns, ended_ns: begun_ns, attributes, error })
    }

    /// Ends a span. It is handed on if it is kept and the queue has room; never waits.
    pub fn end(&self, begun: Begun) {
        let Begun(mut span) = begun;
        if span.origin.is_kept {
            span.ended_ns = self.now_ns();
            if self.queue.try_send(span).is_err() {
                self.lost.full.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    /// A name for a request that has none.
    pub(crate) fn request_id(&self) -> String {
        self.ambient.new_block_id().to_string()
    }

    pub(super) fn now_ns(&self) -> u64 {
        let now = self.ambient.now();
        let seconds = u64::try_from(now.seconds).unwrap_or_default();
        seconds.saturating_mul(1_000_000_000).saturating_add(now.nanos.into())
    }

    fn trace_id(&self) -> u128 {
        // 80 random bits at a time; the lower ones of the second fill the upper ones.
        (self.ambient.random() ^ self.ambient.random() << 64).max(1)
    }

    fn span_id(&self) -> u64 {
        u64::try_from(self.ambient.random() & u128::from(u64::MAX)).expect("the lower half fits").max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_traceparent_names_trace_span_and_decision() {
        let header = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        let origin = Origin {
            trace: 0x0af7_6519_16cd_43dd_8448_eb21_1c80_319c,
            span: 0xb7ad_6b71_6920_3331,
            is_kept: true,
            is_remote: true,
        };
        assert_eq!(Origin::of_header(header), Some(origin));
        assert_eq!(Origin::of_header(&header.replace("-01", "-00")), Some(Origin { is_kept: false, ..origin }));
        assert_eq!(Origin::of_header(&format!("cc{}-more", &header[2..])), Some(origin));
        for bad in [
            "",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more",
            "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
            "00-0AF7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-+af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "é0-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        ] {
            assert_eq!(Origin::of_header(bad), None, "{bad}");
        }
    }
}
