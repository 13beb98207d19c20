//! A plugin may write to the log, but not as much as it likes.

use std::sync::{Arc, Mutex};

use lithify_block::policy::Context;
use lithify_plugin::Door;
use tracing::{
    Event, Metadata, Subscriber,
    field::{Field, Visit},
    span,
};

use crate::{
    fixtures::{RANGES, context, five},
    guests::Guest,
};

/// Keeps the messages of the calling thread.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<String>>>);

impl Subscriber for Lines {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("lithify_plugin")
    }

    fn new_span(&self, _span: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _span: &span::Id, _values: &span::Record<'_>) {}

    fn record_follows_from(&self, _span: &span::Id, _follows: &span::Id) {}

    fn event(&self, event: &Event<'_>) {
        struct Message(String);
        impl Visit for Message {
            fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
                if field.name() == "message" {
                    self.0 = format!("{value:?}");
                }
            }
        }
        let mut message = Message(String::new());
        event.record(&mut message);
        self.0.lock().unwrap().push(format!("{} {}", event.metadata().level(), message.0));
    }

    fn enter(&self, _span: &span::Id) {}

    fn exit(&self, _span: &span::Id) {}
}

#[test]
fn a_run_has_200_lines_and_says_so_in_the_last() {
    let mut guest = Guest::planner(
        "(loop $again
            (call $log (i32.const 3) (i32.const 300) (i32.const 5) (i32.const 400) (i32.const 1))
            (local.set $i (i32.add (local.get $i) (i32.const 1)))
            (br_if $again (i32.lt_u (local.get $i) (i32.const 150))))
        i32.const 1024",
    );
    // A message with a new line in it, and one field: `plugin` with the value `me`.
    guest.data = "(data (i32.const 300) \"hi\\0ayo\") (data (i32.const 500) \"pluginme\")
        (data (i32.const 400) \"\\f4\\01\\00\\00\\06\\00\\00\\00\\fa\\01\\00\\00\\02\\00\\00\\00\")"
        .to_owned();
    let directory = tempfile::tempdir().unwrap();
    let policies = Door::open(None, false).unwrap().load(&guest.choice(&directory)).unwrap();
    let lines = Lines::default();
    tracing::subscriber::with_default(lines.clone(), || {
        for _ in 0..2 {
            policies.planner.plan(&context(), &five(), &RANGES).unwrap();
        }
        let next = Context { run_id: "next".to_owned(), ..context() };
        policies.planner.plan(&next, &five(), &RANGES).unwrap();
    });
    let lines = lines.0.lock().unwrap().clone();
    assert_eq!(lines.len(), 200 + 150, "the next run starts anew");
    assert_eq!(lines[0], "WARN hi yo plugin=\"me\"", "on one line, the field inside of the message");
    assert_eq!(lines[199], "WARN the plugin logs no more in this run: it reached 200 lines");
}
