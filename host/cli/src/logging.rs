//! Log lines as operators of the reference know them: logfmt or JSON, `ts`, `caller`, `level`, then what was said.
//!
//! The fields of the spans around an event (`group`, `ulid`) stand before `msg`, where the reference has the context
//! of its loggers; the fields of the event come after it.
//!
//! Source: compactor specification 1.1; thanos pkg/logging/logger.go.

pub mod journal;
mod json;
mod logfmt;

use std::error::Error;
use std::fmt;
use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError};

use lithify_block::Rfc3339;
use lithify_compactor::SPANS;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;

use self::journal::Journal;
use crate::screen::Screen;
use crate::traces::TraceLayer;

/// How a line is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// `key=value` pairs; also what the journal is sent.
    Logfmt,
    /// One object a line.
    Json,
}

impl Format {
    /// The format that `--log.format` names.
    #[must_use]
    pub fn named(name: &str) -> Self {
        if name == "json" { Self::Json } else { Self::Logfmt }
    }
}

/// The level that `--log.level` names; `info` for a name that the flag does not take.
#[must_use]
pub fn level_named(name: &str) -> Level {
    match name {
        "error" => Level::ERROR,
        "warn" => Level::WARN,
        "debug" => Level::DEBUG,
        _ => Level::INFO,
    }
}

/// Writes events to a screen. What other people's crates say is shown from `warn` upwards only.
pub struct LogLayer<C> {
    level: Level,
    format: Format,
    clock: C,
    screen: Arc<Mutex<Screen>>,
    name: String,
    journal: Option<Journal>,
    /// Whether somebody takes spans that are no context of lines.
    traced: bool,
}

impl<C: Fn() -> Rfc3339> LogLayer<C> {
    /// A layer that shows events up to `level`; `clock` is asked once a line.
    pub fn new(level: Level, format: Format, clock: C, screen: Arc<Mutex<Screen>>) -> Self {
        Self { level, format, clock, screen, name: String::new(), journal: None, traced: false }
    }

    /// The same with `name=<name>` in every line, unless the name is empty.
    #[must_use]
    pub fn named(self, name: &str) -> Self {
        Self { name: name.to_owned(), ..self }
    }

    /// The same with the journal, if there is one, in the place of the screen.
    #[must_use]
    pub fn into_journal(self, journal: Option<Journal>) -> Self {
        Self { journal, ..self }
    }
}

impl<C: Fn() -> Rfc3339 + Send + Sync + 'static> LogLayer<C> {
    /// Makes this layer what the whole process logs to, and `traces` what takes its spans, if anybody wants them. Only
    /// the first call has an effect.
    pub fn install(self, traces: Option<TraceLayer>) {
        let logs = Self { traced: traces.is_some(), ..self };
        // A second call can only come from a test of the whole program, which keeps the first screen.
        let _ = match traces {
            Some(traces) => {
                tracing::subscriber::set_global_default(tracing_subscriber::registry().with(logs).with(traces))
            }
            None => tracing::subscriber::set_global_default(tracing_subscriber::registry().with(logs)),
        };
    }
}

/// The value of a field, as its format may show it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    Text(String),
    Integer(i64),
    Unsigned(u64),
    Float(f64),
    Bool(bool),
}

/// The fields of an event or a span in the order of writing; the message of an event is apart.
#[derive(Debug, Default)]
struct Fields {
    message: Option<String>,
    pairs: Vec<(&'static str, Value)>,
}

impl<S, C> Layer<S> for LogLayer<C>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    C: Fn() -> Rfc3339 + 'static,
{
    fn enabled(&self, metadata: &Metadata<'_>, _: Context<'_, S>) -> bool {
        // A layer that says no says it for all layers.
        if metadata.target() == SPANS && metadata.is_span() {
            return self.traced;
        }
        let ours = metadata.target().starts_with("lithify");
        // Spans are context of lines that are shown, so their own level does not matter.
        if ours {
            metadata.is_span() || *metadata.level() <= self.level
        } else {
            *metadata.level() <= Level::WARN.min(self.level)
        }
    }

    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, cx: Context<'_, S>) {
        if let Some(span) = cx.span(id).filter(|span| span.metadata().target() != SPANS) {
            let mut fields = Fields::default();
            attributes.record(&mut fields);
            span.extensions_mut().insert(fields);
        }
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, cx: Context<'_, S>) {
        if let Some(span) = cx.span(id)
            && let Some(fields) = span.extensions_mut().get_mut::<Fields>()
        {
            values.record(fields);
        }
    }

    fn on_event(&self, event: &Event<'_>, cx: Context<'_, S>) {
        let mut said = Fields::default();
        event.record(&mut said);
        let mut pairs = self.header(event.metadata());
        for span in cx.event_scope(event).into_iter().flat_map(|scope| scope.from_root()) {
            if let Some(fields) = span.extensions().get::<Fields>() {
                pairs.extend(fields.pairs.iter().cloned());
            }
        }
        pairs.extend(said.message.map(|message| ("msg", Value::Text(message))));
        pairs.extend(said.pairs);
        let line = match self.format {
            Format::Logfmt => logfmt::line(&pairs),
            Format::Json => json::line(pairs),
        };
        match &self.journal {
            Some(journal) => journal.send(*event.metadata().level(), &line),
            None => self.screen.lock().unwrap_or_else(PoisonError::into_inner).line(&line),
        }
    }
}

