//! What a guest can reach: a log, explanations, counters. One store serves one call and is dropped after it.

use std::sync::{Arc, Mutex, PoisonError};

use lithify_block::policy::Reason;
use wasmtime::{StoreContextMut, component::Linker};

use crate::{
    limits::{COUNTERS_MAX, LOG_LINES_MAX, Meter, REASONS_BYTES_MAX, TEXT_BYTES_MAX},
    metrics::Metrics,
    wire::Level,
};

/// The host's side of a store.
pub(crate) struct Guest {
    pub(crate) meter: Meter,
    pub(crate) explain: bool,
    pub(crate) reasons: Vec<Reason>,
    pub(crate) reasons_bytes: usize,
    pub(crate) shared: Arc<Shared>,
    pub(crate) run_id: String,
}

/// What outlives a store: the plugin's name for the log, lines written in a run, counters.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) plugin: String,
    pub(crate) lines: Mutex<(String, u32)>,
    pub(crate) metrics: Arc<Metrics>,
}

impl Shared {
    pub(crate) fn new(plugin: &str, metrics: Arc<Metrics>) -> Self {
        Self { plugin: plugin.to_owned(), lines: Mutex::default(), metrics }
    }
}

/// Gives guests the functions of the `host` interface.
pub(crate) fn link(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    let mut host = linker.instance("lithify:policy/host@0.1.0")?;
    host.func_wrap(
        "log",
        |store: StoreContextMut<'_, Guest>, (level, message, fields): (Level, String, Vec<(String, String)>)| {
            store.data().log(level, &message, &fields);
            Ok(())
        },
    )?;
    host.func_wrap("explain-enabled", |store: StoreContextMut<'_, Guest>, (): ()| Ok((store.data().explain,)))?;
    host.func_wrap(
        "explain",
        |mut store: StoreContextMut<'_, Guest>, (subject, rule, message): (String, String, String)| {
            store.data_mut().explain(&subject, &rule, &message);
            Ok(())
        },
    )?;
    host.func_wrap("count", |store: StoreContextMut<'_, Guest>, (name, delta): (String, u64)| {
        store.data().count(name, delta);
        Ok(())
    })?;
    Ok(())
}

impl Guest {
    fn log(&self, level: Level, message: &str, fields: &[(String, String)]) {
        let line = {
            let mut lines = self.shared.lines.lock().unwrap_or_else(PoisonError::into_inner);
            if lines.0 != self.run_id {
                *lines = (self.run_id.clone(), 0);
            }
            lines.1 = lines.1.saturating_add(1);
            lines.1
        };
        if line > LOG_LINES_MAX {
            return;
        }
        let plugin = self.shared.plugin.as_str();
        if line == LOG_LINES_MAX {
            tracing::warn!(plugin, "the plugin logs no more in this run: it reached {LOG_LINES_MAX} lines");
            return;
        }
        // All in one text: a field of the guest's can never be taken for one of the host's.
        let mut text = message.to_owned();
        for (name, value) in fields.iter().take(32) {
            text.push_str(&format!(" {name}={value:?}"));
        }
        let text = cut(&text);
        match level {
            Level::Trace => tracing::trace!(plugin, "{text}"),
            Level::Debug => tracing::debug!(plugin, "{text}"),
            Level::Info => tracing::info!(plugin, "{text}"),
            Level::Warn => tracing::warn!(plugin, "{text}"),
            Level::Error => tracing::error!(plugin, "{text}"),
        }
    }

    fn explain(&mut self, subject: &str, rule: &str, message: &str) {
        let reason = Reason { subject: cut(subject), rule: cut(rule), message: cut(message) };
        let bytes = reason.subject.len() + reason.rule.len() + reason.message.len() + size_of::<Reason>();
        if self.explain && self.reasons_bytes.saturating_add(bytes) <= REASONS_BYTES_MAX {
            self.reasons_bytes += bytes;
            self.reasons.push(reason);
        }
    }

    fn count(&self, name: String, delta: u64) {
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
        if name.is_empty() || name.len() > 64 || !name.bytes().all(plain) {
            return;
        }
        let key = (self.shared.plugin.clone(), name);
        self.shared.metrics.update(|snapshot| {
            let own = snapshot.counters.keys().filter(|(plugin, _)| *plugin == key.0).count();
            if own < COUNTERS_MAX || snapshot.counters.contains_key(&key) {
                let counter = snapshot.counters.entry(key).or_default();
                *counter = counter.saturating_add(delta);
            }
        });
    }
}

/// At most [`TEXT_BYTES_MAX`] bytes, without control characters; a cut text ends in `…`.
pub(crate) fn cut(text: &str) -> String {
    let mut out = String::with_capacity(text.len().min(TEXT_BYTES_MAX));
    for c in text.chars() {
        if out.len() + c.len_utf8() > TEXT_BYTES_MAX - '…'.len_utf8() {
            out.push('…');
            break;
        }
        out.push(if c.is_control() { ' ' } else { c });
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_cut_at_a_character_and_lose_control_characters() {
        assert_eq!(cut("a\nb\u{1b}[31m"), "a b [31m");
        assert_eq!(cut(&"x".repeat(1021)).len(), 1021);
        let long = cut(&"é".repeat(1000));
        assert!(long.len() <= TEXT_BYTES_MAX && long.ends_with("é…"), "{}", long.len());
    }
}
