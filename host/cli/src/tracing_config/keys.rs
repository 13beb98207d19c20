//! The keys below `config`, taken one by one. Errors name the key and never what stands there.

use std::time::Duration;

use serde_yaml::{Mapping, Value};

use super::TracingError;
use crate::flags::go_duration;

/// Keys that nobody has taken yet.
pub(super) struct Keys {
    backend: &'static str,
    path: String,
    map: Mapping,
}

impl Keys {
    /// The keys of `config`, none if there is nothing.
    pub(super) fn of(backend: &'static str, config: Value) -> Result<Self, TracingError> {
        Self { backend, path: String::new(), map: Mapping::new() }.below("config", config)
    }

    pub(super) fn wrong(&self, key: &str, problem: &str) -> TracingError {
        TracingError::setting(self.backend, &format!("{}{key}", self.path), problem)
    }

    fn below(&self, key: &str, value: Value) -> Result<Self, TracingError> {
        let map = match value {
            Value::Null => Mapping::new(),
            Value::Mapping(map) => map,
            Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Sequence(_) | Value::Tagged(_) => {
                return Err(self.wrong(key, "want keys and values"));
            }
        };
        let path = if key == "config" { String::new() } else { format!("{}{key}.", self.path) };
        Ok(Self { backend: self.backend, path, map })
    }

    /// The keys below `key`.
    pub(super) fn block(&mut self, key: &str) -> Result<Self, TracingError> {
        let value = self.map.remove(key).unwrap_or_default();
        self.below(key, value)
    }

    /// The text of `key`, empty if there is none.
    pub(super) fn text(&mut self, key: &str) -> Result<String, TracingError> {
        let value = self.map.remove(key).unwrap_or_default();
        scalar(value).ok_or_else(|| self.wrong(key, "want a single value"))
    }

    /// Whether `key` says so.
    pub(super) fn flag(&mut self, key: &str) -> Result<bool, TracingError> {
        match self.text(key)?.to_lowercase().as_str() {
            "true" | "yes" | "y" | "on" => Ok(true),
            "" | "false" | "no" | "n" | "off" => Ok(false),
            _ => Err(self.wrong(key, "want true or false")),
        }
    }

    /// A whole number from 0 upwards, 0 if there is none.
    pub(super) fn number(&mut self, key: &str) -> Result<usize, TracingError> {
        match self.text(key)?.as_str() {
            "" => Ok(0),
            text => text.parse().map_err(|_| self.wrong(key, "want a whole number that is not negative")),
        }
    }

    /// A number, 0 if there is none.
    pub(super) fn float(&mut self, key: &str) -> Result<f64, TracingError> {
        match self.text(key)?.as_str() {
            "" => Ok(0.0),
            text => text.parse().map_err(|_| self.wrong(key, "want a number")),
        }
    }

    /// A length of time; `usual` if there is none or it is 0. A number alone counts nanoseconds, as in Go.
    pub(super) fn duration(&mut self, key: &str, usual: Duration) -> Result<Duration, TracingError> {
        let text = self.text(key)?;
        let nanoseconds = text.parse::<i64>().ok().or_else(|| Some(go_duration::parse(&text).ok()?.nanoseconds));
        match nanoseconds.map(u64::try_from) {
            Some(Ok(0)) => Ok(usual),
            None if text.is_empty() => Ok(usual),
            Some(Ok(nanoseconds)) => Ok(Duration::from_nanos(nanoseconds)),
            _ => Err(self.wrong(key, "want a duration such as 10s that is not negative")),
        }
    }

    /// Free keys below `key`, each with its text.
    pub(super) fn map(&mut self, key: &str) -> Result<Vec<(String, String)>, TracingError> {
        let block = self.block(key)?;
        let pair = |(name, value): (&Value, &Value)| Some((scalar(name.clone())?, scalar(value.clone())?));
        let pairs: Option<Vec<_>> = block.map.iter().map(pair).collect();
        pairs.ok_or_else(|| self.wrong(key, "want names with single values"))
    }

    /// Takes keys that have no effect.
    pub(super) fn skip(&mut self, keys: &[&str]) {
        for key in keys {
            self.map.remove(*key);
        }
    }

    /// A sentence for each key that nobody took.
    pub(super) fn unknown(self) -> Vec<String> {
        let names = self.map.into_iter().filter_map(|(name, _)| scalar(name));
        let said = |name| format!("key {}{name} of the tracing configuration is not known and ignored", self.path);
        names.map(said).collect()
    }
}

/// The text of a single value; the number as it is written shortest.
fn scalar(value: Value) -> Option<String> {
    match value {
        Value::Null => Some(String::new()),
        Value::Bool(value) => Some(value.to_string()),
        Value::Number(value) => Some(value.to_string()),
        Value::String(text) => Some(text),
        Value::Sequence(_) | Value::Mapping(_) | Value::Tagged(_) => None,
    }
}