impl<C: Fn() -> Rfc3339> LogLayer<C> {
    fn header(&self, metadata: &Metadata<'_>) -> Vec<(&'static str, Value)> {
        let now = (self.clock)();
        let file = metadata.file().and_then(|path| path.rsplit(['/', '\\']).next()).unwrap_or("unknown");
        let level = match *metadata.level() {
            Level::ERROR => "error",
            Level::WARN => "warn",
            Level::INFO => "info",
            Level::DEBUG | Level::TRACE => "debug",
        };
        let mut header = vec![
            ("ts", Value::Text(now.to_string())),
            ("caller", Value::Text(format!("{file}:{}", metadata.line().unwrap_or(0)))),
            ("level", Value::Text(level.to_owned())),
        ];
        if !self.name.is_empty() {
            header.push(("name", Value::Text(self.name.clone())));
        }
        header
    }
}

impl Fields {
    fn push(&mut self, field: &Field, value: Value) {
        if let ("message", Value::Text(text)) = (field.name(), &value) {
            self.message = Some(text.clone());
            return;
        }
        // A span may record a field again; the last value counts.
        match self.pairs.iter_mut().find(|(name, _)| *name == field.name()) {
            Some((_, old)) => *old = value,
            None => self.pairs.push((field.name(), value)),
        }
    }
}

impl Visit for Fields {
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
        self.push(field, Value::Unsigned(value));
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

/// An error and what caused it, joined by colons.
#[must_use]
pub fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}

/// Prints to standard error what has to be said before there is a logger: help, and errors of the command line.
pub fn print_before_logging(text: &str) {
    // A closed standard error leaves nobody to tell.
    let _ = std::io::stderr().lock().write_all(text.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::screen::tests::Captured;

    fn lines(level: Level, format: Format, body: impl FnOnce()) -> String {
        let captured = Captured::default();
        let screen = Arc::new(Mutex::new(Screen::new(Box::new(captured.clone()), None)));
        let clock = || Rfc3339 { seconds: 1_740_787_200, nanos: 120_000_000 };
        let layer = LogLayer::new(level, format, clock, screen);
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), body);
        captured.text()
    }

    /// Lines without their `caller`, which changes with every edit of this file.
    fn without_caller(text: &str) -> String {
        let start = text.find("caller=logging.rs:").expect("caller names this file");
        let end = start + text[start..].find(' ').expect("more fields follow");
        format!("{}{}", &text[..start], &text[end + 1..])
    }

    #[test]
    fn a_line_has_the_fields_of_the_reference_in_their_order() {
        let text = lines(Level::INFO, Format::Logfmt, || {
            let span = tracing::info_span!("group", group = "0@1", ulid = tracing::field::Empty);
            span.record("ulid", "01JN");
            let _guard = span.enter();
            tracing::info!(count = 4, overlapping = false, share = 0.5, "compacted {}", "blocks");
        });
        assert_eq!(
            without_caller(&text),
            "ts=2025-03-01T00:00:00.12Z level=info group=0@1 ulid=01JN msg=\"compacted blocks\" count=4 \
             overlapping=false share=0.5\n"
        );
    }

    #[test]
    fn the_name_of_a_process_stands_behind_the_level() {
        let captured = Captured::default();
        let screen = Arc::new(Mutex::new(Screen::new(Box::new(captured.clone()), None)));
        let clock = || Rfc3339 { seconds: 1_740_787_200, nanos: 0 };
        let layer = LogLayer::new(Level::INFO, Format::Logfmt, clock, screen).named("shard 3");
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || tracing::info!("hello"));
        assert_eq!(without_caller(&captured.text()), "ts=2025-03-01T00:00:00Z level=info name=\"shard 3\" msg=hello\n");
    }

    #[test]
    fn an_error_is_shown_with_its_causes() {
        #[derive(Debug, thiserror::Error)]
        #[error("cannot read block")]
        struct Outer(#[source] fmt::Error);
        let text = lines(Level::INFO, Format::Logfmt, || {
            let error = Outer(fmt::Error);
            tracing::error!(err = &error as &dyn Error);
        });
        let cause = fmt::Error.to_string();
        assert_eq!(
            without_caller(&text),
            format!("ts=2025-03-01T00:00:00.12Z level=error err=\"cannot read block: {cause}\"\n")
        );
    }

    #[test]
    fn json_lines_are_objects_with_sorted_keys() {
        let text = lines(Level::DEBUG, Format::Json, || tracing::debug!(count = 4_u64, name = "a\"b\u{7}", "done"));
        let value: serde_json::Value = serde_json::from_str(&text).expect("a line is an object");
        assert_eq!(value["level"], "debug");
        assert_eq!(value["count"], 4);
        assert_eq!(value["name"], "a\"b\u{7}");
        assert!(
            text.starts_with("{\"caller\":\"logging.rs:") && text.ends_with("\"ts\":\"2025-03-01T00:00:00.12Z\"}\n")
        );
    }

    #[test]
    fn less_important_lines_and_those_of_other_crates_are_left_out() {
        let text = lines(Level::ERROR, Format::Logfmt, || {
            let _guard = tracing::info_span!("group", group = "g").entered();
            tracing::warn!("not shown");
            tracing::error!("shown");
        });
        assert_eq!(text.lines().count(), 1);
        assert!(text.contains("level=error group=g msg=shown"), "{text}");

        let text = lines(Level::DEBUG, Format::Logfmt, || {
            tracing::info!(target: "hyper::proto", "not shown");
            tracing::warn!(target: "hyper::proto", "shown");
            tracing::debug!("shown too");
        });
        assert_eq!(text.lines().count(), 2, "{text}");
    }
}
