//! `--tracing.config`: checked as the reference checks it. Traces are not exported.
//!
//! Source: compactor specification 1.1; thanos pkg/tracing/client/factory.go.

use serde::Deserialize;
use thiserror::Error;

/// Backends that the reference knows, in capital letters.
const TYPES: [&str; 6] = ["STACKDRIVER", "GOOGLE_CLOUD", "JAEGER", "ELASTIC_APM", "LIGHTSTEP", "OTLP"];

/// Why a tracing configuration is refused.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum TracingError {
    /// No YAML, or other keys than `type` and `config`.
    #[error("parsing config tracing YAML: {0}")]
    Yaml(String),
    /// A backend that there is none of.
    #[error("tracing with type {0} is not supported")]
    Type(String),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    #[serde(default)]
    r#type: String,
    #[serde(default, rename = "config")]
    _config: serde_yaml::Value,
}

/// The backend that `yaml` names, in capital letters; `None` for no text.
///
/// # Errors
/// [`TracingError`]. What stands below `config:` is not looked at.
pub fn backend(yaml: &str) -> Result<Option<String>, TracingError> {
    if yaml.is_empty() {
        return Ok(None);
    }
    let document: Option<Document> =
        serde_yaml::from_str(yaml).map_err(|error| TracingError::Yaml(error.to_string()))?;
    let named = document.map(|document| document.r#type).unwrap_or_default();
    let backend = named.to_uppercase();
    if !TYPES.contains(&backend.as_str()) {
        return Err(TracingError::Type(named));
    }
    Ok(Some(backend))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_backends_of_the_reference_are_accepted_in_any_case() {
        assert_eq!(backend(""), Ok(None));
        for yaml in
            ["type: otlp", "{type: OTLP, config: {endpoint: x}}", "type: Jaeger\nconfig:\n", "type: STACKDRIVER"]
        {
            assert!(matches!(backend(yaml), Ok(Some(_))), "{yaml}");
        }
    }

    #[test]
    fn other_backends_and_other_keys_are_refused_in_the_words_of_the_reference() {
        for yaml in ["type: NOPE", "{type: NOPE}"] {
            assert_eq!(backend(yaml).unwrap_err().to_string(), "tracing with type NOPE is not supported");
        }
        assert_eq!(backend("config: {}").unwrap_err().to_string(), "tracing with type  is not supported");
        for yaml in ["nope: 1", "nonsense", "[", "{type: OTLP, config: {}, more: 1}"] {
            assert!(backend(yaml).unwrap_err().to_string().starts_with("parsing config tracing YAML: "), "{yaml}");
        }
    }
}
